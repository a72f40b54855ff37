"""An undelivered result, when it is sent again, and when it is given up: decisions without a clock and without I/O."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

from attrs import define

from conductor.errors import (
    APIError,
    APIStatusError,
    BadRequestError,
    NotFoundError,
    ServerError,
    UnsupportedByServerError,
)

__all__ = ["AttemptRate", "Undelivered", "attempt_limit", "is_final", "requested_delay", "retry_delay"]

#: Seconds from a failed attempt to the next one of the same result, before jitter; the last applies to all others.
_RETRY_DELAYS_S = (0.5, 1.0, 2.0)
#: Seconds; a longer ``Retry-After`` is cut, so that delivery resumes soon after an outage.
_LONGEST_RETRY_AFTER_S = 60.0
#: Attempts per second, and at once, while the server is failing: 170 in an outage of 5 s.
_FAILING_RATE, _FAILING_BURST = 30.0, 20
#: Refused attempts after which a result is given up: fewer if the server answered, which says more than a lost
#: connection. The last is reached after about 20 and 60 s.
_LIMIT_ANSWERED, _LIMIT_UNANSWERED = 12, 30
#: Accepted probability that a result is given up although the server would take it at some time.
_ACCEPTED_RISK = 1e-6
#: The HTTP status of a body that is too large.
_TOO_LARGE = 413


@define(eq=False)
class Undelivered:
    """A result that the server has not taken yet.

    Attributes:
        task_type: The worker's task type.
        task_id: The task's id.
        body: The update as JSON.
        row: Its id in the file, or None.
        is_release: Whether it gives the task back to the server; then it is never written to the file.
        ends_dispatch: Whether the task was received by this process, and its end has to be reported.
        failures: Number of failed attempts.
        refusals: Number of failed attempts for which the result itself may be the cause.
        delivered_before: How many results had been delivered at its first attempt.
        failed_before: How many attempts of all results had failed then.
        delivered_at_attempt: How many results had been delivered at its last attempt.
        may_be_taken: Whether the server may have taken it although no response said so.
        has_timed_out: Whether its last attempt ended by a timeout.
        not_before: Earliest time of the next attempt that the server asked for, in monotonic seconds.
    """

    task_type: str
    task_id: str
    body: bytes
    row: int | None = None
    is_release: bool = False
    ends_dispatch: bool = False
    failures: int = 0
    refusals: int = 0
    delivered_before: int = 0
    failed_before: int = 0
    delivered_at_attempt: int = 0
    may_be_taken: bool = False
    has_timed_out: bool = False
    not_before: float = 0.0


def is_final(error: BaseException) -> bool:
    """Return whether the server will never take this result: it knows no such task, or the update is invalid.

    The server answers 500 to an update that it cannot parse (an unknown status, a string of over 20 million
    characters). A 404 or 400 that Conductor did not send says nothing about the task: proxies answer so while the
    server restarts. A 413 is final whoever sends it, because the same body stays too large.
    """
    if isinstance(error, ServerError):
        return error.server_message.startswith("JSON parse error")
    if not isinstance(error, NotFoundError | BadRequestError) or isinstance(error, UnsupportedByServerError):
        return False
    return error.from_conductor or error.status == _TOO_LARGE


def retry_delay(
    failures: int,
    error: BaseException,
    jitter: Callable[[float, float], float] = random.uniform,
) -> float:
    """Return the seconds until a result with ``failures`` failed attempts is sent again.

    If the server asks for a longer delay (``Retry-After``), the result of the function is that delay.
    """
    usual = _RETRY_DELAYS_S[min(failures, len(_RETRY_DELAYS_S)) - 1] * jitter(0.75, 1.0)
    return max(usual, requested_delay(error))


def requested_delay(error: BaseException) -> float:
    """Return the seconds for which the server, or the token endpoint, asks to be left alone."""
    seconds = error.retry_after if isinstance(error, APIStatusError) else None
    if seconds is None and isinstance(error, APIError):
        seconds = error.token_retry_after
    return 0.0 if seconds is None else min(float(seconds), _LONGEST_RETRY_AFTER_S)


def attempt_limit(failing_share: float, *, is_answered: bool) -> int:
    """Return after how many refused attempts a result is given up.

    On a server where attempts fail often, more of them are needed: the limit is so high that the attempts of a result
    that the server would take all fail with a probability of 10^-6.

    Args:
        failing_share: The share of attempts for other results that failed meanwhile, over 0 and under 1.
        is_answered: Whether the server answered the attempt.
    """
    usual = _LIMIT_ANSWERED if is_answered else _LIMIT_UNANSWERED
    return max(usual, math.ceil(math.log(_ACCEPTED_RISK) / math.log(failing_share)))


class AttemptRate:
    """A token bucket that limits attempts while the server is failing."""

    def __init__(self, rate: float = _FAILING_RATE, burst: int = _FAILING_BURST) -> None:
        self._rate, self._burst = rate, burst
        self._tokens, self._at = float(burst), -math.inf

    def wait(self, now: float) -> float:
        """Return the seconds until the next attempt may begin."""
        self._tokens = min(self._tokens + (now - self._at) * self._rate, self._burst)
        self._at = now
        return max(0.0, (1 - self._tokens) / self._rate)

    def take(self) -> None:
        """Count an attempt that ``wait`` has allowed."""
        self._tokens -= 1
