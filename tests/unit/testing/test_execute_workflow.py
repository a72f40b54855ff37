"""Workflows with their workers on the engine, without a server."""

import threading
from datetime import date, timedelta

import pytest

from conductor import NonRetryableError, Workflow, get_task_context
from conductor.errors import ConfigurationError, WorkflowDefinitionError
from conductor.models import TaskDef
from conductor.testing import MockWorker, assert_workflow, execute_workflow
from conductor.testing.executions import BEGAN
from conductor.testing.generators import (
    do_while_task,
    event_task,
    example_workflow,
    fork_join_task,
    http_task,
    human_task,
    inline_task,
    simple_task,
    start_workflow_task,
    sub_workflow_task,
    switch_task,
    wait_task,
)
from conductor.worker.worker import Worker, WorkerRegistry, worker_task
from conductor.workflow import human, simple, terminate, wait

REGISTRY = WorkerRegistry()


@worker_task("book", registry=REGISTRY)
def book(day: date, nights: int = 1) -> dict:
    get_task_context().log("booked")
    return {"until": day + timedelta(days=nights), "attempt": get_task_context().retry_count}


@worker_task("charge", registry=REGISTRY, retry_count=1, retry_delay_seconds=3600)
def charge(amount: float) -> dict:
    if get_task_context().retry_count == 0:
        raise OSError("busy")
    return {"id": f"ch_{amount:g}"}


def booking(**fields):
    return example_workflow(
        simple_task("room", "book", input_parameters={"day": "${workflow.input.day}", "nights": 2}),
        simple_task("pay", "charge", input_parameters={"amount": 5.5}),
        name="booking",
        output_parameters={"until": "${room.output.until}", "paid": "${pay.output.id}"},
        **fields,
    )


def test_functions_are_called_as_a_worker_calls_them():
    run = execute_workflow(booking(), {"day": "2030-06-03"}, workers=[book, charge])

    assert_workflow(run).completed().has_output({"until": "2030-06-05", "paid": "ch_5.5"})
    assert_workflow(run).task("room").has_output(attempt=0).task("pay").retried(1)
    assert run.task("pay").start_time == BEGAN + 3_600_000  # the retry delay, which takes no time


def test_mocks_and_outputs_replace_workers():
    mock = MockWorker("charge", raises=[OSError("busy")], returns={"id": "ch_1"})
    run = execute_workflow(booking(), {"day": "2030-06-03"}, workers=[mock], outputs={"room": {"until": "today"}})

    assert_workflow(run).completed().has_output({"until": "today", "paid": "ch_1"})
    assert [call.input["amount"] for call in mock.calls] == [5.5, 5.5]
    assert not mock.is_running


def test_a_permanent_failure_ends_the_execution_and_is_the_cause():
    error = NonRetryableError("card refused")
    mock = MockWorker("charge", raises=error)
    run = execute_workflow(booking(), {"day": "2030-06-03"}, workers=[book, mock])

    assert_workflow(run).failed("card refused")
    with pytest.raises(AssertionError, match="is FAILED, not COMPLETED") as caught:
        assert_workflow(run).completed()
    assert caught.value.__cause__ is error


def test_nothing_is_left_behind(monkeypatch):
    monkeypatch.setattr("subprocess.Popen", None)
    monkeypatch.setattr("socket.socket", None)
    before = threading.enumerate()

    flow = example_workflow(simple_task("charge"), http_task("get"))
    run = execute_workflow(flow, workers=[], outputs={"charge": {}, "get": {"response": {"body": 1}}})

    assert_workflow(run).completed()
    assert threading.enumerate() == before


def test_children_and_started_workflows_run():
    inner = example_workflow(simple_task("deep"), name="inner")
    other = example_workflow(simple_task("work"), name="other")
    flow = example_workflow(
        sub_workflow_task("child", inner),
        sub_workflow_task("named", "other"),
        start_workflow_task("start"),
        event_task(),
    )
    mocks = [MockWorker(name, returns={"name": name}) for name in ("deep", "work")]

    run = execute_workflow(flow, {"value": 1}, workers=mocks, definitions=[other])

    assert_workflow(run).completed().task("child").has_output(name="deep").task("named").has_output(name="work")


def test_a_failure_workflow_runs():
    clean_up = example_workflow(simple_task("undo"), name="clean_up")
    undo = MockWorker("undo")
    flow = example_workflow(simple_task("work"), failure_workflow="clean_up")

    run = execute_workflow(
        flow, workers=[MockWorker("work", raises=NonRetryableError("no")), undo], definitions=[clean_up]
    )

    assert_workflow(run).failed("no")
    assert undo.call_count == 1


def test_waits_and_delays_take_no_time():
    def late() -> dict | None:
        context = get_task_context()
        if context.poll_count < 3:
            context.callback_after(timedelta(hours=1))
        return {"polls": context.poll_count}

    async def soon() -> int:
        return 5

    flow = example_workflow(wait_task("pause", "14 days"), simple_task("late", start_delay=60), simple_task("soon"))
    run = execute_workflow(flow, workers=[Worker(late), Worker(soon)])

    assert_workflow(run).completed().task("late").has_output(polls=3).task("soon").has_output(result=5)
    took = timedelta(milliseconds=run.end_time - run.start_time)
    assert timedelta(days=14, hours=2, seconds=60) <= took < timedelta(days=14, hours=2, seconds=61)


