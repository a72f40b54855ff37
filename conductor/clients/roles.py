"""Roles (Orkes)."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from typing import Any

from conductor.clients._resource import Resource
from conductor.clients.checks import texts
from conductor.models import Role, RoleRequest
from conductor.transport.operation import Edition, Operation, Repeat

__all__ = ["RoleClient"]

LIST: Operation[list[Role]] = Operation("GET", "/roles", list[Role], edition=Edition.ORKES, on_empty=list)
LIST_SYSTEM: Operation[dict[str, Role]] = Operation(
    "GET", "/roles/system", dict[str, Role], edition=Edition.ORKES, on_empty=dict
)
LIST_CUSTOM: Operation[list[Role]] = Operation("GET", "/roles/custom", list[Role], edition=Edition.ORKES, on_empty=list)
PERMISSIONS: Operation[dict[str, Any]] = Operation(
    "GET", "/roles/permissions", dict, edition=Edition.ORKES, on_empty=dict
)
CREATE: Operation[Role] = Operation("POST", "/roles", Role, Repeat.NEVER, Edition.ORKES)
GET: Operation[Role] = Operation("GET", "/roles/{name}", Role, edition=Edition.ORKES)
UPDATE: Operation[Role] = Operation("PUT", "/roles/{name}", Role, edition=Edition.ORKES)
DELETE: Operation[None] = Operation("DELETE", "/roles/{name}", edition=Edition.ORKES)


class RoleClient(Resource):
    """Roles (``client.roles``, Orkes)."""

    def list(self) -> builtins.list[Role]:
        """All roles (``GET /roles``)."""
        return self._call(LIST)

    def list_system(self) -> dict[str, Role]:
        """The roles that every server has, by name (``GET /roles/system``)."""
        return self._call(LIST_SYSTEM)

    def list_custom(self) -> builtins.list[Role]:
        """The roles that users made (``GET /roles/custom``)."""
        return self._call(LIST_CUSTOM)

    def list_permissions(self) -> dict[str, Any]:
        """The permissions that roles are made of (``GET /roles/permissions``)."""
        return self._call(PERMISSIONS)

    def create(self, name: str, permissions: Sequence[str]) -> Role:
        """Create a role (``POST /roles``)."""
        return self._call(CREATE, body=RoleRequest(name, texts(permissions, "permissions")))

    def get(self, name: str) -> Role:
        """A role (``GET /roles/{name}``)."""
        return self._call(GET, {"name": name})

    def update(self, name: str, permissions: Sequence[str]) -> Role:
        """Replace a role's permissions (``PUT /roles/{name}``)."""
        return self._call(UPDATE, {"name": name}, body=RoleRequest(name, texts(permissions, "permissions")))

    def delete(self, name: str) -> None:
        """Delete a role (``DELETE /roles/{name}``)."""
        self._call(DELETE, {"name": name})
