"""One HTTP exchange as the OSS server makes it: its address, headers, redirects, and what it reads of the response."""

from __future__ import annotations

import http.client
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urljoin, urlsplit

from conductor.models.codec import dumps, loads
from conductor.server.engine.expressions.java_text import java_text

if TYPE_CHECKING:
    import urllib3

Json = dict[str, Any]
Outcome = tuple[Json | None, str]

#: Milliseconds to connect, and to wait for data, when the task gives none.
_DEFAULT_TIMEOUT_MS = 3000
_FIRST_ERROR = 400
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_KEEP_METHOD = frozenset({307, 308})
_MOST_REDIRECTS = 50
_PATH_SAFE, _QUERY_SAFE = "/!$&'()*+,;=:@-._~", "/?!$&'()*+,;=:@-._~"
_VARIABLE = re.compile(r"\{([^{}/]+)\}")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_CHARSET = re.compile(r"charset=\"?([\w.:-]+)", re.IGNORECASE)
#: Media types for which the OSS server cannot write a map or a list.
_TEXT_ONLY = ("application/x-www-form-urlencoded", "text/plain")


class _InvalidRequestError(Exception):
    """The OSS server would not send the request; the text is what it reports."""


def exchange(pool: urllib3.PoolManager, request: Json) -> Outcome:
    """Make the call of an HTTP task.

    Args:
        pool: The connections.
        request: The task's `http_request`, with method and uri.

    Returns:
        The response as the task's output shows it, or None and what went wrong.
    """
    import urllib3  # noqa: PLC0415  a tenth of the time that the server needs to start

    method, shown = request["method"], _without_query(request["uri"])
    try:
        uri = encoded(request["uri"])
        body, headers = _body(request), _headers(request)
    except _InvalidRequestError as error:
        return None, str(error)
    try:
        answer = _followed(pool, method, uri, body, headers, _timeout(request))
    except (urllib3.exceptions.HTTPError, ValueError, OSError) as error:
        shown = shown if "://" in shown or shown.startswith("/") else f"/{shown}"
        return None, f'java.lang.Exception: I/O error on {method} request for "{shown}": {_io_fault(error, uri)}'
    phrase = answer.reason or http.client.responses.get(answer.status, "")
    text = _text(answer)
    if answer.status >= _FIRST_ERROR:
        quoted = f'"{text}"' if text else "[no body]"
        return None, f'java.lang.Exception: {answer.status} {phrase} on {method} request for "{shown}": {quoted}'
    return {
        "body": _parsed(text) if answer.status < http.client.MULTIPLE_CHOICES else None,
        "headers": {name: answer.headers.getlist(name) for name in answer.headers},
        "statusCode": answer.status,
        "reasonPhrase": phrase.upper().replace(" ", "_") if not answer.reason else phrase,
    }, ""


def encoded(uri: str) -> str:
    """Return the address that is called for a task's `uri`, which is a template: it is encoded once more.

    Raises:
        _InvalidRequestError: It has a variable, an invalid escape, or no scheme but a port.
    """
    if variable := _VARIABLE.search(uri):
        raise _InvalidRequestError(
            f"java.lang.IllegalArgumentException: Not enough variable values available to expand '{variable[1]}'"
        )
    parts = re.fullmatch(r"(?:([^:/?#]+):)?(?://([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#.*)?", uri, re.DOTALL)
    if parts is None:
        raise _InvalidRequestError(f"java.lang.IllegalArgumentException: Invalid URI: {uri}")
    scheme, host, path, query = parts.groups()
    if scheme is not None and not re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*", scheme):
        raise _InvalidRequestError(
            f"java.lang.IllegalArgumentException: Illegal character in scheme name at index 0: {scheme}:"
        )
    for name, part in (("path", path), ("query", query or "")):
        if _BAD_ESCAPE.search(part):
            raise _InvalidRequestError(f"org.springframework.web.util.InvalidUrlException: Bad {name}")
    made = quote(re.sub("/{2,}", "/", path), safe=_PATH_SAFE)
    if query is not None:
        made += f"?{quote(query, safe=_QUERY_SAFE)}"
    return made if scheme is None or host is None else f"{scheme}://{host}{made}"


def _without_query(uri: str) -> str:
    return re.split(r"[?#]", uri, maxsplit=1)[0]


