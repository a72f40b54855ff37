"""What an edition adds to the engine: task types, masks, schemas, and executions that have to wait."""

from engine_bench import Bench, simple

from conductor.server.engine.commands import Enqueue
from conductor.server.engine.definitions import render, render_failed
from conductor.server.engine.extensions import Extensions, TaskKind
from conductor.server.engine.json_schema import schema_faults
from conductor.server.engine.state import IN_PROGRESS, SCHEDULED
from conductor.server.engine.tasks.blocking import YIELD, is_blocking
from conductor.server.engine.timeouts import next_deadline, waits_for_update
from conductor.server.services.search import summary, task_summary

PAUSE = {"name": "pause", "taskReferenceName": "pause", "type": "YIELD", "inputParameters": {"a": 1}}


def task(reference, kind, **more):
    return {"name": reference, "taskReferenceName": reference, "type": kind, **more}


def test_a_type_of_an_edition_is_a_worker_task_elsewhere():
    task_defs = [{"name": "pause"}]
    bench = Bench([PAUSE], task_defs)
    (other,) = bench.execution.tasks
    assert (other["taskType"], other["status"]) == ("YIELD", SCHEDULED)
    assert [type(command) for command in bench.execution.commands] == [Enqueue]

    bench = Bench([PAUSE, simple("next")], task_defs, extensions=Extensions(kinds={"YIELD": YIELD}))
    (own,) = bench.execution.tasks
    assert (own["status"], own["inputData"], bench.execution.commands) == (IN_PROGRESS, {"a": 1}, [])
    assert is_blocking(own)
    assert waits_for_update(own)
    assert next_deadline(bench.execution) is None, "a signal has no response timeout"
    bench.update(own, outputData={"ok": True})
    assert bench.states() == [("pause", "COMPLETED", 0), ("next", "SCHEDULED", 0)]


def test_a_type_of_an_edition_starts_runs_and_is_canceled():
    calls = []

    def start(run):
        calls.append("start")
        run.task.update(status=IN_PROGRESS, _nextRun=run.context.now + 5000)

    def run(run):
        if run.context.now < run.task["_nextRun"]:
            return False
        calls.append("run")
        return run.complete({"done": True})

    kind = TaskKind(YIELD.plan, start, run, cancel=lambda run: calls.append(f"cancel {run.task['referenceTaskName']}"))
    extensions = Extensions(kinds={"YIELD": YIELD, "TICK": TaskKind(_plan, start, run, kind.cancel)})
    bench = Bench([task("tick", "TICK")], extensions=extensions)
    assert next_deadline(bench.execution) == bench.now + 5000
    bench.after(4.999)
    assert bench.status == "RUNNING"
    bench.after(0.001)
    assert (bench.status, calls) == ("COMPLETED", ["start", "run"])

    stop = task("stop", "TERMINATE", inputParameters={"terminationStatus": "FAILED"})
    fork = task("fork", "FORK_JOIN", forkTasks=[[task("tick", "TICK")], [stop]])
    bench = Bench([fork, task("join", "JOIN", joinOn=["tick"])], extensions=extensions)
    assert bench.status == "FAILED"
    assert calls[-1] == "cancel tick"


def _plan(plan):
    return [plan.document("TICK", SCHEDULED, plan.input())]


def test_readers_do_not_see_masked_values():
    extensions = Extensions(masks=lambda definition: ["_secrets", *definition.get("maskedFields", [])])
    given = {"card": "4111", "deep": [{"card": {"n": 1}}], "_secrets": {"x": "y"}, "plain": "4111"}
    first = simple("pay", inputParameters={"card": "${workflow.input.card}"})
    second = simple("next", inputParameters={"seen": "${pay.output.card}"})
    bench = Bench([first, second], maskedFields=["card"], extensions=extensions, inputs=given)
    bench.update(bench.poll("pay"), outputData={"card": "tok", "ok": True})
    shown = render(bench.execution)
    assert shown["input"] == {"card": "***", "deep": [{"card": "***"}], "_secrets": "***", "plain": "4111"}
    assert (shown["tasks"][0]["inputData"], shown["tasks"][0]["outputData"]) == (
        {"card": "***"},
        {"card": "***", "ok": True},
    )
    pay, following = bench.execution.tasks
    assert (pay["inputData"], following["inputData"]) == ({"card": "4111"}, {"seen": "tok"})
    assert "4111" not in render_failed(bench.execution)["tasks"][0]["inputData"].values()
    assert summary(bench.execution.workflow, {})["input"].count("***") == 3
    assert task_summary(pay)["input"] == "{card=***}"


