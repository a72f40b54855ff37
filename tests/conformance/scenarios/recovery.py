"""Retry and rerun through sub-workflows in forks, dynamic forks and loops."""

from kit import scenario

LEAVES = ("a", "b")


def branch(lab, leaf):
    parameters = {"name": lab(f"child_{leaf}"), "version": 1}
    return {"name": leaf, "taskReferenceName": leaf, "type": "SUB_WORKFLOW", "subWorkflowParam": parameters}


def children(lab):
    """Register a child of two tasks for each branch: `a1` then `a2`, and so on."""
    for leaf in LEAVES:
        for number in "12":
            lab.task(f"{leaf}{number}")
        lab.flow(lab.simple(f"{leaf}1"), lab.simple(f"{leaf}2"), name=f"child_{leaf}")


def fork_of_children(lab):
    children(lab)
    fork = {
        "name": "f",
        "taskReferenceName": "f",
        "type": "FORK_JOIN",
        "forkTasks": [[branch(lab, leaf)] for leaf in LEAVES],
    }
    join = {"name": "j", "taskReferenceName": "j", "type": "JOIN", "joinOn": list(LEAVES)}
    return fork, join


def fail_one(lab, workflow_id, status="FAILED"):
    """Complete the first task of both children, and fail the second of `a`; `b` is canceled with it."""
    for leaf in LEAVES:
        lab.work(f"{leaf}1", output={leaf: 1})
    lab.work("a2", status, reason="no")
    lab.until(workflow_id, lambda d: d["status"] == "FAILED")
    lab.until(child_of(lab, workflow_id, "b"), lambda d: d["status"] == "TERMINATED")


def child_of(lab, workflow_id, reference):
    found = [task for task in lab.document(workflow_id)["tasks"] if task["referenceTaskName"] == reference]
    return found[-1]["subWorkflowId"]


def task_of(lab, workflow_id, reference):
    found = [task for task in lab.document(workflow_id)["tasks"] if task["referenceTaskName"] == reference]
    return found[-1]["taskId"]


def seen(lab, workflow_id):
    """Statuses and attempts; of a JOIN only that it ends, because which of two writes ends it first is a race."""
    document = lab.document(workflow_id)
    tasks = [
        [task["referenceTaskName"], task["status"], None if task["taskType"] == "JOIN" else task["retryCount"]]
        for task in document["tasks"]
    ]
    return [document["status"], tasks]


def finish(lab, workflow_id, names):
    for name in names:
        lab.work(name, output={name: 2})
    lab.until(workflow_id, lambda d: d["status"] not in {"RUNNING", "PAUSED"}, "an end")
    return [seen(lab, workflow_id), *(seen(lab, child_of(lab, workflow_id, leaf)) for leaf in LEAVES)]


def ids(lab, workflow_id):
    return [child_of(lab, workflow_id, leaf) for leaf in LEAVES]


@scenario
def retry_inside_a_child_resumes_its_canceled_sibling(lab):
    workflow_id = lab.run(*fork_of_children(lab))
    fail_one(lab, workflow_id)
    before = ids(lab, workflow_id)
    answer = lab.post(f"/workflow/{workflow_id}/retry", resumeSubworkflowTasks="true")
    outcome = finish(lab, workflow_id, ["a2", "b2"])
    return [answer.status, outcome, before == ids(lab, workflow_id)]


@scenario
def retry_of_a_failed_child_resumes_its_canceled_sibling(lab):
    workflow_id = lab.run(*fork_of_children(lab))
    fail_one(lab, workflow_id)
    before = ids(lab, workflow_id)
    answer = lab.post(f"/workflow/{before[0]}/retry")
    outcome = finish(lab, workflow_id, ["a2", "b2"])
    return [answer.status, outcome, before == ids(lab, workflow_id)]


@scenario
def retry_without_resuming_starts_new_children(lab):
    workflow_id = lab.run(*fork_of_children(lab))
    fail_one(lab, workflow_id)
    before = ids(lab, workflow_id)
    answer = lab.post(f"/workflow/{workflow_id}/retry")
    outcome = finish(lab, workflow_id, ["a1", "a2", "b1", "b2"])
    return [answer.status, outcome, [x == y for x, y in zip(before, ids(lab, workflow_id), strict=True)]]


@scenario
def rerun_from_a_task_inside_a_failed_branch(lab):
    workflow_id = lab.run(*fork_of_children(lab))
    fail_one(lab, workflow_id)
    before = ids(lab, workflow_id)
    task_id = task_of(lab, before[0], "a2")
    answer = lab.post(f"/workflow/{workflow_id}/rerun", {"reRunFromTaskId": task_id})
    outcome = finish(lab, workflow_id, ["a2", "b2"])
    return [answer.status, outcome, before == ids(lab, workflow_id)]


@scenario
def rerun_from_a_task_inside_a_canceled_branch(lab):
    workflow_id = lab.run(*fork_of_children(lab))
    fail_one(lab, workflow_id)
    before = ids(lab, workflow_id)
    task_id = task_of(lab, before[1], "b2")
    answer = lab.post(f"/workflow/{workflow_id}/rerun", {"reRunFromTaskId": task_id})
    outcome = finish(lab, workflow_id, ["a2", "b2"])
    return [answer.status, outcome, before == ids(lab, workflow_id)]


