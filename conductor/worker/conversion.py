"""JSON values to what annotations ask for: a strict ``cattrs`` converter whose errors carry the path to the value.

Every annotation is understood or refused (``UnsupportedAnnotationError``); nothing is passed through. ``converter_for``
compiles an annotation once into a function from a value and its path.
"""

from __future__ import annotations

import collections
import collections.abc
import contextlib
import contextvars
import dataclasses
import sys
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from typing import Annotated, Any, Union

import attrs
import cattrs
import typing_extensions

from conductor._internal.introspection import (
    Namespace,
    Unresolved,
    class_annotations,
    resolve_annotation,
    type_arguments,
)
from conductor.errors import SerializationError, TaskInputError
from conductor.models._base import Model
from conductor.models.codec import register_encoder, to_jsonable
from conductor.worker.mismatch import Mismatch, UnsupportedAnnotationError, describe
from conductor.worker.pydantic_types import has_constraints, is_pydantic_type, pydantic_hook
from conductor.worker.scalars import SCALARS

__all__ = ["Convert", "converter_for", "register_type"]

Convert = Callable[[Any, str], Any]
Hook = Callable[[Any, Any], Any]


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
        hook = _hook(kind)

    def convert(value: Any, path: str) -> Any:
        try:
            return hook(value, kind)
        except Mismatch as error:
            raise error.to_error(path) from None
        except Exception as error:  # noqa: BLE001  hooks and classes of the program raise what they like
            raise _mismatch(error, kind, value).to_error(path) from None

    return convert


def register_type(kind: type, from_json: Callable[[Any], Any], to_json: Callable[[Any], Any] | None = None) -> None:
    """Teach workers a type of your own: how it is made from a JSON value, and how it becomes one.

    Call it before the functions that use the type are declared. It holds for the whole process.

    Args:
        kind: The class.
        from_json: Makes an instance from a parsed JSON value; any exception it raises fails the task with
            ``FAILED_WITH_TERMINAL_ERROR`` and the path to the value.
        to_json: Returns what stands for an instance in an output: anything that has a JSON form itself. Without it,
            instances are written as before.

    Example:
        >>> class Money:
        ...     def __init__(self, cents):
        ...         self.cents = cents
        >>> register_type(Money, from_json=lambda value: Money(int(value)), to_json=lambda money: money.cents)
    """
    if not isinstance(kind, type):
        raise TypeError(f"register_type() takes a class, not {kind!r}.")
    _registered.add(kind)
    _converter.register_structure_hook(kind, lambda value, _: from_json(value))
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
    resolved = resolve_annotation(kind, _namespace.get())
    if isinstance(resolved, Unresolved):
        raise UnsupportedAnnotationError(f"{resolved.text!r} cannot be resolved ({resolved.reason})")
    return _hook_of(resolved)


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
        if isinstance(kind, type) and issubclass(kind, Enum) and kind not in _registered:
            hook: Hook = _enum(kind)  # older versions of cattrs prefer their own hook
        else:
            hook = _converter.get_structure_hook(kind)
    finally:
        del building[kind]
    cell.append(hook)
    return hook


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
_NEVER = {typing.NoReturn, typing_extensions.Never, typing_extensions.Self}


def _build(kind: Any, _: Any = None) -> Hook:  # noqa: C901, PLR0911  one line for each family
    """Make the hook of a resolved annotation; what it contains is looked up by the converter again."""
    origin = typing_extensions.get_origin(kind)
    if kind is Any or kind is object or kind is typing_extensions.Any:
        return _as_is
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
    if origin is None and kind in SCALARS:
        return _scalar(kind)
    if (container := _container(kind, origin or kind)) is not None:
        return container
    cls = origin or kind
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
        raise UnsupportedAnnotationError(f"{resolved.text!r} cannot be resolved ({resolved.reason})")
    return _hook_of(resolved)


