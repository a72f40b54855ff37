"""What definitions must be like to be registered, in the real server's words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from conductor.server.engine.world import RefusedError

Json = dict[str, Any]
TaskDefs = Callable[[str], Json | None]

_FAILED = "Validation failed, check below errors for detail."


def check_task_defs(given: Sequence[Any], path: str) -> None:
    """Refuse task definitions that break the rules; all faults are named together."""


def check_workflow_defs(given: Sequence[Any], path: str, task_def: TaskDefs) -> None:
    """Refuse workflow definitions that break the rules; all faults are named together."""
    if not given:
        raise RefusedError(400, _FAILED, [{"path": path, "message": str(task_def)}])
