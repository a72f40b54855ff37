import re
import signal
import socket
import subprocess
import sys
import threading
import time
from datetime import timedelta

import pytest

import conductor.server
from conductor import ConductorClient, ConfigurationError, NotFoundError, ServerStartError
from conductor.models import TaskResult
from examples.order_processing import main as order_processing


def simple(name, **more):
    return {"name": name, "taskReferenceName": name, "type": "SIMPLE", **more}


def end_task(client, kind, status="COMPLETED", **more):
    task = client.tasks.poll(kind)
    ids = {"workflow_instance_id": task.workflow_instance_id, "task_id": task.task_id}
    client.tasks.update(TaskResult(**ids, status=status, **more))
    return task


def test_the_order_example_runs_on_the_embedded_server(client, capsys):
    assert order_processing.run(client, timeout=30)
    assert "compensated" in capsys.readouterr().out


def test_the_server_starts_quickly_and_frees_its_port():
    conductor.server.start().stop()  # the first of a process imports what the others find
    begin = time.monotonic()
    server = conductor.server.start()
    taken = time.monotonic() - begin
    assert taken < 0.3
    with socket.create_connection(("127.0.0.1", server.port), timeout=5):
        pass
    server.stop()
    server.stop()
    assert not server.is_running
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", server.port), timeout=5)


def test_a_response_does_not_wait_for_an_acknowledgement(client):
    """With Nagle's algorithm each answer to a kept connection takes the 40 ms of a delayed acknowledgement."""
    client.metadata.register_task({"name": "quick", "ownerEmail": "a@b.c"})
    client.metadata.register_workflow({"name": "quick", "version": 1, "tasks": [simple("quick")]})
    took = []
    for _ in range(20):
        client.workflows.start("quick")
        task = client.tasks.poll("quick")
        begin = time.monotonic()
        client.tasks.update(workflow_id=task.workflow_instance_id, task_id=task.task_id, status="COMPLETED")
        took.append(time.monotonic() - begin)
    assert min(took) < 0.03, took


