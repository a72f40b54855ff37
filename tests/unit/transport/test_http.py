import json
from datetime import datetime, timezone

import certifi
import pytest
import requests
import responses
from responses import matchers

from conductor import ConductorClient, RetryPolicy
from conductor.errors import (
    APIConnectionError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    ConflictError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    SerializationError,
    ServerError,
    UnexpectedResponseError,
    UnsupportedByServerError,
)
from conductor.models import TaskDef, Workflow
from conductor.settings import Settings
from conductor.transport.auth import ConductorAuth
from conductor.transport.client import Transport
from conductor.transport.operation import Edition, Operation, Repeat, RetryBudget, nothing

API = "http://server:8080/api"
GET = Operation("GET", "/thing/{id}", dict)
POST = Operation("POST", "/thing", dict, Repeat.NEVER)
KEYED = Operation("POST", "/keyed", str, Repeat.WITH_KEY)
ORKES = Operation("GET", "/orkes", dict, edition=Edition.ORKES)


@pytest.fixture
def http():
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


@pytest.fixture
def slept():
    return []


@pytest.fixture
def make(slept):
    made = []

    def transport(**options):
        settings = {k: options.pop(k) for k in list(options) if k in {"auth_key", "auth_secret", "request_timeout_ms"}}
        options.setdefault("retry", RetryPolicy(uniform=lambda low, high: 0.0))
        one = Transport(Settings(server_url=API, **settings), sleep=slept.append, **options)
        made.append(one)
        return one

    yield transport
    for one in made:
        one.close()


# -- requests


def test_query_values_are_written_as_the_server_reads_them(http, make):
    query = {"a": True, "b": None, "c": ["x", "y"], "d": datetime(2024, 1, 1, tzinfo=timezone.utc), "e": 5}
    http.get(f"{API}/thing/1", json={}, match=[matchers.query_string_matcher("a=true&c=x&c=y&d=1704067200000&e=5")])
    make().request(GET, {"id": 1}, query=query)
    assert len(http.calls) == 1


def test_bodies_are_models_plain_values_and_what_people_put_into_them(http, make):
    http.post(f"{API}/thing", json={})
    make().request(POST, body=[TaskDef("t"), {"when": datetime(2024, 1, 1, tzinfo=timezone.utc)}])
    assert json.loads(http.calls[0].request.body) == [{"name": "t"}, {"when": "2024-01-01T00:00:00+00:00"}]
    assert http.calls[0].request.headers["Content-Type"] == "application/json"


def test_a_body_without_json_form_is_refused_before_anything_is_sent(http, make):
    with pytest.raises(SerializationError):
        make().request(POST, body={"bad": object()})
    assert len(http.calls) == 0


def test_text_and_bytes_travel_as_they_are(http, make):
    http.post(f"{API}/text", body="")
    make().request(Operation("POST", "/text", sends="text"), body="a line")
    assert http.calls[0].request.body == b"a line"
    assert http.calls[0].request.headers["Content-Type"] == "text/plain"


# -- answers


@pytest.mark.parametrize(
    ("returns", "body", "value"),
    [
        (str, "id-1", "id-1"),
        (str, '"id-1"', "id-1"),
        (int, "7", 7),
        (bytes, "raw", b"raw"),
        (None, "whatever", None),
        (list[str], '["a"]', ["a"]),
        (Workflow, '{"workflowId":"w"}', Workflow(workflow_id="w")),
    ],
)
def test_answers_are_structured_as_the_operation_says(http, make, returns, body, value):
    http.get(f"{API}/x", body=body, content_type="text/plain")
    assert make().request(Operation("GET", "/x", returns)) == value


@pytest.mark.parametrize(("on_empty", "value"), [(list, []), (nothing, None), (str, "")])
def test_an_empty_answer_is_what_the_operation_says(http, make, on_empty, value):
    http.get(f"{API}/x", status=204)
    assert make().request(Operation("GET", "/x", list[str], on_empty=on_empty)) == value


