"""`conductor doctor`: each finding says what is wrong and what to do."""

import pytest

from conductor.server import start
from conductor.workflow import Workflow, simple, sub_workflow


@pytest.fixture
def name(request):
    return "doc_" + request.node.originalname.removeprefix("test_")[:30]


@pytest.fixture
def workflow(client, name):
    made = Workflow(name)
    made.add(simple(f"{name}_task", ref="work"))
    made.register(client)
    return made


def errors(done):
    return [row for row in done.json if row["severity"] == "error"]


def test_a_task_type_that_nobody_polls_is_told_with_the_nearest_name(cli, client, workflow, name):
    client.metadata.register_task({"name": f"{name}_task"})
    client.tasks.poll(f"{name}_tusk")
    workflow_id = workflow.start(client)

    done = cli("doctor", workflow_id, "-o", "json")
    assert done.status == 1
    (finding,) = errors(done)
    assert finding["message"] == f"no worker ever polled for it; did you mean '{name}_tusk'?"
    assert finding["advice"].startswith("Start one: conductor worker run")


def test_a_missing_definition_is_told(here, client, workflow, name):
    workflow.start(client)
    done = here("doctor", f"{name}_task")

    assert "the server has no definition of this task type" in done.out
    assert "Register it: conductor def push" in done.out


def test_a_domain_without_a_poller_is_told(here, client, workflow, name):
    client.tasks.poll(f"{name}_task", domain="blue")
    workflow_id = workflow.start(client, task_to_domain={f"{name}_task": "red"})

    done = here("doctor", workflow_id, "-o", "json")
    assert [row["message"] for row in errors(done)] == ["no worker polls in domain 'red'; some poll in: 'blue'"]


def test_what_is_polled_is_well(here, client, workflow, name):
    client.metadata.register_task({"name": f"{name}_task", "rateLimitPerFrequency": 5, "concurrentExecLimit": 2})
    client.tasks.poll(f"{name}_task", worker_id="me")

    done = here("doctor", name)
    assert done.status == 0
    assert "polled without a domain by me" in done.out
    assert "its rate limit lets 5 tasks begin in 0:00:01" in done.out
    assert "at most 2 tasks of it run at a time" in done.out


def test_a_paused_execution_inside_another_is_found(here, client, workflow, name):
    outer = Workflow(f"{name}_outer")
    outer.add(sub_workflow(workflow, ref="inner"))
    workflow_id = outer.start(client)
    inner = client.workflows.get(workflow_id).task("inner").sub_workflow_id
    client.workflows.pause(inner)

    done = here("doctor", workflow_id)
    assert done.status == 1
    assert f"it is paused: nothing further is scheduled\n    → conductor workflow resume {inner}" in done.out


def test_a_failed_execution_is_told_with_its_reason(here, client, workflow, name):
    workflow_id = workflow.start(client)
    task_id = client.workflows.get(workflow_id).task("work").task_id
    client.tasks.update(
        workflow_id=workflow_id, task_id=task_id, status="FAILED_WITH_TERMINAL_ERROR", reason="no coffee"
    )

    (finding,) = errors(here("doctor", workflow_id, "-o", "json"))
    assert "no coffee" in finding["message"]
    assert finding["advice"].startswith(f"conductor workflow retry {workflow_id}")


def test_a_paused_schedule_and_a_missing_workflow_are_told(here, client, name):
    client.schedules.save(
        {
            "name": name,
            "cronExpression": "0 0 4 * * *",
            "startWorkflowRequest": {"name": f"{name}_none", "version": 1},
            "paused": True,
            "pausedReason": "holidays",
        }
    )

    done = here("doctor", name)
    assert done.status == 1
    assert "it is paused" in done.out
    assert f"conductor schedule resume {name}" in done.out
    assert f"there is no workflow '{name}_none' version 1 to start" in done.out


def test_an_unknown_subject_is_status_2_with_the_nearest_name(here, workflow, name):
    done = here("doctor", f"{name}x")

    assert (done.status, f"did you mean '{name}'?" in done.err) == (2, True)


def test_without_a_subject_it_says_where_tasks_wait_for_nobody(here, client, workflow, name):
    workflow.start(client)

    done = here("doctor")
    assert "server: " in done.out
    assert f"{name}_task: 1 waiting, and nobody has polled lately" in done.out


def test_refused_credentials_are_told(cli):
    with start(keys={"a": "b"}) as guarded:
        done = cli("doctor", "--server", guarded.url, CONDUCTOR_AUTH_KEY="a", CONDUCTOR_AUTH_SECRET="wrong")

    assert done.status == 1
    assert "✗ credentials: " in done.out
    assert "Set CONDUCTOR_AUTH_KEY and CONDUCTOR_AUTH_SECRET" in done.out


def test_a_server_that_is_not_there_is_status_3(cli):
    assert cli("doctor", "--server", "http://127.0.0.1:9").status == 3
