"""`conductor doctor`: each finding says what is wrong and what to do."""

from datetime import timedelta

import pytest

from conductor.cli.doctor import _rate
from conductor.server import start
from conductor.server.http.middleware import Fault
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
    assert [row["message"] for row in errors(done)] == ["no worker polls in domain 'red'; some poll in domain 'blue'"]


def test_what_is_polled_is_well(here, client, workflow, name):
    client.metadata.register_task({"name": f"{name}_task", "rateLimitPerFrequency": 5, "concurrentExecLimit": 2})
    client.tasks.poll(f"{name}_task", worker_id="me")

    done = here("doctor", name)
    assert done.status == 0
    assert "polled without a domain by me" in done.out
    assert "✓ doc_what_is_polled_is_well_task: its rate limit lets 5 tasks begin in 0:00:01, and 0 did" in done.out
    assert "at most 2 tasks of it run at a time (concurrentExecLimit); in work: 0\n" in done.out


def limited(client, workflow, name, **limits):
    """Two executions, of which one is worked on."""
    client.metadata.register_task({"name": f"{name}_task", **limits})
    ids = [workflow.start(client) for _ in range(2)]
    held = client.tasks.poll(f"{name}_task", worker_id="me")
    (waiting,) = set(ids) - {held.workflow_instance_id}
    return held, waiting


def test_a_reached_limit_of_concurrency_is_why_a_task_waits(here, client, workflow, name):
    held, waiting = limited(client, workflow, name, concurrentExecLimit=1)

    done = here("doctor", waiting, "-o", "json")
    (finding,) = [row for row in done.json if row["severity"] == "warning"]
    assert done.status == 0
    assert finding["message"] == (
        "at most 1 tasks of it run at a time (concurrentExecLimit); in work: 1, so that 1 wait until one of those ends"
    )
    assert f"conductor task get {held.task_id} (worker me has had it since" in finding["advice"]


def test_a_used_up_rate_limit_is_why_a_task_waits(here, client, workflow, name):
    limited(client, workflow, name, rateLimitPerFrequency=1, rateLimitFrequencyInSeconds=3600)

    (finding,) = [row for row in here("doctor", name, "-o", "json").json if row["severity"] == "warning"]
    assert finding["message"] == (
        "its rate limit lets 1 tasks begin in 1:00:00, and 1 did within the last, so that 1 wait for the next"
    )


def test_that_a_server_does_not_hold_a_rate_is_told():
    finding = _rate("charge", 1, timedelta(hours=1), begun=2, waiting=0)
    assert finding.severity == "ok"
    assert finding.message.endswith("and 2 did within the last: this server does not hold it")


def test_a_workflow_that_has_reached_its_limit_is_told(here, client, name):
    made = Workflow(name, rate_limit=("${workflow.input.customer}", 1))
    made.add(simple(f"{name}_task", ref="work"))
    made.register(client)
    assert "(rateLimitConfig); in all run: 0" in here("doctor", name).out
    made.start(client)

    done = here("doctor", name)
    assert "in all run: 1, so that further ones may wait for one of those to end" in done.out
    assert f"conductor workflow search --type {name} --status RUNNING" in done.out


def test_a_long_queue_is_told_with_what_is_in_work(here, client, workflow, name, monkeypatch):
    monkeypatch.setattr("conductor.cli.doctor._LONG_QUEUE", 1)
    limited(client, workflow, name)

    (finding,) = [row for row in here("doctor", name, "-o", "json").json if "in its queue" in row["message"]]
    assert finding["severity"] == "warning"
    assert finding["message"].startswith("waiting in its queue: 1, the longest since ")
    assert finding["message"].endswith("; in work: 1")
    assert finding["advice"].startswith("Run more workers")


def test_workers_that_hold_tasks_and_no_longer_poll_may_be_busy(here, client, workflow, name, monkeypatch):
    limited(client, workflow, name)
    monkeypatch.setattr("conductor.cli.doctor._RECENT_SECONDS", -60)

    (finding,) = errors(here("doctor", name, "-o", "json"))
    assert "and 1 tasks are in the hands of me" in finding["message"]
    assert "all their threads are busy" in finding["advice"]


def test_a_poller_without_a_domain_is_told_for_a_task_in_one(here, client, workflow, name):
    client.tasks.poll(f"{name}_task")
    done = here("doctor", f"{name}_task", "--domain", "red")

    assert "no worker polls in domain 'red'; some poll without a domain\n" in done.out


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

    assert (done.status, f"did you mean '{name}'?\n" in done.err) == (2, True)


def test_without_a_subject_it_says_where_tasks_wait_for_nobody(here, client, workflow, name):
    workflow.start(client)

    done = here("doctor")
    assert done.status == 1
    assert "server: " in done.out
    assert f"✗ {name}_task: 1 waiting, and nobody has polled lately" in done.out


def test_refused_credentials_are_told(cli):
    with start(keys={"a": "b"}) as guarded:
        done = cli("doctor", "--server", guarded.url, CONDUCTOR_AUTH_KEY="a", CONDUCTOR_AUTH_SECRET="wrong")

    assert done.status == 1
    assert "✗ credentials: " in done.out
    assert "Set CONDUCTOR_AUTH_KEY and CONDUCTOR_AUTH_SECRET" in done.out


def test_a_server_that_is_not_there_is_a_finding_and_status_3(here):
    told = here("doctor", "--server", "http://127.0.0.1:9")
    assert told.status == 3
    assert "✗ server: http://127.0.0.1:9/api gives no answer that can be used: " in told.out
    assert "Start a server (conductor server start), or name another: --server URL" in told.out

    done = here("doctor", "--server", "http://127.0.0.1:9", "-o", "json")
    assert (done.status, [row["about"] for row in errors(done)]) == (3, ["server"])


def test_a_server_that_fails_is_a_finding_too(here, server):
    server.faults.add(Fault(path="/tasks/queue/all", status=500, times=None))
    try:
        done = here("doctor", "-o", "json")
    finally:
        server.faults.clear()

    assert done.status == 3
    assert [row["severity"] for row in done.json] == ["ok", "error"]
    assert "Look at the server's log" in done.json[1]["advice"]


def test_another_sdk_of_the_same_name_is_told(cli, tmp_path):
    (tmp_path / "conductor_python-2.0.0.dist-info").mkdir()
    (tmp_path / "conductor_python-2.0.0.dist-info" / "METADATA").write_text("Name: conductor-python\nVersion: 2.0.0\n")

    done = cli("doctor", PYTHONPATH=str(tmp_path))
    assert done.status == 1
    assert "✗ environment: conductor-python 2.0.0 is installed beside conductor-sdk" in done.out
