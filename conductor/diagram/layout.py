"""The layout of a diagram: positions and sizes of boxes, frames and lines.

The layout follows the tree of steps. Each block is laid out on its own, as a ``Piece`` with its own coordinates; pieces
are then placed below and next to each other.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from itertools import zip_longest

from attrs import evolve, field, frozen

from conductor.diagram.colors import Tone, tone_of
from conductor.diagram.graph import Graph, Kind, Lane, Step
from conductor.diagram.labels import about, clean, cut, mark, run_label, subtitle, title

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


#: Pixels from one line of a box to the next. All sizes in this module are pixels, unless they say otherwise.
LINE_HEIGHT = 16
#: Characters of the title and of the other lines of a box.
_MAX_TITLE, _MAX_LINE = 40, 44
#: Font sizes to estimate widths with; titles have size 13, but are bold.
_TITLE_SIZE, _LINE_SIZE = 14, 11
#: Width of the narrowest box.
_MIN_WIDTH = 96
#: Additional width and height of boxes, for the outline of their kind.
_PADDING = {
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
    """The box of a step.

    Attributes:
        kind: The kind, which determines the outline.
        tone: The tone, which determines the colors.
        lines: The lines of text; the first one is the title.
        tip: The full text, which browsers show as a tooltip.
        width: The width.
        height: The height.
        x: The left edge.
        y: The upper edge.
        dashed: Whether the outline is dashed, for optional tasks.
        task_id: The id of the task's last attempt; None for a step that has not been executed.
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
    task_id: str | None = None


def box_of(step: Step) -> Box:
    """Return the box of a step, at the origin."""
    run = step.run
    result = f"{mark(run.status)} {run_label(run)}" if run is not None else ""
    full = [title(step), subtitle(step), result, clean(run.reason) if run is not None else ""]
    # The box shows shortened lines; the tooltip has the whole text, such as a long reason.
    tip = "\n".join(line for line in full if line)
    lines = [title(step), *about(step, _MAX_LINE), result]
    box = _box(step.kind, tone_of(run, executed=step.executed), lines, tip, dashed=step.optional)
    return evolve(box, task_id=run.task_id) if run is not None else box


def start_box(graph: Graph) -> Box:
    """Return the box above the first task."""
    return _box(Kind.END, Tone.PLAIN, ["start"], f"start of {clean(graph.name)}")


def end_box(graph: Graph) -> Box:
    """Return the box of the end, with the status of the execution."""
    if graph.run is None:
        return _box(Kind.END, Tone.PLAIN, ["end"], f"end of {clean(graph.name)}")
    lines = ["end", f"{mark(graph.run.status)} {run_label(graph.run)}"]
    return _box(
        Kind.END, tone_of(graph.run, executed=True), lines, "\n".join([*lines, clean(graph.run.reason)]).strip()
    )


def text_width(text: str, *, is_title: bool = False) -> float:
    """Estimate the width of a string, for a wide font, because the reader's font is unknown."""
    return sum(map(_em, text)) * (_TITLE_SIZE if is_title else _LINE_SIZE)


def _em(char: str) -> float:
    """Return the width of a character, relative to the font size."""
    if char in "ijl.,:;'|!()[] ":
        return 0.38
    if unicodedata.east_asian_width(char) in "WF":
        return 1.05
    if char in "mwMW@%…":
        return 0.96
    return 0.7 if char.isupper() or char in "_$#&<>=+" else 0.63


def _box(kind: Kind, tone: Tone, full_lines: list[str], tip: str, *, dashed: bool = False) -> Box:
    first, *rest = [line for line in full_lines if line]
    lines = (cut(first, _MAX_TITLE), *(cut(line, _MAX_LINE) for line in rest))
    more_width, more_height = _PADDING.get(kind, (24, 0))
    widest = max(text_width(line, is_title=line is lines[0]) for line in lines)
    width = max(_MIN_WIDTH, widest + more_width)
    return Box(kind, tone, lines, tip, round(width), 14 + LINE_HEIGHT * len(lines) + more_height, dashed=dashed)


#: The corners of a line, as x and y.
Points = tuple[tuple[float, float], ...]


@frozen
class Line:
    """A line with right angles.

    Attributes:
        points: Its corners.
        arrow: Whether it ends with an arrow.
        taken: Whether the execution has taken this path; None for a definition.
        awaited: Whether a JOIN waits for the branch.
        label: The text on its last section.
    """

    points: Points
    arrow: bool = False
    taken: bool | None = None
    awaited: bool = True
    label: str = ""


@frozen
class Frame:
    """The border of a loop or a sub-workflow."""

    x: float
    y: float
    width: float
    height: float


