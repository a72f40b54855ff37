"""Descriptions of requests, and the policy for repeating them."""

from __future__ import annotations

import math
import random
import re
import threading
import time
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, Generic, TypeVar
from urllib.parse import quote
from uuid import UUID

from attrs import field, frozen

from conductor._internal.durations import exponential_backoff, to_seconds
from conductor._internal.validation import check_int
from conductor.errors import ConfigurationError

__all__ = [
    "NOT_GIVEN",
    "Edition",
    "GiveUp",
    "Hidden",
    "NotGiven",
    "Operation",
    "Outcome",
    "Repeat",
    "RetryBudget",
    "RetryPolicy",
    "Wait",
    "nothing",
]


class NotGiven(Enum):
    """The type of ``NOT_GIVEN``, the default of arguments for which None has a meaning ("no limit")."""

    NOT_GIVEN = "not given"

    def __repr__(self) -> str:
        return "NOT_GIVEN"


NOT_GIVEN = NotGiven.NOT_GIVEN


T = TypeVar("T")
#: Characters that web containers refuse in a path even when quoted, or that have no UTF-8 form.
_NOT_IN_NAMES = re.compile(r"[/\\\x00-\x1f\x7f\ud800-\udfff]")
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


class Repeat(Enum):
    """Whether a request may be sent again if its response was lost."""

    SAFE = "safe"
    NEVER = "never"
    WITH_KEY = "with an idempotency key"


class Edition(Enum):
    """The servers that have an operation."""

    BOTH = "both"
    OSS = "the open-source server"
    ORKES = "Orkes Conductor"


class Hidden:
    """A secret body, whose repr is hidden, because error reports can contain local variables.

    Attributes:
        body: The body.
    """

    __slots__ = ("body",)

    def __init__(self, body: Any) -> None:
        self.body: Any = body


def nothing() -> None:
    """Return None: the ``on_empty`` of operations whose empty response means None."""


@frozen
class Operation(Generic[T]):
    """One REST operation of the server.

    Attributes:
        method: The HTTP method.
        path: The template of the path below ``/api``, such as ``/workflow/{workflowId}``.
        returns: The type of the response: None (nothing), ``str``, ``int``, ``bytes``, ``dict``, a model, or a list or
            dict of models.
        repeat: Whether repeating the request is harmless.
        edition: The servers that have the operation.
        on_empty: Returns the value of an empty response (200 without a body, 204). Without it, an empty response is an
            error if ``returns`` is a value.
        sends: How the body is encoded: ``json``, ``text`` or ``bytes``.
        root: Whether the path starts at the server's root and not below ``/api``.
        anonymous: Whether the request is sent without a token.
        shadowed: Whether a server of the other edition has another operation at this path. The client then identifies
            the server's edition first.
        orkes_query: Query parameters that only Orkes understands; a warning is logged if another server ignores them.
        oss_query: Query parameters that only the open-source server understands.
        selects: Query parameters of either edition that select results. If the server would ignore one, no request is
            sent, because the response would contain everything.
        advice: What to do if the server does not have the operation.
    """

    method: str
    path: str
    returns: Any = None
    repeat: Repeat = Repeat.SAFE
    edition: Edition = Edition.BOTH
    on_empty: Callable[[], T] | None = None
    sends: str = "json"
    root: bool = False
    anonymous: bool = False
    shadowed: bool = False
    orkes_query: tuple[str, ...] = ()
    oss_query: tuple[str, ...] = ()
    selects: tuple[str, ...] = ()
    advice: str = ""
    parameters: tuple[str, ...] = field(init=False)

    @parameters.default
    def _parameters(self) -> tuple[str, ...]:
        return tuple(_PLACEHOLDER.findall(self.path))

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    def fill(self, values: Mapping[str, Any]) -> str:
        """Return the path with every parameter quoted.

        Raises:
            ConfigurationError: A value is missing or empty, is not a string or an integer, is ``.`` or ``..``, or
                contains a slash, a backslash or a control character, which web containers refuse even when quoted.
        """
        return _PLACEHOLDER.sub(lambda match: self._segment(match[1], values.get(match[1])), self.path)

    def _segment(self, name: str, value: Any) -> str:
        text = value.value if isinstance(value, Enum) else value
        if isinstance(text, UUID) or (isinstance(text, int) and not isinstance(text, bool)):
            text = str(text)
        if not isinstance(text, str):
            raise self._refused(name, value, f"it must be a string, not {type(value).__name__}")
        if not text.strip() or text in {".", ".."} or _NOT_IN_NAMES.search(text):
            raise self._refused(
                name,
                value,
                "it must not be empty, '.' or '..', and must not contain a slash, a control character or half of a "
                "surrogate pair",
            )
        return quote(text, safe="")

    def _refused(self, name: str, value: Any, reason: str) -> ConfigurationError:
        return ConfigurationError(
            f"{self}: {value!r:.200} cannot be the {name} of a request: {reason}.",
            variable=name,
            value=value if isinstance(value, str) else None,
            allowed="a string without slashes",
        )


#: Status of a request that the server has not processed, so that it can always be repeated.
_RATE_LIMITED = 429
_UNAVAILABLE = frozenset({502, 503, 504})


@frozen
class Wait:
    """The decision to send again after ``seconds``."""

    seconds: float


@frozen
class GiveUp:
    """The decision not to send again."""


