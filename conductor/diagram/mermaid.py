"""Write a graph as a Mermaid flow chart, in the syntax that all versions of Mermaid accept."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from attrs import frozen

from conductor.diagram.colors import PALETTES, Tone, tone_of
from conductor.diagram.graph import Graph, Kind, Lane, Step
from conductor.diagram.labels import about, clean, cut, heading, mark, run_label, title

__all__ = ["mermaid"]


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
    return "\n".join(_Writer(graph).lines()) + "\n"


def escaped(text: str) -> str:
    """Escape a string so that Mermaid shows it unchanged, inside double quotes."""
    text = _SPECIAL.sub(lambda found: f"#{ord(found[0])};", text)
    return _LIST_ITEM.sub(lambda found: f"{found[1]}#46;" if found[1] else f"#{ord(found[2])};", text)


class _Writer:
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
