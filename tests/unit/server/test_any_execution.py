"""What holds for every workflow, with the whole kernel on a clock that stands still: no sockets, no threads.

Workers, people and HTTP services do what Hypothesis draws; a restart is a new kernel on the same database.
"""

from contextlib import closing
from datetime import timedelta
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conductor.server.engine.commands import CallHttp
from conductor.server.engine.state import OPEN_TASK, OPEN_WORKFLOW, SYSTEM
from conductor.server.runtime.clock import Clock
from conductor.server.runtime.kernel import Kernel
from conductor.server.services.all import Services
from conductor.server.services.http_calls import end_call
from conductor.server.store.sqlite import Store
from conductor.testing.strategies import workflow_definitions

some = settings(
    max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None
)

INPUT = {"value": 1, "task_name": "chosen", "items": [1, 2], "a": "left", "id": 7}
RESPONSE = {"body": {"items": []}, "headers": {}, "statusCode": 200, "reasonPhrase": "OK"}
OUTCOMES = ["COMPLETED"] * 5 + ["FAILED", "FAILED", "IN_PROGRESS", "FAILED_WITH_TERMINAL_ERROR"]
_PATIENCE = 400

task_defs = st.fixed_dictionaries({
    "retryCount": st.integers(0, 2),
    "retryDelaySeconds": st.integers(0, 9),
    "retryLogic": st.sampled_from(["FIXED", "LINEAR_BACKOFF", "EXPONENTIAL_BACKOFF"]),
    "responseTimeoutSeconds": st.integers(1, 50),
    "pollTimeoutSeconds": st.sampled_from([0, 30]),
    "timeoutSeconds": st.sampled_from([0, 60]),
    "timeoutPolicy": st.sampled_from(["RETRY", "TIME_OUT_WF", "ALERT_ONLY"]),
})  # fmt: skip
steps = st.lists(st.tuples(st.sampled_from(["work", "work", "work", "person", "http", "time"]), st.integers(0, 63)))


