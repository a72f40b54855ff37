"""TaskHandler: turns declared workers into polling ones, and stops them in order."""

from __future__ import annotations

import atexit
import contextlib
import importlib
import logging
import os
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol

import attrs
from typing_extensions import Self

from conductor._internal.validation import check_int, check_seconds
from conductor.errors import ConfigurationError, WorkerRegistrationError
from conductor.migration import missing_attribute, refuse_keywords
from conductor.settings import Settings
from conductor.worker import in_child
from conductor.worker.events import EventDispatcher, WorkerEvent, WorkerListener
from conductor.worker.health import NOT_RUNNING, HandlerHealth
from conductor.worker.metrics import MetricsCollector
from conductor.worker.options import ResolvedOptions, WorkerOptions, resolve, table
from conductor.worker.processes.parent import ProcessGroup, process_count
from conductor.worker.processes.spec import blueprint_of, refuse_for_processes
from conductor.worker.signals import Flag, stop_on_signals
from conductor.worker.supervisor import Ingredients, StopReport, ThreadGroup, WorkerGroup, connections_for, open_client
from conductor.worker.watchdog import Observation, ProbeOptions
from conductor.worker.worker import Worker, WorkerRegistry, default_registry, two_workers

if TYPE_CHECKING:
    from conductor.clients.client import ConductorClient
    from conductor.models import Task

__all__ = [
    "Handler",
    "StopReport",
    "TaskHandler",
    "as_worker",
    "check_client",
    "check_options",
    "find_workers",
    "forget",
    "refuse_duplicates",
    "remember",
]


def find_workers(
    given: Sequence[Worker] | None, registry: WorkerRegistry | None, import_modules: Iterable[str]
) -> list[Worker]:
    """The workers that were given and those of the registry, after importing the modules that declare them.

    Raises:
        WorkerRegistrationError: There is none.
        ConfigurationError: A module is not there, or raised when it was imported; that is then the error's cause.
    """
    for module in import_modules:
        _import(module)
    found = list(given or ())
    if registry is None and given is None:
        registry = default_registry
    if registry is not None:
        found += [worker for worker in registry if worker not in found]
    if not found:
        raise WorkerRegistrationError(
            "No workers were found. Decorate a function with @worker_task in a module that is imported before the "
            "handler starts, name the module in TaskHandler(import_modules=...), or give TaskHandler(workers=...)."
        )
    return found


def _import(name: str) -> None:
    try:
        importlib.import_module(name)
    except (ConfigurationError, WorkerRegistrationError):  # a decorator's, which says what is wrong
        raise
    except Exception as error:  # noqa: BLE001  whatever a module of the user does
        is_missing = isinstance(error, ModuleNotFoundError) and f"{name}.".startswith(f"{error.name}.")
        why = "there is no such module" if is_missing else f"importing it raised {type(error).__name__}: {error}"
        raise ConfigurationError(
            f"import_modules has {name!r}, which cannot be imported: {why}.",
            variable="import_modules",
            value=name,
            allowed="modules that Python finds from here",
        ) from (None if is_missing else error)


def as_worker(declared: Worker | Callable[..., Any]) -> Worker:
    """The worker itself, or the one that the decorator attached to a function."""
    if isinstance(declared, Worker):
        return declared
    attached = getattr(declared, "__conductor_worker__", None)
    if isinstance(attached, Worker):
        # A wrapper around a decorated function has its attributes: what was given runs, not what it wraps.
        return attached if attached.function is declared else attached.for_function(declared)
    raise WorkerRegistrationError(
        f"{declared!r} is no worker: decorate it with @worker_task, or wrap it as Worker(function, 'task_name')."
    )


def check_options(options: dict[str, Any], max_concurrency: int | None) -> None:
    """Refuse options that cannot be used.

    Raises:
        TypeError: There is no such option.
        ConfigurationError: A value cannot be used.
    """
    WorkerOptions(**options) if options.keys() <= _option_names() else _refuse_options(options)
    if max_concurrency is not None:
        check_int("max_concurrency", max_concurrency, minimum=1)


