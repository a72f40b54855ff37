"""Commands that list, count, change and delete, and output that is safe for terminals."""

import re
import signal
import subprocess
import sys
import time
from datetime import datetime

import pytest

from conductor import Workflow
from conductor.workflow import fork, human, simple, wait


@pytest.fixture(scope="module", autouse=True)
def definitions(client):
    client.metadata.register_task({"name": "list_task", "description": "a task"})
    for version in (1, 2):
        workflow = Workflow("list_flow", version=version)
        workflow.add(simple("list_task", ref="work"))
        workflow.register(client)
    waiting = Workflow("list_waiting")
    waiting.add(wait("1 day", ref="pause"))
    waiting.add(simple("list_task", ref="work"))
    waiting.register(client)


def test_definitions_are_listed_shown_and_deleted(here):
    rows = here("def", "list", "--name", "list_*", "-o", "json").json
    assert [(row["kind"], row["name"], row["version"]) for row in rows] == [
        ("workflow", "list_flow", 2),
        ("workflow", "list_waiting", 1),
        ("task", "list_task", None),
    ]
    assert datetime.fromisoformat(rows[0]["updated"])
    assert rows[0]["tasks"][0]["taskReferenceName"] == "work"
    assert rows[0]["createTime"] > 0
    assert "ago)" in here("def", "list", "--name", "list_*").out
    assert len(here("def", "list", "--name", "list_flow", "--all-versions", "-o", "json").json) == 2
    assert [row["name"] for row in here("def", "list", "--kind", "task", "--name", "list_*", "-o", "json").json] == [
        "list_task"
    ]
    assert here("def", "get", "workflow", "list_flow", "--version", "1").json["version"] == 1
    assert here("def", "get", "task", "list_task").json["description"] == "a task"
    assert "description: a task" in here("def", "get", "task", "list_task", "--format", "yaml").out
    assert here("def", "delete", "workflow", "list_flow", "--version", "1", "--yes").status == 0
    gone = here("def", "get", "workflow", "list_flow", "--version", "1")
    assert (gone.status, "has no version 1" in gone.err) == (2, True)


def test_an_unknown_definition_names_the_nearest(here):
    cases = {
        ("def", "get", "workflow", "list_flwo"): "did you mean 'list_flow'?",
        ("def", "get", "task", "list_taks"): "did you mean 'list_task'?",
        ("def", "delete", "task", "list_taks", "-y"): "did you mean 'list_task'?",
    }
    for words, message in cases.items():
        done = here(*words)
        assert (done.status, message in done.err) == (2, True), done


def test_executions_are_listed_counted_signalled_and_deleted(here, client, wait_until):
    workflow_id = client.workflows.start("list_waiting", correlation_id="list-count")
    wait_until(lambda: client.workflows.search(correlation_id="list-count").total_hits == 1)

    assert workflow_id in here("workflow", "list").out
    counted = here("workflow", "count", "--correlation-id", "list-count", "-o", "json").json
    assert {row["status"]: row["count"] for row in counted}["RUNNING"] == 1
    assert "total\t1" in here("workflow", "count", "--correlation-id", "list-count").out
    assert here("workflow", "signal", workflow_id, "-i", "go=1").status == 0
    assert client.workflows.get(workflow_id).task("pause").output_data["go"] == 1
    (polled,) = here("task", "poll", "list_task").json
    assert polled["workflowInstanceId"] == workflow_id
    assert here("workflow", "delete", workflow_id, "--terminate", "--yes").status == 0
    assert here("workflow", "get", workflow_id).status == 2


def test_a_human_task_is_completed_by_its_reference_and_not_by_a_signal(here, client):
    asking = Workflow("list_asking")
    asking.add(fork([human(ref="approval")], [wait("3 days", ref="deadline")], join_on=["approval"]))
    asking.register(client)
    workflow_id = client.workflows.start("list_asking")

    assert here("task", "complete", "--ref", "approval", workflow_id, "-i", "approved=true", "-i", "by=ann").status == 0
    found = client.workflows.get(workflow_id)
    assert found.task("approval").output_data == {"approved": True, "by": "ann"}
    assert not found.task("deadline").is_terminal

    only = Workflow("list_asking_only")
    only.add(human(ref="approval"))
    only.register(client)
    workflow_id = client.workflows.start("list_asking_only")
    refused = here("workflow", "signal", workflow_id, "-i", "approved=true")
    assert refused.status == 2, refused
    assert f"conductor task complete --ref approval {workflow_id} -i NAME=VALUE" in refused.err
    assert client.workflows.get(workflow_id).status == "RUNNING"
    assert "HUMAN" not in here("workflow", "signal", "no-such-execution").err
    assert "HUMAN task" in here("workflow", "signal", "--help").out


def test_a_task_that_is_not_scheduled_is_skipped(here, client):
    workflow_id = client.workflows.start("list_waiting")

    assert here("workflow", "skip", workflow_id, "work", "-d", "cups=1", "--task-input", '{"n": 2}').status == 0
    client.tasks.signal(workflow_id)
    assert client.workflows.get(workflow_id).status == "COMPLETED"


def test_deleting_asks_for_confirmation(cli, client):
    workflow_id = client.workflows.start("list_waiting")

    done = cli("workflow", "delete", workflow_id)
    assert (done.status, "standard input has no answer" in done.err, "add --yes" in done.err) == (2, True, True)
    for words in (("secret", "delete", "x"), ("def", "delete", "task", "x"), ("webhook", "delete", "x")):
        done = cli(*words)
        assert (done.status, "add --yes" in done.err) == (2, True), done
    assert client.workflows.get_status(workflow_id).status == "RUNNING"


