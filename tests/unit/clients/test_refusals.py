"""What the server would take wrongly is refused before it is sent, and its odd answers become clear errors."""

from datetime import date

import pytest

from conductor.errors import (
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    ConflictError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    SerializationError,
    ServerError,
    UnexpectedResponseError,
    UnsupportedByServerError,
    WorkflowTimeoutError,
)
from conductor.models import SubjectRef, TargetRef, TaskDef, TaskResult, WorkflowDef, WorkflowTask
from conductor.transport.editions import ServerInfo
from conductor.transport.operation import Edition

MIB = 1024 * 1024
TASK = {"name": "charge", "taskReferenceName": "c", "type": "SIMPLE"}
RESULT = {"workflowInstanceId": "w", "taskId": "t", "status": "COMPLETED"}


def definition(**changes):
    return {"name": "order", "tasks": [TASK], **changes}


BIG = {"a": "x" * (5 * MIB)}
SCHEDULE = {"name": "nightly", "cronExpression": "0 0 3 * * *"}
TOO_LARGE = {
    "workflow input by name": lambda c: c.workflows.start_by_name("order", BIG),
    "workflow input as an API": lambda c: c.workflows.execute_as_api("order", BIG),
    "workflow input of a schedule": lambda c: c.schedules.save(
        {**SCHEDULE, "startWorkflowRequest": {"name": "order", "input": BIG}}
    ),
    "workflow input of a rerun": lambda c: c.workflows.rerun("w", workflow_input=BIG),
    "task input of a rerun": lambda c: c.workflows.rerun("w", from_task_id="t", task_input=BIG),
    "task output by reference": lambda c: c.tasks.update_by_reference_name("w", "c", output=BIG),
    "task output, synchronously": lambda c: c.tasks.update_sync("w", "c", output=BIG),
    "task output, signalled": lambda c: c.tasks.signal("w", output=BIG),
    "task output through a queue": lambda c: c.queues.complete_wait_task("w", "c", output=BIG),
}


@pytest.mark.parametrize("name", TOO_LARGE)
def test_large_payloads_are_refused_without_server_storage(client, wire, name):
    wire.answer({"path": "p"})

    with pytest.raises(ConfigurationError, match=r"has 5,242,88\d bytes\. .*has no storage"):
        TOO_LARGE[name](client)

    assert [request.method for request in wire.requests] == ["GET"]


def test_large_payloads_are_sent_if_the_server_stores_them(client, wire):
    wire.answer({"path": "p", "uri": "http://conductor.test/store"}).answer("id-1")

    assert client.workflows.start_by_name("order", BIG) == "id-1"
    assert wire.body == BIG


