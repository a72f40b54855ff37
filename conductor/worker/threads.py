"""The workers of a handler at work in this process: what they share, and the order in which all of it stops."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import define, frozen

from conductor.clients.payloads import PayloadStorage
from conductor.errors import WorkerRegistrationError
from conductor.settings import Settings
from conductor.worker import in_child
from conductor.worker.delivery import ResultDelivery
from conductor.worker.events import EventDispatcher, LeaseExtended
from conductor.worker.group import StopReport
from conductor.worker.health import HandlerHealth
from conductor.worker.lease import LeaseKeeper
from conductor.worker.metrics import MetricsCollector
from conductor.worker.options import ResolvedOptions, WorkerOptions
from conductor.worker.outbox import DiskOutbox, adopt_strays
from conductor.worker.payloads import ServerStorage
from conductor.worker.places import Places
from conductor.worker.runtime import Shared, WorkerRuntime
from conductor.worker.uncaught import UncaughtExceptions
from conductor.worker.worker import Worker

if TYPE_CHECKING:
    from conductor.clients.client import ConductorClient
    from conductor.models import Task

__all__ = ["Ingredients", "OpenClient", "ThreadGroup", "connections_for", "open_client"]

logger = logging.getLogger(__name__)

_LONG_POLLS = 100
_SPARE_CONNECTIONS = 10
_DEFAULT_CONNECTIONS = 100


@frozen
class OpenClient:
    """A client, whether it is the handler's own to close, and whether the handler chose how many connections it has."""

    client: ConductorClient
    is_own: bool
    has_own_size: bool = False

    def close(self) -> None:
        """Close it, where that is the handler's business."""
        if self.is_own:
            self.client.close()


def connections_for(options: Iterable[WorkerOptions]) -> int:
    """How many connections workers with ``options`` need: one for each thread that runs tasks or polls."""
    return sum(one.thread_count + 1 for one in options)


def open_client(given: ConductorClient | Settings | None, connections: int) -> OpenClient:
    """The client that was given, or one with a connection for each of the threads that need ``connections``."""
    from conductor.clients.client import ConductorClient  # noqa: PLC0415  requests only when it is needed

    if isinstance(given, ConductorClient):
        if connections > (size := given.settings.max_connections or _DEFAULT_CONNECTIONS):
            logger.warning(
                "The client that was given has %d connections and the workers' threads need %d, so some will wait "
                "for others; give it max_connections=%d",
                size,
                connections,
                connections + _SPARE_CONNECTIONS,
            )
        return OpenClient(given, is_own=False)
    settings = given or Settings.from_env()
    has_own_size = settings.max_connections is None
    if has_own_size:
        settings = settings.evolve(max_connections=connections + _SPARE_CONNECTIONS)
    return OpenClient(ConductorClient(settings), is_own=True, has_own_size=has_own_size)


