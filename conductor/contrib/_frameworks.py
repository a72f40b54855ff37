"""Settings that web frameworks keep in a dict: ``{"SERVER_URL": ..., "WORKER": {"thread_count": 4}}``.

The keys are the fields of ``Settings`` in capitals: the names of environment variables without ``CONDUCTOR_``. A value
in the dict takes precedence over the environment; None counts as not given.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import attrs

from conductor._internal.suggestions import did_you_mean
from conductor.errors import ConfigurationError, WorkerRegistrationError
from conductor.settings import Settings
from conductor.worker.worker import Worker, default_registry

__all__ = ["chosen_workers", "read_settings", "refuse_unknown"]


_FIELDS = {attribute.name.upper(): attribute.name for attribute in attrs.fields(Settings)}


def read_settings(given: Mapping[str, Any]) -> Settings:
    """Return the settings in ``given``, completed from the environment.

    Raises:
        ConfigurationError: A value is invalid.
    """
    return Settings.from_env(
        **{field: given[name] for name, field in _FIELDS.items() if given.get(name) is not None},
    )


def refuse_unknown(given: Mapping[str, Any], further: Collection[str]) -> None:
    """Refuse names that are neither settings nor in ``further``.

    Raises:
        ConfigurationError: A name is unknown; the message proposes the nearest one.
    """
    allowed = [*_FIELDS, *further]
    for name in given:
        if name not in allowed:
            raise ConfigurationError(
                f"CONDUCTOR has an unknown key {name!r}{did_you_mean(str(name), allowed) or '.'}",
                variable=str(name),
                value=given[name],
                allowed=", ".join(allowed),
            )


def chosen_workers(only: Iterable[str]) -> list[Worker] | None:
    """Return the registered workers of these task types; None, which means all, if no type is given.

    Raises:
        WorkerRegistrationError: A task type has no worker.
    """
    names, declared = set(only), default_registry.list()
    missing = names - {worker.name for worker in declared}
    if missing:
        known = ", ".join(sorted({worker.name for worker in declared})) or "none"
        raise WorkerRegistrationError(f"No worker is declared for task {min(missing)!r}; declared are: {known}.")
    return [worker for worker in declared if worker.name in names] if names else None
