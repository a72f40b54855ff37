"""The services of one server."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from attrs import define, field

from conductor.server.engine import commands as c
from conductor.server.engine.context import RefusedError
from conductor.server.engine.decide import unexpected_error
from conductor.server.engine.definitions import parse_workflow_def
from conductor.server.engine.outcome import FOLLOWERS, terminate, touch
from conductor.server.engine.state import COMPLETED, FAILED, IN_PROGRESS, TERMINATED, Doc, Execution, is_done
from conductor.server.engine.tasks.child import attach, child_id, follow
from conductor.server.runtime.kernel import Kernel
from conductor.server.services.events import Events, Messages
from conductor.server.services.executions import Executions, IdempotencyKeys, Starter
from conductor.server.services.http_calls import HttpCalls
from conductor.server.services.metadata import Metadata
from conductor.server.services.recovery import Recovery
from conductor.server.services.runs import Runs, TestRuns
from conductor.server.services.schedules import Schedules
from conductor.server.services.search import Search
from conductor.server.services.tasks import Tasks

Json = dict[str, Any]

logger = logging.getLogger(__name__)


class FollowUp:
    """The handlers of the engine's commands about queues, logs, and other executions."""

    def __init__(self, kernel: Kernel, starter: Starter) -> None:
        self._kernel, self._starter = kernel, starter
        self._keys = IdempotencyKeys(kernel)
        kernel.handlers.update({
            c.Enqueue: self._enqueue,
            c.StartChild: self._start_child,
            c.StartFailureWorkflow: self._start_failure_workflow,
            c.TerminateChild: self._terminate_child,
            c.NotifyParent: self._notify_parent,
            c.AddLog: self._add_log,
            c.Ended: self._ended,
        })  # fmt: skip

    def _enqueue(self, execution: Execution, command: c.Enqueue) -> None:
        now = self._kernel.context.now
        self._kernel.queues.push(command.queue, command.task_id, execution.id, command.priority, command.due, now)
        if command.due > now:
            self._kernel.after_commit.append(self._kernel.timed_work.wake)

    def _start_child(self, parent: Execution, command: c.StartChild) -> None:
        task = parent.task(command.task_id)
        if task is None or is_done(task):
            return
        try:
            child = self._child(parent, task, command)
        except RefusedError as error:
            self._end_task(parent, task, FAILED, error.message)
            return
        except Exception as error:  # an invalid definition fails the task, not the server
            logger.warning("event=server.child_start_failed task_id=%s", task["taskId"], exc_info=True)
            self._end_task(parent, task, FAILED, unexpected_error(error))
            return
        if command.attached:
            attach(task, child)
            touch(task, self._kernel.context.now)
            if child.is_terminal:
                follow(task, child)
                self._kernel.advance(parent)
                return
        self._kernel.advance(child)
        if not command.attached:
            task.put("outputData", workflowId=child.id)
            self._end_task(parent, task, COMPLETED, None)

    def _child(self, parent: Execution, task: Doc, command: c.StartChild) -> Execution:
        """Return the child to start; after a rerun of the task, the child that the task started before."""
        request = self._parse({**command.request, "createdBy": parent.workflow.get("createdBy")})
        if self._kernel.extensions.idempotent_children:
            request = self._with_key(parent, request, command)
            existing = self._keys.existing(request)
            if existing is not None:
                return self._shared(parent, task, self._kernel.get(existing), command)
        if not command.attached:
            return self._create(request)
        workflow_id = child_id(parent.id, task)
        known = self._kernel.find(workflow_id)
        if known is None:
            return self._create(request, workflow_id)
        is_completed = known.workflow["status"] == COMPLETED
        if known.is_open or (is_completed and not self._kernel.divergences.rerun_completed_children):
            return self._kernel.touch(known)
        return self._create(request)

    def _create(self, request: Json, workflow_id: str | None = None) -> Execution:
        child = self._starter.create(request, workflow_id)
        if self._kernel.extensions.idempotent_children:
            self._keys.record(request, child)
        return child

    @staticmethod
    def _with_key(parent: Execution, request: Json, command: c.StartChild) -> Json:
        """Return the request with the parent's idempotency key, if it has a strategy and no key."""
        if request.get("idempotencyKey") or not request.get("idempotencyStrategy") or not command.attached:
            return request
        return {**request, "idempotencyKey": parent.workflow.get("idempotencyKey")}

    def _shared(self, parent: Execution, task: Doc, child: Execution, command: c.StartChild) -> Execution:
        """Return an execution that was started before with the same key; the task ends with it."""
        if command.attached and child.is_open and child.workflow.get("parentWorkflowTaskId") != task["taskId"]:
            self._kernel.touch(child)
            child.workflow[FOLLOWERS] = [*child.workflow.get(FOLLOWERS, ()), [parent.id, task["taskId"]]]
        return child

    @staticmethod
    def _parse(request: Json) -> Json:
        given = request.get("workflowDef")
        if given is None:
            return request
        definition = parse_workflow_def(given)
        if not definition.get("name"):
            raise RefusedError(400, "The definition of the workflow to start has no name")
        return {**request, "workflowDef": definition}

    def _end_task(self, execution: Execution, task: Doc, status: str, reason: str | None) -> None:
        task["status"] = status
        if reason is not None:
            task["reasonForIncompletion"] = reason
        touch(task, self._kernel.context.now)
        self._kernel.advance(execution)

    def _start_failure_workflow(self, execution: Execution, command: c.StartFailureWorkflow) -> None:
        name = command.request["name"]
        try:
            started = self._starter.create({**command.request, "createdBy": execution.workflow.get("createdBy")})
        except RefusedError as error:
            outcome = f"Error workflow {name} failed to start.  reason: {error.message}"
        else:
            self._kernel.advance(started)
            outcome = started.id
        execution.workflow.put_all("output", {"conductor.failure_workflow": outcome})

    def _terminate_child(self, parent: Execution, command: c.TerminateChild) -> None:
        child = self._kernel.find(command.workflow_id)
        is_own = child is not None and child.workflow.get("parentWorkflowId") == parent.id
        if child is not None and child.is_open and is_own:
            child.workflow["status"] = TERMINATED
            self._kernel.touch(child)
            terminate(child, self._kernel.context, command.reason)

    def _notify_parent(self, child: Execution, command: c.NotifyParent) -> None:
        parent = self._kernel.find(command.workflow_id)
        task = parent.task(command.task_id) if parent is not None else None
        if parent is None or task is None or task["status"] != IN_PROGRESS:
            return
        follow(task, child)
        touch(task, self._kernel.context.now)
        self._kernel.advance(parent)

    def _add_log(self, _: Execution, command: c.AddLog) -> None:
        self._kernel.store.add_log(command.task_id, command.at, command.text)

    def _ended(self, execution: Execution, _: c.Ended) -> None:
        self._kernel.store.remove_messages(execution.id)


