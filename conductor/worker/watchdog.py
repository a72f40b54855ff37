"""One thread that looks after the others: what died is started again and reported, and a file says that all is well."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

__all__ = ["PERIOD", "Heartbeat", "Watchdog"]

logger = logging.getLogger(__name__)

PERIOD = 1.0


class Heartbeat:
    """A file whose modification time is fresh while the handler is live, for probes that run a command.

    It is touched once a second while every thread that has to run does, also while the server is away, and removed by
    an orderly stop. A probe asks whether it is there and less than, say, 15 seconds old.

    Args:
        path: The file; its folder has to be there.
        is_live: Whether the handler is live.
    """

    def __init__(self, path: str | os.PathLike[str], is_live: Callable[[], bool]) -> None:
        self._path = Path(path)
        self._is_live = is_live

    def beat(self) -> None:
        """Touch the file, if all is well."""
        if self._is_live():
            self._path.write_text(f"{os.getpid()}\n", encoding="ascii")

    def end(self) -> None:
        """Remove the file."""
        self._path.unlink(missing_ok=True)


class Watchdog:
    """Calls each of ``checks`` once a second; one that fails is logged when it begins to, and asked again.

    Args:
        checks: What to call.
        period: How often, in seconds.
    """

    def __init__(self, checks: Sequence[Callable[[], object]], period: float = PERIOD) -> None:
        self._checks = checks
        self._period = period
        self._failing: set[int] = set()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread, which checks at once and then each time the period is over."""
        thread = threading.Thread(target=self._main, name="watchdog")
        thread.start()  # one that cannot be started is no thread to join
        self._thread = thread

    @property
    def is_alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread is not None and self._thread.is_alive()

    def close(self, deadline: float) -> None:
        """End the thread, waiting for it up to ``deadline`` (monotonic)."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(max(0.0, deadline - time.monotonic()))

    def _main(self) -> None:
        self._check_all()
        while not self._stop.wait(self._period):
            self._check_all()

    def _check_all(self) -> None:
        for number, check in enumerate(self._checks):
            try:
                check()
            except Exception:
                if number not in self._failing:
                    self._failing.add(number)
                    logger.exception("A check of the watchdog failed; it goes on")
            else:
                self._failing.discard(number)
