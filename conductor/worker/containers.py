"""Hooks that convert lists, tuples, mappings and objects with fields, item by item.

Each function takes ``hook_of``, which returns the hook of an annotation, and returns a hook. What the hook of an item
raises becomes a ``Mismatch`` with the path to the item.
"""

from __future__ import annotations

import json
import types
import typing
from collections import ChainMap, Counter, OrderedDict, abc, defaultdict, deque
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import typing_extensions

from conductor._internal.introspection import Unresolved
from conductor.worker.mismatch import Mismatch, UnsupportedAnnotationError, describe, mismatch_of, within

__all__ = ["Hook", "HookOf", "container_hook", "fields_hook", "open_fields_hook", "positions_hook", "unpacked"]

#: Converts a value; the second argument is the annotation, which hooks of cattrs get.
Hook = Callable[[Any, Any], Any]
HookOf = Callable[[Any], Hook]

#: What each annotated collection is made as.
_ITEMS: dict[Any, Callable[[Any], Any]] = {
    **dict.fromkeys((list, abc.Sequence, abc.MutableSequence, abc.Collection, abc.Iterable), list),
    **dict.fromkeys((abc.Reversible, abc.Container), list),
    **dict.fromkeys((set, abc.MutableSet), set),
    **dict.fromkeys((frozenset, abc.Set), frozenset),
    deque: deque,
    abc.Iterator: iter,
}
#: What each annotated mapping is made as.
_MAPPINGS: dict[Any, Callable[[Any], Any]] = {
    **dict.fromkeys((dict, abc.Mapping, abc.MutableMapping), dict),
    OrderedDict: OrderedDict,
    Counter: Counter,
    ChainMap: ChainMap,
    types.MappingProxyType: types.MappingProxyType,
}
_NEVER = {typing.NoReturn, typing_extensions.Never}
_UNPACK = {typing_extensions.Unpack, getattr(typing, "Unpack", typing_extensions.Unpack)}


def container_hook(kind: Any, hook_of: HookOf) -> Hook | None:
    """Return the hook of a collection or a mapping; None for another annotation."""
    origin = typing_extensions.get_origin(kind) or kind
    arguments = typing_extensions.get_args(kind)
    if origin in _ITEMS:
        return _items_hook(kind, arguments[0] if arguments else Any, _ITEMS[origin], hook_of)
    if origin is tuple:
        return _tuple_hook(kind, arguments, hook_of)
    if origin is Counter:
        arguments = (*(arguments or (Any,)), int)
    if origin is defaultdict:
        value = typing_extensions.get_origin(arguments[1]) or arguments[1] if arguments else None
        factory = value if isinstance(value, type) else None
        return _mapping_hook(kind, arguments, lambda made: defaultdict(factory, made), hook_of)
    return _mapping_hook(kind, arguments, _MAPPINGS[origin], hook_of) if origin in _MAPPINGS else None


def _items_hook(kind: Any, item: Any, make: Callable[[Any], Any], hook_of: HookOf) -> Hook:
    each = hook_of(item)

    def convert(value: Any, _: Any) -> Any:
        if not isinstance(value, list | tuple):
            raise Mismatch(kind, value)
        made: list[Any] = []
        try:
            for one in value:
                made.append(each(one, item))  # noqa: PERF401  its length is the path of a failure
        except Exception as error:  # hooks and classes of the program raise what they like
            index = len(made)
            raise within(error, f"[{index}]", item, value[index]) from None
        return make(made)

    return convert


def unpacked(kind: Any) -> Any:
    """Return ``X`` of ``Unpack[X]`` and ``*X``; None for another annotation."""
    if typing_extensions.get_origin(kind) in _UNPACK:
        return typing_extensions.get_args(kind)[0]
    if getattr(kind, "__unpacked__", False):  # *tuple[int, ...] inside of tuple[]
        return typing_extensions.get_origin(kind)[typing_extensions.get_args(kind)]
    return None


def _tuple_hook(kind: Any, arguments: tuple[Any, ...], hook_of: HookOf) -> Hook:
    if kind is tuple or kind is typing.Tuple:  # noqa: UP006  tuple[()] has no arguments either
        return _items_hook(kind, Any, tuple, hook_of)
    if len(arguments) == 2 and arguments[1] is Ellipsis:  # tuple[X, ...]
        return _items_hook(kind, arguments[0], tuple, hook_of)
    if arguments == ((),):  # how Python 3.10 writes the arguments of tuple[()]
        arguments = ()
    for index, one in enumerate(arguments):
        inner = unpacked(one)
        inner_arguments = typing_extensions.get_args(inner)
        if typing_extensions.get_origin(inner) is tuple and Ellipsis in inner_arguments:
            return _variadic_tuple_hook(kind, arguments[:index], inner, arguments[index + 1 :], hook_of)
        if typing_extensions.get_origin(inner) is tuple:
            return _tuple_hook(kind, (*arguments[:index], *inner_arguments, *arguments[index + 1 :]), hook_of)
    return positions_hook(kind, list(arguments), lambda *items: tuple(items), hook_of)


