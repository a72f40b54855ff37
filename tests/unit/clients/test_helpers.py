"""Helpers around the operations: factories, health of queues, searches that wait, tags, schedules."""

import inspect
import time
from datetime import datetime, timedelta, timezone

import pytest

from conductor import task_definition
from conductor.errors import ConfigurationError, NotFoundError, UnsupportedByServerError
from conductor.models import RetryLogic, Tag, WorkflowSchedule
from conductor.transport.editions import ServerInfo
from conductor.transport.operation import Edition

SCHEDULE = {"name": "daily", "cronExpression": "0 0 9 * * *", "startWorkflowRequest": {"name": "report"}}


def test_a_task_definition_has_the_documented_defaults():
    assert task_definition("charge").to_dict() == {
        "name": "charge",
        "retryCount": 3,
        "retryLogic": "FIXED",
        "retryDelaySeconds": 60,
        "timeoutSeconds": 3600,
        "timeoutPolicy": "TIME_OUT_WF",
        "responseTimeoutSeconds": 600,
        "pollTimeoutSeconds": 3600,
        "rateLimitFrequencyInSeconds": 1,
        "backoffScaleFactor": 1,
    }


def test_a_short_timeout_lowers_the_default_response_timeout():
    found = task_definition("charge", timeout_seconds=30, retry_logic=RetryLogic.LINEAR_BACKOFF)

    assert (found.response_timeout_seconds, found.retry_logic) == (29, "LINEAR_BACKOFF")
    assert task_definition("charge", timeout_seconds=30, response_timeout_seconds=10).response_timeout_seconds == 10


@pytest.mark.parametrize(
    ("name", "instead"), [("max_concurrent_executions", "concurrent_exec_limit"), ("poll_interval_seconds", "worker's")]
)
def test_unknown_attributes_are_refused_with_a_replacement(name, instead):
    with pytest.raises(ConfigurationError, match=instead):
        task_definition("charge", **{name: 5})


def test_durations_of_a_task_definition_may_be_timedeltas():
    found = task_definition("charge", timeout_seconds=timedelta(minutes=5), retry_delay_seconds=timedelta(seconds=1.5))

    assert (found.timeout_seconds, found.response_timeout_seconds, found.retry_delay_seconds) == (300, 299, 2)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("timeout_seconds", "5"),
        ("retry_count", 1.5),
        ("retry_count", timedelta(1)),
        ("retry_count", True),
        ("retry_logic", "FOO"),
    ],
)
def test_invalid_task_definition_values_are_refused_by_name(name, value):
    wire_names = {"retry_logic": "retryLogic"}
    with pytest.raises(ConfigurationError) as caught:
        task_definition("charge", **{name: value})
    assert caught.value.variable == wire_names.get(name, name)


def test_a_queue_with_tasks_but_no_polls_is_stuck(client, wire):
    long_ago = round((datetime.now(timezone.utc) - timedelta(hours=1)).timestamp() * 1000)
    wire.answer({"charge": 4}).answer([{"queueName": "charge", "workerId": "a", "lastPollTime": long_ago}])

    health = client.tasks.queue_health("charge")

    assert (health.size, health.is_stuck, health.active_pollers) == (4, True, ())
    assert health.problem.startswith("4 task(s) of charge are queued, but no worker has polled since 20")


def test_a_queue_with_active_workers_is_not_stuck(client, wire):
    now = round(datetime.now(timezone.utc).timestamp() * 1000)
    eu = {"queueName": "charge", "domain": "eu", "workerId": "b", "lastPollTime": now}
    wire.answer({"charge": 4}).answer([{"queueName": "charge", "workerId": "a", "lastPollTime": now}, eu])

    health = client.tasks.queue_health("charge")

    assert (health.is_stuck, health.problem, [one.worker_id for one in health.active_pollers]) == (False, None, ["a"])


def test_a_domain_has_its_own_queue_and_workers(client, wire):
    wire.answer("2").answer([{"queueName": "charge", "workerId": "a", "lastPollTime": 1}])

    health = client.tasks.queue_health("charge", domain="eu")

    assert (health.size, health.last_poll_at, health.is_stuck) == (2, None, True)
    assert "no worker has ever polled" in health.problem


