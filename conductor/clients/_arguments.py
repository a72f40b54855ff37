"""Check the types of arguments by the annotations of a client's methods, before anything is sent.

Without this check, a value of the wrong type would reach the server as text: ``delete(None)`` would delete the object
named "None", and ``archive="false"`` would archive.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from operator import index
from typing import Any, TypeVar
from uuid import UUID

from conductor.errors import ConfigurationError
from conductor.transport.operation import NotGiven

__all__ = ["check_argument_types"]

F = TypeVar("F", bound=Callable[..., Any])
Test = Callable[[Any], bool]
_CONTAINER = re.compile(r"(Mapping|Sequence|Iterable|Collection)\[(.*)\]")


def check_argument_types(method: F) -> F:
    """Return a method that raises ``ConfigurationError`` if an argument does not match its annotation.

    The check supports plain types, containers, classes that the method's module imports, and unions of them. Any other
    annotation accepts every value; the method then checks the argument itself.
    """
    signature: _Signature | None = None

    @functools.wraps(method)
    def checked(*args: Any, **options: Any) -> Any:
        nonlocal signature
        if signature is None:
            signature = _Signature(method)
        call = _Call(method, args, options)
        del args, options  # any may be a secret, and tools that report errors show the local variables of this frame
        if (refusal := call.refusal(signature)) is not None:
            raise refusal
        return call()

    return checked  # type: ignore[return-value]


class _Signature:
    """The names of the positional parameters, and the check and description of each parameter."""

    __slots__ = ("positional", "tests")

    def __init__(self, method: Callable[..., Any]) -> None:
        parameters = inspect.signature(method).parameters.values()
        self.positional: list[str] = [
            p.name for p in parameters if p.kind in {p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD}
        ]
        self.tests: dict[str, tuple[Test, str]] = {}
        for parameter in parameters:
            found = _union(str(parameter.annotation), method.__globals__)
            if found is not None and parameter.kind not in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}:
                self.tests[parameter.name] = found


class _Call:
    """A call, whose repr hides its arguments."""

    __slots__ = ("_args", "_method", "_options")

    def __init__(self, method: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]) -> None:
        self._method = method
        self._args = args
        self._options = options

    def refusal(self, signature: _Signature) -> ConfigurationError | None:
        """Return the error for the first argument of a wrong type, or None."""
        for name, value in (*zip(signature.positional, self._args, strict=False), *self._options.items()):
            test = signature.tests.get(name)
            if test is not None and not test[0](value):
                return _refused(name, value, test[1])
        return None

    def __call__(self) -> Any:
        return self._method(*self._args, **self._options)


def _refused(name: str, value: Any, expected: str) -> ConfigurationError:
    # The value itself may be a secret.
    given = "None" if value is None else type(value).__name__
    return ConfigurationError(
        f"{name} must be {expected}, not {given}. Nothing was sent.", variable=name, allowed=expected
    )


def _union(annotation: str, scope: Mapping[str, Any]) -> tuple[Test, str] | None:
    found = [_part(part, scope) for part in _split(annotation)]
    known = [one for one in found if one is not None]
    if len(known) < len(found):
        return None
    if len(known) == 1:
        return known[0]
    tests = [test for test, _ in known]
    return lambda value: any(test(value) for test in tests), " or ".join(text for _, text in known)


def _split(annotation: str) -> list[str]:
    """Split a union at the bars outside of brackets."""
    parts, depth, begin = [], 0, 0
    for position, char in enumerate(annotation):
        depth += (char == "[") - (char == "]")
        if char == "|" and depth == 0:
            parts.append(annotation[begin:position].strip())
            begin = position + 1
    return [*parts, annotation[begin:].strip()]


def _part(part: str, scope: Mapping[str, Any]) -> tuple[Test, str] | None:
    if part in _PLAIN:
        return _PLAIN[part]
    container = _CONTAINER.fullmatch(part)
    if container is None:
        kind = scope.get(part)
        if not isinstance(kind, type):
            return None
        kinds = (kind, Mapping) if hasattr(kind, "from_dict") else (kind,)  # a model may be given in its wire form
        return lambda value: isinstance(value, kinds), f"a {part}"
    if container[1] == "Mapping":
        return lambda value: isinstance(value, Mapping), "a dict"
    inner = _union(container[2], scope)
    text = "a list" if inner is None or container[2] != "str" else "a list of strings"
    return functools.partial(_is_collection, None if inner is None else inner[0]), text


def _is_collection(inner: Test | None, value: Any) -> bool:
    if not isinstance(value, Iterable) or isinstance(value, str | bytes | bytearray | Mapping):
        return False
    # A generator can be read only once, so its items are checked where they are read.
    return inner is None or not isinstance(value, list | tuple | set | frozenset) or all(map(inner, value))


def _is_int(value: Any) -> bool:
    try:
        return not isinstance(value, bool) and index(value) is not None  # numpy's integers count
    except TypeError:
        return False


#: Parts of annotations: a check, and a description for the error. Numbers of seconds are not included: ``to_seconds``
#: checks them and raises more precise errors.
_PLAIN: Mapping[str, tuple[Test, str]] = {
    "str": (lambda value: isinstance(value, str | UUID), "a string"),
    "int": (_is_int, "an integer"),
    "bool": (lambda value: isinstance(value, bool), "True or False"),
    "bytes": (lambda value: isinstance(value, bytes | bytearray | memoryview), "bytes"),
    "None": (lambda value: value is None, "None"),
    "datetime": (lambda value: isinstance(value, datetime), "a datetime"),
    "NotGiven": (lambda value: isinstance(value, NotGiven), "left out"),
}
