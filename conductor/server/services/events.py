"""Event handlers, and the queues inside this server that EVENT tasks publish to."""

from __future__ import annotations

import json
from typing import Any

from conductor.models.codec import dumps, loads
from conductor.server.engine.commands import Publish, PullMessages
from conductor.server.engine.context import RefusedError, ScriptFailedError
from conductor.server.engine.expressions.references import substitute
from conductor.server.engine.state import RUNNING, Doc, Execution, is_done
from conductor.server.runtime.kernel import Kernel
from conductor.server.services.executions import Starts
from conductor.server.services.tasks import end_task

Json = dict[str, Any]
_MOST_WAITING = 1000


class Messages:
    """Takes messages in, and hands them to tasks."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        kernel.handlers[PullMessages] = self._pull

    def send(self, workflow_id: str, payload: Json) -> str:
        """Queue a message; a task that waits gets it at once. Returns the message's id."""
        with self._kernel.change() as context:
            execution = self._kernel.find(workflow_id)
            if execution is None:
                raise RefusedError(404, f"Workflow not found: {workflow_id}")
            status = execution.workflow["status"]
            if status != RUNNING:
                raise RefusedError(409, f"Workflow {workflow_id} is not in RUNNING state (current: {status})")
            if len(self._waiting(workflow_id)) >= _MOST_WAITING:
                raise RefusedError(429, f"Workflow {workflow_id} has {_MOST_WAITING} messages waiting")
            message_id = context.new_id()
            body = {"id": message_id, "workflowId": workflow_id, "payload": payload, "receivedAt": context.now}
            self._kernel.store.run("INSERT INTO message VALUES (?, ?, ?)", (workflow_id, message_id, dumps(body)))
            for task in list(execution.tasks):
                if task["taskType"] == "PULL_WORKFLOW_MESSAGES" and not is_done(task) and task.get("_isAsked"):
                    self._hand_over(execution, task, task["_limit"], blocking=True)
            return message_id

    def _waiting(self, workflow_id: str) -> list[tuple[Any, ...]]:
        query = "SELECT rowid, body FROM message WHERE queue = ? ORDER BY rowid"
        return self._kernel.store.rows(query, (workflow_id,))

    def _pull(self, execution: Execution, command: PullMessages) -> None:
        task = execution.task(command.task_id)
        if task is not None and not is_done(task):
            task["_limit"] = command.limit
            self._hand_over(execution, task, command.limit, blocking=command.blocking)

    def _hand_over(self, execution: Execution, task: Doc, limit: int, *, blocking: bool) -> None:
        rows = self._waiting(execution.id)[:limit]
        if not rows and blocking:
            return
        for row, _ in rows:
            self._kernel.store.run("DELETE FROM message WHERE rowid = ?", (row,))
        messages = [loads(body) for _, body in rows]
        end_task(self._kernel, execution, task, "COMPLETED", {"messages": messages, "count": len(messages)})


_HANDLER = "event_handler"
_LOOK_MS = 60_000