def test_poll_search_repeats_until_a_human_task_matches(client, wire):
    wire.answer({"results": []}).answer({"results": []}).answer({"results": [{"taskId": "t"}]})

    found = client.human_tasks.poll_search(states=["ASSIGNED"], interval=0.001, timeout=30)

    assert [entry.task_id for entry in found] == ["t"]
    assert len(wire.requests) == 3
    assert wire.body == {"states": ["ASSIGNED"], "searchType": "ADMIN", "start": 0, "size": 15}


def test_poll_search_without_matches_ends_at_the_timeout(client, wire):
    wire.answer({"results": []})

    assert client.human_tasks.poll_search(interval=0.001, timeout=0.01) == []


def test_iterate_search_yields_all_pages_of_human_tasks(client, wire):
    wire.answer({"totalHits": 3, "results": [{"taskId": "1"}, {"taskId": "2"}]})
    wire.answer({"totalHits": 3, "results": [{"taskId": "3"}]})

    assert [one.task_id for one in client.human_tasks.iterate_search(size=2)] == ["1", "2", "3"]


@pytest.mark.parametrize(
    "tags",
    [{"team": "pay"}, Tag(key="team", value="pay"), [Tag(key="team", value="pay")], [{"key": "team", "value": "pay"}]],
)
def test_tags_are_accepted_as_dict_model_or_list(client, wire, tags):
    wire.answer("")

    client.secrets.set_tags("k", tags)

    assert (wire.method, wire.path, wire.body) == ("PUT", "/secrets/k/tags", [{"key": "team", "value": "pay"}])


@pytest.mark.parametrize("tags", [{}, [], [Tag(value="x")]])
def test_tags_without_a_key_are_refused(client, wire, tags):
    with pytest.raises(ConfigurationError, match="each with a key"):
        client.secrets.set_tags("k", tags)
    assert wire.requests == []


@pytest.mark.parametrize(
    ("change", "variable"),
    [
        ({"cronExpression": "* * * * *"}, "cron_expression"),
        ({"cronExpression": None}, "cron_expression"),
        ({"cronSchedules": [{"cronExpression": "0 0 25 * * *"}], "cronExpression": None}, "cron_expression"),
        ({"zoneId": "Mars/Olympus"}, "zone_id"),
        ({"name": "a/b"}, "name"),
        ({"startWorkflowRequest": None}, "start_workflow_request"),
        ({"scheduleStartTime": 20, "scheduleEndTime": 10}, "schedule_end_time"),
    ],
)
def test_a_schedule_that_would_never_run_is_refused(client, wire, change, variable):
    with pytest.raises(ConfigurationError) as caught:
        client.schedules.save({**SCHEDULE, **change})

    assert (caught.value.variable, wire.requests) == (variable, [])


def test_times_of_schedules_are_datetimes(client, wire):
    start = datetime(2026, 12, 24, 9, tzinfo=timezone.utc)
    wire.answer("")

    saved = client.schedules.save(WorkflowSchedule.from_dict(SCHEDULE | {"zoneId": "Europe/Berlin"}))
    assert saved.name == "daily"  # Orkes answers nothing: what was sent

    wire.answer([1798102800000])
    client.schedules.save(
        WorkflowSchedule(
            "daily", "0 0 9 * * *", start_workflow_request=saved.start_workflow_request, schedule_start_time=start
        )
    )
    assert wire.requests[-1].body
    assert b"1798102800000" in wire.requests[-1].body


def test_preview_returns_datetimes(client, wire):
    wire.answer([1798102800000])

    assert client.schedules.preview("0 0 9 * * *", start_time=datetime(2026, 12, 1, tzinfo=timezone.utc)) == [
        datetime(2026, 12, 24, 9, tzinfo=timezone.utc)
    ]
    assert wire.query["scheduleStartTime"] == "1796083200000"


def test_an_empty_response_for_a_schedule_means_not_found(client, wire):
    wire.answer("")

    with pytest.raises(NotFoundError, match="'daily'"):
        client.schedules.get("daily")


def test_run_now_starts_the_workflow_of_the_schedule(client, wire):
    wire.answer({**SCHEDULE, "startWorkflowRequest": {"name": "report", "input": {"a": 1}}}).answer("id-1")

    before = time.time() * 1000
    assert client.schedules.run_now("daily", idempotency_key="k") == "id-1"
    sent = wire.body
    times = [sent["input"].pop(name) for name in ("_scheduledTime", "_executedTime")]
    assert all(before - 1 <= one <= time.time() * 1000 for one in times)
    assert sent == {"name": "report", "input": {"a": 1}, "idempotencyKey": "k"}


