"""Identification of the server: its edition and version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen

from conductor.errors import APIError, APIStatusError, NotFoundError, UnsupportedByServerError
from conductor.transport.operation import Edition, Operation, nothing

if TYPE_CHECKING:
    from conductor.transport.client import Transport

__all__ = ["ServerInfo", "identify", "supports_idempotency_keys"]


VERSION: Operation[str] = Operation("GET", "/version", str, on_empty=str)
CONFIG: Operation[dict[str, Any]] = Operation("GET", "/admin/config", dict, edition=Edition.OSS, on_empty=dict)
USER_INFO: Operation[Any] = Operation("GET", "/token/userInfo", Any, edition=Edition.ORKES, on_empty=nothing)


@frozen
class ServerInfo:
    """The server in use.

    Attributes:
        edition: ``Edition.OSS`` or ``Edition.ORKES``.
        version: The version that the server reports, such as ``"3.32.3"``; empty if it reports none.
    """

    edition: Edition
    version: str

    def __str__(self) -> str:
        name = "Conductor" if "embedded" in self.version else self.edition.value  # Orkes' API, but not its product
        return f"{name} {self.version}".strip()


def identify(transport: Transport) -> ServerInfo:
    """Identify the server (``GET /version``, ``GET /token/userInfo``). Only Orkes has users.

    Raises:
        APIConnectionError: The server does not respond.
    """
    try:
        version = transport.request(VERSION).strip()
    except APIStatusError:
        version = ""
    try:
        transport.request(USER_INFO)
    except (NotFoundError, UnsupportedByServerError):
        return ServerInfo(Edition.OSS, version)
    except APIStatusError:
        pass  # it has users, but does not return this one
    return ServerInfo(Edition.ORKES, version)


def supports_idempotency_keys(transport: Transport) -> bool:
    """Return whether the server supports idempotency keys, as Orkes and the embedded server do (``GET /admin/config``).

    Raises:
        APIError: The server cannot be identified.
    """
    if transport.server_info().edition is Edition.ORKES:
        return True
    try:
        return transport.request(CONFIG).get("idempotencyKeys") == "honoured"
    except APIError:
        return False
