from pathlib import Path

import pytest

from conductor import ConductorClient, ConfigurationError, RetryPolicy, Settings


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("http://h:8080", "http://h:8080/api"),
        ("http://h:8080/", "http://h:8080/api"),
        ("http://h:8080/api", "http://h:8080/api"),
        ("http://h:8080/api/", "http://h:8080/api"),
        (" https://h/conductor ", "https://h/conductor/api"),
    ],
)
def test_the_url_is_accepted_with_and_without_api(given, kept):
    assert Settings(server_url=given).server_url == kept


def test_defaults():
    settings = Settings.from_env({})
    assert settings.server_url == "http://localhost:8080/api"
    assert (settings.request_timeout_ms, settings.connect_timeout_ms) == (60_000, 10_000)
    assert (settings.verify, settings.max_connections, settings.auth_key) == (True, None, None)


def test_every_variable_is_read():
    settings = Settings.from_env(
        {
            "CONDUCTOR_SERVER_URL": "http://other:1",
            "CONDUCTOR_AUTH_KEY": " key ",
            "CONDUCTOR_AUTH_SECRET": "secret",
            "CONDUCTOR_REQUEST_TIMEOUT_MS": "0",
            "CONDUCTOR_CONNECT_TIMEOUT_MS": "5",
            "CONDUCTOR_REFRESH_TOKEN_INTERVAL": "60000",
            "CONDUCTOR_MAX_CONNECTIONS": "7",
            "CONDUCTOR_UI_URL": "http://ui",
            "CONDUCTOR_TLS_INSECURE": "yes",
            "CONDUCTOR_TLS_CA_PATH": __file__,
            "CONDUCTOR_TLS_CERT_PATH": __file__,
            "CONDUCTOR_TLS_KEY_PATH": __file__,
            "CONDUCTOR_PROXY_URL": "http://proxy:3128",
        }
    )
    assert settings == Settings(
        server_url="http://other:1/api",
        auth_key="key",
        auth_secret="secret",
        request_timeout_ms=0,
        connect_timeout_ms=5,
        refresh_token_interval=60_000,
        max_connections=7,
        ui_url="http://ui",
        verify=False,
        ca_bundle=__file__,
        client_cert=__file__,
        client_key=__file__,
        proxy="http://proxy:3128",
    )


def test_arguments_override_variables_and_new_names_old_ones():
    environ = {
        "CONDUCTOR_SERVER_URL": "http://env",
        "CONDUCTOR_MAX_CONNECTIONS": "3",
        "CONDUCTOR_MAX_HTTP2_CONNECTIONS": "4",
    }
    settings = Settings.from_env(environ, server_url="http://argument")
    assert settings.server_url == "http://argument/api"
    assert settings.max_connections == 3
    assert Settings.from_env({"CONDUCTOR_MAX_HTTP2_CONNECTIONS": "4"}).max_connections == 4


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CONDUCTOR_SERVER_URL", "localhost:8080"),
        ("CONDUCTOR_SERVER_URL", "http://h:port"),
        ("CONDUCTOR_REQUEST_TIMEOUT_MS", "soon"),
        ("CONDUCTOR_REQUEST_TIMEOUT_MS", "-1"),
        ("CONDUCTOR_CONNECT_TIMEOUT_MS", "1.5"),
        ("CONDUCTOR_MAX_CONNECTIONS", "0"),
        ("CONDUCTOR_MAX_HTTP2_CONNECTIONS", "many"),
        ("CONDUCTOR_REFRESH_TOKEN_INTERVAL", "5"),
        ("CONDUCTOR_TLS_INSECURE", "maybe"),
        ("CONDUCTOR_TLS_CA_PATH", "/no/such/file"),
        ("CONDUCTOR_PROXY_URL", "proxy"),
    ],
)
def test_errors_name_the_variable_and_the_valid_values(variable, value):
    with pytest.raises(ConfigurationError) as caught:
        Settings.from_env({variable: value})
    assert caught.value.variable == variable
    assert variable in str(caught.value)
    assert caught.value.allowed


@pytest.mark.parametrize(("one", "other"), [("AUTH_KEY", "AUTH_SECRET"), ("AUTH_SECRET", "AUTH_KEY")])
def test_half_a_credential_pair_is_an_error_naming_both(one, other):
    with pytest.raises(ConfigurationError) as caught:
        Settings.from_env({f"CONDUCTOR_{one}": "s3cret"})
    assert caught.value.variable == f"CONDUCTOR_{other}"
    assert f"CONDUCTOR_{one}" in str(caught.value)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("name", ["server_url", "ui_url"])
@pytest.mark.parametrize(
    "url", ["http://user:s3cret@host", "http://s3cret@host/api", "http:/user:s3cret@host", "user:s3cret@host:x"]
)
def test_a_password_in_a_url_is_refused_and_not_shown(name, url):
    variable = {"server_url": "CONDUCTOR_SERVER_URL", "ui_url": "CONDUCTOR_UI_URL"}[name]
    for read in (lambda: Settings(**{name: url}), lambda: Settings.from_env({variable: url})):
        with pytest.raises(ConfigurationError) as caught:
            read()
        assert "s3cret" not in str(caught.value) + repr(caught.value.to_dict())
        assert "***@host" in str(caught.value)


