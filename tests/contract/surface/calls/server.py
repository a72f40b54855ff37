"""The server itself: health, version, administration, event queues."""

from surface.calls import Call, Send, call

CALLS: dict[str, Send | Call] = {
    "GET /health": lambda c: c.health.check(),
    "GET /api/health": call(
        lambda c: c.health.check(),
        answers={"GET /health": (404, {"message": "a proxy passes only what is below /api"})},
    ),
    "GET /api/version": lambda c: c.health.get_version(),
    "GET /api/admin/config": lambda c: c.admin.get_config(),
    "GET /api/admin/queues": lambda c: c.admin.list_event_queues(verbose=True),
    "GET /api/admin/task/{tasktype}": lambda c: c.admin.list_pending_tasks("charge", start=5, count=10),
    "POST /api/admin/sweep/requeue/{workflowId}": lambda c: c.admin.requeue_workflow("w"),
    "POST /api/admin/consistency/verifyAndRepair/{workflowId}": lambda c: c.admin.verify_and_repair_workflow("w"),
    "GET /api/admin/redisUsage": lambda c: c.admin.get_redis_usage(),
    "POST /api/admin/cache/clear/{taskDefName}": lambda c: c.admin.clear_task_cache("charge"),
    "GET /api/limits": lambda c: c.admin.get_limits(),
    "GET /api/queue/": lambda c: c.queues.list(),
    "GET /api/queue/size": lambda c: c.queues.get_sizes(),
    "POST /api/queue/update/{workflowId}/{taskRefName}/{status}": lambda c: c.queues.complete_wait_task(
        "w", "a", "COMPLETED", {"a": 1}
    ),
    "POST /api/queue/update/{workflowId}/task/{taskId}/{status}": lambda c: c.queues.complete_wait_task_by_id(
        "w", "t", "FAILED", {"a": 1}
    ),
}
