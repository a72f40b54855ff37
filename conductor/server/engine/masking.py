"""Hide values in the inputs and outputs of executions from users. Workers and expressions see the values."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

#: Replacement of a hidden value.
HIDDEN = "***"
#: Key of a document with the names whose values are hidden.
MASKS = "_masks"


def hide(value: Any, names: Collection[str]) -> Any:
    """Return the value with ``***`` for each member with one of the names, at any depth."""
    if not names:
        return value
    if isinstance(value, dict):
        return {key: HIDDEN if key in names else hide(item, names) for key, item in value.items()}
    return [hide(item, names) for item in value] if isinstance(value, list) else value
