"""Convert responses to values, and failures to errors that explain what happened and what to do.

No error keeps the original exception or the response, because both may contain a token, a key secret or a signed URL.
The functions raise outside ``except`` blocks, so that ``__context__`` is not set. The reprs of responses hide their
content, so that local variables in tracebacks do not show it.
"""

from __future__ import annotations

import email.utils
import http.client
import re
import ssl
import time
from collections.abc import Iterator, Mapping
from typing import Any, get_origin

import requests
import urllib3
from attrs import frozen

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
from conductor.models._base import Model, structure
from conductor.transport.connections import ExchangeError
from conductor.transport.operation import Edition, Operation, Repeat
from conductor.transport.response_json import loads_response
from conductor.transport.response_reader import Response

__all__ = [
    "Call",
    "ignored_parameter",
    "is_token_problem",
    "parse_json",
    "parse_response",
    "possible_own_conflict",
    "request_failure",
    "response_error",
    "retry_after",
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
_PAGE = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype\s+html|html)[\s>]", re.IGNORECASE)
#: Maximum number of characters of a redirect's host in an error; DNS allows 253.
_MAX_HOST_CHARACTERS = 253
#: Maximum number of characters of a server's message in an error.
_MAX_MESSAGE_CHARACTERS = 2000


@frozen
class Call:
    """One call, for the message and the attributes of an error.

    Attributes:
        operation: The operation.
        path: The path that was sent, with its parameters.
        attempts: The number of times that the request was sent.
    """

    operation: Operation[Any]
    path: str
    attempts: int = 1

    @property
    def values(self) -> dict[str, Any]:
        """Return the attributes that every error of a call has."""
        return {
            "operation": str(self.operation),
            "method": self.operation.method,
            "path": self.path,
            "attempts": self.attempts,
        }