@scenario
def rerun_of_the_failed_child_itself(lab):
    workflow_id = lab.run(*fork_of_children(lab))
    fail_one(lab, workflow_id)
    before = ids(lab, workflow_id)
    answer = lab.post(f"/workflow/{before[0]}/rerun", {"reRunFromTaskId": task_of(lab, before[0], "a1")})
    outcome = finish(lab, workflow_id, ["a1", "a2", "b2"])
    return [answer.status, outcome, before == ids(lab, workflow_id)]


@scenario
def rerun_from_a_sub_workflow_task_starts_new_children(lab):
    workflow_id = lab.run(*fork_of_children(lab))
    fail_one(lab, workflow_id)
    before = ids(lab, workflow_id)
    answer = lab.post(f"/workflow/{workflow_id}/rerun", {"reRunFromTaskId": task_of(lab, workflow_id, "a")})
    outcome = finish(lab, workflow_id, ["a1", "a2", "b1", "b2"])
    return [answer.status, outcome, [x == y for x, y in zip(before, ids(lab, workflow_id), strict=True)]]


@scenario
def retry_inside_a_dynamic_fork(lab):
    children(lab)
    fork = {
        "name": "f",
        "taskReferenceName": "f",
        "type": "FORK_JOIN_DYNAMIC",
        "dynamicForkTasksParam": "tasks",
        "dynamicForkTasksInputParamName": "inputs",
        "inputParameters": {"tasks": "${workflow.input.tasks}", "inputs": {}},
    }
    join = {"name": "j", "taskReferenceName": "j", "type": "JOIN"}
    workflow_id = lab.run(fork, join, input={"tasks": [branch(lab, leaf) for leaf in LEAVES]})
    fail_one(lab, workflow_id)
    before = ids(lab, workflow_id)
    answer = lab.post(f"/workflow/{workflow_id}/retry", resumeSubworkflowTasks="true")
    outcome = finish(lab, workflow_id, ["a2", "b2"])
    return [answer.status, outcome, before == ids(lab, workflow_id)]


@scenario
def retry_in_the_second_iteration_of_a_loop(lab):
    body = fork_of_children(lab)
    loop = {
        "name": "l",
        "taskReferenceName": "l",
        "type": "DO_WHILE",
        "loopCondition": "$.l['iteration'] < 2",
        "loopOver": list(body),
    }
    workflow_id = lab.run(loop)
    for name in ("a1", "a2", "b1", "b2", "a1", "b1"):
        lab.work(name)
    lab.work("a2", "FAILED", reason="no")
    lab.until(workflow_id, lambda d: d["status"] == "FAILED")
    before = [child_of(lab, workflow_id, f"{leaf}__2") for leaf in LEAVES]
    lab.until(before[1], lambda d: d["status"] == "TERMINATED")
    answer = lab.post(f"/workflow/{workflow_id}/retry", resumeSubworkflowTasks="true")
    for name in ("a2", "b2"):
        lab.work(name)
    lab.until(workflow_id, lambda d: d["status"] != "RUNNING", "an end")
    after = [child_of(lab, workflow_id, f"{leaf}__2") for leaf in LEAVES]
    return [answer.status, seen(lab, workflow_id), before == after]


@scenario
def retry_inside_a_grandchild(lab):
    lab.task("t")
    lab.flow(lab.simple("t"), name="grandchild")
    step = {"name": "s", "taskReferenceName": "s", "type": "SUB_WORKFLOW"}
    lab.flow({**step, "subWorkflowParam": {"name": lab("grandchild"), "version": 1}}, name="child")
    workflow_id = lab.run({**step, "subWorkflowParam": {"name": lab("child"), "version": 1}})
    lab.work("t", "FAILED", reason="no")
    lab.until(workflow_id, lambda d: d["status"] == "FAILED")
    child = child_of(lab, workflow_id, "s")
    grandchild = child_of(lab, child, "s")
    answer = lab.post(f"/workflow/{workflow_id}/retry", resumeSubworkflowTasks="true")
    lab.work("t", output={"x": 1})
    lab.until(workflow_id, lambda d: d["status"] != "RUNNING", "an end")
    same = [child_of(lab, workflow_id, "s") == child, child_of(lab, child, "s") == grandchild]
    output = lab.document(workflow_id)["output"]
    return [answer.status, [seen(lab, one) for one in (workflow_id, child, grandchild)], same, output]


@scenario
def update_of_a_task_of_the_parent_in_the_name_of_its_child(lab):
    workflow_id = lab.run(*fork_of_children(lab))
    lab.until_task(workflow_id, "a", "IN_PROGRESS")
    body = {
        "workflowInstanceId": child_of(lab, workflow_id, "a"),
        "taskId": task_of(lab, workflow_id, "a"),
        "status": "COMPLETED",
    }
    answer = lab.post("/tasks", body)
    return [answer.status, lab.until_task(workflow_id, "a", "COMPLETED")["status"]]
