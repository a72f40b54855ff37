"""`conductor task`, as whole processes."""

from datetime import datetime

import pytest

from conductor.workflow import Workflow, simple

WORKERS = """
from conductor import get_task_context, worker_task

@worker_task("cli_task_work")
def work(cups: int) -> dict:
    get_task_context().log("pouring %d", cups)
    return {"coffee": 12 // cups}
"""


@pytest.fixture
def start(client, tmp_path):
    (tmp_path / "workers.py").write_text(WORKERS)
    workflow = Workflow("cli_task")
    workflow.add(simple("cli_task_work", ref="work", retry_count=0, cups=workflow.input.cups))

    def start(cups=3):
        workflow_id = workflow.start(client, {"cups": cups})
        return workflow_id, client.workflows.get(workflow_id).task("work").task_id

    return start


def test_a_task_is_shown_by_its_id_and_by_its_reference(here, start):
    workflow_id, task_id = start()

    shown = here("task", "get", workflow_id, "--ref", "work").out
    assert f"task       {task_id}" in shown
    assert '"cups": 3' in shown
    assert here("task", "get", task_id, "-o", "json").json["referenceTaskName"] == "work"
    other = here("task", "get", workflow_id, "--ref", "nope")
    assert (other.status, "has no task 'nope' so far; its tasks: work." in other.err) == (2, True)


def test_an_open_task_is_completed_once(cli, client, start):
    workflow_id, task_id = start()

    assert cli("task", "complete", task_id, "-i", "coffee=4").out == f"{task_id}\tCOMPLETED\n"
    assert client.workflows.get(workflow_id).task("work").output_data == {"coffee": 4}
    again = cli("task", "complete", task_id)
    assert (again.status, "has already ended as COMPLETED" in again.err) == (2, True)


def test_a_task_is_failed_with_a_reason(here, client, start):
    workflow_id, _ = start()

    for words in (("complete",), ("fail",), ("get",), ("logs",)):
        done = here("task", *words, workflow_id)
        assert (done.status, "id of an execution" in done.err, "--ref NAME; its tasks: work" in done.err) == (
            2,
            True,
            True,
        )
    assert here("task", "fail", workflow_id, "--ref", "work", "--final", "--reason", "no beans").status == 0
    assert client.workflows.get(workflow_id).failed_task.reason_for_incompletion == "no beans"


def test_logs_are_shown(here, client, start):
    _, task_id = start()
    client.tasks.add_log(task_id, "grinding")

    assert here("task", "logs", task_id).out.endswith("  grinding\n")


def test_an_empty_log_differs_from_an_unknown_task(here, start):
    _, task_id = start()

    assert (here("task", "logs", task_id).status, here("task", "logs", task_id).out) == (0, "")
    unknown = here("task", "logs", "nosuch")
    assert (unknown.status, "nosuch" in unknown.err) == (2, True)


def test_queue_shows_waiting_tasks_and_pollers(here, client, start):
    workflow = Workflow("cli_queue")
    workflow.add(simple("cli_queue_task", ref="one"))
    workflow.start(client)
    workflow.start(client)
    client.tasks.poll("cli_queue_task", worker_id="me")

    (row,) = here("task", "queue", "cli_queue_task", "-o", "json").json
    assert (row["waiting"], row["worker"], row["domain"]) == (1, "me", None)
    polled_at = datetime.fromisoformat(row["lastPoll"])
    assert row["lastPollTime"] == round(polled_at.timestamp() * 1000)
    assert row["workerId"] == "me"
    assert "ago)" in here("task", "queue", "cli_queue_task").out
    assert "cli_queue_task" in here("task", "queue").out


def test_an_unknown_queue_is_refused_with_the_nearest_name(here, client):
    client.metadata.register_task({"name": "cli_queue_known"})
    client.tasks.poll("cli_queue_polled")

    assert here("task", "queue", "cli_queue_known", "cli_queue_polled").status == 0
    done = here("task", "queue", "cli_queue_known", "cli_queue_knwon")
    assert done.status == 2
    assert "named 'cli_queue_knwon'; did you mean 'cli_queue_known'?\n" in done.err


def test_a_replay_runs_the_function_without_updating_the_server(cli, client, start):
    workflow_id, task_id = start(4)
    done = cli("task", "replay", task_id, "workers")

    assert (done.status, done.json) == (0, {"coffee": 3})
    assert "pouring 4" in done.err
    assert client.workflows.get(workflow_id).task("work").status == "SCHEDULED"


def test_a_replay_finds_its_task_by_the_reference_name(cli, start):
    done = cli("task", "replay", start(4)[0], "workers", "--ref", "work")

    assert (done.status, done.json) == (0, {"coffee": 3})


def test_a_replay_that_fails_is_status_1_with_one_traceback(cli, start):
    done = cli("task", "replay", start(0)[1], "workers")

    assert done.status == 1
    assert "Error: ZeroDivisionError: " in done.err
    assert done.err.count("Traceback") == 1
    assert "execution.py" not in done.err


def test_a_replay_with_pdb_stops_where_the_function_raises(on_terminal, start):
    status, written = on_terminal(
        "task", "replay", start(0)[1], "workers", "--pdb", when="(Pdb) ", act=b"p 'cups is', cups\nq\n"
    )

    assert status == 1
    assert "('cups is', 0)" in written
