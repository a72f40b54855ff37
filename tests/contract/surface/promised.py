"""Schemas made of what an operation promises, where its document says no more than "object"."""

import types
import typing
from typing import Any

import attrs

from conductor.models._base import wire_name
from surface.documents import Document
from surface.schemas import RENAMED, model_of

_UNIONS = {typing.Union, types.UnionType}
_SCALARS = {bool: "boolean", int: "integer", float: "number"}


def schema_of(document: Document, promised: Any) -> dict[str, Any]:
    """The document's own schema where it has one for the model; otherwise what the type says, which is consistent."""
    origin, arguments = typing.get_origin(promised), typing.get_args(promised)
    if origin in _UNIONS:
        return schema_of(document, arguments[0])
    if origin is list:
        return {"type": "array", "items": schema_of(document, arguments[0])}
    if origin is dict:
        return {"type": "object", "additionalProperties": schema_of(document, arguments[1])}
    if attrs.has(promised):
        return _of_model(document, promised)
    if isinstance(promised, type) and issubclass(promised, str):
        return {"type": "string"}
    return {"type": _SCALARS.get(promised, "object")}


def _of_model(document: Document, model: Any) -> dict[str, Any]:
    names = sorted((name for name in document.schemas if model_of(name) is model), key=lambda name: name in RENAMED)
    if names:
        return {"$ref": f"#/components/schemas/{names[0]}"}
    fields = [one for one in attrs.fields(attrs.resolve_types(model)) if one.name != "unknown_fields"]
    return {
        "type": "object",
        "properties": {wire_name(one): schema_of(document, one.type) for one in fields},
        "required": [wire_name(one) for one in fields if one.default is attrs.NOTHING],
    }
