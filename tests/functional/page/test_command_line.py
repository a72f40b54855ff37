import re
import signal
import subprocess
import sys
import urllib.request

import pytest

COMMAND = [sys.executable, "-m", "conductor.server", "ui", "--port", "0"]


@pytest.fixture
def run():
    started = []

    def start(*words, **environment):
        process = subprocess.Popen(
            [*COMMAND, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={"PATH": "", **environment},
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_prints_the_address_and_exits_with_status_0(run, api, number):
    process = run("--server", api.url)
    found = re.fullmatch(
        rf"The page of {re.escape(api.url)} is at (http://127\.0\.0\.1:\d+/); Ctrl-C stops it\n",
        process.stdout.readline(),
    )
    assert found
    with urllib.request.urlopen(found[1] + "api/version", timeout=10) as answer:
        assert answer.read() == b"3.32.3"
    process.send_signal(number)
    assert process.communicate(timeout=20) == ("", "")
    assert process.returncode == 0


def test_the_default_server_is_that_of_the_environment(run, api):
    process = run(CONDUCTOR_SERVER_URL=api.url)

    assert process.stdout.readline().startswith(f"The page of {api.url} is at ")


@pytest.mark.parametrize(
    ("words", "environment", "text"),
    [
        (["--host", "0.0.0.0"], {}, "without a key"),
        (["--server", "ftp://x"], {}, "ftp://x"),
        ([], {"CONDUCTOR_AUTH_KEY": "half"}, "CONDUCTOR_AUTH_SECRET"),
        (["--nope"], {}, "--nope"),
    ],
)
def test_wrong_usage_exits_with_status_2_and_a_message(run, words, environment, text):
    process = run(*words, **environment)
    _, err = process.communicate(timeout=20)

    assert process.returncode == 2
    assert text in err
    assert "Traceback" not in err


def test_a_port_in_use_exits_with_status_3(run, page):
    port = page.url.rstrip("/").rpartition(":")[2]
    process = run("--port", port)
    _, err = process.communicate(timeout=20)

    assert (process.returncode, f"Port {port} cannot be used" in err) == (3, True)
