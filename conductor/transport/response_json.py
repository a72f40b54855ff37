"""Parse the JSON of responses within limits, and recover the readable tasks of a batch with a damaged one."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from typing import Any

from conductor.models.codec import DamagedTask, is_nested_deeper, loads

__all__ = ["MAX_NESTING", "loads_response", "parse_lossy"]

#: Levels of nested objects and lists: half of Python's default recursion limit, so that code that walks a value
#: recursively does not exceed it. What this SDK sends is limited to 200 levels.
MAX_NESTING = 500
#: Digits of one integer: Python's own default limit, which a program may have lifted, and which old versions lack.
MAX_DIGITS = 4300

_LONG_NUMBER = re.compile(rb"[0-9]{%d}" % (MAX_DIGITS + 1))
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_PLAIN = re.compile(rb'[^"\[\]{},]+')
_SPACE = b" \t\r\n"


def loads_response(content: bytes) -> Any:
    """Parse the JSON of a response.

    Raises:
        ValueError: The content is not JSON, is nested deeper than ``MAX_NESTING``, or has a number with too many
            digits.
    """
    if len(content) > MAX_DIGITS and not _has_digit_limit() and _LONG_NUMBER.search(_STRING.sub(b"", content)):
        raise ValueError("a number has too many digits")
    is_too_deep = False
    try:
        value = loads(content)
    except RecursionError:
        is_too_deep = True
    if is_too_deep or is_nested_deeper(value, content, MAX_NESTING):
        raise ValueError(f"nested more than {MAX_NESTING} levels deep")
    return value


def _has_digit_limit() -> bool:
    limit = getattr(sys, "get_int_max_str_digits", None)
    return limit is not None and 0 < limit() <= MAX_DIGITS


def parse_lossy(content: bytes) -> Any:
    """Parse a task or a list of tasks; each that cannot be parsed becomes a ``DamagedTask``.

    A task cannot be parsed if it has bytes that are not UTF-8, is nested too deeply, or has a number that is too long.

    Raises:
        ValueError: The structure of the list is invalid, so that the tasks cannot be separated.
    """
    content = content.strip(_SPACE)
    if content[:1] == b"[":
        return [_task(part) for part in _parts(content)]
    if content[:1] == b"{":
        return _task(content)
    raise ValueError("neither an object nor a list")


def _task(content: bytes) -> Any:
    is_parsed, value = _try(content)
    if is_parsed:
        return value
    task = DamagedTask()
    if content[:1] == b"{":
        for member in _parts(content):
            found = _STRING.match(member)
            if found is None:
                raise ValueError("a member without a name")
            is_parsed, field = _try(b"{" + member + b"}")
            if is_parsed:
                task.update(field)
    return task


def _try(content: bytes) -> tuple[bool, Any]:
    try:
        return True, loads_response(content)
    except ValueError:
        return False, None


def _parts(content: bytes) -> Iterator[bytes]:
    """Yield the parts of the outermost list or object between commas, in one pass and without recursion."""
    depth, begin = 0, 1
    for position, char in _marks(content):
        if char in b"[{":
            depth += 1
            continue
        if depth == 1:
            if part := content[begin:position].strip(_SPACE):
                yield part
            begin = position + 1
        if char != b",":
            depth -= 1
            if depth == 0:
                if content[begin:].strip(_SPACE):
                    raise ValueError("bytes follow the outermost value")
                return
    raise ValueError("the outermost value does not end")


def _marks(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the brackets, braces and commas outside strings, with their positions."""
    position, end = 0, len(content)
    while position < end:
        char = content[position : position + 1]
        if char == b'"':
            found = _STRING.match(content, position)
            if found is None:
                raise ValueError("a string does not end")
            position = found.end()
        elif char in b"[]{},":
            yield position, char
            position += 1
        else:
            found = _PLAIN.match(content, position)
            position = found.end() if found else position + 1
