"""Differences between operating systems, in functions that take the platform, so that tests can choose it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import subprocess

__all__ = ["kill_tree", "may_reuse_address", "own_process_group", "request_end", "stop_signals"]

_WINDOWS = "win32"
#: ``subprocess.CREATE_NEW_PROCESS_GROUP``, which only Windows has.
_CREATE_NEW_PROCESS_GROUP = 0x200
#: ``signal.CTRL_BREAK_EVENT``, which only Windows has.
_CTRL_BREAK_EVENT = 1


def stop_signals(module: ModuleType | Any = signal) -> tuple[signal.Signals, ...]:
    """Return the signals that ask a process to stop.

    Windows has SIGBREAK in addition: Ctrl-Break, and the only such request that another process can send.

    Args:
        module: The module ``signal`` of the system.
    """
    names = ("SIGTERM", "SIGINT", "SIGBREAK")
    return tuple(getattr(module, name) for name in names if hasattr(module, name))


def own_process_group(platform: str = sys.platform) -> dict[str, Any]:
    """Return the arguments of ``Popen`` for a child that Ctrl-C on the terminal does not reach."""
    if platform == _WINDOWS:
        return {"creationflags": _CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


def request_end(process: subprocess.Popen[Any], platform: str = sys.platform) -> None:
    """Ask a child with its own process group to end; on Windows ``terminate()`` would kill it."""
    if platform != _WINDOWS:
        process.terminate()
        return
    try:
        process.send_signal(_CTRL_BREAK_EVENT)
    except OSError:  # without a console, as in a service
        process.terminate()


def kill_tree(
    pid: int,
    number: int,
    platform: str = sys.platform,
    run: Callable[..., Any] | None = None,
) -> None:
    """Send a signal to the process group of a child; on Windows, kill the child and its descendants.

    Args:
        pid: The process id of a child with its own process group.
        number: The signal, which Windows does not use.
        platform: The system, as ``sys.platform`` names it.
        run: Runs a command; ``subprocess.run`` by default.

    Raises:
        ProcessLookupError: The process group has ended.
    """
    if platform == _WINDOWS:
        import subprocess  # a worker starts no process

        (run or subprocess.run)(["taskkill", "/F", "/T", "/PID", str(pid)], capture_output=True, check=False)
    else:
        os.killpg(pid, number)


def may_reuse_address(platform: str = sys.platform) -> bool:
    """Return whether a listening socket sets SO_REUSEADDR.

    On POSIX it skips the wait for closed connections of an earlier server. On Windows two processes could then listen
    on the same port, and the wait does not exist.
    """
    return platform != _WINDOWS
