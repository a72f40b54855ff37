"""``conductor worker run --reload``: restart the process when a source file changes."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from conductor._internal.platforms import own_process_group, request_end, stop_signals
from conductor.cli.exits import DONE
from conductor.cli.output import say

__all__ = ["run_reloading"]

#: Seconds between two looks at the source files.
_POLL_INTERVAL_S = 0.5
#: Seconds until a process that was told to stop is killed: longer than the default grace period of 30 s.
_STOP_AFTER_S = 35.0
_SKIPPED = frozenset({"__pycache__", "node_modules", "venv", "site-packages", "build", "dist"})


def run_reloading(words: Sequence[str], folder: Path) -> int:
    """Run ``python -m conductor`` with ``words`` until Ctrl-C or SIGTERM; restart it when a ``.py`` file changes.

    A process that ended by itself, as after a syntax error, is restarted after the next change.
    """
    stopping = threading.Event()
    for number in stop_signals():
        signal.signal(number, lambda *_: stopping.set())
    while True:
        seen = _stamps(folder)
        process = subprocess.Popen(  # this very program
            [sys.executable, "-m", "conductor", *words], **own_process_group()
        )
        try:
            changed = _wait_for_change(folder, seen, stopping)
        finally:
            _stop(process)
        if changed is None:
            return DONE
        say(f"{changed} changed: restarting")


def _wait_for_change(folder: Path, seen: dict[Path, int], stopping: threading.Event) -> Path | None:
    """Return the file that changed; None if a stop was requested."""
    while not stopping.wait(_POLL_INTERVAL_S):
        now = _stamps(folder)
        changed = sorted(path for path in now.keys() | seen.keys() if now.get(path) != seen.get(path))
        if changed:
            return changed[0]
    return None


def _stamps(folder: Path) -> dict[Path, int]:
    found = {}
    for path in _sources(folder):
        with contextlib.suppress(OSError):  # removed a moment ago
            found[path] = path.stat().st_mtime_ns
    return found


def _sources(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in _SKIPPED and not name.startswith(".")]
        yield from (Path(parent, name) for name in names if name.endswith(".py"))


def _stop(process: subprocess.Popen[bytes]) -> None:
    request_end(process)
    try:
        process.wait(_STOP_AFTER_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
