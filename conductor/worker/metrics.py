"""Counters, a gauge and histograms of a handler or a client, with the names that all Conductor SDKs share.

Nothing is collected unless it is asked for: without the listener no event is even made. Durations are seconds, sizes
bytes, labels camelCase. What a worker here never does (acks, an execution queue that is full) has no counter.
"""

from __future__ import annotations

import copy
import threading
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen

from conductor.models.codec import dumps
from conductor.transport.events import ClientEvent, Forked, PayloadUsed, WorkflowStartFailed, WorkflowStarting
from conductor.worker.events import (
    DeliveryDelayed,
    LeaseExtended,
    PollCompleted,
    PollFailure,
    PollSkipped,
    PollStarted,
    TaskExecutionCompleted,
    TaskExecutionFailure,
    TaskExecutionStarted,
    TaskUpdateCompleted,
    TaskUpdateFailure,
    WorkerListener,
)

if TYPE_CHECKING:
    from conductor.transport.client import Transport

__all__ = ["CONTENT_TYPE", "FAMILIES", "Family", "MetricsCollector", "UncaughtExceptions", "as_text", "merged"]


#: Bucket limits in seconds: from a local call (1 ms) to a slow function (10 s); the last bucket has no limit.
_SECONDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
#: Bucket limits in bytes: powers of ten up to the size of payloads that the server rejects.
_BYTES = (100, 1000, 10_000, 100_000, 1_000_000, 10_000_000)


@frozen
class Family:
    """The definition of a metric.

    Attributes:
        kind: ``counter``, ``gauge`` or ``histogram``.
        labels: The names of its labels.
        text: What it says.
        buckets: A histogram's upper bounds, without infinity.
    """

    kind: str
    labels: tuple[str, ...]
    text: str
    buckets: tuple[float, ...] = ()


FAMILIES: Mapping[str, Family] = {
    "task_poll_total": Family("counter", ("taskType",), "Polls."),
    "task_poll_error_total": Family("counter", ("taskType", "exception"), "Polls that failed."),
    "task_poll_time_seconds": Family("histogram", ("taskType", "status"), "Duration of polls.", _SECONDS),
    "task_execution_started_total": Family("counter", ("taskType",), "Calls of worker functions."),
    "task_execute_error_total": Family("counter", ("taskType", "exception"), "Tasks that failed."),
    "task_execute_time_seconds": Family("histogram", ("taskType", "status"), "Duration of worker functions.", _SECONDS),
    "task_result_size_bytes": Family("histogram", ("taskType",), "Size of outputs as JSON.", _BYTES),
    "task_update_error_total": Family("counter", ("taskType", "exception"), "Results whose first delivery failed."),
    "task_update_time_seconds": Family("histogram", ("taskType", "status"), "Duration of deliveries.", _SECONDS),
    "task_paused_total": Family("counter", ("taskType",), "Polls skipped because the worker is paused."),
    "task_lease_extended_total": Family("counter", ("taskType",), "Extended leases."),
    "worker_restart_total": Family("counter", (), "Worker processes that died and were restarted."),
    "thread_uncaught_exceptions_total": Family("counter", ("exception",), "Exceptions that ended a thread."),
    "workflow_start_error_total": Family("counter", ("workflowType", "exception"), "Failed starts of workflows."),
    "workflow_input_size_bytes": Family(
        "histogram", ("workflowType", "version"), "Size of workflow inputs as JSON.", _BYTES
    ),
    "external_payload_used_total": Family(
        "counter", ("entityName", "operation", "payloadType"), "Payloads read from or written to external storage."
    ),
    "active_workers": Family("gauge", ("taskType",), "Running tasks."),
    "http_api_client_request_seconds": Family(
        "histogram", ("method", "uri", "status"), "Duration of requests; the status is 0 without a response.", _SECONDS
    ),
}


