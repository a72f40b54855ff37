"""Searches: typed fields become the server's query, and what the server would ignore is refused."""

from datetime import datetime, timezone

import pytest

from conductor.errors import ConfigurationError

PAGE = {"totalHits": 0, "results": []}
MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("given", "query"),
    [
        ({"status": "RUNNING"}, "status = RUNNING"),
        ({"status": ["FAILED", "TIMED_OUT"]}, "status IN (FAILED,TIMED_OUT)"),
        ({"workflow_type": "ord*"}, "workflowType = ord*"),
        ({"correlation_id": "a b"}, 'correlationId = "a b"'),
        ({"workflow_id": ["a", "b"]}, "workflowId IN (a,b)"),
        ({"parent_workflow_id": "a"}, "parentWorkflowId = a"),
        ({"started_after": MOMENT}, "startTime > 1767323045000"),
        ({"started_after": 5, "started_before": 9}, "startTime > 5 AND startTime < 9"),
        ({"ended_before": 9}, "endTime < 9"),
        ({"updated_after": 9}, "updateTime > 9"),
        ({"status": "FAILED", "query": "classifier = agent"}, "status = FAILED AND classifier = agent"),
        (
            {"query": "status IN ('FAILED', 'TIMED_OUT') AND startTime>5"},
            "status IN ('FAILED', 'TIMED_OUT') AND startTime>5",
        ),
        (
            {"query": "workflowType='android' AND correlationId = ORDER-1"},
            "workflowType='android' AND correlationId = ORDER-1",
        ),
    ],
)
def test_fields_become_the_servers_query(client, wire, given, query):
    wire.answer(PAGE)

    client.workflows.search(**given)

    assert wire.query["query"] == query


def test_a_search_without_conditions_sends_no_query(client, wire):
    wire.answer(PAGE)

    client.workflows.search()

    assert "query" not in wire.query


@pytest.mark.parametrize(
    "given",
    [
        {"query": "status:RUNNING"},
        {"query": "status != RUNNING"},
        {"query": "startTime >= 5"},
        {"query": "status = RUNNING OR status = FAILED"},
        {"query": "status = RUNNING and version = 1"},
        {"query": "status IN FAILED"},
        {"query": "status INVALID"},
        {"query": "status in (FAILED)"},
        {"query": "status LIKE 'F%'"},
        {"query": "startTime BETWEEN 1 AND 2"},
        {"query": "version = 1"},
        {"query": "priority = 1 AND status = FAILED"},
        {"query": "typo = 1"},
        {"correlation_id": "it's"},
        {"correlation_id": "a,b"},
        {"correlation_id": "a AND b"},
        {"correlation_id": ""},
        {"workflow_id": []},
        {"sort": "version:DESC"},
        {"sort": "startTime:SIDEWAYS"},
    ],
)
def test_conditions_that_the_server_would_ignore_are_refused(client, wire, given):
    with pytest.raises(ConfigurationError):
        client.workflows.search(**given)

    assert not wire.requests


@pytest.mark.parametrize(
    ("field", "hint"),
    [
        ("version", "not indexed"),
        ("priority", "not indexed"),
        ("created_by", "not indexed"),
        ("workflow_name", "workflowType"),
        ("nonsense", "Fields are"),
    ],
)
def test_a_field_that_is_not_indexed_is_refused_with_advice(client, wire, field, hint):
    with pytest.raises(ConfigurationError, match=hint):
        client.workflows.search(**{field: 1})

    assert not wire.requests


@pytest.mark.parametrize("query", ["workerId = x", "referenceTaskName = x", "inputData.orderId = x", "status:FAILED"])
def test_a_task_search_refuses_fields_that_are_not_indexed(client, query):
    with pytest.raises(ConfigurationError):
        client.tasks.search(query=query)


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("startTime:desc", "startTime:DESC"),
        ("startTime", "startTime:ASC"),
        (["status:ASC", "startTime:DESC"], "status:ASC|startTime:DESC"),
        ("status:ASC|startTime:DESC", "status:ASC|startTime:DESC"),
    ],
)
def test_the_sort_order_is_sent_in_the_servers_form(client, wire, given, sent):
    wire.answer(PAGE)

    client.workflows.search(sort=given)

    assert wire.query["sort"] == sent


def test_iterating_fetches_page_after_page_in_a_stable_order(client, wire):
    for ids in (["a", "b"], ["c", "d"], ["e"]):
        wire.answer({"totalHits": 5, "results": [{"workflowId": one} for one in ids]})

    found = [summary.workflow_id for summary in client.workflows.iterate_search(status="FAILED", size=2)]

    assert found == list("abcde")
    assert len(wire.requests) == 3
    assert wire.query["start"] == "4"
    assert wire.query["sort"] == "startTime:ASC|workflowId:ASC"


def test_iterating_stops_at_an_empty_page_despite_the_total(client, wire):
    wire.answer({"totalHits": 9, "results": [{"workflowId": "a"}]}).answer({"totalHits": 9, "results": []})

    assert len(list(client.tasks.iterate_search(size=1))) == 1


def test_iterating_requests_pages_only_on_demand(client, wire):
    wire.answer({"totalHits": 9, "results": [{"workflowId": "a"}, {"workflowId": "b"}]})

    pages = client.workflows.iterate_search(size=2)
    next(pages)
    next(pages)

    assert len(wire.requests) == 1


@pytest.mark.parametrize(
    ("iterate", "search"),
    [
        (lambda c: c.tasks.iterate_search_full(size=1, query="status = FAILED"), "/tasks/search-v2"),
        (lambda c: c.workflows.iterate_search_by_tasks(size=1, query="status = FAILED"), "/workflow/search-by-tasks"),
        (
            lambda c: c.workflows.iterate_search_by_tasks_full(size=1, query="status = FAILED"),
            "/workflow/search-by-tasks-v2",
        ),
    ],
)
def test_every_search_can_be_iterated(client, wire, iterate, search):
    for name in ("a", "b"):
        wire.answer({"totalHits": 2, "results": [{"taskId": name, "workflowId": name}]})

    assert len(list(iterate(client))) == 2
    assert wire.path == search
    assert (wire.query["start"], wire.query["query"]) == ("1", "status = FAILED")
    assert wire.query["sort"].startswith("startTime:ASC|")


def test_iterating_pending_tasks_repeats_no_task(client, wire):
    wire.answer([{"taskId": "a"}, {"taskId": "b"}]).answer([{"taskId": "b"}, {"taskId": "c"}]).answer([])

    assert [task.task_id for task in client.admin.iterate_pending_tasks("charge", size=2)] == ["a", "b", "c"]
    assert wire.query == {"start": "4", "count": "2"}
