"""JSON values to what annotations ask for: a strict ``cattrs`` converter whose errors carry the path to the value.

Every annotation is understood or refused (``UnsupportedAnnotationError``); nothing is passed through. ``converter_for``
compiles an annotation once into a function from a value and its path.
"""

from __future__ import annotations

import contextlib
import contextvars
import dataclasses
import functools
import sys
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from pathlib import PurePath
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, Union

import attrs
import typing_extensions

from conductor._internal.introspection import (
    Namespace,
    Unresolved,
    class_annotations,
    resolve_annotation,
)
from conductor.errors import SerializationError
from conductor.models._base import Model
from conductor.models.codec import register_encoder, to_jsonable
from conductor.worker.containers import Hook, container_hook, fields_hook, open_fields_hook, positions_hook, unpacked
from conductor.worker.mismatch import Mismatch, UnsupportedAnnotationError, describe, mismatch_of
from conductor.worker.pydantic_types import has_constraints, is_pydantic_type, pydantic_hook
from conductor.worker.scalars import scalar_parser

if TYPE_CHECKING:
    import cattrs

__all__ = ["Convert", "converter_for", "register_type"]

Convert = Callable[[Any, str], Any]
T = TypeVar("T")


def converter_for(kind: Any, namespace: Namespace | None = None) -> Convert:
    """Compile an annotation.

    Args:
        kind: The annotation; strings in it are resolved in ``namespace``.
        namespace: The names that it can use.

    Returns:
        A function from a value and its path that returns the converted value and raises ``TaskInputError``.

    Raises:
        UnsupportedAnnotationError: The annotation, or one inside it, is not understood.
    """
    with _scope(namespace or Namespace()):
        try:
            hook = _hook(kind)
        except UnsupportedAnnotationError:
            raise
        except Exception as error:  # metaclasses and descriptors of the program raise what they like
            raise _refuse(kind, f"{type(error).__name__}: {error}") from None

    def convert(value: Any, path: str) -> Any:
        try:
            return hook(value, kind)
        except Exception as error:  # hooks and classes of the program raise what they like
            raise mismatch_of(error, kind, value).to_error(path) from None

    return convert


def register_type(kind: type[T], from_json: Callable[[Any], T], to_json: Callable[[T], Any] | None = None) -> None:
    """Register the conversion of a class from and to JSON values.

    Call it before the functions that use the class are declared. It applies to the whole process, and to the class
    itself wherever it appears in an annotation; subclasses are registered separately.

    Args:
        kind: The class.
        from_json: Makes an instance from a parsed JSON value. An exception fails the task with
            ``FAILED_WITH_TERMINAL_ERROR`` and the path to the value.
        to_json: Returns what to write for an instance: any value that has a JSON form. Without it, instances are
            written as before.

    Example:
        >>> class Money:
        ...     def __init__(self, cents):
        ...         self.cents = cents
        >>> register_type(Money, from_json=lambda value: Money(int(value)), to_json=lambda money: money.cents)
    """
    if not isinstance(kind, type):
        raise TypeError(f"register_type() takes a class, not {kind!r}.")
    _registered[kind] = lambda value, _: from_json(value)
    _converter().register_structure_hook_func(lambda one: one is kind, _registered[kind])
    if to_json is not None:
        register_encoder(kind, to_json)


# -- finding the hook of an annotation

_namespace: contextvars.ContextVar[Namespace] = contextvars.ContextVar("annotation_namespace")
_building: contextvars.ContextVar[dict[Any, list[Hook]]] = contextvars.ContextVar("hooks_in_progress")


@contextlib.contextmanager
def _scope(namespace: Namespace) -> Iterator[None]:
    tokens = (_namespace.set(namespace), _building.set({}))
    try:
        yield
    finally:
        _namespace.reset(tokens[0])
        _building.reset(tokens[1])


def _refuse(kind: Any, why: str) -> UnsupportedAnnotationError:
    return UnsupportedAnnotationError(f"{describe(kind)}: {why}")


def _hook(kind: Any) -> Hook:
    """Return the hook of an annotation that may hold unresolved names."""
    annotation = kind.annotation if isinstance(kind, Unresolved) else kind
    resolved = resolve_annotation(annotation, _namespace.get())
    if isinstance(resolved, Unresolved):
        raise _unresolved(resolved)
    return _hook_of(resolved)


def _unresolved(annotation: Unresolved) -> UnsupportedAnnotationError:
    return UnsupportedAnnotationError(
        f"{annotation.text!r} cannot be resolved ({annotation.reason}); import its names at run time, before the "
        "function is declared"
    )


