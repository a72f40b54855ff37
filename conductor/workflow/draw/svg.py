"""A graph as SVG: one file that needs nothing else, readable on light and on dark pages.

Colours stand on the elements for light pages, which every renderer understands; a style sheet, whose rules all begin
with the picture's own id, changes them where the reader prefers dark. The picture brings its background along, so it is
readable wherever it is put.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import partial
from html import escape as escape_html

from conductor.workflow.draw.boxes import LINE_HEIGHT, Box, text_width
from conductor.workflow.draw.graph import Graph
from conductor.workflow.draw.kinds import Kind
from conductor.workflow.draw.layout import layout
from conductor.workflow.draw.pieces import Frame, Line, Piece
from conductor.workflow.draw.shapes import outline, path
from conductor.workflow.draw.tone import PALETTES, Tone
from conductor.workflow.draw.words import heading

__all__ = ["svg"]

_escape = partial(escape_html, quote=False)  # only element content; saxutils' would import urllib

_MARGIN = 20
_HEADING = 34
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


def svg(graph: Graph) -> str:
    """The whole document."""
    piece = layout(graph).at(_MARGIN, _MARGIN + _HEADING)
    width = round(max(piece.width, text_width(heading(graph), is_title=True) * 1.3) + 2 * _MARGIN)
    height = round(piece.height + _HEADING + 2 * _MARGIN)
    body = "\n".join(_body(graph, piece))
    key = "c" + hashlib.sha256(body.encode()).hexdigest()[:10]
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" id="{key}" {size} role="img" font-family="{_FONT}" font-size="11">\n'
        f"<title>{_escape(heading(graph))}</title>\n<style>{_style(key)}</style>\n"
        f'<rect class="page" width="{width}" height="{height}" rx="8" fill="{_LIGHT["page"]}"/>\n{body}\n</svg>\n'
    )


def _body(graph: Graph, piece: Piece) -> Iterator[str]:
    yield (
        f'<text class="ink" x="{_MARGIN}" y="{_MARGIN + 14}" font-size="17" font-weight="600"'
        f' fill="{_LIGHT["ink"]}">{_escape(heading(graph))}</text>'
    )
    yield from map(_frame, piece.frames)
    for line in sorted(piece.lines, key=lambda one: one.taken is True):  # what was taken lies on top
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
    middle = f"{box.x + box.width / 2 + (6 if box.kind is Kind.HUMAN else 0):g}"  # beside the flag's notch
    words = "".join(
        f'<text x="{middle}" y="{first + LINE_HEIGHT * number:g}"{_TITLE if number == 0 else ""}>{_escape(line)}</text>'
        for number, line in enumerate(box.lines)
    )
    return (
        f'<g class="{box.tone.value}" text-anchor="middle" fill="{color}"><title>{_escape(box.tip)}</title>'
        f'<path d="{outline(box)}" fill="{fill}" stroke="{stroke}" stroke-width="1.4"{dashes}/>{words}</g>'
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
