"""Delivery of task results: the first attempt on the thread that ran the task, later attempts on sender threads.

A result is kept until the server has taken it or is known to refuse it; with an outbox it is on disk before its first
attempt. Each undelivered result has its own schedule, so none waits for another: see docs/design/workers.md.

The response to an update can carry the next task (``POST /tasks/update-v2``). If that response is lost, its task waits
for its response timeout. After a lost response, results are therefore sent by ``POST /tasks`` for a growing time.
"""

from __future__ import annotations

import heapq
import itertools
import math
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from conductor._internal.logs import isolated_logger
from conductor.errors import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    UnexpectedResponseError,
    UnsupportedByServerError,
)
from conductor.worker.dispatches import DispatchRecord
from conductor.worker.events import DeliveryDelayed, EventDispatcher, TaskUpdateCompleted, TaskUpdateFailure
from conductor.worker.lifecycle import StopDeadline
from conductor.worker.results import failure_instead, sendable_body
from conductor.worker.threads import HandlerThread
from conductor.worker.undelivered import (
    AttemptRate,
    Undelivered,
    attempt_limit,
    is_final,
    requested_delay,
    retry_delay,
)

if TYPE_CHECKING:
    from conductor.models import TaskResult
    from conductor.transport.task_channel import TaskChannel
    from conductor.worker.outbox import DiskOutbox

__all__ = ["ResultDelivery"]

logger = isolated_logger(__name__)

#: Seconds that an attempt of a sender may take; it can be repeated, and other results need the sender.
_RESEND_LIMIT_S = 5.0
#: Seconds that an attempt may take once the grace period is over.
_LAST_ATTEMPT_S = 0.5
#: Seconds for all updates that give tasks back at the end of a stop: for a few attempts of each sender.
_LAST_RELEASES_S = 1.0
#: Sender threads. One slow attempt must not hold up the other results.
_SENDERS = 4
#: Senders for results whose last attempt timed out. The other senders stay free for results that the server takes.
_SENDERS_FOR_TIMEOUTS = 2
#: Failed attempts in a row, of any results, after which the rate of attempts is limited until one succeeds.
_FAILING_AFTER = 5
#: Seconds over which results are sent, in random order, after the first success of a failing server. A proxy with
#: several backends, of which some fail, would otherwise give the same one to the same result each time.
_RECOVERY_SPREAD_S = 0.2
#: Undelivered results of one task type from which on no more tasks of the type are polled.
_LIMIT_PER_TYPE = 1000
#: Seconds without next tasks in responses after a lost response: the first time, and at most.
_FIRST_UNCHAINED_S, _LONGEST_UNCHAINED_S = 2.0, 60.0
#: Responses with next tasks that have to arrive until the seconds above start from the first value again.
_CHAINED_UNTIL_TRUSTED = 50
#: Seconds between two looks at first attempts in progress; these notify nobody when they end.
_FLUSH_INTERVAL_S = 0.05


