"""The engine by itself: no server, no store, and a clock that is a number."""

import itertools
import random
from contextlib import closing

import pytest
from engine_bench import Bench, simple

from conductor.server.engine import decide
from conductor.server.engine.definitions import complete_task_def
from conductor.server.engine.recovery import retry
from conductor.server.engine.results import dispatch
from conductor.server.engine.retry import delay_seconds
from conductor.server.engine.state import TERMINAL_WORKFLOW, is_done
from conductor.server.engine.timeouts import next_deadline
from conductor.server.store.sqlite import Store


@pytest.mark.parametrize(
    ("logic", "delay", "scale", "cap", "expected"),
    [
        ("FIXED", 7, 1, 0, [7, 7, 7]),
        ("FIXED", 7, 1, 5, [5, 5, 5]),
        ("LINEAR_BACKOFF", 2, 3, 0, [6, 12, 18]),
        ("LINEAR_BACKOFF", 2, 3, 10, [6, 10, 10]),
        ("EXPONENTIAL_BACKOFF", 3, 9, 0, [3, 6, 12]),
        ("EXPONENTIAL_BACKOFF", 3, 1, 10, [3, 6, 10]),
        ("EXPONENTIAL_BACKOFF", 2**30, 1, 0, [2**30, 2**31 - 1, 2**31 - 1]),
    ],
)
def test_delays_of_retries(logic, delay, scale, cap, expected):
    task_def = complete_task_def({
        "name": "t", "retryLogic": logic, "retryDelaySeconds": delay, "backoffScaleFactor": scale,
        "maxRetryDelaySeconds": cap,
    })  # fmt: skip
    assert [delay_seconds(task_def, n) for n in range(3)] == expected


def test_jitter_is_in_the_queueing_and_not_in_what_is_shown():
    bench = Bench([simple()], [{"name": "t", "retryCount": 1, "retryDelaySeconds": 10, "backoffJitterMs": 700}])
    bench.update(bench.poll(), "FAILED")
    again = bench.execution.tasks[-1]
    assert (again["startDelayInSeconds"], again["callbackAfterSeconds"]) == (10, 10)
    assert again["_due"] == bench.now + 10_700


def test_a_response_timeout_fires_at_its_exact_time():
    bench = Bench([simple()], [{"name": "t", "retryCount": 0, "responseTimeoutSeconds": 5}])
    bench.poll()
    assert next_deadline(bench.execution) == bench.now + 5000
    bench.after(4.999)
    assert bench.status == "RUNNING"
    bench.after(0.001)
    assert bench.status == "TIMED_OUT"
    assert "responseTimeout: 5 exceeded for the taskId" in bench.reason


def test_a_lease_or_an_update_moves_the_response_timeout():
    bench = Bench([simple()], [{"name": "t", "retryCount": 0, "responseTimeoutSeconds": 5}])
    task = bench.poll()
    bench.now += 4000
    bench.update(task, "IN_PROGRESS", callbackAfterSeconds=3)
    assert task["status"] == "SCHEDULED"
    bench.after(60)
    assert bench.status == "RUNNING"
    dispatch(task, "w", bench.now)
    bench.after(4)
    assert bench.status == "RUNNING"
    bench.after(1)
    assert bench.status == "TIMED_OUT"


def test_the_response_timeout_of_a_wait_counts_from_its_start():
    wait = {"name": "t", "taskReferenceName": "w", "type": "WAIT", "inputParameters": {"duration": "9 seconds"}}
    bench = Bench([wait], [{"name": "t", "retryCount": 0, "responseTimeoutSeconds": 60}])
    bench.after(5)
    assert bench.status == "RUNNING"
    bench.after(5)
    assert bench.status == "COMPLETED"


def test_the_total_timeout_comes_before_the_others():
    definition = {
        "name": "t", "retryCount": 3, "timeoutPolicy": "RETRY", "timeoutSeconds": 5, "responseTimeoutSeconds": 5,
        "totalTimeoutSeconds": 5,
    }  # fmt: skip
    bench = Bench([simple()], [definition])
    bench.poll()
    bench.after(5)
    assert bench.status == "TIMED_OUT"
    assert "exceeded total timeout of 5 seconds" in bench.reason


def test_the_workflow_timeout_comes_before_those_of_tasks():
    bench = Bench(
        [simple()], [{"name": "t", "responseTimeoutSeconds": 5}], timeoutSeconds=5, timeoutPolicy="TIME_OUT_WF"
    )
    bench.poll()
    bench.after(5)
    assert (bench.status, bench.states()) == ("TIMED_OUT", [("t", "CANCELED", 0)])
    assert bench.reason.startswith("Workflow timed out after 5 seconds.")


def test_a_poll_timeout_counts_from_the_delay():
    bench = Bench([simple(startDelay=10)], [{"name": "t", "pollTimeoutSeconds": 5, "retryCount": 0}])
    bench.after(19)  # the delay counts twice, as on the OSS server: as a delay and as a callback
    assert bench.status == "RUNNING"
    bench.after(6)
    assert bench.status == "TIMED_OUT"


