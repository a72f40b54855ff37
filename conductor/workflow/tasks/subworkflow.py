"""Other workflows: run them as a step, start them, terminate them, or read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from typing_extensions import Unpack

from conductor.models import IdempotencyStrategy
from conductor.workflow.refs import Ref
from conductor.workflow.step import Options, Step, as_inputs, make

__all__ = ["get_workflow", "start_workflow", "sub_workflow", "terminate_workflow"]


@runtime_checkable
class _Defined(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def version(self) -> int | None: ...

    def to_dict(self) -> dict[str, Any]: ...


def sub_workflow(
    workflow: str | Ref | _Defined,
    inputs: Mapping[str, Any] | None = None,
    /,
    *,
    version: int | None = None,
    inline: bool | None = None,
    definition: Any = None,
    task_to_domain: Mapping[str, str] | None = None,
    priority: Any = None,
    idempotency_key: str | None = None,
    idempotency_strategy: IdempotencyStrategy | str | None = None,
    **options: Unpack[Options],
) -> Step:
    """Run another workflow as a step (``SUB_WORKFLOW``). Its output becomes the output of the step.

    Args:
        workflow: The name of a registered workflow, or a reference to the name; or a ``Workflow``, whose definition
            becomes a part of this one.
        inputs: The input of the sub-workflow.
        version: The version of the sub-workflow; by default the latest.
        inline: False to use only the name and version of a ``Workflow``, which must be registered.
        definition: A reference to a definition that is known at run time.
        task_to_domain: Domains by task name.
        priority: The priority of the sub-workflow, from 0 to 99, or a reference.
        idempotency_key: See ``client.workflows.start`` (Orkes).
        idempotency_strategy: See ``client.workflows.start`` (Orkes).
        options: See ``Options``.
    """
    name: Any
    if isinstance(workflow, str | Ref):
        name, number = workflow, version
    else:
        name, number = workflow.name, workflow.version if version is None else version
        definition = workflow if inline is not False else definition
    param = {
        "name": name,
        "version": number,
        "taskToDomain": task_to_domain,
        "priority": priority,
        "idempotencyKey": idempotency_key,
        "idempotencyStrategy": idempotency_strategy,
        "workflowDefinition": definition,
    }
    step: Step = make(
        "SUB_WORKFLOW",
        inputs,
        options,
        base=name if isinstance(name, str) and "${" not in name else None,
        subWorkflowParam={key: value for key, value in param.items() if value is not None},
    )
    step.target = None if isinstance(workflow, str | Ref) else workflow
    return step


def start_workflow(
    workflow: str | Ref | _Defined,
    inputs: Mapping[str, Any] | None = None,
    /,
    *,
    version: int | None = None,
    correlation_id: Any = None,
    task_to_domain: Mapping[str, str] | None = None,
    priority: Any = None,
    idempotency_key: str | None = None,
    idempotency_strategy: IdempotencyStrategy | str | None = None,
    **options: Unpack[Options],
) -> Step:
    """Start another workflow without waiting for it (``START_WORKFLOW``). The output has its ``workflowId``.

    Args:
        workflow: The name of a registered workflow; or a ``Workflow``, whose name and version are used.
        inputs: The input of the other workflow.
        version: The version of the other workflow; by default the latest.
        correlation_id: The correlation id of the other workflow; by default that of this one.
        task_to_domain: See ``sub_workflow``.
        priority: See ``sub_workflow``.
        idempotency_key: See ``sub_workflow``.
        idempotency_strategy: See ``sub_workflow``.
        options: See ``Options``.
    """
    name: Any = workflow if isinstance(workflow, str | Ref) else workflow.name
    if version is None and not isinstance(workflow, str | Ref):
        version = workflow.version
    request = {
        "name": name,
        "version": version,
        "input": dict(as_inputs(inputs)) if inputs is not None else None,
        "correlationId": correlation_id,
        "taskToDomain": task_to_domain,
        "priority": priority,
        "idempotencyKey": idempotency_key,
        "idempotencyStrategy": idempotency_strategy,
    }
    started = {key: value for key, value in request.items() if value is not None}
    base = f"start_{name}" if isinstance(name, str) and "${" not in name else None
    step: Step = make("START_WORKFLOW", {"startWorkflow": started}, options, base=base)
    return step


def terminate_workflow(
    workflow_ids: Any, reason: Any = None, *, trigger_failure_workflow: bool | None = None, **options: Unpack[Options]
) -> Step:
    """Terminate other executions (``TERMINATE_WORKFLOW``, Orkes).

    Args:
        workflow_ids: An id or a list of ids, or references.
        reason: The reason.
        trigger_failure_workflow: Whether to start their failure workflows.
        options: See ``Options``.
    """
    is_list = isinstance(workflow_ids, Sequence) and not isinstance(workflow_ids, str)
    inputs = {
        "workflowId": list(workflow_ids) if is_list else [workflow_ids],
        "terminationReason": reason,
        "triggerFailureWorkflow": trigger_failure_workflow,
    }
    step: Step = make("TERMINATE_WORKFLOW", {k: v for k, v in inputs.items() if v is not None}, options)
    return step


def get_workflow(workflow_id: Any, *, include_tasks: bool = False, **options: Unpack[Options]) -> Step:
    """Read an execution (``GET_WORKFLOW``, Orkes).

    Args:
        workflow_id: The execution's id.
        include_tasks: Whether to include the tasks.
        options: See ``Options``.
    """
    step: Step = make("GET_WORKFLOW", {"id": workflow_id, "includeTasks": include_tasks}, options)
    return step
