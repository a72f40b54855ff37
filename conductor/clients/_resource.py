"""What every client is made of: a transport, and calls of operations on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from conductor._renamed import missing_attribute

if TYPE_CHECKING:
    from conductor.transport.http import Transport
    from conductor.transport.operation import Operation

T = TypeVar("T")


class Resource:
    """A group of operations on one transport; made by ``ConductorClient``, usable alone."""

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