def _followed(
    pool: urllib3.PoolManager,
    method: str,
    uri: str,
    body: bytes | None,
    headers: dict[str, str],
    timeout: urllib3.Timeout,
) -> urllib3.BaseHTTPResponse:
    """Return the response at the end of the redirects; a redirect without a target is the response."""
    seen = set()
    for _ in range(_MOST_REDIRECTS + 1):
        parts = urlsplit(uri)
        if not parts.netloc:
            raise ValueError("Target host is not specified")
        if parts.scheme not in {"http", "https"}:
            raise ValueError(f"Unroutable protocol scheme: {parts.scheme}://{parts.netloc}")
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query or uri.endswith("?") else "")
        pools = pool.connection_from_url(uri)
        answer = pools.urlopen(
            method, target, body=body, headers=headers, timeout=timeout, redirect=False, retries=False
        )
        location = answer.headers.get("Location")
        if answer.status not in _REDIRECTS or not location:
            return answer
        following = urljoin(uri, location)
        if following in seen:
            raise ValueError(f"Circular redirect to '{following}'")
        seen.add(following)
        if answer.status not in _KEEP_METHOD and method not in {"GET", "HEAD", "OPTIONS", "TRACE"}:
            method, body, headers = "GET", None, {}
        if urlsplit(following).netloc != parts.netloc:
            headers = {k: v for k, v in headers.items() if k.lower() not in {"authorization", "cookie"}}
        uri = following
    raise ValueError(f"Maximum redirects ({_MOST_REDIRECTS}) exceeded")


def _io_fault(error: Exception, uri: str) -> str:
    import urllib3  # noqa: PLC0415

    parts = urlsplit(uri)
    host = parts.netloc.rpartition("@")[2]
    if isinstance(error, urllib3.exceptions.NameResolutionError):
        return f"{parts.hostname}: Name or service not known"
    if isinstance(error, urllib3.exceptions.NewConnectionError):
        return f"Connect to {parts.scheme}://{host} failed: Connection refused"
    if isinstance(error, urllib3.exceptions.ConnectTimeoutError):
        return f"Connect to {parts.scheme}://{host} failed: Connect timed out"
    if isinstance(error, urllib3.exceptions.ReadTimeoutError):
        return "Read timed out"
    if isinstance(error, urllib3.exceptions.ProtocolError) and "without response" in str(error):
        return f"{host} failed to respond"
    return str(error)


def _headers(request: Json) -> dict[str, str]:
    accept = request.get("accept") or "application/json"
    made = {"Accept": ", ".join(map(java_text, accept)) if isinstance(accept, list) else java_text(accept)}
    made["Content-Type"] = _content_type(request)
    for name, value in (request.get("headers") or {}).items():
        if value is not None:
            made[name] = ", ".join(map(java_text, value)) if isinstance(value, list) else java_text(value)
    return made


def _content_type(request: Json) -> str:
    kind = request.get("contentType", "application/json")
    if kind is None or not kind.strip():
        raise _InvalidRequestError(
            f'org.springframework.http.InvalidMediaTypeException: Invalid mime type "{java_text(kind)}": '
            "'mimeType' must not be empty"
        )
    return str(kind)


def _body(request: Json) -> bytes | None:
    value, kind = request.get("body"), _content_type(request)
    if value is None:
        return None
    if isinstance(value, str):
        return value.encode(errors="replace")
    if kind.partition(";")[0].strip().lower() in _TEXT_ONLY:
        name = "java.util.LinkedHashMap" if isinstance(value, dict) else "java.util.ArrayList"
        raise _InvalidRequestError(f'java.lang.Exception: No HttpMessageConverter for {name} and content type "{kind}"')
    return dumps(value)


def _timeout(request: Json) -> urllib3.Timeout:
    import urllib3  # noqa: PLC0415

    def seconds(name: str) -> float:
        value = request.get(name) or 0
        return (value if value > 0 else _DEFAULT_TIMEOUT_MS) / 1000

    return urllib3.Timeout(connect=seconds("connectionTimeOut"), read=seconds("readTimeOut"))


def _text(answer: urllib3.BaseHTTPResponse) -> str:
    """Decode the body by its charset: UTF-8 for JSON, Latin-1 for the rest, as Spring does."""
    kind = answer.headers.get("Content-Type", "")
    named = _CHARSET.search(kind)
    is_json = "json" in kind.partition(";")[0].lower()
    charset = named[1] if named else ("utf-8" if is_json else "latin-1")
    try:
        return answer.data.decode(charset, "replace")
    except LookupError:
        return answer.data.decode("utf-8", "replace")


def _parsed(text: str) -> Any:
    """Parse JSON objects, lists, strings and numbers, which become doubles; other text stays as it is."""
    if not text:
        return None
    try:
        value = loads(text)
    except ValueError:
        return text
    if value is None or isinstance(value, bool):
        return text
    return float(value) if isinstance(value, int) else value
