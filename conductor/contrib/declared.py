"""The workers that an app's modules declared, by task type."""

from __future__ import annotations

from collections.abc import Iterable

from conductor.errors import WorkerRegistrationError
from conductor.worker.registry import default_registry
from conductor.worker.worker import Worker

__all__ = ["chosen_workers"]


def chosen_workers(only: Iterable[str]) -> list[Worker] | None:
    """The workers of the default registry for these task types; None, which means all, when none is named.

    Raises:
        WorkerRegistrationError: A task type has no worker.
    """
    names, declared = set(only), default_registry.list()
    missing = names - {worker.name for worker in declared}
    if missing:
        known = ", ".join(sorted({worker.name for worker in declared})) or "none"
        raise WorkerRegistrationError(f"No worker is declared for task {min(missing)!r}; declared are: {known}.")
    return [worker for worker in declared if worker.name in names] if names else None
