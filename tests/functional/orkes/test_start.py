"""The ways to start the Orkes edition, and where a server says which edition it has."""

import os
import re
import signal
import subprocess
import sys
import textwrap

import pytest

from conductor import ConductorClient
from conductor.cli.main import main
from conductor.errors import ConfigurationError
from conductor.server import start

TEST = textwrap.dedent(
    """
    def test_edition(conductor_server, conductor_client):
        assert conductor_server.edition == "orkes"
        conductor_client.secrets.save("KEY", "value")
    """
)


@pytest.mark.parametrize("options", [[], ["--no-permissions"]])
def test_the_command_serves_the_edition(options, monkeypatch):
    command = [sys.executable, "-m", "conductor.server", "--edition", "orkes", "--port", "0", *options]
    environment = {**os.environ, "CONDUCTOR_SERVER_KEYS": "id:secret"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            ready = re.match(r"Conductor is ready at (\S+) \(embedded, Orkes edition API, ", process.stdout.readline())
            with ConductorClient(server_url=ready[1], auth_key="id", auth_secret="secret") as admin:
                key = admin.applications.create_access_key(admin.applications.create("any").id)
                with ConductorClient(server_url=ready[1], auth_key=key.id, auth_secret=key.secret) as client:
                    allowed = client.users.list if options else client.secrets.list_grantable
                    assert allowed() == []
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def test_the_command_line_passes_the_edition_on(monkeypatch):
    passed = []
    monkeypatch.setattr("conductor.cli.server.launch", lambda arguments, command: passed.append(arguments) or 0)
    assert main(["server", "start", "--edition", "orkes"]) == 0
    assert [*passed[0][-2:]] == ["--edition", "orkes"]
    monkeypatch.undo()
    assert main(["server", "start", "--edition", "steam"]) == 2


def test_pytest_fixtures_serve_the_edition_of_an_option_or_a_setting(tmp_path):
    (tmp_path / "test_it.py").write_text(TEST)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    for option, setting in ((["--conductor-edition", "orkes"], ""), ([], "conductor_edition = orkes\n")):
        (tmp_path / "pytest.ini").write_text(f"[pytest]\n{setting}")
        done = subprocess.run([*command, *option], capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stdout


def test_an_unknown_edition_is_refused():
    with pytest.raises(ConfigurationError, match="edition is 'steam'; it must be one of 'oss', 'orkes'"):
        start(edition="steam")


def test_the_page_says_which_edition_is_served(open_server):
    with ConductorClient(server_url=open_server.url) as client:
        assert client.health.get_version() == "3.32.3 (embedded, Orkes edition API)"  # the page shows it in its header


def test_strict_keeps_what_the_edition_adds():
    with start(edition="orkes", strict=True) as server, ConductorClient(server.url) as client:
        client.metadata.update_workflows(
            [
                {
                    "name": "ask",
                    "version": 1,
                    "ownerEmail": "a@b.c",
                    "tasks": [{"name": "ask", "taskReferenceName": "ask", "type": "YIELD"}],
                }
            ]
        )
        workflow_id = client.workflows.start("ask", idempotency_key="once", idempotency_strategy="RETURN_EXISTING")
        assert (
            client.workflows.start("ask", idempotency_key="once", idempotency_strategy="RETURN_EXISTING") == workflow_id
        )
        client.tasks.signal_async(workflow_id)
        assert client.workflows.get(workflow_id).status == "COMPLETED"
        client.secrets.save("KEY", "value")
        assert client.secrets.get("KEY") == "value"
