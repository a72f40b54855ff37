"""Tasks on the real server: poll, update, logs, queues, search."""

import pytest

from conductor.errors import NotFoundError

WAIT = {"name": "approve", "taskReferenceName": "approve", "type": "WAIT"}


@pytest.fixture
def task_type(names):
    return names.task("work")


@pytest.fixture
def flow(names, task_type):
    step = {
        "name": task_type,
        "taskReferenceName": "step",
        "type": "SIMPLE",
        "inputParameters": {"n": "${workflow.input.n}"},
    }
    return names.workflow([step])["name"]


def test_a_task_is_polled_updated_and_read(client, flow, task_type, wait_until):
    workflow_id = client.workflows.start(flow, {"n": 1})
    assert client.tasks.poll(task_type + "_other") is None

    task = wait_until(lambda: client.tasks.poll(task_type, worker_id="tests"))
    assert (task.input_data, task.status, task.worker_id) == ({"n": 1}, "IN_PROGRESS", "tests")

    client.tasks.add_log(task.task_id, "half way")
    assert (
        client.tasks.update(workflow_id=workflow_id, task_id=task.task_id, status="COMPLETED", output={"r": 2})
        == task.task_id
    )
    client.tasks.update(workflow_id=workflow_id, task_id=task.task_id, status="FAILED")  # too late: changes nothing

    assert client.workflows.wait(workflow_id, timeout=20).is_successful
    assert client.tasks.get(task.task_id).output_data == {"r": 2}
    assert [line.log for line in wait_until(lambda: client.tasks.list_logs(task.task_id))] == ["half way"]
    with pytest.raises(NotFoundError):
        client.tasks.get("no-such-task")
    with pytest.raises(NotFoundError):
        client.tasks.update(workflow_id=workflow_id, task_id="no-such-task", status="COMPLETED")


def test_a_batch_is_polled_and_each_update_brings_the_next(client, flow, task_type, wait_until):
    for n in range(3):
        client.workflows.start(flow, {"n": n})
    wait_until(lambda: client.tasks.get_queue_size(task_type) == 3)

    batch = client.tasks.poll_batch(task_type, count=2, timeout_ms=1000, worker_id="tests")
    assert len(batch) == 2
    results = [
        {"workflowInstanceId": t.workflow_instance_id, "taskId": t.task_id, "status": "COMPLETED", "workerId": "tests"}
        for t in batch
    ]
    third = client.tasks.update_v2(results[0])
    assert third.task_id not in {task.task_id for task in batch}
    assert client.tasks.update_v2(results[1]) is None


def test_a_task_in_a_domain_is_polled_there_alone(client, flow, task_type, wait_until):
    client.workflows.start(flow, task_to_domain={task_type: "eu"})

    wait_until(lambda: client.tasks.get_queue_size(task_type, domain="eu") == 1)
    assert client.tasks.poll(task_type, domain="") is None
    assert client.tasks.poll(task_type, domain="eu").domain == "eu"
    assert "eu" in [data.domain for data in client.tasks.list_poll_data(task_type)]


def test_updates_by_reference_name(client, names):
    name = names.workflow([WAIT])["name"]
    workflow_id = client.workflows.start(name)

    with pytest.raises(NotFoundError, match="no open task 'nowhere'"):
        client.tasks.update_by_reference_name(workflow_id, "nowhere")
    client.tasks.update_by_reference_name(workflow_id, "approve", "IN_PROGRESS", {"a": 1})
    ended = client.tasks.update_sync(workflow_id, "approve", "COMPLETED", {"b": 2})

    finished = client.workflows.wait(ended.workflow_id, timeout=20)
    assert {"a": 1, "b": 2}.items() <= finished.task("approve").output_data.items()
    with pytest.raises(NotFoundError):
        client.tasks.update_by_reference_name(workflow_id, "approve")


def test_queues_and_poll_data(client, flow, task_type, wait_until):
    client.workflows.start(flow)

    wait_until(lambda: client.tasks.get_queue_sizes([task_type, "other"]).get(task_type) == 1)
    assert client.tasks.list_queues()[task_type] == 1
    assert sum(shard["size"] for shard in client.tasks.list_queues_verbose()[task_type].values()) == 1
    assert client.tasks.requeue_pending(task_type) >= 0
    client.tasks.poll(task_type, worker_id="tests")
    assert task_type in [data.queue_name for data in client.tasks.list_all_poll_data()]
    assert client.tasks.list_poll_data(task_type)[0].last_polled_at is not None


def test_searching_tasks(client, flow, task_type, wait_until):
    ids = {client.workflows.start(flow) for _ in range(3)}
    for _ in ids:
        task = wait_until(lambda: client.tasks.poll(task_type))
        client.tasks.update(workflow_id=task.workflow_instance_id, task_id=task.task_id, status="COMPLETED")
    wait_until(lambda: client.tasks.search(task_def_name=task_type).total_hits == 3, what="the index")

    page = client.tasks.search(task_type=task_type, status="COMPLETED", size=2)
    assert (page.total_hits, len(page)) == (3, 2)
    found = list(client.tasks.iterate_search(task_def_name=task_type, size=2))
    assert {summary.workflow_id for summary in found} == ids
    assert len(client.tasks.search_full(query=f"taskDefName = {task_type}")) == 3


def test_a_server_without_a_store_has_no_place_for_large_payloads(client):
    assert client.tasks.get_external_storage_location("x").uri is None
    assert client.tasks.get_external_storage_location("x", old_spelling=True).uri is None
