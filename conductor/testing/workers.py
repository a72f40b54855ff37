"""Workers in tests: real workers, and mock workers that return given results and record their tasks."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen
from typing_extensions import Self, Unpack

from conductor._internal.suggestions import suggest
from conductor.errors import ConfigurationError, NonRetryableError, WorkerRegistrationError
from conductor.worker.arguments import compile_arguments
from conductor.worker.discovery import as_worker, find_workers
from conductor.worker.handler import TaskHandler
from conductor.worker.options import PollingArguments
from conductor.worker.worker import Worker

if TYPE_CHECKING:
    from conductor.clients.client import ConductorClient
    from conductor.models import Task
    from conductor.settings import Settings

__all__ = ["MockCall", "MockWorker", "MockWorkers", "StartWorkers"]

__tracebackhide__ = True

#: Milliseconds between two polls: short, to keep tests fast.
_POLL_INTERVAL_MS = 10
#: Seconds to let running functions finish at the end of a test.
_GRACE_S = 5.0

#: Names of the arguments in `unittest.mock` and other libraries.
_OTHER_NAMES = {"return_value": "returns", "output": "returns", "exception": "raises", "error": "raises"}

_Raised = BaseException | type[BaseException]
_OnError = Callable[[Worker, "Task", BaseException], None]


@frozen
class MockCall:
    """One task that a `MockWorker` received.

    Attributes:
        input: The task's input.
        task: The whole task: `task.retry_count`, `task.reference_task_name`, `task.workflow_instance_id` and so on.
    """

    input: dict[str, Any]
    task: Task


class MockWorker:
    """A worker that returns given results for the tasks of a type, and records the tasks.

    The fixture `mock_worker` creates mock workers for the server of the test, and stops them at its end. Without the
    fixture, use it as a context manager: `with MockWorker("charge", client=client, returns={"id": "ch_5"}) as charge:
    ...`.

    Args:
        task_type: The task type, or a function decorated with `@worker_task`, whose task type and domain are used.
        client: The client or settings of the server; None for the server that the environment variables configure.
        returns: The return value for each task, as of a worker function: a dict, an object with fields or a
            `TaskResult`; an empty output by default.
        raises: An exception to raise for each task, or a list of exceptions for the first tasks; the others return
            `returns`.
        side_effect: A function, also an ``async`` one, that is called as a worker function is (a parameter for each
            input, or one annotated `Task`) and whose result is the output; or a list with one result for each task: an
            exception to raise, or an output.
        on_error: Called with the worker, the task and the exception of each task that fails.
        options: Options of a worker, such as `domain` or `thread_count`.

    Raises:
        TypeError: The arguments cannot be combined.
        WorkerRegistrationError: The task type or the function cannot be used.
    """

    def __init__(
        self,
        task_type: str | Callable[..., Any],
        *,
        client: ConductorClient | Settings | None = None,
        returns: Any = None,
        raises: _Raised | Sequence[_Raised] | None = None,
        side_effect: Callable[..., Any] | Iterable[Any] | None = None,
        on_error: _OnError | None = None,
        **options: Unpack[PollingArguments],
    ) -> None:
        _check(returns, raises, side_effect, options)
        declared = getattr(task_type, "__conductor_worker__", None)
        if isinstance(declared, Worker):
            name = declared.name
            options.setdefault("domain", declared.domain)
        elif isinstance(task_type, str):
            name = task_type
        else:
            raise TypeError(
                f"mock_worker needs a task type such as 'charge', or a function decorated with @worker_task; "
                f"it got {task_type!r}"
            )
        self.calls: list[MockCall] = []
        self._answers = _answers(name, returns, raises, side_effect)
        self._function = side_effect if callable(side_effect) else None
        self._arguments = compile_arguments(self._function) if self._function is not None else None
        self._lock = threading.Lock()
        self.worker: Worker = Worker(self._answer, name, **options)
        self._handler = TaskHandler(
            client, workers=[self.worker], on_error=on_error, poll_interval_ms=_POLL_INTERVAL_MS, grace_seconds=_GRACE_S
        )
        self._is_started = self._is_stopped = False

    def __repr__(self) -> str:
        return f"MockWorker({self.worker.name!r}, {self.call_count} calls)"

    @property
    def inputs(self) -> list[dict[str, Any]]:
        """The inputs of the tasks, in the order of receipt."""
        return [call.input for call in self.calls]

    @property
    def call_count(self) -> int:
        """The number of tasks that the worker received; each attempt counts."""
        return len(self.calls)

    @property
    def is_running(self) -> bool:
        """Whether the handler polls for tasks."""
        return self._is_started and not self._is_stopped

    def start(self) -> Self:
        """Start polling; a second call has no effect."""
        if not self._is_started:
            self._is_started = True
            self._handler.start()
        return self

    def stop(self) -> None:
        """Stop polling; the recorded tasks are kept."""
        self._is_stopped = True
        self._handler.stop(_GRACE_S)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _answer(self, task: Task) -> Any:
        with self._lock:
            self.calls.append(MockCall(dict(task.input_data), task))
            answer = None if self._function is not None else next(self._answers)
        if self._function is not None and self._arguments is not None:
            positional, named = self._arguments(task)
            result = self._function(*positional, **named)
            return asyncio.run(result) if inspect.iscoroutine(result) else result
        if isinstance(answer, BaseException) or (isinstance(answer, type) and issubclass(answer, BaseException)):
            raise answer
        return answer


def _check(returns: Any, raises: Any, side_effect: Any, options: Iterable[str]) -> None:
    known = ["returns", "raises", "side_effect", *PollingArguments.__annotations__]
    for name in options:
        if name not in known:
            near = _OTHER_NAMES.get(name) or suggest(name, known)
            hint = f"; did you mean {near!r}?" if near else f"; its arguments are: {', '.join(known)}"
            raise TypeError(f"mock_worker has no argument {name!r}{hint}")
    if side_effect is not None and (returns is not None or raises is not None):
        raise TypeError("mock_worker takes either side_effect, or returns and raises")
    if raises is None:
        return
    is_list = isinstance(raises, Sequence) and not isinstance(raises, str)
    for one in raises if is_list else [raises]:
        if not (isinstance(one, BaseException) or (isinstance(one, type) and issubclass(one, BaseException))):
            raise TypeError(f"raises must be an exception or a list of exceptions; it has {one!r}")
    if returns is not None and not is_list:
        raise TypeError(
            "with returns, raises must be a list of the exceptions that come first, such as raises=[OSError('busy')]; "
            "a single exception is raised for every task"
        )


def _answers(name: str, returns: Any, raises: Any, side_effect: Any) -> Iterator[Any]:
    """Yield the result for each task; an exception is to be raised."""
    if side_effect is not None and not callable(side_effect):
        count = 0
        for count, answer in enumerate(side_effect, 1):  # noqa: B007  the count is told below
            yield answer
        while True:
            yield NonRetryableError(
                f"the mock worker for {name!r} has been given more tasks than its side_effect has answers ({count})"
            )
    if isinstance(raises, Sequence):
        yield from raises
        raises = None
    while True:
        yield returns if raises is None else raises


@define
class MockWorkers:
    """The type of the fixture `mock_worker`, which starts mock workers on the server of the test."""

    _settings: Settings
    _on_error: _OnError
    _started: set[tuple[str, str | None]]  # the queues of the test's real workers
    _mocks: list[MockWorker] = field(factory=list, init=False)

    def __call__(
        self,
        task_type: str | Callable[..., Any],
        *,
        returns: Any = None,
        raises: _Raised | Sequence[_Raised] | None = None,
        side_effect: Callable[..., Any] | Iterable[Any] | None = None,
        **options: Unpack[PollingArguments],
    ) -> MockWorker:
        """Start a mock worker, which stops at the end of the test. The arguments are those of `MockWorker`.

        Raises:
            ConfigurationError: The test already has a worker for these tasks.
            TypeError: The arguments cannot be combined.
        """
        mock = MockWorker(
            task_type,
            client=self._settings,
            returns=returns,
            raises=raises,
            side_effect=side_effect,
            on_error=self._on_error,
            **options,
        )
        name = mock.worker.name
        if (name, mock.worker.domain) in self._started:
            raise ConfigurationError(
                f"conductor_workers has already started a worker for {name!r}, which would take some of its tasks: "
                "call mock_worker first, then conductor_workers()"
            )
        if (name, mock.worker.domain) in self.queues:
            raise ConfigurationError(f"{name!r} has a mock worker in this test already; stop that one first: stop()")
        self._mocks.append(mock)
        return mock.start()

    @property
    def queues(self) -> set[tuple[str, str | None]]:
        """Return the task types and domains that are mocked now."""
        return {(mock.worker.name, mock.worker.domain) for mock in self._mocks if mock.is_running}

    def stop(self) -> None:
        """Stop all workers."""
        for mock in self._mocks:
            mock.stop()


@define
class StartWorkers:
    """The type of the fixture `conductor_workers`, which starts workers on the server of the test."""

    _settings: Settings
    _on_error: _OnError
    _started: set[tuple[str, str | None]]
    _mocks: MockWorkers
    _handlers: list[TaskHandler] = field(factory=list, init=False)

    def __call__(self, *workers: Worker | Callable[..., Any], **options: Any) -> TaskHandler:
        """Start workers, which stop at the end of the test, and return their handler.

        Args:
            workers: Decorated functions or `Worker` objects; by default all registered workers, except those that
                `mock_worker` replaces.
            options: Options of `TaskHandler`, such as `import_modules`, `thread_count` or `domain`.

        Raises:
            ConfigurationError: `mock_worker` replaces one of ``workers``.
            WorkerRegistrationError: No worker is registered, or an argument is not a worker.
        """
        for one in workers:
            if isinstance(one, (list, tuple, set)):
                raise WorkerRegistrationError(
                    f"conductor_workers takes each worker as an argument, not a {type(one).__name__}: "
                    "conductor_workers(*workers)."
                )
        found = find_workers(
            [as_worker(one) for one in workers] or None,
            options.pop("registry", None),
            options.get("import_modules", ()),
        )
        queues = {(one.name, options.get("domain", one.domain)): one for one in found}
        mocked = queues.keys() & self._mocks.queues
        if workers and mocked:
            names = ", ".join(sorted(repr(name) for name, _ in mocked))
            raise ConfigurationError(
                f"mock_worker answers {names} in this test: do not start a worker for the same tasks"
            )
        chosen = [one for queue, one in queues.items() if queue not in mocked]
        if not chosen:
            raise ConfigurationError("mock_worker answers the tasks of all workers: there is none left to start")
        options.setdefault("on_error", self._on_error)
        options.setdefault("poll_interval_ms", _POLL_INTERVAL_MS)
        self._started |= queues.keys() - mocked
        self._handlers.append(TaskHandler(self._settings, workers=chosen, **options).start())
        return self._handlers[-1]

    def stop(self) -> None:
        """Stop all workers."""
        for handler in self._handlers:
            handler.stop(_GRACE_S)
