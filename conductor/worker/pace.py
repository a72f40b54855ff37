"""How long a poll waits on the server, and how long the poller pauses before the next: the one polling rule.

* A poll that waits asks for **one** task, because the real server holds a batch poll until the batch is full or its
  time is over. What else is there is fetched by a second poll, for exactly the free slots, that does not wait.
* A poll that brought tasks is followed by the next at once, as long as slots are free.
* Each empty poll doubles the wait of the next, from ``poll_timeout_ms`` up to ``MAX_WAIT_MS``. The server answers a
  waiting poll as soon as there is a task, so the pickup stays low while the requests fall.
* Empty polls begin at least ``poll_interval_ms`` apart; with an interval of a second or more the wait does not grow.
* Beyond the first hundred polls that wait at a time, polls do not wait on the server. Where all workers share a number
  of places (``max_concurrency``), a poll holds one, so the one that takes the last waits a tenth of a second at most.
* An empty poll that did not wait, or whose server answers early, is followed by a pause that doubles up to a second, or
  to as many hundredths of a second as there are workers, and to ``MAX_PAUSE``: so a thousand idle types need some two
  hundred requests a second, and not a thousand.
* A failed poll pauses, doubling up to two seconds; up to 30 s when the server refuses us, for as long as the
  ``Retry-After`` of a 429 asks if that is longer, and without a token until the next one may be asked for.
"""

from __future__ import annotations

import random

from attrs import define, field

from conductor.errors import APIError, APIStatusError, RateLimitError

__all__ = ["MAX_WAIT_MS", "Pace"]

MAX_WAIT_MS = 2500
MAX_PAUSE = 5.0
_USUAL_PAUSE = 1.0
_PAUSE_PER_WORKER = 0.01
_FIRST_PAUSE = 0.1
_LONGEST_AFTER = 2.0
_LONGEST_AFTER_REFUSAL = 30.0
_LONGEST_AFTER_RATE_LIMIT = 60.0


@define
class Pace:
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

    def __attrs_post_init__(self) -> None:
        self.wait_ms = self.first_wait_ms

    def after_tasks(self) -> None:
        """Note that a poll brought tasks."""
        self.failures = 0
        self._early_pause = 0.0
        self.wait_ms = self.first_wait_ms

    def after_empty(self, asked_ms: int, took: float) -> float:
        """Note an empty poll that asked to wait ``asked_ms`` and took ``took`` seconds; returns the pause."""
        self.failures = 0
        if self.interval < 1.0:
            self.wait_ms = max(self.first_wait_ms, min(max(2 * asked_ms, 1), MAX_WAIT_MS))
        pause = max(0.0, self.interval - took)
        if took * 1000 >= asked_ms / 2 and asked_ms > 0:
            self._early_pause = 0.0
            return pause
        longest = min(max(_USUAL_PAUSE, _PAUSE_PER_WORKER * self.workers), MAX_PAUSE)
        self._early_pause = min(max(2 * self._early_pause, _FIRST_PAUSE), longest)
        return max(pause, self._early_pause)

    def after_failure(self, error: BaseException) -> float:
        """Note a failed poll; returns the pause."""
        self.failures += 1
        if (no_token_for := getattr(error, "no_token_for", None)) is not None:
            return float(no_token_for) + random.uniform(0.0, 0.1)  # noqa: S311  spreads pollers, guards nothing
        longest, asked = _LONGEST_AFTER, 0.0
        if isinstance(error, RateLimitError):
            longest, asked = _LONGEST_AFTER_REFUSAL, min(error.retry_after or 0.0, _LONGEST_AFTER_RATE_LIMIT)
        elif not isinstance(error, APIError) or (isinstance(error, APIStatusError) and 0 < error.status < 500):  # noqa: PLR2004
            longest = _LONGEST_AFTER_REFUSAL
        backoff: float = min(_FIRST_PAUSE * 2 ** min(self.failures, 20), longest)
        return max(asked, backoff * random.uniform(0.75, 1.0))  # noqa: S311  spreads pollers, guards nothing
