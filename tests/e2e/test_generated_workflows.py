"""What the generators make is what the real server accepts."""

import pytest
from hypothesis import HealthCheck, given, settings

from conductor.diagram import draw
from conductor.errors import BadRequestError
from conductor.models import TaskType
from conductor.testing.generators import (
    TASK_GENERATORS,
    do_while_task,
    example_workflow,
    example_workflow_run,
    fork_join_task,
    inline_task,
    json_jq_transform_task,
    set_variable_task,
    simple_task,
    sub_workflow_task,
    switch_task,
    terminate_task,
)
from conductor.testing.strategies import workflow_definitions

ALIKE = [
    "task_type",
    "status",
    "reference_task_name",
    "task_def_name",
    "seq",
    "retry_count",
    "iteration",
    "loop_over_task",
    "input_data",
    "output_data",
    "callback_from_worker",
    "response_timeout_seconds",
    "reason_for_incompletion",
]


@pytest.mark.parametrize("task_type", list(TaskType))
def test_the_server_accepts_what_a_generator_makes(client, names, task_type):
    wf = example_workflow(TASK_GENERATORS[task_type](), name=names("generated"))
    if task_type == TaskType.EXCLUSIVE_JOIN:  # joins what stands before it
        wf.tasks.insert(0, TASK_GENERATORS[TaskType.SWITCH]())
    if task_type == TaskType.JOIN:
        wf.tasks.insert(0, TASK_GENERATORS[TaskType.FORK_JOIN]())
    client.metadata.validate_workflow(wf)


def test_the_server_accepts_a_workflow_inside_a_workflow(client, names):
    inner = example_workflow(simple_task("deep"), name=names("inner"))
    client.metadata.validate_workflow(example_workflow(sub_workflow_task("inner", inner), name=names("outer")))


def test_the_server_would_say_so_if_it_did_not(client, names):
    wf = example_workflow(simple_task("twice"), simple_task("twice"), name=names("broken"))
    with pytest.raises(BadRequestError, match="twice"):
        client.metadata.validate_workflow(wf)


@settings(max_examples=50, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(definition=workflow_definitions())
def test_the_server_accepts_any_workflow_of_the_strategy(client, definition):
    client.metadata.validate_workflow(definition)


def test_an_example_of_a_run_is_what_the_server_makes_of_it(client, names, wait_until):
    wf = example_workflow(
        inline_task("a"),
        switch_task("route", {"x": [inline_task("b")], "y": []}),
        fork_join_task("split", [[inline_task("left"), simple_task("worked")], [json_jq_transform_task("right")]]),
        do_while_task("again", [inline_task("body")], iterations=2),
        set_variable_task("set"),
        terminate_task("stop", input_parameters={"workflowOutput": {"n": "${a.output.result}"}}),
        name=names("example"),
    )
    names.workflow([task.to_dict() for task in wf.tasks], base="example")
    workflow_id = client.workflows.start(wf.name, {"value": 3, "case": "x"})
    wait_until(lambda: client.workflows.get(workflow_id).task("worked"))
    client.tasks.update_by_reference_name(workflow_id, "worked", "COMPLETED", {"n": 1})
    real = wait_until(lambda: (run := client.workflows.get(workflow_id)).is_terminal and run, timeout=30)
    outputs = {"worked": {"n": 1}, "right": {"result": 3, "resultList": [3]}}
    outputs |= {ref: {"result": 3} for ref in ("a", "b", "left", "body")}
    example = example_workflow_run(wf, {"value": 3, "case": "x"}, outputs=outputs, iterations={"again": 2})
    for fields in ("status", "input", "output", "variables", "reason_for_incompletion"):
        assert getattr(example, fields) == getattr(real, fields)
    for made, was in zip(example.tasks, real.tasks, strict=True):
        assert {name: getattr(made, name) for name in ALIKE} == {name: getattr(was, name) for name in ALIKE}
    assert draw(real).text(color=False).startswith(f"{wf.name} v1  ✓ COMPLETED")
    assert "↻ again" in draw(real).text(color=False)
