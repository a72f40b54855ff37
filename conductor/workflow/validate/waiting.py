"""Checks of WAIT: that the server can read the time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from conductor.workflow.problem import Problem
from conductor.workflow.validate.tree import Node, like

__all__ = ["check_wait"]

_DURATION = re.compile(
    r"\s*(\d+\s*d(ays?)?)?\s*(\d+\s*h((ou)?rs?)?)?\s*(\d+\s*m(in(ute)?s?)?)?\s*(\d+\s*s(ec(ond)?s?)?)?\s*",
    re.IGNORECASE,
)
_UNTIL = re.compile(r"\s*\d{4}-\d{1,2}-\d{1,2}(\s+\d{1,2}:\d{1,2}(\s+(?P<zone>.+?))?)?\s*")
# Release 3.32.3 reads the names that Java shows for zones, offsets, and no zone of the form Europe/Berlin.
_ZONE = re.compile(r"[A-Za-z]{3,}(\s[\w\s.()-]+)?|GMT[+-]\d{1,2}:\d{2}|[+-]\d{4}")
_MOST = 2**31 - 1
_TIMES = {"time", "timeout", "delay", "sleep", "seconds", "minutes", "hours", "days", "date", "datetime"}


def check_wait(node: Node) -> Iterator[Problem]:
    """The duration, the time, and what may be meant as one of these."""
    duration, until = node.inputs.get("duration"), node.inputs.get("until")
    if duration is not None and until is not None:
        yield node.problem("WAIT", "A WAIT has a duration or an until, and not both.", "inputParameters")
    if wrong := _duration(duration):
        yield node.problem("WAIT", wrong, "inputParameters.duration")
    if wrong := _until(until):
        yield node.problem("WAIT", wrong, "inputParameters.until")
    if duration is None and until is None:
        yield from _meant(node)


def _duration(value: Any) -> str | None:
    form = "write days, hours, minutes and seconds in this order, as '1 days 2 hours 30 minutes' or '90s'"
    if value is None:
        return None
    if not isinstance(value, str):
        return f"The duration {value!r} is no text; {form}."
    if "${" in value:
        return None if value.startswith("${") else _reference_first("duration", value)
    if not (value.strip() and _DURATION.fullmatch(value)):
        return f"The duration {value!r} cannot be read; {form}."
    if any(int(number) > _MOST for number in re.findall(r"\d+", value)):
        return f"The duration {value!r} has a number above {_MOST}, which the server does not read; use a larger unit."
    return None


def _until(value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        return f"The time {value!r} is no text; write it as '2027-01-31 18:30 UTC'."
    if "${" in value:
        return None if value.startswith("${") else _reference_first("time", value)
    match = _UNTIL.fullmatch(value)
    if match is None:
        return f"The time {value!r} cannot be read; write it as '2027-01-31 18:30 UTC'."
    if match["zone"] and not _ZONE.fullmatch(match["zone"]):
        return f"The time {value!r} has a zone that the server does not read; write UTC, CET, GMT+02:00 or +0200."
    return None


def _reference_first(name: str, value: str) -> str:
    return f"The {name} {value!r} has a reference that does not stand first: the server refuses it. Make it the first."


def _meant(node: Node) -> Iterator[Problem]:
    """A WAIT without a time waits for somebody; its inputs are for them, unless they look like a time."""
    for name in node.inputs:
        plain = re.split(r"[_\s]|(?=[A-Z])", name)
        if {part.lower() for part in plain} & _TIMES or like(name, ("duration", "until")):
            yield node.problem(
                "WAIT",
                f"{node.label} has no duration and no until, so that it waits until somebody completes it; {name!r} "
                "is no time for the server. Write duration='60 seconds'.",
                f"inputParameters.{name}",
                is_error=False,
            )
