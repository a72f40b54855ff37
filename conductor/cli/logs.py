"""The log of a worker process: lines for people, or JSON for what collects logs."""

from __future__ import annotations

import json
import logging
import os
from datetime import datetime, timezone

from conductor.worker.context import TaskLogFilter

__all__ = ["configure", "configure_child"]

_FOR_CHILDREN = "_CONDUCTOR_LOG"
_FIELDS = ("task_type", "task_id", "workflow_id")


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        said = {
            "time": datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "thread": record.threadName,
            "message": record.getMessage(),
            **{name: value for name in _FIELDS if (value := getattr(record, name, ""))},
        }
        if record.exc_info:
            said["exception"] = self.formatException(record.exc_info)
        return json.dumps(said, ensure_ascii=False, default=str)


def configure(level: str, form: str) -> None:
    """Have this process, and the worker processes that it starts, log to standard error.

    Args:
        level: ``debug``, ``info``, ``warning`` or ``error``.
        form: ``text`` or ``json``.
    """
    os.environ[_FOR_CHILDREN] = f"{level} {form}"
    handler = logging.StreamHandler()
    handler.addFilter(TaskLogFilter())
    lines = logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    handler.setFormatter(_JsonLines() if form == "json" else lines)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)


def configure_child(_: object) -> None:
    """The same in a worker process, as its parent was told (``TaskHandler(child_setup=...)``)."""
    level, form = os.environ[_FOR_CHILDREN].split()
    configure(level, form)
