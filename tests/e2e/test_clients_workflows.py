"""Executions on the real server: their whole life, by every method that the open-source server has."""

import time

import pytest

from conductor.errors import (
    BadRequestError,
    ConflictError,
    NotFoundError,
    UnsupportedByServerError,
    WorkflowFailedError,
    WorkflowTimeoutError,
)
from conductor.models import StartWorkflowRequest, TaskRun, WorkflowRun

WAIT = {"name": "approve", "taskReferenceName": "approve", "type": "WAIT"}


def simple(name, ref="step", **inputs):
    return {"name": name, "taskReferenceName": ref, "type": "SIMPLE", "inputParameters": inputs}


def set_variable(ref="done"):
    return {
        "name": ref,
        "taskReferenceName": ref,
        "type": "SET_VARIABLE",
        "inputParameters": {"x": "${workflow.input.x}"},
    }


def failing(ref="boom"):
    return {
        "name": ref,
        "taskReferenceName": ref,
        "type": "TERMINATE",
        "inputParameters": {"terminationStatus": "FAILED", "terminationReason": "on purpose"},
    }


@pytest.fixture
def waiting(names):
    """A registered workflow that waits, then sets a variable."""
    return names.workflow([WAIT, set_variable()], outputParameters={"x": "${workflow.variables.x}"})["name"]


def finish_one(client, task_type, status="COMPLETED", wait_until=None, **result):
    """Poll the one task of a type that is due, and give it a result."""
    task = wait_until(lambda: client.tasks.poll(task_type, worker_id="tests"), what=f"a task of {task_type}")
    client.tasks.update(workflow_id=task.workflow_instance_id, task_id=task.task_id, status=status, **result)
    return task


def test_a_workflow_is_started_read_and_finished(client, waiting):
    workflow_id = client.workflows.start(waiting, {"x": 5}, correlation_id="c-1", priority=7, created_by="me")

    workflow = client.workflows.get(workflow_id)
    assert workflow.input == {"x": 5}
    assert (workflow.correlation_id, workflow.priority, workflow.workflow_name) == ("c-1", 7, waiting)
    assert client.workflows.get(workflow_id, include_tasks=False).tasks == []
    assert client.workflows.get_status(workflow_id, include_variables=True).status == "RUNNING"
    assert [task.reference_task_name for task in client.workflows.list_tasks(workflow_id)] == ["approve"]
    assert workflow_id in client.workflows.list_running_ids(waiting)

    client.tasks.update_by_reference_name(workflow_id, "approve", "COMPLETED", {"by": "me"})
    finished = client.workflows.wait(workflow_id, timeout=20)

    assert finished.is_successful
    assert finished.task("approve").output_data["by"] == "me"
    assert finished.output == {"x": 5}
    client.workflows.delete(workflow_id)
    with pytest.raises(NotFoundError):
        client.workflows.get(workflow_id)


def test_a_definition_that_is_not_registered_is_run(client, names):
    finished = client.workflows.run({"name": names("inline"), "tasks": [set_variable()]}, {"x": 1}, timeout=20)

    assert finished.variables == {"x": 1}


def test_every_way_to_start(client, waiting):
    ids = [
        client.workflows.start(waiting),
        client.workflows.start(StartWorkflowRequest(waiting, version=1, input={"x": 1})),
        client.workflows.start({"name": waiting, "input": {"x": 1}}),
        client.workflows.start_by_name(waiting, {"x": 1}, version=1, correlation_id="c"),
    ]
    outcomes = client.workflows.start_many([{"name": waiting}, {"name": waiting + "_not_there"}, {"name": waiting}])

    assert isinstance(outcomes[1], NotFoundError)
    ids += [outcomes[0], outcomes[2]]
    assert len(set(ids)) == 6
    assert client.bulk.get(ids).ok


def test_starting_an_unknown_workflow_is_not_found(client):
    with pytest.raises(NotFoundError, match="not_there"):
        client.workflows.start("test_not_there")