@define
class _Histogram:
    """How many values fell between two bounds; the last count is of those above all bounds."""

    bounds: tuple[float, ...]
    counts: list[int] = field(init=False)
    total: float = 0.0

    def __attrs_post_init__(self) -> None:
        self.counts = [0] * (len(self.bounds) + 1)

    def add(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def snapshot(self) -> dict[str, Any]:
        buckets, count = {}, 0
        for bound, more in zip((*map(str, self.bounds), "+Inf"), self.counts, strict=True):
            count += more
            buckets[bound] = count
        return {"count": count, "sum": self.total, "buckets": buckets}


class MetricsCollector(WorkerListener):
    """Collects metrics from the events of a handler or a client; safe to use from many threads.

    A handler makes its own, see ``TaskHandler(metrics=True)``. For a client: ``ConductorClient(metrics=collector)``.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Reset all values and the lock, which another thread of the parent may have held at a fork."""
        self._lock = threading.Lock()
        self._numbers: dict[tuple[str, ...], float] = {}
        self._histograms: dict[tuple[str, ...], _Histogram] = {}

    def _count(self, name: str, *labels: str, by: int = 1) -> None:
        key = (name, *labels)
        with self._lock:
            self._numbers[key] = self._numbers.get(key, 0) + by

    def _observe(self, name: str, value: float, *labels: str) -> None:
        key = (name, *labels)
        with self._lock:
            histogram = self._histograms.get(key)
            if histogram is None:
                histogram = self._histograms[key] = _Histogram(FAMILIES[name].buckets)
            histogram.add(value)

    def on_poll_started(self, event: PollStarted) -> None:
        """Count a poll by its task type."""
        self._count("task_poll_total", event.task_type)

    def on_poll_completed(self, event: PollCompleted) -> None:
        """Record how long a poll took, in seconds."""
        self._observe("task_poll_time_seconds", event.duration, event.task_type, "SUCCESS")

    def on_poll_failure(self, event: PollFailure) -> None:
        """Time and count a failed poll."""
        self._observe("task_poll_time_seconds", event.duration, event.task_type, "FAILURE")
        self._count("task_poll_error_total", event.task_type, type(event.error).__name__)

    def on_task_execution_started(self, event: TaskExecutionStarted) -> None:
        """Count a task that begins."""
        self._count("task_execution_started_total", event.task_type)
        self._count("active_workers", event.task_type)

    def on_task_execution_completed(self, event: TaskExecutionCompleted) -> None:
        """Time a successful task."""
        self._count("active_workers", event.task_type, by=-1)
        self._observe("task_execute_time_seconds", event.duration, event.task_type, "SUCCESS")
        self._observe("task_result_size_bytes", len(dumps(event.result.output_data)), event.task_type)

    def on_task_execution_failure(self, event: TaskExecutionFailure) -> None:
        """Time and count a task that failed; one whose function answered that it failed has no exception."""
        self._count("active_workers", event.task_type, by=-1)
        self._observe("task_execute_time_seconds", event.duration, event.task_type, "FAILURE")
        name = str(event.result.status) if event.error is None else type(event.error).__name__
        self._count("task_execute_error_total", event.task_type, name)

    def on_task_update_completed(self, event: TaskUpdateCompleted) -> None:
        """Record how long a delivery took, in seconds."""
        self._observe("task_update_time_seconds", event.duration, event.task_type, "SUCCESS")

    def on_task_update_failure(self, event: TaskUpdateFailure) -> None:
        """Time and count a refused result."""
        self._failed_update(event)

    def on_delivery_delayed(self, event: DeliveryDelayed) -> None:
        """Time and count a result that has to be sent again."""
        self._failed_update(event)

    def _failed_update(self, event: TaskUpdateFailure | DeliveryDelayed) -> None:
        self._observe("task_update_time_seconds", event.duration, event.task_type, "FAILURE")
        self._count("task_update_error_total", event.task_type, type(event.error).__name__)

    def on_lease_extended(self, event: LeaseExtended) -> None:
        """Count an extended lease."""
        self._count("task_lease_extended_total", event.task_type)

    def on_poll_skipped(self, event: PollSkipped) -> None:
        """Count a skipped poll."""
        self._count("task_paused_total", event.task_type)

    def on_uncaught(self, exception: str) -> None:
        """Count an exception that ended a thread."""
        self._count("thread_uncaught_exceptions_total", exception)

    def on_request(self, method: str, uri: str, status: int, duration: float) -> None:
        """Time a request of the transport: ``uri`` is the path's template, ``status`` 0 where no answer came."""
        self._observe("http_api_client_request_seconds", duration, method, uri, str(status))

    def on_client_event(self, event: ClientEvent) -> None:
        """Count a client's starts of workflows and its stored payloads."""
        if isinstance(event, WorkflowStarting):
            version = "" if event.version is None else str(event.version)
            self._observe("workflow_input_size_bytes", event.input_bytes, event.workflow_type, version)
        elif isinstance(event, WorkflowStartFailed):
            self._count("workflow_start_error_total", event.workflow_type, type(event.error).__name__)
        elif isinstance(event, PayloadUsed):
            self._count("external_payload_used_total", event.entity, event.operation, event.payload_type)
        elif isinstance(event, Forked):
            self.reset()

    def watch(self, transport: Transport) -> None:
        """Collect the events of ``transport``; a second call has no effect."""
        self.leave(transport)
        transport.observers += (self.on_request,)
        transport.listeners += (self.on_client_event,)

    def leave(self, transport: Transport) -> None:
        """Stop collecting the events of ``transport``."""
        transport.observers = tuple(one for one in transport.observers if one != self.on_request)
        transport.listeners = tuple(one for one in transport.listeners if one != self.on_client_event)

    def snapshot(self) -> dict[str, Any]:
        """Return all metrics as plain values.

        By the metric's name: ``{"type": ..., "samples": [{"labels": {...}, "value": 3}]}``; a histogram's sample has
        ``count``, ``sum`` and ``buckets`` (upper bound as text -> how many values up to it) instead of ``value``.
        """
        with self._lock:
            values: dict[tuple[str, ...], dict[str, Any]] = {k: {"value": v} for k, v in self._numbers.items()}
            values.update({key: histogram.snapshot() for key, histogram in self._histograms.items()})
        found: dict[str, Any] = {}
        for key in sorted(values):
            name, labels = key[0], key[1:]
            family = found.setdefault(name, {"type": FAMILIES[name].kind, "samples": []})
            family["samples"].append({"labels": dict(zip(FAMILIES[name].labels, labels, strict=True)), **values[key]})
        return found


def merged(snapshots: Iterable[Mapping[str, Any]], *, gauges: bool = True) -> dict[str, Any]:
    """The sum of several snapshots, as of the processes of one handler; without gauges for those that are gone."""
    found: dict[str, Any] = {}
    for snapshot in snapshots:
        for name, family in snapshot.items():
            if gauges or family["type"] != "gauge":
                into = found.setdefault(name, {"type": family["type"], "samples": []})
                for sample in family["samples"]:
                    _merge_sample(into["samples"], sample)
    return found


def _merge_sample(samples: list[dict[str, Any]], more: Mapping[str, Any]) -> None:
    same = next((sample for sample in samples if sample["labels"] == more["labels"]), None)
    if same is None:
        samples.append(copy.deepcopy(dict(more)))
        return
    for name in more.keys() & {"value", "count", "sum"}:
        same[name] += more[name]
    for bound, count in more.get("buckets", {}).items():
        same["buckets"][bound] += count


CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def as_text(snapshot: Mapping[str, Any]) -> str:
    """What ``MetricsCollector.snapshot`` returned, for a scrape."""
    return "".join(f"{line}\n" for line in _lines(snapshot))


def _lines(snapshot: Mapping[str, Any]) -> Iterator[str]:
    for name, family in snapshot.items():
        yield f"# HELP {name} {FAMILIES[name].text}"
        yield f"# TYPE {name} {family['type']}"
        for sample in family["samples"]:
            yield from _sample(name, sample)


def _sample(name: str, sample: Mapping[str, Any]) -> Iterator[str]:
    labels = sample["labels"]
    if "value" in sample:
        yield f"{name}{_labels(labels)} {sample['value']}"
        return
    for bound, count in sample["buckets"].items():
        yield f"{name}_bucket{_labels({**labels, 'le': bound})} {count}"
    yield f"{name}_sum{_labels(labels)} {sample['sum']}"
    yield f"{name}_count{_labels(labels)} {sample['count']}"


def _labels(labels: Mapping[str, str]) -> str:
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items()) + "}" if labels else ""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


class UncaughtExceptions:
    """Counts uncaught exceptions of threads, and calls the previous ``threading.excepthook``.

    Args:
        count: Called with the name of the exception's type.
    """

    def __init__(self, count: Callable[[str], None]) -> None:
        self._count = count
        self._before: Callable[[Any], Any] = threading.excepthook

    def watch(self) -> None:
        """Begin."""
        if threading.excepthook != self._hook:
            self._before = threading.excepthook
            threading.excepthook = self._hook

    def close(self) -> None:
        """Put back what was there, unless somebody else has put something before it meanwhile."""
        if threading.excepthook == self._hook:
            threading.excepthook = self._before

    def _hook(self, thrown: threading.ExceptHookArgs) -> None:
        if not issubclass(thrown.exc_type, SystemExit):
            self._count(thrown.exc_type.__name__)
        self._before(thrown)
