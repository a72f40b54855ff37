"""Preserve integers above 2**53, which a double cannot represent, through an interpreter that uses doubles."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from attrs import define, field

#: Doubles represent all integers up to this one.
_EXACT_TO = 2**53
#: Finds JSON that may contain such integers: they have 16 digits or more.
_LONG = re.compile(rb"[0-9]{16}")


@define
class ExactIntegers:
    """The large integers of an input, by the double to which they are rounded."""

    _by_double: dict[float, int | None] = field(factory=dict, init=False)

    def add(self, value: Any, text: bytes) -> None:
        """Add the large integers of a JSON value.

        Args:
            value: The value.
            text: The same value as JSON, in which they are found faster.
        """
        if _LONG.search(text):
            for number in _large(value):
                known = self._by_double.setdefault(float(number), number)
                if known != number:  # two integers are rounded to one double, so neither can be restored
                    self._by_double[float(number)] = None

    def restored(self, value: Any) -> Any:
        """Return the value with the integers of the input restored.

        Other large integers, which the interpreters write with zeros at the end, become the exact value of the double.
        """
        if isinstance(value, dict):
            return {key: self.restored(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.restored(item) for item in value]
        if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) >= _EXACT_TO:
            exact = self._by_double.get(float(value))
            rounded = value if isinstance(value, float) else int(float(value))
            return rounded if exact is None else exact
        return value

    def parsed(self, text: bytes, loads: Callable[[bytes], Any]) -> Any:
        """Parse the output of an interpreter, with the integers restored."""
        value = loads(text)
        return self.restored(value) if self._by_double or _LONG.search(text) else value


def _large(value: Any) -> Iterator[int]:
    if isinstance(value, dict):
        for item in value.values():
            yield from _large(item)
    elif isinstance(value, list):
        for item in value:
            yield from _large(item)
    elif isinstance(value, int) and _EXACT_TO < abs(value) < 10**300:
        yield value
