"""What properties are: a model where the document says an object of a schema, an enum where it lists values."""

import types
import typing
from typing import Any

import attrs
from cases import each
from surface.coverage import attributes
from surface.documents import documents, named
from surface.schemas import model_of, properties, used

from conductor.models import BulkResponse, SearchResult
from conductor.models._base import wire_name
from conductor.models.enums import WireEnum

# Values that the documents list although others occur: roles that users make, fields of any provider.
ANY_TEXT = {"UpsertUserRequest.roles", "UpsertGroupRequest.roles", "IntegrationDefFormField.fieldName"}
KINDS = {"string": str, "integer": int, "boolean": bool, "number": float}
UNIONS = {typing.Union, types.UnionType}
SCHEMAS = [
    (name, schema)
    for name in documents()
    for schema in sorted(used(name))
    if (typing.get_origin(model_of(schema)) or model_of(schema)) not in {SearchResult, BulkResponse}
]


def members(promised: Any) -> set[Any]:
    """The classes in a type: what lists and dicts hold, and what unions are of."""
    origin = typing.get_origin(promised)
    if origin is list or origin is dict or origin in UNIONS:
        return {one for inner in typing.get_args(promised) for one in members(inner)}
    return {promised}


def innermost(schema: dict[str, Any]) -> dict[str, Any]:
    """What the lists and maps of a schema hold."""
    while "$ref" not in schema:
        deeper = schema.get("items") or schema.get("additionalProperties")
        if not isinstance(deeper, dict):
            break
        schema = deeper
    return schema


def problem(document: Any, stated: dict[str, Any], promised: set[Any]) -> str:
    """What is wrong with the types of an attribute, or nothing."""
    if "$ref" in stated:
        wanted = set(properties(document.schemas[named(stated)]))
        found = [one for one in promised if attrs.has(one)]
        known = {wire_name(field) for one in found for field in attrs.fields(one)}
        return "" if model_of(named(stated)) in promised or (found and wanted <= known) else "is not a model"
    if "enum" in stated:
        enums = [one for one in promised if isinstance(one, type) and issubclass(one, WireEnum)]
        unknown = [value for value in stated["enum"] if not any(one(value).is_known for one in enums)]
        return f"does not know {unknown}" if unknown else ""
    kind = KINDS.get(stated.get("type", ""))
    fits = kind is None or Any in promised or any(isinstance(one, type) and issubclass(one, kind) for one in promised)
    return "" if fits else f"is not a {kind}"


@each(("edition", "schema"), SCHEMAS)
def test_attributes_have_the_types_of_the_properties(edition, schema):
    document, model = documents()[edition], model_of(schema)
    fields = {wire_name(one): one.type for one in attrs.fields(attrs.resolve_types(model))}
    found = {
        name: problem(document, innermost(stated), members(fields[name]))
        for name, stated in properties(document.schemas[schema]).items()
        if name in attributes(schema) and f"{schema}.{name}" not in ANY_TEXT
    }

    assert {name: what for name, what in found.items() if what} == {}