class ResultDelivery:
    """Delivers the results of all workers of a handler.

    Args:
        channel: Sends updates to the server.
        events: Notified of each delivery that succeeds, is delayed or is refused.
        disk: Keeps undelivered results across restarts; None keeps them in memory only.
        clock: Returns monotonic seconds.
        dispatches: Notified of each task whose result the server has, or will never take.
    """

    def __init__(
        self,
        channel: TaskChannel,
        events: EventDispatcher,
        disk: DiskOutbox | None = None,
        clock: Callable[[], float] = time.monotonic,
        dispatches: DispatchRecord | None = None,
    ) -> None:
        self._dispatches = dispatches or DispatchRecord()
        self._channel = channel
        self._events = events
        self._disk = disk
        self._clock = clock
        self._lock = threading.Lock()
        self._due = threading.Condition(self._lock)
        self._idle = threading.Condition(self._lock)
        self._order = itertools.count()
        # Results by the time of their next attempt. Those whose last attempt timed out are apart, because they may
        # occupy only some of the senders.
        self._queue: list[tuple[float, int, Undelivered]] = []
        self._timed_out: list[tuple[float, int, Undelivered]] = []
        self._waiting_by_type: Counter[str] = Counter()
        self._resending: dict[int, Undelivered] = {}
        self._first_attempts: dict[int, Undelivered] = {}
        self._rate = AttemptRate()
        self._failures_in_row = 0
        self._failures = 0
        self._is_last_first_attempt_taken = False
        self._last_error: BaseException | None = None
        self._failing_since: float | None = None
        self._failed_attempts = 0
        self._supports_v2 = True
        self._unchained_until = -math.inf
        self._unchained_seconds = 0.0
        self._chained_responses = 0
        self._seconds_left: Callable[[], float] | None = None
        self._closed = False
        self._has_releases = False
        self._senders: list[threading.Thread] = []
        self.delivered: int = 0
        self.refused: int = 0
        self.sent_twice: int = 0

    # -- threads

    def start(self) -> None:
        """Start the senders, with what an earlier process left in the outbox."""
        if self._disk is not None:
            left = 0
            for result in self._disk.load():
                left += 1
                self._enqueue(result, self._clock())
            if left:
                logger.warning("Sending %d result(s) that an earlier process could not deliver", left)
        self._start_senders()

    def _start_senders(self) -> int:
        self._senders = [thread for thread in self._senders if thread.is_alive()]
        missing = _SENDERS - len(self._senders)
        for _ in range(missing):
            thread = HandlerThread(self._main, "outbox")
            thread.start()
            self._senders.append(thread)
        return missing

    @property
    def is_alive(self) -> bool:
        """Whether a sender runs."""
        return any(thread.is_alive() for thread in self._senders)

    def revive(self) -> None:
        """Restart senders that died."""
        if not self._closed and (missing := self._start_senders()):
            logger.error("%d sender thread(s) of undelivered results had died and were restarted", missing)

    def hurry(self, seconds_left: Callable[[], float]) -> None:
        """Send everything now, and wait for responses as long as ``seconds_left`` says, and a last moment."""
        self._seconds_left = seconds_left
        self._send_now(keeprequested_delays=False)

    def nudge(self) -> None:
        """Send now what waits for its next attempt: the server has recovered."""
        self._send_now(keeprequested_delays=True)

    def _send_now(self, *, keeprequested_delays: bool, within: float = 0.0) -> None:
        with self._lock:
            now = self._clock()
            for queue in (self._queue, self._timed_out):
                for index, (due, order, one) in enumerate(queue):
                    soon = min(due, now + random.uniform(0.0, within))
                    queue[index] = (max(soon, one.not_before) if keeprequested_delays else soon, order, one)
                heapq.heapify(queue)
            self._due.notify_all()

    def flush(self, deadline: StopDeadline) -> bool:
        """Wait until everything is delivered, up to the deadline; return whether that is so.

        Tasks that are given back have a second in any case: often the deadline is the reason to give them back.
        """
        last = time.monotonic() + (_LAST_RELEASES_S if self._has_releases else 0.0)
        with self._lock:
            while self._queue or self._timed_out or self._resending or self._first_attempts:
                if (seconds := deadline.slice() or min(last - time.monotonic(), _FLUSH_INTERVAL_S)) <= 0:
                    return False
                self._idle.wait(min(seconds, _FLUSH_INTERVAL_S) if self._first_attempts else seconds)
            return True

    def close(self, deadline: float) -> None:
        """End the senders; what is undelivered stays in the outbox, if there is one."""
        with self._lock:
            self._closed = True
            self._due.notify_all()
        for thread in self._senders:
            thread.join(max(0.0, deadline - time.monotonic()))
        if self._disk is not None:
            self._disk.close()

    # -- state

    def is_full(self, task_type: str) -> bool:
        """Return whether so many results of this type are undelivered that no more tasks should be polled."""
        return self._waiting_by_type[task_type] >= _LIMIT_PER_TYPE

    @property
    def waiting(self) -> int:
        """Number of results that wait for another attempt, or have one in progress."""
        return len(self._queue) + len(self._timed_out) + len(self._resending)

    def waiting_of(self, task_type: str) -> int:
        """Return how many of them have this task type."""
        return self._waiting_by_type[task_type]

    @property
    def is_failing(self) -> bool:
        """Whether results wait, and the last attempt of any result failed."""
        return self._failures_in_row > 0 and self.waiting > 0

    def undelivered_ids(self) -> list[str]:
        """Return the ids of the tasks whose results the server has not taken, including those being sent."""
        with self._lock:
            return self.undelivered_ids_unlocked()

    def undelivered_ids_unlocked(self) -> list[str]:
        """Return the same to a signal handler, whose own thread may hold the lock."""
        queued = sorted([*self._queue.copy(), *self._timed_out.copy()], key=lambda entry: entry[1])
        sending = [*self._first_attempts.copy().values(), *self._resending.copy().values()]
        return [result.task_id for result in (*sending, *(entry[2] for entry in queued))]

    # -- first attempts

    def deliver(self, task_type: str, result: TaskResult, *, wants_next: bool) -> Any:
        """Send a result, or keep it for the senders; return the JSON of the next task if the response carries one.

        Raises nothing.
        """
        mine = Undelivered(task_type, result.task_id, sendable_body(result), ends_dispatch=True)
        if self._disk is not None:
            self._disk.keep(mine)
        if self._failures_in_row >= _FAILING_AFTER and not self._closed and not self._may_attempt_now():
            self._enqueue_hardened(mine, self._clock())
            return None
        return self._attempt_first(mine, wants_next=wants_next)[0]

    def release(self, task_type: str, result: TaskResult) -> bool:
        """Send the update that gives a task back to the server; return whether the server took it.

        It is never written to disk. If its response is lost it is not repeated: another worker may have the task by
        then, and a second release would dispatch it once more.
        """
        mine = Undelivered(task_type, result.task_id, sendable_body(result), is_release=True, ends_dispatch=True)
        return self._attempt_first(mine, wants_next=False)[1] is None

    def release_soon(self, task_type: str, result: TaskResult) -> None:
        """Have the senders send the update that gives a task back to the server; ``flush`` waits for it."""
        if self._closed:
            self.release(task_type, result)
            return
        self._has_releases = True
        body = sendable_body(result)
        self._enqueue(Undelivered(task_type, result.task_id, body, is_release=True, ends_dispatch=True), self._clock())

    def _may_attempt_now(self) -> bool:
        with self._lock:
            if self._rate.wait(self._clock()) > 0:
                return False
            self._rate.take()
            return True

    def _attempt_first(self, result: Undelivered, *, wants_next: bool) -> tuple[Any, BaseException | None]:
        thread = threading.get_ident()
        self._first_attempts[thread] = result
        try:
            return self._attempt(result, wants_next=wants_next, is_first=True)
        finally:
            del self._first_attempts[thread]

    def _attempt(
        self, result: Undelivered, *, wants_next: bool = False, is_first: bool = False
    ) -> tuple[Any, BaseException | None]:
        """Send a result once; return the next task, or the error. The result is delivered, kept or given up then."""
        started = self._clock()
        try:
            following = self._send(result, wants_next=wants_next)
        except BaseException as error:  # an auth callable may raise SystemExit; the result is kept
            self._after_failure(result, error, self._clock() - started, is_first=is_first)
            return None, error
        self._after_success(result, self._clock() - started, is_first=is_first)
        return following, None

    def _send(self, result: Undelivered, *, wants_next: bool) -> Any:
        limit = None
        if self._seconds_left is not None:
            limit = max(self._seconds_left(), _LAST_ATTEMPT_S)
        if result.failures:
            limit = _RESEND_LIMIT_S if limit is None else min(limit, _RESEND_LIMIT_S)
        if wants_next and self._supports_v2 and not self._failures_in_row and self._clock() >= self._unchained_until:
            try:
                following = self._channel.update_v2(result.task_id, result.body, limit)
            except UnsupportedByServerError:
                if self._supports_v2:
                    logger.info("The server has no POST /tasks/update-v2; sending results with POST /tasks")
                self._supports_v2 = False
            else:
                self._trust_responses()
                return following
        self._channel.update(result.task_id, result.body, limit)
        return None

    def _trust_responses(self) -> None:
        if self._unchained_seconds:
            self._chained_responses += 1
            if self._chained_responses >= _CHAINED_UNTIL_TRUSTED:
                self._unchained_seconds = 0.0

    # -- after an attempt

    def _after_success(self, result: Undelivered, took: float, *, is_first: bool) -> None:
        with self._lock:
            self.delivered += 1
            self.sent_twice += result.may_be_taken
            has_recovered = self._failures_in_row >= _FAILING_AFTER
            self._failures_in_row = 0
            if is_first:
                self._is_last_first_attempt_taken = True
        if has_recovered:
            self._send_now(keeprequested_delays=True, within=_RECOVERY_SPREAD_S)
        self._remove(result, is_queued=not is_first)
        self._events.emit(TaskUpdateCompleted, result.task_type, result.task_id, took)

    def _after_failure(self, result: Undelivered, error: BaseException, took: float, *, is_first: bool) -> None:
        with self._lock:
            is_lost = self._note_failure(result, error, is_first=is_first)
        if is_final(error) or self._is_hopeless(result, error):
            self._give_up(result, error, took, is_queued=not is_first)
        elif result.is_release and is_lost:
            logger.warning("The response to the release of task %s was lost; it is not repeated", result.task_id)
            self._remove(result, is_queued=not is_first)
            self._dispatches.lose(result.task_type)
        else:
            self._retry_later(result, error, took, is_queued=not is_first)

    def _note_failure(self, result: Undelivered, error: BaseException, *, is_first: bool) -> bool:
        """Count a failed attempt; return whether the server may have taken the result nevertheless."""
        self._failures += 1
        self._failures_in_row += 1
        self._failed_attempts += 1
        self._last_error = error
        if is_first:
            self._is_last_first_attempt_taken = False
        is_unsent = isinstance(error, APIConnectionError) and error.never_sent
        is_answered = isinstance(error, APIStatusError) and error.from_conductor
        is_lost = not is_unsent and not is_answered
        result.may_be_taken |= is_lost
        if is_lost and self._supports_v2:
            self._unchained_seconds = min(max(2 * self._unchained_seconds, _FIRST_UNCHAINED_S), _LONGEST_UNCHAINED_S)
            self._unchained_until = self._clock() + self._unchained_seconds
            self._chained_responses = 0
        if result.failures == 0:
            result.delivered_before, result.failed_before = self.delivered, self._failures
        elif not is_unsent:
            # The result itself may be at fault if the server took another one since the previous attempt. Where no
            # other results arrive any more, those taken since its first attempt count, once each.
            others = self.delivered - result.delivered_before
            if self.delivered > result.delivered_at_attempt or (
                self._is_last_first_attempt_taken and result.refusals < others
            ):
                result.refusals += 1
        result.delivered_at_attempt = self.delivered
        result.failures += 1
        return is_lost

    def _is_hopeless(self, result: Undelivered, error: BaseException) -> bool:
        failed = self._failures - result.failed_before - (result.failures - 1)
        taken = self.delivered - result.delivered_before
        share = (failed + 1) / (failed + taken + 2)  # one more of each, because few attempts say little
        is_answered = isinstance(error, APIStatusError | UnexpectedResponseError)
        return result.refusals >= attempt_limit(share, is_answered=is_answered)

    def _give_up(self, result: Undelivered, error: BaseException, took: float, *, is_queued: bool) -> None:
        with self._lock:
            self.refused += 1
        logger.error("%s: the result of task %s was refused: %s", result.task_type, result.task_id, error)
        self._events.emit(TaskUpdateFailure, result.task_type, result.task_id, result.body, error, took)
        if (body := failure_instead(result.body, error)) is not None:
            instead = Undelivered(result.task_type, result.task_id, body, ends_dispatch=result.ends_dispatch)
            result.ends_dispatch = False
            if self._disk is not None:
                self._disk.keep(instead)
            self._enqueue_hardened(instead, self._clock())
        self._remove(result, is_queued=is_queued)

    def _retry_later(self, result: Undelivered, error: BaseException, took: float, *, is_queued: bool) -> None:
        now = self._clock()
        result.not_before = now + requested_delay(error)
        result.has_timed_out = isinstance(error, APITimeoutError)
        self._enqueue_hardened(result, now + retry_delay(result.failures, error), is_counted=is_queued)
        if self._failing_since is None:
            self._failing_since = now
            words = str(error) or type(error).__name__
            logger.warning("Results cannot be delivered; they are kept and sent again: %s", words)
        if self._closed:
            logger.error("The handler is stopped; the result of task %s is not sent again", result.task_id)
        waiting = self._waiting_by_type[result.task_type]
        self._events.emit(DeliveryDelayed, result.task_type, result.task_id, error, waiting, took)

    def _enqueue_hardened(self, result: Undelivered, due: float, *, is_counted: bool = False) -> None:
        if self._disk is not None:
            self._disk.harden(result)
        self._enqueue(result, due, is_counted=is_counted)

    def _enqueue(self, result: Undelivered, due: float, *, is_counted: bool = False) -> None:
        with self._lock:
            queue = self._timed_out if result.has_timed_out else self._queue
            heapq.heappush(queue, (due, next(self._order), result))
            if not is_counted:
                self._waiting_by_type[result.task_type] += 1
            self._due.notify()

    def _remove(self, result: Undelivered, *, is_queued: bool) -> None:
        if self._disk is not None:
            self._disk.forget(result)
        if result.ends_dispatch:
            self._dispatches.end(result.task_id)
        if not is_queued:
            return
        with self._lock:
            self._waiting_by_type[result.task_type] -= 1
            is_last = not self._queue and not self._timed_out and set(map(id, self._resending.values())) <= {id(result)}
            if not is_last or self._failing_since is None:
                return
            since, self._failing_since = self._failing_since, None
            failed, self._failed_attempts = self._failed_attempts, 0
        logger.info(
            "All results are delivered: %.1f s and %d failed attempts after the first failure",
            self._clock() - since,
            failed,
        )

    # -- senders

    def _main(self) -> None:
        while self._wait_until_due():
            try:
                self.send_next()
            except BaseException:  # without its sender, a result would never be delivered
                logger.exception("A sender of undelivered results failed; it continues")

    def _wait_until_due(self) -> bool:
        """Wait until a result is due; return False once closed."""
        with self._lock:
            while not self._closed:
                delay = self._delay()
                if delay is not None and delay <= 0:
                    return True
                self._due.wait(delay)
            return False

    def _delay(self) -> float | None:
        """Return the seconds until the next attempt may begin; None while nothing waits."""
        if (queue := self._next_queue()) is None:
            return None
        now = self._clock()
        limited = self._rate.wait(now) if self._failures_in_row >= _FAILING_AFTER else 0.0
        return max(queue[0][0] - now, limited)

    def _next_queue(self) -> list[tuple[float, int, Undelivered]] | None:
        timed_out_now = sum(one.has_timed_out for one in self._resending.values())
        eligible = [self._queue] if timed_out_now >= _SENDERS_FOR_TIMEOUTS else [self._queue, self._timed_out]
        return min((queue for queue in eligible if queue), key=lambda queue: queue[0], default=None)

    def send_next(self) -> bool:
        """Send the result that is due first; return False if none is due now."""
        thread = threading.get_ident()
        with self._lock:
            delay = self._delay()
            if delay is None or delay > 0 or (queue := self._next_queue()) is None:
                return False
            if self._failures_in_row >= _FAILING_AFTER:
                self._rate.take()
            result = heapq.heappop(queue)[2]
            self._resending[thread] = result
        try:
            self._attempt(result)
        finally:
            with self._lock:
                del self._resending[thread]
                self._idle.notify_all()
                self._due.notify()  # a result whose last attempt timed out may have waited for this sender
        return True
