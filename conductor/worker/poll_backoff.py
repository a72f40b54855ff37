"""The polling rule: how long each poll waits on the server, and the pause after it. No clock and no I/O in it."""

from __future__ import annotations

import random

from attrs import define, field

from conductor._internal.durations import exponential_backoff
from conductor.errors import APIError, APIStatusError, RateLimitError

__all__ = ["MAX_WAIT_MS", "PollBackoff"]

#: Milliseconds that an idle worker's poll waits on the server at most.
MAX_WAIT_MS = 2500
#: Seconds between empty polls at most, however many workers there are.
MAX_PAUSE = 5.0
#: Seconds between empty polls that the server answers at once.
_USUAL_PAUSE = 1.0
#: The same for each worker of the handler: 1,000 idle workers poll as often together as 100.
_PAUSE_PER_WORKER = 0.01
#: Seconds of the first pause between empty polls that the server answers at once.
_FIRST_PAUSE = 0.1
#: Seconds between failed polls at most: work resumes soon after an outage.
_MAX_BACKOFF = 2.0
#: Seconds between polls that the server refuses at most: a missing permission is rarely given within a second.
_MAX_BACKOFF_REFUSED = 30.0
#: Seconds; a longer ``Retry-After`` of a 429 is cut, so that polling resumes soon after the server recovers.
_MAX_RETRY_AFTER = 60.0
#: Milliseconds that polls wait, and half the seconds between those that do not, at least after a failure: when a server
#: comes back, a poller sends it three requests at most in the first two seconds.
_WAIT_AFTER_FAILURE_MS, _HALF_PAUSE_AFTER_FAILURE = 1000, 0.4
#: Seconds by which an empty poll may come later than it asked for. Later ones mean that the server's threads are busy.
_LATE_S = 1.0


@define
class PollBackoff:
    """The state of the polling rule for one worker; no clock and no I/O in it.

    Attributes:
        interval: Seconds between the beginnings of two empty polls.
        first_wait_ms: What an empty poll waits on the server at first.
        wait_ms: What the next poll waits on the server.
        workers: How many workers poll the same server from here.
        failures: Failed polls since the last that worked.
    """

    interval: float
    first_wait_ms: int
    workers: int = 1
    wait_ms: int = field(init=False)
    failures: int = 0
    _early_pause: float = field(default=0.0, init=False)
    _late_pause: float = field(default=0.0, init=False)
    _refusals: int = field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        self.wait_ms = self.first_wait_ms

    def after_tasks(self) -> None:
        """Note that a poll brought tasks."""
        self.failures = 0
        self._early_pause = 0.0
        self._refusals = 0
        self.wait_ms = self.first_wait_ms

    def after_refusal(self) -> float:
        """Note a poll whose tasks went back to the server, for want of threads; return the seconds to pause."""
        self.failures = 0
        self._refusals += 1
        backoff = exponential_backoff(self._refusals, 2 * _FIRST_PAUSE, _MAX_BACKOFF)
        return backoff * random.uniform(0.75, 1.0)  # spreads pollers, guards nothing

    def after_empty(self, asked_ms: int, took: float) -> float:
        """Note an empty poll that asked to wait ``asked_ms`` and took ``took`` seconds; return the seconds to pause."""
        self.failures = 0
        if took > asked_ms / 1000 + _LATE_S:  # the server has no thread for it: give it back, and ask less often
            self.wait_ms = self.first_wait_ms
            self._late_pause = min(max(2 * self._late_pause, _USUAL_PAUSE), MAX_PAUSE)
            return self._late_pause * random.uniform(0.75, 1.0)  # spreads pollers, guards nothing
        self._late_pause = 0.0
        if self.interval < 1.0:
            self.wait_ms = max(self.first_wait_ms, min(max(2 * asked_ms, 1), MAX_WAIT_MS))
        pause = max(0.0, self.interval - took)
        if took * 1000 >= asked_ms / 2 and asked_ms > 0:
            self._early_pause = 0.0
            return pause
        longest = min(max(_USUAL_PAUSE, _PAUSE_PER_WORKER * self.workers), MAX_PAUSE)
        self._early_pause = min(max(2 * self._early_pause, _FIRST_PAUSE), longest)
        return max(pause, self._early_pause * random.uniform(0.75, 1.0))  # spreads pollers, guards nothing

    def after_failure(self, error: BaseException) -> float:
        """Note a failed poll; return the seconds to pause."""
        self.failures += 1
        self._early_pause = max(self._early_pause, _HALF_PAUSE_AFTER_FAILURE)
        if self.interval < 1.0:
            self.wait_ms = max(self.wait_ms, _WAIT_AFTER_FAILURE_MS)
        if isinstance(error, APIError) and error.token_retry_after is not None:
            return error.token_retry_after + random.uniform(0.0, 0.1)  # spreads pollers, guards nothing
        longest, asked = _MAX_BACKOFF, 0.0
        if isinstance(error, RateLimitError):
            longest, asked = _MAX_BACKOFF_REFUSED, min(error.retry_after or 0.0, _MAX_RETRY_AFTER)
        elif not isinstance(error, APIError) or (isinstance(error, APIStatusError) and 0 < error.status < 500):
            longest = _MAX_BACKOFF_REFUSED
        backoff = exponential_backoff(self.failures, 2 * _FIRST_PAUSE, longest)
        return max(asked, backoff * random.uniform(0.75, 1.0))  # spreads pollers, guards nothing
