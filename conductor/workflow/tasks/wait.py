"""Waiting, and ending."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from typing_extensions import Unpack

from conductor._renamed import explains
from conductor.workflow.step import Options, Step, make

__all__ = ["noop", "terminate", "wait", "wait_for_webhook", "yield_"]


@explains
def wait(duration: Any = None, *, until: Any = None, **options: Unpack[Options]) -> Step:
    """Wait for a time, until a moment, or, with neither, until somebody completes or signals the task (``WAIT``).

    Args:
        duration: Seconds, a ``timedelta``, text such as ``"1 days 2 hours"`` or ``"90s"``, or a reference.
        until: A ``datetime`` (whole minutes), text such as ``"2027-01-31 18:30 UTC"``, or a reference. A zone is
            written as ``CET``, ``GMT+02:00`` or ``+0200``: the server does not read ``Europe/Berlin``.
        options: See ``Options``.
    """
    inputs = {"duration": _duration(duration), "until": _moment(until)}
    step: Step = make("WAIT", {key: value for key, value in inputs.items() if value is not None}, options)
    return step


def _duration(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float | timedelta):
        return value
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    return f"{math.ceil(seconds)} seconds"


def _moment(value: Any) -> Any:
    if not isinstance(value, datetime):
        return value
    zone = value.utcoffset()
    if zone is None:
        return value.strftime("%Y-%m-%d %H:%M")
    return (value - zone).strftime("%Y-%m-%d %H:%M UTC")


@explains
def wait_for_webhook(matches: Mapping[str, Any] | str | None = None, **options: Unpack[Options]) -> Step:
    """Wait for a webhook's event whose payload matches (``WAIT_FOR_WEBHOOK``, Orkes).

    Args:
        matches: JSONPath to the value that it must have, as ``{"$['event']['type']": "paid"}``.
        options: See ``Options``.
    """
    step: Step = make("WAIT_FOR_WEBHOOK", {} if matches is None else {"matches": matches}, options)
    return step


@explains
def terminate(status: str = "COMPLETED", reason: Any = None, output: Any = None, **options: Unpack[Options]) -> Step:
    """End the workflow here (``TERMINATE``).

    Args:
        status: ``COMPLETED``, ``FAILED`` or ``TERMINATED``.
        reason: Free text.
        output: The workflow's output.
        options: See ``Options``.
    """
    inputs = {"terminationStatus": status, "terminationReason": reason, "workflowOutput": output}
    step: Step = make("TERMINATE", {key: value for key, value in inputs.items() if value is not None}, options)
    return step


def noop(**options: Unpack[Options]) -> Step:
    """Do nothing (``NOOP``): an end of a branch that a JOIN can wait for, a placeholder."""
    step: Step = make("NOOP", None, options)
    return step


def yield_(inputs: Mapping[str, Any] | None = None, /, **options: Unpack[Options]) -> Step:
    """Stop until somebody completes the task (``YIELD``, Orkes).

    Args:
        inputs: Its input.
        options: See ``Options``.
    """
    step: Step = make("YIELD", inputs, options, base="yield")
    return step
