"""What the real server drops or never does, shown without the client's refusals: they are needed as long as this holds.

The refusals themselves are tested in ``tests/unit/clients`` (``test_refusals``, ``test_search``, ``test_traps``).
"""

import uuid

import pytest

from conductor.clients import events, metadata, schedules, tasks, workflow_search
from conductor.errors import NotFoundError, ServerError, UnsupportedByServerError

MIB = 1024 * 1024
WAIT = {"name": "approve", "taskReferenceName": "approve", "type": "WAIT"}


@pytest.fixture
def send(client):
    """Sends an operation as it is."""
    return client.transport.request


@pytest.fixture
def waiting(names):
    return names.workflow([WAIT])["name"]


def test_an_input_over_5_mib_is_accepted_and_lost(send, client, waiting):
    from conductor.clients.workflows import START

    workflow_id = send(START, body={"name": waiting, "input": {"a": "x" * (5 * MIB)}})

    assert client.workflows.get(workflow_id).input == {}


def test_unknown_fields_of_a_search_find_everything(send, waiting, client):
    client.workflows.start(waiting)
    everything = send(workflow_search.SEARCH, query={"query": "", "size": 1}).total_hits

    for query in ("version = 99", "typo = 1", "status != RUNNING"):
        assert send(workflow_search.SEARCH, query={"query": query, "size": 1}).total_hits >= everything


def test_an_unknown_task_updated_by_reference_is_an_empty_200(send, client, waiting):
    path = {"workflowId": client.workflows.start(waiting), "taskRefName": "nowhere", "status": "COMPLETED"}

    assert send(tasks.UPDATE_BY_REFERENCE, path, body={}) == ""


def test_two_starts_with_one_idempotency_key_are_two_executions(send, client, waiting):
    ids = [client.workflows.start(waiting, idempotency_key="k", idempotency_strategy="FAIL") for _ in range(2)]

    assert len(set(ids)) == 2


def test_what_comes_with_an_extension_of_a_lease_is_dropped(send, client, names, wait_until):
    task_type = names.task()
    workflow_id = client.workflows.start(
        names.workflow([{"name": task_type, "taskReferenceName": "t", "type": "SIMPLE"}])["name"]
    )
    task = wait_until(lambda: client.tasks.poll(task_type))
    result = {"workflowInstanceId": workflow_id, "taskId": task.task_id, "status": "COMPLETED", "extendLease": True}

    send(tasks.UPDATE, body={**result, "outputData": {"a": 1}})

    after = client.tasks.get(task.task_id)
    assert (after.status, after.output_data) == ("IN_PROGRESS", {})


def test_options_that_a_task_definition_does_not_have_are_dropped(send, client, names):
    name = names.task()
    body = {"name": name, "ownerEmail": "test@example.com", **dict.fromkeys(metadata._IGNORED_FIELDS, 1)}

    send(metadata.REGISTER_TASKS, body=[body])

    assert client.metadata.get_task(name).unknown_fields == {}


def test_a_schedule_that_cannot_run_is_stored(send, client, names):
    name = names("broken")
    start = {"name": "test_no_such_workflow"}
    try:
        send(schedules.SAVE, body={"name": name, "cronExpression": "0 9 * * *", "startWorkflowRequest": start})
        assert client.schedules.get(name).cron_expression == "0 9 * * *"
    finally:
        client.schedules.delete(name)


def test_an_unknown_schedule_is_deleted_without_a_word(send, names):
    assert send(schedules.DELETE, {"name": names("nowhere")}) is None


def test_a_preview_answers_five_times_at_most(send):
    assert len(send(schedules.PREVIEW, query={"cronExpression": "0 0 0 * * *", "limit": 10})) == 5


def test_a_log_line_of_an_unknown_task_is_kept(send, client, wait_until):
    task_id = str(uuid.uuid4())
    send(tasks.ADD_LOG, {"taskId": task_id}, body="lost")

    assert [entry.log for entry in wait_until(lambda: client.tasks.list_logs(task_id))] == ["lost"]


def test_an_unknown_enum_value_is_a_500_that_mentions_java(send, names):
    body = [{"name": names("broken"), "ownerEmail": "test@example.com", "retryLogic": "FOO"}]

    with pytest.raises(ServerError, match="RetryLogic"):
        send(metadata.REGISTER_TASKS, body=body)


def test_a_handler_that_does_not_say_whether_it_is_active_is_not(send, client, names):
    name = names("silent")
    action = {"action": "fail_task", "fail_task": {"workflowId": "w", "taskRefName": "t"}}
    try:
        send(events.CREATE_HANDLER, body={"name": name, "event": "conductor:nowhere", "actions": [action]})
        assert client.events.get_handler(name).active is False
    finally:
        client.events.delete_handler(name)


def test_a_signal_that_finds_nothing_is_answered_as_any_other(send, client, names):
    task = {"name": names.task(), "taskReferenceName": "t", "type": "SIMPLE"}
    workflow_id = client.workflows.start(names.workflow([task])["name"])

    assert send(tasks.SIGNAL_ASYNC, {"workflowId": workflow_id, "status": "COMPLETED"}, body={}) is None


def test_a_handler_is_stored_whatever_its_event_and_its_action(send, client, names):
    name = names("broken")
    action = {"action": "terminate_workflow", "terminate_workflow": {"workflowId": "w"}}
    try:
        send(events.CREATE_HANDLER, body={"name": name, "event": "nowhere", "active": False, "actions": [action]})
        assert client.events.get_handler(name).event == "nowhere"
    finally:
        client.events.delete_handler(name)


def test_a_rate_limit_is_never_taken_for_a_version(client, waiting):
    with pytest.raises(UnsupportedByServerError, match="was not sent"):
        client.metadata.delete_workflow_rate_limit(waiting)

    assert client.metadata.get_workflow(waiting).version == 1


@pytest.mark.parametrize(
    "odd", ["with space", "semi;colon", "quest?ion", "ha#sh", "per%cent", "col:on", "ümläut", "pl+us&"]
)
def test_odd_names_are_addressed(client, names, odd):
    name = f"{names('odd')} {odd}"
    names.tasks.append(name)
    client.metadata.register_task({"name": name, "ownerEmail": "test@example.com"})

    assert client.metadata.get_task(name).name == name
    with pytest.raises(NotFoundError):
        client.metadata.get_task(name + "x")
