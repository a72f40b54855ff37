"""Faults on demand, so that clients can be tested against them: errors, slow answers, broken connections."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from attrs import define, field


@define
class Fault:
    """What happens to requests.

    Attributes:
        status: The HTTP status that they get in place of their answer; 0 breaks the connection instead.
        times: How many requests it happens to; None for all until it is removed.
        path: Only to requests whose path contains this.
        method: Only to requests of this method.
        delay: How long they wait first, in seconds. With a status of None they are answered as usual after it.
        headers: Headers of the answer, such as ``{"Retry-After": "1"}``.
        after: Whether the request is carried out, and only its answer is lost or replaced.
    """

    status: int | None = 500
    times: int | None = 1
    path: str = ""
    method: str | None = None
    delay: float = 0.0
    headers: dict[str, str] = field(factory=dict)
    after: bool = False


class Faults:
    """The faults of a server; each request meets the first that fits it."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> Fault:
        """Let it happen from now on."""
        with self._lock:
            self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """No more faults."""
        with self._lock:
            self._faults.clear()

    def __iter__(self) -> Iterator[Fault]:
        return iter(tuple(self._faults))

    def next_for(self, method: str, path: str) -> Fault | None:
        """The fault that a request meets, which is counted; None for none."""
        if not self._faults:
            return None
        with self._lock:
            for fault in self._faults:
                if fault.path in path and fault.method in {None, method}:
                    if fault.times is not None:
                        fault.times -= 1
                        if fault.times <= 0:
                            self._faults.remove(fault)
                    return fault
        return None
