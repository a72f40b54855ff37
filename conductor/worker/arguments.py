"""A task's input to a call's arguments, by the function's signature; compiled once for each worker."""

from __future__ import annotations

import contextlib
import functools
import inspect
import types
from collections.abc import Callable, Mapping, Sequence
from types import UnionType
from typing import Annotated, Any, Union

import typing_extensions
from attrs import frozen

from conductor._internal.introspection import (
    Namespace,
    Unresolved,
    annotations_of,
    namespace_of,
    place_of,
)
from conductor.errors import TaskInputError, WorkerRegistrationError
from conductor.models import Task
from conductor.worker.containers import unpacked
from conductor.worker.context import TaskContext, get_task_context
from conductor.worker.conversion import Convert, converter_for
from conductor.worker.mismatch import UnsupportedAnnotationError, describe

__all__ = ["Arguments", "compile_arguments", "input_converters"]

Arguments = Callable[[Task], tuple[list[Any], dict[str, Any]]]
_POSITIONAL = inspect.Parameter.POSITIONAL_ONLY
#: Types of parameters that a program may expect to get the whole input, in other SDKs' manner.
_OBJECTS = (dict, Mapping, object)


@frozen
class _Parameter:
    name: str
    convert: Convert
    expected: str
    is_required: bool
    takes_object: bool


@frozen
class _Plan:
    """What ``_compiled`` needs to know of a function.

    Attributes:
        named: The parameters other than ``*args`` and ``**kwargs``.
        kinds: The annotation of each parameter; Any for none.
        namespace: The names that annotations can use.
        rest: The parameter ``**kwargs``, or None.
        by_position: Whether parameters that can be passed by position have to be.
    """

    function: Any
    named: Sequence[inspect.Parameter]
    kinds: Mapping[str, Any]
    namespace: Namespace
    rest: inspect.Parameter | None
    by_position: bool


def compile_arguments(function: Callable[..., Any]) -> Arguments:
    """Return a function that turns a task into ``(args, kwargs)`` for ``function``.

    A parameter annotated ``Task`` gets the whole task and one annotated ``TaskContext`` the context. Each other
    parameter gets the input of its name, converted to its annotation, and ``**kwargs`` the remaining inputs.

    Raises:
        WorkerRegistrationError: The signature cannot be read or has ``*args`` alone, an annotation is not supported or
            cannot be resolved, or it is a generator function or a method that is not bound.
    """
    _refuse_generators(function)
    signature, by_position = _taken_by_wrapper(function, _signature(function))
    return _compiled(
        _Plan(
            function=function,
            named=_named(signature),
            kinds=_kinds(function, signature),
            namespace=namespace_of(function),
            rest=next((p for p in signature.parameters.values() if p.kind is p.VAR_KEYWORD), None),
            by_position=by_position,
        )
    )


def input_converters(function: Callable[..., Any]) -> dict[str, Convert]:
    """Return the converter of each input of ``function`` by its name; inputs without an annotation are left out."""
    signature, namespace = _taken_by_wrapper(function, _signature(function))[0], namespace_of(function)
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
            f"{_name(function)} at {place_of(function)} takes *args: inputs have names, so nothing would "
            "be passed. Name the parameters, or take **kwargs."
        )
    if _is_unbound_method(function, parameters):
        raise WorkerRegistrationError(
            f"{_name(function)} at {place_of(function)} is a method without an object: nothing would be passed as "
            f"{parameters[0].name!r}. Make a worker of a bound method: Worker(object.method, 'task_name')."
        )
    return signature


def _is_unbound_method(function: Any, parameters: Sequence[inspect.Parameter]) -> bool:
    """Whether a method was taken from its class, or is decorated in the body of its class."""
    if isinstance(function, types.MethodDescriptorType | types.WrapperDescriptorType):  # str.upper, int.__add__
        return True
    owner, _, name = getattr(function, "__qualname__", "").rpartition(".")
    if not inspect.isfunction(function) or not owner or owner.endswith("<locals>") or not parameters:
        return False
    found: Any = None
    with contextlib.suppress(KeyError, AttributeError):  # the class is local, or its body runs just now
        first, *further = owner.split(".")
        found = function.__globals__[first]
        for part in further:
            found = getattr(found, part)
    if isinstance(found, type) and name in vars(found):
        return vars(found)[name] is function
    return parameters[0].name in {"self", "cls"}


def _refuse_generators(function: Any) -> None:
    inner = function
    while isinstance(inner, functools.partial):
        inner = inner.func
    if not (inspect.isroutine(inner) or isinstance(inner, type)):
        inner = type(inner).__call__
    if inspect.isgeneratorfunction(inner) or inspect.isasyncgenfunction(inner):
        raise WorkerRegistrationError(
            f"{_name(function)} at {place_of(function)} is a generator function: calling it would not run its "
            "code. Return a list instead of yielding items."
        )