def _mismatch(error: Exception, kind: Any, value: Any) -> Mismatch:
    """What a hook or a class raised, as a mismatch."""
    if isinstance(error, Mismatch):
        return error
    if isinstance(error, TaskInputError):
        return Mismatch(kind, value, error.message)
    with contextlib.suppress(Exception):  # a broken __str__ must not hide the mismatch
        return Mismatch(kind, value, str(error) or ("" if type(error) is TypeError else type(error).__name__))
    return Mismatch(kind, value, type(error).__name__)


def _within(error: Exception, step: str, kind: Any, value: Any) -> Mismatch:
    mismatch = _mismatch(error, kind, value)
    mismatch.steps.append(step)
    return mismatch


def _scalar(kind: Any) -> Hook:
    parse = SCALARS[kind]

    def convert(value: Any, _: Any) -> Any:
        try:
            return parse(value)
        except Exception as error:  # noqa: BLE001  parsers of the standard library raise several kinds
            raise _mismatch(error, kind, value) from None

    return convert


# -- unions and literals


def _union(kind: Any) -> Hook:
    members = [member for member in typing_extensions.get_args(kind) if member is not type(None)]
    has_none = len(members) < len(typing_extensions.get_args(kind))
    exact = tuple(m for m in members if isinstance(m, type) and m in {str, int, float, bool, dict, list})
    hooks = [(_hook(member), member) for member in members]

    def convert(value: Any, _: Any) -> Any:
        if value is None and has_none:
            return None
        if value.__class__ in exact:
            return value
        if len(hooks) == 1:
            return hooks[0][0](value, hooks[0][1])
        accepted: list[Any] = []
        for hook, member in hooks:
            try:
                converted = hook(value, member)
            except Exception:  # noqa: BLE001, S112  the next member may accept it
                continue
            if _same_json(converted, value):
                return converted
            accepted.append(converted)
        if accepted:
            return accepted[0]
        raise Mismatch(kind, value)

    return convert


def _same_json(converted: Any, value: Any) -> bool:
    """Whether ``value`` is exactly what ``converted`` is written as: that member of a union lost nothing."""
    try:
        return bool(to_jsonable(converted) == value)
    except SerializationError:
        return False


def _literal(kind: Any) -> Hook:
    allowed = [(one, to_jsonable(one)) for one in typing_extensions.get_args(kind)]

    def convert(value: Any, _: Any) -> Any:
        for one, plain in allowed:
            if value.__class__ is plain.__class__ and value == plain:
                return one
        raise Mismatch(kind, value)

    return convert


# -- containers

_abc = collections.abc
#: What each annotated container is made as.
_ITEMS: dict[Any, Callable[[Any], Any]] = {
    **dict.fromkeys((list, _abc.Sequence, _abc.MutableSequence, _abc.Collection, _abc.Iterable), list),
    **dict.fromkeys((_abc.Reversible, _abc.Container), list),
    **dict.fromkeys((set, _abc.Set, _abc.MutableSet), set),
    frozenset: frozenset,
    collections.deque: collections.deque,
    _abc.Iterator: iter,
}
_MAPPINGS: dict[Any, Callable[[Any], Any]] = {
    **dict.fromkeys((dict, _abc.Mapping, _abc.MutableMapping), dict),
    collections.OrderedDict: collections.OrderedDict,
    collections.Counter: collections.Counter,
    types.MappingProxyType: types.MappingProxyType,
}


def _container(kind: Any, origin: Any) -> Hook | None:
    arguments = typing_extensions.get_args(kind)
    if origin in _ITEMS:
        return _items(kind, arguments[0] if arguments else Any, _ITEMS[origin])
    if origin is tuple:
        return _tuple(kind, arguments)
    if origin is collections.Counter:
        arguments = (*(arguments or (Any,)), int)
    if origin is collections.defaultdict:
        value = typing_extensions.get_origin(arguments[1]) or arguments[1] if arguments else None
        factory = value if isinstance(value, type) else None
        return _mapping(kind, arguments, lambda made: collections.defaultdict(factory, made))
    return _mapping(kind, arguments, _MAPPINGS[origin]) if origin in _MAPPINGS else None