@frozen
class Outcome:
    """How a request failed.

    Attributes:
        repeatable: Whether repeating the operation is harmless.
        status: The status of the response; None without a response.
        retry_after: The seconds in the response's ``Retry-After``, or None.
        timed_out: Whether no response arrived in time.
        never_sent: Whether the request cannot have reached the server, because no connection could be established.
        is_first_refusal: Whether the server refused the connection, and has never responded to this client.
    """

    repeatable: bool
    status: int | None = None
    retry_after: float | None = None
    timed_out: bool = False
    never_sent: bool = False
    is_first_refusal: bool = False


@frozen
class RetryPolicy:
    """The policy for repeating failed requests.

    A request is repeated only if the operation is safe to repeat, or if the server cannot have processed it: no
    connection was established, or the server responded with 429. Timeouts and 500 responses are never repeated.

    Attributes:
        rate_limit_retries: Maximum number of retries after a 429.
        connection_retries: Maximum number of retries after a 502, 503, 504 or connection error.
        longest_wait: The longest ``Retry-After`` to wait for, in seconds; with a longer one, the call fails
            immediately.
        jitter: The maximum fraction by which a delay is shortened or lengthened at random.
        uniform: The source of the jitter.
        first_refusal_retries: Maximum number of retries after a refused connection if the server has never responded to
            this client. The command line uses 0, because waiting does not help if no server is running.

    Raises:
        ConfigurationError: A number is negative or has another type.
    """

    rate_limit_retries: int = 5
    connection_retries: int = 3
    longest_wait: float = 60.0
    jitter: float = 0.1
    uniform: Callable[[float, float], float] = random.uniform
    first_refusal_retries: int = 3

    def __attrs_post_init__(self) -> None:
        for name in ("rate_limit_retries", "connection_retries", "first_refusal_retries"):
            check_int(name, getattr(self, name))
        if self.longest_wait != math.inf:
            to_seconds(self.longest_wait, "longest_wait")
        if isinstance(self.jitter, bool) or not isinstance(self.jitter, int | float) or not 0 <= self.jitter <= 1:
            raise ConfigurationError(
                f"jitter is {self.jitter!r}; it must be a number from 0 to 1.",
                variable="jitter",
                value=self.jitter,
                allowed="0 to 1",
            )

    @classmethod
    def none(cls) -> RetryPolicy:
        """Return a policy that never retries."""
        return cls(rate_limit_retries=0, connection_retries=0, first_refusal_retries=0)

    def decide(self, attempt: int, outcome: Outcome) -> Wait | GiveUp:
        """Return what to do after request number ``attempt`` (from 1) failed."""
        if outcome.status == _RATE_LIMITED:
            return self._after_rate_limit(attempt, outcome.retry_after)
        if outcome.timed_out and not outcome.never_sent:
            return GiveUp()
        if outcome.status is not None and outcome.status not in _UNAVAILABLE:
            return GiveUp()
        retries = self.first_refusal_retries if outcome.is_first_refusal else self.connection_retries
        if attempt > retries or not (outcome.repeatable or outcome.never_sent):
            return GiveUp()
        if outcome.retry_after is not None and outcome.retry_after > self.longest_wait:
            return GiveUp()
        return Wait(outcome.retry_after or self._spread(exponential_backoff(attempt, 0.5)))

    def _after_rate_limit(self, attempt: int, retry_after: float | None) -> Wait | GiveUp:
        if attempt > self.rate_limit_retries or (retry_after is not None and retry_after > self.longest_wait):
            return GiveUp()
        # with 0 seconds, or a date in the past, all retries would be sent immediately
        return Wait(retry_after or self._spread(exponential_backoff(attempt, 1.0)))

    def _spread(self, wait: float) -> float:
        return wait * (1 + self.uniform(-self.jitter, self.jitter))


class RetryBudget:
    """Limits the total number of retries of all calls of a transport, with a token bucket like botocore's.

    A retry takes ``COST`` tokens. A call that succeeds returns the tokens of its last retry, or one token if it needed
    no retry, and ``REFILL_PER_S`` tokens are added each second. With a full bucket, 300 threads survive an outage of
    2 s, with three retries each. While the bucket is empty, a call fails at its first failure, so that a server that is
    down or overloaded gets one request per call instead of four. Safe to use from many threads.

    Args:
        clock: Returns monotonic seconds.

    Attributes:
        tokens: The number of tokens left.
    """

    #: Tokens of a full bucket: 1,000 retries, for 300 threads with three retries each.
    CAPACITY = 5000
    #: Tokens of one retry, so that five successes without a retry earn one.
    COST = 5
    #: Tokens per second: ten retries per second during a long outage, for any number of threads.
    REFILL_PER_S = 50

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.tokens: float = self.CAPACITY
        self._clock = clock
        self._refilled_at = clock()
        self._lock = threading.Lock()

    def take(self) -> bool:
        """Take the tokens of a retry and return True; return False if too few are left."""
        with self._lock:
            now = self._clock()
            gained = max(now - self._refilled_at, 0.0) * self.REFILL_PER_S
            self.tokens, self._refilled_at = min(self.CAPACITY, self.tokens + gained), now
            if self.tokens < self.COST:
                return False
            self.tokens -= self.COST
            return True

    def give_back(self, *, was_repeated: bool) -> None:
        """Return tokens after a successful call."""
        if self.tokens < self.CAPACITY:  # a full bucket, the usual case, needs no lock
            with self._lock:
                self.tokens = min(self.CAPACITY, self.tokens + (self.COST if was_repeated else 1))

    def reset_lock(self) -> None:
        """Replace the lock in a forked child: another thread of the parent may hold it."""
        self._lock = threading.Lock()
