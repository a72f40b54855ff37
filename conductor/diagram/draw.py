"""Draw workflow definitions and executions as Mermaid, as a tree of text, and (with ``svg``) as SVG."""

from __future__ import annotations

import html
import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from attrs import evolve, frozen

from conductor.diagram import svg
from conductor.diagram.colors import PALETTES, Tone, tone_of
from conductor.diagram.graph import Graph, Kind, Lane, Step
from conductor.diagram.labels import about, clean, cut, heading, mark, run_label, subtitle, title
from conductor.diagram.reader import graph_of
from conductor.diagram.runs import Run

__all__ = ["Diagram", "draw", "mermaid", "text"]

_SHAPES = {
    Kind.WORKER: ("(", ")"),
    Kind.REQUEST: ("[", "]"),
    Kind.MESSAGE: ("[/", "/]"),
    Kind.CODE: ("{{", "}}"),
    Kind.DATA: ("[(", ")]"),
    Kind.WAIT: ("[\\", "\\]"),
    Kind.HUMAN: (">", "]"),
    Kind.SWITCH: ("{", "}"),
    Kind.FORK: ("[/", "\\]"),
    Kind.JOIN: ("[\\", "/]"),
    Kind.LOOP: ("{{", "}}"),
    Kind.WORKFLOW: ("[[", "]]"),
    Kind.END: ("([", "])"),
    Kind.MORE: ("[", "]"),
}
#: Characters of a line.
_MAX_LINE = 36
_SPECIAL = re.compile(r"[#\"<>&`%\\]")
_LIST_ITEM = re.compile(r"^(\d+)\.|^([-+*])(?=\s)")


@frozen
class _Exit:
    """The start of an edge.

    Attributes:
        node: The node's id.
        reached: Whether the execution has left the node; None if this is unknown.
        label: The text on the edge.
        awaited: Whether a JOIN waits for the branch.
    """

    node: str
    reached: bool | None
    label: str = ""
    awaited: bool = True


def mermaid(graph: Graph) -> str:
    """Return the flow chart, with the workflow's name as its title."""
    return "\n".join(_MermaidWriter(graph).lines()) + "\n"


def escaped(text: str) -> str:
    """Escape a string so that Mermaid shows it unchanged, inside double quotes."""
    text = _SPECIAL.sub(lambda found: f"#{ord(found[0])};", text)
    return _LIST_ITEM.sub(lambda found: f"{found[1]}#46;" if found[1] else f"#{ord(found[2])};", text)


class _MermaidWriter:
    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._nodes: list[str] = []
        self._edges: list[str] = []
        self._count = 0

    def lines(self) -> list[str]:
        graph = self._graph
        self._nodes.append(f'  start(["start"]){self._class(Tone.PLAIN)}')
        exits = self._steps(graph.steps, [_Exit("start", graph.executed)], "  ")
        if exits:
            label = f"end<br/>{escaped(run_label(graph.run))}" if graph.run is not None else "end"
            tone = tone_of(graph.run, executed=graph.executed)
            self._nodes.append(f'  finish(["{label}"]){self._class(tone)}')
            self._connect(exits, "finish", reached=graph.run is not None and graph.run.status == "COMPLETED")
        header = ["---", f"title: {json.dumps(heading(graph), ensure_ascii=False)}", "---", "flowchart TD"]
        return [*header, *self._nodes, *self._edges, *self._classes()]

    def _steps(self, steps: Sequence[Step], exits: list[_Exit], indent: str) -> list[_Exit]:
        for step in steps:
            exits = self._step(step, exits, indent)
        return exits

    def _step(self, step: Step, exits: list[_Exit], indent: str) -> list[_Exit]:
        self._count += 1
        node, reached = f"n{self._count}", step.run is not None if step.executed else None
        self._connect(exits, node, reached=reached)
        if step.is_framed:
            self._nodes.append(f'{indent}subgraph {node}s[" "]')
            self._node(step, node, indent + "  ")
            out = self._steps(step.lanes[0].steps, [_Exit(node, reached)], indent + "  ")
            self._nodes.append(f"{indent}end")
            if step.kind is Kind.LOOP:
                self._edges += [f"  {one.node} -. again .-> {node}" for one in out if one.node != node]
        else:
            self._node(step, node, indent)
            out = [_Exit(node, reached)]
            if step.lanes:
                out = [one for lane in step.lanes for one in self._lane(step, lane, node, indent)]
        return [] if step.kind is Kind.END else out

    def _lane(self, step: Step, lane: Lane, node: str, indent: str) -> list[_Exit]:
        reached = False if lane.taken is False else step.run is not None if step.executed else None
        out = self._steps(lane.steps, [_Exit(node, reached, lane.label)], indent)
        return out if lane.joined else [_Exit(one.node, one.reached, "not awaited", awaited=False) for one in out]

    def _node(self, step: Step, node: str, indent: str) -> None:
        lines = [title(step), *about(step, _MAX_LINE)]
        if step.run is not None:
            lines.append(f"{mark(step.run.status)} {run_label(step.run)}")
        text = "<br/>".join(escaped(cut(line, _MAX_LINE)) for line in lines if line)
        before, after = _SHAPES[step.kind]
        tone = tone_of(step.run, executed=step.executed)
        self._nodes.append(f'{indent}{node}{before}"{text}"{after}{self._class(tone)}')

    def _connect(self, exits: list[_Exit], node: str, *, reached: bool | None) -> None:
        for one in exits:
            taken = not self._graph.executed or (one.reached is not False and reached is not False)
            arrow = "-->" if taken and one.awaited else "-.->"
            label = f'|"{escaped(cut(clean(one.label), _MAX_LINE))}"|' if one.label.strip() else ""
            self._edges.append(f"  {one.node} {arrow}{label} {node}")

    def _class(self, tone: Tone) -> str:
        return f":::{tone.value}" if self._graph.executed else ""

    def _classes(self) -> list[str]:
        if not self._graph.executed:
            return []
        return [
            f"  classDef {tone.value} fill:{fill},stroke:{line},color:{text}"
            for tone, palette in PALETTES.items()
            for fill, line, text in [palette.light]
        ]


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
    return "\n".join(_TextWriter(graph, color=color).lines()) + "\n"


