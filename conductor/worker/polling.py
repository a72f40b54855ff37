"""What calls the pollers: a thread for each, or a few threads for all of them.

A poll waits on the server for tasks of one type, so a thread for each type picks tasks up at once. With shared polling
a few threads serve all types in turn: most of their polls do not wait, and come at the intervals of the polling rule.
"""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from conductor._internal.logs import isolated_logger
from conductor.worker.lifecycle import StopDeadline
from conductor.worker.poller import Poller
from conductor.worker.threads import HandlerThread

__all__ = [
    "LATE_POLLS",
    "LONG_POLLS",
    "SHARED_LATE_POLLS",
    "SHARED_THREADS",
    "DedicatedPolling",
    "Polling",
    "SharedPolling",
    "TurnSchedule",
]

logger = isolated_logger(__name__)

#: Polls of a handler that wait on the server at a time; each holds one of the server's threads (200 by default).
LONG_POLLS = 100
#: Polls of a handler that are left to themselves at a time, because they get no response.
LATE_POLLS = 50
#: The same with shared polling, where a few threads poll for all types: see ``SharedPolling``.
SHARED_LATE_POLLS = 100
#: Threads that poll for all workers at most. Polls that do not wait take a few milliseconds: one thread could send the
#: 200 a second of 1,000 idle types, and the others are for polls that wait and for slow responses.
SHARED_THREADS = 16
#: Polls that are left to themselves from which on a server that does not respond is asked less often, and the seconds
#: between two polls then: without them, 100 such polls would be on their way after 20 s, and none be left for 65 s.
_MANY_LATE, _PROBE_INTERVAL_S = 25, 1.5


class Polling(Protocol):
    """What calls the pollers of a handler."""

    @property
    def checks(self) -> Sequence[Callable[[], object]]:
        """The functions that the watchdog calls."""

    @property
    def is_alive(self) -> bool:
        """Whether all threads run that have to."""

    @property
    def is_polling(self) -> bool:
        """Whether any thread runs."""

    def start(self) -> None:
        """Start the threads."""

    def wake(self) -> None:
        """End all pauses, so that a stop is seen."""

    def join(self, deadline: StopDeadline) -> None:
        """Wait for the end of the threads, up to the deadline."""


