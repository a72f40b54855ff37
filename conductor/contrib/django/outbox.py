"""Delivery of the outbox: each entry is taken by one process at a time, and tried until the server has taken it.

At least once: a process that dies after the server took a start and before that is written down leaves an entry that is
started again. Orkes drops the second start by the idempotency key; the open-source server 3.32 does not, so there the
workflow has to bear it.
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

from conductor.clients.client import ConductorClient
from conductor.contrib.django.configuration import DjangoOptions, django_options, get_client
from conductor.contrib.django.models import WorkflowStart
from conductor.errors import APIConnectionError, APIStatusError, ConductorError, ConfigurationError, SerializationError

__all__ = ["OutboxRelay", "deliver", "deliver_due", "retry", "running_relay"]

logger = logging.getLogger(__name__)

_BATCH = 100
_LONGEST_WAIT = timedelta(minutes=5)
_MAY_PASS = frozenset({401, 403, 404, 408, 423, 425, 429})  # keys, rights, a definition that is deployed later, load
_LONGEST_ERROR = 2000


def deliver_due(client: ConductorClient | None = None, should_stop: Callable[[], bool] = lambda: False) -> int:
    """Try all entries that are due, the oldest first, until the server does not answer; returns how many it started.

    Args:
        client: The client; the process's own when it is left out.
        should_stop: Asked before each entry.
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
    """Take an entry for a lease's time; None when another process was faster. One UPDATE decides, on every database."""
    now = timezone.now()
    pending = WorkflowStart.objects.using(database).filter(pk=key, status=WorkflowStart.Status.PENDING, due_at__lte=now)
    if not pending.update(due_at=now + timedelta(seconds=options.outbox_lease_seconds)):
        return None
    entry: WorkflowStart | None = WorkflowStart.objects.using(database).filter(pk=key).first()
    return entry


def deliver(
    entry: WorkflowStart, client: ConductorClient | None = None, options: DjangoOptions | None = None
) -> ConductorError | None:
    """Start an entry's workflow and write down what became of it; returns why it failed, or None.

    The caller has taken the entry.
    """
    try:
        used = client or get_client()
        # half of the lease: the answer is written down before another process may take the entry
        limit = (options or django_options()).outbox_lease_seconds / 2
    except ConfigurationError as error:
        return _put_off(entry, error)
    try:
        workflow_id = used.workflows.start(entry.request, timeout=limit)
    except ConductorError as error:
        return _refuse(entry, error) if _is_final(error) else _put_off(entry, error)
    _write(
        entry, status=WorkflowStart.Status.STARTED, workflow_id=workflow_id, started_at=timezone.now(), last_error=""
    )
    return None


def _is_final(error: ConductorError) -> bool:
    """Whether another attempt of the same request would fail again."""
    if isinstance(error, APIStatusError):
        return 400 <= error.status < 500 and error.status not in _MAY_PASS  # noqa: PLR2004
    return isinstance(error, SerializationError | ConfigurationError)


def _refuse(entry: WorkflowStart, error: ConductorError) -> ConductorError:
    logger.error("Start %s of workflow %s is refused and given up: %s", entry.key, entry.workflow, error)
    _write(entry, status=WorkflowStart.Status.REFUSED, last_error=_text(error))
    return error


def _put_off(entry: WorkflowStart, error: ConductorError) -> ConductorError:
    due_at = _next_attempt(entry.attempts)
    logger.warning("Start %s of workflow %s failed, again from %s on: %s", entry.key, entry.workflow, due_at, error)
    _write(entry, due_at=due_at, last_error=_text(error))
    return error


def _text(error: ConductorError) -> str:
    return f"{type(error).__name__}: {error}"[:_LONGEST_ERROR]


def _next_attempt(attempts: int) -> datetime:
    return timezone.now() + min(timedelta(seconds=2 ** min(attempts, 10)), _LONGEST_WAIT)


def _write(entry: WorkflowStart, **changes: object) -> None:
    """Write down what became of an entry, unless another process has started it meanwhile."""
    database = entry._state.db  # noqa: SLF001  there is no other name for it
    entries = WorkflowStart.objects.using(database).filter(pk=entry.pk)
    entries.exclude(status=WorkflowStart.Status.STARTED).update(attempts=F("attempts") + 1, **changes)


def retry(entries: QuerySet[WorkflowStart]) -> int:
    """Make refused or waiting entries of a query set due now; returns how many."""
    waiting = entries.exclude(status=WorkflowStart.Status.STARTED)
    return int(waiting.update(status=WorkflowStart.Status.PENDING, due_at=timezone.now(), last_error=""))


class OutboxRelay:
    """A thread that delivers what is due; every worker process may have one.

    Args:
        interval: Seconds between two looks.
    """

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="start-outbox", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self, timeout: float = 5.0) -> None:
        """End the thread, after the start that it is at; one that takes longer is delivered again after its lease."""
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
                    logger.exception("The outbox cannot be read; it is tried again every %g s", self._interval)
                has_failed = True
            finally:
                close_old_connections()
            self._stop.wait(self._interval)


@contextmanager
def running_relay(interval: float) -> Iterator[OutboxRelay]:
    """A relay that runs while the block does."""
    relay = OutboxRelay(interval)
    relay.start()
    try:
        yield relay
    finally:
        relay.stop()
