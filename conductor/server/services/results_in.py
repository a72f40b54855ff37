"""Results that the server itself brings to tasks."""

from __future__ import annotations

from typing import Any

from conductor.server.engine.results import apply_result
from conductor.server.engine.state import Doc, Execution
from conductor.server.kernel import Kernel


def end_task(
    kernel: Kernel, execution: Execution, task: Doc, status: str, output: dict[str, Any], reason: str | None = None
) -> None:
    """End a task, and let its execution go on; inside a change."""
    kernel.touch(execution)
    result = {"status": status, "outputData": output, "reasonForIncompletion": reason}
    if apply_result(execution, task, result, kernel.world):
        kernel.advance(execution)
