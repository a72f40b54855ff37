"""The queues that workers poll, in memory: rebuilt from the store when a server starts."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterator

from attrs import define, field

_Ready = tuple[int, int, int, str, str]  # -priority, due, number, task, execution
_Delayed = tuple[int, int, int, str, str]  # due, number, priority, task, execution
_FEW_ENTRIES = 1000


@define
class _Queue:
    ready: list[_Ready] = field(factory=list)
    delayed: list[_Delayed] = field(factory=list)


class TaskQueues:
    """Tasks that are due or will be. An entry counts only while it is its task's latest."""

    def __init__(self) -> None:
        self._queues: dict[str, _Queue] = {}
        self._latest: dict[str, tuple[int, str]] = {}  # by task: the number of its entry, and its queue
        self._sizes: dict[str, int] = {}
        self._listeners: dict[str, dict[Callable[[], None], None]] = {}  # in the order of waiting
        self._numbers = itertools.count()

    def push(
        self, queue: str, task_id: str, workflow_id: str, priority: int, due: int, now: int, *, wake: bool = True
    ) -> None:
        """Put a task in, or move it."""
        self.remove(task_id)
        number = next(self._numbers)
        self._latest[task_id] = (number, queue)
        self._sizes[queue] = self._sizes.get(queue, 0) + 1
        entries = self._queues.setdefault(queue, _Queue())
        if due <= now:
            heapq.heappush(entries.ready, (-priority, due, number, task_id, workflow_id))
            if wake:
                self.wake(queue, 1)
        else:
            heapq.heappush(entries.delayed, (due, number, priority, task_id, workflow_id))

    def remove(self, task_id: str) -> None:
        """Take a task out, wherever it is."""
        known = self._latest.pop(task_id, None)
        if known is None:
            return
        queue = known[1]
        self._sizes[queue] -= 1
        entries = self._queues[queue]
        if len(entries.ready) + len(entries.delayed) > _FEW_ENTRIES + 2 * self._sizes[queue]:  # most were taken out
            entries.ready = [one for one in entries.ready if self._is_latest(one[3], one[2])]
            entries.delayed = [one for one in entries.delayed if self._is_latest(one[3], one[1])]
            heapq.heapify(entries.ready)
            heapq.heapify(entries.delayed)

    def has(self, task_id: str) -> bool:
        """Return whether a task is in a queue."""
        return task_id in self._latest

    def pop(self, queue: str, now: int) -> Iterator[tuple[str, str, int, int]]:
        """Take due tasks out, one by one: task id, execution id, priority, and when it was due."""
        entries = self._queues.get(queue)
        if entries is None:
            return
        self._make_ready(entries, now)
        while entries.ready:
            lowered, due, number, task_id, workflow_id = heapq.heappop(entries.ready)
            if self._is_latest(task_id, number):
                self.remove(task_id)
                yield task_id, workflow_id, -lowered, due

    def _make_ready(self, entries: _Queue, now: int) -> None:
        while entries.delayed and entries.delayed[0][0] <= now:
            due, number, priority, task_id, workflow_id = heapq.heappop(entries.delayed)
            heapq.heappush(entries.ready, (-priority, due, number, task_id, workflow_id))

    def _is_latest(self, task_id: str, number: int) -> bool:
        known = self._latest.get(task_id)
        return known is not None and known[0] == number

    def has_ready(self, queue: str, now: int) -> bool:
        """Whether a poll would look at something."""
        entries = self._queues.get(queue)
        if entries is None:
            return False
        self._make_ready(entries, now)
        while entries.ready and not self._is_latest(entries.ready[0][3], entries.ready[0][2]):
            heapq.heappop(entries.ready)
        return bool(entries.ready)

    def next_due(self, queue: str) -> int | None:
        """When the next delayed task of a queue is due."""
        entries = self._queues.get(queue)
        while entries and entries.delayed and not self._is_latest(entries.delayed[0][3], entries.delayed[0][1]):
            heapq.heappop(entries.delayed)
        return entries.delayed[0][0] if entries and entries.delayed else None

    def next_due_of_all(self) -> int | None:
        """When the next delayed task of any queue is due."""
        found = (self.next_due(queue) for queue in self._queues)
        return min((due for due in found if due is not None), default=None)

    def wake_due(self, now: int) -> None:
        """Wake those who wait for tasks that have become due."""
        for queue in self._queues:
            due = self.next_due(queue)
            if due is not None and due <= now:
                self._make_ready(self._queues[queue], now)
                self.wake(queue)

    def sizes(self) -> dict[str, int]:
        """How many tasks wait in each queue."""
        return dict(self._sizes)

    def names(self) -> list[str]:
        """The queues that are or were used."""
        return sorted(self._sizes)

    def anything_ready(self, now: int) -> bool:
        """Whether a worker has something to do."""
        return any(self.has_ready(queue, now) for queue in self._queues)

    def listen(self, queue: str, wake: Callable[[], None]) -> None:
        """Call ``wake`` once, when something becomes due and those who wait longer have been woken."""
        self._listeners.setdefault(queue, {})[wake] = None

    def unlisten(self, queue: str, wake: Callable[[], None]) -> None:
        """Stop to listen. When it has been woken since, the next one is: the task is still there."""
        listeners = self._listeners.get(queue)
        if listeners is None or listeners.pop(wake, self) is self:
            self.wake(queue)
        elif not listeners:
            del self._listeners[queue]

    def wake(self, queue: str, count: int | None = None) -> None:
        """Wake as many listeners as there are ready tasks, or ``count``."""
        listeners, entries = self._listeners.get(queue), self._queues.get(queue)
        if not listeners or entries is None:
            return
        for wake in list(listeners)[: len(entries.ready) if count is None else count]:
            del listeners[wake]
            wake()
