"""Secrets and environment variables, which workflows read with expressions."""

from __future__ import annotations

import builtins
import re

from conductor.clients.tags import Tagged, tag_operations
from conductor.errors import ConfigurationError
from conductor.models import EnvironmentVariable, SecretMetadata, SecretWithTags
from conductor.transport.operation import Edition, Hidden, Operation, nothing

__all__ = ["EnvironmentClient", "SecretClient"]


_VARIABLES_READ_ONLY = "On the open-source server set CONDUCTOR_ENV_<NAME> in the server's environment."
LIST_VARIABLES: Operation[list[EnvironmentVariable]] = Operation(
    "GET", "/environment", list[EnvironmentVariable], on_empty=list
)
GET_VARIABLE: Operation[str | None] = Operation("GET", "/environment/{key}", str, on_empty=nothing)
SAVE_VARIABLE: Operation[None] = Operation(
    "PUT", "/environment/{key}", edition=Edition.ORKES, sends="text", advice=_VARIABLES_READ_ONLY
)
DELETE_VARIABLE: Operation[str | None] = Operation(
    "DELETE", "/environment/{key}", str, edition=Edition.ORKES, on_empty=nothing, advice=_VARIABLES_READ_ONLY
)
LIST_VARIABLE_TAGS, SET_VARIABLE_TAGS, DELETE_VARIABLE_TAGS = tag_operations("/environment/{name}/tags")


class EnvironmentClient(Tagged):
    """Environment variables, which workflows read as ``${workflow.env.NAME}`` (``client.environment``)."""

    _LIST_TAGS, _SET_TAGS, _DELETE_TAGS = LIST_VARIABLE_TAGS, SET_VARIABLE_TAGS, DELETE_VARIABLE_TAGS

    def list(self) -> builtins.list[EnvironmentVariable]:
        """Return all variables (``GET /environment``).

        The open-source server reads them from the CONDUCTOR_ENV_* variables of its process.

        Returns:
            The variables, or an empty list.
        """
        return self._call(LIST_VARIABLES)

    def get(self, key: str) -> str | None:
        """Return the value of a variable (``GET /environment/{key}``).

        Args:
            key: The name of the variable.

        Returns:
            The value, or None if the variable does not exist.
        """
        return self._call(GET_VARIABLE, {"key": key})

    def save(self, key: str, value: str) -> None:
        """Create or replace a variable (``PUT /environment/{key}``, Orkes).

        Args:
            key: The name of the variable.
            value: The value.

        Raises:
            UnsupportedByServerError: The variables of the open-source server are read-only.
        """
        body = Hidden(value)
        del value
        self._call(SAVE_VARIABLE, {"key": key}, body=body)

    def delete(self, key: str) -> str | None:
        """Delete a variable (``DELETE /environment/{key}``, Orkes).

        Args:
            key: The name of the variable.

        Returns:
            The previous value, or None if there was none.

        Raises:
            UnsupportedByServerError: The variables of the open-source server are read-only.
        """
        return self._call(DELETE_VARIABLE, {"key": key})


_READ_ONLY = (
    "The default store of the open-source server is read-only: set CONDUCTOR_SECRET_<NAME> in the server's "
    "environment, or configure another store."
)
LIST_SECRET_NAMES: Operation[list[str]] = Operation("POST", "/secrets", list[str], on_empty=list)
LIST_SECRET_GRANTABLE: Operation[list[str]] = Operation("GET", "/secrets", list[str], on_empty=list)
LIST_SECRET_METADATA: Operation[list[SecretMetadata]] = Operation(
    "GET", "/secrets/v2", list[SecretMetadata], edition=Edition.OSS, on_empty=list
)
LIST_SECRET_WITH_TAGS: Operation[list[SecretWithTags]] = Operation(
    "GET", "/secrets-v2", list[SecretWithTags], edition=Edition.ORKES, on_empty=list
)
GET_SECRET: Operation[str] = Operation("GET", "/secrets/{key}", str, on_empty=str)
SAVE_SECRET: Operation[None] = Operation("PUT", "/secrets/{key}", sends="text", advice=_READ_ONLY)
DELETE_SECRET: Operation[None] = Operation("DELETE", "/secrets/{key}", advice=_READ_ONLY)
SECRET_EXISTS: Operation[bool] = Operation("GET", "/secrets/{key}/exists", bool)
CLEAR_SECRET_LOCAL: Operation[dict[str, str]] = Operation(
    "GET", "/secrets/clearLocalCache", dict[str, str], edition=Edition.ORKES, shadowed=True, on_empty=dict
)
CLEAR_SECRET_REDIS: Operation[dict[str, str]] = Operation(
    "GET", "/secrets/clearRedisCache", dict[str, str], edition=Edition.ORKES, shadowed=True, on_empty=dict
)
LIST_SECRET_TAGS, SET_SECRET_TAGS, DELETE_SECRET_TAGS = tag_operations("/secrets/{key}/tags")
_KEY = re.compile(r"[a-zA-Z0-9_-]+")