def _taken_by_wrapper(function: Any, signature: inspect.Signature) -> tuple[inspect.Signature, bool]:
    """Return what the outermost wrapper of a function takes, and whether it takes it by position only.

    ``functools.wraps`` gives a wrapper the signature of the inner function, whatever the wrapper itself takes.
    """
    if "__wrapped__" not in getattr(function, "__dict__", {}):
        return signature, False
    if hasattr(function, "registry") and hasattr(function, "dispatch"):  # functools.singledispatch
        return signature, True
    try:
        own = inspect.signature(function, follow_wrapped=False)
    except (TypeError, ValueError):  # such as functools.lru_cache, which passes on everything
        return signature, False
    inner, outer = _named(signature), _named(own)
    kinds = {p.kind for p in own.parameters.values()}
    names = {p.name for p in inner}
    if inspect.Parameter.VAR_KEYWORD in kinds:
        if further := [p for p in outer if p.name not in names]:  # the wrapper's own, such as def wrapper(user, **rest)
            taken = [p.replace(kind=p.KEYWORD_ONLY) for p in (*further, *inner)]
            rest = [p for p in signature.parameters.values() if p.kind is p.VAR_KEYWORD]
            signature = signature.replace(parameters=[*taken, *rest])
        return signature, False
    is_by_keyword = {p.name for p in outer if p.kind is not _POSITIONAL} == names
    is_by_position = all(p.kind is not p.KEYWORD_ONLY for p in (*inner, *outer)) and (
        inspect.Parameter.VAR_POSITIONAL in kinds or len(outer) == len(inner)
    )
    return (signature, is_by_position and not is_by_keyword) if is_by_keyword or is_by_position else (own, False)


def _named(signature: inspect.Signature) -> list[inspect.Parameter]:
    return [p for p in signature.parameters.values() if p.kind not in {p.VAR_POSITIONAL, p.VAR_KEYWORD}]


def _name(function: Any) -> str:
    return f"{getattr(function, '__qualname__', None) or type(function).__qualname__}()"


def _kinds(function: Any, signature: inspect.Signature) -> dict[str, Any]:
    """The annotation of each parameter, resolved name by name; Any for none."""
    annotations = annotations_of(function)
    return {
        name: Any if p.annotation is p.empty else annotations.get(name, p.annotation)
        for name, p in signature.parameters.items()
    }


def _compiled(plan: _Plan) -> Arguments:
    named, kinds = plan.named, plan.kinds
    if len(named) == 1 and _special(kinds[named[0].name]) is _whole_task and plan.rest is None:
        return _only_task(named[0])
    specials = {p.name: special for p in named if (special := _special(kinds[p.name])) is not None}
    parameters = [_parameter(p, plan) for p in named if p.name not in specials]
    names = {p.name for p in named}
    convert_rest = None if plan.rest is None else _rest(plan.rest, plan)
    kinds_by_position = {_POSITIONAL, inspect.Parameter.POSITIONAL_OR_KEYWORD} if plan.by_position else {_POSITIONAL}
    positional = [p for p in named if p.kind in kinds_by_position]

    def arguments(task: Task) -> tuple[list[Any], dict[str, Any]]:
        given = task.input_data
        values: dict[str, Any] = {}
        for parameter in parameters:
            if parameter.name in given:
                values[parameter.name] = parameter.convert(given[parameter.name], parameter.name)
            elif parameter.is_required:
                raise _missing(parameter, given, is_only=len(parameters) == 1 and convert_rest is None)
        for name, special in specials.items():
            values[name] = special(task)
        if convert_rest is not None:
            values.update(convert_rest({k: v for k, v in given.items() if k not in names}))
        return _in_order(positional, values) if positional else [], values

    return arguments


def _rest(parameter: inspect.Parameter, plan: _Plan) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Convert what ``**kwargs`` gets: each value to its annotation, or all of them to ``Unpack[SomeTypedDict]``."""
    kind = plan.kinds[parameter.name]
    if (whole := unpacked(kind)) is not None:
        convert_all = _converter(parameter, whole, plan)
        return lambda given: dict(convert_all(given, ""))
    if kind is Any:
        return lambda given: given
    convert = _converter(parameter, kind, plan)
    return lambda given: {name: convert(value, name) for name, value in given.items()}


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


def _parameter(parameter: inspect.Parameter, plan: _Plan) -> _Parameter:
    kind = plan.kinds[parameter.name]
    return _Parameter(
        name=parameter.name,
        convert=_converter(parameter, kind, plan),
        expected=describe(kind),
        is_required=parameter.default is inspect.Parameter.empty,
        takes_object=kind is Any or (typing_extensions.get_origin(kind) or kind) in _OBJECTS,
    )


def _converter(parameter: inspect.Parameter, kind: Any, plan: _Plan) -> Convert:
    try:
        return converter_for(kind, plan.namespace)
    except UnsupportedAnnotationError as error:
        raise WorkerRegistrationError(
            f"{_name(plan.function)} at {place_of(plan.function)}: the annotation of parameter {parameter.name!r} is "
            f"not supported: {error}."
        ) from None


def _missing(parameter: _Parameter, given: dict[str, Any], *, is_only: bool) -> TaskInputError:
    there = ", ".join(sorted(map(str, given))[:20]) or "nothing"
    hint = ""
    if given.keys() == {"__index", "input"}:
        hint = ". An item of a dynamic fork that is not an object is passed as 'input': name the parameter input"
    elif is_only and parameter.takes_object:
        hint = ". To get the whole input, annotate the parameter as Task, or take **kwargs"
    return TaskInputError(
        f"input {parameter.name!r} ({parameter.expected}) is missing; the task's input has: {there}{hint}",
        parameter=parameter.name,
        expected=parameter.expected,
    )
