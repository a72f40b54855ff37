"""A worker: a function, the task type that it works on, and its options."""

from __future__ import annotations

import contextlib
import inspect
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any, TypeVar, overload

import attrs
from attrs import define, field, frozen
from typing_extensions import Unpack

from conductor._internal.introspection import is_coroutine_function, place_of, real_path
from conductor.errors import (
    ConfigurationError,
    NotFoundError,
    TaskInputError,
    UnexpectedResponseError,
    WorkerRegistrationError,
)
from conductor.models import TaskDef
from conductor.models._base import refuse_unknown_fields, refuse_unknown_values
from conductor.models.defaults import TASK_DEF_DEFAULTS
from conductor.worker.arguments import Arguments, compile_arguments, input_converters
from conductor.worker.options import (
    DefinitionArguments,
    DefinitionOptions,
    PollingArguments,
    refuse_unknown,
    split_options,
)

if TYPE_CHECKING:
    from conductor.clients.metadata import MetadataClient

__all__ = ["Worker", "WorkerArguments", "WorkerRegistry", "default_registry", "two_workers", "worker_task"]

#: Characters that servers cut or refuse in the path of a URL, even when they are quoted.
_UNADDRESSABLE = frozenset("/\\;?#")


class WorkerArguments(PollingArguments, DefinitionArguments, total=False):
    """The keyword arguments of ``Worker``."""

    task_def: TaskDef | Mapping[str, Any] | None
    should_poll: Callable[[], bool] | None