def test_environment_and_secrets_are_listed(here, client):
    assert here("secret", "list").status == 0
    assert here("env", "list").status == 0
    assert here("secret", "get", "no_such_secret").status in {1, 2}


def test_mistyped_commands_name_the_nearest(here):
    cases = {("workflw",): "workflow", ("workflow", "serach"): "search", ("def", "lst"): "list", ("wf",): "--help"}
    for words, hint in cases.items():
        done = here(*words)
        assert (done.status, hint in done.err) == (2, True), done


def test_ids_are_never_wrapped_on_a_narrow_terminal(on_terminal, client, wait_until):
    correlation_id = "narrow" * 8
    ids = [client.workflows.start("list_waiting", correlation_id=correlation_id) for _ in range(2)]
    wait_until(lambda: client.workflows.search(correlation_id=correlation_id).total_hits == 2)

    for width in (60, 80, 200):
        _, written = on_terminal("workflow", "search", "--correlation-id", correlation_id, size=(24, width))
        lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", written).splitlines()
        assert all(any(one in line for line in lines) for one in ids), written
        words = [line.split() for line in lines]
        if width == 200:
            assert any(line.startswith(ids[0]) and "list_waiting" in line for line in lines), written
        else:  # a table would have columns of a few letters
            assert words.count(["workflowType", "list_waiting"]) == 2, written
            assert words.count(["status", "RUNNING"]) == 2, written


def test_watch_repeats_a_list_until_it_is_interrupted(background):
    process = background("def", "list", "--name", "list_w*", "--watch", "0.2")
    seen = 0
    while seen < 3:
        seen += "list_waiting" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == 130


HOSTILE = "\x1b[31mred\x07 [/x] \u202eevil"


def test_control_characters_of_the_server_are_escaped(here, on_terminal, client, wait_until):
    workflow_id = client.workflows.start("list_flow", correlation_id=HOSTILE)
    task = client.tasks.poll("list_task")
    while task.workflow_instance_id != workflow_id:
        task = client.tasks.poll("list_task")
    client.tasks.add_log(task.task_id, HOSTILE)
    client.tasks.update(
        workflow_id=workflow_id, task_id=task.task_id, status="FAILED_WITH_TERMINAL_ERROR", reason=HOSTILE
    )
    wait_until(lambda: client.workflows.search(correlation_id=HOSTILE).total_hits == 1 or True)
    for words in (
        ("workflow", "list"),
        ("workflow", "get", workflow_id),
        ("workflow", "watch", workflow_id),
        ("task", "get", task.task_id),
        ("task", "logs", task.task_id),
        ("doctor", workflow_id),
        ("workflow", "get", workflow_id, "-o", "json"),
    ):
        done = here(*words)
        assert not re.search(r"\x1b\[31m|\x07|\u202e", done.out + done.err), words
        _, written = on_terminal(*words)
        assert "\x1b[31mred" not in written, words
        assert "\x07" not in written, words
        assert "\u202e" not in written, words


def test_output_never_fails_on_the_encoding(server, client, tmp_path):
    workflow_id = client.workflows.start("list_flow", {"name": "漢字 🙂"})
    done = subprocess.run(
        [sys.executable, "-m", "conductor", "workflow", "get", workflow_id, "--server", server.url],
        env={"PYTHONIOENCODING": "cp1252", "PATH": "/usr/bin"},
        capture_output=True,
        timeout=60,
        check=False,
        cwd=tmp_path,
    )

    assert done.returncode == 0, done.stderr
    assert b"\\u6f22" in done.stdout


def test_a_refused_connection_is_reported_at_once_with_the_remedy(here):
    for words in (("workflow", "list"), ("def", "list"), ("workflow", "run", "any"), ("doctor",)):
        began = time.monotonic()
        done = here(*words, "--server", "http://127.0.0.1:9")
        assert time.monotonic() - began < 3, words  # with retries it would be longer
        assert done.status == 3, done
        assert "conductor server start" in done.out + done.err, done


def test_a_wrong_path_of_the_server_is_named(here, server):
    done = here("workflow", "list", "--server", f"{server.address}/wrong")
    assert (done.status, "the path of CONDUCTOR_SERVER_URL is wrong" in done.err) == (2, True), done


def test_a_missing_input_file_is_named(here):
    done = here("workflow", "start", "list_flow", "--input", "@missing.json")
    assert (done.status, "cannot read 'missing.json': No such file or directory" in done.err) == (2, True), done


def test_invalid_ports_are_usage_errors(here):
    for port in ("99999", "-1", "x"):
        for command in ("start", "ui"):
            done = here("server", command, "--port", port)
            assert (done.status, "--port" in done.err) == (2, True), done


def test_definitions_that_share_a_file_name_are_all_pulled(here, client, tmp_path):
    names = ["pull a", "pull_a", "pull?a", "PULL_A", "pull" + "x" * 150, "pull" + "x" * 151]
    for name in names:
        client.metadata.register_task({"name": name})
    assert here("def", "pull", "pulled", "--name", "[pP][uU][lL][lL]*").status == 0

    files = list((tmp_path / "pulled" / "tasks").iterdir())
    assert len({path.name.casefold() for path in files}) == len(names)
