"""Poll and update tasks; task logs and queues."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from conductor.server.engine.context import RefusedError
from conductor.server.engine.definitions import render, render_task
from conductor.server.engine.expressions.inputs import with_secrets
from conductor.server.engine.results import apply_result, dispatch, extend_lease, pending_task, result_of
from conductor.server.engine.state import OPEN_TASK, SCHEDULED, Doc, Execution, is_done
from conductor.server.runtime.kernel import Kernel

Json = dict[str, Any]

#: The statuses that an update may report.
STATUSES = frozenset({"IN_PROGRESS", "FAILED", "FAILED_WITH_TERMINAL_ERROR", "COMPLETED", "CANCELED"})
#: Milliseconds for which a task over its concurrency limit is postponed with ``strict``, as on the OSS server.
_POSTPONE_MS = 60_000


def end_task(
    kernel: Kernel, execution: Execution, task: Doc, status: str, output: Json, reason: str | None = None
) -> None:
    """End a task and advance its execution; must be called inside a change."""
    kernel.touch(execution)
    result = {"status": status, "outputData": output, "reasonForIncompletion": reason}
    if apply_result(execution, task, result, kernel.context):
        kernel.advance(execution)


class RateLimiter:
    """Counts the recent dispatches of each task type; in memory, so a restart begins with a new window."""

    def __init__(self) -> None:
        self._dispatched: dict[str, deque[int]] = {}  # epoch ms, by task definition

    def held_until(self, task: Doc, now: int) -> int | None:
        """Return the time at which the task may be dispatched, epoch ms; None for now."""
        limit, window_ms = _rate_limit(task)
        if limit <= 0:
            return None
        dispatched = self._dispatched.get(task["taskDefName"], deque())
        while dispatched and dispatched[0] + window_ms <= now:
            dispatched.popleft()
        return None if len(dispatched) < limit else dispatched[-limit] + window_ms

    def add(self, task: Doc, now: int) -> None:
        """Count a dispatch."""
        if _rate_limit(task)[0] > 0:
            self._dispatched.setdefault(task["taskDefName"], deque()).append(now)

    def remove(self, task: Doc, added_at: int) -> None:
        """Undo ``add``, after the dispatch was rolled back."""
        dispatched = self._dispatched.get(task["taskDefName"])
        if dispatched and added_at in dispatched:
            dispatched.remove(added_at)


def _rate_limit(task: Doc) -> tuple[int, int]:
    """Return the number of dispatches (0 for no limit) and the window in milliseconds."""
    task_def = (task.get("workflowTask") or {}).get("taskDefinition") or {}
    return task_def.get("rateLimitPerFrequency") or 0, (task_def.get("rateLimitFrequencyInSeconds") or 1) * 1000


def queue_of(task_type: str, domain: str | None) -> str:
    """Return the name of the queue of a task type in a domain."""
    return f"{domain}:{task_type}" if domain else task_type


class PollTurns:
    """The position of a long poll among those that wait at a queue. The first in line is woken for each due task."""

    def __init__(self, kernel: Kernel, queue: str) -> None:
        self._kernel, self._queue = kernel, queue
        self._wake: Callable[[], None] = lambda: None

    def begin(self, wake: Callable[[], None]) -> Callable[[], None]:
        """Join the line; ``wake`` is called at the poll's turn. Returns a function that leaves the line."""
        self._wake = wake
        self.take()
        return self._end

    def take(self) -> None:
        """Join the end of the line again; a poll that has not been woken keeps its position."""
        with self._kernel.lock:
            self._kernel.queues.listen(self._queue, self._wake)

    def _end(self) -> None:
        with self._kernel.lock:
            self._kernel.queues.unlisten(self._queue, self._wake)


