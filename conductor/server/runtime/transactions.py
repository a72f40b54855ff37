"""The lock that guards the server's state, and one change of it.

A change holds the lock, except while a script runs or another change has to finish first. Meanwhile it keeps its claim
on the executions that it has looked at, whole families of parents and children: other changes of them wait, and
readers see the last committed state.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType

from attrs import define, field

from conductor.server.engine.commands import Command
from conductor.server.engine.context import EngineContext
from conductor.server.engine.state import Execution


class ServerStoppingError(BaseException):
    """The server stops: the change under way is rolled back. No handler of errors may take it for a task's failure."""


class StateLock:
    """A lock that its thread can take several times, and release at once however often it was taken."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._owner: int | None = None
        self._count = 0
        self._waiting: set[int] = set()

    def __enter__(self) -> None:
        me = threading.get_ident()
        if self._owner != me:
            if not self._lock.acquire(blocking=False):
                self._waiting.add(me)
                self._lock.acquire()
                self._waiting.discard(me)
            self._owner = me
        self._count += 1

    @property
    def is_wanted(self) -> bool:
        """Whether threads wait for it that have not had it yet."""
        return bool(self._waiting)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._count -= 1
        if not self._count:
            self._owner = None
            self._lock.release()

    def release_all(self) -> int:
        """Release the lock; returns how often it was taken, for ``take_again``."""
        count, self._count, self._owner = self._count, 0, None
        self._lock.release()
        return count

    def take_again(self, count: int) -> None:
        """Take the lock as often as before."""
        self._lock.acquire()
        self._owner, self._count = threading.get_ident(), count


@define(eq=False)
class Change:
    """What one change has done so far.

    Attributes:
        until: When the engine leaves the rest to a later change, on the monotonic clock.
        seen: The executions that it has looked at.
        touched: Those that it changes.
        put_off: Commands that are left to a later change, by execution.
        after_commit: Called when it is stored.
        after_failure: Called when it is rolled back.
        held_since: Since when it holds the lock, on the monotonic clock.
        finished: Set at its end.
        waits_for: The change that has to finish first.
    """

    until: float
    held_since: float
    context: EngineContext | None = None
    seen: dict[str, Execution] = field(factory=dict)
    touched: dict[str, Execution] = field(factory=dict)
    put_off: dict[str, list[Command]] = field(factory=dict)
    after_commit: list[Callable[[], None]] = field(factory=list)
    after_failure: list[Callable[[], None]] = field(factory=list)
    finished: threading.Event = field(factory=threading.Event)
    waits_for: Change | None = None

    def is_waited_for_by(self, other: Change) -> bool:
        """Return whether the other one waits for this one, directly or through further ones."""
        waiting: Change | None = other
        while waiting is not None:
            if waiting is self:
                return True
            waiting = waiting.waits_for
        return False
