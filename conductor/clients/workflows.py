"""Executions of workflows: start them and look at them."""

from __future__ import annotations

import contextlib
import threading
import time
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias, TypedDict

from typing_extensions import Unpack

from conductor._internal.durations import to_seconds, to_whole_seconds
from conductor.clients._base import Resource, check_page, iterate_pages
from conductor.clients.bodies import (
    Definition,
    as_definition,
    as_model,
    as_object,
    require_enum,
    require_enums,
    require_str_list,
)
from conductor.clients.payloads import WORKFLOW_INPUT, WORKFLOW_STORAGE, PayloadStorage
from conductor.clients.workflow_control import WorkflowControl
from conductor.clients.workflow_search import WorkflowSearch
from conductor.clients.workflow_wait import (
    GET,
    LONGEST_PAUSE,
    STATUS,
    Deadline,
    ExecutionWaiter,
    as_run,
    blocking_timeout,
    longer_than,
)
from conductor.errors import ConductorError, ConfigurationError, SerializationError, WorkflowFailedError
from conductor.models import (
    Consistency,
    CorrelationIdsSearchRequest,
    ExternalStorageLocation,
    IdempotencyStrategy,
    ReturnStrategy,
    SearchResult,
    StartWorkflowRequest,
    Task,
    TaskRun,
    TaskStatus,
    WorkflowExecution,
    WorkflowExecutionStatus,
    WorkflowRun,
    WorkflowStatus,
    WorkflowTestRequest,
)
from conductor.models.codec import dumps, epoch_ms, to_jsonable
from conductor.transport.events import WorkflowStartFailed, WorkflowStarting
from conductor.transport.operation import NOT_GIVEN, Edition, NotGiven, Operation, Repeat

if TYPE_CHECKING:
    from conductor.transport.client import Transport

__all__ = ["Definition", "Started", "WorkflowClient", "announced"]


@contextmanager
def announced(
    transport: Transport, name: str | None, version: int | None, given: Mapping[str, Any] | None
) -> Iterator[None]:
    """Around a start: tells how large the input is, which is measured only where somebody listens, and of a failure."""
    if not transport.listeners:
        yield
        return
    with contextlib.suppress(SerializationError):  # the start will say so
        size = len(dumps(to_jsonable(dict(given or {}))))
        transport.emit(WorkflowStarting(name or "", version, size))
    try:
        yield
    except Exception as error:
        transport.emit(WorkflowStartFailed(name or "", error))
        raise


Started: TypeAlias = "StartWorkflowRequest | Mapping[str, Any]"
START: Operation[str] = Operation("POST", "/workflow", str, Repeat.WITH_KEY)
START_BY_NAME: Operation[str] = Operation("POST", "/workflow/{name}", str, Repeat.NEVER)
START_VERSION: Operation[str] = Operation(
    "POST", "/workflow/start/{name}/{version}", str, Repeat.WITH_KEY, Edition.ORKES
)
EXECUTE: Operation[dict[str, Any]] = Operation("POST", "/workflow/execute/{name}/{version}", dict, Repeat.WITH_KEY)
EXECUTE_AS_API: Operation[dict[str, Any]] = Operation(
    "POST", "/workflow/execute/{name}", dict, Repeat.WITH_KEY, Edition.ORKES
)
EXECUTE_AS_GET: Operation[dict[str, Any]] = Operation(
    "GET", "/workflow/execute/{name}", dict, Repeat.NEVER, Edition.ORKES
)
TASKS: Operation[SearchResult[Task]] = Operation("GET", "/workflow/{workflowId}/tasks", SearchResult[Task])
RUNNING: Operation[list[str]] = Operation("GET", "/workflow/running/{name}", list[str], on_empty=list)
CORRELATED: Operation[list[WorkflowExecution]] = Operation(
    "GET", "/workflow/{name}/correlated/{correlationId}", list[WorkflowExecution], on_empty=list
)
CORRELATED_IDS: Operation[dict[str, list[WorkflowExecution]]] = Operation(
    "POST", "/workflow/{name}/correlated", dict[str, list[WorkflowExecution]], on_empty=dict
)
CORRELATED_BATCH: Operation[dict[str, list[WorkflowExecution]]] = Operation(
    "POST", "/workflow/correlated/batch", dict[str, list[WorkflowExecution]], edition=Edition.ORKES, on_empty=dict
)
TEST: Operation[WorkflowExecution] = Operation("POST", "/workflow/test", WorkflowExecution)
STORAGE_OLD: Operation[ExternalStorageLocation] = Operation(
    "GET", "/workflow/externalstoragelocation", ExternalStorageLocation, edition=Edition.OSS
)
_HIGHEST_PRIORITY = 99
_LARGEST_PAGE = 10_000
#: Seconds during which ``run`` tolerates a 404: some servers show a new execution only after a moment.
_VISIBLE_WITHIN = 5.0
#: Seconds that the start gets at least, so that ``run(timeout=0)`` starts the workflow.
_SHORTEST_START = 1.0


