"""Who sends: one public method for each operation, whose documentation names it."""

import inspect
import re

import pytest
from cases import each
from surface import beyond
from surface.declared import declared, one
from surface.documents import stating
from surface.methods import method_of
from surface.table import table
from surface.wire import Wire, exchange, said, send

from conductor import ConductorClient
from conductor.errors import APIError
from conductor.models.codec import to_jsonable

CALLS = {key: call for key, call in (table() | beyond.CALLS).items() if key in declared()}


@pytest.fixture(scope="module")
def client():
    with ConductorClient(server_url="http://localhost:8080/api") as client:
        yield client


@each("key", CALLS)
def test_an_operation_is_sent_by_one_public_method(client, key):
    called = method_of(CALLS[key])

    assert not called.method.startswith("_")
    assert callable(called.of(client))


@each("key", CALLS)
def test_the_methods_documentation_names_the_operation(client, key):
    text = re.sub(r"\{\w+\}", "{}", inspect.getdoc(method_of(CALLS[key]).of(client)) or "")
    verb, path = re.sub(r"\{\w+\}", "{}", str(one(key))).split(" ")

    ends = [path[place:] for place, letter in enumerate(path) if letter == "/"]
    named = [f"{verb} {path}", f"``{verb}``", *(f"{verb} ...{end}" for end in ends)]
    assert any(name in text for name in named), text


@each("key", CALLS)
def test_the_documentation_describes_existing_arguments_only(client, key):
    method = method_of(CALLS[key]).of(client)
    text = inspect.getdoc(method) or ""

    assert re.match(r"[A-Z].*", text)
    told = re.findall(r"^    \**(\w+):", text.partition("Args:\n")[2].partition("\n\n")[0], re.MULTILINE)
    assert set(told) <= set(inspect.signature(method).parameters)


@each("key", [key for key in CALLS if key.count("{") > 1])
def test_names_are_in_the_path_in_the_order_of_the_arguments(key):
    document = next(iter(stating(key)), beyond.server_of(one(key)))
    wire = Wire(document, {key: said(400, {})})
    with pytest.raises(APIError):
        send(CALLS[key], wire)

    (asked,) = wire.sent(key)
    given = [str(argument) for argument in method_of(CALLS[key]).arguments if isinstance(argument, str | int)]
    in_path = asked.named(key)
    assert [name for name in given if name in in_path] == [name for name in in_path if name in given]
    assert len(set(given)) == len(given)


def written(value):
    """A value as it is written into a query: one text, or several."""
    if isinstance(value, list | tuple):
        return [str(one) for one in value]
    return [str(value).lower() if isinstance(value, bool) else str(value)]


def is_whole(key, name):
    """Whether an argument is the body itself, and no part of it."""
    return (key, name) == ("POST /api/event/handleIncomingEvent", "event")


@each("key", [key for key in CALLS if key in table()])
def test_an_argument_is_sent_under_the_name_that_it_has(client, key):
    arguments = method_of(CALLS[key]).bound(client)
    given = {name.replace("_", "").lower(): value for name, value in arguments.items() if not is_whole(key, name)}
    for document in stating(key):
        for asked in exchange(table()[key], document).sent(key)[:1]:
            query: dict[str, list[str]] = {}
            for name, value in asked.query:
                query.setdefault(name, []).append(value)
            body = asked.json if isinstance(asked.json, dict) else {}

            same = {name: written(given[name.lower()]) for name in query if name.lower() in given}
            assert {name: query[name] for name in same} == same
            same = {name: to_jsonable(given[name.lower()]) for name in body if name.lower() in given}
            assert {name: body[name] for name in same} == same
