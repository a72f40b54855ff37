"""Traces of workers by OpenTelemetry (extra ``opentelemetry``).

    from conductor.contrib.opentelemetry import trace_workers, with_trace

    trace_workers(handler)
    client.workflows.start("order", with_trace({"order_id": 17}))

Each poll that returned tasks, each execution and each delivery has a span, on the thread where it happened; the
delivery is a child of its execution. The span of an execution has the status ERROR if the task fails: by any exception,
by an output that is not JSON, or by a result with a failed status. ``with_trace`` puts the current span's
context into a workflow's input, under ``_trace``; tasks whose input parameters pass it on
(``"_trace": "${workflow.input._trace}"``) continue that trace.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from conductor._internal.installation import missing_package
from conductor._version import __version__
from conductor.worker.context import TaskContext
from conductor.worker.events import (
    DeliveryDelayed,
    PollCompleted,
    TaskExecutionCompleted,
    TaskExecutionFailure,
    TaskUpdateCompleted,
    TaskUpdateFailure,
    WorkerEvent,
)

try:
    from opentelemetry import propagate, trace
    from opentelemetry.context import Context
    from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, SpanKind, Status, StatusCode, TracerProvider
except ModuleNotFoundError as _error:
    raise missing_package(_error, "conductor.contrib.opentelemetry", "opentelemetry") from None

__all__ = ["TRACE_KEY", "HasMiddleware", "WorkerTracing", "trace_workers", "with_trace"]

TRACE_KEY = "_trace"


class HasMiddleware(Protocol):
    """The methods of a ``TaskHandler`` that the instrumentation uses."""

    def use(self, middleware: Any) -> Any:
        """Call ``middleware`` around each execution of a task."""

    def on(self, kind: type[WorkerEvent], call: Callable[[Any], None]) -> Any:
        """Call ``call`` with each event of ``kind``."""


def trace_workers(handler: HasMiddleware, tracer_provider: TracerProvider | None = None) -> None:
    """Record spans for a handler; call it before the start, and before any other ``handler.use``.

    Args:
        handler: A ``TaskHandler``.
        tracer_provider: The provider of the tracer (default: the global one).
    """
    tracing = WorkerTracing(tracer_provider)
    handler.use(tracing.around_execution)
    handler.on(TaskExecutionCompleted, tracing.after_execution)
    handler.on(TaskExecutionFailure, tracing.after_execution)
    handler.on(PollCompleted, tracing.after_poll)
    handler.on(TaskUpdateCompleted, tracing.after_update)
    handler.on(TaskUpdateFailure, tracing.after_failed_update)
    handler.on(DeliveryDelayed, tracing.after_failed_update)


def with_trace(workflow_input: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return ``workflow_input`` with the context of the current span; unchanged outside a span."""
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    return {**(workflow_input or {}), **({TRACE_KEY: carrier} if carrier else {})}


class WorkerTracing:
    """Records spans; safe to use from many threads.

    Args:
        tracer_provider: The provider of the tracer (default: the global one).
    """

    def __init__(self, tracer_provider: TracerProvider | None = None) -> None:
        self._tracer = trace.get_tracer("conductor", __version__, tracer_provider)
        self._last = _LastExecution()

    def around_execution(self, context: TaskContext, call: Callable[[], Any]) -> Any:
        """Middleware: start a span around the function; ``after_execution`` ends it once the outcome is known."""
        with self._tracer.start_as_current_span(
            f"execute {context.task_type}",
            context=_parent(context),
            kind=SpanKind.CONSUMER,
            attributes={
                "conductor.task.type": context.task_type,
                "conductor.task.id": context.task_id,
                "conductor.task.reference_name": context.reference_name,
                "conductor.task.retry_count": context.retry_count,
                "conductor.workflow.id": context.workflow_id,
            },
            end_on_exit=False,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            self._last.task_id, self._last.span, self._last.open = context.task_id, span.get_span_context(), span
            return call()

    def after_execution(self, event: TaskExecutionCompleted | TaskExecutionFailure) -> None:
        """End the span of an execution, now that its outcome is known."""
        span, self._last.open = self._last.open, None
        if span is None:
            return
        if isinstance(event, TaskExecutionFailure):
            if event.error is not None:
                span.record_exception(event.error)
            span.set_status(Status(StatusCode.ERROR, event.result.reason_for_incompletion or str(event.result.status)))
        span.end()

    def after_poll(self, event: PollCompleted) -> None:
        """Record a span for a poll that returned tasks."""
        if event.tasks_received:
            span = self._ended(f"poll {event.task_type}", event, event.duration, None)
            span.set_attribute("conductor.poll.tasks", event.tasks_received)
            span.end()

    def after_update(self, event: TaskUpdateCompleted) -> None:
        """Record a span for a delivered result."""
        self._update(event).end()

    def after_failed_update(self, event: TaskUpdateFailure | DeliveryDelayed) -> None:
        """Record a span for a result that was refused, or will be sent again."""
        span = self._update(event)
        span.record_exception(event.error)
        span.set_status(Status(StatusCode.ERROR, str(event.error)))
        span.end()

    def _update(self, event: TaskUpdateCompleted | TaskUpdateFailure | DeliveryDelayed) -> Span:
        parent = None
        if self._last.span is not None and self._last.task_id == event.task_id:
            parent = trace.set_span_in_context(NonRecordingSpan(self._last.span))
        span = self._ended(f"update {event.task_type}", event, event.duration, parent)
        span.set_attribute("conductor.task.id", event.task_id)
        return span

    def _ended(self, name: str, event: WorkerEvent, duration: float, parent: Context | None) -> Span:
        """Return a span for an operation that has just ended; the caller ends the span."""
        return self._tracer.start_span(
            name,
            context=parent if parent is not None else Context(),
            kind=SpanKind.CLIENT,
            attributes={"conductor.task.type": event.task_type},
            start_time=time.time_ns() - round(duration * 1e9),
        )


class _LastExecution(threading.local):
    """The latest execution of the current thread, which also delivers its result, after the span has ended."""

    task_id: str = ""
    span: SpanContext | None = None
    open: Span | None = None


def _parent(context: TaskContext) -> Context:
    carrier = context.input.get(TRACE_KEY)
    return propagate.extract(carrier, context=Context()) if isinstance(carrier, dict) else Context()