REFUSED = {
    "unknown idempotency strategy": lambda c: c.workflows.start(
        "order", idempotency_key="k", idempotency_strategy="MAYBE"
    ),
    "unknown return strategy": lambda c: c.workflows.execute("order", return_strategy="ALL"),
    "unknown consistency": lambda c: c.workflows.execute("order", consistency="EVENTUAL"),
    "unknown status of an update": lambda c: c.tasks.update_by_reference_name("w", "c", "DONE"),
    "unknown status of a result": lambda c: c.tasks.update({**RESULT, "status": "DONE"}),
    "a status that only the server sets": lambda c: c.tasks.update({**RESULT, "status": "TIMED_OUT"}),
    "unknown status of a signal": lambda c: c.tasks.signal_async("w", "DONE"),
    "unknown status in a search": lambda c: c.workflows.search(status="DONE"),
    "unknown status in a list of tasks": lambda c: c.workflows.list_tasks("w", status="DONE"),
    "unknown status to wait for": lambda c: c.workflows.wait("w", until=["DONE"]),
    "priority over 99": lambda c: c.workflows.start("order", priority=100),
    "update without a status": lambda c: c.tasks.update(workflow_id="w", task_id="t"),
    "update without a task": lambda c: c.tasks.update(workflow_id="w", status="COMPLETED"),
    "update with a result and values": lambda c: c.tasks.update(RESULT, status="FAILED"),
    "result without a workflow": lambda c: c.tasks.update(TaskResult("", "t", "COMPLETED")),
    "result of another shape": lambda c: c.tasks.update({"taskId": "t"}),
    "poll longer than 5 s": lambda c: c.tasks.poll_batch("charge", timeout_ms=5001),
    "queue sizes of nothing": lambda c: c.tasks.get_queue_sizes([]),
    "bulk call without ids": lambda c: c.bulk.pause([]),
    "bulk call of 1001 ids": lambda c: c.bulk.pause(["x"] * 1001),
    "workflow name with a slash": lambda c: c.metadata.register_workflow(definition(name="a/b")),
    "workflow without a name": lambda c: c.metadata.register_workflow(definition(name="")),
    "workflow without tasks": lambda c: c.metadata.register_workflow(definition(tasks=[])),
    "schemaVersion other than 2": lambda c: c.metadata.register_workflow(definition(schemaVersion=1)),
    "workflowTaskType besides type": lambda c: c.metadata.register_workflow(
        definition(tasks=[{**TASK, "type": "INLINE", "workflowTaskType": "SIMPLE"}])
    ),
    "workflowTaskType deep inside": lambda c: c.metadata.update_workflows(
        [definition(tasks=[{**TASK, "decisionCases": {"a": [{**TASK, "workflowTaskType": "HTTP"}]}}])]
    ),
    "definition of another shape": lambda c: c.metadata.register_workflow({"name": "order", "tasks": [{"name": "x"}]}),
    "task name with a slash": lambda c: c.metadata.register_task({"name": "a/b"}),
    "response timeout over the timeout": lambda c: c.metadata.register_task(
        {"name": "x", "timeoutSeconds": 10, "responseTimeoutSeconds": 10}
    ),
    "path parameter with a slash": lambda c: c.metadata.get_workflow("a/b"),
    "empty workflow id": lambda c: c.workflows.get(""),
    "unknown policy of a workflow": lambda c: c.metadata.register_workflow(definition(timeoutPolicy="FOO")),
    "unknown policy of workflows": lambda c: c.metadata.update_workflows([definition(timeoutPolicy="FOO")]),
    "unknown retry logic": lambda c: c.metadata.register_task({"name": "x", "retryLogic": "FOO"}),
    "unknown retry logic, ensured": lambda c: c.metadata.ensure_task({"name": "x", "retryLogic": "FOO"}, dry_run=True),
    "unknown retry logic of a model": lambda c: c.metadata.register_task(TaskDef("x", retry_logic="FOO")),
    "unknown retry logic deep inside": lambda c: c.metadata.register_workflow(
        definition(tasks=[{**TASK, "decisionCases": {"a": [{**TASK, "taskDefinition": {"retryLogic": "FOO"}}]}}])
    ),
    "unknown strategy of a definition sent along": lambda c: c.workflows.start(
        definition(tasks=[{**TASK, "subWorkflowParam": {"name": "x", "idempotencyStrategy": "MAYBE"}}])
    ),
    "unknown action of an event handler": lambda c: c.events.create_handler(
        {"name": "h", "event": "conductor:a", "actions": [{"action": "foo"}]}
    ),
    "unknown verifier of a webhook": lambda c: c.webhooks.create({"name": "w", "verifier": "TRUST"}),
    "unknown category of an integration": lambda c: c.integrations.save_provider("p", {"category": "CAR"}),
    "unknown category in a list of integrations": lambda c: c.integrations.list("CAR"),
    "unknown access": lambda c: c.permissions.grant(SubjectRef("a", "USER"), TargetRef("b", "TAG"), ["LOOK"]),
    "unknown access by default": lambda c: c.groups.save("g", "text", default_access={"TAG": ["LOOK"]}),
    "unknown type of a subject": lambda c: c.permissions.grant(SubjectRef("a", "DOG"), TargetRef("b", "TAG"), ["READ"]),
    "unknown type of a target in a path": lambda c: c.permissions.list("CAR", "b"),
    "unknown type of a target in a query": lambda c: c.users.check_permissions("u", "CAR", "b"),
    "unknown type of a service": lambda c: c.services.save({"name": "s", "type": "SOAP"}),
    "unknown type of a schema": lambda c: c.schemas.save({"name": "s", "version": 1, "type": "XSD"}),
    "a date in a query": lambda c: c.workflows.search(query="startTime > 2024-01-01"),
    "a date in a query of tasks": lambda c: c.tasks.search(query="status = FAILED AND endTime < yesterday"),
    "text for a moment": lambda c: c.workflows.search(started_after="yesterday"),
    "a day for a moment": lambda c: c.workflows.search(started_after=date(2024, 1, 1)),
    "text for a moment in a preview": lambda c: c.schedules.preview("0 0 0 * * *", start_time="now"),
    "an empty line of a log": lambda c: c.tasks.add_log("t", ""),
    "a list as a message": lambda c: c.messages.send("w", [1]),
    "text as the body of a webhook": lambda c: c.webhooks.send("w", "abc"),
    "a list as an input": lambda c: c.workflows.start("order", [1]),
    "text as a task's output": lambda c: c.tasks.update_by_reference_name("w", "c", output="done"),
    "a strategy without a key": lambda c: c.workflows.start("order", idempotency_strategy="RETURN_EXISTING"),
    "a strategy without a key, by name": lambda c: c.workflows.start_by_name("order", idempotency_strategy="FAIL"),
    "text as ids": lambda c: c.bulk.pause("abc"),
    "text as names of schedules": lambda c: c.schedules.bulk_pause("abc"),
    "text as ids of human tasks": lambda c: c.human_tasks.delete_many("abc"),
    "text as users": lambda c: c.groups.add_users("g", "ada"),
    "text as correlation ids": lambda c: c.workflows.list_by_correlation_ids("order", "abc"),
    "text as accesses": lambda c: c.permissions.grant(SubjectRef("a", "USER"), TargetRef("b", "TAG"), "READ"),
    "text as permissions of a role": lambda c: c.roles.create("r", "READ"),
    "numbers as ids": lambda c: c.bulk.retry([1, 2]),
    "a schedule on a day that there is not": lambda c: c.schedules.save(
        {**SCHEDULE, "cronExpression": "0 0 0 31 2 *", "startWorkflowRequest": {"name": "order"}}
    ),
    "a preview of more than the server answers": lambda c: c.schedules.preview("0 0 0 * * *", limit=10),
    "a page before the first": lambda c: c.workflows.search(start=-1),
    "a page of tasks before the first": lambda c: c.tasks.search_full(start=-1),
    "a page of an execution's tasks before the first": lambda c: c.workflows.list_tasks("w", start=-1),
    "a page of schedules before the first": lambda c: c.schedules.search(start=-1),
    "a page of pending tasks before the first": lambda c: c.admin.list_pending_tasks("charge", start=-1),
    "an update of an event handler that would switch it off": lambda c: c.events.update_handler(
        {"name": "h", "event": "conductor:a", "actions": [{"action": "start_workflow"}]}
    ),
    "two circuit breakers": lambda c: c.services.save(
        {"name": "s", "type": "HTTP", "circuitBreakerConfig": {}, "config": {"circuitBreakerConfig": {}}}
    ),
    "page over 5000": lambda c: c.workflows.search(size=5001),
    "empty page": lambda c: c.workflows.search(size=0),
}


