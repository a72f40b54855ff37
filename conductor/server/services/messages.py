"""The message queue of an execution, which PULL_WORKFLOW_MESSAGES reads."""

from __future__ import annotations

from typing import Any

from conductor.models.codec import dumps, loads
from conductor.server.engine.commands import PullMessages
from conductor.server.engine.state import Doc, Execution, is_done
from conductor.server.engine.words import RUNNING
from conductor.server.engine.world import RefusedError
from conductor.server.kernel import Kernel
from conductor.server.services.results_in import end_task

Json = dict[str, Any]

_MOST_WAITING = 1000


class Messages:
    """Takes messages in, and hands them to tasks."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        kernel.handlers[PullMessages] = self._pull

    def send(self, workflow_id: str, payload: Json) -> str:
        """Queue a message; a task that waits gets it at once. Returns the message's id."""
        with self._kernel.change() as world:
            execution = self._kernel.find(workflow_id)
            if execution is None:
                raise RefusedError(404, f"Workflow not found: {workflow_id}")
            status = execution.workflow["status"]
            if status != RUNNING:
                raise RefusedError(409, f"Workflow {workflow_id} is not in RUNNING state (current: {status})")
            if len(self._waiting(workflow_id)) >= _MOST_WAITING:
                raise RefusedError(429, f"Workflow {workflow_id} has {_MOST_WAITING} messages waiting")
            message_id = world.new_id()
            body = {"id": message_id, "workflowId": workflow_id, "payload": payload, "receivedAt": world.now}
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
