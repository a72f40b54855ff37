"""The tasks of a definition, and its diagram."""

import time

import pytest

from conductor.errors import UnexpectedResponseError
from conductor.models import WorkflowDef


def task(name, **more):
    return {"name": name, "taskReferenceName": name, "type": "SIMPLE", **more}


def test_all_tasks_are_in_the_order_of_the_definition():
    definition = WorkflowDef.from_dict(
        {
            "name": "order",
            "tasks": [
                task("a"),
                task(
                    "switch",
                    type="SWITCH",
                    decisionCases={"x": [task("b"), task("loop", type="DO_WHILE", loopOver=[task("c")])], "y": []},
                    defaultCase=[task("d")],
                ),
                task("fork", type="FORK_JOIN", forkTasks=[[task("e"), task("f")], [], [task("g")]]),
                task("h"),
            ],
        }
    )
    names = [one.name for one in definition.all_tasks()]
    assert names == ["a", "switch", "b", "loop", "c", "d", "fork", "e", "f", "g", "h"]
    assert list(WorkflowDef("empty").all_tasks()) == []


def test_deep_definitions_do_not_reach_the_recursion_limit():
    inner = [task("innermost")]
    for depth in range(2000):
        inner = [task(f"loop{depth}", type="DO_WHILE")], inner
    definition = WorkflowDef("deep")
    tasks = definition.tasks
    while isinstance(inner, tuple):
        loops, inner = inner
        tasks += WorkflowDef.from_dict({"name": "w", "tasks": loops}).tasks
        tasks[0].loop_over = []
        tasks = tasks[0].loop_over
    assert sum(1 for _ in definition.all_tasks()) == 2000


def test_an_invalid_task_in_deep_branches_is_found_at_once():
    task = {"name": "n", "taskReferenceName": "n", "type": "SIMPLE", "retryCount": {"a": 1}}
    for level in range(60):
        task = {"name": "s", "taskReferenceName": f"s{level}", "type": "SWITCH", "decisionCases": {"x": [task]}}
    begin = time.process_time()
    with pytest.raises(UnexpectedResponseError, match="retry_count"):
        WorkflowDef.from_dict({"name": "w", "version": 1, "tasks": [task]})
    assert time.process_time() - begin < 5
