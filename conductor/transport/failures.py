"""What the HTTP library raises, in the SDK's own errors."""

from __future__ import annotations

import contextlib
import http.client
import re
import ssl
from collections.abc import Iterator
from typing import Any

import requests
import urllib3
from urllib3.exceptions import NewConnectionError

from conductor.errors import APIConnectionError, APITimeoutError
from conductor.transport.status import Call

__all__ = ["translated"]

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