def _variadic_tuple_hook(
    kind: Any, before: tuple[Any, ...], repeated: Any, after: tuple[Any, ...], hook_of: HookOf
) -> Hook:
    """The hook of ``tuple[int, *tuple[str, ...], bool]``."""
    item = typing_extensions.get_args(repeated)[0]
    first = [(hook_of(one), one) for one in before]
    last = [(hook_of(one), one) for one in after]
    middle = (hook_of(item), item)

    def convert(value: Any, _: Any) -> Any:
        if not isinstance(value, list | tuple) or len(value) < len(first) + len(last):
            raise Mismatch(kind, value)
        repeats = len(value) - len(first) - len(last)
        return _convert_positions(value, [*first, *[middle] * repeats, *last])

    return convert


def positions_hook(kind: Any, kinds: list[Any], make: Callable[..., Any], hook_of: HookOf, optional: int = 0) -> Hook:
    """Return the hook of a fixed number of items, each with its own type; the last ``optional`` ones can be missing."""
    hooks = [(hook_of(one), one) for one in kinds]

    def convert(value: Any, _: Any) -> Any:
        if not isinstance(value, list | tuple) or not len(hooks) - optional <= len(value) <= len(hooks):
            raise Mismatch(kind, value)
        return make(*_convert_positions(value, hooks))

    return convert


def _convert_positions(value: Sequence[Any], hooks: Sequence[tuple[Hook, Any]]) -> tuple[Any, ...]:
    made = []
    for index, (item, (hook, one)) in enumerate(zip(value, hooks, strict=False)):
        try:
            made.append(hook(item, one))
        except Exception as error:  # hooks and classes of the program raise what they like
            raise within(error, f"[{index}]", one, item) from None
    return tuple(made)


def _mapping_hook(kind: Any, arguments: tuple[Any, ...], make: Callable[[Any], Any], hook_of: HookOf) -> Hook:
    key_kind, value_kind = arguments or (Any, Any)
    key, item = _key_hook(key_kind, hook_of), hook_of(value_kind)

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
            except Exception as error:  # hooks and classes of the program raise what they like
                raise within(error, f".{name}", value_kind, one) from None
        return make(made)

    return convert


def _key_hook(kind: Any, hook_of: HookOf) -> Hook:
    """The hook of a key: JSON has string keys only, so ``"1"`` is also tried as the number 1."""
    hook = hook_of(kind)

    def convert(value: Any, _: Any) -> Any:
        try:
            return hook(value, kind)
        except Exception:  # a hook of the user may raise anything
            number = _number(value)
            if number is None:
                raise
        try:
            return hook(number, kind)
        except Exception as error:  # hooks and classes of the program raise what they like
            raise within(error, "", kind, value) from None

    return convert


def _number(value: Any) -> int | float | None:
    try:
        number = json.loads(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return number if isinstance(number, int | float) and str(number) == value else None


def fields_hook(
    kind: Any, types_of: Mapping[str, Any], required: typing.AbstractSet[str], make: Callable[..., Any], hook_of: HookOf
) -> Hook:
    """Return the hook of a class that is made from named values; keys that it does not have are left out.

    Args:
        kind: The annotation.
        types_of: The annotation of each field.
        required: The fields without a default.
        make: The class.
        hook_of: Returns the hook of an annotation.
    """
    hooks: list[tuple[str, Hook, Any]] = []
    for name, one in types_of.items():
        try:
            hooks.append((name, hook_of(one), one.annotation if isinstance(one, Unresolved) else one))
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
                except Exception as error:  # hooks and classes of the program raise what they like
                    raise within(error, f".{name}", one, value[name]) from None
            elif name in required:
                raise Mismatch(one, why=describe(kind), is_missing=True, steps=[f".{name}"])
        try:
            return make(**given)
        except Exception as error:  # validators of the class raise what they like
            raise mismatch_of(error, kind, value) from None

    return convert


def open_fields_hook(kind: Any, names: Collection[str], fields: Hook, extra: Any, hook_of: HookOf) -> Hook:
    """Return the hook of a TypedDict with ``extra_items``, or of a closed one.

    Args:
        kind: The annotation.
        names: The names of the declared keys.
        fields: The hook of the declared keys.
        extra: The annotation of further keys; ``Never`` for a closed one.
        hook_of: Returns the hook of an annotation.
    """
    hook = None if extra in _NEVER else hook_of(extra)

    def convert(value: Any, _: Any) -> Any:
        made = fields(value, kind)
        for name, item in value.items():
            if name in names:
                continue
            if hook is None:
                raise Mismatch(kind, value, f"{describe(kind)} has no key {name!r}")
            try:
                made[name] = hook(item, extra)
            except Exception as error:  # hooks and classes of the program raise what they like
                raise within(error, f".{name}", extra, item) from None
        return made

    return convert
