"""Where everything goes.

A workflow is a series of steps, some of which hold series of steps side by side or inside; so is its layout: each block
is laid out by itself, as a piece with its own corner, and pieces are put below and beside one another.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from itertools import zip_longest

from attrs import evolve, field, frozen

from conductor.diagram.colors import Tone, tone_of
from conductor.diagram.graph import Graph, Kind, Lane, Step
from conductor.diagram.labels import about, clean, cut, mark, run_words, subtitle, title

__all__ = [
    "LINE_HEIGHT",
    "Box",
    "Frame",
    "Line",
    "Piece",
    "Points",
    "box_of",
    "end_box",
    "joined",
    "layout",
    "start_box",
    "text_width",
]


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


Points = tuple[tuple[float, float], ...]


@frozen
class Line:
    """A line with square corners.

    Attributes:
        points: Its corners.
        arrow: Whether it ends in one.
        taken: Whether an execution came this way; None where nothing has been executed.
        awaited: False for what no JOIN waits for.
        label: What stands on its last stretch.
    """

    points: Points
    arrow: bool = False
    taken: bool | None = None
    awaited: bool = True
    label: str = ""


@frozen
class Frame:
    """The border around a loop's body or an inner workflow."""

    x: float
    y: float
    width: float
    height: float


@frozen
class Piece:
    """A block that has been laid out, in coordinates of its own.

    Attributes:
        axis: Where the flow comes in at the top and goes out at the bottom.
        is_open: Whether it goes out at all; not after TERMINATE.
        entered: Whether an execution came to its top; None where nothing says so,
        reached: and to its bottom.
        awaited: Whether what follows waits for it.
    """

    width: float
    height: float
    axis: float
    is_open: bool = True
    entered: bool | None = False
    reached: bool | None = False
    awaited: bool = True
    boxes: tuple[Box, ...] = field(default=())
    frames: tuple[Frame, ...] = field(default=())
    lines: tuple[Line, ...] = field(default=())

    def at(self, x: float, y: float) -> Piece:
        """The same, its contents moved by ``x`` and ``y``."""
        return evolve(
            self,
            boxes=tuple(evolve(box, x=box.x + x, y=box.y + y) for box in self.boxes),
            frames=tuple(evolve(frame, x=frame.x + x, y=frame.y + y) for frame in self.frames),
            lines=tuple(evolve(line, points=tuple((a + x, b + y) for a, b in line.points)) for line in self.lines),
        )


def joined(pieces: Sequence[Piece], lines: Sequence[Line], width: float, height: float, axis: float) -> Piece:
    """Pieces that have been put in their places, and lines between them, as one piece that goes on after the last."""
    return Piece(
        width,
        height,
        axis,
        is_open=pieces[-1].is_open,
        boxes=tuple(box for piece in pieces for box in piece.boxes),
        frames=tuple(frame for piece in pieces for frame in piece.frames),
        lines=(*lines, *(line for piece in pieces for line in piece.lines)),
    )


_GAP = 30  # between one step and the next
_BETWEEN = 26  # between lanes, and between columns
_BEND = 16  # from a switch or fork to the line that leads to its lanes
_LABEL = 14  # more, where a case's value stands
_CORNER = 8
_PAD = 16  # inside a frame
_BACK = 30  # for the line back to the head of a loop
_TALLEST = 2600  # a longer series goes on in the next column
_WIDEST = 2600  # more lanes go on in the next row
_MOST_LABEL = 28


def layout(graph: Graph) -> Piece:
    """Lay out the whole picture."""
    maker = _Maker(graph)
    pieces = [_of_box(start_box(graph), reached=graph.executed), *map(maker.step, graph.steps)]
    if pieces[-1].is_open:
        completed = graph.run is not None and graph.run.status == "COMPLETED"
        pieces.append(_of_box(end_box(graph), reached=completed))
    return maker.series(pieces, goes_on=False)


