"""Tasks in an answer whose bytes are not all UTF-8: those that are damaged are told from those that are not."""

from __future__ import annotations

import json
import re
from typing import Any

__all__ = ["DamagedTask", "salvaged"]

_BYTE = re.compile("[\udc80-\udcff]")  # how "surrogateescape" writes a byte that is no UTF-8


class DamagedTask(dict[str, Any]):
    """What is left of a task's JSON without the fields that hold bytes that are no UTF-8."""


def salvaged(content: bytes) -> Any:
    """The parsed answer, a task or a list of them, in which each damaged one is a ``DamagedTask``.

    Raises:
        ValueError: It is no JSON either.
    """
    value = json.loads(content.decode("utf-8", "surrogateescape"))
    return [_told_apart(one) for one in value] if isinstance(value, list) else _told_apart(value)


def _told_apart(task: Any) -> Any:
    if not isinstance(task, dict) or not _is_damaged(task):
        return task
    return DamagedTask((name, value) for name, value in task.items() if not _is_damaged([name, value]))


def _is_damaged(value: Any) -> bool:
    return _BYTE.search(json.dumps(value, ensure_ascii=False)) is not None
