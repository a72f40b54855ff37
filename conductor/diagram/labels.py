"""The labels of steps: names, statuses, and details such as the URL of a request or the condition of a loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from conductor._internal.terminal import one_line as clean
from conductor.diagram.graph import Graph, Kind, Step
from conductor.diagram.runs import Run
from conductor.models import SubWorkflowParams, WorkflowTask

__all__ = ["about", "clean", "cut", "detail_of", "duration", "heading", "mark", "run_label", "subtitle", "title"]


_SEPARATOR = " · "
_MARKS = {
    "COMPLETED": "✓",
    "COMPLETED_WITH_ERRORS": "!",
    "FAILED": "✗",
    "FAILED_WITH_TERMINAL_ERROR": "✗",
    "TIMED_OUT": "✗",
    "CANCELED": "⊘",
    "TERMINATED": "⊘",
    "SKIPPED": "↷",
    "IN_PROGRESS": "…",
    "RUNNING": "…",
    "SCHEDULED": "…",
    "PAUSED": "‖",
}
#: Milliseconds.
_SECOND, _MINUTE, _HOUR = 1000, 60_000, 3_600_000


def cut(text: str, max_length: int) -> str:
    """Return at most ``max_length`` characters; a shortened text ends with an ellipsis."""
    return text if len(text) <= max_length else text[: max_length - 1].rstrip() + "…"


def title(step: Step) -> str:
    """Return the first line of a step: its reference name."""
    return clean(step.ref) or clean(step.name) or "?"


def subtitle(step: Step) -> str:
    """Return the second line of a step.

    For a worker's task, this is its name if it differs from the reference name. For others, it is type and detail.
    """
    name, detail = clean(step.name), clean(step.detail)
    if step.kind is Kind.MORE:
        return ""
    if step.kind is Kind.WORKER:
        parts = [
            step.type if step.type not in {"SIMPLE", step.name} else "",
            name if name != title(step) else "",
            detail,
        ]
    else:
        parts = [step.type, detail]
    if step.optional:
        parts.append("optional")
    return clean(_SEPARATOR.join(part for part in parts if part))


def about(step: Step, max_length: int) -> list[str]:
    """Return the second line, or two lines (type and detail) if it is longer than ``max_length``."""
    line = subtitle(step)
    return [line] if len(line) <= max_length else line.split(_SEPARATOR, 1)


def heading(graph: Graph) -> str:
    """Return the title of the diagram: name and version."""
    version = "" if graph.version is None else f" v{graph.version}"
    return (clean(graph.name) or "workflow") + version


def mark(status: str) -> str:
    """Return a symbol for a status."""
    return _MARKS.get(status, "•")


def run_label(run: Run) -> str:
    """Return status, time, iterations and retries, such as ``COMPLETED 1.2 s, 2 retries``."""
    parts = [" ".join(part for part in (clean(run.status), duration(run.milliseconds)) if part)]
    if run.iterations:
        parts.append(f"{run.iterations} iteration{'s' if run.iterations > 1 else ''}")
    if run.retries:
        parts.append(f"{run.retries} retr{'ies' if run.retries > 1 else 'y'}")
    return ", ".join(part for part in parts if part)


def duration(milliseconds: int | None) -> str:
    """Format a duration: ``85 ms``, ``1.2 s``, ``3 min 5 s``, ``2 h 10 min``; "" for None."""
    if milliseconds is None:
        return ""
    if milliseconds < _SECOND:
        return f"{milliseconds} ms"
    if milliseconds < _MINUTE:
        return f"{milliseconds / _SECOND:.1f} s"
    if milliseconds < _HOUR:
        minutes, rest = divmod(milliseconds, _MINUTE)
        return f"{minutes} min {rest // _SECOND} s"
    hours, rest = divmod(milliseconds, _HOUR)
    return f"{hours} h {rest // _MINUTE} min"


def _inputs(task: WorkflowTask) -> Mapping[str, Any]:
    return task.input_parameters if isinstance(task.input_parameters, Mapping) else {}


def _request(task: WorkflowTask) -> str:
    inputs = _inputs(task)
    request = inputs.get("http_request", inputs)
    if not isinstance(request, Mapping):
        return str(request)
    address = str(request.get("uri") or "").partition("?")[0]  # the query may contain secrets
    return f"{request.get('method') or 'GET'} {address}" if address else ""


def _switch(task: WorkflowTask) -> str:
    expression = task.expression or task.case_value_param or task.case_expression or ""
    value = _inputs(task).get(expression) if isinstance(expression, str) else None
    return str(expression if value is None else value)


def _loop(task: WorkflowTask) -> str:
    items = task.items or _inputs(task).get("_items")
    return f"for each of {items}" if items else f"while {task.loop_condition or 'true'}"


def _wait(task: WorkflowTask) -> str:
    inputs = _inputs(task)
    if inputs.get("duration"):
        return f"for {inputs['duration']}"
    return f"until {inputs['until']}" if inputs.get("until") else "until signaled"


def _sub_workflow(task: WorkflowTask) -> str:
    given = task.sub_workflow_param
    if not isinstance(given, SubWorkflowParams):
        return ""
    return _versioned(given.name, given.version)


def _start_workflow(task: WorkflowTask) -> str:
    given = _inputs(task).get("startWorkflow")
    return _versioned(given.get("name"), given.get("version")) if isinstance(given, Mapping) else ""


def _versioned(name: Any, version: Any) -> str:
    return f"{name or ''}{'' if version is None else f' v{version}'}".strip()


def _kafka(task: WorkflowTask) -> str:
    given = _inputs(task).get("kafka_request")
    return str(given.get("topic") or "") if isinstance(given, Mapping) else ""


def _human(task: WorkflowTask) -> str:
    given = _inputs(task).get("__humanTaskDefinition")
    return str(given.get("displayName") or "") if isinstance(given, Mapping) else ""


def _dynamic_fork(task: WorkflowTask) -> str:
    inputs = _inputs(task)
    listed = task.dynamic_fork_tasks_param or task.dynamic_fork_join_tasks_param or "forkTaskInputs"
    return f"for each of {inputs[listed]}" if inputs.get(listed) is not None else ""


def _terminate(task: WorkflowTask) -> str:
    inputs = _inputs(task)
    return ": ".join(str(inputs[key]) for key in ("terminationStatus", "terminationReason") if inputs.get(key))


def _dynamic(task: WorkflowTask) -> str:
    return str(_inputs(task).get(task.dynamic_task_name_param or "", ""))


def _one_input(*names: str) -> Callable[[WorkflowTask], str]:
    def read(task: WorkflowTask) -> str:
        return " ".join(str(value) for name in names if (value := _inputs(task).get(name)))

    return read


_DETAILS: dict[str, Callable[[WorkflowTask], str]] = {
    "HTTP": _request,
    "HTTP_POLL": _request,
    "SWITCH": _switch,
    "DECISION": _switch,
    "DO_WHILE": _loop,
    "WAIT": _wait,
    "SUB_WORKFLOW": _sub_workflow,
    "START_WORKFLOW": _start_workflow,
    "KAFKA_PUBLISH": _kafka,
    "HUMAN": _human,
    "FORK_JOIN_DYNAMIC": _dynamic_fork,
    "TERMINATE": _terminate,
    "DYNAMIC": _dynamic,
    "EVENT": lambda task: str(task.sink or ""),
    "SET_VARIABLE": lambda task: ", ".join(str(name) for name in _inputs(task)),
    "INLINE": _one_input("expression"),
    "LAMBDA": _one_input("scriptExpression"),
    "JSON_JQ_TRANSFORM": _one_input("queryExpression"),
    "LLM_TEXT_COMPLETE": _one_input("llmProvider", "model"),
    "LLM_CHAT_COMPLETE": _one_input("llmProvider", "model"),
    "CALL_MCP_TOOL": _one_input("method"),
    "LIST_MCP_TOOLS": _one_input("mcpServer"),
}


def detail_of(task: WorkflowTask, task_type: str) -> str:
    """Return a short description of a task; "" for types without one."""
    read = _DETAILS.get(task_type)
    return read(task) if read is not None else ""