class _PollerThread:
    """Calls one poller from a thread."""

    def __init__(self, poller: Poller, stop: threading.Event) -> None:
        self._poller = poller
        self._stop = stop
        self._thread: threading.Thread | None = None
        self._wake = threading.Event()
        self.wake: Callable[[], None] = self._wake.set
        poller.on_wake = self.wake

    def start(self) -> None:
        before, self._thread = self._thread, HandlerThread(self._main, f"poll:{self._poller.task_type}")
        try:
            self._thread.start()
        except BaseException:  # no more threads, or the interpreter is ending: the one before goes on
            self._thread = before
            raise

    @property
    def is_alive(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def join(self, deadline: StopDeadline) -> None:
        if self._thread is not None:
            deadline.join(self._thread)

    def look_after(self) -> None:
        """Replace a thread that died or whose poll gets no response, and report one that is blocked."""
        if self._thread is not None and not self._thread.is_alive() and not self._stop.is_set():
            self._poller.report_death()
            self.start()
        if self._poller.leave_late_poll():
            self.start()
        self._poller.report_stuck()

    def _main(self) -> None:
        while not self._stop.is_set() and self._is_current():
            pause = self._poller.turn()
            if pause and not self._stop.is_set():
                self._wake.wait(pause)
                self._wake.clear()
        if self._is_current():
            self._poller.end()

    def _is_current(self) -> bool:
        """Return whether this thread polls; another one may have taken over."""
        return self._thread is threading.current_thread()


class DedicatedPolling:
    """A thread for each poller.

    Args:
        pollers: The pollers.
        stop: Set when polling ends.
    """

    def __init__(self, pollers: Sequence[Poller], stop: threading.Event) -> None:
        self._threads = [_PollerThread(poller, stop) for poller in pollers]

    @property
    def checks(self) -> Sequence[Callable[[], object]]:
        """The functions that the watchdog calls."""
        return [thread.look_after for thread in self._threads]

    @property
    def is_alive(self) -> bool:
        """Whether all threads run."""
        return all(thread.is_alive for thread in self._threads)

    @property
    def is_polling(self) -> bool:
        """Whether any thread runs."""
        return any(thread.is_alive for thread in self._threads)

    def start(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """End all pauses, so that a stop is seen."""
        for thread in self._threads:
            thread.wake()

    def join(self, deadline: StopDeadline) -> None:
        """Wait for the end of the threads, up to the deadline."""
        for thread in self._threads:
            thread.join(deadline)


class TurnSchedule:
    """When each poller's next turn is due; no clock and no lock in it.

    Attributes:
        spacing: Seconds between the beginnings of two turns, at least.
    """

    def __init__(self) -> None:
        self.spacing: float = 0.0
        self._order = itertools.count()
        self._due: list[tuple[float, int, Poller]] = []
        self._numbers: dict[Poller, int] = {}
        self._woken: set[Poller] = set()
        self._last = 0.0

    def add(self, poller: Poller, now: float, pause: float) -> None:
        """Note that a turn has ended, and the next one is due in ``pause`` seconds, or at once if it was woken."""
        if poller in self._woken:
            self._woken.discard(poller)
            pause = 0.0
        self._put(poller, now + pause)

    def _put(self, poller: Poller, at: float) -> None:
        number = self._numbers[poller] = next(self._order)
        heapq.heappush(self._due, (at, number, poller))

    def wake(self, poller: Poller, now: float) -> None:
        """Have the next turn at once; after the present one, if one is in progress."""
        if poller in self._numbers:
            self._put(poller, now)  # the entry before is not valid any more
        else:
            self._woken.add(poller)

    def delay(self, now: float) -> float | None:
        """Return the seconds until the next turn is due, 0.0 or less if one is; None if there is none."""
        while self._due and self._numbers.get(self._due[0][2]) != self._due[0][1]:
            heapq.heappop(self._due)
        return max(self._due[0][0], self._last + self.spacing) - now if self._due else None

    def take(self, now: float) -> Poller:
        """Remove and return the poller whose turn is due first."""
        self._last = now
        poller = heapq.heappop(self._due)[2]
        del self._numbers[poller]
        return poller


class SharedPolling:
    """A few threads for all pollers.

    A thread whose poll gets no response, or whose turn is blocked, is replaced by another one meanwhile.

    Args:
        pollers: The pollers.
        stop: Set when polling ends.
        clock: Returns monotonic seconds.
    """

    def __init__(
        self, pollers: Sequence[Poller], stop: threading.Event, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._pollers = list(pollers)
        self._stop = stop
        self._clock = clock
        self._most = min(SHARED_THREADS, len(self._pollers))
        self._lock = threading.Lock()
        # One thread waits for the next turn, and the others for that thread: a turn that is due wakes one of them.
        self._due = threading.Condition(self._lock)
        self._others = threading.Condition(self._lock)
        self._is_watched = False
        self._schedule = TurnSchedule()
        self._threads: set[threading.Thread] = set()
        self._late: set[threading.Thread] = set()
        self._running: dict[Poller, threading.Thread] = {}
        self._blocked = 0
        self._died = 0
        self._is_silent = False
        for poller in self._pollers:
            poller.on_wake = partial(self._wake, poller)

    @property
    def checks(self) -> Sequence[Callable[[], object]]:
        """The functions that the watchdog calls."""
        return [*(partial(self._look_after, poller) for poller in self._pollers), self._replace_threads]

    @property
    def is_alive(self) -> bool:
        """Whether all threads run that have to."""
        return self.is_polling

    @property
    def is_polling(self) -> bool:
        """Whether any thread runs."""
        return any(thread.is_alive() for thread in self._threads.copy())

    def start(self) -> None:
        """Start the threads."""
        now = self._clock()
        with self._lock:
            for poller in self._pollers:
                self._schedule.add(poller, now, 0.0)
            while len(self._threads) < self._most:
                self._start()

    def _start(self) -> None:
        thread = HandlerThread(self._main, f"poll:shared-{len(self._threads) + len(self._late) + 1}")
        self._threads.add(thread)
        try:
            thread.start()
        except BaseException:  # no more threads, or the interpreter is ending
            self._threads.discard(thread)
            raise

    def wake(self) -> None:
        """End all pauses, so that a stop is seen."""
        with self._lock:
            self._due.notify_all()
            self._others.notify_all()

    def _wake(self, poller: Poller) -> None:
        with self._lock:
            self._schedule.wake(poller, self._clock())
            self._due.notify()

    def join(self, deadline: StopDeadline) -> None:
        """Wait for the end of the threads, up to the deadline; not for those whose polls get no response."""
        while (threads := self._threads.copy()) and deadline.left():
            for thread in threads:
                deadline.join(thread)

    # -- threads

    def _main(self) -> None:
        me = threading.current_thread()
        try:
            while (poller := self._next(me)) is not None:
                before, pause = poller.last_poll, None
                try:
                    pause = poller.turn()
                except BaseException:  # another thread goes on with the poller
                    poller.restarts += 1
                    self._died += 1
                    self._after_turn(me, poller, 1.0, has_polled=False)
                    raise
                self._after_turn(me, poller, pause, has_polled=poller.last_poll != before)
        finally:
            with self._lock:
                self._late.discard(me)
                self._threads.discard(me)
                is_last = self._stop.is_set() and not self._threads
            if is_last:
                for poller in self._pollers:
                    poller.end()

    def _next(self, me: threading.Thread) -> Poller | None:
        """Wait for the next turn; return None if the thread is to end."""
        with self._lock:
            while not self._stop.is_set() and len(self._threads) - self._blocked <= self._most:
                now = self._clock()
                delay = self._schedule.delay(now)
                if delay is not None and delay <= 0:
                    poller = self._schedule.take(now)
                    self._running[poller] = me
                    self._others.notify()
                    return poller
                if self._is_watched:
                    self._others.wait()
                else:
                    self._is_watched = True
                    self._due.wait(delay)
                    self._is_watched = False
            self._others.notify()
            return None

    def _after_turn(self, me: threading.Thread, poller: Poller, pause: float | None, *, has_polled: bool) -> None:
        with self._lock:
            is_current = self._running.get(poller) is me
            if is_current:
                del self._running[poller]
            if has_polled:
                self._is_silent = False
            if pause is None:  # another thread has taken over, or is about to
                self._late.discard(me)
                if not self._stop.is_set():  # a stop has not waited for this thread, which ends
                    self._threads.add(me)
            elif is_current:
                self._schedule.add(poller, self._clock(), pause)
            self._space_turns()
            self._due.notify()

    def _space_turns(self) -> None:
        is_throttled = self._is_silent and len(self._late) >= _MANY_LATE
        self._schedule.spacing = _PROBE_INTERVAL_S if is_throttled else 0.0

    # -- supervision

    def _look_after(self, poller: Poller) -> None:
        """Go on with a poller whose poll gets no response, and report one that is blocked."""
        if poller.leave_late_poll():
            with self._lock:
                if (thread := self._running.pop(poller, None)) is not None:
                    self._threads.discard(thread)
                    self._late.add(thread)
                self._is_silent = True
                self._space_turns()
                self._schedule.add(poller, self._clock(), 0.0)
                self._due.notify()
        poller.report_stuck()

    def _replace_threads(self) -> None:
        """Start threads for those that died, wait for a late response, or are blocked."""
        with self._lock:
            if self._stop.is_set():
                return
            if self._died:
                logger.error("%d thread(s) that poll had died and are replaced", self._died)
                self._died = 0
            self._blocked = min(sum(poller.is_blocked for poller in self._pollers), self._most)
            missing = self._most + self._blocked - len(self._threads)
            self._others.notify(max(-missing, 0))  # those that are too many end
            for _ in range(missing):
                self._start()