def test_execute_returns_when_the_workflow_blocks_and_signal_continues(client, names):
    second = {**WAIT, "name": "second", "taskReferenceName": "second"}
    name = names.workflow([WAIT, second])["name"]

    run = client.workflows.execute(name, {"x": 1}, wait_for=5)
    assert isinstance(run, WorkflowRun)
    assert (run.status, run.signal_timeout) == ("RUNNING", False)

    blocked = client.tasks.signal(run.workflow_id, output={"a": 1}, return_strategy="BLOCKING_TASK")
    assert isinstance(blocked, TaskRun)
    assert blocked.reference_task_name == "second"

    ended = client.tasks.signal(run.workflow_id, return_strategy="TARGET_WORKFLOW")
    assert isinstance(ended, WorkflowRun)
    assert ended.target_workflow_status == "COMPLETED"
    with pytest.raises(NotFoundError):
        client.tasks.signal(run.workflow_id)


def test_execute_says_when_no_task_blocked_in_time(client, names):
    name = names.workflow([simple(names.task())])["name"]

    run = client.workflows.execute(name, wait_for=1)
    assert run.signal_timeout is True
    with pytest.raises(WorkflowTimeoutError, match="no task blocked"):
        client.workflows.execute(name, wait_for=1, return_strategy="BLOCKING_TASK")


def test_execute_waits_for_a_named_task(client, names):
    name = names.workflow([set_variable("first"), WAIT])["name"]

    run = client.workflows.execute(name, {"x": 1}, wait_until=["first"], wait_for=5)

    assert "first" in [task.reference_task_name for task in run.tasks]


def test_signal_async_finishes_the_wait(client, waiting):
    workflow_id = client.workflows.start(waiting, {"x": 1})

    client.tasks.signal_async(workflow_id, output={"by": "signal"})

    assert client.workflows.wait(workflow_id, timeout=20).task("approve").output_data["by"] == "signal"


def test_pause_and_resume(client, waiting):
    workflow_id = client.workflows.start(waiting)

    client.workflows.pause(workflow_id)
    assert client.workflows.wait(workflow_id, timeout=10, until=["PAUSED"]).status == "PAUSED"
    client.workflows.resume(workflow_id)
    assert client.workflows.get_status(workflow_id).status == "RUNNING"
    with pytest.raises(ConflictError):
        client.workflows.resume(workflow_id)


def test_terminate_and_restart(client, waiting):
    workflow_id = client.workflows.start(waiting)

    client.workflows.terminate(workflow_id, "no longer needed")
    ended = client.workflows.wait(workflow_id, timeout=10)
    assert (ended.status, ended.reason_for_incompletion) == ("TERMINATED", "no longer needed")

    client.workflows.restart(workflow_id, use_latest_definitions=True)
    assert client.workflows.get_status(workflow_id).status == "RUNNING"
    with pytest.raises(ConflictError):
        client.workflows.restart(workflow_id)


def test_a_running_workflow_is_deleted_only_without_archiving(client, waiting):
    workflow_id = client.workflows.start(waiting)

    with pytest.raises(BadRequestError):
        client.workflows.delete(workflow_id)
    client.workflows.delete(workflow_id, archive=False)
    with pytest.raises(NotFoundError):
        client.workflows.get(workflow_id)


def test_a_failed_task_is_retried_to_success(client, names, wait_until):
    task = names.task()
    workflow_id = client.workflows.start(names.workflow([simple(task)])["name"])
    finish_one(client, task, "FAILED", wait_until, reason="try again")
    assert client.workflows.wait(workflow_id, timeout=20).failed_task.reason_for_incompletion == "try again"

    client.workflows.retry(workflow_id)
    with pytest.raises(ConflictError, match="still running"):
        client.workflows.retry(workflow_id)
    finish_one(client, task, "COMPLETED", wait_until, output={"n": 1})

    finished = client.workflows.wait(workflow_id, timeout=20)
    assert finished.is_successful
    assert finished.failed_task is None
    assert finished.task("step").retry_count == 1
    with pytest.raises(ConflictError):
        client.workflows.retry(workflow_id)


