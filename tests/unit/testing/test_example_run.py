import pytest

from conductor.diagram import draw
from conductor.models import Workflow
from conductor.testing.executions import BEGAN
from conductor.testing.expressions import resolved
from conductor.testing.generators import (
    TASK_GENERATORS,
    do_while_task,
    dynamic_fork_task,
    example_workflow,
    example_workflow_run,
    fork_join_task,
    http_task,
    inline_task,
    set_variable_task,
    simple_task,
    sub_workflow_task,
    switch_task,
    terminate_task,
)


def told(run):
    return [(task.reference_task_name, str(task.status)) for task in run.tasks]


def test_a_run_has_its_tasks_done_one_after_the_other():
    run = example_workflow_run(example_workflow(simple_task("a"), http_task("b")), {"value": 7})
    assert (run.status, run.workflow_name, run.workflow_version, run.input) == ("COMPLETED", "example", 1, {"value": 7})
    assert told(run) == [("a", "COMPLETED"), ("b", "COMPLETED")]
    first, second = run.tasks
    assert (first.seq, first.start_time, first.end_time) == (1, BEGAN, BEGAN + 1000)
    assert (second.seq, second.start_time, second.end_time) == (2, BEGAN + 1000, BEGAN + 2000)
    assert (run.start_time, run.end_time) == (BEGAN, BEGAN + 2000)
    assert second.output_data["response"]["statusCode"] == 200
    assert run.is_successful
    assert run.task("a").workflow_task == run.workflow_definition.tasks[0]


def test_inputs_are_filled_in_from_what_came_before():
    wf = example_workflow(
        simple_task("a"),
        set_variable_task("set", {"kept": "${a.output.n}"}),
        simple_task("b", input_parameters={"n": "${a.output.n}", "text": "no ${workflow.variables.kept}", "x": "${c}"}),
        output_parameters={"n": "${a.output.n}", "list": ["${workflow.input.value}"]},
    )
    run = example_workflow_run(wf, {"value": 7}, outputs={"a": {"n": 3}})
    assert run.task("a").input_data == {"value": 7}
    assert run.task("b").input_data == {"value": 7, "n": 3, "text": "no 3", "x": None}
    assert run.variables == {"kept": 3}
    assert run.output == {"n": 3, "list": [7]}


@pytest.mark.parametrize(
    ("status", "of_task", "of_sibling"),
    [
        ("FAILED", "FAILED", "CANCELED"),
        ("TIMED_OUT", "TIMED_OUT", "CANCELED"),
        ("TERMINATED", "CANCELED", "CANCELED"),
        ("RUNNING", "IN_PROGRESS", "IN_PROGRESS"),
        ("PAUSED", "IN_PROGRESS", "IN_PROGRESS"),
    ],
)
def test_a_run_that_is_not_completed_is_at_one_task(status, of_task, of_sibling):
    branches = [[simple_task("left")], [simple_task("right"), simple_task("later")]]
    wf = example_workflow(simple_task("a"), fork_join_task("split", branches), simple_task("z"))
    run = example_workflow_run(wf, status=status, stops_at="left", reason="no answer", retries={"right": 1})
    assert told(run) == [
        ("a", "COMPLETED"),
        ("split", "COMPLETED"),
        ("left", of_task),
        ("right", "FAILED"),
        ("split_join", of_sibling),
    ]
    assert run.status == status
    assert (run.end_time > 0) is run.is_terminal
    if status in {"FAILED", "TIMED_OUT"}:
        assert run.failed_task.reference_task_name == "left"
        assert run.failed_task.reason_for_incompletion == "no answer"
        assert run.task("left").task_id in run.reason_for_incompletion


def test_a_run_is_at_its_last_task_by_default():
    run = example_workflow_run(example_workflow(simple_task("a"), simple_task("b")), status="RUNNING")
    assert told(run) == [("a", "COMPLETED"), ("b", "IN_PROGRESS")]


def test_a_task_that_the_run_does_not_come_to_is_refused():
    with pytest.raises(ValueError, match="does not reach 'c'; it reaches: a, b"):
        example_workflow_run(example_workflow(simple_task("a"), simple_task("b")), status="FAILED", stops_at="c")


def test_a_switch_takes_the_case_that_its_input_or_the_test_says():
    wf = example_workflow(
        switch_task("route", {"x": [simple_task("x")], "y": [simple_task("y")]}, [simple_task("else")])
    )
    assert told(example_workflow_run(wf, {"case": "y"}))[1:] == [("y", "COMPLETED")]
    assert told(example_workflow_run(wf, {"case": "z"}))[1:] == [("else", "COMPLETED")]
    run = example_workflow_run(wf, {"case": "y"}, cases={"route": "x"})
    assert told(run)[1:] == [("x", "COMPLETED")]
    assert run.task("route").output_data == {"evaluationResult": ["x"], "selectedCase": "x"}


