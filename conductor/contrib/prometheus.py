"""The metrics of a handler, or of a client, in a ``prometheus_client`` registry (extra ``prometheus``).

    from prometheus_client import REGISTRY
    from conductor.contrib.prometheus import ConductorCollector

    handler = TaskHandler(client, metrics=True)
    REGISTRY.register(ConductorCollector(handler))

or, in a process without workers:

    metrics = MetricsCollector()
    client = ConductorClient(metrics=metrics)
    REGISTRY.register(ConductorCollector(metrics))

Both use the same metric names, so register one of them: a handler includes the requests of its client. Without
``prometheus_client``, ``TaskHandler(health_port=...)`` serves the same metrics under ``/metrics``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from conductor._internal.installation import missing_package
from conductor.worker.metrics import FAMILIES, MetricsCollector

try:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
    from prometheus_client.registry import Collector
except ModuleNotFoundError as _error:
    raise missing_package(_error, "conductor.contrib.prometheus", "prometheus") from None

__all__ = ["ConductorCollector", "HasMetrics"]


class HasMetrics(Protocol):
    """A ``TaskHandler``, or another object with such a snapshot."""

    def metrics(self) -> dict[str, Any]:
        """Return the metrics by name."""


class ConductorCollector(Collector):
    """Reads the metrics at each scrape.

    Args:
        source: A ``TaskHandler`` created with ``metrics=True``, or a ``MetricsCollector``.
    """

    def __init__(self, source: HasMetrics | MetricsCollector) -> None:
        self._read = source.snapshot if isinstance(source, MetricsCollector) else source.metrics

    def describe(self) -> Iterator[Metric]:
        """Yield the metric families, so that a registry detects duplicate names without a scrape."""
        for name in FAMILIES:
            yield _family(name)

    def collect(self) -> Iterator[Metric]:
        """Yield the metric families that have samples."""
        for name, found in self._read().items():
            family = _family(name)
            for sample in found["samples"]:
                labels = list(sample["labels"].values())
                if isinstance(family, HistogramMetricFamily):
                    family.add_metric(labels, buckets=list(sample["buckets"].items()), sum_value=sample["sum"])
                else:
                    family.add_metric(labels, sample["value"])
            yield family


def _family(name: str) -> CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily:
    about = FAMILIES[name]
    if about.kind == "histogram":
        return HistogramMetricFamily(name, about.text, labels=about.labels)
    kind = CounterMetricFamily if about.kind == "counter" else GaugeMetricFamily
    return kind(name, about.text, labels=about.labels)
