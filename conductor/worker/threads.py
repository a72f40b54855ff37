"""The threads of a handler, and what ends a process in which other threads remain."""

from __future__ import annotations

import atexit
import itertools
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable
from functools import partial
from types import FrameType
from typing import Any

from conductor._internal.logs import isolated_logger

__all__ = ["IDLE_S", "NOTHING", "ElasticThreads", "ExitGuard", "HandlerThread", "end_process", "is_handler_thread"]

logger = isolated_logger(__name__)

#: Seconds between two looks at the main thread and at the threads that remain.
_LOOK_INTERVAL_S = 0.1
#: Seconds without work after which a pool's thread ends: work that comes every few seconds starts no threads.
IDLE_S = 60.0
#: Seconds after a thread could not be started for which a pool counts on the threads that it has.
_SHORT_S = 10.0
#: Seconds that the threads of a closed pool wait for work that is still to come.
_LAST_WORK_S = 1.0
#: Python 3.12.0 and 3.12.1 start no thread once the code of the main thread has ended; a handler may run on then.
_STARTS_LATE = not (3, 12) <= sys.version_info[:3] < (3, 12, 2)
#: What ``take`` returns if there is no work.
NOTHING = object()


class HandlerThread(threading.Thread):
    """A thread of a handler. Only the control thread keeps the process alive; it ends when the handler has stopped.

    Args:
        target: What the thread runs.
        name: Its name; the distinguishing part comes first.
        keeps_alive: Whether the interpreter waits for the thread at its end.
    """

    def __init__(self, target: Callable[[], object], name: str, *, keeps_alive: bool = False) -> None:
        super().__init__(target=target, name=name, daemon=not keeps_alive)

    def run(self) -> None:
        """Run the target; threads that a task starts are not daemons."""
        # Threads inherit this flag. Those that a task starts are to be as usual: the interpreter waits for them.
        self._daemonic = False
        super().run()


def is_handler_thread() -> bool:
    """Return whether the current thread belongs to a handler, so that it must not wait for the end of one."""
    return isinstance(threading.current_thread(), HandlerThread)


class ElasticThreads:
    """The threads of a pool: started when work comes that no idle thread can take, ended after a time without work.

    The last thread that became idle is called first, so that the others end when there is less work. The pool's lock
    has to be held when a method is called.

    Args:
        name: The task type, for the threads' names.
        lock: The pool's lock.
        changed: Notified of the end of a thread; it uses the pool's lock.
        take: Returns the next piece of work, or ``NOTHING``; called with the lock.
        handle: Does a piece of work, and returns the next one for the same thread, or None; called without the lock.
        most: Returns how many threads there may be.
        is_needed: Returns whether a thread has to be there because work is still to come.
        idle_seconds: Seconds without work after which a thread ends.
    """

    def __init__(
        self,
        name: str,
        lock: threading.Lock,
        changed: threading.Condition,
        *,
        take: Callable[[], Any],
        handle: Callable[[Any], Any],
        most: Callable[[], int],
        is_needed: Callable[[], bool] = lambda: False,
        idle_seconds: float = IDLE_S,
    ) -> None:
        self._name = name
        self._lock = lock
        self._take = take
        self._handle = handle
        self._most = most
        self._is_needed = is_needed
        self._patience = idle_seconds if _STARTS_LATE else None
        self._numbers: set[int] = set()
        self._idle: list[threading.Condition] = []
        self._changed = changed
        self._short_until = 0.0
        self._died = 0
        self._closed = False

    @property
    def count(self) -> int:
        """How many threads there are."""
        return len(self._numbers)

    @property
    def idle(self) -> int:
        """How many of them have no work."""
        return len(self._idle)

    @property
    def is_short(self) -> bool:
        """Whether a thread could not be started a short while ago."""
        return time.monotonic() < self._short_until

    def start(self) -> None:
        """Start all threads now, if Python might refuse to start them later."""
        while not _STARTS_LATE and self.count < self._most() and self._start():
            continue

    def call(self) -> bool:
        """Have a thread do the work that was just added.

        Returns:
            False if no thread will: none is idle, and another one cannot be started.
        """
        if self._idle:
            self._idle.pop().notify()
            return True
        return self.count >= self._most() or self._start()

    def lend(self) -> None:
        """Do the pool's work on the calling thread until none is still to come."""
        called = threading.Condition(self._lock)
        while True:
            is_over = False
            while (work := self._take()) is NOTHING:
                if is_over or not self._is_needed():
                    return
                self._idle.append(called)
                is_notified = called.wait(_LAST_WORK_S)
                if called in self._idle:
                    self._idle.remove(called)
                    is_over = self._closed and not is_notified
            self._lock.release()
            try:
                self._handle(work)
            finally:
                self._lock.acquire()

    def _start(self) -> bool:
        number = next(number for number in itertools.count(1) if number not in self._numbers)
        thread = HandlerThread(partial(self._main, number), f"run:{self._name}-{number}")
        self._numbers.add(number)
        try:
            thread.start()
        except Exception as error:  # no more threads or memory, or the interpreter is ending: the caller has the work
            self._numbers.discard(number)
            if not self.is_short:
                logger.error("%s: %s; continuing with %d thread(s) that run tasks", self._name, error, self.count)
            self._short_until = time.monotonic() + _SHORT_S
            return False
        return True

    def adjust(self, waiting: int) -> None:
        """Start threads for ``waiting`` pieces of work, end threads over the limit, and report threads that died."""
        if self._died:
            logger.error(
                "%s: %d thread(s) that run tasks had died and are replaced when they are needed", self._name, self._died
            )
            self._died = 0
        if self._closed:
            return
        self.start()
        while waiting > 0 and self.count < self._most() and self._start():
            waiting -= 1
        if self.count > self._most():
            self._wake_idle()

    def close(self) -> None:
        """Let every thread end once it has nothing to do."""
        self._closed = True
        self._wake_idle()

    def join(self, deadline: float) -> bool:
        """Wait until every thread has ended, up to ``deadline`` (monotonic); return whether that is so."""
        while self._numbers:
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            self._changed.wait(left)
        return True

    def _wake_idle(self) -> None:
        for waiting in self._idle:
            waiting.notify()

    def _main(self, number: int) -> None:
        called = threading.Condition(self._lock)
        try:
            work = self._next(number, called)
            while work is not NOTHING:
                work = self._handle(work)  # nothing of a task may outlive it, so no other name refers to it
                if work is None:
                    work = self._next(number, called)
        except BaseException:  # counted and raised again
            with self._lock:
                self._died += 1
                self._end(number)
            raise

    def _next(self, number: int, called: threading.Condition) -> Any:
        """Wait for work; without any, the thread no longer counts once this returns."""
        with self._lock:
            is_over = False
            while (work := self._take()) is NOTHING:
                if is_over or self.count > self._most() or (self._closed and not self._is_needed()):
                    self._end(number)
                    return NOTHING
                self._idle.append(called)
                is_notified = called.wait(_LAST_WORK_S if self._closed else self._patience)
                if called in self._idle:  # not called for work
                    self._idle.remove(called)
                    is_last = self.count == 1 and self._is_needed() and not self._closed
                    is_over = not is_notified and not is_last
            return work

    def _end(self, number: int) -> None:
        self._numbers.discard(number)
        self._changed.notify_all()


