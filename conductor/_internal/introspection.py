"""Function and class signatures: what is called, where it is defined, and its annotations, resolved name by name."""

from __future__ import annotations

import builtins
import functools
import inspect
import os
import re
import sys
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ForwardRef, Literal, TypeVar, Union

import typing_extensions
from attrs import field, frozen

from conductor._internal.suggestions import did_you_mean

__all__ = [
    "Namespace",
    "Unresolved",
    "annotations_of",
    "class_annotations",
    "is_coroutine_function",
    "namespace_of",
    "place_of",
    "real_path",
    "refuse_unknown_keywords",
    "resolve_annotation",
    "substitute",
    "underlying_function",
]


@frozen
class Unresolved:
    """An annotation with a name that does not exist at run time.

    Attributes:
        text: The annotation as it is written.
        reason: Why it cannot be evaluated.
        annotation: The annotation itself, to be evaluated with other names.
    """

    text: str
    reason: str
    annotation: Any = None


@frozen
class Namespace:
    """The names that an annotation can use.

    Attributes:
        globals: The names of its module.
        locals: The names around it: closure, type parameters, class body and enclosing functions.
    """

    globals: Mapping[str, Any] = field(factory=dict)
    locals: Mapping[str, Any] = field(factory=dict)

    def evaluate(self, text: str) -> Any:
        """Evaluate the text of an annotation."""
        # the text is source code of the program itself, which Python would evaluate in the same way
        return eval(text, dict(self.globals), dict(self.locals))  # noqa: S307


def underlying_function(function: Any) -> Any:
    """Return the function that holds the annotations: a partial's, a method's, or a callable object's ``__call__``."""
    while True:
        if isinstance(function, functools.partial | functools.partialmethod):
            function = function.func
        elif inspect.ismethod(function):
            function = function.__func__
        elif inspect.isroutine(function):
            wrapped = inspect.unwrap(function)
            if wrapped is function:
                return function
            function = wrapped
        elif isinstance(function, type):
            return function.__init__  # type: ignore[misc]
        else:
            wrapped = vars(function).get("__wrapped__") if hasattr(function, "__dict__") else None
            if callable(wrapped):  # functools.lru_cache and other wrappers that are objects
                function = wrapped
                continue
            call = type(function).__call__
            return inspect.unwrap(call)


def is_coroutine_function(function: Any) -> bool:
    """Return whether calling ``function`` gives a coroutine."""
    while isinstance(function, functools.partial):
        function = function.func
    if inspect.iscoroutinefunction(function):
        return True
    call = getattr(type(function), "__call__", None)  # noqa: B004  the method itself is looked at
    return not inspect.isroutine(function) and inspect.iscoroutinefunction(call)


def refuse_unknown_keywords(
    callee: str, start: Callable[..., Any], given: Iterable[str], own: Iterable[str] = ()
) -> None:
    """Reject keywords that a function, which starts a workflow, would pass on to a method that does not have them.

    Args:
        callee: The function that the program called.
        start: The method that gets the keywords.
        given: The keywords.
        own: Keywords of the function itself, for suggestions.

    Raises:
        TypeError: The method has no such keyword.
    """
    parameters = inspect.signature(start).parameters.values() if given else ()
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return
    known = [*own, *(p.name for p in parameters if p.kind is p.KEYWORD_ONLY)]
    for name in given:
        if name not in known:
            near = did_you_mean(name, known) or f". The workflow's input is a dict: input={{{name!r}: ...}}"
            raise TypeError(f"{callee}() has no argument {name!r}{near}")


def place_of(function: Any) -> str:
    """Return where ``function`` is defined as ``file:line``, with the real path; its repr for other callables."""
    code = getattr(underlying_function(function), "__code__", None)
    if code is None:
        return repr(function)
    return f"{real_path(code.co_filename)}:{code.co_firstlineno}"


@functools.lru_cache(maxsize=1024)
def real_path(name: str) -> str:
    """Return a file's path without symbolic links; the names of notebook cells and the like stay as they are."""
    return os.path.realpath(name) if Path(name).exists() else name


