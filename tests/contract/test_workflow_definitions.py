"""What the builders of workflows as code make fits the schema of a definition in both documents."""

import importlib.util
from pathlib import Path

import pytest
import requests
from surface.documents import documents
from surface.validation import problems
from surface.wire import SERVER, Asked

from conductor import Workflow
from conductor.models import WorkflowTask
from conductor.models._base import wire_name
from conductor.workflow import do_while, dynamic_fork, exclusive_join, fork, simple, sub_workflow, switch

SAMPLES = Path(__file__).resolve().parents[1] / "unit" / "workflow" / "test_task_types.py"
REGISTER = "POST /api/metadata/workflow"


def samples():
    """Every type's task, as the tests of the builders have it."""
    spec = importlib.util.spec_from_file_location("task_types", SAMPLES)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return [row[0] for row in module.TYPES]


def blocks():
    return [
        switch("${workflow.input.x}", {"1": simple("a")}, simple("b"), optional=True, start_delay=1),
        fork(simple("a"), [simple("b"), simple("c")]),
        dynamic_fork(each=[1], workflow=Workflow("w", 2)),
        do_while(simple("a"), count=2),
        sub_workflow("w", {"a": 1}, version=1, task_to_domain={"*": "d"}),
        exclusive_join(["a"], default=["b"]),
        simple(
            "a", cache=("k", 5), retry_count=2, async_complete=True, permissive=True, on_state_change={"onStart": []}
        ),
    ]


@pytest.fixture(scope="module")
def definition():
    """One workflow with all of them."""
    workflow = Workflow(
        "w", timeout=60, owner_email="a@example.com", masked_fields=["x"], rate_limit=("k", 1), variables={"a": 1}
    )
    workflow.add(*samples(), *blocks())
    return workflow.to_dict()


@pytest.mark.parametrize("edition", sorted(documents()))
def test_definitions_fit_the_document(definition, edition):
    sent = requests.Request("POST", f"{SERVER}/api/metadata/workflow", json=definition).prepare()
    assert problems(documents()[edition], REGISTER, Asked(sent, None)) == []


def test_every_field_of_a_task_is_one_that_the_server_knows(definition):
    known = {wire_name(a) for a in WorkflowTask.__attrs_attrs__}
    assert {key for task in definition["tasks"] for key in task} <= known
    assert len(definition["tasks"]) > 50
