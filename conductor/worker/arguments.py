"""A task's input to a call's arguments, by the function's signature; compiled once for each worker."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from attrs import frozen
from typing_extensions import get_type_hints

from conductor.errors import TaskInputError, WorkerRegistrationError
from conductor.models import Task
from conductor.worker.context import TaskContext, get_task_context
from conductor.worker.conversion import Convert, converter_for, describe

__all__ = ["Arguments", "compile_arguments", "input_converters"]

Arguments = Callable[[Task], tuple[list[Any], dict[str, Any]]]
_POSITIONAL = inspect.Parameter.POSITIONAL_ONLY


@frozen
class _Parameter:
    name: str
    convert: Convert
    expected: str
    is_required: bool
    is_positional: bool


def compile_arguments(function: Callable[..., Any]) -> Arguments:
    """What turns a task into ``(args, kwargs)`` for ``function``.

    One parameter annotated ``Task`` gets the whole task, one annotated ``TaskContext`` the context, each other the
    input of its name, converted by its annotation; ``**kwargs`` gets the rest.

    Raises:
        WorkerRegistrationError: The signature cannot be read, or is that of a coroutine function.
    """
    called = getattr(function, "func", function)
    if inspect.iscoroutinefunction(called) or inspect.iscoroutinefunction(getattr(called, "__call__", None)):  # noqa: B004
        raise WorkerRegistrationError(
            f"{function!r} is a coroutine function; workers here are plain functions on threads. "
            "Call asyncio.run(...) inside a plain function."
        )
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError) as error:
        raise WorkerRegistrationError(f"The signature of {function!r} cannot be read: {error}") from None
    hints = _hints(function)
    kinds = {name: hints.get(name, p.annotation) for name, p in signature.parameters.items()}
    return _compiled(signature, kinds)


def input_converters(function: Callable[..., Any]) -> dict[str, Convert]:
    """What converts each input of ``function``, by the input's name; inputs that it takes as they come are left out."""
    hints = _hints(function)
    parameters = inspect.signature(function).parameters.values()
    named = {
        p.name: hints.get(p.name, p.annotation) for p in parameters if p.kind not in {p.VAR_POSITIONAL, p.VAR_KEYWORD}
    }
    return {
        name: converter_for(kind)
        for name, kind in named.items()
        if not _is_special(kind) and not isinstance(kind, str) and kind is not inspect.Parameter.empty
    }


def _hints(function: Any) -> dict[str, Any]:
    """The annotations, resolved; those of a partial's function, or of a callable object's ``__call__``."""
    while hasattr(function, "func"):
        function = function.func
    if not inspect.isroutine(function) and not isinstance(function, type):
        function = type(function).__call__
    try:
        return get_type_hints(function, include_extras=True)
    except (NameError, TypeError):  # names that exist only for type checkers
        return {k: v for k, v in getattr(function, "__annotations__", {}).items() if not isinstance(v, str)}


def _compiled(signature: inspect.Signature, kinds: dict[str, Any]) -> Arguments:
    named = [p for p in signature.parameters.values() if p.kind not in {p.VAR_POSITIONAL, p.VAR_KEYWORD}]
    takes_rest = any(p.kind is p.VAR_KEYWORD for p in signature.parameters.values())
    if len(named) == 1 and kinds[named[0].name] in {Task, "Task"} and not takes_rest:
        return _whole_task(named[0])
    specials = {p.name: _SPECIAL[kinds[p.name]] for p in named if _is_special(kinds[p.name])}
    parameters = [_parameter(p, kinds[p.name]) for p in named if p.name not in specials]
    names = {p.name for p in named}
    positional = [p.name for p in named if p.kind is _POSITIONAL]

    def arguments(task: Task) -> tuple[list[Any], dict[str, Any]]:
        given = task.input_data
        values: dict[str, Any] = {}
        for parameter in parameters:
            if parameter.name in given:
                values[parameter.name] = parameter.convert(given[parameter.name], parameter.name)
            elif parameter.is_required:
                raise _missing(parameter, given)
        for name, special in specials.items():
            values[name] = special(task)
        if takes_rest:
            values.update({k: v for k, v in given.items() if k not in names})
        return [values.pop(name) for name in positional if name in values], values

    return arguments


def _whole_task(parameter: inspect.Parameter) -> Arguments:
    if parameter.kind is parameter.KEYWORD_ONLY:
        return lambda task: ([], {parameter.name: task})
    return lambda task: ([task], {})


_SPECIAL: dict[Any, Callable[[Task], Any]] = {
    Task: lambda task: task,
    "Task": lambda task: task,
    TaskContext: lambda _: get_task_context(),
    "TaskContext": lambda _: get_task_context(),
}


def _is_special(kind: Any) -> bool:
    try:
        return kind in _SPECIAL
    except TypeError:  # an annotation that cannot be hashed
        return False


def _parameter(parameter: inspect.Parameter, kind: Any) -> _Parameter:
    if kind is inspect.Parameter.empty or isinstance(kind, str):
        kind = Any
    return _Parameter(
        name=parameter.name,
        convert=converter_for(kind),
        expected=describe(kind),
        is_required=parameter.default is inspect.Parameter.empty,
        is_positional=parameter.kind is _POSITIONAL,
    )


def _missing(parameter: _Parameter, given: dict[str, Any]) -> TaskInputError:
    there = ", ".join(sorted(map(str, given))[:20]) or "nothing"
    return TaskInputError(
        f"input {parameter.name!r} ({parameter.expected}) is missing; the task's input has: {there}",
        parameter=parameter.name,
        expected=parameter.expected,
    )