def check_client(client: object) -> None:
    """Refuse what is neither a client nor settings.

    Raises:
        ConfigurationError: It is something else, such as a URL.
    """
    if client is None or isinstance(client, Settings):
        return
    from conductor.clients.client import ConductorClient  # noqa: PLC0415  requests only where there is a client

    if not isinstance(client, ConductorClient):
        allowed = "a ConductorClient, Settings or None"
        raise ConfigurationError(  # without the value: a URL may hold a password
            f"client is of type {type(client).__name__}; it must be {allowed}; "
            "a server's URL goes into Settings(server_url=...).",
            variable="client",
            allowed=allowed,
        )


def _option_names() -> set[str]:
    return {attribute.name for attribute in WorkerOptions.__attrs_attrs__}


def _refuse_options(options: dict[str, Any]) -> None:
    refuse_keywords("TaskHandler", options)
    unknown = sorted(options.keys() - _option_names())
    raise TypeError(f"TaskHandler() knows no {', '.join(unknown)}; options are: {', '.join(sorted(_option_names()))}")


def refuse_duplicates(workers: Sequence[tuple[Worker, WorkerOptions]]) -> None:
    """Refuse two workers that would poll the same queue.

    Raises:
        WorkerRegistrationError: There are two.
    """
    seen: dict[tuple[str, str | None], Worker] = {}
    for worker, options in workers:
        key = (worker.name, options.domain)
        if key in seen:
            raise two_workers(seen[key], worker, options.domain)
        seen[key] = worker


class Handler(Protocol):
    """What a handler has to be able to do."""

    def stop(self) -> Any:
        """Stop in order."""

    def forget_parent(self) -> None:
        """In a forked child: be as before the start."""


_running: set[Handler] = set()
_hooked = False


def remember(handler: Handler) -> None:
    """Have ``handler`` stopped at the interpreter's end, and forgotten in children of a fork."""
    global _hooked  # noqa: PLW0603  once per process, and not at import
    _running.add(handler)
    if not _hooked:
        _hooked = True
        # urllib3 empties its pools by weakref.finalize, which does all of its work at one place in the row of what is
        # done at exit: that of the first. With one made here, ours stands later in the row, and is done before.
        weakref.finalize(_stop_all, int)
        atexit.register(_stop_all)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=_forget_all)


def _stop_all() -> None:
    """Drain handlers that nobody stopped, as after Ctrl-C in a script whose last line is ``start()``."""
    for handler in list(_running):
        handler.stop()


def _forget_all() -> None:
    """In a forked child: the threads are the parent's, so here nothing runs, and each handler can be started anew."""
    for handler in list(_running):
        handler.forget_parent()
    _running.clear()


def forget(handler: Handler) -> None:
    """Leave ``handler`` alone from now on: it is stopped."""
    _running.discard(handler)


logger = logging.getLogger(__name__)
_FORCED = 1
_MISCONFIGURED = 2
_UNGUARDED = (
    "A handler is started while a worker process imports the modules of its workers. Start it where importing the "
    "module does not: under if __name__ == '__main__', or in a function."
)