class StartOptions(TypedDict, total=False):
    """Keyword arguments that ``run`` passes to ``start``."""

    version: int | None
    correlation_id: str | None
    priority: int | None
    task_to_domain: Mapping[str, str] | None
    idempotency_key: str | None
    idempotency_strategy: IdempotencyStrategy | str | None
    created_by: str | None
    external_input_payload_storage_path: str | None


class WorkflowClient(WorkflowControl, WorkflowSearch, Resource):
    """Executions: start, run, watch, control and search them (``client.workflows``)."""

    #: A monotonic clock in seconds, and what sleeps; ``wait`` and ``run`` use them, and tests replace them.
    clock: Callable[[], float] = staticmethod(time.monotonic)
    sleep: Callable[[float], None] = staticmethod(time.sleep)

    def wait(
        self,
        workflow_id: str,
        *,
        timeout: float | timedelta | None = None,
        until: Collection[WorkflowExecutionStatus | str] | None = None,
        longest_pause: float | timedelta = LONGEST_PAUSE,
    ) -> WorkflowExecution:
        """Wait until an execution has ended, and return it with its tasks.

        The status is requested at once and then after pauses that grow from 50 ms to ``longest_pause``
        (``GET /workflow/{workflowId}/status``, at the end ``GET /workflow/{workflowId}``). Lost connections and
        restarts of the server do not end the wait; only ``timeout`` does.

        Args:
            workflow_id: The execution's id.
            timeout: Seconds to wait, or a ``timedelta``; None for no limit.
            until: Statuses to wait for in addition to the end.
            longest_pause: Seconds between two requests at most.

        Returns:
            The execution with its tasks.

        Raises:
            WorkflowTimeoutError: The execution has not ended in time, and continues. The message names its open tasks,
                their last failure and next attempt, and task types that no worker polls.
            NotFoundError: The execution does not exist.
            ConfigurationError: The timeout is not a number of seconds, or is negative, infinite or NaN.
        """
        deadline = Deadline(timeout, self.clock)
        return self._waiter().wait(workflow_id, deadline, until=until, longest_pause=longest_pause)

    def run(
        self,
        workflow: str | Definition | Started,
        input: Mapping[str, Any] | None = None,  # noqa: A002  the server's word
        *,
        timeout: float | timedelta | None = None,
        **options: Unpack[StartOptions],
    ) -> WorkflowExecution:
        """Start a workflow, wait until the execution has ended, and return it.

        Args:
            workflow: As for ``start``.
            input: As for ``start``.
            timeout: Seconds for the start and the wait together, or a ``timedelta``; None for no limit.
            **options: The other arguments of ``start``.

        Returns:
            The completed execution with its tasks.

        Raises:
            WorkflowFailedError: The execution ended in another status than COMPLETED. The error has the failed task,
                the reason and the task's logs.
            WorkflowTimeoutError: As for ``wait``.
            ConfigurationError: An argument is invalid; nothing was sent.
        """
        deadline = Deadline(timeout, self.clock)
        limit = NOT_GIVEN if deadline.left is None else max(deadline.left, _SHORTEST_START)
        workflow_id = self.start(workflow, input, timeout=limit, **options)
        finished = self._waiter().wait(workflow_id, deadline, visible_within=_VISIBLE_WITHIN)
        if finished.status != WorkflowExecutionStatus.COMPLETED:
            raise self.failure(finished)
        return finished

    def failure(self, workflow: WorkflowExecution) -> WorkflowFailedError:
        """Return the error that ``run`` raises for an execution that did not complete.

        Args:
            workflow: The execution, with its tasks.

        Returns:
            The error with the failed task, the reason and the log of the task (``GET /tasks/{taskId}/log``).
        """
        return self._waiter().failure(workflow)

    def _waiter(self) -> ExecutionWaiter:
        return ExecutionWaiter(self._transport, self.clock, self.sleep)

    def start(
        self,
        workflow: str | Definition | Started,
        input: Mapping[str, Any] | None = None,  # noqa: A002  the server's and everybody's word
        *,
        version: int | None = None,
        correlation_id: str | None = None,
        priority: int | None = None,
        task_to_domain: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
        idempotency_strategy: IdempotencyStrategy | str | None = None,
        created_by: str | None = None,
        external_input_payload_storage_path: str | None = None,
        timeout: float | timedelta | NotGiven | None = NOT_GIVEN,
    ) -> str:
        """Start a workflow and return the execution's id (``POST /workflow``).

        The request is sent again after a lost answer only with an ``idempotency_key`` and to a server that acts on it:
        Orkes', or the embedded one. The open-source server 3.32 ignores keys: there two starts with one key are two
        executions.

        Args:
            workflow: A registered definition's name; a ``WorkflowDef``, its wire form or a workflow as code, which runs
                without being registered; or a whole ``StartWorkflowRequest``.
            input: The workflow's input. Over 5 MiB of JSON it goes to the server's external storage, if it has one.
            version: The definition's version; None for the latest.
            correlation_id: Free text by which executions are found again.
            priority: 0 to 99, higher first.
            task_to_domain: Task name, or ``*``, to the domain whose workers get the task.
            idempotency_key: A start with a key that was seen before makes no second execution (Orkes, embedded).
            idempotency_strategy: What it does instead.
            created_by: Who starts it.
            external_input_payload_storage_path: Where the input lies, in place of ``input``.
            timeout: Seconds that the call may take in all, or a ``timedelta``; None for no limit. By default the
                ``request_timeout_ms`` of the settings.

        Raises:
            NotFoundError: There is no such definition.
            ConfigurationError: An argument cannot be used; nothing was sent.
        """
        request = self._request(
            workflow,
            input,
            version=version,
            correlation_id=correlation_id,
            priority=priority,
            task_to_domain=task_to_domain,
            idempotency_key=idempotency_key,
            idempotency_strategy=idempotency_strategy,
            created_by=created_by,
            external_input_payload_storage_path=external_input_payload_storage_path,
        )
        limit = timeout if timeout is None or isinstance(timeout, NotGiven) else to_seconds(timeout, "timeout")
        with announced(self._transport, request.name, request.version, request.input):
            self._store_input(request)
            return self._call(START, body=request, has_key=bool(request.idempotency_key), timeout=limit)

    def _request(
        self, workflow: str | Definition | Started, given: Mapping[str, Any] | None, **fields: Any
    ) -> StartWorkflowRequest:
        request = _named(workflow)
        for name, value in fields.items():
            if value is not None:
                setattr(request, name, value)
        if given is not None:
            request.input = as_object(given, "workflow input")
        request.priority = _checked_priority(request.priority)
        request.idempotency_strategy = require_enum(
            request.idempotency_strategy, IdempotencyStrategy, "idempotency_strategy"
        )
        _refuse_strategy_alone(request.idempotency_key, request.idempotency_strategy)
        return request

    def _store_input(self, request: StartWorkflowRequest) -> None:
        request.input, path = PayloadStorage(self._transport).store_input(request.input, request.name or "")
        request.external_input_payload_storage_path = path or request.external_input_payload_storage_path

    def start_by_name(
        self,
        name: str,
        input: Mapping[str, Any] | None = None,  # noqa: A002
        *,
        version: int | None = None,
        correlation_id: str | None = None,
        priority: int = 0,
        idempotency_key: str | None = None,
        idempotency_strategy: IdempotencyStrategy | str | None = None,
    ) -> str:
        """Start a registered workflow with its input as the body; returns the execution's id.

        ``POST /workflow/{name}``; with an ``idempotency_key`` and a version ``POST /workflow/start/{name}/{version}``,
        which Orkes has. ``start`` does all that this does.
        """
        body = PayloadStorage(self._transport).inline(input, WORKFLOW_INPUT)
        query = {"correlationId": correlation_id, "priority": _checked_priority(priority)}
        headers = _key_headers(idempotency_key, idempotency_strategy)
        with announced(self._transport, name, version, body):
            if version is not None and headers:
                path = {"name": name, "version": version}
                return self._call(START_VERSION, path, query=query, body=body, headers=headers, has_key=True)
            return self._call(
                START_BY_NAME, {"name": name}, query={"version": version, **query}, body=body, headers=headers
            )

    def start_many(self, requests: Iterable[Started], *, threads: int = 8) -> list[str | ConductorError]:
        """Start several workflows, ``threads`` at a time; no id is lost because another start fails.

        ``POST /workflow`` for each.

        Returns:
            For each request, in order, the execution's id or the error that its start met.
        """
        waiting = list(enumerate(requests))
        outcomes: dict[int, str | ConductorError] = {}

        def work() -> None:
            with contextlib.suppress(IndexError):
                while True:
                    index, request = waiting.pop()
                    outcomes[index] = self._start_or_error(request)

        waiting.reverse()
        count = len(waiting)
        others = [threading.Thread(target=work, name=f"start:{n}", daemon=True) for n in range(min(threads, count) - 1)]
        for thread in others:
            thread.start()
        work()
        for thread in others:
            thread.join()
        return [outcomes[index] for index in range(count)]

    def _start_or_error(self, request: Started) -> str | ConductorError:
        try:
            return self.start(request)
        except ConductorError as error:
            return error

    def execute(
        self,
        workflow: str | Definition | Started,
        input: Mapping[str, Any] | None = None,  # noqa: A002
        *,
        version: int | None = None,
        wait_for: float | timedelta = 10,
        wait_until: str | Sequence[str] | None = None,
        return_strategy: ReturnStrategy | str = ReturnStrategy.TARGET_WORKFLOW,
        consistency: Consistency | str | None = None,
        request_id: str | None = None,
        correlation_id: str | None = None,
        priority: int | None = None,
        task_to_domain: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
        idempotency_strategy: IdempotencyStrategy | str | None = None,
    ) -> WorkflowRun | TaskRun:
        """Start a workflow and wait on the server for it (``POST /workflow/execute/{name}/{version}``).

        The answer comes when the workflow has ended, when a WAIT task blocks it, or when a task of ``wait_until`` has
        ended; otherwise after ``wait_for``, with ``signal_timeout`` true, and the workflow goes on. ``run`` waits for
        the end however long it takes.

        Args:
            workflow: As for ``start``.
            input: As for ``start``.
            version: As for ``start``.
            wait_for: How long the server waits, in seconds; whole seconds from 1.
            wait_until: Reference names of tasks.
            return_strategy: What is answered: a ``WorkflowRun`` for TARGET_WORKFLOW and BLOCKING_WORKFLOW, a
                ``TaskRun`` for BLOCKING_TASK and BLOCKING_TASK_INPUT.
            consistency: How durable the execution is before the answer (Orkes).
            request_id: Your id of the request; a UUID otherwise.
            correlation_id: As for ``start``.
            priority: As for ``start``.
            task_to_domain: As for ``start``.
            idempotency_key: As for ``start``.
            idempotency_strategy: As for ``start``.
        """
        request = self._request(
            workflow,
            input,
            version=version,
            correlation_id=correlation_id,
            priority=priority,
            task_to_domain=task_to_domain,
            idempotency_key=idempotency_key,
            idempotency_strategy=idempotency_strategy,
        )
        seconds = max(1, to_whole_seconds(wait_for, "wait_for"))
        strategy = require_enum(return_strategy, ReturnStrategy, "return_strategy")
        query = {
            "requestId": request_id or str(uuid.uuid4()),
            "waitUntilTaskRef": wait_until if isinstance(wait_until, str | None) else ",".join(wait_until),
            "waitForSeconds": seconds,
            "consistency": require_enum(consistency, Consistency, "consistency"),
            "returnStrategy": strategy,
        }
        with blocking_timeout(strategy), announced(self._transport, request.name, request.version, request.input):
            self._store_input(request)
            said = self._call(
                EXECUTE,
                {"name": request.name, "version": request.version or 0},
                query=query,
                body=request,
                has_key=bool(request.idempotency_key),
                timeout=longer_than(seconds, self._transport.settings),
            )
        return as_run(EXECUTE, said)

    def execute_as_api(
        self,
        name: str,
        input: Mapping[str, Any] | None = None,  # noqa: A002
        *,
        version: int | None = None,
        wait_for: float | timedelta = 10,
        wait_until: str | None = None,
        request_id: str | None = None,
        idempotency_key: str | None = None,
        idempotency_strategy: IdempotencyStrategy | str | None = None,
        as_get: bool = False,
    ) -> dict[str, Any]:
        """Run a workflow as if it were an API: its output is the answer (``POST /workflow/execute/{name}``, Orkes).

        Args:
            name: The definition's name.
            input: The workflow's input; with ``as_get`` each value travels as text in the query.
            version: The definition's version; None for the latest.
            wait_for: How long the server waits, in seconds.
            wait_until: The reference name of a task.
            request_id: Your id of the request.
            idempotency_key: As for ``start``.
            idempotency_strategy: As for ``start``.
            as_get: Send ``GET /workflow/execute/{name}``.
        """
        seconds = max(1, to_whole_seconds(wait_for, "wait_for"))
        given = {"requestId": request_id, "waitUntilTaskRef": wait_until, "waitForSeconds": str(seconds)}
        headers = {k: v for k, v in given.items() if v is not None} | _key_headers(
            idempotency_key, idempotency_strategy
        )
        limit = longer_than(seconds, self._transport.settings)
        plain = PayloadStorage(self._transport).inline(input, WORKFLOW_INPUT)
        with announced(self._transport, name, version, plain):
            if as_get:
                query = {**plain, "version": version}
                return self._call(EXECUTE_AS_GET, {"name": name}, query=query, headers=headers, timeout=limit)
            return self._call(
                EXECUTE_AS_API,
                {"name": name},
                query={"version": version},
                body=plain,
                headers=headers,
                has_key=bool(idempotency_key),
                timeout=limit,
            )

    def get(
        self,
        workflow_id: str,
        *,
        include_tasks: bool = True,
        summarize: bool | None = None,
        fetch_payloads: bool = True,
    ) -> WorkflowExecution:
        """An execution with its tasks (``GET /workflow/{workflowId}``).

        Args:
            workflow_id: The execution's id.
            include_tasks: Without it ``tasks`` is empty.
            summarize: Leave large payloads out (Orkes).
            fetch_payloads: Read inputs and outputs that the server keeps in its external storage from there.

        Raises:
            NotFoundError: There is no such execution.
        """
        query = {"includeTasks": include_tasks, "summarize": summarize}
        found = self._call(GET, {"workflowId": workflow_id}, query=query)
        return PayloadStorage(self._transport).fetch_workflow(found) if fetch_payloads else found

    def get_status(
        self, workflow_id: str, *, include_output: bool = False, include_variables: bool = False
    ) -> WorkflowStatus:
        """The light status of an execution (``GET /workflow/{workflowId}/status``)."""
        query = {"includeOutput": include_output, "includeVariables": include_variables}
        return self._call(STATUS, {"workflowId": workflow_id}, query=query)

    def list_tasks(
        self,
        workflow_id: str,
        *,
        start: int = 0,
        size: int = 15,
        status: TaskStatus | str | Sequence[TaskStatus | str] | None = None,
    ) -> SearchResult[Task]:
        """A page of an execution's tasks (``GET /workflow/{workflowId}/tasks``)."""
        check_page(start, size, _LARGEST_PAGE)
        query = {"start": start, "count": size, "status": require_enums(status, TaskStatus, "status")}
        return self._call(TASKS, {"workflowId": workflow_id}, query=query)

    def iterate_tasks(
        self,
        workflow_id: str,
        *,
        size: int = 100,
        status: TaskStatus | str | Sequence[TaskStatus | str] | None = None,
    ) -> Iterator[Task]:
        """All tasks of an execution, page by page; takes what ``list_tasks`` takes."""
        return iterate_pages(partial(self.list_tasks, workflow_id), size=size, status=status)

    def list_running_ids(
        self,
        name: str,
        *,
        version: int = 1,
        start_time: datetime | int | None = None,
        end_time: datetime | int | None = None,
    ) -> list[str]:
        """The ids of a definition's running executions (``GET /workflow/running/{name}``).

        Args:
            name: The definition's name.
            version: Its version; the server's default is 1, and not the latest.
            start_time: Only those created from then on.
            end_time: Only those created until then.
        """
        query = {
            "version": version,
            "startTime": epoch_ms(start_time, "start_time"),
            "endTime": epoch_ms(end_time, "end_time"),
        }
        return self._call(RUNNING, {"name": name}, query=query)

    def list_by_correlation_id(
        self, name: str, correlation_id: str, *, include_closed: bool = False, include_tasks: bool = False
    ) -> list[WorkflowExecution]:
        """A definition's executions with a correlation id (``GET /workflow/{name}/correlated/{correlationId}``).

        Args:
            name: The definition's name.
            correlation_id: The correlation id.
            include_closed: Those that have ended as well.
            include_tasks: With their tasks.
        """
        path = {"name": name, "correlationId": correlation_id}
        query = {"includeClosed": include_closed, "includeTasks": include_tasks}
        return self._call(CORRELATED, path, query=query)

    def list_by_correlation_ids(
        self,
        names: str | Sequence[str],
        correlation_ids: Sequence[str],
        *,
        include_closed: bool = False,
        include_tasks: bool = False,
    ) -> dict[str, list[WorkflowExecution]]:
        """Executions by correlation id; every id that was asked for is a key.

        ``POST /workflow/{name}/correlated``, and for several names
        ``POST /workflow/correlated/batch`` (Orkes).
        """
        query = {"includeClosed": include_closed, "includeTasks": include_tasks}
        ids = require_str_list(correlation_ids, "correlation_ids")
        if isinstance(names, str):
            return self._call(CORRELATED_IDS, {"name": names}, query=query, body=ids)
        body = CorrelationIdsSearchRequest(correlation_ids=ids, workflow_names=require_str_list(names, "names"))
        return self._call(CORRELATED_BATCH, query=query, body=body)

    def test(self, request: WorkflowTestRequest | Mapping[str, Any]) -> WorkflowExecution:
        """Run a definition on the server with mocked task outputs, without any worker (``POST /workflow/test``)."""
        return self._call(TEST, body=as_model(request, WorkflowTestRequest))

    def get_external_storage_location(
        self, path: str, *, operation: str = "WRITE", payload_type: str = "WORKFLOW_INPUT", old_spelling: bool = False
    ) -> ExternalStorageLocation:
        """Where a large payload is to be written or read (``GET /workflow/external-storage-location``).

        A server without a store answers a location without ``uri``. ``old_spelling`` asks older servers
        (``GET /workflow/externalstoragelocation``).
        """
        query = {"path": path, "operation": operation, "payloadType": payload_type}
        return self._call(STORAGE_OLD if old_spelling else WORKFLOW_STORAGE, query=query)


