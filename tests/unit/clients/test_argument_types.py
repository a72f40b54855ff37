"""Every method of every client, called with arguments of the wrong types."""

import inspect
import io
import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from uuid import UUID

import pytest
import requests
from requests.adapters import BaseAdapter

from conductor import ConductorClient, Settings
from conductor.clients._arguments import check_argument_types
from conductor.errors import ConductorError, ConfigurationError

_STRANGE = re.compile(r"object%20at|object\+at|b%27|[/=](None|nan|True|False)\b")
HOSTILE = {
    "None": lambda: None,
    "an integer": lambda: 5,
    "a huge integer": lambda: 10**30,
    "a boolean": lambda: True,
    "NaN": lambda: float("nan"),
    "a line break": lambda: "a\r\nHost: x",
    "a surrogate": lambda: "\ud800",
    "bytes": lambda: b"x",
    "a list": lambda: ["x"],
    "a dict": lambda: {"a": 1},
    "an object": object,
    "a generator": lambda: (one for one in ["x"]),
}


class NotFound(BaseAdapter):
    """Answers every request with 404, and remembers its URL."""

    def __init__(self):
        super().__init__()
        self.urls = []

    def send(self, request, **_):
        self.urls.append(request.url)
        response = requests.Response()
        response.status_code, response.url, response.raw = 404, request.url, io.BytesIO(b"{}")
        return response

    def close(self):
        pass


def methods():
    groups = [name for name, member in vars(ConductorClient).items() if isinstance(member, cached_property)]
    client = ConductorClient(Settings(server_url="http://server.invalid"))
    for group in groups:
        for name, member in inspect.getmembers(type(getattr(client, group)), inspect.isfunction):
            if not name.startswith("_"):
                yield group, name, list(inspect.signature(member).parameters.values())[1:]


def required(parameter):
    """A value of the right type for a required argument."""
    annotation = parameter.annotation
    for part, value in (("Sequence", []), ("Iterable", []), ("Mapping", {}), ("str", "x"), ("int", 1), ("bytes", b"x")):
        if part in annotation:
            return value
    return "x"


def call(method, parameters, target, value):
    """Call a method with one hostile argument, and return what it raised."""
    named = [p for p in parameters if p.kind not in {p.VAR_POSITIONAL, p.VAR_KEYWORD}]
    given = {p.name: required(p) for p in named if p.default is p.empty}
    given[target.name] = value
    positional = [given.pop(p.name) for p in named if p.kind is p.POSITIONAL_ONLY and p.name in given]
    try:
        found = method(*positional, **given)
        if isinstance(found, Iterator):
            list(found)
    except Exception as error:
        return error
    return None


def test_an_argument_of_the_wrong_type_is_refused():
    adapter = NotFound()
    client = ConductorClient(Settings(server_url="http://server.invalid"), adapter=adapter)
    calls, wrong = 0, []
    for group, name, parameters in methods():
        for target in [p for p in parameters if p.kind not in {p.VAR_POSITIONAL, p.VAR_KEYWORD}]:
            for kind, make in HOSTILE.items():
                adapter.urls.clear()
                error = call(getattr(getattr(client, group), name), parameters, target, make())
                strange = [url for url in adapter.urls if _STRANGE.search(url)]
                if strange or not (error is None or isinstance(error, ConductorError)):
                    wrong.append((f"{group}.{name}({target.name}: {kind})", error, strange))
                calls += 1
    assert wrong == []
    assert calls > 5000


def test_the_error_names_the_argument_and_what_fits_without_the_value():
    client = ConductorClient(Settings(server_url="http://server.invalid"))
    for call, words in (
        (lambda: client.workflows.get(b"w"), "workflow_id must be a string, not bytes. Nothing was sent."),
        (lambda: client.workflows.get(None), "workflow_id must be a string, not None. Nothing was sent."),
        (lambda: client.workflows.delete("w", archive="false"), "archive_workflow|True or False, not str"),
        (lambda: client.workflows.search(size=True), "size must be an integer, not bool"),
        (lambda: client.bulk.pause("w"), "workflow_ids must be a list of strings, not str"),
        (lambda: client.bulk.pause(["w", 1]), "workflow_ids must be a list of strings, not list"),
        (lambda: client.secrets.save("name", b"s3cret"), "value must be a string, not bytes"),
        (lambda: client.files.upload("w", 5, file_name="f"), "content must be bytes, not int"),
    ):
        with pytest.raises(ConfigurationError, match=words) as caught:
            call()
        assert "s3cret" not in str(caught.value.to_dict())


def test_what_converts_without_loss_is_accepted():
    class Index:
        def __index__(self):
            return 7

    @check_argument_types
    def method(self, name: "str", count: "int | None" = None, names: "str | Sequence[str]" = ()):
        return name, count, names

    assert method(None, UUID(int=1), Index())[0] == UUID(int=1)
    assert list(method(None, "x", names=iter(["a"]))[2]) == ["a"]
    assert method(None, name="x", count=None, names=("a", "b"))[2] == ("a", "b")
    for wrong in ({"name": None}, {"name": "x", "count": 1.0}, {"name": "x", "names": [1]}, {"name": "x", "names": {}}):
        with pytest.raises(ConfigurationError):
            method(None, **wrong)
