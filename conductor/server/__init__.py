"""Conductor servers for development and tests: ``python -m conductor.server``, or from Python.

``start`` starts the embedded server in this process, ``start_oss_server`` the real one from its published jar.
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
) -> EmbeddedServer:
    """Start the embedded server in this process; needs the extra ``server``.

    Args:
        port: Its port; 0 for any that is free.
        database: A file that keeps everything over restarts; in memory otherwise.
        host: The address it listens on; keys are needed where others than this machine can reach it.
        secrets: What ``${workflow.secrets.NAME}`` gives; ``CONDUCTOR_SECRET_NAME`` of the environment otherwise.
        environment: What ``${workflow.env.NAME}`` gives; ``CONDUCTOR_ENV_NAME`` of the environment otherwise.
        keys: Key ids and secrets; with some, every call needs a token of ``POST /token``.
        skip_time: Whether the clock moves on by itself when nothing but timers is left: waits and delays take no time.
            A task that a worker has, or could have, holds the clock, and so does a person who is awaited, when the next
            timer is a timeout; schedules do not move it.
        strict: Whether it copies the OSS server's faults and traps, too, where it does otherwise what is documented
            (the page about the embedded server has the list).

    Raises:
        ConfigurationError: The extra is not installed, the database cannot be used, or keys are missing.
        ServerStartError: The port is in use.
    """
    made = _embedded()(port, database, host, secrets, environment, keys, skip_time=skip_time, strict=strict)
    return made.start()


def _embedded() -> type[EmbeddedServer]:
    try:
        from conductor.server.embedded import EmbeddedServer  # noqa: PLC0415  needs the extra
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("conductor"):
            raise
        raise ConfigurationError(
            f"The embedded server needs {error.name}. Install the extra server: {install_command('server')}"
        ) from None
    return EmbeddedServer
