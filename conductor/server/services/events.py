"""Event handlers, the queues that EVENT tasks publish to, and messages to executions."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

from attrs import frozen

from conductor.server.engine.commands import Publish, PullMessages
from conductor.server.engine.context import RefusedError, ScriptFailedError
from conductor.server.engine.expressions.references import substitute
from conductor.server.engine.state import RUNNING, Doc, Execution, is_done
from conductor.server.runtime.kernel import Kernel
from conductor.server.services.executions import Starter
from conductor.server.services.tasks import end_task

Json = dict[str, Any]

_HANDLER = "event_handler"
#: Maximum number of messages that wait for one execution, as on the OSS server.
_MAX_WAITING = 1000
#: Messages to read from the database at a time.
_DELIVERED_AT_ONCE = 100
#: Milliseconds until messages reach the handlers of a new event with ``strict``: the OSS server refreshes its list of
#: event queues once a minute.
_REFRESH_MS = 60_000


class Messages:
    """Queues messages for executions and delivers them to PULL_WORKFLOW_MESSAGES tasks."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        kernel.handlers[PullMessages] = self._pull

    def send(self, workflow_id: str, payload: Json) -> str:
        """Queue a message for an execution; a task that waits for one receives it at once.

        Returns:
            The message's id.

        Raises:
            RefusedError: The execution does not exist (404), is not running (409), or has too many messages (429).
        """
        with self._kernel.change() as context:
            execution = self._kernel.find(workflow_id)
            if execution is None:
                raise RefusedError(404, f"Workflow not found: {workflow_id}")
            status = execution.workflow["status"]
            if status != RUNNING:
                raise RefusedError(409, f"Workflow {workflow_id} is not in RUNNING state (current: {status})")
            if self._kernel.store.count_messages(workflow_id) >= _MAX_WAITING:
                raise RefusedError(429, f"Workflow {workflow_id} has {_MAX_WAITING} messages waiting")
            message_id = context.new_id()
            body = {"id": message_id, "workflowId": workflow_id, "payload": payload, "receivedAt": context.now}
            self._kernel.store.add_message(workflow_id, message_id, body)
            for task in list(execution.tasks):
                if task["taskType"] == "PULL_WORKFLOW_MESSAGES" and not is_done(task) and task.get("_isAsked"):
                    self._deliver(execution, task, task["_limit"], blocking=True)
            return message_id

    def _pull(self, execution: Execution, command: PullMessages) -> None:
        task = execution.task(command.task_id)
        if task is not None and not is_done(task):
            task["_limit"] = command.limit
            self._deliver(execution, task, command.limit, blocking=command.blocking)

    def _deliver(self, execution: Execution, task: Doc, limit: int, *, blocking: bool) -> None:
        waiting = self._kernel.store.messages(execution.id, max(limit, 0))
        if not waiting and blocking:
            return
        for message in waiting:
            self._kernel.store.remove_message(message)
        output = {"messages": [message.body for message in waiting], "count": len(waiting)}
        end_task(self._kernel, execution, task, "COMPLETED", output)


@frozen
class Handled:
    """The result of a handler for a message.

    Attributes:
        handler: The handler.
        message_id: The id of the message.
        payload: The message.
        action: The type of the action; None if the condition does not apply.
        output: The outcome of the action.
        reason: Why the action failed; None if it did not.
    """

    handler: Json
    message_id: str
    payload: Json
    action: str | None
    output: Json
    reason: str | None


#: Carries out an action; takes its details, the names of the message and the event, and the handler; returns the
#: outcome.
Action = Callable[[Json, Json, Json], Json]


