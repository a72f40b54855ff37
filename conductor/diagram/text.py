"""Write a graph as a tree for terminals, with or without colors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from attrs import evolve

from conductor.diagram.colors import PALETTES, tone_of
from conductor.diagram.graph import Graph, Kind, Lane, Step
from conductor.diagram.labels import clean, cut, heading, mark, run_label, subtitle, title
from conductor.diagram.runs import Run

__all__ = ["text"]


#: Characters of a subtitle and of a reason.
_MAX_LENGTH = 72
_SYMBOLS = {
    Kind.WORKER: "▪",
    Kind.REQUEST: "⇄",
    Kind.MESSAGE: "✉",
    Kind.CODE: "ƒ",
    Kind.DATA: "▤",
    Kind.WAIT: "◷",
    Kind.HUMAN: "☺",
    Kind.SWITCH: "◇",
    Kind.FORK: "⋔",
    Kind.JOIN: "⋈",
    Kind.LOOP: "↻",
    Kind.WORKFLOW: "▣",
    Kind.END: "■",
    Kind.MORE: "⋯",
}
_BOLD, _FAINT = "1", "2"


def text(graph: Graph, *, color: bool) -> str:
    """Return the tree, with a line for each step."""
    return "\n".join(_Writer(graph, color=color).lines()) + "\n"


class _Writer:
    def __init__(self, graph: Graph, *, color: bool) -> None:
        self._graph = graph
        self._color = color

    def lines(self) -> Iterator[str]:
        graph = self._graph
        run = graph.run
        if run is not None and any(step.run is not None and step.run.reason for step in graph.walk()):
            run = evolve(run, reason="")  # the failed step shows the reason
        yield self._paint(heading(graph), _BOLD) + (self._run(run) if run is not None else "")
        yield from self._steps(graph.steps, "")

    def _steps(self, steps: Sequence[Step], before: str) -> Iterator[str]:
        for step in steps:
            last = step is steps[-1]
            yield before + self._paint("└─ " if last else "├─ ", _FAINT) + self._step(step)
            yield from self._lanes(step, before + ("   " if last else self._paint("│", _FAINT) + "  "))

    def _lanes(self, step: Step, before: str) -> Iterator[str]:
        if step.is_framed:
            yield from self._steps(step.lanes[0].steps, before)
            return
        for number, lane in enumerate(step.lanes, 1):
            last = number == len(step.lanes)
            yield before + self._paint("└╴" if last else "├╴", _FAINT) + self._label(step, lane, number)
            yield from self._steps(lane.steps, before + ("   " if last else self._paint("│", _FAINT) + "  "))

    def _label(self, step: Step, lane: Lane, number: int) -> str:
        label = clean(lane.label) if step.kind is Kind.SWITCH else f"branch {number}"
        if not lane.joined:
            label += " (not awaited)"
        return self._paint(label, _FAINT if lane.taken is False else _BOLD)

    def _step(self, step: Step) -> str:
        parts = [f"{_SYMBOLS[step.kind]} {title(step)}"]
        if about := cut(subtitle(step), _MAX_LENGTH):
            parts.append(self._paint(about, _FAINT))
        line = "  ".join(parts)
        if step.run is not None:
            return line + self._run(step.run)
        return self._paint(f"{_SYMBOLS[step.kind]} {title(step)}", _FAINT) if step.executed else line

    def _run(self, run: Run) -> str:
        label = f"{mark(run.status)} {run_label(run)}"
        if run.reason:
            label += f": {cut(clean(run.reason), _MAX_LENGTH)}"
        return "  " + self._paint(label, PALETTES[tone_of(run, executed=True)].terminal)

    def _paint(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._color and code else text