def _hook_of(kind: Any) -> Hook:
    while (simpler := _without_wrapper(kind)) is not kind:
        kind = simpler
    try:
        hash(kind)
    except TypeError:  # metadata that cannot be hashed
        return _build(kind)
    building = _building.get()
    if kind in building:  # a type that contains itself
        cell = building[kind]
        return lambda value, _: cell[0](value, kind)
    cell = building[kind] = []
    try:
        hook: Hook = _build(kind) if _is_built_here(kind) else _converter().get_structure_hook(kind)
    finally:
        del building[kind]
    cell.append(hook)
    return hook


def _is_built_here(kind: Any) -> bool:
    """Whether to make a hook without cattrs.

    cattrs would convert a class as one of its bases, before it asks the hooks of this module. For built-in types and
    what is made of them, it has nothing to add; importing it takes 5 ms of the start of a worker.
    """
    if kind in _registered:
        return False
    owner = typing_extensions.get_origin(kind) or kind
    is_base = isinstance(kind, type) and issubclass(kind, _CATTRS_BASES)
    return is_base or getattr(owner, "__module__", None) in _OWN_MODULES


#: The classes that a ``cattrs.Converter`` has hooks for by itself.
_CATTRS_BASES = (str, int, float, bytes, Enum, PurePath)
#: The modules of ``dict``, ``None``, ``Any`` and ``X | Y``.
_OWN_MODULES = frozenset({"builtins", "types", "typing"})


def _without_wrapper(kind: Any) -> Any:
    """Take off one layer that does not change what values look like."""
    origin = typing_extensions.get_origin(kind)
    if origin is Annotated and not has_constraints(kind):
        return kind.__origin__
    if origin in _QUALIFIERS:
        return typing_extensions.get_args(kind)[0]
    if isinstance(kind, dataclasses.InitVar):
        return kind.type
    if (supertype := getattr(kind, "__supertype__", None)) is not None:  # NewType
        return supertype
    return kind


_QUALIFIERS = {
    typing_extensions.Required,
    typing_extensions.NotRequired,
    typing_extensions.ReadOnly,
    typing.Final,
    typing.ClassVar,
    *(getattr(typing, name) for name in ("Required", "NotRequired", "ReadOnly") if hasattr(typing, name)),
}
_ALIASES: tuple[Any, ...] = tuple(
    {typing_extensions.TypeAliasType, getattr(typing, "TypeAliasType", typing_extensions.TypeAliasType)}
)
#: What ``__default__`` of a type variable without a default is; typing_extensions before 4.12 have None.
_NO_DEFAULT = getattr(typing_extensions, "NoDefault", None)
_NEVER = {typing.NoReturn, typing_extensions.Never, typing_extensions.Self}


def _build(kind: Any, _: Any = None) -> Hook:  # noqa: C901  one line for each family
    """Make the hook of a resolved annotation; what it contains is looked up by the converter again."""
    origin = typing_extensions.get_origin(kind)
    if kind is Any or kind is object or kind is typing_extensions.Any:
        return _as_is
    if unpacked(kind) is not None:
        raise _refuse(kind, "only tuple[...] and **kwargs can be unpacked")
    if isinstance(kind, typing.TypeVar | typing_extensions.TypeVar):
        return _type_variable(kind)
    if origin is Annotated:
        return pydantic_hook(kind, _base_hook(kind.__origin__))
    if isinstance(kind, _ALIASES) or isinstance(origin, _ALIASES):
        return _alias(kind, origin)
    if origin in {Union, types.UnionType}:
        return _union(kind)
    if origin in {typing.Literal, typing_extensions.Literal}:
        return _literal(kind)
    if origin is None and (parse := scalar_parser(kind)) is not None:
        return _scalar(kind, parse)
    if (container := container_hook(kind, _hook)) is not None:
        return container
    cls = origin or kind
    if cls in _registered:
        return _registered[cls]
    if not isinstance(cls, type) or kind in _NEVER:
        raise _refuse(kind, "no JSON value is of this type")
    if is_pydantic_type(cls):
        return pydantic_hook(kind, None)
    return _class(kind, cls)


def _base_hook(kind: Any) -> Hook | None:
    """The hook of what an ``Annotated`` constrains, where it is ours; pydantic converts to the rest itself."""
    try:
        return _hook_of(kind)
    except UnsupportedAnnotationError:
        return None


def _as_is(value: Any, _: Any) -> Any:
    return value


def _type_variable(kind: Any) -> Hook:
    if (default := getattr(kind, "__default__", None)) is not None and default is not _NO_DEFAULT:
        return _hook(default)
    if kind.__constraints__:
        return _hook(Union[kind.__constraints__])  # noqa: UP007  X | Y does not take a tuple
    return _as_is if kind.__bound__ is None else _hook(kind.__bound__)


