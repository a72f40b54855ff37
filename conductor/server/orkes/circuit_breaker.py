"""Circuit breakers of services: whether the next call may be made, on the server's clock.

A breaker is CLOSED until too many recent calls fail or are slow. Then it is OPEN, and calls fail immediately. After a
delay it is HALF_OPEN: the results of a few calls decide whether it closes or opens again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import evolve, frozen

Json = dict[str, Any]

CLOSED, OPEN, HALF_OPEN, NOT_FOUND = "CLOSED", "OPEN", "HALF_OPEN", "NOT_FOUND"
#: The configuration of a breaker whose service sets none: percent, calls and milliseconds.
DEFAULTS: Mapping[str, Any] = {
    "failureRateThreshold": 50,
    "slidingWindowSize": 100,
    "minimumNumberOfCalls": 100,
    "waitDurationInOpenState": 1000,
    "permittedNumberOfCallsInHalfOpenState": 100,
    "slowCallRateThreshold": 50,
    "slowCallDurationThreshold": 100,
    "automaticTransitionFromOpenToHalfOpenEnabled": True,
    "maxWaitDurationInHalfOpenState": 1,
}
#: Thresholds are percentages, from 0 to 100, as in Resilience4j's configuration.
_PERCENT = 100


@frozen
class Breaker:
    """The state of a circuit breaker. Each change returns a new value.

    Attributes:
        state: CLOSED, OPEN or HALF_OPEN.
        previous: The state before.
        since: When the state was entered, epoch ms; 0 for the first state.
        outcomes: The last calls, the oldest first: whether each failed, and whether it was slow.
        permitted: Calls that were permitted in the HALF_OPEN state.
        first_permitted: When the first of them was permitted, epoch ms.
    """

    state: str = CLOSED
    previous: str = CLOSED
    since: int = 0
    outcomes: tuple[tuple[bool, bool], ...] = ()
    permitted: int = 0
    first_permitted: int = 0

    @classmethod
    def from_document(cls, document: Json) -> Breaker:
        """Return a stored breaker."""
        outcomes = tuple((bool(failed), bool(slow)) for failed, slow in document["outcomes"])
        return cls(**{**document, "outcomes": outcomes})

    def as_document(self) -> Json:
        """Return the breaker as a document to store."""
        return {
            "state": self.state,
            "previous": self.previous,
            "since": self.since,
            "outcomes": [list(one) for one in self.outcomes],
            "permitted": self.permitted,
            "first_permitted": self.first_permitted,
        }

    def moved(self, state: str, now: int) -> Breaker:
        """Return the breaker in another state, without the calls of the old one; the same if it is in the state."""
        return self if state == self.state else Breaker(state, self.state, now)

    def at(self, now: int, config: Mapping[str, Any]) -> Breaker:
        """Return the breaker after the transitions that are due without a call."""
        waited = self.since + config["waitDurationInOpenState"]
        if self.state == OPEN and config["automaticTransitionFromOpenToHalfOpenEnabled"] and now >= waited:
            return self.moved(HALF_OPEN, waited)
        longest = config["maxWaitDurationInHalfOpenState"]
        # The limit starts with the first call, and only ended calls count. Otherwise, with the defaults of 100 calls in
        # 1 ms, the breaker could never close.
        if self.state == HALF_OPEN and longest and self.outcomes and now >= self.first_permitted + longest:
            return self._judged(now, config, is_over=True)
        return self

    def before_call(self, now: int, config: Mapping[str, Any]) -> tuple[Breaker, bool]:
        """Return the breaker when a call is about to be made, and whether the call is permitted."""
        found = self.at(now, config)
        if found.state == OPEN and now >= found.since + config["waitDurationInOpenState"]:
            found = found.moved(HALF_OPEN, now)
        if found.state != HALF_OPEN:
            return found, found.state == CLOSED
        if found.permitted >= config["permittedNumberOfCallsInHalfOpenState"]:
            return found, False
        first = found.first_permitted if found.permitted else now
        return evolve(found, permitted=found.permitted + 1, first_permitted=first), True

    def after_call(self, now: int, config: Mapping[str, Any], *, failed: bool, duration_ms: float) -> Breaker:
        """Return the breaker after a call.

        Args:
            now: When the call ended, epoch ms.
            config: The configuration.
            failed: Whether it failed.
            duration_ms: How long it took, in real milliseconds.
        """
        slow = duration_ms > config["slowCallDurationThreshold"]
        if self.state == OPEN:
            return self  # the call began before the breaker opened
        window = config["slidingWindowSize"]
        outcomes = (*self.outcomes, (failed, slow))[-window:]
        return evolve(self, outcomes=outcomes)._judged(now, config, is_over=False)  # noqa: SLF001 another value of this class

    def _judged(self, now: int, config: Mapping[str, Any], *, is_over: bool) -> Breaker:
        calls = len(self.outcomes)
        needed = config["minimumNumberOfCalls"]
        if self.state == HALF_OPEN:
            needed = 1 if is_over else config["permittedNumberOfCallsInHalfOpenState"]
        if calls < max(1, min(needed, config["slidingWindowSize"])):
            return self
        failed = sum(one for one, _ in self.outcomes) * _PERCENT / calls
        slow = sum(one for _, one in self.outcomes) * _PERCENT / calls
        if _reaches(failed, config["failureRateThreshold"]) or _reaches(slow, config["slowCallRateThreshold"]):
            return self.moved(OPEN, now)
        return self.moved(CLOSED, now)


def _reaches(rate: float, threshold: float) -> bool:
    """Return whether a rate reaches its threshold; 0 switches the threshold off."""
    return 0 < threshold <= rate
