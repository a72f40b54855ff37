"""A pool of processes that run users' scripts. A process is reused, and killed if a script takes too long."""

from __future__ import annotations

import atexit
import json
import os
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Collection
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any, cast

from conductor._internal.installation import install_command
from conductor._internal.platforms import own_process_group

#: Maximum number of processes: a few endless scripts must not block the others, and the memory of a laptop must
#: suffice.
MAX_WORKERS = 8
#: Idle processes to keep for the next script.
_MAX_IDLE = 2
_LENGTHS = struct.Struct(">II")
_PROGRAM = Path(__file__).with_name("worker.py")


class ScriptError(Exception):
    """The script is invalid or failed; the message is the task's reason for incompletion."""


class ScriptTimeoutError(ScriptError):
    """The script took longer than allowed."""


def require(module: str, distribution: str, language: str) -> None:
    """Check that an interpreter is installed.

    Args:
        module: The module to look for.
        distribution: The name of the package, for the message.
        language: The language, for the message.

    Raises:
        ScriptError: The module is missing.
    """
    if not _is_installed(module):
        raise ScriptError(
            f"The embedded server runs {language} with the package {distribution}, which is not installed. "
            f"Install the extra server: {install_command('server')}"
        )


@lru_cache(maxsize=8)
def _is_installed(module: str) -> bool:
    return find_spec(module) is not None


class WorkerDiedError(Exception):
    """The process ended while it ran a script, and not because of a timeout."""


class _Worker:
    """One process, which one thread uses at a time."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(  # runs a file of this package with the current interpreter
            # -I and -S keep PYTHONPATH, user packages and .pth files out: the process loads nothing but the
            # interpreters.
            [sys.executable, "-I", "-S", str(_PROGRAM), *_library_folders()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # A script could fill a pipe without a reader, and then block.
            stderr=subprocess.DEVNULL,
            env=_environment(),
            **own_process_group(),  # Ctrl-C must reach the server only
        )
        self.is_late = False
        self.is_broken = False

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def run(self, header: dict[str, Any], payload: bytes) -> tuple[dict[str, Any], bytes]:
        stdin, stdout = cast("IO[bytes]", self._process.stdin), cast("IO[bytes]", self._process.stdout)
        head = json.dumps(header).encode()
        try:
            stdin.write(_LENGTHS.pack(len(head), len(payload)) + head + payload)
            stdin.flush()
        except OSError:
            raise WorkerDiedError from None
        # No timeout here: the thread of _Deadlines kills the process, which ends the read.
        lengths = stdout.read(_LENGTHS.size)
        if len(lengths) < _LENGTHS.size:
            raise WorkerDiedError
        about, size = _LENGTHS.unpack(lengths)
        content, body = stdout.read(about), stdout.read(size)
        if len(content) < about or len(body) < size:
            raise WorkerDiedError
        return json.loads(content), body

    def kill_late(self) -> None:
        """Kill the process, because its script took too long."""
        self.is_late = True
        self._process.kill()

    def close(self) -> None:
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            try:
                cast("IO[bytes]", pipe).close()
            except OSError:
                continue  # the process has ended before it read everything
        self._process.wait()


def _environment() -> dict[str, str]:
    """Return an empty environment, except on Windows, which needs SYSTEMROOT to load its libraries."""
    return {"SYSTEMROOT": os.environ["SYSTEMROOT"]} if "SYSTEMROOT" in os.environ else {}


@lru_cache(maxsize=1)
def _library_folders() -> list[str]:
    found = (find_spec(name) for name in ("_quickjs", "jq"))
    return sorted({str(Path(spec.origin).parent) for spec in found if spec is not None and spec.origin})


class _Deadlines:
    """A thread that kills processes whose scripts take too long; the first script starts it."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._deadlines: dict[_Worker, float] = {}
        self._wakes_at: float | None = 0.0  # monotonic time; None if the thread waits for a notification
        self._thread: threading.Thread | None = None

    def add(self, worker: _Worker, deadline: float) -> None:
        with self._condition:
            self._deadlines[worker] = deadline
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="script-deadlines", daemon=True)
                self._thread.start()
            elif self._wakes_at is None or deadline < self._wakes_at:
                self._condition.notify()

    def remove(self, worker: _Worker) -> None:
        with self._condition:
            self._deadlines.pop(worker, None)

    def _watch(self) -> None:
        with self._condition:
            while True:
                now = time.monotonic()
                for worker in [one for one, deadline in self._deadlines.items() if deadline <= now]:
                    del self._deadlines[worker]
                    worker.kill_late()
                self._wakes_at = min(self._deadlines.values(), default=None)
                self._condition.wait(None if self._wakes_at is None else max(self._wakes_at - now, 0))


