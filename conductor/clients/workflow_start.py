"""Starting workflows, one or many."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import evolve, frozen
from typing_extensions import TypedDict, Unpack

from conductor.clients._checks import MAX_WORKFLOW_PAYLOAD, enum_value, payload, refuse
from conductor.clients._definitions import Definition, body, workflow_definition
from conductor.clients._resource import Resource
from conductor.errors import ConductorError
from conductor.models.bodies import StartWorkflowRequest
from conductor.models.enums import IdempotencyStrategy
from conductor.models.workflow_def import WorkflowDef
from conductor.transport.operation import Edition, Operation, Repeat

__all__ = ["StartOptions", "StartOutcome", "Startable", "WorkflowStart", "start_request"]

Startable = str | StartWorkflowRequest | Definition
"""What can be started: a definition's name, a request, or a definition that need not be registered."""

START: Operation[str] = Operation("POST", "/workflow", str, repeat=Repeat.WITH_KEY)
START_BY_NAME: Operation[str] = Operation("POST", "/workflow/{name}", str, repeat=Repeat.WITH_KEY)
START_BY_NAME_AND_VERSION: Operation[str] = Operation(
    "POST", "/workflow/start/{name}/{version}", str, repeat=Repeat.WITH_KEY, edition=Edition.ORKES
)


class StartOptions(TypedDict, total=False):
    """The keyword arguments that start, execute and run have in common.

    Attributes:
        version: The definition's version; the latest when left out.
        correlation_id: Free text by which executions can be looked up; not unique.
        priority: 0-99; the tasks of a higher one are polled first.
        task_to_domain: Task name or ``*`` -> domain, or a comma list of domains.
        idempotency_key: Orkes: a second start with it does what the strategy says. The open-source server ignores it.
        idempotency_strategy: FAIL, RETURN_EXISTING or FAIL_ON_RUNNING.
        created_by: Who starts it.
        workflow_def: Runs this definition, registered or not.
        external_input_payload_storage_path: Where the input lies, in place of ``input``.
    """

    version: int | None
    correlation_id: str | None
    priority: int | None
    task_to_domain: Mapping[str, str] | None
    idempotency_key: str | None
    idempotency_strategy: IdempotencyStrategy | str | None
    created_by: str | None
    workflow_def: Definition | None
    external_input_payload_storage_path: str | None


@frozen
class StartOutcome:
    """What became of one of many starts.

    Attributes:
        request: What was asked.
        workflow_id: The execution's id, or None when it failed.
        error: Why it failed, or None.
    """

    request: StartWorkflowRequest
    workflow_id: str | None = None
    error: Exception | None = None


def start_request(
    workflow: Startable | Mapping[str, Any], given: Mapping[str, Any] | None, options: StartOptions
) -> StartWorkflowRequest:
    """The body of a start, checked.

    Raises:
        ConfigurationError: An argument cannot be used: an input too large, an unknown strategy, another shape.
        WorkflowDefinitionError: The definition cannot be run.
    """
    values: dict[str, Any] = dict(options)
    definition: Definition | None = values.pop("workflow_def", None)
    if isinstance(workflow, Mapping) and "tasks" not in workflow:
        workflow = body(StartWorkflowRequest, workflow, "workflow")
    if isinstance(workflow, StartWorkflowRequest):
        request = workflow
    elif isinstance(workflow, str):
        request = StartWorkflowRequest(name=workflow)
    else:
        definition = workflow
        request = StartWorkflowRequest(name="")
    if definition is not None:
        request = _with_definition(request, workflow_definition(definition))
    strategy = values.pop("idempotency_strategy", None) or request.idempotency_strategy
    if strategy is not None:
        strategy = enum_value(IdempotencyStrategy, strategy, "idempotency_strategy")
    return evolve(
        request,
        input=payload(given if given is not None else request.input, "input", MAX_WORKFLOW_PAYLOAD),
        idempotency_strategy=strategy,
        **values,
    )


def _with_definition(request: StartWorkflowRequest, definition: WorkflowDef) -> StartWorkflowRequest:
    return evolve(
        request,
        name=request.name or definition.name,
        version=request.version or definition.version,
        workflow_def=definition,
    )