def test_the_error_for_a_password_in_a_url_has_advice():
    with pytest.raises(ConfigurationError, match="CONDUCTOR_SERVER_URL .*HTTPBasicAuth") as caught:
        Settings.from_env({"CONDUCTOR_SERVER_URL": "http://user:s3cret@host"})
    assert caught.value.variable == "CONDUCTOR_SERVER_URL"


def test_the_repr_of_settings_hides_secrets():
    settings = Settings(auth_key="k", auth_secret="s3cret", proxy="http://user:s3cret@proxy:1")
    assert "s3cret" not in repr(settings)
    with ConductorClient(settings) as client:
        assert "s3cret" not in repr(client) + repr(client.transport) + repr(client.transport.auth)


def test_a_client_accepts_settings_and_overrides(monkeypatch):
    monkeypatch.setenv("CONDUCTOR_SERVER_URL", "http://env")
    with ConductorClient() as client:
        assert client.settings.server_url == "http://env/api"
    with ConductorClient(Settings(request_timeout_ms=1), server_url="http://mine") as client:
        assert (client.settings.server_url, client.settings.request_timeout_ms) == ("http://mine/api", 1)


def test_a_setting_of_the_wrong_type_or_size_is_refused():
    numbers = (
        "request_timeout_ms",
        "connect_timeout_ms",
        "max_connections",
        "max_stored_payload_kb",
        "max_response_kb",
    )
    texts = ("server_url", "auth_key", "auth_secret", "ui_url", "proxy", "ca_bundle", "client_cert", "client_key")
    wrong = {
        **dict.fromkeys(
            numbers, (True, 1.5, -1, 10**30, float("nan"), b"1", "1e3", "1_000", "\u0663", "", [], object())
        ),
        **dict.fromkeys(texts, (5, True, b"http://h", ["http://h"], object(), float("nan"))),
        "verify": ("false", "", 0, None, "/etc/ssl/ca.pem"),  # "false" would count as true, and "" as false
    }
    for name, values in wrong.items():
        for value in values:
            other = {"auth_key": "auth_secret", "auth_secret": "auth_key"}.get(name)
            with pytest.raises(ConfigurationError, match=name) as caught:
                Settings(**{name: value}, **({other: "x"} if other else {}))
            assert caught.value.variable == name
    with pytest.raises(ConfigurationError) as caught:
        Settings(max_response_kb="9" * 5000)
    assert len(str(caught.value)) < 400


def test_paths_may_be_path_objects_and_empty_strings_count_as_not_set():
    settings = Settings(ca_bundle=Path(__file__), client_cert="", client_key="", proxy="", ui_url="")
    assert settings.ca_bundle == __file__
    assert (settings.client_cert, settings.client_key, settings.proxy, settings.ui_url) == (None,) * 4


def test_a_server_url_that_no_request_could_use_is_refused():
    for url in (
        "http://h/api?token=s3cret",
        "http://h/#s3cret",
        "http://h /api",
        "http://h/a b",
        "http://h\n/api",
        "http://h\\x",
        "http://h\x00",
        "http://h\u200b",
        "http://h:0",
        "http://h:99999",
        "http://[::1",
        "unix:///run/conductor.sock",
        "http://user:s3cret@h",
        "http://user:s3cret@h:x",
        "http://user:s3/cret@h:x",
        "http://user:s3?cret@h:x",
    ):
        with pytest.raises(ConfigurationError, match="CONDUCTOR_SERVER_URL is ") as caught:
            Settings.from_env({"CONDUCTOR_SERVER_URL": url})
        assert "s3cret" not in str(caught.value.to_dict()), url
        assert "cret" not in str(caught.value.to_dict()), url
    assert Settings(server_url="http://[::1]:8080").server_url == "http://[::1]:8080/api"


def test_no_invalid_proxy_url_shows_its_password():
    for url in (
        "u:s3cret@h:1",
        "http://u:s3cret@h:x",
        "http://u:s3cret h:1",
        "http://u:s3cret",
        "u:s3cret",
        "//u:s3cret",
    ):
        with pytest.raises(ConfigurationError, match="CONDUCTOR_PROXY_URL") as caught:
            Settings.from_env({"CONDUCTOR_PROXY_URL": url})
        assert "s3cret" not in str(caught.value.to_dict()), url


def test_a_client_refuses_what_it_cannot_be_made_of():
    wrong = {
        "auth": (5, b"s3cret", ("user", "s3cret"), ["s3cret"], object(), True),
        "session": (5, "x", object()),
        "adapter": (5, "x", object()),
        "retry": (5, "x", True),
        "metrics": (5, "x", object()),
    }
    for name, values in wrong.items():
        for value in values:
            with pytest.raises(ConfigurationError, match=f"^{name} must be") as caught:
                ConductorClient("http://h", **{name: value})
            assert "s3cret" not in str(caught.value.to_dict())


def test_a_retry_policy_refuses_invalid_numbers():
    for name in ("rate_limit_retries", "connection_retries", "first_refusal_retries"):
        for value in (-1, 1.5, True, "3", None):
            with pytest.raises(ConfigurationError, match=name):
                RetryPolicy(**{name: value})
    for name in ("longest_wait", "jitter"):
        for value in (-1, "3", True, float("nan"), None):
            with pytest.raises(ConfigurationError, match=name):
                RetryPolicy(**{name: value})
    assert RetryPolicy(longest_wait=float("inf")).longest_wait == float("inf")
