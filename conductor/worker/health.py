"""The health of a handler as data: which workers poll, which are stuck, and which results wait for the server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
from attrs import field, frozen

__all__ = ["NOT_RUNNING", "HandlerHealth", "ProcessHealth", "WorkerHealth", "combined"]


@frozen
class WorkerHealth:
    """The health of one worker.

    Attributes:
        task_type: Its task type.
        state: ``polling``, ``paused``, ``full`` (too many results wait for the server), ``failing``, ``stuck`` (it has
            not gone on for a minute), ``stopped`` or ``new``.
        last_poll_age: Seconds since the last answered poll, or None before the first.
        busy: Tasks that run or wait for a thread.
        thread_count: How many may run at a time.
        oldest_running: Seconds for which the oldest running task runs; 0.0 when none does.
        last_error: The last failed poll's error, in words, or None.
        restarts: How often the poller failed and started again.
        unreadable: Tasks whose JSON could not be understood.
        failed_polls: Failed polls since the last that worked.
        waiting_results: Results that the server has not taken yet.
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
    waiting_results: int = 0


@frozen
class ProcessHealth:
    """The health of one process of a handler with ``processes``.

    Attributes:
        number: Which it is, from 1.
        pid: Its process id; None while it waits for its next start.
        is_live: Whether it runs and reports its health.
        is_ready: Whether it reports that it is ready.
        report_age: Seconds since its last report, of which it sends one per second; None before the first report.
        restarts: How often it died and was started again.
        last_exit: Description of how it last died, or None.
    """

    number: int
    pid: int | None
    is_live: bool
    is_ready: bool
    report_age: float | None
    restarts: int
    last_exit: str | None


@frozen
class HandlerHealth:
    """The health of a handler.

    Attributes:
        is_live: Whether all required threads run and make progress. An unreachable server does not change this.
        is_ready: Whether it is live, no worker's polls fail, and the server accepts results.
        waiting_results: Results that the server has not taken yet.
        delivered: Results that the server took.
        refused: Results that the server refused.
        sent_twice: Results that the server accepted although it may already have had them, which is harmless.
        token: ``none`` without authentication, ``new`` before the first was asked for, ``valid``, ``expired``, or
            ``failing`` when the last attempt to get one failed.
        workers: How each worker is; with ``processes`` the sum of all processes, and the worst of their states.
        processes: How each process is; empty without ``processes``.
    """

    is_live: bool
    is_ready: bool
    token: str
    waiting_results: int
    delivered: int
    refused: int
    workers: list[WorkerHealth]
    processes: list[ProcessHealth] = field(factory=list)
    sent_twice: int = 0

    def to_dict(self) -> dict[str, Any]:
        """The same as plain values."""
        return attrs.asdict(self)


NOT_RUNNING = HandlerHealth(False, False, "none", 0, 0, 0, [])
_WORST_FIRST = ("stuck", "failing", "full", "new", "stopped", "paused", "polling")


def combined(processes: Sequence[ProcessHealth], said: Sequence[Mapping[str, Any]], *, is_live: bool) -> HandlerHealth:
    """The health of a handler whose processes said, each as plain values, what is in ``said``."""
    by_type: dict[str, list[Mapping[str, Any]]] = {}
    for health in said:
        for worker in health["workers"]:
            by_type.setdefault(worker["task_type"], []).append(worker)
    tokens = [str(health["token"]) for health in said]
    return HandlerHealth(
        is_live=is_live,
        is_ready=is_live and all(process.is_ready for process in processes),
        token="failing" if "failing" in tokens else next(iter(tokens), "none"),
        waiting_results=sum(health["waiting_results"] for health in said),
        delivered=sum(health["delivered"] for health in said),
        refused=sum(health["refused"] for health in said),
        sent_twice=sum(health["sent_twice"] for health in said),
        workers=[_combined_worker(task_type, found) for task_type, found in by_type.items()],
        processes=list(processes),
    )


def _combined_worker(task_type: str, found: Sequence[Mapping[str, Any]]) -> WorkerHealth:
    ages = [one["last_poll_age"] for one in found if one["last_poll_age"] is not None]
    states = {one["state"] for one in found}
    return WorkerHealth(
        task_type=task_type,
        state=next(state for state in _WORST_FIRST if state in states),
        last_poll_age=max(ages, default=None),
        busy=sum(one["busy"] for one in found),
        thread_count=sum(one["thread_count"] for one in found),
        oldest_running=max(one["oldest_running"] for one in found),
        last_error=next((one["last_error"] for one in found if one["last_error"]), None),
        restarts=sum(one["restarts"] for one in found),
        unreadable=sum(one["unreadable"] for one in found),
        failed_polls=max(one["failed_polls"] for one in found),
        waiting_results=sum(one["waiting_results"] for one in found),
    )