class Lab:
    """A kernel and all that moves it."""

    def __init__(self, definition, task_def, *, restarts=False):
        self.clock, self.store, self.restarts = Clock(), Store(), restarts
        self.clock.freeze()
        self.ended = {}
        self.begin()
        self.define(definition, task_def)
        self.services.executions.start({"name": definition["name"], "input": INPUT})
        self.check()

    def close(self):
        self.store.close()

    def begin(self):
        self.kernel = Kernel(self.clock, self.store, secrets={}, environment={})
        self.services = Services(self.kernel)
        self.calls = {}
        self.kernel.handlers[CallHttp] = lambda execution, command: self.calls.update({command.task_id: execution.id})
        self.kernel.timed_work.load_open()

    def define(self, definition, task_def):
        named = {task["name"] for task in tasks_in(definition)} | {"chosen"}
        self.services.metadata.save_tasks([{**task_def, "name": name} for name in sorted(named)])
        self.services.metadata.create_workflow(definition, overwrite=True)

    # -- what is there

    def documents(self):
        """All executions, in the order of their starts."""
        ids = self.store.all_ids()
        found = [self.services.executions.get(one) for one in ids]
        order = {}
        for document in sorted(found, key=lambda one: (one["createTime"], one.get("parentWorkflowId") is not None)):
            order.setdefault(document["workflowId"], document)
        return list(order.values())

    def open_tasks(self, *kinds):
        """The open tasks of these types, or of workers, in an order that is the same in each run."""
        found = [
            task
            for document in self.documents()
            for task in document["tasks"]
            if task["status"] in OPEN_TASK and (task["taskType"] in kinds if kinds else task["taskType"] not in SYSTEM)
        ]
        return sorted(found, key=lambda task: (task["scheduledTime"], task["referenceTaskName"], task["retryCount"]))

    @property
    def is_over(self):
        return all(document["status"] not in OPEN_WORKFLOW for document in self.documents())

    # -- what moves it

    def step(self, kind, number):
        getattr(self, kind)(number)
        self.check()
        if self.restarts:
            before = self.shapes()
            self.begin()
            assert self.shapes() == before
            self.check()

    def work(self, number, status=None):
        """A worker polls or reports."""
        tasks = self.open_tasks()
        if not tasks:
            return
        task = tasks[number % len(tasks)]
        if task["status"] == "SCHEDULED":
            polled = self.services.tasks.poll(task["taskType"], "w", task.get("domain"), 1)
            for one in polled:
                self.check_polled(one)
            is_due = any(one["taskId"] == task["taskId"] for one in polled)
            if not is_due:
                return
        self.report(task, status or OUTCOMES[number % len(OUTCOMES)])

    def person(self, number, status="COMPLETED"):
        """Somebody ends a HUMAN task, or a WAIT early."""
        tasks = self.open_tasks("HUMAN", "WAIT")
        if tasks:
            self.report(tasks[number % len(tasks)], status)

    def http(self, number, response=RESPONSE):
        """A service answers, or cannot be reached."""
        asked = [task for task in self.open_tasks("HTTP") if task["taskId"] in self.calls]
        if asked:
            task = asked[number % len(asked)]
            answer = response if number % 4 else None
            end = partial(end_call, answer, "no connection")
            self.services.http_calls._end(self.calls.pop(task["taskId"]), task["taskId"], end)

    def time(self, _):
        """The clock goes to the next event, and not past it."""
        before = {task["taskId"]: deadlines_of(task) for task in self.open_tasks()}
        if self.clock.skip_to_next_event() is None:
            self.clock.advance(timedelta(seconds=1))
        now = self.clock.now_ms()
        for document in self.documents():
            for task in document["tasks"]:
                if task["status"] == "TIMED_OUT" and task["endTime"] == now and task["taskId"] in before:
                    assert now in before[task["taskId"]], (task, before[task["taskId"]])

    def report(self, task, status):
        result = {"workflowInstanceId": task["workflowInstanceId"], "taskId": task["taskId"], "status": status}
        self.services.tasks.update({**result, "outputData": {"items": ["x"], "left": status}})

    def end(self):
        """All do their best, and time passes."""
        for _ in range(_PATIENCE):
            if self.is_over:
                return
            for number in range(len(self.open_tasks())):
                self.work(number, "COMPLETED")
                self.check()
            self.person(0)
            self.http(1)
            self.time(0)
            self.check()
        raise AssertionError(self.shapes())

    # -- what must hold

    def check(self):
        now = self.clock.now_ms()
        for document in self.documents():
            tasks = document["tasks"]
            attempts = [(task["referenceTaskName"], task["retryCount"]) for task in tasks]
            assert len(set(attempts)) == len(attempts), attempts
            assert [task["seq"] for task in tasks] == list(range(1, len(tasks) + 1))
            if document["status"] in OPEN_WORKFLOW:
                self.check_in_time(document, now)
            else:
                self.check_ended(document)

    def check_in_time(self, document, now):
        """Nothing is late."""
        limit = document["workflowDefinition"]["timeoutSeconds"]
        if limit and document["workflowDefinition"]["timeoutPolicy"] == "TIME_OUT_WF":
            assert now < document["createTime"] + limit * 1000
        for task in document["tasks"]:
            assert task["status"] not in OPEN_TASK or all(now < due for due in deadlines_of(task)), task

    def check_ended(self, document):
        """No task is open, and none changes any more."""
        assert all(task["status"] not in OPEN_TASK for task in document["tasks"]), document
        seen = [(task["taskId"], task["status"], task["updateTime"], task["pollCount"]) for task in document["tasks"]]
        assert self.ended.setdefault(document["workflowId"], seen) == seen

    def check_polled(self, task):
        document = self.services.executions.get(task["workflowInstanceId"], include_tasks=False)
        assert document["status"] in OPEN_WORKFLOW, task
        delay = task["startDelayInSeconds"] if task["pollCount"] == 1 else 0
        assert self.clock.now_ms() >= task["scheduledTime"] + delay * 1000, task

    def check_nothing_to_poll(self):
        """No worker gets anything, now or later."""
        for days in (0, 1, 1000):
            self.clock.advance(timedelta(days=days))
            for kind in list(self.services.tasks.sizes()):
                assert self.services.tasks.poll(kind, "w", None, 9) == []

    def shapes(self):
        """What is to be the same in each run: no ids, no times but the seconds since the beginning."""
        return [
            [document["workflowName"], document["status"], sorted(document["output"])]
            + [
                [task[key] for key in ("referenceTaskName", "status", "retryCount", "seq")]
                for task in document["tasks"]
            ]
            for document in self.documents()
        ]


