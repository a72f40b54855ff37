"""Definitions on the real server: written, read, changed, listed, deleted."""

import pytest

from conductor.errors import BadRequestError, ConflictError, NotFoundError, UnsupportedByServerError
from conductor.models import TaskDef, WorkflowDef, WorkflowTask

STEP = {"name": "step", "taskReferenceName": "s", "type": "SIMPLE"}


def test_a_task_definition_lives(client, names):
    name = names.task("full", description="first", timeoutSeconds=60, responseTimeoutSeconds=30)
    stored = client.metadata.get_task(name)
    assert (stored.description, stored.timeout_seconds, stored.retry_count) == ("first", 60, 0)

    stored.description = "second"
    client.metadata.update_task(stored)
    assert client.metadata.get_task(name).description == "second"
    client.metadata.register_tasks([TaskDef(name, description="third", owner_email="test@example.com")])
    assert client.metadata.get_task(name).description == "third"
    assert name in [one.name for one in client.metadata.list_tasks()]

    client.metadata.unregister_task(name)
    with pytest.raises(NotFoundError):
        client.metadata.get_task(name)
    with pytest.raises(NotFoundError):
        client.metadata.unregister_task(name)
    with pytest.raises(NotFoundError):
        client.metadata.update_task(stored)


def test_a_workflow_definition_lives(client, names):
    definition = names.workflow([STEP], description="first")
    name = definition["name"]
    with pytest.raises(ConflictError):
        client.metadata.register_workflow(definition)
    client.metadata.register_workflow({**definition, "description": "second"}, overwrite=True)
    second = WorkflowDef(
        name, version=2, tasks=[WorkflowTask("step", "s", type="SIMPLE")], owner_email="test@example.com"
    )
    assert client.metadata.update_workflows([second]).ok
    names.workflows.append((name, 2))

    assert client.metadata.get_workflow(name).version == 2
    assert client.metadata.get_workflow(name, 1).description == "second"
    assert [one.version for one in client.metadata.list_workflow_versions(name)] == [1, 2]
    assert {one.version for one in client.metadata.list_workflows() if one.name == name} == {1, 2}
    assert [one.version for one in client.metadata.list_latest_workflows() if one.name == name] == [2]
    assert name in client.metadata.list_workflow_names()
    assert len(client.metadata.list_workflow_names_and_versions()[name]) == 2

    client.metadata.unregister_workflow(name, 2)
    assert client.metadata.get_workflow(name).version == 1
    with pytest.raises(NotFoundError):
        client.metadata.unregister_workflow(name, 2)
    with pytest.raises(NotFoundError):
        client.metadata.get_workflow(name, 2)


def test_a_definition_read_and_written_again_loses_nothing(client, names):
    name = names.workflow([STEP], inputTemplate={"a": 1}, variables={"b": 2}, timeoutSeconds=60)["name"]
    before = client.metadata.get_workflow(name)

    client.metadata.register_workflow(before, overwrite=True)

    after = client.metadata.get_workflow(name)
    assert {k: v for k, v in after.to_dict().items() if k != "updateTime"} == {
        k: v for k, v in before.to_dict().items() if k != "updateTime"
    }


def test_an_invalid_definition_is_refused_with_its_problems(client, names):
    twice = {"name": names("bad"), "tasks": [STEP, STEP], "ownerEmail": "test@example.com"}

    client.metadata.validate_workflow({**twice, "tasks": [STEP]})
    for send in (client.metadata.validate_workflow, client.metadata.register_workflow):
        with pytest.raises(BadRequestError) as caught:
            send(twice)
        assert caught.value.validation_errors


@pytest.mark.parametrize(
    "call",
    [
        lambda m: m.import_bpmn({"fileContent": "x", "fileName": "y"}),
        lambda m: m.upload_definitions(),
        lambda m: m.get_workflow_rate_limit("x"),
        lambda m: m.set_workflow_rate_limit("x", {"rateLimitKey": "k", "concurrentExecLimit": 1}),
        lambda m: m.delete_workflow_rate_limit("x"),
    ],
)
def test_what_only_orkes_has_is_unsupported_here(client, call):
    with pytest.raises(UnsupportedByServerError, match="Orkes"):
        call(client.metadata)