@define
class Ingredients:
    """What a handler was given for all of its workers, see ``TaskHandler``."""

    events: EventDispatcher
    middleware: Sequence[Any]
    on_error: Callable[[Worker, Task, BaseException], None] | None
    outbox: str | os.PathLike[str] | None
    max_concurrency: int | None
    metrics: MetricsCollector | None


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
        self, opened: OpenClient, resolved: Sequence[tuple[Worker, ResolvedOptions]], given: Ingredients
    ) -> None:
        self.client: ConductorClient = opened.client
        self._opened = opened
        self._metrics = given.metrics
        self._uncaught = UncaughtExceptions(given.metrics.on_uncaught if given.metrics else lambda _: None)
        self._shared = _share(opened.client, given, len(resolved))
        self.runtimes: list[WorkerRuntime] = [
            WorkerRuntime(worker, options, self._shared) for worker, options in resolved
        ]

    @property
    def is_polling(self) -> bool:
        """Whether pollers run."""
        return any(runtime.poller.is_alive for runtime in self.runtimes)

    @property
    def checks(self) -> Sequence[Callable[[], object]]:
        """What the watchdog is to call."""
        shared = self._shared
        return [shared.delivery.revive, shared.leases.revive, *(runtime.look_after for runtime in self.runtimes)]

    def start(self) -> None:
        """Start all threads, the pollers' last."""
        if self._metrics is not None:
            self._metrics.watch(self.client.transport)
            self._uncaught.watch()
        with contextlib.suppress(Exception):  # what is wrong with the way to the server, the first poll will say
            self._shared.hot.prepare()
        self._shared.delivery.start()
        self._shared.leases.start()
        for runtime in self.runtimes:
            runtime.start()

    def close(self) -> None:
        """Let go of what a group that never started holds."""
        self._shared.delivery.close(0.0)

    def stop(self, grace: float) -> StopReport:
        """In the order of dependence: polls, what was not begun, what runs, what is not delivered, leases, sockets."""
        deadline = time.monotonic() + grace
        shared = self._shared
        shared.stop.set()
        shared.delivery.hurry(deadline)
        for runtime in self.runtimes:
            runtime.poller.wake()
        for runtime in self.runtimes:
            runtime.hand_back_unstarted()
        polling = [runtime.poller.join(deadline) for runtime in self.runtimes]
        for runtime in self.runtimes:
            runtime.hand_back_unstarted()
        for runtime in self.runtimes:
            runtime.pool.drain(deadline)
        unfinished = [task_id for runtime in self.runtimes for task_id in runtime.abandon()]
        delivered = shared.delivery.flush(deadline)
        undelivered = [] if delivered else [one for one in shared.delivery.undelivered_ids() if one not in unfinished]
        self._end_threads(max(deadline, time.monotonic() + 1.0))
        if self._metrics is not None:
            self._metrics.leave(self.client.transport)
            self._uncaught.close()
        if all(polling) and not unfinished:
            self._opened.close()
        return StopReport(unfinished, undelivered)

    def _end_threads(self, deadline: float) -> None:
        for runtime in self.runtimes:
            runtime.pool.close()
        self._shared.delivery.close(deadline)
        self._shared.leases.close(deadline)
        for runtime in self.runtimes:
            if not runtime.execution.running:
                runtime.pool.join(deadline)

    def left(self) -> StopReport:
        """What runs or waits for the server just now."""
        running = [entry.task for runtime in self.runtimes for entry in list(runtime.execution.running.values())]
        return StopReport([str(task.task_id) for task in running], self._shared.delivery.undelivered_ids_unlocked())

    def kill(self) -> None:
        """Nothing: threads end with the process."""

    def forget(self) -> None:
        """Nothing: a forked child has none of the threads, and the transport looks after its own connections."""

    def update_options(self, task_type: str | None, changes: Mapping[str, Any]) -> None:
        """Change options of one worker, or of all, from their next poll on."""
        chosen = [runtime for runtime in self.runtimes if task_type in {None, runtime.worker.name}]
        if not chosen:
            raise WorkerRegistrationError(f"No worker for {task_type!r} runs here.")
        for runtime in chosen:
            runtime.change(**changes)
        if self._opened.is_own and self._opened.has_own_size:
            self.client.transport.allow_connections(
                connections_for(runtime.options for runtime in self.runtimes) + _SPARE_CONNECTIONS
            )

    def health(self) -> HandlerHealth:
        """How each worker is."""
        now, shared = time.monotonic(), self._shared
        workers = [runtime.health(now) for runtime in self.runtimes]
        alive = [shared.delivery.is_alive, shared.leases.is_alive]
        alive += [runtime.poller.is_alive and not runtime.poller.is_stuck for runtime in self.runtimes]
        is_stopping = shared.stop.is_set()
        is_live = is_stopping or all(alive)
        return HandlerHealth(
            is_live=is_live,
            is_ready=is_live
            and not is_stopping
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


def _share(client: ConductorClient, given: Ingredients, workers: int) -> Shared:
    from conductor.transport.hot import HotPath  # noqa: PLC0415  requests only when it is needed

    hot, events = HotPath(client.transport), given.events
    if given.outbox is not None and not in_child.is_child:
        adopt_strays(os.fspath(given.outbox), [os.fspath(given.outbox)])
    return Shared(
        hot=hot,
        delivery=ResultDelivery(hot, events, DiskOutbox(given.outbox) if given.outbox is not None else None),
        payloads=ServerStorage(PayloadStorage(client.transport)),
        leases=LeaseKeeper(
            hot.update, lambda task: events.emit(LeaseExtended, str(task.task_def_name), str(task.task_id))
        ),
        events=events,
        places=Places(given.max_concurrency),
        long_polls=threading.BoundedSemaphore(_LONG_POLLS),
        stop=threading.Event(),
        middleware=tuple(given.middleware),
        on_error=given.on_error,
        workers=workers,
    )
