"""One run of a handler as a state machine: starting, running, stopping, stopped.

A separate control thread carries out every stop. So a stop can be requested from anywhere, also from a task, a
listener or a signal handler, any number of times: a request only adds to a queue, which is safe in a signal handler.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Protocol

from attrs import field, frozen

from conductor._internal.logs import isolated_logger
from conductor.worker.threads import (
    ExitGuard,
    HandlerThread,
    end_process,
    is_handler_thread,
    main_thread_raised,
)

if TYPE_CHECKING:
    from conductor.worker.health import HandlerHealth
    from conductor.worker.watchdog import Observation

__all__ = ["FORCED", "HandlerRun", "HandlerState", "StopDeadline", "StopReport", "WorkerGroup", "forget", "remember"]

logger = isolated_logger(__name__)

#: Seconds between two looks whether the main thread has raised, or whether a later request shortens a stop.
_LOOK_INTERVAL_S = 1.0
#: Seconds of one wait in a stop; short enough that a second signal, which shortens the deadline, takes effect at once.
_SLICE_S = 0.1
#: Seconds that the threads that run no task have to end after the deadline of a stop.
_LAST_SECOND_S = 1.0
#: Exit status if not everything was finished.
FORCED = 1
#: Seconds that threads of the application have at least to end after the main thread, however short the grace period
#: is: they may be writing what a task computed.
_MIN_EXIT_WAIT_S = 5.0


class HandlerState(str, Enum):
    """The state of a ``TaskHandler``."""

    NEW = "new"
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"


@frozen
class StopReport:
    """The outcome of a stop.

    Attributes:
        unfinished: Ids of tasks that still ran at the end of the grace period.
        undelivered: Ids of tasks whose results the server has not taken.
        lost_processes: Number of the handler's processes that ended without a report.
    """

    unfinished: list[str] = field(factory=list)
    undelivered: list[str] = field(factory=list)
    lost_processes: int = 0

    @property
    def drained(self) -> bool:
        """Whether everything was finished and delivered."""
        return not self.unfinished and not self.undelivered and not self.lost_processes

    def last_words(self) -> str:
        """Return the message of a process that stops immediately with this unfinished work."""
        text = "A second signal was received: stopping immediately.\n"
        if self.unfinished:
            text += f"Unfinished tasks, which are retried after their response timeout: {', '.join(self.unfinished)}\n"
        if self.undelivered:
            text += f"Tasks whose results were not delivered: {', '.join(self.undelivered)}\n"
        return text

    def __str__(self) -> str:
        lost = f"; {self.lost_processes} process(es) lost with their tasks" if self.lost_processes else ""
        return f"unfinished tasks {self.unfinished}, undelivered results {self.undelivered}{lost}"


class StopDeadline:
    """The time by which a stop has to be complete; later requests can bring it forward.

    Args:
        grace: Seconds from now.
        requests: Grace periods of later requests.
    """

    def __init__(self, grace: float, requests: SimpleQueue[float] | None = None) -> None:
        self.at: float = time.monotonic() + grace
        self._requests = requests
        self._lock = threading.Lock()

    def left(self) -> float:
        """Return the seconds that are left, at least 0.0."""
        if self._requests is not None and not self._requests.empty():
            with self._lock:  # the senders ask as well: of two requests the earlier deadline has to win
                while True:
                    try:
                        self.at = min(self.at, time.monotonic() + self._requests.get_nowait())
                    except Empty:
                        break
        return max(0.0, self.at - time.monotonic())

    def slice(self) -> float:
        """Return how long to wait at once: so short that an earlier deadline is noticed."""
        return min(self.left(), _SLICE_S)

    def join(self, thread: threading.Thread) -> bool:
        """Wait for the end of ``thread``; return whether it has ended."""
        while thread.is_alive():
            if not (seconds := self.slice()):
                return False
            thread.join(seconds)
        return True


class WorkerGroup(Protocol):
    """The workers of a handler at work."""

    @property
    def is_polling(self) -> bool:
        """Whether they ask for tasks."""

    @property
    def checks(self) -> Sequence[Callable[[], object]]:
        """The functions that the watchdog calls."""

    def start(self) -> None:
        """Start."""

    def stop(self, deadline: StopDeadline) -> StopReport:
        """Stop by the deadline, and end all threads."""

    def left(self) -> StopReport:
        """What runs or is not delivered just now; takes no lock, so it is safe to call from a signal handler."""

    def kill(self) -> None:
        """End at once what is not this process; safe to call from a signal handler."""

    def forget(self) -> None:
        """In a forked child: leave to the parent what is the parent's."""

    def update_options(self, task_type: str | None, changes: Mapping[str, Any]) -> None:
        """Change options while they work."""

    def health(self) -> HandlerHealth:
        """How they are."""

    def metrics(self) -> dict[str, Any]:
        """What they counted."""