def _items(kind: Any, item: Any, make: Callable[[Any], Any]) -> Hook:
    each = _hook(item)

    def convert(value: Any, _: Any) -> Any:
        if not isinstance(value, list | tuple):
            raise Mismatch(kind, value)
        made: list[Any] = []
        try:
            for one in value:
                made.append(each(one, item))  # noqa: PERF401  its length is the path of a failure
        except Exception as error:  # noqa: BLE001  see _mismatch
            index = len(made)
            raise _within(error, f"[{index}]", item, value[index]) from None
        return make(made)

    return convert


def _tuple(kind: Any, arguments: tuple[Any, ...]) -> Hook:
    if not arguments and kind in {tuple, tuple}:
        return _items(kind, Any, tuple)
    if arguments and arguments[-1] is Ellipsis:
        return _items(kind, arguments[0], tuple)
    if arguments == ((),):  # how Python 3.10 writes the arguments of tuple[()]
        arguments = ()
    return _positions(kind, [(str(i), one) for i, one in enumerate(arguments)], lambda *items: tuple(items))


def _positions(kind: Any, fields: list[tuple[str, Any]], make: Callable[..., Any], optional: int = 0) -> Hook:
    """A fixed number of items, each with a type of its own; the last ``optional`` ones can be missing."""
    hooks = [(_hook(one), one) for _, one in fields]

    def convert(value: Any, _: Any) -> Any:
        if not isinstance(value, list | tuple) or not len(hooks) - optional <= len(value) <= len(hooks):
            raise Mismatch(kind, value)
        made = []
        for index, (item, (hook, one)) in enumerate(zip(value, hooks, strict=False)):
            try:
                made.append(hook(item, one))
            except Exception as error:  # noqa: BLE001  see _mismatch
                raise _within(error, f"[{index}]", one, item) from None
        return make(*made)

    return convert


def _mapping(kind: Any, arguments: tuple[Any, ...], make: Callable[[Any], Any]) -> Hook:
    key_kind, value_kind = arguments or (Any, Any)
    key, item = _hook(key_kind), _hook(value_kind)

    def convert(value: Any, _: Any) -> Any:
        if not isinstance(value, Mapping):
            raise Mismatch(kind, value)
        made: dict[Any, Any] = {}
        for name, one in value.items():
            try:
                converted = key(name, key_kind)
                if converted in made:
                    raise Mismatch(key_kind, name, "two keys become the same")  # noqa: TRY301
                made[converted] = item(one, value_kind)
            except Exception as error:  # noqa: BLE001  see _mismatch
                raise _within(error, f".{name}", value_kind, one) from None
        return make(made)

    return convert


# -- classes


def _class(kind: Any, cls: type) -> Hook:  # noqa: PLR0911  one line for each kind of class
    if issubclass(cls, Enum):
        return _enum(cls)
    if issubclass(cls, Model):
        return lambda value, _: cls.from_dict(value)
    if issubclass(cls, (int, str, float)):
        return _subclass_of_scalar(cls)
    hints = class_annotations(cls, _namespace.get().locals, type_arguments(kind))
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
        "this class cannot be made from JSON; use a dataclass, an attrs class, a TypedDict or a pydantic model, or "
        "teach it with conductor.register_type()",
    )


def _subclass_of_scalar(cls: Any) -> Hook:
    base = next(one for one in (str, int, float) if issubclass(cls, one))
    parse = SCALARS[base]
    return lambda value, _: cls(parse(value))


