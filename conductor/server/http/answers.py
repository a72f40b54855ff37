"""Reading requests and writing answers, with the real server's errors."""

from __future__ import annotations

import socket
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from conductor.models.codec import dumps, loads
from conductor.server.engine.reading import Reader, UnreadableError, list_of, read, text, whole
from conductor.server.engine.world import RefusedError

Json = dict[str, Any]

_HOST = socket.gethostname()


def json_answer(value: Any, status: int = 200) -> Response:
    """A JSON body."""
    return Response(dumps(value), status, media_type="application/json")


def text_answer(body: str, status: int = 200) -> Response:
    """A text body."""
    return Response(body, status, media_type="text/plain")


def empty_answer(status: int = 200) -> Response:
    """No body."""
    return Response(status_code=status)


def error_answer(status: int, message: str, errors: list[Json] | None = None) -> Response:
    """The body of an error; of a failed validation when there are single errors."""
    if errors is not None:
        body = {"status": status, "message": message, "retryable": False, "validationErrors": errors}
    else:
        body = {"status": status, "message": message, "instance": _HOST, "retryable": False}
    return json_answer(body, status)


def invalid(*errors: tuple[str, str], value: Any = None) -> RefusedError:
    """A failed validation: paths and messages, and the refused value where one is shown."""
    found = [{"path": path, "message": message} for path, message in errors]
    if value is not None:
        found = [{**one, "invalidValue": str(value)} for one in found]
    return RefusedError(400, "Validation failed, check below errors for detail.", found)


async def read_json(request: Request, kind: type | None = None) -> Any:
    """The body; its top must be of ``kind``.

    Raises:
        RefusedError: 500, as the real server answers what it cannot read.
    """
    kind_sent = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await request.body()
    if not body:
        raise RefusedError(500, "Required request body is missing")
    if kind_sent and not kind_sent.endswith("json"):
        raise RefusedError(500, f"Content-Type '{request.headers['content-type']}' is not supported")
    try:
        value = loads(body)
    except ValueError as error:
        raise RefusedError(500, f"JSON parse error: {error}") from None
    if kind is not None and not isinstance(value, kind):
        raise RefusedError(500, f"JSON parse error: Cannot deserialize {type(value).__name__} as {kind.__name__}")
    return value


async def read_object(request: Request) -> Json:
    """A body that is an object."""
    value: Json = await read_json(request, dict)
    return value


async def read_optional_object(request: Request) -> Json:
    """A body that is an object, or missing."""
    return await read_object(request) if await request.body() else {}


async def read_list(request: Request) -> list[Any]:
    """A body that is a list."""
    value: list[Any] = await read_json(request, list)
    return value


async def read_names(request: Request) -> list[str]:
    """A body that is a list of texts: ids or names."""
    given = {"body": await read_list(request)}
    names: list[str] = read(given, {"body": list_of(text)})["body"]
    if None in names:
        raise RefusedError(500, "JSON parse error: The list must not hold null")
    return names


def number(request: Request, name: str, default: int) -> int:
    """A whole number of the query.

    Raises:
        RefusedError: It is none.
    """
    found = optional_number(request, name)
    return default if found is None else found


def optional_number(request: Request, name: str, kind: Reader = whole) -> int | None:
    """The same, when it may be missing; of 32 bits, or of what ``kind`` reads."""
    given = request.query_params.get(name)
    try:
        return None if given is None else kind(given)
    except UnreadableError:
        raise RefusedError(
            500, f"Method parameter '{name}': Failed to convert value of type 'java.lang.String' to a number: {given!r}"
        ) from None


def flag(request: Request, name: str, *, default: bool) -> bool:
    """A boolean of the query.

    Raises:
        RefusedError: It is none.
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
