"""The pytest plugin, used as its users do."""

import os
import socket
import subprocess
import sys
import textwrap
from datetime import timedelta

import pytest

from conductor import NonRetryableError, WorkflowTimeoutError, worker_task
from conductor.errors import WorkerRegistrationError
from conductor.testing import assert_workflow
from conductor.worker.worker import WorkerRegistry

REGISTRY = WorkerRegistry()


@worker_task("charge", registry=REGISTRY)
def charge(amount: int) -> dict:
    if amount < 0:
        raise NonRetryableError(f"cannot charge {amount}")
    return {"id": f"ch_{amount}"}


ATTEMPTS = []


@worker_task("flaky", registry=REGISTRY)
def flaky() -> dict:
    ATTEMPTS.append(1)
    if len(ATTEMPTS) < 3:
        raise RuntimeError(f"attempt {len(ATTEMPTS)}")
    return {"attempts": len(ATTEMPTS)}


def simple(name):
    inputs = {"amount": "${workflow.input.amount}"}
    return {"name": name, "taskReferenceName": name, "type": "SIMPLE", "inputParameters": inputs}


def wait(duration):
    return {"name": "w", "taskReferenceName": "nap", "type": "WAIT", "inputParameters": {"duration": duration}}


def flow(*tasks, name="order", **fields):
    return {"name": name, "version": 1, "ownerEmail": "a@example.com", "tasks": list(tasks), **fields}


def test_a_workflow_runs_with_its_workers(conductor_workers, run_workflow):
    conductor_workers(charge)

    run = run_workflow(flow(simple("charge"), outputParameters={"paid": "${charge.output.id}"}), {"amount": 5})

    assert_workflow(run).completed().has_output(paid="ch_5").task("charge").completed().retried(0).has_input(amount=5)


def test_a_registered_workflow_runs_by_name(conductor_client, conductor_workers, run_workflow):
    conductor_workers(charge)
    conductor_client.metadata.register_workflow(flow(simple("charge"), name="registered"))

    assert_workflow(run_workflow("registered", {"amount": 1}, correlation_id="c-1")).completed()


def test_three_days_take_no_time(conductor_server, run_workflow):
    before = conductor_server.clock.now()

    run = run_workflow(flow(wait("3 days")), timeout=10)

    assert_workflow(run).completed().task("nap").completed()
    assert conductor_server.clock.now() - before >= timedelta(days=3)


def test_the_delay_before_a_retry_takes_no_time(conductor_client, conductor_workers, run_workflow):
    ATTEMPTS.clear()
    retries = {"retryCount": 3, "retryDelaySeconds": 3600, "responseTimeoutSeconds": 600}
    conductor_client.metadata.register_task({"name": "flaky", "ownerEmail": "a@example.com", **retries})
    conductor_workers(flaky)

    run = run_workflow(flow(simple("flaky")), timeout=10)

    assert_workflow(run).completed().task("flaky").retried(2).has_output(attempts=3)


def test_time_is_not_skipped_when_it_is_not_wanted(run_workflow):
    with pytest.raises(AssertionError) as caught:
        run_workflow(flow(wait("1 hours")), timeout=0.3, skip_time=False)

    assert "within 0.3 s\n- nap: waits until a time: skip_time=True moves the clock there" in str(caught.value)
    assert "1  nap   WAIT  IN_PROGRESS  1" in str(caught.value)


def test_time_is_not_skipped_while_a_worker_is_awaited(conductor_server, run_workflow):
    before = conductor_server.clock.now()
    branches = [[wait("1 hours")], [simple("nobody_takes_it")]]
    fork = {"name": "f", "taskReferenceName": "f", "type": "FORK_JOIN", "forkTasks": branches}
    join = {"name": "j", "taskReferenceName": "j", "type": "JOIN", "joinOn": ["nap", "nobody_takes_it"]}

    with pytest.raises(AssertionError, match="nobody_takes_it  SCHEDULED"):
        run_workflow(flow(fork, join), timeout=0.3)

    assert conductor_server.clock.now() - before < timedelta(minutes=1)


def test_it_returns_when_it_waits_for_something_from_outside(conductor_client, run_workflow):
    approve = {"name": "h", "taskReferenceName": "approve", "type": "HUMAN"}

    run = run_workflow(flow(approve), until_blocked=True)

    assert_workflow(run).running().task("approve").has_status("IN_PROGRESS")
    conductor_client.tasks.update_by_reference_name(run.workflow_id, "approve", "COMPLETED", {"by": "ann"})
    assert_workflow(conductor_client.workflows.wait(run.workflow_id, timeout=10)).completed().has_output(by="ann")


def test_a_failing_worker_is_the_cause_of_the_failing_check(conductor_workers, run_workflow):
    conductor_workers(charge)
    run = run_workflow(flow(simple("charge")), {"amount": -1})

    assert_workflow(run).failed("cannot charge -1").task("charge").has_status("FAILED_WITH_TERMINAL_ERROR").retried(0)
    with pytest.raises(AssertionError) as caught:
        assert_workflow(run).completed()
    assert isinstance(caught.value.__cause__, NonRetryableError)


