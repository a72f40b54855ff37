"""`conductor doctor`: each finding says what is wrong and what to do."""

import time
from datetime import timedelta

import pytest

from conductor.cli.doctor import _rate
from conductor.server import start
from conductor.server.http.middleware import Fault
from conductor.workflow import Workflow, human, simple, sub_workflow


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


def test_an_unpolled_task_type_is_an_error_with_the_nearest_name(cli, client, workflow, name):
    client.metadata.register_task({"name": f"{name}_task"})
    client.tasks.poll(f"{name}_tusk")
    workflow_id = workflow.start(client)

    done = cli("doctor", workflow_id, "-o", "json")
    assert done.status == 1
    (finding,) = errors(done)
    assert finding["message"] == f"no worker has ever polled this task type; did you mean '{name}_tusk'?"
    assert finding["advice"].startswith("Start one: conductor worker run")


def test_the_embedded_server_is_named(here):
    for words in (("doctor",), ("whoami",)):
        assert "the embedded server (with the API of the open-source server 3" in here(*words).out


def test_a_missing_definition_is_reported(here, client, workflow, name):
    workflow.start(client)
    done = here("doctor", f"{name}_task")

    assert "the server has no definition of this task type" in done.out
    assert "Register it: conductor def push" in done.out


def test_a_domain_without_a_poller_is_an_error(here, client, workflow, name):
    client.tasks.poll(f"{name}_task", domain="blue")
    workflow_id = workflow.start(client, task_to_domain={f"{name}_task": "red"})

    done = here("doctor", workflow_id, "-o", "json")
    (finding,) = errors(done)
    assert finding["message"] == "no worker polls in domain 'red'; workers poll in domain 'blue'"


def test_a_polled_type_is_ok(here, client, workflow, name):
    client.metadata.register_task({"name": f"{name}_task", "rateLimitPerFrequency": 5, "concurrentExecLimit": 2})
    client.tasks.poll(f"{name}_task", worker_id="me")

    done = here("doctor", name)
    assert done.status == 0
    assert "polled without a domain by me" in done.out
    assert "✓ doc_a_polled_type_is_ok_task: rate limit of 5 tasks per 0:00:01; 0 started" in done.out
    assert "limit of 2 concurrent tasks (concurrentExecLimit); running: 0\n" in done.out


def limited(client, workflow, name, **limits):
    """Two executions, of which one is worked on."""
    client.metadata.register_task({"name": f"{name}_task", **limits})
    ids = [workflow.start(client) for _ in range(2)]
    held = client.tasks.poll(f"{name}_task", worker_id="me")
    (waiting,) = set(ids) - {held.workflow_instance_id}
    return held, waiting


def test_a_reached_concurrency_limit_explains_waiting_tasks(here, client, workflow, name):
    held, waiting = limited(client, workflow, name, concurrentExecLimit=1)

    done = here("doctor", waiting, "-o", "json")
    (finding,) = [row for row in done.json if row["severity"] == "warning"]
    assert done.status == 0
    assert finding["message"] == (
        "limit of 1 concurrent tasks (concurrentExecLimit); running: 1; 1 tasks wait until one ends"
    )
    assert f"conductor task get {held.task_id} (held by worker me since" in finding["advice"]


def test_an_exhausted_rate_limit_explains_waiting_tasks(here, client, workflow, name):
    limited(client, workflow, name, rateLimitPerFrequency=1, rateLimitFrequencyInSeconds=3600)

    (finding,) = [row for row in here("doctor", name, "-o", "json").json if row["severity"] == "warning"]
    assert finding["message"] == (
        "rate limit of 1 tasks per 1:00:00; 1 started within the last period; 1 tasks wait for the next period"
    )


def test_a_rate_that_the_server_does_not_enforce_is_reported():
    finding = _rate("charge", 1, timedelta(hours=1), begun=2, waiting=0)
    assert finding.severity == "ok"
    assert finding.message.endswith("2 started within the last period: this server does not enforce the limit")


def test_a_workflow_at_its_limit_is_reported(here, client, name):
    made = Workflow(name, rate_limit=("${workflow.input.customer}", 1))
    made.add(simple(f"{name}_task", ref="work"))
    made.register(client)
    assert "(rateLimitConfig); running: 0" in here("doctor", name).out
    made.start(client)

    done = here("doctor", name)
    assert "running: 1; further ones may wait until one ends" in done.out
    assert f"conductor workflow search --type {name} --status RUNNING" in done.out


def test_a_long_queue_is_reported_with_its_running_tasks(here, client, workflow, name, monkeypatch):
    monkeypatch.setattr("conductor.cli.doctor._LONG_QUEUE", 1)
    limited(client, workflow, name)

    (finding,) = [row for row in here("doctor", name, "-o", "json").json if "in the queue: " in row["message"]]
    assert finding["severity"] == "warning"
    assert finding["message"].startswith("waiting in the queue: 1, the oldest since ")
    assert finding["message"].endswith("; running: 1")
    assert finding["advice"].startswith("Run more workers")


