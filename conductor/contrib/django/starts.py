"""Starts of workflows that belong to a database transaction."""

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
    input: Mapping[str, Any] | None = None,  # noqa: A002  the server's and everybody's word
    *,
    correlation_id: str | None = None,
    idempotency_key: str | None = None,
    outbox: bool | None = None,
    using: str | None = None,
    **fields: Any,
) -> str:
    """Start a workflow once the transaction is committed, and not at all when it is rolled back.

    Outside a transaction it is started at once. There is no execution's id before the commit, so the correlation id is
    what it returns: ``client.workflows.search(correlation_id=...)`` finds the execution.

    Without the outbox a start is lost when the process ends between the commit and the start, and a start that fails
    raises, after the commit, from the ``atomic`` block. With it the start is a row of the same transaction: it is tried
    right after the commit, and by the worker processes until the server has taken it; at least once.

    Args:
        workflow: A registered definition's name, or a definition.
        input: The workflow's input: JSON.
        correlation_id: By which the execution is found; a new UUID when it is left out.
        idempotency_key: A second start with this key is none: in the outbox, and on a server that knows such keys
            (Orkes, the embedded one), which answers with the first one's id unless ``idempotency_strategy`` says
            otherwise. A new UUID in the outbox when it is left out.
        outbox: Keep it in the outbox; ``CONDUCTOR["OUTBOX"]`` when it is left out.
        using: The transaction's database; the default one when it is left out.
        fields: Of ``StartWorkflowRequest``: ``version``, ``priority``, ``task_to_domain``, ...

    Returns:
        The correlation id.

    Raises:
        TypeError: ``StartWorkflowRequest`` has no such field.
        SerializationError: The input is no JSON; nothing is started then.
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
    """The request as it is now: what the caller changes later in the input has no effect."""
    if isinstance(workflow, WorkflowDef):
        fields = {"workflow_def": workflow, "version": workflow.version, **fields}
        workflow = workflow.name
    request = StartWorkflowRequest(workflow, input=dict(given or {}), **fields)
    return (_known_twice(request) if request.idempotency_key else request).to_dict()


def _known_twice(request: StartWorkflowRequest) -> StartWorkflowRequest:
    """A start that is tried again after its answer was lost is no conflict with itself."""
    request.idempotency_strategy = request.idempotency_strategy or IdempotencyStrategy.RETURN_EXISTING
    return request


def _start(request: Mapping[str, Any]) -> None:
    get_client().workflows.start(request)


def _keep(request: dict[str, Any], key: str, using: str | None) -> None:
    from conductor.contrib.django.models import WorkflowStart  # noqa: PLC0415  after the apps are loaded

    lease = timedelta(seconds=django_options().outbox_lease_seconds)
    entry, is_new = WorkflowStart.objects.using(using).get_or_create(
        key=key,
        defaults={
            "workflow": request["name"],
            "correlation_id": request["correlationId"],
            "request": request,
            "due_at": timezone.now() + lease,  # this process has the first attempt
        },
    )
    if is_new:
        transaction.on_commit(lambda: _deliver(entry), using=using, robust=True)


def _deliver(entry: WorkflowStart) -> None:
    from conductor.contrib.django.outbox import deliver  # noqa: PLC0415

    deliver(entry)
