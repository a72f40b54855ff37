"""BUSINESS_RULE: tables of rules in CSV, whose rows apply if all their input columns match."""

from __future__ import annotations

import csv
import io
import operator
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from conductor.server.scripting.pool import ScriptError
from conductor.server.scripting.regex import run_regex

Json = dict[str, Any]

_COMPARISON = re.compile(r"(<=|>=|!=|<|>|=)\s*(.*)", re.DOTALL)
_LENGTH = re.compile(r"length\s*(<=|>=|!=|<|>|=)\s*(\d+)")
_CALL = re.compile(r"(startsWith|endsWith|contains|matches)\s*\((.*)\)", re.DOTALL)
_LIST = re.compile(r"(!?=?)\s*inList\s*\(\s*\{(.*)\}\s*\)", re.DOTALL)
_CREATE_LIST = re.compile(r"createList\s*\(\s*\{(.*)\}\s*\)", re.DOTALL)
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


def apply_rules(table: str, columns: Json, outputs: list[str], *, all_rows: bool) -> Json:
    """Return the output columns of the rows that match.

    Args:
        table: The table in CSV; its first row has the names of the columns.
        columns: The values of input columns.
        outputs: The names of the output columns.
        all_rows: Whether all matching rows apply, the later ones over the earlier ones, instead of the first one.

    Raises:
        ValueError: The table has no such column.
    """
    rows = [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(table.lstrip("\ufeff"))) if any(row)]
    names = rows[0] if rows else []
    missing = [name for name in [*columns, *outputs] if name not in names]
    if missing:
        raise ValueError(f"The rule table has no column {', '.join(missing)}")
    result: Json = {}
    for row in rows[1:]:
        cells = dict(zip(names, row, strict=False))
        if all(matches(cells.get(name, ""), value) for name, value in columns.items()):
            result.update({name: _output(cells.get(name, "")) for name in outputs})
            if not all_rows:
                break
    return result


def matches(cell: str, value: Any) -> bool:
    """Return whether a value matches a cell: a literal, a comparison, or a function; an empty cell matches all."""
    if not cell:
        return True
    text = "" if value is None else _text(value)
    if found := _LIST.fullmatch(cell):
        return (text in _items(found[2])) != found[1].startswith("!")
    if found := _LENGTH.fullmatch(cell):
        return _OPERATORS[found[1]](len(text), int(found[2]))
    if found := _CALL.fullmatch(cell):
        argument = _unquoted(found[2])
        if found[1] == "matches":
            return _is_match(argument, text)
        return bool(
            {"startsWith": text.startswith, "endsWith": text.endswith}.get(found[1], text.__contains__)(argument)
        )
    if found := _COMPARISON.fullmatch(cell):
        return _compare(found[1], text, _unquoted(found[2]))
    return _compare("=", text, _unquoted(cell))


def _is_match(pattern: str, text: str) -> bool:
    try:
        return run_regex(pattern, 0, text)
    except ScriptError as error:
        raise ValueError(str(error)) from None


def _compare(sign: str, left: str, right: str) -> bool:
    """Compare two strings as numbers or dates if both are, otherwise as strings."""
    for convert in (float, datetime.fromisoformat):
        try:
            return _OPERATORS[sign](convert(left), convert(right))
        except (ValueError, TypeError):
            continue
    return _OPERATORS[sign](left, right)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _unquoted(text: str) -> str:
    text = text.strip()
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text


def _items(text: str) -> list[str]:
    return [_unquoted(one) for one in next(csv.reader([text], skipinitialspace=True), [])]


def _output(cell: str) -> Any:
    found = _CREATE_LIST.fullmatch(cell)
    if found:
        return [_literal(one) for one in _items(found[1])]
    return _literal(_unquoted(cell))


def _literal(text: str) -> Any:
    if text.lower() in {"true", "false"}:
        return text.lower() == "true"
    for convert in (int, float):
        try:
            return convert(text)
        except ValueError:
            continue
    return text
