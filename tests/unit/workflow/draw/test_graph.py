import pytest

from conductor.diagram import draw
from conductor.diagram.graph import KINDS, Kind, kind_of
from conductor.diagram.labels import duration
from conductor.diagram.reader import graph_of
from conductor.errors import UnexpectedResponseError
from conductor.models import SubWorkflowParams, Task, TaskType, Workflow, WorkflowDef, WorkflowTask
from conductor.testing.generators import example_workflow, example_workflow_run, simple_task, sub_workflow_task


def shape(steps):
    """A graph's structure as plain lists: references, and the lanes of each."""
    return [
        (step.ref, [(lane.label, shape(lane.steps)) for lane in step.lanes]) if step.lanes else step.ref
        for step in steps
    ]


def find(graph, ref):
    return next(step for step in graph.walk() if step.ref == ref)


def test_a_definition_becomes_a_tree_of_its_blocks(blocks):
    assert shape(graph_of(blocks).steps) == [
        "fetch",
        ("route", [("gold", ["pack"]), ("none", ["stop"]), ("default", [])]),
        ("split", [("", ["left"]), ("", ["right"]), ("", ["late"])]),
        "both",
        ("again", [("", ["try_it"])]),
        "each",
        "each_join",
        ("inner", [("", ["deep"])]),
    ]


def test_a_branch_without_a_join_is_marked(blocks):
    assert [lane.joined for lane in find(graph_of(blocks), "split").lanes] == [True, True, False]


def test_a_fork_without_a_join_is_marked():
    fork = WorkflowTask("f", "f", type="FORK_JOIN", fork_tasks=[[WorkflowTask("a", "a")]])
    (step,) = graph_of(WorkflowDef("w", [fork])).steps
    assert (step.detail, step.lanes[0].joined) == ("no JOIN follows", True)


@pytest.mark.parametrize("task_type", list(TaskType))
def test_every_task_type_has_a_kind(task_type):
    assert task_type.value in KINDS


def test_an_unknown_type_is_a_worker_task():
    (step,) = graph_of(WorkflowDef("w", [WorkflowTask("a", "a", type="BRAND_NEW")])).steps
    assert (step.kind, step.type, kind_of("BRAND_NEW")) == (Kind.WORKER, "BRAND_NEW", Kind.WORKER)


@pytest.mark.parametrize(
    ("task_type", "fields", "detail"),
    [
        ("HTTP", {"input_parameters": {"uri": "http://a/b?key=1"}}, "GET http://a/b"),
        ("SWITCH", {"expression": "x", "input_parameters": {"x": "${a.output.b}"}}, "${a.output.b}"),
        ("SWITCH", {"evaluator_type": "javascript", "expression": "$.x > 3"}, "$.x > 3"),
        ("DECISION", {"case_value_param": "x"}, "x"),
        ("DO_WHILE", {"items": "${a.output.b}", "loop_condition": "true"}, "for each of ${a.output.b}"),
        ("DO_WHILE", {"loop_condition": "$.x < 3"}, "while $.x < 3"),
        ("WAIT", {"input_parameters": {"duration": "3 mins"}}, "for 3 mins"),
        ("WAIT", {"input_parameters": {"until": "2030-01-01"}}, "until 2030-01-01"),
        ("WAIT", {}, "until signaled"),
        ("SUB_WORKFLOW", {"sub_workflow_param": SubWorkflowParams("small", 3)}, "small v3"),
        ("START_WORKFLOW", {"input_parameters": {"startWorkflow": {"name": "other"}}}, "other"),
        ("KAFKA_PUBLISH", {"input_parameters": {"kafka_request": {"topic": "orders"}}}, "orders"),
        ("HUMAN", {"input_parameters": {"__humanTaskDefinition": {"displayName": "Approve"}}}, "Approve"),
        ("EVENT", {"sink": "kafka:orders"}, "kafka:orders"),
        ("TERMINATE", {"input_parameters": {"terminationStatus": "FAILED", "terminationReason": "no"}}, "FAILED: no"),
        ("SET_VARIABLE", {"input_parameters": {"a": 1, "b": 2}}, "a, b"),
        ("JSON_JQ_TRANSFORM", {"input_parameters": {"queryExpression": ".a"}}, ".a"),
        ("DYNAMIC", {"dynamic_task_name_param": "n", "input_parameters": {"n": "${a.output.n}"}}, "${a.output.n}"),
        ("LLM_CHAT_COMPLETE", {"input_parameters": {"llmProvider": "openai", "model": "m"}}, "openai m"),
    ],
)
def test_a_step_shows_its_detail(task_type, fields, detail):
    (step,) = graph_of(WorkflowDef("w", [WorkflowTask("a", "a", type=task_type, **fields)])).steps
    assert step.detail == detail