class _Maker:
    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def step(self, step: Step) -> Piece:
        """A step with all its lanes."""
        head = _of_box(box_of(step), reached=_was_reached(step))
        if step.is_framed:
            return self._framed(step, head)
        if step.lanes:
            return self._branching(step, head)
        return evolve(head, is_open=step.kind is not Kind.END)

    def series(self, pieces: Sequence[Piece], *, goes_on: bool) -> Piece:
        """Pieces in a row, in as many columns as it takes; what goes on does so on the axis of the first."""
        total = sum(piece.height + _GAP for piece in pieces)
        tallest = total / max(1, round(total / _TALLEST))
        columns: list[list[Piece]] = [[]]
        height = 0.0
        for piece in pieces:
            if columns[-1] and height + piece.height / 2 > tallest:
                columns.append([])
                height = 0
            columns[-1].append(piece)
            height += piece.height + _GAP
        if len(columns) == 1:
            return self._stack(pieces)
        return self._beside([self._stack(column) for column in columns], goes_on=goes_on)

    def _beside(self, columns: Sequence[Piece], *, goes_on: bool) -> Piece:
        """Columns from left to right, the end of each led to the top of the next."""
        x, y = 0.0, 0.0
        placed: list[Piece] = []
        lines: list[Line] = []
        for column, after in zip_longest(columns, columns[1:]):
            placed.append(column.at(x, y))
            end, right = (x + column.axis, y + column.height), x + column.width + _BETWEEN
            if after is not None and column.is_open:
                below, into = end[1] + _GAP / 2, right + _BETWEEN + after.axis
                way: Points = (end, (end[0], below), (right, below), (right, 0), (into, 0), (into, _GAP))
                lines.append(self._line(way, column, after, arrow=True))
            x, y = right + _BETWEEN, _GAP
        last, axis = columns[-1], columns[0].axis
        height = max(column.height for column in columns) + 2 * _GAP
        if goes_on and last.is_open:
            bottom = height - _CORNER
            way = (end, (end[0], bottom), (axis, bottom), (axis, height))
            lines.append(Line(way, taken=self._taken(last.reached, last.reached)))
        whole = joined(placed, lines, x - 2 * _BETWEEN, height, axis)
        return evolve(whole, entered=columns[0].entered, reached=last.reached)

    def _stack(self, pieces: Sequence[Piece]) -> Piece:
        """A series, one below the other on one axis."""
        axis = max(piece.axis for piece in pieces)
        width = axis + max(piece.width - piece.axis for piece in pieces)
        placed: list[Piece] = []
        lines: list[Line] = []
        y = 0.0
        before: Piece | None = None
        for piece in pieces:
            if before is not None:
                if before.is_open:
                    lines.append(self._line(((axis, y), (axis, y + _GAP)), before, piece, arrow=True))
                y += _GAP
            placed.append(piece.at(axis - piece.axis, y))
            y += piece.height
            before = piece
        whole = joined(placed, lines, width, y, axis)
        return evolve(whole, entered=pieces[0].entered, reached=pieces[-1].reached)

    def _framed(self, step: Step, head: Piece) -> Piece:
        """A loop with its body, or a workflow with the steps of its own."""
        body = [self.series([*map(self.step, step.lanes[0].steps)], goes_on=True)] if step.lanes[0].steps else []
        inner = self._stack([head, *body])
        again = step.kind is Kind.LOOP and inner.is_open and len(inner.boxes) > 1
        left, below = (_BACK, _PAD) if again else (0, 0)
        width, height = inner.width + left + 2 * _PAD, inner.height + below + 2 * _PAD
        axis, bottom = left + _PAD + inner.axis, _PAD + inner.height
        lines = [Line(((axis, bottom), (axis, height)), taken=self._taken(inner.reached, head.reached))]
        if again:
            middle = _PAD + head.height / 2
            back = (
                (axis, bottom),
                (axis, bottom + 10),
                (_PAD, bottom + 10),
                (_PAD, middle),
                (axis - head.axis, middle),
            )
            rounds = step.run.rounds if step.run is not None else 0
            lines.append(Line(back, arrow=True, taken=rounds > 1 if self._graph.executed else None))
        reached = head.reached if inner.reached is None else inner.reached
        piece = joined([inner.at(left + _PAD, _PAD)], lines, width, height, axis)
        frames = (Frame(0, 0, width, height), *piece.frames)
        return evolve(piece, frames=frames, entered=head.entered, reached=reached)

    def _branching(self, step: Step, head: Piece) -> Piece:
        """A switch or a fork with its lanes side by side, and their ends led together again.

        Lanes that are too many for one row go on in the next, which is reached on the left and left on the right.
        """
        lanes = [(lane, self._lane(lane, reached=head.reached)) for lane in step.lanes]
        rows = _rows(lanes)
        side = _BETWEEN if len(rows) > 1 else 0
        middle = side + _middle([piece for _, piece in rows[0]])
        across = 2 * side + max(_across(row) for row in rows)
        axis = max(middle, head.axis)
        width = axis + max(across - middle, head.width - head.axis)
        left, right = axis - middle, axis - middle + across
        tops = [head.height + _BEND]
        tops += [tops[0] + sum(_high(row) + 2 * _BEND for row in rows[: n + 1]) for n in range(len(rows))]
        first, last = tops[0], tops[-1] - _BEND
        placed = [head.at(axis - head.axis, 0)]
        lines: list[Line] = []
        for row, top in zip(rows, tops, strict=False):
            x, bottom = left + side, top + _high(row) + _BEND
            for lane, piece in row:
                at = x + piece.axis
                placed.append(piece.at(x, top))
                there = [] if top == first else [(left, first), (left, top)]
                way = ((axis, head.height), (axis, first), *there, (at, top), (at, top + _room_above(lane)))
                lines.append(self._into(lane, head, way))
                if piece.is_open:
                    back = [] if bottom == last else [(right, bottom), (right, last)]
                    way = ((at, top + piece.height), (at, bottom), *back, (axis, last), (axis, last + _CORNER))
                    lines.append(Line(way, taken=self._taken(piece.reached, piece.reached), awaited=lane.joined))
                x += piece.width + _BETWEEN
        whole = joined(placed, lines, width, last, axis)
        ends = [piece for _, piece in lanes if piece.is_open]
        reached = None if head.reached is None else any(piece.reached for piece in ends)
        return evolve(whole, is_open=bool(ends), entered=head.entered, reached=reached)

    def _into(self, lane: Lane, head: Piece, way: Points) -> Line:
        first = _was_reached(lane.steps[0]) if lane.steps else lane.taken is not False
        taken = self._taken(head.reached, first)
        return Line(way, arrow=bool(lane.steps), taken=taken, label=_label(lane))

    def _lane(self, lane: Lane, *, reached: bool | None) -> Piece:
        """A lane, with room above for the line into it and its label."""
        above, half = _room_above(lane), (text_width(_label(lane)) + _PAD) / 2
        if not lane.steps:
            taken = reached if lane.taken is not False else False
            return Piece(2 * half, above, half, entered=taken, reached=taken)
        body = self.series([self.step(step) for step in lane.steps], goes_on=True)
        axis = max(body.axis, half)
        width = axis + max(body.width - body.axis, half)
        whole = joined([body.at(axis - body.axis, above)], [], width, above + body.height, axis)
        return evolve(whole, entered=body.entered, reached=body.reached)

    def _line(self, points: Points, before: Piece, after: Piece, *, arrow: bool) -> Line:
        return Line(points, arrow=arrow, taken=self._taken(before.reached, after.entered))

    def _taken(self, came: bool | None, went: bool | None) -> bool | None:
        known = self._graph.executed and came is not None and went is not None
        return (came and went) if known else None


