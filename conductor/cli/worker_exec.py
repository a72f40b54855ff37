"""``conductor worker exec``: any program as a worker, with JSON on its standard input and output."""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

import click
from attrs import define, field

from conductor._internal.platforms import kill_tree, own_process_group
from conductor._internal.terminal import one_line, printable
from conductor.cli.command import Command
from conductor.cli.exits import Misused
from conductor.cli.output import say
from conductor.cli.session import Session
from conductor.cli.values import seconds
from conductor.errors import NonRetryableError
from conductor.models import Task, TaskResult, TaskResultStatus
from conductor.worker.context import TaskContext, TaskLogFilter, get_task_context
from conductor.worker.handler import TaskHandler
from conductor.worker.worker import Worker

__all__ = ["LOG_FORMAT", "LOG_LEVEL", "ProgramWorker", "command", "configure", "configure_child"]

#: The environment variable that passes the level and the format to worker processes.
_FOR_CHILDREN = "_CONDUCTOR_LOG"
#: Attributes of every record of the standard library; the others are fields that a logger passed as ``extra``.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

LOG_LEVEL = click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    show_default=True,
    help="The lowest level that is logged.",
)
LOG_FORMAT = click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="The format of log lines.",
)


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        extra = {
            name: value for name, value in vars(record).items() if name not in _STANDARD and value not in {"", None}
        }
        entry = {
            "time": datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "thread": record.threadName,
            "message": record.getMessage(),
            **extra,
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry, default=str)


class _TextLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record))


def configure(level: str, form: str) -> None:
    """Log to standard error, in this process and in the worker processes that it starts.

    Args:
        level: ``debug``, ``info``, ``warning`` or ``error``.
        form: ``text`` or ``json``.
    """
    os.environ[_FOR_CHILDREN] = f"{level} {form}"
    handler = logging.StreamHandler()
    handler.addFilter(TaskLogFilter())
    lines = _TextLines("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    handler.setFormatter(_JsonLines() if form == "json" else lines)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)


def configure_child(_: object) -> None:
    """Configure logging in a worker process as in the parent process (``TaskHandler(child_setup=...)``)."""
    level, form = os.environ[_FOR_CHILDREN].split()
    configure(level, form)


#: Seconds between two checks of a running program, and so the maximum delay of a stop or a timeout.
_POLL_INTERVAL_S = 0.05
#: Seconds from SIGTERM to SIGKILL for a program that is stopped.
_KILL_AFTER_S = 5.0
#: Maximum number of characters of standard error in the reason of a failed task.
_MAX_REASON = 500
#: Maximum number of lines of standard error in the task's log.
_MAX_LOG_LINES = 500
#: The exit status that fails a task permanently by default: EX_CONFIG of sysexits.h.
_PERMANENT = 78


class ProgramFailedError(Exception):
    """The program ended with an exit status that is not zero."""


@define
class ProgramWorker:
    """Runs a program for each task.

    Attributes:
        program: The program and its arguments.
        whole_task: Whether the program reads the whole task instead of its input.
        text: Whether standard output is text instead of JSON.
        timeout: Seconds that the program may run; None for no limit.
        permanent: Exit statuses that fail the task without a retry.
    """

    program: Sequence[str]
    whole_task: bool = False
    text: bool = False
    timeout: float | None = None
    permanent: frozenset[int] = frozenset({_PERMANENT})
    _running: set[subprocess.Popen[bytes]] = field(factory=set, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False)

    def __call__(self, task: Task) -> Any:
        """Run the program for a task, and return its output, or the failed result.

        The task's log does not contain a traceback of this module, which would not help to debug the program.
        """
        try:
            return self._run(task)
        except (ProgramFailedError, NonRetryableError) as error:
            is_final = isinstance(error, NonRetryableError)
            return TaskResult(
                workflow_instance_id=task.workflow_instance_id or "",
                task_id=task.task_id or "",
                status=TaskResultStatus.FAILED_WITH_TERMINAL_ERROR if is_final else TaskResultStatus.FAILED,
                reason_for_incompletion=str(error),
            )

    def _run(self, task: Task) -> Any:
        """Run the program for a task, and return its output.

        Raises:
            ProgramFailedError: The program failed, or ran longer than ``timeout``; the task is retried.
            NonRetryableError: The program cannot be started, its exit status is one of ``permanent``, or its output is
                not JSON.
        """
        context = get_task_context()
        given = json.dumps(task.to_dict() if self.whole_task else task.input_data).encode()
        try:
            process = subprocess.Popen(  # the program that the user named
                self.program,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**os.environ, **_facts(context)},
                **own_process_group(),
            )
        except OSError as error:
            raise NonRetryableError(f"Cannot start {self.program[0]!r}: {error.strerror}.") from None
        with self._lock:
            self._running.add(process)
        try:
            out, err = self._communicate(process, given)
        finally:
            with self._lock:
                self._running.discard(process)
        for line in err.splitlines()[:_MAX_LOG_LINES]:
            context.log("%s", line)
        return self._result(process.returncode, out, err)

    def _communicate(self, process: subprocess.Popen[bytes], given: bytes) -> tuple[bytes, str]:
        deadline = None if self.timeout is None else time.monotonic() + self.timeout
        pending: bytes | None = given
        while True:
            try:
                out, err = process.communicate(pending, timeout=_POLL_INTERVAL_S)
            except subprocess.TimeoutExpired:
                pending = None  # communicate has kept the input, and continues to send it
                if deadline is not None and time.monotonic() >= deadline:
                    _stop(process)
                    process.communicate()
                    raise ProgramFailedError(
                        f"The program ran longer than {self.timeout:g} s and was stopped."
                    ) from None
                continue
            return out, err.decode(errors="replace")

    def _result(self, status: int, out: bytes, err: str) -> Any:
        if status:
            end = f"was ended by signal {-status}" if status < 0 else f"ended with exit status {status}"
            tail = one_line(err)[-_MAX_REASON:]
            message = f"{self.program[0]} {end}" + (f": {tail}" if tail else "")
            raise NonRetryableError(message) if status in self.permanent else ProgramFailedError(message)
        written = out.decode(errors="replace").strip()
        if self.text:
            return {"result": written}
        try:
            return json.loads(written) if written else {}
        except (ValueError, RecursionError) as error:
            raise NonRetryableError(
                f"The output of {self.program[0]} is not JSON ({error}). Print one JSON value, or use --text."
            ) from None

    def stop(self) -> None:
        """Stop the programs that are running."""
        with self._lock:
            left = list(self._running)
        for process in left:
            _stop(process)


