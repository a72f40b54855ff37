"""Spans of a real handler, as OpenTelemetry's own exporter sees them."""

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from conductor import Settings, TaskHandler, TaskResult, Worker
from conductor.contrib.opentelemetry import trace_workers, with_trace


@pytest.fixture
def exporter():
    return InMemorySpanExporter()


@pytest.fixture
def provider(exporter):
    one = TracerProvider()
    one.add_span_processor(SimpleSpanProcessor(exporter))
    yield one
    one.shutdown()


def charge(fail: bool = False):
    trace.get_current_span().set_attribute("inside", True)
    if fail:
        raise ValueError("no")


@pytest.fixture
def handler(stub, provider):
    one = TaskHandler(Settings(server_url=stub.url), workers=[Worker(charge, "charge")])
    trace_workers(one, provider)
    yield one
    stub.end_polls()
    one.stop(grace_seconds=5)


def named(exporter, name):
    return [span for span in exporter.get_finished_spans() if span.name == name]


def test_poll_execution_and_update_each_have_a_span(stub, handler, exporter, wait_until):
    stub.add("charge", "charge-1", referenceTaskName="pay")
    handler.start()
    wait_until(lambda: named(exporter, "update charge"))
    (poll,) = named(exporter, "poll charge")
    (execution,) = named(exporter, "execute charge")
    (update,) = named(exporter, "update charge")
    assert poll.attributes["conductor.poll.tasks"] == 1
    assert poll.start_time < poll.end_time
    assert execution.attributes["conductor.task.id"] == "charge-1"
    assert execution.attributes["conductor.workflow.id"] == "wf-charge-1"
    assert execution.attributes["conductor.task.reference_name"] == "pay"
    assert execution.attributes["inside"]
    assert update.parent.span_id == execution.context.span_id
    assert update.attributes["conductor.task.id"] == "charge-1"


def test_the_trace_continues_through_the_workflow_input(stub, handler, provider, exporter, wait_until):
    with provider.get_tracer("web").start_as_current_span("request") as request:
        carried = with_trace({"fail": False})
    assert carried.keys() == {"fail", "_trace"}
    stub.add("charge", "charge-1", inputData=carried)
    handler.start()
    wait_until(lambda: named(exporter, "update charge"))
    (execution,) = named(exporter, "execute charge")
    assert execution.context.trace_id == request.get_span_context().trace_id
    assert execution.parent.span_id == request.get_span_context().span_id


def test_a_failure_is_recorded_and_the_task_fails_as_without_it(stub, handler, exporter, wait_until):
    stub.add("charge", "charge-1", inputData={"fail": True, "_trace": "no carrier"})
    handler.start()
    wait_until(lambda: named(exporter, "update charge"))
    (execution,) = named(exporter, "execute charge")
    assert not execution.status.is_ok
    assert execution.events[0].attributes["exception.type"] == "ValueError"
    assert stub.statuses() == {"charge-1": ["FAILED"]}


OUTCOMES = {
    "exit": (SystemExit, SystemExit(3), "SystemExit"),
    "no JSON": (None, {"lock": object()}, "SerializationError"),
    "a result that says so": (None, TaskResult("", "", status="FAILED", reason_for_incompletion="card refused"), None),
}


@pytest.mark.parametrize("kind", OUTCOMES)
def test_every_way_to_fail_is_an_error_of_the_span(stub, provider, exporter, wait_until, kind):
    raises, outcome, recorded = OUTCOMES[kind]

    def end():
        if raises:
            raise outcome
        return outcome

    stub.add("charge", "charge-1")
    handler = TaskHandler(Settings(server_url=stub.url), workers=[Worker(end, "charge")])
    trace_workers(handler, provider)
    with handler:
        wait_until(lambda: named(exporter, "update charge"))
    (execution,) = named(exporter, "execute charge")
    assert execution.status.status_code is trace.StatusCode.ERROR
    assert [event.attributes["exception.type"].rpartition(".")[2] for event in execution.events] == (
        [recorded] if recorded else []
    )
    assert execution.status.description == stub.results["charge-1"][0]["reasonForIncompletion"]


def test_a_refused_result_is_a_failed_span(stub, handler, exporter, wait_until):
    stub.fault = lambda kind: 404 if kind in {"update", "update-v2"} else None
    stub.add("charge", "charge-1")
    handler.start()
    wait_until(lambda: named(exporter, "update charge"))
    (update,) = named(exporter, "update charge")
    assert not update.status.is_ok
    assert update.events[0].name == "exception"


def test_outside_of_any_span_the_input_stays_as_it_is():
    assert with_trace({"a": 1}) == {"a": 1}
    assert with_trace() == {}
