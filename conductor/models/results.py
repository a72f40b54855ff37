"""Answers that hold other things: pages of a search, and what became of each id of a bulk call."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Generic, TypeVar

from attrs import define, field

from conductor.models._base import Model


@define(repr=False)
class Health(Model):
    """Health."""

    details: dict[str, Any] | None = None
    error_message: str | None = None
    healthy: bool | None = None


@define(repr=False)
class HealthStatus(Model):
    """Health status."""

    health_results: list[Health] = field(factory=list)
    suppressed_health_results: list[Health] = field(factory=list)
    healthy: bool | None = None


T = TypeVar("T")


@define(repr=False)
class SearchResult(Model, Generic[T]):
    """One page of a search.

    Attributes:
        total_hits: How many things match, on all pages.
        results: Those on this page.
        query_id: Orkes' handle for further pages.
        summary: Orkes' count by status, of a listing of tasks.
    """

    total_hits: int = 0
    results: list[T] = field(factory=list)
    query_id: str | None = None
    summary: dict[str, int] | None = None

    def __iter__(self) -> Iterator[T]:
        return iter(self.results)

    def __len__(self) -> int:
        return len(self.results)


@define(repr=False)
class BulkResponse(Model):
    """What became of each id of a bulk call.

    Attributes:
        bulk_error_results: The server's message by id, for those that failed.
        bulk_successful_results: What succeeded: ids, or whole objects where the operation answers those.
    """

    bulk_error_results: dict[str, str] = field(factory=dict)
    bulk_successful_results: list[Any] = field(factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return not self.bulk_error_results
