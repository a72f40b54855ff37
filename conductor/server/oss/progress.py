"""How far a long fetch has come: a bar on a terminal, elsewhere a line for every tenth."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

__all__ = ["Progress", "size_of", "watching"]

_WIDTH = 30


class Progress:
    """Shows how many bytes of a file are there.

    Args:
        name: What is fetched.
        total: Its size in bytes.
        out: Where to write.
    """

    def __init__(self, name: str, total: int, out: TextIO) -> None:
        self._name = name
        self._total = total
        self._out = out
        self._is_terminal = out.isatty()
        self._tenth = -1

    def show(self, done: int) -> None:
        """Note that ``done`` bytes are there."""
        done = min(done, self._total)
        tenth = done * 10 // self._total
        if self._is_terminal:
            bar = ("#" * (done * _WIDTH // self._total)).ljust(_WIDTH, ".")
            self._write(f"\r{self._name} {bar} {self._share(done)}")
        elif tenth > self._tenth:
            self._write(f"{self._name} {self._share(done)}\n")
        self._tenth = max(tenth, self._tenth)

    def close(self) -> None:
        """End the line."""
        if self._is_terminal:
            self._write("\n")

    def _share(self, done: int) -> str:
        return f"{done / self._total:4.0%} of {self._total / 1e6:.0f} MB"

    def _write(self, text: str) -> None:
        with suppress(OSError, ValueError):  # a closed or broken stderr must not stop the fetch
            self._out.write(text)
            self._out.flush()


def size_of(folder: Path, pattern: str) -> int:
    """The bytes in all files below the folder that match the pattern; files come and go meanwhile."""
    total = 0
    for path in folder.rglob(pattern):
        with suppress(OSError):
            total += path.stat().st_size
    return total


@contextmanager
def watching(measure: Callable[[], int], progress: Progress, interval: float = 0.2) -> Iterator[None]:
    """Show on ``progress`` what ``measure`` answers, every ``interval`` seconds, until the block ends."""
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(interval):
            with suppress(OSError):
                progress.show(measure())

    thread = threading.Thread(target=watch, name="fetch-progress", daemon=True)
    thread.start()
    try:
        yield
        with suppress(OSError):
            ended.set()
            thread.join()
            progress.show(measure())
    finally:
        ended.set()
        thread.join()
        progress.close()
