"""The running workers of a handler in this process: what they share, and the order of a stop."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs
from attrs import define

from conductor._internal.introspection import is_coroutine_function
from conductor._internal.logs import isolated_logger
from conductor.clients.payloads import PayloadStorage
from conductor.errors import ConfigurationError, WorkerRegistrationError
from conductor.worker import in_child
from conductor.worker.client import SPARE_CONNECTIONS, OpenClient, connections_for
from conductor.worker.definitions import DefinitionSync
from conductor.worker.delivery import ResultDelivery
from conductor.worker.dispatches import DispatchRecord
from conductor.worker.events import EventDispatcher, LeaseExtended
from conductor.worker.execution import TaskExecution, TaskRunner
from conductor.worker.health import HandlerHealth, WorkerHealth
from conductor.worker.lease import LeaseKeeper
from conductor.worker.lifecycle import StopDeadline, StopReport
from conductor.worker.metrics import MetricsCollector, UncaughtExceptions
from conductor.worker.options import ResolvedOptions, WorkerOptions
from conductor.worker.poll_backoff import MAX_WAIT_MS
from conductor.worker.poller import TAKE_OVER_AFTER_S, Gate, Poller
from conductor.worker.polling import (
    LATE_POLLS,
    LONG_POLLS,
    SHARED_LATE_POLLS,
    SHARED_THREADS,
    DedicatedPolling,
    Polling,
    SharedPolling,
)
from conductor.worker.pool import ConcurrencyLimit, WorkerPool
from conductor.worker.results import Payloads, ServerStorage
from conductor.worker.time_limit import TimeLimits
from conductor.worker.worker import Worker

if TYPE_CHECKING:
    from conductor.clients.client import ConductorClient
    from conductor.models import Task
    from conductor.transport.task_channel import TaskChannel
    from conductor.worker.coroutines import CoroutinePool, EventLoop
    from conductor.worker.lost_tasks import LostTasks

__all__ = ["HandlerParts", "Shared", "ThreadGroup", "WorkerRuntime"]


logger = isolated_logger(__name__)


@define(eq=False)
class Shared:
    """The parts that all workers of a handler share."""

    channel: TaskChannel
    delivery: ResultDelivery
    payloads: Payloads
    leases: LeaseKeeper
    events: EventDispatcher
    slots: ConcurrencyLimit
    long_polls: threading.BoundedSemaphore
    late_polls: threading.BoundedSemaphore
    lent: threading.BoundedSemaphore | None
    stop: threading.Event
    middleware: Sequence[Any]
    on_error: Callable[[Worker, Task, BaseException], None] | None
    limits: TimeLimits
    lost_tasks: LostTasks
    worker_id: str
    loop: EventLoop | None = None
    workers: int = 1


class WorkerRuntime:
    """A running worker.

    Args:
        worker: The declared worker.
        resolved: Its options and the origin of each.
        shared: The parts that it shares with the others.
    """

    def __init__(self, worker: Worker, resolved: ResolvedOptions, shared: Shared) -> None:
        self.worker = worker
        self.options: WorkerOptions = resolved.options
        self._shared = shared
        worker_id = resolved.options.worker_id or shared.worker_id
        self.runner: TaskRunner = TaskRunner(
            worker,
            worker_id,
            shared.middleware,
            on_error=self._on_error,
            events=shared.events,
            payloads=shared.payloads,
            time_limit=self.options.time_limit_seconds,
            limits=shared.limits,
            wait_for=None if shared.loop is None else shared.loop.wait_for,
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
        self.pool: WorkerPool | CoroutinePool = self._pool()
        self.poller: Poller = Poller(
            worker.name,
            channel=shared.channel,
            pool=self.pool,
            options=self._options,
            worker_id=worker_id,
            gate=Gate(
                self._may_poll,
                self._is_full,
                shared.slots,
                shared.long_polls,
                shared.late_polls,
                shared.workers,
                shared.lent,
            ),
            events=shared.events,
            hand_back=self.execution.hand_back,
            recovered=shared.delivery.nudge,
            stop=shared.stop,
        )

    def _pool(self) -> WorkerPool | CoroutinePool:
        size, loop = self.options.thread_count, self._shared.loop
        has_plain_middleware = not all(is_coroutine_function(one) for one in self._shared.middleware)
        if self.worker.is_async and loop is not None and not has_plain_middleware:
            from conductor.worker.coroutines import CoroutinePool  # asyncio only when it is needed

            return CoroutinePool(self.worker.name, size, self.execution, loop, self._on_free)
        return WorkerPool(self.worker.name, size, self.execution.run, self._on_free)

    def _on_free(self, count: int) -> None:
        self._shared.slots.give_back(count)
        self.poller.slot_freed()

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
            and not self._shared.slots.is_wanted(self.worker.name)
            and not self._is_full()
            and self.worker.should_poll is None
        )

    def _on_error(self, task: Task, error: BaseException) -> None:
        if self._shared.on_error is None:
            return
        try:
            self._shared.on_error(self.worker, task, error)
        except BaseException:  # a hook of the user may raise anything, also SystemExit
            logger.exception("%s: on_error raised an exception; the worker continues", self.worker.name)

    def change(self, **changes: Any) -> None:
        """Change options; polling goes by them from the next poll on."""
        self.options = attrs.evolve(self.options, **changes)
        if "thread_count" in changes:
            self.pool.resize(self.options.thread_count)
        self.poller.apply_options()

    def look_after(self) -> None:
        """Restart threads that died, and report each task that outlives its response timeout once."""
        self.pool.revive()
        for entry in list(self.execution.running.values()):
            task, age = entry.task, time.monotonic() - entry.since
            if 0 < task.response_timeout_seconds < age and not entry.is_reported and not self.options.lease_extension:
                entry.is_reported = True
                logger.warning(
                    "%s: task %s of workflow %s has run for %.0f s on %s, longer than its response timeout of %d s: "
                    "the server dispatches it to another worker; lease_extension=True prevents this",
                    self.worker.name,
                    task.task_id,
                    task.workflow_instance_id,
                    age,
                    entry.thread,
                    task.response_timeout_seconds,
                )

    def hand_back_unstarted(self) -> None:
        """Return to the server the tasks that no thread has begun."""
        for raw in self.pool.take_unstarted():
            self.execution.hand_back(raw)

    def abandon(self) -> list[str]:
        """Return the ids of tasks that still run; release them where the worker says that they may run twice."""
        entries = list(self.execution.running.values())
        for entry in entries:
            entry.is_cancelled = self.worker.is_async  # the loop cancels it; a function on a thread runs on
        running = [entry.task for entry in entries]
        if self.options.hand_back:
            for task in running:
                self.execution.hand_back(task.to_dict())
        return [str(task.task_id) for task in running]

    def oldest_running(self) -> float:
        """Return for how many seconds the oldest running task runs; 0.0 if no task runs."""
        started = [entry.since for entry in list(self.execution.running.values())]
        return time.monotonic() - min(started) if started else 0.0

    def health(self, now: float) -> WorkerHealth:
        """Return the health of the worker at ``now`` (monotonic)."""
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


#: Seconds of the grace period, at most, for a last search for tasks in lost responses.
_LAST_SEARCH_S = 5.0


@define
class HandlerParts:
    """The arguments of ``TaskHandler`` that concern all of its workers."""

    events: EventDispatcher
    middleware: Sequence[Any]
    on_error: Callable[[Worker, Task, BaseException], None] | None
    outbox: str | os.PathLike[str] | None
    max_concurrency: int | None
    metrics: MetricsCollector | None
    on_loop_start: Callable[[], Any] | None = None
    on_loop_stop: Callable[[], Any] | None = None
    is_stop_requested: Callable[[], bool] = lambda: False
    shared_polling: bool = False


class ThreadGroup:
    """The threads of all workers.

    Args:
        opened: The way to the server.
        resolved: Each worker with its options.
        given: What they share.

    Raises:
        ConfigurationError: The outbox cannot be used.
    """

    def __init__(
        self, opened: OpenClient, resolved: Sequence[tuple[Worker, ResolvedOptions]], given: HandlerParts
    ) -> None:
        self.client: ConductorClient = opened.client
        self._opened = opened
        self._metrics = given.metrics
        self._uncaught = UncaughtExceptions(given.metrics.on_uncaught if given.metrics else lambda _: None)
        self._shared = _share(opened.client, given, resolved)
        self.runtimes: list[WorkerRuntime] = [
            WorkerRuntime(worker, options, self._shared) for worker, options in resolved
        ]
        self._is_shared = given.shared_polling
        make_polling = SharedPolling if given.shared_polling else DedicatedPolling
        self._polling: Polling = make_polling([runtime.poller for runtime in self.runtimes], self._shared.stop)
        declared = [] if in_child.number > 1 else [(worker, options.options) for worker, options in resolved]
        self._definitions = DefinitionSync(declared, lambda: opened.client.metadata, self._shared.stop)

    @property
    def is_polling(self) -> bool:
        """Whether pollers run."""
        return self._polling.is_polling

    @property
    def checks(self) -> Sequence[Callable[[], object]]:
        """The functions that the watchdog calls."""
        shared = self._shared
        loops = [] if shared.loop is None else [shared.loop.look_after]
        threads = [shared.delivery.revive, shared.leases.revive, shared.lost_tasks.revive]
        return [*threads, *loops, *self._polling.checks, *(one.look_after for one in self.runtimes)]

    def start(self) -> None:
        """Start all threads, the pollers' last."""
        if self._metrics is not None:
            self._metrics.watch(self.client.transport)
            self._uncaught.watch()
        with contextlib.suppress(Exception):  # what is wrong with the way to the server, the first poll will say
            self._shared.channel.prepare()
        if self._shared.loop is not None and not self._shared.loop.start():
            return
        if any(runtime.runner.time_limit is not None for runtime in self.runtimes):
            self._shared.limits.start()
        self._shared.delivery.start()
        self._shared.leases.start()
        self._shared.lost_tasks.start()
        self._definitions.start()
        for runtime in self.runtimes:
            runtime.pool.start()
        self._polling.start()

    def close(self) -> None:
        """Release what a group that never started holds."""
        self._shared.delivery.close(0.0)
        if self._shared.loop is not None:
            self._shared.loop.close(0.0)

    def stop(self, deadline: StopDeadline) -> StopReport:
        """In the order of dependence: polls, tasks not begun, running tasks, results, leases, connections."""
        shared = self._shared
        shared.stop.set()
        shared.delivery.hurry(deadline.left)
        self._polling.wake()
        for runtime in self.runtimes:
            runtime.hand_back_unstarted()
        # A server that does not answer costs no more of the grace period than a poll usually takes.
        poll_deadline = StopDeadline(min(deadline.left(), MAX_WAIT_MS / 1000 + TAKE_OVER_AFTER_S))
        self._polling.join(poll_deadline)
        for runtime in self.runtimes:
            runtime.hand_back_unstarted()
        for runtime in self.runtimes:
            runtime.pool.drain(deadline)
        unfinished = [task_id for runtime in self.runtimes for task_id in runtime.abandon()]
        if shared.loop is not None:
            shared.loop.cancel_all()
        shared.lost_tasks.close(time.monotonic() + min(deadline.left() / 2, _LAST_SEARCH_S))
        delivered = shared.delivery.flush(deadline)
        undelivered = [] if delivered else [one for one in shared.delivery.undelivered_ids() if one not in unfinished]
        self._end_threads(time.monotonic() + max(deadline.left(), 1.0))
        if self._metrics is not None:
            self._metrics.leave(self.client.transport)
            self._uncaught.close()
        if not self.is_polling and not unfinished:
            self._opened.close()
        return StopReport(unfinished, undelivered)

    def _end_threads(self, deadline: float) -> None:
        for runtime in self.runtimes:
            runtime.pool.close()
        self._shared.delivery.close(deadline)
        self._shared.leases.close(deadline)
        self._shared.limits.close()
        if self._shared.loop is not None:
            self._shared.loop.close(deadline)
        self._definitions.join(deadline - time.monotonic())
        for runtime in self.runtimes:
            if not runtime.execution.running:
                runtime.pool.join(deadline)

    def left(self) -> StopReport:
        """What runs, waits for a thread, or waits for the server just now."""
        unfinished = []
        for runtime in self.runtimes:
            unfinished += [str(raw.get("taskId")) for raw in runtime.pool.unstarted() if isinstance(raw, dict)]
            unfinished += [str(entry.task.task_id) for entry in list(runtime.execution.running.values())]
        return StopReport(unfinished, self._shared.delivery.undelivered_ids_unlocked())

    def kill(self) -> None:
        """Nothing: threads end with the process."""

    def forget(self) -> None:
        """Do nothing: the threads do not exist in a forked child, and the transport handles its connections."""

    def update_options(self, task_type: str | None, changes: Mapping[str, Any]) -> None:
        """Change options of one worker, or of all, from their next poll on."""
        chosen = [runtime for runtime in self.runtimes if task_type in {None, runtime.worker.name}]
        if not chosen:
            raise WorkerRegistrationError(f"This handler runs no worker for {task_type!r}.")
        for runtime in chosen:
            runtime.change(**changes)
        if self._opened.is_own and self._opened.has_own_size:
            self.client.transport.allow_connections(
                connections_for(
                    ((one.options, one.worker.is_async) for one in self.runtimes), shared_polling=self._is_shared
                )
                + SPARE_CONNECTIONS
            )

    def health(self) -> HandlerHealth:
        """How each worker is."""
        now, shared = time.monotonic(), self._shared
        workers = [runtime.health(now) for runtime in self.runtimes]
        alive = [shared.delivery.is_alive, shared.leases.is_alive]
        alive += [] if shared.loop is None else [shared.loop.is_alive, not shared.loop.is_stuck]
        alive += [self._polling.is_alive, not any(runtime.poller.is_stuck for runtime in self.runtimes)]
        is_live = all(alive)
        return HandlerHealth(
            is_live=is_live,
            is_ready=is_live
            and not shared.delivery.is_failing
            and all(w.state in {"polling", "paused"} for w in workers),
            token=str(getattr(self.client.transport.auth, "state", "none")),
            waiting_results=shared.delivery.waiting,
            delivered=shared.delivery.delivered,
            refused=shared.delivery.refused,
            sent_twice=shared.delivery.sent_twice,
            workers=workers,
        )

    def metrics(self) -> dict[str, Any]:
        """What was counted."""
        return {} if self._metrics is None else self._metrics.snapshot()


