"""Verify the sender of a webhook, and answer the challenges with which senders verify the address."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from typing import Any

from attrs import field, frozen

from conductor.server.engine.context import RefusedError
from conductor.server.http.messages import parse_json

#: The curve y² = x³ - 3x + b over the integers modulo _P; its base point has the order _N.
_P = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
#: The order of the base point: signatures are computed modulo it.
_N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
#: The constant term of the curve's equation; a point that does not fulfil the equation is not a key.
_B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
#: Coordinates x and y of the base point, as in FIPS 186-4, D.1.2.3.
_BASE = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
#: Prefix of the point in a public key of this curve (SubjectPublicKeyInfo), and the length of the point.
_KEY_PREFIX = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200")
#: Bytes of one coordinate, and of each half of a raw signature.
_COORDINATE = 32
_PEM = re.compile(r"-----[A-Z ]+-----|\s")

Point = tuple[int, int]


class InvalidKeyError(ValueError):
    """The public key is not one of this curve."""


def verify(public_key: str, signature: str, message: bytes) -> bool:
    """Return whether a signature is valid.

    Args:
        public_key: The key in base64 or PEM.
        signature: The signature (DER) in base64.
        message: What was signed.

    Raises:
        InvalidKeyError: The public key is not a key of the curve P-256.
    """
    key = _read_key(public_key)
    numbers = _read_signature(signature)
    if numbers is None:
        return False
    r, s = numbers
    if not (0 < r < _N and 0 < s < _N):
        return False
    digest = int.from_bytes(hashlib.sha256(message).digest(), "big")
    inverse = pow(s, -1, _N)
    found = _add(_multiply(digest * inverse % _N, _BASE), _multiply(r * inverse % _N, key))
    return found is not None and found[0] % _N == r


def _read_key(text: str) -> Point:
    try:
        raw = base64.b64decode(_PEM.sub("", text), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidKeyError("The public key is not base64") from None
    point = raw.removeprefix(_KEY_PREFIX)
    if len(point) != 1 + 2 * _COORDINATE or point[0] != 4:  # 4: not compressed
        raise InvalidKeyError("The public key is not a key of the curve P-256")
    x, y = (int.from_bytes(half, "big") for half in (point[1 : 1 + _COORDINATE], point[1 + _COORDINATE :]))
    if (y * y - x * x * x + 3 * x - _B) % _P or x >= _P or y >= _P:
        raise InvalidKeyError("The public key is not a point of the curve P-256")
    return x, y


def _read_signature(text: str) -> tuple[int, int] | None:
    """Return the two numbers of a DER signature: a sequence (0x30) of two integers (0x02)."""
    try:
        raw = base64.b64decode(text, validate=True)
        if raw[0] != 0x30 or raw[1] != len(raw) - 2:
            return None
        numbers, position = [], 2
        while position < len(raw):
            tag, length = raw[position], raw[position + 1]
            body = raw[position + 2 : position + 2 + length]
            if tag != 0x02 or len(body) != length or not body:
                return None
            numbers.append(int.from_bytes(body, "big"))
            position += 2 + length
    except (binascii.Error, ValueError, IndexError):
        return None
    return (numbers[0], numbers[1]) if len(numbers) == 2 else None


def _add(one: Point | None, other: Point | None) -> Point | None:
    """Return the sum of two points; None is the neutral element."""
    if one is None or other is None:
        return one or other
    if one[0] == other[0]:
        if (one[1] + other[1]) % _P == 0:
            return None
        slope = (3 * one[0] * one[0] - 3) * pow(2 * one[1], -1, _P)
    else:
        slope = (other[1] - one[1]) * pow(other[0] - one[0], -1, _P)
    x = (slope * slope - one[0] - other[0]) % _P
    return x, (slope * (one[0] - x) - one[1]) % _P


def _multiply(factor: int, point: Point) -> Point | None:
    """Return a multiple of a point."""
    result: Point | None = None
    power: Point | None = point
    while factor:
        if factor & 1:
            result = _add(result, power)
        power = _add(power, power)
        factor >>= 1
    return result


Json = dict[str, Any]

#: Milliseconds that the time of a signature may be in the past or in the future, as Slack and Stripe recommend.
_TOLERANCE_MS = 300_000
_SLACK_SIGNATURE, _SLACK_TIME = "X-Slack-Signature", "X-Slack-Request-Timestamp"
_SENDGRID = "X-Twilio-Email-Event-Webhook-"


@frozen
class Delivery:
    """One request of a sender.

    Attributes:
        method: GET or POST.
        headers: By lower-case name; values of a repeated header are joined by commas.
        query: The parameters of the address.
        body: The content, exactly as it was received.
        now: The server's time, epoch ms.
    """

    method: str
    headers: Mapping[str, str]
    query: Mapping[str, str] = field(factory=dict)
    body: bytes = b""
    now: int = 0

    def header(self, name: str) -> str:
        """Return a header; empty if it is missing."""
        return self.headers.get(name.lower(), "").strip()

    def json(self) -> Any:
        """Return the parsed body; None if it is not JSON."""
        try:
            return parse_json(self.body)
        except RefusedError:
            return None


class UnverifiedError(Exception):
    """A delivery is refused. The message is the reason for the log; it contains no secrets and no part of the body."""


def check(config: Json, delivery: Delivery) -> None:
    """Verify a delivery.

    Args:
        config: The webhook with its secrets.
        delivery: The delivery.

    Raises:
        UnverifiedError: The delivery does not come from the sender, or this cannot be verified.
    """
    _VERIFIERS[config["verifier"]](config, delivery)


def challenge_response(config: Json, delivery: Delivery) -> Json | None:
    """Return the response to a challenge; None if the delivery is an event."""
    if config["verifier"] == "SLACK_BASED" and delivery.method == "POST":
        body = delivery.json()
        if isinstance(body, dict) and body.get("type") == "url_verification" and isinstance(body.get("challenge"), str):
            return {"challenge": body["challenge"]}
    token = delivery.query.get("crc_token")
    if config["verifier"] == "TWITTER" and delivery.method == "GET" and token and config.get("secretValue"):
        return {"response_token": f"sha256={_base64_hmac(_secret(config), token.encode())}"}
    return None


def secret_headers(config: Json) -> set[str]:
    """Return the names of the headers, in lower case, whose values identify the sender."""
    names = [_SLACK_SIGNATURE, f"{_SENDGRID}Signature", *(config.get("headers") or {}), _signature_header(config)]
    return {name.lower() for name in names} | {"authorization", "x-authorization", "cookie"}


def _signature_header(config: Json) -> str:
    return str(config.get("headerKey") or _DEFAULT_HEADERS.get(config["verifier"], ""))


#: The header with the signature if the webhook names none.
_DEFAULT_HEADERS = {
    "SIGNATURE_BASED": "X-Hub-Signature-256",
    "HMAC_BASED": "Authorization",
    "STRIPE": "Stripe-Signature",
    "TWITTER": "X-Twitter-Webhooks-Signature",
}


def _secret(config: Json) -> bytes:
    secret = config.get("secretValue")
    if not secret:
        raise UnverifiedError("the webhook has no secretValue, so the signature cannot be verified")
    return str(secret).encode()


def _require_equal(expected: str, given: str, header: str) -> None:
    if not given:
        raise UnverifiedError(f"the header {header} is missing")
    if not hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace")):
        raise UnverifiedError(f"the header {header} is wrong")


def _hex_hmac(secret: bytes, message: bytes) -> str:
    return hmac.new(secret, message, hashlib.sha256).hexdigest()


def _base64_hmac(secret: bytes, message: bytes) -> str:
    return base64.b64encode(hmac.digest(secret, message, hashlib.sha256)).decode()


def _check_age(delivery: Delivery, seconds: str) -> None:
    if not seconds.isascii() or not seconds.isdecimal():
        raise UnverifiedError("the time of the signature is missing or not a number")
    if abs(delivery.now - int(seconds) * 1000) > _TOLERANCE_MS:
        raise UnverifiedError("the signature is more than 5 minutes old or in the future")


def _check_headers(config: Json, delivery: Delivery) -> None:
    expected = config.get("headers") or {}
    if not expected:
        raise UnverifiedError("the webhook has no headers to verify")
    for name, value in expected.items():
        _require_equal(str(value).strip(), delivery.header(name), name)


def _check_signature(config: Json, delivery: Delivery) -> None:
    header = _signature_header(config)
    _require_equal(f"sha256={_hex_hmac(_secret(config), delivery.body)}", delivery.header(header), header)


def _check_hmac(config: Json, delivery: Delivery) -> None:
    header = _signature_header(config)
    try:
        secret = base64.b64decode(_secret(config), validate=True)
    except (binascii.Error, ValueError):
        raise UnverifiedError("the webhook's secretValue is not base64") from None
    given = delivery.header(header)
    _require_equal(_base64_hmac(secret, delivery.body), given.removeprefix("HMAC ").strip(), header)


def _check_slack(config: Json, delivery: Delivery) -> None:
    seconds = delivery.header(_SLACK_TIME)
    _check_age(delivery, seconds)
    signed = f"v0:{seconds}:".encode() + delivery.body
    _require_equal(f"v0={_hex_hmac(_secret(config), signed)}", delivery.header(_SLACK_SIGNATURE), _SLACK_SIGNATURE)


def _check_stripe(config: Json, delivery: Delivery) -> None:
    header = _signature_header(config)
    pairs = [part.strip().partition("=")[::2] for part in delivery.header(header).split(",")]
    seconds = next((value for name, value in pairs if name == "t"), "")
    _check_age(delivery, seconds)
    expected = _hex_hmac(_secret(config), f"{seconds}.".encode() + delivery.body)
    given = [value for name, value in pairs if name == "v1"]
    if not any([hmac.compare_digest(expected.encode(), one.encode("utf-8", "replace")) for one in given]):  # noqa: C419  every one is compared, so the time reveals nothing
        raise UnverifiedError(f"the header {header} is wrong")
    body = delivery.json()
    if not isinstance(body, dict) or "api_version" not in body:
        raise UnverifiedError("the body has no api_version")


def _check_twitter(config: Json, delivery: Delivery) -> None:
    header = _signature_header(config)
    _require_equal(f"sha256={_base64_hmac(_secret(config), delivery.body)}", delivery.header(header), header)


def _check_sendgrid(config: Json, delivery: Delivery) -> None:
    signature, seconds = delivery.header(f"{_SENDGRID}Signature"), delivery.header(f"{_SENDGRID}Timestamp")
    if not signature or not seconds:
        raise UnverifiedError(f"the headers {_SENDGRID}Signature and {_SENDGRID}Timestamp are missing")
    try:
        is_valid = verify(_secret(config).decode(), signature, seconds.encode() + delivery.body)
    except InvalidKeyError as error:
        raise UnverifiedError(f"the webhook's secretValue is not SendGrid's verification key: {error}") from None
    if not is_valid:
        raise UnverifiedError(f"the header {_SENDGRID}Signature is wrong")


_VERIFIERS: Mapping[str, Callable[[Json, Delivery], None]] = {
    "HEADER_BASED": _check_headers,
    "SIGNATURE_BASED": _check_signature,
    "HMAC_BASED": _check_hmac,
    "SLACK_BASED": _check_slack,
    "STRIPE": _check_stripe,
    "TWITTER": _check_twitter,
    "SENDGRID": _check_sendgrid,
}
#: The names of the verifiers.
VERIFIERS = tuple(_VERIFIERS)
