"""Clients and handlers that were made, and used, before a fork: by gunicorn --preload and by multiprocessing."""

import itertools
import json
import multiprocessing
import os
import subprocess
import sys
import threading
import urllib.request
import warnings

import pytest

from conductor import ConductorClient
from conductor.transport.operation import Operation

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")

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
handler.start()  # in the master; each child starts its own

def app(environ, start_response):
    said = client.transport.request(ECHO, {"id": environ["PATH_INFO"].strip("/")})
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({"path": said["path"], "pid": os.getpid()}).encode()]
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
def gunicorn(stub, tmp_path):
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "gunicorn.conf.py").write_text(CONFIG)
    process = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "app:app"],
        cwd=tmp_path,
        env={**os.environ, "CONDUCTOR_SERVER_URL": stub.url, "PYTHONWARNINGS": "ignore"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    yield process
    if process.poll() is None:
        process.kill()
    process.communicate()


def address(process):
    deadline = threading.Timer(20, process.kill)
    deadline.start()
    try:
        for line in process.stdout:
            if "Listening at: " in line:
                return line.partition("Listening at: ")[2].split()[0]
    finally:
        deadline.cancel()
    raise AssertionError("gunicorn does not listen")


def test_with_gunicorn_preload_no_answer_crosses_and_each_worker_runs_tasks(stub, gunicorn, wait_until):
    url = address(gunicorn)
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
    assert len(answers) == 120
    assert [asked for asked, said in answers if said["path"] != asked] == []
    numbers = itertools.count()

    def ran_in():
        stub.add("work", f"work-{next(numbers)}")
        with stub.lock:
            return {updates[0]["outputData"]["pid"] for updates in stub.results.values()}

    wait_until(
        lambda: len(ran_in()) == 4, timeout=20, what="work in the master, whose threads go on, and in 3 children"
    )
    added = next(numbers)
    wait_until(lambda: len(stub.done()) == added)
    assert all(len(updates) == 1 for updates in stub.results.values())
    gunicorn.terminate()
    out, _ = gunicorn.communicate(timeout=8)  # less than gunicorn waits for a child that hangs
    assert gunicorn.returncode == 0, out
    assert "Traceback" not in out


def _ask_in_child(client, writer):
    wrong = [
        n for n in range(200) if client.transport.request(ECHO, {"id": f"child-{n}"})["path"] != f"/api/echo/child-{n}"
    ]
    writer.send(wrong)


def test_with_multiprocessing_no_answer_crosses_between_parent_and_children(stub):
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