@define(eq=False, init=False, repr=False)
class Worker:
    """A function for a task type.

    Args:
        function: A function, a closure, a lambda, a bound method, a partial, or an object with ``__call__``.
        name: The task type; the default is the function's name.
        task_def: Further fields of the task definition: a ``TaskDef`` or its wire form.
        should_poll: Called before each poll; while it returns False the worker takes no tasks.
        options: The polling options (see ``WorkerOptions``) and those of the task definition (see
            ``DefinitionOptions``), such as ``retry_count=5`` or ``timeout_seconds=timedelta(minutes=10)``.

    Raises:
        WorkerRegistrationError: The function cannot be a worker, or has no name.
        ConfigurationError: An option is unknown or has an invalid value.
    """

    function: Callable[..., Any]
    name: str
    options: Mapping[str, Any]
    should_poll: Callable[[], bool] | None
    arguments: Arguments = field(init=False)
    is_async: bool = field(init=False)
    _task_def: TaskDef | None
    _definition: DefinitionOptions
    _declared_in: _ModuleRun | None

    def __init__(
        self, function: Callable[..., Any], name: str | None = None, **options: Unpack[WorkerArguments]
    ) -> None:
        if not callable(function):
            raise WorkerRegistrationError(f"{function!r} is not callable, so it cannot be a worker: pass a function.")
        given: dict[str, Any] = dict(options)
        task_def, should_poll = given.pop("task_def", None), given.pop("should_poll", None)
        self.function = function
        self.is_async = is_coroutine_function(function)
        self.name = _usable(_name_of(function) if name is None else name)
        self.options, self._definition = split_options(given)
        if should_poll is not None and not callable(should_poll):
            raise ConfigurationError(
                f"should_poll is {should_poll!r}; it must be a function that returns whether to poll.",
                variable="should_poll",
                value=should_poll,
                allowed="a function without arguments, or None",
            )
        self.should_poll = should_poll
        self.arguments = compile_arguments(function)
        self._task_def = self._checked(task_def)
        self._declared_in = _ModuleRun.current()

    def __repr__(self) -> str:
        return f"Worker({self.name!r}, {self.place})"

    @property
    def place(self) -> str:
        """Where the function is defined, as ``file:line`` with the file's real path."""
        return place_of(self.function)

    def for_function(self, function: Callable[..., Any]) -> Worker:
        """Return a worker with the same name and options for another function, such as a wrapper of this one."""
        options: Any = {**self.options, **self._definition.given()}
        return Worker(function, self.name, task_def=self._task_def, should_poll=self.should_poll, **options)

    def runs(self, function: Callable[..., Any]) -> bool:
        """Return whether this worker calls ``function``; bound methods are equal if their object and function are."""
        return _identity(self.function) == _identity(function)

    def redeclares(self, other: Worker) -> bool:
        """Return whether this worker replaces ``other``: the same function, or its module or notebook cell run again.

        Functions, callable objects, partials and closures are compared by identity. When the code that declares them
        has run again, as by ``importlib.reload``, those with the same module and qualified name replace each other.
        """
        if self.runs(other.function):
            return True
        if _qualified_name(self.function) != _qualified_name(other.function):
            return False
        here, there = self._declared_in, other._declared_in
        if here is not None and there is not None and here.repeats(there):
            return True
        return _is_same_code(self.function, other.function)

    @property
    def domain(self) -> str | None:
        """The domain that was declared."""
        return self.options.get("domain") or None

    @property
    def declared_fields(self) -> Mapping[str, Any]:
        """The fields of the task definition that the options and ``task_def`` give, in the wire form."""
        fields = {} if self._task_def is None else self._task_def.to_dict()
        fields.update(TaskDef(self.name, **self._definition.given()).to_dict())
        del fields["name"]
        return fields

    def _checked(self, task_def: TaskDef | Mapping[str, Any] | None) -> TaskDef | None:
        made: TaskDef | None
        if isinstance(task_def, Mapping):
            try:
                made = TaskDef.from_dict({**task_def, "name": self.name})
            except UnexpectedResponseError as error:
                raise _not_a_definition(task_def, str(error)) from None
            refuse_unknown_fields(task_def, made, "task_def")
        elif task_def is None or isinstance(task_def, TaskDef):
            made = task_def
        else:
            raise _not_a_definition(task_def, "it must be a TaskDef, a dict with its fields, or None")
        if made is not None:
            DefinitionOptions(**{each.name: getattr(made, each.name) for each in attrs.fields(DefinitionOptions)})
            refuse_unknown_values(made, "task_def")
        self._refuse_conflicts(made)
        return made

    def _refuse_conflicts(self, task_def: TaskDef | None) -> None:
        for name, value in self._definition.given().items():
            other = getattr(task_def, name, None)
            if other is not None and other != value:
                raise ConfigurationError(
                    f"{name} is given twice: {value!r} as an option and {other!r} in task_def.",
                    variable=name,
                    value=value,
                    allowed="one of the two",
                )
        timeout, response, total = (
            getattr(self._definition, name) or getattr(task_def, name, None) or 0
            for name in ("timeout_seconds", "response_timeout_seconds", "total_timeout_seconds")
        )
        for name, value, limit_name, limit in (
            ("response_timeout_seconds", response, "timeout_seconds", timeout),
            ("timeout_seconds", timeout, "total_timeout_seconds", total),
        ):
            if 0 < limit < value:
                raise ConfigurationError(
                    f"{name} is {value}, more than {limit_name} ({limit}): the server refuses such a task definition.",
                    variable=name,
                    value=value,
                    allowed=f"at most {limit_name}, {limit}",
                )

    def refusal(self, inputs: Mapping[str, Any]) -> dict[str, str]:
        """Return why the function would not accept inputs: the error of each one that does not fit its annotation.

        Args:
            inputs: Values by parameter; unknown ones are ignored.
        """
        converters = input_converters(self.function)
        refused: dict[str, str] = {}
        for name in inputs.keys() & converters.keys():
            try:
                converters[name](inputs[name], name)
            except TaskInputError as error:
                refused[name] = error.message
            except Exception:  # noqa: S112  a class can need what exists only while the function runs
                continue
        return refused

    def task_def(self) -> TaskDef:
        """Return the task definition that ``register`` writes.

        What the worker does not declare is 3 retries after 60 s, a response timeout of 10 minutes and a timeout of an
        hour; the description is the function's docstring.
        """
        given = self.declared_fields
        wire: dict[str, Any] = {
            **TASK_DEF_DEFAULTS,
            "description": inspect.getdoc(self.function),
            **given,
            "name": self.name,
        }
        timeout, response = wire["timeoutSeconds"], wire["responseTimeoutSeconds"]
        if 0 < timeout <= response:  # the server refuses a longer response timeout: the default gives way
            if "responseTimeoutSeconds" in given:
                wire["timeoutSeconds"] = timeout if "timeoutSeconds" in given else 0
            else:
                wire["responseTimeoutSeconds"] = max(1, timeout - 1)
        if 0 < (total := wire.get("totalTimeoutSeconds") or 0) < wire["timeoutSeconds"]:
            wire["timeoutSeconds"] = total
            wire["responseTimeoutSeconds"] = min(wire["responseTimeoutSeconds"], total)
        return TaskDef.from_dict(wire)

    def register(self, metadata: MetadataClient, *, overwrite: bool = True) -> bool:
        """Register the task definition (``POST /metadata/taskdefs``).

        Args:
            metadata: ``client.metadata``.
            overwrite: Replace the definition that the server has.

        Returns:
            Whether the definition was written.
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


def _not_a_definition(task_def: object, why: str) -> ConfigurationError:
    return ConfigurationError(
        f"task_def is {task_def!r}, which is not a task definition: {why}.",
        variable="task_def",
        value=task_def,
        allowed="a TaskDef, a dict with its fields, or None",
    )


def _usable(name: str) -> str:
    """Refuse a task type that no URL can address: polling for it would fail forever."""
    if not isinstance(name, str) or not name.strip() or any(char in _UNADDRESSABLE for char in name):
        raise WorkerRegistrationError(
            f"{name!r} cannot be a task type: it must be a non-empty string without '/', '\\\\', ';', '?' and '#'."
        )
    return name


def _name_of(function: Any) -> str:
    inner = getattr(function, "func", function)
    name = getattr(inner, "__name__", "")
    if not isinstance(name, str) or not name or name == "<lambda>":
        raise WorkerRegistrationError(f"{function!r} has no name; pass the task type: Worker(..., 'name').")
    return name


# -- the same function, or its source run again


@frozen
class _ModuleRun:
    """One execution of a module or notebook cell.

    Attributes:
        module: The module's ``__name__``.
        code: What is executed; running the source again compiles or loads it again.
    """

    module: str
    code: CodeType

    @classmethod
    def current(cls) -> _ModuleRun | None:
        """Return the innermost execution of a module on this thread's stack; None on a thread without one."""
        frame: FrameType | None = sys._getframe(1)  # inspect.currentframe() does the same
        while frame is not None:
            is_function = frame.f_code.co_flags & inspect.CO_NEWLOCALS
            if not is_function and frame.f_locals is frame.f_globals:
                return cls(str(frame.f_globals.get("__name__")), frame.f_code)
            frame = frame.f_back
        return None

    def repeats(self, other: _ModuleRun) -> bool:
        """Return whether the same module was executed again, maybe under another name (``python tasks.py``)."""
        is_same_module = self.module == other.module or self.file == other.file
        return is_same_module and self.code is not other.code

    @property
    def file(self) -> str:
        return real_path(self.code.co_filename)


