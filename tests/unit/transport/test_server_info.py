"""Which server it is: told by whether it knows users."""

import re

import pytest
import responses

from conductor import ConductorClient
from conductor.errors import APIConnectionError, NotFoundError, UnsupportedByServerError
from conductor.transport.operation import Edition, RetryPolicy

API = "http://server:8080/api"


@pytest.fixture
def http():
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


@pytest.fixture
def client():
    with ConductorClient(server_url=API, retry=RetryPolicy.none()) as client:
        yield client


@pytest.mark.parametrize(
    ("status", "body", "edition"),
    [
        (404, {"message": "No static resource api/token/userInfo."}, Edition.OSS),
        (404, {"status": 404, "error": "Not Found", "path": "/api/token/userInfo"}, Edition.OSS),  # older servers
        (405, {"message": "Request method 'GET' is not supported"}, Edition.OSS),
        (200, {"id": "me"}, Edition.ORKES),
        (401, {"message": "no token"}, Edition.ORKES),
        (403, {"message": "not you"}, Edition.ORKES),
    ],
)
def test_only_orkes_knows_users(http, client, status, body, edition):
    http.get(f"{API}/version", body="3.32.3", content_type="text/plain")
    http.get(f"{API}/token/userInfo", json=body, status=status)

    assert (client.server_info().edition, client.server_info().version) == (edition, "3.32.3")
    assert len(http.calls) == 2  # and is not asked again


def test_a_server_that_does_not_report_a_version_has_no_version(http, client):
    http.get(f"{API}/version", json={"message": "No static resource api/version."}, status=404)
    http.get(f"{API}/token/userInfo", json={"message": "No static resource api/token/userInfo."}, status=404)

    assert str(client.server_info()) == "the open-source server"


def test_an_unreachable_server_is_asked_again_the_next_time(http, client):
    with pytest.raises(APIConnectionError):
        client.server_info()
    http.get(f"{API}/version", body="3.32.3", content_type="text/plain")
    http.get(f"{API}/token/userInfo", json={"id": "me"})

    assert client.server_info().edition is Edition.ORKES


@pytest.mark.parametrize(("who", "kind"), [(200, UnsupportedByServerError), (404, NotFoundError)])
def test_a_404_of_the_other_edition_means_that_it_lacks_the_operation(http, client, who, kind):
    http.get(f"{API}/workflow/search-v2", json={"message": "No such workflow found by id: search-v2"}, status=404)
    http.get(f"{API}/version", body="", content_type="text/plain")
    http.get(f"{API}/token/userInfo", json={"message": "not here"}, status=who)

    with pytest.raises(kind, match="search-v2 failed with 404: No such workflow") as caught:
        client.workflows.search_full()

    assert type(caught.value) is kind
    assert caught.value.status == 404


def test_a_404_of_a_server_that_then_goes_away_stays_what_it_is(http, client):
    http.get(f"{API}/workflow/search-v2", json={"message": "No such workflow found by id: search-v2"}, status=404)

    with pytest.raises(NotFoundError) as caught:
        client.workflows.search_full()

    assert type(caught.value) is NotFoundError


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda c: c.metadata.list_workflows(short=True),
            "GET /metadata/workflow: .* ignores short, which only Orkes",
        ),
        (lambda c: c.workflows.start("order", idempotency_key="k"), "POST /workflow: .* ignores the idempotency key"),
    ],
)
def test_what_the_server_in_use_ignores_is_said_once(http, client, caplog, call, words):
    http.get(f"{API}/version", body="3.32.3", content_type="text/plain")
    http.get(f"{API}/token/userInfo", json={"message": "No static resource api/token/userInfo."}, status=404)
    http.get(f"{API}/metadata/workflow", json=[])
    http.post(f"{API}/workflow", body="id-1", content_type="text/plain")

    call(client)
    call(client)

    assert len(caplog.records) == 1
    assert re.search(words, caplog.text)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda c: c.metadata.list_workflows(tag_key="team"), "tagKey"),
        (lambda c: c.metadata.list_tasks(tag_key="team", tag_value="pay"), "tagKey"),
        (lambda c: c.tasks.list_all_poll_data(worker_size=1, worker_opt="GT"), "workerOpt"),
    ],
)
def test_nothing_is_sent_to_a_server_that_ignores_the_filter(http, client, call, name):
    http.get(f"{API}/version", body="3.32.3", content_type="text/plain")
    http.get(f"{API}/token/userInfo", json={"message": "No static resource api/token/userInfo."}, status=404)

    for _ in range(2):
        with pytest.raises(UnsupportedByServerError, match=f"3.32.3.* {name}, which only Orkes") as caught:
            call(client)
    assert caught.value.supported_by == "Orkes Conductor"
    assert len(http.calls) == 2


def test_the_other_way_round_as_well(http, client):
    http.get(f"{API}/version", body="4", content_type="text/plain")
    http.get(f"{API}/token/userInfo", json={"id": "me"})

    for call in (
        lambda: client.workflows.search(top_level_only=True),
        lambda: client.metadata.list_workflows(classifier="agent"),
    ):
        with pytest.raises(UnsupportedByServerError, match="would return everything") as caught:
            call()
        assert caught.value.supported_by == "the open-source server"


def test_definitions_are_searched_by_name_here_where_the_server_does_not(http, client, caplog):
    http.get(f"{API}/version", body="3.32.3", content_type="text/plain")
    http.get(f"{API}/token/userInfo", json={"message": "No static resource api/token/userInfo."}, status=404)
    named = [{"name": name, "version": 1, "tasks": []} for name in ("order", "order_2", "order")]
    http.get(f"{API}/metadata/workflow", json=named)

    assert [one.name for one in client.metadata.list_workflows(name="order")] == ["order", "order"]
    assert caplog.records == []


def test_an_operation_of_another_edition_names_it(http, client):
    http.get(f"{API}/metadata/task/x/tags", json={"message": "No static resource x."}, status=404)
    http.get(f"{API}/workflow/nowhere", status=405)

    with pytest.raises(UnsupportedByServerError) as caught:
        client.tags.list_task_tags("x")
    assert caught.value.supported_by == "Orkes Conductor"
    with pytest.raises(UnsupportedByServerError) as caught:
        client.workflows.get("nowhere")
    assert caught.value.supported_by == ""


def test_no_warning_is_logged_if_the_server_supports_the_parameter(http, client, caplog):
    http.get(f"{API}/version", body="4", content_type="text/plain")
    http.get(f"{API}/token/userInfo", json={"id": "me"})
    http.get(f"{API}/metadata/workflow", json=[])

    client.metadata.list_workflows(name="order")

    assert caplog.records == []