def _named(workflow: str | Definition | Started) -> StartWorkflowRequest:
    if isinstance(workflow, str):
        return StartWorkflowRequest(workflow)
    if isinstance(workflow, StartWorkflowRequest):
        return StartWorkflowRequest.from_dict(workflow.to_dict())
    if isinstance(workflow, Mapping) and "tasks" not in workflow:
        return as_model(workflow, StartWorkflowRequest)
    definition = as_definition(workflow)
    return StartWorkflowRequest(definition.name, workflow_def=definition, version=definition.version)


def _checked_priority(priority: int | None) -> int | None:
    if priority is not None and not 0 <= priority <= _HIGHEST_PRIORITY:
        raise ConfigurationError(
            f"priority is {priority}; it must be from 0 to {_HIGHEST_PRIORITY}.",
            variable="priority",
            value=priority,
            allowed=f"0 to {_HIGHEST_PRIORITY}",
        )
    return priority


def _refuse_strategy_alone(key: str | None, strategy: IdempotencyStrategy | str | None) -> None:
    if strategy is not None and not key:
        raise ConfigurationError(
            f"idempotency_strategy is {str(strategy)!r}, and there is no idempotency_key that it could act on.",
            variable="idempotency_key",
            allowed="a key, or no strategy either",
        )


def _key_headers(key: str | None, strategy: IdempotencyStrategy | str | None) -> dict[str, str]:
    _refuse_strategy_alone(key, strategy)
    if not key:
        return {}
    chosen = require_enum(strategy, IdempotencyStrategy, "idempotency_strategy") or IdempotencyStrategy.FAIL
    return {"X-Idempotency-key": key, "X-on-conflict": chosen.value}
