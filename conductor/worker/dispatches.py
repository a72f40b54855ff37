"""What the server has dispatched to this handler: the tasks in hand, and the requests that can still bring one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from attrs import define

from conductor.errors import APIConnectionError, APIStatusError, UnsupportedByServerError
from conductor.models import Task

__all__ = ["DispatchRecord", "may_be_lost"]

#: From this status on the server has failed, maybe after it dispatched a task.
_SERVER_ERROR = 500


@define
class _InHand:
    """A task whose dispatch arrived here and whose result the server does not have yet."""

    task_type: str
    poll_count: int
    dispatches: int = 1


class DispatchRecord:
    """Which dispatches have arrived, and which requests can still bring one. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._report: Callable[[str], object] = lambda _: None
        # By task id. The server can dispatch a task again while its first dispatch is still running here, after a
        # response timeout; so dispatches are counted, and the task is in hand until the last one has ended.
        self._in_hand: dict[str, _InHand] = {}
        # Task types of the requests that are under way, by their number. Until such a request has ended, a task that
        # the server believes to be here may still be on its way.
        self._open: dict[int, str] = {}
        self._opened = 0
        # While tasks are compared with the server's, those that end meanwhile remain: the server's answer may be older.
        self._ended_meanwhile: list[str] | None = None

    def open(self, task_type: str) -> int:
        """Note that a request is about to be sent whose response can bring tasks of this type; return its number."""
        with self._lock:
            self._opened += 1
            self._open[self._opened] = task_type
            return self._opened

    def close(self, number: int, tasks: Iterable[Any] = ()) -> None:
        """Note that a request has ended, and which tasks (as JSON) its response brought."""
        with self._lock:
            # One critical section for both: if the request ended first, a search in between would take its tasks for
            # lost.
            for raw in tasks:
                self._add(raw)
            self._open.pop(number, None)

    def receive(self, raw: Any) -> None:
        """Note a task (as JSON) that is in hand from now on."""
        with self._lock:
            self._add(raw)

    def _add(self, raw: Any) -> None:
        if not isinstance(raw, dict) or not isinstance(task_id := raw.get("taskId"), str):
            return
        count = raw.get("pollCount")
        poll_count = count if isinstance(count, int) else 0
        if (known := self._in_hand.get(task_id)) is None:
            self._in_hand[task_id] = _InHand(str(raw.get("taskDefName") or raw.get("taskType") or ""), poll_count)
        else:
            # Responses can overtake each other; the highest count is the last dispatch.
            known.poll_count = max(known.poll_count, poll_count)
            known.dispatches += 1

    def end(self, task_id: str) -> None:
        """Note that the server has the result of a task that was received, or will never take it."""
        with self._lock:
            if self._ended_meanwhile is None:
                self._remove(task_id)
            else:
                self._ended_meanwhile.append(task_id)

    def _remove(self, task_id: str) -> None:
        if (known := self._in_hand.get(task_id)) is not None:
            known.dispatches -= 1
            if not known.dispatches:
                del self._in_hand[task_id]

    @contextmanager
    def keeping_ended(self) -> Iterator[None]:
        """Keep tasks that end within the block until its end."""
        with self._lock:
            self._ended_meanwhile = []
        try:
            yield
        finally:
            with self._lock:
                ended, self._ended_meanwhile = self._ended_meanwhile, None
                for task_id in ended:
                    self._remove(task_id)

    def report_lost_to(self, report: Callable[[str], object]) -> None:
        """Have ``report`` called with the task type of each response that was lost."""
        self._report = report

    def lose(self, task_type: str) -> None:
        """Note that a response was lost that may have carried a task of this type, or the end of one."""
        self._report(task_type)

    def type_of(self, task_id: str) -> str:
        """Return the type of a task in hand; "" if it is not."""
        known = self._in_hand.get(task_id)
        return "" if known is None else known.task_type

    def has_any(self, task_id: str) -> bool:
        """Return whether any dispatch of a task is in hand."""
        return task_id in self._in_hand

    def has(self, task: Task) -> bool:
        """Return whether the last dispatch of a task, as the server describes it, has arrived here."""
        with self._lock:
            known = self._in_hand.get(str(task.task_id))
            # The server counts the dispatches of a task. A higher count there is a dispatch whose response did not
            # arrive.
            return known is not None and known.poll_count >= (task.poll_count or 0)

    def open_requests(self, task_types: Iterable[str]) -> set[int]:
        """Return the numbers of the open requests that can bring tasks of these types."""
        wanted = set(task_types)
        with self._lock:
            return {number for number, task_type in self._open.items() if task_type in wanted}


def may_be_lost(error: BaseException) -> bool:
    """Return whether the server may have dispatched tasks in a response that ended in this error."""
    if isinstance(error, APIConnectionError):
        # If no byte of the request was sent, the server cannot have dispatched anything.
        return not error.never_sent
    if isinstance(error, APIStatusError) and error.from_conductor:
        return error.status >= _SERVER_ERROR
    # Anything else is unclear, such as an error page of a proxy: the server behind it may have answered.
    return not isinstance(error, UnsupportedByServerError)
