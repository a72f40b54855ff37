"""Verify ECDSA signatures on the curve P-256 with SHA-256, from the standard library alone.

Only public values are used, so the time that it takes reveals nothing.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re

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
#: What comes before the point in a public key of this curve (SubjectPublicKeyInfo), and the length of the point.
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
        InvalidKeyError: The public key is not one of the curve P-256.
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
        raise InvalidKeyError("The public key is not one of the curve P-256")
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