class Events:
    """Keeps handlers, and carries out their actions; messages wait until a handler is there."""

    def __init__(self, kernel: Kernel, starts: Starts) -> None:
        self._kernel, self._starts = kernel, starts
        self._handlers: dict[str, Json] = {name: body for name, _, body in kernel.store.documents(_HANDLER)}
        self._unheard: dict[str, int] = {}  # events that are new, and when they are listened to
        kernel.handlers[Publish] = self._publish
        kernel.timed.append((lambda: min(self._unheard.values(), default=None), self._listen))

    def add(self, handler: Json) -> None:
        """Register a handler; waiting messages reach it at once."""
        if handler["name"] in self._handlers:
            raise RefusedError(500, f"EventHandler with name {handler['name']} already exists!")
        self._save(handler)

    def update(self, handler: Json) -> None:
        """Replace a handler."""
        self._known(handler["name"])
        self._save(handler)

    def _save(self, handler: Json) -> None:
        with self._kernel.change():
            made = {"active": False, **handler}
            self._hear_of(made["event"])
            self._handlers[handler["name"]] = made
            self._kernel.store.put(_HANDLER, handler["name"], made)
            self._deliver_waiting(made["event"])

    def _hear_of(self, event: str) -> None:
        is_known = any(one["event"] == event for one in self._handlers.values())
        if not is_known and not self._kernel.divergences.handlers_at_once:
            self._unheard[event] = self._kernel.context.now + _LOOK_MS
            self._kernel.after_commit.append(self._kernel.wake_timer)

    def _listen(self, now: int) -> None:
        for event in [event for event, due in self._unheard.items() if due <= now]:
            del self._unheard[event]
            self._deliver_waiting(event)

    def remove(self, name: str) -> None:
        """Delete a handler."""
        self._known(name)
        with self._kernel.change():
            del self._handlers[name]
            self._kernel.store.drop(_HANDLER, name)

    def _known(self, name: str) -> Json:
        if name not in self._handlers:
            raise RefusedError(500, f"EventHandler with name {name} not found!")
        return self._handlers[name]

    def all(self) -> list[Json]:
        """All handlers."""
        return list(self._handlers.values())

    def of_event(self, event: str, *, active_only: bool) -> list[Json]:
        """The handlers of an event."""
        return [one for one in self.all() if one["event"] == event and (one["active"] or not active_only)]

    # -- messages

    def _publish(self, _: Execution, command: Publish) -> None:
        self._kernel.store.run(
            "INSERT INTO message VALUES (?, ?, ?)", (command.queue, command.message_id, dumps(command.payload))
        )
        self._deliver_waiting(command.queue)

    def _deliver_waiting(self, event: str) -> None:
        handlers = self.of_event(event, active_only=True)
        if not handlers or event in self._unheard:
            return
        rows = self._kernel.store.rows("SELECT rowid, id, body FROM message WHERE queue = ? ORDER BY rowid", (event,))
        for row, message_id, body in rows:
            self._kernel.store.run("DELETE FROM message WHERE rowid = ?", (row,))
            for handler in handlers:
                self._handle(handler, message_id, loads(body))

    def _handle(self, handler: Json, message_id: str, payload: Json) -> None:
        if not self._applies(handler, payload):
            return
        for action in handler.get("actions") or []:
            seen = _expanded(payload) if action.get("expandInlineJSON") else payload
            meta = {"conductor.event.messageId": message_id, "conductor.event.name": handler["event"]}
            kind = action.get("action")
            try:
                if kind == "start_workflow":
                    self._start(substitute(action.get(kind) or {}, seen), meta, handler["event"])
                elif kind in {"complete_task", "fail_task"}:
                    self._end_task(kind, substitute(action.get(kind) or {}, seen), meta)
            except RefusedError:
                continue  # the real server notes it in its event log, and goes on

    def _applies(self, handler: Json, payload: Json) -> bool:
        condition = handler.get("condition")
        if not condition or not condition.strip():
            return True
        try:
            value = self._kernel.context.javascript(condition, payload)
        except ScriptFailedError:
            return False
        return value is True or (isinstance(value, int | float) and not isinstance(value, bool) and value > 0)

    def _start(self, wanted: Json, meta: Json, event: str) -> None:
        given = {**(wanted.get("input") or {}), **meta}
        started = self._starts.create({**wanted, "input": given, "event": event})
        self._kernel.advance(started)

    def _end_task(self, kind: str, wanted: Json, meta: Json) -> None:
        execution, task = self._target(wanted)
        if execution is None or task is None or is_done(task):
            return
        output = {
            **(wanted.get("output") or {}),
            **{key: wanted.get(key) for key in ("workflowId", "taskId", "taskRefName", "reasonForIncompletion")},
            **meta,
        }
        status = "COMPLETED" if kind == "complete_task" else "FAILED"
        end_task(self._kernel, execution, task, status, output, wanted.get("reasonForIncompletion"))

    def _target(self, wanted: Json) -> tuple[Execution | None, Doc | None]:
        if wanted.get("taskId"):
            home = self._kernel.store.home_of(wanted["taskId"])
            execution = self._kernel.find(home) if home is not None else None
            return execution, execution.task(wanted["taskId"]) if execution is not None else None
        execution = self._kernel.find(str(wanted.get("workflowId")))
        reference = wanted.get("taskRefName")
        if execution is None or reference is None:
            return None, None
        rounds = [task for task in execution.tasks if task["referenceTaskName"].partition("__")[0] == reference]
        exact = execution.newest(reference)
        return execution, exact or (rounds[-1] if rounds else None)


def _expanded(value: Any) -> Any:
    """JSON inside texts, parsed."""
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
