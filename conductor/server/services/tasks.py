"""Tasks: polling, updating, logs, queues."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from conductor.server.engine.context import RefusedError
from conductor.server.engine.definitions import render, render_task
from conductor.server.engine.expressions.inputs import with_secrets
from conductor.server.engine.results import apply_result, extend_lease, hand_out, pending_task, result_of
from conductor.server.engine.state import SCHEDULED, Doc, Execution, is_done
from conductor.server.runtime.kernel import Kernel


def end_task(
    kernel: Kernel, execution: Execution, task: Doc, status: str, output: dict[str, Any], reason: str | None = None
) -> None:
    """End a task, and let its execution go on; inside a change."""
    kernel.touch(execution)
    result = {"status": status, "outputData": output, "reasonForIncompletion": reason}
    if apply_result(execution, task, result, kernel.context):
        kernel.advance(execution)


Json = dict[str, Any]


class RateLimits:
    """What was handed out lately, by name; in memory, so that a new process begins with a new window."""

    def __init__(self) -> None:
        self._lately: dict[str, deque[int]] = {}

    def held_until(self, task: Doc, now: int) -> int | None:
        """When the task may be handed out, epoch ms; None for at once."""
        limit, window_ms = _limit(task)
        if limit <= 0:
            return None
        lately = self._lately.get(task["taskDefName"], deque())
        while lately and lately[0] + window_ms <= now:
            lately.popleft()
        return None if len(lately) < limit else lately[-limit] + window_ms

    def note(self, task: Doc, now: int) -> None:
        """The task is handed out."""
        if _limit(task)[0] > 0:
            self._lately.setdefault(task["taskDefName"], deque()).append(now)

    def take_back(self, task: Doc, noted: int) -> None:
        """It was not, after all."""
        lately = self._lately.get(task["taskDefName"])
        if lately and noted in lately:
            lately.remove(noted)


def _limit(task: Doc) -> tuple[int, int]:
    task_def = (task.get("workflowTask") or {}).get("taskDefinition") or {}
    return task_def.get("rateLimitPerFrequency") or 0, (task_def.get("rateLimitFrequencyInSeconds") or 1) * 1000


STATUSES = frozenset({"IN_PROGRESS", "FAILED", "FAILED_WITH_TERMINAL_ERROR", "COMPLETED", "CANCELED"})
_PUT_OFF_MS = 60_000


def queue_of(kind: str, domain: str | None) -> str:
    """The name of the queue of a task type in a domain."""
    return f"{domain}:{kind}" if domain else kind


class PollTurns:
    """The place of a waiting poll among those of its queue: it is woken once for each task that is there for it."""

    def __init__(self, kernel: Kernel, queue: str) -> None:
        self._kernel, self._queue = kernel, queue
        self._wake: Callable[[], None] = lambda: None

    def begin(self, wake: Callable[[], None]) -> Callable[[], None]:
        """Wait for the first turn; returns what ends the waiting."""
        self._wake = wake
        self.take()
        return self._end

    def take(self) -> None:
        """Wait for another turn from now on, at the end of the line; a wait that was not woken keeps its place."""
        with self._kernel.lock:
            self._kernel.queues.listen(self._queue, self._wake)

    def _end(self) -> None:
        with self._kernel.lock:
            self._kernel.queues.unlisten(self._queue, self._wake)


class Tasks:
    """What workers and their operators do with tasks."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._rates = RateLimits()

    @property
    def answers_partial_batches(self) -> bool:
        """Whether a batch poll answers with what is there."""
        return self._kernel.divergences.answer_partial_batches

    def turns(self, queue: str) -> PollTurns:
        """Return what a poll of the queue waits with."""
        return PollTurns(self._kernel, queue)

    def poll(self, kind: str, worker: str | None, domain: str | None, count: int) -> list[Json]:
        """Hand out at most ``count`` tasks that are due."""
        kernel = self._kernel
        queue = queue_of(kind, domain)
        with kernel.lock:
            self._note_poll(kind, worker, domain)
            if not kernel.queues.has_ready(queue, kernel.clock.now_ms()):
                return []
            with kernel.change() as context:
                return self._take(queue, worker, count, context.now)

    def _take(self, queue: str, worker: str | None, count: int, now: int) -> list[Json]:
        kernel, polled = self._kernel, []
        for task_id, workflow_id, priority, due in kernel.queues.pop(queue, now):
            if kernel.is_claimed(workflow_id):
                kernel.when_free(workflow_id, partial(self._free, queue, task_id, workflow_id, priority, due))
                continue
            execution = kernel.find(workflow_id)
            task = execution.task(task_id) if execution is not None else None
            if execution is None or task is None or task["status"] != SCHEDULED or execution.is_terminal:
                continue
            held_until = self._held_until(task, now)
            put_back = partial(self._put_back, queue, task, workflow_id, held_until or task.get("_due", 0))
            kernel.after_failure.append(put_back)
            if held_until is not None:
                kernel.after_commit.extend([put_back, kernel.wake_timer])
                continue
            kernel.touch(execution)
            self._rates.note(task, now)
            kernel.after_failure.append(partial(self._rates.take_back, task, now))
            hand_out(task, worker, now)
            kernel.in_progress.setdefault(task["taskDefName"], set()).add(task_id)
            polled.append(self._rendered_for_worker(task))
            if len(polled) >= count:
                break
        return polled

    def _free(self, queue: str, task_id: str, workflow_id: str, priority: int, due: int) -> None:
        """A task that was passed over, because its execution was being changed, can be polled again."""
        execution = self._kernel.find(workflow_id)
        task = execution.task(task_id) if execution is not None else None
        if task is not None and task["status"] == SCHEDULED and not self._kernel.queues.has(task_id):
            self._kernel.queues.push(queue, task_id, workflow_id, priority, due, self._kernel.clock.now_ms())

    def _put_back(self, queue: str, task: Doc, workflow_id: str, due: int) -> None:
        now = self._kernel.clock.now_ms()
        self._kernel.in_progress.get(task["taskDefName"], set()).discard(task["taskId"])
        self._kernel.queues.push(queue, task["taskId"], workflow_id, task["workflowPriority"], due, now, wake=False)

    def _note_poll(self, kind: str, worker: str | None, domain: str | None) -> None:
        now = self._kernel.clock.now_ms()
        data: Json = {"queueName": kind, "workerId": worker, "lastPollTime": now}
        if domain:
            data["domain"] = domain
        self._kernel.last_polls[kind, domain or ""] = {key: one for key, one in data.items() if one is not None}

    def _held_until(self, task: Doc, now: int) -> int | None:
        """When a limit lets the task be handed out, epoch ms; None for at once."""
        task_def = (task.get("workflowTask") or {}).get("taskDefinition") or {}
        limit, divergences = task_def.get("concurrentExecLimit") or 0, self._kernel.divergences
        if limit > 0 and len(self._kernel.in_progress.get(task["taskDefName"], ())) >= limit:
            return now if divergences.free_slots_at_once else now + _PUT_OFF_MS
        return self._rates.held_until(task, now) if divergences.limit_rates else None

    def _rendered_for_worker(self, task: Doc) -> Json:
        context = self._kernel.context
        rendered = {**render_task(task), "inputData": with_secrets(task["inputData"], context)}
        names = (rendered.get("taskDefinition") or {}).get("runtimeMetadata") or []
        if names:
            values = {name: context.secrets.get(name, context.environment.get(name)) for name in names}
            rendered["runtimeMetadata"] = {name: value for name, value in values.items() if value is not None}
        return rendered

    def update(self, result: Json) -> Doc | None:
        """Take over what a worker reports; returns the task, None for an extended lease."""
        kernel = self._kernel
        with kernel.change() as context:
            if result.get("extendLease"):
                execution, task = self._locate(result["taskId"])
                if task is None or execution is None:
                    raise RefusedError(404, f"No such task found by id: {result['taskId']}")
                kernel.touch(execution)
                extend_lease(task, context.now)
                return None
            execution = kernel.get(result["workflowInstanceId"])
            task = execution.task(result["taskId"])
            if task is None:  # the id alone decides, as on the open-source server: the task may be another execution's
                owner, task = self._locate(result["taskId"])
                if owner is None or task is None:
                    raise RefusedError(404, f"No such task found by id: {result['taskId']}")
                execution = owner
            self._apply(execution, task, result)
            return task

    def _apply(self, execution: Execution, task: Doc, result: Json) -> None:
        self._kernel.touch(execution)
        if apply_result(execution, task, result, self._kernel.context):
            self._kernel.advance(execution)

    def _locate(self, task_id: str) -> tuple[Execution | None, Doc | None]:
        home = self._kernel.store.home_of(task_id)
        execution = self._kernel.find(home) if home is not None else None
        return execution, execution.task(task_id) if execution is not None else None

    def update_by_reference(
        self, workflow_id: str, reference: str, status: str, worker: str | None, output: Json
    ) -> str | None:
        """Update the open task of a reference name; its output is merged. Returns its id; None when none is open."""
        with self._kernel.change():
            execution = self._kernel.find(workflow_id)
            task = pending_task(execution, reference) if execution is not None else None
            if execution is None or task is None:
                return None
            self.merge(execution, task, status, worker, output)
            return str(task["taskId"])

    def merge(self, execution: Execution, task: Doc, status: str, worker: str | None, output: Json) -> None:
        """Lay a partial report over a task."""
        result = {**result_of(task), "status": status}
        result["outputData"] = {**result["outputData"], **output}
        if worker and worker.strip():
            result["workerId"] = worker
        self._apply(execution, task, result)

    def signal(self, workflow_id: str, status: str, output: Json) -> str | None:
        """End the first open WAIT task of an execution or its children; returns its id, None when nothing waits."""
        with self._kernel.change():
            found = self.blocking_task(self._kernel.get(workflow_id))
            if found is None:
                return None
            execution, task = found
            self.merge(execution, task, status, None, output)
            return str(task["taskId"])

    def blocking_task(self, execution: Execution) -> tuple[Execution, Doc] | None:
        """The first open WAIT task, depth first into children."""
        for task in execution.tasks:
            if task["taskType"] == "WAIT" and not is_done(task):
                return execution, task
        for task in execution.tasks:
            if task["taskType"] == "SUB_WORKFLOW" and not is_done(task) and task.get("subWorkflowId"):
                child = self._kernel.find(task["subWorkflowId"])
                found = self.blocking_task(child) if child is not None else None
                if found is not None:
                    return found
        return None

    def get(self, task_id: str) -> Json:
        """A task."""
        with self._kernel.lock:
            _, task = self._locate(task_id)
            if task is None:
                raise RefusedError(404, f"Task not found for taskId: {task_id}")
            return render_task(task)

    def add_log(self, task_id: str, text: str) -> None:
        """Append a line to a task's log."""
        with self._kernel.change() as context:
            self._kernel.store.add_log(task_id, context.now, text)

    def logs(self, task_id: str) -> list[Json]:
        """A task's log."""
        with self._kernel.lock:
            return self._kernel.store.logs(task_id)

    # -- queues

    def sizes(self) -> dict[str, int]:
        """How many tasks wait in each queue."""
        with self._kernel.lock:
            return self._kernel.queues.sizes()

    def poll_data(self, kind: str | None = None) -> list[Json]:
        """When task types were polled last."""
        with self._kernel.lock:
            return [data for (name, _), data in sorted(self._kernel.last_polls.items()) if kind in {None, name}]

    def requeue(self, kind: str) -> int:
        """Put scheduled tasks of a type that are in no queue back; nothing is ever lost here."""
        with self._kernel.lock:
            return self._kernel.queues.sizes().get(kind, 0)

    def drop_from_queue(self, task_id: str) -> None:
        """Take a task out of its queue."""
        with self._kernel.lock:
            self._kernel.queues.remove(task_id)

    def workflow(self, workflow_id: str) -> Json:
        """The workflow document of an execution."""
        with self._kernel.lock:
            return render(self._kernel.get(workflow_id))
