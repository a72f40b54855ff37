"""Runs a command until its parent process ends, so that a crash of the parent does not leave the command running.

Run as a file, without the package: ``python guard.py FOLDER TIMEOUT COMMAND...``. The guard terminates the command when
its standard input is closed, or when the parent has ended even though a forked child still holds the pipe. It kills the
command after TIMEOUT seconds. It prints the command's process id, and the command writes to the guard's standard error.
Unless FOLDER is empty, the guard removes it after it has stopped the command. If the command ends on its own, the
parent removes the folder, after reading the log in it.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from queue import Empty, SimpleQueue

#: Seconds between checks whether the parent is running.
_POLL_INTERVAL_S = 1.0
_STOP, _ENDED = "stop", "ended"


def main(folder: str, timeout: float, command: list[str]) -> int:
    """Run the command until it ends or the parent ends, and return its exit status."""
    parent = os.getppid()
    events: SimpleQueue[str] = SimpleQueue()
    for number in (signal.SIGINT, signal.SIGTERM):
        # Not SIG_IGN: the command would inherit it, and SIGTERM could not stop it.
        signal.signal(number, lambda _number, _frame: events.put(_STOP))
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=sys.stderr, stderr=sys.stderr)
    sys.stdout.write(f"{process.pid}\n")
    sys.stdout.flush()
    threading.Thread(target=_wait_for_end_of_input, args=(events,), daemon=True).start()
    threading.Thread(target=_wait_for_process, args=(process, events), daemon=True).start()
    if _first_event(events, parent) == _STOP:
        _stop(process, events, timeout)
        process.wait()
        if folder:
            shutil.rmtree(folder, ignore_errors=True)
    status = process.wait()
    return status if status >= 0 else 128 - status  # like a shell, for a command that a signal has killed


def _wait_for_end_of_input(events: SimpleQueue[str]) -> None:
    while os.read(0, 1024):
        pass
    events.put(_STOP)


def _wait_for_process(process: subprocess.Popen[bytes], events: SimpleQueue[str]) -> None:
    process.wait()
    events.put(_ENDED)


def _first_event(events: SimpleQueue[str], parent: int) -> str:
    while os.getppid() == parent:
        with suppress(Empty):
            return events.get(timeout=_POLL_INTERVAL_S)
    return _STOP


def _stop(process: subprocess.Popen[bytes], events: SimpleQueue[str], timeout: float) -> None:
    process.terminate()
    try:
        while events.get(timeout=timeout) != _ENDED:
            pass
    except Empty:
        process.kill()


if __name__ == "__main__":
    os._exit(
        main(sys.argv[1], float(sys.argv[2]), sys.argv[3:])
    )  # a thread still reads standard input, so a normal exit would wait
