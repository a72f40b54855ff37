"""A command line whose requests are answered by the test; no socket is opened."""

import json

import pytest
import responses

from conductor import RetryPolicy
from conductor.cli.main import main

SERVER = "http://conductor.test/api"


class Done:
    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err

    @property
    def json(self):
        return json.loads(self.out)

    def __repr__(self):
        return f"status {self.status}\n--- out\n{self.out}\n--- err\n{self.err}"


@pytest.fixture
def http():
    """Answers requests; ``http.calls`` has those that were sent."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.get(f"{SERVER}/version", body="3.32.3")
        yield mock


@pytest.fixture
def sent(http):
    """The requests that were sent: verb and path, without those that identify the server."""
    identifying = ("/version", "/token/userInfo")

    def sent():
        pairs = [(one.request.method, one.request.url.removeprefix(SERVER)) for one in http.calls]
        return [f"{verb} {path}" for verb, path in pairs if path not in identifying]

    return sent


@pytest.fixture
def cli(http, tmp_path, monkeypatch, capsys):
    """Run a command line in a folder of the test's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CONDUCTOR_SERVER_URL", SERVER)
    monkeypatch.setenv("CONDUCTOR_PROFILES_FILE", str(tmp_path / "profiles.json"))
    monkeypatch.setattr("conductor.cli.session.RetryPolicy", lambda **_: RetryPolicy.none())  # no pauses

    def run(*words):
        capsys.readouterr()
        status = main([str(word) for word in words])
        return Done(status, *capsys.readouterr())

    return run
