"""Delivery of the outbox: one process at a time owns an entry and retries it until the server accepts the start.

Delivery is at least once: if a process dies after the server accepted a start and before that is stored, the entry is
started again. Orkes drops the second start by its idempotency key. The open-source server 3.32 does not, so a workflow
there must tolerate being started twice.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.db import close_old_connections
from django.db.models import F, QuerySet
from django.utils import timezone

from conductor._internal.durations import exponential_backoff
from conductor.clients.client import ConductorClient
from conductor.contrib.django.configuration import DjangoOptions, django_options, get_client
from conductor.contrib.django.models import WorkflowStart
from conductor.errors import APIConnectionError, APIStatusError, ConductorError, ConfigurationError, SerializationError

__all__ = ["OutboxRelay", "deliver", "deliver_due", "retry", "running_relay"]

logger = logging.getLogger(__name__)

#: Entries that one query reads.
_BATCH = 100
#: Seconds: the longest delay between two attempts.
_MAX_DELAY_S = 300.0
#: Statuses that may change without a new request: credentials, permissions, a definition that is deployed later, load.
_TEMPORARY = frozenset({401, 403, 404, 408, 423, 425, 429})
#: Characters of an error that are stored.
_MAX_ERROR = 2000


def deliver_due(client: ConductorClient | None = None, should_stop: Callable[[], bool] = lambda: False) -> int:
    """Deliver all entries that are due, the oldest first, and return the number of workflows started.

    Delivery ends early if the server does not respond.

    Args:
        client: The client (default: the client of this process).
        should_stop: Called before each entry; True ends the delivery.
    """
    options, started = django_options(), 0
    for database in options.outbox_databases:
        seen = 0
        while keys := _due(database, seen):
            for key in keys:
                seen = key
                if should_stop():
                    return started
                entry = _claim(key, database, options)
                error = None if entry is None else deliver(entry, client, options)
                if isinstance(error, APIConnectionError):
                    return started
                started += entry is not None and error is None
    return started


def _due(database: str, after: int) -> list[int]:
    pending = WorkflowStart.objects.using(database).filter(
        status=WorkflowStart.Status.PENDING, due_at__lte=timezone.now(), pk__gt=after
    )
    return list(pending.order_by("pk").values_list("pk", flat=True)[:_BATCH])


def _claim(key: int, database: str, options: DjangoOptions) -> WorkflowStart | None:
    """Claim an entry for the time of the lease; None if another process has claimed it. One UPDATE decides."""
    now = timezone.now()
    pending = WorkflowStart.objects.using(database).filter(pk=key, status=WorkflowStart.Status.PENDING, due_at__lte=now)
    if not pending.update(due_at=now + timedelta(seconds=options.outbox_lease_seconds)):
        return None
    entry: WorkflowStart | None = WorkflowStart.objects.using(database).filter(pk=key).first()
    return entry


def deliver(
    entry: WorkflowStart, client: ConductorClient | None = None, options: DjangoOptions | None = None
) -> ConductorError | None:
    """Start the workflow of an entry that the caller has claimed, and store the outcome.

    Returns:
        The error of a failed attempt; None if the workflow was started.
    """
    try:
        used = client or get_client()
        # Half of the lease: the outcome is stored before another process may claim the entry.
        limit = (options or django_options()).outbox_lease_seconds / 2
    except ConfigurationError as error:
        return _postpone(entry, error)
    try:
        workflow_id = used.workflows.start(entry.request, timeout=limit)
    except ConductorError as error:
        return _refuse(entry, error) if _is_final(error) else _postpone(entry, error)
    _write(
        entry, status=WorkflowStart.Status.STARTED, workflow_id=workflow_id, started_at=timezone.now(), last_error=""
    )
    return None


def _is_final(error: ConductorError) -> bool:
    """Whether another attempt of the same request would fail as well."""
    if isinstance(error, APIStatusError):
        return 400 <= error.status < 500 and error.status not in _TEMPORARY
    return isinstance(error, SerializationError | ConfigurationError)


def _refuse(entry: WorkflowStart, error: ConductorError) -> ConductorError:
    logger.error("Start refused; it is not retried: key=%s workflow=%s: %s", entry.key, entry.workflow, error)
    _write(entry, status=WorkflowStart.Status.REFUSED, last_error=_text(error))
    return error


def _postpone(entry: WorkflowStart, error: ConductorError) -> ConductorError:
    due_at = _next_attempt(entry.attempts)
    logger.warning("Start failed; next attempt at %s: key=%s workflow=%s: %s", due_at, entry.key, entry.workflow, error)
    _write(entry, due_at=due_at, last_error=_text(error))
    return error


def _text(error: ConductorError) -> str:
    return f"{type(error).__name__}: {error}"[:_MAX_ERROR]


def _next_attempt(attempts: int) -> datetime:
    return timezone.now() + timedelta(seconds=exponential_backoff(attempts, 2.0, _MAX_DELAY_S))


def _write(entry: WorkflowStart, **changes: object) -> None:
    """Store the outcome of an attempt, unless another process has started the workflow meanwhile."""
    database = entry._state.db  # Django has no public name for it
    entries = WorkflowStart.objects.using(database).filter(pk=entry.pk)
    entries.exclude(status=WorkflowStart.Status.STARTED).update(attempts=F("attempts") + 1, **changes)


def retry(entries: QuerySet[WorkflowStart]) -> int:
    """Make the refused and waiting entries of a query set due now, and return their number."""
    waiting = entries.exclude(status=WorkflowStart.Status.STARTED)
    return int(waiting.update(status=WorkflowStart.Status.PENDING, due_at=timezone.now(), last_error=""))


class OutboxRelay:
    """A thread that delivers entries when they are due; every worker process may run one.

    Args:
        interval: Seconds between two searches for entries.
    """

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="start-outbox", daemon=True)

    def start(self) -> None:
        """Start the thread that sends the committed starts."""
        self._thread.start()

    def stop(self, timeout: float | None = 5.0) -> None:
        """Stop the thread after its current start.

        Args:
            timeout: Seconds to wait for that start; None for no limit. A start that takes longer is repeated after its
                lease.
        """
        self._stop.set()
        self._thread.join(timeout)

    def _run(self) -> None:
        has_failed = False
        while not self._stop.is_set():
            try:
                close_old_connections()
                deliver_due(should_stop=self._stop.is_set)
                has_failed = False
            except Exception:
                if not has_failed:  # once per outage of the database
                    logger.exception("Cannot read the outbox; retrying every %g s", self._interval)
                has_failed = True
            finally:
                close_old_connections()
            self._stop.wait(self._interval)


@contextmanager
def running_relay(interval: float) -> Iterator[OutboxRelay]:
    """Run a relay during a ``with`` block."""
    relay = OutboxRelay(interval)
    relay.start()
    try:
        yield relay
    finally:
        relay.stop()