def _identity(function: Any) -> tuple[int, int]:
    """Each access to a bound method makes another object, of the same instance and function."""
    if inspect.ismethod(function):
        return id(function.__self__), id(function.__func__)
    return id(function), 0


def _qualified_name(function: Any) -> tuple[str, str]:
    """The qualified name with what kind of callable it is; the module is compared by ``_ModuleRun``."""
    inner = getattr(function, "func", function)
    named = inner if isinstance(getattr(inner, "__qualname__", None), str) else type(inner)
    return type(function).__qualname__, named.__qualname__


def _is_same_code(function: Any, other: Any) -> bool:
    """Whether two functions were made by the same ``def`` and behave alike: same closure, same defaults."""
    if not (inspect.isfunction(function) and inspect.isfunction(other)) or function.__code__ is not other.__code__:
        return False
    if function.__globals__ is not other.__globals__ or _cells(function) != _cells(other):
        return False
    try:
        mine, theirs = [(one.__defaults__, one.__kwdefaults__) for one in (function, other)]
        return bool(mine == theirs)
    except Exception:  # such as arrays, whose comparison has no truth value
        return False


def _cells(function: Any) -> list[int | None]:
    found: list[int | None] = []
    for cell in function.__closure__ or ():
        try:
            found.append(id(cell.cell_contents))
        except ValueError:  # a name that is not assigned yet
            found.append(None)
    return found


