import json
import os
import signal
import socket
import subprocess
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest

from conductor.errors import ConfigurationError, ServerStartError


def health(server):
    with urllib.request.urlopen(f"{server.address}/health", timeout=5) as answer:
        return json.load(answer)


def test_a_started_server_is_healthy_and_has_an_address(start):
    server = start()
    assert health(server) == {"healthy": True}
    assert server.url == f"http://127.0.0.1:{server.port}/api"
    assert server.is_running
    assert "fake server starts" in server.log_path.read_text()


def test_starting_waits_for_health(start):
    assert health(start(mode="slow")) == {"healthy": True}


def test_a_stop_frees_process_and_port_and_removes_the_temporary_folder(start, is_alive, is_free):
    server = start()
    server.stop()
    server.stop()
    assert not is_alive(server.pid)
    assert is_free(server.port)
    assert not server.directory.exists()


def test_the_end_of_a_with_block_stops_the_server(start, is_alive):
    with start() as server:
        assert is_alive(server.pid)
    assert not is_alive(server.pid)


def test_a_given_directory_is_kept_and_its_log_is_appended(start, tmp_path):
    directory = tmp_path / "new" / "folder"
    for _ in range(2):
        start(directory=directory).stop()
    assert (directory / "c123.db").read_text() == "data"
    assert (directory / "server.log").read_text().count("fake server starts") == 2


def test_a_server_that_ignores_sigterm_is_killed(start, is_alive, is_free):
    server = start(mode="stubborn", stop_timeout=0.2)
    server.stop()
    assert not is_alive(server.pid)
    assert is_free(server.port)


def test_a_server_that_exits_early_is_an_error_with_its_last_lines(start, own_temporary_folder):
    with pytest.raises(ServerStartError, match=r"exit status 7.*\n.*\n  it went wrong: the reason$") as caught:
        start(mode="exits")
    assert [str(path) for path in own_temporary_folder.iterdir()] == [caught.value.log_path]
    assert caught.value.log_path in str(caught.value)


def test_the_last_lines_belong_to_this_run(start, tmp_path):
    (tmp_path / "server.log").write_text("Port 1 was already in use, long ago\n")
    with pytest.raises(ServerStartError, match="exit status 7") as caught:
        start(directory=tmp_path, mode="exits")
    assert "long ago" not in str(caught.value)


def test_a_failed_start_is_an_error_even_if_the_process_continues(start):
    with pytest.raises(ServerStartError, match=r"(?s)The server failed to start.*no such database"):
        start(mode="gives-up")


def test_a_server_that_never_becomes_healthy_is_stopped_at_the_deadline(start, is_free, tmp_path):
    with pytest.raises(ServerStartError, match=r"not healthy within 1 s, and was stopped\. Its log is .*server\.log"):
        start(mode="never", ready_timeout=1, directory=tmp_path)


def test_a_port_in_use_is_refused_before_anything_starts(start, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ServerStartError, match=rf"^Port {port} cannot be used: another process listens on it\."):
            start(port, tmp_path / "directory")
    assert not (tmp_path / "directory").exists()


def test_a_port_in_use_on_all_addresses_is_refused(start):
    with socket.create_server(("", 0)) as other, pytest.raises(ServerStartError, match="cannot be used"):
        start(other.getsockname()[1])


@pytest.mark.parametrize("mode", ["port-taken", "stranger"])
def test_the_error_names_a_port_taken_during_the_start(start, mode, is_free):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with pytest.raises(ServerStartError, match=f"Port {port} cannot be used: another process took it"):
        start(port, mode=mode)
    assert is_free(port)


def test_a_taken_free_port_is_replaced_by_another(start, tmp_path):
    server = start(mode="port-taken-once", properties={"fake.seen": str(tmp_path / "seen")})
    assert health(server) == {"healthy": True}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"port": 70000}, "port is 70000; allowed: 0 to 65535"),
        ({"heap": "lots"}, "heap is 'lots'; allowed: a size"),
        ({"ready_timeout": 0}, "ready_timeout is 0; allowed: a number of seconds"),
        ({"properties": {"server.port": "1"}}, "'server.port'; allowed: the argument port"),
        ({"directory": "/dev/null/x"}, "directory /dev/null/x cannot be used"),
    ],
)
def test_the_error_names_an_invalid_argument(start, options, words):
    with pytest.raises(ConfigurationError) as caught:
        start(**options)
    assert words in str(caught.value)


def test_the_proxy_of_the_environment_is_not_used(start, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert start().is_running


def test_several_servers_start_at_the_same_time(start):
    with ThreadPoolExecutor(4) as threads:
        servers = list(threads.map(lambda _: start(), range(4)))
    assert len({server.port for server in servers}) == 4
    assert all(server.is_running for server in servers)


def test_a_forked_child_cannot_stop_the_server(start):
    server = start()
    child = os.fork()
    if child == 0:
        server.stop()
        os._exit(0)
    os.waitpid(child, 0)
    assert health(server) == {"healthy": True}


def test_wait_returns_the_exit_status_of_an_ended_server(start):
    server = start()
    os.kill(server.pid, signal.SIGKILL)
    assert server.wait(10) == 128 + signal.SIGKILL
    assert not server.is_running


def test_a_killed_guard_leaves_no_server_behind(start, is_alive, is_free):
    server = start()
    os.kill(server._guard.pid, signal.SIGKILL)
    server.stop()
    assert not is_alive(server.pid)
    assert is_free(server.port)


def test_waiting_has_a_limit(start):
    with pytest.raises(subprocess.TimeoutExpired):
        start().wait(0.05)
