"""Calls to services: HTTP and gRPC."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from typing_extensions import Unpack

from conductor._internal.durations import timedelta_to_seconds
from conductor.workflow.step import Options, Step, make

__all__ = ["grpc", "http", "http_poll"]


def http(
    uri: Any,
    method: str | None = "GET",
    *,
    headers: Any = None,
    body: Any = None,
    accept: str | Sequence[str] | None = None,
    content_type: str | None = None,
    connection_timeout_ms: int | None = None,
    read_timeout_ms: int | None = None,
    encode: bool | None = None,
    hedging: Mapping[str, Any] | None = None,
    flat: bool = False,
    **options: Unpack[Options],
) -> Step:
    """An HTTP request by the server (``HTTP``); the output is ``response`` with body, headers and statusCode.

    Args:
        uri: The address.
        method: The verb.
        headers: Name to value, or to a list of values.
        body: JSON, or text.
        accept: Media types of the answer; ``application/json`` on the server's side.
        content_type: The body's media type; ``application/json`` on the server's side.
        connection_timeout_ms: Milliseconds; 3000 on the server's side.
        read_timeout_ms: Milliseconds; 3000 on the server's side.
        encode: Whether the address is encoded (Orkes).
        hedging: ``{"maxAttempts": n}`` (Orkes).
        flat: Make these the input parameters themselves, and not those of ``http_request``; both work alike.
        options: See ``Options``.
    """
    request = _request(
        uri, method, headers, body, accept, content_type, connection_timeout_ms, read_timeout_ms, encode, hedging
    )
    step: Step = make("HTTP", request if flat else {"http_request": request}, options)
    return step


def http_poll(
    uri: Any,
    until: str,
    method: str | None = "GET",
    *,
    interval: int | timedelta | None = None,
    strategy: str | None = None,
    max_polls: int | None = None,
    headers: Any = None,
    body: Any = None,
    accept: str | Sequence[str] | None = None,
    content_type: str | None = None,
    connection_timeout_ms: int | None = None,
    read_timeout_ms: int | None = None,
    encode: bool | None = None,
    **options: Unpack[Options],
) -> Step:
    """An HTTP request that is repeated until a condition holds (``HTTP_POLL``, Orkes).

    Args:
        uri: The address.
        until: JavaScript over ``$.output.response``; true ends the polling.
        method: The verb.
        interval: Seconds between two requests, or a ``timedelta``.
        strategy: ``FIXED``, ``LINEAR_BACKOFF`` or ``EXPONENTIAL_BACKOFF``.
        max_polls: How often at most.
        headers: See ``http``.
        body: See ``http``.
        accept: See ``http``.
        content_type: See ``http``.
        connection_timeout_ms: See ``http``.
        read_timeout_ms: See ``http``.
        encode: See ``http``.
        options: See ``Options``.
    """
    request = _request(
        uri, method, headers, body, accept, content_type, connection_timeout_ms, read_timeout_ms, encode, None
    )
    polling = {
        "terminationCondition": until,
        "pollingInterval": timedelta_to_seconds(interval, "interval"),
        "pollingStrategy": strategy,
        "maxPollCount": max_polls,
    }
    request.update({key: value for key, value in polling.items() if value is not None})
    step: Step = make("HTTP_POLL", {"http_request": request}, options)
    return step


def _request(
    uri: Any,
    method: str | None,
    headers: Any,
    body: Any,
    accept: str | Sequence[str] | None,
    content_type: str | None,
    connection_timeout_ms: int | None,
    read_timeout_ms: int | None,
    encode: bool | None,
    hedging: Mapping[str, Any] | None,
) -> dict[str, Any]:
    given = {
        "uri": uri,
        "method": method,
        "headers": headers,
        "body": body,
        "accept": accept,
        "contentType": content_type,
        "connectionTimeOut": connection_timeout_ms,
        "readTimeOut": read_timeout_ms,
        "encode": encode,
        "hedgingConfig": hedging,
    }
    return {key: value for key, value in given.items() if value is not None}


def grpc(
    service: Any,
    method: str,
    request: Any = None,
    *,
    host: Any = None,
    port: Any = None,
    use_ssl: bool | None = None,
    trust_cert: bool | None = None,
    headers: Any = None,
    method_type: str | None = None,
    input_type: str | None = None,
    output_type: str | None = None,
    hedging: Mapping[str, Any] | None = None,
    **options: Unpack[Options],
) -> Step:
    """A gRPC call by the server (``GRPC``, Orkes).

    Args:
        service: The registered service's name.
        method: The method, as ``package.Service/Method``.
        request: The message.
        host: The host, where no service is registered.
        port: Its port.
        use_ssl: Whether to use TLS.
        trust_cert: Whether to trust any certificate.
        headers: Metadata of the call.
        method_type: ``UNARY``, ``SERVER_STREAMING``, ``CLIENT_STREAMING`` or ``BIDIRECTIONAL_STREAMING``.
        input_type: The request's message type.
        output_type: The answer's message type.
        hedging: ``{"maxAttempts": n}``.
        options: See ``Options``.
    """
    given = {
        "service": service,
        "method": method,
        "host": host,
        "port": port,
        "useSSL": use_ssl,
        "trustCert": trust_cert,
        "headers": headers,
        "request": request,
        "methodType": method_type,
        "inputType": input_type,
        "outputType": output_type,
        "hedgingConfig": hedging,
    }
    step: Step = make("GRPC", {key: value for key, value in given.items() if value is not None}, options)
    return step