@pytest.mark.parametrize("name", REFUSED)
def test_invalid_arguments_are_refused_before_sending(client, wire, name):
    with pytest.raises(ConfigurationError) as caught:
        REFUSED[name](client)

    assert not wire.requests
    assert caught.value.allowed
    assert len(str(caught.value)) < 1000


def test_an_input_below_the_limit_is_sent(client, wire):
    wire.answer("id-1")

    assert client.workflows.start("order", {"a": "x" * (5 * MIB - 8)}) == "id-1"


def test_the_size_is_counted_in_utf8_as_the_server_counts_it(client, wire):
    wire.answer("id-1")

    assert client.workflows.start("order", {"a": "ü" * (2 * MIB)}) == "id-1"  # 4 MiB, and 12 MiB written with escapes


def test_an_input_without_a_json_form_is_refused_with_its_path(client, wire):
    with pytest.raises(SerializationError) as caught:
        client.workflows.start("order", {"items": [{"ok": 1}, {"bad": object()}]})

    assert caught.value.path_in_value.endswith("items[1].bad")
    assert not wire.requests


def test_the_error_of_an_unknown_value_has_its_path_and_valid_values(client):
    task = {**TASK, "taskDefinition": {"retryLogic": "FOO"}}
    with pytest.raises(ConfigurationError, match="'FOO'; it must be one of FIXED, ") as caught:
        client.metadata.register_workflow(definition(tasks=[TASK, task]))

    assert caught.value.variable == "tasks[1].taskDefinition.retryLogic"


def test_enum_values_of_newer_servers_are_read_and_can_be_sent(client, wire):
    wire.answer({"name": "x", "retryLogic": "NEWEST"}).answer("")

    found = client.metadata.get_task("x")
    assert found.retry_logic == "NEWEST"
    found.retry_logic, found.unknown_fields = None, {"retryLogic": "NEWEST"}
    client.metadata.update_task(found)

    assert wire.body["retryLogic"] == "NEWEST"