def namespace_of(function: Any) -> Namespace:
    """Return the names that the annotations of ``function`` can use.

    They are its globals, closure, type parameters, the class it is defined in, and the local names of the functions on
    the stack that are in the same file: an enclosing function runs while its inner functions are declared.
    """
    inner = underlying_function(function)
    names: dict[str, Any] = {}
    code = getattr(inner, "__code__", None)
    names.update(_types_of_class(function, inner))
    if code is not None:
        for frame in reversed(_enclosing_frames(code)):
            names.update(frame)
        names.update(_closure(inner, code))
    for parameter in getattr(inner, "__type_params__", ()):
        names[parameter.__name__] = parameter
    return Namespace(getattr(inner, "__globals__", {}), names)


def _types_of_class(function: Any, inner: Any) -> dict[str, Any]:
    """The types and aliases in the body of the class that a method is defined in, but no methods and values."""
    while isinstance(function, functools.partial):
        function = function.func
    instance = getattr(function, "__self__", None)
    instance = function if instance is None and not inspect.isroutine(function) else instance
    kind = instance if isinstance(instance, type) else type(instance)
    owner = getattr(inner, "__qualname__", "").rpartition(".")[0]
    found = next((one for one in kind.__mro__ if one.__qualname__ == owner), None)
    return {} if found is None else {name: one for name, one in vars(found).items() if _is_type_form(one)}


def _is_type_form(value: Any) -> bool:
    return isinstance(value, type | TypeVar | typing_extensions.TypeAliasType) or (
        typing_extensions.get_origin(value) is not None or isinstance(value, _ALIAS)
    )


_ALIAS: Any = getattr(typing, "TypeAliasType", typing_extensions.TypeAliasType)


def _enclosing_frames(code: types.CodeType) -> list[dict[str, Any]]:
    """The local names of the functions that run now in the file of ``code``, the innermost first."""
    found = []
    frame: types.FrameType | None = sys._getframe(2)  # inspect.currentframe() does the same
    while frame is not None:
        if frame.f_code.co_filename == code.co_filename and frame.f_locals is not frame.f_globals:
            found.append(dict(frame.f_locals))
        frame = frame.f_back
    return found


def _closure(function: Any, code: types.CodeType) -> dict[str, Any]:
    names = {}
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=False):
        try:
            names[name] = cell.cell_contents
        except ValueError:  # a name that is assigned later
            continue
    return names


def annotations_of(function: Any) -> dict[str, Any]:
    """Return the annotations of ``function``, resolved one by one; those that cannot be resolved are ``Unresolved``."""
    namespace = namespace_of(function)
    inner = underlying_function(function)
    return {name: resolve_annotation(kind, namespace) for name, kind in _own_annotations(inner).items()}


def _own_annotations(owner: Any) -> Mapping[str, Any]:
    """The annotations as they are written, without evaluating those that name what does not exist yet."""
    if sys.version_info >= (3, 14):
        from annotationlib import Format, get_annotations

        return get_annotations(owner, format=Format.FORWARDREF)
    if isinstance(owner, type):
        own = vars(owner).get("__annotations__")
        return own if isinstance(own, Mapping) else {}
    found: Mapping[str, Any] = getattr(owner, "__annotations__", None) or {}
    return found


def resolve_annotation(kind: Any, namespace: Namespace, parameters: Mapping[Any, Any] | None = None) -> Any:
    """Resolve the names inside an annotation, and replace type variables by ``parameters``.

    Returns:
        The annotation, or ``Unresolved`` when a name in it does not exist.
    """
    try:
        return _resolved(kind, namespace, parameters or {})
    except Exception as error:  # evaluating an annotation runs the program's code
        text = kind if isinstance(kind, str) else getattr(kind, "__forward_arg__", None) or str(kind)
        text = re.sub(r"ForwardRef\('([^']*)'[^)]*\)", r"\1", text).replace("typing.", "")
        return Unresolved(text, f"{type(error).__name__}: {error}", kind)


def substitute(kind: Any, parameters: Mapping[Any, Any]) -> Any:
    """Replace the type variables in ``kind``."""
    return _resolved(kind, Namespace(), parameters) if parameters else kind


