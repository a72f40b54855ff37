"""Replace expressions, ``${...}``, in the parameters of tasks and workflows like the OSS server.

A string that is one expression becomes its value, with its type. In a longer string, the value is inserted as a string.
A missing value is None. ``$${x}`` stands for the string ``${x}``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from attrs import field, frozen

from conductor.server.engine.expressions.java_text import Matches, java_text
from conductor.server.engine.expressions.jsonpath import PAUSE, parse

_START = re.compile(r"(?<!\$)\$\{")
_BRACE = re.compile(r"[{}]")
_SECRET = re.compile(r"\$\{workflow\.secrets\.([^}]+)\}")
_SECRETS_PREFIX = "workflow.secrets."
_ENVIRONMENT_PREFIX = "workflow.env."
_NOTHING: Mapping[str, Any] = MappingProxyType({})
#: Names that are never paths. Without a value, the expression stays in the string.
SYSTEM_NAMES = ("CPEWF_TASK_ID", "NETFLIX_ENV", "NETFLIX_STACK")
#: Levels of expressions inside expressions; the value of a deeper one is null.
_MAX_NESTING = 20
#: Characters of a string with inserted values: a longer one would use up the memory.
_MAX_TEXT = 64 * 1024 * 1024


class TextTooLongError(Exception):
    """A string would become too long by the values that are inserted into it."""


def substitute(
    value: Any,
    scope: Mapping[str, Any],
    *,
    system: Mapping[str, str] = _NOTHING,
    environment: Mapping[str, str] = _NOTHING,
) -> Any:
    """Return the value with every expression in its strings replaced, at any depth; keys are not changed.

    Args:
        value: Any JSON value. It is not modified; values of the scope are not copied.
        scope: The document that paths read: ``{"workflow": {...}, "<task reference>": {...}}``.
        system: Values of system names, such as ``CPEWF_TASK_ID``; they take precedence over paths.
        environment: Values of ``${workflow.env.NAME}``; ``${workflow.env.NAME.path}`` reads a value that is JSON.

    Raises:
        TextTooLongError: A string becomes too long.
    """
    return _Substitution(dict(scope), system, environment).of(value)


def substitute_secrets(value: Any, secrets: Mapping[str, str]) -> Any:
    """Return the value with ``${workflow.secrets.NAME}`` (or ``.NAME.path``) replaced; ``substitute`` keeps them."""
    if isinstance(value, str):
        return _substitute_secret(value, secrets)
    if isinstance(value, Mapping):
        return {key: substitute_secrets(item, secrets) for key, item in value.items()}
    if isinstance(value, list):
        return [substitute_secrets(item, secrets) for item in value]
    return value


def expressions_in(text: str) -> list[str]:
    """Return the outermost expressions in a string, without ``${`` and ``}``."""
    return [text[start + 2 : end - 1] for start, end in _spans(text)]


@frozen
class _Substitution:
    scope: dict[str, Any]
    system: Mapping[str, str]
    environment: Mapping[str, str] = field(repr=False)

    def of(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._string(value)
        if isinstance(value, Mapping):
            return {key: self.of(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.of(item) for item in value]
        return value

    def _string(self, text: str) -> Any:
        if "${" not in text:
            return text
        spans = _spans(text)
        if spans == [(0, len(text))]:
            found = self._expression(text, 1)
            return list(found) if isinstance(found, Matches) else found
        return self._written(text, spans, 1)

    def _written(self, text: str, spans: list[tuple[int, int]], depth: int) -> str:
        pieces, end, size = [], 0, 0
        for start, stop in spans:
            inserted = java_text(self._expression(text[start:stop], depth))
            size += len(inserted)
            if size > _MAX_TEXT:
                raise TextTooLongError(f"A string with inserted values has more than {_MAX_TEXT} characters")
            pieces += [text[end:start], inserted]
            end = stop
        return "".join([*pieces, text[end:]]).replace("$${", "${")

    def _expression(self, whole: str, depth: int) -> Any:
        """Return the value of ``${...}``; nested expressions are replaced first, as strings."""
        PAUSE.get()()
        if depth > _MAX_NESTING:
            return None
        inner = whole[2:-1]
        path = self._written(inner, _spans(inner), depth + 1)
        if not path.strip():
            return ""
        if path.startswith(_SECRETS_PREFIX):
            return whole
        if path.startswith(_ENVIRONMENT_PREFIX):
            return _look_up(path.removeprefix(_ENVIRONMENT_PREFIX), self.environment)
        if path in self.system or path in SYSTEM_NAMES:
            return self.system.get(path, whole)
        try:
            return parse(path).read(self.scope, self.scope)
        except ValueError:
            return None


def _spans(text: str) -> list[tuple[int, int]]:
    """Return where expressions start and end. As on the OSS server, an unclosed expression ends the search."""
    spans: list[tuple[int, int]] = []
    match = _START.search(text)
    while match:
        end = _end_of(text, match.start() + 1)
        if end is None:
            break
        spans.append((match.start(), end))
        match = _START.search(text, end)
    return spans


def _end_of(text: str, opening: int) -> int | None:
    depth = 0
    for brace in _BRACE.finditer(text, opening):
        depth += 1 if brace[0] == "{" else -1
        if depth == 0:
            return brace.end()
    return None


def _substitute_secret(text: str, secrets: Mapping[str, str]) -> Any:
    if whole := _SECRET.fullmatch(text):
        return _look_up(whole[1], secrets)
    # Without the part after the last brace, no expression is unclosed: looking for its end would take quadratic time.
    end = text.rfind("}") + 1

    def inserted(match: re.Match[str]) -> str:
        found = _look_up(match[1], secrets)
        return "" if found is None else java_text(found)

    return _SECRET.sub(inserted, text[:end]) + text[end:]


def _look_up(reference: str, values: Mapping[str, str]) -> Any:
    """Return the value of ``NAME``, or of a path in a value that is JSON (``NAME.path``); None if it is missing."""
    name, dot, path = reference.partition(".")
    value = values.get(name)
    if value is None or not dot:
        return value
    try:
        document = json.loads(value)
        found = parse(path).read(document, document)
    except ValueError:
        return None
    return list(found) if isinstance(found, Matches) else found
