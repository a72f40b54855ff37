"""A worker: a function, the task type it works on, and what was declared of it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import attrs
from attrs import define, field

from conductor.errors import ConfigurationError, NotFoundError, WorkerRegistrationError
from conductor.models import TaskDef
from conductor.worker.arguments import Arguments, compile_arguments
from conductor.worker.options import WorkerOptions

if TYPE_CHECKING:
    from conductor.clients.metadata import MetadataClient

__all__ = ["Worker"]

_DEFINITION = {
    "retry_count": 3,
    "retry_delay_seconds": 60,
    "retry_logic": "FIXED",
    "timeout_seconds": 3600,
    "timeout_policy": "TIME_OUT_WF",
    "response_timeout_seconds": 600,
    "poll_timeout_seconds": 3600,
}


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
        self.name = name or _name_of(function)
        self.options = _checked(options)
        self.should_poll = should_poll
        self.arguments = compile_arguments(function)
        self._task_def = TaskDef.from_dict({"name": self.name, **task_def}) if isinstance(task_def, Mapping) else task_def

    def __repr__(self) -> str:
        return f"Worker({self.name!r}, {self.place})"

    @property
    def place(self) -> str:
        """Where the function stands, as ``file:line``."""
        inner = inspect.unwrap(getattr(self.function, "func", self.function))
        code = getattr(inner, "__code__", None) or getattr(getattr(inner, "__call__", None), "__code__", None)  # noqa: B004
        return f"{code.co_filename}:{code.co_firstlineno}" if code is not None else repr(self.function)

    @property
    def domain(self) -> str | None:
        """The domain that was declared."""
        return self.options.get("domain") or None

    def task_def(self) -> TaskDef:
        """The task definition that ``register`` registers."""
        given = self._task_def or TaskDef(self.name)
        defaults = {k: v for k, v in _DEFINITION.items() if getattr(given, k) is None}
        if (given.timeout_seconds or 0) > 0 and given.response_timeout_seconds is None:
            longest = int(given.timeout_seconds or 0) - 1
            defaults["response_timeout_seconds"] = max(1, min(int(str(_DEFINITION["response_timeout_seconds"])), longest))
        if given.timeout_seconds is None and (given.response_timeout_seconds or 0) >= int(str(_DEFINITION["timeout_seconds"])):
            defaults["timeout_seconds"] = 0
        described = {} if given.description else {"description": inspect.getdoc(self.function) or None}
        return TaskDef.from_dict({**attrs.evolve(given, **described).to_dict(), **TaskDef(self.name, **defaults).to_dict()})

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


def _name_of(function: Any) -> str:
    inner = getattr(function, "func", function)
    name = getattr(inner, "__name__", "")
    if not name or name == "<lambda>":
        raise WorkerRegistrationError(f"{function!r} has no name of its own; give the task's name: Worker(..., 'name').")
    return str(name)


def _checked(options: dict[str, Any]) -> dict[str, Any]:
    known = [attribute.name for attribute in attrs.fields(WorkerOptions)]
    if unknown := [name for name in options if name not in known]:
        raise ConfigurationError(
            f"A worker has no option {unknown[0]!r}; options are: {', '.join(known)}.",
            variable=unknown[0],
            allowed=", ".join(known),
        )
    WorkerOptions(**options)
    return options
