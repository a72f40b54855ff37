"""The call of a builder, and the options that all builders take."""

from __future__ import annotations

from collections.abc import Mapping
from keyword import iskeyword
from typing import Any

from attrs import define, field

from conductor.workflow.step import OPTION_FIELDS

__all__ = ["Call", "is_name", "options_of", "with_inputs"]


@define
class Call:
    """The call of a builder.

    Attributes:
        name: The builder's name.
        args: Its positional arguments.
        kwargs: Its keyword arguments, without ``ref``.
        is_whole: Whether blocks inside went into the call (``raw``).
    """

    name: str
    args: list[Any] = field(factory=list)
    kwargs: dict[str, Any] = field(factory=dict)
    is_whole: bool = False


def options_of(own: Mapping[str, Any], known: set[str]) -> dict[str, Any]:
    """The options, and the fields that there is no option for."""
    options: dict[str, Any] = {}
    fields: dict[str, Any] = {}
    for key, value in own.items():
        if key in known or key in {"taskReferenceName", "type"}:
            continue
        if key == "name":
            if value != own["taskReferenceName"]:
                options["name"] = value
        elif key in OPTION_FIELDS and value is not None:
            options[OPTION_FIELDS[key]] = value
        elif key != "inputParameters" or not value:
            fields[key] = value
    return {**options, **({"fields": fields} if fields else {})}


def with_inputs(inputs: Mapping[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """The options, with input parameters that have no argument of their own."""
    return {**({"inputs": dict(inputs)} if inputs else {}), **options}


def is_name(key: str) -> bool:
    """Whether a key can be the name of an argument."""
    return key.isidentifier() and not iskeyword(key)
