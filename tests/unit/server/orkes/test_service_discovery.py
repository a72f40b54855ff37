"""What descriptions of services are read as."""

import pytest

from conductor.server.engine.context import RefusedError
from conductor.server.orkes.service_discovery import read_descriptors, read_openapi


def field(number, value):
    """Return a field of a protocol buffer."""
    if isinstance(value, bool):
        return bytes([number << 3, value])
    content = value.encode() if isinstance(value, str) else value
    length = len(content)
    size = [length] if length < 128 else [length & 0x7F | 0x80, length >> 7]
    return bytes([number << 3 | 2, *size]) + content


def method(name, *, client=False, server=False):
    streams = field(5, True) * client + field(6, True) * server
    return field(2, field(1, name) + field(2, ".shop.In") + field(3, ".shop.Out") + streams)


def test_descriptor_sets_have_methods_of_every_kind():
    kinds = [
        ("Get", {}),
        ("Push", {"client": True}),
        ("Watch", {"server": True}),
        ("Chat", {"client": True, "server": True}),
    ]
    service = field(6, field(1, "Orders") + method("Get"))
    others = b"".join(field(6, field(1, "Orders") + method(name, **options)) for name, options in kinds[1:])
    found = read_descriptors(
        field(1, field(1, "shop.proto") + field(2, "shop") + service) + field(1, field(2, "shop") + others)
    )
    assert [(one["methodName"], one["methodType"]) for one in found] == [
        ("Get", "UNARY"),
        ("Push", "CLIENT_STREAMING"),
        ("Watch", "SERVER_STREAMING"),
        ("Chat", "BIDIRECTIONAL_STREAMING"),
    ]
    assert found[0]["operationName"] == "shop.Orders"
    assert (found[0]["inputType"], found[0]["outputType"]) == ("shop.In", "shop.Out")


def test_other_files_are_refused():
    for content in (b'syntax = "proto3";', b"\xff" * 40, b"\x0a\x7f", b"", field(1, "\x0a")):
        with pytest.raises(RefusedError, match="descriptor set"):
            read_descriptors(content)
    assert read_descriptors(field(1, field(1, "messages.proto"))) == []


def test_openapi_and_swagger_describe_methods():
    parameters = [{"name": "id", "in": "path", "required": True, "schema": {"type": "integer", "format": "int64"}}]
    operation = {"operationId": "get", "responses": {"200": {"$ref": "#/components/responses/One"}}}
    document = {
        "openapi": "3.0.0",
        "servers": [{"url": "/v1"}],
        "paths": {"/a/{id}": {"parameters": parameters, "get": operation, "x-other": 1, "put": {"responses": {}}}},
        "components": {
            "responses": {"One": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/A"}}}}},
            "schemas": {"A": {"type": "object"}},
        },
    }
    found = read_openapi(document, "http://host:81/docs/api.json")
    assert found.servers == ["http://host:81/v1"]
    assert found.schemas == {"A": {"type": "object"}}
    assert [(one["operationName"], one["methodType"]) for one in found.methods] == [
        ("get", "GET"),
        ("PUT /a/{id}", "PUT"),
    ]
    assert found.methods[0]["outputType"] == "A"
    assert found.methods[0]["requestParams"] == [
        {"name": "id", "type": "Path", "required": True, "schema": {"type": "integer", "format": "int64"}}
    ]
    body = {"name": "pet", "in": "body", "schema": {"type": "array", "items": {"$ref": "#/definitions/Pet"}}}
    swagger = {
        "swagger": "2.0",
        "host": "pets",
        "basePath": "/v2",
        "schemes": ["https"],
        "paths": {"/pet": {"post": {"parameters": [body], "responses": {}}}},
        "definitions": {"Pet": {"type": "object"}},
    }
    found = read_openapi(swagger, "http://host/swagger.json")
    assert (found.servers, found.methods[0]["inputType"]) == (["https://pets/v2"], "Pet[]")


def test_documents_of_another_kind_are_refused():
    for document in (None, [], "text", {}, {"paths": []}):
        with pytest.raises(RefusedError, match="no paths"):
            read_openapi(document, "http://host/x")
    loop = {"paths": {"/a": {"get": {"requestBody": {"$ref": "#/paths/~1a/get/requestBody"}}}}}
    assert len(read_openapi(loop, "http://host/x").methods) == 1
