"""The language: adding steps, names, options, definitions."""

from datetime import datetime, timedelta, timezone

import pytest

from conductor import TaskDef, Worker, WorkerRegistry, Workflow, WorkflowDef, WorkflowDefinitionError, worker_task
from conductor.workflow import (
    http,
    inline,
    jq,
    raw,
    set_variable,
    simple,
    start_workflow,
    sub_workflow,
    terminate,
    wait,
)


def tasks(*steps):
    workflow = Workflow("w")
    workflow.add(*steps)
    return workflow.to_dict()["tasks"]


def one(step):
    (task,) = tasks(step)
    return task


def test_a_workflow_is_its_definition():
    workflow = Workflow("order", description="Orders", owner_email="shop@example.com")
    price = workflow.add(simple("price", sku=workflow.input.sku))
    workflow >> simple("pay", amount=price.output.total)
    workflow.returns(total=price.output.total)
    assert workflow.to_dict() == {
        "name": "order",
        "version": 1,
        "description": "Orders",
        "ownerEmail": "shop@example.com",
        "tasks": [
            {
                "name": "price",
                "taskReferenceName": "price",
                "type": "SIMPLE",
                "inputParameters": {"sku": "${workflow.input.sku}"},
            },
            {
                "name": "pay",
                "taskReferenceName": "pay",
                "type": "SIMPLE",
                "inputParameters": {"amount": "${price.output.total}"},
            },
        ],
        "outputParameters": {"total": "${price.output.total}"},
    }
    assert isinstance(workflow.to_def(), WorkflowDef)
    assert workflow.to_def().to_dict() == workflow.to_dict()


def test_every_field_of_a_definition_can_be_given():
    failure = Workflow("undo")
    workflow = Workflow(
        "order",
        3,
        description="d",
        input_parameters={"sku": "none"},
        output_parameters={"a": 1},
        timeout=timedelta(minutes=2),
        failure_workflow=failure,
        failure_workflow_version=2,
        restartable=False,
        status_listener=True,
        status_listener_sink="kafka:topic",
        variables={"v": 1},
        input_template={"b": 2},
        rate_limit=("${workflow.input.sku}", 5),
        masked_fields=["card"],
        input_schema={"name": "in", "version": 1, "type": "JSON"},
        output_schema={"name": "out", "version": 1, "type": "JSON"},
        enforce_schema=True,
        cache=("k", 60),
        owner_email="a@b.c",
        owner_app="shop",
        metadata={"m": 1},
        tags={"team": "pay"},
        overwrite_tags=True,
        schema_version=2,
        fields={"newer": 1},
    )
    assert workflow.to_dict() == {
        "name": "order",
        "version": 3,
        "description": "d",
        "tasks": [],
        "inputParameters": ["sku"],
        "inputTemplate": {"sku": "none", "b": 2},
        "outputParameters": {"a": 1},
        "timeoutSeconds": 120,
        "timeoutPolicy": "TIME_OUT_WF",
        "failureWorkflow": "undo",
        "failureWorkflowVersion": 2,
        "restartable": False,
        "workflowStatusListenerEnabled": True,
        "workflowStatusListenerSink": "kafka:topic",
        "variables": {"v": 1},
        "rateLimitConfig": {"rateLimitKey": "${workflow.input.sku}", "concurrentExecLimit": 5},
        "maskedFields": ["card"],
        "inputSchema": {"name": "in", "version": 1, "type": "JSON"},
        "outputSchema": {"name": "out", "version": 1, "type": "JSON"},
        "enforceSchema": True,
        "cacheConfig": {"key": "k", "ttlInSecond": 60},
        "ownerEmail": "a@b.c",
        "ownerApp": "shop",
        "metadata": {"m": 1},
        "tags": [{"key": "team", "value": "pay"}],
        "overwriteTags": True,
        "schemaVersion": 2,
        "newer": 1,
    }
    assert workflow.to_def().to_dict() == workflow.to_dict()


def test_reference_names_are_readable_unique_and_stable():
    steps = [simple("charge card"), simple("charge card"), simple("charge_card"), simple("pay", ref="mine"), http("/")]
    assert [t["taskReferenceName"] for t in tasks(*steps)] == [
        "charge_card", "charge_card_2", "charge_card_3", "mine", "http",
    ]  # fmt: skip


