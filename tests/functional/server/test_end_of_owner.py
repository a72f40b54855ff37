"""Whatever happens to the process that started the server: its server, port and temporary folder go with it."""

import signal
from pathlib import Path

import pytest

SCRIPT = """
import signal
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # nohup ignores it, and children inherit that
import os, sys, time
from conductor.server import start_oss_server
server = start_oss_server(java={java!r}, jar={jar!r}, ready_timeout=20)
print(server.pid, server.port, server.directory, flush=True)
{then}
"""

WAIT = "time.sleep(60)"
FORK = """
if os.fork() == 0:  # holds the pipe to the guard
    os.close(1); os.close(2)
    time.sleep(30)
print("forked", flush=True)
time.sleep(60)
"""


@pytest.fixture
def owner(spawn, fake_java, fake_jar):
    def start_owner(then):
        process = spawn("-c", SCRIPT.format(java=fake_java, jar=fake_jar, then=then))
        pid, port, directory = process.stdout.readline().split()
        return process, int(pid), int(port), directory

    return start_owner


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_that_ends_the_owner_ends_the_server(owner, number, becomes, is_alive, is_free):
    process, pid, port, directory = owner(WAIT)
    process.send_signal(number)
    becomes(lambda: not is_alive(pid), "the server ends")
    becomes(lambda: is_free(port), "its port is free")
    becomes(lambda: not Path(directory).exists(), "its folder is removed")


def test_a_crash_ends_the_server_despite_a_forked_child(owner, becomes, is_alive):
    process, pid, _port, _directory = owner(FORK)
    assert process.stdout.readline() == "forked\n"
    process.kill()
    becomes(lambda: not is_alive(pid), "the server ends")


@pytest.mark.parametrize(
    ("then", "status"), [("", 0), ("raise SystemExit(4)", 4), ("1 / 0", 1), ("os._exit(5)", 5), ("os.abort()", -6)]
)
def test_the_end_of_the_owner_ends_the_server(owner, then, status, becomes, is_alive):
    process, pid, _port, _directory = owner(then)
    assert process.wait(20) == status
    becomes(lambda: not is_alive(pid), "the server ends")
