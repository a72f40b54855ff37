"""Calls of services: HTTP and gRPC."""

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
    """Let the server make an HTTP request (``HTTP``). ``step.output.response`` has body, headers and statusCode.

    Args:
        uri: The address.
        method: The HTTP method.
        headers: Values, or lists of values, by name.
        body: A JSON value or a string.
        accept: The accepted media types; the server's default is ``application/json``.
        content_type: The media type of the body; the server's default is ``application/json``.
        connection_timeout_ms: Milliseconds to connect; the server's default is 3000.
        read_timeout_ms: Milliseconds to wait for data; the server's default is 3000.
        encode: Whether the server encodes the address (Orkes).
        hedging: ``{"maxAttempts": n}`` (Orkes).
        flat: Whether these parameters become separate input parameters instead of ``http_request``; the server
            accepts both forms.
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
    """Let the server repeat an HTTP request until a condition is true (``HTTP_POLL``, Orkes).

    Args:
        uri: The address.
        until: A JavaScript condition on ``$.output.response``; true ends the polling.
        method: The HTTP method.
        interval: Seconds, or a ``timedelta``, between two requests.
        strategy: ``FIXED``, ``LINEAR_BACKOFF`` or ``EXPONENTIAL_BACKOFF``.
        max_polls: The maximum number of requests.
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
    """Let the server make a gRPC call (``GRPC``, Orkes).

    Args:
        service: The name of the registered service.
        method: The method, as ``package.Service/Method``.
        request: The request message.
        host: The host, without a registered service.
        port: The port.
        use_ssl: Whether to use TLS.
        trust_cert: Whether to trust any certificate.
        headers: Metadata of the call.
        method_type: ``UNARY``, ``SERVER_STREAMING``, ``CLIENT_STREAMING`` or ``BIDIRECTIONAL_STREAMING``.
        input_type: The message type of the request.
        output_type: The message type of the response.
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
