"""`conductor workflow`, as whole processes."""

import json
import signal
from datetime import datetime, timedelta

import pytest

from conductor.workflow import Workflow, inline, simple, terminate, wait


@pytest.fixture(scope="module", autouse=True)
def workflows(client):
    doubled = Workflow("cli_double", input_parameters=["number"])
    step = doubled.add(inline("$.n * 2", {"n": doubled.input.number}, ref="twice"))
    doubled.returns(twice=step.output.result).register(client)
    broken = Workflow("cli_broken")
    broken.add(terminate("FAILED", reason="no coffee", ref="stop"))
    broken.register(client)
    waiting = Workflow("cli_waiting")
    waiting.add(wait(timedelta(days=1), ref="pause"))
    waiting.register(client)
    pending = Workflow("cli_pending")
    pending.add(simple("cli_pending_task", ref="work", retry_count=0))
    pending.register(client)


def test_run_prints_the_output_and_ends_with_status_0(cli):
    done = cli("workflow", "run", "cli_double", "-i", "number=21")

    assert (done.status, done.json) == (0, {"twice": 42})
    assert done.err.startswith("Started ")


@pytest.mark.parametrize("form", ["json", "yaml", "python"])
def test_an_exported_definition_runs_as_a_file_and_is_the_same(cli, here, form):
    name = f"exported.{'py' if form == 'python' else form}"
    assert here("workflow", "export", "cli_double", "--format", form, "--file", name).status == 0

    done = cli("workflow", "run", name, "--input", '{"number": 4}')
    assert (done.status, done.json) == (0, {"twice": 8})
    assert cli("workflow", "export", name).json == here("workflow", "export", "cli_double").json


def test_an_input_comes_from_a_file_and_a_pair_wins(here, tmp_path):
    (tmp_path / "input.json").write_text('{"number": 1, "name": "ann"}')
    workflow_id = here("workflow", "start", "cli_double", "--input", "@input.json", "-i", "number=5").out.strip()

    assert here("workflow", "get", workflow_id, "-o", "json").json["input"] == {"number": 5, "name": "ann"}


def test_a_failed_workflow_is_status_1_with_its_reason(cli):
    done = cli("workflow", "run", "cli_broken")

    assert done.status == 1
    assert "ended as FAILED" in done.err
    assert "no coffee" in done.err
    assert "Traceback" not in done.err


def test_a_workflow_that_has_not_ended_is_status_4(cli):
    done = cli("workflow", "run", "cli_waiting", "--timeout", "200ms")

    assert (done.status, "has not ended within 0.2 s" in done.err) == (4, True)


def test_ctrl_c_is_status_130_and_says_that_the_workflow_continues(background, client):
    process = background("workflow", "run", "cli_waiting")
    workflow_id = process.stdout.readline().removeprefix("Started ").strip()
    process.send_signal(signal.SIGINT)

    said, _ = process.communicate(timeout=20)
    assert (process.returncode, f"conductor workflow watch {workflow_id}" in said) == (130, True), said
    assert client.workflows.get_status(workflow_id).status == "RUNNING"


def test_an_unreachable_server_is_status_3(cli):
    done = cli("workflow", "get", "x", "--server", "http://127.0.0.1:9", CONDUCTOR_CONNECT_TIMEOUT_MS="500")

    assert (done.status, "Traceback" in done.err) == (3, False)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["get", "nope"], "nope"),
        (["start", "cli_nope"], "cli_nope"),
        (["start", "cli_double", "--input", "{"], "not a JSON object"),
        (["start", "cli_double", "--input", "[]"], "not an object"),
        (["start", "cli_double", "-i", "number"], "not NAME=VALUE"),
        (["watch", "x", "--timeout", "soon"], "invalid duration"),
        (["nope"], "No such command"),
    ],
)
def test_invalid_arguments_are_status_2_and_a_message(here, words, says):
    done = here("workflow", *words)

    assert (done.status, says in done.err, "Traceback" in done.err) == (2, True, False), done


def test_executions_are_paused_resumed_terminated_and_found(here, client, wait_until):
    ids = [client.workflows.start("cli_waiting", correlation_id="cli-control") for _ in range(2)]

    assert here("workflow", "pause", *ids).out.splitlines() == ["workflowId\tresult", *(f"{i}\tpaused" for i in ids)]
    assert client.workflows.get_status(ids[0]).status == "PAUSED"
    assert here("workflow", "resume", *ids).status == 0
    assert here("workflow", "terminate", *ids, "--reason", "enough").status == 0
    assert client.workflows.get(ids[1]).reason_for_incompletion == "enough"
    conditions = ["--correlation-id", "cli-control", "--status", "terminated", "--since", "1h"]
    wait_until(lambda: len(here("workflow", "search", *conditions, "-o", "json").json) == 2)
    assert sorted(here("workflow", "search", *conditions, "--ids").out.split()) == sorted(ids)


