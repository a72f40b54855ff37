"""Human tasks (Orkes): find them, claim them, work on them, complete them."""

from __future__ import annotations

import builtins
import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from conductor._internal.durations import to_seconds
from conductor.clients._base import Resource, Tagged, check_page, tag_operations
from conductor.clients.bodies import (
    as_model,
    require_enum,
    require_ids,
    require_max_bytes,
    require_name,
    require_str_list,
)
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


_TEMPLATES_ORKES = Edition.ORKES
LIST_TEMPLATES: Operation[list[HumanTaskTemplate]] = Operation(
    "GET", "/human/template", list[HumanTaskTemplate], edition=_TEMPLATES_ORKES, on_empty=list
)
SAVE_TEMPLATE: Operation[HumanTaskTemplate] = Operation(
    "POST", "/human/template", HumanTaskTemplate, edition=_TEMPLATES_ORKES
)
SAVE_TEMPLATE_ALL: Operation[list[HumanTaskTemplate]] = Operation(
    "POST", "/human/template/bulk", list[HumanTaskTemplate], edition=_TEMPLATES_ORKES, on_empty=list
)
GET_TEMPLATE: Operation[HumanTaskTemplate] = Operation(
    "GET", "/human/template/{name}/{version}", HumanTaskTemplate, edition=_TEMPLATES_ORKES
)
GET_TEMPLATE_FOR_TASK: Operation[HumanTaskTemplate] = Operation(
    "GET", "/human/template/{humanTaskId}", HumanTaskTemplate, edition=_TEMPLATES_ORKES
)
DELETE_TEMPLATE_ALL: Operation[None] = Operation("DELETE", "/human/template/{name}", edition=_TEMPLATES_ORKES)
DELETE_TEMPLATE: Operation[None] = Operation("DELETE", "/human/template/{name}/{version}", edition=_TEMPLATES_ORKES)
LIST_TEMPLATE_TAGS, SET_TEMPLATE_TAGS, DELETE_TEMPLATE_TAGS = tag_operations("/human/template/{name}/tags")


class TemplateClient(Tagged):
    """Form templates (``client.human_templates``, Orkes): a JSON schema of the data, and how the form looks."""

    _LIST_TAGS, _SET_TAGS, _DELETE_TAGS = LIST_TEMPLATE_TAGS, SET_TEMPLATE_TAGS, DELETE_TEMPLATE_TAGS

    def list(self, name: str | None = None, version: int | None = None) -> builtins.list[HumanTaskTemplate]:
        """All templates, or those of a name (``GET /human/template``)."""
        return self._call(LIST_TEMPLATES, query={"name": name, "version": version})

    def save(self, template: HumanTaskTemplate | Mapping[str, Any], *, new_version: bool = False) -> HumanTaskTemplate:
        """Create or replace a template (``POST /human/template``).

        Args:
            template: ``name``, ``version``, ``json_schema`` (the data) and ``template_ui`` (how it looks).
            new_version: Make it a new version.
        """
        return self._call(SAVE_TEMPLATE, query={"newVersion": new_version}, body=_checked(template))

    def save_all(
        self, templates: Iterable[HumanTaskTemplate | Mapping[str, Any]], *, new_version: bool = False
    ) -> builtins.list[HumanTaskTemplate]:
        """Create or replace several (``POST /human/template/bulk``)."""
        body = [_checked(one) for one in templates]
        return self._call(SAVE_TEMPLATE_ALL, query={"newVersion": new_version}, body=body)

    def get(self, name: str, version: int = 1) -> HumanTaskTemplate:
        """One version of a template (``GET /human/template/{name}/{version}``)."""
        return self._call(GET_TEMPLATE, {"name": name, "version": version})

    def get_for_task(self, task_id: str) -> HumanTaskTemplate:
        """The template of a human task (``GET /human/template/{humanTaskId}``)."""
        return self._call(GET_TEMPLATE_FOR_TASK, {"humanTaskId": task_id})

    def delete(self, name: str, version: int) -> None:
        """Delete one version (``DELETE /human/template/{name}/{version}``)."""
        self._call(DELETE_TEMPLATE, {"name": name, "version": version})

    def delete_all_versions(self, name: str) -> None:
        """Delete a template with all its versions (``DELETE /human/template/{name}``)."""
        self._call(DELETE_TEMPLATE_ALL, {"name": name})


