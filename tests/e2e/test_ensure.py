"""Comparing definitions with what the real server made of them: nothing where nothing differs, and every difference."""

import json

import pytest
from attrs import fields

from conductor import Workflow
from conductor.models import TaskDef, WorkflowDef, WorkflowTask
from conductor.models.definition_diff import compare
from conductor.workflow import simple, sub_workflow

NOT_STORED = {"create_time", "update_time", "created_by", "updated_by", "tags", "overwrite_tags", "workflow_task_type"}
SCHEMA = {"name": "order", "version": 2, "type": "JSON", "data": {"type": "object", "required": ["id"]}}
EMAIL = "test@example.com"


def task_def(name):
    """A task definition in which every option is set, and to no default of the server."""
    return {
        "name": name,
        "ownerApp": "shop",
        "description": "all of it",
        "retryCount": 7,
        "timeoutSeconds": 120,
        "inputKeys": ["a", "b"],
        "outputKeys": ["c"],
        "runtimeMetadata": ["API_KEY"],
        "timeoutPolicy": "RETRY",
        "retryLogic": "EXPONENTIAL_BACKOFF",
        "retryDelaySeconds": 5,
        "responseTimeoutSeconds": 30,
        "concurrentExecLimit": 4,
        "inputTemplate": {"deep": {"list": [1, None, {"x": False}]}, "zero": 0, "empty": ""},
        "rateLimitPerFrequency": 10,
        "rateLimitFrequencyInSeconds": 3,
        "isolationGroupId": "group",
        "executionNameSpace": "space",
        "ownerEmail": EMAIL,
        "pollTimeoutSeconds": 60,
        "backoffScaleFactor": 2,
        "maxRetryDelaySeconds": 90,
        "backoffJitterMs": 250,
        "baseType": "HTTP",
        "totalTimeoutSeconds": 600,
        "taskStatusListenerEnabled": False,
        "inputSchema": SCHEMA,
        "outputSchema": {**SCHEMA, "name": "receipt"},
        "enforceSchema": True,
    }


def step(ref, kind, **more):
    return {"name": ref, "taskReferenceName": ref, "type": kind, **more}


def workflow_def(name):
    """A workflow definition in which every option of itself and of its tasks is set."""
    simple = step(
        "charge",
        "SIMPLE",
        description="charges",
        inputParameters={"order": "${workflow.input.order}", "zero": 0, "no": False, "none": None, "list": []},
        startDelay=3,
        optional=True,
        taskDefinition={"name": "charge", "retryCount": 2, "timeoutSeconds": 90, "responseTimeoutSeconds": 40},
        rateLimited=True,
        asyncComplete=True,
        retryCount=5,
        onStateChange={"onStart": [{"type": "audit", "payload": {"to": "x"}}]},
        cacheConfig={"key": "${order}", "ttlInSecond": 60},
        permissive=True,
        metadata={"team": "pay"},
        defaultExclusiveJoinTask=["other"],
    )
    switch = step(
        "route",
        "SWITCH",
        evaluatorType="value-param",
        expression="kind",
        inputParameters={"kind": "${workflow.input.kind}"},
        decisionCases={"a": [step("in_a", "NOOP")], "b": [step("in_b", "NOOP")]},
        defaultCase=[step("otherwise", "NOOP")],
    )
    decision = step(
        "old_route",
        "DECISION",
        caseValueParam="kind",
        caseExpression="$.kind",
        inputParameters={"kind": "k"},
        decisionCases={"a": [step("in_old", "NOOP")]},
    )
    fork = step("fork", "FORK_JOIN", forkTasks=[[step("left", "NOOP")], [step("right", "NOOP")]])
    join = step("join", "JOIN", joinOn=["left", "right"], joinMode="ASYNC", joinStatus="done")
    dynamic_fork = step(
        "dynamic_fork",
        "FORK_JOIN_DYNAMIC",
        dynamicForkTasksParam="tasks",
        dynamicForkTasksInputParamName="inputs",
        inputParameters={"tasks": "${workflow.input.tasks}", "inputs": "${workflow.input.inputs}"},
    )
    old_fork = step(
        "old_fork",
        "FORK_JOIN_DYNAMIC",
        dynamicForkJoinTasksParam="both",
        inputParameters={"both": "${workflow.input.both}"},
    )
    old_join = step("old_join", "JOIN")
    dynamic_join = step("dynamic_join", "JOIN", scriptExpression="true", expression="true", evaluatorType="js")
    dynamic = step("which", "DYNAMIC", dynamicTaskNameParam="task", inputParameters={"task": "${workflow.input.task}"})
    loop = step(
        "loop",
        "DO_WHILE",
        loopCondition="if ($.loop['iteration'] < 3) { true; } else { false; }",
        loopOver=[step("round", "NOOP")],
        items="${workflow.input.items}",
    )
    child = step(
        "child",
        "SUB_WORKFLOW",
        subWorkflowParam={
            "name": "other",
            "version": 3,
            "taskToDomain": {"charge": "eu"},
            "idempotencyKey": "${workflow.input.key}",
            "idempotencyStrategy": "FAIL",
            "priority": 7,
        },
    )
    inner = {"name": "inner", "version": 1, "tasks": [step("innermost", "NOOP")]}
    inline_child = step("inline_child", "SUB_WORKFLOW", subWorkflowParam={"workflowDefinition": inner})
    event = step("publish", "EVENT", sink="conductor:orders")
    return {
        "name": name,
        "version": 4,
        "description": "all of it",
        "ownerApp": "shop",
        "ownerEmail": EMAIL,
        "tasks": [
            simple,
            switch,
            decision,
            fork,
            join,
            dynamic_fork,
            dynamic_join,
            old_fork,
            old_join,
            dynamic,
            loop,
            child,
            inline_child,
            event,
        ],
        "inputParameters": ["order", "kind"],
        "outputParameters": {"id": "${charge.output.id}", "none": None, "zero": 0},
        "failureWorkflow": "undo",
        "failureWorkflowVersion": 2,
        "schemaVersion": 2,
        "restartable": False,
        "workflowStatusListenerEnabled": True,
        "workflowStatusListenerSink": "sink",
        "timeoutPolicy": "TIME_OUT_WF",
        "timeoutSeconds": 3600,
        "variables": {"total": 0, "seen": [], "on": False},
        "inputTemplate": {"kind": "a", "none": None},
        "rateLimitConfig": {"rateLimitKey": "${workflow.input.order}", "concurrentExecLimit": 2, "policy": "REJECT"},
        "inputSchema": SCHEMA,
        "outputSchema": {**SCHEMA, "version": 3},
        "enforceSchema": False,
        "metadata": {"classifier": "shop"},
        "cacheConfig": {"key": "k", "ttlInSecond": 5},
        "maskedFields": ["card"],
    }


