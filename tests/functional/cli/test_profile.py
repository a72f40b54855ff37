"""`conductor profile` and `--profile`."""

import json
import os
import stat
import sys

import pytest

from conductor.server import start


@pytest.fixture
def file(tmp_path, monkeypatch):
    path = tmp_path / "settings" / "profiles.json"
    monkeypatch.setenv("CONDUCTOR_PROFILES_FILE", str(path))
    return path


def test_a_profile_is_added_used_as_default_and_removed(here, file, server, monkeypatch):
    assert here("profile", "add", "local", "--server", server.url, "--default").status == 0
    assert here("profile", "list", "-o", "json").json == [
        {"name": "local", "server": server.url, "key": None, "secret": None, "default": True}
    ]
    monkeypatch.setenv("CONDUCTOR_SERVER_URL", "http://127.0.0.1:9")
    assert here("--profile", "local", "workflow", "list").status == 0
    monkeypatch.setenv("CONDUCTOR_PROFILE", "local")
    assert here("workflow", "list").status == 0
    monkeypatch.delenv("CONDUCTOR_PROFILE")
    monkeypatch.delenv("CONDUCTOR_SERVER_URL")
    assert here("workflow", "list").status == 0  # the default profile
    assert here("profile", "remove", "local").status == 0
    assert here("--profile", "local", "workflow", "list").status == 2


def test_the_secret_is_private_and_never_shown(cli, file, tmp_path, monkeypatch):
    with start(keys={"my-key": "s3cret-value"}) as guarded:
        words = ["profile", "add", "prod", "--server", guarded.url, "--key", "my-key"]
        import subprocess

        done = subprocess.run(
            [sys.executable, "-m", "conductor", *words],
            input="s3cret-value\n",
            capture_output=True,
            text=True,
            env={**os.environ},
            timeout=60,
            check=False,
        )
        assert (done.returncode, "s3cret" in done.stdout + done.stderr) == (0, False), done
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        listed = cli("profile", "list")
        assert "my-key" in listed.out
        assert "s3cret" not in listed.out
        assert cli("--profile", "prod", "workflow", "list").status == 0


def test_a_secret_is_read_from_the_named_variable(here, file, monkeypatch):
    with start(keys={"my-key": "s3cret-value"}) as guarded:
        words = ("profile", "add", "prod", "--server", guarded.url, "--key", "my-key", "--secret-env", "PROD_SECRET")
        assert here(*words).status == 0
        assert "s3cret" not in file.read_text()
        missing = here("--profile", "prod", "workflow", "list")
        assert (missing.status, "PROD_SECRET, which is not set" in missing.err) == (2, True)
        monkeypatch.setenv("PROD_SECRET", "s3cret-value")
        assert here("--profile", "prod", "workflow", "list").status == 0


def test_a_profile_does_not_take_the_key_of_the_environment(here, file, server, monkeypatch):
    here("profile", "add", "open", "--server", server.url)
    monkeypatch.setenv("CONDUCTOR_AUTH_KEY", "other")
    monkeypatch.setenv("CONDUCTOR_AUTH_SECRET", "other-secret")

    assert "key" not in here("--profile", "open", "whoami", "-o", "json").json


def test_mistakes_are_status_2_and_a_message(here, file):
    cases = {
        ("profile", "add", "x"): "--server is required: conductor profile add x --server URL",
        ("profile", "add", "x", "--server", "ftp://y"): "ftp",
        ("profile", "add", "x", "--server", "http://y", "--secret-env", "A"): "--secret-env needs --key",
        ("profile", "use", "nope"): "Profile 'nope' does not exist. Add it: conductor profile add nope --server URL",
        ("--profile", "nope", "workflow", "list"): "Profile 'nope' does not exist",
    }
    for words, message in cases.items():
        done = here(*words)
        assert (done.status, message in done.err) == (2, True), (words, done)
    here("profile", "add", "x", "--server", "http://y")
    again = here("profile", "add", "x", "--server", "http://z")
    assert (again.status, "--overwrite" in again.err) == (2, True)


def test_a_damaged_file_is_named(here, file):
    file.parent.mkdir()
    for text in ("{", "[]", json.dumps({"profiles": {"x": {"nope": 1}}})):
        file.write_text(text)
        done = here("profile", "list")
        assert (done.status, str(file) in done.err, "Traceback" in done.err) == (2, True, False), text