def _event_loop(given: HandlerParts, workers: Sequence[Worker]) -> EventLoop | None:
    """Return the event loop of async workers, if there are any."""
    plain = [worker.name for worker in workers if not worker.is_async]
    if plain and (wrong := [one for one in given.middleware if is_coroutine_function(one)]):
        raise ConfigurationError(
            f"The middleware {wrong[0]!r} is async, but the workers {', '.join(plain)} are plain functions. Async "
            "middleware can wrap only async functions: use plain middleware, or another handler for the async workers.",
            variable="use()",
            allowed="plain middleware, which wraps both kinds of functions",
        )
    if len(plain) == len(workers):
        return None
    from conductor.worker.coroutines import EventLoop  # asyncio only when it is needed

    return EventLoop(given.on_loop_start, given.on_loop_stop, given.is_stop_requested)


def _long_polls(given: HandlerParts, workers: Sequence[Worker]) -> int:
    """Return how many polls may wait on the server at a time."""
    if not given.shared_polling:
        return LONG_POLLS
    # A thread for each, or half of the threads for those that came first: polls that wait must not hold up others.
    return len(workers) if len(workers) <= SHARED_THREADS else SHARED_THREADS // 2


def _unique_worker_id() -> str:
    """Return a worker id that no other handler has, on this machine or another."""
    import socket  # the first poll imports it too, after the start

    return f"{socket.gethostname()}-{os.getpid()}-{os.urandom(4).hex()}"


