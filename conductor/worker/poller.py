"""One thread per worker that asks the server for exactly as many tasks as there are free slots."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from attrs import frozen

from conductor.worker.events import (
    EventDispatcher,
    PollCompleted,
    PollFailure,
    PollSkipped,
    PollStarted,
    WorkerStateChanged,
)
from conductor.worker.options import WorkerOptions
from conductor.worker.pace import Pace
from conductor.worker.pool import WorkerPool

if TYPE_CHECKING:
    from conductor.transport.hot import HotPath

__all__ = ["Gate", "Poller"]

logger = logging.getLogger(__name__)

_IDLE_CHECK = 0.1


@frozen
class Gate:
    """What has to hold before a worker asks for tasks.

    Attributes:
        may_poll: False while the worker is not to ask: the user's ``should_poll``, or too many results that wait.
        take: Take up to that many of the places that all workers share; returns how many.
        give_back: Give such places back.
        long_polls: How many polls of the handler may wait on the server at a time.
        is_shared: Whether workers share places: then no poll waits on the server, which would hold one meanwhile.
    """

    may_poll: Callable[[], bool]
    take: Callable[[int], int]
    give_back: Callable[[int], None]
    long_polls: threading.BoundedSemaphore
    is_shared: bool = False


class Poller:
    """Polls for one worker.

    Args:
        task_type: The task type.
        hot: The way to the server.
        pool: Runs what comes.
        options: The worker's options as they are now.
        worker_id: Whom the server is told.
        gate: What has to hold before asking.
        events: Told of each poll.
        hand_back: Gives a task back that came too late.
        recovered: Called when polls work again after they failed.
        stop: Set when polling ends.
    """

    def __init__(
        self,
        task_type: str,
        *,
        hot: HotPath,
        pool: WorkerPool,
        options: Callable[[], WorkerOptions],
        worker_id: str,
        gate: Gate,
        events: EventDispatcher,
        hand_back: Callable[[Any], None],
        recovered: Callable[[], None],
        stop: threading.Event,
    ) -> None:
        self.task_type = task_type
        self._hot = hot
        self._pool = pool
        self._options = options
        self._worker_id = worker_id
        self._gate = gate
        self._events = events
        self._hand_back = hand_back
        self._recovered = recovered
        self._stop = stop
        self._wake = threading.Event()
        self._pace = self._new_pace(options())
        self._failing_since: float | None = None
        self._thread: threading.Thread | None = None
        self.state: str = "new"
        self.last_poll: float | None = None
        self.last_error: BaseException | None = None
        self.restarts: int = 0

    @staticmethod
    def _new_pace(options: WorkerOptions) -> Pace:
        return Pace(interval=options.poll_interval_ms / 1000, first_wait_ms=options.poll_timeout_ms)

    def start(self) -> None:
        """Start the thread."""
        thread = threading.Thread(target=self._main, name=f"poll:{self.task_type}")
        thread.start()  # one that cannot be started is no thread to join
        self._thread = thread

    @property
    def failed_polls(self) -> int:
        """Failed polls since the last that worked."""
        return self._pace.failures

    def revive(self) -> None:
        """Start again a thread that died, whatever it died of."""
        if self._thread is None or self._thread.is_alive() or self._stop.is_set():
            return
        self.restarts += 1
        self.start()
        logger.error("%s: the poller's thread had died, and is started again", self.task_type)

    def apply_options(self) -> None:
        """Go by the worker's changed options from the next poll on."""
        self._pace = self._new_pace(self._options())
        self._wake.set()

    def wake(self) -> None:
        """End a pause, so that a stop is seen."""
        self._wake.set()
        self._pool.wake()

    def join(self, deadline: float) -> bool:
        """Wait for the thread to end, up to ``deadline`` (monotonic); whether it has."""
        if self._thread is None:
            return True
        self._thread.join(max(0.0, deadline - time.monotonic()))
        return not self._thread.is_alive()

    @property
    def is_alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread is not None and self._thread.is_alive()

    def _main(self) -> None:
        while not self._stop.is_set():
            try:
                self._round()
            except BaseException:
                self.restarts += 1
                logger.exception("%s: the poller failed and starts again", self.task_type)
                self._pause(1.0)
        self._become("stopped")

    def _round(self) -> None:
        if self._options().paused or not self._gate.may_poll():
            self._become("paused")
            self._events.emit(PollSkipped, self.task_type)
            self._pause(_IDLE_CHECK)
            return
        if not (free := self._pool.wait_for_slot(1.0)) or self._stop.is_set():
            return
        if not (free := self._gate.take(free)):
            self._pause(_IDLE_CHECK)
            return
        submitted = 0
        try:
            submitted, pause = self._ask(free)
        finally:
            self._gate.give_back(free - submitted)
        self._pause(pause)

    def _ask(self, free: int) -> tuple[int, float]:
        """Fill up to ``free`` slots; returns how many tasks came, and how long to pause."""
        may_wait = not self._gate.is_shared and self._gate.long_polls.acquire(blocking=False)
        wait_ms = self._pace.wait_ms if may_wait else 0
        started = time.monotonic()
        try:
            tasks = self._poll(1, wait_ms)
        finally:
            if may_wait:
                self._gate.long_polls.release()
        if isinstance(tasks, Exception):
            return 0, self._pace.after_failure(tasks)
        if not tasks:
            return 0, self._pace.after_empty(wait_ms, time.monotonic() - started)
        self._pace.after_tasks()
        submitted = self._submit(tasks)
        if free > submitted and not self._stop.is_set():
            more = self._poll(free - submitted, 0)
            if isinstance(more, Exception):
                return submitted, self._pace.after_failure(more)
            submitted += self._submit(more)
        return submitted, 0.0

    def _poll(self, count: int, wait_ms: int) -> list[Any] | Exception:
        """The tasks that a poll brought, or the error that it met."""
        self._events.emit(PollStarted, self.task_type, count)
        started = time.monotonic()
        try:
            tasks = self._hot.poll(
                self.task_type,
                count=count,
                timeout_ms=wait_ms,
                worker_id=self._worker_id,
                domain=self._options().domain,
            )
        except Exception as error:  # noqa: BLE001  whatever it was, polling goes on
            self._after_failure(error, time.monotonic() - started)
            return error
        self.last_poll = time.monotonic()
        self._recover()
        self._events.emit(PollCompleted, self.task_type, len(tasks), self.last_poll - started)
        return tasks

    def _submit(self, tasks: list[Any]) -> int:
        for task in tasks:
            if self._stop.is_set():
                self._hand_back(task)
            else:
                self._pool.submit(task)
        return len(tasks)

    def _after_failure(self, error: Exception, took: float) -> None:
        self.last_error = error
        self._events.emit(PollFailure, self.task_type, error, took)
        if self._failing_since is None:
            self._failing_since = time.monotonic()
            logger.warning("%s: polling fails and goes on trying: %s", self.task_type, error)
            self._become("failing")

    def _recover(self) -> None:
        if self._failing_since is not None:
            lasted = time.monotonic() - self._failing_since
            logger.info(
                "%s: polling works again after %.1f s and %d failed polls", self.task_type, lasted, self._pace.failures
            )
            self._failing_since = None
            self._recovered()
        self._become("polling")

    def _become(self, state: str) -> None:
        if self.state != state:
            self.state = state
            self._events.emit(WorkerStateChanged, self.task_type, state)

    def _pause(self, seconds: float) -> None:
        if seconds > 0 and not self._stop.is_set():
            self._wake.wait(seconds)
            self._wake.clear()
