"""The process's client, made of ``settings.CONDUCTOR`` when it is first needed."""

from __future__ import annotations

import threading
from typing import Any

from conductor.clients.client import ConductorClient
from conductor.contrib.django.configuration import conductor_settings

__all__ = ["forget_client", "get_client"]

_lock = threading.Lock()
_client: ConductorClient | None = None


def get_client() -> ConductorClient:
    """The client of this process: one for all threads and requests, also after a fork.

    Raises:
        ConfigurationError: ``settings.CONDUCTOR`` or the environment cannot be used.
    """
    global _client  # noqa: PLW0603  one per process
    with _lock:
        if _client is None:
            _client = ConductorClient(conductor_settings())
        return _client


def forget_client(*, setting: str = "CONDUCTOR", **_: Any) -> None:
    """Make a new client next time: tests change settings (``setting_changed``)."""
    global _client
    if setting != "CONDUCTOR":
        return
    with _lock:
        client, _client = _client, None
    if client is not None:
        client.close()
