"""A handler's metrics in a ``prometheus_client`` registry (extra ``prometheus``).

    from prometheus_client import REGISTRY
    from conductor.contrib.prometheus import ConductorCollector

    handler = TaskHandler(metrics=True)
    REGISTRY.register(ConductorCollector(handler))

Without that library ``TaskHandler(health_port=...)`` serves the same under ``/metrics``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from conductor.worker.metrics import FAMILIES

__all__ = ["ConductorCollector", "HasMetrics"]


class HasMetrics(Protocol):
    """A ``TaskHandler``, or whatever else has such a snapshot."""

    def metrics(self) -> dict[str, Any]:
        """The snapshot."""


class ConductorCollector(Collector):
    """Reads the handler's metrics at each scrape; nothing is counted twice.

    Args:
        handler: A ``TaskHandler`` that was made with ``metrics=True``.
    """

    def __init__(self, handler: HasMetrics) -> None:
        self._handler = handler

    def describe(self) -> Iterator[Metric]:
        """The families, so that a registry notices names that are taken without a scrape."""
        for name in FAMILIES:
            yield _family(name)

    def collect(self) -> Iterator[Metric]:
        """The families that have samples."""
        for name, found in self._handler.metrics().items():
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
