"""Executions: their life, control and search."""

from surface.calls import Call, Send, call

RUN = {"responseType": "TARGET_WORKFLOW", "workflowId": "w", "status": "RUNNING"}
SEARCH = {"query": "status = FAILED", "free_text": "x", "sort": "startTime:DESC", "start": 5, "size": 10}
ENDED = {"status": ["FAILED", "TIMED_OUT"], "workflow_type": "order", "sort": "startTime:DESC"}

CALLS: dict[str, Send | Call] = {
    "POST /api/workflow": lambda c: c.workflows.start(
        "order",
        {"a": 1},
        version=2,
        correlation_id="o-17",
        priority=3,
        task_to_domain={"*": "eu"},
        idempotency_key="k",
        idempotency_strategy="FAIL",
        created_by="me",
        external_input_payload_storage_path="p",
    ),
    "POST /api/workflow/{name}": call(
        lambda c: c.workflows.start_by_name("order", {"a": 1}, version=2, correlation_id="x", priority=1),
        also=lambda c: c.workflows.start_by_name("order", idempotency_key="k", idempotency_strategy="FAIL"),
    ),
    "POST /api/workflow/start/{name}/{version}": lambda c: c.workflows.start_by_name(
        "order", version=2, correlation_id="x", priority=1, idempotency_key="k", idempotency_strategy="FAIL_ON_RUNNING"
    ),
    "POST /api/workflow/execute/{name}/{version}": call(
        lambda c: c.workflows.execute(
            "order",
            {"a": 1},
            version=2,
            wait_until=["x", "y"],
            wait_for=3,
            consistency="DURABLE",
            return_strategy="BLOCKING_WORKFLOW",
        ),
    ),
    "POST /api/workflow/execute/{name}": lambda c: c.workflows.execute_as_api(
        "order",
        {"a": 1},
        version=2,
        wait_until="x",
        request_id="r",
        idempotency_key="k",
        idempotency_strategy="RETURN_EXISTING",
    ),
    "GET /api/workflow/execute/{name}": call(
        lambda c: c.workflows.execute_as_api(
            "order",
            {"amount": 1},
            version=2,
            wait_until="x",
            request_id="r",
            idempotency_key="k",
            idempotency_strategy="FAIL",
            as_get=True,
        ),
        undocumented=["amount"],  # the workflow's input
    ),
    "GET /api/workflow/{workflowId}": lambda c: c.workflows.get("w", include_tasks=False, summarize=True),
    "GET /api/workflow/{workflowId}/status": lambda c: c.workflows.get_status("w", include_output=True),
    "GET /api/workflow/{workflowId}/tasks": lambda c: c.workflows.list_tasks(
        "w", start=5, size=10, status=["FAILED", "TIMED_OUT"]
    ),
    "GET /api/workflow/running/{name}": lambda c: c.workflows.list_running_ids(
        "order", version=2, start_time=5, end_time=6
    ),
    "GET /api/workflow/{name}/correlated/{correlationId}": lambda c: c.workflows.list_by_correlation_id(
        "order", "o 17", include_closed=True
    ),
    "POST /api/workflow/{name}/correlated": lambda c: c.workflows.list_by_correlation_ids("order", ["a", "b"]),
    "POST /api/workflow/correlated/batch": lambda c: c.workflows.list_by_correlation_ids(["order"], ["a"]),
    "POST /api/workflow/test": lambda c: c.workflows.test(
        {"name": "order", "taskRefToMockOutput": {"c": [{"output": {}}]}}
    ),
    "GET /api/workflow/external-storage-location": lambda c: c.workflows.get_external_storage_location(
        "p", operation="READ"
    ),
    "GET /api/workflow/externalstoragelocation": lambda c: c.workflows.get_external_storage_location(
        "p", old_spelling=True
    ),
    "PUT /api/workflow/{workflowId}/pause": lambda c: c.workflows.pause("w"),
    "PUT /api/workflow/{workflowId}/resume": lambda c: c.workflows.resume("w"),
    "DELETE /api/workflow/{workflowId}": lambda c: c.workflows.terminate("w", "why", trigger_failure_workflow=True),
    "DELETE /api/workflow/{workflowId}/terminate-remove": lambda c: c.workflows.terminate_and_delete(
        "w", "why", archive=False
    ),
    "DELETE /api/workflow/{workflowId}/remove": lambda c: c.workflows.delete("w", archive=False),
    "POST /api/workflow/{workflowId}/restart": lambda c: c.workflows.restart("w", use_latest_definitions=True),
    "POST /api/workflow/{workflowId}/retry": lambda c: c.workflows.retry(
        "w", resume_subworkflow_tasks=True, retry_if_retried_by_parent=True
    ),
    "POST /api/workflow/{workflowId}/rerun": lambda c: c.workflows.rerun(
        "w", from_task_id="t", task_input={"a": 1}, workflow_input={"b": 2}, correlation_id="x"
    ),
    "POST /api/workflow/{workflowId}/resetcallbacks": lambda c: c.workflows.reset_callbacks("w"),
    "PUT /api/workflow/decide/{workflowId}": lambda c: c.workflows.decide("w"),
    "PUT /api/workflow/{workflowId}/skiptask/{taskReferenceName}": call(
        lambda c: c.workflows.skip_task("w", "c", input={"a": "x"}, output={"b": 1}),
        undocumented=["taskInput[a]", "taskOutput[b]"],  # the fields of arg2, as the open-source server reads them
    ),
    "POST /api/workflow/{workflowId}/jump/{taskReferenceName}": lambda c: c.workflows.jump_to_task(
        "w", "c", input={"a": 1}
    ),
    "POST /api/workflow/{workflowId}/variables": lambda c: c.workflows.update_variables("w", {"a": 1}),
    "POST /api/workflow/{workflowId}/state": lambda c: c.workflows.update_state(
        "w",
        {"variables": {"a": 1}, "taskReferenceName": "c", "taskResult": None},
        wait_until=["x", "y"],
        wait_for=5,
        request_id="r",
    ),
    "POST /api/workflow/{workflowId}/upgrade": lambda c: c.workflows.upgrade(
        "w", {"name": "order", "version": 3, "taskOutput": {"c": {"a": 1}}, "workflowInput": {"b": 2}}
    ),
    "GET /api/workflow/search": call(
        lambda c: c.workflows.search(**ENDED, classifier="workflow", top_level_only=True, skip_cache=True),
        instead={"ORKES": lambda c: c.workflows.search(**ENDED, skip_cache=True)},
    ),
    "GET /api/workflow/search-v2": lambda c: c.workflows.search_full(**SEARCH, classifier="agent", top_level_only=True),
    "GET /api/workflow/search-by-tasks": lambda c: c.workflows.search_by_tasks(**SEARCH),
    "GET /api/workflow/search-by-tasks-v2": lambda c: c.workflows.search_by_tasks_full(**SEARCH),
    # bulk
    "PUT /api/workflow/bulk/pause": lambda c: c.bulk.pause(["a"]),
    "PUT /api/workflow/bulk/resume": lambda c: c.bulk.resume(["a"]),
    "POST /api/workflow/bulk/restart": lambda c: c.bulk.restart(["a"], use_latest_definitions=True),
    "POST /api/workflow/bulk/retry": lambda c: c.bulk.retry(["a"]),
    "POST /api/workflow/bulk/terminate": lambda c: c.bulk.terminate(["a"], "why", trigger_failure_workflow=True),
    "POST /api/workflow/bulk/delete": lambda c: c.bulk.delete(["a"]),
    "DELETE /api/workflow/bulk/remove": lambda c: c.bulk.delete(["a"], archive=False),
    "DELETE /api/workflow/bulk/terminate-remove": lambda c: c.bulk.terminate_and_delete(["a"], "why", archive=False),
    "POST /api/workflow/bulk/search": lambda c: c.bulk.get(["a"], include_tasks=False),
}
