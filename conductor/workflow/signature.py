"""The inputs and outputs of a worker's function, from its signature."""

from __future__ import annotations

import dataclasses
import inspect
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, Protocol, runtime_checkable

import attrs
from attrs import frozen

from conductor.workflow.refs import Ref

__all__ = ["Declared", "Signature", "declared", "is_declared"]

#: Types of parameters that the worker provides, and that are not inputs.
_SPECIAL = {"Task", "TaskContext"}
#: The attribute in which @worker_task stores the declared worker.
_MARK = "__conductor_worker__"


@runtime_checkable
class Declared(Protocol):
    """A function with a worker attached: its task type and its parameters."""

    @property
    def name(self) -> str:
        """The task type."""

    @property
    def function(self) -> Callable[..., Any]:
        """The function that runs the task."""


@frozen
class Signature:
    """The inputs and outputs of a worker.

    Attributes:
        name: The task type.
        place: The line of the function, as ``file:line``.
        required: The names of required inputs.
        accepted: The names of all inputs; None if the function accepts any.
        outputs: The keys of its output; None if they are unknown.
        worker: The declared worker; None for a plain function.
    """

    name: str
    place: str
    required: tuple[str, ...] = ()
    accepted: tuple[str, ...] | None = None
    outputs: tuple[str, ...] | None = None
    worker: Declared | None = None


def is_declared(value: object) -> bool:
    """Return whether the value is a decorated function or a declared worker."""
    return not isinstance(value, Ref) and (isinstance(value, Declared) or getattr(value, _MARK, None) is not None)


def declared(task: Callable[..., Any] | Declared) -> Signature:
    """Return the signature of a decorated function, a declared worker, or a plain function.

    Raises:
        TypeError: ``task`` is of another type, or has no name.
    """
    if isinstance(task, Ref):
        raise TypeError(f"simple() does not accept a reference; for a task with the name {task}, use dynamic(...).")
    worker = getattr(task, _MARK, None) or task
    function = worker.function if isinstance(worker, Declared) else worker
    if not callable(function) or isinstance(function, type):
        raise TypeError(f"simple() takes a task's name, a function or a worker, not {task!r}.")
    name = worker.name if isinstance(worker, Declared) else getattr(function, "__name__", "")
    if not name or name == "<lambda>":
        raise TypeError(f"{function!r} has no name; pass the task's name: simple('name', ...).")
    return _read(str(name), function, worker if isinstance(worker, Declared) else None)


def _read(name: str, function: Callable[..., Any], worker: Declared | None) -> Signature:
    parameters = inspect.signature(function).parameters.values()
    kinds = _hints(function)
    whole = len(parameters) == 1 and any(_is_special(kinds.get(p.name, p.annotation), "Task") for p in parameters)
    named = [
        p
        for p in parameters
        if p.kind not in {p.VAR_POSITIONAL, p.VAR_KEYWORD} and not _is_special(kinds.get(p.name, p.annotation))
    ]
    takes_any = whole or any(p.kind is p.VAR_KEYWORD for p in parameters)
    return Signature(
        name=name,
        place=_place(function),
        required=tuple(p.name for p in named if p.default is p.empty),
        accepted=None if takes_any else tuple(p.name for p in named),
        outputs=_outputs(kinds.get("return")),
        worker=worker,
    )


def _place(function: Any) -> str:
    code = getattr(inspect.unwrap(getattr(function, "func", function)), "__code__", None)
    return f"{code.co_filename}:{code.co_firstlineno}" if code is not None else repr(function)


def _hints(function: Any) -> Mapping[str, Any]:
    while hasattr(function, "func"):
        function = function.func
    if not inspect.isroutine(function):
        function = type(function).__call__
    try:
        return typing.get_type_hints(function)
    except (NameError, TypeError):  # names that exist only for type checkers
        return dict(getattr(function, "__annotations__", {}))


def _is_special(kind: Any, *names: str) -> bool:
    name = kind if isinstance(kind, str) else getattr(kind, "__name__", "")
    return name in (names or _SPECIAL)


def _outputs(kind: Any) -> tuple[str, ...] | None:  # one line for each kind of annotation
    """Return the keys of the task's output for a return type; None if they are unknown."""
    origin = typing.get_origin(kind)
    if kind is type(None):
        return ()
    if origin in {typing.Union, types.UnionType}:
        return _any_of(typing.get_args(kind))
    if origin is typing.Annotated:
        return _outputs(typing.get_args(kind)[0])
    if kind in {str, int, float, bool, bytes} or origin in {list, tuple}:
        return ("result",)
    if not isinstance(kind, type) or _is_special(kind, "TaskResult", "TaskInProgress"):
        return None
    if typing.is_typeddict(kind):
        return tuple(kind.__annotations__)
    if isinstance(named := getattr(kind, "model_fields", None), Mapping):  # pydantic's
        return tuple(named)
    return None if hasattr(kind, "to_dict") else _fields(kind)  # to_dict may return any keys


def _any_of(kinds: tuple[Any, ...]) -> tuple[str, ...] | None:
    finished = [kind for kind in kinds if not _is_special(kind, "TaskInProgress")]
    if len(finished) < len(kinds) and finished == [type(None)]:
        return None  # an update completes the task, with any output
    found = [_outputs(kind) for kind in finished]
    if any(names is None for names in found):
        return None
    return tuple(dict.fromkeys(name for names in found for name in names or ()))


def _fields(kind: Any) -> tuple[str, ...] | None:
    if attrs.has(kind):
        return tuple(a.name for a in attrs.fields(kind))
    return tuple(f.name for f in dataclasses.fields(kind)) if dataclasses.is_dataclass(kind) else None
