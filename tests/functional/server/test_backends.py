"""Databases that are started for a server, with programs that stand in for Redis and PostgreSQL."""

import os
import sys

import pytest

from conductor.errors import ConfigurationError, ServerStartError

REDIS = """
import os, socket, sys
options = dict(zip(sys.argv[1::2], sys.argv[2::2]))
print("fake redis starts", flush=True)
if os.environ.get("FAKE_REDIS") == "fails":
    sys.exit("bad directive")
with socket.create_server((options["--bind"], int(options["--port"]))) as server:
    open(os.path.join(options["--dir"], "data"), "w").close()
    while True:
        connection, _ = server.accept()
        connection.recv(100)
        connection.sendall(b"+PONG\\r\\n")
        connection.close()
"""
INITDB = """
import os, sys
folder = sys.argv[sys.argv.index("-D") + 1]
os.makedirs(folder)
open(os.path.join(folder, "PG_VERSION"), "w").close()
print("fake initdb", flush=True)
if os.environ.get("FAKE_INITDB") == "fails":
    sys.exit("no space left")
"""
POSTGRES = """
import sys, time
if "--single" in sys.argv:
    print("statement:", sys.stdin.read(), flush=True)
    sys.exit()
print("LOG:  database system is ready to accept connections", sys.argv, flush=True)
time.sleep(60)
"""


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """Put only the programs that a test adds, and a shell, into PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr("conductor.server.oss.launch._POSTGRES_FOLDERS", ())
    monkeypatch.setattr(os, "geteuid", lambda: 1000, raising=False)

    def add(**sources):
        for name, source in sources.items():
            script = folder / name.replace("_", "-")
            script.with_suffix(".py").write_text(source)
            script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "{script.with_suffix(".py")}" "$@"\n')
            script.chmod(0o755)

    return add


def test_an_installed_redis_is_started_and_stops_with_the_server(start, programs, is_alive, own_temporary_folder):
    programs(redis_server=REDIS)
    server = start(backend="redis")
    assert server.database.url.startswith("redis://127.0.0.1:")
    assert is_alive(server.database.pid)
    log = server.log_path.read_text()
    assert f"--conductor.redis.hosts={server.database.url.removeprefix('redis://')}:us-east-1c" in log
    assert "--conductor.workflow-execution-lock.type=redis" in log
    server.stop()
    assert not is_alive(server.database.pid)
    assert list(own_temporary_folder.iterdir()) == []


def test_an_installed_postgres_is_prepared_once_and_keeps_its_data(start, programs, tmp_path, is_alive):
    programs(initdb=INITDB, postgres=POSTGRES)
    for _ in range(2):
        server = start(directory=tmp_path / "kept", backend="postgres")
        assert f"jdbc:{server.database.url.replace('conductor@', '')}" in server.log_path.read_text()
        server.stop()
        assert not is_alive(server.database.pid)
    log = (tmp_path / "kept" / "postgres" / "server.log").read_text()
    assert (log.count("fake initdb"), log.count("CREATE DATABASE conductor"), log.count("is ready")) == (1, 1, 2)


def test_a_given_url_is_used_and_nothing_is_started(start, programs, monkeypatch):
    assert start(url="redis://cache.example:7000").database is None
    monkeypatch.setenv("CONDUCTOR_BACKEND_URL", "postgresql://me:s3cret@db.example/orders")
    server = start()
    log = server.log_path.read_text()
    assert "--spring.datasource.url=jdbc:postgresql://db.example:5432/orders" in log
    assert "s3cret" not in log  # nor on the command line, which the fake server prints
    assert "postgres" not in start(backend="sqlite").log_path.read_text()


def test_a_property_overrides_the_setting_of_the_backend(start, programs):
    server = start(url="redis://cache.example", properties={"conductor.indexing.enabled": True})
    assert "--conductor.indexing.enabled=true" in server.log_path.read_text()


def test_errors_say_what_is_missing_or_went_wrong(start, programs, monkeypatch, own_temporary_folder):
    with pytest.raises(ServerStartError, match=r"Cannot start Redis: redis-server was not found.*redis-server on"):
        start(backend="redis")
    with pytest.raises(ServerStartError, match=r"Cannot start PostgreSQL: initdb and postgres were not found"):
        start(backend="postgres")
    with pytest.raises(ConfigurationError, match="backend is 'mysql'"):
        start(backend="mysql")
    programs(redis_server=REDIS, initdb=INITDB, postgres=POSTGRES)
    monkeypatch.setenv("FAKE_REDIS", "fails")
    with pytest.raises(ServerStartError, match=r"(?s)stopped during start-up with exit status 1\..*bad directive"):
        start(backend="redis")
    monkeypatch.setenv("FAKE_INITDB", "fails")
    with pytest.raises(ServerStartError, match=r"(?s)A command failed with exit status 1\..*no space left"):
        start(backend="postgres")
    assert all(path.suffix == ".log" for path in own_temporary_folder.iterdir())


def test_a_server_that_does_not_start_takes_its_database_with_it(start, programs, own_temporary_folder):
    programs(redis_server=REDIS)
    with pytest.raises(ServerStartError, match="exit status 7"):
        start(backend="redis", mode="exits")
    assert all(path.suffix == ".log" for path in own_temporary_folder.iterdir())


def test_postgres_is_not_run_as_root(start, programs, monkeypatch):
    programs(initdb=INITDB, postgres=POSTGRES)
    monkeypatch.setattr(os, "geteuid", lambda: 0, raising=False)
    monkeypatch.setattr("conductor.server.oss.launch._SYSTEM_USER", "nobody-of-this-name")
    with pytest.raises(ServerStartError, match="PostgreSQL does not run as root, and the user 'nobody-of-this-name'"):
        start(backend="postgres")
