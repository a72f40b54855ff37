"""Answers that are errors: from status, headers and body to an exception that says what happened and what to do."""

from __future__ import annotations

import email.utils
import re
import time
from collections.abc import Mapping
from typing import Any

from attrs import frozen

from conductor.errors import (
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    ConflictError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    ServerError,
    UnsupportedByServerError,
)
from conductor.models.codec import loads
from conductor.transport.operation import Edition, Operation

__all__ = ["Call", "conflict_with_itself", "ignored", "is_token_problem", "retry_after", "status_error", "unsupported"]

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
        "is_conductors": isinstance(said.get("status"), int) and bool(said.get("message")) and "path" not in said,
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
    return ConflictError(f"{failure.message}. {said} {advice}", is_conductors=True, **values, **call.values)


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