def test_custom_roles_are_accepted(client, wire):
    wire.answer({"id": "u"})

    client.users.save("u", "Ada", roles=["AUDITOR"])
    assert wire.body["roles"] == ["AUDITOR"]
    client.applications.add_role("a", "AUDITOR")
    assert wire.path == "/applications/a/roles/AUDITOR"


@pytest.mark.parametrize(
    ("status", "message"),
    [(404, "Workflow is still running.  status=RUNNING"), (500, "The task referenced a has already been processed")],
)
def test_a_resource_in_another_state_is_a_conflict(client, wire, status, message):
    wire.answer({"status": status, "message": message}, status=status)

    with pytest.raises(ConflictError, match=message):
        client.workflows.retry("w")


def test_a_skipped_tasks_output_over_the_url_limit_is_explained(client, wire):
    wire.answer("<title>HTTP Status 400</title>", status=400, content_type="text/html")

    with pytest.raises(BadRequestError, match="part of the URL, where they have 20,0") as caught:
        client.workflows.skip_task("w", "c", output={"a": "x" * 20_000})
    assert caught.value.status == 400
    with pytest.raises(BadRequestError) as caught:
        client.workflows.skip_task("w", "c", output={"a": "x"})
    assert "travel" not in str(caught.value)


def test_a_poll_with_an_empty_domain_polls_the_default_queue(client, wire):
    wire.answer("", status=204)

    assert client.tasks.poll("charge", domain="") is None
    assert "domain" not in wire.query


def test_a_poll_without_tasks_returns_none_or_an_empty_list(client, wire):
    wire.answer("", status=204)

    assert client.tasks.poll("charge") is None
    assert client.tasks.poll_batch("charge") == []
    assert client.tasks.update_v2(RESULT) is None
    assert client.tasks.list_logs("t") == []


def test_an_empty_200_to_an_update_by_reference_name_means_not_found(client, wire):
    wire.answer("")

    with pytest.raises(NotFoundError, match="no open task 'approve'") as caught:
        client.tasks.update_by_reference_name("w-1", "approve")

    assert caught.value.path == "/tasks/w-1/approve/COMPLETED"


@pytest.mark.parametrize("strategy", ["BLOCKING_TASK", "BLOCKING_TASK_INPUT"])
def test_the_500_that_means_nothing_blocked_is_explained(client, wire, strategy):
    wire.answer({"status": 500, "message": "value"}, status=500)

    with pytest.raises(WorkflowTimeoutError, match="no task blocked"):
        client.workflows.execute("order", return_strategy=strategy)
    with pytest.raises(WorkflowTimeoutError, match="no task blocked") as caught:
        client.tasks.signal("w-1", return_strategy=strategy)
    assert caught.value.workflow_id == "w-1"


def test_other_500_responses_stay_server_errors(client, wire):
    wire.answer({"status": 500, "message": "value"}, status=500)

    with pytest.raises(ServerError):
        client.workflows.execute("order", return_strategy="TARGET_WORKFLOW")


def test_bulk_delete_falls_back_to_the_oss_operation(client, wire):
    missing = {"status": 404, "message": "No static resource api/workflow/bulk/delete."}
    wire.answer(missing, status=404).answer({"bulkErrorResults": {"b": "no"}, "bulkSuccessfulResults": ["a"]})

    response = client.bulk.delete(["a", "b"], archive=False)

    assert (wire.method, wire.path, wire.query) == ("DELETE", "/workflow/bulk/remove", {"archiveWorkflow": "false"})
    assert wire.body == ["a", "b"]
    assert not response.ok


def test_ids_that_the_server_repeats_are_returned_once(client, wire):
    wire.answer({"bulkErrorResults": {}, "bulkSuccessfulResults": ["a", "b", "a", "b"]})

    assert client.bulk.terminate_and_delete(["a", "b"]).bulk_successful_results == ["a", "b"]


def test_the_queue_size_is_read_on_orkes_as_well(client, wire):
    missing = {"status": 404, "message": "No static resource api/tasks/queue/size."}
    wire.answer(missing, status=404).answer({"eu:charge": 4})

    assert client.tasks.get_queue_size("charge", domain="eu") == 4


def test_the_rate_limit_is_never_deleted_on_the_open_source_server(client, wire):
    missing = {"status": 404, "message": "No static resource api/token/userInfo."}
    wire.answer("3.32.3").answer(missing, status=404)

    with pytest.raises(UnsupportedByServerError, match="was not sent"):
        client.metadata.delete_workflow_rate_limit("order")

    assert [request.method for request in wire.requests] == ["GET", "GET"]


