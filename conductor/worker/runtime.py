"""What runs for one worker: its poller, its pool, and the execution of its tasks."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import attrs
from attrs import define

from conductor.worker.delivery import ResultDelivery
from conductor.worker.events import EventDispatcher
from conductor.worker.execution import TaskExecution
from conductor.worker.health import WorkerHealth
from conductor.worker.lease import LeaseKeeper
from conductor.worker.options import ResolvedOptions, WorkerOptions
from conductor.worker.payloads import Payloads
from conductor.worker.places import Places
from conductor.worker.poller import Gate, Poller
from conductor.worker.pool import WorkerPool
from conductor.worker.runner import TaskRunner
from conductor.worker.worker import Worker

if TYPE_CHECKING:
    from conductor.models import Task
    from conductor.transport.hot import HotPath

__all__ = ["Shared", "WorkerRuntime"]

logger = logging.getLogger(__name__)


@define(eq=False)
class Shared:
    """What all workers of a handler share."""

    hot: HotPath
    delivery: ResultDelivery
    payloads: Payloads
    leases: LeaseKeeper
    events: EventDispatcher
    places: Places
    long_polls: threading.BoundedSemaphore
    stop: threading.Event
    middleware: Sequence[Any]
    on_error: Callable[[Worker, Task, BaseException], None] | None
    workers: int = 1


class WorkerRuntime:
    """A worker at work.

    Args:
        worker: What was declared.
        resolved: Its options and where each came from.
        shared: What it shares with the others.
    """

    def __init__(self, worker: Worker, resolved: ResolvedOptions, shared: Shared) -> None:
        self.worker = worker
        self.options: WorkerOptions = resolved.options
        self._shared = shared
        worker_id = str(resolved.options.worker_id)
        self.runner: TaskRunner = TaskRunner(
            worker,
            worker_id,
            shared.middleware,
            on_error=self._on_error,
            events=shared.events,
            payloads=shared.payloads,
        )
        self.execution: TaskExecution = TaskExecution(
            worker.name,
            runner=self.runner,
            delivery=shared.delivery,
            leases=shared.leases,
            options=self._options,
            wants_next=self._wants_next,
            stop=shared.stop,
        )
        self.pool: WorkerPool = WorkerPool(
            worker.name, self.options.thread_count, self.execution.run, on_free=shared.places.give_back
        )
        self.poller: Poller = Poller(
            worker.name,
            hot=shared.hot,
            pool=self.pool,
            options=self._options,
            worker_id=worker_id,
            gate=Gate(self._may_poll, self._is_full, shared.places, shared.long_polls, shared.workers),
            events=shared.events,
            hand_back=self.execution.hand_back,
            recovered=shared.delivery.nudge,
            stop=shared.stop,
        )

    def _options(self) -> WorkerOptions:
        return self.options

    def _may_poll(self) -> bool:
        should_poll = self.worker.should_poll
        return should_poll is None or bool(should_poll())

    def _is_full(self) -> bool:
        return self._shared.delivery.is_full(self.worker.name)

    def _wants_next(self) -> bool:
        options = self.options
        return (
            not self._shared.stop.is_set()
            and not options.paused
            and not self.pool.is_over_size
            and not self._shared.places.is_wanted(self.worker.name)
            and not self._is_full()
            and self.worker.should_poll is None
        )

    def _on_error(self, task: Task, error: BaseException) -> None:
        if self._shared.on_error is None:
            return
        try:
            self._shared.on_error(self.worker, task, error)
        except BaseException:
            logger.exception("%s: on_error failed; it is isolated and work goes on", self.worker.name)

    def change(self, **changes: Any) -> None:
        """Change options; polling goes by them from the next poll on."""
        self.options = attrs.evolve(self.options, **changes)
        if "thread_count" in changes:
            self.pool.resize(self.options.thread_count)
        self.poller.apply_options()

    def start(self) -> None:
        """Start the pool's threads, then the poller's."""
        self.pool.start()
        self.poller.start()

    def look_after(self) -> None:
        """Start again what died, and report each task that outlives its response timeout, once."""
        self.poller.revive()
        self.poller.report_stuck()
        self.pool.revive()
        for entry in list(self.execution.running.values()):
            task, age = entry.task, time.monotonic() - entry.since
            if 0 < task.response_timeout_seconds < age and not entry.is_reported and not self.options.lease_extension:
                entry.is_reported = True
                logger.warning(
                    "%s: task %s of workflow %s has run for %.0f s on %s, longer than its response timeout of %d s: "
                    "the server gives it to another worker; lease_extension=True would keep it here",
                    self.worker.name,
                    task.task_id,
                    task.workflow_instance_id,
                    age,
                    entry.thread,
                    task.response_timeout_seconds,
                )

    def hand_back_unstarted(self) -> None:
        """Give back what no thread has begun."""
        for raw in self.pool.take_unstarted():
            self.execution.hand_back(raw)

    def abandon(self) -> list[str]:
        """Give up on what still runs: handed back where the worker says that this is safe. Returns the tasks' ids."""
        running = [entry.task for entry in list(self.execution.running.values())]
        if self.options.hand_back:
            for task in running:
                if not self.execution.hand_back(task.to_dict()):
                    break  # the time is over already: a server that does not answer is not waited for task by task
        return [str(task.task_id) for task in running]

    def oldest_running(self) -> float:
        """Seconds for which the oldest running task runs; 0.0 when none does."""
        started = [entry.since for entry in list(self.execution.running.values())]
        return time.monotonic() - min(started) if started else 0.0

    def health(self, now: float) -> WorkerHealth:
        """How the worker is at ``now`` (monotonic)."""
        poller = self.poller
        return WorkerHealth(
            task_type=self.worker.name,
            state="stuck" if poller.is_stuck else poller.state,
            last_poll_age=None if poller.last_poll is None else now - poller.last_poll,
            busy=self.pool.busy,
            thread_count=self.pool.size,
            oldest_running=self.oldest_running(),
            last_error=None if poller.last_error is None else str(poller.last_error),
            restarts=poller.restarts,
            unreadable=self.execution.unreadable,
            failed_polls=poller.failed_polls,
            waiting_results=self._shared.delivery.waiting_of(self.worker.name),
        )
