"""The boxes of a picture: what stands in each and how large it is, in pixels."""

from __future__ import annotations

import unicodedata

from attrs import frozen

from conductor.workflow.draw.graph import Graph, Step
from conductor.workflow.draw.kinds import Kind
from conductor.workflow.draw.tone import Tone, tone_of
from conductor.workflow.draw.words import about, clean, cut, mark, run_words, subtitle, title

__all__ = ["LINE_HEIGHT", "Box", "box_of", "end_box", "start_box", "text_width"]

LINE_HEIGHT = 16
_MOST_TITLE, _MOST_LINE = 40, 44
_TITLE_SIZE, _LINE_SIZE = 14, 11  # of the font; a title's is 13, and bold
_NARROWEST = 96
_ROOM = {
    Kind.SWITCH: (60, 6),
    Kind.CODE: (40, 0),
    Kind.LOOP: (40, 0),
    Kind.MESSAGE: (40, 0),
    Kind.WAIT: (40, 0),
    Kind.FORK: (56, 0),
    Kind.JOIN: (56, 0),
    Kind.HUMAN: (48, 0),
    Kind.WORKFLOW: (36, 0),
    Kind.DATA: (24, 16),
    Kind.END: (32, 0),
}


@frozen
class Box:
    """A step with its place; ``x`` and ``y`` are of its upper left corner.

    Attributes:
        kind: Decides the outline.
        tone: Decides the colours.
        lines: What stands in it, the first line as its title.
        tip: What a browser shows under the pointer: the words in full.
        dashed: Whether the outline is dashed: what may fail without harm.
    """

    kind: Kind
    tone: Tone
    lines: tuple[str, ...]
    tip: str
    width: float
    height: float
    x: float = 0
    y: float = 0
    dashed: bool = False


def box_of(step: Step) -> Box:
    """The box of a step."""
    run = step.run
    result = f"{mark(run.status)} {run_words(run)}" if run is not None else ""
    words = [title(step), subtitle(step), result, clean(run.reason) if run is not None else ""]
    tip = "\n".join(word for word in words if word)
    lines = [title(step), *about(step, _MOST_LINE), result]
    return _box(step.kind, tone_of(run, executed=step.executed), lines, tip, dashed=step.optional)


def start_box(graph: Graph) -> Box:
    """Where the flow begins."""
    return _box(Kind.END, Tone.PLAIN, ["start"], f"start of {clean(graph.name)}")


def end_box(graph: Graph) -> Box:
    """Where it ends, with what became of the execution."""
    if graph.run is None:
        return _box(Kind.END, Tone.PLAIN, ["end"], f"end of {clean(graph.name)}")
    words = ["end", f"{mark(graph.run.status)} {run_words(graph.run)}"]
    return _box(
        Kind.END, tone_of(graph.run, executed=True), words, "\n".join([*words, clean(graph.run.reason)]).strip()
    )


def text_width(text: str, *, is_title: bool = False) -> float:
    """About how wide ``text`` is; a font is not at hand, so the estimate is that of a wide one."""
    return sum(map(_em, text)) * (_TITLE_SIZE if is_title else _LINE_SIZE)


def _em(char: str) -> float:
    """How wide a character is, as a part of the font's size."""
    if char in "ijl.,:;'|!()[] ":
        return 0.38
    if unicodedata.east_asian_width(char) in "WF":
        return 1.05
    if char in "mwMW@%…":
        return 0.96
    return 0.7 if char.isupper() or char in "_$#&<>=+" else 0.63


def _box(kind: Kind, tone: Tone, words: list[str], tip: str, *, dashed: bool = False) -> Box:
    first, *rest = [word for word in words if word]
    lines = (cut(first, _MOST_TITLE), *(cut(word, _MOST_LINE) for word in rest))
    wide, high = _ROOM.get(kind, (24, 0))
    widest = max(text_width(line, is_title=line is lines[0]) for line in lines)
    width = max(_NARROWEST, widest + wide)
    return Box(kind, tone, lines, tip, round(width), 14 + LINE_HEIGHT * len(lines) + high, dashed=dashed)
