"""docs/howto/flask.md: its app is run with its own command."""

import importlib.util
import re
import sys
import threading
from pathlib import Path

import pytest

from conductor.webhook import sign_webhook
from conductor.worker.worker import default_registry

PAGE = Path(__file__).parents[3] / "docs" / "howto" / "flask.md"


@pytest.fixture
def shop(tmp_path, server, monkeypatch):
    (code,) = re.findall(r"```python\n# shop.py\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "shop.py").write_text(code)
    monkeypatch.setenv("CONDUCTOR_SERVER_URL", server.url)
    before = dict(default_registry._workers)
    spec = importlib.util.spec_from_file_location("flask_howto_shop", tmp_path / "shop.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "flask_howto_shop", module)
    spec.loader.exec_module(module)
    yield module.create_app().test_client()
    default_registry._workers.clear()
    default_registry._workers.update(before)


def working_on(process):
    deadline = threading.Timer(30, process.kill)
    deadline.start()
    try:
        return process.stdout.readline()
    finally:
        deadline.cancel()


def test_an_order_is_shipped_by_the_command_on_the_page(shop, spawn, client, define):
    define("ship", "ship_order")

    started = shop.post("/orders", json={"number": "o-1"}).get_json()["id"]
    worker = spawn("flask", "--app", "shop", "conductor", "worker", FLASK_CARRIER="rail")
    assert working_on(worker) == "Running workers for ship_order\n"

    run = client.workflows.wait(started, timeout=20)
    assert run.correlation_id == "o-1"
    assert run.tasks[0].output_data == {"shipped": "o-1", "by": "rail"}


def test_a_genuine_webhook_starts_a_workflow_and_another_does_not(shop, client, define):
    define("on_push", "ship_order")
    body = b'{"ref": "main"}'
    signed = sign_webhook(body, "only for development", scheme="github")

    good = shop.post("/hooks/github", data=body, headers={**signed, "Content-Type": "application/json"})
    bad = shop.post("/hooks/github", data=body, headers={"X-Hub-Signature-256": "sha256=0"})

    assert (good.status_code, bad.status_code) == (202, 401)
    (run_id,) = client.workflows.list_running_ids("on_push")
    assert client.workflows.get(run_id).input == {"payload": {"ref": "main"}}