Row = list[tuple[Lane, Piece]]


def _rows(lanes: Row) -> list[Row]:
    rows: list[Row] = [[]]
    for lane, piece in lanes:
        if rows[-1] and _across([*rows[-1], (lane, piece)]) > _WIDEST:
            rows.append([])
        rows[-1].append((lane, piece))
    return rows


def _across(row: Row) -> float:
    return sum(piece.width for _, piece in row) + _BETWEEN * (len(row) - 1)


def _high(row: Row) -> float:
    return max(piece.height for _, piece in row)


def _middle(lanes: Sequence[Piece]) -> float:
    """The axis of the lane in the middle, or half way between the two that are, from the left of them all."""
    axes = []
    x = 0.0
    for lane in lanes:
        axes.append(x + lane.axis)
        x += lane.width + _BETWEEN
    return (axes[(len(axes) - 1) // 2] + axes[len(axes) // 2]) / 2


def _label(lane: Lane) -> str:
    return cut(clean(lane.label), _MOST_LABEL)


def _room_above(lane: Lane) -> float:
    return _GAP + _LABEL if lane.label else _BEND + _CORNER


def _was_reached(step: Step) -> bool | None:
    return step.run is not None if step.executed else None


def _of_box(box: Box, *, reached: bool | None) -> Piece:
    return Piece(box.width, box.height, box.width / 2, entered=reached, reached=reached, boxes=(box,))