def _facts(context: TaskContext) -> dict[str, str]:
    return {
        "CONDUCTOR_TASK_ID": context.task_id,
        "CONDUCTOR_TASK_TYPE": context.task_type,
        "CONDUCTOR_TASK_REFERENCE": context.reference_name,
        "CONDUCTOR_WORKFLOW_ID": context.workflow_id,
        "CONDUCTOR_TASK_ATTEMPT": str(context.retry_count + 1),
    }


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Stop a program and what it started."""
    _signal(process, signal.SIGTERM)
    try:
        process.wait(_KILL_AFTER_S)
    except subprocess.TimeoutExpired:
        _signal(process, getattr(signal, "SIGKILL", signal.SIGTERM))


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    try:
        kill_tree(process.pid, number)
    except ProcessLookupError:
        return


@click.command("exec", cls=Command, context_settings={"ignore_unknown_options": True})
@click.option("--type", "task_type", required=True, metavar="NAME", help="The task type to poll.")
@click.option(
    "--threads", type=click.IntRange(1), default=1, show_default=True, help="The number of concurrent programs."
)
@click.option("--domain", help="The task domain.")
@click.option("--timeout", type=seconds, metavar="TIME", help="The maximum time that a program may run: 30, 5m, 2h.")
@click.option("--whole-task", is_flag=True, help="Pass the whole task on standard input instead of its input.")
@click.option("--text", is_flag=True, help='Standard output is text: it becomes {"result": TEXT}.')
@click.option(
    "--permanent",
    type=click.IntRange(1, 255),
    multiple=True,
    default=[_PERMANENT],
    show_default=True,
    help="An exit status that fails the task without a retry; repeatable.",
)
@click.option("--grace", type=float, default=30.0, show_default=True, help="Seconds to let running programs finish.")
@click.option("--outbox", type=click.Path(dir_okay=False), help="A file that keeps undelivered results across a crash.")
@click.option("--health-port", type=int, help="Serve /livez, /readyz and /metrics on this port; 0 for a free one.")
@LOG_LEVEL
@LOG_FORMAT
@click.argument("program", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- PROGRAM [ARGUMENT]...")
@click.pass_obj
def command(
    session: Session,
    task_type: str,
    threads: int,
    domain: str | None,
    timeout: float | None,
    whole_task: bool,
    text: bool,
    permanent: tuple[int, ...],
    grace: float,
    outbox: str | None,
    health_port: int | None,
    log_level: str,
    log_format: str,
    program: tuple[str, ...],
) -> None:
    """Run a program for each task of a type, until SIGTERM or Ctrl-C.

    The program reads the task's input as a JSON object on standard input and prints its output as JSON. An output that
    is not an object becomes {"result": VALUE}. Standard error is written to the task's log.

    Exit status 0 completes the task. Any other status fails it; the task is then retried, unless the status is one of
    --permanent.

    The program's environment contains CONDUCTOR_TASK_ID, CONDUCTOR_TASK_TYPE, CONDUCTOR_TASK_REFERENCE,
    CONDUCTOR_WORKFLOW_ID and CONDUCTOR_TASK_ATTEMPT.
    """
    if shutil.which(program[0]) is None:
        raise Misused(f"{program[0]!r} was not found: it is neither on the PATH nor an executable file.")
    configure(log_level, log_format)
    runner = ProgramWorker(program, whole_task, text, timeout, frozenset(permanent))
    options: dict[str, Any] = {"thread_count": threads, "lease_extension": True}
    if domain is not None:
        options["domain"] = domain
    handler = TaskHandler(
        session.settings(),
        workers=[Worker(runner, task_type, **options)],
        grace_seconds=grace,
        outbox=outbox,
        health_port=health_port,
    )
    say(f"Running {' '.join(program)} for tasks of type {task_type}; Ctrl-C stops")
    try:
        handler.run()
    finally:
        runner.stop()
        sys.stderr.flush()
