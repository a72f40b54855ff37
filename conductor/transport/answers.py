"""Answers read: the value that an operation promises, or the error that says what came in its place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import requests
import urllib3

from conductor.errors import APIError, UnexpectedResponseError
from conductor.models.codec import loads
from conductor.models.wire import structure
from conductor.transport.status import Call, status_error

__all__ = ["answer", "error_of"]


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