def _alias(kind: Any, origin: Any) -> Hook:
    alias = origin if isinstance(origin, _ALIASES) else kind
    parameters = dict(zip(alias.__type_params__, typing_extensions.get_args(kind), strict=False))
    scope = {one.__name__: one for one in alias.__type_params__}
    module = getattr(sys.modules.get(alias.__module__), "__dict__", {})
    resolved = resolve_annotation(alias.__value__, Namespace(module, {**_namespace.get().locals, **scope}), parameters)
    if isinstance(resolved, Unresolved):
        raise _unresolved(resolved)
    return _hook_of(resolved)


def _scalar(kind: Any, parse: Callable[[Any], Any]) -> Hook:
    def convert(value: Any, _: Any) -> Any:
        try:
            return parse(value)
        except Exception as error:  # parsers of the standard library raise several kinds
            raise mismatch_of(error, kind, value) from None

    return convert


# -- unions and literals


def _union(kind: Any) -> Hook:
    members = [member for member in typing_extensions.get_args(kind) if member is not type(None)]
    is_optional = len(members) < len(typing_extensions.get_args(kind))
    exact = tuple(m for m in members if isinstance(m, type) and m in {str, int, float, bool, dict, list})
    hooks = [(_hook(member), member) for member in members]

    def convert(value: Any, _: Any) -> Any:
        if value is None and is_optional:
            return None
        if value.__class__ in exact:
            return value
        if len(hooks) == 1:
            return hooks[0][0](value, hooks[0][1])
        accepted: list[Any] = []
        deepest: list[Any] = []
        for hook, member in hooks:
            try:
                accepted.append(hook(value, member))
            except Exception as error:  # the next member may accept it
                _keep_deepest(deepest, mismatch_of(error, member, value))
        if accepted:
            return accepted[0] if len(accepted) == 1 else _best(accepted, value)
        if deepest[-1]:
            expected, inner, why, is_missing, steps = deepest
            raise Mismatch(expected, inner, why, is_missing, list(steps))
        raise Mismatch(kind, value)

    return convert


def _best(accepted: list[Any], value: Any) -> Any:
    """Return what keeps most of ``value``; of those that keep the same, the first."""
    most, best = -1, None
    for one in accepted:
        kept = _kept(one, value)
        if kept is None:
            return one
        if kept > most:
            most, best = kept, one
    return best


def _keep_deepest(deepest: list[Any], mismatch: Mismatch) -> None:
    """Keep the facts of the mismatch with the longest path; the exception would form a cycle with its traceback."""
    if not deepest or len(mismatch.steps) > len(deepest[-1]):
        deepest[:] = [mismatch.expected, mismatch.value, mismatch.why, mismatch.is_missing, tuple(mismatch.steps)]


def _kept(converted: Any, value: Any) -> int | None:
    """Return how many values of the JSON ``value`` a member of a union kept; None if it kept all."""
    try:
        written = to_jsonable(converted)
    except SerializationError:
        return 0
    return None if _is_same_json(written, value) else _count_same(written, value)


def _is_same_json(one: Any, other: Any) -> bool:
    """Compare JSON values; unlike for ``==``, 1, 1.0 and True differ."""
    if one.__class__ is not other.__class__:
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_is_same_json(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(_is_same_json, one, other))
    return bool(one == other)


def _count_same(one: Any, other: Any) -> int:
    if isinstance(one, dict) and isinstance(other, dict):
        return sum(1 + _count_same(one[key], other[key]) for key in one.keys() & other.keys())
    if isinstance(one, list) and isinstance(other, list):
        return sum(map(_count_same, one, other))
    return int(_is_same_json(one, other))


def _literal(kind: Any) -> Hook:
    allowed = [(one, to_jsonable(one)) for one in typing_extensions.get_args(kind)]

    def convert(value: Any, _: Any) -> Any:
        for one, plain in allowed:
            if value.__class__ is plain.__class__ and value == plain:
                return one
        raise Mismatch(kind, value)

    return convert


# -- classes