class ExitGuard:
    """Ends the process if threads of the application keep it alive after its main thread has ended.

    A task may leave a non-daemon thread behind, and Python would wait for it forever. The guard names such threads in
    the log, runs the ``atexit`` functions, and ends the process.

    Args:
        seconds: How long to wait for them, from the end of the main thread on.
        status: The exit status; 1 if the main thread ended by an exception.
    """

    def __init__(self, seconds: float, status: int = 0) -> None:
        self.status = status
        self._seconds = seconds
        self._raised_before = getattr(sys, "last_value", None)

    def start(self) -> None:
        """Start watching; the guard itself does not keep the process alive."""
        threading.Thread(target=self._main, name="exit-guard", daemon=True).start()

    def _main(self) -> None:
        while not main_thread_has_ended():
            time.sleep(_LOOK_INTERVAL_S)
        deadline = time.monotonic() + self._seconds
        while time.monotonic() < deadline:
            time.sleep(_LOOK_INTERVAL_S)
        names = ", ".join(thread.name for thread in _application_threads()) or "unknown"
        logger.error("The process ends although threads of the application still run: %s", names)
        atexit._run_exitfuncs()  # noqa: SLF001  the only way to run them and end nevertheless
        end_process(1 if main_thread_raised(self._raised_before) else self.status)


def main_thread_has_ended() -> bool:
    """Return whether the main thread has run all of its code, and waits for other threads at most."""
    main = threading.main_thread()
    if not main.is_alive():
        return True
    frame: FrameType | None = sys._current_frames().get(main.ident or 0)
    while frame is not None and frame.f_back is not None:
        frame = frame.f_back
    shutdown = getattr(threading, "_shutdown", None)
    return frame is not None and shutdown is not None and frame.f_code is shutdown.__code__


def main_thread_raised(before: object) -> bool:
    """Return whether an exception that nobody caught was printed since ``sys.last_value`` was ``before``."""
    return main_thread_has_ended() and getattr(sys, "last_value", None) is not before


def _application_threads() -> Iterable[threading.Thread]:
    return (
        thread
        for thread in threading.enumerate()
        if not thread.daemon and thread is not threading.main_thread() and not isinstance(thread, HandlerThread)
    )


def end_process(status: int) -> None:
    """End the process without waiting for threads: one that runs a function cannot be stopped."""
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):  # closed, or none at all under pythonw
            continue
    os._exit(status)
