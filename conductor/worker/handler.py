"""TaskHandler: turns declared workers into polling ones, and stops them in order."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any

import attrs
from typing_extensions import Self, Unpack

from conductor._internal.durations import to_seconds
from conductor._internal.logs import isolated_logger
from conductor.errors import ConfigurationError, WorkerRegistrationError
from conductor.migration import missing_attribute
from conductor.settings import Settings
from conductor.worker import in_child
from conductor.worker.client import check_client, connections_for, open_client
from conductor.worker.discovery import as_workers, find_workers, refuse_duplicates
from conductor.worker.events import EventDispatcher, WorkerEvent, WorkerListener
from conductor.worker.health import NOT_RUNNING, HandlerHealth
from conductor.worker.lifecycle import FORCED, HandlerRun, HandlerState, StopReport, WorkerGroup, forget, remember
from conductor.worker.metrics import MetricsCollector
from conductor.worker.options import (
    ChangeableArguments,
    PollingArguments,
    ResolvedOptions,
    check_changes,
    check_options,
    check_path,
    process_count,
    resolve,
    shares_polling,
    table,
)
from conductor.worker.signals import stop_on_signals
from conductor.worker.supervisor import HandlerParts, ThreadGroup
from conductor.worker.watchdog import Observation, ProbeOptions
from conductor.worker.worker import Worker, WorkerRegistry

if TYPE_CHECKING:
    from conductor.clients.client import ConductorClient
    from conductor.models import Task

__all__ = ["StopReport", "TaskHandler"]

logger = isolated_logger(__name__)
#: Exit status after an invalid configuration; see also ``FORCED``.
_MISCONFIGURED = 2


class TaskHandler:
    """Polls for the tasks of decorated functions, runs them on threads, and delivers their results.

    Args:
        client: A ``ConductorClient`` or ``Settings``; without one, a client is made from the environment, with one
            connection per thread. A client that was given is not closed.
        workers: ``Worker`` objects or decorated functions. Without them all of the registry's; with them the registry
            counts only if it is given too.
        registry: Where to look for decorated functions; the default is the one that ``@worker_task`` fills.
        import_modules: Modules to import first, so that their decorators run.
        listeners: Notified of events, see ``conductor.worker.events``.
        on_error: Called with the worker, the task and the exception when a function fails.
        outbox: A file that keeps undelivered results across a crash.
        max_concurrency: How many tasks of all workers together may run at the same time; each worker has its own
            ``thread_count`` in addition.
        metrics: Collect the values that ``metrics()`` returns; implied by a ``health_port``.
        health_port: Serve ``/livez``, ``/readyz`` and ``/metrics`` there (CONDUCTOR_HEALTH_PORT); 0 for any free port.
        health_host: The address to listen on (CONDUCTOR_HEALTH_HOST); 127.0.0.1 by default.
        heartbeat_file: A file that is touched every second while the handler is live (CONDUCTOR_HEARTBEAT_FILE).
        processes: The number of processes (CONDUCTOR_PROCESSES), for functions that need the CPU. With more than one,
            each is a new interpreter that imports the modules of the workers and has all configured threads, limits
            and connections; this process starts, watches and stops them.
        shared_polling: Poll for all workers with 16 threads, instead of one for each (CONDUCTOR_SHARED_POLLING): for
            hundreds of task types that are mostly idle. A task of an idle type is then picked up within a second with
            up to 100 types, and within 10 ms for each type with more, 5 s at most.
        child_setup: With ``processes``: ``"module:function"``, called with the handler of each process before it
            starts, to add middleware and listeners there.
        on_loop_start: Called on the event loop of async workers before their first task, to make what they share, such
            as an HTTP session; may be ``async def``. With ``processes``, ``child_setup`` calls ``on_loop`` instead.
        on_loop_stop: Called there after their last task.
        grace_seconds: Seconds that ``run`` and the end of a ``with`` block let running tasks finish.
        options: Options for all workers (``domain``, ``thread_count``, ``poll_interval_ms``, ...). They take precedence
            over the environment and the decorators.

    The registry is read, and all options are resolved, by ``start``.
    """

    def __init__(
        self,
        client: ConductorClient | Settings | None = None,
        *,
        workers: Iterable[Worker | Callable[..., Any]] | None = None,
        registry: WorkerRegistry | None = None,
        import_modules: Iterable[str] = (),
        listeners: Iterable[WorkerListener] = (),
        on_error: Callable[[Worker, Task, BaseException], None] | None = None,
        outbox: str | os.PathLike[str] | None = None,
        max_concurrency: int | None = None,
        metrics: bool = False,
        health_port: int | None = None,
        health_host: str | None = None,
        heartbeat_file: str | os.PathLike[str] | None = None,
        processes: int | None = None,
        shared_polling: bool | None = None,
        child_setup: str | None = None,
        on_loop_start: Callable[[], Any] | None = None,
        on_loop_stop: Callable[[], Any] | None = None,
        grace_seconds: float = 30.0,
        **options: Unpack[PollingArguments],
    ) -> None:
        check_client(client)
        explicit: dict[str, Any] = dict(options)
        check_options(explicit, max_concurrency)
        self._given = client
        self._workers = None if workers is None else as_workers(workers)
        self._registry = registry
        self._import_modules = list(import_modules)
        self._on_error = on_error
        self._outbox = None if outbox is None else check_path("outbox", outbox)
        self._max_concurrency = max_concurrency
        self._grace_seconds = to_seconds(grace_seconds, "grace_seconds")
        self._explicit = explicit
        self._middleware: list[Any] = []
        self._events = EventDispatcher()
        self._only_here = ["on_error"] if on_error is not None else []
        self._loop_hooks = (on_loop_start, on_loop_stop)
        if on_loop_start is not None or on_loop_stop is not None:
            self._only_here.append("on_loop_start and on_loop_stop")
        for listener in listeners:
            self._events.add_listener(listener)
            self._only_here.append("listeners")
        self._metrics: MetricsCollector | None = None
        if metrics:
            self._collect_metrics()
        self._probes = (health_port, health_host, heartbeat_file)
        self._processes = processes
        self._shared_polling = shared_polling
        self._has_processes = False
        self._child_setup = child_setup
        self._is_misconfigured = False
        self._lock = threading.Lock()
        self._client: ConductorClient | None = None
        self._run: HandlerRun | None = None

    if not TYPE_CHECKING:
        __getattr__ = missing_attribute

    # -- before the start

    def use(self, middleware: Any) -> Self:
        """Wrap each execution: ``middleware(context, call_next)`` runs on the task's own thread.

        Raises:
            ConfigurationError: The handler is already running, and its workers would not use the middleware.
        """
        self._refuse_late("use()")
        self._middleware.append(middleware)
        self._only_here.append("use()")
        return self

    def on(self, kind: type[WorkerEvent], call: Callable[[Any], None]) -> Self:
        """Call ``call`` with each event of ``kind``.

        Raises:
            ConfigurationError: The handler is already running in other processes, which would not use the listener.
        """
        if self._has_processes:
            self._refuse_late("on()")
        self._events.add(kind, call)
        self._only_here.append("on()")
        return self

    def on_loop(self, *, start: Callable[[], Any] | None = None, stop: Callable[[], Any] | None = None) -> Self:
        """Set what is called on the event loop of async workers before their first task and after their last one.

        Raises:
            ConfigurationError: The handler runs already.
        """
        self._refuse_late("on_loop()")
        self._loop_hooks = (start, stop)
        self._only_here.append("on_loop()")
        return self

    def _refuse_late(self, method: str) -> None:
        if self._group is not None:
            raise ConfigurationError(
                f"{method} has no effect on a handler that is running. Call it before start(), run() or the with "
                "block, or stop the handler first.",
                variable=method,
                allowed="a handler that is not running",
            )

    @property
    def workers(self) -> list[Worker]:
        """The workers that ``start`` will start, or has started."""
        return self._find_workers()

    def _find_workers(self) -> list[Worker]:
        return find_workers(self._workers, self._registry, self._import_modules)

    def _collect_metrics(self) -> None:
        if self._metrics is None:
            self._metrics = MetricsCollector()
            self._events.add_listener(self._metrics)

    # -- life

    def start(self) -> Self:
        """Start polling, and return; as the last line of a script this keeps the process working until it is stopped.

        The process ends by ``stop``, or by Ctrl-C, which drains as ``stop`` does. If an exception ends the main thread
        after ``start``, the handler drains too, and the exit status is 1. ``sys.exit`` does not stop it.

        If ``stop`` is called meanwhile, by a signal handler for example, nothing is started.

        Raises:
            WorkerRegistrationError: No worker was found, or two for the same task type and domain.
            ConfigurationError: An option is invalid.
        """
        in_child.refuse_start()
        with self._lock:
            if (current := self._current) is not None and not current.is_over:
                raise WorkerRegistrationError(
                    f"This TaskHandler is {current.state.value} already; stop it before starting it again."
                )
            run = self._run = HandlerRun(self._grace_seconds, partial(forget, self))
        try:
            with contextlib.ExitStack() as undo:
                group, observation = self._prepare(undo)
                if run.is_stop_requested:
                    logger.info("The handler was stopped during its start")
                    run.abandon()
                    return self
                run.start_control()
                undo.pop_all()
        except BaseException:  # also on Ctrl-C: nothing keeps running
            run.abandon()
            raise
        remember(self)
        run.begin(group, observation)
        return self

    def _prepare(self, undo: contextlib.ExitStack) -> tuple[WorkerGroup, Observation]:
        """Find the workers, resolve their options, and make what runs them; ``undo`` releases it again."""
        workers = self._find_workers()
        resolved = [(worker, resolve(worker.name, worker.options, self._explicit, os.environ)) for worker in workers]
        refuse_duplicates(resolved)
        probes = ProbeOptions.resolve(*self._probes, os.environ)
        if probes.port is not None:
            self._collect_metrics()
        logger.info("Workers:\n%s", table([(worker.name, options) for worker, options in resolved]))
        count = process_count(self._processes, os.environ)
        self._is_misconfigured, self._has_processes = False, count > 1
        group = self._threads(resolved, undo) if count == 1 else self._process_group(workers, count)
        observation = Observation(probes, self.health, self.metrics, group.checks)
        undo.callback(observation.forget)
        return group, observation

    @property
    def _current(self) -> HandlerRun | None:
        """The last run, if this process started it."""
        return self._run if self._run is not None and self._run.is_here else None

    @property
    def _group(self) -> WorkerGroup | None:
        """The workers at work."""
        current = self._current
        return None if current is None or current.is_over else current.group

    @property
    def state(self) -> HandlerState:
        """The state: ``new``, ``starting``, ``running``, ``stopping`` or ``stopped``."""
        current = self._current
        return HandlerState.NEW if current is None else current.state

    def _threads(self, resolved: Sequence[tuple[Worker, ResolvedOptions]], undo: contextlib.ExitStack) -> ThreadGroup:
        sizes = [(options.options, worker.is_async) for worker, options in resolved]
        shared_polling = shares_polling(self._shared_polling, os.environ)
        opened = open_client(self._given, connections_for(sizes, shared_polling=shared_polling))
        undo.callback(opened.close)
        self._client = opened.client
        given = HandlerParts(
            self._events,
            self._middleware,
            self._on_error,
            self._outbox,
            self._max_concurrency,
            self._metrics,
            *self._loop_hooks,
            is_stop_requested=lambda: self._run is not None and self._run.is_stop_requested,
            shared_polling=shared_polling,
        )
        group = ThreadGroup(opened, resolved, given)
        undo.callback(group.close)
        return group

    def _process_group(self, workers: Sequence[Worker], count: int) -> WorkerGroup:
        # Imported only if needed: one process is the usual case, and it starts 20 ms sooner.
        from conductor.worker.processes.parent import ProcessGroup
        from conductor.worker.processes.spec import child_spec, refuse_for_processes

        refuse_for_processes(self._given, self._only_here)
        spec = child_spec(
            workers,
            self._given if isinstance(self._given, Settings) else Settings.from_env(),
            modules=self._import_modules,
            options=self._explicit,
            handler={
                "max_concurrency": self._max_concurrency,
                "grace_seconds": self._grace_seconds,
                "metrics": self.collects_metrics,
                "shared_polling": shares_polling(self._shared_polling, os.environ),
            },
            setup=self._child_setup,
        )
        return ProcessGroup(spec, count, self._outbox, self._after_misconfiguration)

    def _after_misconfiguration(self) -> None:
        self._is_misconfigured = True
        if (current := self._current) is not None:
            current.request_stop(0.0)

    @property
    def client(self) -> ConductorClient:
        """The client that the handler polls with; there is one once it has started, in one process.

        Raises:
            ConfigurationError: There is none.
        """
        if self._client is None:
            raise ConfigurationError(
                "The handler has no client before it starts, and no client with processes.", variable="client"
            )
        return self._client

    def stop(self, grace_seconds: float | None = None) -> StopReport:
        """Stop polling at once, let running tasks finish, deliver everything, and end all threads.

        It can be called from anywhere and any number of times; a later call can only shorten the grace period. In a
        task, a listener, or a signal handler that interrupts ``start``, it requests the stop and returns at once what
        is still running then.

        A poll that waits on the server may finish (2.5 s at most): the tasks that it brings would be lost otherwise;
        they are given back.

        Args:
            grace_seconds: Seconds that the stop may take, by default those of the handler. What still runs then is
                given back to the server if the worker was declared with ``hand_back=True``; otherwise the server
                retries it after its response timeout.

        Returns:
            What is unfinished or undelivered. It is in the log as well.
        """
        current = self._current
        return StopReport() if current is None else current.stop(grace_seconds)

    def join(self, timeout: float | None = None) -> bool:
        """Wait until the handler is stopped, and return whether it is.

        Args:
            timeout: Seconds to wait; None for no limit.
        """
        current = self._current
        return current is not None and current.join(timeout)

    def run(self) -> None:
        """Start, and work until SIGTERM, SIGINT or ``stop``; then drain within ``grace_seconds``.

        It is meant as the main function of a worker process. It returns when everything is finished and delivered.
        Otherwise the process ends: with status 1 after a second signal, or if the grace period was too short (the log
        has the ids of what was left), with status 2 if the configuration is invalid.

        If tasks leave threads behind that keep the process alive, the process ends nevertheless, with their names in
        the log: within the grace period, and not earlier than five seconds after the main thread has ended.
        """
        signals: list[bool] = []

        def request_stop() -> None:
            signals.append(True)
            if (current := self._current) is not None:
                current.request_stop()

        with stop_on_signals(request_stop, self._abort):
            try:
                self.start()
            except (ConfigurationError, WorkerRegistrationError) as error:
                is_import = isinstance(error, ConfigurationError) and error.variable == "import_modules"
                logger.critical("The workers cannot start: %s", error, exc_info=error.__cause__ if is_import else None)
                raise SystemExit(_MISCONFIGURED) from error
            if signals:
                request_stop()  # the signal may have come before there was anything to stop
            self.join()
        if self._is_misconfigured:
            raise SystemExit(_MISCONFIGURED)
        if (current := self._current) is not None:
            current.guard_exit()

    def _abort(self) -> None:
        if (current := self._current) is not None:
            current.abort()
        os._exit(FORCED)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.stop()
        except KeyboardInterrupt:  # a second Ctrl-C: whoever pressed it does not want to wait
            if (current := self._current) is not None:
                current.request_stop(0.0)
            raise

    def forget_parent(self) -> None:
        """Return to the state before ``start``, in a forked child, where the threads of the parent do not exist."""
        self._lock = threading.Lock()
        self._client = None
        run, self._run = self._run, None
        if run is not None and run.group is not None and run.observation is not None:
            run.group.forget()
            run.observation.forget()
        if self._metrics is not None:
            self._metrics.reset()

    # -- while it runs

    @property
    def is_polling(self) -> bool:
        """Whether the handler is started and its pollers run."""
        group = self._group
        return group is not None and group.is_polling

    def update_options(self, task_type: str | None = None, **changes: Unpack[ChangeableArguments]) -> None:
        """Change options of one worker, or of all, from their next poll on.

        Args:
            task_type: The worker's task type; None for all.
            changes: ``poll_interval_ms``, ``poll_timeout_ms``, ``thread_count`` or ``paused``.

        Raises:
            WorkerRegistrationError: No such worker runs.
            ConfigurationError: An option is unknown or cannot change while the worker runs.
        """
        check_changes(changes)
        group = self._group
        if group is None:
            raise WorkerRegistrationError("The handler is not started, so it has no running workers.")
        group.update_options(task_type, changes)

    def pause(self, task_type: str | None = None) -> None:
        """Stop polling for one task type, or for all; running tasks continue."""
        self.update_options(task_type, paused=True)

    def resume(self, task_type: str | None = None) -> None:
        """Poll again after ``pause``."""
        self.update_options(task_type, paused=False)

    def left(self) -> StopReport:
        """Return the tasks that run and the results that are undelivered; with ``processes``, as of a second ago."""
        group = self._group
        return StopReport() if group is None else group.left()

    def health(self) -> HandlerHealth:
        """Return the health of the handler and of each of its workers."""
        group, current = self._group, self._current
        if group is None or current is None:
            return NOT_RUNNING
        health = group.health()
        if current.state is HandlerState.STOPPING:
            return attrs.evolve(health, is_live=current.is_stop_in_progress, is_ready=False)
        is_watched = current.observation is not None and current.observation.is_alive
        return health if is_watched else attrs.evolve(health, is_live=False, is_ready=False)

    @property
    def health_port(self) -> int | None:
        """The port on which the health is served; None when it is not, or the handler does not run."""
        current = self._current
        return None if current is None or current.observation is None or current.is_over else current.observation.port

    def metrics(self) -> dict[str, Any]:
        """What was collected so far, by the metric's name, as plain values: see ``MetricsCollector.snapshot``.

        Raises:
            ConfigurationError: The handler was made without ``metrics=True``.
        """
        if self._metrics is None:
            raise ConfigurationError(
                "This handler collects no metrics; create it with TaskHandler(metrics=True), or with a health_port.",
                variable="metrics",
            )
        group = self._group
        return self._metrics.snapshot() if group is None else group.metrics()

    @property
    def collects_metrics(self) -> bool:
        """Whether ``metrics`` has something to return."""
        return self._metrics is not None
