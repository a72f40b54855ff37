"""A definition with every kind of block, and an execution of it."""

import pytest

from conductor.models import Task, Workflow, WorkflowDef

BEGAN = 1_700_000_000_000


def task(ref, kind="SIMPLE", name=None, **more):
    return {"name": name or ref, "taskReferenceName": ref, "type": kind, **more}


BLOCKS = {
    "name": "kitchen",
    "version": 2,
    "tasks": [
        task("fetch", "HTTP", inputParameters={"http_request": {"uri": "http://shop/api?key=1", "method": "POST"}}),
        task(
            "route",
            "SWITCH",
            evaluatorType="value-param",
            expression="level",
            inputParameters={"level": "${workflow.input.level}"},
            decisionCases={"gold": [task("pack", name="pack_goods")], "none": [task("stop", "TERMINATE")]},
            defaultCase=[],
        ),
        task("split", "FORK_JOIN", forkTasks=[[task("left")], [task("right", "WAIT")], [task("late")]]),
        task("both", "JOIN", joinOn=["left", "right"]),
        task("again", "DO_WHILE", loopCondition="$.again['iteration'] < 3", loopOver=[task("try_it")]),
        task("each", "FORK_JOIN_DYNAMIC", dynamicForkTasksParam="list", inputParameters={"list": "${x.output.y}"}),
        task("each_join", "JOIN"),
        task(
            "inner",
            "SUB_WORKFLOW",
            subWorkflowParam={"name": "small", "workflowDefinition": {"name": "small", "tasks": [task("deep")]}},
        ),
    ],
}


def ran(ref, seq, status="COMPLETED", took=1000, **more):
    start = BEGAN + seq * 1000
    end = 0 if status in {"SCHEDULED", "IN_PROGRESS"} else start + took
    return Task(
        task_type="SIMPLE", status=status, reference_task_name=ref, seq=seq, start_time=start, end_time=end, **more
    )


@pytest.fixture
def blocks():
    return WorkflowDef.from_dict(BLOCKS)


@pytest.fixture
def execution(blocks):
    tasks = [
        ran("fetch", 1, "FAILED", retried=True, reason_for_incompletion="no answer"),
        ran("fetch", 2, retry_count=1, took=500),
        ran("route", 3, output_data={"selectedCase": "gold"}),
        ran("pack", 4),
        ran("split", 5),
        ran("left", 6),
        ran("right", 7),
        ran("late", 8, "IN_PROGRESS"),
        ran("both", 9),
        ran("again", 10, iteration=2),
        ran("try_it__1", 11, iteration=1),
        ran("try_it__2", 12, "FAILED", iteration=2, retried=True),
        ran("try_it__2", 13, iteration=2, retry_count=1),
        ran("each", 14, input_data={"forkedTasks": ["one", "two"]}),
        ran("one", 15),
        ran("two", 16, "FAILED", reason_for_incompletion="two is <odd>"),
    ]
    return Workflow(status="FAILED", tasks=tasks, workflow_definition=blocks, start_time=BEGAN, end_time=BEGAN + 75_000)
