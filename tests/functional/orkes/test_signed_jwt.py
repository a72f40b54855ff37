"""Tokens of GET_SIGNED_JWT, verified with the package cryptography, which unit tests do not have."""

import base64
import json

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from conductor.server.orkes.system_tasks import read_rsa_key, signed_jwt


def test_a_token_is_signed_with_an_rsa_key():
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    for form in (serialization.PrivateFormat.PKCS8, serialization.PrivateFormat.TraditionalOpenSSL):
        pem = private.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()
        for text in (pem, pem.replace("\n", "\\n")):
            token = signed_jwt({"sub": "me", "exp": 1}, read_rsa_key(text), "kid-1")
            signed, _, signature = token.rpartition(".")
            raw = base64.urlsafe_b64decode(signature + "==")
            private.public_key().verify(raw, signed.encode(), padding.PKCS1v15(), hashes.SHA256())
            header, claims = (json.loads(base64.urlsafe_b64decode(f"{part}==")) for part in signed.split("."))
            assert (header, claims) == ({"alg": "RS256", "typ": "JWT", "kid": "kid-1"}, {"sub": "me", "exp": 1})
    other = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    for bad in ("", "text", pem[:60] + pem[-40:], other.decode()):
        with pytest.raises(ValueError, match="private key"):
            read_rsa_key(bad)