@pytest.mark.parametrize(
    ("body", "kind", "says"),
    [
        ("", "application/json", "without a body"),
        ("<html><title>Log in</title></html>", "text/html", "HTML page"),
        ("{broken", "application/json", "not JSON"),
        ("[1]", "application/json", "unexpected structure"),
        ('{"workflowId":{}}', "application/json", "unexpected structure"),
    ],
)
def test_an_answer_of_another_kind_is_an_error(http, make, body, kind, says):
    http.get(f"{API}/x", body=body, content_type=kind)
    with pytest.raises(UnexpectedResponseError, match=says):
        make().request(Operation("GET", "/x", Workflow))


def test_an_html_page_is_refused_even_if_nothing_is_read(http, make):
    http.put(f"{API}/x", body="<html><title>Log in</title></html>", content_type="text/html")
    with pytest.raises(UnexpectedResponseError, match="HTML page"):
        make().request(Operation("PUT", "/x"))


# -- errors


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (400, "bad", BadRequestError),
        (401, "who", AuthenticationError),
        (403, "no", PermissionDeniedError),
        (404, "No such workflow", NotFoundError),
        (404, "No static resource api/x.", UnsupportedByServerError),
        (405, "Method not allowed", UnsupportedByServerError),
        (501, "not implemented", UnsupportedByServerError),
        (409, "exists", ConflictError),
        (422, "bad", BadRequestError),
        (500, "boom", ServerError),
        (500, "No such task definition", NotFoundError),
        (500, "Event handler already exists", ConflictError),
        (599, "odd", ServerError),
        (418, "teapot", BadRequestError),
    ],
)
def test_statuses_become_errors_by_what_the_caller_can_do(http, make, status, message, kind):
    http.get(f"{API}/thing/1", json={"status": status, "message": message}, status=status)
    with pytest.raises(kind) as caught:
        make(retry=RetryPolicy.none()).request(GET, {"id": 1})
    error = caught.value
    assert type(error) is kind
    assert (error.status, error.server_message, error.method, error.path) == (status, message, "GET", "/thing/1")
    assert str(error).startswith(f"GET /thing/{{id}} failed with {status}: {message}")


def test_validation_errors_are_data_and_in_the_message(http, make):
    entry = {"path": "tasks", "message": "must not be empty", "invalidValue": "[]"}
    http.get(f"{API}/thing/1", json={"message": "Validation failed", "validationErrors": [entry]}, status=400)
    with pytest.raises(BadRequestError, match="tasks: must not be empty") as caught:
        make().request(GET, {"id": 1})
    assert caught.value.validation_errors == [entry]


def test_an_operation_of_the_other_edition_says_so(http, make):
    http.get(f"{API}/orkes", json={"message": "No static resource api/orkes."}, status=404)
    with pytest.raises(UnsupportedByServerError, match="Orkes Conductor"):
        make().request(ORKES)


def test_an_html_error_page_is_reported_with_its_title(http, make):
    http.get(f"{API}/thing/1", body="<html><title>Bad Gateway</title>", status=400, content_type="text/html")
    with pytest.raises(BadRequestError, match="Bad Gateway"):
        make().request(GET, {"id": 1})


def test_a_page_is_recognized_whatever_its_type(http, make):
    page = "<!DOCTYPE html>\n<html><title>Log in</title></html>"
    for kind, body in (
        ("TEXT/HTML", page),
        ("text/plain", page),
        ("application/json", f"\ufeff {page}"),
        ("", "<HTML >"),
    ):
        for returns in (Workflow, str, None, dict):
            http.put(f"{API}/x", body=body.encode(), content_type=kind)
            with pytest.raises(UnexpectedResponseError, match="HTML page"):
                make().request(Operation("PUT", "/x", returns))
    http.get(f"{API}/environment/page", body=page, content_type="text/plain")
    assert make().request(Operation("GET", "/environment/page", str)) == page  # a variable's value may be one