def _enum(cls: type[Enum]) -> Hook:
    allowed = ", ".join(repr(member.value) for member in cls)
    members = [(member, _json_or_none(member.value)) for member in cls]

    def convert(value: Any, _: Any) -> Any:
        for member, plain in members:
            if value == plain and value.__class__ is plain.__class__:
                return member
        if isinstance(value, str) and value in cls.__members__:
            return cls[value]
        try:
            found = cls(value)  # flags, and values that _missing_ finds
        except Exception:  # noqa: BLE001  _missing_ is the program's
            raise Mismatch(cls, value, f"one of {allowed}") from None
        if isinstance(value, bool) and not isinstance(found.value, bool):
            raise Mismatch(cls, value, f"one of {allowed}")
        return found

    return convert


def _json_or_none(value: Any) -> Any:
    try:
        return to_jsonable(value)
    except SerializationError:
        return None


def _typed_dict(kind: Any, cls: Any, hints: Mapping[str, Any]) -> Hook:
    required = set(cls.__required_keys__)
    for name, one in hints.items():  # Python 3.10 overlooks these, and all versions do in strings
        while (origin := typing_extensions.get_origin(one)) in _QUALIFIERS or origin is Annotated:
            if origin in _QUALIFIERS and "NotRequired" in str(origin):
                required.discard(name)
            elif origin in _QUALIFIERS and "Required" in str(origin):
                required.add(name)
            one = typing_extensions.get_args(one)[0]  # noqa: PLW2901  the next layer
    return _fields(kind, hints, required, dict)


def _named_tuple(kind: Any, cls: Any, hints: Mapping[str, Any]) -> Hook:
    fields = {name: hints.get(name, Any) for name in cls._fields}
    by_name = _fields(kind, fields, set(fields) - set(cls._field_defaults), cls)
    by_position = _positions(kind, list(fields.items()), cls, len(cls._field_defaults))
    return lambda value, _: by_position(value, kind) if isinstance(value, list | tuple) else by_name(value, kind)


def _attrs_class(kind: Any, cls: Any, hints: Mapping[str, Any]) -> Hook:
    own = [one for one in attrs.fields(cls) if one.init]
    types_of = {one.alias: hints.get(one.name, one.type or Any) for one in own}
    return _fields(kind, types_of, {one.alias for one in own if one.default is attrs.NOTHING}, cls)


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
    return _fields(kind, {one.name: hints.get(one.name, Any) for one in given}, required, cls)


def _fields(
    kind: Any, types_of: Mapping[str, Any], required: typing.AbstractSet[str], make: Callable[..., Any]
) -> Hook:
    """A class that is made from named values; keys that it does not know are left out."""
    hooks: list[tuple[str, Hook, Any]] = []
    for name, one in types_of.items():
        try:
            hooks.append((name, _hook(one.text if isinstance(one, Unresolved) else one), one))
        except UnsupportedAnnotationError as error:
            raise UnsupportedAnnotationError(f"{describe(kind)}.{name}: {error}") from None

    def convert(value: Any, _: Any) -> Any:
        if not isinstance(value, Mapping):
            raise Mismatch(kind, value)
        given = {}
        for name, hook, one in hooks:
            if name in value:
                try:
                    given[name] = hook(value[name], one)
                except Exception as error:  # noqa: BLE001  see _mismatch
                    raise _within(error, f".{name}", one, value[name]) from None
            elif name in required:
                raise Mismatch(one, why=describe(kind), is_missing=True, steps=[f".{name}"])
        try:
            return make(**given)
        except Exception as error:  # noqa: BLE001  validators of the class raise what they like
            raise Mismatch(kind, value, str(error) or type(error).__name__) from None

    return convert


def _make_converter() -> cattrs.Converter:
    """A converter whose only hooks are the strict ones of this module; ``register_type`` adds the program's."""
    converter = cattrs.Converter(detailed_validation=False)
    converter.register_structure_hook_factory(lambda _: True, _build)
    for kind in (str, int, float, bool, bytes):  # cattrs looks these up before it asks factories
        converter.register_structure_hook(kind, _scalar(kind))
    return converter


_converter = _make_converter()
_registered: set[type] = set()
