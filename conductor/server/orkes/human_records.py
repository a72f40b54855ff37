"""Keeps the records of human tasks up to date with the engine and the clock, and starts the workflows of triggers.

The record of a human task is stored in the task itself. So it is read, changed, rolled back and deleted with it.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import Any

from conductor.server.engine.commands import StartTriggered
from conductor.server.engine.context import RefusedError
from conductor.server.engine.json_fields import START, read
from conductor.server.engine.outcome import touch
from conductor.server.engine.query import Condition, Query
from conductor.server.engine.state import (
    COMPLETED,
    FAILED_WITH_TERMINAL_ERROR,
    IN_PROGRESS,
    SCHEDULED,
    SUCCESSFUL_TASK,
    TIMED_OUT,
    Doc,
    Execution,
    is_done,
)
from conductor.server.http.principal import Principal
from conductor.server.orkes.human_record import (
    CONTEXT_KEY,
    DEFINITION_KEY,
    DELETED,
    NO_ASSIGNMENTS_LEFT,
    RECORD_KEY,
    HumanRecord,
    Transition,
    read_definition,
)
from conductor.server.runtime.kernel import Kernel
from conductor.server.services.executions import Starter
from conductor.server.services.tasks import end_task

Json = dict[str, Any]

logger = logging.getLogger(__name__)

_HUMAN = "HUMAN"
#: Finds all human tasks, and the open ones.
ALL: Query = Query((Condition("taskType", "=", (_HUMAN,)),))
_OPEN: Query = Query((*ALL.conditions, Condition("status", "IN", (SCHEDULED, IN_PROGRESS))))


class HumanRecords:
    """Makes, changes and ends the records of human tasks.

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
        """Find the assignments that can expire, and open records of tasks from the time before this edition."""
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
        """Bring the record up to date with its task; returns whether anything changed."""
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
        """Make the record of a task that has been scheduled, and assign it."""
        try:
            definition = read_definition(task["inputData"].get(DEFINITION_KEY), task["referenceTaskName"])
        except RefusedError as error:
            end_task(self._kernel, execution, task, FAILED_WITH_TERMINAL_ERROR, {}, error.message)
            return
        if task["status"] == SCHEDULED:  # a retry: it waits for a person, and not for the engine
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
