"""Where a server listens, as clients and people write it."""

from __future__ import annotations

__all__ = ["Listening", "local_address"]

_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - read, not bound


def local_address(host: str) -> str:
    """The address at which this machine reaches a server that listens on ``host``."""
    return _EVERYWHERE.get(host, host)


class Listening:
    """What every server has.

    Attributes:
        host: The address that it listens on.
        port: Its port.
    """

    host: str
    port: int

    @property
    def address(self) -> str:
        """Scheme, host and port: the root of ``/health`` and of the server's pages."""
        name = local_address(self.host)
        return f"http://{f'[{name}]' if ':' in name else name}:{self.port}"

    @property
    def url(self) -> str:
        """The API's address, as clients and ``CONDUCTOR_SERVER_URL`` take it."""
        return f"{self.address}/api"
