"""Runs a command for as long as the process that started it lives: no crash of that process leaves the command behind.

Run as a file, without the package: ``python guard.py FOLDER PATIENCE COMMAND...``. The parent holds the other end of
standard input; when that closes, or the parent is gone although a forked child of it still holds the pipe, the command
is asked to stop, and killed when it has not within PATIENCE seconds. Prints the command's process id; the command
writes to the guard's standard error. FOLDER, unless it is empty, is removed after a stop; a command that ended by
itself leaves it to the parent, who reads the log in it.
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

_GLANCE = 1.0  # how often to look for the parent, in seconds
_STOP, _ENDED = "stop", "ended"


def main(folder: str, patience: float, command: list[str]) -> int:
    """Run the command until it ends, or until it should; its exit status."""
    parent = os.getppid()
    said: SimpleQueue[str] = SimpleQueue()
    for number in (signal.SIGINT, signal.SIGTERM):
        # A function, not SIG_IGN: the command would inherit "ignored", and could not be asked to stop.
        signal.signal(number, lambda _number, _frame: said.put(_STOP))
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=sys.stderr, stderr=sys.stderr)  # noqa: S603
    sys.stdout.write(f"{process.pid}\n")
    sys.stdout.flush()
    threading.Thread(target=_tell_end_of_input, args=(said,), daemon=True).start()
    threading.Thread(target=_tell_end, args=(process, said), daemon=True).start()
    if _first(said, parent) == _STOP:
        _stop(process, said, patience)
        process.wait()
        if folder:
            shutil.rmtree(folder, ignore_errors=True)
    status = process.wait()
    return status if status >= 0 else 128 - status  # as a shell tells of a signal


def _tell_end_of_input(said: SimpleQueue[str]) -> None:
    while os.read(0, 1024):
        pass
    said.put(_STOP)


def _tell_end(process: subprocess.Popen[bytes], said: SimpleQueue[str]) -> None:
    process.wait()
    said.put(_ENDED)


def _first(said: SimpleQueue[str], parent: int) -> str:
    while os.getppid() == parent:
        with suppress(Empty):
            return said.get(timeout=_GLANCE)
    return _STOP


def _stop(process: subprocess.Popen[bytes], said: SimpleQueue[str], patience: float) -> None:
    process.terminate()
    try:
        while said.get(timeout=patience) != _ENDED:
            pass
    except Empty:
        process.kill()


if __name__ == "__main__":
    os._exit(main(sys.argv[1], float(sys.argv[2]), sys.argv[3:]))  # at once: a thread still reads standard input