class _TextWriter:
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


class Diagram:
    """A diagram of a workflow, which ``draw`` returns. Notebooks show it as SVG.

    Attributes:
        graph: The steps of the workflow.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    def __str__(self) -> str:
        return self.text(color=False)

    def __repr__(self) -> str:
        return f"Diagram({self.graph.name!r}, {sum(1 for _ in self.graph.walk())} steps)"

    def mermaid(self) -> str:
        """Return the diagram as a Mermaid flow chart."""
        return mermaid(self.graph)

    def svg(self) -> str:
        """Return the diagram as an SVG document, for a file or for HTML, on light and on dark pages."""
        return svg.svg(self.graph)

    def _repr_html_(self) -> str:
        return f'<div style="overflow:auto;max-height:90vh">{self.svg()}</div>'

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the diagram to a file.

        Args:
            path: The file; its extension determines the format: ``.svg``, ``.html``, ``.mmd`` or ``.mermaid``
                (Mermaid), ``.txt`` (a tree).

        Raises:
            ValueError: The extension is unknown.
            OSError: The file cannot be written.
        """
        forms: dict[str, Callable[[], str]] = {
            ".svg": self.svg,
            ".html": self._page,
            ".mmd": self.mermaid,
            ".mermaid": self.mermaid,
            ".txt": self.__str__,
        }
        target = Path(path)
        form = forms.get(target.suffix.lower())
        if form is None:
            raise ValueError(f"Unknown file extension of {str(path)!r}; use one of {', '.join(forms)}.")
        target.write_text(form(), encoding="utf-8", newline="\n")

    def _page(self) -> str:
        name = html.escape(heading(self.graph))
        return (
            f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{name}</title>\n'
            '<meta name="color-scheme" content="light dark"></head>\n'
            f"<body>{self.svg()}</body></html>\n"
        )

    def text(self, *, color: bool | None = None) -> str:
        """Return the diagram as a tree for terminals, with a line for each step.

        Args:
            color: Whether to use colors; by default, if standard output is a terminal and ``NO_COLOR`` is not set.
        """
        if color is None:
            color = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        return text(self.graph, color=color)


def draw(subject: object, inside: Iterable[object] = ()) -> Diagram:
    """Draw a workflow definition, an execution, or a workflow builder.

    Args:
        subject: A ``WorkflowDef``, a ``WorkflowExecution`` with its tasks, the wire form of either as a dictionary, or
            an object with ``to_def()``. The diagram of an execution also shows statuses, retries and times.
        inside: Definitions and executions of sub-workflows, to draw inside the steps that run them.

    Returns:
        The diagram.

    Raises:
        TypeError: ``subject`` is of another type.
        UnexpectedResponseError: The wire form of an execution has values of a wrong type. Invalid values of a
            definition are ignored.
    """
    return Diagram(graph_of(subject, inside))
