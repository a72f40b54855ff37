"""Encrypts values before they are stored, so that the database file does not contain secrets in plain text."""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import hmac
import os
import secrets
import threading
from pathlib import Path

from conductor.errors import ConfigurationError

#: Bytes of the key, of the random nonce of each value, and of its authentication code.
_KEY, _NONCE, _MAC = 32, 16, 32


class Vault:
    """Encrypts with a key in a file next to the database, which only its owner can read.

    The cipher is HMAC-SHA256 in counter mode with an authentication code, from the standard library alone. It protects
    copies of the database, but not against a reader of the key file.

    Args:
        file: The file of the key, which the first value creates; None to keep the key in memory.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._key: bytes | None = None
        self._lock = threading.Lock()

    def seal(self, text: str) -> str:
        """Return the encrypted text."""
        key, nonce = self._load(create=True), secrets.token_bytes(_NONCE)
        body = nonce + _xor(text.encode(), key, nonce)
        return base64.b64encode(body + _mac(key, body)).decode()

    def open(self, sealed: str) -> str:
        """Return the text that was encrypted.

        Raises:
            ConfigurationError: The key file is missing or belongs to another database.
        """
        key = self._load(create=False)
        with contextlib.suppress(binascii.Error, ValueError):
            raw = base64.b64decode(sealed, validate=True)
            body, mac = raw[:-_MAC], raw[-_MAC:]
            if hmac.compare_digest(mac, _mac(key, body)):
                return _xor(body[_NONCE:], key, body[:_NONCE]).decode()
        raise self._unreadable("does not match the secrets in the database")

    def _load(self, *, create: bool) -> bytes:
        with self._lock:
            if self._key is None:
                self._key = self._read(create=create)
            return self._key

    def _read(self, *, create: bool) -> bytes:
        if self._file is None:
            return secrets.token_bytes(_KEY)
        try:
            key = bytes.fromhex(self._file.read_text("ascii").strip())
        except FileNotFoundError:
            if not create:
                raise self._unreadable("is missing, and the database contains secrets") from None
            return self._create(self._file)
        except (OSError, ValueError) as error:
            raise self._unreadable(f"cannot be read: {error}") from None
        if len(key) != _KEY:
            raise self._unreadable("does not contain a key")
        return key

    @staticmethod
    def _create(file: Path) -> bytes:
        key = secrets.token_bytes(_KEY)
        with os.fdopen(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="ascii") as stream:
            stream.write(key.hex())
        return key

    def _unreadable(self, reason: str) -> ConfigurationError:
        return ConfigurationError(
            f"The key file {str(self._file)!r} {reason}. Restore the file, or delete the database.",
            variable="database",
            value=str(self._file),
        )


def _xor(text: bytes, key: bytes, nonce: bytes) -> bytes:
    blocks = (
        hmac.digest(key, b"encrypt" + nonce + number.to_bytes(8, "big"), hashlib.sha256)
        for number in range(-(-len(text) // 32))
    )
    stream = b"".join(blocks)[: len(text)]
    return (int.from_bytes(text, "big") ^ int.from_bytes(stream, "big")).to_bytes(len(text), "big")


def _mac(key: bytes, body: bytes) -> bytes:
    return hmac.digest(key, b"authenticate" + body, hashlib.sha256)
