"""The outbox: starts of workflows, committed together with the data that they belong to."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.db import models
from django.utils import timezone

__all__ = ["WorkflowStart"]


def new_key() -> str:
    """Return a new unique key."""
    return str(uuid.uuid4())


class WorkflowStart(models.Model):
    """The start of one workflow.

    Attributes:
        key: The idempotency key; unique, so the same key never starts twice.
        workflow: The name of the definition.
        correlation_id: The correlation id of the execution.
        request: The ``StartWorkflowRequest`` in its wire form.
        status: Whether the server has accepted the start.
        due_at: The time of the next attempt; until then one process owns the entry.
        attempts: The number of attempts so far.
        last_error: The error of the latest attempt.
        workflow_id: The execution's id, once it is started.
    """

    class Status(models.TextChoices):
        """The state of a start."""

        PENDING = "PENDING", "pending"
        STARTED = "STARTED", "started"
        REFUSED = "REFUSED", "refused by the server"

    key: models.CharField[str, str] = models.CharField(max_length=255, unique=True, default=new_key)
    workflow: models.CharField[str, str] = models.CharField(max_length=255, db_index=True)
    correlation_id: models.CharField[str, str] = models.CharField(max_length=255, blank=True, db_index=True)
    request = models.JSONField()
    status: models.CharField[str, str] = models.CharField(max_length=16, choices=Status.choices, default=Status.PENDING)
    created_at: models.DateTimeField[datetime, datetime] = models.DateTimeField(default=timezone.now)
    due_at: models.DateTimeField[datetime, datetime] = models.DateTimeField(default=timezone.now)
    started_at: models.DateTimeField[datetime | None, datetime | None] = models.DateTimeField(null=True, blank=True)
    attempts: models.PositiveIntegerField[int, int] = models.PositiveIntegerField(default=0)
    last_error: models.TextField[str, str] = models.TextField(blank=True)
    workflow_id: models.CharField[str, str] = models.CharField(max_length=255, blank=True, db_index=True)

    class Meta:
        """The name, the order and the index that Django uses."""

        verbose_name = "workflow start"
        ordering = ("-id",)
        indexes = (models.Index(fields=["status", "due_at"], name="conductor_start_due"),)

    def __str__(self) -> str:
        return f"{self.workflow} {self.key} ({self.status})"
