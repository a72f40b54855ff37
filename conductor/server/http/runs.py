"""Routes that wait for an execution (execute, synchronous signals), and workflow tests."""

from __future__ import annotations

import uuid
from functools import partial
from typing import Any

from conductor.server.engine.context import RefusedError
from conductor.server.engine.json_fields import (
    START,
    UnreadableError,
    integer,
    list_of,
    long,
    mapping,
    one_of,
    read,
    record,
)
from conductor.server.engine.tasks.child import marked_dynamic
from conductor.server.http.messages import (
    Outcome,
    Request,
    Response,
    Wait,
    empty_answer,
    json_answer,
    number,
    read_object,
    read_optional_object,
)
from conductor.server.http.routing import Route
from conductor.server.http.tasks import status_of
from conductor.server.http.workflows import WorkflowResource
from conductor.server.services.all import Services
from conductor.server.services.runs import STRATEGIES, Runs
from conductor.server.services.tasks import STATUSES

Json = dict[str, Any]

#: Seconds to wait for an execution by default, as on the OSS server.
_DEFAULT_SECONDS = 10
#: Milliseconds to wait after a signal by default, as on the OSS server.
_DEFAULT_SIGNAL_MS = 5000


class RunResource:
    """Handlers of execute, synchronous signals and workflow tests."""

    def __init__(self, services: Services, workflows: WorkflowResource) -> None:
        self._services, self._workflows = services, workflows

    def routes(self) -> list[Route]:
        post = partial(Route, methods=["POST"])
        return [
            post("/workflow/execute/{name}/{version}", self.execute),
            post("/workflow/test", self.test),
            post("/tasks/{workflow_id}/{status}/signal/sync", self.signal),
        ]

    def execute(self, request: Request) -> Outcome:
        """``POST /workflow/execute/{name}/{version}``."""
        path, query = request.path_params, request.query_params
        given = read_object(request)
        version = _version(path["version"])
        given = read({"input": {}, **given, "name": path["name"], "version": version or None}, START)
        if given.get("workflowDef") is not None and given["input"] is not None:
            given["input"] = marked_dynamic(given["input"])
        strategy = strategy_of(request)
        seconds = number(request, "waitForSeconds", _DEFAULT_SECONDS) or _DEFAULT_SECONDS
        references = [one.strip() for one in query.get("waitUntilTaskRef", "").split(",") if one.strip()]
        workflow_id = self._services.executions.start(self._workflows.checked_start(given))
        request_id = query.get("requestId") or str(uuid.uuid4())
        return answer_when_blocked(self._services.runs, workflow_id, references, strategy, request_id, seconds)

    def signal(self, request: Request) -> Outcome:
        """``POST /tasks/{workflowId}/{status}/signal/sync``."""
        path = request.path_params
        output = read_optional_object(request)
        strategy = strategy_of(request)
        timeout = number(request, "timeoutMillis", _DEFAULT_SIGNAL_MS) / 1000
        workflow_id = path["workflow_id"]
        if self._services.tasks.signal(workflow_id, status_of(path["status"]), output) is None:
            raise RefusedError(404, f"Found no blocked task in workflow {workflow_id} to signal")
        return answer_when_blocked(self._services.runs, workflow_id, [], strategy, str(uuid.uuid4()), timeout)

    def test(self, request: Request) -> Response:
        """``POST /workflow/test``."""
        given = read(read_object(request), {"taskRefToMockOutput": _mocks})
        mocks = given.get("taskRefToMockOutput")
        if mocks is None:
            raise RefusedError(500, "JSON parse error: There is no taskRefToMockOutput")
        checked = self._workflows.checked_start(given)
        return json_answer(self._services.test_runs.run(checked, mocks))


def answer_when_blocked(
    runs: Runs, workflow_id: str, references: list[str], strategy: str, request_id: str, seconds: float
) -> Outcome:
    """Return the response when the execution has ended or is blocked, or after the timeout.

    Args:
        runs: Builds the response.
        workflow_id: The execution.
        references: Reference names of tasks that also end the wait.
        strategy: The return strategy.
        request_id: The id of the request, for the response.
        seconds: Seconds to wait.
    """

    def response(answer: Json | None) -> Response:
        return empty_answer() if answer is None else json_answer(answer)

    def look() -> Response | None:
        found = runs.look(workflow_id, references, strategy, request_id)
        return response(found[0]) if found else None

    def expired() -> Response:
        return response(runs.late(workflow_id, strategy, request_id))

    return look() or Wait(seconds, look, partial(runs.watch, workflow_id), expired)


def _mocks(value: Any) -> Json:
    return {reference: _OUTPUTS(mocks or []) for reference, mocks in mapping(value).items()}


_OUTPUTS = list_of(
    record({"status": one_of(*STATUSES), "output": mapping, "executionTime": long, "queueWaitTime": long})
)


def _version(word: str) -> int | None:
    try:
        return integer(word)
    except UnreadableError as error:
        raise RefusedError(500, f"Method parameter 'version': {word!r} must be {error}") from None


def strategy_of(request: Request) -> str:
    """Return the return strategy of a request.

    Raises:
        RefusedError: It does not exist (500, as on the OSS server).
    """
    word = request.query_params.get("returnStrategy") or "TARGET_WORKFLOW"
    if word not in STRATEGIES:
        raise RefusedError(500, f"Method parameter 'returnStrategy': no enum constant {word}")
    return word
