"""Values that stand in a definition, against the annotations of the function that will get them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from typing_extensions import get_type_hints

from conductor.errors import TaskInputError
from conductor.worker.conversion import converter_for

__all__ = ["misfits"]


def misfits(function: Callable[..., Any], inputs: Mapping[str, Any]) -> Iterator[str]:
    """What the worker would say of each value that does not fit; values with ``${...}`` are known at run time only."""
    kinds = _kinds(function)
    for name, value in inputs.items():
        if name in kinds and "${" not in json.dumps(value, default=str):
            try:
                converter_for(kinds[name])(value, name)
            except TaskInputError as error:
                yield str(error)


def _kinds(function: Any) -> Mapping[str, Any]:
    while hasattr(function, "func"):  # a partial's
        function = function.func
    try:
        return get_type_hints(function, include_extras=True)
    except (NameError, TypeError):  # names that exist only for type checkers; what cannot be read is not judged
        return {}
