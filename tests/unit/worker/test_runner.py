import dataclasses
import logging
import math
import sys
import threading
from datetime import timedelta

import pydantic
import pytest

from conductor.errors import ConductorError, NonRetryableError
from conductor.models import Task, TaskDef, TaskResult, TaskResultStatus, WorkflowTask
from conductor.worker.context import TaskLogFilter, current_task_context, get_task_context
from conductor.worker.events import EventDispatcher, WorkerListener
from conductor.worker.execution import TaskRunner
from conductor.worker.results import TaskInProgress
from conductor.worker.worker import Worker

TASK = {"task_id": "t1", "workflow_instance_id": "w1", "task_def_name": "work", "response_timeout_seconds": 60}


def run(function, middleware=(), stop=None, events=None, on_error=None, **given):
    runner = TaskRunner(Worker(function, "work"), "me", middleware, events=events, on_error=on_error)
    return runner.run(Task(**TASK, retry_count=2, poll_count=1, input_data=given), stop or threading.Event())


@dataclasses.dataclass
class Receipt:
    number: int


class Model(pydantic.BaseModel):
    number: int


@pytest.mark.parametrize(
    ("value", "output"),
    [
        (None, {}),
        ({"a": 1}, {"a": 1}),
        (5, {"result": 5}),
        ("text", {"result": "text"}),
        ([1, 2], {"result": [1, 2]}),
        (True, {"result": True}),
        (Receipt(7), {"number": 7}),
        (Model(number=8), {"number": 8}),
    ],
)
def test_what_a_function_returns_is_the_output_of_a_completed_task(value, output):
    result = run(lambda: value)
    assert (result.status, result.output_data) == (TaskResultStatus.COMPLETED, output)
    assert (result.task_id, result.workflow_instance_id, result.worker_id) == ("t1", "w1", "me")


def test_a_task_result_goes_through_with_its_ids_filled_in():
    given = TaskResult(workflow_instance_id="", task_id="", status=TaskResultStatus.FAILED, reason_for_incompletion="x")
    result = run(lambda: given)
    assert (result.task_id, result.workflow_instance_id) == ("t1", "w1")
    assert (result.status, result.reason_for_incompletion) == ("FAILED", "x")


@pytest.mark.parametrize("seconds", [60, timedelta(minutes=1)])
def test_work_that_continues_elsewhere_is_in_progress(seconds):
    result = run(lambda: TaskInProgress(seconds, output={"step": 1}))
    assert (result.status, result.callback_after_seconds, result.output_data) == ("IN_PROGRESS", 60, {"step": 1})


def test_a_function_may_ask_for_a_callback_through_the_context():
    def work():
        get_task_context().callback_after(5)
        return {"step": 2}

    result = run(work)
    assert (result.status, result.callback_after_seconds, result.output_data) == ("IN_PROGRESS", 5, {"step": 2})


def test_an_exception_fails_the_task_with_type_message_and_traceback():
    def helper():
        raise ValueError("no such card")

    def work():
        helper()

    result = run(work)
    assert (result.status, result.reason_for_incompletion) == ("FAILED", "ValueError: no such card")
    trace = result.logs[-1].log
    assert "in helper" in trace
    assert "conductor/worker/execution.py" not in trace


def test_a_non_retryable_error_fails_the_task_permanently():
    def work():
        raise NonRetryableError("stolen card")

    result = run(work)
    assert result.status == "FAILED_WITH_TERMINAL_ERROR"
    assert result.reason_for_incompletion == "NonRetryableError: stolen card"


def test_missing_input_fails_the_task_permanently_with_its_parameter():
    def work(amount: int): ...

    result = run(work)
    assert result.status == "FAILED_WITH_TERMINAL_ERROR"
    assert "'amount'" in result.reason_for_incompletion


def _circle():
    ring = []
    ring.append(ring)
    return ring


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"a": {"lock": threading.Lock()}}, "$.a.lock"),
        ({"a": [1, {threading.Lock()}]}, "$.a[1]"),
        ({"a": math.nan}, "$.a"),
        ({1: "a", "1": "b"}, "$.1"),
        (_circle(), "contains itself"),
        ({"big": "x" * 4_000_000}, "4,000,"),
    ],
)
def test_what_cannot_be_sent_fails_the_task_with_the_path_to_the_culprit(value, path):
    result = run(lambda: value)
    assert result.status == "FAILED_WITH_TERMINAL_ERROR"
    assert path in result.reason_for_incompletion


class Odd(BaseException):
    pass


class Mute(Exception):
    def __str__(self):
        raise RuntimeError("broken")


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit(), Odd("odd"), Mute()])
def test_whatever_a_function_raises_is_contained(error):
    def work():
        raise error

    result = run(work)
    assert result.status == "FAILED"
    assert type(error).__name__ in result.reason_for_incompletion


def test_sys_exit_in_a_function_fails_its_task_only():
    assert run(lambda: sys.exit(1)).status == "FAILED"


def test_the_context_describes_the_task_and_accepts_log_lines():
    def work(a: int):
        context = get_task_context()
        context.log("half of %d", a)
        return [context.task_id, context.workflow_id, context.task_type, context.retry_count, context.input["a"]]

    result = run(work, a=4)
    assert result.output_data["result"] == ["t1", "w1", "work", 2, 4]
    assert result.logs[0].log == "half of 4"


def test_there_is_no_context_outside_a_task():
    run(lambda: None)
    assert current_task_context() is None
    with pytest.raises(ConductorError, match="no task context"):
        get_task_context()