def _resolved(kind: Any, namespace: Namespace, parameters: Mapping[Any, Any]) -> Any:
    if isinstance(kind, str):
        return _resolved(namespace.evaluate(kind), namespace, parameters)
    if isinstance(kind, ForwardRef):
        return _resolved(_evaluate_reference(kind, namespace), namespace, parameters)
    if isinstance(kind, TypeVar):
        return parameters.get(kind, kind)
    origin = typing_extensions.get_origin(kind)
    if origin is None or origin is Literal or origin is typing_extensions.Literal:
        return kind
    if origin is Annotated:
        inner = _resolved(kind.__origin__, namespace, parameters)
        annotated: Any = Annotated
        arguments = (inner, *kind.__metadata__)
        return kind if inner is kind.__origin__ else annotated[arguments]
    before = typing_extensions.get_args(kind)
    after = tuple(_resolved(one, namespace, parameters) if not isinstance(one, list) else one for one in before)
    if all(one is other for one, other in zip(before, after, strict=True)):
        return kind
    if origin in {Union, types.UnionType}:
        return Union[after]  # noqa: UP007  X | Y does not take a tuple
    if isinstance(kind, types.GenericAlias):
        generic: Any = kind.__origin__
        return types.GenericAlias(generic, after)
    copy = getattr(kind, "copy_with", None)
    return copy(after) if copy is not None else origin[after]


def _evaluate_reference(reference: ForwardRef, namespace: Namespace) -> Any:
    owner = getattr(reference, "__owner__", None)
    module = getattr(reference, "__forward_module__", None)
    extra = getattr(sys.modules.get(module, builtins), "__dict__", {}) if isinstance(module, str) else {}
    inner = vars(owner) if isinstance(owner, type) else {}
    return Namespace(namespace.globals, {**extra, **inner, **namespace.locals}).evaluate(reference.__forward_arg__)


def class_annotations(kind: Any, local: Mapping[str, Any]) -> dict[str, Any]:
    """Return the annotations of a class and its bases, resolved each where it is written.

    Args:
        kind: The class, or an alias such as ``Page[int]``.
        local: Further names, such as those of the function that uses it.
    """
    cls: type = typing_extensions.get_origin(kind) or kind
    arguments = _type_arguments(kind)
    if typing_extensions.is_typeddict(cls):  # its only base at run time is dict
        inherited: dict[str, Any] = {}
        as_written: dict[str, Any] = {}
        for base in arguments[cls].bases:
            inherited.update(class_annotations(base, local))
            as_written.update(_own_annotations(typing_extensions.get_origin(base) or base))
        changed = {name for name, one in _own_annotations(cls).items() if as_written.get(name) != one}
        own = _resolved_annotations(cls, local, arguments[cls].parameters)
        return {name: one if name in changed or name not in inherited else inherited[name] for name, one in own.items()}
    found: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        found.update(_resolved_annotations(base, local, arguments[base].parameters if base in arguments else {}))
    return found


def _resolved_annotations(cls: type, local: Mapping[str, Any], parameters: Mapping[Any, Any]) -> dict[str, Any]:
    module = getattr(sys.modules.get(cls.__module__), "__dict__", {})
    inside = {one.__name__: one for one in getattr(cls, "__type_params__", ())}
    nested = {name: value for name, value in vars(cls).items() if isinstance(value, type) and name not in module}
    namespace = Namespace(module, {**nested, **local, cls.__name__: cls, **inside})
    return {name: resolve_annotation(one, namespace, parameters) for name, one in _own_annotations(cls).items()}


@frozen
class _Arguments:
    """The type arguments of a generic class.

    Attributes:
        parameters: The type of each of its type variables.
        bases: Its generic bases, with these types instead of the type variables.
    """

    parameters: Mapping[Any, Any]
    bases: Sequence[Any]


def _type_arguments(kind: Any) -> dict[Any, _Arguments]:
    """Return the arguments of a class, or an alias such as ``Page[int]``, and of each of its bases.

    The same type variable can have different types in a class and in its base.
    """
    cls = typing_extensions.get_origin(kind) or kind
    own = getattr(cls, "__parameters__", ()) or getattr(cls, "__type_params__", ())
    parameters = dict(zip(own, typing_extensions.get_args(kind), strict=False))
    written = vars(cls).get("__orig_bases__", cls.__bases__)
    bases = [
        substitute(base, parameters)
        for base in written
        if isinstance(typing_extensions.get_origin(base) or base, type)
        and (typing_extensions.get_origin(base) or base) is not typing.Generic
    ]
    found = {cls: _Arguments(parameters, bases)}
    for base in bases:
        found = {**_type_arguments(base), **found}
    return found
