"""Human tasks and their form templates (Orkes)."""

from __future__ import annotations

import builtins
import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from conductor._internal.durations import to_seconds
from conductor.clients._base import (
    Resource,
    as_model,
    check_page,
    require_enum,
    require_ids,
    require_max_bytes,
    require_name,
    require_str_list,
)
from conductor.clients.tags import Tagged, tag_operations
from conductor.errors import ConfigurationError
from conductor.models import (
    HumanTaskAssignment,
    HumanTaskEntry,
    HumanTaskSearch,
    HumanTaskSearchResult,
    HumanTaskSearchType,
    HumanTaskState,
    HumanTaskTemplate,
    HumanTaskUser,
    Task,
)
from conductor.models.codec import epoch_ms
from conductor.transport.operation import Edition, Operation, Repeat

__all__ = ["HumanExecutor", "HumanTaskClient", "TemplateClient"]


_ORKES, _NEVER = Edition.ORKES, Repeat.NEVER
LIST_TEMPLATES: Operation[list[HumanTaskTemplate]] = Operation(
    "GET", "/human/template", list[HumanTaskTemplate], edition=_ORKES, on_empty=list
)
SAVE_TEMPLATE: Operation[HumanTaskTemplate] = Operation("POST", "/human/template", HumanTaskTemplate, edition=_ORKES)
SAVE_TEMPLATE_ALL: Operation[list[HumanTaskTemplate]] = Operation(
    "POST", "/human/template/bulk", list[HumanTaskTemplate], edition=_ORKES, on_empty=list
)
GET_TEMPLATE: Operation[HumanTaskTemplate] = Operation(
    "GET", "/human/template/{name}/{version}", HumanTaskTemplate, edition=_ORKES
)
GET_TEMPLATE_FOR_TASK: Operation[HumanTaskTemplate] = Operation(
    "GET", "/human/template/{humanTaskId}", HumanTaskTemplate, edition=_ORKES
)
DELETE_TEMPLATE_ALL: Operation[None] = Operation("DELETE", "/human/template/{name}", edition=_ORKES)
DELETE_TEMPLATE: Operation[None] = Operation("DELETE", "/human/template/{name}/{version}", edition=_ORKES)
LIST_TEMPLATE_TAGS, SET_TEMPLATE_TAGS, DELETE_TEMPLATE_TAGS = tag_operations("/human/template/{name}/tags")


class TemplateClient(Tagged):
    """Form templates: the JSON schema of the data, and the layout of the form (``client.human_templates``, Orkes)."""

    _LIST_TAGS, _SET_TAGS, _DELETE_TAGS = LIST_TEMPLATE_TAGS, SET_TEMPLATE_TAGS, DELETE_TEMPLATE_TAGS

    def list(self, name: str | None = None, version: int | None = None) -> builtins.list[HumanTaskTemplate]:
        """Return form templates (``GET /human/template``).

        Args:
            name: Only templates with this name.
            version: Only this version.

        Returns:
            The templates, or an empty list.
        """
        return self._call(LIST_TEMPLATES, query={"name": name, "version": version})

    def save(self, template: HumanTaskTemplate | Mapping[str, Any], *, new_version: bool = False) -> HumanTaskTemplate:
        """Create or replace a template (``POST /human/template``).

        Args:
            template: ``name``, ``version``, ``json_schema`` (the data) and ``template_ui`` (the layout).
            new_version: Whether to create a new version instead of replacing this one.

        Returns:
            The saved template.
        """
        return self._call(SAVE_TEMPLATE, query={"newVersion": new_version}, body=_checked(template))

    def save_all(
        self, templates: Iterable[HumanTaskTemplate | Mapping[str, Any]], *, new_version: bool = False
    ) -> builtins.list[HumanTaskTemplate]:
        """Create or replace several templates (``POST /human/template/bulk``).

        Args:
            templates: The templates.
            new_version: Whether to create new versions.

        Returns:
            The saved templates.
        """
        body = [_checked(template) for template in templates]
        return self._call(SAVE_TEMPLATE_ALL, query={"newVersion": new_version}, body=body)

    def get(self, name: str, version: int = 1) -> HumanTaskTemplate:
        """Return one version of a template (``GET /human/template/{name}/{version}``).

        Args:
            name: The name of the template.
            version: The version.

        Returns:
            The template.
        """
        return self._call(GET_TEMPLATE, {"name": name, "version": version})

    def get_for_task(self, task_id: str) -> HumanTaskTemplate:
        """Return the template of a human task (``GET /human/template/{humanTaskId}``).

        Args:
            task_id: The id of the task.

        Returns:
            The template.
        """
        return self._call(GET_TEMPLATE_FOR_TASK, {"humanTaskId": task_id})

    def delete(self, name: str, version: int) -> None:
        """Delete one version of a template (``DELETE /human/template/{name}/{version}``).

        Args:
            name: The name of the template.
            version: The version.
        """
        self._call(DELETE_TEMPLATE, {"name": name, "version": version})

    def delete_all_versions(self, name: str) -> None:
        """Delete all versions of a template (``DELETE /human/template/{name}``).

        Args:
            name: The name of the template.
        """
        self._call(DELETE_TEMPLATE_ALL, {"name": name})