def test_a_status_of_300_to_399_without_an_address_is_no_redirect(http, make):
    for status in (300, 304, 399):
        http.get(f"{API}/thing/{status}", status=status)
        with pytest.raises(UnexpectedResponseError, match=f"returned {status}, which is not a valid") as caught:
            make().request(GET, {"id": status})
        assert "redirect" not in str(caught.value)
    for location in ("http://[::1", "http://" + "x" * 5000, "//user:s3cret@evil/", "http://h/?token=s3cret"):
        http.get(f"{API}/thing/1", status=302, headers={"Location": location})
        with pytest.raises(UnexpectedResponseError, match="redirect") as caught:
            make().request(GET, {"id": 1})
        assert "s3cret" not in str(caught.value)
        assert len(str(caught.value)) < 500


def test_an_empty_response_of_orkes_means_that_there_is_none(http, make):
    for kind, is_missing in (
        (Operation("GET", "/registry/service/{name}", Workflow, edition=Edition.ORKES), True),
        (Operation("GET", "/registry/service/{name}", dict, edition=Edition.ORKES), True),
        (Operation("GET", "/registry/service/{name}", Workflow), False),
        (Operation("GET", "/registry/service/{name}", int, edition=Edition.ORKES), False),
        (Operation("GET", "/registry/service/{name}", dict, Repeat.NEVER, Edition.ORKES), False),
    ):
        http.get(f"{API}/registry/service/unknown", body="")
        words = "/registry/service/unknown does not exist" if is_missing else "without a body"
        with pytest.raises(NotFoundError if is_missing else UnexpectedResponseError, match=words) as caught:
            make().request(kind, {"name": "unknown"})
        assert caught.value.status == 200


def test_a_definition_is_not_saved_twice_as_new_versions(http, make, slept):
    save = Operation("POST", "/schema")
    http.post(f"{API}/schema", status=503)
    with pytest.raises(ServerError) as caught:
        make().request(save, query={"newVersion": True})
    assert caught.value.attempts == 1
    with pytest.raises(ServerError) as caught:
        make().request(save, query={"newVersion": False})
    assert caught.value.attempts == 4


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_refused_and_no_other_host_gets_the_token(http, make, status):
    http.get(f"{API}/thing/1", status=status, headers={"Location": "http://elsewhere/steal"})
    http.get("http://elsewhere/steal", json={})
    with pytest.raises(UnexpectedResponseError, match="elsewhere"):
        make(auth="s3cret").request(GET, {"id": 1})
    assert len(http.calls) == 1


# -- retries


@pytest.mark.parametrize(
    ("statuses", "waits"),
    [([429, 200], [1.0]), ([429] * 5 + [200], [1.0, 2.0, 4.0, 8.0, 16.0]), ([503, 502, 504, 200], [0.5, 1.0, 2.0])],
)
def test_passing_failures_are_retried(http, make, slept, statuses, waits):
    for status in statuses:
        http.get(f"{API}/thing/1", json={}, status=status)
    assert make(request_timeout_ms=0).request(GET, {"id": 1}) == {}
    assert slept == waits


def test_the_sixth_429_is_an_error_that_counts_the_attempts(http, make):
    http.get(f"{API}/thing/1", json={}, status=429, headers={"Retry-After": "0"})
    with pytest.raises(RateLimitError) as caught:
        make().request(GET, {"id": 1})
    assert caught.value.attempts == 6
    assert caught.value.retry_after == 0.0


@pytest.mark.parametrize("value", ["7", "Fri, 31 Dec 1999 23:59:59 GMT"])
def test_retry_after_is_a_number_or_a_date(http, make, slept, value):
    http.get(f"{API}/thing/1", json={}, status=429, headers={"Retry-After": value})
    http.get(f"{API}/thing/1", json={})
    make().request(GET, {"id": 1})
    assert slept == [7.0 if value == "7" else 1.0]  # a moment that has passed asks for no wait: back off


