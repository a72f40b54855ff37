"""Connection settings of the client, from arguments and environment variables."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, TypedDict

import attrs
from attrs import field, frozen
from typing_extensions import Self, Unpack

from conductor._internal.suggestions import did_you_mean
from conductor._internal.validation import check_bool, read_bool, read_int, read_str, read_url
from conductor.errors import ConfigurationError
from conductor.migration import refuse_keywords, refusing_keywords

__all__ = ["Settings", "SettingsOptions"]

#: The address of a local open-source server and of ``conductor server start``.
_DEFAULT_URL = "http://localhost:8080/api"


#: Maximum value of a setting in milliseconds, KiB or connections: the largest integer of a Java server (24 days).
_MAX_INT = 2**31 - 1
#: Maximum number of connections of a pool, which reserves a slot for each.
_MAX_CONNECTIONS = 65_535


def _api_url(value: str) -> str:
    url = read_url("server_url", value).rstrip("/")
    return url if url.endswith("/api") else f"{url}/api"


def _auth_key(value: str | None) -> str | None:
    return None if value is None else read_str("auth_key", value) or None


def _auth_secret(value: str | None) -> str | None:
    return None if value is None else read_str("auth_secret", value) or None


def _request_timeout(value: int | str) -> int:
    return read_int("request_timeout_ms", value, maximum=_MAX_INT)


def _connect_timeout(value: int | str) -> int:
    return read_int("connect_timeout_ms", value, maximum=_MAX_INT)


def _refresh_interval(value: int | str) -> int:
    return read_int("refresh_token_interval", value, minimum=1000, maximum=_MAX_INT)


def _response_size(value: int | str) -> int:
    return read_int("max_response_kb", value, minimum=1, maximum=_MAX_INT)


def _stored_payload(value: int | str) -> int:
    return read_int("max_stored_payload_kb", value, minimum=1, maximum=_MAX_INT)


def _ca_bundle(value: str | None) -> str | None:
    return _path("ca_bundle", value)


def _client_cert(value: str | None) -> str | None:
    return _path("client_cert", value)


def _client_key(value: str | None) -> str | None:
    return _path("client_key", value)


def _path(name: str, value: str | os.PathLike[str] | None) -> str | None:
    if value is None:
        return None
    return read_str(name, str(value) if isinstance(value, PurePath) else value) or None  # type: ignore[arg-type]


def _boolean(value: bool) -> bool:
    return check_bool("verify", value)


def _masked(value: str | None) -> str:
    return "'***'" if value else "None"


def _proxy_url(name: str, text: str) -> str:
    return read_url(name, text, ("http", "https", "socks5", "socks5h"), allows_password=True)


def _proxy(value: str | None) -> str | None:
    return None if value is None or value == "" else _proxy_url("proxy", value)


def _ui_url(value: str | None) -> str | None:
    return None if value is None or value == "" else read_url("ui_url", value)


def _connections(value: int | None) -> int | None:
    return None if value is None else read_int("max_connections", value, minimum=1, maximum=_MAX_CONNECTIONS)


class SettingsOptions(TypedDict, total=False):
    """The attributes of ``Settings`` as keyword arguments."""

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
    max_response_kb: int | str
    proxy: str | None


@frozen
class Settings:
    """Connection settings: the server, credentials, timeouts and TLS.

    Attributes:
        server_url: URL of the server, with or without ``/api``; http://localhost:8080/api by default. It must
            not contain a user name and password; pass those as ``auth`` to the client.
        auth_key: Id of the access key (Orkes); None for a server without authentication.
        auth_secret: Secret of the access key; hidden in the repr.
        request_timeout_ms: Milliseconds for a whole call, including retries; 60,000 by default, 0 for no limit.
        connect_timeout_ms: Milliseconds to connect; 10,000 by default, 0 for no limit.
        refresh_token_interval: Lifetime of a token in milliseconds, at least 1,000; 2,700,000 (45 minutes) by
            default. The client requests a new token after 80% of it.
        max_connections: Size of the connection pool; None for 100, or more if the threads of a ``TaskHandler`` need
            more.
        ui_url: URL of the web UI, for links; None if there is none.
        verify: Whether to verify the server's certificate; True by default.
        ca_bundle: File with the certificates to trust instead of the default ones.
        client_cert: File with the client certificate, for mTLS, and with its key unless ``client_key`` is given.
        client_key: File with the key of the client certificate.
        max_stored_payload_kb: Largest payload to write to the server's external storage, in KiB; 10,240 by default.
        proxy: URL of the proxy for all requests, instead of the one in the environment; hidden in the repr.
        max_response_kb: Largest response to accept, in KiB, both as sent and decompressed; 102,400 by default.

    Raises:
        ConfigurationError: A value is invalid.
    """

    server_url: str = field(default=_DEFAULT_URL, converter=_api_url)
    auth_key: str | None = field(default=None, converter=_auth_key)
    auth_secret: str | None = field(default=None, converter=_auth_secret, repr=_masked)
    request_timeout_ms: int = field(default=60_000, converter=_request_timeout)
    connect_timeout_ms: int = field(default=10_000, converter=_connect_timeout)
    refresh_token_interval: int = field(default=2_700_000, converter=_refresh_interval)
    max_connections: int | None = field(default=None, converter=_connections)
    ui_url: str | None = field(default=None, converter=_ui_url)
    verify: bool = field(default=True, converter=_boolean)
    ca_bundle: str | None = field(default=None, converter=_ca_bundle)
    client_cert: str | None = field(default=None, converter=_client_cert)
    client_key: str | None = field(default=None, converter=_client_key)
    max_stored_payload_kb: int = field(default=10_240, converter=_stored_payload)
    proxy: str | None = field(default=None, converter=_proxy, repr=_masked)
    max_response_kb: int = field(default=102_400, converter=_response_size)

    def __attrs_post_init__(self) -> None:
        _require_both("auth_key", self.auth_key, "auth_secret", self.auth_secret)
        if self.client_key and not self.client_cert:
            raise _missing("client_cert", "client_key")
        for name in ("ca_bundle", "client_cert", "client_key"):
            path = getattr(self, name)
            if path is not None and not Path(path).exists():
                raise ConfigurationError(
                    f"{name}: file not found: {path!r}.", variable=name, value=path, allowed="an existing file"
                )

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None, **overrides: Unpack[SettingsOptions]) -> Self:
        """Return the settings from environment variables and arguments.

        An argument overrides its variable; an empty variable counts as not set.

        Variables: CONDUCTOR_SERVER_URL, CONDUCTOR_AUTH_KEY, CONDUCTOR_AUTH_SECRET, CONDUCTOR_REQUEST_TIMEOUT_MS,
        CONDUCTOR_CONNECT_TIMEOUT_MS, CONDUCTOR_REFRESH_TOKEN_INTERVAL, CONDUCTOR_MAX_CONNECTIONS (older:
        CONDUCTOR_MAX_HTTP2_CONNECTIONS), CONDUCTOR_UI_URL (older: CONDUCTOR_UI_SERVER_URL), CONDUCTOR_TLS_CA_PATH,
        CONDUCTOR_TLS_CERT_PATH, CONDUCTOR_TLS_KEY_PATH, CONDUCTOR_TLS_INSECURE, CONDUCTOR_MAX_STORED_PAYLOAD_KB,
        CONDUCTOR_MAX_RESPONSE_KB, CONDUCTOR_PROXY_URL.

        Args:
            environ: The variables; ``os.environ`` by default.
            **overrides: Attributes of ``Settings``.

        Raises:
            ConfigurationError: A value is invalid; the error names the variable, the value and the valid values.
        """
        _refuse_unknown(overrides)
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
        """Return a copy of the settings with changes.

        Args:
            **changes: Attributes of ``Settings``.

        Raises:
            ConfigurationError: A value is invalid.
        """
        _refuse_unknown(changes)
        return attrs.evolve(self, **changes)


if not TYPE_CHECKING:
    Settings.__init__ = refusing_keywords(Settings.__init__, "Settings")


def _refuse_unknown(names: Iterable[str]) -> None:
    """Raise a TypeError for a keyword argument that is not an attribute of ``Settings``."""
    known = [attribute.name for attribute in attrs.fields(Settings)]
    refuse_keywords("Settings", names)
    for name in names:
        if name not in known:
            hint = did_you_mean(name, known) or f"; settings are: {', '.join(known)}"
            raise TypeError(f"Settings has no attribute {name!r}{hint}")


def _read_str(_: str, text: str) -> str:
    return text.strip()


def _at_least(minimum: int, maximum: int = _MAX_INT) -> Callable[[str, str], int]:
    return lambda name, text: read_int(name, text, minimum=minimum, maximum=maximum)


#: Each attribute with its variables (the first one that is set is used), and the function that parses the value.
_VARIABLES: tuple[tuple[str, tuple[str, ...], Callable[[str, str], Any]], ...] = (
    ("server_url", ("CONDUCTOR_SERVER_URL",), read_url),
    ("auth_key", ("CONDUCTOR_AUTH_KEY",), _read_str),
    ("auth_secret", ("CONDUCTOR_AUTH_SECRET",), _read_str),
    ("request_timeout_ms", ("CONDUCTOR_REQUEST_TIMEOUT_MS",), _at_least(0)),
    ("connect_timeout_ms", ("CONDUCTOR_CONNECT_TIMEOUT_MS",), _at_least(0)),
    ("refresh_token_interval", ("CONDUCTOR_REFRESH_TOKEN_INTERVAL",), _at_least(1000)),
    (
        "max_connections",
        ("CONDUCTOR_MAX_CONNECTIONS", "CONDUCTOR_MAX_HTTP2_CONNECTIONS"),
        _at_least(1, _MAX_CONNECTIONS),
    ),
    ("ui_url", ("CONDUCTOR_UI_URL", "CONDUCTOR_UI_SERVER_URL"), read_url),
    ("ca_bundle", ("CONDUCTOR_TLS_CA_PATH",), _read_str),
    ("client_cert", ("CONDUCTOR_TLS_CERT_PATH",), _read_str),
    ("client_key", ("CONDUCTOR_TLS_KEY_PATH",), _read_str),
    ("verify", ("CONDUCTOR_TLS_INSECURE",), lambda name, text: not read_bool(name, text)),
    ("max_stored_payload_kb", ("CONDUCTOR_MAX_STORED_PAYLOAD_KB",), _at_least(1)),
    ("max_response_kb", ("CONDUCTOR_MAX_RESPONSE_KB",), _at_least(1)),
    ("proxy", ("CONDUCTOR_PROXY_URL",), _proxy_url),
)
_NAMES = {attribute: variables[0] for attribute, variables, _ in _VARIABLES}


def _require_both(name: str, value: str | None, other_name: str, other_value: str | None) -> None:
    if bool(value) != bool(other_value):
        raise _missing(other_name, name) if value else _missing(name, other_name)


def _missing(name: str, given: str) -> ConfigurationError:
    return ConfigurationError(
        f"{given} is set but {name} is missing; set both or neither.",
        variable=name,
        allowed="a value, or None for both",
    )


def _renamed(error: ConfigurationError, used: Mapping[str, str]) -> ConfigurationError:
    """Return the error with the names of the environment variables that the values came from."""
    message, variable = error.message, error.variable
    if variable in used or any(name in message for name in used):
        for attribute, name in sorted(_NAMES.items(), key=lambda pair: -len(pair[0])):
            message = message.replace(attribute, used.get(attribute, name))
        variable = used.get(variable, _NAMES.get(variable, variable))
    return ConfigurationError(message, variable=variable, value=error.value, allowed=error.allowed)
