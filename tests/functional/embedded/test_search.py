"""Searches: what the database answers is what looking at every execution would find."""

import sqlite3
from contextlib import closing
from datetime import timedelta

import pytest
import requests

import conductor.server
from conductor import ConductorClient
from conductor.errors import ConfigurationError
from conductor.server.engine.query import parse_query, parse_sort, sort_rows
from conductor.server.store import search_index

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


def test_free_text_with_wildcards_and_short_phrases(server, started):
    for text, expected in (
        ("order*11}", 1), ("order_1", 3), ("%NOTE=order*}", 12), ("o*r*d*e*r*order 10}", 1), ("r", 12), ("7}", 1),
        ("é", 0),        ("order 1\\", 0), ("x" * 60_000, 0), ('order"', 0),
    ):  # fmt: skip
        assert search(server, freeText=text)[0] == expected, text


def task_search(server, **query):
    answer = requests.get(f"{server.url}/tasks/search", params=query, timeout=10).json()
    return answer["totalHits"], [(one["workflowId"], one["taskType"]) for one in answer["results"]]


def of_tasks(server, **query):
    answer = requests.get(f"{server.url}/workflow/search-by-tasks", params=query, timeout=10).json()
    return answer["totalHits"], [one["workflowId"] for one in answer["results"]]


def test_tasks_are_found_by_each_field_and_by_text(server, started):
    noops = [(one["workflowId"], "NOOP") for one in started[::2]]
    for query in (
        "taskType=NOOP", "taskType=no*", "workflowType=alpha", "workflowType IN (alpha, gamma)", "status=COMPLETED",
        "taskDefName=n", f"updateTime<{started[-1]['startTime'] + 1} AND taskType=NOOP",
    ):  # fmt: skip
        assert task_search(server, query=query, sort="startTime:ASC") == (6, noops), query
        assert of_tasks(server, query=query, sort="startTime:ASC")[1] == [one for one, _ in noops], query
    assert task_search(server, query="taskType=NOOP", start=2, size=2) == (6, noops[2:4])
    assert task_search(server, query="correlationId=c1 AND taskType=NOOP")[0] == 1
    assert task_search(server, freeText='taskdefname":"n"')[0] == 6
    assert task_search(server, freeText=started[4]["workflowId"]) == (1, [noops[2]])
    assert of_tasks(server, freeText=started[4]["workflowId"]) == (1, [noops[2][0]])


def test_texts_in_many_documents_are_found_as_others_are(server, started, monkeypatch):
    index = server.services.kernel.store.search
    queries = [
        {"freeText": text, "query": query, "sort": sort, "start": start, "size": size}
        for text in ("order", "o_der*1", "or", "no such thing")
        for query in ("", "status IN (COMPLETED,RUNNING)", "taskType=NOOP", f"startTime>{started[3]['startTime']}")
        for sort in ("", "startTime:DESC", "correlationId:ASC|endTime:DESC")
        for start, size in ((0, 100), (2, 3), (50, 5), (0, -1))
    ]
    found = []
    for many in (10**9, 1):
        monkeypatch.setattr(search_index, "_MANY", many)
        assert index._is_common(search_index.TASKS, parse_query("", "wor")) == (many == 1)
        found.append([(search(server, **one), task_search(server, **one), of_tasks(server, **one)) for one in queries])
    assert found[0] == found[1]
    assert found[0][0][0][0] == 12


def test_results_are_the_same_without_a_text_index(server, started):
    phrases = ("oRDER 1", "order*1", "{note=Order 7}", "no such thing")
    found = [(search(server, freeText=text), task_search(server, freeText=text)) for text in phrases]
    server.services.kernel.store.search.is_available = False
    assert [(search(server, freeText=text), task_search(server, freeText=text)) for text in phrases] == found


def test_an_idle_server_indexes_what_has_changed(server, client, define, wait_until):
    define("alpha", NOOP)
    client.workflows.start("alpha")
    index = server.services.kernel.store.search
    for _ in range(200):
        server.services.executions.start({"name": "alpha"})
    assert index.backlog() > 200
    wait_until(lambda: index.backlog() < 200)
    assert search(server, freeText="alpha")[0] == 201


def test_a_database_of_the_first_format_is_migrated(tmp_path):
    path = tmp_path / "conductor.db"
    with conductor.server.start(database=path) as server, ConductorClient(server_url=server.url) as client:
        client.metadata.update_workflows([{"name": "alpha", "ownerEmail": "a@b.c", "tasks": [NOOP, WAIT]}])
        workflow_id = client.workflows.start("alpha", {"note": "an old one"})
        tasks = task_search(server)
    with closing(sqlite3.connect(path)) as database:
        database.executescript("""
            DROP TABLE unindexed; DROP TABLE execution_index; DROP TABLE task_index; DROP TABLE execution_text;
            DROP TABLE task_text; DROP INDEX task_by_execution;
            ALTER TABLE task RENAME TO task_2;
            CREATE TABLE task (id TEXT PRIMARY KEY, execution_id TEXT NOT NULL, seq INTEGER NOT NULL,
                type TEXT NOT NULL, status TEXT NOT NULL, body BLOB NOT NULL) WITHOUT ROWID;
            CREATE INDEX task_by_execution ON task (execution_id, seq);
            INSERT INTO task SELECT id, execution_id, seq, type, status, body FROM task_2; DROP TABLE task_2;
            CREATE TABLE search_text (id TEXT PRIMARY KEY, updated INTEGER NOT NULL, text TEXT NOT NULL) WITHOUT ROWID;
            PRAGMA user_version = 1;
        """)
    for _ in range(2):
        with conductor.server.start(database=path) as server:
            assert search(server, freeText="an old one") == (1, [workflow_id])
            assert task_search(server) == tasks
            assert task_search(server, query="workflowType=alpha AND taskDefName=n AND startTime>0")[0] == 1


def test_a_database_of_a_newer_format_is_refused(tmp_path):
    path = tmp_path / "conductor.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA user_version = 99")
    with pytest.raises(ConfigurationError, match=r"a newer version of this server wrote it \(format 99"):
        conductor.server.start(database=path)
