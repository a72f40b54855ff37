import stat

import pytest

from conductor.errors import ServerStartError
from conductor.server.oss.java import find_java, java_version


@pytest.mark.parametrize(
    ("output", "version"),
    [
        ('openjdk version "25.0.1" 2025-10-21', 25),
        ('openjdk version "21" 2023-09-19', 21),
        ('openjdk version "17.0.15" 2025-04-15\nOpenJDK Runtime', 17),
        ('java version "1.8.0_392"', 8),
        ("command not found", None),
        ("", None),
    ],
)
def test_what_java_prints_is_understood(output, version):
    assert java_version(output) == version


def fake_java(folder, version):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "java"
    path.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n")
    path.chmod(path.stat().st_mode | stat.S_IEXEC)
    return str(path)


@pytest.fixture(autouse=True)
def no_other_java(monkeypatch):
    monkeypatch.setattr("conductor.server.oss.java._FOLDERS", ())
    monkeypatch.setattr("importlib.import_module", lambda name: (_ for _ in ()).throw(ImportError(name)))


def test_the_first_java_that_is_new_enough_is_taken(tmp_path):
    old, new = fake_java(tmp_path / "home" / "bin", "17.0.1"), fake_java(tmp_path / "path", "21.0.2")
    assert find_java({"JAVA_HOME": str(tmp_path / "home"), "PATH": str(tmp_path / "path")}) == new
    assert old != new


def test_a_java_that_was_chosen_is_taken_as_it_is(tmp_path):
    chosen = fake_java(tmp_path, "17.0.1")
    assert find_java({"CONDUCTOR_JAVA": chosen, "PATH": ""}) == chosen


def test_a_chosen_java_that_does_not_run_is_an_error():
    with pytest.raises(ServerStartError, match="CONDUCTOR_JAVA"):
        find_java({"CONDUCTOR_JAVA": "/no/such/java"})


def test_without_a_java_the_error_says_what_is_there_and_what_to_install(tmp_path):
    fake_java(tmp_path, "17.0.1")
    with pytest.raises(ServerStartError, match="is 17.*pip install 'conductor-sdk\\[oss\\]'"):
        find_java({"PATH": str(tmp_path)})
