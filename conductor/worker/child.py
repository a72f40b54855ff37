"""The main function of a child process of ``TaskHandler(processes=...)``.

It receives orders as lines of JSON on one pipe, and reports its health on another once a second. When the first pipe
is closed, the parent has ended; the child then drains and ends too.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
import traceback
from typing import Any

from conductor._internal.logs import isolated_logger
from conductor.worker import in_child
from conductor.worker.handler import TaskHandler
from conductor.worker.lifecycle import StopReport
from conductor.worker.processes.spec import ChildSpec
from conductor.worker.signals import Flag, default_signals_in_forks
from conductor.worker.threads import ExitGuard, end_process

__all__ = ["main"]

logger = isolated_logger(__name__)

#: Seconds between two reports to the parent, which regards a child that is silent for ten seconds as not live.
_PERIOD = 1.0
#: Exit status of a child that left tasks unfinished or results undelivered when it was stopped.
_FORCED = 1
#: Exit status of a mistake in the configuration: the parent does not restart the child.
_MISCONFIGURED = 2


class _Reports:
    """Lines of JSON to the parent; safe to use from many threads."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lock = threading.Lock()

    def send(self, **values: Any) -> None:
        """Send one line; it is not an error if the parent has ended."""
        data = json.dumps(values).encode() + b"\n"
        with self._lock, contextlib.suppress(OSError):
            while data:
                data = data[os.write(self._descriptor, data) :]


class _Orders:
    """Lines of JSON from the parent."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._rest = b""
        self.stop = Flag()
        self.grace: float | None = None

    def read(self) -> dict[str, Any] | None:
        """The next line, or None when the parent is gone. Unbuffered: a daemon thread must hold no lock at the end."""
        while b"\n" not in self._rest:
            data = os.read(self._descriptor, 65536)
            if not data:
                return None
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        order: dict[str, Any] = json.loads(line)
        return order

    def follow(self, handler: TaskHandler) -> None:
        """Do what the parent says, until it says stop or is gone."""
        while (order := self.read()) is not None and "stop" not in order:
            try:
                handler.update_options(order["task_type"], **order["changes"])
            except Exception:  # invalid options must not end the process
                logger.exception("The options could not be changed in this process")
        if order is not None:
            self.grace = order["stop"]
        self.stop.set()


def main(orders_from: int, reports_to: int) -> None:
    """Work until told to stop; ends with status 0 (drained), 1 (forced) or 2 (cannot be set up)."""
    for descriptor in (orders_from, reports_to):
        os.set_inheritable(descriptor, False)
    orders, reports = _Orders(orders_from), _Reports(reports_to)
    signal.signal(signal.SIGINT, lambda *_: None)  # Ctrl-C reaches the whole group; the parent stops this process
    signal.signal(signal.SIGTERM, lambda *_: orders.stop.set())
    default_signals_in_forks(active=True)
    told = orders.read()
    if told is None:
        return
    try:
        handler = _start(ChildSpec.from_dict(told))
    except BaseException as error:  # whatever the user's modules do when they are imported
        traceback.print_exc()
        reports.send(failed=f"{type(error).__name__}: {error}")
        raise SystemExit(_MISCONFIGURED) from None
    threading.Thread(target=orders.follow, args=(handler,), name="orders", daemon=True).start()
    _work(handler, orders, reports)


def _start(spec: ChildSpec) -> TaskHandler:
    sys.argv[:] = spec.argv
    in_child.is_child = in_child.importing = True
    in_child.number = spec.number
    workers = spec.load()
    handler = TaskHandler(spec.make_settings(), workers=workers, processes=1, **spec.handler, **spec.options)
    spec.set_up(handler)
    in_child.importing = False
    return handler.start()


def _ids(report: StopReport) -> dict[str, list[str]]:
    return {"unfinished": report.unfinished, "undelivered": report.undelivered}


def _work(handler: TaskHandler, orders: _Orders, reports: _Reports) -> None:
    with_metrics = handler.collects_metrics
    while True:
        reports.send(
            health=handler.health().to_dict(),
            metrics=handler.metrics() if with_metrics else None,
            left=_ids(handler.left()),
        )
        if orders.stop.wait(_PERIOD):
            break
    report = handler.stop(orders.grace)
    reports.send(
        health=handler.health().to_dict(),
        metrics=handler.metrics() if with_metrics else None,
        left=_ids(report),
        stopped=_ids(report),
    )
    if not report.drained:
        end_process(_FORCED)
    ExitGuard(orders.grace or 0.0).start()  # for threads that tasks left behind
