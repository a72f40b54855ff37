"""The execution of a task: its lease, its result and the next task; delivery and leases are fakes."""

import json
import os
import threading

import pytest
from attrs import evolve
from cases import each

from conductor.models import Task, TaskResult, _base
from conductor.models.codec import DamagedTask
from conductor.worker.execution import TaskExecution, TaskRunner
from conductor.worker.options import WorkerOptions
from conductor.worker.results import update_body
from conductor.worker.worker import Worker


def raw(task_id="t1", **fields):
    return {"taskId": task_id, "workflowInstanceId": "w1", "taskDefName": "charge", **fields}


class Setting:
    """An execution whose delivery and leases record what happens, in order."""

    def __init__(self, function=lambda: None, **options):
        self.happened, self.results, self.returned = [], [], []
        self.following = None
        self.wants_next = True
        self.options = WorkerOptions(**options)
        self.stop = threading.Event()
        self.runner = TaskRunner(Worker(function, "charge"), "me")
        self.execution = TaskExecution(
            "charge",
            runner=self.runner,
            delivery=self,
            leases=self,
            options=lambda: self.options,
            wants_next=lambda: self.wants_next,
            stop=self.stop,
        )

    # the delivery

    def deliver(self, task_type, result, *, wants_next):
        self.happened.append(("delivered", task_type, wants_next))
        self.results.append(result)
        return self.following

    def release_soon(self, task_type, result):
        self.returned.append((task_type, result))

    # the leases

    def add(self, task, worker_id, longest):
        self.happened.append(("lease", task.task_id, worker_id, longest))
        return object()

    def remove(self, task):
        self.happened.append(("end of lease", task.task_id))


def test_a_result_is_delivered_and_the_next_task_returned():
    setting = Setting(lambda amount: {"charged": amount})
    setting.following = raw("t2")

    assert setting.execution.run(raw(inputData={"amount": 5})) == raw("t2")

    (result,) = setting.results
    assert (result.task_id, result.workflow_instance_id, result.worker_id) == ("t1", "w1", "me")
    assert (result.status, result.output_data) == ("COMPLETED", {"charged": 5})
    assert setting.happened == [("delivered", "charge", True)]


def test_no_next_task_is_requested_when_the_slot_is_needed_elsewhere():
    setting = Setting()
    setting.wants_next = False

    assert setting.execution.run(raw()) is None
    assert setting.happened == [("delivered", "charge", False)]


def test_a_next_task_that_comes_after_the_stop_is_returned_to_the_server():
    setting = Setting()
    setting.following = raw("t2", outputData={"step": 1})
    setting.stop.set()

    assert setting.execution.run(raw()) is None

    ((task_type, result),) = setting.returned
    assert (task_type, result.task_id, result.workflow_instance_id) == ("charge", "t2", "w1")
    assert (result.status, result.output_data, result.worker_id) == ("IN_PROGRESS", {"step": 1}, "me")


def test_a_running_task_is_listed_with_its_thread():
    seen = []

    def work():
        seen.extend((one.task.task_id, one.thread) for one in setting.execution.running.values())

    setting = Setting(work)
    setting.execution.run(raw())

    assert seen == [("t1", threading.current_thread().name)]
    assert setting.execution.running == {}


@each("function", [lambda: None, lambda: 1 / 0])
def test_a_lease_lasts_until_the_result_is_delivered(function):
    setting = Setting(function, lease_extension=True, max_lease_seconds=30)

    setting.execution.run(raw())

    assert setting.happened == [("lease", "t1", "me", 30), ("end of lease", "t1"), ("delivered", "charge", True)]


def test_options_are_read_for_each_task():
    setting = Setting()
    setting.execution.run(raw())
    setting.options = evolve(setting.options, lease_extension=True)
    setting.execution.run(raw("t2"))

    assert [what for what, *_ in setting.happened] == ["delivered", "lease", "end of lease", "delivered"]


