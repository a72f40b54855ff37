"""Task definitions: retries, timeouts, limits."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from attrs import define, field

from conductor.models.codec import moment
from conductor.models.enums import RetryLogic, TaskTimeoutPolicy
from conductor.models.schema import SchemaDef
from conductor.models.tag import Tag
from conductor.models.wire import Model, wire


@define(repr=False)
class TaskDef(Model):
    """A task definition. What is None is left to the server, whose defaults the attributes name.

    Attributes:
        name: "" where a definition inside a workflow definition has none, which the server allows.
        create_time: Epoch ms.
        update_time: Epoch ms, 0 = never.
        retry_count: >= 0; the server's default is 3.
        timeout_seconds: Seconds, whole task including all polls; 0 = none; the server's default is 0.
        runtime_metadata: Names of secrets/variables resolved at poll time into Task.runtimeMetadata; open-source
            server only.
        timeout_policy: The server's default is TIME_OUT_WF.
        retry_logic: The server's default is FIXED.
        retry_delay_seconds: Seconds; the server's default is 60.
        response_timeout_seconds: Seconds between updates, >= 1, less than timeoutSeconds when that is set; the
            server's default is 3600.
        concurrent_exec_limit: 0 or None = no limit.
        input_template: Defaults merged under the task input.
        rate_limit_per_frequency: Tasks per window; 0 = none. Not enforced by the SQLite backend; the server's
            default is 0.
        rate_limit_frequency_in_seconds: Seconds, the window; the server's default is 1.
        owner_email: Mandatory only where the server demands it.
        poll_timeout_seconds: Seconds a task may stay SCHEDULED.
        backoff_scale_factor: >= 1; for LINEAR_BACKOFF; the server's default is 1.
        max_retry_delay_seconds: Seconds, cap for backoff; 0 = none; the server's default is 0; open-source server
            only.
        backoff_jitter_ms: Ms; the server's default is 0; open-source server only.
        total_timeout_seconds: Seconds over all attempts; 0 = none. The Orkes document marks it required; the
            server's default is 0.
        task_status_listener_enabled: The server's default is true; open-source server only.
        tags: Orkes only.
        overwrite_tags: Orkes only: whether the tags replace those that are there.
    """

    name: str = field(metadata=wire(absent=""))
    owner_app: str | None = None
    create_time: int | None = None
    update_time: int | None = None
    created_by: str | None = None
    updated_by: str | None = None
    description: str | None = None
    retry_count: int | None = None
    timeout_seconds: int | None = None
    input_keys: list[str] | None = None
    output_keys: list[str] | None = None
    runtime_metadata: list[str] | None = None
    timeout_policy: TaskTimeoutPolicy | None = None
    retry_logic: RetryLogic | None = None
    retry_delay_seconds: int | None = None
    response_timeout_seconds: int | None = None
    concurrent_exec_limit: int | None = None
    input_template: dict[str, Any] | None = None
    rate_limit_per_frequency: int | None = None
    rate_limit_frequency_in_seconds: int | None = None
    isolation_group_id: str | None = None
    execution_namespace: str | None = field(default=None, metadata=wire("executionNameSpace"))
    owner_email: str | None = None
    poll_timeout_seconds: int | None = None
    backoff_scale_factor: int | None = None
    max_retry_delay_seconds: int | None = None
    backoff_jitter_ms: int | None = None
    base_type: str | None = None
    total_timeout_seconds: int | None = None
    task_status_listener_enabled: bool | None = None
    input_schema: SchemaDef | None = None
    output_schema: SchemaDef | None = None
    enforce_schema: bool | None = None
    tags: list[Tag] | None = None
    overwrite_tags: bool | None = None

    @property
    def created_at(self) -> datetime | None:
        """When it was created, aware and in UTC; None for never."""
        return moment(self.create_time)

    @property
    def updated_at(self) -> datetime | None:
        """When it was last changed, aware and in UTC; None for never."""
        return moment(self.update_time)