def places(value, place=()):
    """Every place of a JSON value, leaves and containers alike."""
    if isinstance(value, dict):
        for key, one in value.items():
            yield from places(one, (*place, key))
    elif isinstance(value, list):
        for index, one in enumerate(value):
            yield from places(one, (*place, index))
    if place:
        yield place


def changed(document, place):
    """A copy with another value at a place."""
    copy = json.loads(json.dumps(document))  # in which nothing is shared
    inner = copy
    for part in place[:-1]:
        inner = inner[part]
    old = inner[place[-1]]
    inner[place[-1]] = other_than(place[-1], old)
    return copy


def other_than(key, old):
    if isinstance(old, bool):
        return not old
    if isinstance(old, int):
        return old + 11
    if isinstance(old, list):
        return [*old, old[0]] if old else ["more"]
    if isinstance(old, dict):
        return {**old, "another": next(iter(old.values()), "more")}
    return f"{old}_other"


def written(document, place):
    """A place as a change names it: tasks by their reference names."""
    if place[-1] == "taskReferenceName":  # another name is another task in the list
        place = place[:-2]
    text, inner = "", document
    for part in place:
        inner = inner[part]
        reference = inner.get("taskReferenceName") if isinstance(inner, dict) else None
        text += f"[{reference or part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".")


@pytest.fixture
def stored_task(client, names):
    definition = task_def(names("full"))
    client.metadata.register_task(definition)
    yield definition, client.metadata.get_task(definition["name"])
    client.metadata.unregister_task(definition["name"])


@pytest.fixture
def stored_workflow(client, names):
    definition = workflow_def(names("full"))
    client.metadata.register_workflow(definition)
    yield definition, client.metadata.get_workflow(definition["name"])
    client.metadata.unregister_workflow(definition["name"], 4)


def test_every_option_is_set():
    task, workflow = TaskDef.from_dict(task_def("x")), WorkflowDef.from_dict(workflow_def("x"))
    of_tasks = {
        name
        for one in workflow.tasks
        for name in (f.name for f in fields(WorkflowTask))
        if getattr(one, name) is not None
    }

    assert {f.name for f in fields(TaskDef) if getattr(task, f.name, None) is None} <= NOT_STORED | {"extra"}
    assert {f.name for f in fields(WorkflowDef) if getattr(workflow, f.name, None) is None} <= NOT_STORED | {"extra"}
    assert {f.name for f in fields(WorkflowTask)} - of_tasks <= NOT_STORED | {"extra"}


def test_a_task_definition_with_every_option_is_unchanged(stored_task):
    definition, found = stored_task

    assert str(compare(TaskDef.from_dict(definition), found)) == "no differences"


