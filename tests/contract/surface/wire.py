"""A server that answers each request as its document says, and remembers what it was asked."""

import json
import re
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import responses
from attrs import define, evolve, field
from requests import PreparedRequest

from conductor import ConductorClient
from conductor.transport.operation import RetryPolicy
from surface.answers import answer
from surface.calls import Call
from surface.documents import Document
from surface.samples import sample

SERVER = "http://localhost:8080"
VERBS = ("GET", "POST", "PUT", "DELETE")
Answer = tuple[int, dict[str, str], bytes]


@define
class Asked:
    """A request that was sent, and the operation that a server of this edition takes it for."""

    request: PreparedRequest
    key: str | None

    @property
    def operation(self) -> str:
        """The verb and the path that was sent, as an error of the client names them."""
        return f"{self.request.method} {urlsplit(self.request.url).path.removeprefix('/api')}"

    def named(self, key: str) -> list[str]:
        """Return the values of the path parameters of an operation, in order."""
        pairs = zip(key.split(" ")[1].split("/"), _path(self.request.url or "").split("/"), strict=True)
        return [given for part, given in pairs if part.startswith("{")]

    @property
    def json(self) -> Any:
        """The body, where it is JSON."""
        kind = self.request.headers.get("Content-Type")
        return json.loads(self.request.body or b"null") if kind == "application/json" else None

    @property
    def query(self) -> list[tuple[str, str]]:
        return parse_qsl(urlsplit(self.request.url).query, keep_blank_values=True)


@define
class Wire:
    """Answers as a server of one edition.

    Attributes:
        document: What the server has; anything else is answered as the server answers unknown paths.
        answers: The answers by operation, used instead of a sample of the document's schema.
        asked: The requests, in order.
    """

    document: Document
    answers: dict[str, Answer] = field(factory=dict)
    asked: list[Asked] = field(factory=list)

    def __call__(self, request: PreparedRequest) -> Answer:
        path = _path(request.url or "")
        key = self.document.route(request.method or "", path)
        self.asked.append(Asked(request, key))
        if key is None:
            return self._unknown(request.method, path)
        return self.answers.get(key) or self._sample(key)

    def sent(self, key: str) -> list[Asked]:
        """The requests that went to one operation."""
        return [one for one in self.asked if one.key == key]

    def _unknown(self, verb: str | None, path: str) -> Answer:
        if any(self.document.route(other, path) for other in VERBS):
            return said(405, {"status": 405, "message": f"Request method '{verb}' is not supported"})
        return said(404, {"status": 404, "message": f"No static resource {path.strip('/')}."})

    def _sample(self, key: str) -> Answer:
        stated = answer(self.document, key)
        if stated is None:
            return 200, {}, b""
        kind, schema = stated
        if kind == "application/octet-stream":
            return 200, {"Content-Type": kind}, b"\x00\xff bytes"
        value = sample(self.document, schema)
        if kind == "text/plain":
            return 200, {"Content-Type": kind}, str(value).encode()
        return said(200, value)


def said(status: int, body: Any) -> Answer:
    """An answer of JSON."""
    return status, {"Content-Type": "application/json"}, json.dumps(body).encode()


def exchange(call: Call, document: Document) -> Wire:
    """Make a call to a server of one edition; what was sent."""
    wire = Wire(document)
    send(call, wire)
    if call.also is not None:
        send(evolve(call, send=call.also, instead={}), wire)
    return wire


def send(call: Call, wire: Wire) -> Any:
    """Make a call; what it returns or raises. What the wire was told to answer wins over what the call tells."""
    wire.answers = {key: said(*_with_status(one)) for key, one in call.answers.items()} | wire.answers
    with (
        responses.RequestsMock(assert_all_requests_are_fired=False) as mock,
        ConductorClient(server_url=f"{SERVER}/api", retry=RetryPolicy.none()) as client,
    ):
        for verb in VERBS:
            mock.add_callback(verb, re.compile(re.escape(SERVER) + "/.*"), callback=wire)
        return call.instead.get(wire.document.name, call.send)(client)


def _with_status(answer: Any) -> tuple[int, Any]:
    return answer if isinstance(answer, tuple) else (200, answer)


def _path(url: str) -> str:
    """A URL's path, its segments in plain text; a quoted slash ends no segment."""
    return "/".join(unquote(part).replace("/", "%2F") for part in urlsplit(url).path.split("/"))
