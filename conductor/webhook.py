"""Webhooks that your own application receives: is this really from whom it says, and is it new?

A sender that signs the time (Stripe, Slack, ours) is protected against replays by ``tolerance``. GitHub, the default,
signs the body alone: a delivery that was caught can be sent again at any time. Its id is in ``X-GitHub-Delivery``: keep
the ids that you have acted on, and do nothing for one that comes again. The id is not signed, so that this is against
GitHub's own redeliveries; where a replay would do harm, look at something in the body as well.

For Flask, Django or anything that has headers and the body as bytes::

    verify_webhook(request.get_data(), request.headers, SECRET)                  # Flask
    verify_webhook(request.body, request.headers, SECRET, scheme="stripe")       # Django
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta

from attrs import frozen

from conductor._internal.durations import to_seconds
from conductor.errors import ConfigurationError, WebhookVerificationError

__all__ = ["SCHEMES", "WebhookScheme", "sign_webhook", "verify_webhook"]

_WINDOW = 300.0
_SHORTEST_SECRET = 8


@frozen
class WebhookScheme:
    """How a sender signs: HMAC over the body, or over a timestamp and the body.

    Attributes:
        header: The header that holds the signature.
        prefix: What stands before the hexadecimal digits.
        algorithm: ``sha256``, ``sha1`` (old senders) and so on.
        timestamp_header: The header with the time of sending in epoch seconds; without it nothing is known of replays.
        template: What is signed, of ``{timestamp}`` and ``{body}``.
        in_header: The header holds ``t=<timestamp>,v1=<signature>`` pairs, as Stripe's.
    """

    header: str = "X-Signature-256"
    prefix: str = "sha256="
    algorithm: str = "sha256"
    timestamp_header: str | None = None
    template: str = "{body}"
    in_header: bool = False


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
"""Known senders. ``conductor`` is what ``sign_webhook`` makes by default."""


def verify_webhook(
    body: bytes,
    headers: Mapping[str, str],
    secret: str | bytes | Iterable[str | bytes],
    *,
    scheme: str | WebhookScheme = "github",
    tolerance: float | timedelta = _WINDOW,
    clock: Callable[[], float] = time.time,
) -> None:
    """Return when a webhook is genuine; the comparison takes the same time for every wrong signature.

    Args:
        body: The body exactly as it came; JSON read and written again has another signature.
        headers: The request's headers; their case does not matter.
        secret: The shared secret; several while one replaces another.
        scheme: A name of ``SCHEMES``, or your own ``WebhookScheme``. With ``github``, which signs no time, nothing is
            known of replays.
        tolerance: How many seconds old a webhook may be, and how far in the future, where the sender signs the time.
        clock: The time in epoch seconds.

    Raises:
        WebhookVerificationError: It is not genuine, or too old; answer 401, and do not say why to the sender.
        ConfigurationError: The secret or the scheme cannot be used.
    """
    if not isinstance(body, bytes | bytearray | memoryview):
        raise ConfigurationError(
            f"The body of a webhook is verified as bytes, as it came, and not as {type(body).__name__}.",
            variable="body",
            allowed="bytes",
        )
    chosen = _scheme(scheme)
    secrets = _secrets(secret)
    known = {name.lower(): value for name, value in headers.items()}
    timestamp, given = _given(chosen, known)
    if timestamp is not None:
        _check_age(timestamp, tolerance, clock())
    expected = [_signature(chosen, each, timestamp, bytes(body)) for each in secrets]
    # every pair is compared, so that the time says nothing about which one is right
    matches = [
        hmac.compare_digest(right.encode(), one.encode("utf-8", "replace")) for right in expected for one in given
    ]
    if not any(matches):
        raise WebhookVerificationError(
            f"The signature in {chosen.header} does not fit the body: another secret, or the body was changed (it has "
            "to be verified exactly as it came)."
        )


def sign_webhook(
    body: bytes,
    secret: str | bytes,
    *,
    scheme: str | WebhookScheme = "conductor",
    clock: Callable[[], float] = time.time,
) -> dict[str, str]:
    """The headers with which a sender would send ``body``; for tests, and for calling your own services."""
    chosen = _scheme(scheme)
    timestamp = str(int(clock())) if chosen.timestamp_header or chosen.in_header else None
    signature = _signature(chosen, _secrets(secret)[0], timestamp, body)
    if chosen.in_header:
        return {chosen.header: f"t={timestamp},v1={signature}"}
    headers = {chosen.header: signature}
    if chosen.timestamp_header and timestamp is not None:
        headers[chosen.timestamp_header] = timestamp
    return headers


def _scheme(scheme: str | WebhookScheme) -> WebhookScheme:
    if isinstance(scheme, WebhookScheme):
        chosen: WebhookScheme | None = scheme
    else:
        chosen = SCHEMES.get(scheme)
    if chosen is None or chosen.algorithm not in hashlib.algorithms_available:
        raise ConfigurationError(
            f"{scheme!r} is no webhook scheme that can be used.",
            variable="scheme",
            value=scheme,
            allowed=f"{', '.join(SCHEMES)}, or a WebhookScheme",
        )
    return chosen


def _secrets(secret: str | bytes | Iterable[str | bytes]) -> list[bytes]:
    given = [secret] if isinstance(secret, str | bytes) else list(secret)
    found = [each.encode() if isinstance(each, str) else each for each in given]
    if not found or any(len(each) < _SHORTEST_SECRET for each in found):
        raise ConfigurationError(
            f"The webhook's secret is missing or too short: {_SHORTEST_SECRET} bytes are the least.",
            variable="secret",
            allowed=f"text or bytes of {_SHORTEST_SECRET} bytes or more",
        )
    return found


def _given(scheme: WebhookScheme, headers: Mapping[str, str]) -> tuple[str | None, list[str]]:
    """The timestamp and the signatures that the request has."""
    value = headers.get(scheme.header.lower(), "").strip()
    if not value:
        raise WebhookVerificationError(f"The request has no {scheme.header} header.")
    if scheme.in_header:
        pairs = [part.strip().partition("=")[::2] for part in value.split(",")]
        timestamp = next((text for name, text in pairs if name == "t"), None)
        if timestamp is None:
            raise WebhookVerificationError(f"The {scheme.header} header has no time (t=...).")
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
        raise WebhookVerificationError("The time of the webhook is no number.") from None
    if not -allowed <= age <= allowed:
        raise WebhookVerificationError(
            f"The webhook was sent {abs(age):.0f} s {'ago' if age > 0 else 'in the future'}, and {allowed:.0f} s are "
            "allowed: it is a replay, it was held up, or a clock is wrong."
        )


def _signature(scheme: WebhookScheme, secret: bytes, timestamp: str | None, body: bytes) -> str:
    before, _, after = scheme.template.partition("{body}")
    stamp = timestamp or ""
    signed = before.replace("{timestamp}", stamp).encode() + body + after.replace("{timestamp}", stamp).encode()
    return scheme.prefix + hmac.new(secret, signed, scheme.algorithm).hexdigest()
