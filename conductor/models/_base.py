"""The base class of all models, and the conversion between models and the JSON objects of the API.

The JSON name of an attribute is its camelCase form, unless the field's metadata names another (``wire(...)``). None is
not written. Unknown JSON fields are kept in ``unknown_fields`` and written back, so that a definition read from a newer
server can be changed and saved without loss.
"""

from __future__ import annotations

import functools
import json
import threading
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeVar

import attrs
from attrs import define, field, frozen
from typing_extensions import Self

from conductor._internal.suggestions import suggest
from conductor.errors import ConfigurationError, UnexpectedResponseError
from conductor.migration import field_successor, missing_attribute
from conductor.models.codec import dumps, to_jsonable
from conductor.models.enums import ApplicationRole, TaskType, UserRole, WireEnum

if TYPE_CHECKING:
    from cattrs import BaseConverter, Converter

__all__ = [
    "AUDIT_FIELDS",
    "Absent",
    "Model",
    "field_names",
    "nearest_field",
    "refuse_unknown_fields",
    "refuse_unknown_values",
    "structure",
    "wire",
    "wire_name",
]

T = TypeVar("T")
#: Maximum number of problems that an error message lists.
_MAX_PROBLEMS = 5


class Absent(str):
    """A required string that was omitted: equal to "", but not written, unlike a "" that was given."""

    __slots__ = ()


def wire(name: str | None = None, *, read_only: bool = False, absent: str | None = None) -> dict[str, Any]:
    """Return field metadata.

    Args:
        name: The JSON name, if it is not the camelCase form of the attribute.
        read_only: Whether the field is never written.
        absent: The value of a required string that was omitted; it is not written either.
    """
    return {"wire": name, "read_only": read_only, "absent": None if absent is None else Absent(absent)}


