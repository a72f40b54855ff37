import pytest

from conductor.models import Task, TaskStatus, Workflow, WorkflowExecutionStatus
from conductor.testing import assert_workflow
from conductor.testing.reports import WorkerFailures


def task(seq, name, status="COMPLETED", **fields):
    fields = {"task_id": f"t-{seq}", "task_type": "SIMPLE", **fields}
    return Task(seq=seq, reference_task_name=name, status=TaskStatus(status), **fields)


def workflow(*tasks, status="COMPLETED", **fields):
    fields = {"workflow_name": "order", "workflow_id": "w-1", **fields}
    return Workflow(status=WorkflowExecutionStatus(status), tasks=list(tasks), **fields)


RUN = workflow(
    task(1, "charge", "FAILED", reason_for_incompletion="card refused", retried=True),
    task(2, "charge", retry_count=1, input_data={"amount": 5}, output_data={"id": "ch_1", "ok": True}),
    task(3, "round__1", iteration=1),
    task(4, "round__2", iteration=2),
    task(5, "ship", output_data={"box": [1, 2]}),
    output={"id": "ch_1", "total": 5},
    variables={"a": 1},
)


def failing(check):
    with pytest.raises(AssertionError) as caught:
        check()
    return caught.value


def test_checks_that_hold_are_chained():
    run = assert_workflow(RUN)

    run.completed().has_output({"id": "ch_1", "total": 5}).has_output(total=5).has_variables(a=1)
    run.ran("charge", "round", "ship").ran("charge", "ship").ran().did_not_run("refund")
    run.task("charge").completed().retried(1).has_input(amount=5).has_output({"id": "ch_1", "ok": True})
    run.task("charge").task("ship").retried(0)
    run.task("round").completed().task("round__1").completed()
    assert run.task("ship").workflow.completed() is run


STATUSES = [("FAILED", "failed"), ("TIMED_OUT", "timed_out"), ("TERMINATED", "terminated"), ("RUNNING", "running")]


@pytest.mark.parametrize(("status", "check"), STATUSES)
def test_each_status_has_its_check(status, check):
    run = workflow(status=status, reason_for_incompletion="because of this")

    getattr(assert_workflow(run), check)()
    assert f"is {status}, not COMPLETED" in str(failing(assert_workflow(run).completed))


def test_a_reason_is_searched():
    run = assert_workflow(workflow(status="FAILED", reason_for_incompletion="no money left"))

    run.failed("money")
    assert "has the reason 'no money left', which does not contain 'time'" in str(failing(lambda: run.failed("time")))


def test_a_failure_shows_the_whole_execution():
    message = str(failing(lambda: assert_workflow(RUN).task("charge").retried(2)))

    assert message == (
        "Task 'charge' of order was retried once, not twice\n\n"
        "status: COMPLETED\n"
        "#  task      type    status     attempt  reason\n"
        "1  charge    SIMPLE  FAILED     1        card refused\n"
        "2  charge    SIMPLE  COMPLETED  2\n"
        "3  round__1  SIMPLE  COMPLETED  1\n"
        "4  round__2  SIMPLE  COMPLETED  1\n"
        "5  ship      SIMPLE  COMPLETED  1"
    )


@pytest.mark.parametrize(
    ("check", "lines"),
    [
        (lambda run: run.has_output({"id": "ch_2", "total": 5}), ['-   "id": "ch_2",', '+   "id": "ch_1",']),
        (lambda run: run.has_output(id="ch_1", tax=1), ['-   "id": "ch_1",', '-   "tax": 1', '+   "id": "ch_1"']),
        (lambda run: run.has_variables({}), ["- {}", '+   "a": 1']),
        (lambda run: run.has_output(idd="ch_1"), ['-   "idd": "ch_1"', "its keys: id, total"]),
        (lambda run: run.task("ship").has_output(box=[1]), ["-     1", "+     1,", "+     2"]),
        (lambda run: run.task("charge").has_input({"amount": 6}), ['-   "amount": 6', '+   "amount": 5']),
    ],
)
def test_values_that_differ_are_shown_line_by_line(check, lines):
    message = str(failing(lambda: check(assert_workflow(RUN))))

    assert set(lines) <= set(message.splitlines())


@pytest.mark.parametrize(
    ("check", "text"),
    [
        (lambda run: run.task("refund"), "has no task 'refund'"),
        (lambda run: run.ran("ship", "charge"), "ran charge, round, ship; expected, in this order: ship, charge"),
        (lambda run: run.ran("charge", "refund"), "expected, in this order: charge, refund"),
        (lambda run: run.did_not_run("refund", "ship", "round"), "ran round, ship"),
        (lambda run: run.task("ship").failed(), "Task 'ship' of order is COMPLETED, not FAILED"),
    ],
)
def test_what_does_not_hold_is_said(check, text):
    assert text in str(failing(lambda: check(assert_workflow(RUN))))


def test_a_map_and_items_together_are_a_mistake():
    with pytest.raises(TypeError, match="not both"):
        assert_workflow(RUN).has_output({}, id=1)


def test_an_execution_without_tasks_is_shown():
    run = workflow(status="FAILED", reason_for_incompletion="bad fork")

    assert str(failing(assert_workflow(run).completed)) == (
        "Workflow order w-1 is FAILED, not COMPLETED\n\nstatus: FAILED, reason: bad fork\nno task was scheduled"
    )


def test_the_exception_of_a_worker_is_the_cause():
    reports = []
    failures = WorkerFailures(lambda title, text: reports.append((title, text)))
    error = ValueError("no card")
    failures.take("t-1", "charge, attempt 1", error)
    run = workflow(task(1, "charge", "FAILED"), task(2, "other", "CANCELED"), status="FAILED")

    assert failing(assert_workflow(run).completed).__cause__ is error
    assert failing(lambda: assert_workflow(run).task("charge").completed()).__cause__ is error
    assert failing(lambda: assert_workflow(run).task("other").completed()).__cause__ is None
    assert reports == [("charge, attempt 1", "ValueError: no card\n")]

    failures.forget()
    assert failing(assert_workflow(run).completed).__cause__ is None
