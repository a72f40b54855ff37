"""The server in front of another server's API."""

import base64
import http.client
import json
import ssl
from urllib.parse import urlsplit

import pytest
import trustme

from conductor.errors import ConfigurationError, ServerStartError
from conductor.server.ui.serve import PageServer, Upstream, upstream_of
from conductor.settings import Settings


def ask(page, method, target, body=None, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", urlsplit(page.url).port, timeout=10)
    try:
        connection.request(
            method, target, body=body, headers={name.replace("_", "-"): value for name, value in headers.items()}
        )
        response = connection.getresponse()
        return response.status, dict(response.headers), response.read()
    finally:
        connection.close()


def test_the_page_has_security_headers(page):
    status, headers, content = ask(page, "GET", "/")

    assert status == 200
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert b"page/main.js" in content


def test_a_definition_and_an_execution_are_drawn(page, api):
    task = {"name": "a", "taskReferenceName": "<a>", "type": "SIMPLE"}
    definition = {"name": "w", "tasks": [task]}
    attempt = {"taskId": "t-1", "referenceTaskName": "<a>", "status": "COMPLETED", "taskType": "SIMPLE"}
    execution = {"workflowId": "w-1", "workflowDefinition": definition, "tasks": [attempt]}

    status, headers, content = ask(page, "POST", "/page/diagram", json.dumps(definition))
    assert (status, headers["Content-Type"]) == (200, "image/svg+xml; charset=utf-8")
    assert b"&lt;a&gt;" in content
    assert b"<style" not in content
    assert b'data-task-id="t-1"' in ask(page, "POST", "/page/diagram", json.dumps(execution))[2]
    for invalid in ("{", "[]", "{}", '{"workflowId": "w", "tasks": 1}'):
        assert ask(page, "POST", "/page/diagram", invalid)[0] == 400
    assert ask(page, "POST", "/page/diagram", "{}", Origin="http://evil.test")[0] == 403
    assert api.asked == []


def test_api_calls_are_forwarded(page, api):
    status, headers, content = ask(page, "GET", "/api/workflow/search?size=1&query=status%3DFAILED")

    assert (status, headers["Content-Type"]) == (200, "application/json")
    assert json.loads(content)["totalHits"] == 60
    assert api.asked == [("GET", "/workflow/search", {"size": ["1"], "query": ["status=FAILED"]})]


def test_a_body_is_forwarded_without_the_browsers_secrets(page, api):
    status, _, content = ask(
        page,
        "POST",
        "/api/workflow",
        '{"name": "order"}',
        Content_Type="application/json",
        Cookie="a=b",
        Authorization="Basic eDp5",
    )

    assert (status, content) == (200, b"w-1")
    assert api.told == [("POST", "/workflow", {"name": "order"})]
    assert api.headers["Content-Type"] == "application/json"
    assert "Cookie" not in api.headers
    assert "Authorization" not in api.headers


def test_errors_of_the_server_are_forwarded(page, api):
    api.answer = lambda method, path: (409, {"message": "no"})

    assert ask(page, "PUT", "/api/workflow/w-1/pause")[::2] == (409, b'{"message": "no"}')


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [("GET", "/nope", 404), ("GET", "/page/nope.js", 404), ("POST", "/", 405), ("GET", "/apiary", 404)],
)
def test_other_paths_are_refused(page, api, method, target, status):
    assert ask(page, method, target)[0] == status
    assert api.asked == []


@pytest.mark.parametrize(
    "headers", [{"Host": "evil.test"}, {"Origin": "http://evil.test"}, {"Sec_Fetch_Site": "cross-site"}]
)
def test_other_pages_cannot_use_it(page, api, headers):
    assert ask(page, "POST", "/api/workflow", "{}", **headers)[0] == 403
    assert api.asked == []


def test_a_form_of_another_page_changes_nothing(page, api):
    headers = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate", "Content_Type": "text/plain"}

    assert ask(page, "POST", "/api/workflow/w-1/restart", "a=b", Origin="http://evil.test", **headers)[0] == 403
    assert ask(page, "GET", "/api/scheduler/admin/pause", **headers)[0] == 403
    assert ask(page, "GET", "/", **headers)[0] == 200
    assert api.asked == api.told == []


