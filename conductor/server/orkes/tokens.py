"""Tokens: ``POST /token`` and ``GET /token/userInfo``, and the check of the token of every request."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from typing import Any

from conductor.server.engine.context import RefusedError
from conductor.server.http.messages import Request, Response, flag, json_answer, read_object
from conductor.server.http.middleware import Keys
from conductor.server.http.principal import Principal
from conductor.server.http.routing import Route
from conductor.server.orkes.applications import Applications
from conductor.server.orkes.documents import Documents
from conductor.server.orkes.principals import ADMINISTRATOR_ID, Principals
from conductor.server.orkes.roles import shown_roles
from conductor.server.orkes.vault import Vault
from conductor.server.runtime.kernel import Kernel
from conductor.server.ui.files import GUARDED_PATHS

Json = dict[str, Any]

#: Default number of milliseconds until a token expires: a day.
_LIFETIME_MS = 86_400_000
#: Expiry time of a token that never expires, epoch seconds: the end of the year 9999.
_NEVER = 253_402_300_799
#: Paths under ``/api`` that need no token.
_PUBLIC = frozenset({"/api/token", "/api/health", "/api/version"})


class Tokens(Keys):
    """Creates and checks tokens: JSON Web Tokens (HS256), which expire by the server's clock.

    Args:
        kernel: The server's state.
        vault: Encrypts the key that signs tokens.
        keys: Keys with all permissions, passed at the start of the server. With keys, every request needs a token;
            without them, a request without a token acts for the administrator.
        principals: Finds users and applications.
    """

    def __init__(self, kernel: Kernel, vault: Vault, keys: Mapping[str, str], principals: Principals) -> None:
        super().__init__(keys)
        self._kernel, self._vault, self._principals = kernel, vault, principals
        self._documents = Documents(kernel, "orkes_signing_key")
        known = self._documents.get("key")
        self._signing_key = bytes.fromhex(vault.open(known["key"])) if known else None
        self._generation = 0  # tokens of earlier generations have expired
        self._applications: Applications | None = None
        #: Beginnings of paths under ``/api`` that need no token.
        self.public_prefixes: list[str] = []

    def accept_keys_of(self, applications: Applications) -> None:
        """Also accept the access keys of applications."""
        self._applications = applications

    def make_token(self, key: Any, secret: Any, lifetime_ms: int | None = None) -> str | None:
        """Return a new token for an access key and its secret; None if they are wrong.

        Args:
            key: The id of the key.
            secret: Its secret.
            lifetime_ms: Milliseconds until the token expires; negative for never, None for a day.
        """
        if not (isinstance(key, str) and isinstance(secret, str) and key and secret):
            return None
        owner = self._owner_of(key, secret)
        return None if owner is None else self._signed(owner, key, lifetime_ms)

    def _owner_of(self, key: str, secret: str) -> str | None:
        """Return the id of the principal that a key belongs to; None if the key or the secret is wrong."""
        if key in self._keys:
            return ADMINISTRATOR_ID if secrets.compare_digest(self._keys[key].encode(), secret.encode()) else None
        if self._applications is not None and self._applications.has_key(key):
            return self._applications.owner_of_key(key, secret)
        return None if self.is_needed else ADMINISTRATOR_ID

    def make_token_of_user(self, email: str) -> str | None:
        """Return a new token for a user, who needs no password on a server without keys; None for any other server."""
        if self.is_needed:
            return None
        known = self._principals.find(email.lower())
        return self._signed(known.id if known else ADMINISTRATOR_ID, "", None)

    def _signed(self, owner: str, key: str, lifetime_ms: int | None) -> str:
        now = self._kernel.clock.now_ms()
        lifetime = _LIFETIME_MS if lifetime_ms is None else lifetime_ms
        claims = {
            "sub": owner,
            "key": key,
            "iat": now // 1000,
            "exp": _NEVER if lifetime < 0 else min(-(-(now + lifetime) // 1000), _NEVER),
            "gen": self._generation,
            "jti": secrets.token_hex(8),
        }
        text = ".".join(_encoded(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims))
        return f"{text}.{self._signature(text)}"

    def _signature(self, text: str) -> str:
        return _encoded(hmac.digest(self._sign_with(), text.encode(), hashlib.sha256))

    def _sign_with(self) -> bytes:
        key = self._signing_key
        if key is None:
            with self._kernel.change():
                key = self._signing_key
                if key is None:
                    key = secrets.token_bytes(32)
                    self._documents.put("key", {"key": self._vault.seal(key.hex())})
                    self._signing_key = key
        return key

    def claims_of(self, token: str) -> Json | None:
        """Return the claims of a token, even if it has expired; None if this server did not make it."""
        text, _, signature = token.rpartition(".")
        if not text or not token.isascii() or not hmac.compare_digest(self._signature(text), signature):
            return None
        try:
            claims: Json = json.loads(_decoded(text.partition(".")[2]))
        except (ValueError, binascii.Error):
            return None
        return claims

    def principal_of(self, token: str) -> Principal | str:
        """Return the principal of a token, or the reason why it is refused: ``EXPIRED_TOKEN`` or ``INVALID_TOKEN``."""
        claims = self.claims_of(token)
        if claims is None:
            return "INVALID_TOKEN"
        if claims["gen"] < self._generation or claims["exp"] * 1000 <= self._kernel.clock.now_ms():
            return "EXPIRED_TOKEN"
        is_of_application = claims["sub"].startswith("app:")
        if is_of_application and not (self._applications and self._applications.has_key(claims["key"])):
            return "INVALID_TOKEN"
        return self._principals.find(claims["sub"]) or "INVALID_TOKEN"

    def refusal_of(self, token: str) -> str | None:
        """Return the code of the reason why a token is refused; None if it is valid."""
        found = self.principal_of(token)
        return found if isinstance(found, str) else None

    def expire_all(self) -> None:
        """Make all tokens expire now."""
        self._generation += 1

    def check(self, request: Request) -> Response | None:
        """Set the principal of a request; returns the response that refuses its token."""
        path = request.path
        if (
            not (path.startswith("/api") or path in GUARDED_PATHS)
            or path in _PUBLIC
            or path.startswith(tuple(self.public_prefixes))
        ):
            return None
        token = request.headers.get("x-authorization", "")
        if not token and not self.is_needed:
            found = self._principals.find(ADMINISTRATOR_ID)
        else:
            known = self.principal_of(token) if token else "INVALID_TOKEN"
            if isinstance(known, str):
                return self._refused(known, is_missing=not token)
            found = known
        if found is not None:
            request.principal = found
        return None

    def _refused(self, code: str, *, is_missing: bool) -> Response:
        messages = {"EXPIRED_TOKEN": "The token has expired", "INVALID_TOKEN": "The token is invalid"}
        message = "Token cannot be null or empty" if is_missing else messages[code]
        now = self._kernel.clock.now_ms()
        return json_answer({"status": 401, "message": message, "error": code, "timestamp": now}, 401)


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class TokenResource:
    """Handlers of ``/token``."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    def routes(self) -> list[Route]:
        return [
            Route("/token", self.create, methods=["POST"]),
            Route("/token/userInfo", self.user_info),
        ]

    def create(self, request: Request) -> Response:
        """``POST /token``."""
        given = read_object(request)
        lifetime = given.get("expiration")
        if lifetime is not None and (isinstance(lifetime, bool) or not isinstance(lifetime, int)):
            raise RefusedError(400, "expiration must be a number of milliseconds")
        if isinstance(given.get("email"), str) and not given.get("keyId"):
            token = self._tokens.make_token_of_user(given["email"])
        else:
            token = self._tokens.make_token(given.get("keyId"), given.get("keySecret"), lifetime)
        if token is None:
            return json_answer({"status": 401, "message": "Invalid key or secret", "error": "UNAUTHORIZED"}, 401)
        return json_answer({"token": token})

    def user_info(self, request: Request) -> Response:
        """``GET /token/userInfo``."""
        user = shown_user(request.principal)
        if not flag(request, "claims", default=False):
            return json_answer(user)
        claims = self._tokens.claims_of(request.headers.get("x-authorization", "")) or {}
        return json_answer({"user": user, "claims": claims})


def shown_user(principal: Principal) -> Json:
    """Return the document of a user as ``GET /token/userInfo`` shows it."""
    return {
        "id": principal.id,
        "name": principal.name,
        "roles": shown_roles(sorted(principal.roles)),
        "groups": [{"id": group} for group in sorted(principal.groups)],
        "uuid": principal.id,
        "contactInformation": {},
        "namespace": "0000",
        "orkesWorkersApp": False,
        "orkesApiGateway": False,
        "applicationUser": principal.is_application,
        "orkesApp": False,
    }
