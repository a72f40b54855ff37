"""The records of human tasks: their rules, and their updates by the engine and the clock.

The record of a human task is stored in the task itself, so that it is read, changed, rolled back and deleted with it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from attrs import asdict, define, field

from conductor.server.engine.commands import StartTriggered
from conductor.server.engine.context import RefusedError
from conductor.server.engine.json_fields import (
    START,
    Reader,
    boolean,
    list_of,
    long,
    mapping,
    one_of,
    read,
    record,
    string,
)
from conductor.server.engine.outcome import touch
from conductor.server.engine.query import Condition, Query
from conductor.server.engine.state import (
    FAILED_WITH_TERMINAL_ERROR,
    SCHEDULED,
    SUCCESSFUL_TASK,
    Doc,
    Execution,
    is_done,
)
from conductor.server.http.principal import Principal
from conductor.server.runtime.kernel import Kernel
from conductor.server.services.executions import Starter
from conductor.server.services.tasks import end_task

Json = dict[str, Any]

PENDING, ASSIGNED, IN_PROGRESS = "PENDING", "ASSIGNED", "IN_PROGRESS"
COMPLETED, TIMED_OUT, DELETED = "COMPLETED", "TIMED_OUT", "DELETED"
#: Final states of a human task.
ENDED = frozenset({COMPLETED, TIMED_OUT, DELETED})
ASSIGNEE_CHANGED, CLAIMANT_CHANGED = "ASSIGNEE_CHANGED", "CLAIMANT_CHANGED"
CONDUCTOR_USER, CONDUCTOR_GROUP = "CONDUCTOR_USER", "CONDUCTOR_GROUP"
EXTERNAL_USER, EXTERNAL_GROUP = "EXTERNAL_USER", "EXTERNAL_GROUP"
USER_TYPES = (CONDUCTOR_USER, CONDUCTOR_GROUP, EXTERNAL_USER, EXTERNAL_GROUP)
TERMINATE = "TERMINATE"
#: Key of the task's input with its definition, and of the one that shows this record to the workflow.
DEFINITION_KEY, CONTEXT_KEY = "__humanTaskDefinition", "__humanTaskProcessContext"
#: The reason of the task's failure after the last assignment, as on Orkes.
NO_ASSIGNMENTS_LEFT = "Task terminated as no more assignments pending and completion strategy is TERMINATE"
_SYSTEM = "system"
#: Milliseconds per minute: definitions give an assignment's deadline in minutes.
_MS_PER_MINUTE = 60_000

_USER = record({"user": string, "userType": one_of(*USER_TYPES)})
_ASSIGNMENT: Mapping[str, Reader] = {"assignee": _USER, "slaMinutes": long}
_DEFINITION: Mapping[str, Reader] = {
    "assignments": list_of(record(_ASSIGNMENT)),
    "assignmentCompletionStrategy": one_of("LEAVE_OPEN", TERMINATE),
    "displayName": string,
    "userFormTemplate": mapping,
    "autoClaim": boolean,
    "taskTriggers": list_of(record({"triggerType": string, "startWorkflowRequest": mapping})),
}


def read_definition(given: Any, reference: str) -> Json:
    """Return the definition of a human task with its defaults.

    Args:
        given: The value of ``__humanTaskDefinition``; None if it is missing.
        reference: The task's reference name, which is the default of the display name.

    Raises:
        RefusedError: The definition is invalid (400).
    """
    if given is not None and not isinstance(given, dict):
        raise RefusedError(400, f"{DEFINITION_KEY} must be an object")
    try:
        found = {key: value for key, value in read(given or {}, _DEFINITION).items() if value is not None}
    except RefusedError as error:
        reason = error.message.removeprefix("JSON parse error: ")
        raise RefusedError(400, f"{DEFINITION_KEY} is invalid: {reason}") from None
    check_assignments(found.get("assignments", []))
    return {
        "assignmentCompletionStrategy": "LEAVE_OPEN",
        "assignments": [],
        "taskTriggers": [],
        **found,
        "displayName": found.get("displayName") or reference,
    }


def read_assignments(given: Any) -> list[Json]:
    """Return the assignments of a request.

    Raises:
        RefusedError: They are not a list of objects (500, as for all JSON of another type), or one has no assignee or a
            negative duration (400).
    """
    found: list[Json] = read({"assignments": given}, {"assignments": list_of(record(_ASSIGNMENT))})["assignments"]
    check_assignments(found)
    return found


def check_assignments(assignments: Sequence[Json | None]) -> None:
    """Raise RefusedError for an assignment without a user or with a negative duration."""
    for position, one in enumerate(assignments):
        assignee = (one or {}).get("assignee") or {}
        if one is None or not assignee.get("user") or not assignee.get("userType"):
            raise RefusedError(400, f"assignments[{position}].assignee must have user and userType")
        if (one.get("slaMinutes") or 0) < 0:
            raise RefusedError(400, f"assignments[{position}].slaMinutes must not be negative")


@define
class HumanRecord:
    """The state of one human task, which is stored with the task.

    Attributes:
        task_id: The task.
        definition: Its definition, with the present assignments.
        created: When it was scheduled, epoch ms.
        state: The state.
        updated: When it changed last, epoch ms.
        updated_by: The person who changed it last.
        assignee: The user or group that may claim it; None for everyone.
        claimant: The user who has claimed it.
        index: Position of the present assignment; None if there is none.
        expires: When the present assignment ends, epoch ms; None for never.
        assignments_completed: Whether no assignment is left.
        skipped: Positions of the assignments that were skipped.
        actions: The actions, the oldest first.
        started: The workflows that triggers have started.
        is_removed: Whether an administrator has deleted the record of an open task.
        events: The triggers to fire, with the context of their moment; not stored.
    """

    task_id: str
    definition: Json
    created: int
    state: str = PENDING
    updated: int = 0
    updated_by: str | None = None
    assignee: Json | None = None
    claimant: Json | None = None
    index: int | None = None
    expires: int | None = None
    assignments_completed: bool = False
    skipped: list[int] = field(factory=list)
    actions: list[Json] = field(factory=list)
    started: list[Json] = field(factory=list)
    is_removed: bool = False
    events: list[tuple[str, Json]] = field(factory=list)

    def stored(self) -> Json:
        """Return the record as it is stored."""
        return {**asdict(self, recurse=False), "events": []}

    @classmethod
    def of(cls, task: Mapping[str, Any]) -> HumanRecord | None:
        """Return the record of a task; None if it is missing, or belongs to an earlier attempt."""
        found = task.get(RECORD_KEY)
        if found is None or found["task_id"] != task["taskId"]:
            return None
        copies: dict[str, Any] = {key: list(one) if isinstance(one, list) else one for key, one in found.items()}
        return cls(**copies)

    @property
    def has_ended(self) -> bool:
        """Whether the task has ended."""
        return self.state in ENDED

    def context(self) -> Json:
        """Return the record as the task's input shows it to the workflow."""
        index = {} if self.index is None else {"assigneeIndex": self.index}
        return {
            "state": self.state,
            "lastUpdated": self.updated,
            **index,
            "humanTaskActionLogs": list(self.actions),
            "humanTaskTriggerLog": list(self.started),
            "assignmentsCompleted": self.assignments_completed,
            "skippedAssigneeIndexes": list(self.skipped),
        }