class WorkerRegistry:
    """A collection of workers; safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._workers: dict[tuple[str, str | None], Worker] = {}

    def add(self, worker: Worker) -> None:
        """Add a worker; one whose module or notebook cell was run again replaces the earlier one.

        Raises:
            WorkerRegistrationError: Another function is declared for this task type and domain.
        """
        key = (worker.name, worker.domain)
        with self._lock:
            other = self._workers.get(key)
            if other is not None and not worker.redeclares(other):
                raise two_workers(other, worker, worker.domain)
            self._workers[key] = worker

    def get(self, name: str, domain: str | None = None) -> Worker | None:
        """Return the worker for a task type and domain, or None."""
        return self._workers.get((name, domain or None))

    def find(self, function: Callable[..., Any]) -> Worker | None:
        """Return a worker that calls ``function``, or None."""
        return next((worker for worker in self if worker.runs(function)), None)

    def list(self) -> list[Worker]:
        """Return all workers, in the order of their declaration."""
        with self._lock:
            return list(self._workers.values())

    def clear(self) -> None:
        """Remove all workers from the registry, for example between two tests."""
        with self._lock:
            self._workers.clear()

    def __iter__(self) -> Iterator[Worker]:
        return iter(self.list())

    def __len__(self) -> int:
        return len(self._workers)


def two_workers(one: Worker, other: Worker, domain: str | None, remedy: str = "") -> WorkerRegistrationError:
    """Return the error for two workers of the same task type and domain."""
    locations = [one.place, other.place]
    shown = locations if locations[0] != locations[1] else [f"{one.function!r} at {one.place}", repr(other.function)]
    where = f" in domain {domain!r}" if domain else ""
    return WorkerRegistrationError(
        f"Two workers are declared for task {one.name!r}{where}: {shown[0]} and {shown[1]}. "
        + (remedy or "Rename or remove one, or give one another domain."),
        locations=locations,
    )


#: The workers that ``@worker_task`` declares when it is not given a registry.
default_registry: WorkerRegistry = WorkerRegistry()


F = TypeVar("F", bound=Callable[..., Any])


class DecoratorArguments(WorkerArguments, total=False):
    """The keyword arguments of ``worker_task``."""

    registry: WorkerRegistry | None


@overload
def worker_task(name: F) -> F: ...


@overload
def worker_task(name: str | None = None, **options: Unpack[DecoratorArguments]) -> Callable[[F], F]: ...


def worker_task(name: str | F | None = None, **options: Any) -> F | Callable[[F], F]:
    """Declare a function as the worker for task type ``name``, and return the function unchanged.

    Args:
        name: The task type; the default is the function's name.
        options: The options of the worker:

            - polling and running: ``domain``, ``thread_count``, ``poll_interval_ms``, ... (see ``WorkerOptions``)
            - the task definition: ``retry_count``, ``timeout_seconds``, ... (see ``DefinitionOptions``); seconds also
              as a ``timedelta``
            - ``task_def``: further fields of the task definition, as a ``TaskDef`` or its wire form
            - ``should_poll``: called before each poll; while it returns False the worker takes no tasks
            - ``registry``: where to declare the worker; the default is the one that ``TaskHandler`` reads

    Raises:
        WorkerRegistrationError: Another function is declared for the same task type and domain, or the function cannot
            be a worker.
        ConfigurationError: An option is unknown or has an invalid value.
    """
    refuse_unknown("worker_task", options, ("task_def", "should_poll", "registry"))
    registry = options.pop("registry", None)

    def declare(function: F) -> F:
        worker = Worker(function, name if isinstance(name, str) else None, **options)
        (default_registry if registry is None else registry).add(worker)
        with contextlib.suppress(AttributeError, TypeError):  # methods and some callables take no attributes
            function.__conductor_worker__ = worker  # type: ignore[attr-defined]
        return function

    if callable(name):
        return declare(name)
    if name is not None and not isinstance(name, str):
        raise WorkerRegistrationError(
            f"worker_task() takes the task type as its first argument, a string such as 'charge', and not {name!r}."
        )
    return declare
