"""What a layout consists of: boxes, frames and lines, together as pieces that can be moved."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import evolve, field, frozen

from conductor.workflow.draw.boxes import Box

__all__ = ["Frame", "Line", "Piece", "Points", "joined"]

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