def _class(kind: Any, cls: type) -> Hook:  # one line for each kind of class
    if issubclass(cls, Enum):
        if not cls.__members__:
            raise _refuse(kind, "it has no members")
        return _enum(cls)
    if issubclass(cls, Model):
        return lambda value, _: cls.from_dict(value)
    if issubclass(cls, (int, str, float)):
        return _subclass_of_scalar(cls)
    hints = class_annotations(kind, _namespace.get().locals)
    if typing_extensions.is_typeddict(cls):
        return _typed_dict(kind, cls, hints)
    if issubclass(cls, tuple) and hasattr(cls, "_fields"):
        return _named_tuple(kind, cls, hints)
    if attrs.has(cls):
        return _attrs_class(kind, cls, hints)
    if dataclasses.is_dataclass(cls):
        return _dataclass(kind, cls, hints)
    raise _refuse(
        kind,
        "this class cannot be created from JSON; use a dataclass, an attrs class, a TypedDict or a pydantic model, or "
        "register it with conductor.register_type()",
    )


def _subclass_of_scalar(cls: Any) -> Hook:
    base = next(one for one in (str, int, float) if issubclass(cls, one))
    parse: Any = scalar_parser(base)
    return lambda value, _: cls(parse(value))


def _enum(cls: type[Enum]) -> Hook:
    allowed = ", ".join(repr(member.value) for member in cls)
    members = [(member, _json_or_itself(member.value)) for member in cls]

    def convert(value: Any, _: Any) -> Any:
        for member, plain in members:
            if value == plain and value.__class__ is plain.__class__:
                return member
        if isinstance(value, str) and value in cls.__members__:
            return cls[value]
        try:
            found = cls(value)  # flags, and values that _missing_ finds
        except Exception:  # _missing_ is the program's
            raise Mismatch(cls, value, f"one of {allowed}") from None
        if isinstance(value, bool) and not isinstance(found.value, bool):
            raise Mismatch(cls, value, f"one of {allowed}")
        return found

    return convert


def _json_or_itself(value: Any) -> Any:
    try:
        return to_jsonable(value)
    except SerializationError:  # no JSON value is equal to it
        return value


def _typed_dict(kind: Any, cls: Any, hints: Mapping[str, Any]) -> Hook:
    required = set(cls.__required_keys__)
    for name, hint in hints.items():  # Python 3.10 overlooks these, and all versions do in strings
        layer = hint
        while (origin := typing_extensions.get_origin(layer)) in _QUALIFIERS or origin is Annotated:
            if origin in _QUALIFIERS and "NotRequired" in str(origin):
                required.discard(name)
            elif origin in _QUALIFIERS and "Required" in str(origin):
                required.add(name)
            layer = typing_extensions.get_args(layer)[0]
    extra = getattr(cls, "__extra_items__", None)
    if getattr(cls, "__closed__", None):
        extra = typing_extensions.Never
    elif extra is getattr(typing_extensions, "NoExtraItems", None):
        extra = None
    fields = fields_hook(kind, hints, required, dict, _hook)
    return fields if extra is None else open_fields_hook(kind, hints.keys(), fields, extra, _hook)


def _named_tuple(kind: Any, cls: Any, hints: Mapping[str, Any]) -> Hook:
    fields = {name: hints.get(name, Any) for name in cls._fields}
    by_name = fields_hook(kind, fields, set(fields) - set(cls._field_defaults), cls, _hook)
    by_position = positions_hook(kind, list(fields.values()), cls, _hook, len(cls._field_defaults))
    return lambda value, _: by_position(value, kind) if isinstance(value, list | tuple) else by_name(value, kind)


def _attrs_class(kind: Any, cls: Any, hints: Mapping[str, Any]) -> Hook:
    own = [one for one in attrs.fields(cls) if one.init]
    types_of = {one.alias: hints.get(one.name, one.type or Any) for one in own}
    return fields_hook(kind, types_of, {one.alias for one in own if one.default is attrs.NOTHING}, cls, _hook)


def _dataclass(kind: Any, cls: Any, hints: Mapping[str, Any]) -> Hook:
    own = [one for one in dataclasses.fields(cls) if one.init]
    init_only = [
        one
        for one in cls.__dataclass_fields__.values()
        if one._field_type is dataclasses._FIELD_INITVAR  # type: ignore[attr-defined]  # noqa: SLF001
    ]
    given = [*own, *init_only]
    missing = dataclasses.MISSING
    required = {one.name for one in given if one.default is missing and one.default_factory is missing}
    return fields_hook(kind, {one.name: hints.get(one.name, Any) for one in given}, required, cls, _hook)


@functools.cache
def _converter() -> cattrs.Converter:
    """Return a converter whose hooks are the strict ones of this module; ``register_type`` adds the program's."""
    import cattrs  # see _is_built_here

    converter = cattrs.Converter(detailed_validation=False)
    converter.register_structure_hook_factory(lambda _: True, _build)
    return converter


#: The hooks of the classes that the program registered.
_registered: dict[type, Hook] = {}
