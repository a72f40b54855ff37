"""What words on the command line may stand for: JSON, pairs, lengths of time."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from conductor.errors import ConfigurationError
from conductor.workflow.load import read_file

__all__ = ["input_options", "json_object", "merged", "seconds", "text_pairs"]

F = TypeVar("F", bound=Callable[..., Any])

_UNITS = {"": 1, "ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
_SPAN = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|)")


def json_object(word: str) -> dict[str, Any]:
    """The JSON object that a word is, that the file of ``@FILE`` has, or that comes by standard input for ``-``.

    Raises:
        BadParameter: It is none.
    """
    try:
        found = _read(word)
    except (ValueError, OSError, ConfigurationError) as error:
        raise click.BadParameter(f"{word!r} is no JSON object, @FILE or '-': {error}") from None
    if not isinstance(found, Mapping):
        raise click.BadParameter(f"{word!r} is JSON, but no object.")
    return dict(found)


def _read(word: str) -> Any:
    if word == "-":
        return json.load(sys.stdin)
    return read_file(Path(word[1:])) if word.startswith("@") else json.loads(word)


def seconds(word: str) -> float:
    """The seconds of a length of time.

    Raises:
        BadParameter: The word is none.
    """
    found = _SPAN.fullmatch(word.strip().lower())
    if found is None:
        raise click.BadParameter(f"{word!r} is no length of time; write 30, 30s, 5m, 2h or 1d.")
    return float(found[1]) * _UNITS[found[2]]


def input_options(what: str) -> Callable[[F], F]:
    """The options ``--input`` and ``-i``; ``merged`` makes one value of both."""

    def add(function: F) -> F:
        one = click.option(
            "-i", "--set", "pairs", multiple=True, metavar="NAME=VALUE", help=f"One value of the {what}; JSON or text."
        )
        whole = click.option(
            "--input", "given", type=json_object, metavar="JSON|@FILE|-", help=f"The {what}; - reads standard input."
        )
        return whole(one(function))

    return add


def merged(given: Mapping[str, Any] | None, pairs: Iterable[str]) -> dict[str, Any]:
    """An input of JSON and of ``NAME=VALUE`` pairs, which win; a value that is no JSON is text."""
    return {**(given or {}), **{name: _value(text) for name, text in text_pairs(pairs).items()}}


def text_pairs(pairs: Iterable[str]) -> dict[str, str]:
    """``NAME=VALUE`` pairs as they are.

    Raises:
        BadParameter: A word is none.
    """
    found = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not name or not equals:
            raise click.BadParameter(f"{pair!r} is not NAME=VALUE.")
        found[name] = text
    return found


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
