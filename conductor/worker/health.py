"""How a handler is, as data: what polls, what is stuck, what waits for the server."""

from __future__ import annotations

from typing import Any

import attrs
from attrs import frozen

__all__ = ["HandlerHealth", "WorkerHealth"]


@frozen
class WorkerHealth:
    """How one worker is.

    Attributes:
        task_type: Its task type.
        state: ``polling``, ``paused``, ``failing``, ``stopped`` or ``new``.
        last_poll_age: Seconds since the last answered poll, or None before the first.
        busy: Tasks that run or wait for a thread.
        thread_count: How many may run at a time.
        oldest_running: Seconds for which the oldest running task runs; 0.0 when none does.
        last_error: The last failed poll's error, in words, or None.
        restarts: How often the poller failed and started again.
        unreadable: Tasks whose JSON could not be understood.
        failed_polls: Failed polls since the last that worked.
    """

    task_type: str
    state: str
    last_poll_age: float | None
    busy: int
    thread_count: int
    oldest_running: float
    last_error: str | None
    restarts: int
    unreadable: int
    failed_polls: int


@frozen
class HandlerHealth:
    """How a handler is.

    Attributes:
        is_live: Every thread that has to run does. A server that is away does not make a handler dead.
        is_ready: It is live, and no worker's polls fail.
        waiting_results: Results that the server has not taken yet.
        delivered: Results that the server took.
        refused: Results that the server refused.
        token: ``none`` without authentication, ``new`` before the first was asked for, ``valid``, ``expired``, or
            ``failing`` when the last attempt to get one failed.
        workers: How each worker is.
    """

    is_live: bool
    is_ready: bool
    token: str
    waiting_results: int
    delivered: int
    refused: int
    workers: list[WorkerHealth]

    def to_dict(self) -> dict[str, Any]:
        """The same as plain values."""
        return attrs.asdict(self)
