"""Results to the server: at once on the thread that made them, and from a thread of its own while the server is away.

A result is kept until the server has it or says that it cannot use it. After a failed delivery no next task is taken
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

from conductor.errors import APIError, APIStatusError, UnsupportedByServerError
from conductor.models import TaskResult
from conductor.worker.events import DeliveryDelayed, EventDispatcher, TaskUpdateCompleted, TaskUpdateFailure
from conductor.worker.outbox import DiskOutbox, Undelivered
from conductor.worker.update import failure_instead, is_final, sendable_body

if TYPE_CHECKING:
    from conductor.transport.hot import HotPath

__all__ = ["ResultDelivery"]

logger = logging.getLogger(__name__)

_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 2.0
_LIMIT_PER_TYPE = 1000
_MOST_REFUSALS = 100


class ResultDelivery:
    """Delivers the results of all workers of a handler.

    Args:
        hot: The way to the server.
        events: Told of each delivery that succeeds, waits or is refused.
        disk: Keeps waiting results over a crash, or None.
    """

    def __init__(self, hot: HotPath, events: EventDispatcher, disk: DiskOutbox | None = None) -> None:
        self._hot = hot
        self._events = events
        self._disk = disk
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._waiting: deque[Undelivered] = deque()
        self._waiting_by_type: Counter[str] = Counter()
        self._closed = False
        self._in_hand = 0
        self._chaining = True
        self._shaky = False
        self._failed_since: float | None = None
        self._failed_attempts = 0
        self._is_nudged = False
        self._thread: threading.Thread | None = None
        self.delivered: int = 0
        self.refused: int = 0

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
        """How many results wait for the server."""
        return len(self._waiting) + self._in_hand

    def waiting_ids(self) -> list[str]:
        """The ids of the tasks whose results wait."""
        with self._lock:
            return [result.task_id for result in self._waiting]

    def waiting_ids_unlocked(self) -> list[str]:
        """The same for a signal handler, whose own thread may hold the lock."""
        return [result.task_id for result in self._waiting.copy()]

    def deliver(self, task_type: str, result: TaskResult, *, wants_next: bool) -> Any:
        """Send a result, or keep it; returns the next task's JSON when the answer brings one. Raises no APIError."""
        body = sendable_body(result)
        task_id = result.task_id
        started = time.monotonic()
        try:
            if wants_next and self._chaining and not self._shaky:
                following = self._update_v2(body)
            else:
                following = None
                self._hot.update(body)
        except APIError as error:
            self._after_failure(Undelivered(task_type, task_id, body), error, time.monotonic() - started)
            return None
        self._after_success(task_type, task_id, time.monotonic() - started)
        return following

    def _update_v2(self, body: bytes) -> Any:
        try:
            return self._hot.update_v2(body)
        except UnsupportedByServerError:
            if self._chaining:
                logger.info("The server has no POST /tasks/update-v2; results go to POST /tasks from now on")
            self._chaining = False
            self._hot.update(body)
            return None

    def _after_success(self, task_type: str, task_id: str, took: float) -> None:
        self.delivered += 1
        self._shaky = False
        self._events.emit(TaskUpdateCompleted, task_type, task_id, took)

    def _after_failure(self, result: Undelivered, error: APIError, took: float) -> None:
        if is_final(error):
            self._refuse(result, error, took)
            return
        self._shaky = True
        self._failed_attempts += 1
        self._keep(result)
        if self._failed_since is None:
            self._failed_since = time.monotonic()
            logger.warning("Results cannot be delivered (%s); they are kept and sent again", error)
        waiting = self._waiting_by_type[result.task_type]
        self._events.emit(DeliveryDelayed, result.task_type, result.task_id, error, waiting, took)

    def _refuse(self, result: Undelivered, error: APIError, took: float) -> None:
        self.refused += 1
        logger.error(
            "%s: the server does not take the result of task %s, which is not sent again: %s",
            result.task_type,
            result.task_id,
            error,
        )
        self._events.emit(TaskUpdateFailure, result.task_type, result.task_id, result.body, error, took)
        if (body := failure_instead(result.body, error)) is not None:
            self._keep(Undelivered(result.task_type, result.task_id, body))

    def _keep(self, result: Undelivered) -> None:
        if self._disk is not None:
            self._disk.keep(result)
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
                    self._in_hand = 1
                    return self._waiting.popleft()
                self._changed.wait(max(left, 0.0) if self._waiting else None)
            return None

    def _send(self, result: Undelivered, pause: float) -> float:
        started = time.monotonic()
        try:
            self._hot.update(result.body)
        except APIError as error:
            self._failed_attempts += 1
            if not is_final(error) and not self._is_hopeless(result, error):
                self._put_back(result, last=isinstance(error, APIStatusError))
                return self._longer(pause, error)
            self._refuse(result, error, time.monotonic() - started)
        else:
            self._after_success(result.task_type, result.task_id, time.monotonic() - started)
        if self._disk is not None:
            self._disk.forget(result)
        self._finish(result)
        return 0.0

    def _is_hopeless(self, result: Undelivered, error: APIError) -> bool:
        """Whether the server answered this result with errors a hundred times, each time having taken others between.

        An outage in which it answers every update with 500, however long, makes no result hopeless.
        """
        if isinstance(error, APIStatusError) and self.delivered > result.taken_before:
            result.refusals += 1
            result.taken_before = self.delivered
        return result.refusals >= _MOST_REFUSALS

    @staticmethod
    def _longer(pause: float, error: APIError) -> float:
        asked = error.retry_after if isinstance(error, APIStatusError) else None
        if asked is None:
            asked = getattr(error, "no_token_for", None)
        if asked is not None:
            return min(float(asked), 60.0)
        return min(max(2 * pause, _FIRST_PAUSE), _LONGEST_PAUSE) * random.uniform(0.75, 1.0)  # noqa: S311

    def _put_back(self, result: Undelivered, *, last: bool = False) -> None:
        """Keep waiting: first in the row, or last when the server answered, which may be this result's own fault."""
        with self._lock:
            self._in_hand = 0
            if last:
                self._waiting.append(result)
            else:
                self._waiting.appendleft(result)

    def _finish(self, result: Undelivered) -> None:
        with self._lock:
            self._in_hand = 0
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
        """Wait until nothing waits, up to ``deadline`` (monotonic); whether that came about."""
        with self._lock:
            while self._waiting or self._in_hand:
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                self._changed.wait(left)
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
