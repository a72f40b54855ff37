"""Pages of search results, results of bulk operations, and the server's health."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Generic, TypeVar

from attrs import define, field

from conductor.models._base import Model


@define(repr=False)
class Health(Model):
    """The health of one component of the server."""

    details: dict[str, Any] | None = None
    error_message: str | None = None
    healthy: bool | None = None


@define(repr=False)
class HealthStatus(Model):
    """The response of ``GET /health``.

    Attributes:
        health_results: Components with their health.
        suppressed_health_results: Components that do not affect ``healthy``.
        healthy: Whether the server is healthy.
    """

    health_results: list[Health] = field(factory=list)
    suppressed_health_results: list[Health] = field(factory=list)
    healthy: bool | None = None


T = TypeVar("T")


@define(repr=False)
class SearchResult(Model, Generic[T]):
    """One page of search results; iterable, with ``len()``.

    Attributes:
        total_hits: Number of results on all pages.
        results: The results on this page.
        query_id: Id of the query for further pages (Orkes).
        summary: Number of tasks by status, in lists of tasks (Orkes).
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
    """The outcome of a bulk operation for each id.

    Attributes:
        bulk_error_results: The server's error messages by id, for each failure.
        bulk_successful_results: The ids that succeeded, or the objects for operations that return objects.
    """

    bulk_error_results: dict[str, str] = field(factory=dict)
    bulk_successful_results: list[Any] = field(factory=list)

    @property
    def ok(self) -> bool:
        """Whether the operation succeeded for all ids."""
        return not self.bulk_error_results