def test_a_loop_goes_round_as_often_as_it_is_told():
    wf = example_workflow(do_while_task("again", [simple_task("try_it"), inline_task("count")]))
    run = example_workflow_run(wf, iterations={"again": 2}, outputs={"try_it": {"n": 1}})
    assert [name for name, _ in told(run)] == ["again", "try_it__1", "count__1", "try_it__2", "count__2"]
    assert run.task("again").output_data == {
        "1": {"try_it": {"n": 1}, "count": {"result": None}},
        "2": {"try_it": {"n": 1}, "count": {"result": None}},
        "iteration": 2,
    }
    assert run.task("again").iteration == run.task("try_it").iteration == 2
    assert run.task("try_it").loop_over_task


def test_a_loop_over_items_goes_round_for_each():
    wf = example_workflow(do_while_task("again", items="${workflow.input.list}"))
    assert len(example_workflow_run(wf, {"list": [1, 2, 3]}).tasks) == 4
    assert told(example_workflow_run(wf, {"list": []})) == [("again", "COMPLETED")]


def test_a_run_may_stand_inside_a_loop():
    wf = example_workflow(do_while_task("again", [simple_task("try_it")]), simple_task("z"))
    run = example_workflow_run(wf, status="FAILED", stops_at="try_it", retries={"try_it": 2})
    assert told(run) == [("again", "CANCELED"), *[("try_it__1", "FAILED")] * 3]
    assert [task.retried for task in run.tasks[1:]] == [True, True, False]
    assert run.tasks[2].retried_task_id == run.tasks[1].task_id
    assert run.failed_reference_task_names == ["try_it__1"]


def test_a_join_has_the_outputs_of_its_branches():
    wf = example_workflow(fork_join_task("split"), simple_task("z"))
    run = example_workflow_run(wf, outputs={"split_left": {"n": 1}})
    assert [name for name, _ in told(run)] == ["split", "split_left", "split_right", "split_join", "z"]
    assert run.task("split_join").output_data == {"split_left": {"n": 1}}
    assert run.task("z").start_time == run.task("split_left").end_time


def test_a_dynamic_fork_runs_what_its_input_lists():
    wf = example_workflow(dynamic_fork_task("each"))
    tasks = [simple_task(f"t{n}").to_dict() for n in range(3)]
    run = example_workflow_run(wf, {"tasks": tasks, "inputs": {"t1": {"n": 1}}})
    assert [name for name, _ in told(run)] == ["each", "t0", "t1", "t2", "each_join"]
    assert run.task("t1").input_data["n"] == 1
    assert run.task("each").input_data["forkedTasks"] == ["t0", "t1", "t2"]


def test_a_terminate_ends_the_run_as_it_says():
    stop = terminate_task("stop", "FAILED", "enough", input_parameters={"workflowOutput": {"n": 1}})
    run = example_workflow_run(example_workflow(simple_task("a"), stop, simple_task("z")))
    assert told(run) == [("a", "COMPLETED"), ("stop", "COMPLETED")]
    assert (run.status, run.reason_for_incompletion) == ("FAILED", "enough")
    done = terminate_task("stop", input_parameters={"workflowOutput": {"n": 1}})
    assert example_workflow_run(example_workflow(done)).output == {"n": 1}


@pytest.mark.parametrize("generator", list(TASK_GENERATORS.values()))
def test_a_task_of_any_type_can_be_run_drawn_and_sent(generator):
    run = example_workflow_run(example_workflow(generator(), simple_task("after")))
    assert run.is_terminal
    assert draw(run).text(color=False).startswith("example v1  ✓ COMPLETED")
    assert Workflow.from_dict(run.to_dict()).to_dict() == run.to_dict()


def test_a_sub_workflow_has_the_id_of_its_child():
    run = example_workflow_run(example_workflow(sub_workflow_task("inner")))
    assert run.tasks[0].sub_workflow_id == run.tasks[0].output_data["subWorkflowId"]


def test_any_field_of_a_run_can_be_given():
    run = example_workflow_run(example_workflow(), correlation_id="c-1", workflow_id="w-1", began=5, milliseconds=10)
    assert (run.correlation_id, run.workflow_id, run.end_time) == ("c-1", "w-1", 15)
    assert {task.workflow_instance_id for task in run.tasks} == {"w-1"}
    with pytest.raises(TypeError, match="corelation"):
        example_workflow_run(example_workflow(), corelation_id="c-1")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${a.output.list[1].n}", 2),
        ("${a.output['list'][0].n}", 1),
        ("${a.output.list[9].n}", None),
        ("${nobody.output.x}", None),
        ("n is ${a.output.list[0].n}, ${a.output.none}", "n is 1, null"),
        ("plain", "plain"),
        ({"k": ["${a.output.list[0]}"]}, {"k": [{"n": 1}]}),
    ],
)
def test_expressions_name_what_a_run_has(text, value):
    assert resolved(text, {"a": {"output": {"list": [{"n": 1}, {"n": 2}]}}}) == value
