"""The metrics of a handler, or of a client, in a ``prometheus_client`` registry (extra ``prometheus``).

    from prometheus_client import REGISTRY
    from conductor.contrib.prometheus import ConductorCollector

    handler = TaskHandler(client, metrics=True)
    REGISTRY.register(ConductorCollector(handler))

or, in a process that runs no workers:

    metrics = MetricsCollector()
    client = ConductorClient(metrics=metrics)
    REGISTRY.register(ConductorCollector(metrics))

Both have the same names, so a registry takes one of them; a handler counts what its client does, too. Without that
library ``TaskHandler(health_port=...)`` serves the same under ``/metrics``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from conductor.worker.metrics import FAMILIES, MetricsCollector

__all__ = ["ConductorCollector", "HasMetrics"]


class HasMetrics(Protocol):
    """A ``TaskHandler``, or whatever else has such a snapshot."""

    def metrics(self) -> dict[str, Any]:
        """The snapshot."""


class ConductorCollector(Collector):
    """Reads the metrics at each scrape; nothing is counted twice.

    Args:
        source: A ``TaskHandler`` that was made with ``metrics=True``, or a ``MetricsCollector``.
    """

    def __init__(self, source: HasMetrics | MetricsCollector) -> None:
        self._read = source.snapshot if isinstance(source, MetricsCollector) else source.metrics

    def describe(self) -> Iterator[Metric]:
        """The families, so that a registry notices names that are taken without a scrape."""
        for name in FAMILIES:
            yield _family(name)

    def collect(self) -> Iterator[Metric]:
        """The families that have samples."""
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