#: Internal key of the task document with the record.
RECORD_KEY = "_human"


@define
class Transition:
    """Changes a record, at one time and by one person.

    Attributes:
        record: The record.
        now: The time, epoch ms.
        new_id: Returns a new identifier.
        actor: The person who changes it; ``system`` for timers and the engine.
    """

    record: HumanRecord
    now: int
    new_id: Callable[[], str]
    actor: str = _SYSTEM

    def open(self) -> bool:
        """Assign a new task to its first assignee; returns False if the task must end."""
        self._enter(PENDING)
        return self._assign(0)

    def next_assignment(self) -> bool:
        """Assign the task to the next assignee; returns False if the task must end because no assignee is left."""
        index = -1 if self.record.index is None else self.record.index
        self._drop_claimant()
        return self._assign(index + 1)

    def skip(self, reason: str | None) -> bool:
        """Skip the present assignment; returns False if the task must end because no assignee is left."""
        if self.record.index is not None:
            self.record.skipped.append(self.record.index)
        self._log("SKIP", PENDING, **({"reason": reason} if reason else {}))
        return self.next_assignment()

    def reassign(self, assignments: list[Json]) -> bool:
        """Replace the assignments; returns False if the task must end."""
        self.record.definition = {**self.record.definition, "assignments": assignments}
        self._log("REASSIGNMENT", PENDING)
        self._drop_claimant()
        self.record.skipped = []
        self.record.assignments_completed = False
        return self._assign(0)

    def claim(self, user: Json, *, override: bool) -> None:
        """Claim the task for a user; with ``override``, the task is also assigned to this user."""
        record = self.record
        if override:
            self._set_assignee(user)
        record.claimant = user
        self._note(CLAIMANT_CHANGED)
        self._log("CLAIM", IN_PROGRESS, by=f"{user['userType']}:{user['user']}")
        self._enter(IN_PROGRESS)

    def release(self) -> None:
        """Release the claimed task, so that it can be claimed again."""
        record = self.record
        record.claimant = None
        self._note(CLAIMANT_CHANGED)
        self._log("RELEASE", PENDING)
        self._log("ASSIGNMENT" if record.assignee else "ASSIGNMENTS_COMPLETED", ASSIGNED, by=_SYSTEM)
        self._enter(ASSIGNED)

    def end(self, state: str) -> None:
        """Set the final state."""
        self.record.expires = None
        self._enter(state)

    def _assign(self, index: int) -> bool:
        record, assignments = self.record, self.record.definition["assignments"]
        if index < len(assignments):
            chosen = assignments[index]
            minutes = chosen.get("slaMinutes") or 0
            record.index = index
            record.expires = self.now + minutes * _MS_PER_MINUTE if minutes > 0 else None
            self._set_assignee(chosen["assignee"])
            self._log("ASSIGNMENT", ASSIGNED, by=_SYSTEM)
            self._enter(ASSIGNED)
            if record.definition.get("autoClaim") and chosen["assignee"]["userType"] in {CONDUCTOR_USER, EXTERNAL_USER}:
                self.claim(chosen["assignee"], override=False)
            return True
        record.index = record.expires = None
        record.assignments_completed = True
        if assignments and record.definition["assignmentCompletionStrategy"] == TERMINATE:
            self._enter(DELETED)
            return False
        self._set_assignee(None)
        self._log("ASSIGNMENTS_COMPLETED", ASSIGNED, by=_SYSTEM)
        self._enter(ASSIGNED)
        return True

    def _set_assignee(self, assignee: Json | None) -> None:
        is_first = self.record.state == PENDING and not self.record.actions
        if assignee != self.record.assignee and not is_first:
            self._note(ASSIGNEE_CHANGED)
        self.record.assignee = assignee

    def _drop_claimant(self) -> None:
        if self.record.claimant is not None:
            self.record.claimant = None
            self._note(CLAIMANT_CHANGED)

    def _enter(self, state: str) -> None:
        record = self.record
        record.state, record.updated = state, self.now
        if self.actor != _SYSTEM:
            record.updated_by = self.actor
        if state != ASSIGNED or record.assignee is not None:  # "assigned" means to someone
            self._note(state)

    def _note(self, event: str) -> None:
        self.record.events.append((event, self.record.context()))

    def _log(self, action: str, state: str, *, by: str | None = None, **more: Any) -> None:
        people = {"assignee": self.record.assignee, "claimant": self.record.claimant}
        self.record.actions.append({
            "id": self.new_id(),
            "state": state,
            "stateStart": self.now,
            "action": action,
            "actedBy": by or self.actor,
            **{key: value for key, value in people.items() if value is not None},
            **more,
        })  # fmt: skip


