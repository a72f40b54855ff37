"""Results to the server: at once on the thread that made them, and from a thread of its own while the server is away.

A result is kept until the server has it or says that it cannot use it; with an outbox it is on disk before it is sent
for the first time. After a failed delivery no next task is taken
from an answer (``POST /tasks`` instead of update-v2) until deliveries succeed again: a task in an answer that is lost
on its way comes back only after its response timeout.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import Counter, deque
from typing import TYPE_CHECKING, Any

from conductor.errors import (
    APIStatusError,
    APITimeoutError,
    BadRequestError,
    NotFoundError,
    ServerError,
    UnsupportedByServerError,
)
from conductor.models import TaskResult, TaskResultStatus
from conductor.models.codec import dumps, loads
from conductor.worker.events import DeliveryDelayed, EventDispatcher, TaskUpdateCompleted, TaskUpdateFailure
from conductor.worker.outbox import DiskOutbox, Undelivered

if TYPE_CHECKING:
    from conductor.transport.task_channel import TaskChannel

__all__ = ["ResultDelivery", "failure_instead", "is_final", "sendable_body", "update_body"]


logger = logging.getLogger(__name__)
_LONGEST_REASON = 500
_TOO_LARGE = 413
_IN_PROGRESS = "IN_PROGRESS"
_FAILURES = frozenset({"FAILED", "FAILED_WITH_TERMINAL_ERROR"})


def update_body(result: TaskResult) -> bytes:
    """A task result as the JSON of an update; its output is plain JSON values already."""
    wire: dict[str, Any] = {
        "taskId": result.task_id,
        "workflowInstanceId": result.workflow_instance_id,
        "status": str(result.status),
        "outputData": result.output_data,
        "workerId": result.worker_id,
    }
    if result.reason_for_incompletion is not None:
        wire["reasonForIncompletion"] = result.reason_for_incompletion
    if result.callback_after_seconds:
        wire["callbackAfterSeconds"] = result.callback_after_seconds
    if result.logs:
        wire["logs"] = [line.to_dict() for line in result.logs]
    if result.external_output_payload_storage_path:
        wire["externalOutputPayloadStoragePath"] = result.external_output_payload_storage_path
    wire.update(result.unknown_fields)
    return dumps(wire)


def sendable_body(result: TaskResult) -> bytes:
    """The same; a result that a function made up of values that have no JSON form fails its task and says so."""
    try:
        return update_body(result)
    except Exception as error:  # noqa: BLE001  whatever is in it, the task must be answered
        logger.error("Task %s: the function's TaskResult cannot be sent: %s", result.task_id, error)  # noqa: TRY400
        return update_body(
            _failure(result.workflow_instance_id, result.task_id, f"The TaskResult has no JSON: {error}")
        )


def failure_instead(body: bytes, error: Exception) -> bytes | None:
    """What to send in place of a result that the server finds wrong, so that its task does not wait for its timeout.

    None for a hand-back, and for what is as short already.
    """
    wire = loads(body)
    status = wire.get("status")
    if isinstance(error, NotFoundError) or (status == _IN_PROGRESS and not wire.get("callbackAfterSeconds")):
        return None
    if status in _FAILURES and not wire.get("logs") and not wire.get("outputData"):
        return None
    instead = _failure(
        wire["workflowInstanceId"], wire["taskId"], f"The server did not take the task's {status} result: {error}"
    )
    if status in _FAILURES:
        instead.status = TaskResultStatus(status)
    return update_body(instead)


def _failure(workflow_id: str, task_id: str, reason: str) -> TaskResult:
    return TaskResult(
        workflow_instance_id=workflow_id,
        task_id=task_id,
        status=TaskResultStatus.FAILED_WITH_TERMINAL_ERROR,
        reason_for_incompletion=reason[:_LONGEST_REASON],
    )


def is_final(error: BaseException) -> bool:
    """Whether the server will never take this result: it knows no such task, or finds the update wrong.

    An update that it cannot parse (an unknown status, a text of more than 20 million characters) it answers with 500.
    A 404 or 400 that is not Conductor's own says nothing of the task: a proxy gives it while the server is restarted. A
    413 is final whoever gives it, because the same body is too large the next time, too.
    """
    if isinstance(error, ServerError):
        return error.server_message.startswith("JSON parse error")
    if not isinstance(error, NotFoundError | BadRequestError) or isinstance(error, UnsupportedByServerError):
        return False
    return error.from_conductor or error.status == _TOO_LARGE


_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 2.0
_LONGEST_ASKED = 60.0
_RESEND_LIMIT = 5.0
_LAST_CHANCE = 0.5
_GLANCE = 0.05
_LIMIT_PER_TYPE = 1000
_MOST_REFUSALS = 100


class ResultDelivery:
    """Delivers the results of all workers of a handler.

    Args:
        hot: The way to the server.
        events: Told of each delivery that succeeds, waits or is refused.
        disk: Keeps waiting results over a crash, or None.
    """

    def __init__(self, hot: TaskChannel, events: EventDispatcher, disk: DiskOutbox | None = None) -> None:
        self._hot = hot
        self._events = events
        self._disk = disk
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._waiting: deque[Undelivered] = deque()
        self._waiting_by_type: Counter[str] = Counter()
        self._closed = False
        self._in_hand: Undelivered | None = None
        self._sending: dict[int, Undelivered] = {}
        self._until: float | None = None
        self._chaining = True
        self._shaky = False
        self._failed_since: float | None = None
        self._failed_attempts = 0
        self._is_nudged = False
        self._thread: threading.Thread | None = None
        self.delivered: int = 0
        self.refused: int = 0
        self.sent_twice: int = 0

    def start(self) -> None:
        """Start the sender, with what an earlier process left on disk."""
        if self._disk is not None and (left := self._disk.load()):
            logger.warning("Sending %d result(s) that an earlier process could not deliver", len(left))
            for result in left:
                self._enqueue(result)
        self._start_thread()

    def _start_thread(self) -> None:
        thread = threading.Thread(target=self._send_waiting, name="outbox")
        thread.start()  # one that cannot be started is no thread to join
        self._thread = thread

    @property
    def is_alive(self) -> bool:
        """Whether the sender's thread runs."""
        return self._thread is not None and self._thread.is_alive()

    def revive(self) -> None:
        """Start again a sender that died, whatever it died of."""
        if not self.is_alive and not self._closed:
            self._start_thread()
            logger.error("The sender of waiting results had died, and is started again")

    def is_full(self, task_type: str) -> bool:
        """Whether so many results of this type wait that no further task should be taken."""
        return self._waiting_by_type[task_type] >= _LIMIT_PER_TYPE

    @property
    def waiting(self) -> int:
        """How many results wait for the server after a failed attempt."""
        return len(self._waiting) + (self._in_hand is not None)

    def waiting_of(self, task_type: str) -> int:
        """How many of them are of one type."""
        return self._waiting_by_type[task_type]

    @property
    def is_failing(self) -> bool:
        """Whether results wait, and the server took none since it did not take one."""
        return self._shaky and self.waiting > 0

    def undelivered_ids(self) -> list[str]:
        """The ids of the tasks whose results the server has not taken, also of those that are on their way now."""
        with self._lock:
            in_hand = [] if self._in_hand is None else [self._in_hand]
            return [result.task_id for result in (*self._sending.values(), *in_hand, *self._waiting)]

    def undelivered_ids_unlocked(self) -> list[str]:
        """The same for a signal handler, whose own thread may hold the lock."""
        in_hand = [] if (one := self._in_hand) is None else [one]
        return [result.task_id for result in (*self._sending.copy().values(), *in_hand, *self._waiting.copy())]

    def deliver(self, task_type: str, result: TaskResult, *, wants_next: bool) -> Any:
        """Send a result, or keep it; returns the next task's JSON when the answer brings one. Raises nothing."""
        mine = Undelivered(task_type, result.task_id, sendable_body(result))
        if self._disk is not None:
            self._disk.keep(mine)
        following, error = self._attempt(mine, wants_next=wants_next)
        if error is None and self._disk is not None:
            self._disk.forget(mine)
        return following

    def hand_back(self, task_type: str, result: TaskResult) -> bool:
        """Send what gives a task back, which is never put on disk; whether the server took it."""
        mine = Undelivered(task_type, result.task_id, sendable_body(result), is_for_disk=False)
        return self._attempt(mine, wants_next=False)[1] is None

    def _attempt(self, mine: Undelivered, *, wants_next: bool) -> tuple[Any, Exception | None]:
        """Send for the first time; returns the next task, or what went wrong."""
        me, started = threading.get_ident(), time.monotonic()
        self._sending[me] = mine
        try:
            following = self._send_first(mine, wants_next=wants_next)
        except Exception as error:  # noqa: BLE001  whatever it was, the result is kept
            self._after_failure(mine, error, time.monotonic() - started)
            return None, error
        finally:
            del self._sending[me]
        self._after_success(mine, time.monotonic() - started)
        return following, None

    def _send_first(self, mine: Undelivered, *, wants_next: bool) -> Any:
        if wants_next and self._chaining and not self._shaky:
            try:
                return self._hot.update_v2(mine.task_id, mine.body, self._patience())
            except UnsupportedByServerError:
                if self._chaining:
                    logger.info("The server has no POST /tasks/update-v2; results go to POST /tasks from now on")
                self._chaining = False
        self._hot.update(mine.task_id, mine.body, self._patience())
        return None

    def hurry(self, deadline: float) -> None:
        """Wait for no answer beyond ``deadline`` (monotonic) from now on, but for a last moment."""
        self._until = deadline

    def _patience(self) -> float | None:
        return None if self._until is None else max(self._until - time.monotonic(), _LAST_CHANCE)

    def _after_success(self, result: Undelivered, took: float) -> None:
        self.delivered += 1
        self.sent_twice += result.may_be_taken
        self._shaky = False
        self._events.emit(TaskUpdateCompleted, result.task_type, result.task_id, took)

    def _after_failure(self, result: Undelivered, error: Exception, took: float) -> None:
        if is_final(error):
            self._forget(result)
            self._refuse(result, error, took)
            return
        self._note_attempt(result, error)
        self._shaky = True
        self._failed_attempts += 1
        self._keep(result)
        if self._failed_since is None:
            self._failed_since = time.monotonic()
            logger.warning("Results cannot be delivered (%s); they are kept and sent again", error)
        waiting = self._waiting_by_type[result.task_type]
        self._events.emit(DeliveryDelayed, result.task_type, result.task_id, error, waiting, took)

    @staticmethod
    def _note_attempt(result: Undelivered, error: Exception) -> None:
        """The server may have taken a result whose answer was lost, or was something else than its own."""
        is_answered = isinstance(error, APIStatusError) and error.from_conductor
        result.may_be_taken |= not is_answered and not getattr(error, "never_sent", False)

    def _forget(self, result: Undelivered) -> None:
        if self._disk is not None:
            self._disk.forget(result)

    def _refuse(self, result: Undelivered, error: Exception, took: float) -> None:
        self.refused += 1
        logger.error(
            "%s: the server does not take the result of task %s, which is not sent again: %s",
            result.task_type,
            result.task_id,
            error,
        )
        self._events.emit(TaskUpdateFailure, result.task_type, result.task_id, result.body, error, took)
        if (body := failure_instead(result.body, error)) is not None:
            instead = Undelivered(result.task_type, result.task_id, body)
            if self._disk is not None:
                self._disk.keep(instead)
            self._keep(instead)

    def _keep(self, result: Undelivered) -> None:
        if self._disk is not None:
            self._disk.harden(result)
        self._enqueue(result)

    def _enqueue(self, result: Undelivered) -> None:
        with self._lock:
            self._waiting.append(result)
            self._waiting_by_type[result.task_type] += 1
            self._changed.notify_all()

    def _send_waiting(self) -> None:
        pause = 0.0
        while (result := self._take(pause)) is not None:
            try:
                pause = self._send(result, pause)
            except BaseException:
                self._put_back(result)
                logger.exception("The sender of waiting results failed; it goes on")
                pause = _LONGEST_PAUSE

    def _take(self, pause: float) -> Undelivered | None:
        """The oldest waiting result after a pause of ``pause`` seconds, or a nudge; None once closed."""
        due = time.monotonic() + pause
        with self._lock:
            self._is_nudged = False
            while not self._closed:
                left = 0.0 if self._is_nudged else due - time.monotonic()
                if self._waiting and left <= 0:
                    self._in_hand = self._waiting.popleft()
                    return self._in_hand
                self._changed.wait(max(left, 0.0) if self._waiting else None)
            return None

    def _send(self, result: Undelivered, pause: float) -> float:
        started = time.monotonic()
        try:
            self._hot.update(result.task_id, result.body, min(self._patience() or _RESEND_LIMIT, _RESEND_LIMIT))
        except Exception as error:  # noqa: BLE001  whatever it was, the result is kept
            self._failed_attempts += 1
            self._note_attempt(result, error)
            if not is_final(error) and not self._is_hopeless(result, error):
                # One that is answered with an error, or not at all, may be the fault of itself: others go first.
                self._put_back(result, last=isinstance(error, APIStatusError | APITimeoutError))
                return self._longer(pause, error)
            self._refuse(result, error, time.monotonic() - started)
        else:
            self._after_success(result, time.monotonic() - started)
        self._forget(result)
        self._finish(result)
        return 0.0

    def _is_hopeless(self, result: Undelivered, error: Exception) -> bool:
        """Whether the server answered this result with errors a hundred times, each time having taken others between.

        An outage in which it answers every update with 500, however long, makes no result hopeless.
        """
        if isinstance(error, APIStatusError) and self.delivered > result.taken_before:
            result.refusals += 1
            result.taken_before = self.delivered
        return result.refusals >= _MOST_REFUSALS

    @staticmethod
    def _longer(pause: float, error: Exception) -> float:
        asked = error.retry_after if isinstance(error, APIStatusError) else None
        if asked is None:
            asked = getattr(error, "no_token_for", None)
        usual = min(max(2 * pause, _FIRST_PAUSE), _LONGEST_PAUSE) * random.uniform(0.75, 1.0)  # noqa: S311
        return usual if asked is None else max(usual, min(float(asked), _LONGEST_ASKED))

    def _put_back(self, result: Undelivered, *, last: bool = False) -> None:
        """Keep waiting: first in the row, or last when the server answered, which may be this result's own fault."""
        with self._lock:
            self._in_hand = None
            if last:
                self._waiting.append(result)
            else:
                self._waiting.appendleft(result)

    def _finish(self, result: Undelivered) -> None:
        with self._lock:
            self._in_hand = None
            self._waiting_by_type[result.task_type] -= 1
            self._changed.notify_all()
            if self._waiting or self._failed_since is None:
                return
            since, self._failed_since = self._failed_since, None
            failed, self._failed_attempts = self._failed_attempts, 0
        logger.info(
            "All waiting results are delivered, %.1f s and %d failed attempts after the first failure",
            time.monotonic() - since,
            failed,
        )

    def nudge(self) -> None:
        """Send what waits now: the server is there again, as something else has found."""
        with self._lock:
            self._is_nudged = True
            self._changed.notify_all()

    def flush(self, deadline: float) -> bool:
        """Wait until nothing waits and nothing is on its way, up to ``deadline`` (monotonic); whether that is so."""
        with self._lock:
            while self._waiting or self._in_hand or self._sending:
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                self._changed.wait(min(left, _GLANCE) if self._sending else left)  # a first attempt tells nobody
            return True

    def close(self, deadline: float) -> None:
        """End the sender; what waits stays on disk, if there is one."""
        with self._lock:
            self._closed = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(max(0.0, deadline - time.monotonic()))
        if self._disk is not None:
            self._disk.close()