@pytest.mark.parametrize(("edition", "body"), [(Edition.OSS, dict), (Edition.ORKES, list)])
def test_an_event_handler_is_sent_in_the_form_of_the_edition(client, wire, edition, body):
    client.transport._server = ServerInfo(edition, "")
    wire.answer("")

    client.events.create_handler({"name": "h", "event": "conductor:orders", "actions": [{"action": "start_workflow"}]})

    assert isinstance(wire.body, body)


@pytest.mark.parametrize(
    ("change", "variable"), [({"actions": []}, "actions"), ({"event": "orders"}, "event"), ({"name": "a/b"}, "name")]
)
def test_an_event_handler_that_would_never_run_is_refused(client, wire, change, variable):
    handler = {"name": "h", "event": "conductor:orders", "actions": [{"action": "start_workflow"}], **change}

    with pytest.raises(ConfigurationError) as caught:
        client.events.create_handler(handler)

    assert (caught.value.variable, wire.requests) == (variable, [])


@pytest.mark.parametrize("resource", ["applications", "webhooks", "secrets", "schedules"])
def test_tagged_resources_are_addressed_by_name_id_or_key(client, resource):
    resource = getattr(client, resource)
    for method in (resource.list_tags, resource.set_tags, resource.delete_tags):
        first = next(iter(inspect.signature(method).parameters.values()))
        assert first.kind is inspect.Parameter.POSITIONAL_ONLY


def test_reprs_hide_the_secret_of_a_new_access_key(client, wire):
    wire.answer({"id": "k", "secret": "s3cr3t"})

    created = client.applications.create_access_key("app")

    assert created.secret == "s3cr3t"
    assert "s3cr3t" not in repr(created)


def test_the_error_for_a_read_only_secret_store_has_advice(client, wire):
    wire.answer("read only", status=501, content_type="application/json")

    with pytest.raises(UnsupportedByServerError, match="CONDUCTOR_SECRET_<NAME>") as caught:
        client.secrets.save("key", "s3cr3t")

    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize(
    "call", [lambda c: c.secrets.get("a b"), lambda c: c.secrets.save("k", ""), lambda c: c.secrets.save("ü", "x")]
)
def test_invalid_secret_names_and_values_are_refused(client, wire, call):
    with pytest.raises(ConfigurationError):
        call(client)
    assert wire.requests == []


def test_tokens_are_requested_without_a_token(wire):
    from conductor.clients.client import ConductorClient

    wire.answer({"token": "jwt"})
    with ConductorClient(server_url="http://conductor.test/api", auth="mine") as client:
        found = client.tokens.create("key", "s3cr3t")

    assert found.token == "jwt"
    assert "jwt" not in repr(found)
    assert "X-Authorization" not in wire.last.headers


@pytest.mark.parametrize(
    ("iterate", "query"),
    [
        (lambda c: c.workflows.iterate_tasks("w", size=2, status="FAILED"), {"status": "FAILED", "count": "2"}),
        (lambda c: c.workflows.iterate_search_full(size=2, query="status = FAILED"), {"size": "2"}),
    ],
)
def test_every_paged_method_has_an_iterator(client, wire, iterate, query):
    client.transport._server = ServerInfo(Edition.OSS, "")
    wire.answer({"totalHits": 3, "results": [{}, {}]}).answer({"totalHits": 3, "results": [{}]})

    assert len(list(iterate(client))) == 3
    assert [request.url.partition("start=")[2].partition("&")[0] for request in wire.requests] == ["0", "2"]
    assert query.items() <= wire.query.items()


def test_an_error_of_the_storage_shows_no_signature(wire):
    from conductor.clients.client import ConductorClient
    from conductor.errors import APIConnectionError
    from conductor.transport.operation import Operation, RetryPolicy

    reading = Operation("GET", "/workflow/external-storage-location")
    with ConductorClient(server_url="http://conductor.test/api", retry=RetryPolicy.none()) as client:
        for address in ("http://elsewhere.test/x?signature=s3cr3t", "no-scheme?signature=s3cr3t"):
            with pytest.raises(APIConnectionError) as caught:
                client.transport.get_payload(reading, address)
            assert "s3cr3t" not in f"{caught.value!r} {caught.value.to_dict()}"
