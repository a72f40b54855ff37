"""Scripts that run in separate processes."""

import os
import subprocess
import sys
import threading


def start_script(path, code, stub, **environ):
    """Run ``code`` as a script in its own process group; ``stdout`` has its output and that of its children."""
    path.write_text(code)
    return subprocess.Popen(
        [sys.executable, str(path)],
        env={**os.environ, "CONDUCTOR_SERVER_URL": stub.url, **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def read_until(process, text, times=1):
    """Read the process's lines until ``text`` came that many times; returns the last such line."""
    deadline = threading.Timer(20, process.kill)
    deadline.start()
    seen = []
    try:
        for line in process.stdout:
            seen.append(line)
            times -= line.count(text)
            if times <= 0:
                return line
    finally:
        deadline.cancel()
    raise AssertionError(f"the process ended before it said {text!r}:\n{''.join(seen)}")
