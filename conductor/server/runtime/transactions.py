"""The lock that protects the server's state, and the state of one change.

A change holds the lock, except while it runs a script or waits for another change. During this time, the change claims
the executions that it has read, with all their parents and children: other changes of these executions wait, and
readers see the last committed state.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType

from attrs import define, field

from conductor.server.engine.commands import Command
from conductor.server.engine.context import EngineContext
from conductor.server.engine.state import Execution

#: Seconds between two checks whether other threads still wait for the lock.
_YIELD_SECONDS = 0.0005
#: Seconds after which a thread acquires the lock even if requests still wait for it.
_MAX_YIELD_SECONDS = 0.1


class ServerStoppingError(BaseException):
    """The server is stopping, so the change is rolled back. A BaseException, so that no handler fails a task."""


class StateLock:
    """A reentrant lock that its thread can release completely, however often it has been acquired.

    Threads of requests take precedence over threads that work in the background.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._owner: int | None = None
        self._count = 0
        self._waiting: set[int] = set()
        self._background: set[int] = set()

    def __enter__(self) -> None:
        me = threading.get_ident()
        if self._owner != me:
            if me in self._background:
                self._acquire_in_background()
            elif not self._lock.acquire(blocking=False):
                self._waiting.add(me)
                self._lock.acquire()
                self._waiting.discard(me)
            self._owner = me
        self._count += 1

    @contextmanager
    def in_background(self) -> Iterator[None]:
        """Run the block with low priority: threads of requests acquire the lock first."""
        me = threading.get_ident()
        self._background.add(me)
        try:
            yield
        finally:
            self._background.discard(me)

    def _acquire_in_background(self) -> None:
        if self._waiting:
            self.let_others_pass()
        self._lock.acquire()

    def let_others_pass(self) -> None:
        """Wait until no request waits for the lock that has not held it yet, for at most a tenth of a second.

        The calling thread must not hold the lock.
        """
        until = time.monotonic() + _MAX_YIELD_SECONDS
        time.sleep(_YIELD_SECONDS)
        while self._waiting and time.monotonic() < until:
            time.sleep(_YIELD_SECONDS)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._count -= 1
        if not self._count:
            self._owner = None
            self._lock.release()

    def release_all(self) -> int:
        """Release the lock completely; returns the number of acquisitions, for ``reacquire``."""
        count, self._count, self._owner = self._count, 0, None
        self._lock.release()
        return count

    def reacquire(self, count: int) -> None:
        """Acquire the lock as often as before ``release_all``."""
        me = threading.get_ident()
        if me in self._background:
            self._acquire_in_background()
        else:
            self._lock.acquire()
        self._owner, self._count = me, count


@define(eq=False)
class Change:
    """The state of one change.

    Attributes:
        until: Monotonic time after which later changes do the rest of the engine's work.
        held_since: Monotonic time at which the change acquired the lock.
        context: The engine's context.
        seen: The executions that the change has read, by id.
        touched: The executions that it has changed, by id.
        postponed: Commands that are left to a later change, by execution id.
        after_commit: Functions to call after the commit.
        after_failure: Functions to call after a rollback.
        finished: Set at the end of the change.
        waits_for: The change that must finish first.
    """

    until: float
    held_since: float
    context: EngineContext | None = None
    seen: dict[str, Execution] = field(factory=dict)
    touched: dict[str, Execution] = field(factory=dict)
    postponed: dict[str, list[Command]] = field(factory=dict)
    after_commit: list[Callable[[], None]] = field(factory=list)
    after_failure: list[Callable[[], None]] = field(factory=list)
    finished: threading.Event = field(factory=threading.Event)
    waits_for: Change | None = None

    def is_waited_for_by(self, other: Change) -> bool:
        """Return whether another change waits for this one, directly or through other changes."""
        waiting: Change | None = other
        while waiting is not None:
            if waiting is self:
                return True
            waiting = waiting.waits_for
        return False