def test_each_test_has_its_own_server(conductor_client):
    with pytest.raises(WorkflowTimeoutError):
        conductor_client.workflows.run(flow({"name": "h", "taskReferenceName": "h", "type": "HUMAN"}), timeout=0.05)
    assert conductor_client.metadata.list_workflow_names() == []


PORTS = []


def test_a_server_is_gone_a_moment_after_its_test(conductor_server):
    PORTS.append(conductor_server.port)


def test_which_the_next_test_need_not_wait_for(wait_until):
    def is_free():
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", PORTS[0])) != 0

    wait_until(is_free)


def pytest_in_a_process(tmp_path, source, *words, **environment):
    (tmp_path / "test_it.py").write_text(textwrap.dedent(source))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *words, str(tmp_path)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=300, cwd=tmp_path, env={**os.environ, **environment}
    )


def test_a_failing_test_shows_what_its_worker_raised(tmp_path):
    done = pytest_in_a_process(
        tmp_path,
        """
        from conductor import worker_task
        from conductor.testing import assert_workflow

        @worker_task("broken")
        def broken():
            secret_detail = 1 / 0

        def test_it(conductor_client, conductor_workers, run_workflow):
            conductor_client.metadata.register_task({"name": "broken", "ownerEmail": "a@b.c", "retryCount": 0})
            conductor_workers(broken)
            run = run_workflow({"name": "w", "version": 1, "tasks": [
                {"name": "broken", "taskReferenceName": "broken", "type": "SIMPLE"}]})
            assert_workflow(run).completed()
        """,
    )

    assert done.returncode == 1, done.stdout + done.stderr
    assert "secret_detail = 1 / 0" in done.stdout
    assert "ZeroDivisionError: division by zero" in done.stdout
    assert "is FAILED, not COMPLETED" in done.stdout
    assert "worker broken, attempt 1 of broken" in done.stdout


def test_a_timeout_of_a_wait_shows_the_line_of_the_test_only(tmp_path):
    done = pytest_in_a_process(
        tmp_path,
        """
        from conductor import Workflow
        from conductor.workflow import wait

        def test_it(conductor_client):
            order = Workflow("order") >> wait("3 days")
            conductor_client.workflows.wait(order.start(conductor_client), timeout=0.1)
        """,
    )

    assert done.returncode == 1, done.stdout + done.stderr
    assert "conductor_client.workflows.wait(order.start(conductor_client), timeout=0.1)" in done.stdout
    assert "wait: waits (3 days)." in done.stdout
    assert "raise self._timed_out" not in done.stdout
    assert "workflow_wait.py" not in done.stdout


def test_workers_in_a_list_and_input_as_keywords_are_explained(conductor_workers, run_workflow):
    with pytest.raises(WorkerRegistrationError, match=r"not a list: conductor_workers\(\*workers\)"):
        conductor_workers([charge])
    with pytest.raises(TypeError, match=r"run_workflow\(\) has no argument 'amount'.*input=\{'amount'"):
        run_workflow(flow(simple("charge")), amount=1)
    with pytest.raises(TypeError, match="did you mean 'skip_time'"):
        run_workflow(flow(simple("charge")), skiptime=False)


def test_without_its_fixtures_the_plugin_imports_nothing(tmp_path):
    # Other plugins that are installed here import what they like: they stay out.
    done = pytest_in_a_process(
        tmp_path,
        """
        import sys

        def test_it():
            assert "conductor.testing.plugin" in sys.modules
            heavy = {"requests", "urllib3", "attrs", "conductor.server", "conductor.models"}
            assert heavy & set(sys.modules) == set()
        """,
        "-p",
        "conductor.testing.plugin",
        PYTEST_DISABLE_PLUGIN_AUTOLOAD="1",
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_under_xdist_each_process_has_its_own_servers_and_clocks(tmp_path):
    done = pytest_in_a_process(
        tmp_path,
        """
        import os
        from datetime import datetime, timedelta, timezone
        from pathlib import Path

        import pytest

        from conductor import worker_task
        from conductor.testing import assert_workflow

        @worker_task("double")
        def double(n: int) -> dict:
            return {"n": 2 * n}

        @pytest.mark.parametrize("n", range(6))
        def test_it(n, conductor_server, conductor_client, conductor_workers, run_workflow):
            process = os.environ["PYTEST_XDIST_WORKER"]
            Path(__file__).with_name(f"{process}-{n}").touch()
            assert conductor_client.metadata.list_workflow_names() == []
            assert conductor_server.clock.now() - datetime.now(timezone.utc) < timedelta(minutes=1)
            conductor_workers(double)
            flow = {"name": "same", "version": 1, "ownerEmail": "a@b.c", "tasks": [
                {"name": "w", "taskReferenceName": "w", "type": "WAIT", "inputParameters": {"duration": "1 days"}},
                {"name": "double", "taskReferenceName": "d", "type": "SIMPLE", "inputParameters": {"n": n}}]}
            assert_workflow(run_workflow(flow)).completed().has_output(n=2 * n)
        """,
        *("-p", "conductor.testing.plugin", "-p", "xdist", "-n", "2"),
        PYTEST_DISABLE_PLUGIN_AUTOLOAD="1",  # other plugins that are installed here take long to import
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "6 passed" in done.stdout
    assert {made.name.partition("-")[0] for made in tmp_path.glob("gw*")} == {"gw0", "gw1"}
