"""Ports: one that is free, and a clear word when one is not."""

from __future__ import annotations

import socket
from contextlib import closing

from conductor.errors import ServerStartError
from conductor.server.address import local_address

__all__ = ["free_port", "refuse_used", "taken"]


def free_port(host: str) -> int:
    """A port that nothing uses at this moment."""
    with closing(_socket(host)) as probe:
        try:
            probe.bind((host, 0))
        except OSError as error:
            raise ServerStartError(f"The address {host!r} cannot be used: {error.strerror or error}.") from None
        return int(probe.getsockname()[1])


def refuse_used(host: str, port: int) -> None:
    """Raise when something listens on the port, or it may not be used.

    Raises:
        ServerStartError: What the operating system says, and what to do.
    """
    with closing(_socket(host)) as probe:
        probe.settimeout(1.0)
        if probe.connect_ex((local_address(host), port)) == 0:  # binding alone misses some listeners on some systems
            raise taken(port, "something listens there")
    with closing(_socket(host)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # what has just been closed is no obstacle
        try:
            probe.bind((host, port))
        except OSError as error:
            raise taken(port, error.strerror or str(error)) from None


def taken(port: int, why: str) -> ServerStartError:
    """The error about a port that cannot be had."""
    return ServerStartError(
        f"Port {port} cannot be used: {why}. Stop what uses it, choose another port, or 0 for any that is free."
    )


def _socket(host: str) -> socket.socket:
    return socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
