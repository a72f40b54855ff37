import contextlib
import os
import sqlite3
import stat
import subprocess
import sys

import pytest

from conductor.errors import ConfigurationError
from conductor.worker.outbox import DiskOutbox, adopt_strays
from conductor.worker.undelivered import Undelivered


def update(task_id):
    return b'{"taskId":"%s","workflowInstanceId":"w","status":"COMPLETED"}' % task_id.encode()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "outbox.db"


def test_kept_results_survive_a_restart_in_order_until_forgotten(path):
    first = DiskOutbox(path)
    kept = [Undelivered("work", f"t{i}", update(f"t{i}")) for i in range(3)]
    for one in kept:
        first.keep(one)
    first.forget(kept[1])
    first.close()
    second = DiskOutbox(path)
    left = list(second.load())
    assert [(u.task_type, u.task_id, u.body) for u in left] == [
        ("work", "t0", update("t0")),
        ("work", "t2", update("t2")),
    ]
    second.forget(left[0])
    assert [u.task_id for u in second.load()] == ["t2"]
    second.close()


def test_a_corrupt_entry_is_set_aside_and_never_fatal(path, caplog):
    outbox = DiskOutbox(path)
    outbox.keep(Undelivered("work", "cut", b'{"taskId": "cut", "status": "COMP'))
    outbox.keep(Undelivered("work", "other", b'{"a":1}'))
    outbox.keep(Undelivered("work", "good", update("good")))
    with sqlite3.connect(path) as raw:
        raw.execute("INSERT INTO results (task_type, task_id, body) VALUES ('work', 'bad', 'not bytes')")
        raw.execute("INSERT INTO results (task_type, task_id, body) VALUES ('work', NULL, x'7b7d')")
    raw.close()
    assert [u.task_id for u in outbox.load()] == ["good"]
    assert "moved to broken_results" in caplog.text
    assert [u.task_id for u in outbox.load()] == ["good"]
    outbox.close()


@pytest.mark.parametrize("make", [lambda p: p / "no" / "such" / "folder.db", lambda p: p])
def test_a_path_that_cannot_be_used_is_a_configuration_error(tmp_path, make):
    with pytest.raises(ConfigurationError, match="outbox"):
        DiskOutbox(make(tmp_path))


def test_a_file_that_is_not_an_outbox_is_a_configuration_error(path):
    path.write_bytes(b"x" * 5000)
    with pytest.raises(ConfigurationError):
        DiskOutbox(path)


@pytest.mark.parametrize("damage", ["a page", "the end"])
def test_a_damaged_file_is_set_aside_and_a_new_one_begun(path, caplog, damage):
    first = DiskOutbox(path)
    for number in range(200):
        first.keep(Undelivered("work", f"t{number}", update(f"t{number}") + b" " * 500))
    first.close()
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"x" * 4096 + content[8192:] if damage == "a page" else content[:9000])

    outbox = DiskOutbox(path)
    outbox.keep(Undelivered("work", "new", update("new")))
    left = [one.task_id for one in outbox.load()]
    outbox.close()

    assert left == ["new"]
    assert "damaged" in caplog.text
    assert [one.name for one in path.parent.iterdir() if ".damaged-" in one.name and not one.name.endswith("shm")]


def test_what_was_not_delivered_is_forced_to_the_disk(path):
    outbox = DiskOutbox(path)
    statements = []
    outbox._db.set_trace_callback(statements.append)
    result = Undelivered("work", "t", update("t"))
    outbox.keep(result)
    outbox.harden(result)
    outbox._db.set_trace_callback(None)
    outbox.close()
    forced = statements.index("PRAGMA synchronous=FULL")
    assert any(one.startswith("INSERT") for one in statements[:forced])
    assert statements[forced + 1].startswith("UPDATE results")
    assert statements[forced + 2] == "PRAGMA synchronous=NORMAL"


def test_a_full_disk_keeps_the_result_in_memory(path, caplog):
    outbox = DiskOutbox(path)
    outbox._db.execute("PRAGMA max_page_count=1")
    result = Undelivered("work", "t", b"{" + b"x" * 100_000)
    outbox.keep(result)
    assert result.row is None
    assert "in memory only" in caplog.text
    outbox.keep(Undelivered("work", "u", b"{" + b"x" * 100_000))
    assert caplog.text.count("in memory only") == 1
    outbox.close()


def left_in(path):
    outbox = DiskOutbox(path)
    ids = [u.task_id for u in outbox.load()]
    outbox.close()
    return ids


def fill(path, *task_ids):
    outbox = DiskOutbox(path)
    for task_id in task_ids:
        outbox.keep(Undelivered("work", task_id, update(task_id)))
    outbox.close()