def test_the_start_imports_no_optional_modules():
    program = """
import sys, conductor.server
with conductor.server.start():
    print(sorted({"urllib3", "requests", "jq", "_quickjs", "conductor.server.oss.launch"} & sys.modules.keys()))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\n"


def test_a_port_in_use_is_an_error(server):
    with pytest.raises(ServerStartError, match=f"Port {server.port} of 127.0.0.1 cannot be used"):
        conductor.server.start(server.port)


def test_a_file_of_another_format_is_an_error(tmp_path):
    file = tmp_path / "notes.txt"
    file.write_text("this is not a SQLite database, but it is long enough for its header" * 20)
    with pytest.raises(ConfigurationError, match="Cannot use the database"):
        conductor.server.start(database=file)


def test_a_long_poll_wakes_at_once(client, define):
    define("waking", simple("late"))
    client.tasks.poll("late")
    begin = time.monotonic()
    starter = threading.Timer(0.2, client.workflows.start, ["waking"])
    starter.start()
    tasks = client.tasks.poll_batch("late", count=5, timeout_ms=5000)
    starter.join()
    assert len(tasks) == 1
    assert time.monotonic() - begin < 2


def test_a_long_poll_wakes_when_a_delayed_task_is_due(client, define):
    definition = {"name": "soon", "retryCount": 1, "retryDelaySeconds": 1, "ownerEmail": "a@b.c"}
    define("delayed", simple("soon"), task_defs=[definition])
    client.workflows.start("delayed")
    end_task(client, "soon", "FAILED")
    begin = time.monotonic()
    assert len(client.tasks.poll_batch("soon", count=1, timeout_ms=5000)) == 1
    assert 0.8 < time.monotonic() - begin < 3


def test_a_wait_of_three_days_takes_no_time(server, client, define):
    define(
        "patient", {"name": "w", "taskReferenceName": "w", "type": "WAIT", "inputParameters": {"duration": "3 days"}}
    )
    workflow_id = client.workflows.start("patient")
    server.clock.advance(timedelta(days=2, hours=23))
    assert client.workflows.get(workflow_id).status == "RUNNING"
    server.clock.skip_to_next_event()
    workflow = client.workflows.get(workflow_id)
    assert workflow.status == "COMPLETED"
    assert workflow.end_time - workflow.create_time == pytest.approx(3 * 86_400_000, abs=2000)


def test_a_retry_comes_when_its_delay_is_over(server, client, define):
    definition = {"name": "flaky", "retryCount": 1, "retryDelaySeconds": 30, "ownerEmail": "a@b.c"}
    define("retrying", simple("flaky"), task_defs=[definition])
    workflow_id = client.workflows.start("retrying")
    end_task(client, "flaky", "FAILED", reason_for_incompletion="no luck")
    server.clock.freeze()
    assert client.tasks.poll("flaky") is None
    server.clock.advance(timedelta(seconds=29))
    assert client.tasks.poll("flaky") is None
    server.clock.advance(timedelta(seconds=1))
    again = end_task(client, "flaky")
    assert again.retry_count == 1
    assert client.workflows.get(workflow_id).status == "COMPLETED"


def test_acknowledged_changes_survive_a_restart(tmp_path):
    database = tmp_path / "conductor.db"
    with conductor.server.start(database=database) as server, ConductorClient(server_url=server.url) as client:
        client.metadata.update_workflows(
            [{"name": "lasting", "ownerEmail": "a@b.c", "tasks": [simple("first"), simple("second")]}]
        )
        workflow_id = client.workflows.start("lasting")
        end_task(client, "first", output_data={"n": 1})
    with conductor.server.start(database=database) as server, ConductorClient(server_url=server.url) as client:
        end_task(client, "second")
        workflow = client.workflows.get(workflow_id)
        assert workflow.status == "COMPLETED"
        assert [(task.reference_task_name, task.output_data) for task in workflow.tasks] == [
            ("first", {"n": 1}),
            ("second", {}),
        ]


def test_the_command_prints_its_address_and_exits_with_status_0(tmp_path):
    words = [sys.executable, "-m", "conductor.server", "--engine", "embedded", "--port", "0", "--dir", str(tmp_path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        line = process.stdout.readline()
        assert re.fullmatch(
            r"Conductor is ready at http://127\.0\.0\.1:\d+/api \(embedded, database \S+conductor\.db\); "
            r"Ctrl-C stops it\n",
            line,
        ), line
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def test_an_interrupted_http_call_is_repeated_after_a_restart(tmp_path):
    database = tmp_path / "conductor.db"
    request = {"uri": "http://127.0.0.1:9/", "method": "GET", "connectionTimeOut": 500}
    with socket.create_server(("127.0.0.1", 0)) as silent:
        slow = {**request, "uri": f"http://127.0.0.1:{silent.getsockname()[1]}/", "readTimeOut": 60_000}
        task = {"name": "h", "taskReferenceName": "h", "type": "HTTP", "inputParameters": {"http_request": slow}}
        with conductor.server.start(database=database) as server, ConductorClient(server_url=server.url) as client:
            client.metadata.update_workflows([{"name": "calling", "ownerEmail": "a@b.c", "tasks": [task]}])
            workflow_id = client.workflows.start("calling")
            assert client.workflows.get(workflow_id).tasks[0].status == "IN_PROGRESS"
    with conductor.server.start(database=database) as server, ConductorClient(server_url=server.url) as client:
        workflow = client.workflows.wait(workflow_id, timeout=10)
        assert workflow.status == "FAILED"
        assert "I/O error on GET request" in workflow.reason_for_incompletion


def test_a_database_that_another_server_uses_is_an_error(tmp_path):
    database = tmp_path / "conductor.db"
    with conductor.server.start(database=database), pytest.raises(ConfigurationError, match="locked"):
        conductor.server.start(database=database)
    conductor.server.start(database=database).stop()


def test_an_event_handler_is_found_by_its_name(client):
    with pytest.raises(NotFoundError, match="event handler 'h' not found"):
        client.events.get_handler("h")
    action = {"action": "start_workflow", "start_workflow": {"name": "w"}}
    client.events.create_handler({"name": "h", "event": "conductor:orders", "actions": [action]})
    assert client.events.get_handler("h").event == "conductor:orders"


def test_the_clock_keeps_its_offset_across_a_restart(tmp_path):
    database = tmp_path / "c.db"
    task = {
        "name": "w", "taskReferenceName": "w", "type": "WAIT", "inputParameters": {"duration": "4 days"}
    }  # fmt: skip
    flow = {"name": "slow", "version": 1, "ownerEmail": "a@b.c", "tasks": [task]}
    with conductor.server.start(database=database) as server, ConductorClient(server_url=server.url) as client:
        client.metadata.update_workflows([flow])
        workflow_id = client.workflows.start("slow")
        server.clock.freeze()
        server.clock.advance(timedelta(days=3))
        before = server.clock.now()
    with conductor.server.start(database=database) as server, ConductorClient(server_url=server.url) as client:
        assert before <= server.clock.now() < before + timedelta(hours=1)
        server.clock.advance(timedelta(days=1, minutes=1))
        assert client.workflows.get(workflow_id).status == "COMPLETED"


def test_a_server_starts_without_the_modules_that_few_need():
    code = """
import sys, conductor.server
with conductor.server.start():
    print([name for name in sys.modules if name.startswith(("conductor.diagram", "conductor.server.orkes"))])
"""
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert shown.stdout.strip() == "[]"
