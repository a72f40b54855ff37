"""A task's input to a call's arguments, by the function's signature; compiled once for each worker."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import UnionType
from typing import Annotated, Any, Union

import typing_extensions
from attrs import frozen

from conductor._internal.introspection import (
    Namespace,
    Unresolved,
    annotations_of,
    is_coroutine_function,
    namespace_of,
    place_of,
)
from conductor.errors import TaskInputError, WorkerRegistrationError
from conductor.models import Task
from conductor.worker.context import TaskContext, get_task_context
from conductor.worker.conversion import Convert, converter_for
from conductor.worker.mismatch import UnsupportedAnnotationError, describe

__all__ = ["Arguments", "compile_arguments", "input_converters"]

Arguments = Callable[[Task], tuple[list[Any], dict[str, Any]]]
_POSITIONAL = inspect.Parameter.POSITIONAL_ONLY


@frozen
class _Parameter:
    name: str
    convert: Convert
    expected: str
    is_required: bool
    default: Any


def compile_arguments(function: Callable[..., Any]) -> Arguments:
    """Return a function that turns a task into ``(args, kwargs)`` for ``function``.

    A single parameter annotated ``Task`` gets the whole task, one annotated ``TaskContext`` the context, each other
    parameter the input of its name, converted by its annotation; ``**kwargs`` gets the remaining inputs.

    Raises:
        WorkerRegistrationError: The signature cannot be read or has ``*args`` alone, an annotation is not supported or
            cannot be resolved, or it is a coroutine function or a method that is not bound.
    """
    if is_coroutine_function(function):
        raise WorkerRegistrationError(
            f"{function!r} is a coroutine function; workers are plain functions on threads. Call asyncio.run(...) "
            "inside a plain function."
        )
    signature = _signature(function)
    return _compiled(signature, _kinds(function, signature), namespace_of(function), function)


def input_converters(function: Callable[..., Any]) -> dict[str, Convert]:
    """Return the converter of each input of ``function`` by its name; inputs without an annotation are left out."""
    signature, namespace = _signature(function), namespace_of(function)
    kinds = _kinds(function, signature)
    return {
        p.name: converter_for(kinds[p.name], namespace)
        for p in signature.parameters.values()
        if p.kind not in {p.VAR_POSITIONAL, p.VAR_KEYWORD}
        and p.annotation is not p.empty
        and _special(kinds[p.name]) is None
    }


def _signature(function: Callable[..., Any]) -> inspect.Signature:
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError) as error:
        raise WorkerRegistrationError(f"The signature of {function!r} cannot be read: {error}") from None
    parameters = list(signature.parameters.values())
    kinds = {p.kind for p in parameters}
    if inspect.Parameter.VAR_POSITIONAL in kinds and inspect.Parameter.VAR_KEYWORD not in kinds:
        raise WorkerRegistrationError(
            f"{_name(function)} at {place_of(function)} takes *args: inputs have names, so it would get none. Name the "
            "parameters, or take **kwargs."
        )
    owner = getattr(function, "__qualname__", "").rpartition(".")[0].rpartition("<locals>.")[2]
    if owner and owner != "<locals>" and inspect.isfunction(function) and parameters and parameters[0].name == "self":
        raise WorkerRegistrationError(
            f"{_name(function)} at {place_of(function)} is a method without an object: nothing would be passed as "
            "'self'. Make a worker of a bound method: Worker(object.method, 'task_name')."
        )
    return signature


def _name(function: Any) -> str:
    return f"{getattr(function, '__qualname__', None) or type(function).__qualname__}()"


def _kinds(function: Any, signature: inspect.Signature) -> dict[str, Any]:
    """The annotation of each parameter, resolved name by name; Any for none."""
    annotations = annotations_of(function)
    return {
        name: Any if p.annotation is p.empty else annotations.get(name, p.annotation)
        for name, p in signature.parameters.items()
    }


def _compiled(signature: inspect.Signature, kinds: dict[str, Any], namespace: Namespace, function: Any) -> Arguments:
    named = [p for p in signature.parameters.values() if p.kind not in {p.VAR_POSITIONAL, p.VAR_KEYWORD}]
    takes_rest = any(p.kind is p.VAR_KEYWORD for p in signature.parameters.values())
    if len(named) == 1 and _special(kinds[named[0].name]) is _whole_task and not takes_rest:
        return _only_task(named[0])
    specials = {p.name: special for p in named if (special := _special(kinds[p.name])) is not None}
    parameters = [_parameter(p, kinds[p.name], namespace, function) for p in named if p.name not in specials]
    names = {p.name for p in named}
    positional = [p for p in named if p.kind is _POSITIONAL]

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
        return _in_order(positional, values) if positional else [], values

    return arguments


def _in_order(positional: list[inspect.Parameter], values: dict[str, Any]) -> list[Any]:
    """Take the positional-only arguments out of ``values``; gaps before a given one are filled with defaults."""
    last = max((index for index, p in enumerate(positional) if p.name in values), default=-1)
    return [values.pop(p.name, p.default) for p in positional[: last + 1]]


def _only_task(parameter: inspect.Parameter) -> Arguments:
    if parameter.kind is parameter.KEYWORD_ONLY:
        return lambda task: ([], {parameter.name: task})
    return lambda task: ([task], {})


def _whole_task(task: Task) -> Any:
    return task


def _context(_: Task) -> Any:
    return get_task_context()


def _special(kind: Any) -> Callable[[Task], Any] | None:
    """What passes a parameter that is not an input: the task or the context, also optional or with metadata."""
    if isinstance(kind, Unresolved):
        kind = kind.text.removesuffix(" | None")
    if typing_extensions.get_origin(kind) is Annotated:
        kind = typing_extensions.get_args(kind)[0]
    if typing_extensions.get_origin(kind) in {Union, UnionType}:
        members = [one for one in typing_extensions.get_args(kind) if one is not type(None)]
        return _special(members[0]) if len(members) == 1 else None
    if kind is Task or kind == "Task":
        return _whole_task
    return _context if kind is TaskContext or kind == "TaskContext" else None


def _parameter(parameter: inspect.Parameter, kind: Any, namespace: Namespace, function: Any) -> _Parameter:
    try:
        convert = converter_for(kind.text if isinstance(kind, Unresolved) else kind, namespace)
    except UnsupportedAnnotationError as error:
        raise WorkerRegistrationError(
            f"{_name(function)} at {place_of(function)}: the annotation of parameter {parameter.name!r} is not "
            f"supported: {error}. Import the name at run time, use a supported type, or register a converter for it."
        ) from None
    return _Parameter(
        name=parameter.name,
        convert=convert,
        expected=describe(kind),
        is_required=parameter.default is inspect.Parameter.empty,
        default=parameter.default,
    )


def _missing(parameter: _Parameter, given: dict[str, Any]) -> TaskInputError:
    there = ", ".join(sorted(map(str, given))[:20]) or "nothing"
    return TaskInputError(
        f"input {parameter.name!r} ({parameter.expected}) is missing; the task's input has: {there}",
        parameter=parameter.name,
        expected=parameter.expected,
    )