def _status_error(call: Call, response: Response) -> APIStatusError:
    status, headers = response.status, response.headers
    content = _error_content(response)
    message = str(content.get("message") or content.get("error") or "")[:_MAX_MESSAGE_CHARACTERS]
    entries = content.get("validationErrors")
    validation = [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    kind = _kind(status, message, content)
    if kind is ServerError and call.operation.advice and _SAYS_SWITCHED_OFF.search(message):
        kind = UnsupportedByServerError
    values: dict[str, Any] = {
        "status": status,
        "code": str(content.get("error") or content.get("code") or ""),
        "server_message": message,
        "validation_errors": validation,
        "retry_after": retry_after(headers),
        "request_id": headers.get("x-request-id") or "",
        "from_conductor": isinstance(content.get("status"), int)
        and bool(content.get("message"))
        and "path" not in content,
    }
    if kind is UnsupportedByServerError:
        values["supported_by"] = _supported_by(call.operation)
    return kind(_message(call, kind, status, message, validation), **values, **call.values)


#: Advice on a rejected request, by the server's message.
_REMEDIES = (
    (re.compile(r"^No such (?:workflow found by name|taskType found)"), "conductor def list shows what is registered"),
    (re.compile(r"^Cannot archive workflow"), "terminate it first, or delete it with archive=False"),
    (re.compile(r"^Workflow with \S+ already exists"), "register it with overwrite=True, or as another version"),
)


def _kind(status: int, message: str, content: Mapping[str, Any]) -> type[APIStatusError]:
    # A server without the path responds with 404 and its web framework's message, which contains the path.
    is_unknown_path = message.startswith(_MISSING_ENDPOINT) or ("path" in content and "timestamp" in content)
    if status in {405, 501} or (status == 404 and is_unknown_path):
        return UnsupportedByServerError
    if status == 404 and _SAYS_RUNNING.search(message):  # the execution exists
        return ConflictError
    if status == 500:  # the open-source server responds to many errors of the caller with 500
        if _SAYS_CONFLICT.search(message):
            return ConflictError
        if _SAYS_NOT_FOUND.search(message):
            return NotFoundError
    return _BY_STATUS.get(status) or (ServerError if status >= 500 else BadRequestError)


def _message(
    call: Call, kind: type[APIStatusError], status: int, message: str, validation: list[dict[str, Any]]
) -> str:
    text = f"{call.operation} failed with {status}" + (f": {message}" if message else "")
    text += next((f" ({remedy})" for pattern, remedy in _REMEDIES if pattern.search(message)), "")
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
        text = f" (the server in use does not have this operation, which only {only.value} has)"
    elif operation.advice:
        text = " (the server in use does not support this)"
    else:
        text = (
            " (the server in use does not have this operation: it may be older, or another product, or the path of "
            "CONDUCTOR_SERVER_URL is wrong)"
        )
    return f"{text}. {operation.advice}" if operation.advice else text


def unsupported(call: Call, failure: APIStatusError | None = None) -> UnsupportedByServerError:
    """Return the error for an operation that the server mistook, or would mistake, for another one.

    Args:
        call: The call.
        failure: The server's response; None if nothing was sent.
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


def ignored_parameter(call: Call, name: str, edition: Edition, server: str) -> UnsupportedByServerError:
    """Return the error for a filter that the server would ignore, and then return everything."""
    return UnsupportedByServerError(
        f"{call.operation} was not sent: the server in use ({server}) ignores {name}, which only {edition.value} "
        "supports, and would return everything.",
        supported_by=edition.value,
        **call.values,
    )


def _supported_by(operation: Operation[Any]) -> str:
    return "" if operation.edition is Edition.BOTH else operation.edition.value


def possible_own_conflict(call: Call, failure: ConflictError) -> ConflictError:
    """Return the error for a key that is in use after an attempt with a lost response, which may have used the key."""
    hint = (
        "An earlier attempt of this call, whose response was lost, may have started it: search for its correlation id."
    )
    advice = "With idempotency_strategy='RETURN_EXISTING' the call returns its id."
    values: dict[str, Any] = {"status": failure.status, "server_message": failure.server_message}
    return ConflictError(f"{failure.message}. {hint} {advice}", from_conductor=True, **values, **call.values)


def _error_content(response: Response) -> dict[str, Any]:
    if _is_html(response) or _PAGE.match(response.body):
        return {"message": f"the response is an HTML page{_title(response.body)}"}
    if not response.body.strip():
        return {}
    is_json, value = parse_json(response)
    if not is_json:
        return {"message": response.body[: 4 * _MAX_MESSAGE_CHARACTERS].decode("utf-8", "replace").strip()}
    return value if isinstance(value, dict) else {"message": str(value)[:_MAX_MESSAGE_CHARACTERS]}


def _title(body: bytes) -> str:
    found = re.search(rb"<title>([^<]{1,100})</title>", body, re.IGNORECASE)
    return f", titled {found[1].decode('utf-8', 'replace').strip()!r}" if found else ""


def parse_json(response: Response) -> tuple[bool, Any]:
    """Return whether the body is JSON within the limits of ``loads_response``, and its value."""
    try:
        return True, loads_response(response.body)
    except (ValueError, RecursionError):
        return False, None


def is_token_problem(response: Response) -> bool:
    """Return whether a 401 or 403 means that another token would be accepted."""
    if response.status not in {401, 403}:
        return False
    is_json, value = parse_json(response)
    if not is_json:
        return response.status == 401 and not _is_html(response)
    return isinstance(value, dict) and bool(_TOKEN_CODES & {str(value.get("error")), str(value.get("code"))})


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that ``Retry-After`` asks to wait, given as a number or as a date; None for anything else."""
    value = headers.get("Retry-After") or headers.get("retry-after")
    if not value:
        return None
    try:
        if _NUMBER.fullmatch(value):
            return float(value)
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except (TypeError, ValueError, OverflowError):
        return None


_NUMBER = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?", re.ASCII)
#: The query of a URL, which may be a signature.
_QUERY = re.compile(r"\?[^\s'\"]+")
_NO_BUNDLE = "Could not find a suitable TLS CA certificate bundle"
_NEW_CONNECTION = "Failed to establish a new connection: "


def request_failure(call: Call, server: str, error: Exception, proxy: str = "") -> APIError:
    """Return the error of a call without a usable response. Raise it outside the ``except`` block.

    Args:
        call: The call.
        server: The server's URL, without a query.
        error: The adapter's exception: an ``ExchangeError`` of the SDK's adapter, or one of requests or urllib3.
        proxy: The proxy in use, without its password, for a user's adapter.
    """
    if isinstance(error, APIError):
        if not error.operation:
            for name, value in call.values.items():
                setattr(error, name, value)
        error.__context__ = None
        return error.with_traceback(None)
    if not isinstance(error, ExchangeError):
        error = _foreign_failure(error, server, proxy)
    message = f"{call.operation} failed: {error}"
    if error.is_malformed:
        return UnexpectedResponseError(f"{message} ({server})", **call.values)
    if error.is_refused:
        message += f". Start a server (conductor server start) or check CONDUCTOR_SERVER_URL, which is {server}"
    elif server not in message:
        message += f" ({server})"
    kind = APITimeoutError if error.timed_out else APIConnectionError
    return kind(
        message,
        never_sent=error.never_sent,
        is_permanent=error.is_permanent,
        is_refused=error.is_refused,
        **call.values,
    )


def _foreign_failure(error: Exception, server: str, proxy: str) -> ExchangeError:
    """Convert the exception of a user's adapter to an ``ExchangeError``."""
    causes = list(_causes(error))

    def caused_by(*kinds: type[BaseException]) -> bool:
        return any(isinstance(cause, kinds) for cause in causes)

    if any(str(cause).startswith(_NO_BUNDLE) for cause in causes):  # requests raises a plain OSError
        text = f"{_reason(causes)}. Check ca_bundle, REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE"
        return ExchangeError(text, never_sent=True, is_permanent=True)
    for kinds, words, flags in _FOREIGN:
        if caused_by(*kinds):
            text = words.format(server=server, proxy=proxy or "the proxy", reason=_reason(causes))
            return ExchangeError(text, **flags)
    if not caused_by(requests.exceptions.RequestException, urllib3.exceptions.HTTPError, OSError):
        return ExchangeError(f"{type(error).__name__} in the session's adapter or authentication")
    never_sent = caused_by(urllib3.exceptions.NewConnectionError)
    return ExchangeError(_reason(causes), never_sent=never_sent, is_refused=caused_by(ConnectionRefusedError))


#: Exceptions of users' adapters, with the wording and the meaning of the error; the first match is used.
_FOREIGN: tuple[tuple[tuple[type[BaseException], ...], str, dict[str, bool]], ...] = (
    (
        (
            requests.exceptions.InvalidProxyURL,
            urllib3.exceptions.ProxySchemeUnknown,
            requests.exceptions.InvalidURL,
            urllib3.exceptions.LocationParseError,
        ),
        "the URL of the server or of {proxy} is invalid: {reason}. Check http_proxy and https_proxy",
        {"never_sent": True, "is_permanent": True},
    ),
    (
        (requests.exceptions.InvalidSchema,),
        "{proxy} cannot be used: {reason} A SOCKS proxy requires the package PySocks; install it",
        {"never_sent": True, "is_permanent": True},
    ),
    (
        (requests.exceptions.ProxyError, urllib3.exceptions.ProxyError),
        "{proxy}: {reason}",
        {"never_sent": True},
    ),
    (
        (requests.exceptions.SSLError, urllib3.exceptions.SSLError, ssl.SSLError),
        "the TLS connection to {server} could not be made: {reason}. Check ca_bundle, client_cert and client_key",
        {"never_sent": True, "is_permanent": True},
    ),
    (
        (urllib3.exceptions.EmptyPoolError,),
        "all connections of the session were in use",
        {"never_sent": True, "timed_out": True},
    ),
    (
        (requests.exceptions.ConnectTimeout, urllib3.exceptions.ConnectTimeoutError),
        "cannot connect to {server}: timed out",
        {"never_sent": True, "timed_out": True},
    ),
    (
        (requests.exceptions.Timeout, urllib3.exceptions.TimeoutError, TimeoutError),
        "{server} did not answer in time",
        {"timed_out": True},
    ),
    (
        (requests.exceptions.InvalidHeader, UnicodeError),
        "a header has a character that HTTP does not allow",
        {"never_sent": True, "is_permanent": True},
    ),
)


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: list[BaseException] = []
    waiting = [error]
    while waiting and len(seen) < 20:
        one = waiting.pop()
        seen.append(one)
        yield one
        waiting += [inner for inner in _inner(one) if inner not in seen]


def _inner(error: BaseException) -> list[BaseException]:
    inner = [error.__cause__, error.__context__, getattr(error, "reason", None), *error.args]
    return [one for one in inner if isinstance(one, BaseException)]


def _reason(causes: list[BaseException]) -> str:
    """Return the innermost cause in a few words, such as "Connection refused"."""
    innermost = next((cause for cause in causes if not _inner(cause)), causes[-1])
    if isinstance(
        innermost,
        http.client.BadStatusLine | http.client.UnknownTransferEncoding | urllib3.exceptions.HeaderParsingError,
    ):
        return "the response is malformed"  # their text contains bytes that the peer sent
    text = getattr(innermost, "strerror", None) or str(innermost) or type(innermost).__name__
    before, _, words = str(text).rpartition(_NEW_CONNECTION)
    return _QUERY.sub("?***", words.rstrip("')\"") if before else words)[:200]


def parse_response(call: Call, response: Response) -> Any:
    """Return the value of a successful response, in the type that its operation promises.

    Raises:
        NotFoundError: The response is empty, which on Orkes means that the resource does not exist.
        UnexpectedResponseError: The response is an HTML page, is not JSON, or has another structure.
    """
    operation, status = call.operation, response.status
    is_empty = not response.body.strip()
    problem = ""
    if not is_empty and operation.returns is not bytes and _is_page(operation, response):
        problem = (
            "with an HTML page: this is not a Conductor API, or a login page or a proxy in front of it answers. Check "
            "the server's URL"
        )
    elif operation.returns is None:
        return None
    elif is_empty and _means_missing(operation):
        raise NotFoundError(
            f"{operation} answered {status} without a body: {call.path} does not exist. Compare the name with those "
            "that the client's list method returns.",
            status=status,
            **call.values,
        )
    elif is_empty and operation.on_empty is None:
        problem = "without a body, although a value was expected"
    if problem:
        raise UnexpectedResponseError(f"{operation} returned {status} {problem}.", status=status, **call.values)
    if is_empty and operation.on_empty is not None:
        return operation.on_empty()
    if operation.returns is bytes or operation.returns is str:
        return response.body if operation.returns is bytes else _text(response)
    value, failure = _structured(call, response)
    if failure is not None:
        raise failure
    return value


def _means_missing(operation: Operation[Any]) -> bool:
    """Return whether an empty response means that the resource does not exist, as for some reads by name on Orkes."""
    returned = get_origin(operation.returns) or operation.returns  # on Python 3.10, list[Tag] is also a type
    is_model = isinstance(returned, type) and issubclass(returned, Model | dict)
    is_read = operation.method == "GET" and operation.repeat is Repeat.SAFE and bool(operation.parameters)
    return operation.edition is Edition.ORKES and is_read and is_model and operation.on_empty is None


def _is_page(operation: Operation[Any], response: Response) -> bool:
    """Return whether the response is an HTML page, also if a proxy declares it as another type."""
    if _is_html(response):
        return True
    may_be_text = operation.returns is str and operation.method == "GET"  # such as a variable's value
    return not may_be_text and _PAGE.match(response.body) is not None


def _is_html(response: Response) -> bool:
    return "html" in (response.headers.get("content-type") or "").lower()


def _structured(call: Call, response: Response) -> tuple[Any, UnexpectedResponseError | None]:
    returns = call.operation.returns
    is_json, data = parse_json(response)
    if not is_json:
        return None, UnexpectedResponseError(
            f"{call.operation} returned {response.status} with a body that is not JSON, or that is nested too deeply.",
            status=response.status,
            **call.values,
        )
    if returns is Any or (returns is dict and isinstance(data, dict)):
        return data, None
    try:
        return structure(data, returns), None
    except UnexpectedResponseError as error:
        message, place = error.message, error.path_in_body
    except RecursionError:
        message, place = "nested too deeply", ""
    return None, UnexpectedResponseError(
        f"{call.operation} returned an unexpected structure: {message}",
        status=response.status,
        path_in_body=place,
        **call.values,
    )


def _text(response: Response) -> str:
    text = response.body.decode("utf-8", "replace")
    if text[:1] == '"' and text[-1:] == '"':
        is_json, value = parse_json(response)
        return str(value) if is_json else text
    return text


def response_error(call: Call, response: Response) -> APIError:
    """Return the error for a response of status 300 or more."""
    if response.status >= 400:
        return _status_error(call, response)
    if response.headers.get("location"):
        message = (
            f"{call.operation} returned a redirect ({response.status}) to {_redirect_host(response)}. Redirects are "
            "not followed, because the other host would receive the token; set the server's URL to the final address."
        )
    else:
        message = (
            f"{call.operation} returned {response.status}, which is not a valid response to this request: a proxy or "
            "another service answers. Check the server's URL and the proxies in front of it."
        )
    return UnexpectedResponseError(message, status=response.status, **call.values)


def _redirect_host(response: Response) -> str:
    try:
        host = urllib3.util.parse_url(response.headers.get("location") or "").host or "the same host"
        return host if len(host) <= _MAX_HOST_CHARACTERS else "an invalid address"
    except urllib3.exceptions.LocationParseError:
        return "an invalid address"
