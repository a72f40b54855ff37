"""The threads of a handler, and what ends a process in which other threads remain."""

from __future__ import annotations

import atexit
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable
from types import FrameType

from conductor._internal.logs import isolated_logger

__all__ = ["ExitGuard", "HandlerThread", "end_process", "is_handler_thread"]

logger = isolated_logger(__name__)

#: Seconds between two looks at the main thread and at the threads that remain.
_LOOK_INTERVAL_S = 0.1


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
        """Run the target."""
        # Threads inherit this flag. Those that a task starts are to be as usual: the interpreter waits for them.
        self._daemonic = False
        super().run()


def is_handler_thread() -> bool:
    """Return whether the current thread belongs to a handler, so that it must not wait for the end of one."""
    return isinstance(threading.current_thread(), HandlerThread)


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
