"""HTTP requests that tasks make: the exchange itself, and the service that runs it."""

from __future__ import annotations

import contextlib
import http.client
import logging
import re
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urljoin, urlsplit

from conductor.models.codec import dumps, loads
from conductor.server.engine.commands import CallHttp
from conductor.server.engine.context import RefusedError
from conductor.server.engine.decide import unexpected_error
from conductor.server.engine.expressions.java_text import java_text
from conductor.server.engine.json_fields import Reader, integer, mapping, read, string
from conductor.server.engine.outcome import touch
from conductor.server.engine.state import Doc, Execution, is_done
from conductor.server.engine.tasks.external import end_http
from conductor.server.engine.tasks.planning import Run
from conductor.server.runtime.kernel import Kernel
from conductor.server.runtime.transactions import ServerStoppingError

if TYPE_CHECKING:
    import urllib3

Json = dict[str, Any]
Outcome = tuple[Json | None, str]

#: Milliseconds to connect, and to wait for data, if the task sets no timeout.
_DEFAULT_TIMEOUT_MS = 3000
#: Seconds for a whole exchange, including redirects, in addition to the task's timeouts for each wait.
_MAX_SECONDS = 60.0
#: Bytes of a response, after decompression: the largest output that the OSS server stores.
_MAX_BYTES = 10 * 1024 * 1024
#: Bytes to read at a time.
_CHUNK_BYTES = 64 * 1024
#: The lowest HTTP status that fails the task.
_FIRST_ERROR = 400
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
#: Redirects that repeat the request with its method and body.
_KEEP_METHOD = frozenset({307, 308})
#: Redirects to follow, as on the OSS server.
_MAX_REDIRECTS = 50
#: Characters that URI encoding does not change, as in the OSS server.
_PATH_SAFE, _QUERY_SAFE = "/!$&'()*+,;=:@-._~", "/?!$&'()*+,;=:@-._~"
_VARIABLE = re.compile(r"\{([^{}/]+)\}")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_CHARSET = re.compile(r"charset=\"?([\w.:-]+)", re.IGNORECASE)
#: Media types for which the OSS server cannot send a map or a list.
_TEXT_ONLY = ("application/x-www-form-urlencoded", "text/plain")


class _InvalidRequestError(Exception):
    """The OSS server would not send the request; the message is the reason that it reports."""


def exchange(pool: urllib3.PoolManager, request: Json) -> Outcome:
    """Make the call of an HTTP task.

    Args:
        pool: The connections.
        request: The task's ``http_request``, with method and uri.

    Returns:
        The response as it appears in the task's output, or None and the reason of the failure.
    """
    import urllib3  # importing it takes a tenth of the server's start-up time

    method, shown = request["method"], _without_query(request["uri"])
    try:
        uri = encoded(request["uri"])
        body, headers = _body(request), _headers(request)
    except _InvalidRequestError as error:
        return None, str(error)
    try:
        with _deadline(_seconds(request, "connectionTimeOut") + _seconds(request, "readTimeOut") + _MAX_SECONDS):
            answer, content = _follow_redirects(pool, method, uri, body, headers, _timeout(request))
    except (urllib3.exceptions.HTTPError, ValueError, OSError) as error:
        shown = shown if "://" in shown or shown.startswith("/") else f"/{shown}"
        return None, f'java.lang.Exception: I/O error on {method} request for "{shown}": {_io_fault(error, uri)}'
    phrase = answer.reason or http.client.responses.get(answer.status, "")
    text = _text(answer, content)
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
    """Return the URI to call for a task's ``uri``.

    The OSS server treats it as a template, so that percent signs are encoded again.

    Raises:
        _InvalidRequestError: It contains a variable or an invalid escape, or has a port but no scheme.
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


def _follow_redirects(
    pool: urllib3.PoolManager,
    method: str,
    uri: str,
    body: bytes | None,
    headers: dict[str, str],
    timeout: urllib3.Timeout,
) -> tuple[urllib3.BaseHTTPResponse, bytes]:
    """Return the last response and its body. A redirect without a target is a response like any other."""
    seen = set()
    for _ in range(_MAX_REDIRECTS + 1):
        parts = urlsplit(uri)
        if not parts.netloc:
            raise ValueError("Target host is not specified")
        if parts.scheme not in {"http", "https"}:
            raise ValueError(f"Unroutable protocol scheme: {parts.scheme}://{parts.netloc}")
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query or uri.endswith("?") else "")
        pools = pool.connection_from_url(uri)
        answer = pools.urlopen(
            method,
            target,
            body=body,
            headers=headers,
            timeout=timeout,
            redirect=False,
            retries=False,
            preload_content=False,
        )
        content = _content(answer)
        location = answer.headers.get("Location")
        if answer.status not in _REDIRECTS or not location:
            return answer, content
        following = urljoin(uri, location)
        if following in seen:
            raise ValueError(f"Circular redirect to '{following}'")
        seen.add(following)
        if answer.status not in _KEEP_METHOD and method not in {"GET", "HEAD", "OPTIONS", "TRACE"}:
            method, body, headers = "GET", None, {}
        if urlsplit(following).netloc != parts.netloc:
            headers = {k: v for k, v in headers.items() if k.lower() not in {"authorization", "cookie"}}
        uri = following
    raise ValueError(f"Maximum redirects ({_MAX_REDIRECTS}) exceeded")


def _content(answer: urllib3.BaseHTTPResponse) -> bytes:
    content = bytearray()
    for chunk in answer.stream(_CHUNK_BYTES, decode_content=True):
        content += chunk
        if len(content) > _MAX_BYTES:
            answer.close()
            raise ValueError(f"The response has more than {_MAX_BYTES} bytes")
    return bytes(content)


#: The sockets of the exchanges under way, by thread.
_open_sockets: dict[int, list[socket.socket]] = {}


def register_socket(opened: socket.socket | None) -> None:
    """Register a connection of this thread, to shut it down at the exchange's deadline."""
    sockets = _open_sockets.get(threading.get_ident())
    if sockets is not None and opened is not None and opened not in sockets:
        sockets.append(opened)