logger = logging.getLogger(__name__)

_HUMAN = "HUMAN"
#: Finds all human tasks, and the open ones.
ALL: Query = Query((Condition("taskType", "=", (_HUMAN,)),))
_OPEN: Query = Query((*ALL.conditions, Condition("status", "IN", (SCHEDULED, IN_PROGRESS))))


class HumanRecords:
    """Creates, changes and ends the records of human tasks.

    Args:
        kernel: The server's state.
        starter: Starts the workflows of triggers.
    """

    def __init__(self, kernel: Kernel, starter: Starter) -> None:
        self._kernel, self._starter = kernel, starter
        self._expiries: dict[str, tuple[int, str]] = {}  # end of the assignment (epoch ms) and execution, by task
        kernel.observers[_HUMAN] = self._observe
        kernel.handlers[StartTriggered] = self._start
        kernel.timed_work.sources.append((self._next_expiry, self._expire))
        self._load()

    def _load(self) -> None:
        """Find assignments that can expire, and create records for tasks scheduled before this edition was used."""
        with self._kernel.lock:
            open_tasks = list(self._kernel.store.search.tasks(_OPEN))
        for task in open_tasks:
            record = HumanRecord.of(task)
            if record is not None:
                self._remember(task["workflowInstanceId"], record)
                continue
            with self._kernel.change():
                execution = self._kernel.touch(self._kernel.get(task["workflowInstanceId"]))
                found = execution.task(task["taskId"])
                if found is not None:
                    self._observe(execution, found)

    # -- the engine's changes

    def _observe(self, execution: Execution, task: Doc) -> bool:
        """Update the record from its task; returns whether anything changed."""
        record = HumanRecord.of(task)
        if is_done(task):
            if record is None or record.has_ended:
                return False
            states = {TIMED_OUT: TIMED_OUT, **dict.fromkeys(SUCCESSFUL_TASK, COMPLETED)}
            step = self.step(record)
            step.end(states.get(task["status"], DELETED))
            self.save(execution, task, record, is_open=True)
            return True
        if record is not None and (record.is_removed or not record.has_ended):
            return False
        self._open(execution, task)
        return True

    def _open(self, execution: Execution, task: Doc) -> None:
        """Create the record of a scheduled task, and assign it."""
        try:
            definition = read_definition(task["inputData"].get(DEFINITION_KEY), task["referenceTaskName"])
        except RefusedError as error:
            end_task(self._kernel, execution, task, FAILED_WITH_TERMINAL_ERROR, {}, error.message)
            return
        if task["status"] == SCHEDULED:  # a retry: it waits for a person, not for the engine
            task.update(status=IN_PROGRESS, startTime=self._kernel.context.now)
        record = HumanRecord(task["taskId"], definition, self._kernel.context.now)
        record.updated_by = execution.workflow.get("createdBy")
        self.save(execution, task, record, is_open=self.step(record).open())

    def step(self, record: HumanRecord, principal: Principal | None = None) -> Transition:
        """Return a transition of a record: by a principal, or by the server itself."""
        context = self._kernel.context
        if principal is None:
            return Transition(record, context.now, context.new_id)
        return Transition(record, context.now, context.new_id, principal.id)

    def save(self, execution: Execution, task: Doc, record: HumanRecord, *, is_open: bool = True) -> None:
        """Fire the triggers of a change, and store the record; without ``is_open``, end the task."""
        kernel = self._kernel
        kernel.touch(execution)
        for event, context in record.events:
            self._fire(execution, record, event, context)
        record.events.clear()
        task[RECORD_KEY] = record.stored()
        task.put_all("inputData", {CONTEXT_KEY: record.context()})
        if not is_done(task):
            touch(task, kernel.context.now)
        kernel.after_commit.append(partial(self._remember, execution.id, record))
        if not is_open:
            end_task(kernel, execution, task, FAILED_WITH_TERMINAL_ERROR, task["outputData"], NO_ASSIGNMENTS_LEFT)

    def _fire(self, execution: Execution, record: HumanRecord, event: str, context: Json) -> None:
        """Command the start of the workflows of the triggers for an event."""
        for trigger in record.definition["taskTriggers"]:
            request = (trigger or {}).get("startWorkflowRequest") or {}
            if (trigger or {}).get("triggerType") == event and request.get("name"):
                given = {"input": {**_mapping(request.get("input")), "humanTaskProcessContext": context}}
                command = StartTriggered(record.task_id, event, {**_without_blanks(request), **given})
                execution.commands.append(command)

    def _start(self, execution: Execution, command: StartTriggered) -> None:
        """Start the workflow of a trigger, and log it in the record. A start that fails changes nothing else."""
        started = None
        try:
            creator = {"createdBy": execution.workflow.get("createdBy")}
            started = self._starter.create({**read(command.request, START), **creator})
            self._kernel.advance(started)
        except Exception as error:  # the workflow of a trigger may be broken; the task must still change
            reason = error.message if isinstance(error, RefusedError) else repr(error)
            logger.warning("event=server.human_trigger_failed workflow=%s reason=%s", command.request["name"], reason)
            if started is not None:
                self._kernel.forget(started.id)
            return
        task = execution.task(command.task_id)
        record = HumanRecord.of(task) if task is not None else None
        if task is not None and record is not None:
            log = {"type": command.event, "workflowId": started.id, "time": self._kernel.context.now}
            record.started.append(log)
            self.save(execution, task, record)

    # -- assignments that expire

    def _remember(self, workflow_id: str, record: HumanRecord) -> None:
        if record.expires is None or record.has_ended:
            self._expiries.pop(record.task_id, None)
        else:
            self._expiries[record.task_id] = (record.expires, workflow_id)
            self._kernel.timed_work.wake()

    def _forget(self, task_id: str) -> None:
        self._expiries.pop(task_id, None)

    def _next_expiry(self) -> int | None:
        return min((due for due, _ in self._expiries.values()), default=None)

    def _expire(self, now: int) -> None:
        for task_id, (due, workflow_id) in sorted(self._expiries.items(), key=lambda item: item[1]):
            if due > now:
                continue
            execution = self._kernel.find(workflow_id)
            task = execution.task(task_id) if execution is not None else None
            record = HumanRecord.of(task) if task is not None else None
            if execution is None or task is None or is_done(task) or record is None or record.expires != due:
                self._kernel.after_commit.append(partial(self._forget, task_id))
                continue
            self.save(execution, task, record, is_open=self.step(record).next_assignment())


def _mapping(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


def _without_blanks(request: Json) -> Json:
    """Return a StartWorkflowRequest without empty fields, such as the version of a trigger from the form editor."""
    return {key: value for key, value in request.items() if value is not None and value != ""}
