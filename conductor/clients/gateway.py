"""Authentication of the API gateway (Orkes)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conductor.clients._resource import Resource
from conductor.clients.checks import as_object
from conductor.transport.operation import Edition, Operation, Repeat

__all__ = ["GatewayClient"]

LIST: Operation[list[dict[str, Any]]] = Operation(
    "GET", "/gateway/config/auth", list[dict[str, Any]], edition=Edition.ORKES, on_empty=list
)
CREATE: Operation[dict[str, Any]] = Operation(
    "POST", "/gateway/config/auth", dict, Repeat.NEVER, Edition.ORKES, on_empty=dict
)
GET: Operation[dict[str, Any]] = Operation("GET", "/gateway/config/auth/{id}", dict, edition=Edition.ORKES)
UPDATE: Operation[dict[str, Any]] = Operation(
    "PUT", "/gateway/config/auth/{id}", dict, edition=Edition.ORKES, on_empty=dict
)
DELETE: Operation[None] = Operation("DELETE", "/gateway/config/auth/{id}", edition=Edition.ORKES)


class GatewayClient(Resource):
    """How callers of workflows exposed as an API identify themselves (``client.gateway``, Orkes).

    The configurations are plain dicts: no document of the server describes them.
    """

    def list_auth_configs(self) -> list[dict[str, Any]]:
        """All configurations (``GET /gateway/config/auth``)."""
        return self._call(LIST)

    def create_auth_config(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Create a configuration (``POST /gateway/config/auth``)."""
        return self._call(CREATE, body=as_object(config, "configuration"))

    def get_auth_config(self, config_id: str) -> dict[str, Any]:
        """A configuration (``GET /gateway/config/auth/{id}``)."""
        return self._call(GET, {"id": config_id})

    def update_auth_config(self, config_id: str, config: Mapping[str, Any]) -> dict[str, Any]:
        """Replace a configuration (``PUT /gateway/config/auth/{id}``)."""
        return self._call(UPDATE, {"id": config_id}, body=as_object(config, "configuration"))

    def delete_auth_config(self, config_id: str) -> None:
        """Delete a configuration (``DELETE /gateway/config/auth/{id}``)."""
        self._call(DELETE, {"id": config_id})
