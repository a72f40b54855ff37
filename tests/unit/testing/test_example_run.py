import threading

import pytest

from conductor.diagram import draw
from conductor.models import Workflow
from conductor.testing.engine import Engine
from conductor.testing.executions import BEGAN
from conductor.testing.generators import (
    TASK_GENERATORS,
    decision_task,
    do_while_task,
    dynamic_fork_task,
    dynamic_task,
    example_workflow,
    example_workflow_run,
    exclusive_join_task,
    fork_join_task,
    http_task,
    inline_task,
    join_task,
    lambda_task,
    noop_task,
    set_variable_task,
    simple_task,
    sub_workflow_task,
    switch_task,
    terminate_task,
    wait_task,
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
        ("right", "SCHEDULED" if of_sibling == "IN_PROGRESS" else of_sibling),  # the next attempt
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


def test_a_loop_runs_as_often_as_requested():
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


def from_engine(definition, given, outputs):
    """Run a workflow as the embedded server does, without a plan; each task of a worker takes a second."""
    engine = Engine()
    engine.clock.start_at(BEGAN)
    services = engine.services
    workflow_id = services.executions.start({"workflowDef": definition.to_dict(), "input": given})
    while services.executions.is_open(workflow_id):
        tasks = [one for one in services.executions.get(workflow_id)["tasks"] if one["status"] == "SCHEDULED"]
        polled = [one for task in tasks for one in services.tasks.poll(task["taskType"], "worker", None, 1)]
        if polled:
            engine.clock.set_ms(engine.clock.now_ms() + 1000)
        else:
            engine.clock.skip_to_next_event()
        for task in polled:
            ids = {"taskId": task["taskId"], "workflowInstanceId": workflow_id, "workerId": "worker"}
            output = outputs.get(task["workflowTask"]["taskReferenceName"], {})
            services.tasks.update({**ids, "status": "COMPLETED", "outputData": output})
    run = Workflow.from_dict(services.executions.get(workflow_id))
    engine.close()
    return run


#: Fields that differ between an example and the server: ids, and what is read from the definition as it was given.
UNLIKE = {"taskId", "workflowInstanceId", "workflowTask", "taskDefinition", "retriedTaskId"}


def test_an_example_is_what_the_server_makes_of_the_definition():
    wf = example_workflow(
        simple_task("a", start_delay=2),
        switch_task("route", {"x": [simple_task("b"), wait_task("pause", "3 days")], "y": []}),
        fork_join_task("split", [[simple_task("left"), simple_task("next")], [noop_task("right")]]),
        do_while_task("again", [simple_task("body")], loop_condition="", items="${a.output.list}"),
        dynamic_fork_task("each"),
        set_variable_task("set", {"kept": "${a.output.list[0]}"}),
        exclusive_join_task("any", ["b"]),
        simple_task("z", input_parameters={"text": "${workflow.variables.kept} of ${a.output.list.length()}"}),
        output_parameters={"n": "${z.input.text}", "loop": "${again.output.iteration}"},
        timeout_seconds=60,
        timeout_policy="ALERT_ONLY",
    )
    given = {"case": "x", "tasks": [simple_task("t1").to_dict()], "inputs": {"t1": {"n": 1}}}
    outputs = {"a": {"list": ["first", 2]}, "left": {"n": 1}}

    example, real = example_workflow_run(wf, given, outputs=outputs), from_engine(wf, given, outputs)

    for field in ("status", "input", "output", "variables", "start_time", "end_time", "reason_for_incompletion"):
        assert getattr(example, field) == getattr(real, field), field
    for made, was in zip(example.tasks, real.tasks, strict=True):
        made, was = made.to_dict(), was.to_dict()
        assert {k: v for k, v in made.items() if k not in UNLIKE} == {k: v for k, v in was.items() if k not in UNLIKE}


def test_an_example_starts_no_thread_and_no_process(monkeypatch):
    monkeypatch.setattr("subprocess.Popen", None)
    before = threading.enumerate()
    wf = example_workflow(inline_task("script"), lambda_task("old"), http_task("get"), do_while_task("again"))

    assert example_workflow_run(wf).is_successful
    assert threading.enumerate() == before


def test_time_passes_as_the_definition_says():
    wf = example_workflow(simple_task("a", start_delay=5), wait_task("pause", "3 days"), simple_task("b"))
    run = example_workflow_run(wf, retries={"b": 1})

    seconds = [(task.start_time - BEGAN) // 1000 for task in run.tasks]
    assert seconds == [5, 6, 6 + 3 * 86400, 6 + 3 * 86400 + 61]  # the retry delay is 60 s


def test_no_timeout_ends_an_example():
    wf = example_workflow(simple_task("a"), wait_task("pause", "3 days"), simple_task("b"), timeout_seconds=60)
    run = example_workflow_run(wf, milliseconds=10 * 3_600_000, retries={"a": 5})

    assert run.is_successful
    assert [str(task.status) for task in run.tasks] == ["FAILED"] * 5 + ["COMPLETED"] * 3


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT", "TERMINATED", "RUNNING", "PAUSED"])
def test_an_example_can_stop_at_any_kind_of_task(status):
    tasks = [
        simple_task("simple", optional=True),
        http_task("http"),
        inline_task("inline"),
        lambda_task("lambda"),
        set_variable_task("set"),
        noop_task("noop"),
        wait_task("wait"),
        sub_workflow_task("inner"),
        switch_task("switch"),
        decision_task("decision"),
        fork_join_task("fork"),
        dynamic_fork_task("each"),
        do_while_task("again"),
        terminate_task("stop"),
    ]
    wf = example_workflow(*tasks)
    of_task = {"FAILED": "FAILED", "TIMED_OUT": "TIMED_OUT", "TERMINATED": "CANCELED"}.get(status, "IN_PROGRESS")
    for name in [*(task.task_reference_name for task in tasks), "switch_a", "fork_join", "again_body"]:
        run = example_workflow_run(wf, {"case": "a"}, status=status, stops_at=name, reason="no answer")
        stopped = run.task(name)
        assert (run.status, stopped.status, stopped.retry_count) == (status, of_task, 0), name
        assert run.is_terminal is all(task.is_terminal for task in run.tasks), name


def test_an_example_needs_no_complete_input():
    unnamed, unlisted = dynamic_task("which"), dynamic_fork_task("each")
    wf = example_workflow(
        unnamed,
        unlisted,
        wait_task("pause", "${workflow.input.pause}"),
        wait_task("odd", "soon"),
        sub_workflow_task("inner", "child", None),
        do_while_task("again", items="${which.output.list}"),
        join_task("all", ["nothing"]),
        simple_task("z"),
    )
    run = example_workflow_run(wf, iterations={"again": 2})

    assert run.is_successful
    assert [name for name, status in told(run) if status == "COMPLETED"] == [
        "which", "each", "each_join", "pause", "odd", "inner", "again", "again_body__1", "again_body__2", "all", "z",
    ]  # fmt: skip


def test_a_failed_example_names_its_failure_workflow():
    run = example_workflow_run(example_workflow(simple_task("a"), failure_workflow="clean_up"), status="FAILED")

    assert list(run.output) == ["conductor.failure_workflow"]
