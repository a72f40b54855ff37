"""The processes of a handler, for functions that need the CPU: restarted when they die, stopped together.

Each child is a fresh interpreter that imports the workers' modules and runs the same threads as a handler with one
process does. The parent runs no tasks: it starts, watches, stops, and adds up what the children say of themselves.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from conductor._internal.durations import exponential_backoff
from conductor._internal.logs import isolated_logger
from conductor.errors import WorkerRegistrationError
from conductor.worker.health import HandlerHealth, ProcessHealth, combined
from conductor.worker.lifecycle import StopDeadline, StopReport
from conductor.worker.metrics import merged
from conductor.worker.outbox import DiskOutbox, adopt_strays
from conductor.worker.processes.spec import ChildSpec
from conductor.worker.threads import HandlerThread

__all__ = ["ChildProcess", "ProcessGroup"]

logger = isolated_logger(__name__)
#: Seconds before the first restart of a child, doubled for each further death that follows quickly.
_FIRST_PAUSE = 0.5
#: Seconds before a restart at most: once the cause is fixed, work resumes within half a minute.
_LONGEST_PAUSE = 30.0
#: Seconds of life after which a death counts as the first one again.
_STABLE_AFTER = 60.0
#: Seconds without a report after which a child counts as not live; it reports each second.
_STALE_AFTER = 10.0
_NOT_FOR_CHILDREN = ("CONDUCTOR_PROCESSES", "CONDUCTOR_HEALTH_PORT", "CONDUCTOR_HEARTBEAT_FILE")


class ChildProcess:
    """Starts one process, communicates with it through two pipes, and records how it ended.

    Args:
        spec: What the process runs.
    """

    def __init__(self, spec: ChildSpec) -> None:
        self.number: int = spec.number
        self.restarts: int = 0
        self.health: dict[str, Any] | None = None
        self.metrics: dict[str, Any] = {}
        self.unfinished: list[str] = []
        self.undelivered: list[str] = []
        self.left: StopReport = StopReport()
        self.failure: str | None = None
        self.was_lost: bool = False
        self.has_worked: bool = False
        self._spec = spec
        self._changes: list[Mapping[str, Any]] = []
        self._lock = threading.Lock()  # a pipe is not closed while it is written to
        self._process: subprocess.Popen[bytes] | None = None
        self._orders: int | None = None
        self._reports: int | None = None
        self._rest = b""
        self._started_at = 0.0
        self._reported_at: float | None = None
        self._quick_deaths = 0
        self._due: float | None = None
        self._last_exit: str | None = None
        self._was_told_to_stop = False

    @property
    def is_running(self) -> bool:
        """Whether there is a process."""
        return self._process is not None

    def start(self) -> None:
        """Start the process, and tell it what to do."""
        orders_from, self._orders = os.pipe()
        self._reports, reports_to = os.pipe()
        os.set_blocking(self._reports, False)
        # Ctrl-C reaches the whole group, and may do so while a child still imports: it does nothing from the first line
        # on. SIG_IGN would be inherited by the programs that tasks run.
        code = (
            "import signal; signal.signal(signal.SIGINT, lambda *_: None); "
            f"import sys; sys.path[:] = {sys.path!r}; from conductor.worker.child import main; "
            f"main({orders_from}, {reports_to})"
        )
        environ = {name: value for name, value in os.environ.items() if name not in _NOT_FOR_CHILDREN}
        try:
            self._process = subprocess.Popen(  # this very interpreter
                [sys.executable, *subprocess._args_from_interpreter_flags(), "-c", code],  # type: ignore[attr-defined]  # noqa: SLF001
                pass_fds=(orders_from, reports_to),
                stdin=subprocess.DEVNULL,
                env=environ,
            )
        finally:
            os.close(orders_from)
            os.close(reports_to)
        self._started_at = time.monotonic()
        self._due = self._reported_at = self.health = None
        self._rest = b""
        self.tell(self._spec.to_dict())
        for change in self._changes:
            self.tell(change)
        logger.info("Worker process %d is started as pid %d", self.number, self._process.pid)

    def tell(self, order: Mapping[str, Any]) -> None:
        """Send one line; a process that is gone is noticed elsewhere."""
        self._was_told_to_stop = self._was_told_to_stop or "stop" in order
        data = json.dumps(order).encode() + b"\n"
        with self._lock, contextlib.suppress(OSError):
            while data and self._orders is not None:
                data = data[os.write(self._orders, data) :]

    def change_options(self, change: Mapping[str, Any]) -> None:
        """Tell of changed options, now and at each later start."""
        self._changes.append(change)
        self.tell(change)

    def read_reports(self) -> None:
        """Take in what the process says of itself."""
        while self._reports is not None:
            try:
                data = os.read(self._reports, 1 << 20)
            except BlockingIOError:
                return
            if not data:
                return
            *lines, self._rest = (self._rest + data).split(b"\n")
            for line in lines:
                self._take_in(json.loads(line))

    def _take_in(self, report: Mapping[str, Any]) -> None:
        if "failed" in report:
            self.failure = report["failed"]
            return
        self.has_worked = True
        self._reported_at = time.monotonic()
        self.health = report["health"]
        self.metrics = report["metrics"] or {}
        self.left = StopReport(**report["left"])
        stopped = report.get("stopped") or {}
        self.unfinished = stopped.get("unfinished", [])
        self.undelivered = stopped.get("undelivered", [])

    def reap(self) -> int | None:
        """The status of a process that has ended, once; negative for a signal."""
        status = self._process.poll() if self._process is not None else None
        if status is None or self._process is None:
            return None
        self.read_reports()
        self._last_exit = _in_words(status)
        self.was_lost = status != 0 and self._was_told_to_stop and not self.unfinished and not self.undelivered
        log = logger.info if status == 0 and self._was_told_to_stop else logger.error
        log("Worker process %d (pid %d) has ended: %s", self.number, self._process.pid, self._last_exit)
        self._process = None
        self.health = None
        self.left = StopReport()
        self.close()
        return status

    def plan_restart(self) -> None:
        """Start it again after a pause that doubles while it dies young."""
        lived = time.monotonic() - self._started_at
        self._quick_deaths = self._quick_deaths + 1 if lived < _STABLE_AFTER else 1
        pause = exponential_backoff(self._quick_deaths, _FIRST_PAUSE, _LONGEST_PAUSE)
        self._due = time.monotonic() + pause
        logger.warning("Worker process %d is started again in %g s", self.number, pause)

    def start_when_due(self) -> None:
        """Start it, when it died and its pause is over."""
        if self._due is not None and time.monotonic() >= self._due:
            self.restarts += 1
            try:
                self.start()
            except OSError:
                self.close()
                logger.exception("Worker process %d cannot be started", self.number)
                self.plan_restart()

    def kill(self) -> None:
        """End the process at once."""
        process = self._process
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)

    def close(self) -> None:
        """Close the pipes to and from the process."""
        with self._lock:
            for descriptor in (self._orders, self._reports):
                if descriptor is not None:
                    os.close(descriptor)
            self._orders = self._reports = None

    def forget(self) -> None:
        """In a fork of the parent: close the pipes, with a lock of one's own, and leave the process alone."""
        self._lock = threading.Lock()
        self.close()

    def process_health(self) -> ProcessHealth:
        """Return the state of the process, with the health that it reported last."""
        age = None if self._reported_at is None else time.monotonic() - self._reported_at
        process, health = self._process, self.health
        is_live = process is not None and (age is None or age < _STALE_AFTER)
        return ProcessHealth(
            number=self.number,
            pid=None if process is None else process.pid,
            is_live=is_live,
            is_ready=is_live and health is not None and bool(health["is_ready"]),
            report_age=age,
            restarts=self.restarts,
            last_exit=self._last_exit,
        )