@define(repr=False)
class Model:
    """The base class of all models.

    Attributes:
        unknown_fields: JSON fields for which the model has no attribute; written back unchanged.
    """

    unknown_fields: dict[str, Any] = field(factory=dict, kw_only=True, repr=False)
    #: Whether users write the JSON object as a dict or file. An unknown field is then a mistake.
    is_written_by_hand: typing.ClassVar[bool] = False

    if not typing.TYPE_CHECKING:
        __getattr__ = missing_attribute

    def __repr__(self) -> str:
        shown = (
            f"{a.name}={'***' if a.repr is False else repr(value)}"
            for a in attrs.fields(type(self))
            if a.name != "unknown_fields" and (value := getattr(self, a.name)) != a.default and value not in ({}, [])
        )
        return f"{type(self).__name__}({', '.join(shown)})"

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object of the model as a dict with camelCase names, without attributes that are None.

        Raises:
            SerializationError: A value has no JSON form.
        """
        model: Any = type(self)
        return _writer(model)(self)

    def _write_json(self, path: str, depth: int) -> dict[str, Any]:
        model: Any = type(self)
        return _writer(model)(self, path, depth)

    def to_json(self) -> str:
        """Return the JSON object of the model as a string.

        Raises:
            SerializationError: A value has no JSON form.
        """
        return dumps(self.to_dict()).decode()

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Create a model from a JSON object with camelCase names.

        Raises:
            UnexpectedResponseError: A value has the wrong type; ``path_in_body`` is its path.
        """
        return structure(data, cls)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Create a model from a JSON string.

        Raises:
            UnexpectedResponseError: The string is not JSON, or a value has the wrong type.
        """
        try:
            data = json.loads(text)  # orjson reads integers over 64 bits as floats
        except (ValueError, RecursionError) as error:
            raise UnexpectedResponseError(f"Invalid JSON: {error}") from None
        return cls.from_dict(data)


def structure(data: Any, cls: type[T]) -> T:
    """Convert JSON values to ``cls``: a model, or a list, dict or union of models.

    Raises:
        UnexpectedResponseError: A value has the wrong type; ``path_in_body`` is the path of the first one.
    """
    try:
        value: T = (_readers.get(cls) or _reader(cls))(data, cls)
    except MemoryError:  # says nothing about the value
        raise
    except Exception as error:  # cattrs raises the errors of the hooks and exception groups
        from cattrs import transform_error

        problems = transform_error(error, path="$")
        first = problems[0] if problems else str(error)
        path = first.rpartition(" @ ")[2] if " @ " in first else "$"
        name = getattr(cls, "__name__", str(cls))
        raise UnexpectedResponseError(
            f"Invalid {name}: {'; '.join(problems[:_MAX_PROBLEMS]) or error}", path_in_body=path
        ) from None
    return value


#: The structure hooks of cattrs that have been created.
_readers: dict[Any, Callable[[Any, Any], Any]] = {}
#: Held while a hook is created. Otherwise, threads that receive their first tasks at the same time would each create
#: it, which takes 20 ms of CPU.
_making = threading.RLock()


def _reader(cls: Any) -> Callable[[Any, Any], Any]:
    with _making:
        if cls not in _readers:
            _readers[cls] = _converter().get_structure_hook(cls)
        return _readers[cls]


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def wire_name(attribute: attrs.Attribute[Any]) -> str:
    """Return the JSON name of an attrs field."""
    return attribute.metadata.get("wire") or _camel(attribute.name)


#: The function that reads the outermost model, and therefore also the models inside it. If each model tried both
#: functions, the time would double at each level.
_reading: ContextVar[str | None] = ContextVar("_reading", default=None)


def _read_fields(data: Any, cls: Any, fast: Callable[[Any, Any], Any], detailed: Callable[[Any, Any], Any]) -> Any:
    """Return the model that one of the functions reads: the detailed one if the fast one has failed."""
    function = _reading.get()
    if function is not None:  # inside of another model
        return (fast if function == "fast" else detailed)(data, cls)
    token = _reading.set("fast")
    try:
        return fast(data, cls)
    except Exception:  # such as TypeError of a hook
        _reading.set("detailed")
        return detailed(data, cls)
    finally:
        _reading.reset(token)


def _structure_model(cls: Any, converter: BaseConverter) -> Callable[[Any, Any], Model]:
    from cattrs.gen import make_dict_structure_fn, override

    origin: Any = typing.get_origin(cls) or cls
    if cls is origin and (parameters := getattr(cls, "__parameters__", ())):
        cls = cls[(Any,) * len(parameters)]
    attrs.resolve_types(origin)
    fields = [a for a in attrs.fields(origin) if a.name != "unknown_fields"]
    names: dict[str, Any] = {a.name: override(rename=wire_name(a)) for a in fields}
    names["unknown_fields"] = override(omit=True)
    # The function that names the field of an error takes twice as long, so it is called only where the other fails.
    fast = make_dict_structure_fn(cls, converter, _cattrs_detailed_validation=False, **names)
    detailed = make_dict_structure_fn(cls, converter, _cattrs_detailed_validation=True, **names)
    known = frozenset(wire_name(a) for a in fields)
    nullable = {wire_name(a) for a in fields if _accepts_none(a.type)}
    absent = _absent(fields)
    lists = tuple(wire_name(a) for a in fields if _is_list(a.type))

    def read(data: Any, _: Any) -> Model:
        # Most values come from the JSON parser; the identity of the class is the cheapest test of that.
        if data.__class__ is not dict:
            if isinstance(data, origin):
                return typing.cast("Model", data)
            if not isinstance(data, Mapping):
                raise TypeError(f"expected an object, got {type(data).__name__}")
        if lists:
            _refuse_wrong_lists(data, lists)
        if None in data.values():
            data = {k: v for k, v in data.items() if v is not None or k in nullable or k not in known}
        if absent and not absent.keys() <= data.keys():
            data = {**absent, **data}
        model: Model = _read_fields(data, cls, fast, detailed)
        # The comparison is one call in C; the loop runs only if a newer server has sent further fields.
        if not known >= data.keys():
            model.unknown_fields = {k: v for k, v in data.items() if k not in known}
        return model

    return read


def _refuse_wrong_lists(data: Mapping[str, Any], lists: Iterable[str]) -> None:
    """Reject a string or an object instead of a list: cattrs would create a list of its characters or keys."""
    for name in lists:
        if isinstance(data.get(name), str | Mapping):
            raise TypeError(f"{name}: expected a list, got {type(data[name]).__name__}")


def _is_list(kind: Any) -> bool:
    kinds = typing.get_args(kind) if _accepts_none(kind) else (kind,)
    return any(typing.get_origin(one) is list for one in kinds)


def _accepts_none(kind: Any) -> bool:
    return typing.get_origin(kind) in {typing.Union, types.UnionType} and type(None) in typing.get_args(kind)


def _absent(fields: Iterable[attrs.Attribute[Any]]) -> dict[str, Any]:
    return {wire_name(a): value for a in fields if (value := a.metadata.get("absent")) is not None}


def _read_str(value: Any, _: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int | float):
        return str(value)
    raise TypeError(f"expected a string, got {type(value).__name__}")


def _read_int(value: Any, _: Any) -> int:
    if value.__class__ is int:
        return int(value)
    if isinstance(value, float) and not value.is_integer():
        raise TypeError(f"expected an integer, got {value}")
    if isinstance(value, int | float | str):
        return int(value)
    raise TypeError(f"expected an integer, got {type(value).__name__}")


def _read_bool(value: Any, _: Any) -> bool:
    if value is True or value is False:
        return bool(value)
    if value in {"true", "false"}:
        return bool(value == "true")
    raise TypeError(f"expected true or false, got {type(value).__name__}")


def _read_object(value: Any, _: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"expected an object, got {type(value).__name__}")


def _read_optional(kind: Any, converter: BaseConverter) -> Callable[[Any, Any], Any]:
    """Return a hook for ``X | None`` that looks up the hook of X once; that of cattrs does so for each value."""
    (inner,) = (one for one in typing.get_args(kind) if one is not type(None))
    read: Callable[[Any, Any], Any] | None = None

    def read_optional(value: Any, _: Any) -> Any:
        nonlocal read
        if value is None:
            return None
        if read is None:  # a model that refers to itself has no hook before this one is made
            with _making:
                read = converter.get_structure_hook(inner)
        return read(value, inner)

    return read_optional


def _is_optional(kind: Any) -> bool:
    return _accepts_none(kind) and len(typing.get_args(kind)) == 2


def _is_model(cls: Any) -> bool:
    cls = typing.get_origin(cls) or cls
    return isinstance(cls, type) and issubclass(cls, Model)


@functools.cache
def _converter() -> Converter:
    from cattrs import Converter  # takes 5 ms to import: a worker needs it from its first task on

    converter = Converter()
    converter.register_structure_hook(str, _read_str)
    converter.register_structure_hook(int, _read_int)
    converter.register_structure_hook(bool, _read_bool)
    converter.register_structure_hook_func(lambda t: t == dict[str, Any], _read_object)
    converter.register_structure_hook(WireEnum, lambda value, cls: cls(value))
    converter.register_structure_hook_factory(_is_optional, lambda kind: _read_optional(kind, converter))
    converter.register_structure_hook_factory(_is_model, lambda cls: _structure_model(cls, converter))
    return converter


@functools.cache
def _writer(cls: type[Model]) -> Callable[..., dict[str, Any]]:
    fields = [
        (a.name, wire_name(a))
        for a in attrs.fields(cls)
        if a.name != "unknown_fields" and not a.metadata.get("read_only")
    ]

    def write(model: Any, path: str = "$", depth: int = 0) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for name, key in fields:
            value = getattr(model, name)
            if value is not None and value.__class__ is not Absent:
                kind = value.__class__
                is_plain = kind is str or kind is int or kind is bool
                out[key] = value if is_plain else to_jsonable(value, f"{path}.{key}", depth + 1)
        for key, value in model.unknown_fields.items():
            out[key] = to_jsonable(value, f"{path}.{key}", depth + 1)
        return out

    return write


#: Enums that users extend: workers define task types, Orkes has custom roles.
_EXTENSIBLE = frozenset({TaskType, ApplicationRole, UserRole})
#: Characters of an invalid value that an error shows.
_MAX_VALUE_LENGTH = 60


@frozen
class _EnumField:
    """A field with an enum or models; ``kind`` is the enum, or ``Model``."""

    attribute: str
    name: str
    kind: type[Any]


def refuse_unknown_values(value: Any, name: str = "") -> None:
    """Reject a value that contains an unknown enum value.

    Args:
        value: A model, a list of models, or a parameter. Plain JSON values are not checked.
        name: The name of the value, for the error.

    Raises:
        ConfigurationError: An enum value is unknown; ``variable`` is its path in JSON names.
    """
    _refuse(value, None, name)


def _refuse(given: Any, kind: type[Any] | None, name: str) -> None:
    if isinstance(given, str):
        _refuse_str(given, type(given) if isinstance(given, WireEnum) else kind, name)
    elif isinstance(given, Model):
        model: Any = type(given)
        for enum_field in _enum_fields(model):
            inside = getattr(given, enum_field.attribute)
            if inside is not None:
                _refuse(inside, enum_field.kind, f"{name}.{enum_field.name}" if name else enum_field.name)
    elif isinstance(given, list | tuple | set | frozenset):
        for index, item in enumerate(given):
            _refuse(item, kind, f"{name}[{index}]")
    elif kind is not None and isinstance(given, Mapping):
        for key, item in given.items():
            _refuse(item, kind, f"{name}.{key}")


def _refuse_str(given: str, kind: type[Any] | None, name: str) -> None:
    if kind is None or not issubclass(kind, WireEnum) or kind in _EXTENSIBLE or kind(str(given)).is_known:
        return
    allowed = ", ".join(member.value for member in kind)
    raise ConfigurationError(
        f"{name} is {str(given)[:_MAX_VALUE_LENGTH]!r}; it must be one of {allowed}. Nothing was sent.",
        variable=name,
        value=str(given),
        allowed=allowed,
    )


@functools.cache
def _enum_fields(cls: type[Any]) -> tuple[_EnumField, ...]:
    attrs.resolve_types(cls)
    return tuple(
        _EnumField(attribute.name, wire_name(attribute), kind)
        for attribute in attrs.fields(cls)
        if not attribute.metadata.get("read_only") and (kind := next(_kinds(attribute.type), None)) is not None
    )


def _kinds(annotation: Any) -> Iterator[type[Any]]:
    """Yield the enums in an annotation, and ``Model`` if it contains a model."""
    if isinstance(annotation, type) and issubclass(annotation, WireEnum):
        yield annotation
    elif isinstance(annotation, type) and issubclass(annotation, Model):
        yield Model
    for inner in typing.get_args(annotation):
        yield from _kinds(inner)


#: Fields that only servers write: a document with such a field was read from a server.
AUDIT_FIELDS = frozenset({"createTime", "updateTime", "updatedTime", "createdBy", "updatedBy"})
#: Similarity (0 to 1) from which an error suggests a field; lower than for task names, because there are few fields.
_THRESHOLD = 0.6


def field_names(model: type[Model]) -> tuple[str, ...]:
    """Return the JSON names of a model's fields."""
    return tuple(wire_name(a) for a in attrs.fields(model) if a.name != "unknown_fields")


