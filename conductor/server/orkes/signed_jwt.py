"""JSON Web Tokens that are signed with an RSA key (RS256), from the standard library alone."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from typing import Any

from attrs import frozen

Json = dict[str, Any]

_PEM = re.compile(r"-----BEGIN (RSA )?PRIVATE KEY-----(.+?)-----END (?:RSA )?PRIVATE KEY-----", re.DOTALL)
#: The beginning of the structure that RS256 signs: the algorithm SHA-256 in DER.
_SHA256 = bytes.fromhex("3031300d060960864801650304020105000420")
#: Tags of DER.
_INTEGER, _OCTETS, _SEQUENCE = 0x02, 0x04, 0x30
#: Bytes of the shortest padding of a signature.
_MIN_PADDING = 11


@frozen
class RsaKey:
    """A private RSA key."""

    modulus: int
    exponent: int

    def sign(self, message: bytes) -> bytes:
        """Return the signature RSASSA-PKCS1-v1_5 with SHA-256 of a message."""
        size = (self.modulus.bit_length() + 7) // 8
        digest = _SHA256 + hashlib.sha256(message).digest()
        if size < len(digest) + _MIN_PADDING:
            raise ValueError("The RSA key is too short")
        padded = b"\x00\x01" + b"\xff" * (size - len(digest) - 3) + b"\x00" + digest
        return pow(int.from_bytes(padded, "big"), self.exponent, self.modulus).to_bytes(size, "big")


def read_rsa_key(pem: str) -> RsaKey:
    """Return the private key of a PEM text, in PKCS #8 or PKCS #1.

    Raises:
        ValueError: The text is not an RSA private key.
    """
    found = _PEM.search(pem.replace("\\n", "\n"))
    if found is None:
        raise ValueError("The private key is not in PEM format (PKCS #8)")
    try:
        content = base64.b64decode("".join(found[2].split()), validate=True)
        parts = _parts(_expect(content, _SEQUENCE))
        if found[1] is None:
            parts = _parts(_expect(parts[2][1], _SEQUENCE))  # the key in PKCS #8
        numbers = [int.from_bytes(value, "big") for tag, value in parts if tag == _INTEGER]
        return RsaKey(modulus=numbers[1], exponent=numbers[3])
    except (binascii.Error, IndexError):
        raise ValueError("The private key is not an RSA key") from None


def _expect(content: bytes, tag: int) -> bytes:
    (found, value), *_ = _parts(content)
    if found != tag:
        raise ValueError("The private key is not an RSA key")
    return value


def _parts(content: bytes) -> list[tuple[int, bytes]]:
    """Return tag and value of each part of a DER text."""
    found, position = [], 0
    while position < len(content):
        tag, length, position = content[position], content[position + 1], position + 2
        if length & 0x80:
            count = length & 0x7F
            length, position = int.from_bytes(content[position : position + count], "big"), position + count
        found.append((tag, content[position : position + length]))
        position += length
    return found


def signed_jwt(claims: Json, key: RsaKey, key_id: str | None) -> str:
    """Return a token with these claims."""
    header = {"alg": "RS256", "typ": "JWT", **({} if key_id is None else {"kid": key_id})}
    text = ".".join(_encoded(json.dumps(part, separators=(",", ":")).encode()) for part in (header, claims))
    return f"{text}.{_encoded(key.sign(text.encode()))}"


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