class ScriptPool:
    """At most ``MAX_WORKERS`` processes, which are started when they are needed."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._idle: list[_Worker] = []
        self._busy: dict[_Worker, int] = {}  # by worker: the thread that uses it
        self._starting = 0
        self._deadlines = _Deadlines()

    @property
    def size(self) -> int:
        """The number of processes."""
        with self._condition:
            return len(self._idle) + len(self._busy) + self._starting

    def run(
        self, job: str, script: str, payload: bytes, timeout: float, **options: Any
    ) -> tuple[dict[str, Any], bytes]:
        """Run a script in a process.

        Args:
            job: ``javascript``, ``check``, ``jq`` or ``regex``.
            script: The source.
            payload: The script's input, as JSON.
            timeout: Seconds that the script may take, from the moment that a process is available.
            options: Further fields of the job's header.

        Returns:
            The header and the payload of the response.

        Raises:
            TimeoutError: The script took too long; its process was killed.
            WorkerDiedError: The process ended while it ran the script, usually for lack of memory.
            ScriptError: No process can be started.
        """
        worker = self._take()
        try:
            self._deadlines.add(worker, time.monotonic() + timeout)
            return worker.run({"job": job, "script": script, "timeout": timeout, **options}, payload)
        except WorkerDiedError:
            worker.is_broken = True
            # The process may end just when it is killed; `is_late`, which is set before the kill, distinguishes the two
            # cases.
            if worker.is_late:
                raise TimeoutError(f"not evaluated within {timeout:g} seconds") from None
            raise
        finally:
            self._deadlines.remove(worker)
            self._release(worker)

    def _take(self) -> _Worker:
        with self._condition:
            while not self._idle and len(self._busy) + self._starting >= MAX_WORKERS:
                self._condition.wait()
            while self._idle:
                worker = self._idle.pop()
                if worker.is_alive:
                    self._busy[worker] = threading.get_ident()
                    return worker
                worker.close()
            # A process starts without the lock, because that takes long; the counter reserves its place.
            self._starting += 1
        started: _Worker | None = None
        try:
            started = _Worker()
        except OSError as error:
            raise ScriptError(f"Cannot start a process for scripts with {sys.executable!r}: {error}") from None
        finally:
            with self._condition:
                self._starting -= 1
                if started is not None:
                    self._busy[started] = threading.get_ident()
                self._condition.notify()
        return started

    def _release(self, worker: _Worker) -> None:
        with self._condition:
            # A killed process is not reused: its last script may have left it out of step with the protocol.
            self._busy.pop(worker, None)
            is_kept = len(self._idle) < _MAX_IDLE and not worker.is_late and not worker.is_broken
            if is_kept:
                self._idle.append(worker)
            self._condition.notify()
        if not is_kept:
            worker.close()

    def close_idle(self) -> None:
        """Kill the idle processes; the next script starts a new one."""
        with self._condition:
            idle, self._idle = self._idle, []
        for worker in idle:
            worker.close()

    def kill_of(self, threads: Collection[int]) -> None:
        """Kill the scripts of these threads, as if they had taken too long."""
        with self._condition:
            late = [worker for worker, thread in self._busy.items() if thread in threads]
        for worker in late:
            worker.kill_late()

    def kill_all(self) -> None:
        """Kill all processes; the scripts that are running fail."""
        with self._condition:
            busy = list(self._busy)
        for worker in busy:
            worker.kill_late()
        self.close_idle()


#: The pool that all servers of this Python process share.
POOL = ScriptPool()


def _forget_processes() -> None:
    """Start with an empty pool in a forked child, because the pipes belong to its parent."""
    POOL.__init__()  # type: ignore[misc]


atexit.register(POOL.kill_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_processes)
