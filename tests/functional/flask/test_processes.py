"""Flask as whole processes: ``flask conductor worker``, and the app under gunicorn with --preload."""

import json
import os
import signal
import threading
import urllib.request

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")

APP = """
import os
from flask import Flask, current_app, jsonify
from conductor import worker_task
from conductor.contrib.flask import Conductor

conductor = Conductor()

@worker_task("flask_count")
def count(number: int) -> dict:
    return {"app": current_app.name, "number": number, "pid": os.getpid()}

def create_app():
    app = Flask("counting")
    app.config["CONDUCTOR"] = {"WORKER": {"poll_interval_ms": 20}}
    conductor.init_app(app)
    with app.app_context():  # the connection that gunicorn's workers must not use
        conductor.client.health.get_version()

    @app.get("/start/<int:number>")
    def start(number):
        workflow_id = conductor.client.workflows.start("counted", {"number": number}, correlation_id=str(number))
        found = conductor.client.workflows.get(workflow_id)
        return jsonify(id=workflow_id, correlation_id=found.correlation_id, pid=os.getpid())

    return app
"""


@pytest.fixture
def app(tmp_path):
    (tmp_path / "counting.py").write_text(APP)


def read_until(process, text):
    deadline, seen = threading.Timer(30, process.kill), []
    deadline.start()
    try:
        for line in process.stdout:
            seen.append(line)
            if text in line:
                return line
    finally:
        deadline.cancel()
    raise AssertionError("".join(seen))


def test_the_command_runs_tasks_in_the_apps_context_and_ends_in_order(app, spawn, client, define):
    worker = spawn("flask", "--app", "counting", "conductor", "worker")
    assert read_until(worker, "Running workers for") == "Running workers for flask_count\n"

    run = client.workflows.run(define("counted", "flask_count"), {"number": 17}, timeout=20)
    worker.send_signal(signal.SIGTERM)
    said, _ = worker.communicate(timeout=20)

    assert run.tasks[0].output_data == {"app": "counting", "number": 17, "pid": worker.pid}
    assert worker.returncode == 0, said


def test_with_several_processes_each_has_the_app(app, spawn, client, define):
    worker = spawn("flask", "--app", "counting", "conductor", "worker", "--processes", "2", "--module", "counting")
    read_until(worker, "Running workers for")

    run = client.workflows.run(define("counted", "flask_count"), {"number": 17}, timeout=30)
    worker.send_signal(signal.SIGTERM)
    said, _ = worker.communicate(timeout=20)

    assert run.tasks[0].output_data["app"] == "counting"
    assert run.tasks[0].output_data["pid"] != worker.pid
    assert worker.returncode == 0, said


def test_a_mistake_is_reported_in_one_line_with_status_2(app, spawn):
    worker = spawn("flask", "--app", "counting", "conductor", "worker", "--only", "flask_cuont")
    said, _ = worker.communicate(timeout=20)

    assert worker.returncode == 2
    assert said == "Error: No worker is declared for task 'flask_cuont'; declared are: flask_count.\n"


def test_gunicorn_preload_mixes_no_responses_between_workers(app, spawn, client, define, wait_until):
    define("counted", "flask_count")
    words = ["--preload", "--workers", "3", "--threads", "2", "--bind", "127.0.0.1:0", "counting:create_app()"]
    web = spawn("gunicorn", *words, PYTHONWARNINGS="ignore")
    url = read_until(web, "Listening at: ").partition("Listening at: ")[2].split()[0]
    worker = spawn("flask", "--app", "counting", "conductor", "worker")
    read_until(worker, "Running workers for")
    answers = []

    def ask(first):
        for number in range(first, first + 8):
            with urllib.request.urlopen(f"{url}/start/{number}", timeout=30) as response:
                answers.append((str(number), json.load(response)))

    threads = [threading.Thread(target=ask, args=(100 * n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert len(answers) == 48
    assert [number for number, said in answers if said["correlation_id"] != number] == []
    assert len({said["pid"] for _, said in answers}) > 1
    assert web.pid not in {said["pid"] for _, said in answers}
    for _, said in answers:
        wait_until(lambda said=said: client.workflows.get(said["id"]).status == "COMPLETED", 30)
    web.terminate()
    out, _ = web.communicate(timeout=20)
    assert web.returncode == 0, out
    assert "Traceback" not in out