def test_a_workflow_definition_with_every_option_is_unchanged(stored_workflow):
    definition, found = stored_workflow

    assert str(compare(WorkflowDef.from_dict(definition), found)) == "no differences"


@pytest.mark.parametrize("kind", ["task", "workflow"])
def test_a_definition_without_optional_fields_is_unchanged(client, names, kind):
    if kind == "task":
        wanted = TaskDef(names.task("bare", retryCount=3))
        wanted.owner_email = EMAIL
        found = client.metadata.get_task(wanted.name)
    else:
        wanted = WorkflowDef.from_dict(names.workflow([step("only", "NOOP")], base="bare"))
        found = client.metadata.get_workflow(wanted.name)

    assert str(compare(wanted, found)) == "no differences"


@pytest.mark.parametrize("kind", ["stored_task", "stored_workflow"])
def test_each_single_change_is_found_where_it_is(request, kind):
    definition, found = request.getfixturevalue(kind)
    model = type(found)
    missed, misplaced = [], []
    for place in places(definition):
        result = compare(model.from_dict(changed(definition, place)), found)
        if not result:
            missed.append(written(definition, place))
        elif not all(one.path.startswith(written(definition, place)) for one in result.changes):
            misplaced.append((written(definition, place), str(result)))

    assert missed == []
    assert misplaced == []


@pytest.mark.parametrize("kind", ["stored_task", "stored_workflow"])
def test_each_option_that_is_left_out_is_found(request, kind):
    definition, found = request.getfixturevalue(kind)
    model = type(found)
    required = {"name", "tasks"}

    missed = [
        key
        for key in definition
        if key not in required and not compare(model.from_dict({**definition, key: None}), found)
    ]

    # a server fills in the owning application; the others are its defaults
    assert missed == ["ownerApp"] + (["schemaVersion"] if kind == "stored_workflow" else [])


def test_an_inline_definition_names_its_sub_workflow(client, names):
    inner = {"name": "inner", "version": 1, "tasks": [step("innermost", "NOOP")]}
    child = step("child", "SUB_WORKFLOW", subWorkflowParam={"name": "other", "version": 3, "workflowDefinition": inner})
    wanted = names.workflow([child])

    found = client.metadata.get_workflow(wanted["name"])

    assert found.tasks[0].sub_workflow_param.name == "inner"
    assert not compare(WorkflowDef.from_dict(wanted), found)


def test_a_second_ensure_writes_nothing_and_a_change_is_written_once(client, names):
    task, workflow = names("ensured_task"), names("ensured_flow")
    names.tasks.append(task)
    names.workflows.append((workflow, 1))

    for ensure, get, definition, field in (
        (client.metadata.ensure_task, client.metadata.get_task, task_def(task), "description"),
        (client.metadata.ensure_workflow, client.metadata.get_workflow, workflow_def(workflow), "description"),
    ):
        if "tasks" in definition:
            definition["version"] = 1
        created, again = ensure(definition), ensure(definition)
        changed = ensure({**definition, field: "another"})

        assert (created.created, bool(again)) == (True, False), again
        assert [change.path for change in changed.changes] == [field]
        assert get(definition["name"]).description == "another"
        assert not ensure({**definition, field: "another"})


def full_workflow(name):
    """A workflow with all that a server fills something into."""
    child = Workflow("child", rate_limit=("key", 1), owner_email=EMAIL)
    child >> simple("inner")
    workflow = Workflow(
        name,
        owner_email=EMAIL,
        rate_limit=("${workflow.correlationId}", 2),
        input_schema={"name": "order", "type": "JSON"},
        cache=("key", 0),
    )
    workflow >> simple("charge", task_definition={"name": "charge", "retryCount": 1}) >> sub_workflow(child)
    return workflow


def test_an_equal_workflow_is_not_registered_again(client, names):
    workflow = full_workflow(names("again"))
    names.workflows.append((workflow.name, 1))

    workflow.register(client)
    workflow.register(client)

    assert str(workflow.diff(client)) == "no differences"
    assert not client.metadata.ensure_workflow(workflow.to_def())


def test_the_retries_of_a_task_in_a_workflow_are_written_and_taken_back(client, names):
    name = names("retries")
    names.workflows.append((name, 1))
    plain = {"name": name, "version": 1, "ownerEmail": EMAIL, "tasks": [step("charge", "SIMPLE")]}
    without_retries = {**plain, "tasks": [{**step("charge", "SIMPLE"), "retryCount": 0}]}

    for definition, count in ((plain, None), (without_retries, 0), (plain, None)):
        assert client.metadata.ensure_workflow(definition)
        assert client.metadata.get_workflow(name).tasks[0].retry_count == count
        assert not client.metadata.ensure_workflow(definition)
