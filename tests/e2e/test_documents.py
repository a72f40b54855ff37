"""The document that the contract suite goes by is the real server's own, and the server sends what it states."""

import json
from pathlib import Path

import attrs
import pytest

from conductor.models import Model

COPY = Path(__file__).parent.parent / "contract/documents/conductor-oss-3.32.3-openapi.json"


def unknown(value, path="$"):
    """Where a value holds what its models do not know."""
    if isinstance(value, Model):
        found = [f"{path}.{name}" for name in value.unknown_fields]
        for one in attrs.fields(type(value)):
            found += unknown(getattr(value, one.name), f"{path}.{one.name}") if one.name != "unknown_fields" else []
        return found
    if isinstance(value, dict):
        value = list(value.values())
    return [where for one in value for where in unknown(one, f"{path}[]")] if isinstance(value, list) else []


def test_the_copy_of_the_document_is_what_the_server_states(client):
    response = client.transport.session.get(client.settings.server_url.removesuffix("/api") + "/api-docs", timeout=60)
    copy, stated = json.loads(COPY.read_text()), response.json()

    assert stated["paths"] == copy["paths"]
    assert stated["components"] == copy["components"]


@pytest.fixture
def finished(client, names):
    task = names.task(responseTimeoutSeconds=5, timeoutSeconds=10)
    tasks = [
        {"name": task, "taskReferenceName": "a", "type": "SIMPLE", "inputParameters": {"x": "${workflow.input.x}"}}
    ]
    flow = names.workflow(tasks, inputParameters=["x"], outputParameters={"y": "${a.output.y}"})
    workflow_id = client.workflows.start(flow["name"], {"x": 1}, version=1, correlation_id=names("order"))
    client.tasks.update_by_reference_name(workflow_id, "a", "COMPLETED", {"y": 2})
    return flow["name"], task, client.workflows.wait(workflow_id, timeout=30)


def test_the_server_sends_nothing_that_the_models_do_not_know(client, finished):
    flow, task, workflow = finished
    answers = {
        "workflow": workflow,
        "status": client.workflows.get_status(workflow.workflow_id, include_output=True, include_variables=True),
        "tasks": client.workflows.list_tasks(workflow.workflow_id).results,
        "task": client.tasks.get(workflow.tasks[0].task_id),
        "record": client.bulk.get([workflow.workflow_id]).bulk_successful_results,
        "summaries": client.workflows.search(workflow_id=workflow.workflow_id).results,
        "definition": client.metadata.get_workflow(flow),
        "versions": client.metadata.list_workflow_versions(flow),
        "task definition": client.metadata.get_task(task),
    }

    assert workflow.output == {"y": 2}
    assert {name: unknown(value) for name, value in answers.items()} == {name: [] for name in answers}
