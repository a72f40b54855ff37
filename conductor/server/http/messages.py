"""Requests and responses, and the functions with which handlers read and build them."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, overload
from urllib.parse import parse_qsl

from attrs import define, field

from conductor.models.codec import dumps, loads
from conductor.server.engine.context import RefusedError
from conductor.server.engine.json_fields import Reader, UnreadableError, integer, list_of, read, string
from conductor.server.http.principal import ANYONE, Principal

Json = dict[str, Any]

#: The server's instance in error bodies.
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
        principal: The user or application that sends it.
    """

    method: str
    path: str
    query: str = ""
    headers: dict[str, str] = field(factory=dict)
    body: bytes = b""
    path_params: dict[str, str] = field(factory=dict)
    principal: Principal = ANYONE

    @cached_property
    def query_params(self) -> QueryParameters:
        """The parsed query."""
        return QueryParameters(self.query)


@define
class Response:
    """One HTTP response.

    Attributes:
        content: The body.
        status: The HTTP status.
        media_type: The Content-Type; None to send no such header.
        headers: Further headers.
    """

    content: bytes = b""
    status: int = 200
    media_type: str | None = None
    headers: dict[str, str] = field(factory=dict)


#: Breaks the connection instead of sending a response; for injected faults only.
BROKEN = Response(status=0)


@define
class Wait:
    """The outcome of a handler that has to wait for a change. It blocks no thread.

    Attributes:
        seconds: How long to wait.
        look: Returns the outcome, or None while the wait continues; called immediately and after each change.
        subscribe: Calls a function after each change; returns a function that stops the calls.
        expired: Returns the outcome for a timeout.
    """

    seconds: float
    look: Callable[[], Outcome | None]
    subscribe: Callable[[Callable[[], None]], Callable[[], None]]
    expired: Callable[[], Outcome]


Outcome = Response | Wait


def then(outcome: Outcome, function: Callable[[Response], Outcome]) -> Outcome:
    """Apply the function to the response: now, or at the end of a wait."""
    if isinstance(outcome, Response):
        return function(outcome)
    wait = outcome

    def look() -> Outcome | None:
        found = wait.look()
        return None if found is None else then(found, function)

    return Wait(wait.seconds, look, wait.subscribe, lambda: then(wait.expired(), function))


def after(seconds: float, outcome: Callable[[], Outcome]) -> Wait:
    """Return a wait that calls the function after a delay."""
    return Wait(seconds, lambda: None, lambda _: lambda: None, outcome)


# -- responses


def json_answer(value: Any, status: int = 200) -> Response:
    """Return a response with a JSON body."""
    return Response(_encoded(value), status, "application/json")


#: Number of items from which a list is encoded item by item.
_LONG_LIST = 100
#: Held while a long list is encoded, so that such requests leave processor time for others.
_ENCODING = threading.Lock()


def _encoded(value: Any) -> bytes:
    """Encode a value; long lists in pieces, because no other thread can run during an encoder call."""
    if not _has_long_list(value):
        return dumps(value)
    if isinstance(value, list):
        with _ENCODING:
            return b"[%b]" % b",".join([dumps(one) for one in value])
    return b"{%b}" % b",".join([b"%b:%b" % (dumps(key), _encoded(one)) for key, one in value.items()])


def _has_long_list(value: Any, depth: int = 2) -> bool:
    if isinstance(value, list):
        return len(value) > _LONG_LIST
    return depth > 0 and isinstance(value, dict) and any(_has_long_list(one, depth - 1) for one in value.values())


def text_answer(body: str, status: int = 200) -> Response:
    """Return a response with a plain text body."""
    return Response(body.encode("utf-8", "replace"), status, "text/plain; charset=utf-8")


def empty_answer(status: int = 200) -> Response:
    """Return a response without a body."""
    return Response(b"", status)


def error_answer(status: int, message: str, errors: list[Json] | None = None) -> Response:
    """Return the response for an error, in the OSS server's form; with ``errors``, for a failed validation."""
    if errors is not None:
        body = {"status": status, "message": message, "retryable": False, "validationErrors": errors}
    else:
        body = {"status": status, "message": message, "instance": _HOST, "retryable": False}
    return json_answer(body, status)


def invalid(*errors: tuple[str, str], value: Any = None) -> RefusedError:
    """Return the error for a failed validation.

    Args:
        errors: The path and the message of each violation.
        value: The invalid value, for the violations that show it.
    """
    found = [{"path": path, "message": message} for path, message in errors]
    if value is not None:
        found = [{**one, "invalidValue": str(value)} for one in found]
    return RefusedError(400, "Validation failed, check below errors for detail.", found)


# -- bodies

#: Maximum nesting depth of a body, as in the OSS server's JSON parser.
MAX_DEPTH = 1000
#: Maximum number of values in a body. The OSS server has no such limit; parsing more would block other requests for
#: seconds.
MAX_VALUES = 1_000_000
#: Numbers of bytes and separators up to which the structure of a body is not checked before parsing, which takes a few
#: milliseconds.
_SMALL_BODY, _FEW_SEPARATORS = 1 << 20, 100_000
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_STRUCTURE = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{},]', re.DOTALL)


def parse_json(body: bytes) -> Any:
    """Parse a body.

    Raises:
        RefusedError: The body is not valid JSON (500, as on the OSS server).
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
    """Check nesting and number of values. Unlike the JSON parser, this loop lets other threads run."""
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
    """Return the parsed body.

    Args:
        request: The request.
        kind: The type that the body must have; None for any.

    Raises:
        RefusedError: The body is missing, not JSON, or of another type (500, as on the OSS server).
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
    """Return the body, which must be an object."""
    value: Json = read_json(request, dict)
    return value


def read_optional_object(request: Request) -> Json:
    """Return the body, which must be an object; an empty object if the body is empty."""
    return read_object(request) if request.body else {}


def read_list(request: Request) -> list[Any]:
    """Return the body, which must be a list."""
    value: list[Any] = read_json(request, list)
    return value


def read_names(request: Request) -> list[str]:
    """Return the body, which must be a list of strings."""
    given = {"body": read_list(request)}
    names: list[str] = read(given, {"body": list_of(string)})["body"]
    if None in names:
        raise RefusedError(500, "JSON parse error: The list must not contain null")
    return names


# -- query parameters


def number(request: Request, name: str, default: int) -> int:
    """Return an integer query parameter.

    Raises:
        RefusedError: The value is not an integer.
    """
    found = optional_number(request, name)
    return default if found is None else found


def optional_number(request: Request, name: str, kind: Reader = integer) -> int | None:
    """Return an integer query parameter; None if it is missing.

    Args:
        request: The request.
        name: The parameter.
        kind: Reads the value; by default an integer of 32 bits.

    Raises:
        RefusedError: The value is not an integer of this size.
    """
    given = request.query_params.get(name)
    try:
        return None if given is None else kind(given)
    except UnreadableError:
        raise RefusedError(
            500, f"Method parameter '{name}': Failed to convert value of type 'java.lang.String' to a number: {given!r}"
        ) from None


def path_number(request: Request, name: str) -> int:
    """Return an integer path parameter.

    Raises:
        RefusedError: The value is not an integer.
    """
    given = request.path_params[name]
    try:
        found = integer(given)
    except UnreadableError:
        found = None
    if found is None:
        raise RefusedError(
            500, f"Method parameter '{name}': Failed to convert value of type 'java.lang.String' to a number: {given!r}"
        )
    return found


def flag(request: Request, name: str, *, default: bool) -> bool:
    """Return a boolean query parameter.

    Raises:
        RefusedError: The value is not a boolean.
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