def test_every_option_of_a_step_can_be_given():
    options = {
        "ref": "r",
        "description": "d",
        "optional": True,
        "permissive": False,
        "async_complete": True,
        "start_delay": timedelta(minutes=1),
        "retry_count": 2,
        "cache": ("${workflow.input.k}", 60),
        "rate_limited": True,
        "task_definition": TaskDef(name="t", retry_count=0),
        "on_state_change": {"onStart": [{"type": "audit", "payload": {}}]},
        "metadata": {"m": 1},
        "fields": {"newer": [1]},
    }
    expected = {
        "name": "t",
        "taskReferenceName": "r",
        "type": "SIMPLE",
        "inputParameters": {"a": 1},
        "description": "d",
        "optional": True,
        "permissive": False,
        "asyncComplete": True,
        "startDelay": 60,
        "retryCount": 2,
        "cacheConfig": {"key": "${workflow.input.k}", "ttlInSecond": 60},
        "rateLimited": True,
        "taskDefinition": {"name": "t", "retryCount": 0},
        "onStateChange": {"onStart": [{"type": "audit", "payload": {}}]},
        "metadata": {"m": 1},
        "newer": [1],
    }
    assert one(simple("t", a=1, **options)) == expected
    assert one(http("/", name="t", inputs={"a": 1}, **options)) == {
        **expected,
        "type": "HTTP",
        "inputParameters": {"http_request": {"uri": "/", "method": "GET"}, "a": 1},
    }


def test_an_unknown_option_is_an_error_that_lists_the_options():
    with pytest.raises(TypeError, match=r"no option 'retries'.* Options are: ref, name, description, .*retry_count"):
        http("/", retries=3)


@worker_task("greet_person", registry=WorkerRegistry())
def greet(name: str, polite: bool = False) -> str:
    return name


def test_a_decorated_function_is_a_step():
    workflow = Workflow("w")
    step = workflow.add(simple(greet, name=workflow.input["name"]))
    assert step.ref == "greet_person"
    assert step.signature.required == ("name",)
    assert step.signature.accepted == ("name", "polite")
    assert step.signature.outputs == ("result",)
    assert workflow.to_dict()["tasks"] == [
        {
            "name": "greet_person",
            "taskReferenceName": "greet_person",
            "type": "SIMPLE",
            "inputParameters": {"name": "${workflow.input.name}"},
        }
    ]


def test_a_worker_and_a_plain_function_are_steps():
    def plain(a):
        return a

    assert one(simple(Worker(plain, "other")))["name"] == "other"
    assert one(simple(plain))["name"] == "plain"


@pytest.mark.parametrize("wrong", [3, lambda: 1, dict])
def test_only_workers_and_steps_become_steps(wrong):
    with pytest.raises(TypeError, match="simple|has no name"):
        simple(wrong)


def test_inputs_with_the_names_of_options_go_into_a_mapping():
    assert one(simple("t", {"ref": 1, "optional": 2}, name="n"))["inputParameters"] == {
        "ref": 1,
        "optional": 2,
        "name": "n",
    }


@pytest.mark.parametrize(
    "wrong",
    [
        lambda w: simple("t", "x"),
        lambda w: simple("t", w.input),
        lambda w: inline("1", ["a"]),
        lambda w: http("/", inputs=3),
        lambda w: sub_workflow("x", w.input),
        lambda w: start_workflow("x", w.input),
    ],
)
def test_inputs_have_names(wrong):
    with pytest.raises(TypeError, match="Input parameters must be a dict of names and values"):
        wrong(Workflow("w"))


def test_python_values_become_json():
    when = datetime(2027, 1, 31, 18, 30, tzinfo=timezone.utc)
    values = {"when": when, "pair": (1, 2), "definition": TaskDef(name="t")}
    assert one(simple("t", values))["inputParameters"] == {
        "when": "2027-01-31T18:30:00+00:00",
        "pair": [1, 2],
        "definition": {"name": "t"},
    }


def test_http():
    step = http(
        "http://shop/x",
        "POST",
        headers={"X-A": "1"},
        body={"a": 1},
        accept="text/plain",
        content_type="application/json",
        connection_timeout_ms=10,
        read_timeout_ms=20,
        encode=False,
        hedging={"maxAttempts": 2},
    )
    assert one(step) == {
        "name": "http",
        "taskReferenceName": "http",
        "type": "HTTP",
        "inputParameters": {
            "http_request": {
                "uri": "http://shop/x",
                "method": "POST",
                "headers": {"X-A": "1"},
                "body": {"a": 1},
                "accept": "text/plain",
                "contentType": "application/json",
                "connectionTimeOut": 10,
                "readTimeOut": 20,
                "encode": False,
                "hedgingConfig": {"maxAttempts": 2},
            }
        },
    }


