"""Tasks: poll, update, signals, logs, searches and queues."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any, TypeAlias

from attrs import evolve, frozen
from typing_extensions import Never

from conductor._internal.durations import to_seconds
from conductor._internal.epoch import from_epoch_ms
from conductor.clients._base import (
    Resource,
    as_model,
    as_object,
    check_page,
    iterate_pages,
    require_enum,
    require_enums,
)
from conductor.clients.payloads import TASK_OUTPUT, TASK_STORAGE, PayloadStorage
from conductor.clients.search_query import TASK_FIELDS, build_query, check_sort, refuse_fields
from conductor.clients.workflow_wait import GET as GET_EXECUTION
from conductor.clients.workflow_wait import LOGS, POLL_DATA, as_run, blocking_timeout, request_timeout
from conductor.errors import ConductorError, ConfigurationError, NotFoundError, UnsupportedByServerError
from conductor.models import (
    ExternalStorageLocation,
    PollData,
    ReturnStrategy,
    SearchResult,
    Task,
    TaskExecLog,
    TaskResult,
    TaskResultStatus,
    TaskRun,
    TaskStatus,
    TaskSummary,
    WorkflowExecution,
    WorkflowRun,
)
from conductor.models._base import structure
from conductor.models.codec import to_jsonable
from conductor.transport.operation import Edition, Operation, Repeat, nothing

__all__ = ["QueueHealth", "TaskClient", "TaskQueues"]


@frozen
class QueueHealth:
    """Whether a task type's queue has tasks and active workers; returned by ``client.tasks.queue_health``.

    Attributes:
        task_type: The name of the task.
        size: Number of tasks in the queue.
        pollers: The last poll of each domain.
        checked_at: Time of the check, as an aware datetime in UTC.
        active_within: The maximum age of an active worker's last poll.
    """

    task_type: str
    size: int
    pollers: tuple[PollData, ...]
    checked_at: datetime
    active_within: timedelta

    @property
    def last_poll_at(self) -> datetime | None:
        """Time of the last poll as an aware datetime in UTC, or None if no worker has polled."""
        times = [poller.last_poll_time for poller in self.pollers if poller.last_poll_time]
        return from_epoch_ms(max(times)) if times else None

    @property
    def active_pollers(self) -> tuple[PollData, ...]:
        """The pollers whose last poll is within ``active_within``."""
        oldest = (self.checked_at - self.active_within).timestamp() * 1000
        return tuple(poller for poller in self.pollers if (poller.last_poll_time or 0) >= oldest)

    @property
    def is_stuck(self) -> bool:
        """Whether the queue has tasks although no worker is active."""
        return self.size > 0 and not self.active_pollers

    @property
    def problem(self) -> str | None:
        """Description of the problem, or None if there is none."""
        if not self.is_stuck:
            return None
        last = self.last_poll_at
        since = f"has polled since {last:%Y-%m-%d %H:%M:%S} UTC" if last else "has ever polled"
        return f"{self.size} task(s) of {self.task_type} are queued, but no worker {since}."


SIZE: Operation[int] = Operation("GET", "/tasks/queue/size", int, edition=Edition.OSS)
SIZES: Operation[dict[str, int]] = Operation("GET", "/tasks/queue/sizes", dict[str, int], on_empty=dict)
ALL: Operation[dict[str, int]] = Operation("GET", "/tasks/queue/all", dict[str, int], on_empty=dict)
ALL_VERBOSE: Operation[dict[str, Any]] = Operation("GET", "/tasks/queue/all/verbose", dict, on_empty=dict)
#: Query parameters that only Orkes supports.
_FILTERS = ("lastPollTimeOpt", "lastPollTimeSize", "queueOpt", "queueSize", "workerOpt", "workerSize")
ALL_POLL_DATA: Operation[Any] = Operation(
    "GET",
    "/tasks/queue/polldata/all",
    Any,
    on_empty=list,
    orkes_query=_FILTERS,
    selects=_FILTERS,
)
REQUEUE: Operation[int] = Operation("POST", "/tasks/queue/requeue/{taskType}", int, on_empty=int)


class TaskQueues(Resource):
    """Task queues and polls; part of ``client.tasks``."""

    def get_queue_size(
        self,
        task_type: str,
        *,
        domain: str | None = None,
        isolation_group_id: str | None = None,
        execution_namespace: str | None = None,
    ) -> int:
        """Return the number of tasks in a queue (``GET /tasks/queue/size``; other servers: ``GET /tasks/queue/sizes``).

        Args:
            task_type: The name of the task.
            domain: The domain; None for the default queue.
            isolation_group_id: The isolation group of the task definition (open-source server).
            execution_namespace: The namespace of the task definition (open-source server).

        Returns:
            The number of tasks; 0 if there is no such queue.
        """
        query = {
            "taskType": task_type,
            "domain": domain or None,
            "isolationGroupId": isolation_group_id,
            "executionNamespace": execution_namespace,
        }
        try:
            return self._call(SIZE, query=query)
        except (NotFoundError, UnsupportedByServerError):
            if isolation_group_id is not None or execution_namespace is not None:
                raise
        queue = f"{domain}:{task_type}" if domain else task_type
        return self.get_queue_sizes(queue).get(queue, 0)

    def get_queue_sizes(self, task_types: str | Sequence[str]) -> dict[str, int]:
        """Return the number of tasks in the default queues of task types (``GET /tasks/queue/sizes``).

        Args:
            task_types: The name of a task, or several.

        Returns:
            A dict of task numbers by task type.

        Raises:
            ConfigurationError: ``task_types`` is empty; nothing was sent.
        """
        names = [task_types] if isinstance(task_types, str) else list(task_types)
        if not names:
            raise ConfigurationError(
                "task_types is empty; at least one is required.",
                variable="task_types",
                allowed="a name, or several",
            )
        return self._call(SIZES, query={"taskType": names})

    def list_queues(self) -> dict[str, int]:
        """Return the sizes of all queues (``GET /tasks/queue/all``).

        Returns:
            A dict of task numbers by queue name, which is ``task`` or ``domain:task``. It includes the server's
            internal queues.
        """
        return self._call(ALL)

    def list_queues_verbose(self) -> dict[str, dict[str, dict[str, int]]]:
        """Return the sizes of the shards of all queues (``GET /tasks/queue/all/verbose``).

        Returns:
            By queue name and shard name, ``size`` (waiting tasks) and ``uacked`` (dispatched tasks).
        """
        return self._call(ALL_VERBOSE)

    def list_poll_data(self, task_type: str) -> list[PollData]:
        """Return the last poll of a task type in each domain (``GET /tasks/queue/polldata``).

        Args:
            task_type: The name of the task.

        Returns:
            The last polls; an empty list if no worker has polled.
        """
        return self._call(POLL_DATA, query={"taskType": task_type})

    def list_all_poll_data(
        self,
        *,
        worker_size: int | None = None,
        worker_opt: str | None = None,
        queue_size: int | None = None,
        queue_opt: str | None = None,
        last_poll_time_size: int | None = None,
        last_poll_time_opt: str | None = None,
    ) -> list[PollData]:
        """Return the last poll of each task type and domain (``GET /tasks/queue/polldata/all``).

        Each filter is a number and its comparison, ``GT`` or ``LT`` (Orkes).

        Args:
            worker_size: Number of workers.
            worker_opt: ``GT`` or ``LT``.
            queue_size: Number of tasks in the queue.
            queue_opt: ``GT`` or ``LT``.
            last_poll_time_size: Time of the last poll.
            last_poll_time_opt: ``GT`` or ``LT``.

        Returns:
            The last polls; an empty list if no worker has polled.

        Raises:
            UnsupportedByServerError: The server would ignore a filter; nothing was sent.
        """
        response = self._call(
            ALL_POLL_DATA,
            query={
                "workerSize": worker_size,
                "workerOpt": worker_opt,
                "queueSize": queue_size,
                "queueOpt": queue_opt,
                "lastPollTimeSize": last_poll_time_size,
                "lastPollTimeOpt": last_poll_time_opt,
            },
        )
        if isinstance(response, dict):  # Orkes returns an object that contains the list
            response = next((value for value in response.values() if isinstance(value, list)), [])
        return structure(response, list[PollData])

    def queue_health(
        self, task_type: str, *, domain: str | None = None, active_within: float | timedelta = 60.0
    ) -> QueueHealth:
        """Return whether a task type's queue has tasks and active workers.

        ``GET /tasks/queue/sizes`` (``GET /tasks/queue/size`` for a domain) and ``GET /tasks/queue/polldata``.

        Args:
            task_type: The name of the task.
            domain: The domain; None for the default queue and workers without a domain.
            active_within: Maximum age of an active worker's last poll, in seconds or as a ``timedelta``; at least the
                worker's poll interval.

        Returns:
            The size of the queue and the last polls, with a description of the problem if there is one.
        """
        size = (
            self.get_queue_size(task_type, domain=domain)
            if domain
            else self.get_queue_sizes(task_type).get(task_type, 0)
        )
        pollers = [poller for poller in self.list_poll_data(task_type) if (poller.domain or None) == (domain or None)]
        within = timedelta(seconds=to_seconds(active_within, "active_within"))
        return QueueHealth(task_type, size, tuple(pollers), datetime.now(timezone.utc), within)

    def requeue_pending(self, task_type: str) -> int:
        """Add SCHEDULED tasks that are in no queue to their queue (``POST /tasks/queue/requeue/{taskType}``).

        Args:
            task_type: The name of the task.

        Returns:
            The number of tasks that were added.
        """
        return self._call(REQUEUE, {"taskType": task_type})


Moment: TypeAlias = "datetime | int"
POLL: Operation[Task | None] = Operation("GET", "/tasks/poll/{tasktype}", Task, Repeat.NEVER, on_empty=nothing)
POLL_BATCH: Operation[list[Task]] = Operation(
    "GET", "/tasks/poll/batch/{tasktype}", list[Task], Repeat.NEVER, on_empty=list
)
GET: Operation[Task] = Operation("GET", "/tasks/{taskId}", Task)
UPDATE: Operation[str] = Operation("POST", "/tasks", str)
UPDATE_V2: Operation[Task | None] = Operation("POST", "/tasks/update-v2", Task, Repeat.NEVER, on_empty=nothing)
UPDATE_BY_REFERENCE: Operation[str] = Operation("POST", "/tasks/{workflowId}/{taskRefName}/{status}", str, on_empty=str)
UPDATE_SYNC: Operation[WorkflowExecution] = Operation(
    "POST", "/tasks/{workflowId}/{taskRefName}/{status}/sync", WorkflowExecution, Repeat.NEVER
)
SIGNAL: Operation[dict[str, Any]] = Operation("POST", "/tasks/{workflowId}/{status}/signal/sync", dict, Repeat.NEVER)
SIGNAL_ASYNC: Operation[None] = Operation("POST", "/tasks/{workflowId}/{status}/signal", repeat=Repeat.NEVER)
ADD_LOG: Operation[None] = Operation("POST", "/tasks/{taskId}/log", repeat=Repeat.NEVER, sends="text")
SEARCH: Operation[SearchResult[TaskSummary]] = Operation("GET", "/tasks/search", SearchResult[TaskSummary])
SEARCH_FULL: Operation[SearchResult[Task]] = Operation(
    "GET", "/tasks/search-v2", SearchResult[Task], edition=Edition.OSS
)
STORAGE_OLD: Operation[ExternalStorageLocation] = Operation(
    "GET", "/tasks/externalstoragelocation", ExternalStorageLocation, edition=Edition.OSS
)
#: Maximum number of milliseconds that the server waits for tasks.
_MAX_POLL_TIMEOUT_MS = 5000
#: Maximum number of results that the server returns.
_MAX_PAGE_SIZE = 10_000
#: Maximum number of executions that are read for an error message.
_MAX_SUB_WORKFLOWS = 20
#: A sort order that new tasks do not affect.
_STABLE_ORDER = ("startTime:ASC", "taskId:ASC")


class TaskClient(TaskQueues, Resource):
    """Tasks (``client.tasks``). To execute tasks, use workers with a ``TaskHandler`` instead."""

    def poll(self, task_type: str, *, worker_id: str | None = None, domain: str | None = None) -> Task | None:
        """Poll one task (``GET /tasks/poll/{tasktype}``).

        Args:
            task_type: The name of the task.
            worker_id: The worker id to report to the server.
            domain: The domain; None for the default queue.

        Returns:
            The task, which is now IN_PROGRESS, or None.
        """
        query = {"workerid": worker_id, "domain": domain or None}
        return self._call(POLL, {"tasktype": task_type}, query=query)

    def poll_batch(
        self,
        task_type: str,
        *,
        count: int = 1,
        timeout_ms: int = 100,
        worker_id: str | None = None,
        domain: str | None = None,
    ) -> list[Task]:
        """Poll several tasks (``GET /tasks/poll/batch/{tasktype}``).

        Args:
            task_type: The name of the task.
            count: Maximum number of tasks.
            timeout_ms: Milliseconds that the server waits for tasks, 0 to 5,000. It may wait until it has all ``count``
                tasks.
            worker_id: The worker id to report to the server.
            domain: The domain; None for the default queue.

        Returns:
            The tasks, which are now IN_PROGRESS, or an empty list.

        Raises:
            ConfigurationError: ``count`` or ``timeout_ms`` is out of range; nothing was sent.
        """
        if not 0 <= timeout_ms <= _MAX_POLL_TIMEOUT_MS:
            raise ConfigurationError(
                f"timeout_ms is {timeout_ms}; it must be from 0 to {_MAX_POLL_TIMEOUT_MS}.",
                variable="timeout_ms",
                value=timeout_ms,
                allowed=f"0 to {_MAX_POLL_TIMEOUT_MS}",
            )
        if count < 1:
            raise ConfigurationError(
                f"count is {count}; it must be 1 or more.",
                variable="count",
                value=count,
                allowed="1 or more",
            )
        query = {"count": count, "timeout": timeout_ms, "workerid": worker_id, "domain": domain or None}
        return self._call(POLL_BATCH, {"tasktype": task_type}, query=query)

    def get(self, task_id: str) -> Task:
        """Return a task (``GET /tasks/{taskId}``), with payloads from the external storage.

        Args:
            task_id: The id of the task.

        Returns:
            The task.

        Raises:
            NotFoundError: The task does not exist.
        """
        return PayloadStorage(self._transport).fetch_task(self._call(GET, {"taskId": task_id}), may_be_lost=True)

    def update(
        self,
        result: TaskResult | Mapping[str, Any] | None = None,
        *,
        workflow_id: str | None = None,
        task_id: str | None = None,
        status: TaskResultStatus | str | None = None,
        output: Mapping[str, Any] | None = None,
        reason: str | None = None,
        worker_id: str | None = None,
        callback_after_seconds: int | None = None,
    ) -> str:
        """Update a task with a result (``POST /tasks``).

        An update of an ended task has no effect and raises no error, so an update can safely be repeated.

        Args:
            result: The result, instead of the other arguments.
            workflow_id: The id of the execution.
            task_id: The id of the task.
            status: The new status; IN_PROGRESS returns the task to its queue.
            output: The output, which replaces the current output. More than 3 MiB of JSON are written to the server's
                external storage, if it has one.
            reason: Stored as ``reason_for_incompletion``.
            worker_id: The id of the worker.
            callback_after_seconds: Seconds until an IN_PROGRESS task is dispatched again.

        Returns:
            The id of the task.

        Raises:
            NotFoundError: The task does not exist.
            ConfigurationError: The result is incomplete, contradictory or too large; nothing was sent.
        """
        given = _result(result, workflow_id, task_id, status, output, reason, worker_id, callback_after_seconds)
        return self._call(UPDATE, body=self._stored(given))

    def update_v2(self, result: TaskResult | Mapping[str, Any]) -> Task | None:
        """Update a task with a result, and poll the next task of the same type (``POST /tasks/update-v2``).

        Args:
            result: The result.

        Returns:
            The next task for the worker, or None.

        Raises:
            NotFoundError: The task does not exist.
            ConfigurationError: The result is incomplete, contradictory or too large; nothing was sent.
        """
        return self._call(UPDATE_V2, body=self._stored(_result(result)))

    def _stored(self, result: TaskResult) -> TaskResult:
        """Return a copy of the result, with an output over 3 MiB in the server's external storage."""
        copy = evolve(result, output_data=to_jsonable(result.output_data, "$.output"))
        PayloadStorage(self._transport).store_output(copy)
        return copy

    def update_by_reference_name(
        self,
        workflow_id: str,
        reference_name: str,
        status: TaskResultStatus | str = TaskResultStatus.COMPLETED,
        output: Mapping[str, Any] | None = None,
        *,
        worker_id: str | None = None,
    ) -> str:
        """Update an open task by its reference name (``POST /tasks/{workflowId}/{taskRefName}/{status}``).

        Args:
            workflow_id: The id of the execution.
            reference_name: The reference name of the task.
            status: The new status.
            output: The output, which is merged into the current output.
            worker_id: The id of the worker.

        Returns:
            The id of the task.

        Raises:
            NotFoundError: The execution has no open task with this name. (The open-source server answers 200 without a
                body.)
            ConfigurationError: The output is too large; nothing was sent.
        """
        path = _reference(workflow_id, reference_name, status)
        body = PayloadStorage(self._transport).inline(output, TASK_OUTPUT)
        task_id = self._call(UPDATE_BY_REFERENCE, path, query={"workerid": worker_id}, body=body)
        if not task_id:
            raise NotFoundError(
                f"Workflow {workflow_id} has no open task {reference_name!r}"
                f"{self._whereabouts(workflow_id, reference_name)}. Nothing was updated.",
                status=200,
                operation=str(UPDATE_BY_REFERENCE),
                method="POST",
                path=UPDATE_BY_REFERENCE.fill(path),
            )
        return task_id

    def _whereabouts(self, workflow_id: str, reference_name: str) -> str:
        """Explain why an execution has no open task with this name; the task may be in a sub-workflow."""
        unread, seen = [workflow_id], 0
        try:
            while unread and seen < _MAX_SUB_WORKFLOWS:
                execution = self._call(GET_EXECUTION, {"workflowId": unread.pop(0)}, query={"includeTasks": True})
                task = execution.task(reference_name)
                if task is not None and task.is_terminal and seen == 0:
                    return f": the task has ended as {task.status}"
                if task is not None and not task.is_terminal:
                    return (
                        f", but its sub-workflow {execution.workflow_name!r} has: update the task of the execution "
                        f"{execution.workflow_id}"
                    )
                open_tasks = (one for one in execution.tasks if not one.is_terminal)
                unread += [one.sub_workflow_id for one in open_tasks if one.sub_workflow_id]
                seen += 1
        except ConductorError:  # the error is raised without the hint
            pass
        return ": it is not scheduled yet, has ended, or does not exist"

    def update_sync(
        self,
        workflow_id: str,
        reference_name: str,
        status: TaskResultStatus | str = TaskResultStatus.COMPLETED,
        output: Mapping[str, Any] | None = None,
        *,
        worker_id: str | None = None,
    ) -> WorkflowExecution:
        """Update an open task by its reference name, and return the execution after the update.

        ``POST /tasks/{workflowId}/{taskRefName}/{status}/sync``.

        Args:
            workflow_id: The id of the execution.
            reference_name: The reference name of the task.
            status: The new status.
            output: The output, which is merged into the current output.
            worker_id: The id of the worker.

        Returns:
            The execution.

        Raises:
            NotFoundError: The execution has no open task with this name.
            ConfigurationError: The output is too large; nothing was sent.
        """
        path = _reference(workflow_id, reference_name, status)
        body = PayloadStorage(self._transport).inline(output, TASK_OUTPUT)
        return self._call(UPDATE_SYNC, path, query={"workerid": worker_id}, body=body)

    def signal(
        self,
        workflow_id: str,
        status: TaskResultStatus | str = TaskResultStatus.COMPLETED,
        output: Mapping[str, Any] | None = None,
        *,
        return_strategy: ReturnStrategy | str = ReturnStrategy.TARGET_WORKFLOW,
        wait_ms: int = 5000,
    ) -> WorkflowRun | TaskRun:
        """Complete the first open WAIT task of an execution or its sub-workflows, and wait for the effect.

        ``POST /tasks/{workflowId}/{status}/signal/sync``.

        Args:
            workflow_id: The id of the execution.
            status: The new status of the WAIT task.
            output: The output of the WAIT task.
            return_strategy: What to return, as for ``client.workflows.execute``.
            wait_ms: Milliseconds that the server waits (open-source server).

        Returns:
            A ``WorkflowRun`` for TARGET_WORKFLOW and BLOCKING_WORKFLOW, a ``TaskRun`` for BLOCKING_TASK and
            BLOCKING_TASK_INPUT.

        Raises:
            NotFoundError: No WAIT task is open.
            WorkflowTimeoutError: No task blocked within ``wait_ms``, for the strategies that return a task.
        """
        path = {"workflowId": workflow_id, "status": require_enum(status, TaskResultStatus, "status")}
        strategy = require_enum(return_strategy, ReturnStrategy, "return_strategy")
        query = {"returnStrategy": strategy, "timeoutMillis": wait_ms}
        body = PayloadStorage(self._transport).inline(output, TASK_OUTPUT)
        limit = request_timeout(wait_ms / 1000, self._transport.settings)
        with blocking_timeout(strategy, workflow_id):
            response = self._call(SIGNAL, path, query=query, body=body, timeout=limit)
        return as_run(SIGNAL, response)

    def signal_async(
        self,
        workflow_id: str,
        status: TaskResultStatus | str = TaskResultStatus.COMPLETED,
        output: Mapping[str, Any] | None = None,
    ) -> None:
        """Complete the first open WAIT task of an execution or its sub-workflows.

        ``POST /tasks/{workflowId}/{status}/signal``.

        The server also reports success if no WAIT task is open; ``signal`` does not.

        Args:
            workflow_id: The id of the execution.
            status: The new status of the WAIT task.
            output: The output of the WAIT task.
        """
        path = {"workflowId": workflow_id, "status": require_enum(status, TaskResultStatus, "status")}
        self._call(SIGNAL_ASYNC, path, body=PayloadStorage(self._transport).inline(output, TASK_OUTPUT))

    def add_log(self, task_id: str, line: str) -> None:
        """Add a line to the log of a task (``GET /tasks/{taskId}``, ``POST /tasks/{taskId}/log``).

        The task is read first, because the server also stores lines for tasks that do not exist. To add many lines at
        once, update the task with a result that has ``logs``.

        Args:
            task_id: The id of the task.
            line: The line.

        Raises:
            NotFoundError: The task does not exist.
            ConfigurationError: The line is empty or not a string; nothing was sent.
        """
        if not isinstance(line, str) or not line:
            raise ConfigurationError(
                f"line is {line!r}; it must be a non-empty string.", variable="line", allowed="a non-empty string"
            )
        self._call(GET, {"taskId": task_id})
        # the API declares a JSON body, but the server stores the body as it is, so the line is sent without quotes
        self._call(ADD_LOG, {"taskId": task_id}, body=line, headers={"Content-Type": "application/json"})

    def list_logs(self, task_id: str) -> list[TaskExecLog]:
        """Return the log of a task (``GET /tasks/{taskId}/log``).

        The server indexes lines shortly after they are written.

        Args:
            task_id: The id of the task.

        Returns:
            The lines, or an empty list.
        """
        return self._call(LOGS, {"taskId": task_id})

    def search(
        self,
        *,
        task_type: str | Sequence[str] | None = None,
        task_def_name: str | Sequence[str] | None = None,
        task_id: str | Sequence[str] | None = None,
        workflow_type: str | Sequence[str] | None = None,
        status: TaskStatus | str | Sequence[TaskStatus | str] | None = None,
        started_after: Moment | None = None,
        started_before: Moment | None = None,
        ended_after: Moment | None = None,
        ended_before: Moment | None = None,
        free_text: str = "*",
        query: str | None = None,
        sort: str | Sequence[str] | None = None,
        start: int = 0,
        size: int = 100,
        **unsupported: Never,
    ) -> SearchResult[TaskSummary]:
        """Return one page of the tasks that match all conditions (``GET /tasks/search``).

        The server updates the index shortly after the task.

        Args:
            task_type: The type of the task, or several.
            task_def_name: The name of the task definition, or several.
            task_id: An id, or several.
            workflow_type: The name of the workflow, or several.
            status: A status, or several.
            started_after: Started after this time, as a datetime or in epoch milliseconds.
            started_before: Started before this time.
            ended_after: Ended after this time.
            ended_before: Ended before this time.
            free_text: Text to find in the summary of the task.
            query: More conditions in the server's query language, ``field = value AND ...``.
            sort: ``field:ASC`` or ``field:DESC``, or several.
            start: Offset of the first result.
            size: Maximum number of results, up to 10,000.
            **unsupported: Not supported; an error explains why an argument is rejected.

        Returns:
            The page of summaries, with the number of results on all pages.

        Raises:
            ConfigurationError: The server does not index a field, and would ignore the condition; or an argument is
                invalid.
        """
        refuse_fields(unsupported, TASK_FIELDS)
        fields = {
            "taskType": task_type,
            "taskDefName": task_def_name,
            "taskId": task_id,
            "workflowType": workflow_type,
            "status": require_enums(status, TaskStatus, "status"),
        }
        ranges = {"startTime": (started_after, started_before), "endTime": (ended_after, ended_before)}
        page = _page(build_query(fields, ranges, query, TASK_FIELDS), free_text, sort, start, size)
        return self._call(SEARCH, query=page)

    def iterate_search(
        self, *, size: int = 100, sort: str | Sequence[str] = _STABLE_ORDER, **conditions: Any
    ) -> Iterator[TaskSummary]:
        """Yield all tasks that match all conditions, requesting page by page (``GET /tasks/search``).

        New tasks do not change the default order, so that no task is missed or repeated.

        Args:
            size: Results per request.
            sort: As for ``search``.
            **conditions: The other arguments of ``search``.

        Yields:
            The summaries.
        """
        return iterate_pages(self.search, size=size, sort=sort, **conditions)

    def search_full(
        self,
        *,
        query: str | None = None,
        free_text: str = "*",
        sort: str | Sequence[str] | None = None,
        start: int = 0,
        size: int = 100,
    ) -> SearchResult[Task]:
        """Return one page of complete tasks (``GET /tasks/search-v2``, open-source server).

        Args:
            query: Conditions in the server's query language, ``field = value AND ...``.
            free_text: Text to find in the summary of the task.
            sort: ``field:ASC`` or ``field:DESC``, or several.
            start: Offset of the first result.
            size: Maximum number of results, up to 10,000.

        Returns:
            The page of tasks, with the number of results on all pages.

        Raises:
            ConfigurationError: The server does not index a field, and would ignore the condition; or an argument is
                invalid.
        """
        page = _page(build_query({}, {}, query, TASK_FIELDS), free_text, sort, start, size)
        return self._call(SEARCH_FULL, query=page)

    def iterate_search_full(
        self, *, size: int = 100, sort: str | Sequence[str] = _STABLE_ORDER, **conditions: Any
    ) -> Iterator[Task]:
        """Yield all complete tasks that match, requesting page by page (``GET /tasks/search-v2``, open-source server).

        Args:
            size: Results per request.
            sort: As for ``search``.
            **conditions: The other arguments of ``search_full``.

        Yields:
            The tasks.
        """
        return iterate_pages(self.search_full, size=size, sort=sort, **conditions)

    def get_external_storage_location(
        self, path: str, *, operation: str = "WRITE", payload_type: str = "TASK_OUTPUT", old_spelling: bool = False
    ) -> ExternalStorageLocation:
        """Return where to write or read a large payload (``GET /tasks/external-storage-location``).

        The client does this itself for outputs over 3 MiB.

        Args:
            path: The path of the payload; "" to write a new one.
            operation: ``READ`` or ``WRITE``.
            payload_type: ``TASK_INPUT`` or ``TASK_OUTPUT``.
            old_spelling: Whether to use the path of older servers, ``GET /tasks/externalstoragelocation``.

        Returns:
            The signed URL and the path; without ``uri`` if the server has no external storage.
        """
        query = {"path": path, "operation": operation, "payloadType": payload_type}
        return self._call(STORAGE_OLD if old_spelling else TASK_STORAGE, query=query)


