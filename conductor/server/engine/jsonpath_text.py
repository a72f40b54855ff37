"""What the parsers of paths and of filters share: brackets and escapes."""

from __future__ import annotations

import re

_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_CONTROLS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


def closing(text: str, opening: int, left: str, right: str) -> int:
    """Return where the bracket that opens at this position closes, quoted text aside; -1 when it does not."""
    depth, quote, position = 0, "", opening
    while position < len(text):
        char = text[position]
        if quote:
            if char == "\\":
                position += 1
            elif char == quote:
                quote = ""
        elif char in "'\"":
            quote = char
        elif char == left:
            depth += 1
        elif char == right:
            depth -= 1
            if depth == 0:
                return position
        position += 1
    return -1


def unescape(text: str) -> str:
    r"""Return the text with `\'`, `\n`, `\u00e4` and their like resolved."""
    return _ESCAPE.sub(lambda match: _character(match[1]), text)


def _character(code: str) -> str:
    if len(code) > 1:
        return chr(int(code[1:], 16))
    return _CONTROLS.get(code, code)