def test_time_left_and_the_stop_are_seen_by_the_function():
    stop = threading.Event()
    stop.set()

    def work():
        context = get_task_context()
        return [context.stop_requested, context.wait_for_stop(5), 59 < context.time_left() <= 60]

    assert run(work, stop=stop).output_data["result"] == [True, True, True]


def test_middleware_wraps_the_call_on_the_same_thread_the_first_outermost():
    seen = []

    def layer(name):
        def middleware(context, call_next):
            seen.append((name, "in", context.task_id, threading.get_ident()))
            value = call_next()
            seen.append((name, "out"))
            return {"wrapped": value}

        return middleware

    result = run(lambda: 1, middleware=[layer("a"), layer("b")])
    assert [entry[:2] for entry in seen] == [("a", "in"), ("b", "in"), ("b", "out"), ("a", "out")]
    assert seen[0][3] == threading.get_ident()
    assert result.output_data == {"wrapped": {"wrapped": 1}}


def test_listeners_receive_executions_and_their_failures_are_isolated(caplog):
    heard = []

    class Listener(WorkerListener):
        def on_task_execution_started(self, event):
            heard.append(("started", event.task.task_id))

        def on_task_execution_completed(self, event):
            heard.append(("completed", event.result.status))
            raise RuntimeError("a bug in the listener")

        def on_task_execution_failure(self, event):
            heard.append(("failed", str(event.error)))

    events = EventDispatcher()
    events.add_listener(Listener())
    assert run(lambda: 1, events=events).status == "COMPLETED"
    run(lambda: 1 / 0, events=events)
    assert heard == [
        ("started", "t1"),
        ("completed", "COMPLETED"),
        ("started", "t1"),
        ("failed", "division by zero"),
    ]
    assert "listener raised an exception" in caplog.text


def test_without_a_listener_no_event_is_created():
    made = []
    EventDispatcher().emit(lambda *a: made.append(a), 1)
    assert made == []


def test_records_of_the_application_carry_the_ids_during_a_task():
    record = logging.LogRecord("app", logging.INFO, "f", 1, "m", (), None)
    inside = logging.LogRecord("app", logging.INFO, "f", 1, "m", (), None)
    run(lambda: TaskLogFilter().filter(inside))
    assert TaskLogFilter().filter(record)
    assert (inside.task_id, inside.workflow_id, inside.task_type) == ("t1", "w1", "work")
    assert (record.task_id, record.workflow_id) == ("", "")


def test_on_error_is_called_with_each_exception():
    told = []
    run(lambda: 1 / 0, on_error=lambda task, error: told.append((task.task_id, type(error))))
    assert told == [("t1", ZeroDivisionError)]


def failure_line(caplog, error, *, status=None, **task):
    def work():
        if status is not None:
            return TaskResult(workflow_instance_id="", task_id="", status=status, reason_for_incompletion=str(error))
        raise error

    caplog.clear()
    TaskRunner(Worker(work, "work"), "me").run(Task(**{**TASK, "retry_count": 1, **task}), threading.Event())
    (record,) = caplog.records
    return record


def test_a_failure_is_logged_with_its_attempt_and_when_the_next_is_due(caplog):
    def step(retry_count=None, **definition):
        return WorkflowTask("work", "ref", retry_count=retry_count, task_definition=TaskDef("work", **definition))

    fixed = step(retry_count=3, retry_delay_seconds=60)
    linear = step(retry_delay_seconds=10, backoff_scale_factor=3, retry_logic="LINEAR_BACKOFF")
    linear.task_definition.retry_count = 3
    exponential = TaskDef("work", retry_count=9, retry_delay_seconds=10, retry_logic="EXPONENTIAL_BACKOFF")
    capped = TaskDef("work", retry_count=9, retry_delay_seconds=10, retry_logic="EXPONENTIAL_BACKOFF")
    capped.max_retry_delay_seconds = 15
    plain = ValueError("no such card")
    cases = [
        ({"workflow_task": fixed}, plain, "attempt 2 of 4: ValueError: no such card; next attempt at ", 60),
        ({"workflow_task": linear}, plain, "attempt 2 of 4: ValueError: no such card; next attempt at ", 60),
        ({"task_definition": exponential}, plain, "attempt 2 of 10: ValueError: no such card; next attempt at ", 20),
        ({"task_definition": capped}, plain, "attempt 2 of 10: ValueError: no such card; next attempt at ", 15),
        ({"workflow_task": step(retry_count=1)}, plain, "attempt 2 of 2: ValueError: no such card; no retries", None),
        ({"workflow_task": fixed}, NonRetryableError("x"), "attempt 2 of 4: NonRetryableError: x; it is not", None),
        ({}, plain, "attempt 2: ValueError: no such card", None),
        ({"workflow_task": fixed, "status": "FAILED"}, "low", "attempt 2 of 4: low; next attempt at ", 60),
    ]
    for task, error, text, delay in cases:
        record = failure_line(caplog, error, **task)
        message = record.getMessage()
        assert message.startswith(f"work: task t1 of workflow w1 failed in {text}"), message
        assert message.endswith(f" (in {delay} s)") == (delay is not None), message
        assert (record.attempt, record.retry_delay_seconds) == (2, delay)
        assert (record.task_id, record.workflow_id, record.task_type) == ("t1", "w1", "work")
        assert bool(record.exc_info) == isinstance(error, ValueError)


def test_a_log_handler_that_raises_does_not_lose_the_result(monkeypatch):
    monkeypatch.setattr(logging.getLogger("conductor.worker.execution"), "handle", lambda _: 1 / 0)
    assert run(lambda: 1 / 0).reason_for_incompletion == "ZeroDivisionError: division by zero"