def _only_numbers(_, value):
    return None if all(isinstance(one, int) for one in value.values()) else "$: must be numbers"


def test_schemas_refuse_inputs_and_outputs_of_tasks():
    extensions = Extensions(schema_fault=_only_numbers)
    schema = {"name": "numbers"}
    for reference, more, given, output, expected in (
        ("t", {"inputSchema": schema, "enforceSchema": True}, {"n": "x"}, {}, "Invalid input of the task"),
        ("t", {"outputSchema": schema, "enforceSchema": True}, {"n": 1}, {"n": "x"}, "Invalid output of the task"),
        ("t", {"inputSchema": schema, "enforceSchema": True}, {"n": 1}, {"n": "x"}, None),
        ("t", {"inputSchema": schema, "outputSchema": schema, "enforceSchema": False}, {"n": "x"}, {"n": "x"}, None),
    ):
        one = simple(reference, inputParameters=given)
        bench = Bench([one], [{"name": "t", **more}], extensions=extensions)
        if bench.status == "RUNNING":
            bench.update(bench.poll(), outputData=output)
        assert bench.status == ("COMPLETED" if expected is None else "FAILED"), (more, given)
        last = bench.execution.tasks[-1]
        if expected is not None:
            assert last["status"] == "FAILED_WITH_TERMINAL_ERROR"
            assert last["retryCount"] == 0, "a violation is not retried"
            assert expected in last["reasonForIncompletion"]
            assert expected in bench.reason


def test_an_output_that_violates_its_schema_fails_the_workflow():
    extensions = Extensions(schema_fault=_only_numbers)
    for output, expected in (({"n": 1}, "COMPLETED"), ({"n": "x"}, "FAILED")):
        bench = Bench([simple()], outputSchema={"name": "numbers"}, extensions=extensions)
        bench.update(bench.poll(), outputData=output)
        assert (bench.status, bench.execution.workflow["output"]) == (expected, output)


def test_an_execution_that_is_not_admitted_schedules_nothing():
    admitted = []
    extensions = Extensions(admits=lambda _: bool(admitted))
    bench = Bench([simple()], timeoutSeconds=10, timeoutPolicy="TIME_OUT_WF", extensions=extensions)
    assert (bench.states(), bench.status) == ([], "RUNNING")
    admitted.append(True)
    bench.advance()
    assert bench.states() == [("t", "SCHEDULED", 0)]
    admitted.clear()
    bench = Bench([simple()], timeoutSeconds=10, timeoutPolicy="TIME_OUT_WF", extensions=extensions)
    bench.after(10)
    assert bench.status == "TIMED_OUT"


