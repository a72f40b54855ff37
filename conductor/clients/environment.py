"""Environment variables, which workflows name as ``${workflow.env.NAME}``."""

from __future__ import annotations

import builtins

from conductor.clients._tagged import Tagged, tag_operations
from conductor.models import EnvironmentVariable
from conductor.transport.operation import Edition, Operation, nothing

__all__ = ["EnvironmentClient"]

_READ_ONLY = "On the open-source server set CONDUCTOR_ENV_<NAME> in the server's environment."

LIST: Operation[list[EnvironmentVariable]] = Operation("GET", "/environment", list[EnvironmentVariable], on_empty=list)
GET: Operation[str | None] = Operation("GET", "/environment/{key}", str, on_empty=nothing)
SAVE: Operation[None] = Operation("PUT", "/environment/{key}", edition=Edition.ORKES, sends="text", advice=_READ_ONLY)
DELETE: Operation[str | None] = Operation(
    "DELETE", "/environment/{key}", str, edition=Edition.ORKES, on_empty=nothing, advice=_READ_ONLY
)
LIST_TAGS, SET_TAGS, DELETE_TAGS = tag_operations("/environment/{name}/tags")


class EnvironmentClient(Tagged):
    """Environment variables (``client.environment``)."""

    _LIST_TAGS, _SET_TAGS, _DELETE_TAGS = LIST_TAGS, SET_TAGS, DELETE_TAGS

    def list(self) -> builtins.list[EnvironmentVariable]:
        """All variables (``GET /environment``); the open-source server's come from its CONDUCTOR_ENV_* variables."""
        return self._call(LIST)

    def get(self, key: str) -> str | None:
        """A variable's value, or None when there is no such variable (``GET /environment/{key}``)."""
        return self._call(GET, {"key": key})

    def save(self, key: str, value: str) -> None:
        """Create or replace a variable (``PUT /environment/{key}``, Orkes)."""
        self._call(SAVE, {"key": key}, body=value)

    def delete(self, key: str) -> str | None:
        """Delete a variable, and answer the value that it had (``DELETE /environment/{key}``, Orkes)."""
        return self._call(DELETE, {"key": key})
