"""``settings.CONDUCTOR``: the fields of ``Settings`` in capitals, and the names of ``DjangoOptions``."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import attrs
from attrs import field, frozen
from django.conf import settings as django_settings

from conductor.clients.client import ConductorClient
from conductor.contrib._frameworks import read_settings, refuse_unknown
from conductor.errors import ConfigurationError
from conductor.settings import Settings

__all__ = ["DjangoOptions", "conductor_settings", "django_options", "forget_client", "get_client"]


@frozen
class DjangoOptions:
    """What ``CONDUCTOR`` may say beside the settings of the client; each name in capitals there.

    Attributes:
        worker: Arguments of ``TaskHandler`` for ``manage.py conductor_worker``: ``thread_count``, ``domain``, ...
        worker_modules: The modules of each app that declare workers.
        outbox: Whether ``start_on_commit`` keeps starts in the database until the server has taken them.
        outbox_databases: The databases whose outboxes are delivered.
        outbox_lease_seconds: For how long one process tries to deliver an entry before others may; a start takes half
            of it at most.
        outbox_interval_seconds: How often a worker process looks for entries that are due.
    """

    worker: Mapping[str, Any] = field(factory=dict)
    worker_modules: tuple[str, ...] = field(default=("tasks", "workers"), converter=tuple)
    outbox: bool = False
    outbox_databases: tuple[str, ...] = field(default=("default",), converter=tuple)
    outbox_lease_seconds: float = 60.0
    outbox_interval_seconds: float = 1.0

    def __attrs_post_init__(self) -> None:
        for name in ("outbox_lease_seconds", "outbox_interval_seconds"):
            value = getattr(self, name)
            if not isinstance(value, int | float) or isinstance(value, bool) or value <= 0:
                raise ConfigurationError(
                    f"{name.upper()} is {value!r}; it must be a number of seconds above 0.",
                    variable=name.upper(),
                    value=value,
                    allowed="seconds above 0",
                )
        if not isinstance(self.worker, Mapping):
            raise ConfigurationError(
                f"WORKER is {self.worker!r}; it must be a dict of arguments of TaskHandler.",
                variable="WORKER",
                value=self.worker,
                allowed="a dict",
            )


_FIELDS = {attribute.name.upper(): attribute.name for attribute in attrs.fields(DjangoOptions)}


def _given() -> Mapping[str, Any]:
    given = getattr(django_settings, "CONDUCTOR", {})
    if not isinstance(given, Mapping):
        raise ConfigurationError(
            f"settings.CONDUCTOR is {type(given).__name__}; it must be a dict.",
            variable="CONDUCTOR",
            allowed='a dict such as {"SERVER_URL": "http://localhost:8080/api"}',
        )
    refuse_unknown(given, _FIELDS)
    return given


def conductor_settings() -> Settings:
    """Where the server is, by ``settings.CONDUCTOR`` and the environment.

    Raises:
        ConfigurationError: A name is unknown, or a value cannot be used.
    """
    return read_settings(_given())


def django_options() -> DjangoOptions:
    """The rest of ``settings.CONDUCTOR``.

    Raises:
        ConfigurationError: A name is unknown, or a value cannot be used.
    """
    given = _given()
    return DjangoOptions(**{field: given[name] for name, field in _FIELDS.items() if name in given})


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
