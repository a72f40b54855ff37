"""The queues of tasks, and the workers that poll them."""

from __future__ import annotations

import heapq
import itertools
import logging
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from attrs import define, field

if TYPE_CHECKING:
    from conductor.server.runtime.kernel import Kernel

#: An entry that is due: negative priority, due time, number, task id, execution id.
_Ready = tuple[int, int, int, str, str]
#: An entry that is not due yet: due time, number, priority, task id, execution id.
_Delayed = tuple[int, int, int, str, str]
#: Number of outdated entries of a queue up to which no cleanup is needed.
_FEW_ENTRIES = 1000


@define
class _Queue:
    ready: list[_Ready] = field(factory=list)
    delayed: list[_Delayed] = field(factory=list)


class TaskQueues:
    """Tasks that are due or will be due. Moving a task adds an entry; its older entries are ignored."""

    def __init__(self) -> None:
        self._queues: dict[str, _Queue] = {}
        self._latest: dict[str, tuple[int, str]] = {}  # by task id: the number of its entry, and its queue
        self._sizes: dict[str, int] = {}
        self._listeners: dict[str, dict[Callable[[], None], None]] = {}  # the first in line first
        self._numbers = itertools.count()

    def push(
        self, queue: str, task_id: str, workflow_id: str, priority: int, due: int, now: int, *, wake: bool = True
    ) -> None:
        """Add a task to a queue, or move it.

        Args:
            queue: The queue's name.
            task_id: The task.
            workflow_id: Its execution.
            priority: The priority; tasks with higher values are polled first.
            due: When the task can be polled, epoch ms.
            now: The current time, epoch ms.
            wake: Whether to wake a waiting poll.
        """
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
        """Remove a task from its queue, if it is in one."""
        known = self._latest.pop(task_id, None)
        if known is None:
            return
        queue = known[1]
        self._sizes[queue] -= 1
        entries = self._queues[queue]
        if len(entries.ready) + len(entries.delayed) > _FEW_ENTRIES + 2 * self._sizes[queue]:  # most are outdated
            entries.ready = [one for one in entries.ready if self._is_latest(one[3], one[2])]
            entries.delayed = [one for one in entries.delayed if self._is_latest(one[3], one[1])]
            heapq.heapify(entries.ready)
            heapq.heapify(entries.delayed)

    def has(self, task_id: str) -> bool:
        """Return whether a task is in a queue."""
        return task_id in self._latest

    def pop(self, queue: str, now: int) -> Iterator[tuple[str, str, int, int]]:
        """Remove due tasks one by one, and yield the task id, execution id, priority and due time of each."""
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
        """Return whether a queue has a due task."""
        entries = self._queues.get(queue)
        if entries is None:
            return False
        self._make_ready(entries, now)
        while entries.ready and not self._is_latest(entries.ready[0][3], entries.ready[0][2]):
            heapq.heappop(entries.ready)
        return bool(entries.ready)

    def next_due(self, queue: str) -> int | None:
        """Return the time at which the next delayed task of a queue is due, epoch ms; None if there is none."""
        entries = self._queues.get(queue)
        while entries and entries.delayed and not self._is_latest(entries.delayed[0][3], entries.delayed[0][1]):
            heapq.heappop(entries.delayed)
        return entries.delayed[0][0] if entries and entries.delayed else None

    def next_due_of_all(self) -> int | None:
        """Return the time at which the next delayed task of any queue is due, epoch ms; None if there is none."""
        found = (self.next_due(queue) for queue in self._queues)
        return min((due for due in found if due is not None), default=None)

    def wake_due(self, now: int) -> None:
        """Wake the listeners of queues with tasks that have become due."""
        for queue in self._queues:
            due = self.next_due(queue)
            if due is not None and due <= now:
                self._make_ready(self._queues[queue], now)
                self.wake(queue)

    def sizes(self) -> dict[str, int]:
        """Return the number of waiting tasks of each queue."""
        return dict(self._sizes)

    def has_any_ready(self, now: int) -> bool:
        """Return whether any queue has a due task."""
        return any(self.has_ready(queue, now) for queue in self._queues)

    def listen(self, queue: str, wake: Callable[[], None]) -> None:
        """Add a listener at the end of the line; ``wake`` is called once, for a task that is due at its turn."""
        self._listeners.setdefault(queue, {})[wake] = None

    def unlisten(self, queue: str, wake: Callable[[], None]) -> None:
        """Remove a listener. If it has been woken, the next one is woken instead, because the task is still due."""
        listeners = self._listeners.get(queue)
        if listeners is None or listeners.pop(wake, self) is self:
            self.wake(queue)
        elif not listeners:
            del self._listeners[queue]

    def wake(self, queue: str, count: int | None = None) -> None:
        """Wake ``count`` listeners of a queue; by default one for each due task."""
        listeners, entries = self._listeners.get(queue), self._queues.get(queue)
        if not listeners or entries is None:
            return
        for wake in list(listeners)[: len(entries.ready) if count is None else count]:
            del listeners[wake]
            wake()


