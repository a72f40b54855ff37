"""The poller of a worker: when to poll, for how many tasks, and what to do with them.

It is a state machine without a thread. What calls ``turn`` is in ``polling.py``: a thread for each worker, or a few
threads for all of them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from attrs import define, frozen

from conductor._internal.logs import isolated_logger
from conductor.errors import APITimeoutError
from conductor.worker.events import (
    EventDispatcher,
    PollCompleted,
    PollFailure,
    PollSkipped,
    PollStarted,
    WorkerStateChanged,
)
from conductor.worker.options import WorkerOptions
from conductor.worker.poll_backoff import PollBackoff
from conductor.worker.pool import ConcurrencyLimit, WorkerPool

if TYPE_CHECKING:
    from conductor.transport.task_channel import TaskChannel
    from conductor.worker.coroutines import CoroutinePool

__all__ = ["TAKE_OVER_AFTER_S", "Gate", "Poller"]


#: Seconds beyond its wait after which a poll without a response is left to itself, and another one takes over.
TAKE_OVER_AFTER_S = 3.0
#: Seconds beyond its wait that a poll's response is awaited: the server has dispatched the tasks in it already.
_LATE_LIMIT_S = 65.0

logger = isolated_logger(__name__)
#: Seconds between two looks whether a paused or full worker may poll again.
_IDLE_CHECK = 0.1
#: Seconds between two looks for a free slot; a poller is woken when one becomes free.
_SLOT_CHECK = 1.0
#: Milliseconds that a poll waits on the server while it holds the last of the shared slots.
_HELD_WAIT_MS = 100
#: Seconds until the next turn after one that raised an exception: a fault of this code, which may well come again.
_PAUSE_AFTER_BUG_S = 1.0
#: Seconds after which a poller that makes no progress is reported and not live.
_STUCK_AFTER = 60.0


@frozen
class Gate:
    """The conditions under which a worker polls.

    Attributes:
        may_poll: Returns False while the user's ``should_poll`` does.
        is_full: Returns whether so many results are undelivered that the worker takes no more tasks.
        slots: The slots that all workers share.
        long_polls: How many polls of the handler may wait on the server at a time.
        late_polls: How many polls of the handler may be left to themselves at a time.
        workers: How many workers the handler has.
        lent: How many of the threads that poll may run a task at a time, because no other thread can be started; None
            for no limit.
    """

    may_poll: Callable[[], bool]
    is_full: Callable[[], bool]
    slots: ConcurrencyLimit
    long_polls: threading.BoundedSemaphore
    late_polls: threading.BoundedSemaphore
    workers: int = 1
    lent: threading.BoundedSemaphore | None = None


@define(eq=False)
class _Call:
    """A poll in progress."""

    count: int
    wait_ms: int
    is_long: bool
    since: float
    is_late: bool = False


@define(eq=False)
class _Turn:
    """A turn in progress; the poller refers to it until it ends or another thread takes over.

    Attributes:
        since: When it began, on the monotonic clock.
        call: Its poll, if one is in progress.
        accepted: How many tasks of the last poll run here, or will.
        runs_task: Whether the thread runs a task.
    """

    since: float
    call: _Call | None = None
    accepted: int = 0
    runs_task: bool = False


class Poller:
    """Polls for one worker, each time that a thread calls ``turn``.

    Args:
        task_type: The task type.
        channel: Sends polls to the server.
        pool: Runs the tasks.
        options: The worker's options as they are now.
        worker_id: Worker id reported to the server.
        gate: What has to hold before asking.
        events: Notified of each poll.
        hand_back: Returns a task to the server that came after the stop.
        recovered: Called when polls work again after they failed.
        stop: Set when polling ends.
        clock: Returns monotonic seconds.
    """

    def __init__(
        self,
        task_type: str,
        *,
        channel: TaskChannel,
        pool: WorkerPool | CoroutinePool,
        options: Callable[[], WorkerOptions],
        worker_id: str,
        gate: Gate,
        events: EventDispatcher,
        hand_back: Callable[[Any], object],
        recovered: Callable[[], None],
        stop: threading.Event,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.task_type = task_type
        self._channel = channel
        self._pool = pool
        self._options = options
        self._worker_id = worker_id
        self._gate = gate
        self._events = events
        self._hand_back = hand_back
        self._recovered = recovered
        self._stop = stop
        self._clock = clock
        self._backoff = self._new_backoff(options())
        self._turn: _Turn | None = None
        self._waits_for_slot = False
        self._is_reported_stuck = False
        self._failing_since: float | None = None
        self._lock = threading.Lock()
        #: Called when the next turn is due at once; what drives the poller sets it.
        self.on_wake: Callable[[], object] = lambda: None
        self.state: str = "new"
        self.last_poll: float | None = None
        self.last_error: BaseException | None = None
        self.restarts: int = 0

    def _new_backoff(self, options: WorkerOptions) -> PollBackoff:
        interval, first_wait_ms = options.poll_interval_ms / 1000, options.poll_timeout_ms
        return PollBackoff(interval=interval, first_wait_ms=first_wait_ms, workers=self._gate.workers)

    # -- a turn

    def turn(self) -> float | None:
        """Poll if the conditions allow it.

        Returns:
            Seconds until the next turn is due; None if another thread has taken over, and is to call the next one.
        """
        turn = self._turn = _Turn(self._clock())
        try:
            pause = self._take_turn(turn)
        except BaseException:  # without its poller, a worker would get no tasks
            self.restarts += 1
            pause = _PAUSE_AFTER_BUG_S
            logger.exception("%s: the poller failed and is restarted", self.task_type)
        finally:
            with self._lock:
                is_current = self._turn is turn
                if is_current:
                    self._turn = None
        return pause if is_current else None

    def end(self) -> None:
        """Note that no turn follows."""
        self._become("stopped")

    def _take_turn(self, turn: _Turn) -> float:
        if (pause := self._refusal()) is not None:
            return pause
        if not (free := self._free_slots()) or self._stop.is_set():
            return _SLOT_CHECK
        if not self._gate.slots.take(self.task_type, 1, self.on_wake):
            return _IDLE_CHECK
        pause, has_more = self._ask_for_one(turn)
        if has_more and free > 1 and not self._stop.is_set():
            pause = self._ask_for_more(turn, free - 1)
        return pause

    def _refusal(self) -> float | None:
        """Return for how many seconds the worker must not poll; None if it may."""
        if self._options().paused:
            return self._skip("paused")
        try:
            may_poll = self._gate.may_poll()
        except BaseException as error:  # it is the user's function, and may raise SystemExit too
            self._after_failure(error, 0.0, "should_poll")
            return self._backoff.after_failure(error)
        if not may_poll:
            return self._skip("paused")
        return self._skip("full") if self._gate.is_full() else None

    def _skip(self, state: str) -> float:
        self._become(state)
        self._events.emit(PollSkipped, self.task_type)
        return _IDLE_CHECK

    def _free_slots(self) -> int:
        self._waits_for_slot = True  # first, so that a slot that becomes free after the look wakes the poller
        if free := self._pool.free_slots():
            self._waits_for_slot = False
        return free

    def slot_freed(self) -> None:
        """Note that the pool has a free slot: the next turn is due if it waits for one."""
        if self._waits_for_slot:
            self._waits_for_slot = False
            self.on_wake()

    def _ask_for_one(self, turn: _Turn) -> tuple[float, bool]:
        """Poll for one task, waiting on the server; return how long to pause, and whether a task came."""
        is_long = self._gate.long_polls.acquire(blocking=False)
        wait_ms = self._backoff.wait_ms if is_long else 0
        if self._gate.slots.is_used_up:
            wait_ms = min(wait_ms, _HELD_WAIT_MS)
        call = _Call(1, wait_ms, is_long, self._clock())
        tasks = self._poll(turn, call)
        if tasks is None:
            return 0.0, False
        if isinstance(tasks, BaseException):
            return self._backoff.after_failure(tasks), False
        if not tasks:
            return self._backoff.after_empty(wait_ms, self._clock() - call.since), False
        if not turn.accepted:
            return self._backoff.after_refusal(), False
        self._backoff.after_tasks()
        return 0.0, True

    def _ask_for_more(self, turn: _Turn, free: int) -> float:
        """Poll for what else there is, without waiting; return how long to pause."""
        if not (taken := self._gate.slots.take(self.task_type, free, self.on_wake)):
            return 0.0
        tasks = self._poll(turn, _Call(taken, 0, is_long=False, since=self._clock()))
        return self._backoff.after_failure(tasks) if isinstance(tasks, BaseException) else 0.0

    def _poll(self, turn: _Turn, call: _Call) -> list[Any] | BaseException | None:
        """Poll with slots in hand, and submit what comes; return it, or the error, or None if another took over."""
        came, here = 0, None
        turn.call = call
        try:
            tasks = self._request(call)
            if self._finish(turn, call) and not isinstance(tasks, BaseException):
                came, here = self._submit(tasks)
        finally:
            if self._finish(turn, call):
                self._release(call, came)
            else:
                self._gate.late_polls.release()
        turn.accepted = came
        if call.is_late:
            self._submit_late(tasks)
            return None
        if here is not None:
            self._run_here(turn, here)
        return tasks

    def _finish(self, turn: _Turn, call: _Call) -> bool:
        """Note that a poll has ended; return whether it ended before another one took over."""
        with self._lock:
            turn.call = None
            return not call.is_late

    def _release(self, call: _Call, came: int) -> None:
        if call.is_long:
            self._gate.long_polls.release()
        self._gate.slots.give_back(call.count - came)

    def _request(self, call: _Call) -> list[Any] | BaseException:
        self._events.emit(PollStarted, self.task_type, call.count)
        try:
            tasks = self._channel.poll(
                self.task_type,
                count=call.count,
                timeout_ms=call.wait_ms,
                worker_id=self._worker_id,
                domain=self._options().domain,
                limit=_LATE_LIMIT_S,
            )
        except BaseException as error:  # polling continues, also after SystemExit of an auth callable
            if not call.is_late:
                self._after_failure(error, self._clock() - call.since)
            return error
        self.last_poll = self._clock()
        self._recover()
        self._events.emit(PollCompleted, self.task_type, len(tasks), self.last_poll - call.since)
        return tasks

    # -- the tasks

    def _submit(self, tasks: list[Any]) -> tuple[int, Any]:
        """Submit tasks to the pool, and return to the server those that it refuses.

        Returns:
            How many shared slots the tasks hold, and a task to run on this thread: a worker that can have no thread for
            its tasks continues slowly.
        """
        refused = [task for task in tasks if self._stop.is_set() or not self._pool.submit(task)]
        is_lent = bool(refused) and not self._stop.is_set() and self._lend()
        here = refused.pop(0) if is_lent else None
        for task in refused:
            self._hand_back(task)
        return len(tasks) - len(refused), here

    def _lend(self) -> bool:
        return self._gate.lent is None or self._gate.lent.acquire(blocking=False)

    def _run_here(self, turn: _Turn, task: Any) -> None:
        turn.runs_task = True
        try:
            self._pool.run_here(task)
        finally:
            turn.runs_task, turn.since = False, self._clock()
            if self._gate.lent is not None:
                self._gate.lent.release()

    def _submit_late(self, tasks: list[Any] | BaseException) -> None:
        """Run the tasks of a late response as far as there are slots, and return the others to the server."""
        if isinstance(tasks, BaseException):
            return
        for task in tasks:
            is_free = not self._stop.is_set() and self._pool.free_slots() > 0
            if not is_free or not self._gate.slots.take(self.task_type, 1):
                self._hand_back(task)
            elif not self._pool.submit(task):
                self._gate.slots.give_back(1)
                self._hand_back(task)

    # -- supervision

    @property
    def failed_polls(self) -> int:
        """Failed polls since the last that worked."""
        return self._backoff.failures

    @property
    def is_stuck(self) -> bool:
        """Whether a turn has taken a minute: a ``should_poll`` that does not return, or worse."""
        return self._blocked_for() > _STUCK_AFTER

    @property
    def is_blocked(self) -> bool:
        """Whether a turn has taken some seconds, and not because of its poll."""
        turn = self._turn
        return turn is not None and (turn.runs_task or (turn.call is None and self._blocked_for() > TAKE_OVER_AFTER_S))

    def _blocked_for(self) -> float:
        turn = self._turn
        return 0.0 if turn is None or turn.runs_task else self._clock() - turn.since

    def leave_late_poll(self) -> bool:
        """Leave a poll that gets no response to its thread, which reads it to its end.

        Returns:
            Whether it was left; then another thread has to call ``turn`` now.
        """
        with self._lock:
            turn = self._turn
            call = None if turn is None else turn.call
            if call is None or self._stop.is_set():
                return False
            late_by = self._clock() - call.since - call.wait_ms / 1000
            if late_by < TAKE_OVER_AFTER_S or not self._gate.late_polls.acquire(blocking=False):
                return False
            call.is_late = True
            self._turn = None
            self._release(call, 0)
        error = APITimeoutError(
            f"GET /tasks/poll/batch/{self.task_type} has had no response {late_by:.1f} s after its wait. Another poll "
            "takes over; the response is still awaited, because it may contain tasks."
        )
        self._after_failure(error, self._clock() - call.since)
        self._backoff.after_failure(error)
        return True

    def report_stuck(self) -> None:
        """Report, once, a turn that has taken a minute."""
        if not self.is_stuck:
            self._is_reported_stuck = False
        elif not self._is_reported_stuck:
            self._is_reported_stuck = True
            logger.error(
                "%s: the poller has been blocked for %g s and takes no tasks: should_poll does not return, or a "
                "listener blocks",
                self.task_type,
                _STUCK_AFTER,
            )

    def report_death(self) -> None:
        """Report that the thread of a turn had died; the next turn is another thread's."""
        self.restarts += 1
        self._turn = None
        logger.error("%s: the poller's thread had died and was restarted", self.task_type)

    def apply_options(self) -> None:
        """Go by the worker's changed options from the next poll on."""
        self._backoff = self._new_backoff(self._options())
        self.on_wake()

    def _after_failure(self, error: BaseException, took: float, what: str = "polling") -> None:
        self.last_error = error
        self._events.emit(PollFailure, self.task_type, error, took)
        if self._failing_since is None:
            self._failing_since = self._clock()
            words = str(error) or type(error).__name__
            logger.warning("%s: %s failed; retrying with back-off: %s", self.task_type, what, words)
            self._become("failing")

    def _recover(self) -> None:
        if self._failing_since is not None:
            lasted = self._clock() - self._failing_since
            logger.info(
                "%s: polling works again after %.1f s and %d failed polls",
                self.task_type,
                lasted,
                self._backoff.failures,
            )
            self._failing_since = None
            self._recovered()
        self._become("polling")

    def _become(self, state: str) -> None:
        if self.state != state:
            self.state = state
            self._events.emit(WorkerStateChanged, self.task_type, state)
