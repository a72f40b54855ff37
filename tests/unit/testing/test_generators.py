import inspect

import pytest

from conductor.models import TaskType, WorkflowDef, WorkflowTask
from conductor.testing import generators
from conductor.testing.generators import (
    TASK_GENERATORS,
    do_while_task,
    dynamic_fork_task,
    example_workflow,
    fork_join_task,
    http_task,
    join_task,
    other_task,
    simple_task,
    sub_workflow_task,
    switch_task,
    wait_task,
)


def references(tasks):
    for task in tasks:
        yield task.task_reference_name
        inner = [*(task.decision_cases or {}).values(), *(task.fork_tasks or []), task.default_case, task.loop_over]
        for block in inner:
            yield from references(block or [])


@pytest.mark.parametrize("task_type", list(TaskType))
def test_there_is_a_generator_for_every_task_type(task_type):
    task = TASK_GENERATORS[task_type]()
    assert task.type == task_type.value
    assert task.name
    assert task.task_reference_name
    assert WorkflowTask.from_dict(task.to_dict()).to_dict() == task.to_dict()


@pytest.mark.parametrize("generator", list(TASK_GENERATORS.values()))
def test_a_generator_takes_a_reference_name_and_any_field(generator):
    task = generator("mine", optional=True, input_parameters={"more": 1})
    assert (task.task_reference_name, task.optional, task.input_parameters["more"]) == ("mine", True, 1)
    with pytest.raises(TypeError, match="optinal"):
        generator("mine", optinal=True)


def test_every_generator_is_public():
    made = {generator.__name__ for generator in TASK_GENERATORS.values()}
    assert made <= set(generators.__all__)
    assert all(getattr(generators, name) is not None for name in generators.__all__)
    assert all(inspect.getdoc(getattr(generators, name)) for name in made)


def test_generators_share_nothing():
    one, other = switch_task(), switch_task()
    one.decision_cases["b"] = []
    one.input_parameters["x"] = 1
    assert (list(other.decision_cases), list(other.input_parameters)) == (["a"], ["value"])


def test_blocks_hold_the_tasks_that_are_given():
    task = switch_task("route", {"x": [simple_task("one")]}, [do_while_task("again", [http_task("two")], iterations=3)])
    assert list(references([task])) == ["route", "one", "again", "two"]
    assert task.default_case[0].loop_condition == "$.again['iteration'] < $.iterations"


def test_a_join_finds_the_last_tasks_of_its_fork():
    fork = fork_join_task("split", [[simple_task("a"), simple_task("b")], [], [simple_task("c")]])
    assert join_task("all", fork).join_on == ["b", "c"]


def test_a_workflow_gives_its_forks_the_joins_they_need():
    wf = example_workflow(fork_join_task("split"), simple_task("after"), dynamic_fork_task("each"))
    assert [task.task_reference_name for task in wf.tasks] == ["split", "split_join", "after", "each", "each_join"]
    assert wf.tasks[1].join_on == ["split_left", "split_right"]
    own = example_workflow(fork_join_task(), join_task())
    assert len(own.tasks) == 2


def test_a_workflow_of_nothing_has_one_task():
    wf = example_workflow(name="mine", version=3, timeout_seconds=5)
    assert (wf.name, wf.version, wf.timeout_seconds, len(wf.tasks)) == ("mine", 3, 5, 1)


def test_a_sub_workflow_may_hold_its_definition():
    task = sub_workflow_task("inner", example_workflow(simple_task("deep"), name="small"))
    wire = task.to_dict()["subWorkflowParam"]
    assert WorkflowDef.from_dict(wire["workflowDefinition"]).tasks[0].task_reference_name == "deep"
    assert sub_workflow_task("inner", "other", 4).to_dict()["subWorkflowParam"] == {"name": "other", "version": 4}


def test_a_wait_is_for_a_duration_until_a_time_or_for_a_signal():
    assert wait_task().input_parameters == {"duration": "1 seconds"}
    assert wait_task(until="2030-01-01").input_parameters == {"until": "2030-01-01"}
    assert wait_task(duration=None).input_parameters == {}


def test_a_type_without_a_generator_is_made_by_its_name():
    task = other_task("BRAND_NEW", input_parameters={"a": 1})
    assert (task.type, task.task_reference_name, task.input_parameters["a"]) == ("BRAND_NEW", "brand_new", 1)
    assert other_task("GRPC", "call", optional=True).optional
