"""When a call is sent again, and after how long: a frozen value that answers with a decision; and what it may cost."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable

from attrs import frozen

__all__ = ["GiveUp", "Outcome", "RetryBudget", "RetryPolicy", "Wait"]

_RATE_LIMITED = 429
_UNAVAILABLE = frozenset({502, 503, 504})


@frozen
class Wait:
    """Send again after ``seconds``."""

    seconds: float


@frozen
class GiveUp:
    """Do not send again."""


@frozen
class Outcome:
    """How a request failed.

    Attributes:
        repeatable: Whether repeating the operation is harmless.
        status: The answer's status, or None when none came.
        retry_after: Seconds that the server asked to wait, or None.
        timed_out: No answer came in time.
        never_sent: The request cannot have reached the server: no connection could be made.
    """

    repeatable: bool
    status: int | None = None
    retry_after: float | None = None
    timed_out: bool = False
    never_sent: bool = False


@frozen
class RetryPolicy:
    """Which failed requests are sent again.

    A request is repeated only where that is harmless, or where it was certainly not carried out: no connection was
    made, or the server answered 429. A timeout and a 500 are never repeated.

    Attributes:
        rate_limit_retries: How often a 429 is repeated.
        connection_retries: How often 502, 503, 504 and connection errors are repeated.
        longest_wait: The longest ``Retry-After`` that is waited for, in seconds; a longer one is an error at once.
        jitter: By how much of itself a wait may be shorter or longer.
        uniform: The source of the jitter.
    """

    rate_limit_retries: int = 5
    connection_retries: int = 3
    longest_wait: float = 60.0
    jitter: float = 0.1
    uniform: Callable[[float, float], float] = random.uniform

    @classmethod
    def none(cls) -> RetryPolicy:
        """Never repeat."""
        return cls(rate_limit_retries=0, connection_retries=0)

    def decide(self, attempt: int, outcome: Outcome) -> Wait | GiveUp:
        """What to do after the ``attempt``-th request (from 1) failed."""
        if outcome.status == _RATE_LIMITED:
            return self._after_rate_limit(attempt, outcome.retry_after)
        if outcome.timed_out and not outcome.never_sent:
            return GiveUp()
        if outcome.status is not None and outcome.status not in _UNAVAILABLE:
            return GiveUp()
        if attempt > self.connection_retries or not (outcome.repeatable or outcome.never_sent):
            return GiveUp()
        if outcome.retry_after is not None and outcome.retry_after > self.longest_wait:
            return GiveUp()
        return Wait(outcome.retry_after or self._spread(0.5 * 2 ** (attempt - 1)))

    def _after_rate_limit(self, attempt: int, retry_after: float | None) -> Wait | GiveUp:
        if attempt > self.rate_limit_retries or (retry_after is not None and retry_after > self.longest_wait):
            return GiveUp()
        return Wait(retry_after if retry_after is not None else self._spread(2.0 ** (attempt - 1)))

    def _spread(self, wait: float) -> float:
        return wait * (1 + self.uniform(-self.jitter, self.jitter))


class RetryBudget:
    """What repeated requests may cost all callers of a transport together: a bucket of tokens, as botocore has.

    A repeated request takes ``COST`` tokens out. Each call that succeeds puts back what its last repetition took, or
    one token when it needed none. With an empty bucket a call fails at its first failure, so that a server which is
    down or overloaded is asked once a call, and not up to four times, until calls succeed again. Safe to use from many
    threads.

    Attributes:
        tokens: How many are left.
    """

    CAPACITY = 500
    COST = 5

    def __init__(self) -> None:
        self.tokens: int = self.CAPACITY
        self._lock = threading.Lock()

    def take(self) -> bool:
        """Take out what a repetition costs; False, and nothing taken, when it is not there."""
        with self._lock:
            if self.tokens < self.COST:
                return False
            self.tokens -= self.COST
            return True

    def give_back(self, *, was_repeated: bool) -> None:
        """Note a call that succeeded."""
        if self.tokens < self.CAPACITY:  # a full bucket, the usual case, needs no lock
            with self._lock:
                self.tokens = min(self.CAPACITY, self.tokens + (self.COST if was_repeated else 1))

    def reset_lock(self) -> None:
        """In a forked child: another thread of the parent may have held the lock."""
        self._lock = threading.Lock()
