"""docs/howto/fastapi.md: its applications run under uvicorn."""

import contextlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import requests

import conductor.server
from conductor.webhook import sign_webhook

PAGE = (Path(__file__).parents[2] / "docs" / "howto" / "fastapi.md").read_text(encoding="utf-8")
LIMIT = 60.0


@pytest.fixture
def server():
    with conductor.server.start() as one:
        yield one


@pytest.fixture
def spawn(tmp_path, server):
    for name, code in re.findall(r"```python\n# (\S+\.py)\n(.*?)```", PAGE, re.DOTALL):
        (tmp_path / name).write_text(code, encoding="utf-8")
    environment = {**os.environ, "CONDUCTOR_SERVER_URL": server.url}
    with contextlib.ExitStack() as stack:

        def start(*words):
            process = stack.enter_context(
                subprocess.Popen(
                    [sys.executable, *words], cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True
                )
            )
            stack.callback(process.terminate)
            return process

        yield start


def address_of(process):
    for line in process.stderr:
        if found := re.search(r"running on (http://\S+)", line):
            return found[1]
    raise AssertionError(process.wait(LIMIT))


def test_the_application_starts_and_waits_for_workflows_in_threads(spawn):
    url = address_of(spawn("-m", "uvicorn", "shop:app", "--port", "0"))
    spawn("worker.py")

    started = requests.post(f"{url}/orders/o-1", timeout=LIMIT)
    done = requests.post(f"{url}/orders/o-2/now", timeout=LIMIT)
    order = requests.get(f"{url}/orders/{started.json()['id']}", timeout=LIMIT)
    missing = requests.get(f"{url}/orders/none", timeout=LIMIT)

    assert (started.status_code, done.json(), order.status_code) == (202, {"shipped": "o-2"}, 200)
    assert (missing.status_code, missing.json()) == (404, {"detail": "no such order"})


def test_a_webhook_with_a_wrong_signature_is_refused(spawn):
    url = address_of(spawn("-m", "uvicorn", "shop:app", "--port", "0"))
    body = b'{"ref": "main"}'
    for secret, status in (("only for development", 202), ("another secret 16b", 401)):
        headers = sign_webhook(body, secret, scheme="github")
        assert requests.post(f"{url}/hooks/github", data=body, headers=headers, timeout=LIMIT).status_code == status


def test_an_outage_of_the_server_is_a_503(spawn, server):
    url = address_of(spawn("-m", "uvicorn", "shop:app", "--port", "0"))
    server.stop()
    assert requests.get(f"{url}/orders/any", timeout=LIMIT).status_code == 503


def test_the_lifespan_runs_workers_and_stops_them_with_the_application(spawn):
    process = spawn("-m", "uvicorn", "small:app", "--port", "0")
    url = address_of(process)
    assert requests.post(f"{url}/orders/o-3/now", timeout=LIMIT).json() == {"shipped": "o-3"}
    process.terminate()
    process.communicate(timeout=LIMIT)
    assert process.returncode in {0, -15}  # uvicorn raises the signal again once it has shut down