def refuse_unknown_fields(document: Mapping[str, Any], model: Model, what: str = "") -> None:
    """Reject a document with unknown fields, unless a server wrote it.

    Args:
        document: The document as given.
        model: The model that was created from it.
        what: The name of the document in the error; the model's class name by default.

    Raises:
        ConfigurationError: A field is unknown; the error names its path and the nearest known field.
    """
    if not AUDIT_FIELDS.isdisjoint(document):
        return
    for path, owner, name in _unknown(model, ""):
        near = nearest_field(name, field_names(type(owner)))
        hint = f" Did you mean {near!r}?" if near else ""
        raise ConfigurationError(
            f"{what or type(model).__name__} has no field {path!r}.{hint} The server would ignore it. To send it to a "
            f"newer server, pass {type(model).__name__}.from_dict(...). Nothing was sent.",
            variable=path,
            value=owner.unknown_fields[name],
            allowed=near or ", ".join(sorted(field_names(type(owner)))),
        )


def _unknown(value: Any, path: str) -> Iterator[tuple[str, Model, str]]:
    """Yield path, owner and name of each unknown field. User data, such as inputs, is not searched."""
    if isinstance(value, Model):
        prefix = f"{path}." if path else ""
        yield from ((prefix + name, value, name) for name in value.unknown_fields)
        for attribute in attrs.fields(type(value)):
            if attribute.name != "unknown_fields":
                yield from _unknown(getattr(value, attribute.name), prefix + wire_name(attribute))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _unknown(item, f"{path}[{index}]")
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if isinstance(item, Model | list):
                yield from _unknown(item, f"{path}.{key}")


def nearest_field(name: str, known: Iterable[str]) -> str | None:
    """Return the known field that ``name`` probably means, or None.

    Args:
        name: The unknown name: a misspelling, another spelling, or another library's word.
        known: The known names, in camelCase or snake_case.
    """
    names = {one.replace("_", "").lower(): one for one in known}
    common = names.get((field_successor(name) or "").lower())
    return common or suggest(name, names.values(), threshold=_THRESHOLD)
