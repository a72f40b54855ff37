"""The branches for each operating system, chosen by the platform that is passed in."""

import signal
import subprocess
import types

import pytest

from conductor._internal import platforms


class Child:
    def __init__(self, has_console=True):
        self.has_console, self.sent = has_console, []

    def send_signal(self, number):
        if not self.has_console:
            raise OSError
        self.sent.append(number)

    def terminate(self):
        self.sent.append("terminate")


def test_stop_signals_include_ctrl_break_where_it_exists():
    windows = types.SimpleNamespace(SIGTERM=15, SIGINT=2, SIGBREAK=21)
    assert platforms.stop_signals(windows) == (15, 2, 21)
    assert platforms.stop_signals(types.SimpleNamespace(SIGTERM=15, SIGINT=2)) == (15, 2)
    assert {signal.SIGTERM, signal.SIGINT} <= set(platforms.stop_signals())


def test_a_child_gets_its_own_process_group():
    for system in ("linux", "darwin"):
        assert platforms.own_process_group(system) == {"start_new_session": True}
    flags = platforms.own_process_group("win32")["creationflags"]
    assert flags == getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0x200)


def test_a_child_is_asked_to_end_and_not_killed():
    for system, sent in [("linux", "terminate"), ("darwin", "terminate"), ("win32", platforms._CTRL_BREAK_EVENT)]:
        child = Child()
        platforms.request_end(child, system)
        assert child.sent == [sent]


def test_a_child_without_a_console_is_terminated_on_windows():
    child = Child(has_console=False)
    platforms.request_end(child, "win32")
    assert child.sent == ["terminate"]


def test_a_process_tree_is_killed_with_the_means_of_the_system(monkeypatch):
    commands, signals = [], []
    monkeypatch.setattr(platforms.os, "killpg", lambda *given: signals.append(given), raising=False)

    platforms.kill_tree(7, 15, "linux", run=lambda command, **_: commands.append(command))
    assert (signals, commands) == ([(7, 15)], [])

    platforms.kill_tree(7, 15, "win32", run=lambda command, **_: commands.append(command))
    assert (signals, commands) == ([(7, 15)], [["taskkill", "/F", "/T", "/PID", "7"]])


def test_an_ended_process_group_is_reported(monkeypatch):
    def killpg(*_):
        raise ProcessLookupError

    monkeypatch.setattr(platforms.os, "killpg", killpg, raising=False)
    with pytest.raises(ProcessLookupError):
        platforms.kill_tree(7, 15, "darwin")


def test_two_servers_never_share_a_port_on_windows():
    assert [platforms.may_reuse_address(system) for system in ("linux", "darwin", "win32")] == [True, True, False]
