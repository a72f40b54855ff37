"""Answers that are errors: from status, headers and body to an exception that says what happened and what to do."""

from __future__ import annotations

import contextlib
import email.utils
import http.client
import re
import ssl
import time
from collections.abc import Iterator, Mapping
from typing import Any

import requests
import urllib3
from attrs import frozen
from urllib3.exceptions import NewConnectionError

from conductor.errors import (
    APIConnectionError,
    APIError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    ConflictError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    ServerError,
    UnexpectedResponseError,
    UnsupportedByServerError,
)
from conductor.models._base import structure
from conductor.models.codec import loads
from conductor.transport.operation import Edition, Operation

__all__ = [
    "Call",
    "answer",
    "conflict_with_itself",
    "error_of",
    "ignored",
    "is_token_problem",
    "retry_after",
    "status_error",
    "translated",
    "unsupported",
]


_BY_STATUS: dict[int, type[APIStatusError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    413: BadRequestError,
    422: BadRequestError,
    429: RateLimitError,
}
_TOKEN_CODES = frozenset({"EXPIRED_TOKEN", "INVALID_TOKEN"})
_MISSING_ENDPOINT = ("No static resource ", "No endpoint ")
_SAYS_NOT_FOUND = re.compile(r"no such (?!column|table)|not found|does not exist|cannot find|can't find", re.IGNORECASE)
_SAYS_CONFLICT = re.compile(
    r"already exists|is not paused|not in (a )?paused|already scheduled|already started|already been processed",
    re.IGNORECASE,
)
_SAYS_RUNNING = re.compile(r"workflow is still running", re.IGNORECASE)
_SAYS_SWITCHED_OFF = re.compile(r" is disabled\.?$| does not support ")
_LONGEST_MESSAGE = 2000


@frozen
class Call:
    """What was asked, for the words of an error.

    Attributes:
        operation: The operation.
        path: The path that was sent.
        attempts: How often.
    """

    operation: Operation[Any]
    path: str
    attempts: int = 1

    @property
    def values(self) -> dict[str, Any]:
        """The attributes that every error of a call has."""
        return {
            "operation": str(self.operation),
            "method": self.operation.method,
            "path": self.path,
            "attempts": self.attempts,
        }


def status_error(call: Call, status: int, headers: Mapping[str, str], body: bytes) -> APIStatusError:
    """The exception for an answer of status 400 or more."""
    said = _read(headers, body)
    message = str(said.get("message") or said.get("error") or "")[:_LONGEST_MESSAGE]
    validation = [entry for entry in said.get("validationErrors") or () if isinstance(entry, dict)]
    kind = _kind(status, message, said)
    if kind is ServerError and call.operation.advice and _SAYS_SWITCHED_OFF.search(message):
        kind = UnsupportedByServerError
    values: dict[str, Any] = {
        "status": status,
        "code": str(said.get("error") or said.get("code") or ""),
        "server_message": message,
        "validation_errors": validation,
        "retry_after": retry_after(headers),
        "request_id": headers.get("X-Request-Id") or headers.get("x-request-id") or "",
        "from_conductor": isinstance(said.get("status"), int) and bool(said.get("message")) and "path" not in said,
    }
    if kind is UnsupportedByServerError:
        values["supported_by"] = _supported_by(call.operation)
    return kind(_words(call, kind, status, message, validation), **values, **call.values)


def _kind(status: int, message: str, said: Mapping[str, Any]) -> type[APIStatusError]:
    # A server without the path answers 404 in the words of its framework: what path it was, and no message of its own.
    is_unknown_path = message.startswith(_MISSING_ENDPOINT) or ("path" in said and "timestamp" in said)
    if status in {405, 501} or (status == 404 and is_unknown_path):  # noqa: PLR2004
        return UnsupportedByServerError
    if status == 404 and _SAYS_RUNNING.search(message):  # noqa: PLR2004  the execution is there
        return ConflictError
    if status == 500:  # noqa: PLR2004  the open-source server answers 500 to many mistakes of the caller
        if _SAYS_CONFLICT.search(message):
            return ConflictError
        if _SAYS_NOT_FOUND.search(message):
            return NotFoundError
    return _BY_STATUS.get(status) or (ServerError if status >= 500 else BadRequestError)  # noqa: PLR2004


def _words(call: Call, kind: type[APIStatusError], status: int, message: str, validation: list[dict[str, Any]]) -> str:
    text = f"{call.operation} failed with {status}" + (f": {message}" if message else "")
    if validation:
        text += " " + "; ".join(f"{entry.get('path', '?')}: {entry.get('message', '?')}" for entry in validation)
    if kind is UnsupportedByServerError:
        text += _unsupported(call.operation)
    if call.attempts > 1:
        text += f" (after {call.attempts} attempts)"
    return text


def _unsupported(operation: Operation[Any]) -> str:
    only = operation.edition
    if only is not Edition.BOTH:
        text = f" (the server in use does not have this operation; it is one of {only.value})"
    elif operation.advice:
        text = " (the server in use does not do this)"
    else:
        text = " (the server in use does not have this operation: it is older, or another product)"
    return f"{text}. {operation.advice}" if operation.advice else text


def unsupported(call: Call, failure: APIStatusError | None = None) -> UnsupportedByServerError:
    """The error for an operation that the server would take, or has taken, for another one.

    Args:
        call: What was asked, or would have been.
        failure: What the server answered; None where nothing was sent.
    """
    if failure is None:
        return UnsupportedByServerError(
            f"{call.operation} was not sent{_unsupported(call.operation)}",
            supported_by=_supported_by(call.operation),
            **call.values,
        )
    values: dict[str, Any] = {
        "status": failure.status,
        "server_message": failure.server_message,
        "supported_by": _supported_by(call.operation),
    }
    return UnsupportedByServerError(f"{failure.message}{_unsupported(call.operation)}", **values, **call.values)


def ignored(call: Call, name: str, edition: Edition, server: str) -> UnsupportedByServerError:
    """The error for a parameter that selects, to a server that would ignore it and answer everything."""
    return UnsupportedByServerError(
        f"{call.operation} was not sent: the server in use ({server}) ignores {name}, by which only {edition.value} "
        "selects, and would answer everything.",
        supported_by=edition.value,
        **call.values,
    )


def _supported_by(operation: Operation[Any]) -> str:
    return "" if operation.edition is Edition.BOTH else operation.edition.value


def conflict_with_itself(call: Call, failure: ConflictError) -> ConflictError:
    """The error for a key that is taken after an attempt whose answer was lost: it may have been taken by that one."""
    said = "An earlier attempt of this call, whose answer was lost, may have started it: find it by its correlation id."
    advice = "With idempotency_strategy='RETURN_EXISTING' the answer is its id."
    values: dict[str, Any] = {"status": failure.status, "server_message": failure.server_message}
    return ConflictError(f"{failure.message}. {said} {advice}", from_conductor=True, **values, **call.values)


def _read(headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    kind = headers.get("Content-Type") or headers.get("content-type") or ""
    if "html" in kind:
        return {"message": f"an HTML page came back{_title(body)}"}
    try:
        said = loads(body) if body.strip() else {}
    except ValueError:
        return {"message": body.decode("utf-8", "replace").strip()}
    return said if isinstance(said, dict) else {"message": str(said)}


def _title(body: bytes) -> str:
    found = re.search(rb"<title>([^<]{1,100})</title>", body, re.IGNORECASE)
    return f", titled {found[1].decode('utf-8', 'replace').strip()!r}" if found else ""


def is_token_problem(status: int, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether a 401 or 403 means that another token would do."""
    if status not in {401, 403}:
        return False
    try:
        said = loads(body)
    except ValueError:
        return status == 401 and "html" not in (headers.get("Content-Type") or "")  # noqa: PLR2004
    return isinstance(said, dict) and bool(_TOKEN_CODES & {str(said.get("error")), str(said.get("code"))})


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that ``Retry-After`` asks to wait, given as a number or as a date."""
    value = headers.get("Retry-After") or headers.get("retry-after")
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except (TypeError, ValueError):
        return None


_QUERY = re.compile(r"\?[^\s'\"]+")  # of a URL, which may be signed: no secret gets into a message
_BROKEN = (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, http.client.HTTPException)


@contextlib.contextmanager
def translated(call: Call, server: str) -> Iterator[None]:
    """Turn the HTTP library's exceptions into ours; no URL with a query, header or body gets into a message."""
    try:
        yield
    except (requests.exceptions.SSLError, urllib3.exceptions.SSLError, ssl.SSLError) as error:
        raise APIConnectionError(
            f"{call.operation} failed: the TLS connection to {server} could not be made: {_reason(error)}. Check "
            "ca_bundle, client_cert and client_key, and the server's certificate.",
            is_final=True,
            **call.values,
        ) from error
    except urllib3.exceptions.EmptyPoolError as error:
        raise APITimeoutError(
            f"{call.operation} failed: all connections to {server} were in use; max_connections allows more of them",
            never_sent=True,
            **call.values,
        ) from error
    except (requests.exceptions.ConnectTimeout, urllib3.exceptions.ConnectTimeoutError) as error:
        raise APITimeoutError(
            f"{call.operation} failed: no connection to {server} in time", never_sent=True, **call.values
        ) from error
    except (requests.exceptions.Timeout, urllib3.exceptions.TimeoutError, TimeoutError) as error:
        raise APITimeoutError(f"{call.operation} failed: {server} did not answer in time", **call.values) from error
    except (*_BROKEN, OSError) as error:
        timed_out = _was_caused_by(error, TimeoutError | urllib3.exceptions.ReadTimeoutError)
        kind = APITimeoutError if timed_out else APIConnectionError
        raise kind(
            f"{call.operation} failed: {_reason(error)} ({server})",
            never_sent=_was_caused_by(error, NewConnectionError),
            **call.values,
        ) from error


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: list[BaseException] = []
    waiting = [error]
    while waiting and len(seen) < 20:  # noqa: PLR2004
        one = waiting.pop()
        seen.append(one)
        yield one
        inner = [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]
        waiting += [e for e in inner if isinstance(e, BaseException) and e not in seen]


def _reason(error: BaseException) -> str:
    """The innermost cause in a few words, such as "Connection refused"."""
    last = list(_causes(error))[-1]
    text = getattr(last, "strerror", None) or str(last) or type(last).__name__
    before, _, words = str(text).rpartition("Failed to establish a new connection: ")
    return _QUERY.sub("?***", words.rstrip("')\"") if before else words)[:200]


def _was_caused_by(error: BaseException, kind: Any) -> bool:
    return any(isinstance(cause, kind) for cause in _causes(error))


def answer(call: Call, status: int, headers: Mapping[str, str], content: bytes) -> Any:
    """The value of a good answer, in the shape that its operation promises.

    Raises:
        UnexpectedResponseError: It has another shape.
    """
    operation = call.operation
    is_empty = not content.strip()
    if not is_empty and operation.returns is not bytes and "html" in (headers.get("Content-Type") or ""):
        raise UnexpectedResponseError(
            f"{operation} answered {status} with an HTML page: this is no Conductor API, or something stands before it "
            "(a login page, a proxy). Check the server's URL.",
            status=status,
            **call.values,
        )
    if operation.returns is None:
        return None
    if is_empty:
        if operation.on_empty is not None:
            return operation.on_empty()
        raise UnexpectedResponseError(
            f"{operation} answered {status} without a body, where a value was promised", status=status, **call.values
        )
    if operation.returns is bytes:
        return content
    return _parsed(call, status, content)


def _parsed(call: Call, status: int, content: bytes) -> Any:
    returns = call.operation.returns
    if returns is str:
        return _text(content)
    try:
        data = loads(content)
    except ValueError:
        raise UnexpectedResponseError(
            f"{call.operation} answered {status} with something that is no JSON", status=status, **call.values
        ) from None
    if returns is Any:
        return data
    if returns is dict and isinstance(data, dict):
        return data
    try:
        return structure(data, returns)
    except UnexpectedResponseError as error:
        raise UnexpectedResponseError(
            f"{call.operation} answered in another shape: {error.message}",
            status=status,
            path_in_body=error.path_in_body,
            **call.values,
        ) from None


def _text(content: bytes) -> str:
    text = content.decode("utf-8", "replace")
    if text[:1] == '"' and text[-1:] == '"':
        try:
            return str(loads(text))
        except ValueError:
            return text
    return text


def error_of(call: Call, response: requests.Response) -> APIError:
    """The error that an answer of status 300 or more is."""
    if response.status_code < 400:  # noqa: PLR2004
        host = urllib3.util.parse_url(response.headers.get("Location", "")).host or "the same host"
        return UnexpectedResponseError(
            f"{call.operation} was answered with a redirect ({response.status_code}) to {host}. Redirects are not "
            "followed, because the token would go along; set the server's URL to where it really is.",
            status=response.status_code,
            **call.values,
        )
    return status_error(call, response.status_code, response.headers, response.content)
