"""``settings.CONDUCTOR``: the fields of ``Settings`` in capitals, and the names of ``DjangoOptions``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
from attrs import field, frozen
from django.conf import settings as django_settings

from conductor.contrib.configuration import read_settings, refuse_unknown
from conductor.errors import ConfigurationError
from conductor.settings import Settings

__all__ = ["DjangoOptions", "conductor_settings", "django_options"]


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
