"""Start workflows when a database transaction commits."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone

from conductor.contrib.django.configuration import django_options, get_client
from conductor.models import IdempotencyStrategy, StartWorkflowRequest, WorkflowDef

if TYPE_CHECKING:
    from conductor.contrib.django.models import WorkflowStart

__all__ = ["start_on_commit"]

logger = logging.getLogger(__name__)


def start_on_commit(
    workflow: str | WorkflowDef,
    input: Mapping[str, Any] | None = None,
    *,
    correlation_id: str | None = None,
    idempotency_key: str | None = None,
    outbox: bool | None = None,
    using: str | None = None,
    **fields: Any,
) -> str:
    """Start a workflow when the transaction commits; do nothing if it is rolled back.

    Outside a transaction, the workflow starts immediately. The execution has no id before the commit, so the function
    returns the correlation id, with which ``client.workflows.search(correlation_id=...)`` finds the execution.

    Without the outbox, a start is lost if the process ends between the commit and the start. If the start fails, the
    ``atomic`` block raises the error after the commit. With the outbox, the start is a row of the same transaction: it
    is sent immediately after the commit, and retried by the worker processes until the server accepts it (at least
    once).

    Args:
        workflow: The name of a registered definition, or a definition.
        input: The workflow's input; JSON values.
        correlation_id: The correlation id of the execution (default: a new UUID).
        idempotency_key: A second start with this key is ignored: by the outbox, and by a server that supports such
            keys (Orkes, the embedded server), which returns the id of the first unless ``idempotency_strategy`` says
            otherwise (default: a new UUID in the outbox).
        outbox: Whether to use the outbox (default: ``CONDUCTOR["OUTBOX"]``).
        using: The database of the transaction (default: the default database).
        fields: Fields of ``StartWorkflowRequest``: ``version``, ``priority``, ``task_to_domain``, ...

    Returns:
        The correlation id.

    Raises:
        TypeError: A field is unknown to ``StartWorkflowRequest``.
        SerializationError: The input is not JSON; nothing is started.
    """
    correlation_id = correlation_id or str(uuid.uuid4())
    keeps = django_options().outbox if outbox is None else outbox
    if keeps and idempotency_key is None:
        idempotency_key = str(uuid.uuid4())
    request = _request(workflow, input, correlation_id=correlation_id, idempotency_key=idempotency_key, **fields)
    if keeps:
        _keep(request, str(idempotency_key), using)
    else:
        transaction.on_commit(lambda: _start(request), using=using)
    return correlation_id


def _request(workflow: str | WorkflowDef, given: Mapping[str, Any] | None, **fields: Any) -> dict[str, Any]:
    """Return the request as it is now; later changes to the caller's input have no effect."""
    if isinstance(workflow, WorkflowDef):
        fields = {"workflow_def": workflow, "version": workflow.version, **fields}
        workflow = workflow.name
    request = StartWorkflowRequest(workflow, input=dict(given or {}), **fields)
    return (_returning_existing(request) if request.idempotency_key else request).to_dict()


def _returning_existing(request: StartWorkflowRequest) -> StartWorkflowRequest:
    """Make the server return the existing execution, so that a repeated start does not conflict with itself."""
    request.idempotency_strategy = request.idempotency_strategy or IdempotencyStrategy.RETURN_EXISTING
    return request


def _start(request: Mapping[str, Any]) -> None:
    get_client().workflows.start(request)


def _keep(request: dict[str, Any], key: str, using: str | None) -> None:
    from conductor.contrib.django.models import WorkflowStart  # after the apps are loaded

    lease = timedelta(seconds=django_options().outbox_lease_seconds)
    entry, is_new = WorkflowStart.objects.using(using).get_or_create(
        key=key,
        defaults={
            "workflow": request["name"],
            "correlation_id": request["correlationId"],
            "request": request,
            "due_at": timezone.now() + lease,  # this process makes the first attempt
        },
    )
    if is_new:
        transaction.on_commit(lambda: _deliver(entry), using=using, robust=True)


def _deliver(entry: WorkflowStart) -> None:
    from conductor.contrib.django.outbox import deliver

    deliver(entry)