def test_a_deadline_is_reached_only_if_the_test_asks_for_it():
    flow = example_workflow(human_task("approve"), timeout_seconds=3600, timeout_policy="TIME_OUT_WF")

    with pytest.raises(AssertionError, match="does not end, because nothing moves it on\n- approve: HUMAN waits for"):
        execute_workflow(flow, workers=[])
    assert_workflow(execute_workflow(flow, workers=[], until_blocked=True)).running()
    assert_workflow(execute_workflow(flow, workers=[], outputs={"approve": {"ok": True}})).completed()
    assert_workflow(execute_workflow(flow, workers=[], skip_timeouts=True)).timed_out("3600 seconds")


def test_an_open_human_task_stops_the_clock_before_a_parallel_wait():
    approval = Workflow("approval")
    approval >> [human(ref="approve"), wait("3 days", ref="limit") >> terminate("FAILED", "too late")]
    nested = example_workflow(sub_workflow_task("child", approval.to_def()))

    for flow in (approval, nested):
        assert_workflow(execute_workflow(flow, workers=[], until_blocked=True)).running()
        assert_workflow(execute_workflow(flow, workers=[])).failed()
    run = execute_workflow(approval, workers=[], until_blocked=True)
    assert run.task("limit").status == "IN_PROGRESS"


def test_an_output_of_an_unknown_task_is_refused():
    flow = example_workflow(http_task("h", "http://localhost/x"))
    with pytest.raises(ConfigurationError, match=r"no task with the reference name 'hh'; did you mean 'h'\?"):
        execute_workflow(flow, workers=[], outputs={"hh": {}})
    with pytest.raises(ConfigurationError, match="name 'other'; its tasks: h$"):
        execute_workflow(flow, workers=[], outputs={"other": {}})
    nested = example_workflow(sub_workflow_task("child", flow))
    assert_workflow(execute_workflow(nested, workers=[], outputs={"h": {}})).completed()


def test_a_name_instead_of_a_workflow_is_explained():
    with pytest.raises(ConfigurationError) as caught:
        execute_workflow("p_order")
    message = str(caught.value)
    assert "execute_workflow runs without a server, which would know the name 'p_order'" in message
    assert "pass a workflow as code, a WorkflowDef or a dict" in message
    with pytest.raises(ConfigurationError, match="a dict or a workflow as code, not 42"):
        execute_workflow(42)


def test_a_task_without_a_worker_is_named_with_what_to_do():
    flow = example_workflow(fork_join_task("both"), http_task("get"))
    with pytest.raises(AssertionError) as caught:
        execute_workflow(flow, workers=[Worker(lambda: None, "both_lift"), Worker(lambda: None, "both_right")])

    lines = str(caught.value).splitlines()
    assert lines[0] == "Workflow example does not end, because nothing moves it on"
    assert lines[1].startswith(
        "- both_left: there is no worker for 'both_left' (there is one for 'both_lift'): pass one"
    )
    assert lines[1].endswith("in workers=[...], or its output, outputs={'both_left': {...}}")
    assert "status: RUNNING" in lines


def test_functions_of_other_domains_are_not_called():
    flow = example_workflow(simple_task("work"))

    with pytest.raises(AssertionError, match="no worker for 'work'"):
        execute_workflow(flow, workers=[Worker(lambda: None, "work", domain="eu")])


def test_an_endless_workflow_ends_with_the_timeout():
    flow = example_workflow(wait_task("pause"), simple_task("work"))
    again = TaskDef("work", retry_count=1_000_000, retry_delay_seconds=1)

    def fail() -> None:
        raise OSError("busy")

    with pytest.raises(AssertionError, match="has not ended within 0.2 s"):
        execute_workflow(flow, workers=[Worker(fail, "work")], task_definitions=[again], timeout=0.2)


def test_a_function_cannot_change_the_execution_through_its_input():
    seen = []

    def work(items: list) -> None:
        seen.append(list(items))
        items.append("more")
        if len(seen) == 1:
            raise OSError("busy")

    flow = example_workflow(simple_task("work", input_parameters={"items": "${workflow.input.items}"}))
    run = execute_workflow(flow, {"items": ["one"]}, workers=[Worker(work)])

    assert seen == [["one"], ["one"]]
    assert run.input == {"items": ["one"]}


def test_scripts_are_run_if_the_definition_has_some():
    flow = example_workflow(
        inline_task("double", "$.value * 2"),
        switch_task(
            "route", {"14": [do_while_task("again", [simple_task("work")], iterations=3)]}, on="${double.output.result}"
        ),
    )
    run = execute_workflow(flow, {"value": 7}, workers=[MockWorker("work")])

    assert_workflow(run).completed().task("again").has_output(iteration=3)


def test_a_workflow_as_code_or_a_dict_is_run():
    coded = Workflow("coded", owner_email="test@example.com")
    coded >> simple(book, day=coded.input.day)
    as_dict = example_workflow(simple_task("work")).to_dict()

    assert_workflow(execute_workflow(as_dict, workers=[MockWorker("work")])).completed()
    assert_workflow(execute_workflow(coded, {"day": "2030-06-03"}, workers=[book])).completed()


def test_invalid_definitions_and_arguments_are_refused():
    twice = example_workflow(simple_task("a"), simple_task("a"))

    with pytest.raises(WorkflowDefinitionError, match="would refuse the workflow 'example': .*a"):
        execute_workflow(twice, workers=[])
    with pytest.raises(ConfigurationError, match="input must be"):
        execute_workflow(booking(), [1], workers=[])
    with pytest.raises(ConfigurationError, match="timeout"):
        execute_workflow(booking(), workers=[], timeout="soon")