def test_http_with_its_parameters_at_the_top():
    assert one(http("/", flat=True))["inputParameters"] == {"uri": "/", "method": "GET"}


@pytest.mark.parametrize(
    ("step", "inputs"),
    [
        (inline("$.a + 1", {"a": 1}), {"evaluatorType": "javascript", "expression": "$.a + 1", "a": 1}),
        (inline("return 1", evaluator="python"), {"evaluatorType": "python", "expression": "return 1"}),
        (jq(".a", {"a": 1}), {"a": 1, "queryExpression": ".a"}),
        (jq(".a", inputs={"a": 1}), {"a": 1, "queryExpression": ".a"}),
        (set_variable({"name": 1}, total=2), {"name": 1, "total": 2}),
        (wait(5), {"duration": "5 seconds"}),
        (wait(0.2), {"duration": "1 seconds"}),
        (wait(timedelta(minutes=2)), {"duration": "120 seconds"}),
        (wait("1 days 2 hours"), {"duration": "1 days 2 hours"}),
        (wait(until=datetime(2027, 1, 31, 18, 30)), {"until": "2027-01-31 18:30"}),
        (wait(until=datetime(2027, 1, 31, 18, tzinfo=timezone(timedelta(hours=2)))), {"until": "2027-01-31 16:00 UTC"}),
        (terminate(), {"terminationStatus": "COMPLETED"}),
        (
            terminate("FAILED", "why", {"a": 1}),
            {"terminationStatus": "FAILED", "terminationReason": "why", "workflowOutput": {"a": 1}},
        ),
        (raw("NEWER", {"a": 1}), {"a": 1}),
    ],
)  # fmt: skip
def test_inputs_of_system_tasks(step, inputs):
    assert one(step)["inputParameters"] == inputs


def test_variables_in_a_mapping_leave_the_keywords_to_options():
    task = one(set_variable({"optional": "a variable"}, optional=True, retry_count=3, name="n", more=2))

    assert task["inputParameters"] == {"optional": "a variable", "more": 2}
    assert (task["name"], task["optional"], task["retryCount"]) == ("n", True, 3)


def test_a_keyword_that_may_be_a_variable_or_an_option_is_refused():
    with pytest.raises(TypeError, match=r"set_variable\(name=\.\.\.\) is ambiguous, because 'name' is also an option"):
        set_variable(total=1, name="x")
    assert one(set_variable(total=1, ref="r", fields={"optional": True}))["optional"]


def test_a_wait_without_a_time_has_no_input():
    assert one(wait()) == {"name": "wait", "taskReferenceName": "wait", "type": "WAIT"}


def test_a_task_can_be_given_in_its_wire_form():
    wire = {"name": "n", "taskReferenceName": "r", "type": "NEWER", "inputParameters": {"a": 1}, "x": {"y": 1}}
    assert one(raw(wire)) == wire


def test_steps_are_found():
    workflow = Workflow("w")
    step = workflow.add(simple("a", ref="first"))
    assert workflow.step("first") is step
    assert workflow.steps == [step]
    with pytest.raises(KeyError, match="has no step 'second'; it has: first"):
        workflow.step("second")


def test_only_steps_can_be_added():
    with pytest.raises(TypeError, match="pass a step, a list of branches or a function"):
        Workflow("w").add(3)


def test_a_workflow_with_an_invalid_value_is_drawn_and_refused_later():
    workflow = Workflow("w")
    workflow >> simple("a", retry_count="three") >> simple("b")

    assert "b" in str(workflow.draw())
    with pytest.raises(WorkflowDefinitionError, match="is not a valid definition.*retry_count") as raised:
        workflow.to_def()
    assert [problem.code for problem in raised.value.problems] == ["WRONG_TYPE"]


def test_a_workflow_draws_itself():
    workflow = Workflow("drawn")
    workflow >> simple("first") >> [simple("left"), simple("right")]
    assert "first" in workflow.draw().mermaid()
    assert "right" in str(workflow.draw())
    assert "<svg" in workflow._repr_html_()