@frozen
class Piece:
    """A block that has been laid out, with its own coordinates.

    Attributes:
        width: The width.
        height: The height.
        axis: The x position at which the flow enters at the top and leaves at the bottom.
        is_open: Whether the flow leaves; it does not after TERMINATE.
        entered: Whether the execution has reached the top; None if this is unknown.
        reached: Whether the execution has reached the bottom; None if this is unknown.
        awaited: Whether a JOIN waits for the block.
        boxes: The boxes.
        frames: The frames.
        lines: The lines.
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
        """Return a copy with its contents moved by ``x`` and ``y``."""
        return evolve(
            self,
            boxes=tuple(evolve(box, x=box.x + x, y=box.y + y) for box in self.boxes),
            frames=tuple(evolve(frame, x=frame.x + x, y=frame.y + y) for frame in self.frames),
            lines=tuple(evolve(line, points=tuple((a + x, b + y) for a, b in line.points)) for line in self.lines),
        )


def joined(pieces: Sequence[Piece], lines: Sequence[Line], width: float, height: float, axis: float) -> Piece:
    """Combine pieces that have been moved to their positions, and the lines between them; the flow leaves the last."""
    return Piece(
        width,
        height,
        axis,
        is_open=pieces[-1].is_open,
        boxes=tuple(box for piece in pieces for box in piece.boxes),
        frames=tuple(frame for piece in pieces for frame in piece.frames),
        lines=(*lines, *(line for piece in pieces for line in piece.lines)),
    )


#: Between two steps.
_GAP = 30
#: Between lanes, and between columns.
_BETWEEN = 26
#: From a switch or fork to the horizontal line to its lanes.
_BEND = 16
#: Additional height for the value of a case.
_LABEL = 14
#: Radius of the corners of lines.
_CORNER = 8
#: Inside a frame.
_PAD = 16
#: Width of the line back to the head of a loop.
_BACK = 30
#: Height from which a sequence continues in the next column, so that diagrams fit a screen.
_MAX_HEIGHT = 2600
#: Width from which lanes continue in the next row.
_MAX_WIDTH = 2600
#: Characters of the value of a case.
_MAX_LABEL = 28


def layout(graph: Graph) -> Piece:
    """Lay out a diagram."""
    maker = _Layout(graph)
    pieces = [_of_box(start_box(graph), reached=graph.executed), *map(maker.step, graph.steps)]
    if pieces[-1].is_open:
        completed = graph.run is not None and graph.run.status == "COMPLETED"
        pieces.append(_of_box(end_box(graph), reached=completed))
    return maker.series(pieces, continues=False)


class _Layout:
    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def step(self, step: Step) -> Piece:
        """Lay out a step with all its lanes."""
        head = _of_box(box_of(step), reached=_was_reached(step))
        if step.is_framed:
            return self._framed(step, head)
        if step.lanes:
            return self._branching(step, head)
        return evolve(head, is_open=step.kind is not Kind.END)

    def series(self, pieces: Sequence[Piece], *, continues: bool) -> Piece:
        """Lay out a sequence of pieces in one or more columns.

        Args:
            pieces: The pieces.
            continues: Whether the flow continues after the last piece; it then leaves on the axis of the first column.
        """
        total = sum(piece.height + _GAP for piece in pieces)
        # Columns of about the same height, instead of full ones and a short last one.
        tallest = total / max(1, round(total / _MAX_HEIGHT))
        columns: list[list[Piece]] = [[]]
        height = 0.0
        for piece in pieces:
            # A piece goes where the larger half of it fits: pieces, such as a fork with its lanes, are not divided.
            if columns[-1] and height + piece.height / 2 > tallest:
                columns.append([])
                height = 0
            columns[-1].append(piece)
            height += piece.height + _GAP
        if len(columns) == 1:
            return self._stack(pieces)
        return self._columns([self._stack(column) for column in columns], continues=continues)

    def _columns(self, columns: Sequence[Piece], *, continues: bool) -> Piece:
        """Place columns from left to right, and connect the end of each with the top of the next."""
        x, y = 0.0, 0.0
        placed: list[Piece] = []
        lines: list[Line] = []
        for column, after in zip_longest(columns, columns[1:]):
            placed.append(column.at(x, y))
            end, right = (x + column.axis, y + column.height), x + column.width + _BETWEEN
            if after is not None and column.is_open:
                # Below the column, up in the space between the columns, and into the next one from above: the line
                # crosses no box.
                below, into = end[1] + _GAP / 2, right + _BETWEEN + after.axis
                way: Points = (end, (end[0], below), (right, below), (right, 0), (into, 0), (into, _GAP))
                lines.append(self._line(way, column, after, arrow=True))
            x, y = right + _BETWEEN, _GAP
        last, axis = columns[-1], columns[0].axis
        height = max(column.height for column in columns) + 2 * _GAP
        if continues and last.is_open:
            bottom = height - _CORNER
            way = (end, (end[0], bottom), (axis, bottom), (axis, height))
            lines.append(Line(way, taken=self._taken(last.reached, last.reached)))
        whole = joined(placed, lines, x - 2 * _BETWEEN, height, axis)
        return evolve(whole, entered=columns[0].entered, reached=last.reached)

    def _stack(self, pieces: Sequence[Piece]) -> Piece:
        """Place pieces below each other on one axis."""
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
        """Lay out a loop with its body, or a sub-workflow with its steps."""
        body = [self.series([*map(self.step, step.lanes[0].steps)], continues=True)] if step.lanes[0].steps else []
        inner = self._stack([head, *body])
        # A loop whose body ends with TERMINATE has no way back, and an empty one has nothing to repeat.
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
            iterations = step.run.iterations if step.run is not None else 0
            lines.append(Line(back, arrow=True, taken=iterations > 1 if self._graph.executed else None))
        reached = head.reached if inner.reached is None else inner.reached
        piece = joined([inner.at(left + _PAD, _PAD)], lines, width, height, axis)
        frames = (Frame(0, 0, width, height), *piece.frames)
        return evolve(piece, frames=frames, entered=head.entered, reached=reached)

    def _branching(self, step: Step, head: Piece) -> Piece:
        """Lay out a switch or a fork with its lanes next to each other, and connect their ends.

        Lanes that do not fit into one row continue in the next row, which is entered on the left and left on the right.
        """
        lanes = [(lane, self._lane(lane, reached=head.reached)) for lane in step.lanes]
        rows = _rows(lanes)
        # Space on both sides for the lines that lead to further rows, and back from them.
        side = _BETWEEN if len(rows) > 1 else 0
        middle = side + _middle([piece for _, piece in rows[0]])
        across = 2 * side + max(_across(row) for row in rows)
        # The axis is above the middle lane; if the head is wider than the lanes, the head decides.
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
                # Into further rows on the left, and out of them on the right, so that the lines of rows do not cross.
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
        # After a switch one lane is enough; after a fork the JOIN is a separate step, which knows whether it was
        # reached.
        reached = None if head.reached is None else any(piece.reached for piece in ends)
        return evolve(whole, is_open=bool(ends), entered=head.entered, reached=reached)

    def _into(self, lane: Lane, head: Piece, way: Points) -> Line:
        first = _was_reached(lane.steps[0]) if lane.steps else lane.taken is not False
        taken = self._taken(head.reached, first)
        return Line(way, arrow=bool(lane.steps), taken=taken, label=_label(lane))

    def _lane(self, lane: Lane, *, reached: bool | None) -> Piece:
        """Lay out a lane, with space above it for the line into it and its label."""
        above, half = _room_above(lane), (text_width(_label(lane)) + _PAD) / 2
        if not lane.steps:
            # A lane without tasks leaves no trace in an execution; the switch says which case it chose.
            taken = reached if lane.taken is not False else False
            return Piece(2 * half, above, half, entered=taken, reached=taken)
        body = self.series([self.step(step) for step in lane.steps], continues=True)
        # Centered on the flow and not on the box, so that lanes with side branches do not make the line bend.
        axis = max(body.axis, half)
        width = axis + max(body.width - body.axis, half)
        whole = joined([body.at(axis - body.axis, above)], [], width, above + body.height, axis)
        return evolve(whole, entered=body.entered, reached=body.reached)

    def _line(self, points: Points, before: Piece, after: Piece, *, arrow: bool) -> Line:
        return Line(points, arrow=arrow, taken=self._taken(before.reached, after.entered))

    def _taken(self, left: bool | None, entered: bool | None) -> bool | None:
        known = self._graph.executed and left is not None and entered is not None
        return (left and entered) if known else None


Row = list[tuple[Lane, Piece]]


def _rows(lanes: Row) -> list[Row]:
    rows: list[Row] = [[]]
    for lane, piece in lanes:
        if rows[-1] and _across([*rows[-1], (lane, piece)]) > _MAX_WIDTH:
            rows.append([])
        rows[-1].append((lane, piece))
    return rows


def _across(row: Row) -> float:
    return sum(piece.width for _, piece in row) + _BETWEEN * (len(row) - 1)


def _high(row: Row) -> float:
    return max(piece.height for _, piece in row)


def _middle(lanes: Sequence[Piece]) -> float:
    """Return the x position of the middle lane's axis, or the middle of the two middle lanes' axes."""
    axes = []
    x = 0.0
    for lane in lanes:
        axes.append(x + lane.axis)
        x += lane.width + _BETWEEN
    return (axes[(len(axes) - 1) // 2] + axes[len(axes) // 2]) / 2


def _label(lane: Lane) -> str:
    return cut(clean(lane.label), _MAX_LABEL)


def _room_above(lane: Lane) -> float:
    return _GAP + _LABEL if lane.label else _BEND + _CORNER


def _was_reached(step: Step) -> bool | None:
    return step.run is not None if step.executed else None


def _of_box(box: Box, *, reached: bool | None) -> Piece:
    return Piece(box.width, box.height, box.width / 2, entered=reached, reached=reached, boxes=(box,))
