"""The rest of what the real server has: queues, admin, health, secrets, environment; and what is off by default."""

import runpy
from pathlib import Path

import pytest

from conductor.errors import BadRequestError, NotFoundError, UnsupportedByServerError
from conductor.transport.operation import Edition

WAIT = {"name": "approve", "taskReferenceName": "approve", "type": "WAIT"}


@pytest.fixture
def waiting(client, names):
    """The id of an execution that waits."""
    return client.workflows.start(names.workflow([WAIT])["name"])


def test_the_server_says_that_it_is_well_and_which_it_is(client):
    from conductor.clients.admin import CHECK_API

    assert client.health.check().healthy is True
    assert client.transport.request(CHECK_API).healthy is True
    assert client.health.get_version() == "3.32.3"
    info = client.server_info()
    assert (info.edition, info.version) == (Edition.OSS, "3.32.3")


def test_operators_read_configuration_and_queues(client):
    assert client.admin.get_config()["version"] == "3.32.3"
    assert isinstance(client.admin.list_event_queues(), dict)
    assert client.queues.list() == {}
    assert client.queues.get_sizes() == {}


def test_the_documented_example_of_queues_runs(server_url, monkeypatch, capsys):
    examples = Path(__file__).parents[2] / "docs" / "reference" / "examples"
    monkeypatch.setenv("CONDUCTOR_SERVER_URL", server_url)

    runpy.run_path(str(examples / "queues.py"), run_name="__main__")

    assert capsys.readouterr().out == (examples / "queues.txt").read_text(encoding="utf-8")


def test_operators_list_pending_tasks_and_requeue_an_execution(client, names):
    task = names.task()
    step = {"name": task, "taskReferenceName": "step", "type": "SIMPLE"}
    workflow_id = client.workflows.start(names.workflow([step], base="step")["name"])

    assert [one.workflow_instance_id for one in client.admin.list_pending_tasks(task)] == [workflow_id]
    assert client.admin.list_pending_tasks(task + "_other") == []
    assert workflow_id in client.admin.requeue_workflow(workflow_id)


def test_completing_a_task_without_default_queues_explains_why_not(client, waiting):
    (task,) = client.workflows.list_tasks(waiting)

    for call in (
        lambda: client.queues.complete_wait_task(waiting, "approve", output={"a": 1}),
        lambda: client.queues.complete_wait_task_by_id(waiting, task.task_id),
    ):
        with pytest.raises(BadRequestError, match="no queue for handling COMPLETED"):
            call()
    assert client.workflows.get_status(waiting).status == "RUNNING"


def test_secrets_are_read_and_the_servers_own_store_is_not_written(client, names):
    key = names("secret")

    assert key not in client.secrets.list_names()
    assert key not in client.secrets.list_grantable()
    assert key not in [one.name for one in client.secrets.list_with_metadata()]
    assert client.secrets.exists(key) is False
    with pytest.raises(NotFoundError):
        client.secrets.get(key)
    for call in (lambda: client.secrets.save(key, "v4lue"), lambda: client.secrets.delete(key)):
        with pytest.raises(UnsupportedByServerError, match="set CONDUCTOR_SECRET_<NAME>") as caught:
            call()
        assert caught.value.status == 501
        assert "another product" not in str(caught.value)
        assert "v4lue" not in str(caught.value)


def test_the_environment_is_read_and_not_written(client, names):
    key = names("variable")

    assert key not in [one.name for one in client.environment.list()]
    assert client.environment.get(key) is None
    for call in (lambda: client.environment.save(key, "x"), lambda: client.environment.delete(key)):
        with pytest.raises(UnsupportedByServerError, match="set CONDUCTOR_ENV_<NAME>"):
            call()


@pytest.mark.parametrize(
    ("call", "switch"),
    [
        (lambda c, w: c.messages.send(w, {"a": 1}), "conductor.workflow-message-queue.enabled=true"),
        (lambda c, w: c.files.upload(w, b"x", file_name="f"), "conductor.file-storage.enabled=true"),
        (lambda c, w: c.files.get(w, "f"), "conductor.file-storage.enabled=true"),
        (lambda c, w: c.files.download_content(w, "f"), "conductor.file-storage.enabled=true"),
        (lambda c, w: c.admin.verify_and_repair_workflow(w), "conductor.workflow-repair-service.enabled=true"),
    ],
)
def test_what_is_off_by_default_says_how_it_is_switched_on(client, waiting, call, switch):
    with pytest.raises(UnsupportedByServerError) as caught:
        call(client, waiting)

    assert switch in str(caught.value)


def test_executions_are_searched_by_their_tasks(client, names, wait_until):
    name = names.workflow([WAIT], base="by_task")["name"]
    workflow_id = client.workflows.start(name)
    client.tasks.update_sync(workflow_id, "approve")
    query = f"workflowType = {name} AND status = COMPLETED"

    wait_until(lambda: client.workflows.search_by_tasks(query=query).total_hits == 1, what="the index")
    assert [one.workflow_id for one in client.workflows.search_by_tasks_full(query=query)] == [workflow_id]
