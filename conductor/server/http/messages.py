"""Requests and responses: what handlers read and return, with the OSS server's error bodies."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, overload
from urllib.parse import parse_qsl

from attrs import define, field

from conductor.models.codec import dumps, loads
from conductor.server.engine.context import RefusedError
from conductor.server.engine.json_fields import Reader, UnreadableError, list_of, read, text, whole

Json = dict[str, Any]

_HOST = socket.gethostname()


class QueryParameters:
    """The parameters of a query string; a name may occur several times."""

    def __init__(self, query: str) -> None:
        self._pairs = parse_qsl(query, keep_blank_values=True)
        self._by_name = dict(self._pairs)

    @overload
    def get(self, name: str) -> str | None: ...
    @overload
    def get(self, name: str, default: str) -> str: ...
    def get(self, name: str, default: str | None = None) -> str | None:
        """Return the last value of a parameter."""
        return self._by_name.get(name, default)

    def getlist(self, name: str) -> list[str]:
        """Return all values of a parameter."""
        return [value for key, value in self._pairs if key == name]

    def items(self) -> Iterator[tuple[str, str]]:
        """Return name and last value of each parameter."""
        return iter(self._by_name.items())


@define(slots=False)
class Request:
    """One HTTP request.

    Attributes:
        method: In capitals.
        path: Decoded, without the query.
        query: The query string as it was sent.
        headers: By lower-case name; values of a repeated header are joined by commas.
        body: The content.
        path_params: The values of the route's ``{names}``.
    """

    method: str
    path: str
    query: str = ""
    headers: dict[str, str] = field(factory=dict)
    body: bytes = b""
    path_params: dict[str, str] = field(factory=dict)

    @cached_property
    def query_params(self) -> QueryParameters:
        """The parsed query."""
        return QueryParameters(self.query)


@define
class Response:
    """What a handler answers.

    Attributes:
        content: The body.
        status: The HTTP status.
        media_type: The Content-Type; None for none.
        headers: Further headers.
    """

    content: bytes = b""
    status: int = 200
    media_type: str | None = None
    headers: dict[str, str] = field(factory=dict)


BROKEN = Response(status=0)
"""In place of a response: the connection breaks. Only for faults on demand."""


@define
class Wait:
    """What a handler returns that has to wait. No thread waits with it.

    Attributes:
        seconds: How long.
        look: Return the outcome when it is there, otherwise None; called at once and after each wake.
        subscribe: Begin to call a function when something changes; returns what ends that.
        expired: Return the outcome when the time is over.
    """

    seconds: float
    look: Callable[[], Outcome | None]
    subscribe: Callable[[Callable[[], None]], Callable[[], None]]
    expired: Callable[[], Outcome]


Outcome = Response | Wait


def then(outcome: Outcome, function: Callable[[Response], Outcome]) -> Outcome:
    """Return what the function makes of the response, when it is there."""
    if isinstance(outcome, Response):
        return function(outcome)
    wait = outcome

    def look() -> Outcome | None:
        found = wait.look()
        return None if found is None else then(found, function)

    return Wait(wait.seconds, look, wait.subscribe, lambda: then(wait.expired(), function))


def after(seconds: float, outcome: Callable[[], Outcome]) -> Wait:
    """Return the outcome of the function after a delay."""
    return Wait(seconds, lambda: None, lambda _: lambda: None, outcome)


# -- responses


def json_answer(value: Any, status: int = 200) -> Response:
    """Return a response with a JSON body."""
    return Response(dumps(value), status, "application/json")


def text_answer(body: str, status: int = 200) -> Response:
    """Return a response with a plain text body."""
    return Response(body.encode("utf-8", "replace"), status, "text/plain; charset=utf-8")


def empty_answer(status: int = 200) -> Response:
    """Return a response without a body."""
    return Response(b"", status)


def error_answer(status: int, message: str, errors: list[Json] | None = None) -> Response:
    """Return the response for an error; for a failed validation when there are single errors."""
    if errors is not None:
        body = {"status": status, "message": message, "retryable": False, "validationErrors": errors}
    else:
        body = {"status": status, "message": message, "instance": _HOST, "retryable": False}
    return json_answer(body, status)


def invalid(*errors: tuple[str, str], value: Any = None) -> RefusedError:
    """Return the error for a failed validation: paths and messages, and the refused value where one is shown."""
    found = [{"path": path, "message": message} for path, message in errors]
    if value is not None:
        found = [{**one, "invalidValue": str(value)} for one in found]
    return RefusedError(400, "Validation failed, check below errors for detail.", found)


# -- bodies

#: Levels of nesting in a body, as in the OSS server's JSON parser.
MAX_DEPTH = 1000
#: Values in a body. The OSS server has no such limit; parsing more would hold up other requests.
MAX_VALUES = 1_000_000
#: Bytes and separators up to which a body needs no look at its structure: it is parsed in some milliseconds.
_SMALL_BODY, _FEW_SEPARATORS = 1 << 20, 100_000
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_STRUCTURE = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{},]', re.DOTALL)


def parse_json(body: bytes) -> Any:
    """Parse a body.

    Raises:
        RefusedError: 500, as the OSS server answers what its JSON parser refuses.
    """
    if len(body) > _SMALL_BODY and body.count(b",") + body.count(b"[") + body.count(b"{") > _FEW_SEPARATORS:
        _check_structure(body)
    try:
        found = loads(body)
        return _without_lone_surrogates(found) if _SURROGATE.search(body) else found
    except RecursionError:
        raise _too_deep() from None
    except ValueError as error:
        raise RefusedError(500, f"JSON parse error: {error}") from None


def _without_lone_surrogates(value: Any) -> Any:
    """Return the value with `?` for each half of a surrogate pair, which UTF-8 cannot store."""
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    if isinstance(value, dict):
        return {_without_lone_surrogates(key): _without_lone_surrogates(item) for key, item in value.items()}
    return [_without_lone_surrogates(item) for item in value] if isinstance(value, list) else value


def _check_structure(body: bytes) -> None:
    """Count levels and values, in Python, which lets other threads work meanwhile."""
    depth = values = 0
    for found in _STRUCTURE.finditer(body):
        mark = found[0]
        if mark in {b"[", b"{"}:
            depth += 1
            values += 1
            if depth > MAX_DEPTH:
                raise _too_deep()
        elif mark in {b"]", b"}"}:
            depth -= 1
        elif mark == b",":
            values += 1
            if values > MAX_VALUES:
                raise RefusedError(
                    500,
                    f"JSON parse error: Token count ({values}) exceeds the maximum allowed ({MAX_VALUES}, from "
                    "`StreamReadConstraints.getMaxTokenCount()`)",
                )


def _too_deep() -> RefusedError:
    return RefusedError(
        500,
        f"JSON parse error: Document nesting depth ({MAX_DEPTH + 1}) exceeds the maximum allowed ({MAX_DEPTH}, from "
        "`StreamReadConstraints.getMaxNestingDepth()`)",
    )


def read_json(request: Request, kind: type | None = None) -> Any:
    """Return the parsed body, whose top level must be of ``kind``.

    Raises:
        RefusedError: 500, as the OSS server answers what it cannot read.
    """
    if not request.body:
        raise RefusedError(500, "Required request body is missing")
    sent = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if sent and not sent.endswith("json"):
        raise RefusedError(500, f"Content-Type '{request.headers['content-type']}' is not supported")
    value = parse_json(request.body)
    if kind is not None and not isinstance(value, kind):
        raise RefusedError(500, f"JSON parse error: Cannot deserialize {type(value).__name__} as {kind.__name__}")
    return value


def read_object(request: Request) -> Json:
    """Return a body that is an object."""
    value: Json = read_json(request, dict)
    return value


def read_optional_object(request: Request) -> Json:
    """Return a body that is an object; an empty one when there is no body."""
    return read_object(request) if request.body else {}


def read_list(request: Request) -> list[Any]:
    """Return a body that is a list."""
    value: list[Any] = read_json(request, list)
    return value


def read_names(request: Request) -> list[str]:
    """Return a body that is a list of strings: ids or names."""
    given = {"body": read_list(request)}
    names: list[str] = read(given, {"body": list_of(text)})["body"]
    if None in names:
        raise RefusedError(500, "JSON parse error: The list must not hold null")
    return names


# -- query parameters


def number(request: Request, name: str, default: int) -> int:
    """Return an integer parameter.

    Raises:
        RefusedError: It is not an integer.
    """
    found = optional_number(request, name)
    return default if found is None else found


def optional_number(request: Request, name: str, kind: Reader = whole) -> int | None:
    """Return an integer parameter, of 32 bits or what ``kind`` reads; None when it is missing."""
    given = request.query_params.get(name)
    try:
        return None if given is None else kind(given)
    except UnreadableError:
        raise RefusedError(
            500, f"Method parameter '{name}': Failed to convert value of type 'java.lang.String' to a number: {given!r}"
        ) from None


def path_number(request: Request, name: str) -> int:
    """Return an integer of the path.

    Raises:
        RefusedError: It is not an integer.
    """
    given = request.path_params[name]
    try:
        found = whole(given)
    except UnreadableError:
        found = None
    if found is None:
        raise RefusedError(
            500, f"Method parameter '{name}': Failed to convert value of type 'java.lang.String' to a number: {given!r}"
        )
    return found


def flag(request: Request, name: str, *, default: bool) -> bool:
    """Return a boolean parameter.

    Raises:
        RefusedError: It is not a boolean.
    """
    given = request.query_params.get(name)
    if given is None or not given.strip():
        return default
    word = given.strip().lower()
    if word in {"true", "on", "yes", "1"}:
        return True
    if word in {"false", "off", "no", "0"}:
        return False
    raise RefusedError(
        500, f"Method parameter '{name}': Failed to convert value of type 'java.lang.String' to boolean: {given!r}"
    )
