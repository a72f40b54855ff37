"""Whether the server is well, and which it is."""

from __future__ import annotations

from conductor.clients._resource import Resource
from conductor.errors import NotFoundError, UnexpectedResponseError
from conductor.models import HealthStatus
from conductor.transport.operation import Edition, Operation

__all__ = ["HealthClient"]

CHECK: Operation[HealthStatus] = Operation("GET", "/health", HealthStatus, root=True)
CHECK_API: Operation[HealthStatus] = Operation("GET", "/health", HealthStatus, edition=Edition.OSS)
VERSION: Operation[str] = Operation("GET", "/version", str)


class HealthClient(Resource):
    """The server's health (``client.health``)."""

    def check(self) -> HealthStatus:
        """The server's health (``GET /health`` at its root; ``GET /api/health`` behind proxies that pass only that)."""
        try:
            return self._call(CHECK)
        except (NotFoundError, UnexpectedResponseError):
            return self._call(CHECK_API)

    def get_version(self) -> str:
        """The server's version, as ``3.32.3`` (``GET /version``)."""
        return self._call(VERSION).strip()
