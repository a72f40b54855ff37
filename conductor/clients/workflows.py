"""Executions: start, run, wait and read."""

from __future__ import annotations

import contextlib
import itertools
import logging
import threading
import time
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias, TypedDict

from typing_extensions import Unpack

from conductor._internal.durations import exponential_backoff, to_seconds, to_whole_seconds
from conductor._internal.introspection import refuse_unknown_keywords
from conductor.clients._base import (
    Definition,
    Resource,
    as_definition,
    as_model,
    as_object,
    check_page,
    iterate_pages,
    require_enum,
    require_enums,
    require_str_list,
)
from conductor.clients.payloads import WORKFLOW_INPUT, WORKFLOW_STORAGE, PayloadStorage
from conductor.clients.workflow_control import WorkflowControl
from conductor.clients.workflow_search import WorkflowSearch
from conductor.clients.workflow_wait import (
    GET,
    MAX_INTERVAL,
    STATUS,
    Deadline,
    ExecutionWaiter,
    as_run,
    blocking_timeout,
    request_timeout,
)
from conductor.errors import (
    APIConnectionError,
    ConductorError,
    ConfigurationError,
    NotFoundError,
    SerializationError,
    WorkflowFailedError,
)
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

__all__ = ["Definition", "StartRequest", "WorkflowClient", "start_events"]


@contextmanager
def start_events(
    transport: Transport, name: str | None, version: int | None, given: Mapping[str, Any] | None
) -> Iterator[None]:
    """Emit events about a start: the size of the input, and a failure.

    The size is computed only if there are listeners, because it costs a serialization.
    """
    if not transport.listeners:
        with _remedy_for_unregistered():
            yield
        return
    with contextlib.suppress(SerializationError):  # the start itself raises it
        size = len(dumps(to_jsonable(dict(given or {}))))
        transport.emit(WorkflowStarting(name or "", version, size))
    try:
        with _remedy_for_unregistered():
            yield
    except Exception as error:  # reported and raised again
        transport.emit(WorkflowStartFailed(name or "", error))
        raise


@contextmanager
def _remedy_for_unregistered() -> Iterator[None]:
    try:
        yield
    except NotFoundError as error:
        if (error.server_message or "").startswith("No such workflow"):
            error.message += (
                ". Register it first (workflow.register(client), or conductor def push FILE), or correct the name or "
                "version; conductor def list shows what is registered."
            )
            error.args = (error.message,)
        raise


StartRequest: TypeAlias = "StartWorkflowRequest | Mapping[str, Any]"
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
#: The API's limit.
_MAX_PRIORITY = 99
#: Maximum number of tasks that the server returns.
_MAX_PAGE_SIZE = 10_000
#: Seconds during which ``run`` tolerates a 404, because some servers return a new execution only after a short delay.
_VISIBLE_WITHIN = 5.0
#: Minimum timeout in seconds of a start, so that ``run(timeout=0)`` starts the workflow.
_MIN_START_TIMEOUT = 1.0
#: First and longest delay in seconds before ``run`` repeats a start that could not connect.
_START_RETRY_DELAYS = (0.5, 2.0)