def _checked(template: HumanTaskTemplate | Mapping[str, Any]) -> HumanTaskTemplate:
    checked = as_model(template, HumanTaskTemplate)
    require_name(checked.name, "template")
    return checked


SEARCH_HUMAN_TASK: Operation[HumanTaskSearchResult] = Operation(
    "POST", "/human/tasks/search", HumanTaskSearchResult, edition=_ORKES
)
GET_HUMAN_TASK: Operation[HumanTaskEntry] = Operation("GET", "/human/tasks/{taskId}", HumanTaskEntry, edition=_ORKES)
GET_HUMAN_TASK_TASK: Operation[Task] = Operation("GET", "/human/tasks/{taskId}/conductorTask", Task, edition=_ORKES)
CLAIM_HUMAN_TASK: Operation[HumanTaskEntry] = Operation(
    "POST", "/human/tasks/{taskId}/claim", HumanTaskEntry, _NEVER, _ORKES
)
CLAIM_HUMAN_TASK_EXTERNAL: Operation[HumanTaskEntry] = Operation(
    "POST", "/human/tasks/{taskId}/externalUser/{userId}", HumanTaskEntry, _NEVER, _ORKES
)
RELEASE_HUMAN_TASK: Operation[None] = Operation("POST", "/human/tasks/{taskId}/release", edition=_ORKES)
REASSIGN_HUMAN_TASK: Operation[None] = Operation("POST", "/human/tasks/{taskId}/reassign", edition=_ORKES)
SKIP_HUMAN_TASK: Operation[None] = Operation("POST", "/human/tasks/{taskId}/skip", repeat=_NEVER, edition=_ORKES)
UPDATE_HUMAN_TASK: Operation[None] = Operation("POST", "/human/tasks/{taskId}/update", repeat=_NEVER, edition=_ORKES)
UPDATE_HUMAN_TASK_BY_REFERENCE: Operation[None] = Operation(
    "POST", "/human/tasks/update/taskRef", repeat=_NEVER, edition=_ORKES
)
DELETE_HUMAN_TASK_MANY: Operation[None] = Operation("DELETE", "/human/tasks/delete", edition=_ORKES)
DELETE_HUMAN_TASK: Operation[None] = Operation("DELETE", "/human/tasks/delete/{taskId}", edition=_ORKES)
HUMAN_TASK_DISPLAY_NAMES: Operation[list[str]] = Operation(
    "GET", "/human/tasks/getTaskDisplayNames", list[str], edition=_ORKES, on_empty=list
)
HUMAN_TASK_BACK_POPULATE: Operation[dict[str, Any]] = Operation(
    "GET", "/human/tasks/backPopulateFullTextIndex", dict, edition=_ORKES, on_empty=dict
)
#: Results per page by default, as in the UI and in other SDKs.
_PAGE_SIZE = 15
#: Maximum number of results that the server returns.
_MAX_PAGE_SIZE = 5000
#: Bytes of JSON that the server accepts as a task's output.
_MAX_OUTPUT_BYTES = 3 * 1024 * 1024
State: TypeAlias = "HumanTaskState | str"
User: TypeAlias = "HumanTaskUser | Mapping[str, Any]"


