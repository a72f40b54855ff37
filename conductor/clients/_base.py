"""The base class of all clients, and pages of search results."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from conductor.errors import ConfigurationError
from conductor.migration import missing_attribute

if TYPE_CHECKING:
    from conductor.models import SearchResult
    from conductor.transport.client import Transport
    from conductor.transport.operation import Operation

__all__ = ["Resource", "check_page", "iterate_pages"]


T = TypeVar("T")


def check_page(start: int, size: int, max_size: int, name: str = "size") -> None:
    """Refuse an offset or page size that the server rejects or misinterprets.

    Args:
        start: Offset of the first result; the server treats a negative one as 0, or fails.
        size: Results per page.
        max_size: Largest page that the server returns.
        name: The name of the size argument, for the error.

    Raises:
        ConfigurationError: ``start`` is negative, or ``size`` is not from 1 to ``max_size``.
    """
    if start < 0:
        raise ConfigurationError(
            f"start is {start}; it must be 0 or more.", variable="start", value=start, allowed="0 or more"
        )
    if not 1 <= size <= max_size:
        raise ConfigurationError(
            f"{name} is {size}; it must be from 1 to {max_size:,}.",
            variable=name,
            value=size,
            allowed=f"1 to {max_size}",
        )


def iterate_pages(
    search: Callable[..., SearchResult[T]], *, size: int, start: int = 0, **conditions: Any
) -> Iterator[T]:
    """Yield every result of a search, requesting page by page."""
    while True:
        page = search(start=start, size=size, **conditions)
        yield from page.results
        start += len(page.results)
        if not page.results or start >= page.total_hits:
            return


class Resource:
    """A group of operations on one transport. ``ConductorClient`` creates it; it can also be used alone.

    Every method raises ``APIError`` or a subclass if its request fails: ``APIConnectionError`` without a response,
    ``APIStatusError`` for an error status (``NotFoundError`` for 404), ``UnsupportedByServerError`` if the server does
    not have the operation.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    if not TYPE_CHECKING:
        __getattr__ = missing_attribute

    def _call(
        self,
        operation: Operation[T],
        path: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        **options: Any,
    ) -> T:
        return self._transport.request(operation, path or {}, query=query, body=body, headers=headers, **options)
