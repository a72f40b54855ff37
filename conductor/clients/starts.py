"""Starts of workflows as the transport's listeners hear of them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from conductor.errors import SerializationError
from conductor.models.codec import dumps, to_jsonable
from conductor.transport.notices import WorkflowStartFailed, WorkflowStarting

if TYPE_CHECKING:
    from conductor.transport.http import Transport

__all__ = ["announced"]


@contextmanager
def announced(
    transport: Transport, name: str | None, version: int | None, given: Mapping[str, Any] | None
) -> Iterator[None]:
    """Around a start: tells how large the input is, which is measured only where somebody listens, and of a failure."""
    if not transport.listeners:
        yield
        return
    with contextlib.suppress(SerializationError):  # the start will say so
        size = len(dumps(to_jsonable(dict(given or {}))))
        transport.announce(WorkflowStarting(name or "", version, size))
    try:
        yield
    except Exception as error:
        transport.announce(WorkflowStartFailed(name or "", error))
        raise