def test_an_execution_shows_status_attempts_iterations_and_times(execution):
    graph = graph_of(execution)
    assert (graph.name, graph.version, graph.run.status, graph.run.milliseconds) == ("kitchen", 2, "FAILED", 75_000)
    fetch, tried = find(graph, "fetch").run, find(graph, "try_it").run
    assert (fetch.status, fetch.retries, fetch.iterations, fetch.milliseconds) == ("COMPLETED", 1, 0, 1500)
    assert (tried.status, tried.retries, tried.iterations, tried.milliseconds) == ("COMPLETED", 1, 2, 3000)
    assert find(graph, "late").run.milliseconds is None
    assert find(graph, "stop").run is None


def test_an_execution_shows_which_case_it_took(execution, blocks):
    assert [lane.taken for lane in find(graph_of(execution), "route").lanes] == [True, False, False]
    assert [lane.taken for lane in find(graph_of(blocks), "route").lanes] == [None, None, None]


def test_a_taken_empty_case_is_found_in_the_output_of_the_switch(execution):
    execution.tasks = [task for task in execution.tasks if task.reference_task_name != "pack"]
    execution.task("route").output_data = {"selectedCase": "silver"}
    assert [lane.taken for lane in find(graph_of(execution), "route").lanes] == [False, False, True]


def test_a_dynamic_fork_shows_its_branches(execution):
    lanes = find(graph_of(execution), "each").lanes
    assert [(lane.steps[0].ref, lane.steps[0].run.status) for lane in lanes] == [
        ("one", "COMPLETED"),
        ("two", "FAILED"),
    ]


def test_of_many_branches_twelve_are_shown_failed_ones_first(execution, blocks):
    names = [f"b{n}" for n in range(200)]
    done = [Task(status="FAILED" if n == 150 else "COMPLETED", reference_task_name=f"b{n}") for n in range(200)]
    fork = Task(status="COMPLETED", reference_task_name="each", input_data={"forkedTasks": names})
    lanes = find(graph_of(Workflow(workflow_definition=blocks, tasks=[fork, *done])), "each").lanes
    refs = [lane.steps[0].ref for lane in lanes]
    assert refs[-2:] == ["b150", "188 more branches"]
    assert lanes[-1].steps[0].run.status == "188 COMPLETED"


def test_an_execution_without_its_definition_shows_its_tasks(execution):
    execution.workflow_definition = None
    assert [step.ref for step in graph_of(execution).steps][:4] == ["fetch", "route", "pack", "split"]


def test_the_wire_form_is_drawn_like_the_model(blocks, execution):
    assert graph_of(blocks.to_dict()) == graph_of(blocks)
    assert graph_of(execution.to_dict()) == graph_of(execution)


def test_an_object_with_a_definition_is_drawn(blocks):
    class Builder:
        def to_def(self):
            return blocks

    assert graph_of(Builder()) == graph_of(blocks)


@pytest.mark.parametrize("subject", [None, 3, "text", object(), {}, {"a": 1}])
def test_an_object_without_a_definition_is_refused(subject):
    with pytest.raises(TypeError, match="cannot be drawn"):
        graph_of(subject)