def test_results_of_other_process_counts_are_adopted(tmp_path):
    path = tmp_path / "box"
    fill(path, "alone")
    fill(tmp_path / "box.1", "first")
    fill(tmp_path / "box.3", "third", "third too")
    fill(tmp_path / "box.other", "not ours")
    adopt_strays(str(path), [f"{path}.1", f"{path}.2"])
    assert left_in(tmp_path / "box.1") == ["first", "alone", "third", "third too"]
    assert not path.exists()
    assert not (tmp_path / "box.3").exists()
    assert left_in(tmp_path / "box.other") == ["not ours"]
    adopt_strays(str(path), [str(path)])
    assert left_in(path) == ["first", "alone", "third", "third too"]


def test_a_file_that_is_not_an_outbox_is_not_changed(tmp_path, caplog):
    path = tmp_path / "box"
    (tmp_path / "box.7").write_bytes(b"x" * 5000)
    fill(path, "mine")
    adopt_strays(str(path), [str(path)])
    assert left_in(path) == ["mine"]
    assert (tmp_path / "box.7").read_bytes() == b"x" * 5000
    assert "Results remain in" in caplog.text
    assert sorted(one.name for one in tmp_path.iterdir()) == ["box", "box.7", "box.lock"]


@pytest.mark.parametrize("statement", ["SELECT id FROM", "SELECT task_type", "SELECT (SELECT"])
@pytest.mark.parametrize("error", [sqlite3.OperationalError("disk I/O error"), sqlite3.DatabaseError("malformed")])
def test_an_outbox_that_cannot_be_read_is_not_taken_for_an_empty_one(tmp_path, monkeypatch, statement, error):
    class Failing(sqlite3.Connection):
        def execute(self, sql, *arguments):
            if sql.startswith(statement):
                raise error
            return super().execute(sql, *arguments)

    path, connect = tmp_path / "box", sqlite3.connect
    fill(path, "mine")
    fill(f"{path}.3", "third")

    def opened(name, **options):
        return connect(name, factory=Failing if str(name).endswith(".3") else sqlite3.Connection, **options)

    with monkeypatch.context() as patched:
        patched.setattr(sqlite3, "connect", opened)
        adopt_strays(str(path), [str(path)])
    assert {*left_in(path), *left_in(tmp_path / "box.3")} == {"mine", "third"}
    adopt_strays(str(path), [str(path)])
    assert "third" in left_in(path)
    assert not (tmp_path / "box.3").exists()


def test_broken_entries_keep_the_file_that_holds_them(tmp_path):
    path = tmp_path / "box"
    fill(path, "mine")
    fill(f"{path}.3", "third")
    with sqlite3.connect(f"{path}.3") as db:
        db.execute("UPDATE results SET body = x'00'")
    db.close()
    for _ in range(2):
        adopt_strays(str(path), [str(path)])
        assert left_in(path) == ["mine"]
        assert (tmp_path / "box.3").exists()


def test_a_file_in_use_is_refused_and_free_again_after_close(path):
    first = DiskOutbox(path)
    with pytest.raises(ConfigurationError, match="another process or handler is using it"):
        DiskOutbox(path)
    first.keep(Undelivered("work", "t", update("t")))
    first.close()
    assert left_in(path) == ["t"]


def test_a_refused_second_handler_keeps_the_lock_on_the_file(path):
    program = f"from conductor.worker.outbox import DiskOutbox; DiskOutbox({str(path)!r})"
    first = DiskOutbox(path)
    with pytest.raises(ConfigurationError, match="another process or handler is using it"):
        DiskOutbox(path)
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert "another process or handler is using it" in ended.stderr
    first.close()


def test_a_program_that_reads_the_file_does_not_block_later_results(path):
    program = f"import sqlite3; db = sqlite3.connect({str(path)!r}); db.execute('SELECT 1 FROM results'); db.close()"
    outbox = DiskOutbox(path)
    for number in range(3):
        subprocess.run([sys.executable, "-c", program], timeout=60, check=True)
        outbox.keep(Undelivered("work", f"t{number}", update(f"t{number}")))
    count = (
        f"import sqlite3; print(sqlite3.connect({str(path)!r}).execute('SELECT count(*) FROM results').fetchone()[0])"
    )
    seen = subprocess.run([sys.executable, "-c", count], capture_output=True, text=True, timeout=60, check=True)
    assert seen.stdout.strip() == "3"
    outbox.close()


def test_another_process_is_refused_too(path):
    program = f"from conductor.worker.outbox import DiskOutbox; DiskOutbox({str(path)!r})"
    first = DiskOutbox(path)
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert "another process or handler is using it" in ended.stderr
    first.close()
    subprocess.run([sys.executable, "-c", program], timeout=60, check=True)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no file modes")
