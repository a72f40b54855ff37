"""How models look on the wire: one converter, hooks generated once per class.

Wire names are the camelCase of the attribute, unless the field's metadata says otherwise (``wire(...)``). None is not
written. What a model does not know is kept in ``unknown_fields`` and written again, so that a definition read from a
newer server and written back loses nothing.
"""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import attrs
from attrs import define, field
from cattrs import BaseConverter, Converter, transform_error
from cattrs.gen import make_dict_structure_fn, override
from typing_extensions import Self

from conductor.errors import UnexpectedResponseError
from conductor.migration import missing_attribute
from conductor.models.codec import dumps, to_jsonable
from conductor.models.enums import WireEnum

__all__ = ["Absent", "Model", "structure", "unstructure", "wire", "wire_name"]


T = TypeVar("T")


class Absent(str):
    """A text that was left out, and is not written: empty for everybody else, and yet no empty text that was given."""

    __slots__ = ()


def wire(name: str | None = None, *, read_only: bool = False, absent: str | None = None) -> dict[str, Any]:
    """Field metadata: the wire name where the rule does not give it; ``read_only`` is never written.

    ``absent`` is what a required text is when it is left out; that is not written either.
    """
    return {"wire": name, "read_only": read_only, "absent": None if absent is None else Absent(absent)}


@define(repr=False)
class Model:
    """The base of all models.

    Attributes:
        unknown_fields: What the server sent beyond the fields known here, by wire name; written back as it came.
    """

    unknown_fields: dict[str, Any] = field(factory=dict, kw_only=True, repr=False)

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
        """The wire form: camelCase names, plain JSON values, nothing for None."""
        return typing.cast("dict[str, Any]", unstructure(self))

    def to_json(self) -> str:
        """The wire form as JSON text."""
        return dumps(self.to_dict()).decode()

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read the wire form.

        Raises:
            UnexpectedResponseError: A value has another type; ``path_in_body`` says which.
        """
        return structure(data, cls)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read JSON text.

        Raises:
            UnexpectedResponseError: It is not JSON, or a value in it has another type.
        """
        try:
            data = json.loads(text)  # not orjson, which reads integers over 64 bits as floats
        except (ValueError, RecursionError) as error:
            raise UnexpectedResponseError(f"This is not JSON: {error}") from None
        return cls.from_dict(data)


def structure(data: Any, cls: type[T]) -> T:
    """Turn plain JSON values into ``cls``: a model, or a list, dict or union of models.

    Raises:
        UnexpectedResponseError: The shape is another one; ``path_in_body`` names the first place.
    """
    try:
        return _converter.structure(data, cls)
    except Exception as error:  # noqa: BLE001  cattrs raises what the hooks raise, and groups of it
        problems = transform_error(error, path="$")
        first = problems[0] if problems else str(error)
        path = first.rpartition(" @ ")[2] if " @ " in first else "$"
        name = getattr(cls, "__name__", str(cls))
        raise UnexpectedResponseError(
            f"This is no {name}: {'; '.join(problems[:5]) or error}", path_in_body=path
        ) from None


def unstructure(value: Any) -> Any:
    """Turn a model, or anything that holds models, into plain JSON values."""
    return _converter.unstructure(value)


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def wire_name(attribute: attrs.Attribute[Any]) -> str:
    """The name of an attrs field on the wire."""
    return attribute.metadata.get("wire") or _camel(attribute.name)


def _structure_model(cls: Any, converter: BaseConverter) -> Callable[[Any, Any], Model]:
    origin: Any = typing.get_origin(cls) or cls
    if cls is origin and (parameters := getattr(cls, "__parameters__", ())):
        cls = cls[(Any,) * len(parameters)]
    attrs.resolve_types(origin)
    fields = [a for a in attrs.fields(origin) if a.name != "unknown_fields"]
    names: dict[str, Any] = {a.name: override(rename=wire_name(a)) for a in fields}
    inner = make_dict_structure_fn(cls, converter, unknown_fields=override(omit=True), **names)
    known = frozenset(wire_name(a) for a in fields)
    nullable = {wire_name(a) for a in fields if _accepts_none(a.type)}
    absent = _absent(fields)

    def read(data: Any, _: Any) -> Model:
        if data.__class__ is not dict:
            if isinstance(data, origin):
                return typing.cast("Model", data)
            if not isinstance(data, Mapping):
                raise TypeError(f"expected an object, got {type(data).__name__}")
        if None in data.values():
            data = {k: v for k, v in data.items() if v is not None or k in nullable or k not in known}
        if absent and not absent.keys() <= data.keys():
            data = {**absent, **data}
        model: Model = inner(data, cls)
        if not known >= data.keys():
            model.unknown_fields = {k: v for k, v in data.items() if k not in known}
        return model

    return read


def _accepts_none(kind: Any) -> bool:
    return typing.get_origin(kind) in {typing.Union, types.UnionType} and type(None) in typing.get_args(kind)


def _absent(fields: Iterable[attrs.Attribute[Any]]) -> dict[str, Any]:
    return {wire_name(a): value for a in fields if (value := a.metadata.get("absent")) is not None}


def _unstructure_model(cls: type[Model]) -> Callable[[Any], dict[str, Any]]:
    fields = [
        (a.name, wire_name(a))
        for a in attrs.fields(cls)
        if a.name != "unknown_fields" and not a.metadata.get("read_only")
    ]

    def write(model: Any) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for name, key in fields:
            value = getattr(model, name)
            if value is not None and value.__class__ is not Absent:
                kind = value.__class__
                out[key] = value if kind is str or kind is int or kind is bool else to_jsonable(value, f"$.{key}")
        if model.unknown_fields:
            out.update(model.unknown_fields)
        return out

    return write


def _read_text(value: Any, _: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int | float):
        return str(value)
    raise TypeError(f"expected text, got {type(value).__name__}")


def _read_int(value: Any, _: Any) -> int:
    if value.__class__ is int:
        return int(value)
    if isinstance(value, int | float | str):
        return int(value)
    raise TypeError(f"expected a whole number, got {type(value).__name__}")


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


def _is_model(cls: Any) -> bool:
    cls = typing.get_origin(cls) or cls
    return isinstance(cls, type) and issubclass(cls, Model)


def _make_converter() -> Converter:
    converter = Converter()
    converter.register_structure_hook(str, _read_text)
    converter.register_structure_hook(int, _read_int)
    converter.register_structure_hook(bool, _read_bool)
    converter.register_structure_hook_func(lambda t: t == dict[str, Any], _read_object)
    converter.register_structure_hook(WireEnum, lambda value, cls: cls(value))
    converter.register_unstructure_hook(WireEnum, lambda value: value.value)
    converter.register_structure_hook_factory(_is_model, lambda cls: _structure_model(cls, converter))
    converter.register_unstructure_hook_factory(_is_model, _unstructure_model)
    return converter


_converter = _make_converter()
