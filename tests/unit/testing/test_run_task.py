import threading
from datetime import date

import attrs
import pytest

from conductor.errors import NonRetryableError, SerializationError
from conductor.models import TaskStatus
from conductor.testing.executions import example_task
from conductor.testing.single_task import run_task
from conductor.worker.context import get_task_context
from conductor.worker.worker import Worker, WorkerRegistry, worker_task


def test_a_function_is_run_with_its_input_converted():
    def until(day: date) -> int:
        return (day - date(2030, 1, 1)).days

    result = run_task(until, {"day": "2030-01-31"})
    assert (result.status, result.output_data) == ("COMPLETED", {"result": 30})


def test_the_function_finds_its_task():
    def work():
        context = get_task_context()
        context.log("here")
        return [context.task_type, context.reference_name, context.poll_count, context.stop_requested]

    result = run_task(work)
    assert result.output_data["result"] == ["work", "work", 1, False]
    assert [line.log for line in result.logs] == ["here"]
    assert result.task_id


def test_a_declared_function_goes_by_its_task_type():
    @worker_task("charge_card", registry=WorkerRegistry())
    def charge():
        return get_task_context().task_type

    assert run_task(charge).output_data["result"] == "charge_card"
    assert run_task(Worker(charge, "other")).output_data["result"] == "other"
    assert run_task(lambda: 1).output_data["result"] == 1


def test_a_task_that_is_given_may_be_a_later_attempt():
    def work(a: int):
        return [get_task_context().retry_count, a]

    task = example_task("work", {"a": 1}, retry_count=2)
    assert run_task(work, task=task).output_data["result"] == [2, 1]
    assert run_task(work, {"a": 5}, task=task).output_data["result"] == [2, 5]
    assert task.input_data == {"a": 1}


def test_what_is_raised_is_a_failed_task_with_its_traceback():
    def work():
        raise NonRetryableError("stolen")

    result = run_task(work)
    assert (result.status, result.reason_for_incompletion) == (
        "FAILED_WITH_TERMINAL_ERROR",
        "NonRetryableError: stolen",
    )


def test_a_stopping_worker_and_middleware_can_be_tried():
    def work():
        return get_task_context().stop_requested

    result = run_task(work, stopping=True, middleware=[lambda context, call: {"inside": call()}])
    assert result.output_data == {"inside": True}


def test_input_goes_the_way_of_the_wire():
    @attrs.define
    class Item:
        number: int

    def work(items: list[Item]):
        return [type(item).__name__ for item in items]

    assert run_task(work, {"items": [Item(1)]}).output_data["result"] == ["Item"]
    with pytest.raises(SerializationError, match="lock"):
        run_task(work, {"lock": threading.Lock()})


@pytest.mark.parametrize("status", list(TaskStatus))
def test_an_example_task_agrees_with_itself(status):
    task = example_task("greet", {"a": 1}, status=status, retry_count=1, iteration=2)
    assert task.reference_task_name == "greet__2"
    assert task.loop_over_task
    assert (task.end_time > 0) is task.is_terminal
    assert (task.start_time > 0) is (task.poll_count > 0) is (status != TaskStatus.SCHEDULED)
    assert task.retried_task_id == example_task("greet", iteration=2).task_id
    assert task == example_task("greet", {"a": 1}, status=status.value, retry_count=1, iteration=2)


def test_an_example_task_takes_any_field_and_no_other():
    assert example_task(domain="test").domain == "test"
    with pytest.raises(TypeError, match="domian"):
        example_task(domian="test")
