import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conductor import Workflow
from conductor.diagram import draw
from conductor.diagram.reader import graph_of
from conductor.errors import ConfigurationError
from conductor.models import TaskType, WorkflowDef, WorkflowExecution
from conductor.testing import execution_tree
from conductor.testing.generators import example_workflow, example_workflow_run, simple_task
from conductor.testing.strategies import workflow_definitions, workflow_executions
from conductor.workflow import simple

few = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None)


def types(definition):
    return {step.type for step in graph_of(definition).walk()}


def blocks_of(task):
    yield from (task.decision_cases or {}).values()
    yield from task.fork_tasks or []
    yield task.default_case or []
    yield task.loop_over or []
    if task.sub_workflow_param is not None and task.sub_workflow_param.workflow_definition is not None:
        yield task.sub_workflow_param.workflow_definition.tasks


def every(tasks):
    for task in tasks:
        yield task
        for block in blocks_of(task):
            yield from every(block)


def check_scopes(tasks, before):
    """Each ``${ref.output...}`` names a task that has run by then."""
    known = set(before)
    for task in tasks:
        named = set(re.findall(r"\$\{(\w+)\.output", str(task.input_parameters)))
        assert named <= known, (task.task_reference_name, named - known)
        inner = task.type == TaskType.SUB_WORKFLOW
        for block in blocks_of(task):
            check_scopes(block, set() if inner else known)
        known.add(task.task_reference_name)


@few
@given(workflow_definitions())
def test_reference_names_are_unique_and_refer_to_what_has_run(definition):
    names = [task.task_reference_name for task in every(definition.tasks)]
    assert len(names) == len(set(names))
    check_scopes(definition.tasks, set())


@few
@given(workflow_definitions())
def test_every_fork_is_followed_by_its_join(definition):
    for tasks in [definition.tasks, *(block for task in every(definition.tasks) for block in blocks_of(task))]:
        for task, after in zip(tasks, [*tasks[1:], None], strict=False):
            if task.type in {TaskType.FORK_JOIN, TaskType.FORK_JOIN_DYNAMIC}:
                assert after.type == TaskType.JOIN
                assert after.join_on == [branch[-1].task_reference_name for branch in task.fork_tasks or []]


@few
@given(workflow_definitions())
def test_loops_are_not_nested(definition):
    for task in every(definition.tasks):
        if task.type == TaskType.DO_WHILE:
            assert all(inner.type != TaskType.DO_WHILE for inner in every(task.loop_over))


@few
@given(workflow_definitions())
def test_a_definition_goes_to_the_wire_and_back(definition):
    wire = definition.to_dict()
    assert WorkflowDef.from_dict(wire).to_dict() == wire
    assert WorkflowDef.from_json(definition.to_json()).to_dict() == wire


@few
@given(workflow_definitions(), st.sampled_from(["COMPLETED", "FAILED", "RUNNING"]))
def test_any_workflow_and_its_runs_can_be_drawn(definition, status):
    run = example_workflow_run(definition, status=status)
    for diagram in (draw(definition), draw(run)):
        shown = "".join(ET.fromstring(diagram.svg()).itertext())
        for task in every(definition.tasks):
            assert task.task_reference_name in shown
        assert diagram.mermaid().count("\n") > len(definition.tasks)
        assert diagram.text(color=True)


def test_every_block_comes_up():
    seen = set()

    @settings(few, max_examples=100)
    @given(workflow_definitions())
    def check(definition):
        seen.update(types(definition))

    check()
    assert {
        "SWITCH",
        "EXCLUSIVE_JOIN",
        "FORK_JOIN",
        "JOIN",
        "FORK_JOIN_DYNAMIC",
        "DO_WHILE",
        "SUB_WORKFLOW",
        "TERMINATE",
        "HTTP",
    } <= seen


def test_depth_and_number_of_tasks_are_kept():
    @few
    @given(workflow_definitions(max_depth=0, max_tasks=2))
    def check(definition):
        assert len(definition.tasks) <= 2
        assert not {"SWITCH", "FORK_JOIN", "DO_WHILE"} & types(definition)

    check()


@few
@given(workflow_executions())
def test_any_execution_is_one_that_a_server_could_have(run):
    attempts = [(task.reference_task_name, task.retry_count) for task in run.tasks]
    assert len(set(attempts)) == len(attempts)
    assert [task.seq for task in run.tasks] == list(range(1, len(attempts) + 1))
    assert not run.is_terminal or all(task.is_terminal for task in run.tasks)
    assert all(task.start_time <= max(task.end_time, task.start_time) for task in run.tasks)
    assert WorkflowExecution.from_dict(run.to_dict()).to_dict() == run.to_dict()
    assert execution_tree(run).startswith(f"{run.workflow_name} v")
    assert draw(run).text(color=False)


def test_executions_of_every_kind_come_up():
    statuses, of_tasks, attempts, iterations = set(), set(), set(), set()

    @settings(few, max_examples=150)
    @given(workflow_executions())
    def check(run):
        statuses.add(str(run.status))
        for task in run.tasks:
            of_tasks.add(str(task.status))
            attempts.add(task.retry_count)
            iterations.add(task.iteration)

    check()
    assert {"RUNNING", "PAUSED", "COMPLETED", "FAILED", "TIMED_OUT", "TERMINATED"} <= statuses
    assert {"IN_PROGRESS", "COMPLETED", "FAILED", "CANCELED"} <= of_tasks
    assert {0, 1} <= attempts
    assert {0, 1} <= iterations


def test_executions_of_given_definitions_follow_them():
    wf = example_workflow(simple_task("a"), simple_task("b"))

    @few
    @given(workflow_executions(st.just(wf), max_steps=1))
    def check(run):
        assert run.workflow_definition is wf
        assert run.task("b") is None or run.task("a").is_successful
        assert sum(task.is_terminal for task in run.tasks) <= 1 + (run.status == "TERMINATED")

    check()


def test_executions_of_a_builder_a_definition_or_a_dict():
    order = Workflow("order") >> simple("a") >> simple("b")
    for given_as in (order, order.to_def(), order.to_def().to_dict(), st.just(order), st.just(order.to_def())):

        @settings(few, max_examples=5)
        @given(workflow_executions(given_as))
        def check(run):
            assert run.workflow_name == "order"
            assert {task.reference_task_name for task in run.tasks} <= {"a", "b"}

        check()
    with pytest.raises(ConfigurationError, match="a workflow as code, not 'order'"):
        workflow_executions("order")