def test_a_connection_error_is_retried_only_where_that_is_harmless(http, make, slept):
    for method, path in (("GET", "thing/1"), ("POST", "thing")):
        http.add(method, f"{API}/{path}", body=requests.ConnectionError("reset"))
    with pytest.raises(APIConnectionError):
        make().request(GET, {"id": 1})
    assert len(slept) == 3
    with pytest.raises(APIConnectionError):
        make().request(POST, body={})
    assert len(slept) == 3


@pytest.mark.parametrize(("has_key", "attempts"), [(False, 1), (True, 4)])
def test_a_start_is_repeated_only_with_an_idempotency_key(http, make, has_key, attempts):
    http.post(f"{API}/keyed", body=requests.ConnectionError("reset"))
    with pytest.raises(APIConnectionError) as caught:
        make().request(KEYED, body={}, has_key=has_key)
    assert caught.value.attempts == attempts


def test_a_start_is_not_retried_if_the_server_ignores_its_key(http, make, slept):
    http.post(f"{API}/keyed", body=requests.ConnectionError("reset"))
    http.get(f"{API}/version", body="3.32.3")
    http.get(f"{API}/token/userInfo", json={"message": "No static resource api/token/userInfo."}, status=404)
    with pytest.raises(APIConnectionError) as caught:
        make().request(KEYED, body={}, has_key=True)
    assert caught.value.attempts == 1
    http.assert_call_count(f"{API}/keyed", 1)


def test_a_conflict_after_a_lost_response_may_be_with_itself(http, make, slept):
    http.post(f"{API}/keyed", body=requests.ConnectionError("reset"))
    http.post(f"{API}/keyed", json={"status": 409, "message": "The key was used"}, status=409)
    with pytest.raises(ConflictError, match="RETURN_EXISTING") as caught:
        make().request(KEYED, body={}, has_key=True)
    assert caught.value.attempts == 2
    with pytest.raises(ConflictError) as plain:
        make().request(KEYED, body={}, has_key=True)
    assert "RETURN_EXISTING" not in str(plain.value)


def test_a_rate_limited_start_is_retried_on_every_server(http, make, slept):
    http.post(f"{API}/keyed", status=429)
    http.post(f"{API}/keyed", body="id-1")
    assert make().request(KEYED, body={}, has_key=True) == "id-1"
    http.assert_call_count(f"{API}/keyed", 2)


def test_a_timeout_is_never_repeated(http, make, slept):
    http.get(f"{API}/thing/1", body=requests.ReadTimeout("slow"))
    with pytest.raises(APITimeoutError):
        make().request(GET, {"id": 1})
    assert slept == []


def test_a_certificate_that_is_not_accepted_is_one_immediate_error(http, make, slept):
    http.get(f"{API}/thing/1", body=requests.exceptions.SSLError("certificate verify failed"))
    with pytest.raises(APIConnectionError, match="ca_bundle"):
        make().request(GET, {"id": 1})
    assert slept == []


# -- authentication


def _tokens(http, *tokens):
    for token in tokens:
        http.post(f"{API}/token", json={"token": token})


