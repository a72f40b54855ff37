"""A clean environment for every test, without settings of the developer's machine; and open-source servers."""

import os
import signal
import tempfile
import time

import pytest

ON_THE_REAL_SERVER = ("tests/e2e/", "tests/conformance/")


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
            assert time.monotonic() < deadline, f"{what} was not met within {timeout} s"
            time.sleep(0.01)
        return value

    return wait


@pytest.fixture(scope="session")
def server_url():
    """Return the URL of an open-source server: a running one (CONDUCTOR_TEST_SERVER_URL), or one started here.

    If no server is available, the tests fail in CI and are skipped elsewhere.
    """
    if given := os.environ.get("CONDUCTOR_TEST_SERVER_URL"):
        yield given
        return
    from conductor.errors import ConductorError
    from conductor.server.oss import start_oss_server

    try:
        server = start_oss_server()
    except ConductorError as error:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"the open-source server is not available: {error}")
    try:
        yield server.url
    finally:
        server.stop()


@pytest.fixture(scope="session")
def full_server_url():
    """Return the URL of an open-source server with everything that is off by default.

    That is file storage, message queues, repair, secrets and an environment. It is a running server
    (CONDUCTOR_TEST_FULL_SERVER_URL), or one started here.
    """
    if given := os.environ.get("CONDUCTOR_TEST_FULL_SERVER_URL"):
        yield given
        return
    properties = {
        "conductor.workflow-message-queue.enabled": True,
        "conductor.workflow-repair-service.enabled": True,
        "conductor.file-storage.enabled": True,
        "conductor.file-storage.type": "conductor",
    }
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setenv("CONDUCTOR_SECRET_API_KEY", "s3cret")
        patch.setenv("CONDUCTOR_ENV_REGION", "eu-1")
        from conductor.errors import ConductorError
        from conductor.server.oss import start_oss_server

        files = {"conductor.file-storage.conductor.directory": folder}
        try:
            server = start_oss_server(properties={**properties, **files}, ready_timeout=300)
        except ConductorError as error:
            (pytest.fail if os.environ.get("CI") else pytest.skip)(f"the open-source server is not available: {error}")
        with server:
            yield server.url


def pytest_configure():
    """Handle Ctrl-C as usual even if the tests run in the background: child processes inherit ignored signals."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """With `-n`: the tests on the open-source server share one process and server; any other file has one process."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            path = nodeid.partition("::")[0]
            return "the real server" if path.startswith(ON_THE_REAL_SERVER) else path

    return ByFile(config, log)
