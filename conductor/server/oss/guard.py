"""Runs a command for as long as its standard input is open: started with a pipe, it outlives no crash of its parent.

Run as a file, without the package: ``python guard.py LOG COMMAND...``. It prints the command's process id.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

_PATIENCE = 10.0


def main() -> int:
    """Run the command until it ends, or until standard input does."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the parent decides, by closing the pipe
    log, *command = sys.argv[1:]
    with open(log, "ab", buffering=0) as out:  # noqa: PTH123
        process = subprocess.Popen(  # noqa: S603
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, preexec_fn=_default_signals
        )
    sys.stdout.write(f"{process.pid}\n")
    sys.stdout.flush()
    threading.Thread(target=_stop_at_end_of_input, args=(process,), daemon=True).start()
    status = process.wait()
    return status if status >= 0 else 128 - status


def _default_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


def _stop_at_end_of_input(process: subprocess.Popen[bytes]) -> None:
    while os.read(0, 1024):  # unbuffered: a buffer's lock would be in the way of our own end
        pass
    process.terminate()
    try:
        process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()


if __name__ == "__main__":
    os._exit(main())
