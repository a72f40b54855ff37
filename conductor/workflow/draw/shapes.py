"""The outline of each sort of step, as the path of an SVG."""

from __future__ import annotations

from conductor.workflow.draw.boxes import Box
from conductor.workflow.draw.kinds import Kind

__all__ = ["outline", "path"]

_SLANT = 14.0
_ROUND = 8.0
_RIM = 7.0
_BAR = 8.0


def outline(box: Box) -> str:
    """The path's ``d``; its first part is closed, what follows are strokes inside."""
    x, y, right, bottom = box.x, box.y, box.x + box.width, box.y + box.height
    deep, s = box.height / 2, _SLANT
    middle = y + deep
    corners = {
        Kind.REQUEST: [(x, y), (right, y), (right, bottom), (x, bottom)],
        Kind.MESSAGE: [(x + s, y), (right, y), (right - s, bottom), (x, bottom)],
        Kind.WAIT: [(x, y), (right - s, y), (right, bottom), (x + s, bottom)],
        Kind.CODE: [(x + s, y), (right - s, y), (right, middle), (right - s, bottom), (x + s, bottom), (x, middle)],
        Kind.HUMAN: [(x, y), (right, y), (right, bottom), (x, bottom), (x + s, middle)],
        Kind.SWITCH: [
            (x + deep, y),
            (right - deep, y),
            (right, middle),
            (right - deep, bottom),
            (x + deep, bottom),
            (x, middle),
        ],
        Kind.FORK: [(x + 2 * s, y), (right - 2 * s, y), (right, bottom), (x, bottom)],
        Kind.JOIN: [(x, y), (right, y), (right - 2 * s, bottom), (x + 2 * s, bottom)],
    }
    corners[Kind.LOOP] = corners[Kind.CODE]
    corners[Kind.WORKFLOW] = corners[Kind.REQUEST]
    if box.kind in corners:
        bars = f" M{x + _BAR:g} {y:g}V{bottom:g}M{right - _BAR:g} {y:g}V{bottom:g}" if box.kind is Kind.WORKFLOW else ""
        return path(corners[box.kind]) + "Z" + bars
    if box.kind is Kind.DATA:
        return _cylinder(x, y, right, bottom)
    return _rounded(box, box.height / 2 if box.kind is Kind.END else _ROUND)


def path(points: list[tuple[float, float]], corner: float = 0) -> str:
    """A path through ``points``, its corners rounded by ``corner`` at most."""
    parts = [f"M{points[0][0]:g} {points[0][1]:g}"]
    for before, point, after in zip(points, points[1:], [*points[2:], None], strict=False):
        if not corner or after is None:
            parts.append(f"L{point[0]:g} {point[1]:g}")
            continue
        (ax, ay), (bx, by) = _towards(point, before, corner), _towards(point, after, corner)
        parts.append(f"L{ax:g} {ay:g}Q{point[0]:g} {point[1]:g} {bx:g} {by:g}")
    return "".join(parts)


def _towards(point: tuple[float, float], other: tuple[float, float], far: float) -> tuple[float, float]:
    """The place ``far`` from ``point`` on the way to ``other``, or half way where that is nearer."""
    x, y = other[0] - point[0], other[1] - point[1]
    length = (x * x + y * y) ** 0.5
    part = min(far, length / 2) / length if length else 0
    return point[0] + x * part, point[1] + y * part


def _rounded(box: Box, radius: float) -> str:
    wide, high = box.width - 2 * radius, box.height - 2 * radius
    arc = f"a{radius:g} {radius:g} 0 0 1"
    return (
        f"M{box.x + radius:g} {box.y:g}h{wide:g}{arc} {radius:g} {radius:g}v{high:g}{arc} {-radius:g} {radius:g}"
        f"h{-wide:g}{arc} {-radius:g} {-radius:g}v{-high:g}{arc} {radius:g} {-radius:g}Z"
    )


def _cylinder(x: float, y: float, right: float, bottom: float) -> str:
    rim, half = _RIM, (right - x) / 2
    arc = f"a{half:g} {rim:g} 0 0"
    return (
        f"M{x:g} {y + rim:g}{arc} 1 {2 * half:g} 0V{bottom - rim:g}{arc} 1 {-2 * half:g} 0Z"
        f"M{x:g} {y + rim:g}{arc} 0 {2 * half:g} 0"
    )
