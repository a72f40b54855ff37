"""Example tasks that control the flow: branches, loops, sub-workflows, and the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from conductor.models import SubWorkflowParams, TaskType, WorkflowDef, WorkflowTask
from conductor.testing.tasks.making import made
from conductor.testing.tasks.workers import simple_task

__all__ = [
    "decision_task",
    "do_while_task",
    "dynamic_fork_task",
    "exclusive_join_task",
    "fork_join_task",
    "join_task",
    "start_workflow_task",
    "sub_workflow_task",
    "switch_task",
    "terminate_task",
]


def switch_task(
    reference_name: str = "switch",
    cases: Mapping[str, Sequence[WorkflowTask]] | None = None,
    default: Sequence[WorkflowTask] = (),
    *,
    on: str = "${workflow.input.case}",
    **fields: Any,
) -> WorkflowTask:
    """Return a SWITCH on a value, by default with one case, ``"a"``."""
    cases = cases if cases is not None else {"a": [simple_task(f"{reference_name}_a")]}
    return made(
        TaskType.SWITCH,
        reference_name,
        {"value": on},
        fields,
        evaluator_type="value-param",
        expression="value",
        decision_cases={value: list(tasks) for value, tasks in cases.items()},
        default_case=list(default),
    )


def decision_task(
    reference_name: str = "decision",
    cases: Mapping[str, Sequence[WorkflowTask]] | None = None,
    default: Sequence[WorkflowTask] = (),
    *,
    on: str = "${workflow.input.case}",
    **fields: Any,
) -> WorkflowTask:
    """Return a DECISION task, the predecessor of SWITCH in older definitions."""
    cases = cases if cases is not None else {"a": [simple_task(f"{reference_name}_a")]}
    return made(
        TaskType.DECISION,
        reference_name,
        {"value": on},
        fields,
        case_value_param="value",
        decision_cases={value: list(tasks) for value, tasks in cases.items()},
        default_case=list(default),
    )


def fork_join_task(
    reference_name: str = "fork", branches: Sequence[Sequence[WorkflowTask]] | None = None, **fields: Any
) -> WorkflowTask:
    """Return a FORK_JOIN of ``branches``, by default ``<ref>_left`` and ``<ref>_right``; a JOIN must follow it."""
    if branches is None:
        branches = [[simple_task(f"{reference_name}_left")], [simple_task(f"{reference_name}_right")]]
    return made(TaskType.FORK_JOIN, reference_name, {}, fields, fork_tasks=[list(branch) for branch in branches])


def join_task(
    reference_name: str = "join", join_on: Sequence[str] | WorkflowTask = ("fork_left", "fork_right"), **fields: Any
) -> WorkflowTask:
    """Return a JOIN on the last tasks of the branches: their references, or the fork itself."""
    if isinstance(join_on, WorkflowTask):
        join_on = [branch[-1].task_reference_name for branch in join_on.fork_tasks or () if branch]
    return made(TaskType.JOIN, reference_name, {}, fields, join_on=list(join_on))


def exclusive_join_task(
    reference_name: str = "exclusive_join",
    join_on: Sequence[str] = ("switch_a",),
    default: Sequence[str] = (),
    **fields: Any,
) -> WorkflowTask:
    """Return an EXCLUSIVE_JOIN on the case that ran."""
    return made(
        TaskType.EXCLUSIVE_JOIN,
        reference_name,
        {},
        fields,
        join_on=list(join_on),
        default_exclusive_join_task=list(default),
    )


def dynamic_fork_task(
    reference_name: str = "dynamic_fork",
    *,
    tasks: Any = "${workflow.input.tasks}",
    inputs: Any = "${workflow.input.inputs}",
    **fields: Any,
) -> WorkflowTask:
    """Return a FORK_JOIN_DYNAMIC over a list of tasks, with their inputs by reference name; a JOIN must follow it."""
    return made(
        TaskType.FORK_JOIN_DYNAMIC,
        reference_name,
        {"tasks": tasks, "inputs": inputs},
        fields,
        dynamic_fork_tasks_param="tasks",
        dynamic_fork_tasks_input_param_name="inputs",
    )


def do_while_task(
    reference_name: str = "loop", body: Sequence[WorkflowTask] | None = None, *, iterations: int = 2, **fields: Any
) -> WorkflowTask:
    """Return a DO_WHILE that repeats ``body``, by default one task ``<ref>_body``."""
    return made(
        TaskType.DO_WHILE,
        reference_name,
        {"iterations": iterations},
        fields,
        loop_condition=f"$.{reference_name}['iteration'] < $.iterations",
        loop_over=list(body) if body is not None else [simple_task(f"{reference_name}_body")],
    )


def sub_workflow_task(
    reference_name: str = "sub_workflow", workflow: str | WorkflowDef = "child", version: int | None = 1, **fields: Any
) -> WorkflowTask:
    """Return a SUB_WORKFLOW with a name and version, or with an inline definition."""
    if isinstance(workflow, WorkflowDef):
        param = SubWorkflowParams(workflow.name, workflow.version, workflow_definition=workflow)
    else:
        param = SubWorkflowParams(workflow, version)
    inputs = {"value": "${workflow.input.value}"}
    return made(TaskType.SUB_WORKFLOW, reference_name, inputs, fields, sub_workflow_param=param)


def start_workflow_task(
    reference_name: str = "start_workflow", workflow: str = "other", version: int | None = 1, **fields: Any
) -> WorkflowTask:
    """Return a START_WORKFLOW task, which does not wait for the started workflow."""
    start = {"name": workflow, "version": version, "input": {"value": "${workflow.input.value}"}}
    return made(TaskType.START_WORKFLOW, reference_name, {"startWorkflow": start}, fields)


def terminate_task(
    reference_name: str = "terminate", status: str = "COMPLETED", reason: str = "an example", **fields: Any
) -> WorkflowTask:
    """Return a TERMINATE with COMPLETED, FAILED or TERMINATED."""
    inputs = {"terminationStatus": status, "terminationReason": reason}
    return made(TaskType.TERMINATE, reference_name, inputs, fields)