@define
class Services:
    """The services of one kernel. HTTP handlers use nothing else.

    Attributes:
        kernel: The server's state.
        starter: Creates executions.
    """

    kernel: Kernel
    starter: Starter = field(init=False)
    metadata: Metadata = field(init=False)
    executions: Executions = field(init=False)
    recovery: Recovery = field(init=False)
    tasks: Tasks = field(init=False)
    runs: Runs = field(init=False)
    test_runs: TestRuns = field(init=False)
    search: Search = field(init=False)
    http_calls: HttpCalls = field(init=False)
    events: Events = field(init=False)
    messages: Messages = field(init=False)
    schedules: Schedules = field(init=False)

    def __attrs_post_init__(self) -> None:
        starter = self.starter = Starter(self.kernel)
        self.metadata = Metadata(self.kernel, starter)
        self.executions = Executions(self.kernel, starter)
        self.recovery = Recovery(self.kernel, starter)
        self.tasks = Tasks(self.kernel)
        self.runs = Runs(self.kernel)
        self.test_runs = TestRuns(self.kernel, starter, self.tasks)
        self.search = Search(self.kernel)
        self.http_calls = HttpCalls(self.kernel)
        self.events = Events(self.kernel, starter)
        self.messages = Messages(self.kernel)
        self.schedules = Schedules(self.kernel, starter)
        FollowUp(self.kernel, starter)

    @property
    def secrets(self) -> Mapping[str, str]:
        """The values of ``${workflow.secrets.NAME}``."""
        return self.kernel.secrets

    @property
    def environment(self) -> Mapping[str, str]:
        """The values of ``${workflow.env.NAME}``."""
        return self.kernel.environment