def test_run_says_which_task_failed_why_and_what_it_logged(client, names, wait_until):
    import threading

    task = names.task()
    name = names.workflow([simple(task)])["name"]

    def work():
        polled = wait_until(lambda: client.tasks.poll(task))
        client.tasks.add_log(polled.task_id, "about to fail: 50% ü")
        wait_until(lambda: client.tasks.list_logs(polled.task_id), what="the log line")
        client.tasks.update(
            workflow_id=polled.workflow_instance_id,
            task_id=polled.task_id,
            status="FAILED_WITH_TERMINAL_ERROR",
            reason="card declined",
        )

    worker = threading.Thread(target=work)
    worker.start()
    try:
        with pytest.raises(WorkflowFailedError, match="card declined") as caught:
            client.workflows.run(name, timeout=30)
    finally:
        worker.join()

    assert caught.value.failed_task.reference_task_name == "step"
    assert [line.log for line in caught.value.logs] == ["about to fail: 50% ü"]


def test_run_that_is_not_over_in_time_says_where_it_waits(client, waiting):
    with pytest.raises(WorkflowTimeoutError, match=r"approve \(IN_PROGRESS\)") as caught:
        client.workflows.run(waiting, timeout=0.5)

    assert client.workflows.get_status(caught.value.workflow_id).status == "RUNNING"


def test_rerun_and_go_back(client, names):
    second = {**WAIT, "name": "second", "taskReferenceName": "second"}
    workflow_id = client.workflows.start(names.workflow([WAIT, second])["name"])

    def finish(*refs):
        for ref in refs:
            client.tasks.update_sync(workflow_id, ref)
        return client.workflows.wait(workflow_id, timeout=20)

    first_task = finish("approve", "second").task("approve").task_id
    assert client.workflows.rerun(workflow_id, from_task_id=first_task) == workflow_id
    finish("approve", "second")
    client.workflows.go_back_to_task(workflow_id, "second")
    assert client.workflows.get(workflow_id).task("second").is_terminal is False
    finish("second")
    client.workflows.go_back_to_first_task_of_type(workflow_id, "WAIT")
    assert client.workflows.get(workflow_id).task("approve").is_terminal is False
    with pytest.raises(ConflictError):
        client.workflows.rerun(workflow_id)


def test_a_task_is_skipped_with_an_output(client, names):
    second = {**WAIT, "name": "second", "taskReferenceName": "second"}
    workflow_id = client.workflows.start(names.workflow([WAIT, second])["name"])

    client.workflows.skip_task(workflow_id, "second", output={"why": "not needed", "deep": {"n": [1, True]}})
    with pytest.raises(ConflictError):
        client.workflows.skip_task(workflow_id, "approve")
    with pytest.raises(BadRequestError, match="part of the URL"):
        client.workflows.skip_task(workflow_id, "approve", output={"much": "x" * 20_000})
    client.tasks.update_sync(workflow_id, "approve")

    finished = client.workflows.wait(workflow_id, timeout=20)
    assert finished.task("second").status == "SKIPPED"
    assert finished.task("second").output_data == {"why": "not needed", "deep": '{"n":[1,true]}'}


def test_executions_are_found_by_correlation_id(client, waiting):
    first = client.workflows.start(waiting, correlation_id="c 1")
    client.workflows.terminate(client.workflows.start(waiting, correlation_id="c 1"))

    open_ones = client.workflows.list_by_correlation_id(waiting, "c 1")
    assert [one.workflow_id for one in open_ones] == [first]
    assert len(client.workflows.list_by_correlation_id(waiting, "c 1", include_closed=True)) == 2
    by_id = client.workflows.list_by_correlation_ids(waiting, ["c 1", "none"])
    assert [len(by_id["c 1"]), by_id["none"]] == [1, []]


