"""Unknown fields in documents that users write, reported with the nearest known name.

Servers ignore fields that they do not know. Documents that were read from a server keep their unknown fields, so that a
definition of a newer server can be changed and saved without loss.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import attrs

from conductor._internal.suggestions import suggest
from conductor.errors import ConfigurationError
from conductor.migration import field_successor
from conductor.models._base import Model, wire_name

__all__ = ["AUDIT_FIELDS", "field_names", "nearest_field", "refuse_unknown_fields"]

#: Fields that only servers write: a document that has one was read from a server.
AUDIT_FIELDS = frozenset({"createTime", "updateTime", "updatedTime", "createdBy", "updatedBy"})
#: Similarity (0 to 1) from which a field is proposed; lower than for task names, because there are few fields.
_THRESHOLD = 0.6


def field_names(model: type[Model]) -> tuple[str, ...]:
    """Return the JSON names of a model's fields."""
    return tuple(wire_name(a) for a in attrs.fields(model) if a.name != "unknown_fields")


def refuse_unknown_fields(document: Mapping[str, Any], model: Model, what: str = "") -> None:
    """Refuse a document with fields that the SDK does not know, unless a server wrote it.

    Args:
        document: The document as given.
        model: The model that was created from it.
        what: The name of the document in the error; the model's class name by default.

    Raises:
        ConfigurationError: A field is unknown; the error names its path and the nearest known field.
    """
    if not AUDIT_FIELDS.isdisjoint(document):
        return
    for path, owner, name in _unknown(model, ""):
        near = nearest_field(name, field_names(type(owner)))
        hint = f" Did you mean {near!r}?" if near else ""
        raise ConfigurationError(
            f"{what or type(model).__name__} has no field {path!r}.{hint} The server would ignore it. To send it to a "
            f"newer server, pass {type(model).__name__}.from_dict(...). Nothing was sent.",
            variable=path,
            value=owner.unknown_fields[name],
            allowed=near or ", ".join(sorted(field_names(type(owner)))),
        )


def _unknown(value: Any, path: str) -> Iterator[tuple[str, Model, str]]:
    """Yield path, owner and name of each unknown field. User data, such as inputs, is not searched."""
    if isinstance(value, Model):
        prefix = f"{path}." if path else ""
        yield from ((prefix + name, value, name) for name in value.unknown_fields)
        for attribute in attrs.fields(type(value)):
            if attribute.name != "unknown_fields":
                yield from _unknown(getattr(value, attribute.name), prefix + wire_name(attribute))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _unknown(item, f"{path}[{index}]")
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if isinstance(item, Model | list):
                yield from _unknown(item, f"{path}.{key}")


def nearest_field(name: str, known: Iterable[str]) -> str | None:
    """Return the known field that ``name`` probably stands for, or None.

    Args:
        name: The unknown name: a misspelling, another spelling, or another library's word.
        known: The known names, in camelCase or snake_case.
    """
    names = {one.replace("_", "").lower(): one for one in known}
    common = names.get((field_successor(name) or "").lower())
    return common or suggest(name, names.values(), threshold=_THRESHOLD)
