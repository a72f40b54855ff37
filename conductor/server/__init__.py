"""Conductor servers for development and tests, from Python or with ``python -m conductor.server``.

``start`` starts the embedded server in this process. ``start_oss_server`` downloads and starts the open-source server.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from conductor._internal.installation import install_command
from conductor.errors import ConfigurationError

if TYPE_CHECKING:
    from conductor.server.embedded import EmbeddedServer
    from conductor.server.oss.launch import OssServer, start_oss_server

__all__ = ["EmbeddedServer", "OssServer", "start", "start_oss_server"]

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name == "EmbeddedServer":
            return _embedded()
        if name in __all__:
            return getattr(import_module("conductor.server.oss.launch"), name)
        raise AttributeError(f"module 'conductor.server' has no attribute {name!r}")


def start(
    port: int = 0,
    database: str | os.PathLike[str] | None = None,
    *,
    host: str = "127.0.0.1",
    secrets: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
    keys: Mapping[str, str] | None = None,
    skip_time: bool = False,
    strict: bool = False,
    edition: str = "oss",
    enforce_permissions: bool = True,
) -> EmbeddedServer:
    """Start the embedded server in this process. Requires the extra ``server``.

    Args:
        port: The port to listen on; 0 for any free port.
        database: A file that keeps the server's state across restarts; by default, the database is in memory.
        host: The address to listen on. An address that other machines can reach requires ``keys``.
        secrets: Values of ``${workflow.secrets.NAME}``; by default those of the variables ``CONDUCTOR_SECRET_NAME``.
        environment: Values of ``${workflow.env.NAME}``; by default those of the variables ``CONDUCTOR_ENV_NAME``.
        keys: Secrets by key id. With keys, every request needs a token from ``POST /token``.
        skip_time: Whether waits and delays take no time: the clock skips to the next timer when nothing else can
            happen. It does not skip while a worker executes or can poll a task, to a timeout while an execution waits
            for a person, or to the next run of a schedule.
        strict: Whether to also reproduce behavior of the open-source server that is a fault or contradicts its
            documentation. The documentation of the embedded server lists these cases.
        edition: ``"oss"`` for the API of the open-source server, or ``"orkes"`` to add that of Orkes' edition: users,
            applications, permissions, secrets, tags, human tasks, webhooks and more. It is not Orkes' product.
        enforce_permissions: Whether the Orkes edition refuses operations without permission.

    Returns:
        The running server, which stops at the end of a ``with`` block.

    Raises:
        ConfigurationError: The extra is not installed, the database cannot be used, ``keys`` are missing, or the
            edition does not exist.
        ServerStartError: The port is in use.
    """
    made = _embedded()(
        port,
        database,
        host,
        secrets,
        environment,
        keys,
        skip_time=skip_time,
        strict=strict,
        edition=edition,
        enforce_permissions=enforce_permissions,
    )
    return made.start()


def _embedded() -> type[EmbeddedServer]:
    try:
        from conductor.server.embedded import EmbeddedServer  # needs the extra
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("conductor"):
            raise
        raise ConfigurationError(
            f"The embedded server needs the package {error.name}. Install the extra server: {install_command('server')}"
        ) from None
    return EmbeddedServer