def test_a_search_shows_local_times_and_units(cli, client, wait_until):
    client.workflows.start("cli_double", {"number": 1}, correlation_id="cli-times")
    words = ("workflow", "search", "--correlation-id", "cli-times")
    wait_until(lambda: client.workflows.search(correlation_id="cli-times").total_hits == 1)

    utc, tokyo = (cli(*words, TZ=zone).out.splitlines()[1].split("\t") for zone in ("UTC", "Asia/Tokyo"))
    began, later = (datetime.strptime(row[4].partition(" (")[0], "%Y-%m-%d %H:%M:%S") for row in (utc, tokyo))
    assert later - began == timedelta(hours=9)
    assert utc[5].endswith(" s")
    assert cli(*words, "-o", "json").json[0]["startTime"].endswith("Z")


def test_a_refusal_does_not_stop_the_other_ids(here, client):
    running = client.workflows.start("cli_waiting")
    done = here("workflow", "terminate", "nope", running)

    assert done.status == 2
    assert "nope" in done.err
    assert client.workflows.get_status(running).status == "TERMINATED"


def test_a_failed_execution_is_retried_restarted_and_rerun(here, client):
    def fail():
        task = client.workflows.get(workflow_id).task("work")
        client.tasks.update(workflow_id=workflow_id, task_id=task.task_id, status="FAILED_WITH_TERMINAL_ERROR")
        return client.workflows.get_status(workflow_id).status

    workflow_id = client.workflows.start("cli_pending")
    assert fail() == "FAILED"
    assert here("workflow", "retry", workflow_id).status == 0
    assert fail() == "FAILED"
    assert here("workflow", "restart", workflow_id, "--latest").status == 0
    assert fail() == "FAILED"
    assert here("workflow", "rerun", workflow_id, "--from", "work", "--task-input", '{"again": true}').status == 0
    assert client.workflows.get(workflow_id).task("work").input_data["again"] is True


def test_a_piped_watch_prints_a_line_for_each_change(cli, client):
    workflow_id = client.workflows.start("cli_double", {"number": 1})
    done = cli("workflow", "watch", workflow_id)

    assert done.status == 0
    assert [line.split("  ")[1:3] for line in done.err.splitlines()] == [
        ["twice", "COMPLETED"],
        ["cli_double", "COMPLETED"],
    ]


def test_get_shows_the_tree_and_the_output(cli, client):
    shown = cli("workflow", "get", client.workflows.start("cli_double", {"number": 3})).out

    assert "└─ " in shown
    assert json.loads(shown[shown.index("\n{") :])["output"] == {"twice": 6}


def test_get_lists_the_tasks_with_their_ids(here, client):
    workflow_id = client.workflows.start("cli_double", {"number": 3})
    task_id = client.workflows.get(workflow_id).task("twice").task_id

    lines = here("workflow", "get", workflow_id, "--tasks").out.splitlines()
    assert lines[1].split("\t") == ["twice", "INLINE", "COMPLETED", "1", task_id, ""]


@pytest.mark.parametrize(("form", "begins"), [("text", "cli_double"), ("mermaid", "---"), ("svg", "<svg")])
def test_a_definition_is_drawn(here, form, begins):
    done = here("workflow", "diagram", "cli_double", "--format", form)

    assert (done.status, done.out.startswith(begins)) == (0, True), done


def test_a_diagram_is_saved_in_the_format_of_its_suffix(cli, tmp_path):
    assert cli("workflow", "diagram", "cli_double", "--file", "x.svg").status == 0
    assert "twice" in (tmp_path / "x.svg").read_text()
    assert cli("workflow", "diagram", "cli_double", "--file", "x.png").status == 2


def test_the_format_option_wins_over_the_suffix_of_the_file(here, tmp_path):
    for form, name, begins in (("svg", "x.txt", "<svg"), ("mermaid", "x.md", "---"), ("text", "x.svg", "cli_")):
        assert here("workflow", "diagram", "cli_double", "--format", form, "--file", name).status == 0
        assert (tmp_path / name).read_text().startswith(begins), form
    done = here("workflow", "diagram", "cli_double", "--file", "x.md")
    assert (done.status, "Or add --format" in done.err) == (2, True)


def test_a_closed_pipe_is_not_an_error(server, tmp_path):
    import os
    import subprocess
    import sys

    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "conductor", "workflow", "diagram", "cli_double", "--server", server.url]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, timeout=30, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")
