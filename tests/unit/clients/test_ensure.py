"""What writing a definition over the server's would change, and what only looks like a change."""

import pytest

from conductor.clients.ensure import compare
from conductor.models import TaskDef, WorkflowDef

LIMIT = {"rateLimitKey": "key", "concurrentExecLimit": 2}
SCHEMA = {"name": "order", "type": "JSON"}
STEP = {"name": "step", "taskReferenceName": "step", "type": "SIMPLE"}


def task(**more):
    return TaskDef.from_dict({"name": "charge", **more})


def workflow(*tasks, **more):
    return WorkflowDef.from_dict({"name": "order", "tasks": list(tasks or [STEP]), **more})


def said(wanted, found):
    return str(compare("it", wanted, found)).removeprefix("it: ")


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (task(), task(retryCount=3, retryLogic="FIXED", timeoutPolicy="TIME_OUT_WF", enforceSchema=False)),
        (task(), task(createTime=5, updateTime=6, createdBy="me", ownerApp="")),
        (task(enforceSchema=False), task()),
        (task(taskStatusListenerEnabled=False), task()),  # a server that does not have the option
        (workflow(), workflow(version=1, schemaVersion=2, restartable=True, timeoutPolicy="ALERT_ONLY")),
        (workflow(), workflow(enforceSchema=True, variables={}, inputParameters=[], timeoutSeconds=0)),
        (workflow(), workflow({**STEP, "startDelay": 0, "optional": False, "joinOn": [], "permissive": False})),
        (workflow(rateLimitConfig=LIMIT), workflow(rateLimitConfig={**LIMIT, "policy": "QUEUE"})),
        (workflow(inputSchema=SCHEMA), workflow(inputSchema={**SCHEMA, "version": 1, "createTime": 0})),
        (
            workflow({**STEP, "taskDefinition": {"name": "step", "retryCount": 0}}),
            workflow(
                {**STEP, "taskDefinition": {"name": "step", "retryCount": 0, "createTime": 0, "timeoutSeconds": 0}}
            ),
        ),
        (
            workflow({**STEP, "subWorkflowParam": {"name": "a", "version": 3, "workflowDefinition": {"name": "b"}}}),
            workflow({**STEP, "subWorkflowParam": {"name": "b", "version": 1, "workflowDefinition": {"name": "b"}}}),
        ),
    ],
)
def test_defaults_and_bookkeeping_of_the_server_are_no_change(wanted, found):
    assert said(wanted, found) == "unchanged"


@pytest.mark.parametrize(
    ("wanted", "found", "change"),
    [
        (task(retryCount=0), task(retryCount=3), "retryCount: 3 -> 0"),
        (task(), task(retryCount=0), "retryCount: 0 -> None"),  # writing it gives 3
        (task(), task(taskStatusListenerEnabled=False), "taskStatusListenerEnabled: False -> None"),
        (task(), task(enforceSchema=True), "enforceSchema: True -> None"),
        (task(), task(timeoutPolicy="ALERT_ONLY"), "timeoutPolicy: 'ALERT_ONLY' -> None"),
        (workflow(), workflow(enforceSchema=False), "enforceSchema: False -> None"),
        (workflow(), workflow(timeoutPolicy="TIME_OUT_WF"), "timeoutPolicy: 'TIME_OUT_WF' -> None"),
        (workflow(), workflow(restartable=False), "restartable: False -> None"),
        # a task of a workflow without a count takes that of its definition
        (workflow({**STEP, "retryCount": 0}), workflow(), "tasks[0].retryCount: None -> 0"),
        (workflow({**STEP, "retryCount": 3}), workflow(), "tasks[0].retryCount: None -> 3"),
        (workflow(), workflow({**STEP, "retryCount": 0}), "tasks[0].retryCount: 0 -> None"),
        (workflow(), workflow({**STEP, "optional": True}), "tasks[0].optional: True -> None"),
        (
            workflow({**STEP, "inputParameters": {"a": 0}}),
            workflow({**STEP, "inputParameters": {"a": 0, "b": None}}),
            "tasks[0].inputParameters.b: None -> None",
        ),
        (workflow(variables={"a": False}), workflow(variables={}), "variables.a: None -> False"),
    ],
)
def test_a_difference_is_a_change(wanted, found, change):
    assert said(wanted, found) == change


def test_what_is_not_there_is_created():
    assert compare("it", task(), None).created
    assert str(compare("it", task(), None)) == "it: created"
