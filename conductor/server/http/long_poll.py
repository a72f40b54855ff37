"""Requests that wait: for a task, or for a change of an execution. Woken at once; the waiting is in real time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, TypeVar

from conductor.server.runtime.kernel import Kernel

T = TypeVar("T")


class Waiting:
    """Bridges the kernel's threads and the server's event loop."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._waiting: set[Callable[[], None]] = set()
        self._is_stopping = False

    def stop_soon(self) -> None:
        """Let all who wait go; may be called from any thread."""
        self._is_stopping = True
        with self._kernel.lock:
            for wake in tuple(self._waiting):
                wake()

    async def for_task(self, queue: str, take: Callable[[], list[Any]], timeout: float) -> list[Any]:
        """What ``take`` finds, as soon as it finds something; an empty list after ``timeout`` seconds."""
        event, wake = self._event()

        return (
            await self._until(
                event,
                wake,
                lambda: self._kernel.queues.listen(queue, wake),
                lambda: self._kernel.queues.unlisten(queue, wake),
                take,
                timeout,
            )
            or []
        )

    async def for_execution(self, workflow_id: str, look: Callable[[], T | None], timeout: float) -> T | None:
        """What ``look`` finds, as soon as a change lets it; None after ``timeout`` seconds."""
        event, wake = self._event()
        return await self._until(
            event,
            wake,
            lambda: self._kernel.watch(workflow_id, wake),
            lambda: self._kernel.unwatch(workflow_id, wake),
            look,
            timeout,
        )

    def _event(self) -> tuple[asyncio.Event, Callable[[], None]]:
        event, loop = asyncio.Event(), asyncio.get_running_loop()

        def wake() -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(event.set)

        return event, wake

    async def _until(
        self,
        event: asyncio.Event,
        wake: Callable[[], None],
        begin: Callable[[], None],
        end: Callable[[], None],
        look: Callable[[], T | None],
        timeout: float,
    ) -> T | None:
        deadline = time.monotonic() + timeout
        with self._kernel.lock:
            self._waiting.add(wake)
            begin()
        try:
            while not self._is_stopping:
                event.clear()
                if found := look():
                    return found
                remaining = deadline - time.monotonic()
                if remaining <= 0:
                    return None
                try:
                    await asyncio.wait_for(event.wait(), remaining)
                except (asyncio.TimeoutError, TimeoutError):
                    return None
        finally:
            with self._kernel.lock:
                self._waiting.discard(wake)
                end()
        return None
