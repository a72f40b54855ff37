"""Where the server is, and how to talk to it: one frozen value, from arguments and the environment."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

import attrs
from attrs import field, frozen
from typing_extensions import Self, Unpack

from conductor._internal.validation import read_bool, read_int, read_url
from conductor.errors import ConfigurationError
from conductor.migration import refusing_keywords

__all__ = ["Settings", "SettingsOptions"]

_DEFAULT_URL = "http://localhost:8080/api"


def _api_url(value: str) -> str:
    url = read_url("server_url", value).rstrip("/")
    return url if url.endswith("/api") else f"{url}/api"


def _trimmed(value: str | None) -> str | None:
    return (value.strip() or None) if value is not None else None


def _request_timeout(value: int | str) -> int:
    return read_int("request_timeout_ms", value)


def _connect_timeout(value: int | str) -> int:
    return read_int("connect_timeout_ms", value)


def _refresh_interval(value: int | str) -> int:
    return read_int("refresh_token_interval", value, minimum=1000)


def _response_size(value: int | str) -> int:
    return read_int("max_response_kb", value, minimum=1)


def _stored_payload(value: int | str) -> int:
    return read_int("max_stored_payload_kb", value, minimum=1)


def _shown(value: str | None) -> str:
    return "'***'" if value else "None"


def _proxy_url(name: str, text: str) -> str:
    return read_url(name, text, ("http", "https", "socks5", "socks5h"), takes_password=True)


def _proxy(value: str | None) -> str | None:
    return _proxy_url("proxy", value) if value else None


def _url(value: str | None) -> str | None:
    return read_url("ui_url", value) if value else None


def _at_least_one(value: int | None) -> int | None:
    return None if value is None else read_int("max_connections", value, minimum=1)


class SettingsOptions(TypedDict, total=False):
    """The fields of ``Settings`` as keyword arguments."""

    server_url: str
    auth_key: str | None
    auth_secret: str | None
    request_timeout_ms: int | str
    connect_timeout_ms: int | str
    refresh_token_interval: int | str
    max_connections: int | None
    ui_url: str | None
    verify: bool
    ca_bundle: str | None
    client_cert: str | None
    client_key: str | None
    max_stored_payload_kb: int | str
    proxy: str | None


@frozen
class Settings:
    """How to reach the server.

    Attributes:
        server_url: The server's address, with or without a trailing slash or ``/api``; kept with ``/api``. It holds no
            user and password: they go into the client's ``auth``.
        auth_key: The access key's id (Orkes); None for a server without authentication.
        auth_secret: The access key's secret; never shown in a repr.
        request_timeout_ms: The longest that a call may take in all; 0 for no limit.
        connect_timeout_ms: The longest that connecting may take; 0 for no limit.
        refresh_token_interval: A token's life in milliseconds; it is refreshed when 80% of it are over.
        max_connections: The pool's size; None for 100, or what a ``TaskHandler``'s threads need.
        ui_url: The web UI's address, for links; None when there is none.
        verify: Whether the server's certificate is checked.
        ca_bundle: A file with the certificates to trust, in place of the usual ones.
        client_cert: The client's certificate, for mTLS; its key is in it or in ``client_key``.
        client_key: The client certificate's key.
        max_stored_payload_kb: The largest payload that is written to the server's external storage, in KiB.
        max_response_kb: The largest response that is accepted, as sent and decompressed, in KiB.
        proxy: A proxy for all calls, in place of those in the environment; never shown with its password.

    Raises:
        ConfigurationError: A value cannot be used.
    """

    server_url: str = field(default=_DEFAULT_URL, converter=_api_url)
    auth_key: str | None = field(default=None, converter=_trimmed)
    auth_secret: str | None = field(default=None, converter=_trimmed, repr=_shown)
    request_timeout_ms: int = field(default=60_000, converter=_request_timeout)
    connect_timeout_ms: int = field(default=10_000, converter=_connect_timeout)
    refresh_token_interval: int = field(default=2_700_000, converter=_refresh_interval)
    max_connections: int | None = field(default=None, converter=_at_least_one)
    ui_url: str | None = field(default=None, converter=_url)
    verify: bool = True
    ca_bundle: str | None = None
    client_cert: str | None = None
    client_key: str | None = None
    max_stored_payload_kb: int = field(default=10_240, converter=_stored_payload)
    proxy: str | None = field(default=None, converter=_proxy, repr=_shown)
    max_response_kb: int = field(default=102_400, converter=_response_size)

    def __attrs_post_init__(self) -> None:
        _refuse_half("auth_key", self.auth_key, "auth_secret", self.auth_secret)
        if self.client_key and not self.client_cert:
            raise _missing("client_cert", "client_key")
        for name in ("ca_bundle", "client_cert", "client_key"):
            path = getattr(self, name)
            if path is not None and not Path(path).exists():
                raise ConfigurationError(
                    f"{name} is {path!r}, which is not there.", variable=name, value=path, allowed="an existing file"
                )

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None, **overrides: Unpack[SettingsOptions]) -> Self:
        """Settings from the environment; an argument wins over its variable, an empty variable counts as not set.

        Variables: CONDUCTOR_SERVER_URL, CONDUCTOR_AUTH_KEY, CONDUCTOR_AUTH_SECRET, CONDUCTOR_REQUEST_TIMEOUT_MS,
        CONDUCTOR_CONNECT_TIMEOUT_MS, CONDUCTOR_REFRESH_TOKEN_INTERVAL, CONDUCTOR_MAX_CONNECTIONS (older:
        CONDUCTOR_MAX_HTTP2_CONNECTIONS), CONDUCTOR_UI_URL (older: CONDUCTOR_UI_SERVER_URL), CONDUCTOR_TLS_CA_PATH,
        CONDUCTOR_TLS_CERT_PATH, CONDUCTOR_TLS_KEY_PATH, CONDUCTOR_TLS_INSECURE, CONDUCTOR_MAX_STORED_PAYLOAD_KB,
        CONDUCTOR_MAX_RESPONSE_KB, CONDUCTOR_PROXY_URL.

        Raises:
            ConfigurationError: A value cannot be used; it names the variable, the value and what is allowed.
        """
        environ = os.environ if environ is None else environ
        values: dict[str, Any] = {}
        used: dict[str, str] = {}
        for attribute, variables, read in _VARIABLES:
            variable = next((v for v in variables if environ.get(v, "").strip()), None)
            if variable is not None and attribute not in overrides:
                values[attribute] = read(variable, environ[variable])
                used[attribute] = variable
        try:
            return cls(**{**values, **overrides})
        except ConfigurationError as error:
            raise _renamed(error, used) from None

    def evolve(self, **changes: Unpack[SettingsOptions]) -> Self:
        """The same settings with some changed."""
        return attrs.evolve(self, **changes)


if not TYPE_CHECKING:
    Settings.__init__ = refusing_keywords(Settings.__init__, "Settings")


def _text(_: str, text: str) -> str:
    return text.strip()


def _at_least(minimum: int) -> Callable[[str, str], int]:
    return lambda name, text: read_int(name, text, minimum=minimum)


_VARIABLES: tuple[tuple[str, tuple[str, ...], Callable[[str, str], Any]], ...] = (
    ("server_url", ("CONDUCTOR_SERVER_URL",), read_url),
    ("auth_key", ("CONDUCTOR_AUTH_KEY",), _text),
    ("auth_secret", ("CONDUCTOR_AUTH_SECRET",), _text),
    ("request_timeout_ms", ("CONDUCTOR_REQUEST_TIMEOUT_MS",), _at_least(0)),
    ("connect_timeout_ms", ("CONDUCTOR_CONNECT_TIMEOUT_MS",), _at_least(0)),
    ("refresh_token_interval", ("CONDUCTOR_REFRESH_TOKEN_INTERVAL",), _at_least(1000)),
    ("max_connections", ("CONDUCTOR_MAX_CONNECTIONS", "CONDUCTOR_MAX_HTTP2_CONNECTIONS"), _at_least(1)),
    ("ui_url", ("CONDUCTOR_UI_URL", "CONDUCTOR_UI_SERVER_URL"), read_url),
    ("ca_bundle", ("CONDUCTOR_TLS_CA_PATH",), _text),
    ("client_cert", ("CONDUCTOR_TLS_CERT_PATH",), _text),
    ("client_key", ("CONDUCTOR_TLS_KEY_PATH",), _text),
    ("verify", ("CONDUCTOR_TLS_INSECURE",), lambda name, text: not read_bool(name, text)),
    ("max_stored_payload_kb", ("CONDUCTOR_MAX_STORED_PAYLOAD_KB",), _at_least(1)),
    ("max_response_kb", ("CONDUCTOR_MAX_RESPONSE_KB",), _at_least(1)),
    ("proxy", ("CONDUCTOR_PROXY_URL",), _proxy_url),
)
_NAMES = {attribute: variables[0] for attribute, variables, _ in _VARIABLES}


def _refuse_half(first: str, one: str | None, second: str, other: str | None) -> None:
    if bool(one) != bool(other):
        raise _missing(second, first) if one else _missing(first, second)


def _missing(name: str, because_of: str) -> ConfigurationError:
    return ConfigurationError(
        f"{name} is missing, and {because_of} is given; both are needed, or neither.",
        variable=name,
        allowed=f"a value, or no {because_of} either",
    )


def _renamed(error: ConfigurationError, used: Mapping[str, str]) -> ConfigurationError:
    """The same error in the words of the environment, for those values that came from it."""
    message, variable = error.message, error.variable
    if variable in used or any(name in message for name in used):
        for attribute, name in sorted(_NAMES.items(), key=lambda pair: -len(pair[0])):
            message = message.replace(attribute, used.get(attribute, name))
        variable = used.get(variable, _NAMES.get(variable, variable))
    return ConfigurationError(message, variable=variable, value=error.value, allowed=error.allowed)
