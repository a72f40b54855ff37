"""What is covered: the operations with a call, and the properties that are attributes of models, by tag."""

import typing
from collections.abc import Iterable, Iterator
from functools import cache

import attrs
from attrs import frozen

from conductor.models._base import wire_name
from surface.declared import declared
from surface.documents import documents, in_scope
from surface.schemas import model_of, properties, used
from surface.table import table


@frozen
class Part:
    """How much of a tag is covered."""

    tag: str
    operations: int
    operations_covered: int
    properties: int
    properties_covered: int


@frozen
class Property:
    """A property of a schema that operations of some tags use."""

    document: str
    schema: str
    name: str
    tags: frozenset[str]
    is_attribute: bool

    def __str__(self) -> str:
        return f"{self.document} {self.schema}.{self.name}"


def attributes(schema: str) -> set[str]:
    """Return the wire names of the attributes of a schema's model; an empty set without a model."""
    model = model_of(schema)
    kind = typing.get_origin(model) or model
    return set() if kind is None else {wire_name(one) for one in attrs.fields(kind) if one.name != "unknown_fields"}


@cache
def all_properties() -> tuple[Property, ...]:
    """Every property of both documents that an operation in scope can bring."""
    return tuple(_properties())


def _properties() -> Iterator[Property]:
    for document in documents().values():
        for schema, tags in used(document.name).items():
            known = attributes(schema)
            for name in properties(document.schemas[schema]):
                yield Property(document.name, schema, name, tags, name in known)


def missing_operations() -> list[str]:
    """The operations in scope that no client declares, or that no call of the table sends."""
    return sorted(key for key in in_scope() if key not in declared() or key not in table())


def failing(reports: Iterable[str]) -> set[str]:
    """Return the operations that are named as failing cases in the reports of failed tests."""
    return {key for report in reports for key in in_scope() if f"[{key}]" in report or f"[{key}, " in report}


def by_tag(uncovered: set[str]) -> list[Part]:
    """The coverage of each tag, and of all; a property that several tags use counts once in all."""
    rows = in_scope().values()
    parts = [_part(tag, {row.key for row in rows if row.tag == tag}, uncovered) for tag in {row.tag for row in rows}]
    found = all_properties()
    whole = Part("in all", len(rows), len(rows) - len(uncovered), len(found), sum(one.is_attribute for one in found))
    return [*sorted(parts, key=lambda part: part.tag), whole]


def _part(tag: str, keys: set[str], uncovered: set[str]) -> Part:
    found = [one for one in all_properties() if tag in one.tags]
    return Part(tag, len(keys), len(keys - uncovered), len(found), sum(one.is_attribute for one in found))
