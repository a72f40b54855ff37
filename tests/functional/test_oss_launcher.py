"""The launcher, with a small Python program in the place of Java."""

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
import urllib.request

import pytest

from conductor.errors import ServerStartError
from conductor.server.oss.launch import start_oss_server

FAKE = """#!{python}
import json, os, signal, sys, time
from http.server import BaseHTTPRequestHandler, HTTPServer
if sys.argv[1:] == ["-version"]:
    sys.stderr.write('openjdk version "21.0.1"')
    sys.exit()
port = int(next(a for a in sys.argv if a.startswith("--server.port=")).split("=")[1])
print("starting on", port, sys.argv, flush=True)
{behaviour}
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({{"healthy": HEALTHY}}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
HTTPServer.allow_reuse_address = True
HTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""


@pytest.fixture
def java(tmp_path):
    def make(behaviour="HEALTHY = True"):
        path = tmp_path / "java"
        path.write_text(FAKE.format(python=sys.executable, behaviour=textwrap.dedent(behaviour)))
        path.chmod(0o755)
        return str(path)

    return make


@pytest.fixture
def jar(tmp_path):
    path = tmp_path / "server.jar"
    path.write_text("")
    return path


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return probe.connect_ex(("127.0.0.1", port)) != 0


def test_it_returns_when_the_server_is_healthy_and_frees_port_and_process(java, jar):
    with start_oss_server(java=java(), jar=jar, properties={"some.thing": "x"}) as server:
        assert is_alive(server.pid)
        with urllib.request.urlopen(server.url.removesuffix("/api") + "/health", timeout=5) as answer:
            assert b"true" in answer.read()
        assert "--some.thing=x" in server.log_path.read_text()
        home = server.directory
    assert not is_alive(server.pid)
    assert is_free(server.port)
    assert not home.exists()
    server.stop()


def test_a_folder_that_is_named_is_kept(java, jar, tmp_path):
    with start_oss_server(java=java(), jar=jar, directory=tmp_path / "data"):
        pass
    assert "starting on" in (tmp_path / "data" / "server.log").read_text()


def test_a_port_in_use_is_an_error_before_java_is_started(java, jar):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ServerStartError, match=f"Port {port} cannot be used"):
            start_oss_server(port, java=java(), jar=jar)


def test_a_server_that_ends_while_starting_is_told_with_the_last_lines_of_its_log(java, jar):
    with pytest.raises(ServerStartError, match="status 7.*\n.*starting on(.|\n)*out of luck") as caught:
        start_oss_server(java=java("print('out of luck', flush=True); sys.exit(7)"), jar=jar)
    assert caught.value.log_path.endswith("server.log")


def test_a_server_that_never_gets_healthy_is_stopped_at_the_deadline(java, jar):
    began = time.monotonic()
    with pytest.raises(ServerStartError, match="not healthy within 1 s"):
        start_oss_server(java=java("HEALTHY = False"), jar=jar, ready_timeout=1)
    assert time.monotonic() - began < 8


LAUNCH = """
import sys, time
from conductor.server import start_oss_server
server = start_oss_server(java=sys.argv[1], jar=sys.argv[2])
print(server.pid, server.port, flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_crash_or_an_interrupt_of_ours_leaves_no_server_behind(java, jar, wait_until, number):
    process = subprocess.Popen(
        [sys.executable, "-c", LAUNCH, java(), str(jar)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    pid, port = map(int, process.stdout.readline().split())
    assert is_alive(pid)
    process.send_signal(number)
    process.communicate(timeout=15)
    wait_until(lambda: not is_alive(pid) and is_free(port), timeout=15, what="the server's end")


def run_module(java, *words):
    return subprocess.Popen(
        [sys.executable, "-m", "conductor.server", *words],
        env={**os.environ, "CONDUCTOR_JAVA": java, "CONDUCTOR_CACHE_DIR": "/nonexistent"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("words", [["--engine", "other"], ["--port", "x"], ["--nonsense"]])
def test_the_command_refuses_wrong_usage_with_2(java, words):
    process = run_module(java(), *words)
    _, err = process.communicate(timeout=15)
    assert process.returncode == 2
    assert "usage" in err


def test_the_command_tells_a_port_in_use_in_one_line_with_3(java):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        process = run_module(java(), "--port", str(taken.getsockname()[1]))
        _, err = process.communicate(timeout=15)
    assert process.returncode == 3
    assert len(err.strip().splitlines()) == 1
    assert "Traceback" not in err


def test_help_names_the_exit_statuses(java):
    process = run_module(java(), "--help")
    out, _ = process.communicate(timeout=15)
    assert process.returncode == 0
    assert "--engine" in out
    assert "Exit status" in out
