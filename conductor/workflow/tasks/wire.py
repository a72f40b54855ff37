"""Convert Python names of input parameters to their names in JSON."""

from __future__ import annotations

from typing import Any

__all__ = ["camel", "given"]

_EXCEPTIONS = {"vector_db": "vectorDB", "use_ssl": "useSSL"}


def given(**values: Any) -> dict[str, Any]:
    """Return input parameters by their names in JSON, without those that are None."""
    return {camel(name): value for name, value in values.items() if value is not None}


def camel(name: str) -> str:
    """Return a name in JSON: ``max_tokens`` is ``maxTokens``."""
    if name in _EXCEPTIONS:
        return _EXCEPTIONS[name]
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)
