"""`conductor worker exec` runs programs as workers."""

import json
import signal
import sys

import pytest

from conductor import Workflow
from conductor.workflow import simple

PROGRAM = """
import json, os, sys
given = json.load(sys.stdin)
print("reading", os.environ["CONDUCTOR_TASK_ATTEMPT"], file=sys.stderr)
mode = given.get("mode")
if mode == "fail":
    print("no beans", file=sys.stderr)
    sys.exit(3)
if mode == "permanent":
    sys.exit(78)
if mode == "text":
    print("not json")
elif mode == "list":
    print(json.dumps([1, 2]))
elif mode == "slow":
    import time
    time.sleep(30)
elif mode == "silent":
    pass
else:
    print(json.dumps({"doubled": given["n"] * 2, "type": os.environ["CONDUCTOR_TASK_TYPE"]}))
"""


@pytest.fixture
def execute(background, client, tmp_path, request):
    """Start `worker exec` and run one workflow through it."""
    name = f"exec_{request.node.name.removeprefix('test_')}"[:60]
    (tmp_path / "program.py").write_text(PROGRAM)
    client.metadata.register_task({"name": name, "retryCount": 0, "ownerEmail": "a@example.com"})
    workflow = Workflow(name)
    workflow.add(simple(name, {"mode": workflow.input.mode, "n": workflow.input.n}, ref="work"))
    workflow.register(client)
    processes = []

    def run(given, *options):
        if not processes:
            words = ("worker", "exec", "--type", name, *options, "--", sys.executable, str(tmp_path / "program.py"))
            processes.append(background(*words))
        workflow_id = client.workflows.start(name, given)
        execution = client.workflows.wait(workflow_id, timeout=30)
        return execution.task("work"), client.tasks.list_logs(execution.task("work").task_id), processes[0]

    return run


def test_a_program_completes_tasks_with_its_output_and_log(execute):
    task, logs, process = execute({"n": 4})

    assert task.status == "COMPLETED"
    assert task.output_data == {"doubled": 8, "type": task.task_def_name}
    assert [line.log for line in logs] == ["reading 1"]
    assert execute({"mode": "list"})[0].output_data == {"result": [1, 2]}
    assert execute({"mode": "silent"})[0].output_data == {}
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)
    assert process.returncode == 0


def test_an_exit_status_fails_the_task_with_the_last_lines(execute):
    task, logs, _ = execute({"mode": "fail"})
    assert task.status == "FAILED"
    assert task.reason_for_incompletion.endswith("ended with exit status 3: reading 1 no beans")
    assert [line.log for line in logs] == ["reading 1", "no beans"]  # and no traceback of this package

    assert execute({"mode": "permanent"})[0].status == "FAILED_WITH_TERMINAL_ERROR"
    task, _, _ = execute({"mode": "text"})
    assert task.status == "FAILED_WITH_TERMINAL_ERROR"
    assert "is not JSON" in task.reason_for_incompletion


def test_a_slow_program_is_stopped_at_its_timeout(execute):
    task, _, _ = execute({"mode": "slow"}, "--timeout", "1s")

    assert task.status == "FAILED"
    assert "ran longer than 1 s" in task.reason_for_incompletion


def test_text_output_becomes_the_result(execute):
    assert execute({"mode": "text"}, "--text")[0].output_data == {"result": "not json"}


def test_a_program_that_does_not_exist_is_refused_at_the_start(here):
    done = here("worker", "exec", "--type", "exec_missing", "--", "/no/such/program")

    assert done.status == 2
    assert "'/no/such/program' was not found: it is neither on the PATH nor an executable file." in done.err


def test_a_program_that_cannot_be_started_fails_its_tasks(background, client, tmp_path):
    program = tmp_path / "program"
    program.write_bytes(b"\x7fELF of no machine")
    program.chmod(0o755)
    client.metadata.register_task({"name": "exec_missing", "retryCount": 0})
    workflow = Workflow("exec_missing")
    workflow.add(simple("exec_missing", ref="work"))
    workflow.register(client)
    background("worker", "exec", "--type", "exec_missing", "--", program)

    execution = client.workflows.wait(client.workflows.start("exec_missing"), timeout=30)
    assert f"Cannot start {str(program)!r}" in execution.failed_task.reason_for_incompletion


def test_type_and_program_are_required(here):
    assert "--type" in here("worker", "exec", "--", "true").err
    assert here("worker", "exec", "--type", "x").status == 2


def test_the_whole_task_is_passed_on_request(background, client, tmp_path):
    (tmp_path / "cat.py").write_text("import sys\nsys.stdout.write(sys.stdin.read())\n")
    client.metadata.register_task({"name": "exec_whole", "retryCount": 0})
    workflow = Workflow("exec_whole")
    workflow.add(simple("exec_whole", ref="work"))
    workflow.register(client)
    background("worker", "exec", "--type", "exec_whole", "--whole-task", "--", sys.executable, str(tmp_path / "cat.py"))

    execution = client.workflows.wait(client.workflows.start("exec_whole"), timeout=30)
    task = execution.task("work")
    assert task.output_data["taskId"] == task.task_id
    assert json.dumps(task.output_data)