def test_a_skip_over_several_deadlines_stops_at_each():
    definition = {
        "name": "t", "retryCount": 2, "retryDelaySeconds": 0, "pollTimeoutSeconds": 10, "timeoutPolicy": "RETRY"
    }  # fmt: skip
    bench = Bench([simple()], [definition])
    while (due := next_deadline(bench.execution)) is not None:
        bench.now = due
        bench.advance()
    assert bench.states() == [("t", "TIMED_OUT", n) for n in range(3)]
    assert bench.now == 1_000_000 + 30_000


def test_a_retry_of_the_workflow_starts_at_the_failed_task():
    bench = Bench([simple("a"), simple("b")], [{"name": one, "retryCount": 0} for one in "ab"])
    bench.update(bench.poll("a"))
    bench.update(bench.poll("b"), "FAILED")
    assert bench.status == "FAILED"
    retry(bench.execution, bench.context)
    bench.advance()
    bench.update(bench.poll("b"))
    assert bench.states() == [("a", "COMPLETED", 0), ("b", "FAILED", 0), ("b", "COMPLETED", 1)]
    assert bench.status == "COMPLETED"


# -- any workflow


def random_tasks(rng, depth, names):
    """Some tasks of random kinds; each ends whatever its workers say."""
    return [random_task(rng, depth, names) for _ in range(rng.randint(1, 3))]


def random_task(rng, depth, names):
    reference = next(names)
    one = {"name": reference, "taskReferenceName": reference}
    kind = rng.choice(["SIMPLE", "SIMPLE", "NOOP", "SET_VARIABLE", *["SWITCH", "DO_WHILE"] * (depth > 0), "WAIT"])
    if kind == "SIMPLE":
        return {**one, "name": "t", "type": kind, "optional": rng.random() < 0.2, "permissive": rng.random() < 0.1}
    if kind == "SWITCH":
        cases = {"true": random_tasks(rng, depth - 1, names), "no": random_tasks(rng, 0, names)}
        return {**one, "type": kind, "evaluatorType": "javascript", "expression": "x", "decisionCases": cases}
    if kind == "DO_WHILE":
        return {**one, "type": kind, "loopCondition": "again", "loopOver": random_tasks(rng, 0, names)}
    if kind == "WAIT":
        return {**one, "type": kind, "inputParameters": {"duration": f"{rng.randint(1, 100)} seconds"}}
    return {**one, "type": kind, "inputParameters": {"v": 1} if kind == "SET_VARIABLE" else {}}


def random_flow(rng):
    names = (f"r{n}" for n in itertools.count())
    tasks = random_tasks(rng, 2, names)
    if rng.random() < 0.5:
        branches = [random_tasks(rng, 1, names) for _ in range(rng.randint(1, 3))]
        fork = {"name": "f", "taskReferenceName": "f", "type": "FORK_JOIN", "forkTasks": branches}
        on = [branch[-1]["taskReferenceName"] for branch in branches]
        tasks += [fork, {"name": "j", "taskReferenceName": "j", "type": "JOIN", "joinOn": on}]
    return tasks


def random_bench(seed):
    rng = random.Random(seed)
    definition = {
        "name": "t", "retryCount": rng.randint(0, 2), "retryDelaySeconds": rng.randint(0, 9),
        "responseTimeoutSeconds": rng.randint(1, 50), "pollTimeoutSeconds": rng.choice([0, 30]),
        "timeoutPolicy": rng.choice(["RETRY", "TIME_OUT_WF", "ALERT_ONLY"]), "timeoutSeconds": rng.choice([0, 60]),
    }  # fmt: skip

    def script(text, _):
        return rng.random() < 0.4 if text == "again" else True

    return rng, Bench(random_flow(rng), [definition], script=script)


def random_step(rng, bench):
    """A worker does something, or time passes."""
    mine = [task for task in bench.open_tasks() if task["taskType"] == "t"]
    if mine and rng.random() < 0.8:
        task = rng.choice(mine)
        if task["status"] == "SCHEDULED" and task.get("_due", 0) <= bench.now:
            dispatch(task, "w", bench.now)
        status = rng.choice(["COMPLETED"] * 6 + ["FAILED", "FAILED", "IN_PROGRESS", "FAILED_WITH_TERMINAL_ERROR"])
        bench.update(task, status)
    else:
        due = next_deadline(bench.execution)
        bench.now = max(bench.now + 1, due or bench.now + 1000)
        bench.advance()


@pytest.mark.parametrize("seed", range(150))
def test_any_workflow_ends_in_order(seed):
    rng, bench = random_bench(seed)
    for _ in range(2000):
        if bench.status in TERMINAL_WORKFLOW:
            break
        random_step(rng, bench)
    assert bench.status in TERMINAL_WORKFLOW, bench.states()
    tasks = bench.execution.tasks
    assert all(is_done(task) for task in tasks), bench.states()
    assert [task["seq"] for task in tasks] == list(range(1, len(tasks) + 1))
    attempts = [(task["referenceTaskName"], task["retryCount"]) for task in tasks]
    assert len(set(attempts)) == len(attempts)
    assert all(task["scheduledTime"] <= max(task["startTime"], task["endTime"]) for task in tasks)
    before = bench.states()
    bench.after(10_000)
    assert bench.states() == before


