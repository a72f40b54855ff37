"""Pages of searches, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from conductor.errors import ConfigurationError
from conductor.models import SearchResult

__all__ = ["check_page", "pages"]

T = TypeVar("T")


def check_page(start: int, size: int, largest: int, name: str = "size") -> None:
    """Refuse a place before the first, which the server takes for the first or fails at, and a size that it refuses."""
    if start < 0:
        raise ConfigurationError(
            f"start is {start}; it must be 0 or more.", variable="start", value=start, allowed="0 or more"
        )
    if not 1 <= size <= largest:
        raise ConfigurationError(
            f"{name} is {size}; it must be from 1 to {largest:,}.", variable=name, value=size, allowed=f"1 to {largest}"
        )


def pages(search: Callable[..., SearchResult[T]], *, size: int, start: int = 0, **conditions: Any) -> Iterator[T]:
    """Every result of a search, page by page."""
    while True:
        page = search(start=start, size=size, **conditions)
        yield from page.results
        start += len(page.results)
        if not page.results or start >= page.total_hits:
            return