def test_workers_that_hold_tasks_without_polling_may_be_busy(here, client, workflow, name, monkeypatch):
    limited(client, workflow, name)
    monkeypatch.setattr("conductor.cli.doctor._RECENT_S", -60)

    (finding,) = errors(here("doctor", name, "-o", "json"))
    assert "1 tasks are held by me" in finding["message"]
    assert "all their threads are busy" in finding["advice"]


def test_pollers_without_a_domain_are_reported_for_a_domain(here, client, workflow, name):
    client.tasks.poll(f"{name}_task")
    done = here("doctor", f"{name}_task", "--domain", "red")

    assert "no worker polls in domain 'red'; workers poll without a domain\n" in done.out


def test_a_paused_sub_workflow_is_found(here, client, workflow, name):
    outer = Workflow(f"{name}_outer")
    outer.add(sub_workflow(workflow, ref="inner"))
    workflow_id = outer.start(client)
    inner = client.workflows.get(workflow_id).task("inner").sub_workflow_id
    client.workflows.pause(inner)

    done = here("doctor", workflow_id)
    assert done.status == 1
    assert f"paused: no further tasks are scheduled\n    → conductor workflow resume {inner}" in done.out


def test_a_failed_execution_is_reported_with_its_reason(here, client, workflow, name):
    workflow_id = workflow.start(client)
    task_id = client.workflows.get(workflow_id).task("work").task_id
    client.tasks.update(
        workflow_id=workflow_id, task_id=task_id, status="FAILED_WITH_TERMINAL_ERROR", reason="no coffee"
    )

    (finding,) = errors(here("doctor", workflow_id, "-o", "json"))
    assert "no coffee" in finding["message"]
    assert finding["advice"] == f"After fixing the cause: conductor workflow retry {workflow_id}"


def test_a_paused_schedule_of_a_missing_workflow_is_reported(here, client, name):
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
    assert "paused: holidays" in done.out
    assert f"conductor schedule resume {name}" in done.out
    assert f"workflow '{name}_none' version 1 does not exist" in done.out


def test_an_unknown_subject_is_status_2_with_the_nearest_name(here, workflow, name):
    done = here("doctor", f"{name}x")

    assert (done.status, f"did you mean '{name}'?\n" in done.err) == (2, True)


def test_without_a_subject_unpolled_queues_are_listed(here, client, workflow, name):
    workflow.start(client)

    done = here("doctor")
    assert done.status == 1
    assert "server: " in done.out
    assert f"✗ {name}_task: 1 tasks wait, and no worker has polled recently" in done.out


def test_refused_credentials_are_reported(cli):
    with start(keys={"a": "b"}) as guarded:
        done = cli("doctor", "--server", guarded.url, CONDUCTOR_AUTH_KEY="a", CONDUCTOR_AUTH_SECRET="wrong")

    assert done.status == 1
    assert "✗ credentials: " in done.out
    assert "Set CONDUCTOR_AUTH_KEY and CONDUCTOR_AUTH_SECRET" in done.out


def test_an_unreachable_server_is_a_finding_and_status_3(here):
    told = here("doctor", "--server", "http://127.0.0.1:9")
    assert told.status == 3
    assert "✗ server: no usable response from http://127.0.0.1:9/api: " in told.out
    assert "Start a server (conductor server start), or select another: --server URL" in told.out

    done = here("doctor", "--server", "http://127.0.0.1:9", "-o", "json")
    assert (done.status, [row["about"] for row in errors(done)]) == (3, ["server"])


def test_a_failing_server_is_a_finding_and_status_3(here, server):
    server.faults.add(Fault(path="/tasks/queue/all", status=500, times=None))
    try:
        done = here("doctor", "-o", "json")
    finally:
        server.faults.clear()

    assert done.status == 3
    assert [row["severity"] for row in done.json] == ["ok", "error"]
    assert "Check the server's log" in done.json[1]["advice"]


def test_conductor_python_in_the_environment_is_reported(cli, tmp_path):
    (tmp_path / "conductor_python-2.0.0.dist-info").mkdir()
    (tmp_path / "conductor_python-2.0.0.dist-info" / "METADATA").write_text("Name: conductor-python\nVersion: 2.0.0\n")

    done = cli("doctor", PYTHONPATH=str(tmp_path))
    assert done.status == 1
    assert "✗ environment: conductor-python 2.0.0 is installed in the same environment as conductor-sdk" in done.out


def test_a_timeout_that_the_server_let_pass_is_an_error(monkeypatch, here, client, name):
    workflow = Workflow(name, timeout=60)
    workflow.add(human(ref="approval"))
    workflow.register(client)
    workflow_id = workflow.start(client)
    assert "timeout" not in here("doctor", workflow_id).out

    now = time.time()
    monkeypatch.setattr("conductor.cli.doctor.time.time", lambda: now + 121)
    done = here("doctor", workflow_id, "-o", "json")

    assert done.status == 1
    (finding,) = errors(done)
    assert finding["message"].startswith("its timeout of 0:01:00 passed at ")
    assert finding["message"].endswith("and the server has not ended it, because HUMAN task 'approval' is open")
    assert finding["advice"].startswith("Have the server evaluate it: client.workflows.decide(ID).")