class HandlerRun:
    """One run of a handler.

    Args:
        default_grace: Seconds for a stop that names none.
        on_stopped: Called when the run has ended.
    """

    def __init__(self, default_grace: float, on_stopped: Callable[[], None]) -> None:
        self.state: HandlerState = HandlerState.STARTING
        self.group: WorkerGroup | None = None
        self.observation: Observation | None = None
        self.report: StopReport = StopReport()
        self.deadline: StopDeadline | None = None
        self._default_grace = default_grace
        self._on_stopped = on_stopped
        self._requests: SimpleQueue[float] = SimpleQueue()
        self._is_started = threading.Event()
        # Waited for instead of the thread: if Ctrl-C interrupts Thread.join, Python before 3.13 may take the thread for
        # one that has ended.
        self._has_ended = threading.Event()
        self._starter = threading.get_ident()
        self._pid = os.getpid()
        self._raised_before = getattr(sys, "last_value", None)
        self._control = HandlerThread(self._main, "control", keeps_alive=True)

    @property
    def is_here(self) -> bool:
        """Whether this process started it; a forked child has no threads of it."""
        return self._pid == os.getpid()

    @property
    def is_over(self) -> bool:
        """Whether it has ended, or never began."""
        return self.state in {HandlerState.NEW, HandlerState.STOPPED}

    @property
    def is_stop_requested(self) -> bool:
        """Whether a stop was requested during the start."""
        return not self._requests.empty()

    @property
    def is_stop_in_progress(self) -> bool:
        """Whether a stop was requested, and the thread that carries it out is alive."""
        return self.state is HandlerState.STOPPING and not self._has_ended.is_set()

    def start_control(self) -> None:
        """Start the control thread.

        Raises:
            RuntimeError: The process can have no more threads.
        """
        self._control.start()

    def begin(self, group: WorkerGroup, observation: Observation) -> None:
        """Start all threads; if one cannot start, stop those that did and raise."""
        self.group, self.observation = group, observation
        try:
            group.start()
            if not self.is_stop_requested:
                observation.start()
        except BaseException:  # such as no more threads
            self.request_stop(0.0)
            self._is_started.set()
            self.join(None)
            raise
        self.state = HandlerState.RUNNING
        self._is_started.set()

    def abandon(self) -> None:
        """End a run that has started no thread."""
        self._end()

    def _end(self) -> None:
        self.state = HandlerState.STOPPED
        self._has_ended.set()

    def request_stop(self, grace: float | None = None) -> None:
        """Have the control thread stop the run within ``grace`` seconds; safe in a signal handler."""
        self._requests.put(self._default_grace if grace is None else grace)

    def stop(self, grace: float | None) -> StopReport:
        """Request a stop and wait for it; on the handler's own threads, or during the start, only request it."""
        if not self.is_over:
            self.request_stop(grace)
            if is_handler_thread() or (self.state is HandlerState.STARTING and threading.get_ident() == self._starter):
                return self.left()
            self.join(None)
        return self.report

    def join(self, timeout: float | None) -> bool:
        """Wait until the run has ended, up to ``timeout`` seconds; return whether it has."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while not self._has_ended.is_set():
            left = _LOOK_INTERVAL_S if deadline is None else deadline - time.monotonic()
            if left <= 0:
                return False
            self._has_ended.wait(min(left, _LOOK_INTERVAL_S))  # in slices: on Windows no signal interrupts the wait
        if self._control.ident is not None:
            self._control.join(_LAST_SECOND_S)  # it has nothing left to do
        return True

    def left(self) -> StopReport:
        """Return what runs or is undelivered now; takes no lock, so it is safe in a signal handler."""
        return self.report if self.group is None or self.is_over else self.group.left()

    def guard_exit(self) -> None:
        """End the process at once after a forced stop, otherwise after its main thread, whatever still runs."""
        if not self.report.drained:
            end_process(FORCED)
        if threading.current_thread() is threading.main_thread():
            left = 0.0 if self.deadline is None else self.deadline.left()
            ExitGuard(max(left, min(self._default_grace, _MIN_EXIT_WAIT_S))).start()

    def abort(self) -> None:
        """End the process now: in a signal handler, so nothing here takes a lock or logs."""
        try:
            left = self.left()
            if self.group is not None and not self.is_over:
                self.group.kill()
            os.write(2, left.last_words().encode())
        finally:
            os._exit(FORCED)

    def _main(self) -> None:
        try:
            self._is_started.wait()
            self.deadline = StopDeadline(self._next_request(), self._requests)
            self.state = HandlerState.STOPPING
            if self.group is not None and self.observation is not None:
                self._stop(self.group, self.observation, self.deadline)
        finally:  # whatever fails, those who wait for the end must see it
            self._end()

    def _stop(self, group: WorkerGroup, observation: Observation, deadline: StopDeadline) -> None:
        logger.info("Stopping: polling ends; running tasks have up to %.3g s", deadline.left())
        try:
            self.report = group.stop(deadline)
        except BaseException:  # whatever fails, the handler must end
            self.report = group.left()
            logger.exception("The stop failed: %s", self.report)
        finally:
            try:
                observation.close(time.monotonic() + _LAST_SECOND_S)
            finally:
                self._finish()

    def _finish(self) -> None:
        try:
            if not self.report.drained:
                busy = [thread.name for thread in threading.enumerate() if thread.name.startswith("run:")]
                threads = f"; threads that still run: {', '.join(busy)}" if busy else ""
                logger.error("Stopped with unfinished work: %s%s", self.report, threads)
        finally:
            self._on_stopped()

    def _next_request(self) -> float:
        """Wait for a request to stop, or for the end of the main thread by an exception."""
        while True:
            try:
                return self._requests.get(timeout=_LOOK_INTERVAL_S)
            except Empty:
                if main_thread_raised(self._raised_before):
                    logger.info("The main thread ended with an exception; the handler stops")
                    return self._default_grace


class Handler(Protocol):
    """A handler as the hooks of the process see it."""

    def stop(self) -> Any:
        """Drain, deliver, and end all threads."""

    def forget_parent(self) -> None:
        """In a forked child: return to the state before the start."""


_running: set[Handler] = set()
_hooked = False


def remember(handler: Handler) -> None:
    """Stop ``handler`` at the end of the interpreter, and forget it in forked children."""
    global _hooked  # noqa: PLW0603  once per process, and not at import
    _running.add(handler)
    if not _hooked:
        _hooked = True
        # urllib3 closes its pools with weakref.finalize. All finalizers run at one position among the atexit functions:
        # that of the first finalizer. The one made here puts them before ours, and atexit runs in reverse order.
        weakref.finalize(_stop_all, int)
        atexit.register(_stop_all)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=_forget_all)


def _stop_all() -> None:
    """Drain handlers that nobody stopped, as after Ctrl-C in a script whose last line is ``start()``."""
    for handler in list(_running):
        handler.stop()


def _forget_all() -> None:
    """Let each handler be started again in a forked child, which has no threads of the parent."""
    for handler in list(_running):
        handler.forget_parent()
    _running.clear()


def forget(handler: Handler) -> None:
    """Forget a handler that has stopped."""
    _running.discard(handler)