def tasks_in(value):
    """All tasks of a definition, those in its inputs included."""
    if isinstance(value, dict):
        if "taskReferenceName" in value:
            yield value
        for one in value.values():
            yield from tasks_in(one)
    elif isinstance(value, list):
        for one in value:
            yield from tasks_in(one)


def deadlines_of(task):
    """When the timeouts of a task of a worker strike, by its definition alone."""
    limits = (task["workflowTask"] or {}).get("taskDefinition")
    if task["taskType"] in SYSTEM or not limits:
        return []
    found = []
    is_alert_only = limits["timeoutPolicy"] == "ALERT_ONLY"
    if task["status"] == "IN_PROGRESS":
        seconds = limits["responseTimeoutSeconds"] + task["callbackAfterSeconds"]
        found.append(task["updateTime"] + seconds * 1000)
    if task["startTime"] and limits["timeoutSeconds"] and not is_alert_only:
        found.append(task["startTime"] + (task["startDelayInSeconds"] + limits["timeoutSeconds"]) * 1000)
    if task["status"] == "SCHEDULED" and limits.get("pollTimeoutSeconds") and not is_alert_only:
        seconds = task["startDelayInSeconds"] + task["callbackAfterSeconds"] + limits["pollTimeoutSeconds"]
        found.append(task["scheduledTime"] + seconds * 1000)
    return found


@some
@given(workflow_definitions(), task_defs, steps)
def test_any_workflow_ends_in_time_and_stays_ended(definition, task_def, script):
    with closing(Lab(definition.to_dict(), task_def)) as lab:
        for kind, number in script:
            lab.step(kind, number)
        lab.end()
        lab.check_nothing_to_poll()
        lab.check()


@some
@given(workflow_definitions(), task_defs, steps)
def test_a_restart_at_any_commit_changes_nothing(definition, task_def, script):
    document = definition.to_dict()
    with closing(Lab(document, task_def)) as steady, closing(Lab(document, task_def, restarts=True)) as restarted:
        for kind, number in script:
            steady.step(kind, number)
            restarted.step(kind, number)
            assert steady.shapes() == restarted.shapes()
        steady.end()
        restarted.end()
        assert steady.shapes() == restarted.shapes()


@pytest.mark.parametrize("logic", ["FIXED", "LINEAR_BACKOFF", "EXPONENTIAL_BACKOFF"])
def test_a_retry_can_be_polled_exactly_when_its_delay_is_over(logic):
    @settings(some, max_examples=20)
    @given(st.integers(0, 9), st.integers(1, 3), st.integers(1, 4))
    def check(delay, scale, retries):
        limits = {"retryCount": retries, "retryDelaySeconds": delay, "retryLogic": logic, "backoffScaleFactor": scale}
        flow = {"name": "w", "version": 1, "tasks": [{"name": "t", "taskReferenceName": "t", "type": "SIMPLE"}]}
        growth = {
            "FIXED": lambda n: 1,
            "LINEAR_BACKOFF": lambda n: scale * n,
            "EXPONENTIAL_BACKOFF": lambda n: 2 ** (n - 1),
        }
        with closing(Lab(flow, limits)) as lab:
            for attempt in range(1, retries + 1):
                lab.work(0, "FAILED")
                wait = delay * growth[logic](attempt)
                if wait:
                    lab.clock.advance(timedelta(seconds=wait, milliseconds=-1))
                    assert lab.services.tasks.poll("t", "w", None, 1) == []
                    lab.clock.advance(timedelta(milliseconds=1))
                (task,) = lab.open_tasks()
                assert task["retryCount"] == attempt
                assert lab.services.tasks.sizes()["t"] == 1
            lab.work(0, "COMPLETED")
            assert lab.is_over

    check()
