"""Write a graph as a self-contained SVG document, for light and for dark pages.

The elements have the colors for light pages as attributes, which every renderer supports. A style sheet, whose rules
all start with the diagram's id, replaces them for readers who prefer dark pages. The diagram includes its background,
so it is readable on any page.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import partial
from html import escape as escape_html

from conductor.diagram.colors import PALETTES, Tone
from conductor.diagram.graph import Graph, Kind
from conductor.diagram.labels import heading
from conductor.diagram.layout import LINE_HEIGHT, Box, Frame, Line, Piece, layout, text_width

__all__ = ["outline", "path", "svg"]


#: Horizontal offset of slanted sides. All sizes in this module are pixels.
_SLANT = 14.0
#: Radius of the corners of boxes.
_RADIUS = 8.0
#: Height of the rim of a cylinder.
_RIM = 7.0
#: Distance of the bars of a sub-workflow from its sides.
_BAR = 8.0


def outline(box: Box) -> str:
    """Return the path data (``d``) of a box's outline; the first part is closed, the others are lines inside."""
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
    return _rounded(box, box.height / 2 if box.kind is Kind.END else _RADIUS)


def path(points: list[tuple[float, float]], corner: float = 0) -> str:
    """Return the path data of a line through points, with corners of at most this radius."""
    parts = [f"M{points[0][0]:g} {points[0][1]:g}"]
    for before, point, after in zip(points, points[1:], [*points[2:], None], strict=False):
        if not corner or after is None:
            parts.append(f"L{point[0]:g} {point[1]:g}")
            continue
        (ax, ay), (bx, by) = _towards(point, before, corner), _towards(point, after, corner)
        parts.append(f"L{ax:g} {ay:g}Q{point[0]:g} {point[1]:g} {bx:g} {by:g}")
    return "".join(parts)


def _towards(point: tuple[float, float], other: tuple[float, float], distance: float) -> tuple[float, float]:
    """Return the point at a distance from ``point`` towards ``other``, but not beyond the middle."""
    x, y = other[0] - point[0], other[1] - point[1]
    length = (x * x + y * y) ** 0.5
    part = min(distance, length / 2) / length if length else 0
    return point[0] + x * part, point[1] + y * part


def _rounded(box: Box, radius: float) -> str:
    width, height = box.width - 2 * radius, box.height - 2 * radius
    arc = f"a{radius:g} {radius:g} 0 0 1"
    return (
        f"M{box.x + radius:g} {box.y:g}h{width:g}{arc} {radius:g} {radius:g}v{height:g}{arc} {-radius:g} {radius:g}"
        f"h{-width:g}{arc} {-radius:g} {-radius:g}v{-height:g}{arc} {radius:g} {-radius:g}Z"
    )


def _cylinder(x: float, y: float, right: float, bottom: float) -> str:
    rim, half = _RIM, (right - x) / 2
    arc = f"a{half:g} {rim:g} 0 0"
    return (
        f"M{x:g} {y + rim:g}{arc} 1 {2 * half:g} 0V{bottom - rim:g}{arc} 1 {-2 * half:g} 0Z"
        f"M{x:g} {y + rim:g}{arc} 0 {2 * half:g} 0"
    )


_escape = partial(escape_html, quote=False)  # for element content; xml.sax.saxutils would import urllib
#: Around the diagram.
_MARGIN = 20
#: Height of the heading.
_HEADING = 34
#: Radius of the corners of lines.
_CORNER = 8
_FONT = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif"
_LIGHT = {
    "page": "#ffffff",
    "ink": "#1f2328",
    "line": "#57606a",
    "taken": "#1f2328",
    "faint": "#c3cad1",
    "frame": "#8c959f",
}
_DARK = {
    "page": "#0d1117",
    "ink": "#e6edf3",
    "line": "#8b949e",
    "taken": "#e6edf3",
    "faint": "#3d444d",
    "frame": "#656d76",
}


def svg(graph: Graph, *, has_style: bool = True) -> str:
    """Return the SVG document. Boxes of executed tasks have the task's id as ``data-task-id``.

    Args:
        graph: The steps.
        has_style: Whether to include the style sheet for dark pages; a page without inline styles has its own.
    """
    piece = layout(graph).at(_MARGIN, _MARGIN + _HEADING)
    width = round(max(piece.width, text_width(heading(graph), is_title=True) * 1.3) + 2 * _MARGIN)
    height = round(piece.height + _HEADING + 2 * _MARGIN)
    body = "\n".join(_body(graph, piece))
    key = "c" + hashlib.sha256(body.encode()).hexdigest()[:10]
    style = f"<style>{_style(key)}</style>\n" if has_style else ""
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" id="{key}" {size} role="img" font-family="{_FONT}" font-size="11">\n'
        f"<title>{_escape(heading(graph))}</title>\n{style}"
        f'<rect class="page" width="{width}" height="{height}" rx="8" fill="{_LIGHT["page"]}"/>\n{body}\n</svg>\n'
    )


