"""Finds the methods of a service: in an OpenAPI or Swagger document, or in a compiled descriptor set of gRPC."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin

from attrs import define, field

from conductor.server.engine.context import RefusedError

Json = dict[str, Any]

_VERBS = ("get", "post", "put", "delete", "patch", "head", "options")
#: The statuses of responses that describe the output of a method, the best first.
_SUCCESSES = ("200", "201", "202", "default")
#: References to follow from one schema to the next; a document can contain cycles.
_MAX_REFERENCES = 20


@define
class Discovery:
    """The methods and schemas of a service.

    Attributes:
        methods: Its methods, as in ``GET /registry/service/{name}``.
        schemas: The JSON schemas of their inputs and outputs by name.
        servers: The addresses of the service.
    """

    methods: list[Json] = field(factory=list)
    schemas: dict[str, Json] = field(factory=dict)
    servers: list[str] = field(factory=list)


def read_openapi(document: Any, uri: str) -> Discovery:
    """Return the methods and schemas of an OpenAPI 3 or Swagger 2 document.

    Args:
        document: The parsed document.
        uri: Its address; relative addresses of servers begin there.

    Raises:
        RefusedError: The document is not an OpenAPI document (400).
    """
    if not isinstance(document, dict) or not isinstance(document.get("paths"), dict):
        raise RefusedError(400, f"{uri} is not an OpenAPI document: it has no paths")
    schemas = _mapping(_mapping(document, "components"), "schemas") or _mapping(document, "definitions")
    found = Discovery(
        schemas={str(name): one for name, one in schemas.items() if isinstance(one, dict)},
        servers=_servers(document, uri),
    )
    for path, item in document["paths"].items():
        if isinstance(item, dict):
            for verb in _VERBS:
                if isinstance(item.get(verb), dict):
                    found.methods.append(_method(document, str(path), verb, item, item[verb]))
    return found


def _mapping(given: Json, name: str) -> Json:
    value = given.get(name)
    return value if isinstance(value, dict) else {}


def _list(given: Json, name: str) -> list[Json]:
    value = given.get(name)
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _servers(document: Json, uri: str) -> list[str]:
    urls = [one["url"] for one in _list(document, "servers") if isinstance(one.get("url"), str)]
    if not urls and isinstance(document.get("swagger"), str):
        schemes = document.get("schemes")
        scheme = schemes[0] if isinstance(schemes, list) and schemes else uri.partition("://")[0]
        base = document.get("basePath") or "/"
        urls = [f"{scheme}://{document['host']}{base}" if document.get("host") else str(base)]
    return [urljoin(uri, one).rstrip("/") for one in urls] or [urljoin(uri, "/").rstrip("/")]


def _method(document: Json, path: str, verb: str, item: Json, operation: Json) -> Json:
    parameters = [_referenced(document, one) for one in [*_list(item, "parameters"), *_list(operation, "parameters")]]
    named = {(one.get("in"), one.get("name")): one for one in parameters}
    made: Json = {
        "operationName": operation.get("operationId") or f"{verb.upper()} {path}",
        "methodName": path,
        "methodType": verb.upper(),
        "requestParams": [_parameter(one) for one in named.values() if one.get("in") in {"path", "query", "header"}],
    }
    if operation.get("summary") or operation.get("description"):
        made["description"] = operation.get("summary") or operation.get("description")
    if operation.get("deprecated"):
        made["deprecated"] = True
    body = next((one for one in named.values() if one.get("in") == "body"), None)
    given = _referenced(document, _mapping(operation, "requestBody")) if body is None else body
    made["inputType"] = _type_of(given)
    responses = _mapping(operation, "responses")
    response = next((_mapping(responses, status) for status in _SUCCESSES if status in responses), {})
    made["outputType"] = _type_of(_referenced(document, response))
    return {key: value for key, value in made.items() if value is not None}


def _referenced(document: Json, value: Json) -> Json:
    """Return the target of a ``$ref`` inside the document, or the value itself."""
    for _ in range(_MAX_REFERENCES):
        reference = value.get("$ref")
        if not isinstance(reference, str) or not reference.startswith("#/"):
            break
        target: Any = document
        for part in reference[2:].split("/"):
            target = target.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(target, dict) else None
        if not isinstance(target, dict):
            break
        value = target
    return value


def _parameter(given: Json) -> Json:
    schema = _mapping(given, "schema") or given  # Swagger 2 has the type in the parameter itself
    made = {"type": schema.get("type"), "format": schema.get("format"), "defaultValue": schema.get("default")}
    return {
        "name": given.get("name"),
        "type": str(given["in"]).capitalize(),
        "required": bool(given.get("required")),
        "schema": {key: value for key, value in made.items() if value is not None},
    }


def _type_of(given: Json) -> str | None:
    """Return the name of the schema of a body; its JSON type if it has no name, None without a body."""
    schema = _mapping(given, "schema")
    for media in _mapping(given, "content").values():
        schema = schema or (_mapping(media, "schema") if isinstance(media, dict) else {})
    reference = schema.get("$ref")
    if isinstance(reference, str):
        return reference.rpartition("/")[2]
    kind = schema.get("type")
    if kind == "array" and isinstance(_mapping(schema, "items").get("$ref"), str):
        return f"{schema['items']['$ref'].rpartition('/')[2]}[]"
    return kind if isinstance(kind, str) else None


# -- gRPC

#: Wire types of protocol buffers: varint, 64 bits, length-delimited, 32 bits.
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
#: Bytes of the longest varint.
_MAX_VARINT = 10


def read_descriptors(content: bytes) -> list[Json]:
    """Return the methods in a compiled descriptor set.

    Raises:
        RefusedError: The content is not a descriptor set (400).
    """
    try:
        if any(number == 1 and isinstance(value, bytes) for number, value in _fields(content)):
            return list(_methods_in(content))
    except (ValueError, UnicodeDecodeError):
        pass
    raise RefusedError(400, "The file is not a compiled descriptor set; make it with protoc --descriptor_set_out")


def _methods_in(content: bytes) -> Iterator[Json]:
    for number, file in _fields(content):  # FileDescriptorSet
        if number != 1 or not isinstance(file, bytes):
            continue
        package, services = "", []
        for field_number, value in _fields(file):  # FileDescriptorProto
            if field_number == 2 and isinstance(value, bytes):
                package = value.decode()
            elif field_number == 6 and isinstance(value, bytes):
                services.append(value)
        for service in services:
            yield from _methods_of(service, package)


def _methods_of(service: bytes, package: str) -> Iterator[Json]:
    fields = list(_fields(service))  # ServiceDescriptorProto
    name = next((value.decode() for number, value in fields if number == 1 and isinstance(value, bytes)), "")
    for number, value in fields:
        if number == 2 and isinstance(value, bytes):
            method = dict(_fields(value))  # MethodDescriptorProto
            client, server = bool(method.get(5)), bool(method.get(6))
            kinds = {(False, False): "UNARY", (True, False): "CLIENT_STREAMING", (False, True): "SERVER_STREAMING"}
            yield {
                "operationName": f"{package}.{name}" if package else name,
                "methodName": _text(method.get(1)),
                "methodType": kinds.get((client, server), "BIDIRECTIONAL_STREAMING"),
                "inputType": _text(method.get(2)).lstrip("."),
                "outputType": _text(method.get(3)).lstrip("."),
                "requestParams": [],
            }


def _text(value: int | bytes | None) -> str:
    return value.decode() if isinstance(value, bytes) else ""


def _fields(content: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Return number and value of each field of a message.

    Raises:
        ValueError: The content is not a message.
    """
    position = 0
    while position < len(content):
        key, position = _varint(content, position)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, position = _varint(content, position)
            yield number, value
            continue
        if kind == _BYTES:
            length, position = _varint(content, position)
        elif kind in {_FIXED64, _FIXED32}:
            length = 8 if kind == _FIXED64 else 4
        else:
            raise ValueError(f"unknown wire type {kind}")
        if not number or position + length > len(content):
            raise ValueError("truncated")
        yield number, content[position : position + length]
        position += length


def _varint(content: bytes, position: int) -> tuple[int, int]:
    value = 0
    for index in range(_MAX_VARINT):
        if position + index >= len(content):
            raise ValueError("truncated")
        byte = content[position + index]
        value |= (byte & 0x7F) << 7 * index
        if byte < 0x80:  # the highest bit says that more bytes follow
            return value, position + index + 1
    raise ValueError("a varint is too long")