def _reference(workflow_id: str, reference_name: str, status: TaskResultStatus | str) -> dict[str, Any]:
    return {
        "workflowId": workflow_id,
        "taskRefName": reference_name,
        "status": require_enum(status, TaskResultStatus, "status"),
    }


def _page(query: str | None, free_text: str, sort: str | Sequence[str] | None, start: int, size: int) -> dict[str, Any]:
    check_page(start, size, _MAX_PAGE_SIZE)
    joined = check_sort(sort, TASK_FIELDS)
    return {"start": start, "size": size, "sort": joined, "freeText": free_text, "query": query}


def _result(
    result: TaskResult | Mapping[str, Any] | None,
    workflow_id: str | None = None,
    task_id: str | None = None,
    status: TaskResultStatus | str | None = None,
    output: Mapping[str, Any] | None = None,
    reason: str | None = None,
    worker_id: str | None = None,
    callback_after_seconds: int | None = None,
) -> TaskResult:
    if result is None:
        if status is None:
            raise ConfigurationError(
                "The update of a task requires a status.",
                variable="status",
                allowed="COMPLETED, FAILED, IN_PROGRESS, ...",
            )
        given = TaskResult(
            workflow_instance_id=workflow_id or "",
            task_id=task_id or "",
            status=TaskResultStatus(status),
            output_data=as_object(output, "task output"),
            reason_for_incompletion=reason,
            worker_id=worker_id,
            callback_after_seconds=callback_after_seconds or 0,
        )
    elif any(value is not None for value in (workflow_id, task_id, status, output, reason)):
        raise ConfigurationError(
            "Pass either a result or separate values, not both.",
            variable="result",
            allowed="a result, or its values",
        )
    else:
        given = as_model(result, TaskResult)
    for name, value in (("task_id", given.task_id), ("workflow_id", given.workflow_instance_id)):
        if not value:
            raise ConfigurationError(f"The update of a task requires its {name}.", variable=name, allowed="an id")
    require_enum(given.status, TaskResultStatus, "status")
    if given.extend_lease and (given.status != TaskResultStatus.IN_PROGRESS or given.output_data or given.logs):
        raise ConfigurationError(
            "With extend_lease, the server only extends the lease of the task: it would drop the status "
            f"{given.status}, the output and the logs of the result. Send them in a separate update.",
            variable="extend_lease",
            value=True,
            allowed="status IN_PROGRESS, without output and logs",
        )
    return given
