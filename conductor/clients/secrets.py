"""Secrets, which workflows name as ``${workflow.secrets.NAME}``."""

from __future__ import annotations

import re

from conductor.clients._tagged import Tagged, tag_operations
from conductor.errors import ConfigurationError
from conductor.models import SecretMetadata, SecretWithTags
from conductor.transport.operation import Edition, Operation

__all__ = ["SecretClient"]

_READ_ONLY = (
    "The open-source server's own store is read-only: set CONDUCTOR_SECRET_<NAME> in the server's environment, or "
    "configure another store."
)

LIST_NAMES: Operation[list[str]] = Operation("POST", "/secrets", list[str], on_empty=list)
LIST_GRANTABLE: Operation[list[str]] = Operation("GET", "/secrets", list[str], on_empty=list)
LIST_METADATA: Operation[list[SecretMetadata]] = Operation(
    "GET", "/secrets/v2", list[SecretMetadata], edition=Edition.OSS, on_empty=list
)
LIST_WITH_TAGS: Operation[list[SecretWithTags]] = Operation(
    "GET", "/secrets-v2", list[SecretWithTags], edition=Edition.ORKES, on_empty=list
)
GET: Operation[str] = Operation("GET", "/secrets/{key}", str, on_empty=str)
SAVE: Operation[None] = Operation("PUT", "/secrets/{key}", sends="text", advice=_READ_ONLY)
DELETE: Operation[None] = Operation("DELETE", "/secrets/{key}", advice=_READ_ONLY)
EXISTS: Operation[bool] = Operation("GET", "/secrets/{key}/exists", bool)
CLEAR_LOCAL: Operation[dict[str, str]] = Operation(
    "GET", "/secrets/clearLocalCache", dict[str, str], edition=Edition.ORKES, shadowed=True, on_empty=dict
)
CLEAR_REDIS: Operation[dict[str, str]] = Operation(
    "GET", "/secrets/clearRedisCache", dict[str, str], edition=Edition.ORKES, shadowed=True, on_empty=dict
)
LIST_TAGS, SET_TAGS, DELETE_TAGS = tag_operations("/secrets/{key}/tags")

_KEY = re.compile(r"[a-zA-Z0-9_-]+")


class SecretClient(Tagged):
    """Secrets (``client.secrets``). Their values are in no repr, log or error."""

    _LIST_TAGS, _SET_TAGS, _DELETE_TAGS = LIST_TAGS, SET_TAGS, DELETE_TAGS

    def list_names(self) -> list[str]:
        """The names of all secrets (``POST /secrets``, which only reads)."""
        return self._call(LIST_NAMES)

    def list_grantable(self) -> list[str]:
        """The names of the secrets that the caller may give others access to (``GET /secrets``)."""
        return self._call(LIST_GRANTABLE)

    def list_with_metadata(self) -> list[SecretMetadata]:
        """Names, masked values and times (``GET /secrets/v2``, open-source server)."""
        return self._call(LIST_METADATA)

    def list_with_tags(self) -> list[SecretWithTags]:
        """Names and tags (``GET /secrets-v2``, Orkes)."""
        return self._call(LIST_WITH_TAGS)

    def get(self, key: str) -> str:
        """A secret's value (``GET /secrets/{key}``).

        Raises:
            NotFoundError: There is none of that name.
        """
        return self._call(GET, {"key": _checked(key)})

    def save(self, key: str, value: str) -> None:
        """Create or replace a secret (``PUT /secrets/{key}``).

        Raises:
            UnsupportedByServerError: The server's store is read-only, as the open-source server's own is.
        """
        if not isinstance(value, str) or not value:
            raise ConfigurationError(
                f"The secret {key!r} needs a value: text that is not empty.", variable="value", allowed="text"
            )
        self._call(SAVE, {"key": _checked(key)}, body=value)

    def delete(self, key: str) -> None:
        """Delete a secret (``DELETE /secrets/{key}``)."""
        self._call(DELETE, {"key": _checked(key)})

    def exists(self, key: str) -> bool:
        """Whether there is such a secret (``GET /secrets/{key}/exists``)."""
        return self._call(EXISTS, {"key": _checked(key)})

    def clear_local_cache(self) -> dict[str, str]:
        """Have the server forget the secrets it keeps in memory (``GET /secrets/clearLocalCache``, Orkes)."""
        return self._call(CLEAR_LOCAL)

    def clear_redis_cache(self) -> dict[str, str]:
        """Have the server forget the secrets it keeps in Redis (``GET /secrets/clearRedisCache``, Orkes)."""
        return self._call(CLEAR_REDIS)


def _checked(key: str) -> str:
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        raise ConfigurationError(
            f"{key!r} cannot be the name of a secret: letters, digits, '_' and '-' are allowed.",
            variable="key",
            value=key,
            allowed="letters, digits, _ and -",
        )
    return key