def test_a_runner_that_raises_fails_the_task(caplog):
    setting = Setting(lease_extension=True)
    setting.runner.run = lambda *_: 1 / 0

    setting.execution.run(raw())

    (result,) = setting.results
    assert (result.task_id, result.status) == ("t1", "FAILED")
    assert "ZeroDivisionError" in result.reason_for_incompletion
    assert ("end of lease", "t1") in setting.happened
    assert setting.execution.running == {}
    assert "t1" in caplog.text


@each(
    "task",
    [
        raw(inputData="text"),
        raw(retryCount="many"),
        raw(workflowTask=5),
        DamagedTask(raw()),
    ],
)
def test_a_task_that_cannot_be_read_is_failed_and_not_retried(task):
    setting = Setting(lambda: pytest.fail("the function was called"))
    setting.following = raw("t2")

    assert setting.execution.run(task) == raw("t2")

    (result,) = setting.results
    assert (result.task_id, result.workflow_instance_id, result.worker_id) == ("t1", "w1", "me")
    assert result.status == "FAILED_WITH_TERMINAL_ERROR"
    assert result.reason_for_incompletion
    assert setting.execution.unreadable == 1


@each("task", ["text", 5, [raw()], {}, {"taskId": "t1"}, raw(""), raw(workflowInstanceId=None), DamagedTask()])
def test_a_task_without_ids_is_logged_and_dropped(task):
    setting = Setting(lambda: pytest.fail("the function was called"))

    assert setting.execution.run(task) is None
    assert setting.results == []
    assert setting.execution.unreadable == 1


def test_what_has_no_id_needs_no_return():
    setting = Setting()

    setting.execution.hand_back(raw())
    setting.execution.hand_back({})
    setting.execution.hand_back("text")
    assert [(result.task_id, result.output_data) for _, result in setting.returned] == [("t1", {})]


def test_a_result_of_the_function_keeps_its_own_status():
    def work(task: Task) -> TaskResult:
        return TaskResult(task_id="", workflow_instance_id="", status="FAILED", reason_for_incompletion=task.task_id)

    setting = Setting(work)
    setting.execution.run(raw())

    assert (setting.results[0].status, setting.results[0].reason_for_incompletion) == ("FAILED", "t1")


def test_changed_ids_of_a_task_do_not_change_its_result():
    def change(task: Task):
        task.task_id, task.workflow_instance_id = None, "another"
        return TaskResult(
            "", "", status="COMPLETED", output_data={"n": 1}, unknown_fields={"taskId": "another", "extra": 1}
        )

    setting = Setting(change)
    setting.execution.run(raw())

    (result,) = setting.results
    assert (result.task_id, result.workflow_instance_id) == ("t1", "w1")
    wire = json.loads(update_body(result))
    assert (wire["taskId"], wire["workflowInstanceId"], wire["extra"]) == ("t1", "w1", 1)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_the_child_of_a_function_that_forks_ends_and_delivers_nothing():
    reading, writing = os.pipe()

    def fork():
        child = os.fork()
        if child:
            os.close(writing)
            with os.fdopen(reading) as pipe:
                got = pipe.read()  # ends when the child has ended
            return {"status": os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), "got": got}
        return {}

    setting = Setting(fork)
    parent, deliver = os.getpid(), setting.deliver

    def deliver_here(*given, **named):
        if os.getpid() != parent:
            os.write(writing, b"delivered")
            os._exit(1)
        return deliver(*given, **named)

    setting.deliver = deliver_here
    setting.execution.run(raw())
    assert setting.results[0].output_data == {"status": 0, "got": ""}


def test_a_task_that_cannot_be_read_for_lack_of_memory_may_be_retried(monkeypatch):
    def fail(*_):
        raise MemoryError

    monkeypatch.setitem(_base._readers, Task, fail)
    setting = Setting()

    setting.execution.run(raw())

    (result,) = setting.results
    assert (result.task_id, result.status) == ("t1", "FAILED")
    assert result.reason_for_incompletion == "The worker cannot read this task: too little memory"