@pytest.mark.parametrize("seed", range(40))
def test_a_restart_at_any_commit_changes_nothing(seed):
    rng, bench = random_bench(seed)
    with closing(Store()) as store:
        for _ in range(60):
            with store.transaction():
                store.save(bench.execution)
            loaded = store.load("execution")
            assert loaded.workflow == bench.execution.workflow
            assert loaded.tasks == bench.execution.tasks
            if rng.random() < 0.3:
                bench.execution = loaded
                bench.advance()
                assert loaded.tasks == store.load("execution").tasks
            if bench.status in TERMINAL_WORKFLOW:
                break
            random_step(rng, bench)


def test_an_optional_last_task_that_times_out_completes_the_workflow():
    for kind in ("HUMAN", "WAIT"):
        last = {"name": "t", "taskReferenceName": "t", "type": kind, "optional": True}
        definition = {"name": "t", "retryCount": 0, "timeoutSeconds": 20, "timeoutPolicy": "RETRY"}
        bench = Bench([last], [{**definition, "responseTimeoutSeconds": 20}])
        bench.after(21)
        assert (bench.status, bench.execution.tasks[0]["status"]) == ("COMPLETED", "COMPLETED_WITH_ERRORS"), kind


def test_a_response_timeout_does_not_end_a_human_task():
    human = {"name": "t", "taskReferenceName": "t", "type": "HUMAN"}
    bench = Bench([human], [{"name": "t", "retryCount": 0, "timeoutSeconds": 300, "timeoutPolicy": "TIME_OUT_WF"}])
    bench.execution.tasks[0]["workflowTask"]["taskDefinition"]["responseTimeoutSeconds"] = 60
    bench.after(299)
    assert bench.status == "RUNNING"
    bench.after(1)
    assert bench.status == "TIMED_OUT"


def count_evaluations(monkeypatch, tasks, names):
    """Run an execution to its end, and return how often the engine has evaluated a task."""
    evaluated, evaluate = [], decide._Pass._evaluate_task
    with monkeypatch.context() as patch:
        patch.setattr(decide._Pass, "_evaluate_task", lambda self, task: evaluated.append(task) or evaluate(self, task))
        bench = Bench(tasks)
        for name in names:
            bench.update(bench.poll(name))
            for task in bench.execution.live:
                task.changed = False  # saved
    assert bench.status == "COMPLETED"
    return len(evaluated)


def test_each_task_of_a_long_chain_or_wide_fork_is_evaluated_few_times(monkeypatch):
    for size in (10, 200):
        names = [f"t{number}" for number in range(size)]
        assert count_evaluations(monkeypatch, [simple(one) for one in names], names) <= 3 * size
        branches = [[simple(one)] for one in names]
        fork = {"name": "f", "taskReferenceName": "f", "type": "FORK_JOIN", "forkTasks": branches}
        join = {"name": "j", "taskReferenceName": "j", "type": "JOIN", "joinOn": names}
        assert count_evaluations(monkeypatch, [fork, join], names) <= 5 * size


def test_attempts_within_a_total_timeout_are_spaced():
    for limit, spacing, expected in ((60, 50, 50), (60, 0, 0), (0, 50, 0)):
        definition = {"name": "t", "retryCount": 3, "retryDelaySeconds": 0, "totalTimeoutSeconds": limit}
        bench = Bench([simple()], [{**definition, "timeoutSeconds": 0, "responseTimeoutSeconds": 30}])
        bench.spacing = spacing
        bench.update(bench.poll(), "FAILED")
        assert bench.open_tasks()[0]["_due"] == bench.now + expected, (limit, spacing)


def test_tasks_that_wait_are_not_looked_at_until_they_change_or_are_due():
    names = [f"t{n}" for n in range(50)]
    fork = {"name": "f", "taskReferenceName": "f", "type": "FORK_JOIN", "forkTasks": [[simple(one)] for one in names]}
    join = {"name": "j", "taskReferenceName": "j", "type": "JOIN", "joinOn": names}
    limits = {"retryCount": 0, "timeoutSeconds": 100, "responseTimeoutSeconds": 50}
    bench = Bench([fork, join], [{"name": one, **limits} for one in names])

    def looked_at():
        for task in bench.execution.live:
            task.changed = False  # saved
        bench.advance()
        return [task["referenceTaskName"] for task in bench.execution.live]

    assert looked_at() == ["j"]
    first, second = bench.poll("t7"), bench.poll("t30")
    assert [task["referenceTaskName"] for task in bench.execution.live] == ["t7", "t30", "j"]
    assert looked_at() == ["j"]
    assert next_deadline(bench.execution) == bench.now + 50_000
    bench.update(first, outputData={"n": 7})
    assert bench.execution.newest("j")["outputData"] == {"t7": {"n": 7}}
    assert looked_at() == ["j"]
    bench.after(50)
    assert second["status"] == "TIMED_OUT"
    assert bench.status == "TIMED_OUT"
