"""Health over HTTP, the heartbeat file, and the watchdog that starts again what died."""

import json
import logging
import os
import socket
import threading
import urllib.error
import urllib.request

import pytest

from conductor import ConfigurationError, Settings, TaskHandler, Worker
from conductor.worker import poller, pool
from conductor.worker.watchdog import ProbeOptions


@pytest.fixture
def make(stub):
    handlers = []

    def make(*workers, **options):
        handler = TaskHandler(Settings(server_url=stub.url, connect_timeout_ms=1000), workers=workers, **options)
        handlers.append(handler)
        return handler

    yield make
    stub.end_polls()
    for handler in handlers:
        handler.stop(grace_seconds=5)


def get(handler, path, host="127.0.0.1"):
    try:
        with urllib.request.urlopen(f"http://{host}:{handler.health_port}{path}", timeout=5) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_probes_say_alive_and_ready_with_the_whole_health_as_json(stub, make, wait_until):
    handler = make(Worker(lambda: None, "work"), health_port=0).start()
    wait_until(lambda: get(handler, "/readyz")[0] == 200)
    status, body = get(handler, "/livez")
    health = json.loads(body)
    assert (status, health["is_live"], health["is_ready"], health["token"]) == (200, True, True, "none")
    assert health["workers"][0]["task_type"] == "work"
    assert get(handler, "/nothing")[0] == 404


def test_metrics_are_served_as_text(stub, make, wait_until):
    stub.add("work", "work-1")
    handler = make(Worker(lambda: None, "work"), health_port=0).start()
    wait_until(lambda: 'task_update_time_seconds_count{taskType="work"' in get(handler, "/metrics")[1])
    assert 'task_execution_started_total{taskType="work"} 1\n' in get(handler, "/metrics")[1]


def test_a_server_that_is_away_makes_it_unready_and_not_dead(stub, make, wait_until):
    handler = make(Worker(lambda: None, "work"), health_port=0).start()
    wait_until(lambda: get(handler, "/readyz")[0] == 200)
    stub.stop()
    wait_until(lambda: get(handler, "/readyz")[0] == 503)
    assert get(handler, "/livez")[0] == 200
    assert json.loads(get(handler, "/readyz")[1])["workers"][0]["failed_polls"] >= 1
    stub.restart()
    wait_until(lambda: get(handler, "/readyz")[0] == 200)


def test_while_it_drains_a_handler_is_live_and_not_ready(stub, make, wait_until):
    release = threading.Event()
    stub.add("work", "work-1")
    handler = make(Worker(lambda: release.wait(10), "work"), health_port=0).start()
    wait_until(lambda: handler.health().workers[0].oldest_running > 0)
    stopping = threading.Thread(target=handler.stop)
    stopping.start()
    wait_until(lambda: get(handler, "/readyz")[0] == 503)
    assert get(handler, "/livez")[0] == 200
    release.set()
    stopping.join(10)
    assert handler.health_port is None or not handler.health().is_live


def test_the_port_is_free_again_after_a_stop(stub, make):
    handler = make(Worker(lambda: None, "work"), health_port=0).start()
    port = handler.health_port
    handler.stop()
    assert not [t.name for t in threading.enumerate() if t.name in {"health", "watchdog"}]
    with socket.socket() as free:
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        free.bind(("127.0.0.1", port))


def test_a_taken_port_is_a_configuration_error_and_leaves_nothing_running(stub, make):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        handler = make(Worker(lambda: None, "work"), health_port=taken.getsockname()[1])
        with pytest.raises(ConfigurationError, match="health port"):
            handler.start()
    assert not [t.name for t in threading.enumerate() if t.name.startswith(("poll:", "run:", "outbox", "lease"))]
    assert not handler.is_polling


def test_probes_come_from_the_environment_and_arguments_win():
    environ = {
        "CONDUCTOR_HEALTH_PORT": "8000",
        "CONDUCTOR_HEALTH_HOST": "0.0.0.0",
        "CONDUCTOR_HEARTBEAT_FILE": "/tmp/alive",
    }
    assert ProbeOptions.resolve(None, None, None, environ) == ProbeOptions(8000, "0.0.0.0", "/tmp/alive")
    assert ProbeOptions.resolve(0, "::1", "/x", environ) == ProbeOptions(0, "::1", "/x")
    assert ProbeOptions.resolve(None, None, None, {}) == ProbeOptions(None, "127.0.0.1", None)
    with pytest.raises(ConfigurationError, match="CONDUCTOR_HEALTH_PORT"):
        ProbeOptions.resolve(None, None, None, {"CONDUCTOR_HEALTH_PORT": "eighty"})
    with pytest.raises(ConfigurationError, match="health_port"):
        ProbeOptions.resolve(65536, None, None, {})


