"""What is read: any answer that a document allows becomes what the operation promises, and nothing in it is lost."""

import json
from random import Random

from cases import each
from surface.answers import answer
from surface.declared import declared, one
from surface.documents import documents, in_scope
from surface.generated import Generator, lost, many
from surface.schemas import model_of, used
from surface.table import table
from surface.validation import misfits
from surface.wire import Wire, said, send

from conductor.models._base import structure
from conductor.models.codec import to_jsonable
from conductor.transport.errors import Call, parse_response
from conductor.transport.response_reader import Headers, Response


def read(call, status, headers, content):
    return parse_response(call, Response(status, Headers((k.lower(), v) for k, v in headers.items()), content))


ANSWERED = [
    (key, name)
    for key in in_scope()
    for name, document in documents().items()
    if key in declared() and document.operation(key)
]
SCHEMAS = [(name, schema) for name in documents() for schema in sorted(used(name))]


@each(("key", "edition"), ANSWERED)
def test_an_answer_of_an_operation_is_read_without_loss(key, edition):
    operation, document = one(key), documents()[edition]
    stated = answer(document, key)
    if stated is None:
        assert operation.returns is None or read(Call(operation, ""), 200, {}, b"") in ([], {}, "", None)
        return
    kind, schema = stated
    if operation.returns is bytes:
        assert read(Call(operation, ""), 200, {"Content-Type": kind}, b"\x00\xff") == b"\x00\xff"
        return
    for value in many(document, schema, 25, f"{edition} {key}"):
        is_text = kind == "text/plain" and schema.get("type") == "string"
        sent = Generator(document, Random(str(value)), 1).word() if is_text else value
        content = sent if is_text else json.dumps(sent)
        found = read(Call(operation, ""), 200, {"Content-Type": kind}, content.encode())
        assert operation.returns is None or lost(sent, to_jsonable(found)) == []


@each(("key", "edition"), [(key, edition) for key, edition in ANSWERED if key in table()])
def test_a_method_takes_any_answer_of_its_operation(key, edition):
    document = documents()[edition]
    kind, schema = answer(document, key) or ("", {})
    is_json = kind in {"application/json", "*/*"}
    for value in many(document, schema, 4 if is_json else 1, f"method {edition} {key}"):
        wire = Wire(document, {key: said(200, stored_inline(value))} if is_json else {})
        send(table()[key], wire)
        assert wire.sent(key)


def stored_inline(value):
    """The value without the places of payloads in an external storage, which would be read from there."""
    if isinstance(value, dict):
        return {k: stored_inline(v) for k, v in value.items() if not k.endswith("PayloadStoragePath")}
    return [stored_inline(one) for one in value] if isinstance(value, list) else value


@each(("edition", "schema"), SCHEMAS)
def test_a_value_of_a_schema_is_read_and_written_without_loss(edition, schema):
    model, document = model_of(schema), documents()[edition]
    assert model is not None, f"no model stands for {schema}"
    for value in many(document, {"$ref": schema}, 25, f"{edition} {schema}"):
        assert lost(value, to_jsonable(structure(value, model))) == []


@each(("edition", "schema"), SCHEMAS)
def test_what_a_model_writes_fits_the_schema_of_each_document(edition, schema):
    model, document = model_of(schema), documents()[edition]
    for value in many(document, {"$ref": schema}, 8, f"written {edition} {schema}", of_later_versions=False):
        assert misfits(document, schema, value) == []
        assert misfits(document, schema, to_jsonable(structure(value, model))) == []
