"""Text from elsewhere made safe for a terminal."""

from __future__ import annotations

import unicodedata

__all__ = ["one_line", "printable"]

#: Unicode categories that can move the cursor, change colors, reorder or hide text: control, format, surrogate,
#: private use, unassigned, line and paragraph separators.
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_KEPT = frozenset("\n\t")


def printable(text: str) -> str:
    r"""Return ``text`` with every unsafe character written as an escape, such as ``\x1b``; newlines and tabs stay."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escaped(char) if _is_unsafe(char) and char not in _KEPT else char for char in text)


def one_line(text: str) -> str:
    """Return ``text`` on one line, with a single space for each run of white space and unsafe characters."""
    return " ".join("".join(" " if _is_unsafe(char) else char for char in text).split())


def _is_unsafe(char: str) -> bool:
    return unicodedata.category(char) in _UNSAFE


def _escaped(char: str) -> str:
    return f"\\x{ord(char):02x}" if char.isascii() else char.encode("ascii", "backslashreplace").decode("ascii")