logger = logging.getLogger(__name__)

#: Seconds after the end of a poll within which the worker is expected to poll again.
_BETWEEN_POLLS_S = 0.5
#: Seconds between two checks of the queues.
_LOOK_S = 0.002


class WorkerActivity:
    """Tracks the tasks that workers execute or are about to poll; every call needs the kernel's lock."""

    def __init__(self) -> None:
        self._polled_until: dict[str, float] = {}  # by queue, on the monotonic clock
        self._held: dict[str, str] = {}  # the queue by task
        self.progress: int = 0  # the number of tasks dispatched or ended

    def record_poll(self, queue: str, timeout_s: float) -> None:
        """Record that a worker polls a queue, and waits there for at most ``timeout_s`` seconds."""
        until = time.monotonic() + timeout_s + _BETWEEN_POLLS_S
        self._polled_until[queue] = max(until, self._polled_until.get(queue, until))

    def record_dispatch(self, queue: str, task_id: str) -> None:
        """Record that a task was dispatched to a worker."""
        self.progress += 1
        if self._polled_until.get(queue, 0.0) > time.monotonic():
            self._held[task_id] = queue

    def record_end(self) -> None:
        """Record that a worker has finished or lost a task."""
        self.progress += 1

    def busy_queues(self, kernel: Kernel) -> list[str]:
        """Return the queues whose workers execute a task, or are about to poll a due task."""
        in_progress = set[str]().union(*kernel.in_progress.values()) if self._held else set[str]()
        self._held = {task_id: queue for task_id, queue in self._held.items() if task_id in in_progress}
        real, now = time.monotonic(), kernel.clock.now_ms()
        about_to = {
            queue for queue, until in self._polled_until.items() if until > real and kernel.queues.has_ready(queue, now)
        }
        return sorted(about_to | set(self._held.values()))


class WorkersFirst:
    """Waits, in one move of the clock, until workers have finished the tasks that are due.

    Args:
        kernel: The server's state.
        timeout: Real seconds to wait while no worker finishes a task; then the move does not wait again.
    """

    def __init__(self, kernel: Kernel, timeout: float) -> None:
        self._kernel = kernel
        self._timeout = timeout

    def __call__(self) -> None:
        """Wait until no worker executes a task or is about to poll one, or until the timeout."""
        kernel, progress = self._kernel, -1
        until = time.monotonic() + self._timeout
        while self._timeout > 0:
            with kernel.lock:
                busy = kernel.worker_activity.busy_queues(kernel)
                if not busy and not kernel.is_working:
                    return
                if kernel.worker_activity.progress != progress:
                    progress, until = kernel.worker_activity.progress, time.monotonic() + self._timeout
            if time.monotonic() > until:
                self._timeout = 0.0
                logger.warning(
                    "Moving the clock although workers have not finished within the timeout: %s",
                    ", ".join(busy) or "the server itself",
                    extra={"queues": busy},
                )
                return
            time.sleep(_LOOK_S)
