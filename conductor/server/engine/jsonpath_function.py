"""The functions of a JSONPath: `.length()`, `.sum()`, `.keys()` and their like."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import sqrt
from typing import Any


def call(name: str, value: Any, arguments: list[Any]) -> Any:
    """Return what the function makes of the value; raise ValueError when it is unknown or has nothing to work on."""
    if name in _AGGREGATES:
        numbers = _numbers(value if isinstance(value, list) else []) + _numbers(_flat(arguments))
        if not numbers:
            raise ValueError(f"{name}() has no numbers")
        return float(_AGGREGATES[name](numbers))
    if name not in _FUNCTIONS:
        raise ValueError(f"there is no function {name}()")
    return _FUNCTIONS[name](value, arguments)


def _flat(arguments: list[Any]) -> list[Any]:
    return [item for argument in arguments for item in (argument if isinstance(argument, list) else [argument])]


def _numbers(values: list[Any]) -> list[float]:
    return [value for value in values if isinstance(value, (int, float)) and not isinstance(value, bool)]


def _average(numbers: list[float]) -> float:
    return sum(numbers) / len(numbers)


def _deviation(numbers: list[float]) -> float:
    count = len(numbers)
    squares = sum(number * number for number in numbers)
    return sqrt(squares / count - sum(numbers) * sum(numbers) / count / count)


def _length(value: Any, _: list[Any]) -> int | None:
    return len(value) if isinstance(value, (list, Mapping)) else None


def _keys(value: Any, _: list[Any]) -> list[str] | None:
    return list(value) if isinstance(value, Mapping) else None


def _concat(value: Any, arguments: list[Any]) -> str:
    texts = [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
    return "".join(texts + [str(item) for item in _flat(arguments) if item is not None])


def _append(value: Any, arguments: list[Any]) -> Any:
    """Return a longer copy; the library's changes the document itself, so that every later expression sees it."""
    return [*value, *arguments] if isinstance(value, list) else value


def _element(value: Any, position: int) -> Any:
    if not isinstance(value, list) or not -len(value) <= position < len(value):
        raise ValueError("there is no such element")
    return value[position]


def _index(value: Any, arguments: list[Any]) -> Any:
    if not _numbers(arguments[:1]):
        raise ValueError("index() needs a number")
    return _element(value, int(arguments[0]))


_AGGREGATES: dict[str, Callable[[list[float]], float]] = {
    "avg": _average,
    "max": max,
    "min": min,
    "stddev": _deviation,
    "sum": sum,
}
_FUNCTIONS: dict[str, Callable[[Any, list[Any]], Any]] = {
    "append": _append,
    "concat": _concat,
    "first": lambda value, _: _element(value, 0),
    "index": _index,
    "keys": _keys,
    "last": lambda value, _: _element(value, -1),
    "length": _length,
    "size": _length,
}
