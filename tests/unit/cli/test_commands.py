"""Commands, their requests, their output and their exit status."""

import io
import json
import sys

import pytest
import requests
from cases import each

SERVER = "http://conductor.test/api"


def execution(status, *tasks, **fields):
    return {"workflowId": "w1", "workflowName": "order", "status": status, "tasks": list(tasks), **fields}


def task(reference, status, **fields):
    names = {"referenceTaskName": reference, "taskDefName": reference, "taskType": reference}
    return {"taskId": f"id-{reference}", "status": status, **names, **fields}


# -- requests


def test_start_sends_the_input_and_prints_the_id(http, cli, sent, tmp_path):
    (tmp_path / "input.json").write_text('{"sku": "a", "count": 1}')
    http.post(f"{SERVER}/workflow", body="w1")

    words = ["--version", 2, "--correlation-id", "c", "--priority", 5, "--domain", "charge=eu"]
    done = cli("workflow", "start", "order", "--input", "@input.json", "-i", "count=3", "-i", "note=hi", *words)

    assert (done.status, done.out) == (0, "w1\n")
    assert sent() == ["POST /workflow"]
    assert json.loads(http.calls[-1].request.body) == {
        "name": "order",
        "version": 2,
        "correlationId": "c",
        "priority": 5,
        "taskToDomain": {"charge": "eu"},
        "input": {"sku": "a", "count": 3, "note": "hi"},
    }


def test_an_input_is_read_from_standard_input(http, cli, monkeypatch):
    http.post(f"{SERVER}/workflow", body="w1")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'{"a": "\xc3\xa9"}'), encoding="cp1252"))

    assert cli("workflow", "start", "order", "--input", "-").status == 0
    assert json.loads(http.calls[-1].request.body)["input"] == {"a": "é"}


@each(
    ("words", "request_"),
    [
        (("workflow", "pause", "w1"), "PUT /workflow/w1/pause"),
        (("workflow", "resume", "w1"), "PUT /workflow/w1/resume"),
        (("workflow", "terminate", "w1", "--reason", "late"), "DELETE /workflow/w1?reason=late"),
        (("workflow", "delete", "w1", "--yes"), "DELETE /workflow/w1/remove?archiveWorkflow=false"),
        (("workflow", "retry", "w1"), "POST /workflow/w1/retry?resumeSubworkflowTasks=false"),
        (("workflow", "restart", "w1", "--latest"), "POST /workflow/w1/restart?useLatestDefinitions=true"),
        (("schedule", "pause", "nightly"), "PUT /scheduler/schedules/nightly/pause"),
        (("schedule", "resume", "nightly"), "PUT /scheduler/schedules/nightly/resume"),
    ],
)
def test_a_command_sends_its_request(http, cli, sent, words, request_):
    verb, path = request_.split(" ")
    http.add(verb, SERVER + path.partition("?")[0], body="")
    before = len(sent())

    done = cli(*words)

    assert done.status == 0, done
    assert sent()[before:] == [request_]


def test_a_refused_id_does_not_stop_the_others(http, cli):
    http.put(f"{SERVER}/workflow/a/pause", json={"message": "No such workflow"}, status=404)
    http.put(f"{SERVER}/workflow/b/pause", body="")

    done = cli("workflow", "pause", "a", "b", "-o", "json")

    assert done.status == 2
    assert [(row["workflowId"], row["result"]) for row in done.json] == [("a", "error"), ("b", "paused")]
    assert "No such workflow" in done.err


def test_deleting_without_a_confirmation_sends_nothing(cli, sent, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("n\n"))

    assert cli("workflow", "delete", "w1").status == 130
    assert sent() == []


# -- output


def test_get_shows_the_execution_as_a_tree_a_table_and_json(http, cli):
    found = execution("FAILED", task("charge", "FAILED", retryCount=2), task("ship", "COMPLETED"))
    http.get(f"{SERVER}/workflow/w1", json=found)

    shown = cli("workflow", "get", "w1")
    table = cli("workflow", "get", "w1", "--tasks")
    whole = cli("workflow", "get", "w1", "-o", "json")

    assert shown.out.startswith("w1  FAILED\n")
    assert "charge" in shown.out
    assert "ship" in shown.out
    assert table.out.splitlines()[0].split("\t") == [
        "reference", "type", "status", "attempt", "taskId", "subWorkflowId",
    ]  # fmt: skip
    assert table.out.splitlines()[1].split("\t") == ["charge", "charge", "FAILED", "3", "id-charge", ""]
    assert whole.json["tasks"][0]["retryCount"] == 2
    assert [shown.status, table.status, whole.status] == [0, 0, 0]


def test_control_characters_of_the_server_do_not_reach_the_terminal(http, cli):
    http.get(f"{SERVER}/workflow/w1", json=execution("FAILED", task("a\x1b[2J\u202eb", "FAILED")))

    for words in ((), ("--tasks",), ("-o", "json")):
        done = cli("workflow", "get", "w1", *words)
        assert "\x1b[2J" not in done.out
        assert "\u202e" not in done.out


def test_an_empty_list_is_a_message_and_an_empty_list_in_json(http, cli):
    http.get(f"{SERVER}/environment", json=[])

    assert cli("env", "list").out == ""
    assert "No environment variables found." in cli("env", "list").err
    assert cli("env", "list", "-o", "json").json == []


