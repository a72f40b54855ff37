"""What is covered: the operations with a call, and the properties that are attributes of models, by tag."""

import typing
from collections.abc import Iterator
from functools import cache

import attrs
from attrs import frozen

from conductor.models.wire import wire_name
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
    """The wire names of the attributes of the model that stands for a schema; none where there is no model."""
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


def by_tag() -> list[Part]:
    """The coverage of each tag."""
    missing = set(missing_operations())
    parts = []
    for tag in sorted({row.tag for row in in_scope().values()}):
        keys = {key for key, row in in_scope().items() if row.tag == tag}
        found = [one for one in all_properties() if tag in one.tags]
        parts.append(Part(tag, len(keys), len(keys - missing), len(found), sum(one.is_attribute for one in found)))
    return parts


def in_all() -> Part:
    """The coverage of everything; a property that several tags use counts once."""
    found = all_properties()
    count = len(in_scope())
    covered = count - len(missing_operations())
    return Part("in all", count, covered, len(found), sum(one.is_attribute for one in found))
