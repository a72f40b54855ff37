"""The log of a worker process: lines for people, or JSON for log collectors."""

from __future__ import annotations

import json
import logging
import os
from datetime import datetime, timezone

import click

from conductor._internal.terminal import printable
from conductor.worker.context import TaskLogFilter

__all__ = ["LOG_FORMAT", "LOG_LEVEL", "configure", "configure_child"]

#: The environment variable by which worker processes learn the level and the format.
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
    help="The form of log lines.",
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
    """Log like the parent process, in a worker process (``TaskHandler(child_setup=...)``)."""
    level, form = os.environ[_FOR_CHILDREN].split()
    configure(level, form)
