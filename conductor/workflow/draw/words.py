"""The words on a picture: what stands on a step, in which order, cut to a length that can be read."""

from __future__ import annotations

import unicodedata

from conductor.workflow.draw.graph import Graph, Step
from conductor.workflow.draw.kinds import Kind
from conductor.workflow.draw.runs import Run

__all__ = ["about", "clean", "cut", "duration", "heading", "mark", "run_words", "subtitle", "title"]

_SEPARATOR = " · "
_MARKS = {
    "COMPLETED": "✓",
    "COMPLETED_WITH_ERRORS": "!",
    "FAILED": "✗",
    "FAILED_WITH_TERMINAL_ERROR": "✗",
    "TIMED_OUT": "✗",
    "CANCELED": "⊘",
    "TERMINATED": "⊘",
    "SKIPPED": "↷",
    "IN_PROGRESS": "…",
    "RUNNING": "…",
    "SCHEDULED": "…",
    "PAUSED": "‖",
}
_SECOND, _MINUTE, _HOUR = 1000, 60_000, 3_600_000


def clean(text: str) -> str:
    """``text`` on one line, without what would steer a terminal or break an XML document."""
    return " ".join("".join(" " if _steers(char) else char for char in text).split())


def _steers(char: str) -> bool:
    return unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def cut(text: str, most: int) -> str:
    """At most ``most`` characters, the last one an ellipsis where something is missing."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def title(step: Step) -> str:
    """The first line: the reference name."""
    return clean(step.ref) or clean(step.name) or "?"


def subtitle(step: Step) -> str:
    """The second line: the name of a worker's task where the reference name is another; type and detail of others."""
    name, detail = clean(step.name), clean(step.detail)
    if step.kind is Kind.MORE:
        return ""
    if step.kind is Kind.WORKER:
        words = [
            step.type if step.type not in {"SIMPLE", step.name} else "",
            name if name != title(step) else "",
            detail,
        ]
    else:
        words = [step.type, detail]
    if step.optional:
        words.append("optional")
    return clean(_SEPARATOR.join(word for word in words if word))


def about(step: Step, most: int) -> list[str]:
    """The second line, or type and detail on lines of their own where one line of ``most`` characters is too short."""
    line = subtitle(step)
    return [line] if len(line) <= most else line.split(_SEPARATOR, 1)


def heading(graph: Graph) -> str:
    """The title of the picture: name and version."""
    version = "" if graph.version is None else f" v{graph.version}"
    return (clean(graph.name) or "workflow") + version


def mark(status: str) -> str:
    """One character for a status."""
    return _MARKS.get(status, "•")


def run_words(run: Run) -> str:
    """Status, time, rounds and retries, as ``COMPLETED 1.2 s, 2 retries``."""
    words = [" ".join(word for word in (clean(run.status), duration(run.milliseconds)) if word)]
    if run.rounds:
        words.append(f"{run.rounds} round{'s' if run.rounds > 1 else ''}")
    if run.retries:
        words.append(f"{run.retries} retr{'ies' if run.retries > 1 else 'y'}")
    return ", ".join(word for word in words if word)


def duration(milliseconds: int | None) -> str:
    """A time as people write it: ``85 ms``, ``1.2 s``, ``3 min 5 s``, ``2 h 10 min``."""
    if milliseconds is None:
        return ""
    if milliseconds < _SECOND:
        return f"{milliseconds} ms"
    if milliseconds < _MINUTE:
        return f"{milliseconds / _SECOND:.1f} s"
    if milliseconds < _HOUR:
        minutes, rest = divmod(milliseconds, _MINUTE)
        return f"{minutes} min {rest // _SECOND} s"
    hours, rest = divmod(milliseconds, _HOUR)
    return f"{hours} h {rest // _MINUTE} min"
