"""Tasks: poll them, update them, signal the workflows that wait in them, read their logs, find them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any, TypeAlias

from attrs import evolve, frozen
from typing_extensions import Never

from conductor._internal.durations import to_seconds
from conductor.clients._base import Resource, check_page, iterate_pages
from conductor.clients.bodies import as_model, as_object, require_enum, require_enums
from conductor.clients.payloads import TASK_OUTPUT, TASK_STORAGE, PayloadStorage
from conductor.clients.search_query import TASK_FIELDS, build_query, check_sort, refuse_fields
from conductor.clients.workflow_wait import as_run, blocking_timeout, longer_than
from conductor.errors import ConfigurationError, NotFoundError, UnsupportedByServerError
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
    """The state of a task type's queue.

    Attributes:
        task_type: Whose.
        size: How many tasks wait.
        pollers: Who polled last, by domain; one entry per domain.
        checked_at: When this was asked.
        active_within: How recent a poll has to be for a worker to count as active.
    """

    task_type: str
    size: int
    pollers: tuple[PollData, ...]
    checked_at: datetime
    active_within: timedelta

    @property
    def last_poll_at(self) -> datetime | None:
        """When anybody polled last, aware and in UTC; None for never."""
        times = [each.last_poll_time for each in self.pollers if each.last_poll_time]
        return datetime.fromtimestamp(max(times) / 1000, tz=timezone.utc) if times else None

    @property
    def active_pollers(self) -> tuple[PollData, ...]:
        """Those that polled recently."""
        oldest = (self.checked_at - self.active_within).timestamp() * 1000
        return tuple(each for each in self.pollers if (each.last_poll_time or 0) >= oldest)

    @property
    def is_stuck(self) -> bool:
        """Whether tasks wait and nobody polls."""
        return self.size > 0 and not self.active_pollers

    @property
    def problem(self) -> str | None:
        """What is wrong, in words; None when nothing is."""
        if not self.is_stuck:
            return None
        since = (
            f"the last poll was at {self.last_poll_at:%Y-%m-%d %H:%M:%S} UTC"
            if self.last_poll_at
            else "nobody ever polled"
        )
        return f"{self.size} task(s) of {self.task_type} wait, and no worker polls: {since}."


SIZE: Operation[int] = Operation("GET", "/tasks/queue/size", int, edition=Edition.OSS)
SIZES: Operation[dict[str, int]] = Operation("GET", "/tasks/queue/sizes", dict[str, int], on_empty=dict)
ALL: Operation[dict[str, int]] = Operation("GET", "/tasks/queue/all", dict[str, int], on_empty=dict)
ALL_VERBOSE: Operation[dict[str, Any]] = Operation("GET", "/tasks/queue/all/verbose", dict, on_empty=dict)
POLL_DATA: Operation[list[PollData]] = Operation("GET", "/tasks/queue/polldata", list[PollData], on_empty=list)
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
    """What asks about queues."""

    def get_queue_size(
        self,
        task_type: str,
        *,
        domain: str | None = None,
        isolation_group_id: str | None = None,
        execution_namespace: str | None = None,
    ) -> int:
        """How many tasks wait in one queue (``GET /tasks/queue/size``, open-source server).

        Where that is missing, ``get_queue_sizes`` is asked.
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
        """How many tasks wait, by task type, in the default domain (``GET /tasks/queue/sizes``)."""
        names = [task_types] if isinstance(task_types, str) else list(task_types)
        if not names:
            raise ConfigurationError(
                "task_types is empty; the server cannot answer that.",
                variable="task_types",
                allowed="a name, or several",
            )
        return self._call(SIZES, query={"taskType": names})

    def list_queues(self) -> dict[str, int]:
        """How many tasks wait in every queue (``GET /tasks/queue/all``).

        Names are ``task`` or ``domain:task``; the server's internal queues are among them.
        """
        return self._call(ALL)

    def list_queues_verbose(self) -> dict[str, dict[str, dict[str, int]]]:
        """Every queue's shards with their ``size`` and ``uacked`` (``GET /tasks/queue/all/verbose``)."""
        return self._call(ALL_VERBOSE)

    def list_poll_data(self, task_type: str) -> list[PollData]:
        """When workers of a task type last polled, by domain (``GET /tasks/queue/polldata``)."""
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
        """The same of all task types (``GET /tasks/queue/polldata/all``).

        The filters, each a size with ``GT`` or ``LT``, are Orkes'.

        Raises:
            UnsupportedByServerError: The server in use would ignore a filter.
        """
        said = self._call(
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
        if isinstance(said, dict):  # Orkes answers an object that holds the list
            said = next((value for value in said.values() if isinstance(value, list)), [])
        return structure(said, list[PollData])

    def queue_health(
        self, task_type: str, *, domain: str | None = None, active_within: float | timedelta = 60.0
    ) -> QueueHealth:
        """Whether tasks of a type wait, and whether anybody works on them.

        ``GET /tasks/queue/sizes`` (``/tasks/queue/size`` for a domain) and ``GET /tasks/queue/polldata``.

        Args:
            task_type: The task's name.
            domain: Only the queue and the workers of this domain.
            active_within: How recent a worker's last poll has to be, in seconds; not shorter than its poll interval.
        """
        size = (
            self.get_queue_size(task_type, domain=domain)
            if domain
            else self.get_queue_sizes(task_type).get(task_type, 0)
        )
        pollers = [one for one in self.list_poll_data(task_type) if (one.domain or None) == (domain or None)]
        within = timedelta(seconds=to_seconds(active_within, "active_within"))
        return QueueHealth(task_type, size, tuple(pollers), datetime.now(timezone.utc), within)

    def requeue_pending(self, task_type: str) -> int:
        """Queue pending tasks that are in no queue (``POST /tasks/queue/requeue/{taskType}``); how many they were."""
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
LOGS: Operation[list[TaskExecLog]] = Operation("GET", "/tasks/{taskId}/log", list[TaskExecLog], on_empty=list)
SEARCH: Operation[SearchResult[TaskSummary]] = Operation("GET", "/tasks/search", SearchResult[TaskSummary])
SEARCH_FULL: Operation[SearchResult[Task]] = Operation(
    "GET", "/tasks/search-v2", SearchResult[Task], edition=Edition.OSS
)
STORAGE_OLD: Operation[ExternalStorageLocation] = Operation(
    "GET", "/tasks/externalstoragelocation", ExternalStorageLocation, edition=Edition.OSS
)
_LONGEST_POLL_MS = 5000
_LARGEST_PAGE = 10_000
_STABLE = ("startTime:ASC", "taskId:ASC")


class TaskClient(TaskQueues, Resource):
    """Tasks (``client.tasks``). Workers need none of this: see ``TaskHandler``."""

    def poll(self, task_type: str, *, worker_id: str | None = None, domain: str | None = None) -> Task | None:
        """One task, or None (``GET /tasks/poll/{tasktype}``)."""
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
        """Up to ``count`` tasks (``GET /tasks/poll/batch/{tasktype}``).

        Args:
            task_type: The task type.
            count: How many at most.
            timeout_ms: How long the server waits for them, up to 5,000; it may wait until it has all of ``count``.
            worker_id: Whom the server is told.
            domain: The task domain.
        """
        if not 0 <= timeout_ms <= _LONGEST_POLL_MS:
            raise ConfigurationError(
                f"timeout_ms is {timeout_ms}; the server takes 0 to {_LONGEST_POLL_MS}.",
                variable="timeout_ms",
                value=timeout_ms,
                allowed=f"0 to {_LONGEST_POLL_MS}",
            )
        if count < 1:
            raise ConfigurationError(
                f"count is {count}; the server would answer no tasks, whatever there is.",
                variable="count",
                value=count,
                allowed="1 or more",
            )
        query = {"count": count, "timeout": timeout_ms, "workerid": worker_id, "domain": domain or None}
        return self._call(POLL_BATCH, {"tasktype": task_type}, query=query)

    def get(self, task_id: str) -> Task:
        """A task (``GET /tasks/{taskId}``).

        Raises:
            NotFoundError: There is no such task.
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
        """Give a task a result (``POST /tasks``); returns the task's id.

        ``output`` replaces the output that the task has. A task that has ended stays as it is, without an error, so
        this may be repeated. IN_PROGRESS puts the task back in its queue after ``callback_after_seconds``.

        Args:
            result: The whole result, in place of the other arguments.
            workflow_id: The execution's id.
            task_id: The task's id.
            status: What became of it.
            output: Its output. Over 3 MiB of JSON it goes to the server's external storage, if it has one.
            reason: Why it is not completed.
            worker_id: Who worked on it.
            callback_after_seconds: When an IN_PROGRESS task is handed out again.

        Raises:
            NotFoundError: There is no such task.
        """
        given = _result(result, workflow_id, task_id, status, output, reason, worker_id, callback_after_seconds)
        return self._call(UPDATE, body=self._stored(given))

    def update_v2(self, result: TaskResult | Mapping[str, Any]) -> Task | None:
        """Give a task a result and get the worker's next task, or None (``POST /tasks/update-v2``)."""
        return self._call(UPDATE_V2, body=self._stored(_result(result)))

    def _stored(self, result: TaskResult) -> TaskResult:
        """The result with an output over 3 MiB in the server's external storage; the caller's own stays as it is."""
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
        """Give an open task a result by its reference name; returns the task's id.

        ``POST /tasks/{workflowId}/{taskRefName}/{status}``. ``output`` is merged into the output that the task has.

        Raises:
            NotFoundError: No such task is open. (The open-source server answers that with an empty 200.)
        """
        path = _reference(workflow_id, reference_name, status)
        body = PayloadStorage(self._transport).inline(output, TASK_OUTPUT)
        task_id = self._call(UPDATE_BY_REFERENCE, path, query={"workerid": worker_id}, body=body)
        if not task_id:
            raise NotFoundError(
                f"Workflow {workflow_id} has no open task {reference_name!r}: it is not scheduled yet, has ended, or "
                "does not exist. Nothing was updated.",
                status=200,
                operation=str(UPDATE_BY_REFERENCE),
                method="POST",
                path=UPDATE_BY_REFERENCE.fill(path),
            )
        return task_id

    def update_sync(
        self,
        workflow_id: str,
        reference_name: str,
        status: TaskResultStatus | str = TaskResultStatus.COMPLETED,
        output: Mapping[str, Any] | None = None,
        *,
        worker_id: str | None = None,
    ) -> WorkflowExecution:
        """The same, and the execution after it (``POST /tasks/{workflowId}/{taskRefName}/{status}/sync``)."""
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
        """Complete the first open WAIT task, also one in a sub-workflow, and wait for what comes of it.

        ``POST /tasks/{workflowId}/{status}/signal/sync``

        Args:
            workflow_id: The execution's id.
            status: What becomes of the WAIT task.
            output: Its output.
            return_strategy: What is answered, as for ``execute``.
            wait_ms: How long the server waits (open-source server).

        Raises:
            NotFoundError: Nothing waits.
        """
        path = {"workflowId": workflow_id, "status": require_enum(status, TaskResultStatus, "status")}
        strategy = require_enum(return_strategy, ReturnStrategy, "return_strategy")
        query = {"returnStrategy": strategy, "timeoutMillis": wait_ms}
        body = PayloadStorage(self._transport).inline(output, TASK_OUTPUT)
        limit = longer_than(wait_ms / 1000, self._transport.settings)
        with blocking_timeout(strategy, workflow_id):
            said = self._call(SIGNAL, path, query=query, body=body, timeout=limit)
        return as_run(SIGNAL, said)

    def signal_async(
        self,
        workflow_id: str,
        status: TaskResultStatus | str = TaskResultStatus.COMPLETED,
        output: Mapping[str, Any] | None = None,
    ) -> None:
        """The same without waiting (``POST /tasks/{workflowId}/{status}/signal``).

        The server answers well even when nothing waited; ``signal`` tells.
        """
        path = {"workflowId": workflow_id, "status": require_enum(status, TaskResultStatus, "status")}
        self._call(SIGNAL_ASYNC, path, body=PayloadStorage(self._transport).inline(output, TASK_OUTPUT))

    def add_log(self, task_id: str, line: str) -> None:
        """Add a line to a task's log (``POST /tasks/{taskId}/log``).

        The API's document calls the body JSON, but the server stores it as it is: so the bare line is sent. The task is
        asked for first (``GET /tasks/{taskId}``): the server keeps lines of tasks that there are not. For many lines
        at once ``update`` takes a result with ``logs``.

        Raises:
            NotFoundError: There is no such task.
            ConfigurationError: The line is empty, which the server does not take.
        """
        if not isinstance(line, str) or not line:
            raise ConfigurationError(
                f"A line of a log is text that is not empty, and not {line!r}.", variable="line", allowed="text"
            )
        self._call(GET, {"taskId": task_id})
        self._call(ADD_LOG, {"taskId": task_id}, body=line, headers={"Content-Type": "application/json"})

    def list_logs(self, task_id: str) -> list[TaskExecLog]:
        """A task's log (``GET /tasks/{taskId}/log``); lines appear a moment after they were written."""
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
        """A page of the tasks that match all conditions (``GET /tasks/search``); see ``workflows.search``."""
        refuse_fields(unsupported, TASK_FIELDS)
        fields = {
            "taskType": task_type,
            "taskDefName": task_def_name,
            "taskId": task_id,
            "workflowType": workflow_type,
            "status": require_enums(status, TaskStatus, "status"),
        }
        ranges = {"startTime": (started_after, started_before), "endTime": (ended_after, ended_before)}
        sent = _page(build_query(fields, ranges, query, TASK_FIELDS), free_text, sort, start, size)
        return self._call(SEARCH, query=sent)

    def iterate_search(
        self, *, size: int = 100, sort: str | Sequence[str] = _STABLE, **conditions: Any
    ) -> Iterator[TaskSummary]:
        """All tasks that match, page by page; takes what ``search`` takes.

        The order is one that new tasks do not change, so that none is missed and none comes twice.
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
        """A page of whole tasks (``GET /tasks/search-v2``, open-source server)."""
        sent = _page(build_query({}, {}, query, TASK_FIELDS), free_text, sort, start, size)
        return self._call(SEARCH_FULL, query=sent)

    def iterate_search_full(
        self, *, size: int = 100, sort: str | Sequence[str] = _STABLE, **conditions: Any
    ) -> Iterator[Task]:
        """All whole tasks that match, page by page; takes what ``search_full`` takes."""
        return iterate_pages(self.search_full, size=size, sort=sort, **conditions)

    def get_external_storage_location(
        self, path: str, *, operation: str = "WRITE", payload_type: str = "TASK_OUTPUT", old_spelling: bool = False
    ) -> ExternalStorageLocation:
        """Where a large payload is to be written or read (``GET /tasks/external-storage-location``).

        A server without a store answers a location without ``uri``. ``old_spelling`` asks older servers
        (``GET /tasks/externalstoragelocation``).
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
    check_page(start, size, _LARGEST_PAGE)
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
                "An update of a task needs a status.", variable="status", allowed="COMPLETED, FAILED, IN_PROGRESS, ..."
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
            "An update of a task was given a result and single values as well; give one or the other.",
            variable="result",
            allowed="a result, or its values",
        )
    else:
        given = as_model(result, TaskResult)
    for name, value in (("task_id", given.task_id), ("workflow_id", given.workflow_instance_id)):
        if not value:
            raise ConfigurationError(f"An update of a task needs its {name}.", variable=name, allowed="an id")
    require_enum(given.status, TaskResultStatus, "status")
    if given.extend_lease and (given.status != TaskResultStatus.IN_PROGRESS or given.output_data or given.logs):
        raise ConfigurationError(
            "extend_lease only extends the time that the task may take: the server would drop the status "
            f"{given.status}, the output and the logs that come with it. Send them in an update of their own.",
            variable="extend_lease",
            value=True,
            allowed="status IN_PROGRESS, without output and logs",
        )
    return given
