"""A clean environment for every test: no setting of the developer's machine gets in."""

import os
import time

import pytest


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch):
    for name in list(os.environ):
        if name.startswith(("CONDUCTOR_", "conductor.")) and not name.startswith("CONDUCTOR_TEST_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("NO_PROXY", "*")


@pytest.fixture
def wait_until():
    def wait(condition, timeout=10.0, what="the condition"):
        deadline = time.monotonic() + timeout
        while not (value := condition()):
            assert time.monotonic() < deadline, f"{what} did not come about within {timeout} s"
            time.sleep(0.01)
        return value

    return wait