class Tasks:
    """The operations on tasks: those of workers, and those of operators."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._rates = RateLimiter()

    @property
    def answers_partial_batches(self) -> bool:
        """Whether a batch poll returns as soon as there is a task, instead of waiting for a full batch."""
        return self._kernel.divergences.answer_partial_batches

    def turns(self, queue: str) -> PollTurns:
        """Return a position in the line of the polls of a queue."""
        return PollTurns(self._kernel, queue)

    def note_worker(self, queue: str, timeout_s: float) -> None:
        """Record that a worker polls a queue repeatedly, unlike a client that takes a single task."""
        with self._kernel.lock:
            self._kernel.worker_activity.record_poll(queue, timeout_s)

    def poll(self, task_type: str, worker: str | None, domain: str | None, count: int) -> list[Json]:
        """Dispatch at most ``count`` due tasks of a type to a worker."""
        kernel = self._kernel
        queue = queue_of(task_type, domain)
        with kernel.lock:
            self._record_poll(task_type, worker, domain)
            if not kernel.queues.has_ready(queue, kernel.clock.now_ms()):
                return []
            with kernel.change() as context:
                return self._take(queue, worker, count, context.now)

    def _take(self, queue: str, worker: str | None, count: int, now: int) -> list[Json]:
        kernel, polled = self._kernel, []
        for task_id, workflow_id, priority, due in kernel.queues.pop(queue, now):
            if kernel.is_claimed(workflow_id):
                kernel.when_free(workflow_id, partial(self._requeue, queue, task_id, workflow_id, priority, due))
                continue
            execution = kernel.find(workflow_id)
            task = execution.task(task_id) if execution is not None else None
            if execution is None or task is None or task["status"] != SCHEDULED or execution.is_terminal:
                continue
            held_until = self._held_until(task, now)
            put_back = partial(self._put_back, queue, task, workflow_id, held_until or task.get("_due", 0))
            kernel.after_failure.append(put_back)
            if held_until is not None:
                kernel.after_commit.extend([put_back, kernel.timed_work.wake])
                continue
            kernel.touch(execution)
            self._rates.add(task, now)
            kernel.after_failure.append(partial(self._rates.remove, task, now))
            dispatch(task, worker, now)
            kernel.in_progress.setdefault(task["taskDefName"], set()).add(task_id)
            kernel.worker_activity.record_dispatch(queue, task_id)
            polled.append(self._rendered_for_worker(task))
            if len(polled) >= count:
                break
        return polled

    def _requeue(self, queue: str, task_id: str, workflow_id: str, priority: int, due: int) -> None:
        """Return a task to its queue that a poll skipped because another change used its execution."""
        execution = self._kernel.find(workflow_id)
        task = execution.task(task_id) if execution is not None else None
        if task is not None and task["status"] == SCHEDULED and not self._kernel.queues.has(task_id):
            self._kernel.queues.push(queue, task_id, workflow_id, priority, due, self._kernel.clock.now_ms())

    def _put_back(self, queue: str, task: Doc, workflow_id: str, due: int) -> None:
        now = self._kernel.clock.now_ms()
        self._kernel.in_progress.get(task["taskDefName"], set()).discard(task["taskId"])
        self._kernel.queues.push(queue, task["taskId"], workflow_id, task["workflowPriority"], due, now, wake=False)

    def _record_poll(self, task_type: str, worker: str | None, domain: str | None) -> None:
        now = self._kernel.clock.now_ms()
        data: Json = {"queueName": task_type, "workerId": worker, "lastPollTime": now}
        if domain:
            data["domain"] = domain
        self._kernel.last_polls[task_type, domain or ""] = {key: one for key, one in data.items() if one is not None}

    def _held_until(self, task: Doc, now: int) -> int | None:
        """Return the time at which the limits allow the task to be dispatched, epoch ms; None for now."""
        task_def = (task.get("workflowTask") or {}).get("taskDefinition") or {}
        limit, divergences = task_def.get("concurrentExecLimit") or 0, self._kernel.divergences
        if limit > 0 and len(self._kernel.in_progress.get(task["taskDefName"], ())) >= limit:
            return now if divergences.free_slots_at_once else now + _POSTPONE_MS
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
        """Apply a worker's result.

        Args:
            result: A TaskResult.

        Returns:
            The task; None if the result extends the lease.

        Raises:
            RefusedError: The execution or the task does not exist (404).
        """
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
            if task is None:  # as on the OSS server, the task id decides: the task may belong to another execution
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
        workflow_id = self._kernel.store.execution_of(task_id)
        execution = self._kernel.find(workflow_id) if workflow_id is not None else None
        return execution, execution.task(task_id) if execution is not None else None

    def update_by_reference(
        self, workflow_id: str, reference: str, status: str, worker: str | None, output: Json
    ) -> str | None:
        """Update the open task with a reference name; the output is merged into the task's.

        Returns:
            The task's id; None if no task with this name is open.
        """
        with self._kernel.change():
            execution = self._kernel.find(workflow_id)
            task = pending_task(execution, reference) if execution is not None else None
            if execution is None or task is None:
                return None
            self.merge(execution, task, status, worker, output)
            return str(task["taskId"])

    def merge(self, execution: Execution, task: Doc, status: str, worker: str | None, output: Json) -> None:
        """Apply a status and merge an output into the task's."""
        result = {**result_of(task), "status": status}
        result["outputData"] = {**result["outputData"], **output}
        if worker and worker.strip():
            result["workerId"] = worker
        self._apply(execution, task, result)

    def signal(self, workflow_id: str, status: str, output: Json) -> str | None:
        """End the first open WAIT task of an execution or its children.

        Returns:
            The task's id; None if no WAIT task is open.
        """
        with self._kernel.change():
            found = self.blocking_task(self._kernel.get(workflow_id))
            if found is None:
                return None
            execution, task = found
            self.merge(execution, task, status, None, output)
            return str(task["taskId"])

    def blocking_task(self, execution: Execution) -> tuple[Execution, Doc] | None:
        """Return the first open WAIT task of an execution; otherwise that of its children, depth first."""
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
        """Return a task.

        Raises:
            RefusedError: The task does not exist (404).
        """
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
        """Return a task's log, the oldest line first."""
        with self._kernel.lock:
            return self._kernel.store.logs(task_id)

    def open_tasks(self, task_type: str, start: int, count: int) -> list[Json]:
        """Return a page of the open tasks of a type."""
        with self._kernel.lock:
            found = self._kernel.store.tasks_of_type(task_type, sorted(OPEN_TASK), start, count)
            tasks = [self._kernel.get(workflow_id).task(task_id) for task_id, workflow_id in found]
            return [render_task(task) for task in tasks if task is not None]

    # -- queues

    def sizes(self) -> dict[str, int]:
        """Return the number of waiting tasks of each queue."""
        with self._kernel.lock:
            return self._kernel.queues.sizes()

    def poll_data(self, task_type: str | None = None) -> list[Json]:
        """Return the last poll of each task type and domain, or those of one task type."""
        with self._kernel.lock:
            return [data for (name, _), data in sorted(self._kernel.last_polls.items()) if task_type in {None, name}]

    def requeue(self, task_type: str) -> int:
        """Return the size of a queue. The OSS server restores lost tasks here; this server does not lose tasks."""
        with self._kernel.lock:
            return self._kernel.queues.sizes().get(task_type, 0)

    def workflow(self, workflow_id: str) -> Json:
        """Return the execution that was updated."""
        with self._kernel.lock:
            return render(self._kernel.get(workflow_id))
