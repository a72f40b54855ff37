"""Errors for the spellings of other SDKs."""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from typing_extensions import ParamSpec

from conductor.migration.table import ATTRIBUTES, KEYWORDS, NAMES

__all__ = ["explains", "missing_attribute", "missing_name", "refuse_keywords"]


P = ParamSpec("P")
T = TypeVar("T")
_HUMP = re.compile(r"(?<=[a-z0-9])[A-Z]+")


def missing_name(module: str, name: str) -> Exception:
    """What the ``__getattr__`` of a module raises.

    ``from module import name`` replaces the text of an AttributeError by its own, and so gets an ImportError. It first
    asks ``hasattr``, in a frame of importlib; ``hasattr`` of anybody else still says False.
    """
    successor = _successor(NAMES, name)
    if successor is None:
        return AttributeError(f"module {module!r} has no attribute {name!r}")
    text = f"{module} has no {name!r}, which is another SDK's: use {successor}."
    asked_by = sys._getframe(2).f_globals.get("__name__")  # noqa: SLF001  the caller of the module's __getattr__
    return ImportError(text, name=module) if asked_by == "importlib._bootstrap" else AttributeError(text)


def missing_attribute(self: object, name: str) -> Any:
    """The ``__getattr__`` of a class; it runs only where there is no such attribute."""
    for kind in type(self).__mro__:
        successor = _successor(ATTRIBUTES.get(f"{kind.__module__}.{kind.__qualname__}", {}), name)
        if successor is not None:
            raise AttributeError(f"{type(self).__name__} has no {name!r}, which is another SDK's: use {successor}.")
    return object.__getattribute__(self, name)  # raises what it always does, or what a property of this name raised


def refuse_keywords(callee: str, given: Iterable[str], said: str | None = None) -> None:
    """Refuse the old ones among keywords.

    Args:
        callee: Whose row of the table counts.
        given: The keywords.
        said: What the message calls it; ``callee()`` when it is left out.

    Raises:
        TypeError: There is one; the message names its successor.
    """
    rows = KEYWORDS[callee]
    for name in given:
        if (successor := _successor(rows, name)) is not None:
            raise TypeError(f"{said or f'{callee}()'} takes no {name!r}, which is another SDK's: use {successor}.")


def explains(call: Callable[P, T]) -> Callable[P, T]:
    """Have a function refuse old keywords before Python says which of its arguments are missing."""
    owner, _, name = call.__qualname__.rpartition(".")
    said = owner if name == "__init__" else name
    callee = said if said in KEYWORDS else "step"

    @functools.wraps(call)
    def explained(*given: P.args, **named: P.kwargs) -> T:
        refuse_keywords(callee, named, f"{said}()")
        return call(*given, **named)

    return explained


def _successor(rows: Mapping[str, str], name: str) -> str | None:
    found = rows.get(name)
    if found is None and _HUMP.search(name):  # the same in JavaScript's case
        flat = _flat(name)
        found = next((successor for old, successor in rows.items() if _flat(old) == flat), None)
    return found


def _flat(name: str) -> str:
    return _HUMP.sub(lambda hump: f"_{hump[0]}", name).lower()
