"""The file lock of the download cache, with the locking module of each operating system."""

import types

import pytest

from conductor.server.oss import folder


class Msvcrt:
    """Locks of Windows: refuses the first attempts, as if another process held the lock."""

    LK_NBLCK, LK_UNLCK = 2, 0

    def __init__(self, refusals=0, error=PermissionError):
        self.refusals, self.error, self.calls = refusals, error, []

    def locking(self, descriptor, mode, size):
        self.calls.append((mode, size))
        if mode == self.LK_NBLCK and self.refusals:
            self.refusals -= 1
            raise self.error


@pytest.fixture
def waits(monkeypatch):
    monkeypatch.setattr(folder.time, "sleep", lambda _: None)
    return []


def hold(path, waits):
    with folder.locked(path, lambda: waits.append("waits")):
        return "held"


def test_the_lock_on_windows_is_acquired_and_released(monkeypatch, tmp_path, waits):
    locks = Msvcrt()
    monkeypatch.setattr(folder, "fcntl", None)
    monkeypatch.setattr(folder, "msvcrt", locks)

    assert hold(tmp_path / "lock", waits) == "held"
    assert (waits, locks.calls) == ([], [(locks.LK_NBLCK, 1), (locks.LK_UNLCK, 1)])


def test_a_lock_of_another_process_on_windows_is_waited_for(monkeypatch, tmp_path, waits):
    locks = Msvcrt(refusals=3)
    monkeypatch.setattr(folder, "fcntl", None)
    monkeypatch.setattr(folder, "msvcrt", locks)

    assert hold(tmp_path / "lock", waits) == "held"
    assert waits == ["waits"]
    assert [mode for mode, _ in locks.calls] == [locks.LK_NBLCK] * 4 + [locks.LK_UNLCK]


def test_a_lock_of_windows_is_released_after_a_failure(monkeypatch, tmp_path):
    locks = Msvcrt()
    monkeypatch.setattr(folder, "fcntl", None)
    monkeypatch.setattr(folder, "msvcrt", locks)

    with pytest.raises(KeyError), folder.locked(tmp_path / "lock", print):
        raise KeyError
    assert locks.calls[-1] == (locks.LK_UNLCK, 1)


def test_a_lock_of_another_process_on_posix_is_waited_for(monkeypatch, tmp_path, waits):
    modes = []

    def flock(_, mode):
        modes.append(mode)
        if mode == 6:
            raise BlockingIOError

    monkeypatch.setattr(folder, "fcntl", types.SimpleNamespace(LOCK_EX=2, LOCK_NB=4, flock=flock))
    assert hold(tmp_path / "lock", waits) == "held"
    assert (waits, modes) == (["waits"], [6, 2])


def test_a_file_system_without_locks_does_not_stop_the_block(monkeypatch, tmp_path, waits):
    def flock(*_):
        raise OSError

    monkeypatch.setattr(folder, "fcntl", types.SimpleNamespace(LOCK_EX=2, LOCK_NB=4, flock=flock))
    assert hold(tmp_path / "lock", waits) == "held"
    monkeypatch.setattr(folder, "fcntl", None)
    locks = Msvcrt(refusals=1, error=OSError)
    monkeypatch.setattr(folder, "msvcrt", locks)
    assert hold(tmp_path / "lock", waits) == "held"
    assert (waits, locks.calls) == ([], [(locks.LK_NBLCK, 1)])
