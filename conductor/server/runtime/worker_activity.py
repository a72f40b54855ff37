"""Track the workers that poll this server, so that the clock can wait for them before it moves.

All times are real times, independent of the server's clock.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conductor.server.runtime.kernel import Kernel

logger = logging.getLogger(__name__)

#: Seconds after the end of a poll in which its worker is expected to poll again.
_BETWEEN_POLLS_S = 0.5
#: Seconds between two checks of the queues.
_LOOK_S = 0.002


class WorkerActivity:
    """Tracks the tasks that workers have or are about to take; every call needs the kernel's lock."""

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
        """Return the queues whose workers have a task, or are about to take one that is due."""
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
        timeout: Real seconds to wait while no worker finishes anything; after that, the move does not wait again.
    """

    def __init__(self, kernel: Kernel, timeout: float) -> None:
        self._kernel = kernel
        self._timeout = timeout

    def __call__(self) -> None:
        """Return when no worker has a task or is about to take one, or at the timeout."""
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