def test_the_token_is_fetched_once_and_put_on_each_request(http, make):
    _tokens(http, "t1")
    http.get(f"{API}/thing/1", json={})
    transport = make(auth_key="k", auth_secret="s")
    for _ in range(3):
        transport.request(GET, {"id": 1})
    token_call, *calls = http.calls
    assert json.loads(token_call.request.body) == {"keyId": "k", "keySecret": "s"}
    assert "X-Authorization" not in token_call.request.headers
    assert [c.request.headers["X-Authorization"] for c in calls] == ["t1"] * 3


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("code", ["EXPIRED_TOKEN", "INVALID_TOKEN"])
def test_a_rejected_token_is_renewed_and_the_call_repeated_once(http, make, slept, status, code):
    _tokens(http, "t1", "t2")
    http.get(f"{API}/thing/1", json={"error": code}, status=status)
    http.get(f"{API}/thing/1", json={"ok": 1})
    assert make(auth_key="k", auth_secret="s").request(GET, {"id": 1}) == {"ok": 1}
    assert http.calls[-1].request.headers["X-Authorization"] == "t2"
    assert slept == []


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_token_endpoint_that_is_overloaded_is_waited_for(http, status):
    now, slept = [0.0], []

    def sleep(seconds):
        slept.append(seconds)
        now[0] += seconds

    settings = Settings(server_url=API, auth_key="k", auth_secret="s")
    http.post(f"{API}/token", status=status)
    http.post(f"{API}/token", status=status, headers={"Retry-After": "5"})
    _tokens(http, "t1")
    http.post(f"{API}/thing", json={"ok": 1})
    with Transport(settings, clock=lambda: now[0], sleep=sleep) as transport:
        assert transport.request(POST) == {"ok": 1}  # it was not sent before, so it is harmless to try again
    assert [call.request.url for call in http.calls] == [f"{API}/token"] * 3 + [f"{API}/thing"]
    assert slept == [1.0, 5.0]


def test_a_missing_token_endpoint_ends_the_call_after_four_attempts(http):
    now = [0.0]
    settings = Settings(server_url=API, auth_key="k", auth_secret="s")
    http.post(f"{API}/token", status=503)

    def sleep(seconds):
        now[0] += seconds

    with (
        Transport(settings, clock=lambda: now[0], sleep=sleep) as transport,
        pytest.raises(ServerError, match="POST /token failed with 503"),
    ):
        transport.request(GET, {"id": 1})
    assert (len(http.calls), now[0]) == (4, 7.0)


def test_a_token_that_is_rejected_twice_is_an_error(http, make):
    _tokens(http, "t1", "t2")
    http.get(f"{API}/thing/1", json={"error": "EXPIRED_TOKEN"}, status=401)
    with pytest.raises(AuthenticationError) as caught:
        make(auth_key="k", auth_secret="s").request(GET, {"id": 1})
    assert caught.value.code == "EXPIRED_TOKEN"
    assert [c.request.path_url for c in http.calls] == ["/api/token", "/api/thing/1"] * 2


@pytest.mark.parametrize(("status", "kind"), [(401, AuthenticationError), (403, PermissionDeniedError)])
def test_any_other_refusal_is_an_error_at_once(http, make, status, kind):
    _tokens(http, "t1")
    http.get(f"{API}/thing/1", json={"error": "NOT_ALLOWED", "message": "no"}, status=status)
    with pytest.raises(kind):
        make(auth_key="k", auth_secret="s").request(GET, {"id": 1})
    assert len(http.calls) == 2


def test_a_wrong_secret_is_one_immediate_error_that_names_the_cause(http, make, slept):
    http.post(f"{API}/token", json={"message": "bad"}, status=401)
    with pytest.raises(AuthenticationError, match="CONDUCTOR_AUTH_SECRET") as caught:
        make(auth_key="k", auth_secret="s3cret").request(GET, {"id": 1})
    assert "s3cret" not in str(caught.value)
    assert slept == []


def test_a_server_without_a_token_endpoint_is_used_without_authentication(http, make):
    http.post(f"{API}/token", json={"message": "No static resource api/token."}, status=404)
    http.get(f"{API}/thing/1", json={})
    transport = make(auth_key="k", auth_secret="s")
    for _ in range(2):
        transport.request(GET, {"id": 1})
    assert [c.request.path_url for c in http.calls] == ["/api/token", "/api/thing/1", "/api/thing/1"]
    assert "X-Authorization" not in http.calls[-1].request.headers