def test_invalid_values_of_a_definition_are_ignored():
    definition = {
        "name": ["w"],
        "version": "first",
        "tasks": [
            {"name": "a", "taskReferenceName": "a", "retryCount": "three", "inputParameters": []},
            {"type": "NOOP"},
            None,
            {"taskReferenceName": "s", "type": "SWITCH", "decisionCases": {"x": [3, {"name": "b"}], "y": 5}},
            {"taskReferenceName": "f", "type": "FORK_JOIN", "forkTasks": [[{"taskReferenceName": "c"}], {}]},
            {"taskReferenceName": "l", "type": "DO_WHILE", "loopOver": {"d": 1}},
        ],
    }
    expected = [
        "a",
        "",
        ("s", [("x", [""]), ("y", []), ("default", [])]),
        ("f", [("", ["c"]), ("", [])]),
        ("l", [("", [])]),
    ]
    assert shape(graph_of(definition).steps) == expected
    assert shape(graph_of({"workflowId": "i", "workflowDefinition": definition}).steps) == expected
    assert shape(graph_of({"name": "w", "tasks": 3}).steps) == []
    assert "retryCount" in definition["tasks"][0]


def test_an_invalid_execution_is_refused_with_the_path():
    with pytest.raises(UnexpectedResponseError, match="tasks"):
        graph_of({"workflowId": "i", "tasks": 3})


def test_sub_workflows_are_drawn_with_their_states():
    deep = example_workflow(simple_task("deep"), name="deep")
    small = example_workflow(simple_task("a"), sub_workflow_task("b", "deep"), name="small", version=1)
    large = example_workflow(sub_workflow_task("one", "small"), sub_workflow_task("two", "small", 2), name="large")
    expected = [("one", [("", ["a", ("b", [("", ["deep"])])])]), "two"]
    assert shape(graph_of(large, [small, deep]).steps) == expected
    run = example_workflow_run(large)
    child = example_workflow_run(small, status="FAILED", workflow_id=run.task("one").sub_workflow_id)
    graph = graph_of(run, [child, deep])
    assert shape(graph.steps) == expected
    assert [find(graph, ref).run and find(graph, ref).run.status for ref in ("one", "a", "b", "deep")] == [
        "COMPLETED",
        "COMPLETED",
        "FAILED",
        None,
    ]
    assert [find(graph, ref).executed for ref in ("b", "deep")] == [True, False]


def test_steps_without_data_do_not_look_skipped():
    large = example_workflow(sub_workflow_task("one", example_workflow(simple_task("a"), name="small")))
    diagram = draw(example_workflow_run(large))
    assert 'n2("a"):::plain' in diagram.mermaid()
    assert "n1 --> n2" in diagram.mermaid()
    assert "-.->" not in diagram.mermaid()
    assert 'class="faint' not in diagram.svg()


def test_workflows_that_contain_each_other_are_drawn_once():
    a = example_workflow(sub_workflow_task("x", "b"), sub_workflow_task("y", "b"), name="a")
    b = example_workflow(sub_workflow_task("z", "a"), sub_workflow_task("w", "a"), name="b")
    assert shape(graph_of(a, [a, b]).steps) == [("x", [("", ["z", "w"])]), ("y", [("", ["z", "w"])])]


def test_a_definition_that_contains_itself_is_drawn_once():
    loop = WorkflowTask("l", "l", type="DO_WHILE", loop_over=[])
    loop.loop_over.append(loop)
    loop.loop_over.append(loop)
    assert 100 < sum(1 for _ in graph_of(WorkflowDef("w", [loop])).walk()) <= 5000
    inner = WorkflowDef("w")
    inner.tasks.append(sub_workflow_task("s", inner))
    assert shape(graph_of(inner).steps) == ["s"]


@pytest.mark.parametrize(
    ("milliseconds", "words"),
    [(None, ""), (0, "0 ms"), (85, "85 ms"), (1200, "1.2 s"), (185_000, "3 min 5 s"), (7_800_000, "2 h 10 min")],
)
def test_durations_are_formatted(milliseconds, words):
    assert duration(milliseconds) == words