class Events:
    """Stores event handlers and carries out their actions. Messages wait until their event has a handler.

    Attributes:
        actions: The functions that carry out actions, by type.
        start: Starts an execution for a StartWorkflowRequest; returns its id.
        check: Raises RefusedError if a handler may not start or change executions of the workflow with a name.
        observe: Called with the result of each handler. By default, nothing is recorded.
    """

    def __init__(self, kernel: Kernel, starter: Starter) -> None:
        self._kernel, self._starter = kernel, starter
        self.actions: dict[str, Action] = {
            "start_workflow": self._start_workflow,
            "complete_task": partial(self._end_task, "COMPLETED"),
            "fail_task": partial(self._end_task, "FAILED"),
        }
        self.start: Callable[[Json], str] = self._start
        self.check: Callable[[Json, str], None] = lambda _handler, _workflow: None
        self.observe: Callable[[Handled], None] = lambda _: None
        self._handlers: dict[str, Json] = {name: body for name, _, body in kernel.store.documents(_HANDLER)}
        self._new_events: dict[str, int] = {}  # events without delivery so far, and when delivery starts
        kernel.handlers[Publish] = self._publish
        kernel.timed_work.sources.append((lambda: min(self._new_events.values(), default=None), self._start_delivery))

    def add(self, handler: Json) -> None:
        """Register a handler, and deliver the messages that wait for it.

        Raises:
            RefusedError: A handler of this name exists (500, as on the OSS server).
        """
        if handler["name"] in self._handlers:
            raise RefusedError(500, f"EventHandler with name {handler['name']} already exists!")
        self.save(handler)

    def update(self, handler: Json) -> None:
        """Replace a handler.

        Raises:
            RefusedError: The handler does not exist (500, as on the OSS server).
        """
        self._get(handler["name"])
        self.save(handler)

    def find(self, name: str) -> Json | None:
        """Return a handler; None if it does not exist."""
        return self._handlers.get(name)

    def save(self, handler: Json) -> None:
        """Create or replace a handler, and deliver the messages that wait for it."""
        with self._kernel.change():
            made = {"active": False, **handler}
            self._subscribe(made["event"])
            self._handlers[handler["name"]] = made
            self._kernel.store.put(_HANDLER, handler["name"], made)
            self._deliver_waiting(made["event"])

    def _subscribe(self, event: str) -> None:
        is_known = any(one["event"] == event for one in self._handlers.values())
        if not is_known and not self._kernel.divergences.handlers_at_once:
            self._new_events[event] = self._kernel.context.now + _REFRESH_MS
            self._kernel.after_commit.append(self._kernel.timed_work.wake)

    def _start_delivery(self, now: int) -> None:
        for event in [event for event, due in self._new_events.items() if due <= now]:
            del self._new_events[event]
            self._deliver_waiting(event)

    def remove(self, name: str) -> None:
        """Delete a handler.

        Raises:
            RefusedError: The handler does not exist (500, as on the OSS server).
        """
        self._get(name)
        with self._kernel.change():
            del self._handlers[name]
            self._kernel.store.drop(_HANDLER, name)

    def _get(self, name: str) -> Json:
        if name not in self._handlers:
            raise RefusedError(500, f"EventHandler with name {name} not found!")
        return self._handlers[name]

    def all(self) -> list[Json]:
        """Return all handlers."""
        return list(self._handlers.values())

    def of_event(self, event: str, *, active_only: bool) -> list[Json]:
        """Return the handlers of an event."""
        return [one for one in self.all() if one["event"] == event and (one["active"] or not active_only)]

    # -- messages

    def _publish(self, _: Execution, command: Publish) -> None:
        self._kernel.store.add_message(command.queue, command.message_id, command.payload)
        self._deliver_waiting(command.queue)

    def _deliver_waiting(self, event: str) -> None:
        handlers = self.of_event(event, active_only=True)
        if not handlers or event in self._new_events:
            return
        while waiting := self._kernel.store.messages(event, _DELIVERED_AT_ONCE):
            for message in waiting:
                if self._kernel.context.deadline_passed():  # for example, two handlers trigger each other
                    self._new_events[event] = self._kernel.context.now
                    self._kernel.after_commit.append(self._kernel.timed_work.wake)
                    return
                # A condition runs without the lock: another change may have delivered the message meanwhile.
                if not self._kernel.store.remove_message(message):
                    continue
                for handler in handlers:
                    self._handle(handler, message.id, message.body)

    def dispatch(self, event: str, message_id: str, payload: Json) -> None:
        """Carry out the actions of the event's active handlers for a message."""
        with self._kernel.change():
            for handler in self.of_event(event, active_only=True):
                self._handle(handler, message_id, payload)

    def _handle(self, handler: Json, message_id: str, payload: Json) -> None:
        if not self._applies(handler, payload):
            self.observe(Handled(handler, message_id, payload, None, {}, None))
            return
        for action in handler.get("actions") or []:
            seen = _expanded(payload) if action.get("expandInlineJSON") else payload
            meta = {"conductor.event.messageId": message_id, "conductor.event.name": handler["event"]}
            kind = action.get("action")
            output, reason = {}, None
            try:
                if kind in self.actions:
                    output = self.actions[kind](substitute(action.get(kind) or {}, seen), meta, handler)
            except RefusedError as error:  # like the OSS server, continue with the next action
                reason = error.message
            self.observe(Handled(handler, message_id, payload, kind, output, reason))

    def _applies(self, handler: Json, payload: Json) -> bool:
        condition = handler.get("condition")
        if not condition or not condition.strip():
            return True
        try:
            value = self._kernel.context.javascript(condition, payload)
        except ScriptFailedError:
            return False
        return value is True or (isinstance(value, int | float) and not isinstance(value, bool) and value > 0)

    def _start_workflow(self, action: Json, meta: Json, handler: Json) -> Json:
        self.check(handler, str(action.get("name")))
        given = {**(action.get("input") or {}), **meta}
        request = {
            **action,
            "input": given,
            "event": meta["conductor.event.name"],
            "createdBy": handler.get("createdBy"),
        }
        return {"workflowId": self.start(request)}

    def _start(self, request: Json) -> str:
        started = self._starter.create(request)
        self._kernel.advance(started)
        return started.id

    def _end_task(self, status: str, action: Json, meta: Json, handler: Json) -> Json:
        execution, task = self._target(action)
        if execution is None or task is None or is_done(task):
            return {}
        self.check(handler, execution.workflow["workflowName"])
        output = {
            **(action.get("output") or {}),
            **{key: action.get(key) for key in ("workflowId", "taskId", "taskRefName", "reasonForIncompletion")},
            **meta,
        }
        end_task(self._kernel, execution, task, status, output, action.get("reasonForIncompletion"))
        return {"workflowId": execution.id, "taskId": task["taskId"]}

    def _target(self, action: Json) -> tuple[Execution | None, Doc | None]:
        """Return the task of an action, identified by its id, or by its execution and reference name."""
        if action.get("taskId"):
            workflow_id = self._kernel.store.execution_of(action["taskId"])
            execution = self._kernel.find(workflow_id) if workflow_id is not None else None
            return execution, execution.task(action["taskId"]) if execution is not None else None
        execution = self._kernel.find(str(action.get("workflowId")))
        reference = action.get("taskRefName")
        if execution is None or reference is None:
            return None, None
        iterations = [task for task in execution.tasks if task["referenceTaskName"].partition("__")[0] == reference]
        exact = execution.newest(reference)
        return execution, exact or (iterations[-1] if iterations else None)


def _expanded(value: Any) -> Any:
    """Return the value with JSON inside its strings parsed."""
    if isinstance(value, dict):
        return {key: _expanded(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_expanded(one) for one in value]
    if isinstance(value, str) and value[:1] in {"{", "["}:
        try:
            return _expanded(json.loads(value))
        except ValueError:
            return value
    return value
