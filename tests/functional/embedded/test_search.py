"""Searches: what the database answers is what looking at every execution would find."""

from datetime import timedelta

import pytest
import requests

from conductor.server.engine.query import parse_query, parse_sort, sort_rows

WAIT = {"name": "w", "taskReferenceName": "w", "type": "WAIT", "inputParameters": {}}
NOOP = {"name": "n", "taskReferenceName": "n", "type": "NOOP"}


@pytest.fixture
def started(server, client, define):
    """Some executions, a second apart, as rows of the query language."""
    server.clock.freeze()
    define("alpha", NOOP)
    define("beta", WAIT)
    ids = []
    for number in range(12):
        name, correlation = ("alpha", "beta")[number % 2], f"c{number % 3}" if number % 4 else None
        ids.append(client.workflows.start(name, {"note": f"Order {number}"}, correlation_id=correlation))
        server.clock.advance(timedelta(seconds=1))
    client.workflows.terminate(ids[1])
    return [row(server, one) for one in ids]


def row(server, workflow_id):
    document = server.services.executions.get(workflow_id)
    return {
        "workflowId": workflow_id, "workflowType": document["workflowName"], "status": document["status"],
        "correlationId": document.get("correlationId", ""), "parentWorkflowId": "", "classifier": "workflow",
        "startTime": document["createTime"], "updateTime": document["updateTime"], "endTime": document["endTime"],
    }  # fmt: skip


def search(server, **query):
    answer = requests.get(f"{server.url}/workflow/search", params=query, timeout=10).json()
    return answer["totalHits"], [one["workflowId"] for one in answer["results"]]


QUERIES = [
    "",
    "status=RUNNING",
    "status IN (RUNNING, TERMINATED) AND workflowType=beta",
    "startTime>{fourth} AND startTime<{ninth}",
    "startTime={fourth}",
    "startTime IN ({fourth},{ninth})",
    "endTime=0",
    "endTime>0",
    "updateTime<{ninth} AND status=COMPLETED",
    "correlationId=c1",
    "correlationId=",
    "workflowType>alpha",
    "workflowType=AL*a",
    "workflowType=*ta AND startTime>{fourth}",
    "classifier=workflow",
    "classifier=agent",
    "taskType=SIMPLE",
    "startTime<9223372036854775807",
    "unknown=1",
]
SORTS = ["", "startTime:DESC", "workflowType:ASC|startTime:DESC", "classifier:ASC|endTime:DESC", "correlationId:DESC"]


@pytest.mark.parametrize("sort", SORTS)
def test_conditions_and_orders(server, started, sort):
    for text in QUERIES:
        query = text.format(fourth=started[3]["startTime"], ninth=started[8]["startTime"])
        parsed = parse_query(query)
        expected = [one["workflowId"] for one in sort_rows(filter(parsed.matches, started), parse_sort(sort))]
        assert search(server, query=query, sort=sort) == (len(expected), expected), query
        page = search(server, query=query, sort=sort, start=1, size=3)
        assert page == (len(expected), expected[1:4]), query


def test_free_text_is_a_part_of_the_summary_in_any_case(server, started):
    assert search(server, freeText="oRDER 1")[0] == 3
    assert search(server, freeText="{note=Order 7}")[0] == 1
    assert search(server, freeText="order", query="status=RUNNING AND workflowType=beta")[0] == 5
    assert search(server, freeText="no such thing") == (0, [])


def test_free_text_follows_changes_also_within_a_millisecond(server, client, started):
    waiting = next(one["workflowId"] for one in started if one["status"] == "RUNNING")
    assert search(server, freeText="found it") == (0, [])
    for reason in ("found it", "lost it"):
        client.workflows.terminate(waiting, reason=reason)
        assert search(server, freeText=reason) == (1, [waiting])
        client.workflows.retry(waiting)
        assert search(server, freeText=reason) == (0, [])
    server.clock.advance(timedelta(seconds=1))
    assert search(server, freeText="lost it") == (0, [])
    client.workflows.terminate(waiting, reason="gone")
    server.clock.advance(timedelta(seconds=1))
    assert search(server, freeText="gone") == search(server, freeText="gone") == (1, [waiting])
    client.workflows.delete(waiting, archive=False)
    assert search(server, freeText="gone") == (0, [])
