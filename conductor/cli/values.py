"""Values on the command line: JSON, NAME=VALUE pairs, durations."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from conductor.cli.exits import Misused
from conductor.errors import ConfigurationError, UnexpectedResponseError
from conductor.models._base import Model
from conductor.workflow.load import read_file

__all__ = ["as_model", "input_options", "json_object", "merged", "read_stdin", "seconds", "text_pairs", "value_pairs"]

M = TypeVar("M", bound=Model)
F = TypeVar("F", bound=Callable[..., Any])

_UNITS = {"": 1, "ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
_SPAN = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|)")


def json_object(word: str) -> dict[str, Any]:
    """Read a JSON object: the word itself, the file of ``@FILE``, or standard input for ``-``.

    Raises:
        BadParameter: It is not a JSON object, or the file cannot be read.
    """
    try:
        found = _read(word)
    except OSError as error:
        raise click.BadParameter(f"cannot read {word.removeprefix('@')!r}: {error.strerror or error}") from None
    except (ValueError, ConfigurationError, RecursionError) as error:
        raise click.BadParameter(f"{word!r} is not a JSON object, @FILE or '-': {error}") from None
    if not isinstance(found, Mapping):
        raise click.BadParameter(f"{word!r} is JSON, but not an object.")
    return dict(found)


def as_model(kind: type[M], given: Mapping[str, Any]) -> M:
    """Read a model from its wire form.

    Raises:
        Misused: A field is missing or has an invalid value.
    """
    try:
        return kind.from_dict(given)
    except UnexpectedResponseError as error:  # from_dict reports errors as those of a server's response
        raise Misused(f"{error}") from None


def read_stdin() -> str:
    """Return standard input, decoded as UTF-8. On Windows, the system's encoding may differ.

    Raises:
        ValueError: It is not UTF-8.
    """
    return sys.stdin.buffer.read().decode("utf-8-sig")


def _read(word: str) -> Any:
    if word == "-":
        return json.loads(read_stdin())
    return read_file(Path(word[1:])) if word.startswith("@") else json.loads(word)


def seconds(word: str) -> float:
    """Return a duration in seconds.

    Raises:
        BadParameter: The word is not a duration.
    """
    found = _SPAN.fullmatch(word.strip().lower())
    if found is None:
        raise click.BadParameter(f"invalid duration: {word!r} (use 30, 30s, 5m, 2h or 1d)")
    return float(found[1]) * _UNITS[found[2]]


def input_options(what: str, *, flag: str = "--input", short: str = "-i") -> Callable[[F], F]:
    """Add an option for a whole JSON object and one for single values; ``merged`` combines both.

    Args:
        what: The object's name in the help text.
        flag: The option that takes the whole object.
        short: The short form of ``--set``.
    """

    def add(function: F) -> F:
        one = click.option(
            short,
            "--set",
            "pairs",
            multiple=True,
            metavar="NAME=VALUE",
            help=f"Set one value of the {what}: JSON, or else a string; repeatable.",
        )
        whole = click.option(
            flag,
            "given",
            type=json_object,
            metavar="JSON|@FILE|-",
            help=f"The {what}; @FILE reads a file, - standard input.",
        )
        return whole(one(function))

    return add


def merged(given: Mapping[str, Any] | None, pairs: Iterable[str]) -> dict[str, Any]:
    """Return the object updated with the values of ``NAME=VALUE`` pairs."""
    return {**(given or {}), **value_pairs(pairs)}


def value_pairs(pairs: Iterable[str]) -> dict[str, Any]:
    """Return ``NAME=VALUE`` pairs; a value that is not JSON is a string.

    Raises:
        BadParameter: A word is not such a pair.
    """
    return {name: _value(text) for name, text in text_pairs(pairs).items()}


def text_pairs(pairs: Iterable[str]) -> dict[str, str]:
    """Return ``NAME=VALUE`` pairs with their values as strings.

    Raises:
        BadParameter: A word is not such a pair.
    """
    found = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not name or not equals:
            hint = "; pass a whole JSON object or @FILE as --input" if pair[:1] in {"{", "@", "-"} else ""
            raise click.BadParameter(f"{pair!r} is not NAME=VALUE{hint}.")
        found[name] = text
    return found


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