def test_a_heartbeat_file_that_no_probe_would_see_is_refused(make, monkeypatch, tmp_path):
    for wrong in (tmp_path / "missing" / "beat", tmp_path):
        with pytest.raises(ConfigurationError, match=r"heartbeat_file is .* in a folder that is there"):
            make(Worker(lambda: None, "work"), heartbeat_file=wrong).start()
    monkeypatch.setenv("CONDUCTOR_HEARTBEAT_FILE", str(tmp_path / "missing" / "beat"))
    with pytest.raises(ConfigurationError, match="CONDUCTOR_HEARTBEAT_FILE is "):
        make(Worker(lambda: None, "work")).start()


def test_the_heartbeat_file_exists_until_the_handler_stops(stub, make, wait_until, tmp_path):
    file = tmp_path / "alive"
    handler = make(Worker(lambda: None, "work"), heartbeat_file=file).start()
    wait_until(file.exists)
    os.utime(file, (1, 1))
    wait_until(lambda: file.stat().st_mtime > 1)
    handler.stop()
    assert not file.exists()


class BrokenLogger:
    """A module's logger whose first calls raise: few other exceptions can end a thread."""

    def __init__(self, monkeypatch, module, calls):
        self.logger, self.calls = module.logger, calls
        monkeypatch.setattr(module, "logger", self)

    def __getattr__(self, name):
        if self.calls:
            self.calls -= 1
            raise RuntimeError("a broken logger")
        return getattr(self.logger, name)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_poller_that_dies_is_started_again_and_reported(stub, make, wait_until, caplog, monkeypatch):
    BrokenLogger(monkeypatch, poller, calls=2)
    stub.add("work", "work-1", "work-2")
    asked = []

    def should_poll():
        asked.append(1)
        if len(asked) == 1:
            raise SystemExit
        return True

    handler = make(Worker(lambda: None, "work", should_poll=should_poll)).start()
    wait_until(lambda: len(stub.done()) == 2)
    assert handler.health().workers[0].restarts >= 1
    assert handler.health().is_live
    assert "was restarted" in caplog.text


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_runs_tasks_and_dies_is_replaced(stub, make, wait_until, monkeypatch):
    BrokenLogger(monkeypatch, pool, calls=1)
    handler = make(Worker(lambda: None, "work")).start()
    runtime = handler._group.runtimes[0]
    run, failed = runtime.execution.run, []

    def fail_once(raw):
        if not failed:
            failed.append(raw)
            raise RuntimeError("outside of any task")
        return run(raw)

    runtime.pool._run = fail_once
    stub.add("work", "work-1")
    wait_until(lambda: failed)
    stub.add("work", "work-2")
    wait_until(lambda: "work-2" in stub.done())


def test_a_broken_logging_filter_loses_no_result(stub, make, wait_until):
    def fail():
        raise ValueError("no")

    broken = []

    def break_once(record):
        if not broken:
            broken.append(record)
            raise RuntimeError("a broken filter")
        return True

    logger = logging.getLogger("conductor.worker.execution")
    logger.addFilter(break_once)
    stub.add("work", "work-1")
    try:
        make(Worker(fail, "work")).start()
        wait_until(lambda: stub.statuses() == {"work-1": ["FAILED"]})
    finally:
        logger.removeFilter(break_once)


def test_a_task_that_outlives_its_response_timeout_is_reported_once(stub, make, wait_until, caplog):
    release = threading.Event()
    stub.add("work", "work-1", responseTimeoutSeconds=1)
    handler = make(Worker(lambda: release.wait(10), "work")).start()
    wait_until(lambda: "longer than its response timeout" in caplog.text)
    handler._group.runtimes[0].look_after()
    release.set()
    assert caplog.text.count("longer than its response timeout") == 1
    assert "work-1" in caplog.text


def test_a_stuck_poller_is_reported_once_and_makes_the_handler_not_live(stub, make, wait_until, caplog, monkeypatch):
    monkeypatch.setattr("conductor.worker.poller._STUCK_AFTER", 0.5)
    release = threading.Event()
    handler = make(Worker(lambda: None, "work", should_poll=lambda: release.wait(20))).start()
    wait_until(lambda: not handler.health().is_live)
    assert handler.health().workers[0].state == "stuck"
    wait_until(lambda: "has been blocked" in caplog.text)
    release.set()
    wait_until(lambda: handler.health().is_ready)
    assert caplog.text.count("has been blocked") == 1
