"""`conductor worker run` and `list`, as whole processes."""

import json
import signal

import pytest

from conductor.workflow import Workflow, simple

WORKERS = """
from conductor import worker_task

@worker_task("{prefix}_add")
def add(a: int, b: int = 0) -> int:
    return a + b + {extra}

@worker_task("{prefix}_other", thread_count=3, domain="blue")
def other() -> None: ...
"""


@pytest.fixture
def prefix(request):
    return "cli_" + request.node.originalname.removeprefix("test_")[:30]


@pytest.fixture
def module(tmp_path, prefix):
    (tmp_path / "app").mkdir()
    path = tmp_path / "app" / "tasks.py"
    path.write_text(WORKERS.format(prefix=prefix, extra=0))
    return path


def added(client, prefix, a=1):
    workflow = Workflow(prefix)
    workflow.add(simple(f"{prefix}_add", ref="add", a=a, b=2))
    return workflow.run(client, timeout=30).task("add").output_data["result"]


@pytest.mark.parametrize("words", [[], ["--processes", "2"]])
def test_run_works_until_sigterm_and_exits_0(background, client, module, prefix, words):
    process = background("worker", "run", "app.tasks", "--only", f"{prefix}_add", *words)

    assert added(client, prefix) == 3
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=20)
    assert process.returncode == 0, said
    assert f"{prefix}_other" not in said


def test_run_logs_json_lines_and_serves_its_health(background, module, wait_until):
    process = background("worker", "run", "app.tasks", "--log-format", "json", "--health-port", "0")
    lines = (json.loads(line) for line in process.stdout)

    served = next(line for line in lines if "/livez" in line["message"])
    assert served["level"] == "INFO"


def test_worker_processes_log_in_the_chosen_format(background, client, module, prefix):
    process = background("worker", "run", "app.tasks", "--processes", "2", "--log-format", "json")
    workflow = Workflow(prefix)
    workflow.add(simple(f"{prefix}_add", ref="add", a="no number", retry_count=0))
    workflow.start(client, check=False)

    lines = (json.loads(line) for line in process.stdout)
    failed = next(line for line in lines if line["logger"] == "conductor.worker.execution")
    assert (failed["level"], failed["task_type"]) == ("WARNING", f"{prefix}_add")


def test_reload_restarts_the_workers_after_a_change(background, client, module, prefix, wait_until):
    process = background("worker", "run", "app/tasks.py", "--reload")
    assert added(client, prefix) == 3

    module.write_text(WORKERS.format(prefix=prefix, extra=10))
    assert "tasks.py changed" in next(line for line in process.stdout if "changed" in line)
    wait_until(lambda: added(client, prefix) == 13, 20)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)
    assert process.returncode == 0


def test_list_shows_the_workers_with_their_options(cli, module, prefix):
    done = cli("worker", "list", "app.tasks", "-o", "json", CONDUCTOR_WORKER_ALL_THREAD_COUNT="7")

    assert [(row["name"], row["domain"], row["threads"]) for row in done.json] == [
        (f"{prefix}_add", None, 7),
        (f"{prefix}_other", "blue", 7),
    ]


def test_a_piped_list_is_tab_separated(cli, module, prefix):
    lines = cli("worker", "list", "app.tasks").out.splitlines()

    assert lines[0].split("\t")[:2] == ["name", "domain"]
    assert lines[2].split("\t")[:3] == [f"{prefix}_other", "blue", "3"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["unparsed"], "unparsed.py:2"),
        (["idle"], "These modules declare no workers"),
        (["app.nope"], "No module named 'app.nope'"),
        (["broken"], "ZeroDivisionError: division by zero"),
        (["needy"], "No module named 'not_there'"),
        (["app.tasks", "--only", "nope"], "No worker is declared for nope; declared are: "),
        (["app.tasks", "--nope"], "No such option"),
    ],
)
def test_a_module_that_cannot_run_is_status_2_and_a_message(cli, module, tmp_path, words, says):
    (tmp_path / "broken.py").write_text("1 / 0\n")
    (tmp_path / "needy.py").write_text("import not_there\n")
    (tmp_path / "unparsed.py").write_text("import os\ndef (:\n")
    (tmp_path / "idle.py").write_text("")

    done = cli("worker", "run", *words)
    assert done.status == 2
    assert says in done.err
    assert "Traceback" not in done.err
    assert "conductor/cli" not in done.err


def test_listing_no_workers_is_status_2(cli, tmp_path):
    (tmp_path / "idle.py").write_text("")

    done = cli("worker", "list", "idle")
    assert (done.status, "These modules declare no workers" in done.err) == (2, True)


@pytest.mark.parametrize(
    ("words", "environ", "says"),
    [
        (["--threads", "0"], {}, "--threads"),
        (["--grace", "-1"], {}, "grace_seconds is -1.0"),
        (["--grace", "nan"], {}, "grace_seconds is nan"),
        (["--health-port", "70000"], {}, "health_port is 70000"),
        (["--outbox", "/no/such/folder/box"], {}, "/no/such/folder/box"),
        (["--processes", "2", "--outbox", "/no/such/folder/box"], {}, "/no/such/folder/box.1"),
        ([], {"CONDUCTOR_WORKER_ALL_THREAD_COUNT": "0"}, "CONDUCTOR_WORKER_ALL_THREAD_COUNT is '0'"),
        ([], {"CONDUCTOR_PROCESSES": "two"}, "CONDUCTOR_PROCESSES is 'two'"),
    ],
)
def test_an_invalid_option_is_status_2_and_a_message(cli, module, words, environ, says):
    done = cli("worker", "run", "app.tasks", *words, **environ)

    assert (done.status, says in done.err, "Traceback" in done.err) == (2, True, False), done.err


def test_a_wrong_setting_is_status_2(cli, module):
    done = cli("worker", "run", "app.tasks", CONDUCTOR_SERVER_URL="ftp://nowhere")

    assert (done.status, "ftp" in done.err, "Traceback" in done.err) == (2, True, False)
