"""Human tasks and their templates (Orkes)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from attrs import define, field

from conductor.models._base import Model, wire
from conductor.models.access import Tag
from conductor.models.codec import moment
from conductor.models.enums import (
    AssignmentCompletionStrategy,
    HumanTaskSearchType,
    HumanTaskState,
    HumanTaskTriggerType,
    HumanTaskUserType,
)
from conductor.models.requests import StartWorkflowRequest


@define(repr=False)
class HumanTaskUser(Model):
    """Human task user."""

    user: str | None = None
    user_type: HumanTaskUserType | None = None


@define(repr=False)
class HumanTaskTrigger(Model):
    """Human task trigger."""

    start_workflow_request: StartWorkflowRequest | None = None
    trigger_type: HumanTaskTriggerType | None = None


@define(repr=False)
class HumanTaskAssignment(Model):
    """Human task assignment.

    Attributes:
        sla_minutes: Minutes.
    """

    assignee: HumanTaskUser | None = None
    sla_minutes: int | None = None


@define(repr=False)
class UserFormTemplate(Model):
    """User form template.

    Attributes:
        version: 0 = latest in the builders.
    """

    name: str | None = None
    version: int | None = None


@define(repr=False)
class HumanTaskTemplate(Model):
    """Human task template."""

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
        """When it was created, aware and in UTC; None for never."""
        return moment(self.create_time)

    @property
    def updated_at(self) -> datetime | None:
        """When it was last changed, aware and in UTC; None for never."""
        return moment(self.update_time)


@define(repr=False)
class HumanTaskDefinition(Model):
    """Human task definition."""

    assignment_completion_strategy: AssignmentCompletionStrategy | None = None
    assignments: list[HumanTaskAssignment] | None = None
    display_name: str | None = None
    full_template: HumanTaskTemplate | None = None
    task_triggers: list[HumanTaskTrigger] | None = None
    user_form_template: UserFormTemplate | None = None


@define(repr=False)
class HumanTaskEntry(Model):
    """Human task entry."""

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
    """Human task search.

    Attributes:
        size: 15 in the JS peer.
        start: 0.
        update_end_time: Epoch ms.
        update_start_time: Epoch ms.
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
    """Human task search result."""

    hits: int | None = None
    page_size_limit: int | None = None
    results: list[HumanTaskEntry] = field(factory=list)
    start: int | None = None
    total_hits: int | None = None