logger = logging.getLogger(__name__)


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
    """Executions: start, run, wait for, control and search them (``client.workflows``)."""

    #: The monotonic clock in seconds and the sleep function of ``wait`` and ``run``; tests replace them.
    clock: Callable[[], float] = staticmethod(time.monotonic)
    sleep: Callable[[float], None] = staticmethod(time.sleep)

    def wait(
        self,
        workflow_id: str,
        *,
        timeout: float | timedelta | None = None,
        until: Collection[WorkflowExecutionStatus | str] | None = None,
        max_interval: float | timedelta = MAX_INTERVAL,
    ) -> WorkflowExecution:
        """Wait until an execution has ended, and return it with its tasks.

        The status is requested at intervals that grow from 50 ms to ``max_interval`` (``GET
        /workflow/{workflowId}/status``, at the end ``GET /workflow/{workflowId}``). Lost connections and restarts of
        the server do not end the wait; only ``timeout`` does.

        Args:
            workflow_id: The id of the execution.
            timeout: Seconds to wait, or a ``timedelta``; None for no limit.
            until: Statuses to wait for in addition to the end.
            max_interval: Maximum number of seconds between two requests, or a ``timedelta``.

        Returns:
            The execution with its tasks.

        Raises:
            WorkflowTimeoutError: The execution did not end in time; it continues on the server. The message names its
                open tasks, their last failure and next attempt, and task types that no worker polls.
            NotFoundError: The execution does not exist.
            ConfigurationError: The timeout is not a number of seconds, or is negative, infinite or NaN.
        """
        deadline = Deadline(timeout, self.clock)
        return self._waiter().wait(workflow_id, deadline, until=until, max_interval=max_interval)

    def run(
        self,
        workflow: str | Definition | StartRequest,
        input: Mapping[str, Any] | None = None,  # the API's name
        *,
        timeout: float | timedelta | None = None,
        **options: Unpack[StartOptions],
    ) -> WorkflowExecution:
        """Start a workflow, wait until the execution has ended, and return it.

        Args:
            workflow: As for ``start``.
            input: As for ``start``.
            timeout: Seconds for the start and the wait together, or a ``timedelta``; None for no limit. Until then, a
                start that cannot connect is repeated. With None, the first connection error is raised.
            **options: The other arguments of ``start``.

        Returns:
            The completed execution with its tasks.

        Raises:
            WorkflowFailedError: The execution ended with a status other than COMPLETED. The error has the failed task,
                the reason and the task's logs.
            WorkflowTimeoutError: As for ``wait``.
            ConfigurationError: An argument is invalid; nothing was sent.
        """
        deadline = Deadline(timeout, self.clock)
        refuse_unknown_keywords("workflows.run", self.start, options, ("timeout",))
        workflow_id = self._start_until(deadline, lambda limit: self.start(workflow, input, timeout=limit, **options))
        finished = self._waiter().wait(workflow_id, deadline, visible_within=_VISIBLE_WITHIN)
        if finished.status != WorkflowExecutionStatus.COMPLETED:
            raise self.failure(finished)
        return finished

    def _start_until(self, deadline: Deadline, start: Callable[[float | NotGiven], str]) -> str:
        """Start a workflow; if the server cannot be reached, retry until the deadline.

        Without a deadline, the first error is raised, so that a script does not hang when no server is running.
        """
        for failures in itertools.count(1):
            try:
                return start(NOT_GIVEN if deadline.left is None else max(deadline.left, _MIN_START_TIMEOUT))
            except APIConnectionError as error:
                left, delay = deadline.left, exponential_backoff(failures, *_START_RETRY_DELAYS)
                if left is None or left <= delay or not error.never_sent or error.is_permanent:
                    raise
                if failures == 1:
                    logger.warning("%s; retrying for up to %.0f s", error, left)
            self.sleep(delay)
        raise AssertionError  # the loop has no end

    def failure(self, workflow: WorkflowExecution | Mapping[str, Any]) -> WorkflowFailedError:
        """Return the error that ``run`` raises for an execution that did not complete.

        Args:
            workflow: The execution, with its tasks, or its wire form.

        Returns:
            The error with the failed task, the reason and the log of the task (``GET /tasks/{taskId}/log``).
        """
        return self._waiter().failure(workflow)

    def _waiter(self) -> ExecutionWaiter:
        return ExecutionWaiter(self._transport, self.clock, self.sleep)

    def start(
        self,
        workflow: str | Definition | StartRequest,
        input: Mapping[str, Any] | None = None,  # the API's name
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
        """Start a workflow (``POST /workflow``).

        After a lost response, the request is sent again only with an ``idempotency_key``, and only to servers that
        support it: Orkes and the embedded server. On the open-source server 3.32, which ignores keys, two starts with
        one key create two executions.

        Args:
            workflow: The name of a registered definition; a ``WorkflowDef``, its dict or a workflow as code, which runs
                without being registered; or a ``StartWorkflowRequest``.
            input: The input of the workflow. More than 5 MiB of JSON are written to the server's external storage, if
                it has one.
            version: The version of the definition; None for the latest.
            correlation_id: Free text by which executions can be found.
            priority: 0 to 99; tasks of executions with a higher priority are dispatched first.
            task_to_domain: The domain of the workers for each task name, or for all tasks (``*``).
            idempotency_key: Identifies the start; another start with the same key creates no execution (Orkes, embedded
                server).
            idempotency_strategy: How the server handles another start with the same key; FAIL by default.
            created_by: The user or program that starts the execution.
            external_input_payload_storage_path: Path of the input in external storage, instead of ``input``.
            timeout: Seconds for the whole call, or a ``timedelta``; None for no limit. By default
                ``request_timeout_ms`` of the settings.

        Returns:
            The id of the execution.

        Raises:
            NotFoundError: The definition does not exist.
            ConflictError: The idempotency key exists, and the strategy is FAIL.
            ConfigurationError: An argument is invalid; nothing was sent.
        """
        if task_to_domain is not None:
            as_object(task_to_domain, "task_to_domain")
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
        with start_events(self._transport, request.name, request.version, request.input):
            self._store_input(request)
            return self._call(START, body=request, has_key=bool(request.idempotency_key), timeout=limit)

    def _request(
        self, workflow: str | Definition | StartRequest, given: Mapping[str, Any] | None, **fields: Any
    ) -> StartWorkflowRequest:
        request = _start_request(workflow)
        for name, value in fields.items():
            if value is not None:
                setattr(request, name, value)
        if given is not None:
            request.input = as_object(given, "workflow input")
        request.priority = _checked_priority(request.priority)
        request.idempotency_strategy = require_enum(
            request.idempotency_strategy, IdempotencyStrategy, "idempotency_strategy"
        )
        _require_key(request.idempotency_key, request.idempotency_strategy)
        return request

    def _store_input(self, request: StartWorkflowRequest) -> None:
        request.input, path = PayloadStorage(self._transport).store_input(request.input, request.name or "")
        request.external_input_payload_storage_path = path or request.external_input_payload_storage_path

    def start_by_name(
        self,
        name: str,
        input: Mapping[str, Any] | None = None,
        *,
        version: int | None = None,
        correlation_id: str | None = None,
        priority: int = 0,
        idempotency_key: str | None = None,
        idempotency_strategy: IdempotencyStrategy | str | None = None,
    ) -> str:
        """Start a registered workflow with its input as the body (``POST /workflow/{name}``).

        With a version and an ``idempotency_key``: ``POST /workflow/start/{name}/{version}`` (Orkes). ``start`` has all
        these options on all servers.

        Args:
            name: The name of the definition.
            input: The input of the workflow.
            version: The version of the definition; None for the latest.
            correlation_id: Free text by which executions can be found.
            priority: 0 to 99.
            idempotency_key: As for ``start``.
            idempotency_strategy: As for ``start``.

        Returns:
            The id of the execution.

        Raises:
            NotFoundError: The definition does not exist.
            ConfigurationError: An argument is invalid; nothing was sent.
        """
        body = PayloadStorage(self._transport).inline(input, WORKFLOW_INPUT)
        query = {"correlationId": correlation_id, "priority": _checked_priority(priority)}
        headers = _key_headers(idempotency_key, idempotency_strategy)
        with start_events(self._transport, name, version, body):
            if version is not None and headers:
                path = {"name": name, "version": version}
                return self._call(START_VERSION, path, query=query, body=body, headers=headers, has_key=True)
            return self._call(
                START_BY_NAME, {"name": name}, query={"version": version, **query}, body=body, headers=headers
            )

    def start_many(self, requests: Iterable[StartRequest], *, threads: int = 8) -> list[str | ConductorError]:
        """Start several workflows in parallel (``POST /workflow`` for each).

        A failure does not affect the other starts.

        Args:
            requests: The start requests.
            threads: Number of threads.

        Returns:
            For each request, in order, the id of the execution or the error of the start.
        """
        pending = list(enumerate(requests))
        outcomes: dict[int, str | ConductorError] = {}

        def work() -> None:
            with contextlib.suppress(IndexError):
                while True:
                    index, request = pending.pop()
                    outcomes[index] = self._start_or_error(request)

        pending.reverse()  # threads take requests from the end
        count = len(pending)
        helpers = [
            threading.Thread(target=work, name=f"start:{n}", daemon=True) for n in range(min(threads, count) - 1)
        ]
        for thread in helpers:
            thread.start()
        work()
        for thread in helpers:
            thread.join()
        return [outcomes[index] for index in range(count)]

    def _start_or_error(self, request: StartRequest) -> str | ConductorError:
        try:
            return self.start(request)
        except ConductorError as error:
            return error

    def execute(
        self,
        workflow: str | Definition | StartRequest,
        input: Mapping[str, Any] | None = None,
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
        """Start a workflow and wait on the server (``POST /workflow/execute/{name}/{version}``).

        The server responds when the workflow ends, when a WAIT task blocks it, or when a task of ``wait_until`` ends.
        After ``wait_for`` it responds with ``signal_timeout`` true, and the workflow continues. ``run`` waits for the
        end without this limit.

        Args:
            workflow: As for ``start``.
            input: As for ``start``.
            version: As for ``start``.
            wait_for: Seconds that the server waits, or a ``timedelta``; rounded up to whole seconds, at least 1.
            wait_until: Reference names of tasks; the wait ends when one of these tasks ends.
            return_strategy: What to return; see Returns.
            consistency: How durable the execution is before the response (Orkes).
            request_id: Id of the request; a UUID by default.
            correlation_id: As for ``start``.
            priority: As for ``start``.
            task_to_domain: As for ``start``.
            idempotency_key: As for ``start``.
            idempotency_strategy: As for ``start``.

        Returns:
            A ``WorkflowRun`` for TARGET_WORKFLOW and BLOCKING_WORKFLOW, a ``TaskRun`` for BLOCKING_TASK and
            BLOCKING_TASK_INPUT.

        Raises:
            NotFoundError: The definition does not exist.
            WorkflowTimeoutError: No task blocked within ``wait_for``, for the strategies that return a task.
            ConfigurationError: An argument is invalid; nothing was sent.
        """
        if task_to_domain is not None:
            as_object(task_to_domain, "task_to_domain")
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
        with blocking_timeout(strategy), start_events(self._transport, request.name, request.version, request.input):
            self._store_input(request)
            response = self._call(
                EXECUTE,
                {"name": request.name, "version": request.version or 0},
                query=query,
                body=request,
                has_key=bool(request.idempotency_key),
                timeout=request_timeout(seconds, self._transport.settings),
            )
        return as_run(EXECUTE, response)

    def execute_as_api(
        self,
        name: str,
        input: Mapping[str, Any] | None = None,
        *,
        version: int | None = None,
        wait_for: float | timedelta = 10,
        wait_until: str | None = None,
        request_id: str | None = None,
        idempotency_key: str | None = None,
        idempotency_strategy: IdempotencyStrategy | str | None = None,
        as_get: bool = False,
    ) -> dict[str, Any]:
        """Execute a workflow as an API call: the response is its output (``POST /workflow/execute/{name}``, Orkes).

        Args:
            name: The name of the definition.
            input: The input of the workflow; with ``as_get``, each value is a string in the query.
            version: The version of the definition; None for the latest.
            wait_for: Seconds that the server waits, or a ``timedelta``; rounded up to whole seconds, at least 1.
            wait_until: The reference name of a task whose end ends the wait.
            request_id: Id of the request.
            idempotency_key: As for ``start``.
            idempotency_strategy: As for ``start``.
            as_get: Whether to send ``GET /workflow/execute/{name}`` instead.

        Returns:
            The output of the workflow.
        """
        seconds = max(1, to_whole_seconds(wait_for, "wait_for"))
        given = {"requestId": request_id, "waitUntilTaskRef": wait_until, "waitForSeconds": str(seconds)}
        headers = {k: v for k, v in given.items() if v is not None} | _key_headers(
            idempotency_key, idempotency_strategy
        )
        limit = request_timeout(seconds, self._transport.settings)
        plain = PayloadStorage(self._transport).inline(input, WORKFLOW_INPUT)
        with start_events(self._transport, name, version, plain):
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
        """Return an execution (``GET /workflow/{workflowId}``).

        Args:
            workflow_id: The id of the execution.
            include_tasks: Whether to include the tasks.
            summarize: Whether to leave out large payloads (Orkes).
            fetch_payloads: Whether to read inputs and outputs in the server's external storage.

        Returns:
            The execution.

        Raises:
            NotFoundError: The execution does not exist.
        """
        query = {"includeTasks": include_tasks, "summarize": summarize}
        found = self._call(GET, {"workflowId": workflow_id}, query=query)
        return PayloadStorage(self._transport).fetch_workflow(found) if fetch_payloads else found

    def get_status(
        self, workflow_id: str, *, include_output: bool = False, include_variables: bool = False
    ) -> WorkflowStatus:
        """Return the status of an execution without its tasks (``GET /workflow/{workflowId}/status``).

        Args:
            workflow_id: The id of the execution.
            include_output: Whether to include the output.
            include_variables: Whether to include the workflow variables.

        Returns:
            The status.

        Raises:
            NotFoundError: The execution does not exist.
        """
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
        """Return one page of the tasks of an execution (``GET /workflow/{workflowId}/tasks``).

        Args:
            workflow_id: The id of the execution.
            start: Offset of the first task.
            size: Maximum number of tasks, up to 10,000.
            status: Only tasks with this status, or one of several.

        Returns:
            The page of tasks, with the number of tasks on all pages.
        """
        check_page(start, size, _MAX_PAGE_SIZE)
        query = {"start": start, "count": size, "status": require_enums(status, TaskStatus, "status")}
        return self._call(TASKS, {"workflowId": workflow_id}, query=query)

    def iterate_tasks(
        self,
        workflow_id: str,
        *,
        size: int = 100,
        status: TaskStatus | str | Sequence[TaskStatus | str] | None = None,
    ) -> Iterator[Task]:
        """Yield all tasks of an execution, requesting page by page (``GET /workflow/{workflowId}/tasks``).

        Args:
            workflow_id: The id of the execution.
            size: Tasks per request.
            status: Only tasks with this status, or one of several.

        Yields:
            The tasks.
        """
        return iterate_pages(partial(self.list_tasks, workflow_id), size=size, status=status)

    def list_running_ids(
        self,
        name: str,
        *,
        version: int = 1,
        start_time: datetime | int | None = None,
        end_time: datetime | int | None = None,
    ) -> list[str]:
        """Return the ids of the running executions of a definition (``GET /workflow/running/{name}``).

        Args:
            name: The name of the definition.
            version: The version; 1 by default, as on the server.
            start_time: Only executions created at or after this time, as a datetime or in epoch milliseconds.
            end_time: Only executions created before this time.

        Returns:
            The ids, or an empty list.
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
        """Return the executions of a definition with a correlation id.

        ``GET /workflow/{name}/correlated/{correlationId}``.

        Args:
            name: The name of the definition.
            correlation_id: The correlation id.
            include_closed: Whether to include ended executions.
            include_tasks: Whether to include tasks.

        Returns:
            The executions, or an empty list.
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
        """Return executions with one of several correlation ids.

        ``POST /workflow/{name}/correlated``; for several names ``POST /workflow/correlated/batch`` (Orkes).

        Args:
            names: The name of a definition, or several.
            correlation_ids: The correlation ids.
            include_closed: Whether to include ended executions.
            include_tasks: Whether to include tasks.

        Returns:
            A dict of executions by correlation id; a list may be empty.
        """
        query = {"includeClosed": include_closed, "includeTasks": include_tasks}
        ids = require_str_list(correlation_ids, "correlation_ids")
        if isinstance(names, str):
            return self._call(CORRELATED_IDS, {"name": names}, query=query, body=ids)
        body = CorrelationIdsSearchRequest(correlation_ids=ids, workflow_names=require_str_list(names, "names"))
        return self._call(CORRELATED_BATCH, query=query, body=body)

    def test(self, request: WorkflowTestRequest | Mapping[str, Any]) -> WorkflowExecution:
        """Execute a definition on the server with mocked task outputs, without workers (``POST /workflow/test``).

        Args:
            request: The definition, its input and the outputs of its tasks.

        Returns:
            The ended execution with its tasks.
        """
        return self._call(TEST, body=as_model(request, WorkflowTestRequest))

    def get_external_storage_location(
        self, path: str, *, operation: str = "WRITE", payload_type: str = "WORKFLOW_INPUT", old_spelling: bool = False
    ) -> ExternalStorageLocation:
        """Return where to write or read a large payload (``GET /workflow/external-storage-location``).

        The client does this itself for inputs over 5 MiB.

        Args:
            path: The path of the payload; "" to write a new one.
            operation: ``READ`` or ``WRITE``.
            payload_type: ``WORKFLOW_INPUT`` or ``WORKFLOW_OUTPUT``.
            old_spelling: Whether to use the path of older servers, ``GET /workflow/externalstoragelocation``.

        Returns:
            The signed URL and the path; without ``uri`` if the server has no external storage.
        """
        query = {"path": path, "operation": operation, "payloadType": payload_type}
        return self._call(STORAGE_OLD if old_spelling else WORKFLOW_STORAGE, query=query)


def _start_request(workflow: str | Definition | StartRequest) -> StartWorkflowRequest:
    if isinstance(workflow, str):
        return StartWorkflowRequest(workflow)
    if isinstance(workflow, StartWorkflowRequest):
        return StartWorkflowRequest.from_dict(workflow.to_dict())
    if isinstance(workflow, Mapping) and "tasks" not in workflow:
        return as_model(workflow, StartWorkflowRequest)
    definition = as_definition(workflow)
    return StartWorkflowRequest(definition.name, workflow_def=definition, version=definition.version)


def _checked_priority(priority: int | None) -> int | None:
    if priority is not None and not 0 <= priority <= _MAX_PRIORITY:
        raise ConfigurationError(
            f"priority is {priority}; it must be from 0 to {_MAX_PRIORITY}.",
            variable="priority",
            value=priority,
            allowed=f"0 to {_MAX_PRIORITY}",
        )
    return priority


def _require_key(key: str | None, strategy: IdempotencyStrategy | str | None) -> None:
    if strategy is not None and not key:
        raise ConfigurationError(
            f"idempotency_strategy is {str(strategy)!r}, but idempotency_key is missing.",
            variable="idempotency_key",
            allowed="both, or neither",
        )


def _key_headers(key: str | None, strategy: IdempotencyStrategy | str | None) -> dict[str, str]:
    _require_key(key, strategy)
    if not key:
        return {}
    chosen = require_enum(strategy, IdempotencyStrategy, "idempotency_strategy") or IdempotencyStrategy.FAIL
    return {"X-Idempotency-key": key, "X-on-conflict": chosen.value}