class WorkflowStart(Resource):
    """Starts executions."""

    def start(
        self,
        workflow: Startable | Mapping[str, Any],
        input: Mapping[str, Any] | None = None,  # noqa: A002  the server's word
        **options: Unpack[StartOptions],
    ) -> str:
        """Start an execution and return its id (`POST /workflow`).

        A start is sent again after a failure only where it carries an ``idempotency_key``, or where it certainly did not
        arrive; without one, a second request could start a second execution.

        Args:
            workflow: The definition's name; or a StartWorkflowRequest; or a definition, registered or not, which is
                run as it is. Requests and definitions may be plain dicts in wire form.
            input: The input, up to 5 MiB of JSON.
            **options: See ``StartOptions``.

        Raises:
            ConfigurationError: An argument cannot be used.
            WorkflowDefinitionError: The definition given cannot be run.
            NotFoundError: No such definition.
        """
        request = start_request(workflow, input, options)
        return self._call(START, body=request, has_key=request.idempotency_key is not None)

    def start_by_name(
        self,
        name: str,
        input: Mapping[str, Any] | None = None,  # noqa: A002  the server's word
        *,
        version: int | None = None,
        correlation_id: str | None = None,
        priority: int | None = None,
        idempotency_key: str | None = None,
        idempotency_strategy: IdempotencyStrategy | str | None = None,
    ) -> str:
        """Start an execution with the bare input as the body (`POST /workflow/{name}`); ``start`` can do all this and more."""
        return self._call(
            START_BY_NAME,
            {"name": name},
            query={"version": version, "correlationId": correlation_id, "priority": priority},
            body=payload(input or {}, "input", MAX_WORKFLOW_PAYLOAD),
            headers=_idempotency_headers(idempotency_key, idempotency_strategy),
            has_key=idempotency_key is not None,
        )

    def start_by_name_and_version(
        self,
        name: str,
        version: int,
        input: Mapping[str, Any] | None = None,  # noqa: A002  the server's word
        *,
        correlation_id: str | None = None,
        priority: int | None = None,
        idempotency_key: str | None = None,
        idempotency_strategy: IdempotencyStrategy | str | None = None,
    ) -> str:
        """Start an execution on Orkes (`POST /workflow/start/{name}/{version}`); ``start`` works on every server."""
        return self._call(
            START_BY_NAME_AND_VERSION,
            {"name": name, "version": version},
            query={"correlationId": correlation_id, "priority": priority},
            body=payload(input or {}, "input", MAX_WORKFLOW_PAYLOAD),
            headers=_idempotency_headers(idempotency_key, idempotency_strategy),
            has_key=idempotency_key is not None,
        )

    def start_many(
        self, requests: Sequence[Startable | Mapping[str, Any]], *, threads: int = 8
    ) -> list[StartOutcome]:
        """Start many executions, several at a time, and return what became of each, in the same order.

        One that fails stops no other, and no id is lost. All requests are checked before the first is sent.

        Args:
            requests: What to start, each as ``start`` takes it; use StartWorkflowRequest to give inputs.
            threads: How many requests are under way at once.

        Raises:
            ConfigurationError: A request cannot be sent; nothing was started.
            WorkflowDefinitionError: A definition cannot be run; nothing was started.
        """
        if threads < 1:
            raise refuse(f"{threads}", "threads", threads, "1 or more")
        prepared = [start_request(one, None, {}) for one in requests]
        outcomes: list[StartOutcome | None] = [None] * len(prepared)
        waiting = iter(range(len(prepared)))
        lock = threading.Lock()

        def work() -> None:
            while True:
                with lock:
                    index = next(waiting, None)
                if index is None:
                    return
                outcomes[index] = self._start_one(prepared[index])

        others = [
            threading.Thread(target=work, name=f"start-many-{n}") for n in range(min(threads, len(prepared)) - 1)
        ]
        for thread in others:
            thread.start()
        work()
        for thread in others:
            thread.join()
        return [outcome for outcome in outcomes if outcome is not None]

    def _start_one(self, request: StartWorkflowRequest) -> StartOutcome:
        try:
            return StartOutcome(request, workflow_id=self.start(request))
        except ConductorError as error:
            return StartOutcome(request, error=error)


def _idempotency_headers(key: str | None, strategy: IdempotencyStrategy | str | None) -> dict[str, str]:
    headers = {"X-Idempotency-key": key} if key is not None else {}
    if strategy is not None:
        headers["X-on-conflict"] = enum_value(IdempotencyStrategy, strategy, "idempotency_strategy").value
    return headers