@contextlib.contextmanager
def _deadline(seconds: float) -> Iterator[None]:
    """Shut down the connections of this thread after ``seconds``: a slow response can stay within each timeout."""
    thread, is_late = threading.get_ident(), threading.Event()
    sockets = _open_sockets[thread] = []

    def shut_down() -> None:
        is_late.set()
        for one in tuple(sockets):
            with contextlib.suppress(OSError):  # already closed
                one.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, shut_down)
    timer.daemon = True
    timer.start()
    try:
        yield
    except Exception:  # closing the socket can make any call of urllib3 fail
        if is_late.is_set():
            raise ValueError(f"The call took longer than {seconds:g} seconds") from None
        raise
    finally:
        timer.cancel()
        del _open_sockets[thread]
    if is_late.is_set():
        raise ValueError(f"The call took longer than {seconds:g} seconds")


def new_pool(at_once: int) -> urllib3.PoolManager:
    """Return a pool whose connections are shut down at the deadlines of exchanges.

    Args:
        at_once: Connections to keep open for each host.
    """
    import urllib3  # importing it takes a tenth of the server's start-up time

    class Connection(urllib3.connection.HTTPConnection):
        def getresponse(self) -> urllib3.HTTPResponse:  # type: ignore[override]
            register_socket(self.sock)
            return super().getresponse()

    class TlsConnection(urllib3.connection.HTTPSConnection):
        def getresponse(self) -> urllib3.HTTPResponse:  # type: ignore[override]
            register_socket(self.sock)
            return super().getresponse()

    class Pool(urllib3.HTTPConnectionPool):
        ConnectionCls = Connection

    class TlsPool(urllib3.HTTPSConnectionPool):
        ConnectionCls = TlsConnection

    manager = urllib3.PoolManager(maxsize=at_once, retries=False)
    manager.pool_classes_by_scheme = {"http": Pool, "https": TlsPool}
    return manager


def _io_fault(error: Exception, uri: str) -> str:
    import urllib3

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


def _seconds(request: Json, name: str) -> float:
    value = request.get(name) or 0
    return float(value if value > 0 else _DEFAULT_TIMEOUT_MS) / 1000


def _timeout(request: Json) -> urllib3.Timeout:
    import urllib3

    return urllib3.Timeout(connect=_seconds(request, "connectionTimeOut"), read=_seconds(request, "readTimeOut"))


def _text(answer: urllib3.BaseHTTPResponse, content: bytes) -> str:
    """Decode the body by its charset; by default UTF-8 for JSON and Latin-1 for the rest, as Spring does."""
    kind = answer.headers.get("Content-Type", "")
    named = _CHARSET.search(kind)
    is_json = "json" in kind.partition(";")[0].lower()
    charset = named[1] if named else ("utf-8" if is_json else "latin-1")
    try:
        return content.decode(charset, "replace")
    except LookupError:
        return content.decode("utf-8", "replace")


