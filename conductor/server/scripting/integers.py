"""Integers that a double cannot hold, and that scripts pass on exactly."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from attrs import define, field

_EXACT_TO = 2**53
_LONG = re.compile(rb"[0-9]{16}")


@define
class ExactIntegers:
    """The integers of an input that a double cannot hold, by the double that they become."""

    _by_double: dict[float, int | None] = field(factory=dict, init=False)

    def add(self, value: Any, text: bytes) -> None:
        """Note those of a JSON value; its text saves the search where there are none."""
        if _LONG.search(text):
            for number in _large(value):
                known = self._by_double.setdefault(float(number), number)
                if known != number:  # two integers became one: which of them comes back is unknown
                    self._by_double[float(number)] = None

    def restored(self, value: Any) -> Any:
        """Return the value with each double that was an integer of the input as that integer.

        Other large integers, which the interpreters write with zeros at their end, become what the double is.
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
        """Parse what an interpreter wrote, with the integers restored."""
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
