"""The timers of executions, and the thread that fires them."""

from __future__ import annotations

import heapq
import logging
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conductor.server.runtime.kernel import Kernel

logger = logging.getLogger(__name__)

#: Outdated entries of the heap that are not worth a cleanup.
_FEW_TIMERS = 1000
#: Seconds that the thread sleeps at most, because the system's clock may be changed.
_MAX_SLEEP_S = 5.0
#: Seconds without a change after which the server counts as idle.
_IDLE_S = 1.0
#: Seconds between two pieces of work of an idle server, for requests that arrive.
_PAUSE_S = 0.002
#: Seconds to wait for the thread to end.
_STOP_SECONDS = 10.0


class Timers:
    """The times at which executions must be evaluated again. An execution has one deadline, the last one set."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, str]] = []
        self._deadlines: dict[str, int] = {}

    def deadline(self, workflow_id: str) -> int | None:
        """Return the deadline of an execution, epoch ms; None without a deadline."""
        return self._deadlines.get(workflow_id)

    def set(self, workflow_id: str, deadline: int) -> bool:
        """Set the deadline of an execution, epoch ms; returns whether it is the earliest of all."""
        self._deadlines[workflow_id] = deadline
        heapq.heappush(self._heap, (deadline, workflow_id))
        if len(self._heap) > _FEW_TIMERS + 2 * len(self._deadlines):  # most are outdated
            self._heap = [(due, one) for one, due in self._deadlines.items()]
            heapq.heapify(self._heap)
        return self._heap[0][1] == workflow_id

    def remove(self, workflow_id: str) -> None:
        """Remove the deadline of an execution."""
        self._deadlines.pop(workflow_id, None)

    def next(self) -> tuple[int, str] | None:
        """Return the next deadline and the id of its execution; None without a deadline."""
        while self._heap and self._deadlines.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0] if self._heap else None

    def pop_due(self, now: int) -> list[str]:
        """Remove the deadlines that have passed; returns the ids of their executions."""
        due = []
        while (found := self.next()) is not None and found[0] <= now:
            del self._deadlines[found[1]]
            due.append(found[1])
        return due


class TimerThread:
    """Fires the kernel's timers, and moves its clock to the next timer while the server is idle.

    Args:
        kernel: The kernel.
        is_idle: Returns whether the clock may skip to the next timer.
    """

    def __init__(self, kernel: Kernel, is_idle: Callable[[], bool]) -> None:
        self._kernel, self._is_idle = kernel, is_idle
        self._condition = threading.Condition()
        self._is_stopping = False
        self._is_woken = False
        self._thread = threading.Thread(target=self._run, name="conductor-timer", daemon=True)
        kernel.timed_work.wake = self.wake

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def wake(self) -> None:
        """Make the thread check for due timers now."""
        with self._condition:
            self._is_woken = True
            self._condition.notify()

    def stop(self) -> None:
        """Stop the thread; returns when it has ended."""
        with self._condition:
            self._is_stopping = True
            self._condition.notify()
        if self._thread.ident is not None:
            self._thread.join(_STOP_SECONDS)

    def _run(self) -> None:
        while True:
            if self._is_idle() and (skipped := self._kernel.timed_work.next_skip()) is not None:
                self._kernel.timed_work.move_to(max(skipped, self._kernel.clock.now_ms()))
            due = self._kernel.timed_work.next_event()
            delay = _MAX_SLEEP_S if due is None else (due - self._kernel.clock.now_ms()) / 1000
            with self._condition:
                if not self._is_woken and not self._is_stopping and delay > 0:
                    self._condition.wait(min(delay, _MAX_SLEEP_S))
                self._is_woken = False
                if self._is_stopping:
                    return
            try:
                self._kernel.timed_work.run_due()
                self._kernel.timed_work.continue_unfinished()
                self._work_while_idle()
            except Exception:  # later timers must still fire
                logger.exception("event=server.timer_failed")

    def _work_while_idle(self) -> None:
        """Do the work that can wait, as long as nothing else is to be done."""
        while not self._is_woken and not self._is_stopping and time.monotonic() - self._kernel.last_change > _IDLE_S:
            if not self._kernel.timed_work.idle_work():
                return
            time.sleep(_PAUSE_S)