def _parsed(text: str) -> Any:
    """Parse JSON objects, lists, strings and numbers (to doubles); any other text remains a string."""
    if not text:
        return None
    try:
        value = loads(text)
    except ValueError:
        return text
    if value is None or isinstance(value, bool):
        return text
    return float(value) if isinstance(value, int) else value


#: Updates a task with the outcome of the work done for it.
End = Callable[[Run], None]

logger = logging.getLogger(__name__)

_METHODS = {"GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE"}
_REQUEST: Mapping[str, Reader] = {
    "uri": string,
    "method": string,
    "headers": mapping,
    "contentType": string,
    "connectionTimeOut": integer,
    "readTimeOut": integer,
}


class HttpCalls:
    """Makes the calls of HTTP tasks.

    Args:
        kernel: The server's state.
        at_once: Maximum number of concurrent calls; further calls wait.

    Attributes:
        under_way: Number of calls that have not finished.
        intercept: Makes a call; takes the request and the default function.
    """

    def __init__(self, kernel: Kernel, at_once: int = 200) -> None:
        self._kernel = kernel
        self._slots = threading.BoundedSemaphore(at_once)
        self._at_once = at_once
        self.under_way: int = 0
        self.intercept: Callable[[Json, Callable[[Json], Outcome]], Outcome] = lambda request, call: call(request)
        kernel.handlers[CallHttp] = self._call_later

    @cached_property
    def _pool(self) -> urllib3.PoolManager:
        return new_pool(self._at_once)

    def _call_later(self, execution: Execution, command: CallHttp) -> None:
        self.run_later(execution.id, command.task_id, partial(self._call, command.request))

    def _call(self, request: Json) -> End:
        return partial(end_call, *self.answer(request))

    def run_later(self, workflow_id: str, task_id: str, work: Callable[[], End]) -> None:
        """Run a function on a new thread, after the current change is committed.

        Args:
            workflow_id: The execution.
            task_id: The task for which it runs.
            work: The function, which returns a function that updates the task. The second function is not called if the
                task has ended in the meantime.
        """
        self._kernel.after_commit.append(partial(self._begin, workflow_id, task_id, work))

    def _begin(self, workflow_id: str, task_id: str, work: Callable[[], End]) -> None:
        self.under_way += 1
        thread = threading.Thread(target=self._work, args=(workflow_id, task_id, work), name="http-task", daemon=True)
        thread.start()

    def _work(self, workflow_id: str, task_id: str, work: Callable[[], End]) -> None:
        with self._slots:
            try:
                end = work()
            except ServerStoppingError:  # the next start of the server makes the call again
                return
        with self._kernel.lock:
            self.under_way -= 1
            if not self._kernel.is_closed:
                self._end(workflow_id, task_id, end)

    def _end(self, workflow_id: str, task_id: str, end: End) -> None:
        with self._kernel.change() as context:
            execution = self._kernel.find(workflow_id)
            task = execution.task(task_id) if execution is not None else None
            if execution is None or task is None or is_done(task):
                return
            end(Run(execution, context, task, _no_iteration))
            touch(task, context.now)
            self._kernel.advance(execution)

    def answer(self, request: Json) -> tuple[Json | None, str]:
        """Return the response, or None and the reason of the failure."""
        try:
            request = read(request, _REQUEST)
        except RefusedError as error:
            return None, f"java.lang.IllegalArgumentException: Invalid HTTP request: {error.message}"
        if request["method"] not in _METHODS:
            return None, f"java.lang.IllegalArgumentException: Invalid HTTP method: {request['method']}"
        try:
            return self.intercept(request, partial(exchange, self._pool))
        except Exception as error:  # after any error, the task must get an outcome
            logger.warning("event=server.http_task_failed", exc_info=True)
            return None, f"java.lang.Exception: {unexpected_error(error)}"


def end_call(response: Json | None, fault: str, run: Run) -> None:
    """Update a task with the response to its call, or with the reason of the call's failure."""
    kind = run.context.extensions.kinds.get(run.task["taskType"])
    answer = end_http if kind is None or kind.answer is None else kind.answer
    answer(run, response, fault)


def _no_iteration(_: Doc) -> None:
    raise AssertionError("An HTTP task is not a loop")
