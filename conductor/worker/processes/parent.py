"""The processes of a handler, for functions that need the CPU: restarted when they die, stopped together.

Each child is a fresh interpreter that imports the workers' modules and runs the same threads as a handler with one
process does. The parent runs no tasks: it starts, watches, stops, and adds up what the children say of themselves.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from conductor._internal.logs import isolated_logger
from conductor.errors import WorkerRegistrationError
from conductor.worker.health import HandlerHealth, combined
from conductor.worker.lifecycle import StopDeadline, StopReport
from conductor.worker.metrics import merged
from conductor.worker.outbox import DiskOutbox, adopt_strays
from conductor.worker.processes.handle import ChildProcess
from conductor.worker.processes.spec import Blueprint
from conductor.worker.threads import HandlerThread

__all__ = ["ProcessGroup"]


logger = isolated_logger(__name__)
_MISCONFIGURED = 2
_TICK = 0.2
_AFTER_GRACE = 3.0


class ProcessGroup:
    """The processes of one handler.

    A process that dies is started again after half a second, and after twice as long each time while it dies within a
    minute, up to half a minute.

    Args:
        blueprint: What each is told.
        count: How many.
        outbox: The handler's outbox; each process has its own file next to it, ``PATH.1``, ``PATH.2``, ...
        failed: Called when a process cannot be set up: the others are stopped then.

    Raises:
        ConfigurationError: An outbox cannot be used.
    """

    def __init__(self, blueprint: Blueprint, count: int, outbox: str | None, failed: Callable[[], None]) -> None:
        self._children = [ChildProcess(blueprint.for_child(number, outbox)) for number in range(1, count + 1)]
        self._task_types = {worker.name for worker in blueprint.workers}
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
            logger.error("The thread that watches the worker processes had died, and is started again")

    def _watch(self) -> None:
        while not self._stopping.is_set() or any(child.is_running for child in self._children):
            for child in self._children:
                try:
                    self._look_at(child)
                except Exception:  # one child must not keep others from being restarted
                    logger.exception("Looking after worker process %d failed; it goes on", child.number)
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
            raise WorkerRegistrationError(f"No worker for {task_type!r} runs here.")
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
