"""Starting workflows and waiting for them on the server, in one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import uuid4

from typing_extensions import Unpack

from conductor.clients._checks import MAX_WORKFLOW_PAYLOAD, enum_value, payload, whole_seconds
from conductor.clients._resource import Resource
from conductor.clients._runs import call_timeout, nothing_blocked, read_run
from conductor.clients.workflow_start import Startable, StartOptions, start_request
from conductor.errors import ServerError
from conductor.models.enums import Consistency, IdempotencyStrategy, ReturnStrategy
from conductor.models.run import TaskRun, WorkflowRun
from conductor.transport.operation import Edition, Operation, Repeat

__all__ = ["WorkflowExecute", "comma_list"]

EXECUTE: Operation[dict[str, Any]] = Operation(
    "POST", "/workflow/execute/{name}/{version}", dict, repeat=Repeat.WITH_KEY
)
EXECUTE_AS_API: Operation[dict[str, Any]] = Operation(
    "POST", "/workflow/execute/{name}", dict, repeat=Repeat.WITH_KEY, edition=Edition.ORKES, on_empty=dict
)
EXECUTE_AS_GET: Operation[dict[str, Any]] = Operation(
    "GET", "/workflow/execute/{name}", dict, repeat=Repeat.WITH_KEY, edition=Edition.ORKES, on_empty=dict
)

_LATEST = 0


class WorkflowExecute(Resource):
    """Starts executions and answers with what became of them."""

    def execute(
        self,
        workflow: Startable | Mapping[str, Any],
        input: Mapping[str, Any] | None = None,  # noqa: A002  the server's word
        *,
        wait_for_seconds: float | timedelta = 10,
        wait_until: str | Sequence[str] | None = None,
        return_strategy: ReturnStrategy | str | None = None,
        consistency: Consistency | str | None = None,
        request_id: str | None = None,
        **options: Unpack[StartOptions],
    ) -> WorkflowRun | TaskRun:
        """Start an execution and wait on the server (`POST /workflow/execute/{name}/{version}`).

        The server answers when the execution has ended, when it waits in a WAIT task (also in a sub-workflow), or when
        a task of ``wait_until`` has ended; else, when the wait is over, with the state so far and ``signal_timeout``
        true. To wait until the end in any case, use ``run``.

        Args:
            workflow: As in ``start``.
            input: The input, up to 5 MiB of JSON.
            wait_for_seconds: How long the server waits; 1 second or more.
            wait_until: Reference names of tasks to wait for.
            return_strategy: TARGET_WORKFLOW (the server's default) and BLOCKING_WORKFLOW answer a WorkflowRun,
                BLOCKING_TASK and BLOCKING_TASK_INPUT a TaskRun.
            consistency: Orkes: SYNCHRONOUS, DURABLE or REGION_DURABLE.
            request_id: The request's id; made up when left out.
            **options: See ``StartOptions``.

        Raises:
            ConfigurationError: An argument cannot be used.
            WorkflowTimeoutError: With a BLOCKING_TASK strategy, no task blocked in time.
        """
        wait = whole_seconds(wait_for_seconds, "wait_for_seconds", minimum=1)
        strategy = None if return_strategy is None else enum_value(ReturnStrategy, return_strategy, "return_strategy")
        request = start_request(workflow, input, options)
        query = {
            "requestId": request_id or str(uuid4()),
            "waitUntilTaskRef": comma_list(wait_until),
            "waitForSeconds": wait,
            "consistency": None if consistency is None else enum_value(Consistency, consistency, "consistency"),
            "returnStrategy": strategy,
        }
        try:
            answer = self._call(
                EXECUTE,
                {"name": request.name, "version": request.version or _LATEST},
                query=query,
                body=request,
                timeout=call_timeout(self._transport, wait),
                has_key=request.idempotency_key is not None,
            )
        except ServerError as error:
            clear = nothing_blocked(error, strategy)
            if clear is None:
                raise
            raise clear from error
        return read_run(EXECUTE, answer)

    def execute_as_api(
        self,
        name: str,
        input: Mapping[str, Any] | None = None,  # noqa: A002  the server's word
        *,
        version: int | None = None,
        wait_for_seconds: float | timedelta = 10,
        wait_until: str | Sequence[str] | None = None,
        request_id: str | None = None,
        idempotency_key: str | None = None,
        idempotency_strategy: IdempotencyStrategy | str | None = None,
    ) -> dict[str, Any]:
        """Execute on Orkes and return the workflow's output (`POST /workflow/execute/{name}`)."""
        wait = whole_seconds(wait_for_seconds, "wait_for_seconds", minimum=1)
        return self._call(
            EXECUTE_AS_API,
            {"name": name},
            query={"version": version},
            body=payload(input or {}, "input", MAX_WORKFLOW_PAYLOAD),
            headers=_controls(wait, wait_until, request_id, idempotency_key, idempotency_strategy),
            timeout=call_timeout(self._transport, wait),
            has_key=idempotency_key is not None,
        )

    def execute_as_get(
        self,
        name: str,
        input: Mapping[str, str | int | float | bool] | None = None,  # noqa: A002  the server's word
        *,
        version: int | None = None,
        wait_for_seconds: float | timedelta = 10,
        wait_until: str | Sequence[str] | None = None,
        request_id: str | None = None,
        idempotency_key: str | None = None,
        idempotency_strategy: IdempotencyStrategy | str | None = None,
    ) -> dict[str, Any]:
        """Execute on Orkes with the input in the query, as text, and return the output (`GET /workflow/execute/{name}`)."""
        wait = whole_seconds(wait_for_seconds, "wait_for_seconds", minimum=1)
        return self._call(
            EXECUTE_AS_GET,
            {"name": name},
            query={**(input or {}), "version": version},
            headers=_controls(wait, wait_until, request_id, idempotency_key, idempotency_strategy),
            timeout=call_timeout(self._transport, wait),
            has_key=idempotency_key is not None,
        )


def comma_list(names: str | Sequence[str] | None) -> str | None:
    """Names as the server's comma list; None for none."""
    if names is None or isinstance(names, str):
        return names or None
    return ",".join(names) or None


def _controls(
    wait: int,
    until: str | Sequence[str] | None,
    request_id: str | None,
    key: str | None,
    strategy: IdempotencyStrategy | str | None,
) -> dict[str, str]:
    known = None if strategy is None else enum_value(IdempotencyStrategy, strategy, "idempotency_strategy").value
    headers = {
        "requestId": request_id or str(uuid4()),
        "waitForSeconds": str(wait),
        "waitUntilTaskRef": comma_list(until),
        "X-Idempotency-key": key,
        "X-on-conflict": known,
    }
    return {name: value for name, value in headers.items() if value is not None}
