"""Extends the leases of running tasks: one thread for all of a handler's workers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial

from attrs import define

from conductor._internal.logs import isolated_logger
from conductor.models import Task
from conductor.models.codec import dumps
from conductor.worker.threads import HandlerThread

__all__ = ["Lease", "LeaseKeeper"]

logger = isolated_logger(__name__)

#: Part of the response timeout after which the lease is extended: early enough for another attempt.
_EXTEND_AFTER = 0.8
#: Seconds of the shortest response timeout whose lease is extended: the server counts in whole seconds.
_MIN_RESPONSE_TIMEOUT_S = 1.0
#: Seconds that an extension may take at least and at most: one that gets no response must cost no other task its lease.
_MIN_ATTEMPT_S, _MAX_ATTEMPT_S = 0.2, 5.0


@define(eq=False)
class Lease:
    """A task's lease, which is extended until it is given up.

    Attributes:
        task: The task.
        worker_id: Worker id reported to the server.
        period: How far apart extensions are, in seconds.
        due: When the next is sent, on the monotonic clock.
        until: When the last may be sent.
        give_up: Extend it no more.
        is_kept: Whether it is extended from now on.
        extensions: How often it was extended.
        extended_at: When the last extension was sent, on the monotonic clock.
    """

    task: Task
    worker_id: str
    period: float
    due: float
    until: float
    give_up: Callable[[], None]
    is_kept: bool = True
    extensions: int = 0
    extended_at: float | None = None


class LeaseKeeper:
    """Extends the leases of running tasks, each time 80% of their response timeout have passed.

    Args:
        update: Sends a task's update as JSON (``POST /tasks`` with ``extendLease``), within the seconds it is given.
        extended: Called with each task whose lease was extended.
        clock: Returns monotonic seconds.
    """

    def __init__(
        self,
        update: Callable[[str, bytes, float], None],
        extended: Callable[[Task], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._update = update
        self._extended = extended
        self._clock = clock
        self._changed = threading.Condition()
        self._leases: dict[str, Lease] = {}
        self._extending: Lease | None = None
        self._closed = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread."""
        thread = HandlerThread(self._main, "lease")
        thread.start()  # if it raises, no thread was started
        self._thread = thread

    @property
    def is_alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread is not None and self._thread.is_alive()

    def revive(self) -> None:
        """Start again a thread that died, whatever it died of."""
        if not self.is_alive and not self._closed:
            self.start()
            logger.error("The thread that extends leases had died and was restarted")

    def add(self, task: Task, worker_id: str, longest: float | None) -> Lease | None:
        """Keep ``task``'s lease, for ``longest`` seconds at most; timeouts under a second are left alone: None."""
        if not task.task_id or task.response_timeout_seconds < _MIN_RESPONSE_TIMEOUT_S:
            return None
        period = _EXTEND_AFTER * task.response_timeout_seconds
        now = self._clock()
        until = now + longest if longest is not None else float("inf")
        with self._changed:
            lease = Lease(task, worker_id, period, now + period, until, partial(self.remove, task))
            self._leases[task.task_id] = lease
            self._changed.notify_all()
        return lease

    def remove(self, task: Task) -> None:
        """End the lease of ``task``, and wait for an extension that is being sent.

        The result of the task is delivered next. A server that is still handling the extension could otherwise store
        its older state of the task after the result, and the result would be lost.
        """
        if not task.task_id:
            return
        with self._changed:
            lease = self._leases.pop(task.task_id, None)
            if lease is None:
                return
            lease.is_kept = False
            self._changed.wait_for(lambda: self._extending is not lease, _MAX_ATTEMPT_S)

    def close(self, deadline: float) -> None:
        """End the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(max(0.0, deadline - time.monotonic()))

    def _main(self) -> None:
        while (lease := self._next_due()) is not None:
            try:
                self._extend(lease)
            except BaseException:  # whatever an auth callable raises, also SystemExit: other leases need this thread
                logger.exception("The lease of task %s could not be extended", lease.task.task_id)
            finally:
                with self._changed:
                    self._extending = None
                    self._changed.notify_all()

    def _next_due(self) -> Lease | None:
        with self._changed:
            while not self._closed:
                first = min(self._leases.values(), key=lambda lease: lease.due, default=None)
                now = self._clock()
                if first is not None and first.due <= now:
                    if now >= first.until:
                        self._give_up(first)
                        continue
                    first.due = now + first.period
                    self._extending = first
                    return first
                self._changed.wait(None if first is None else min(first.due - now, threading.TIMEOUT_MAX))
            return None

    def _attempt_limit(self) -> float:
        with self._changed:
            shortest = min((lease.period for lease in self._leases.values()), default=_MAX_ATTEMPT_S)
        return min(max(shortest / 8, _MIN_ATTEMPT_S), _MAX_ATTEMPT_S)

    def _give_up(self, lease: Lease) -> None:
        self._leases.pop(str(lease.task.task_id), None)
        lease.is_kept = False
        logger.warning("Task %s has run for max_lease_seconds; its lease is no longer extended", lease.task.task_id)

    def _extend(self, lease: Lease) -> None:
        task, sent_at = lease.task, self._clock()
        body = dumps(
            {
                "taskId": task.task_id,
                "workflowInstanceId": task.workflow_instance_id,
                "workerId": lease.worker_id,
                "status": "IN_PROGRESS",
                "extendLease": True,
            }
        )
        try:
            self._update(str(task.task_id), body, self._attempt_limit())
        except BaseException as error:  # whatever an auth callable raises, also SystemExit
            lease.due = self._clock() + min(lease.period, 0.5 + lease.period / 8)
            words = str(error) or type(error).__name__
            logger.warning("The lease of task %s could not be extended; retrying: %s", task.task_id, words)
        else:
            lease.extensions, lease.extended_at = lease.extensions + 1, sent_at
            self._extended(task)
