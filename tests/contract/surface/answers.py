"""What an operation answers by a document: media type and schema, more exact where the document only says "object"."""

from typing import Any

from surface.declared import declared, one
from surface.documents import Document
from surface.promised import schema_of

OBJECT = {"type": "object"}


def answer(document: Document, key: str) -> tuple[str, dict[str, Any]] | None:
    """The media type and the schema of a good answer; None for one without a body."""
    stated = document.answer(key)
    if stated is None or key not in declared():
        return stated
    kind, schema = stated
    if schema == OBJECT:
        schema = schema_of(document, one(key).returns)
    return kind, schema
