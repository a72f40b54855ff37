"""What the workers of a test raised, by the task that it ended."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable

from attrs import define, field

_known: dict[str, BaseException] = {}


def failure_of(task_id: str | None) -> BaseException | None:
    """Return the exception that a worker of this process raised for the task; None when there is none."""
    return _known.get(task_id) if task_id else None


@define
class WorkerFailures:
    """Takes the exceptions of a test's workers; forgets them at its end.

    Args:
        report: Called with a title and a traceback, for the report of the test.
    """

    report: Callable[[str, str], None]
    _mine: list[str] = field(factory=list, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False)

    def take(self, task_id: str, title: str, error: BaseException) -> None:
        """Keep the exception that ended a task."""
        with self._lock:
            _known[task_id] = error
            self._mine.append(task_id)
        self.report(title, "".join(traceback.format_exception(error)))

    def forget(self) -> None:
        """Let go of all that was kept."""
        with self._lock:
            for task_id in self._mine:
                _known.pop(task_id, None)
            self._mine.clear()
