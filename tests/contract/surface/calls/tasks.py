"""Tasks and their queues."""

from surface.calls import Call, Send, call

RESULT = {
    "workflowInstanceId": "w",
    "taskId": "t",
    "status": "COMPLETED",
    "outputData": {"a": 1},
    "logs": [{"log": "line", "taskId": "t", "createdTime": 5}],
}
SEARCH = {"query": "status = FAILED", "free_text": "x", "sort": "startTime:DESC", "start": 5, "size": 10}

CALLS: dict[str, Send | Call] = {
    "GET /api/tasks/poll/{tasktype}": lambda c: c.tasks.poll("charge", worker_id="me", domain="eu"),
    "GET /api/tasks/poll/batch/{tasktype}": lambda c: c.tasks.poll_batch(
        "charge", count=3, timeout_ms=200, worker_id="me", domain="eu"
    ),
    "GET /api/tasks/{taskId}": lambda c: c.tasks.get("t"),
    "POST /api/tasks": lambda c: c.tasks.update(
        workflow_id="w",
        task_id="t",
        status="IN_PROGRESS",
        output={"a": 1},
        reason="no",
        worker_id="me",
        callback_after_seconds=5,
    ),
    "POST /api/tasks/update-v2": lambda c: c.tasks.update_v2(RESULT),
    "POST /api/tasks/{workflowId}/{taskRefName}/{status}": lambda c: c.tasks.update_by_reference_name(
        "w", "c", "COMPLETED", {"a": 1}, worker_id="me"
    ),
    "POST /api/tasks/{workflowId}/{taskRefName}/{status}/sync": lambda c: c.tasks.update_sync(
        "w", "c", "FAILED", {"a": 1}, worker_id="me"
    ),
    "POST /api/tasks/{workflowId}/{status}/signal/sync": lambda c: c.tasks.signal(
        "w", output={"a": 1}, return_strategy="BLOCKING_TASK"
    ),
    "POST /api/tasks/{workflowId}/{status}/signal": lambda c: c.tasks.signal_async("w", output={"a": 1}),
    "POST /api/tasks/{taskId}/log": lambda c: c.tasks.add_log("t", '"half way"'),
    "GET /api/tasks/{taskId}/log": lambda c: c.tasks.list_logs("t"),
    "GET /api/tasks/search": lambda c: c.tasks.search(task_def_name="charge", status="FAILED", sort="startTime:ASC"),
    "GET /api/tasks/search-v2": lambda c: c.tasks.search_full(**SEARCH),
    "GET /api/tasks/external-storage-location": lambda c: c.tasks.get_external_storage_location("p"),
    "GET /api/tasks/externalstoragelocation": lambda c: c.tasks.get_external_storage_location("p", old_spelling=True),
    "GET /api/tasks/queue/size": lambda c: c.tasks.get_queue_size(
        "charge", domain="eu", isolation_group_id="i", execution_namespace="n"
    ),
    "GET /api/tasks/queue/sizes": lambda c: c.tasks.get_queue_sizes(["a", "b"]),
    "GET /api/tasks/queue/all": lambda c: c.tasks.list_queues(),
    "GET /api/tasks/queue/all/verbose": lambda c: c.tasks.list_queues_verbose(),
    "GET /api/tasks/queue/polldata": lambda c: c.tasks.list_poll_data("charge"),
    "GET /api/tasks/queue/polldata/all": call(
        lambda c: c.tasks.list_all_poll_data(
            worker_size=1,
            worker_opt="GT",
            queue_size=2,
            queue_opt="LT",
            last_poll_time_size=3,
            last_poll_time_opt="GT",
        ),
        instead={"OSS": lambda c: c.tasks.list_all_poll_data()},
    ),
    "POST /api/tasks/queue/requeue/{taskType}": lambda c: c.tasks.requeue_pending("charge"),
}
