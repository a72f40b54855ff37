"""Who sends: one public method for each operation, whose documentation names it."""

import inspect
import re

import pytest
from surface import beyond
from surface.declared import declared, one
from surface.methods import methods_of
from surface.table import table

from conductor import ConductorClient

CALLS = {key: call for key, call in (table() | beyond.CALLS).items() if key in declared()}


@pytest.fixture(scope="module")
def client():
    with ConductorClient(server_url="http://localhost:8080/api") as client:
        yield client


@pytest.mark.parametrize("key", CALLS)
def test_an_operation_is_sent_by_one_public_method(client, key):
    ((resource, method),) = methods_of(CALLS[key])

    assert not method.startswith("_")
    assert callable(getattr(getattr(client, resource), method))


@pytest.mark.parametrize("key", CALLS)
def test_the_methods_documentation_names_the_operation(client, key):
    ((resource, method),) = methods_of(CALLS[key])
    text = re.sub(r"\{\w+\}", "{}", inspect.getdoc(getattr(getattr(client, resource), method)) or "")
    verb, path = re.sub(r"\{\w+\}", "{}", str(one(key))).split(" ")

    ends = [path[place:] for place, letter in enumerate(path) if letter == "/"]
    named = [f"{verb} {path}", f"``{verb}``", *(f"{verb} ...{end}" for end in ends)]
    assert any(name in text for name in named), text


@pytest.mark.parametrize("key", CALLS)
def test_the_documentation_describes_no_arguments_that_are_not_there(client, key):
    ((resource, method),) = methods_of(CALLS[key])
    found = getattr(getattr(client, resource), method)
    text = inspect.getdoc(found) or ""

    assert re.match(r"[A-Z].*", text)
    told = re.findall(r"^    \**(\w+):", text.partition("Args:\n")[2].partition("\n\n")[0], re.MULTILINE)
    assert set(told) <= set(inspect.signature(found).parameters)