def _share(client: ConductorClient, given: HandlerParts, resolved: Sequence[tuple[Worker, ResolvedOptions]]) -> Shared:
    from conductor.worker.lost_tasks import LostTasks, RecordingChannel  # requests only when it is needed

    workers = [worker for worker, _ in resolved]
    events, dispatches, worker_id = given.events, DispatchRecord(), _unique_worker_id()
    channel = RecordingChannel(client.transport, dispatches)
    disk = None
    if given.outbox is not None:
        from conductor.worker.outbox import DiskOutbox, adopt_strays  # sqlite3 only when it is needed

        if not in_child.is_child:
            adopt_strays(os.fspath(given.outbox), [os.fspath(given.outbox)])
        disk = DiskOutbox(given.outbox)
    delivery = ResultDelivery(channel, events, disk, dispatches=dispatches)
    with_unique_id = [worker.name for worker, one in resolved if not one.options.worker_id]
    lost_tasks = LostTasks(dispatches, worker_id, lambda: client.tasks, with_unique_id, delivery.release)
    dispatches.report_lost_to(lost_tasks.lost)
    return Shared(
        channel=channel,
        delivery=delivery,
        payloads=ServerStorage(PayloadStorage(client.transport)),
        leases=LeaseKeeper(
            channel.update, lambda task: events.emit(LeaseExtended, str(task.task_def_name), str(task.task_id))
        ),
        events=events,
        slots=ConcurrencyLimit(given.max_concurrency),
        long_polls=threading.BoundedSemaphore(_long_polls(given, workers)),
        late_polls=threading.BoundedSemaphore(SHARED_LATE_POLLS if given.shared_polling else LATE_POLLS),
        lent=threading.BoundedSemaphore(SHARED_THREADS // 2) if given.shared_polling else None,
        stop=threading.Event(),
        middleware=tuple(given.middleware),
        on_error=given.on_error,
        limits=TimeLimits(),
        lost_tasks=lost_tasks,
        worker_id=worker_id,
        loop=_event_loop(given, workers),
        workers=len(workers),
    )