class TaskHandler:
    """Polls for the tasks of decorated functions, runs them on threads, and delivers their results.

    Args:
        client: A ``ConductorClient`` or ``Settings``; without one, a client is made from the environment, with one
            connection per thread. A client that was given is not closed.
        workers: ``Worker`` objects or decorated functions. Without them all of the registry's; with them the registry
            counts only if it is given too.
        registry: Where to look for decorated functions; the default is the one that ``@worker_task`` fills.
        import_modules: Modules to import first, so that their decorators run.
        listeners: Told of events, see ``conductor.worker.events``.
        on_error: Called with the worker, the task and the exception when a function fails.
        outbox: A file that keeps undelivered results over a crash.
        max_concurrency: How many tasks may run at a time in all, beside each worker's own ``thread_count``.
        metrics: Collect what ``metrics()`` returns; on with a ``health_port``.
        health_port: Serve ``/livez``, ``/readyz`` and ``/metrics`` there (CONDUCTOR_HEALTH_PORT); 0 for any free port.
        health_host: The address for it (CONDUCTOR_HEALTH_HOST); 127.0.0.1 when it is left out.
        heartbeat_file: A file that is touched every second while the handler is live (CONDUCTOR_HEARTBEAT_FILE).
        processes: In how many processes to work (CONDUCTOR_PROCESSES), for functions that need the CPU. With more than
            one, each is a fresh interpreter that imports the modules of the workers and has all the threads, the cap
            and the connections that are configured; this process starts, watches and stops them.
        child_setup: With ``processes``: ``"module:function"``, called with the handler of each process before it
            starts, to add middleware and listeners there.
        grace_seconds: How long ``run`` and the end of a ``with`` block wait for running tasks.
        options: Options for all workers (``domain``, ``thread_count``, ``poll_interval_ms``, ...), which win over the
            environment and over the decorators.

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
        child_setup: str | None = None,
        grace_seconds: float = 30.0,
        **options: Any,
    ) -> None:
        check_client(client)
        check_options(options, max_concurrency)
        self._given = client
        self._workers = None if workers is None else [as_worker(worker) for worker in workers]
        self._registry = registry
        self._import_modules = list(import_modules)
        self._on_error = on_error
        self._outbox = outbox
        self._max_concurrency = max_concurrency
        self._grace_seconds = check_seconds("grace_seconds", grace_seconds)
        self._explicit = options
        self._middleware: list[Any] = []
        self._events = EventDispatcher()
        self._only_here = ["on_error"] if on_error is not None else []
        for listener in listeners:
            self._events.add_listener(listener)
            self._only_here.append("listeners")
        self._metrics: MetricsCollector | None = None
        if metrics:
            self._collect_metrics()
        self._probes = (health_port, health_host, heartbeat_file)
        self._observation: Observation | None = None
        self._processes = processes
        self._child_setup = child_setup
        self._is_misconfigured = False
        self._lock = threading.RLock()
        self._ended = threading.Event()
        self._client: ConductorClient | None = None
        self._group: WorkerGroup | None = None
        self._pid: int | None = None

    if not TYPE_CHECKING:
        __getattr__ = missing_attribute

    # -- before the start

    def use(self, middleware: Any) -> Self:
        """Wrap each execution: ``middleware(context, call_next)`` runs on the task's own thread.

        Raises:
            ConfigurationError: The handler runs already, and its workers would go on without it.
        """
        self._refuse_late("use()")
        self._middleware.append(middleware)
        self._only_here.append("use()")
        return self

    def on(self, kind: type[WorkerEvent], call: Callable[[Any], None]) -> Self:
        """Call ``call`` with each event of ``kind``.

        Raises:
            ConfigurationError: The handler runs already in other processes, which would not hear of it.
        """
        if isinstance(self._running, ProcessGroup):
            self._refuse_late("on()")
        self._events.add(kind, call)
        self._only_here.append("on()")
        return self

    def _refuse_late(self, method: str) -> None:
        if self._running is not None:
            raise ConfigurationError(
                f"{method} comes too late: the handler runs already, and its workers would not know. Call it before "
                "start(), run() or the with block, or stop the handler first.",
                variable=method,
                allowed="a handler that does not run",
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

        The process then ends by ``stop``, or by Ctrl-C, which drains as ``stop`` does. An exception that ends the main
        thread after ``start`` does not stop it: use ``with TaskHandler():`` or ``run`` where more follows.

        Raises:
            WorkerRegistrationError: No worker was found, or two for the same task type and domain.
            ConfigurationError: An option cannot be used.
        """
        with self._lock:
            if in_child.importing:
                raise ConfigurationError(_UNGUARDED, variable="processes")
            if self._running is not None:
                raise WorkerRegistrationError("This TaskHandler runs already; stop it before starting it again.")
            workers = self._find_workers()
            resolved = [
                (worker, resolve(worker.name, worker.options, self._explicit, os.environ)) for worker in workers
            ]
            refuse_duplicates([(worker, options.options) for worker, options in resolved])
            probes = ProbeOptions.resolve(*self._probes, os.environ)
            if probes.port is not None:
                self._collect_metrics()
            logger.info("Workers:\n%s", table([(worker.name, options) for worker, options in resolved]))
            count = process_count(self._processes, os.environ)
            with contextlib.ExitStack() as undo:
                group = self._threads(resolved, undo) if count == 1 else self._process_group(workers, count)
                self._observation = Observation(probes, self.health, self.metrics, group.checks)
                undo.pop_all()
            self._group, self._pid, self._is_misconfigured = group, os.getpid(), False
            self._ended.clear()
            remember(self)
            try:
                group.start()
                self._observation.start()
            except BaseException:  # such as no more threads: those that did start must not keep the process alive
                self.stop(0.0)
                raise
        return self

    @property
    def _running(self) -> WorkerGroup | None:
        return self._group if self._pid == os.getpid() else None

    def _threads(self, resolved: Sequence[tuple[Worker, ResolvedOptions]], undo: contextlib.ExitStack) -> ThreadGroup:
        opened = open_client(self._given, connections_for(options.options for _, options in resolved))
        undo.callback(opened.close)
        self._client = opened.client
        given = Ingredients(
            self._events, self._middleware, self._on_error, self._outbox, self._max_concurrency, self._metrics
        )
        group = ThreadGroup(opened, resolved, given)
        undo.callback(group.close)
        return group

    def _process_group(self, workers: Sequence[Worker], count: int) -> ProcessGroup:
        refuse_for_processes(self._given, self._only_here)
        blueprint = blueprint_of(
            workers,
            self._given if isinstance(self._given, Settings) else Settings.from_env(),
            modules=self._import_modules,
            options=self._explicit,
            handler={
                "max_concurrency": self._max_concurrency,
                "grace_seconds": self._grace_seconds,
                "metrics": self.collects_metrics,
            },
            setup=self._child_setup,
        )
        outbox = None if self._outbox is None else os.fspath(self._outbox)
        return ProcessGroup(blueprint, count, outbox, self._after_misconfiguration)

    def _after_misconfiguration(self) -> None:
        self._is_misconfigured = True
        self._ended.set()

    @property
    def client(self) -> ConductorClient:
        """The client that the handler polls with; there is one once it has started, in one process.

        Raises:
            ConfigurationError: There is none.
        """
        if self._client is None:
            raise ConfigurationError(
                "The handler has no client before it starts, and none of its own with processes.", variable="client"
            )
        return self._client

    def stop(self, grace_seconds: float | None = None) -> StopReport:
        """Stop polling at once, let running tasks finish, deliver everything, and end all threads.

        A poll that waits on the server is let finish (``MAX_WAIT_MS`` at most): what it brings would be lost otherwise,
        and is handed back.

        Args:
            grace_seconds: How long all of it may take; what still runs then is handed back to the server where the
                worker was declared with ``hand_back=True``, and is left to its response timeout otherwise.
        """
        grace = self._grace_seconds if grace_seconds is None else grace_seconds
        with self._lock:
            report, group = StopReport(), self._running
            if group is not None:
                report = group.stop(grace)
                if self._observation is not None:
                    self._observation.close(time.monotonic() + 1.0)
                self._group = None
                forget(self)
            if not report.drained:
                logger.error("Stopped before all was done: %s", report)
        self._ended.set()
        return report

    def join(self, timeout: float | None = None) -> bool:
        """Wait until the handler is stopped, up to ``timeout`` seconds; whether it is."""
        return self._ended.wait(timeout)

    def run(self) -> None:
        """Start, and work until SIGTERM or SIGINT; then drain within ``grace_seconds``.

        It is meant as the main function of a worker process. Returns when everything was finished and delivered.
        Otherwise the process ends: with status 1 after a second signal, or when the grace period was not enough (the
        ids of what was left are in the log), with status 2 when the configuration cannot be used.
        """
        asked = Flag()
        with stop_on_signals(asked.set, self._abort):
            try:
                self.start()
            except (ConfigurationError, WorkerRegistrationError) as error:
                theirs = error.__cause__ if getattr(error, "variable", "") == "import_modules" else None
                logger.critical("The workers cannot start: %s", error, exc_info=theirs)
                raise SystemExit(_MISCONFIGURED) from error
            while not asked.wait(1.0) and not self._ended.is_set():
                pass
            logger.info("Stopping: no new tasks are taken; up to %g s for those that run", self._grace_seconds)
            report = self.stop()
        if self._is_misconfigured:
            raise SystemExit(_MISCONFIGURED)
        if not report.drained:
            _end_process()

    def _abort(self) -> None:
        """End now: in a signal handler, so nothing here takes a lock or logs."""
        try:
            left = self.left()
            if self._group is not None:
                self._group.kill()
            os.write(2, _last_words(left).encode())
        finally:
            os._exit(_FORCED)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def forget_parent(self) -> None:
        """Be as before ``start``: called in a child process after a fork, which has none of the parent's threads."""
        self._lock = threading.RLock()
        self._ended = threading.Event()
        self._client = None
        if self._group is not None:
            self._group.forget()
            self._group = None
        if self._metrics is not None:
            self._metrics.reset()
        if self._observation is not None:
            self._observation.forget()
            self._observation = None

    # -- while it runs

    @property
    def is_polling(self) -> bool:
        """Whether the handler is started and its pollers run."""
        group = self._running
        return group is not None and group.is_polling

    def update_options(self, task_type: str | None = None, **changes: Any) -> None:
        """Change options of one worker, or of all, from their next poll on.

        Args:
            task_type: The worker's task type; None for all.
            changes: ``poll_interval_ms``, ``poll_timeout_ms``, ``thread_count`` or ``paused``.

        Raises:
            WorkerRegistrationError: No such worker runs.
            ConfigurationError: An option is unknown or cannot change while the worker runs.
        """
        allowed = {"poll_interval_ms", "poll_timeout_ms", "thread_count", "paused"}
        if unknown := changes.keys() - allowed:
            raise ConfigurationError(
                f"{', '.join(sorted(unknown))} cannot change while a worker runs.",
                variable=min(unknown),
                allowed=", ".join(sorted(allowed)),
            )
        group = self._running
        if group is None:
            raise WorkerRegistrationError("No worker runs here: the handler is not started.")
        group.update_options(task_type, changes)

    def pause(self, task_type: str | None = None) -> None:
        """Take no further tasks of one type, or of all; what runs goes on."""
        self.update_options(task_type, paused=True)

    def resume(self, task_type: str | None = None) -> None:
        """Take tasks again."""
        self.update_options(task_type, paused=False)

    def left(self) -> StopReport:
        """What runs or is not delivered just now; with ``processes``, as of a second ago."""
        group = self._running
        return StopReport() if group is None else group.left()

    def health(self) -> HandlerHealth:
        """How the handler and each of its workers is."""
        group = self._running
        if group is None:
            return NOT_RUNNING
        health = group.health()
        is_watched = self._observation is not None and self._observation.is_alive
        return health if is_watched else attrs.evolve(health, is_live=False, is_ready=False)

    @property
    def health_port(self) -> int | None:
        """The port on which the health is served; None when it is not, or the handler does not run."""
        return None if self._observation is None else self._observation.port

    def metrics(self) -> dict[str, Any]:
        """What was collected so far, by the metric's name, as plain values: see ``MetricsCollector.snapshot``.

        Raises:
            ConfigurationError: The handler was made without ``metrics=True``.
        """
        if self._metrics is None:
            raise ConfigurationError(
                "This handler collects no metrics; make it with TaskHandler(metrics=True), or with a health_port.",
                variable="metrics",
            )
        group = self._running
        return self._metrics.snapshot() if group is None else group.metrics()

    @property
    def collects_metrics(self) -> bool:
        """Whether ``metrics`` has something to return."""
        return self._metrics is not None


def _last_words(left: StopReport) -> str:
    text = "A second signal: ending at once.\n"
    if left.unfinished:
        text += f"Tasks that ran, and are retried after their response timeout: {', '.join(left.unfinished)}\n"
    if left.undelivered:
        text += f"Tasks whose results were not delivered: {', '.join(left.undelivered)}\n"
    return text


def _end_process() -> None:
    """End now: a thread that still runs a function cannot be stopped, and would keep the interpreter alive."""
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(_FORCED)