def test_the_rate_limit_is_deleted_on_orkes(client, wire):
    wire.answer("4.1").answer({"id": "me"}).answer("")

    client.metadata.delete_workflow_rate_limit("order")

    assert [request.method for request in wire.requests] == ["GET", "GET", "DELETE"]


def test_a_missing_rate_limit_is_none(client, wire):
    client.transport._server = ServerInfo(Edition.ORKES, "")
    wire.answer({"status": 404, "message": "no rate limit"}, status=404)

    assert client.metadata.get_workflow_rate_limit("order") is None


def test_a_log_line_is_sent_as_it_is_with_a_json_content_type(client, wire):
    wire.answer({"taskId": "t"}).answer("")

    client.tasks.add_log("t", "line")

    assert wire.last.body == b"line"
    assert wire.last.headers["Content-Type"] == "application/json"


def test_a_log_line_of_an_unknown_task_is_not_sent(client, wire):
    wire.answer({"status": 404, "message": "Task not found for taskId: nope"}, status=404)

    with pytest.raises(NotFoundError):
        client.tasks.add_log("nope", "line")
    assert [request.method for request in wire.requests] == ["GET"]


@pytest.mark.parametrize("orkes", [True, False])
def test_deleting_an_unknown_schedule_is_an_error(client, wire, orkes):
    if orkes:
        wire.answer("")
    else:
        wire.answer({"status": 404, "message": "Schedule 'nope' not found"}, status=404)

    with pytest.raises(NotFoundError):
        client.schedules.delete("nope")
    assert [request.method for request in wire.requests] == ["GET"]


@pytest.mark.parametrize(("given", "sent"), [({}, True), ({"active": False}, False)])
def test_a_new_event_handler_is_active_by_default(client, wire, given, sent):
    client.transport._server = ServerInfo(Edition.OSS, "")
    wire.answer("")
    handler = {"name": "h", "event": "conductor:a", "actions": [{"action": "start_workflow"}], **given}

    client.events.create_handler(handler)
    assert wire.body["active"] is sent
    client.events.create_handlers([handler])
    assert wire.body["active"] is sent
    assert "active" not in handler or given


def test_a_misplaced_circuit_breaker_is_moved_into_config(client, wire):
    wire.answer("")

    client.services.save(
        {"name": "s", "type": "HTTP", "circuitBreakerConfig": {"slidingWindowSize": 5}, "serviceURI": "http://s"}
    )
    assert wire.body == {
        "name": "s",
        "type": "HTTP",
        "serviceURI": "http://s",
        "config": {"circuitBreakerConfig": {"slidingWindowSize": 5}},
    }


def test_orkes_poll_data_is_unwrapped(client, wire):
    wire.answer({"pollData": [{"queueName": "charge", "lastPollTime": 5}]})

    assert [data.queue_name for data in client.tasks.list_all_poll_data()] == ["charge"]


def test_starting_an_unregistered_definition_sends_it(client, wire):
    wire.answer("id-1")

    client.workflows.start(
        WorkflowDef("order", version=3, tasks=[WorkflowTask("charge", "c", type="SIMPLE")]), {"a": 1}
    )

    assert wire.body["name"] == "order"
    assert wire.body["version"] == 3
    assert wire.body["workflowDef"]["tasks"] == [TASK]


def test_arguments_override_only_their_fields_of_a_request(client, wire):
    wire.answer("id-1")
    request = {"name": "order", "input": {"a": 1}, "correlationId": "x"}

    client.workflows.start(request, version=2)

    assert wire.body == {**request, "version": 2}


def test_start_many_returns_the_ids_despite_a_failure(client, wire):
    def answer(request):
        bad = b'"b"' in request.body
        return (
            (404, {}, '{"status":404,"message":"No such workflow found"}')
            if bad
            else (200, {}, f"id of {request.body}")
        )

    wire.answers = None
    wire.__class__ = type("Answering", (wire.__class__,), {"__call__": lambda self, request: answer(request)})

    outcomes = client.workflows.start_many([{"name": n} for n in "abcd"], threads=3)

    assert [isinstance(one, NotFoundError) for one in outcomes] == [False, True, False, False]
    assert [one for one in outcomes if isinstance(one, str) and '"c"' in one] == [outcomes[2]]


def test_start_many_of_nothing_returns_an_empty_list(client):
    assert client.workflows.start_many([]) == []


