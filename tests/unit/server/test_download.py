import io

import pytest

from conductor.errors import ServerStartError
from conductor.server.oss import download
from conductor.server.oss.download import Progress, cache_folder, get_jar, sha256_of


@pytest.fixture
def cache(tmp_path, monkeypatch):
    good = tmp_path / "good"
    good.write_bytes(b"the jar")
    monkeypatch.setattr(download, "_SHA256", {"9.9": sha256_of(good)})
    return tmp_path / "cache"


@pytest.fixture
def fetched():
    return []


@pytest.fixture
def fetch(fetched):
    def get(content):
        def do(folder, version):
            fetched.append(version)
            path = folder / "deep" / "server.jar"
            path.parent.mkdir()
            path.write_bytes(content)
            return path

        return do

    return get


def test_the_jar_is_fetched_once_verified_and_kept(cache, fetch, fetched, monkeypatch):
    jar = get_jar(cache, "9.9", fetch(b"the jar"))
    assert jar.read_bytes() == b"the jar"
    hashed = []
    monkeypatch.setattr(download, "sha256_of", lambda path: hashed.append(path))
    assert get_jar(cache, "9.9", fetch(b"other")) == jar
    assert (fetched, hashed) == (["9.9"], [])
    assert sorted(p.name for p in cache.iterdir()) == sorted([jar.name, jar.with_suffix(".verified").name])


def test_a_jar_that_does_not_verify_is_an_error_and_leaves_nothing_behind(cache, fetch):
    with pytest.raises(ServerStartError, match="SHA-256"):
        get_jar(cache, "9.9", fetch(b"tampered"))
    assert list(cache.iterdir()) == []
    assert get_jar(cache, "9.9", fetch(b"the jar")).exists()


def test_a_jar_in_the_cache_that_was_changed_is_found_out(cache, fetch):
    jar = get_jar(cache, "9.9", fetch(b"the jar"))
    jar.write_bytes(b"changed")
    with pytest.raises(ServerStartError, match="removed"):
        get_jar(cache, "9.9", fetch(b"the jar"))
    assert not jar.exists()


def test_a_jar_that_was_put_there_by_hand_is_verified_and_used(cache, fetch, fetched):
    cache.mkdir()
    (cache / "conductor-server-9.9-boot.jar").write_bytes(b"the jar")
    get_jar(cache, "9.9", fetch(b"other"))
    assert fetched == []


def test_when_it_cannot_be_had_the_error_says_why_and_where_to_put_it(cache):
    def offline(folder, version):
        raise OSError("no route to host")

    with pytest.raises(ServerStartError, match="no route to host.*put the file at"):
        get_jar(cache, "9.9", offline)


def test_a_version_whose_checksum_is_not_known_is_refused(cache):
    with pytest.raises(ServerStartError, match=r"1\.0"):
        get_jar(cache, "1.0")


@pytest.mark.parametrize(
    ("environ", "folder"),
    [
        ({"CONDUCTOR_CACHE_DIR": "/c"}, "/c"),
        ({"XDG_CACHE_HOME": "/x"}, "/x/conductor-sdk"),
    ],
)
def test_the_cache_folder(environ, folder):
    assert str(cache_folder(environ)) == folder


def test_progress_is_a_line_a_tenth_in_a_log_and_a_bar_on_a_terminal():
    log = io.StringIO()
    progress = Progress("server.jar", 1_000_000, log)
    for _ in range(100):
        progress.add(10_000)
    assert len(log.getvalue().splitlines()) == 11
    assert "100% of 1 MB" in log.getvalue()

    terminal = io.StringIO()
    terminal.isatty = lambda: True
    progress = Progress("server.jar", 1_000_000, terminal)
    progress.add(1_000_000)
    progress.close()
    assert "#" * 30 in terminal.getvalue()
