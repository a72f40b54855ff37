"""The workers that were declared, by task type and domain."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from conductor.errors import WorkerRegistrationError
from conductor.worker.worker import Worker

__all__ = ["WorkerRegistry", "default_registry"]


class WorkerRegistry:
    """A collection of workers; safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._workers: dict[tuple[str, str | None], Worker] = {}

    def add(self, worker: Worker) -> None:
        """Add a worker. The same function declared again, as when its module is reloaded, takes its own place.

        Raises:
            WorkerRegistrationError: Another function is declared for this task type and domain.
        """
        key = (worker.name, worker.domain)
        with self._lock:
            other = self._workers.get(key)
            if other is not None and other.place != worker.place:
                where = f" in domain {worker.domain!r}" if worker.domain else ""
                raise WorkerRegistrationError(
                    f"Two workers are declared for task {worker.name!r}{where}: {other.place} and {worker.place}.",
                    places=[other.place, worker.place],
                )
            self._workers[key] = worker

    def get(self, name: str, domain: str | None = None) -> Worker | None:
        """The worker for a task type and domain, or None."""
        return self._workers.get((name, domain or None))

    def list(self) -> list[Worker]:
        """All workers, in the order of their declaration."""
        with self._lock:
            return list(self._workers.values())

    def clear(self) -> None:
        """Forget all workers."""
        with self._lock:
            self._workers.clear()

    def __iter__(self) -> Iterator[Worker]:
        return iter(self.list())

    def __len__(self) -> int:
        return len(self._workers)


default_registry: WorkerRegistry = WorkerRegistry()
