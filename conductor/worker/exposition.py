"""Metrics in Prometheus's text format (version 0.0.4), written without its library."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from conductor.worker.metrics import FAMILIES

__all__ = ["CONTENT_TYPE", "as_text"]

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
