"""A server that answers each request as its document says, and remembers what it was asked."""

import json
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from attrs import define, field
from requests import PreparedRequest

from surface.answers import answer
from surface.documents import route, stating
from surface.samples import sample

SERVER = "http://localhost:8080"
Answer = tuple[int, dict[str, str], bytes]


@define
class Asked:
    """A request that was sent."""

    request: PreparedRequest
    key: str | None

    @property
    def query(self) -> list[tuple[str, str]]:
        return parse_qsl(urlsplit(self.request.url).query, keep_blank_values=True)

    @property
    def body(self) -> Any:
        return None if self.request.body is None else json.loads(self.request.body)


@define
class Wire:
    """Answers with what is set for an operation, or for all of them, or with a sample of the document's schema."""

    asked: list[Asked] = field(factory=list)
    answers: dict[str | None, Answer] = field(factory=dict)

    def __call__(self, request: PreparedRequest) -> Answer:
        key = route(request.method or "", unquote_segments(request.url or ""))
        self.asked.append(Asked(request, key))
        if key in self.answers:
            return self.answers[key]
        if None in self.answers:
            return self.answers[None]
        return as_documented(key) if key else (404, {}, b'{"message": "No static resource"}')

    def sent(self, key: str) -> list[Asked]:
        """The requests that went to one operation."""
        return [one for one in self.asked if one.key == key]


def unquote_segments(url: str) -> str:
    """A URL's path; a quoted slash stays quoted, as it ends no segment."""
    return "/".join(unquote(part).replace("/", "%2F") for part in urlsplit(url).path.split("/"))


def as_documented(key: str) -> Answer:
    """A good answer to an operation, from the first document that states it."""
    document = stating(key)[0]
    stated = answer(document, key)
    if stated is None:
        return 200, {}, b""
    kind, schema = stated
    value = sample(document, schema)
    if kind == "application/octet-stream":
        return 200, {"Content-Type": kind}, b"\x00\xff bytes"
    if kind == "text/plain":
        return 200, {"Content-Type": kind}, str(value).encode()
    return 200, {"Content-Type": "application/json"}, json.dumps(value).encode()