def test_the_http_timeout_exceeds_the_servers_wait(client, wire):
    wire.answer({"responseType": "TARGET_WORKFLOW"})
    seen = []
    request = client.transport.session.request
    client.transport.session.request = lambda *args, **options: (
        seen.append(options["timeout"]) or request(*args, **options)
    )

    client.workflows.execute("order", wait_for=300)
    client.workflows.execute("order", wait_for=1)

    assert seen[0].total > 300
    assert seen[1].total == pytest.approx(60, abs=1)  # and no shorter than the settings say


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (
            400,
            {"message": "Validation failed", "validationErrors": [{"path": "name", "message": "empty"}]},
            BadRequestError,
        ),
        (401, {"error": "NO_TOKEN", "message": "who are you"}, AuthenticationError),
        (403, {"error": "FORBIDDEN", "message": "not yours"}, PermissionDeniedError),
        (404, {"message": "No such workflow found by id: w"}, NotFoundError),
        (404, {"message": "No static resource api/workflow/w."}, UnsupportedByServerError),
        (405, {"message": "Request method 'GET' is not supported"}, UnsupportedByServerError),
        (409, {"message": "Workflow is not running"}, ConflictError),
        (429, {"message": "slow down"}, RateLimitError),
        (500, {"message": "boom"}, ServerError),
        (500, {"message": "No such workflow definition: order version: 1"}, NotFoundError),
    ],
)
@pytest.mark.parametrize(
    "call",
    [
        lambda c: c.workflows.get("w"),
        lambda c: c.tasks.get("w"),
        lambda c: c.metadata.get_task("w"),
        lambda c: c.bulk.retry(["w"]),
    ],
    ids=["workflows", "tasks", "metadata", "bulk"],
)
def test_each_error_status_raises_its_error_class(client, wire, call, status, body, kind):
    wire.answer(body, status=status)

    with pytest.raises(kind) as caught:
        call(client)

    assert type(caught.value) is kind
    assert caught.value.status == status
    assert caught.value.server_message == body["message"]


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("<html><title>Login</title></html>", "text/html"),
        ("{broken", "application/json"),
        ("", "text/plain"),
        ("[]", "application/json"),
    ],
)
def test_an_invalid_response_is_an_unexpected_response(client, wire, body, content_type):
    wire.answer(body, content_type=content_type)

    with pytest.raises(UnexpectedResponseError):
        client.workflows.get("w")


@pytest.mark.parametrize(
    ("call", "message", "advice"),
    [
        (
            lambda c: c.admin.verify_and_repair_workflow("w"),
            "WorkflowRepairService is disabled.",
            "conductor.workflow-repair-service.enabled=true",
        ),
        (
            lambda c: c.files.start_multipart("w", "f"),
            "Conductor filesystem storage does not support multipart uploads",
            "s3, azure-blob and gcs",
        ),
    ],
)
def test_errors_of_disabled_features_say_how_to_enable_them(client, wire, call, message, advice):
    wire.answer({"status": 500, "message": message}, status=500)

    with pytest.raises(UnsupportedByServerError, match=advice):
        call(client)


def test_a_read_only_store_is_not_reported_as_another_edition(client, wire):
    wire.answer("env-backed secrets are read-only", status=501)

    with pytest.raises(UnsupportedByServerError, match="CONDUCTOR_SECRET_<NAME>") as caught:
        client.secrets.save("KEY", "v4lue")
    assert "another product" not in str(caught.value)
    assert "v4lue" not in str(caught.value)


def test_a_missing_operation_is_not_taken_for_a_missing_resource(client, wire):
    assert not issubclass(UnsupportedByServerError, NotFoundError)
    for ensure in (
        lambda: client.metadata.ensure_task({"name": "charge"}),
        lambda: client.metadata.ensure_workflow(definition()),
        lambda: client.schedules.ensure(SCHEDULE | {"startWorkflowRequest": {"name": "order"}}),
        lambda: client.metadata.get_workflow_rate_limit("order"),
    ):
        wire.answer({"message": "No static resource api/x."}, status=404)
        before = len(wire.requests)
        with pytest.raises(UnsupportedByServerError):
            ensure()
        assert [request.method for request in wire.requests[before:]] == ["GET"]


def test_operations_fall_back_to_their_substitutes(client, wire):
    wire.answer({"message": "No static resource health."}, status=404).answer({"healthy": True})
    assert client.health.check().healthy
    wire.answers.clear()
    wire.answer({"message": "No static resource api/tasks/queue/size."}, status=404).answer({"charge": 3})
    assert client.tasks.get_queue_size("charge") == 3