# -- exit status


@each(
    ("answer", "status", "says"),
    [
        ({"json": {"message": "No such workflow"}, "status": 404}, 2, "No such workflow"),
        ({"json": {"message": "Who are you?"}, "status": 401}, 2, "Who are you?"),
        ({"json": {"message": "Not yours"}, "status": 403}, 2, "Not yours"),
        ({"json": {"message": "Boom"}, "status": 500}, 3, "Boom"),
        ({"json": {"message": "Slowly"}, "status": 429}, 3, "Slowly"),
        ({"body": "<html>", "content_type": "text/html"}, 3, "HTML"),
        ({"body": requests.ConnectionError("refused")}, 3, "conductor.test"),
    ],
)
def test_a_failed_request_is_one_line_and_the_status_of_its_kind(http, cli, answer, status, says):
    http.upsert("GET", f"{SERVER}/workflow/w1", **answer)

    done = cli("workflow", "get", "w1")

    assert done.status == status, done
    assert done.err.startswith("Error: ")
    assert says in done.err
    assert "Traceback" not in done.err
    assert done.out == ""


def test_debug_shows_the_traceback(http, cli):
    http.get(f"{SERVER}/workflow/w1", json={"message": "No such workflow"}, status=404)

    done = cli("--debug", "workflow", "get", "w1")

    assert done.status == 2
    assert "Traceback" in done.err
    assert "NotFoundError" in done.err


@each(
    ("words", "says"),
    [
        (("workflw", "get"), "Did you mean 'workflow'"),
        (("workflow", "strat"), "'start'"),
        (("workflow", "get"), "Missing argument"),
        (("workflow", "get", "w1", "--colour"), "No such option"),
        (("workflow", "start", "order", "-i", "count"), "'count' is not NAME=VALUE"),
        (("workflow", "start", "order", "--input", "[1]"), "not an object"),
        (("workflow", "start", "order", "--input", "@missing.json"), "missing.json"),
        (("workflow", "start", "order", "--priority", "100"), "100"),
        (("workflow", "run", "order", "--timeout", "soon"), "invalid duration: 'soon'"),
        (("workflow", "get", "w1", "-o", "xml"), "xml"),
        (("--server", "ftp://x", "workflow", "get", "w1"), "ftp"),
        (("--profile", "missing", "workflow", "get", "w1"), "Profile 'missing' does not exist"),
    ],
)
def test_invalid_usage_is_status_2_and_sends_nothing(cli, sent, words, says):
    done = cli(*words)

    assert done.status == 2, done
    assert says in done.err
    assert sent() == []


def test_help_and_version_are_status_0(cli):
    assert cli("--help").status == 0
    assert "workflow" in cli("--help").out
    assert cli("--version").out.startswith("conductor, version ")


def test_ctrl_c_is_status_130(cli, http):
    def interrupt(_):
        raise KeyboardInterrupt

    http.add_callback("GET", f"{SERVER}/workflow/w1", interrupt)

    assert cli("workflow", "get", "w1").status == 130
    assert "the workflow continues" in cli("workflow", "watch", "w1").err


# -- following an execution on a clock that is not real


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now = 0.0

        def monotonic(self):
            return self.now

        def sleep(self, seconds):
            self.now += seconds

    clock = Clock()
    monkeypatch.setattr("conductor.cli.workflow_watch.time", clock)
    return clock


def test_watch_prints_each_change_until_the_end(http, cli, clock):
    for found in (
        execution("RUNNING", task("a", "SCHEDULED")),
        execution("RUNNING", task("a", "COMPLETED"), task("b", "SCHEDULED")),
        execution("RUNNING", task("a", "COMPLETED"), task("b", "SCHEDULED")),
        execution("COMPLETED", task("a", "COMPLETED"), task("b", "COMPLETED")),
    ):
        http.get(f"{SERVER}/workflow/w1", json=found)

    done = cli("workflow", "watch", "w1")

    assert done.status == 0
    changes = [tuple(line.split()[-2:]) for line in done.err.splitlines()[:-1]]
    assert changes == [("a", "SCHEDULED"), ("a", "COMPLETED"), ("b", "SCHEDULED"), ("b", "COMPLETED")]
    assert "order  COMPLETED" in done.err.splitlines()[-1]


def test_an_expired_timeout_is_status_4_and_the_workflow_continues(http, cli, clock):
    http.get(f"{SERVER}/workflow/w1", json=execution("RUNNING"))

    done = cli("workflow", "watch", "w1", "--timeout", "2m")

    assert done.status == 4
    assert "has not ended within 120 s; it is RUNNING and continues" in done.err
    assert clock.now == pytest.approx(120)


def test_a_failed_execution_is_status_1_with_its_reason_and_log(http, cli, clock):
    failed = task("charge", "FAILED", reasonForIncompletion="card declined")
    http.get(f"{SERVER}/workflow/w1", json=execution("FAILED", failed, reasonForIncompletion="card declined"))
    http.get(f"{SERVER}/tasks/id-charge/log", json=[{"log": "asked the bank", "taskId": "id-charge"}])

    done = cli("workflow", "watch", "w1", "-o", "json")

    assert done.status == 1
    assert done.json["status"] == "FAILED"
    assert "card declined" in done.err
    assert "  asked the bank" in done.err