class HumanTaskClient(Resource):
    """Human tasks (``client.human_tasks``, Orkes)."""

    # -- search

    def search(
        self,
        *,
        states: Sequence[State] | None = None,
        assignees: Sequence[User] | None = None,
        claimants: Sequence[User] | None = None,
        definition_names: Sequence[str] | None = None,
        display_names: Sequence[str] | None = None,
        task_ref_names: Sequence[str] | None = None,
        workflow_ids: Sequence[str] | None = None,
        workflow_names: Sequence[str] | None = None,
        full_text_query: str | None = None,
        task_input_query: str | None = None,
        task_output_query: str | None = None,
        updated_after: datetime | int | None = None,
        updated_before: datetime | int | None = None,
        search_type: HumanTaskSearchType | str = HumanTaskSearchType.ADMIN,
        start: int = 0,
        size: int = _PAGE_SIZE,
    ) -> HumanTaskSearchResult:
        """Return one page of human tasks that match all conditions (``POST /human/tasks/search``).

        Args:
            states: ``PENDING``, ``ASSIGNED``, ``IN_PROGRESS``, ``COMPLETED`` and so on.
            assignees: Assigned to one of these users or groups.
            claimants: Claimed by one of these users.
            definition_names: Names of task definitions.
            display_names: Display names.
            task_ref_names: Reference names.
            workflow_ids: Ids of executions.
            workflow_names: Names of workflow definitions.
            full_text_query: Text to find in the task.
            task_input_query: Text to find in the input.
            task_output_query: Text to find in the output.
            updated_after: Changed after this time, as a datetime or in epoch milliseconds.
            updated_before: Changed before this time, as a datetime or in epoch milliseconds.
            search_type: ``ADMIN`` for all tasks, ``INBOX`` for those of the caller.
            start: Offset of the first result.
            size: Maximum number of results, up to 5,000.

        Returns:
            The page, with the number of results on all pages.

        Raises:
            ConfigurationError: A state is unknown, or ``start`` or ``size`` is out of range.
        """
        check_page(start, size, _MAX_PAGE_SIZE)
        wanted = None if states is None else [require_enum(state, HumanTaskState, "states") for state in states]
        body = HumanTaskSearch(
            states=wanted,  # type: ignore[arg-type]  # no state is None
            assignees=_users(assignees),
            claimants=_users(claimants),
            definition_names=_str_list(definition_names, "definition_names"),
            display_names=_str_list(display_names, "display_names"),
            task_ref_names=_str_list(task_ref_names, "task_ref_names"),
            workflow_ids=_str_list(workflow_ids, "workflow_ids"),
            workflow_names=_str_list(workflow_names, "workflow_names"),
            full_text_query=full_text_query,
            task_input_query=task_input_query,
            task_output_query=task_output_query,
            update_start_time=epoch_ms(updated_after, "updated_after"),
            update_end_time=epoch_ms(updated_before, "updated_before"),
            search_type=require_enum(search_type, HumanTaskSearchType, "search_type"),
            start=start,
            size=size,
        )
        return self._call(SEARCH_HUMAN_TASK, body=body)

    def iterate_search(self, *, size: int = 100, **conditions: Any) -> Iterator[HumanTaskEntry]:
        """Yield all human tasks that match all conditions, requesting page by page (``POST /human/tasks/search``).

        Args:
            size: Results per request.
            **conditions: The other arguments of ``search``.

        Yields:
            The human tasks.
        """
        start = 0
        while True:
            page = self.search(start=start, size=size, **conditions)
            yield from page.results
            start += len(page.results)
            if not page.results or start >= (page.total_hits or 0):
                return

    def poll_search(
        self, *, timeout: float | timedelta | None = 2.0, interval: float | timedelta = 0.1, **conditions: Any
    ) -> list[HumanTaskEntry]:
        """Search until a human task matches or the timeout ends (``POST /human/tasks/search``).

        Args:
            timeout: Seconds, or a ``timedelta``; None for no limit.
            interval: Seconds between searches, or a ``timedelta``.
            **conditions: The arguments of ``search``.

        Returns:
            The human tasks; an empty list after the timeout.
        """
        deadline = math.inf if timeout is None else time.monotonic() + to_seconds(timeout, "timeout")
        pause = to_seconds(interval, "interval")
        while True:
            found = self.search(**conditions).results
            left = deadline - time.monotonic()
            if found or left <= 0:
                return found
            time.sleep(min(pause, left))

    def get(self, task_id: str, *, with_template: bool = False) -> HumanTaskEntry:
        """Return a human task (``GET /human/tasks/{taskId}``).

        Args:
            task_id: The id of the task.
            with_template: Whether to include the form template.

        Returns:
            The human task.
        """
        return self._call(GET_HUMAN_TASK, {"taskId": task_id}, query={"withTemplate": with_template})

    def get_conductor_task(self, task_id: str) -> Task:
        """Return the workflow task of a human task (``GET /human/tasks/{taskId}/conductorTask``).

        Args:
            task_id: The id of the task.

        Returns:
            The workflow task.
        """
        return self._call(GET_HUMAN_TASK_TASK, {"taskId": task_id})

    def list_display_names(self, search_type: HumanTaskSearchType | str = HumanTaskSearchType.ADMIN) -> list[str]:
        """Return the display names of human tasks (``GET /human/tasks/getTaskDisplayNames``).

        Args:
            search_type: ``ADMIN`` for all tasks, ``INBOX`` for those of the caller.

        Returns:
            The names, or an empty list.
        """
        return self._call(
            HUMAN_TASK_DISPLAY_NAMES,
            query={"searchType": require_enum(search_type, HumanTaskSearchType, "search_type")},
        )

    # -- claim and complete

    def claim(self, task_id: str, *, override_assignment: bool = False, with_template: bool = False) -> HumanTaskEntry:
        """Claim a task for the user of the client's token (``POST /human/tasks/{taskId}/claim``).

        Args:
            task_id: The id of the task.
            override_assignment: Whether to claim it even if it is assigned to another user.
            with_template: Whether to return the form template.

        Returns:
            The claimed task.
        """
        query = {"overrideAssignment": override_assignment, "withTemplate": with_template}
        return self._call(CLAIM_HUMAN_TASK, {"taskId": task_id}, query=query)

    def claim_for_external_user(
        self, task_id: str, user_id: str, *, override_assignment: bool = False, with_template: bool = False
    ) -> HumanTaskEntry:
        """Claim a task for a user that is unknown to the server (``POST /human/tasks/{taskId}/externalUser/{userId}``).

        Args:
            task_id: The id of the task.
            user_id: The application's id of the user.
            override_assignment: Whether to claim it even if it is assigned to another user.
            with_template: Whether to return the form template.

        Returns:
            The claimed task.
        """
        query = {"overrideAssignment": override_assignment, "withTemplate": with_template}
        return self._call(CLAIM_HUMAN_TASK_EXTERNAL, {"taskId": task_id, "userId": user_id}, query=query)

    def release(self, task_id: str) -> None:
        """Release a claimed task, so that others can claim it (``POST /human/tasks/{taskId}/release``).

        Args:
            task_id: The id of the task.
        """
        self._call(RELEASE_HUMAN_TASK, {"taskId": task_id})

    def reassign(self, task_id: str, assignments: Sequence[HumanTaskAssignment | Mapping[str, Any]]) -> None:
        """Replace the assignments of a task (``POST /human/tasks/{taskId}/reassign``).

        Args:
            task_id: The id of the task.
            assignments: The new assignments, which apply in order.

        Raises:
            ConfigurationError: ``assignments`` is empty.
        """
        body = [as_model(assignment, HumanTaskAssignment) for assignment in assignments]
        if not body:
            raise ConfigurationError(
                "assignments is empty; at least one is required.",
                variable="assignments",
                allowed="at least one HumanTaskAssignment",
            )
        self._call(REASSIGN_HUMAN_TASK, {"taskId": task_id}, body=body)

    def update(self, task_id: str, output: Mapping[str, Any]) -> None:
        """Store output without completing the task (``POST /human/tasks/{taskId}/update``).

        Args:
            task_id: The id of the task.
            output: The output; up to 3 MiB of JSON.

        Raises:
            ConfigurationError: The output is too large.
        """
        self._update(task_id, output, complete=False)

    def complete(self, task_id: str, output: Mapping[str, Any] | None = None) -> None:
        """Store output and complete the task (``POST /human/tasks/{taskId}/update``).

        Args:
            task_id: The id of the task.
            output: The output; up to 3 MiB of JSON.

        Raises:
            ConfigurationError: The output is too large.
        """
        self._update(task_id, output or {}, complete=True)

    def _update(self, task_id: str, output: Mapping[str, Any], *, complete: bool) -> None:
        body = require_max_bytes(output, _MAX_OUTPUT_BYTES, "task output")
        self._call(UPDATE_HUMAN_TASK, {"taskId": task_id}, query={"complete": complete}, body=body)

    def update_by_reference_name(
        self,
        workflow_id: str,
        reference_name: str,
        output: Mapping[str, Any],
        *,
        complete: bool = False,
        iteration: int | None = None,
    ) -> None:
        """Store the output of a task identified by its reference name (``POST /human/tasks/update/taskRef``).

        Args:
            workflow_id: The id of the execution.
            reference_name: The reference name of the task.
            output: The output; up to 3 MiB of JSON.
            complete: Whether to complete the task.
            iteration: The iteration, for a task in a loop.

        Raises:
            ConfigurationError: The output is too large.
        """
        query = {
            "workflowId": workflow_id,
            "taskRefName": reference_name,
            "complete": complete,
            "iteration": iteration,
        }
        self._call(
            UPDATE_HUMAN_TASK_BY_REFERENCE,
            query=query,
            body=require_max_bytes(output, _MAX_OUTPUT_BYTES, "task output"),
        )

    def skip(self, task_id: str, reason: str | None = None) -> None:
        """Skip the current assignment of a task (``POST /human/tasks/{taskId}/skip``).

        Args:
            task_id: The id of the task.
            reason: The reason.
        """
        self._call(SKIP_HUMAN_TASK, {"taskId": task_id}, query={"reason": reason})

    # -- administration

    def delete(self, task_id: str) -> None:
        """Delete a human task; for administrators (``DELETE /human/tasks/delete/{taskId}``).

        Args:
            task_id: The id of the task.
        """
        self._call(DELETE_HUMAN_TASK, {"taskId": task_id})

    def delete_many(self, task_ids: Sequence[str]) -> None:
        """Delete several human tasks; for administrators (``DELETE /human/tasks/delete``).

        Args:
            task_ids: 1 to 1,000 ids.
        """
        self._call(DELETE_HUMAN_TASK_MANY, body=require_ids(task_ids, "task_ids"))

    def back_populate_index(self, count: int = 100) -> dict[str, Any]:
        """Rebuild the full-text index; for administrators (``GET /human/tasks/backPopulateFullTextIndex``).

        Args:
            count: Number of tasks to index.

        Returns:
            The response as a dict; the API documents no type.
        """
        return self._call(HUMAN_TASK_BACK_POPULATE, query={"100": count})  # the API's name of the parameter


def _users(users: Sequence[User] | None) -> list[HumanTaskUser] | None:
    return None if users is None else [as_model(user, HumanTaskUser) for user in users]


def _str_list(given: Sequence[str] | None, name: str) -> list[str] | None:
    return None if given is None else require_str_list(given, name)


#: The name of this class in conductor-javascript, kept as an alias.
HumanExecutor = HumanTaskClient
