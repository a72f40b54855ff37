"""Work for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from typing_extensions import Unpack

from conductor._renamed import explains
from conductor.models import AssignmentCompletionStrategy, HumanTaskTriggerType, HumanTaskUserType
from conductor.workflow.step import Options, Step, as_inputs, make
from conductor.workflow.tasks.wire import given

__all__ = ["assignment", "human", "trigger"]


@explains
def human(
    inputs: Mapping[str, Any] | None = None,
    /,
    *,
    display_name: Any = None,
    form: str | tuple[str, int] | None = None,
    assignments: Sequence[Mapping[str, Any]] | None = None,
    completion_strategy: AssignmentCompletionStrategy | str | None = None,
    triggers: Sequence[Mapping[str, Any]] | None = None,
    auto_claim: bool | None = None,
    **options: Unpack[Options],
) -> Step:
    """Wait until a person has done something (``HUMAN``). The open-source server waits for an update of the task.

    Args:
        inputs: What the person gets to see.
        display_name: The task's title (Orkes, as all that follow).
        form: The form's name, or its name and version.
        assignments: Who is asked, one after another; see ``assignment``.
        completion_strategy: What happens after the last one: ``LEAVE_OPEN`` or ``TERMINATE``.
        triggers: Workflows that changes of the task start; see ``trigger``.
        auto_claim: Whether the first who opens it has it.
        options: See ``Options``.
    """
    name, version = form if isinstance(form, tuple) else (form, None)
    definition = given(
        display_name=display_name,
        user_form_template=None if name is None else given(name=name, version=version),
        assignments=None if assignments is None else list(assignments),
        assignment_completion_strategy=completion_strategy,
        task_triggers=None if triggers is None else list(triggers),
        auto_claim=auto_claim,
    )
    first = {"__humanTaskDefinition": definition} if definition else {}
    step: Step = make("HUMAN", {**first, **as_inputs(inputs)}, options)
    return step


def assignment(
    user: Any, user_type: HumanTaskUserType | str = HumanTaskUserType.EXTERNAL_USER, *, sla_minutes: int | None = None
) -> dict[str, Any]:
    """Who is asked to do a human task, and for how long.

    Args:
        user: The user's or group's name, or a reference.
        user_type: What ``user`` names.
        sla_minutes: Minutes after which the next one is asked.
    """
    return given(assignee={"userType": user_type, "user": user}, sla_minutes=sla_minutes)


def trigger(
    on: HumanTaskTriggerType | str,
    workflow: str,
    inputs: Mapping[str, Any] | None = None,
    *,
    version: int | None = None,
    correlation_id: Any = None,
    task_to_domain: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """A workflow that a change of a human task starts.

    Args:
        on: The change.
        workflow: The workflow's name.
        inputs: Its input.
        version: Its version.
        correlation_id: Its correlation id.
        task_to_domain: Task name to the domain whose workers get it.
    """
    request = given(
        name=workflow, version=version, input=inputs, correlation_id=correlation_id, task_to_domain=task_to_domain
    )
    return {"triggerType": on, "startWorkflowRequest": request}
