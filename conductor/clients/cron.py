"""Cron expressions checked before they are sent: the open-source server stores any text, and then never runs it."""

from __future__ import annotations

import re

from conductor.errors import ConfigurationError

__all__ = ["check_cron"]

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_MACROS = frozenset({"@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"})
_FIELDS: tuple[tuple[str, int, int, dict[str, int]], ...] = (
    ("seconds", 0, 59, {}),
    ("minutes", 0, 59, {}),
    ("hours", 0, 23, {}),
    ("day of month", 1, 31, {}),
    ("month", 1, 12, {name: place for place, name in enumerate(_MONTHS, 1)}),
    ("day of week", 0, 7, {name: place for place, name in enumerate(_DAYS)}),
)
_PART = re.compile(r"(?:(\*)|(\w+)(?:-(\w+))?)(?:/(\d+))?")
_SPECIAL = {
    "day of month": re.compile(r"\?|L(-\d{1,2})?|LW|\d{1,2}W"),
    "day of week": re.compile(r"\?|(\d|[A-Z]{3})(L|#[1-5])"),
}
_ALLOWED = "six fields, seconds first: second minute hour day-of-month month day-of-week, as '0 0 9 * * MON-FRI'"


def check_cron(expression: str, variable: str = "cron_expression") -> str:
    """The expression, when the server's scheduler (Spring's) can run it.

    Raises:
        ConfigurationError: It cannot; the error names the field.
    """
    if expression in _MACROS:
        return expression
    fields = expression.split() if isinstance(expression, str) else []
    if len(fields) != len(_FIELDS):
        advice = f" Put the second in front: '0 {expression}'." if len(fields) == len(_FIELDS) - 1 else ""
        raise _refused(expression, variable, f"it has {len(fields)} fields and not 6.{advice}")
    for text, (name, low, high, words) in zip(fields, _FIELDS, strict=True):
        special = _SPECIAL.get(name)
        for part in text.upper().split(","):
            if special is not None and special.fullmatch(part):
                continue
            _check_part(expression, variable, part, name, low, high, words)
    return expression


def _check_part(
    expression: str, variable: str, part: str, name: str, low: int, high: int, words: dict[str, int]
) -> None:
    found = _PART.fullmatch(part)
    if not found:
        raise _refused(expression, variable, f"{part!r} is no {name}.")
    numbers: list[int] = []
    for given in found.group(2, 3):
        if given is None:
            continue
        number = words.get(given, int(given) if given.isdigit() else -1)
        if numbers and given == "SUN":
            number = 7  # Sunday is the last day of a range as well as the first
        if not low <= number <= high:
            names = f", or {next(iter(words))} to {list(words)[-1]}" if words else ""
            raise _refused(expression, variable, f"{given!r} is no {name}: that is {low} to {high}{names}.")
        numbers.append(number)
    if len(numbers) == 2 and numbers[0] > numbers[1]:  # noqa: PLR2004
        raise _refused(expression, variable, f"the range {part!r} of its {name} runs backwards.")
    if found[4] is not None and not 1 <= int(found[4]) <= high:
        raise _refused(expression, variable, f"the step of {part!r} is not from 1 to {high}.")


def _refused(expression: object, variable: str, reason: str) -> ConfigurationError:
    return ConfigurationError(
        f"The cron expression {expression!r} cannot run: {reason} The server would store it and never run it.",
        variable=variable,
        value=expression,
        allowed=_ALLOWED,
    )