def _in_words(status: int) -> str:
    if status >= 0:
        return f"status {status}"
    try:
        return f"killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"killed by signal {-status}"


#: Exit status of a child whose configuration is wrong: a restart would not help.
_MISCONFIGURED = 2
#: Seconds between two looks at the children; short enough that a death is noticed soon.
_TICK = 0.2
#: Seconds beyond the grace period for a child to report and exit, before it is killed.
_AFTER_GRACE = 3.0


class ProcessGroup:
    """The processes of one handler.

    A process that dies is started again after half a second, and after twice as long each time while it dies within a
    minute, up to half a minute.

    Args:
        spec: What each process runs.
        count: How many.
        outbox: The handler's outbox; each process has its own file next to it, ``PATH.1``, ``PATH.2``, ...
        failed: Called when a process cannot be set up: the others are stopped then.

    Raises:
        ConfigurationError: An outbox cannot be used.
    """

    def __init__(self, spec: ChildSpec, count: int, outbox: str | None, failed: Callable[[], None]) -> None:
        self._children = [ChildProcess(spec.for_child(number, outbox)) for number in range(1, count + 1)]
        self._task_types = {worker.name for worker in spec.workers}
        self._outbox = outbox
        for path in self._outboxes():
            DiskOutbox(path).close()
        self._failed = failed
        self._past: dict[str, Any] = {}
        self._stopping = threading.Event()
        self._ended = threading.Event()
        self._deadline: float | None = None
        self._thread = HandlerThread(self._watch, "processes")

    def _outboxes(self) -> list[str]:
        return [] if self._outbox is None else [f"{self._outbox}.{child.number}" for child in self._children]

    def start(self) -> None:
        """Start all processes, and the thread that watches them."""
        if self._outbox is not None:
            adopt_strays(self._outbox, self._outboxes())
        for child in self._children:
            child.start()
        self._thread.start()

    @property
    def is_polling(self) -> bool:
        """Whether one of the processes works."""
        return any(child.process_health().is_live for child in self._children)

    @property
    def checks(self) -> Sequence[Callable[[], object]]:
        """What the watchdog is to call."""
        return [self.revive]

    def revive(self) -> None:
        """Go on watching, should the thread that did have died."""
        if not self._thread.is_alive() and not self._ended.is_set():
            self._thread = HandlerThread(self._watch, "processes")
            self._thread.start()
            logger.error("The thread that watches the worker processes had died and was restarted")

    def _watch(self) -> None:
        while not self._stopping.is_set() or any(child.is_running for child in self._children):
            for child in self._children:
                try:
                    self._look_at(child)
                except Exception:  # one child must not keep others from being restarted
                    logger.exception("A check of worker process %d failed; the checks continue", child.number)
            if self._deadline is not None and time.monotonic() > self._deadline:
                self.kill()
            if not self._stopping.wait(_TICK):
                continue
            time.sleep(_TICK / 10)  # nothing signals the end of a process
        self._ended.set()

    def _look_at(self, child: ChildProcess) -> None:
        child.read_reports()
        status = child.reap()
        if status is not None:
            self._past = merged([self._past, child.metrics], gauges=False)
            child.metrics = {}
            if status == _MISCONFIGURED and not child.has_worked:
                self._give_up(child)
            if self._stopping.is_set():
                return
            child.plan_restart()
        if not self._stopping.is_set():
            child.start_when_due()

    def _give_up(self, child: ChildProcess) -> None:
        """Stop all processes because one cannot be set up: the others cannot be set up either."""
        self._failed()
        if not self._stopping.is_set():
            logger.critical("Worker process %d cannot be set up: %s", child.number, child.failure)
            self._begin_stop(0.0)

    def stop(self, deadline: StopDeadline) -> StopReport:
        """Stop all processes by the deadline; one that still runs three seconds later is killed."""
        self._begin_stop(deadline.left())
        while self._thread.is_alive() and not self._ended.wait(_TICK):
            deadline.left()  # takes in later requests
            self._deadline = deadline.at + _AFTER_GRACE
            if time.monotonic() > self._deadline + _AFTER_GRACE:
                break
        if not self._thread.is_alive():
            self.kill()
        if self._thread.is_alive():
            self._thread.join(1.0)
        for child in self._children:
            child.close()
        unfinished = [task_id for child in self._children for task_id in child.unfinished]
        undelivered = [task_id for child in self._children for task_id in child.undelivered]
        return StopReport(unfinished, undelivered, sum(child.was_lost for child in self._children))

    def _begin_stop(self, grace: float) -> None:
        self._deadline = time.monotonic() + grace + _AFTER_GRACE
        for child in self._children:
            child.tell({"stop": grace})
        self._stopping.set()

    def left(self) -> StopReport:
        """What the processes said last, within a second, of what runs or waits for the server."""
        unfinished = [task_id for child in self._children for task_id in child.left.unfinished]
        undelivered = [task_id for child in self._children for task_id in child.left.undelivered]
        return StopReport(unfinished, undelivered)

    def kill(self) -> None:
        """End all processes at once; safe to call from a signal handler."""
        for child in self._children:
            child.kill()

    def forget(self) -> None:
        """In a forked child of the parent: leave the processes alone."""
        for child in self._children:
            child.forget()

    def update_options(self, task_type: str | None, changes: Mapping[str, Any]) -> None:
        """Have every process change options, also those that are started later."""
        if task_type is not None and task_type not in self._task_types:
            raise WorkerRegistrationError(f"This handler runs no worker for {task_type!r}.")
        for child in self._children:
            child.change_options({"task_type": task_type, "changes": dict(changes)})

    def health(self) -> HandlerHealth:
        """The health of all processes together."""
        said = [health for child in self._children if (health := child.health) is not None]
        return combined([child.process_health() for child in self._children], said, is_live=self._thread.is_alive())

    def metrics(self) -> dict[str, Any]:
        """What all processes counted, also those that are gone."""
        restarts = sum(child.restarts for child in self._children)
        own = {"worker_restart_total": {"type": "counter", "samples": [{"labels": {}, "value": restarts}]}}
        return merged([self._past, own, *(child.metrics for child in self._children)])