def _body(graph: Graph, piece: Piece) -> Iterator[str]:
    yield (
        f'<text class="ink" x="{_MARGIN}" y="{_MARGIN + 14}" font-size="17" font-weight="600"'
        f' fill="{_LIGHT["ink"]}">{_escape(heading(graph))}</text>'
    )
    yield from map(_frame, piece.frames)
    for line in sorted(piece.lines, key=lambda one: one.taken is True):  # the paths taken are on top
        yield from _line(line)
    yield from map(_box, piece.boxes)
    yield from (_label(line) for line in piece.lines if line.label)


def _frame(frame: Frame) -> str:
    return (
        f'<rect class="frame" x="{frame.x:g}" y="{frame.y:g}" width="{frame.width:g}" height="{frame.height:g}" rx="10"'
        f' fill="{_LIGHT["frame"]}" fill-opacity="0.07" stroke="{_LIGHT["frame"]}" stroke-dasharray="5 4"/>'
    )


def _line(line: Line) -> Iterator[str]:
    name = {None: "line", True: "taken", False: "faint"}[line.taken]
    width = 2 if line.taken else 1.3
    dashes = "" if line.awaited else ' stroke-dasharray="2 4"'
    points = list(line.points)
    yield (
        f'<path class="{name}" d="{path(points, _CORNER)}" fill="none" stroke="{_LIGHT[name]}"'
        f' stroke-width="{width}"{dashes}/>'
    )
    if line.arrow:
        yield f'<path class="{name} head" d="{_arrow_head(points)}" fill="{_LIGHT[name]}"/>'


def _arrow_head(points: list[tuple[float, float]]) -> str:
    (ax, _), (x, y) = points[-2:]
    if ax == x:
        return f"M{x:g} {y:g}l-4.5 -8h9Z"
    back = -8 if x > ax else 8
    return f"M{x:g} {y:g}l{back} -4.5v9Z"


def _label(line: Line) -> str:
    (x, _), (_, y) = line.points[-2:]
    width, y = text_width(line.label) + 8, y - 22
    name = "faint" if line.taken is False else "ink"
    color = PALETTES[Tone.OFF].light[2] if line.taken is False else _LIGHT["ink"]
    return (
        f'<rect class="page" x="{x - width / 2:g}" y="{y - 12:g}" width="{width:g}" height="16" rx="4"'
        f' fill="{_LIGHT["page"]}"/><text class="{name}" x="{x:g}" y="{y:g}" text-anchor="middle" font-style="italic"'
        f' fill="{color}">{_escape(line.label)}</text>'
    )


def _box(box: Box) -> str:
    fill, stroke, color = PALETTES[box.tone].light
    dashes = ' stroke-dasharray="6 3"' if box.dashed else ""
    first = box.y + (box.height - LINE_HEIGHT * len(box.lines)) / 2 + 12 + (4 if box.kind is Kind.DATA else 0)
    middle = f"{box.x + box.width / 2 + (6 if box.kind is Kind.HUMAN else 0):g}"  # next to the notch of the flag
    labels = "".join(
        f'<text x="{middle}" y="{first + LINE_HEIGHT * number:g}"{_TITLE if number == 0 else ""}>{_escape(line)}</text>'
        for number, line in enumerate(box.lines)
    )
    task = f' data-task-id="{escape_html(box.task_id)}"' if box.task_id else ""
    return (
        f'<g class="{box.tone.value}"{task} text-anchor="middle" fill="{color}"><title>{_escape(box.tip)}</title>'
        f'<path d="{outline(box)}" fill="{fill}" stroke="{stroke}" stroke-width="1.4"{dashes}/>{labels}</g>'
    )


_TITLE = ' font-size="13" font-weight="600"'


def _style(key: str) -> str:
    rules = [f"#{key} .page{{fill:{_DARK['page']}}}", f"#{key} .ink{{fill:{_DARK['ink']}}}"]
    rules.append(f"#{key} .frame{{fill:{_DARK['frame']};stroke:{_DARK['frame']}}}")
    rules += [
        f"#{key} path.{name}{{stroke:{_DARK[name]}}}#{key} path.{name}.head{{fill:{_DARK[name]};stroke:none}}"
        for name in ("line", "taken", "faint")
    ]
    rules.append(f"#{key} text.faint{{fill:{PALETTES[Tone.OFF].dark[2]}}}")
    for tone, palette in PALETTES.items():
        fill, stroke, color = palette.dark
        rules.append(f"#{key} .{tone.value}{{fill:{color}}}#{key} .{tone.value} path{{fill:{fill};stroke:{stroke}}}")
    return "@media (prefers-color-scheme: dark){" + "".join(rules) + "}"
