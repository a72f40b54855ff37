"""The scripts of docs/howto/scripts-cron.md as whole processes, with their exit statuses."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import conductor.server
from conductor import ConductorClient

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "scripts-cron.md"


@pytest.fixture
def server():
    with conductor.server.start() as one:
        yield one


@pytest.fixture
def client(server):
    with ConductorClient(server_url=server.url) as one:
        yield one


@pytest.fixture
def run(tmp_path, server):
    for name, code in re.findall(r"```python\n# (\S+)\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL):
        (tmp_path / name).write_text(code, encoding="utf-8")

    def start(*words, **environ):
        env = {**os.environ, "CONDUCTOR_SERVER_URL": server.url, **environ}
        return subprocess.run(words, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60)

    return start


@pytest.fixture
def nightly(client):
    """A workflow that completes for one day, fails for another, and waits on all others."""

    def case(status):
        kind = {"type": "TERMINATE", "inputParameters": {"terminationStatus": status, "workflowOutput": {"rows": 3}}}
        return [{"name": "end", "taskReferenceName": f"end_{status}", **kind}]

    switch = {
        "name": "which",
        "taskReferenceName": "which",
        "type": "SWITCH",
        "evaluatorType": "value-param",
        "expression": "day",
        "inputParameters": {"day": "${workflow.input.day}"},
        "decisionCases": {"good": case("COMPLETED"), "bad": case("FAILED")},
        "defaultCase": [{"name": "human", "taskReferenceName": "human", "type": "HUMAN"}],
    }
    client.metadata.update_workflows(
        [{"name": "nightly_report", "version": 1, "ownerEmail": "a@b.c", "tasks": [switch]}]
    )


NOWHERE = {"CONDUCTOR_SERVER_URL": "http://127.0.0.1:9/api"}
CASES = [("good", "30", {}, 0), ("bad", "30", {}, 1), ("other", "0.5", {}, 4), ("good", "1", NOWHERE, 3)]


@pytest.mark.parametrize(("day", "limit", "environ", "status"), CASES)
def test_the_script_and_the_command_end_with_the_same_status(run, nightly, day, limit, environ, status):
    script = run(sys.executable, "nightly.py", day, limit, **environ)
    conductor_command = str(Path(sys.executable).parent / "conductor")
    words = ["workflow", "run", "nightly_report", "--quiet", "-i", f"day={day}", "--timeout", limit]
    command = run(conductor_command, *words, **environ)

    assert (script.returncode, command.returncode) == (status, status), script.stderr + command.stderr
    assert "Traceback" not in script.stderr + command.stderr
    if status == 0:
        assert script.stdout == "{'rows': 3}\n"
        assert script.stderr == ""
    else:
        assert script.stdout == ""
        assert script.stderr


def test_an_unknown_workflow_and_an_invalid_setting_are_status_2(run):
    missing = run(sys.executable, "nightly.py", "good", "30")
    wrong = run(sys.executable, "nightly.py", "good", "30", CONDUCTOR_SERVER_URL="nonsense")

    assert (missing.returncode, wrong.returncode) == (2, 2)
    assert "nightly_report" in missing.stderr
    assert "CONDUCTOR_SERVER_URL is 'nonsense'" in wrong.stderr


def test_a_script_does_its_own_work_and_says_how_it_went(run):
    good, bad = (run(sys.executable, "rotate.py", service) for service in ("mail", "unknown"))

    assert (good.returncode, good.stdout) == (0, "mail\n"), good.stderr
    assert bad.returncode == 1
    assert "there is no such service" in bad.stderr


def test_a_worker_of_cron_ends_when_the_queue_is_empty(run, client):
    client.metadata.register_tasks([{"name": "resize_picture"}])
    step = {"name": "resize_picture", "taskReferenceName": "resize", "type": "SIMPLE"}
    step["inputParameters"] = {"name": "${workflow.input.name}"}
    client.metadata.update_workflows([{"name": "resizing", "version": 1, "ownerEmail": "a@b.c", "tasks": [step]}])
    ids = [client.workflows.start("resizing", {"name": f"{n}.png"}) for n in range(10)]

    ended = run(sys.executable, "drain.py")

    assert ended.returncode == 0, ended.stderr
    assert {client.workflows.get(one).status for one in ids} == {"COMPLETED"}
