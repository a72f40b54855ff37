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


def _names(value: Any) -> Any:
    return tuple(value) if isinstance(value, list | tuple | set | frozenset) else value


@frozen
class DjangoOptions:
    """Keys of ``CONDUCTOR`` (in capitals) in addition to the client's settings.

    Attributes:
        worker: Arguments of ``TaskHandler`` for ``manage.py conductor_worker``: ``thread_count``, ``domain``, ...
        worker_modules: Names of the modules of each app that declare workers.
        outbox: Whether ``start_on_commit`` stores starts in the database until the server accepts them.
        outbox_databases: The databases whose outboxes are delivered.
        outbox_lease_seconds: Seconds for which a process owns an entry that it delivers; the request may take half of
            this time.
        outbox_interval_seconds: Seconds between a worker process's searches for due entries.
    """

    worker: Mapping[str, Any] = field(factory=dict)
    worker_modules: tuple[str, ...] = field(default=("tasks", "workers"), converter=_names)
    outbox: bool = False
    outbox_databases: tuple[str, ...] = field(default=("default",), converter=_names)
    outbox_lease_seconds: float = 60.0
    outbox_interval_seconds: float = 1.0

    def __attrs_post_init__(self) -> None:
        for name in ("worker_modules", "outbox_databases"):
            value = getattr(self, name)
            if not isinstance(value, tuple):
                shown = [value] if isinstance(value, str) else ["name"]
                raise ConfigurationError(
                    f"{name.upper()} is {value!r}; it must be a list: {shown!r}.",
                    variable=name.upper(),
                    value=value,
                    allowed="a list of names",
                )
        if not isinstance(self.outbox, bool):
            raise ConfigurationError(
                f"OUTBOX is {self.outbox!r}; it must be True or False.",
                variable="OUTBOX",
                value=self.outbox,
                allowed="True or False",
            )
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
    """Return the client's settings from ``settings.CONDUCTOR`` and the environment.

    Raises:
        ConfigurationError: A key is unknown, or a value is invalid.
    """
    return read_settings(_given())


def django_options() -> DjangoOptions:
    """Return the other keys of ``settings.CONDUCTOR``.

    Raises:
        ConfigurationError: A key is unknown, or a value is invalid.
    """
    given = _given()
    return DjangoOptions(**{field: given[name] for name, field in _FIELDS.items() if name in given})


_lock = threading.Lock()
_client: ConductorClient | None = None


def get_client() -> ConductorClient:
    """Return the client of this process, shared by all threads and requests; safe after a fork.

    Raises:
        ConfigurationError: ``settings.CONDUCTOR`` or the environment is invalid.
    """
    global _client  # noqa: PLW0603  one per process
    with _lock:
        if _client is None:
            _client = ConductorClient(conductor_settings())
        return _client


def forget_client(*, setting: str = "CONDUCTOR", **_: Any) -> None:
    """Close the client; the next use creates one with the current settings (signal ``setting_changed``)."""
    global _client
    if setting != "CONDUCTOR":
        return
    with _lock:
        client, _client = _client, None
    if client is not None:
        client.close()
