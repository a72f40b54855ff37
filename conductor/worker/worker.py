"""A worker: a function, the task type it works on, and what was declared of it."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from attrs import define, field

from conductor.errors import ConfigurationError, NotFoundError, TaskInputError, WorkerRegistrationError
from conductor.models import TaskDef
from conductor.worker.arguments import Arguments, compile_arguments, input_converters
from conductor.worker.options import WorkerOptions, refuse_unknown

if TYPE_CHECKING:
    from conductor.clients.metadata import MetadataClient

__all__ = ["Worker", "WorkerRegistry", "default_registry"]


_DEFINITION = {
    "retryCount": 3,
    "retryDelaySeconds": 60,
    "retryLogic": "FIXED",
    "timeoutSeconds": 3600,
    "timeoutPolicy": "TIME_OUT_WF",
    "responseTimeoutSeconds": 600,
    "pollTimeoutSeconds": 3600,
}

#: Characters that servers cut or refuse in the path of a URL, also when they are quoted.
_UNADDRESSABLE = frozenset("/\\;?#")


@define(eq=False, init=False, repr=False)
class Worker:
    """A function for a task type.

    Args:
        function: Any callable: a function, a closure, a lambda, a method, a partial, an object with ``__call__``.
        name: The task type; the function's name when it is left out.
        task_def: What the task definition is to say when it is registered: a ``TaskDef`` or its wire form. What it
            leaves out is 3 retries after 60 s, a response timeout of 10 minutes and a timeout of an hour.
        should_poll: Asked before each poll; while it says False the worker takes no tasks.
        options: Any of ``WorkerOptions``.

    Raises:
        WorkerRegistrationError: It cannot be called, or has no name.
        ConfigurationError: An option cannot be used.
    """

    function: Callable[..., Any]
    name: str
    options: Mapping[str, Any]
    should_poll: Callable[[], bool] | None
    arguments: Arguments = field(init=False)
    _task_def: TaskDef | None

    def __init__(
        self,
        function: Callable[..., Any],
        name: str | None = None,
        *,
        task_def: TaskDef | Mapping[str, Any] | None = None,
        should_poll: Callable[[], bool] | None = None,
        **options: Any,
    ) -> None:
        if not callable(function):
            raise WorkerRegistrationError(f"{function!r} cannot be called, so it cannot be a worker.")
        self.function = function
        self.name = _usable(name or _name_of(function))
        self.options = _checked(options)
        if should_poll is not None and not callable(should_poll):
            raise ConfigurationError(
                f"should_poll is {should_poll!r}; it must be a function that says whether to poll.",
                variable="should_poll",
                value=should_poll,
                allowed="a function without arguments, or None",
            )
        self.should_poll = should_poll
        self.arguments = compile_arguments(function)
        self._task_def = (
            TaskDef.from_dict({"name": self.name, **task_def}) if isinstance(task_def, Mapping) else task_def
        )

    def __repr__(self) -> str:
        return f"Worker({self.name!r}, {self.place})"

    @property
    def place(self) -> str:
        """Where the function stands, as ``file:line``."""
        inner = inspect.unwrap(getattr(self.function, "func", self.function))
        code = getattr(inner, "__code__", None) or getattr(getattr(inner, "__call__", None), "__code__", None)  # noqa: B004
        return f"{code.co_filename}:{code.co_firstlineno}" if code is not None else repr(self.function)

    def for_function(self, function: Callable[..., Any]) -> Worker:
        """Return a worker with the same name and options for another function, such as a wrapper of this one."""
        return Worker(function, self.name, task_def=self._task_def, should_poll=self.should_poll, **self.options)

    @property
    def domain(self) -> str | None:
        """The domain that was declared."""
        return self.options.get("domain") or None

    def refusal(self, inputs: Mapping[str, Any]) -> dict[str, str]:
        """Why the function would not get these inputs: for each that does not fit its annotation, what the task says.

        Workflows that are written in Python are checked with it.
        """
        converters = input_converters(self.function)
        refused: dict[str, str] = {}
        for name in inputs.keys() & converters.keys():
            try:
                converters[name](inputs[name], name)
            except TaskInputError as error:
                refused[name] = error.message
            except Exception:  # noqa: BLE001, S112  a class may need what is there only when the function runs
                continue
        return refused

    def task_def(self) -> TaskDef:
        """The task definition that ``register`` registers."""
        given = self._task_def.to_dict() if self._task_def is not None else {"name": self.name}
        wire: dict[str, Any] = {**_DEFINITION, "description": inspect.getdoc(self.function), **given}
        timeout, response = wire["timeoutSeconds"], wire["responseTimeoutSeconds"]
        if 0 < timeout <= response:  # the server refuses that; what was given stays, the default gives way
            if "responseTimeoutSeconds" in given:
                wire["timeoutSeconds"] = timeout if "timeoutSeconds" in given else 0
            else:
                wire["responseTimeoutSeconds"] = max(1, timeout - 1)
        return TaskDef.from_dict(wire)

    def register(self, metadata: MetadataClient, *, overwrite: bool = True) -> bool:
        """Register the task definition (``POST /metadata/taskdefs``); whether it was written.

        Args:
            metadata: The client.
            overwrite: Also when the server has one already.
        """
        if not overwrite:
            try:
                metadata.get_task(self.name)
            except NotFoundError:
                pass
            else:
                return False
        metadata.register_task(self.task_def())
        return True


def _usable(name: str) -> str:
    """Refuse the name of a task type that no URL can address: polling it would fail forever."""
    if not isinstance(name, str) or not name.strip() or any(char in _UNADDRESSABLE for char in name):
        raise WorkerRegistrationError(
            f"{name!r} cannot be a task type: it must be a string without '/', '\\\\', ';', '?' and '#', and not empty."
        )
    return name


def _name_of(function: Any) -> str:
    inner = getattr(function, "func", function)
    name = getattr(inner, "__name__", "")
    if not name or name == "<lambda>":
        raise WorkerRegistrationError(
            f"{function!r} has no name of its own; give the task's name: Worker(..., 'name')."
        )
    return str(name)


def _checked(options: dict[str, Any]) -> dict[str, Any]:
    refuse_unknown("Worker", options)
    WorkerOptions(**options)
    return options


class WorkerRegistry:
    """A collection of workers; safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._workers: dict[tuple[str, str | None], Worker] = {}

    def add(self, worker: Worker) -> None:
        """Add a worker. The same function declared again, as when its module is reloaded, takes its own place.

        Raises:
            WorkerRegistrationError: Another function is declared for this task type and domain.
        """
        key = (worker.name, worker.domain)
        with self._lock:
            other = self._workers.get(key)
            if other is not None and other.place != worker.place:
                where = f" in domain {worker.domain!r}" if worker.domain else ""
                raise WorkerRegistrationError(
                    f"Two workers are declared for task {worker.name!r}{where}: {other.place} and {worker.place}.",
                    places=[other.place, worker.place],
                )
            self._workers[key] = worker

    def get(self, name: str, domain: str | None = None) -> Worker | None:
        """The worker for a task type and domain, or None."""
        return self._workers.get((name, domain or None))

    def list(self) -> list[Worker]:
        """All workers, in the order of their declaration."""
        with self._lock:
            return list(self._workers.values())

    def clear(self) -> None:
        """Forget all workers."""
        with self._lock:
            self._workers.clear()

    def __iter__(self) -> Iterator[Worker]:
        return iter(self.list())

    def __len__(self) -> int:
        return len(self._workers)


default_registry: WorkerRegistry = WorkerRegistry()