def test_a_body_of_unknown_length_or_size_is_refused(page, api):
    assert ask(page, "POST", "/api/workflow", iter([b"{}"]), Transfer_Encoding="chunked")[0] == 411
    assert ask(page, "POST", "/api/workflow", Content_Length="99999999999")[0] == 413
    assert api.asked == []


def test_an_unreachable_server_is_reported(api):
    with PageServer(Upstream("http://127.0.0.1:9/api")) as page:
        status, _, content = ask(page, "GET", "/api/version")

    assert status == 502
    assert json.loads(content)["message"].startswith("Cannot connect to http://127.0.0.1:9/api: ")


def test_a_public_address_requires_a_key():
    with pytest.raises(ConfigurationError, match="without a key"):
        PageServer(Upstream("http://127.0.0.1:9/api"), host="0.0.0.0")


def test_a_page_with_a_key_asks_for_it(api):
    with PageServer(Upstream(api.url), host="0.0.0.0", key="s3cret") as page:
        status, headers, _ = ask(page, "GET", "/")
        assert (status, headers["WWW-Authenticate"]) == (401, 'Basic realm="conductor"')
        assert ask(page, "GET", "/api/version")[0] == 401
        credentials = "Basic " + base64.b64encode(b"me:s3cret").decode()
        assert ask(page, "GET", "/api/version", Authorization=credentials)[::2] == (200, b"3.32.3")


def test_a_port_in_use_is_reported(page):
    with pytest.raises(ServerStartError, match="cannot be used"):
        PageServer(Upstream("http://127.0.0.1:9/api"), port=urlsplit(page.url).port)


def test_a_rejected_token_is_replaced(api):
    tokens = iter(["one", "two"])
    valid = {"one"}

    def answer(method, path):
        if path == "/token":
            return 200, {"token": next(tokens)}
        return None if api.headers.get("X-Authorization") in valid else (401, {"message": "EXPIRED_TOKEN"})

    api.answer = answer
    with PageServer(Upstream(api.url, "key", "secret")) as page:
        assert ask(page, "GET", "/api/version")[0] == 200
        valid.clear()
        valid.add("two")
        assert ask(page, "GET", "/api/version")[0] == 200

    assert [body for _, path, body in api.told if path == "/token"] == [{"keyId": "key", "keySecret": "secret"}] * 2


def test_a_missing_token_is_reported(api):
    api.answer = lambda method, path: (401, {"message": "wrong"})
    with PageServer(Upstream(api.url, "key", "secret")) as page:
        status, _, content = ask(page, "GET", "/api/version")

        again, _, same = ask(page, "GET", "/api/version")

    assert (status, json.loads(content)["message"]) == (502, f"{api.url} returned no token: status 401")
    assert (again, same) == (status, content)
    assert len(api.told) == 1  # the back-off of clients: a wrong key is not sent with each request


def test_a_key_is_ignored_by_a_server_without_authentication(api):
    api.answer = lambda method, path: (404, {"message": "no such path"}) if path == "/token" else None
    with PageServer(Upstream(api.url, "key", "secret")) as page:
        assert ask(page, "GET", "/api/version")[::2] == (200, b"3.32.3")
        assert ask(page, "GET", "/api/version")[0] == 200
    assert len(api.told) == 1


@pytest.fixture
def secure(api, tmp_path):
    """The API behind TLS, with a certificate that nobody trusts yet; what to trust is in ca.pem."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    api.server.socket = tls.wrap_socket(api.server.socket, server_side=True)
    return api.url.replace("http:", "https:"), str(tmp_path / "ca.pem")


def test_the_settings_determine_how_certificates_are_verified(secure):
    url, bundle = secure
    settings = Settings(server_url=url)

    for given, status in [
        (settings, 502),
        (settings.evolve(ca_bundle=bundle), 200),
        (settings.evolve(verify=False), 200),
    ]:
        with PageServer(upstream_of(given)) as page:
            assert ask(page, "GET", "/api/version")[0] == status


def test_unreadable_certificates_are_an_error(tmp_path):
    (tmp_path / "no.pem").write_text("this is none")

    with pytest.raises(ConfigurationError, match="certificates"):
        upstream_of(Settings(ca_bundle=str(tmp_path / "no.pem")))