def test_a_fixed_token_a_callable_and_a_scheme_of_ones_own(http, make):
    http.get(f"{API}/thing/1", json={})
    tokens = iter(["a", "b"])
    make(auth="fixed").request(GET, {"id": 1})
    asked = make(auth=lambda: next(tokens))
    asked.request(GET, {"id": 1})
    asked.request(GET, {"id": 1})
    make(auth=requests.auth.HTTPBasicAuth("u", "p")).request(GET, {"id": 1})
    sent = [c.request.headers for c in http.calls]
    assert [h.get("X-Authorization") for h in sent] == ["fixed", "a", "b", None]
    assert sent[3]["Authorization"].startswith("Basic ")


def test_netrc_is_not_read(http, make, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine server login u password p\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    http.get(f"{API}/thing/1", json={})
    make().request(GET, {"id": 1})
    assert "Authorization" not in http.calls[0].request.headers


def test_verify_is_set_for_each_request_and_overrides_the_environment(http, make, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/elsewhere.pem")
    http.get(f"{API}/thing/1", json={})
    transport = Transport(Settings(server_url=API, ca_bundle=certifi.where()))
    transport.request(GET, {"id": 1})
    assert http.calls[0].request.req_kwargs["verify"] == certifi.where()
    Transport(Settings(server_url=API, verify=False)).request(GET, {"id": 1})
    assert http.calls[1].request.req_kwargs["verify"] is False


# -- sessions


def test_a_session_of_ones_own_is_used_and_left_open(http):
    http.get(f"{API}/thing/1", json={})
    session = requests.Session()
    session.headers["X-Mine"] = "yes"
    closed = []
    session.close = lambda: closed.append(True)
    with ConductorClient(server_url=API, session=session) as client:
        client.transport.request(GET, {"id": 1})
    assert http.calls[0].request.headers["X-Mine"] == "yes"
    assert closed == []


def test_an_adapter_of_ones_own_is_used():
    adapter = requests.adapters.HTTPAdapter()
    with ConductorClient(server_url=API, adapter=adapter) as client:
        assert client.transport.session.get_adapter(API) is adapter


def test_no_secret_is_in_an_error_or_in_the_log(http, make, caplog):
    caplog.set_level("DEBUG")
    _tokens(http, "t0ken")
    http.get(f"{API}/thing/1", json={"message": "no"}, status=500)
    transport = make(auth_key="k", auth_secret="s3cret")
    with pytest.raises(ServerError) as caught:
        transport.request(GET, {"id": 1})
    told = (
        str(caught.value)
        + repr(caught.value)
        + repr(caught.value.to_dict())
        + caplog.text
        + repr(ConductorAuth("t0ken"))
    )
    assert "s3cret" not in told
    assert "t0ken" not in told


def test_a_call_in_an_outage_sends_four_requests_until_the_budget_ends(http, make, slept):
    http.get(f"{API}/thing/a", status=503)
    transport = make()
    transport.budget = RetryBudget(clock=lambda: 0.0)
    transport.budget.tokens = 500
    for _ in range(40):
        with pytest.raises(ServerError):
            transport.request(GET, {"id": "a"})
    assert len(http.calls) == 40 + 100
    before = len(http.calls)
    with pytest.raises(ServerError):
        transport.request(GET, {"id": "a"})
    assert len(http.calls) == before + 1


def test_calls_are_repeated_again_once_calls_succeed(http, make, slept):
    transport = make()
    transport.budget = RetryBudget(clock=lambda: 0.0)
    transport.budget.tokens = 0
    http.get(f"{API}/thing/good", json={})
    http.get(f"{API}/thing/bad", status=503)
    for _ in range(10):
        transport.request(GET, {"id": "good"})
    with pytest.raises(ServerError):
        transport.request(GET, {"id": "bad"})
    assert [call.request.url.rpartition("/")[2] for call in http.calls].count("bad") == 3
