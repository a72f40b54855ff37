"""One child process as its parent sees it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any

from conductor._internal.durations import exponential_backoff
from conductor._internal.logs import isolated_logger
from conductor.worker.health import ProcessHealth
from conductor.worker.lifecycle import StopReport
from conductor.worker.processes.spec import Blueprint

__all__ = ["ChildProcess"]


logger = isolated_logger(__name__)
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 30.0
_STABLE_AFTER = 60.0
_STALE_AFTER = 10.0
_NOT_FOR_CHILDREN = ("CONDUCTOR_PROCESSES", "CONDUCTOR_HEALTH_PORT", "CONDUCTOR_HEARTBEAT_FILE")


class ChildProcess:
    """Starts one process, talks to it by two pipes, and knows how it ended.

    Args:
        blueprint: What it is told.
    """

    def __init__(self, blueprint: Blueprint) -> None:
        self.number: int = blueprint.number
        self.restarts: int = 0
        self.health: dict[str, Any] | None = None
        self.metrics: dict[str, Any] = {}
        self.unfinished: list[str] = []
        self.undelivered: list[str] = []
        self.left: StopReport = StopReport()
        self.failure: str | None = None
        self.was_lost: bool = False
        self.has_worked: bool = False
        self._blueprint = blueprint
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
        self.tell(self._blueprint.to_dict())
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
        """Close the pipes."""
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
        """How it is."""
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
