"""Admin pages of the outbox: waiting and refused starts, the reasons, and an action to retry them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html

from conductor.contrib.django.configuration import get_client
from conductor.contrib.django.models import WorkflowStart
from conductor.contrib.django.outbox import retry

if TYPE_CHECKING:
    _Admin = admin.ModelAdmin[WorkflowStart]
else:
    _Admin = admin.ModelAdmin

__all__ = ["WorkflowStartAdmin"]


@admin.register(WorkflowStart)
class WorkflowStartAdmin(_Admin):
    """Shows, retries and deletes entries; only ``start_on_commit`` creates them."""

    list_display = ("workflow", "correlation_id", "status", "attempts", "created_at", "due_at", "execution")
    list_filter = ("status", "workflow", "created_at")
    search_fields = ("=key", "=correlation_id", "=workflow_id", "workflow")
    date_hierarchy = "created_at"
    actions = ("start_again",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return False: users do not create entries."""
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: WorkflowStart | None = None) -> list[str]:
        """Return all fields, because the admin pages are read-only."""
        return [field.name for field in WorkflowStart._meta.fields] + ["execution"]  # Django's own name

    @admin.display(description="execution")
    def execution(self, entry: WorkflowStart) -> str:
        """The execution's id, as a link if ``UI_URL`` is set."""
        ui_url = get_client().settings.ui_url
        if not entry.workflow_id or not ui_url:
            return entry.workflow_id or "-"
        return format_html('<a href="{}/execution/{}">{}</a>', ui_url.rstrip("/"), entry.workflow_id, entry.workflow_id)

    @admin.action(description="Retry now (waiting and refused starts)", permissions=["change"])
    def start_again(self, request: HttpRequest, chosen: QuerySet[WorkflowStart]) -> None:
        """Make the chosen entries due now; a worker process starts them."""
        self.message_user(request, f"{retry(chosen)} starts are due now.", messages.SUCCESS)
