"""Human tasks, their assignments and form templates (Orkes)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from attrs import define, field

from conductor.models._base import Model, wire
from conductor.models.codec import to_datetime
from conductor.models.enums import (
    AssignmentCompletionStrategy,
    HumanTaskSearchType,
    HumanTaskState,
    HumanTaskTriggerType,
    HumanTaskUserType,
)
from conductor.models.requests import StartWorkflowRequest
from conductor.models.tag import Tag


@define(repr=False)
class HumanTaskUser(Model):
    """A user or group that a human task is assigned to or claimed by.

    Attributes:
        user: Id of the user or group.
    """

    user: str | None = None
    user_type: HumanTaskUserType | None = None


@define(repr=False)
class HumanTaskTrigger(Model):
    """A workflow that starts when a human task changes its state."""

    start_workflow_request: StartWorkflowRequest | None = None
    trigger_type: HumanTaskTriggerType | None = None


@define(repr=False)
class HumanTaskAssignment(Model):
    """One assignee of a human task. Assignments apply in order, each one after the previous one has expired.

    Attributes:
        sla_minutes: Minutes until the next assignment applies; 0 for never.
    """

    assignee: HumanTaskUser | None = None
    sla_minutes: int | None = None


@define(repr=False)
class UserFormTemplate(Model):
    """The form template that a human task uses.

    Attributes:
        version: None or 0 for the latest version.
    """

    name: str | None = None
    version: int | None = None


@define(repr=False)
class HumanTaskTemplate(Model):
    """A form template: the JSON schema of the data and the layout of the form (``client.human_templates``).

    Attributes:
        json_schema: JSON schema of the form's data.
        template_ui: Layout of the form.
        create_time: Epoch milliseconds.
        update_time: Epoch milliseconds.
    """

    json_schema: dict[str, Any]
    name: str
    template_ui: dict[str, Any] = field(metadata=wire("templateUI"))
    version: int
    create_time: int | None = None
    created_by: str | None = None
    owner_app: str | None = None
    tags: list[Tag] | None = None
    update_time: int | None = None
    updated_by: str | None = None

    @property
    def created_at(self) -> datetime | None:
        """Creation time as an aware datetime in UTC, or None."""
        return to_datetime(self.create_time)

    @property
    def updated_at(self) -> datetime | None:
        """Time of the last change as an aware datetime in UTC, or None."""
        return to_datetime(self.update_time)


@define(repr=False)
class HumanTaskDefinition(Model):
    """How a human task is assigned and displayed, in ``HumanTaskEntry.human_task_def``."""

    assignment_completion_strategy: AssignmentCompletionStrategy | None = None
    assignments: list[HumanTaskAssignment] | None = None
    display_name: str | None = None
    full_template: HumanTaskTemplate | None = None
    task_triggers: list[HumanTaskTrigger] | None = None
    user_form_template: UserFormTemplate | None = None


@define(repr=False)
class HumanTaskEntry(Model):
    """A human task with its assignee and state (``client.human_tasks.get``, ``GET /human/tasks/{taskId}``).

    Attributes:
        assignee: User or group that may claim the task; None if anyone may.
        claimant: User who works on it.
        created_on: Epoch milliseconds.
        updated_on: Epoch milliseconds.
        definition_name: Name of the task definition.
        human_task_def: Includes ``full_template`` only if the template was requested.
    """

    assignee: HumanTaskUser | None = None
    claimant: HumanTaskUser | None = None
    created_by: str | None = None
    created_on: int | None = None
    definition_name: str | None = None
    display_name: str | None = None
    human_task_def: HumanTaskDefinition | None = None
    input: dict[str, Any] | None = None
    output: dict[str, Any] | None = None
    owner_app: str | None = None
    state: HumanTaskState | None = None
    task_id: str | None = None
    task_ref_name: str | None = None
    updated_by: str | None = None
    updated_on: int | None = None
    workflow_id: str | None = None
    workflow_name: str | None = None


@define(repr=False)
class HumanTaskSearch(Model):
    """The body of ``POST /human/tasks/search``; see ``client.human_tasks.search``.

    Attributes:
        size: Results per page; up to 5,000.
        start: Offset of the first result.
        update_end_time: Epoch milliseconds.
        update_start_time: Epoch milliseconds.
    """

    assignees: list[HumanTaskUser] | None = None
    claimants: list[HumanTaskUser] | None = None
    definition_names: list[str] | None = None
    display_names: list[str] | None = None
    full_text_query: str | None = None
    search_type: HumanTaskSearchType | None = None
    size: int | None = None
    start: int | None = None
    states: list[HumanTaskState] | None = None
    task_input_query: str | None = None
    task_output_query: str | None = None
    task_ref_names: list[str] | None = None
    update_end_time: int | None = None
    update_start_time: int | None = None
    workflow_ids: list[str] | None = None
    workflow_names: list[str] | None = None


@define(repr=False)
class HumanTaskSearchResult(Model):
    """One page of a search for human tasks.

    Attributes:
        hits: Results on this page.
        start: Offset of the first result.
        total_hits: Results on all pages.
    """

    hits: int | None = None
    page_size_limit: int | None = None
    results: list[HumanTaskEntry] = field(factory=list)
    start: int | None = None
    total_hits: int | None = None
