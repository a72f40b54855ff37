"""One value for a schema, always the same: every property is there, as deep as the schemas do not repeat."""

from typing import Any

from surface.documents import Document, named
from surface.schemas import is_java, properties

STRINGS = {"date-time": "2024-01-01T00:00:00Z", "byte": "Ynl0ZXM="}


def sample(document: Document, schema: dict[str, Any], inside: tuple[str, ...] = ()) -> Any:
    """A value that fits ``schema``."""
    if "$ref" in schema:
        name = named(schema)
        stated = document.schemas[name]
        return {} if is_java(stated) else sample(document, stated, (*inside, name))
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type")
    if kind == "object" or "properties" in schema:
        return _object(document, schema, inside)
    if kind == "array":
        item = schema.get("items", {})
        return [] if _repeats(item, inside) else [sample(document, item, inside)]
    return {
        "string": STRINGS.get(schema.get("format", ""), "text"),
        "boolean": True,
        "integer": 5,
        "number": 1.5,
    }.get(kind, {"any": "thing"})


def _object(document: Document, schema: dict[str, Any], inside: tuple[str, ...]) -> dict[str, Any]:
    value = {
        name: sample(document, stated, inside)
        for name, stated in properties(schema).items()
        if not _repeats(stated, inside)
    }
    others = schema.get("additionalProperties")
    if isinstance(others, dict) and not _repeats(others, inside):
        value["key"] = sample(document, others, inside)
    return value


def _repeats(schema: dict[str, Any], inside: tuple[str, ...]) -> bool:
    """Whether a schema holds one that it is part of, directly or as items and values."""
    while "$ref" not in schema:
        deeper = schema.get("items") or schema.get("additionalProperties")
        if not isinstance(deeper, dict):
            return False
        schema = deeper
    return named(schema) in inside
