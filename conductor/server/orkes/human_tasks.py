"""Human tasks: read, search, claim, release, reassign, skip, update, complete and delete them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conductor.server.engine.context import RefusedError
from conductor.server.engine.definitions import render_task
from conductor.server.engine.json_schema import schema_faults
from conductor.server.engine.masking import MASKS, hide
from conductor.server.engine.state import (
    COMPLETED,
    Doc,
    Execution,
    plain_reference,
)
from conductor.server.http.principal import Principal
from conductor.server.orkes.human_records import (
    ALL,
    CONDUCTOR_GROUP,
    CONDUCTOR_USER,
    DELETED,
    EXTERNAL_GROUP,
    EXTERNAL_USER,
    HumanRecord,
    HumanRecords,
    read_assignments,
)
from conductor.server.orkes.human_search import ADMIN, INBOX, HumanSearch
from conductor.server.orkes.human_templates import HumanTemplates
from conductor.server.orkes.principals import Principals
from conductor.server.runtime.kernel import Kernel
from conductor.server.services.executions import Starter
from conductor.server.services.tasks import end_task

Json = dict[str, Any]
#: Returns whether a principal has an access, such as ``READ``, on the task definition with a name.
Permits = Callable[[Principal, str, str], bool]

#: The keys of a definition that the API shows; other keys stay in the task's input.
_SHOWN_DEFINITION = (
    "assignments", "assignmentCompletionStrategy", "displayName", "userFormTemplate", "taskTriggers", "autoClaim",
)  # fmt: skip


class HumanTasks:
    """The operations on human tasks.

    Args:
        kernel: The server's state.
        starter: Starts the workflows of triggers.
        templates: The form templates.
        principals: Finds users, whose groups decide what they may claim.
        permits: Checks permissions on task definitions.
        is_enforced: Whether only administrators may search all human tasks.
    """

    def __init__(
        self,
        kernel: Kernel,
        starter: Starter,
        templates: HumanTemplates,
        principals: Principals,
        permits: Permits,
        *,
        is_enforced: bool,
    ) -> None:
        self._kernel, self._templates, self._principals, self._permits = kernel, templates, principals, permits
        self._is_enforced = is_enforced
        self._records = HumanRecords(kernel, starter)

    # -- reading

    def get(self, task_id: str, principal: Principal, *, with_template: bool) -> Json:
        """Return the entry of a human task.

        Raises:
            RefusedError: It does not exist (404), or the principal may not read it (403).
        """
        with self._kernel.lock:
            execution, task, record = self._located(task_id, missing_is=404)
            self._require(principal, execution, task, record, "read", ("READ", "UPDATE"))
            return self._entry(execution.workflow.get("createdBy"), task, record, with_template=with_template)

    def conductor_task(self, task_id: str, principal: Principal) -> Json:
        """Return the workflow task of a human task.

        Raises:
            RefusedError: It does not exist (400), or the principal may not read it (403).
        """
        with self._kernel.lock:
            execution, task, record = self._located(task_id)
            self._require(principal, execution, task, record, "read", ("READ", "UPDATE"))
            return render_task(task)

    def template(self, task_id: str, principal: Principal) -> Json:
        """Return the form template of a human task.

        Raises:
            RefusedError: The task or its template does not exist (400), or the principal may not read it (403).
        """
        with self._kernel.lock:
            execution, task, record = self._located(task_id)
            self._require(principal, execution, task, record, "read", ("READ", "UPDATE"))
            found = self._form(record)
            if found is None:
                raise RefusedError(400, f"The human task {task_id} has no form template")
            return found

    def search(self, given: Json, principal: Principal) -> Json:
        """Return a page of the human tasks that a search finds.

        Raises:
            RefusedError: The search is invalid (400), or not allowed (403).
        """
        search = HumanSearch.read(given)
        return search.page(self._entries(search.kind, principal))

    def display_names(self, kind: str, principal: Principal) -> list[str]:
        """Return the display names of all human tasks, or of those of the caller, sorted."""
        return sorted({entry["displayName"] for entry in self._entries(kind, principal)})

    def _entries(self, kind: str | None, principal: Principal) -> list[Json]:
        may_see_all = principal.is_admin or not self._is_enforced
        if kind is None:
            kind = ADMIN if may_see_all else INBOX
        if kind == ADMIN and not may_see_all:
            raise RefusedError(403, "Only administrators can search all human tasks; use the search type INBOX")
        found = []
        with self._kernel.lock:
            for task in self._kernel.store.search.tasks(ALL):
                record = HumanRecord.of(task)
                if record is None or record.is_removed or (kind != ADMIN and not _is_in_inbox(principal, record)):
                    continue
                execution = self._kernel.find(task["workflowInstanceId"])
                if execution is not None:
                    found.append(self._entry(execution.workflow.get("createdBy"), task, record))
        return found

    def _entry(self, created_by: str | None, task: Json, record: HumanRecord, *, with_template: bool = False) -> Json:
        definition = {key: record.definition[key] for key in _SHOWN_DEFINITION if key in record.definition}
        if with_template and (form := self._form(record)) is not None:
            definition["fullTemplate"] = form
        masks = task.get(MASKS, ())
        made = {
            "createdBy": created_by,
            "updatedBy": record.updated_by,
            "taskId": task["taskId"],
            "state": record.state,
            "displayName": record.definition["displayName"],
            "definitionName": task.get("taskDefName"),
            "workflowId": task["workflowInstanceId"],
            "workflowName": task.get("workflowType"),
            "taskRefName": task["referenceTaskName"],
            "assignee": record.assignee,
            "claimant": record.claimant,
            "humanTaskDef": definition,
            "input": hide(task["inputData"], masks),
            "output": hide(task["outputData"], masks),
            "createdOn": record.created,
            "updatedOn": record.updated,
        }
        return {key: value for key, value in made.items() if value is not None}

    def _form(self, record: HumanRecord) -> Json | None:
        form = record.definition.get("userFormTemplate") or {}
        name, version = form.get("name"), form.get("version")
        return self._templates.find(str(name), version if isinstance(version, int) else None) if name else None

    # -- actions of people

    def claim(self, task_id: str, principal: Principal, *, override: bool, with_template: bool) -> Json:
        """Claim a task for the caller; returns its entry.

        Args:
            task_id: The task.
            principal: The caller.
            override: Whether to claim it even if it is assigned to another user.
            with_template: Whether the entry includes the form.

        Raises:
            RefusedError: The task does not exist or is claimed (400), or is assigned to another user (403).
        """
        user = {"user": principal.id, "userType": CONDUCTOR_USER}
        with self._kernel.change():
            execution, task, record = self._claimable(task_id)
            if override:
                self._require(principal, execution, task, record, "claim", ("UPDATE",))
            elif record.assignee is not None and not _is_for(record.assignee, principal):
                raise RefusedError(403, f"The human task {task_id} is assigned to {_named(record.assignee)}")
            return self._claimed(execution, task, record, user, override=override, with_template=with_template)

    def claim_for(
        self, task_id: str, user_id: str, principal: Principal, *, override: bool, with_template: bool
    ) -> Json:
        """Claim a task for a user of an application; returns its entry.

        Args:
            task_id: The task.
            user_id: The user.
            principal: The caller, which must have checked the members of external groups.
            override: Whether to claim it even if it is assigned to another user.
            with_template: Whether the entry includes the form.

        Raises:
            RefusedError: The task does not exist, is claimed, or is assigned to another user (400).
        """
        with self._kernel.change():
            execution, task, record = self._claimable(task_id)
            if not principal.is_application:
                self._require(principal, execution, task, record, "claim", ("UPDATE",))
            if not override and record.assignee is not None and not self._is_user(record.assignee, user_id):
                raise RefusedError(400, f"The human task {task_id} is assigned to {_named(record.assignee)}")
            user = {"user": user_id, "userType": EXTERNAL_USER}
            return self._claimed(execution, task, record, user, override=override, with_template=with_template)

    def _claimable(self, task_id: str) -> tuple[Execution, Doc, HumanRecord]:
        execution, task, record = self._active(task_id)
        if record.claimant is not None:
            raise RefusedError(400, f"The human task {task_id} is already claimed by {_named(record.claimant)}")
        return execution, task, record

    def _claimed(
        self, execution: Execution, task: Doc, record: HumanRecord, user: Json, *, override: bool, with_template: bool
    ) -> Json:
        step = self._records.step(record)
        step.actor = user["user"]
        step.claim(user, override=override)
        self._records.save(execution, task, record)
        return self._entry(execution.workflow.get("createdBy"), task, record, with_template=with_template)

    def _is_user(self, assignee: Json, user_id: str) -> bool:
        """Return whether a task that is assigned to a user or group may be claimed by a user."""
        kind, name = assignee["userType"], assignee["user"]
        if kind == EXTERNAL_GROUP:
            return True
        if kind == CONDUCTOR_GROUP:
            known = self._principals.find(user_id)
            return known is not None and name in known.groups
        return bool(name.lower() == user_id.lower())

    def release(self, task_id: str, principal: Principal) -> None:
        """Release a claimed task, so that others can claim it.

        Raises:
            RefusedError: The task does not exist or is not claimed (400), or the principal may not release it (403).
        """
        with self._kernel.change():
            execution, task, record = self._active(task_id)
            self._require(principal, execution, task, record, "release")
            if record.claimant is None:
                raise RefusedError(400, f"The human task {task_id} is not claimed")
            self._records.step(record, principal).release()
            self._records.save(execution, task, record)

    def skip(self, task_id: str, reason: str | None, principal: Principal) -> None:
        """Skip the present assignment of a task; the next one applies.

        Raises:
            RefusedError: The task does not exist or is not assigned (400), or the principal may not skip it (403).
        """
        with self._kernel.change():
            execution, task, record = self._active(task_id)
            self._require(principal, execution, task, record, "skip")
            if record.assignee is None:
                raise RefusedError(400, f"The human task {task_id} has no assignee")
            self._records.save(execution, task, record, is_open=self._records.step(record, principal).skip(reason))

    def reassign(self, task_id: str, given: Any, principal: Principal) -> None:
        """Replace the assignments of a task; the first one applies.

        Raises:
            RefusedError: The task does not exist or an assignment is invalid (400), or the principal may not reassign
                it (403).
        """
        assignments = read_assignments(given)
        with self._kernel.change():
            execution, task, record = self._active(task_id)
            self._require(principal, execution, task, record, "reassign", ("UPDATE",))
            self._records.save(
                execution, task, record, is_open=self._records.step(record, principal).reassign(assignments)
            )

    def update(self, task_ids: list[str], fields: Json, principal: Principal, *, complete: bool) -> None:
        """Store fields of the form as the output of tasks, and optionally complete them: all or none.

        Raises:
            RefusedError: A task does not exist or has ended, or the fields violate the form's schema (400), or the
                principal may not update it (403).
        """
        with self._kernel.change():
            for task_id in task_ids:
                self._update(task_id, fields, principal, complete=complete)

    def _update(self, task_id: str, fields: Json, principal: Principal, *, complete: bool) -> None:
        execution, task, record = self._active(task_id)
        self._require(principal, execution, task, record, "update")
        output = {**task["outputData"], **fields}
        self._check_form(record, output if complete else fields, complete=complete)
        record.updated, record.updated_by = self._kernel.context.now, principal.id
        task["outputData"] = output
        self._records.save(execution, task, record)
        if complete:
            end_task(self._kernel, execution, task, COMPLETED, output)

    def named(self, workflow_id: str, reference: str, iterations: list[int]) -> list[str]:
        """Return the ids of the human tasks with a reference name: of some iterations, or the newest.

        Raises:
            RefusedError: The execution or the task does not exist (404).
        """
        with self._kernel.lock:
            found = [
                str(task["taskId"])
                for task in self._kernel.get(workflow_id).tasks
                if reference in {task["referenceTaskName"], plain_reference(task["referenceTaskName"])}
                and (record := HumanRecord.of(task)) is not None
                and not record.is_removed
                and (not iterations or task["iteration"] in iterations)
            ]
        if not found:
            raise RefusedError(404, f"No human task {reference} found in the workflow {workflow_id}")
        return found if iterations else found[-1:]

    def _check_form(self, record: HumanRecord, fields: Json, *, complete: bool) -> None:
        """Raise RefusedError if fields violate the form's schema. A draft may lack required fields."""
        form = self._form(record)
        if form is None:
            return
        schema = form["jsonSchema"]
        if not complete:
            schema = {key: value for key, value in schema.items() if key != "required"}
        faults = schema_faults(schema, fields)
        if faults:
            raise RefusedError(400, f"The output does not match the form {form['name']}: {'; '.join(faults)}")

    def remove(self, task_ids: list[str], principal: Principal, *, ignore_unknown: bool) -> None:
        """Delete the records of tasks. The workflow tasks stay open until they are retried or terminated.

        Raises:
            RefusedError: A task does not exist (400), or the principal may not delete it (403).
        """
        with self._kernel.change():
            for task_id in task_ids:
                try:
                    execution, task, record = self._located(task_id)
                except RefusedError:
                    if ignore_unknown:
                        continue
                    raise
                self._require(principal, execution, task, record, "delete", ("DELETE",))
                record.is_removed, record.expires = True, None
                if not record.has_ended:
                    record.state = DELETED
                self._records.save(execution, task, record)

    # -- lookup and permissions

    def _located(self, task_id: str, missing_is: int = 400) -> tuple[Execution, Doc, HumanRecord]:
        """Return a human task with its execution and its record.

        Raises:
            RefusedError: It does not exist.
        """
        workflow_id = self._kernel.store.execution_of(task_id)
        execution = self._kernel.find(workflow_id) if workflow_id is not None else None
        task = execution.task(task_id) if execution is not None else None
        record = HumanRecord.of(task) if task is not None else None
        if execution is None or task is None or record is None or record.is_removed:
            raise RefusedError(missing_is, f"No such human task found by id: {task_id}")
        return execution, task, record

    def _active(self, task_id: str) -> tuple[Execution, Doc, HumanRecord]:
        execution, task, record = self._located(task_id)
        if record.has_ended:
            raise _ended(task_id, record)
        return execution, task, record

    def _require(
        self,
        principal: Principal,
        execution: Execution,
        task: Doc,
        record: HumanRecord,
        verb: str,
        accesses: tuple[str, ...] = (),
    ) -> None:
        """Raise RefusedError (403) unless the principal has access to a task.

        Administrators, the person who started the execution, the assignee, the claimant, and principals with one of the
        accesses on the task definition have access. A task without an assignee can be read and claimed by everyone.
        """
        name = str(task.get("taskDefName"))
        people = [user for user in (record.assignee, record.claimant) if user is not None]
        if (
            principal.is_admin
            or execution.workflow.get("createdBy") == principal.id
            or any(_is_for(user, principal) for user in people)
            or (verb == "read" and not people)
            or any(self._permits(principal, access, name) for access in accesses or ("UPDATE",))
        ):
            return
        raise RefusedError(403, f"You don't have permissions to {verb} human task: {name}")


def _ended(task_id: str, record: HumanRecord) -> RefusedError:
    return RefusedError(400, f"The human task {task_id} has ended: {record.state}")


def _is_for(user: Json, principal: Principal) -> bool:
    """Return whether a user or group is the principal or one of its groups."""
    if user["userType"] == CONDUCTOR_GROUP:
        return user["user"] in principal.groups
    return bool(user["userType"] == CONDUCTOR_USER and user["user"].lower() == principal.id.lower())


def _is_in_inbox(principal: Principal, record: HumanRecord) -> bool:
    return any(_is_for(user, principal) for user in (record.assignee, record.claimant) if user is not None)


def _named(user: Json) -> str:
    return f"{user['userType']} {user['user']}"
