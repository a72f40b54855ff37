"""Schedules."""

from surface.calls import Call, Send

SCHEDULE = {
    "name": "nightly",
    "cronExpression": "0 0 3 * * *",
    "zoneId": "UTC",
    "paused": False,
    "startWorkflowRequest": {"name": "order", "version": 1, "input": {"a": 1}},
    "scheduleStartTime": 5,
    "scheduleEndTime": 6,
}
TAGS = {"team": "payments"}

CALLS: dict[str, Send | Call] = {
    "POST /api/scheduler/schedules": lambda c: c.schedules.save(SCHEDULE),
    "GET /api/scheduler/schedules/{name}": lambda c: c.schedules.get("nightly"),
    "GET /api/scheduler/schedules": lambda c: c.schedules.list("order"),
    "GET /api/scheduler/schedules/search": lambda c: c.schedules.search(
        workflow_name="order", schedule_name="nightly", paused=True, free_text="x", sort="name:ASC", start=5, size=10
    ),
    "GET /api/scheduler/schedules/tags": lambda c: c.schedules.list_by_tag("team", "payments"),
    "DELETE /api/scheduler/schedules/{name}": lambda c: c.schedules.delete("nightly"),
    "PUT /api/scheduler/schedules/{name}/pause": lambda c: c.schedules.pause("nightly", "why"),
    "GET /api/scheduler/schedules/{name}/pause": lambda c: c.schedules.pause("nightly"),
    "PUT /api/scheduler/schedules/{name}/resume": lambda c: c.schedules.resume("nightly"),
    "GET /api/scheduler/schedules/{name}/resume": lambda c: c.schedules.resume("nightly"),
    "GET /api/scheduler/nextFewSchedules": lambda c: c.schedules.preview(
        "0 0 3 * * *", start_time=5, end_time=6, limit=3
    ),
    "GET /api/scheduler/search/executions": lambda c: c.schedules.search_executions(
        query="scheduleName IN (nightly)", free_text="x", sort="startTime:ASC", start=5, size=10
    ),
    "GET /api/scheduler/admin/pause": lambda c: c.schedules.pause_all(),
    "GET /api/scheduler/admin/resume": lambda c: c.schedules.resume_all(),
    "GET /api/scheduler/admin/requeue": lambda c: c.schedules.requeue_all_executions(),
    "PUT /api/scheduler/bulk/pause": lambda c: c.schedules.bulk_pause(["nightly"]),
    "PUT /api/scheduler/bulk/resume": lambda c: c.schedules.bulk_resume(["nightly"]),
    "GET /api/scheduler/schedules/{name}/tags": lambda c: c.schedules.list_tags("nightly"),
    "PUT /api/scheduler/schedules/{name}/tags": lambda c: c.schedules.set_tags("nightly", TAGS),
    "DELETE /api/scheduler/schedules/{name}/tags": lambda c: c.schedules.delete_tags("nightly", TAGS),
}
