import pytest

from conductor import ConductorClient, ConfigurationError, Settings


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
