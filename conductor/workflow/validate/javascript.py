"""What can be told of a JavaScript without running it."""

from __future__ import annotations

import re
from functools import lru_cache
from importlib import import_module

__all__ = ["is_uncalled", "syntax_error"]

_NEVER_RUN = "throw 0;"
_RETURN = re.compile(r"\s*return\b")
_HEAD = re.compile(r"(?:async\s+)?function\b[^{]*(?=\{)")
_ARROW = re.compile(r"(?:async\s+)?(?:\([^()]*\)|[A-Za-z_$][\w$]*)\s*=>\s*")
_SKIPPED = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|`(?:[^`\\]|\\.)*`|//[^\n]*|/\*.*?\*/", re.DOTALL)
_CLOSING = {"{": "}", "(": ")"}


@lru_cache(maxsize=512)
def syntax_error(script: str) -> str | None:
    """What is wrong with the syntax, or None.

    The parser is that of the extra ``server``; without it only the most frequent mistake is found.
    """
    if _RETURN.match(script):
        return "a return stands outside of a function; the value of a script is that of its last expression"
    try:
        quickjs = import_module("_quickjs")
    except ImportError:
        return None
    try:
        quickjs.Context().eval(_NEVER_RUN + script)
    except quickjs.JSException as error:
        first = str(error).partition("\n")[0]
        return first.removeprefix("SyntaxError: ") if first.startswith("SyntaxError") else None
    return None


def is_uncalled(script: str) -> bool:
    """Whether the script is a function and no more: its value is the function, which nobody calls."""
    rest = _SKIPPED.sub(lambda match: "" if match[0][0] == "/" else "''", script).strip(" \t\r\n;")
    if rest.startswith("(") and _end(rest, 0) == len(rest) - 1:
        rest = rest[1:-1].strip()
    if arrow := _ARROW.match(rest):
        body = rest[arrow.end() :]
        return _end(body, 0) == len(body) - 1 if body.startswith("{") else ";" not in body and "\n" not in body
    found = 0
    while head := _HEAD.match(rest):
        end = _end(rest, head.end())
        if end < 0:
            return False
        rest, found = rest[end + 1 :].lstrip(" \t\r\n;"), found + 1
    return found > 0 and not rest


def _end(text: str, start: int) -> int:
    """Where the bracket that stands at ``start`` is closed, or -1."""
    opening, depth = text[start : start + 1], 0
    for position in range(start, len(text)):
        if text[position] == opening:
            depth += 1
        elif text[position] == _CLOSING.get(opening):
            depth -= 1
            if not depth:
                return position
    return -1