def test_searching_and_iterating(client, waiting, wait_until):
    started = int(time.time() * 1000)
    ids = {client.workflows.start(waiting, correlation_id=f"s-{n}") for n in range(5)}
    wait_until(lambda: client.workflows.search(workflow_type=waiting).total_hits == 5, what="the index")

    page = client.workflows.search(workflow_type=waiting, status="RUNNING", size=2, sort="startTime:DESC")
    assert (page.total_hits, len(page)) == (5, 2)
    assert client.workflows.search(correlation_id="s-3", workflow_type=waiting).total_hits == 1
    assert client.workflows.search(workflow_id=list(ids)[:3]).total_hits == 3
    assert client.workflows.search(workflow_type=[waiting, "other"], status=["RUNNING", "PAUSED"]).total_hits == 5
    assert client.workflows.search(workflow_type=waiting, started_after=started - 1000).total_hits == 5
    assert client.workflows.search(workflow_type=waiting, started_before=started - 60_000).total_hits == 0
    assert client.workflows.search(query=f"workflowType = '{waiting}' AND status IN (RUNNING)").total_hits == 5
    assert client.workflows.search(workflow_type=waiting[:-2] + "*").total_hits == 5
    assert {s.workflow_id for s in client.workflows.iterate_search(workflow_type=waiting, size=2)} == ids
    full = client.workflows.search_full(query=f"workflowType = {waiting}")
    assert {workflow.workflow_id for workflow in full} == ids


def test_a_definition_is_tested_with_mocks(client, names):
    request = {
        "name": names("mocked"),
        "workflowDef": {"name": names("mocked"), "tasks": [simple("nobody_works_on_this")]},
        "taskRefToMockOutput": {"step": [{"status": "COMPLETED", "output": {"n": 3}}]},
    }

    tested = client.workflows.test(request)

    assert tested.status == "COMPLETED"
    assert tested.task("step").output_data["n"] == 3


def test_the_rest_of_what_steers_an_execution(client, waiting):
    workflow_id = client.workflows.start(waiting)

    client.workflows.decide(workflow_id)
    client.workflows.reset_callbacks(workflow_id)
    assert client.workflows.get_external_storage_location("x").uri is None
    assert client.workflows.get_external_storage_location("x", old_spelling=True).uri is None
    client.workflows.terminate_and_delete(workflow_id, "over", archive=False)
    with pytest.raises(NotFoundError):
        client.workflows.get(workflow_id)


@pytest.mark.parametrize(
    "call",
    [
        lambda w: w.start_by_name("x", version=1, idempotency_key="k"),
        lambda w: w.execute_as_api("x"),
        lambda w: w.execute_as_api("x", as_get=True),
        lambda w: w.list_by_correlation_ids(["x"], ["y"]),
        lambda w: w.jump_to_task("x", "y"),
        lambda w: w.update_variables("x", {}),
        lambda w: w.update_state("x", {}),
        lambda w: w.upgrade("x", {"name": "y", "version": 1}),
    ],
)
def test_what_only_orkes_has_is_unsupported_here(client, call):
    with pytest.raises(UnsupportedByServerError, match="Orkes"):
        call(client.workflows)


def test_many_at_once(client, waiting):
    ids = [client.workflows.start(waiting) for _ in range(3)]
    unknown = "00000000-0000-0000-0000-000000000000"

    paused = client.bulk.pause([*ids, unknown])
    assert set(paused.bulk_successful_results) == set(ids)
    assert list(paused.bulk_error_results) == [unknown]
    assert not paused.ok
    assert client.bulk.resume(ids).ok
    assert client.bulk.terminate(ids, "enough").ok
    assert client.bulk.restart(ids).ok
    assert client.bulk.terminate(ids).ok
    assert client.bulk.retry(ids).ok
    found = client.bulk.get(ids).bulk_successful_results
    assert {(one.workflow_id, str(one.status)) for one in found} == {(one, "RUNNING") for one in ids}
    assert client.bulk.terminate_and_delete(ids[:1], archive=False).bulk_successful_results == ids[:1]
    client.bulk.terminate(ids[1:])
    assert client.bulk.delete(ids[1:], archive=False).ok
    with pytest.raises(NotFoundError):
        client.workflows.get(ids[2])