def test_the_file_is_private_and_one_of_an_older_release_becomes_so(path):
    path.touch(0o644)
    outbox = DiskOutbox(path)
    outbox.keep(Undelivered("work", "t", update("t")))
    names = sorted(one.name for one in path.parent.iterdir())
    assert names == ["outbox.db", "outbox.db-shm", "outbox.db-wal", "outbox.db.lock"]
    assert {stat.S_IMODE(one.stat().st_mode) for one in path.parent.iterdir()} == {0o600}
    outbox.close()


@pytest.mark.parametrize("end", ["", ".lock", "-wal", "-shm"])
def test_a_symbolic_link_is_refused_and_its_target_untouched(tmp_path, path, end):
    target = tmp_path / "target"
    target.write_bytes(b"precious")
    target.chmod(0o644)
    path.with_name(path.name + end).symlink_to(target)
    with pytest.raises(ConfigurationError, match="symbolic link"):
        DiskOutbox(path)
    assert (target.read_bytes(), stat.S_IMODE(target.stat().st_mode)) == (b"precious", 0o644)


def test_another_file_named_by_mistake_is_left_as_it_is(path):
    path.write_text("name,amount\n")
    path.chmod(0o644)
    with pytest.raises(ConfigurationError, match="not an outbox but another file"):
        DiskOutbox(path)
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("name,amount\n", 0o644)
    assert [one.name for one in path.parent.iterdir()] == ["outbox.db"]


def test_ids_are_never_reused_also_in_a_file_of_an_older_release(path):
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE results (id INTEGER PRIMARY KEY, task_type TEXT, task_id TEXT, body BLOB)")
    db.execute("INSERT INTO results VALUES (7, 'work', 'old', ?)", (update("old"),))
    db.commit()
    db.close()
    outbox = DiskOutbox(path)
    (old,) = outbox.load()
    outbox.forget(old)
    new = Undelivered("work", "new", update("new"))
    outbox.keep(new)
    assert (old.row, new.row) == (7, 8)
    outbox.close()


def test_broken_rows_are_moved_aside_one_by_one_at_every_start(path, caplog):
    for start in range(3):
        outbox = DiskOutbox(path)
        outbox.keep(Undelivered("work", f"good{start}", update(f"good{start}")))
        for body, task_id in ((b"cut", "'x'"), (b"[" * 100_000, "'x'"), (b"{}", "CAST(x'ff' AS TEXT)"), (b"{}", "1.5")):
            outbox._db.execute(f"INSERT INTO results (task_type, task_id, body) VALUES ('work', {task_id}, ?)", (body,))
        assert [one.task_id for one in outbox.load()] == [f"good{number}" for number in range(start + 1)]
        assert outbox._db.execute("SELECT count(*) FROM broken_results").fetchone() == (4 * (start + 1),)
        outbox.close()


def test_the_database_of_another_program_is_refused_and_untouched(tmp_path):
    """Also one that is named like the outbox of another number of processes: it must not be taken over and deleted."""
    for name, statement in (
        ("outbox.db", "CREATE TABLE customers (id INTEGER)"),
        ("outbox.db", "CREATE TABLE results (id INTEGER PRIMARY KEY, name TEXT)"),
        ("outbox.db", "CREATE VIEW results AS SELECT 1 AS id"),
        ("outbox.db.1", "CREATE TABLE customers (id INTEGER)"),
    ):
        path = tmp_path / name
        with contextlib.closing(sqlite3.connect(path)) as db:
            db.execute(statement)
        path.chmod(0o640)
        before = path.read_bytes()
        if name == "outbox.db":
            with pytest.raises(ConfigurationError, match="a database of another program"):
                DiskOutbox(path)
        else:
            adopt_strays(str(tmp_path / "outbox.db"), [str(tmp_path / "outbox.db")])
        assert path.read_bytes() == before
        assert os.name == "nt" or stat.S_IMODE(path.stat().st_mode) == 0o640
        path.unlink()


def test_unusual_paths_are_refused_with_a_reason_or_are_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for path in (str(tmp_path / "x\0y"), str(tmp_path / ("x" * 300)), "", str(tmp_path)):
        with pytest.raises(ConfigurationError, match="Cannot use the outbox"):
            DiskOutbox(path)
        adopt_strays(path, [path])
    if os.name != "nt":  # where a name may have a colon, it is a name like any other and not a database in memory
        outbox = DiskOutbox(":memory:")
        outbox.keep(Undelivered("work", "t1", update("t1")))
        outbox.close()
        again = DiskOutbox(":memory:")
        assert [one.task_id for one in again.load()] == ["t1"]
        again.close()