class SecretClient(Tagged):
    """Secrets, which workflows read as ``${workflow.secrets.NAME}`` (``client.secrets``).

    Reprs, logs and errors never contain the values.
    """

    _LIST_TAGS, _SET_TAGS, _DELETE_TAGS = LIST_SECRET_TAGS, SET_SECRET_TAGS, DELETE_SECRET_TAGS

    def list_names(self) -> list[str]:
        """Return the names of all secrets (``POST /secrets``, which only reads).

        Returns:
            The names, or an empty list.
        """
        return self._call(LIST_SECRET_NAMES)

    def list_grantable(self) -> list[str]:
        """Return the names of the secrets that the caller can grant access to (``GET /secrets``).

        Returns:
            The names, or an empty list.
        """
        return self._call(LIST_SECRET_GRANTABLE)

    def list_with_metadata(self) -> list[SecretMetadata]:
        """Return names, masked values and times of all secrets (``GET /secrets/v2``, open-source server).

        Returns:
            The secrets, or an empty list.
        """
        return self._call(LIST_SECRET_METADATA)

    def list_with_tags(self) -> list[SecretWithTags]:
        """Return names and tags of all secrets (``GET /secrets-v2``, Orkes).

        Returns:
            The secrets, or an empty list.
        """
        return self._call(LIST_SECRET_WITH_TAGS)

    def get(self, key: str) -> str:
        """Return the value of a secret (``GET /secrets/{key}``).

        Args:
            key: The name of the secret.

        Returns:
            The value.

        Raises:
            NotFoundError: The secret does not exist.
            ConfigurationError: The name has other characters than letters, digits, ``_`` and ``-``.
        """
        return self._call(GET_SECRET, {"key": _checked(key)})

    def save(self, key: str, value: str) -> None:
        """Create or replace a secret (``PUT /secrets/{key}``).

        Args:
            key: The name: letters, digits, ``_`` and ``-``.
            value: The value.

        Raises:
            UnsupportedByServerError: The store is read-only, like the default store of the open-source server.
            ConfigurationError: The name is invalid, or the value is empty.
        """
        if not isinstance(value, str) or not value:
            raise ConfigurationError(
                f"The value of the secret {key!r} must be a non-empty string.",
                variable="value",
                allowed="a non-empty string",
            )
        body = Hidden(value)
        del value
        self._call(SAVE_SECRET, {"key": _checked(key)}, body=body)

    def delete(self, key: str) -> None:
        """Delete a secret (``DELETE /secrets/{key}``).

        Args:
            key: The name of the secret.

        Raises:
            UnsupportedByServerError: The store is read-only, like the default store of the open-source server.
        """
        self._call(DELETE_SECRET, {"key": _checked(key)})

    def exists(self, key: str) -> bool:
        """Return whether a secret exists (``GET /secrets/{key}/exists``).

        Args:
            key: The name of the secret.
        """
        return self._call(SECRET_EXISTS, {"key": _checked(key)})

    def clear_local_cache(self) -> dict[str, str]:
        """Clear the server's cache of secrets in memory (``GET /secrets/clearLocalCache``, Orkes).

        Returns:
            The server's messages.
        """
        return self._call(CLEAR_SECRET_LOCAL)

    def clear_redis_cache(self) -> dict[str, str]:
        """Clear the server's cache of secrets in Redis (``GET /secrets/clearRedisCache``, Orkes).

        Returns:
            The server's messages.
        """
        return self._call(CLEAR_SECRET_REDIS)


def _checked(key: str) -> str:
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        raise ConfigurationError(
            f"{key!r} is not a valid name for a secret: use letters, digits, '_' and '-'.",
            variable="key",
            value=key,
            allowed="letters, digits, _ and -",
        )
    return key
