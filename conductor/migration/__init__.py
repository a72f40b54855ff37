"""Errors for names of other SDKs, which suggest the name in this SDK.

The old names do not work. Only names that do not exist in this SDK are looked up.
"""

from __future__ import annotations

import functools
import inspect
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from typing_extensions import ParamSpec

from conductor._internal.suggestions import did_you_mean
from conductor.migration.table import ATTRIBUTES, FIELDS, KEYWORDS, NAMES

__all__ = [
    "explain_facade",
    "field_successor",
    "missing_attribute",
    "missing_name",
    "refuse_keywords",
    "refusing_keywords",
]


P = ParamSpec("P")
T = TypeVar("T")
_HUMP = re.compile(r"(?<=[a-z0-9])[A-Z]+")


def missing_name(module: str, name: str) -> Exception:
    """Return the error for a module's ``__getattr__`` to raise.

    For ``from module import name``, the error is an ImportError, because importlib replaces the text of an
    AttributeError. Otherwise it is an AttributeError, so that ``hasattr`` works.
    """
    successor = _successor(NAMES, name)
    if successor is None:
        return AttributeError(f"module {module!r} has no attribute {name!r}")
    text = f"{module} has no {name!r}, which is another SDK's: use {successor}."
    asked_by = sys._getframe(2).f_globals.get("__name__")  # the caller of the module's __getattr__
    return ImportError(text, name=module) if asked_by == "importlib._bootstrap" else AttributeError(text)


def missing_attribute(self: object, name: str) -> Any:
    """Raise the error for a missing attribute; the ``__getattr__`` of public classes."""
    for kind in type(self).__mro__:
        successor = _successor(ATTRIBUTES.get(f"{kind.__module__}.{kind.__qualname__}", {}), name)
        if successor is not None:
            raise AttributeError(f"{type(self).__name__} has no {name!r}, which is another SDK's: use {successor}.")
    if not name.startswith("_") and not hasattr(type(self), name):
        raise _UnknownAttributeError(self, name)
    return object.__getattribute__(self, name)  # raises the usual error, or the one that a property of this name raised


#: Public names that an error lists if none of them is similar to the missing one.
_MAX_LISTED = 20


class _UnknownAttributeError(AttributeError):
    """An AttributeError that suggests a similar name.

    The name is looked up when the message is read, so that ``hasattr`` is fast.

    ``name`` is not set, so that the interpreter does not add its own suggestion.
    """

    def __init__(self, owner: object, name: str) -> None:
        super().__init__(f"{type(owner).__name__!r} object has no attribute {name!r}", obj=owner)
        self._missing = name

    def __str__(self) -> str:
        public = [one for one in dir(type(self.obj)) if not one.startswith("_")]
        near = did_you_mean(self._missing, public)
        if self._missing == "id":  # such as workflow_id of a WorkflowExecution
            owner = type(self.obj).__name__.lower()
            own = [one for one in public if one.endswith("_id") and owner.startswith(one[:-3].replace("_", ""))]
            near = f"; did you mean {own[0]!r}?" if own else near
        if not near and len(public) <= _MAX_LISTED:
            near = f"; it has {', '.join(public)}"
        return f"{self.args[0]}{near}"

    def __reduce__(self) -> tuple[Any, ...]:
        return AttributeError, (str(self),)


def refuse_keywords(callee: str, given: Iterable[str]) -> None:
    """Reject keywords of another SDK.

    Args:
        callee: Name of the function or class that was called.
        given: The keywords.

    Raises:
        TypeError: A keyword belongs to another SDK; the message names its replacement.
    """
    rows = KEYWORDS.get(callee, KEYWORDS["step"])
    for name in given:
        if (successor := _successor(rows, name)) is not None:
            raise TypeError(f"{callee}() takes no {name!r}, which is another SDK's: use {successor}.")


def field_successor(name: str, *, as_attribute: bool = False) -> str | None:
    """Return Conductor's name for a field of other systems, or advice; None if the name is unknown.

    Args:
        name: The field, in camelCase or snake_case.
        as_attribute: Whether to return the name of the model's attribute instead of the JSON name.
    """
    successor = _successor(FIELDS, name)
    return _flat(successor) if successor is not None and as_attribute else successor


def refusing_keywords(call: Callable[P, T], callee: str) -> Callable[P, T]:
    """Return the function with a check for another SDK's keywords that runs before Python's checks."""
    rows = KEYWORDS.get(callee, KEYWORDS["step"])
    old = frozenset({*rows, *(_camel_case(name) for name in rows)})

    @functools.wraps(call)
    def checked(*given: P.args, **named: P.kwargs) -> T:
        if not old.isdisjoint(named):
            refuse_keywords(callee, named)
        return call(*given, **named)

    return checked


def explain_facade(namespace: dict[str, Any], names: Iterable[str]) -> None:
    """Make the exported functions and classes of a module explain another SDK's keywords and attributes.

    Args:
        namespace: The module's globals. Its functions are replaced, and its classes in the table are extended.
        names: The names that it exports.
    """
    for name in names:
        value = namespace[name]
        if inspect.isfunction(value):
            namespace[name] = explained = refusing_keywords(value, name)
            explained.__module__ = namespace["__name__"]  # where pickle finds it
            continue
        if name in KEYWORDS:
            value.__init__ = refusing_keywords(value.__init__, name)
        if f"{value.__module__}.{name}" in ATTRIBUTES:
            value.__getattr__ = missing_attribute


def _successor(rows: Mapping[str, str], name: str) -> str | None:
    found = rows.get(name)
    if found is None and _HUMP.search(name):  # the JavaScript SDK's spelling
        flat = _flat(name)
        found = next((successor for old, successor in rows.items() if _flat(old) == flat), None)
    return found


def _flat(name: str) -> str:
    return _HUMP.sub(lambda hump: f"_{hump[0]}", name).lower()


def _camel_case(name: str) -> str:
    return re.sub(r"_(.)", lambda found: found[1].upper(), name)
