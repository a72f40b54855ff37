"""What writing a definition over the server's would change, and what only looks like a change."""

import pytest

from conductor.models import TaskDef, WorkflowDef
from conductor.models.definition_diff import Ensured, compare

LIMIT = {"rateLimitKey": "key", "concurrentExecLimit": 2}
SCHEMA = {"name": "order", "type": "JSON"}
STEP = {"name": "step", "taskReferenceName": "step", "type": "SIMPLE"}


def task(**more):
    return TaskDef.from_dict({"name": "charge", **more})


def workflow(*tasks, **more):
    return WorkflowDef.from_dict({"name": "order", "tasks": list(tasks or [STEP]), **more})


def said(wanted, found):
    return str(Ensured.of("it", compare(wanted, found))).removeprefix("it: ")


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
def test_server_defaults_and_audit_fields_are_not_changes(wanted, found):
    assert said(wanted, found) == "unchanged"


@pytest.mark.parametrize(
    ("wanted", "found", "change"),
    [
        (task(retryCount=0), task(retryCount=3), "~ retryCount: 3 -> 0"),
        (task(), task(retryCount=0), "- retryCount: 0"),  # writing it gives 3
        (task(), task(taskStatusListenerEnabled=False), "- taskStatusListenerEnabled: False"),
        (task(), task(enforceSchema=True), "- enforceSchema: True"),
        (task(), task(timeoutPolicy="ALERT_ONLY"), "- timeoutPolicy: 'ALERT_ONLY'"),
        (workflow(), workflow(enforceSchema=False), "- enforceSchema: False"),
        (workflow(), workflow(timeoutPolicy="TIME_OUT_WF"), "- timeoutPolicy: 'TIME_OUT_WF'"),
        (workflow(), workflow(restartable=False), "- restartable: False"),
        # a task of a workflow without a count takes that of its definition
        (workflow({**STEP, "retryCount": 0}), workflow(), "+ tasks[step].retryCount: 0"),
        (workflow({**STEP, "retryCount": 3}), workflow(), "+ tasks[step].retryCount: 3"),
        (workflow(), workflow({**STEP, "retryCount": 0}), "- tasks[step].retryCount: 0"),
        (workflow(), workflow({**STEP, "optional": True}), "- tasks[step].optional: True"),
        (
            workflow({**STEP, "inputParameters": {"a": 0}}),
            workflow({**STEP, "inputParameters": {"a": 0, "b": None}}),
            "- tasks[step].inputParameters.b: None",
        ),
        (workflow(variables={"a": False}), workflow(variables={}), "+ variables.a: False"),
    ],
)
def test_a_difference_is_a_change(wanted, found, change):
    assert said(wanted, found) == change


def test_a_definition_that_does_not_exist_is_created():
    assert Ensured.of("it", compare(task(), None)).created
    assert said(task(), None) == "created"


def test_tasks_are_compared_by_reference_name_wherever_they_are():
    one, two, three = ({**STEP, "taskReferenceName": name} for name in ("one", "two", "three"))
    for wanted, found, changes in [
        ([one, two], [one], [f"+ tasks[two]: {two}"]),
        ([two], [one, two], [f"- tasks[one]: {one}"]),
        ([two, one], [one, two], ["~ tasks in order: ['one', 'two'] -> ['two', 'one']"]),
        ([three, one], [one, two], [f"+ tasks[three]: {three}", f"- tasks[two]: {two}"]),
    ]:
        diff = compare(workflow(*wanted), workflow(*found))
        assert [str(change) for change in diff] == changes
        inside = [{**STEP, "type": "DO_WHILE", "loopOver": tasks} for tasks in (wanted, found)]
        diff = compare(workflow(inside[0]), workflow(inside[1]))
        assert [str(change) for change in diff] == [
            each.replace("tasks", "tasks[step].loopOver", 1) for each in changes
        ]


def test_branches_of_a_fork_are_compared_one_by_one():
    one, two = ({**STEP, "taskReferenceName": name} for name in ("one", "two"))
    fork = {**STEP, "type": "FORK_JOIN"}
    diff = compare(workflow({**fork, "forkTasks": [[one], [two]]}), workflow({**fork, "forkTasks": [[one]]}))
    assert str(diff) == f"+ tasks[step].forkTasks[1][two]: {two}"
