"""Pages of searches, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from conductor.errors import ConfigurationError
from conductor.models import SearchResult

__all__ = ["check_size", "pages"]

T = TypeVar("T")


def check_size(size: int, largest: int) -> None:
    """Refuse a page size that the server refuses."""
    if not 1 <= size <= largest:
        raise ConfigurationError(
            f"size is {size}; it must be from 1 to {largest:,}.", variable="size", value=size, allowed=f"1 to {largest}"
        )


def pages(search: Callable[..., SearchResult[T]], *, size: int, start: int = 0, **conditions: Any) -> Iterator[T]:
    """Every result of a search, page by page."""
    while True:
        page = search(start=start, size=size, **conditions)
        yield from page.results
        start += len(page.results)
        if not page.results or start >= page.total_hits:
            return
