"""Clients and handlers that were made, and used, before a fork: by gunicorn --preload, uWSGI and multiprocessing."""

import itertools
import json
import multiprocessing
import os
import re
import subprocess
import sys
import threading
import urllib.request
import warnings

import pytest

from conductor import ConductorClient
from conductor.transport.operation import Operation

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")

ECHO = Operation("GET", "/echo/{id}", dict)

APP = """
import json, os, time
from conductor import ConductorClient, TaskHandler, worker_task
from conductor.transport.operation import Operation

ECHO = Operation("GET", "/echo/{id}", dict)
client = ConductorClient()
client.transport.request(ECHO, {"id": "master"})  # the connection that children must not use

@worker_task("work", thread_count=2)
def work():
    time.sleep(0.05)
    return {"pid": os.getpid()}

handler = TaskHandler(client)

def app(environ, start_response):
    said = client.transport.request(ECHO, {"id": environ["PATH_INFO"].strip("/")})
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({"path": said["path"], "pid": os.getpid()}).encode()]
"""

IN_MASTER = "handler.start()  # each child starts its own"

IN_UWSGI = """
import uwsgi
from uwsgidecorators import postfork

@postfork
def begin():
    handler.start()
    uwsgi.atexit = handler.stop

if uwsgi.worker_id():  # with --lazy-apps this is a worker already
    begin()
"""

CONFIG = """
preload_app = True
workers = 3
threads = 4
bind = "127.0.0.1:0"
graceful_timeout = 10

def post_worker_init(worker):
    import app
    assert not app.handler.is_polling
    app.handler.start()

def worker_exit(server, worker):
    import app
    app.handler.stop()

def on_exit(server):
    import app
    app.handler.stop()
"""


@pytest.fixture
def serve(stub, tmp_path):
    processes = []

    def start(*words):
        process = subprocess.Popen(
            [sys.executable, *words] if words[0] == "-m" else words,
            cwd=tmp_path,
            env={**os.environ, "CONDUCTOR_SERVER_URL": stub.url, "PYTHONWARNINGS": "ignore"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


def address(process, pattern):
    deadline = threading.Timer(20, process.kill)
    deadline.start()
    said = []
    try:
        for line in process.stdout:
            said.append(line)
            if found := re.search(pattern, line):
                return f"http://{found[1]}"
    finally:
        deadline.cancel()
    raise AssertionError(f"the server does not listen:\n{''.join(said)}")


def ask_from_eight_threads(url):
    """What was asked for, and what was answered, for 120 requests."""
    answers = []

    def ask(number):
        for turn in range(15):
            with urllib.request.urlopen(f"{url}/{number}-{turn}", timeout=20) as response:
                answers.append((f"/api/echo/{number}-{turn}", json.load(response)))

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return answers


def work_until_it_ran_in(stub, processes, wait_until):
    numbers = itertools.count()

    def ran_in():
        stub.add("work", f"work-{next(numbers)}")
        with stub.lock:
            return {updates[0]["outputData"]["pid"] for updates in stub.results.values()}

    wait_until(lambda: len(ran_in()) == processes, timeout=20, what=f"work in {processes} processes")
    added = next(numbers)
    wait_until(lambda: len(stub.done()) == added)
    assert all(len(updates) == 1 for updates in stub.results.values())


def test_gunicorn_preload_mixes_no_responses_and_each_worker_runs_tasks(stub, serve, tmp_path, wait_until):
    (tmp_path / "app.py").write_text(APP + IN_MASTER)
    (tmp_path / "gunicorn.conf.py").write_text(CONFIG)
    gunicorn = serve("-m", "gunicorn", "app:app")
    answers = ask_from_eight_threads(address(gunicorn, "Listening at: http://([0-9.:]+)"))
    assert len(answers) == 120
    assert [asked for asked, said in answers if said["path"] != asked] == []
    work_until_it_ran_in(stub, 4, wait_until)  # the master, whose threads go on, and 3 children
    gunicorn.terminate()
    out, _ = gunicorn.communicate(timeout=8)  # less than gunicorn waits for a child that hangs
    assert gunicorn.returncode == 0, out
    assert "Traceback" not in out


UWSGI = [
    *("--master", "--die-on-term", "--need-app", "--disable-logging"),
    *("--processes", "3", "--threads", "4", "--http-socket", "127.0.0.1:0", "--wsgi", "app:app"),
]


@pytest.mark.parametrize("words", [["--py-call-uwsgi-fork-hooks"], [], ["--lazy-apps"]], ids=["hooks", "plain", "lazy"])
def test_with_uwsgi_no_answer_crosses_and_each_worker_runs_tasks(stub, serve, tmp_path, wait_until, words):
    (tmp_path / "app.py").write_text(APP + IN_UWSGI)
    uwsgi = serve(os.path.join(os.path.dirname(sys.executable), "uwsgi"), *UWSGI, *words)
    answers = ask_from_eight_threads(address(uwsgi, r"bound to TCP address ([0-9.:]+) \(port auto-assigned\)"))
    assert len(answers) == 120
    assert [asked for asked, said in answers if said["path"] != asked] == []
    work_until_it_ran_in(stub, 3, wait_until)
    uwsgi.terminate()
    out, _ = uwsgi.communicate(timeout=20)
    assert uwsgi.returncode == 0, out
    assert "Traceback" not in out


def _ask_in_child(client, writer):
    wrong = [
        n for n in range(200) if client.transport.request(ECHO, {"id": f"child-{n}"})["path"] != f"/api/echo/child-{n}"
    ]
    writer.send(wrong)


def test_multiprocessing_mixes_no_responses_of_parent_and_children(stub):
    context = multiprocessing.get_context("fork")
    with ConductorClient(server_url=stub.url) as client:
        for n in range(5):
            client.transport.request(ECHO, {"id": n})
        children = []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # this test's server has threads; it forks anyway
            for _ in range(3):
                reader, writer = context.Pipe(duplex=False)
                child = context.Process(target=_ask_in_child, args=(client, writer))
                child.start()
                writer.close()
                children.append((child, reader))
        wrong = [n for n in range(200) if client.transport.request(ECHO, {"id": n})["path"] != f"/api/echo/{n}"]
        for child, reader in children:
            assert reader.poll(30)
            assert reader.recv() == []
            child.join(10)
            assert child.exitcode == 0
            reader.close()
    assert wrong == []
