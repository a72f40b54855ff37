"""The script that finds the other interpreters: tried on folders with programs that only claim to be Python."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "tools" / "pythons.py"
spec = importlib.util.spec_from_file_location("pythons", SCRIPT)
pythons = importlib.util.module_from_spec(spec)
spec.loader.exec_module(pythons)

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the fake interpreters are shell scripts")


def fake(path, *lines, status=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(["#!/bin/sh", *(f"echo '{line}'" for line in lines), f"exit {status}"]))
    path.chmod(0o755)
    return path


def test_the_first_interpreter_that_works_is_found_for_each_version(tmp_path):
    shims, pyenv = tmp_path / "shims", tmp_path / "pyenv"
    fake(shims / "python3.10", status=127)  # a shim of a version that is not selected
    fake(shims / "python3.11", "3.11", "/usr/bin/python3.11")
    fake(shims / "python3.12", "3.11", "/usr/bin/python3.11")  # a wrong link
    (shims / "python3.13").write_text("not executable")
    fake(pyenv / "versions/3.10.13/bin/python3.10", "3.10", "/pyenv/3.10")
    fake(pyenv / "versions/3.11.7/bin/python3.11", "3.11", "/pyenv/3.11")
    fake(pyenv / "versions/3.1.1/bin/python3.1", "3.1", "/pyenv/3.1")

    found = pythons.find(["3.10", "3.11", "3.12", "3.13", "3.14"], ["", str(tmp_path / "none"), str(shims)], pyenv)

    assert found == {"3.10": "/pyenv/3.10", "3.11": "/usr/bin/python3.11"}


def test_an_interpreter_without_what_the_tests_import_does_not_count(tmp_path, monkeypatch):
    monkeypatch.setattr(pythons, "PROBE", "import no_such_module")
    assert pythons.probe(Path(sys.executable)) is None


def test_the_interpreter_that_runs_the_tests_answers():
    version, path = pythons.probe(Path(sys.executable))
    assert version == "{}.{}".format(*sys.version_info[:2])
    assert Path(path).is_file()


def test_versions_are_those_of_the_classifiers():
    found = pythons.supported((ROOT / "setup.cfg").read_text(encoding="utf-8"))
    assert found[0] == "3.10"
    assert found == [f"3.{minor}" for minor in range(10, 10 + len(found))]


def test_fewer_than_asked_for_fail_and_the_missing_versions_are_named(tmp_path):
    shims = tmp_path / "shims"
    fake(shims / "python3.12", "3.12", "/usr/bin/python3.12")
    environment = {"PATH": str(shims), "PYENV_ROOT": str(tmp_path)}
    command = [sys.executable, str(SCRIPT), "--at-least"]

    one = subprocess.run([*command, "1"], capture_output=True, text=True, env=environment, timeout=60)
    three = subprocess.run([*command, "3"], capture_output=True, text=True, env=environment, timeout=60)

    assert (one.returncode, one.stdout) == (0, "3.12 /usr/bin/python3.12\n")
    assert three.returncode == 1
    assert "found 1 of the 3 Pythons that are needed; not found: 3.10, 3.11, 3.13, 3.14" in three.stderr