def _checked(template: HumanTaskTemplate | Mapping[str, Any]) -> HumanTaskTemplate:
    checked = as_model(template, HumanTaskTemplate)
    require_name(checked.name, "template")
    return checked


_ORKES, _NEVER = Edition.ORKES, Repeat.NEVER
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
_PAGE = 15
_LARGEST_PAGE = 5000
_LARGEST_OUTPUT = 3 * 1024 * 1024
State: TypeAlias = "HumanTaskState | str"
User: TypeAlias = "HumanTaskUser | Mapping[str, Any]"


class HumanTaskClient(Resource):
    """Human tasks (``client.human_tasks``, Orkes)."""

    # -- finding

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
        size: int = _PAGE,
    ) -> HumanTaskSearchResult:
        """A page of human tasks (``POST /human/tasks/search``).

        Args:
            states: ``PENDING``, ``ASSIGNED``, ``IN_PROGRESS``, ``COMPLETED`` and so on.
            assignees: Assigned to one of these.
            claimants: Claimed by one of these.
            definition_names: Of these task definitions.
            display_names: With these names.
            task_ref_names: With these reference names.
            workflow_ids: In these executions.
            workflow_names: In executions of these definitions.
            full_text_query: Text in them.
            task_input_query: Text in their input.
            task_output_query: Text in their output.
            updated_after: Changed after this moment.
            updated_before: Changed before this moment.
            search_type: ``ADMIN``: all that there are; ``INBOX``: those of the caller.
            start: The first result's place.
            size: How many at most.
        """
        check_page(start, size, _LARGEST_PAGE)
        wanted = None if states is None else [require_enum(one, HumanTaskState, "states") for one in states]
        body = HumanTaskSearch(
            states=wanted,  # type: ignore[arg-type]  # none of them is None
            assignees=_users(assignees),
            claimants=_users(claimants),
            definition_names=_texts(definition_names, "definition_names"),
            display_names=_texts(display_names, "display_names"),
            task_ref_names=_texts(task_ref_names, "task_ref_names"),
            workflow_ids=_texts(workflow_ids, "workflow_ids"),
            workflow_names=_texts(workflow_names, "workflow_names"),
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
        """All human tasks that match, page by page; takes what ``search`` takes."""
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
        """Search until a human task is found or the timeout has passed, and return what was found.

        Args:
            timeout: Seconds, or a ``timedelta``, after which an empty list is returned; None for no limit.
            interval: Seconds, or a ``timedelta``, between searches.
            **conditions: What ``search`` takes.
        """
        limit = math.inf if timeout is None else to_seconds(timeout, "timeout")
        deadline, pause = time.monotonic() + limit, to_seconds(interval, "interval")
        while True:
            found = self.search(**conditions).results
            left = deadline - time.monotonic()
            if found or left <= 0:
                return found
            time.sleep(min(pause, left))

    def get(self, task_id: str, *, with_template: bool = False) -> HumanTaskEntry:
        """A human task; ``with_template`` adds its form (``GET /human/tasks/{taskId}``)."""
        return self._call(GET_HUMAN_TASK, {"taskId": task_id}, query={"withTemplate": with_template})

    def get_conductor_task(self, task_id: str) -> Task:
        """The task of the workflow that it is (``GET /human/tasks/{taskId}/conductorTask``)."""
        return self._call(GET_HUMAN_TASK_TASK, {"taskId": task_id})

    def list_display_names(self, search_type: HumanTaskSearchType | str = HumanTaskSearchType.ADMIN) -> list[str]:
        """The names of all human tasks (``GET /human/tasks/getTaskDisplayNames``)."""
        return self._call(
            HUMAN_TASK_DISPLAY_NAMES,
            query={"searchType": require_enum(search_type, HumanTaskSearchType, "search_type")},
        )

    # -- working

    def claim(self, task_id: str, *, override_assignment: bool = False, with_template: bool = False) -> HumanTaskEntry:
        """Claim a task as the user whose key the client has (``POST /human/tasks/{taskId}/claim``).

        Args:
            task_id: The task.
            override_assignment: Also when it is assigned to somebody else.
            with_template: Answer its form as well.
        """
        query = {"overrideAssignment": override_assignment, "withTemplate": with_template}
        return self._call(CLAIM_HUMAN_TASK, {"taskId": task_id}, query=query)

    def claim_for_external_user(
        self, task_id: str, user_id: str, *, override_assignment: bool = False, with_template: bool = False
    ) -> HumanTaskEntry:
        """Claim a task for somebody unknown to the server (``POST /human/tasks/{taskId}/externalUser/{userId}``)."""
        query = {"overrideAssignment": override_assignment, "withTemplate": with_template}
        return self._call(CLAIM_HUMAN_TASK_EXTERNAL, {"taskId": task_id, "userId": user_id}, query=query)

    def release(self, task_id: str) -> None:
        """Give a claimed task back (``POST /human/tasks/{taskId}/release``)."""
        self._call(RELEASE_HUMAN_TASK, {"taskId": task_id})

    def reassign(self, task_id: str, assignments: Sequence[HumanTaskAssignment | Mapping[str, Any]]) -> None:
        """Assign a task anew (``POST /human/tasks/{taskId}/reassign``)."""
        body = [as_model(one, HumanTaskAssignment) for one in assignments]
        if not body:
            raise ConfigurationError(
                "No assignment was given.", variable="assignments", allowed="at least one HumanTaskAssignment"
            )
        self._call(REASSIGN_HUMAN_TASK, {"taskId": task_id}, body=body)

    def update(self, task_id: str, output: Mapping[str, Any]) -> None:
        """Store output, and leave the task open (``POST /human/tasks/{taskId}/update``)."""
        self._update(task_id, output, complete=False)

    def complete(self, task_id: str, output: Mapping[str, Any] | None = None) -> None:
        """Store output, and complete the task (``POST /human/tasks/{taskId}/update``)."""
        self._update(task_id, output or {}, complete=True)

    def _update(self, task_id: str, output: Mapping[str, Any], *, complete: bool) -> None:
        body = require_max_bytes(output, _LARGEST_OUTPUT, "task output")
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
        """Store output by the task's place in its workflow (``POST /human/tasks/update/taskRef``).

        Args:
            workflow_id: The execution.
            reference_name: The task's reference name.
            output: Its output.
            complete: Complete it as well.
            iteration: Which one, of a task in a loop.
        """
        query = {
            "workflowId": workflow_id,
            "taskRefName": reference_name,
            "complete": complete,
            "iteration": iteration,
        }
        self._call(
            UPDATE_HUMAN_TASK_BY_REFERENCE, query=query, body=require_max_bytes(output, _LARGEST_OUTPUT, "task output")
        )

    def skip(self, task_id: str, reason: str | None = None) -> None:
        """Skip a task (``POST /human/tasks/{taskId}/skip``)."""
        self._call(SKIP_HUMAN_TASK, {"taskId": task_id}, query={"reason": reason})

    # -- administration

    def delete(self, task_id: str) -> None:
        """Delete a human task; administrators only (``DELETE /human/tasks/delete/{taskId}``)."""
        self._call(DELETE_HUMAN_TASK, {"taskId": task_id})

    def delete_many(self, task_ids: Sequence[str]) -> None:
        """Delete several; administrators only (``DELETE /human/tasks/delete``)."""
        self._call(DELETE_HUMAN_TASK_MANY, body=require_ids(task_ids, "task_ids"))

    def back_populate_index(self, count: int = 100) -> dict[str, Any]:
        """Write the full text index anew; administrators only (``GET /human/tasks/backPopulateFullTextIndex``)."""
        return self._call(HUMAN_TASK_BACK_POPULATE, query={"100": count})  # so the server names it


def _users(users: Sequence[User] | None) -> list[HumanTaskUser] | None:
    return None if users is None else [as_model(one, HumanTaskUser) for one in users]


def _texts(given: Sequence[str] | None, name: str) -> list[str] | None:
    return None if given is None else require_str_list(given, name)


#: The name of this class in conductor-javascript, kept as an alias.
HumanExecutor = HumanTaskClient
