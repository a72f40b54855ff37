"""Verify the signatures of webhooks that your application receives, and sign webhooks.

If the sender signs the time (Stripe, Slack, ``sign_webhook``), ``tolerance`` protects against replays. GitHub, the
default scheme, signs only the body, so an attacker can resend an intercepted delivery at any time. To ignore GitHub's
own redeliveries, store the ids in ``X-GitHub-Delivery`` that you have processed. The id is not signed: where a replay
would cause harm, also check the content of the body.

For Flask, Django, or any framework that provides the headers and the body as bytes::

    verify_webhook(request.get_data(), request.headers, SECRET)                  # Flask
    verify_webhook(request.body, request.headers, SECRET, scheme="stripe")       # Django
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any

from attrs import frozen

from conductor._internal.durations import to_seconds
from conductor.errors import ConfigurationError, WebhookVerificationError

__all__ = ["SCHEMES", "WebhookScheme", "sign_webhook", "verify_webhook"]

#: Seconds between sending and verification, as in Stripe's and Slack's own libraries.
_TOLERANCE_S = 300.0
#: Bytes; a shorter secret is probably a placeholder.
_MIN_SECRET = 8


@frozen
class WebhookScheme:
    """The way a sender signs webhooks: HMAC over the body, or over a timestamp and the body.

    Attributes:
        header: The header with the signature.
        prefix: The text before the hexadecimal digits of the signature.
        algorithm: The hash algorithm: ``sha256``, ``sha1`` (old senders) and so on.
        timestamp_header: The header with the time of sending in epoch seconds; None if the sender does not sign it, so
            replays are not detected.
        template: The content that is signed, with ``{timestamp}`` and ``{body}``.
        in_header: Whether the header consists of ``t=<timestamp>,v1=<signature>`` pairs, as Stripe's does.
    """

    header: str = "X-Signature-256"
    prefix: str = "sha256="
    algorithm: str = "sha256"
    timestamp_header: str | None = None
    template: str = "{body}"
    in_header: bool = False


#: The schemes of known senders. ``conductor`` is the default of ``sign_webhook``.
SCHEMES: Mapping[str, WebhookScheme] = {
    "github": WebhookScheme("X-Hub-Signature-256"),
    "stripe": WebhookScheme("Stripe-Signature", "", in_header=True, template="{timestamp}.{body}"),
    "slack": WebhookScheme(
        "X-Slack-Signature", "v0=", timestamp_header="X-Slack-Request-Timestamp", template="v0:{timestamp}:{body}"
    ),
    "conductor": WebhookScheme(
        "X-Conductor-Signature", timestamp_header="X-Conductor-Timestamp", template="{timestamp}.{body}"
    ),
}


def verify_webhook(
    body: bytes,
    headers: Mapping[str, str],
    secret: str | bytes | Iterable[str | bytes],
    *,
    scheme: str | WebhookScheme = "github",
    tolerance: float | timedelta = _TOLERANCE_S,
    clock: Callable[[], float] = time.time,
) -> None:
    """Verify the signature of a webhook, in constant time; returns if it is valid.

    Args:
        body: The body exactly as it was received; parsed and serialized JSON has another signature.
        headers: The request's headers, in any case.
        secret: The shared secret, or several while you rotate it.
        scheme: A name in ``SCHEMES``, or your own ``WebhookScheme``. With ``github``, which does not sign the time,
            replays are not detected.
        tolerance: Seconds, or a ``timedelta``, that the time of sending may be in the past or in the future; used if
            the sender signs the time.
        clock: Returns the current time in epoch seconds.

    Raises:
        WebhookVerificationError: The signature is missing or invalid, or the webhook is too old. Respond with 401, and
            do not send the reason to the sender.
        ConfigurationError: The secret, the scheme, or the type of the body or of the headers is invalid.
    """
    content = _content(body)
    chosen = find_scheme(scheme)
    secrets = _secrets(secret)
    known = _known(headers)
    timestamp, given = _timestamp_and_signatures(chosen, known)
    if timestamp is not None:
        _check_age(timestamp, tolerance, clock())
    expected = [_signature(chosen, each, timestamp, content) for each in secrets]
    # every pair is compared, so the time does not reveal which secret matches
    matches = [
        hmac.compare_digest(right.encode(), one.encode("utf-8", "replace")) for right in expected for one in given
    ]
    if not any(matches):
        raise WebhookVerificationError(
            f"The signature in {chosen.header} does not match the body: the secret is wrong, or the body has changed "
            "(pass it exactly as it was received)."
        )


def sign_webhook(
    body: bytes,
    secret: str | bytes,
    *,
    scheme: str | WebhookScheme = "conductor",
    clock: Callable[[], float] = time.time,
) -> dict[str, str]:
    """Sign a webhook, for tests and for calls of your own services.

    Args:
        body: The body to send.
        secret: The shared secret.
        scheme: A name in ``SCHEMES``, or your own ``WebhookScheme``.
        clock: Returns the current time in epoch seconds.

    Returns:
        The headers to send with the body.

    Raises:
        ConfigurationError: The secret, the scheme or the type of the body is invalid.
    """
    chosen = find_scheme(scheme)
    timestamp = str(int(clock())) if chosen.timestamp_header or chosen.in_header else None
    signature = _signature(chosen, _secrets(secret)[0], timestamp, _content(body))
    if chosen.in_header:
        return {chosen.header: f"t={timestamp},v1={signature}"}
    headers = {chosen.header: signature}
    if chosen.timestamp_header and timestamp is not None:
        headers[chosen.timestamp_header] = timestamp
    return headers


def find_scheme(scheme: str | WebhookScheme) -> WebhookScheme:
    """Return the scheme of a name.

    Raises:
        ConfigurationError: The scheme does not exist.
    """
    chosen: WebhookScheme | None = None
    if isinstance(scheme, WebhookScheme):
        chosen = scheme
    elif isinstance(scheme, str):
        chosen = SCHEMES.get(scheme)
    if chosen is None or not _can_sign(chosen):
        raise ConfigurationError(
            f"Invalid webhook scheme {scheme!r}; use one of {', '.join(SCHEMES)}, or a WebhookScheme.",
            variable="scheme",
            value=scheme,
            allowed=f"{', '.join(SCHEMES)}, or a WebhookScheme",
        )
    return chosen


def _can_sign(scheme: WebhookScheme) -> bool:
    strings = (scheme.header, scheme.prefix, scheme.algorithm, scheme.template, scheme.timestamp_header or "")
    if not all(isinstance(one, str) for one in strings) or "{body}" not in scheme.template:
        return False
    try:
        return bool(hmac.new(b"secret", b"", scheme.algorithm).hexdigest())
    except (TypeError, ValueError):  # unknown, or without a fixed length (shake_128)
        return False


def _content(body: bytes) -> bytes:
    if not isinstance(body, bytes | bytearray | memoryview):
        raise ConfigurationError(
            f"The body must be bytes, exactly as it was received; it is {type(body).__name__}.",
            variable="body",
            allowed="bytes",
        )
    return bytes(body)


def _known(headers: Mapping[str, str]) -> dict[str, str]:
    pairs = list(headers.items()) if hasattr(headers, "items") else [("", None)]
    if not all(isinstance(text, str) for pair in pairs for text in pair):
        raise ConfigurationError(
            "headers must be the headers of the request, strings by name, such as request.headers.",
            variable="headers",
            allowed="a mapping of strings",
        )
    return {name.lower(): str(value) for name, value in pairs}


def _secrets(secret: str | bytes | Iterable[str | bytes]) -> list[bytes]:
    if isinstance(secret, str | bytes):
        given: list[Any] = [secret]
    else:
        given = list(secret) if isinstance(secret, Iterable) else []
    found = [each.encode("utf-8", "surrogatepass") if isinstance(each, str) else each for each in given]
    if not found or not all(isinstance(each, bytes) and len(each) >= _MIN_SECRET for each in found):
        raise ConfigurationError(
            f"The webhook secret is missing or too short; it must have at least {_MIN_SECRET} bytes.",
            variable="secret",
            allowed=f"a string or bytes of at least {_MIN_SECRET} bytes",
        )
    return found


def _timestamp_and_signatures(scheme: WebhookScheme, headers: Mapping[str, str]) -> tuple[str | None, list[str]]:
    value = headers.get(scheme.header.lower(), "").strip()
    if not value:
        raise WebhookVerificationError(f"The request has no {scheme.header} header.")
    if scheme.in_header:
        pairs = [part.strip().partition("=")[::2] for part in value.split(",")]
        timestamp = next((text for name, text in pairs if name == "t"), None)
        if timestamp is None:
            raise WebhookVerificationError(f"The {scheme.header} header has no timestamp (t=...).")
        return timestamp, [text for name, text in pairs if name == "v1"]
    if scheme.timestamp_header is None:
        return None, [value]
    timestamp = headers.get(scheme.timestamp_header.lower(), "").strip()
    if not timestamp:
        raise WebhookVerificationError(f"The request has no {scheme.timestamp_header} header.")
    return timestamp, [value]


def _check_age(timestamp: str, tolerance: float | timedelta, now: float) -> None:
    allowed = to_seconds(tolerance, "tolerance")
    try:
        age = now - float(timestamp)
    except ValueError:
        raise WebhookVerificationError("The timestamp of the webhook is not a number.") from None
    if not -allowed <= age <= allowed:
        raise WebhookVerificationError(
            f"The webhook was sent {abs(age):.0f} s {'ago' if age > 0 else 'in the future'}, but only {allowed:.0f} s "
            "are allowed: it is a replay or delayed, or a clock is wrong."
        )


def _signature(scheme: WebhookScheme, secret: bytes, timestamp: str | None, body: bytes) -> str:
    before, _, after = scheme.template.partition("{body}")
    stamp = timestamp or ""
    signed = before.replace("{timestamp}", stamp).encode() + body + after.replace("{timestamp}", stamp).encode()
    return scheme.prefix + hmac.new(secret, signed, scheme.algorithm).hexdigest()
