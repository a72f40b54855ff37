"""The outbox: starts of workflows that are committed with the data that they are about."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.db import models
from django.utils import timezone

__all__ = ["WorkflowStart"]


def new_key() -> str:
    """A key that nobody else has."""
    return str(uuid.uuid4())


class WorkflowStart(models.Model):
    """A workflow that is to be started, or was.

    Attributes:
        key: The start's idempotency key; a second row with the same key is no second start.
        workflow: The definition's name.
        correlation_id: By which the execution is found again.
        request: The whole ``StartWorkflowRequest`` in its wire form.
        status: Whether the server took it.
        due_at: When it may be tried next; until then one process has it.
        attempts: How often it was tried.
        last_error: Why the last attempt failed.
        workflow_id: The execution's id, once it is started.
    """

    class Status(models.TextChoices):
        """What became of it."""

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
        """Django's options."""

        verbose_name = "workflow start"
        ordering = ("-id",)
        indexes = (models.Index(fields=["status", "due_at"], name="conductor_start_due"),)

    def __str__(self) -> str:
        return f"{self.workflow} {self.key} ({self.status})"
