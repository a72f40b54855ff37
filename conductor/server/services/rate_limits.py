"""How many tasks of a name may be handed out in a while: ``rateLimitPerFrequency`` of their definitions."""

from __future__ import annotations

from collections import deque
from typing import Any

from conductor.server.engine.state import Doc

Json = dict[str, Any]


class RateLimits:
    """What was handed out lately, by name; in memory, so that a new process begins with a new window."""

    def __init__(self) -> None:
        self._lately: dict[str, deque[int]] = {}

    def held_until(self, task: Doc, now: int) -> int | None:
        """When the task may be handed out, epoch ms; None for at once."""
        limit, window_ms = _limit(task)
        if limit <= 0:
            return None
        lately = self._lately.get(task["taskDefName"], deque())
        while lately and lately[0] + window_ms <= now:
            lately.popleft()
        return None if len(lately) < limit else lately[-limit] + window_ms

    def note(self, task: Doc, now: int) -> None:
        """The task is handed out."""
        if _limit(task)[0] > 0:
            self._lately.setdefault(task["taskDefName"], deque()).append(now)

    def take_back(self, task: Doc, noted: int) -> None:
        """It was not, after all."""
        lately = self._lately.get(task["taskDefName"])
        if lately and noted in lately:
            lately.remove(noted)


def _limit(task: Doc) -> tuple[int, int]:
    task_def = (task.get("workflowTask") or {}).get("taskDefinition") or {}
    return task_def.get("rateLimitPerFrequency") or 0, (task_def.get("rateLimitFrequencyInSeconds") or 1) * 1000