#: A schema, values that it allows, and values that violate it.
SCHEMAS = [
    ({"type": "object", "required": ["a"]}, [{"a": None}], [{}, [], "a"]),
    ({"type": ["string", "null"]}, ["", None], [1, {}]),
    ({"type": "integer"}, [1, 1.0], [1.5, True, "1"]),
    ({"type": "number"}, [1, 1.5], [True, None]),
    ({"properties": {"a": {"type": "string"}}}, [{"a": "x"}, {"b": 1}, []], [{"a": 1}]),
    ({"properties": {"a": True}, "additionalProperties": False}, [{"a": 1}], [{"b": 1}]),
    ({"additionalProperties": {"type": "string"}}, [{"b": "x"}], [{"b": 1}]),
    (
        {"patternProperties": {"^n_": {"type": "number"}}, "additionalProperties": False},
        [{"n_a": 1}],
        [{"n_a": "x"}, {"a": 1}],
    ),
    ({"propertyNames": {"maxLength": 2}}, [{"ab": 1}], [{"abc": 1}]),
    ({"minProperties": 1, "maxProperties": 2}, [{"a": 1}], [{}, {"a": 1, "b": 2, "c": 3}]),
    ({"dependentRequired": {"a": ["b"]}}, [{"a": 1, "b": 2}, {"b": 1}], [{"a": 1}]),
    ({"dependentSchemas": {"a": {"required": ["b"]}}}, [{}], [{"a": 1}]),
    ({"dependencies": {"a": ["b"], "c": {"required": ["d"]}}}, [{"a": 1, "b": 1}], [{"a": 1}, {"c": 1}]),
    ({"items": {"type": "integer"}, "minItems": 1, "maxItems": 2}, [[1]], [[], ["x"], [1, 2, 3]]),
    ({"prefixItems": [{"type": "string"}], "items": False}, [["a"], []], [["a", 1], [1]]),
    ({"items": [{"type": "string"}], "additionalItems": {"type": "null"}}, [["a", None]], [["a", 1]]),
    ({"uniqueItems": True}, [[1, True, "1"]], [[{"a": 1}, {"a": 1}]]),
    ({"contains": {"const": 1}, "maxContains": 1}, [[1, 2]], [[], [1, 1], [True]]),
    ({"minLength": 1, "maxLength": 2, "pattern": "a"}, ["ba", 7], ["", "b", "aaa"]),
    ({"pattern": "^(a+)+-(b|c)+$"}, ["aa-bc"], ["aa-d"]),
    ({"minimum": 1, "exclusiveMaximum": 3}, [1, 2.9], [0, 3]),
    ({"maximum": 3, "exclusiveMaximum": True}, [2], [3]),
    ({"multipleOf": 0.1}, [0.3, 1], [0.25]),
    ({"enum": [1, "a", {"b": []}]}, [1, "a", {"b": []}], [True, "b", {"b": {}}]),
    ({"const": None}, [None], [0, False]),
    ({"allOf": [{"minimum": 1}, {"maximum": 2}]}, [1], [0, 3]),
    ({"anyOf": [{"type": "string"}, {"type": "null"}]}, [None], [1]),
    ({"oneOf": [{"minimum": 2}, {"maximum": 3}]}, [1, 4], [2]),
    ({"not": {"type": "string"}}, [1], ["a"]),
    (
        {"if": {"required": ["a"]}, "then": {"required": ["b"]}, "else": {"required": ["c"]}},
        [{"a": 1, "b": 1}, {"c": 1}],
        [{"a": 1}, {}],
    ),
    (
        {"$defs": {"n~/x": {"type": "null"}}, "properties": {"a": {"$ref": "#/$defs/n~0~1x"}}},
        [{"a": None}],
        [{"a": 1}],
    ),
    (
        {"definitions": {"t": {"items": {"$ref": "#/definitions/t"}, "type": "array"}}, "$ref": "#/definitions/t"},
        [[[], [[]]]],
        [[1]],
    ),
    ({}, [1, None], []),
    (True, [1], []),
    (False, [], [1]),
    ({"$ref": "https://example.com/other.json"}, [], [1]),
    ({"$ref": "#"}, [], [1]),
    ({"minimum": "x"}, ["a"], [1]),
    ({"pattern": "("}, [1], ["a"]),
    ("text", [], [1]),
]


def test_json_schemas():
    for schema, valid, invalid in SCHEMAS:
        for value in valid:
            assert schema_faults(schema, value) == []
        for value in invalid:
            faults = schema_faults(schema, value)
            assert faults, (schema, value)
            assert all(isinstance(one, str) for one in faults)


def test_a_message_lists_where_a_value_violates_its_schema():
    schema = {"properties": {"items": {"items": {"required": ["id"]}}}, "required": ["name"]}
    assert schema_faults(schema, {"items": [{"id": 1}, {}]}) == [
        "$: the required property 'name' is missing",
        "$.items[1]: the required property 'id' is missing",
    ]
    assert len(schema_faults({"items": False}, list(range(50)))) == 10
