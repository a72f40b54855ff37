"""Synchronous execution, signals, and updates of an execution's state, with responses by return strategy."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from functools import partial
from typing import Any

from conductor.server.engine.context import RefusedError
from conductor.server.engine.json_fields import Reader, integer, mapping, read, string
from conductor.server.engine.masking import MASKS, hide
from conductor.server.engine.results import apply_result, pending_task, result_of
from conductor.server.engine.state import Doc, Execution, is_done, is_system
from conductor.server.engine.tasks.blocking import is_blocking, takes_signals
from conductor.server.http.messages import (
    Outcome,
    Request,
    Response,
    Wait,
    empty_answer,
    json_answer,
    number,
    optional_number,
    read_object,
    read_optional_object,
)
from conductor.server.http.routing import Route
from conductor.server.http.runs import answer_when_blocked, strategy_of
from conductor.server.http.tasks import RESULT, status_of
from conductor.server.http.workflows import WorkflowResource
from conductor.server.runtime.kernel import Kernel
from conductor.server.services.all import Services
from conductor.server.services.runs import Runs, answer_of

Json = dict[str, Any]

#: Consistency levels: the number of copies that a write waits for. This server has one copy, so all levels are the
#: same.
_CONSISTENCIES = frozenset({"SYNCHRONOUS", "DURABLE", "REGION_DURABLE"})
#: Seconds to wait for an execution by default, and milliseconds to wait after a signal.
_DEFAULT_SECONDS, _DEFAULT_SIGNAL_MS = 10, 5000
#: Types of system tasks that are ended from outside. If a client waits for such a task, the wait ends when the task is
#: open.
_ENDED_BY_OTHERS = frozenset({"YIELD", "WAIT", "HUMAN", "WAIT_FOR_WEBHOOK"})
#: Parameters of the query that are not a part of the input of ``GET /workflow/execute/{name}``.
_OPTIONS = frozenset({"version", "requestId", "waitUntilTaskRef", "waitForSeconds"})
_STATE: Mapping[str, Reader] = {"taskReferenceName": string, "taskResult": mapping, "variables": mapping}


class BlockedRuns(Runs):
    """Builds the responses for clients that wait for an execution.

    An open YIELD, a WAIT without a time or with ``yield: true``, and the tasks that the client names end the wait. A
    task that the client names ends the wait when it has ended, or when it waits for a worker or a person.
    """

    def blocking(self, execution: Execution, references: list[str]) -> list[tuple[Execution, Doc]]:
        """Return the tasks that end the wait for an execution, each with its execution: this one or a child."""
        found = self._blocking(execution)
        return found or (self._named(execution, references) if references else [])

    def _blocking(self, execution: Execution) -> list[tuple[Execution, Doc]]:
        found: list[tuple[Execution, Doc]] = []
        for task in execution.tasks:
            if is_blocking(task):
                found.append((execution, task))
            child = self._child(task)
            found += self._blocking(child) if child is not None else []
        return found

    def _named(self, execution: Execution, references: list[str]) -> list[tuple[Execution, Doc]]:
        found: list[tuple[Execution, Doc]] = []
        for task in execution.tasks:
            is_waiting = not is_system(task) or task["taskType"] in _ENDED_BY_OTHERS
            if task["referenceTaskName"] in references and (is_done(task) or is_waiting):
                found.append((execution, task))
            child = self._child(task)
            found += self._named(child, references) if child is not None else []
        return found

    def _child(self, task: Doc) -> Execution | None:
        """Return the open child of an open SUB_WORKFLOW task."""
        if task["taskType"] != "SUB_WORKFLOW" or is_done(task) or not task.get("subWorkflowId"):
            return None
        return self._kernel.find(task["subWorkflowId"])

    def output(self, workflow_id: str, references: list[str], *, is_late: bool) -> Json | None:
        """Return the output of an execution, or of the task that ends the wait.

        Args:
            workflow_id: The execution.
            references: Reference names of tasks that end the wait.
            is_late: Whether to return the output so far.

        Returns:
            None while the execution is running.
        """
        with self._kernel.lock:
            execution = self._kernel.get(workflow_id)
            blocking = [] if execution.is_terminal else self.blocking(execution, references)
            if not (execution.is_terminal or blocking or is_late):
                return None
            ended = next((task for _, task in blocking if is_done(task)), None)
            document, key = (execution.workflow, "output") if ended is None else (ended, "outputData")
            found: Json = hide(document[key], document.get(MASKS, ()))
            return found

    def now(self, workflow_id: str, request_id: str) -> Json | None:
        """Return the response with the execution as it is."""
        with self._kernel.lock:
            return answer_of(self._kernel.get(workflow_id), [], "TARGET_WORKFLOW", request_id)

    def late(self, workflow_id: str, strategy: str, request_id: str) -> Json | None:
        """Return the response after a timeout; None if it is about a blocking task."""
        with self._kernel.lock:
            answer = answer_of(self._kernel.get(workflow_id), [], strategy, request_id)
            return None if answer is None else {**answer, "signalTimeout": True}


class Signals:
    """Ends tasks that block an execution, and updates the state of executions."""

    def __init__(self, kernel: Kernel, services: Services) -> None:
        self._kernel, self._tasks = kernel, services.tasks

    def signal(self, workflow_id: str, status: str, output: Json, *, is_needed: bool) -> None:
        """End the first open YIELD or WAIT of an execution or its children; the output is merged into the task's.

        Args:
            workflow_id: The execution.
            status: The task's new status.
            output: The output.
            is_needed: Whether to refuse the signal if the execution is running and has no such task.

        Raises:
            RefusedError: The execution does not exist (400), or no task is blocked (404).
        """
        with self._kernel.change():
            execution = self._kernel.find(workflow_id)
            if execution is None:
                raise RefusedError(400, f"Cannot signal workflow {workflow_id}: it does not exist")
            found = None if execution.is_terminal else self._first(execution)
            if found is not None:
                self._tasks.merge(*found, status, None, output)
            elif is_needed and execution.is_open:
                raise RefusedError(404, f"Found no blocked task in workflow {workflow_id} to signal")

    def _first(self, execution: Execution) -> tuple[Execution, Doc] | None:
        for task in execution.tasks:
            if takes_signals(task):
                return execution, task
            if task["taskType"] == "SUB_WORKFLOW" and not is_done(task) and task.get("subWorkflowId"):
                child = self._kernel.find(task["subWorkflowId"])
                found = self._first(child) if child is not None else None
                if found is not None:
                    return found
        return None

    def update_state(self, workflow_id: str, variables: Json, reference: str | None, result: Json | None) -> None:
        """Set variables of an execution, and then update one of its open tasks.

        Args:
            workflow_id: The execution.
            variables: The variables to set.
            reference: The reference name of the task; None to update no task.
            result: The task's result; without a status it completes the task.

        Raises:
            RefusedError: The execution does not exist or has no such open task (404), or has ended (409).
        """
        with self._kernel.change() as context:
            execution = self.set_variables(self._kernel.get(workflow_id), variables)
            if reference is not None:
                task = pending_task(execution, reference)
                if task is None:
                    raise RefusedError(404, f"Found no running task {reference} of workflow {workflow_id} to update")
                given = result or {}
                output = {**task["outputData"], **(given.get("outputData") or {})}
                ended = {"status": given.get("status") or "COMPLETED", "outputData": output}
                apply_result(execution, task, {**result_of(task), **given, **ended}, context)
            self._kernel.advance(execution)

    def set_variables(self, execution: Execution, variables: Json) -> Execution:
        """Set variables of an execution, also to null; returns the execution.

        Raises:
            RefusedError: The execution has ended (409).
        """
        if execution.is_terminal:
            raise RefusedError(409, f"Workflow {execution.label} has ended. Status = {execution.workflow['status']}")
        self._kernel.touch(execution)
        execution.workflow.put_all("variables", variables)
        return execution


class RunsResource:
    """Handlers of synchronous execution, signals and state updates."""

    def __init__(self, services: Services, runs: BlockedRuns, signals: Signals) -> None:
        self._services, self._runs, self._signals = services, runs, signals
        self._workflows = WorkflowResource(services.executions, services.recovery, services.metadata)

    def routes(self) -> list[Route]:
        post = partial(Route, methods=["POST"])
        return [
            Route("/workflow/execute/{name}", self.execute_by_name, ["GET", "POST"]),
            post("/workflow/execute/{name}/{version}", self.execute),
            post("/workflow/{workflow_id}/state", self.update_state),
            post("/tasks/{workflow_id}/{status}/signal", self.signal),
            post("/tasks/{workflow_id}/{status}/signal/sync", self.signal_and_wait),
        ]

    def execute(self, request: Request) -> Outcome:
        """``POST /workflow/execute/{name}/{version}``."""
        version = integer_of(request.path_params["version"], "version") or None
        return self._execute(request, {**read_object(request), "version": version})

    def execute_by_name(self, request: Request) -> Outcome:
        """``GET`` and ``POST /workflow/execute/{name}``: the response is the output of the workflow.

        The input is the body or, for GET, the query; the options are headers.
        """
        query = {key: value for key, value in request.query_params.items() if key not in _OPTIONS}
        given = {
            "input": read_object(request) if request.method == "POST" else query,
            "version": optional_number(request, "version"),
            "idempotencyKey": request.headers.get("x-idempotency-key"),
            "idempotencyStrategy": request.headers.get("x-on-conflict"),
        }
        references, seconds = _references(request), self._seconds(request)
        workflow_id = self._start(request, given)

        def look() -> Response | None:
            found = self._runs.output(workflow_id, references, is_late=False)
            return None if found is None else json_answer(found)

        def expired() -> Response:
            return json_answer(self._runs.output(workflow_id, references, is_late=True))

        return look() or Wait(seconds, look, partial(self._runs.watch, workflow_id), expired)

    def _execute(self, request: Request, given: Json) -> Outcome:
        strategy = strategy_of(request)
        consistency = request.query_params.get("consistency") or "DURABLE"
        if consistency not in _CONSISTENCIES:
            raise RefusedError(500, f"Method parameter 'consistency': no enum constant {consistency}")
        seconds = self._seconds(request)
        return self._answer(request, self._start(request, given), strategy, seconds)

    def _start(self, request: Request, given: Json) -> str:
        start = {"input": {}, **given, "name": request.path_params["name"]}
        return self._services.executions.start(self._workflows.checked_start(start, request.principal.id))

    def _seconds(self, request: Request) -> int:
        given = option_of(request, "waitForSeconds")
        return (None if given is None else integer_of(given, "waitForSeconds")) or _DEFAULT_SECONDS

    def _answer(self, request: Request, workflow_id: str, strategy: str, seconds: float) -> Outcome:
        request_id = option_of(request, "requestId") or str(uuid.uuid4())
        return answer_when_blocked(self._runs, workflow_id, _references(request), strategy, request_id, seconds)

    def update_state(self, request: Request) -> Outcome:
        """``POST /workflow/{workflowId}/state``."""
        given = read(read_object(request), _STATE)
        workflow_id, seconds = request.path_params["workflow_id"], self._seconds(request)
        result = None if given.get("taskResult") is None else read(given["taskResult"], RESULT)
        reference = given.get("taskReferenceName") or None
        if result is not None and reference is None:
            raise RefusedError(400, "A taskResult needs the taskReferenceName of its task")
        self._signals.update_state(workflow_id, given.get("variables") or {}, reference, result)
        if reference is None:
            return json_answer(self._runs.now(workflow_id, option_of(request, "requestId") or str(uuid.uuid4())))
        return self._answer(request, workflow_id, "TARGET_WORKFLOW", seconds)

    def signal(self, request: Request) -> Response:
        """``POST /tasks/{workflowId}/{status}/signal``."""
        path, output = request.path_params, read_optional_object(request)
        self._signals.signal(path["workflow_id"], status_of(path["status"]), output, is_needed=False)
        return empty_answer()

    def signal_and_wait(self, request: Request) -> Outcome:
        """``POST /tasks/{workflowId}/{status}/signal/sync``."""
        path, output = request.path_params, read_optional_object(request)
        strategy = strategy_of(request)
        timeout = number(request, "timeoutMillis", _DEFAULT_SIGNAL_MS) / 1000
        self._signals.signal(path["workflow_id"], status_of(path["status"]), output, is_needed=True)
        return self._answer(request, path["workflow_id"], strategy, timeout)


def _references(request: Request) -> list[str]:
    """Return the reference names of the tasks that end the wait: a list with commas, or several parameters."""
    given = request.query_params.getlist("waitUntilTaskRef") or [request.headers.get("waituntiltaskref", "")]
    return [name.strip() for one in given for name in one.split(",") if name.strip()]


def option_of(request: Request, name: str) -> str | None:
    """Return an option of a request: a query parameter or a header; None without it."""
    return request.query_params.get(name) or request.headers.get(name.lower()) or None


def integer_of(text: str, name: str) -> int | None:
    """Return an integer parameter.

    Raises:
        RefusedError: The text is not an integer (500, as on the OSS server).
    """
    try:
        return integer(text)
    except ValueError as error:
        raise RefusedError(500, f"Method parameter '{name}': {text!r} must be {error}") from None
