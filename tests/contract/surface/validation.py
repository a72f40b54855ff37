"""Requests held against a document by openapi-core, and values by openapi-schema-validator."""

from functools import cache
from typing import Any

from openapi_core import Config, OpenAPI
from openapi_core.contrib.requests import RequestsOpenAPIRequest
from openapi_schema_validator import OAS30Validator, OAS31Validator

from surface.documents import BODIES, MAPS, Document, documents
from surface.wire import SERVER, Asked


@cache
def _validator(document_name: str, key: str) -> OpenAPI:
    """A validator that knows one operation only, so that a request is judged as the operation that it is meant as."""
    document = documents()[document_name]
    verb, path = key.split(" ")
    stated = dict(document.raw["paths"][path][verb.lower()])
    missing = [
        {"in": "path", "name": part[1:-1], "required": True, "schema": {"type": "string"}}
        for part in path.split("/")
        if part.startswith("{") and part[1:-1] not in document.parameters(key, "path")
    ]  # the documents forget some
    stated["parameters"] = [one for one in stated.get("parameters", []) if one["name"] not in MAPS] + missing
    if key in BODIES:
        kind, schema = BODIES[key]
        stated["requestBody"] = {"content": {kind: {"schema": schema}}}
    raw: dict[str, Any] = {
        **document.raw,
        "servers": [{"url": SERVER}],
        "security": [],
        "paths": {path: {verb.lower(): stated}},
    }
    return OpenAPI.from_dict(raw, config=Config(spec_validator_cls=None))


def problems(document: Document, key: str, asked: Asked) -> list[str]:
    """What the validator finds wrong with a request."""
    request = RequestsOpenAPIRequest(asked.request)
    return [
        "; ".join([str(error), *(str(one.message) for one in getattr(error.__cause__, "schema_errors", ()))])
        for error in _validator(document.name, key).unmarshal_request(request).errors
    ]


@cache
def _schema_validator(document_name: str, schema: str) -> Any:
    document = documents()[document_name]
    kind = OAS30Validator if document.raw["openapi"].startswith("3.0") else OAS31Validator
    return kind({"$ref": f"#/components/schemas/{schema}", "components": document.raw["components"]})


def misfits(document: Document, schema: str, value: Any) -> list[str]:
    """What the validator finds wrong with a value of a schema."""
    return [
        f"{one.json_path}: {one.message[:200]}" for one in _schema_validator(document.name, schema).iter_errors(value)
    ]
