"""The address of a server, as clients use it."""

from __future__ import annotations

import argparse

__all__ = ["ServerAddress", "local_address", "port_number"]

#: The highest TCP port.
_MAX_PORT = 65535

_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - read, not bound


def local_address(host: str) -> str:
    """Return the address at which this machine reaches a server that listens on ``host``."""
    return _EVERYWHERE.get(host, host)


class ServerAddress:
    """The address of a server; base class of the servers.

    Attributes:
        host: The address on which the server listens.
        port: The port on which it listens.
    """

    host: str
    port: int

    @property
    def address(self) -> str:
        """Scheme, host and port, such as ``http://127.0.0.1:8080``; the root of ``/health`` and of the web page."""
        name = local_address(self.host)
        return f"http://{f'[{name}]' if ':' in name else name}:{self.port}"

    @property
    def url(self) -> str:
        """The address of the API, for clients and ``CONDUCTOR_SERVER_URL``: ``http://127.0.0.1:8080/api``."""
        return f"{self.address}/api"


def port_number(text: str) -> int:
    """Parse a port of the command line; 0 means any free port.

    Raises:
        argparse.ArgumentTypeError: It is not a port.
    """
    if not text.isdecimal() or int(text) > _MAX_PORT:
        raise argparse.ArgumentTypeError(f"invalid port: {text!r} (use 0 to {_MAX_PORT}; 0 for any free port)")
    return int(text)
