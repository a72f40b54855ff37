"""The two OpenAPI documents, and the list of the operations that the clients are to have."""

import csv
import json
from collections.abc import Iterator
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from attrs import field, frozen

# Answers that the server gives in another shape than its document says.
ANSWERS = {
    "GET /api/metadata/workflow/names-and-versions": {
        "type": "object",
        "additionalProperties": {"type": "array", "items": {"$ref": "#/components/schemas/WorkflowDefSummary"}},
    },
    "POST /api/tasks/queue/requeue/{taskType}": {"type": "integer"},
    "GET /api/scheduler/nextFewSchedules": {"type": "array", "items": {"type": "integer", "format": "epoch-ms"}},
}

# Bodies that the server takes in another shape than its document says: media type and schema.
BODIES: dict[str, tuple[str, dict[str, Any]]] = {
    "POST /webhook/{id}": ("application/json", {}),  # whatever the other system sends
    "PUT /api/secrets/{key}": ("text/plain", {"type": "string"}),  # the bare value, which Orkes' document calls JSON
}

# Parameters that stand for the whole query: a map, or the fields of an object.
MAPS = {"requestParams", "arg2"}

FOLDER = Path(__file__).parent.parent / "documents"


@frozen
class Row:
    """One operation of ``operations.csv``."""

    tag: str
    verb: str
    path: str
    in_oss: bool
    in_orkes: bool

    @property
    def key(self) -> str:
        """``GET /api/workflow/{workflowId}``."""
        return f"{self.verb} {self.path}"

    @property
    def editions(self) -> str:
        """The name of the ``Edition`` that has it."""
        return {(True, True): "BOTH", (True, False): "OSS", (False, True): "ORKES"}[self.in_oss, self.in_orkes]


def _rows(file: str) -> list[dict[str, str]]:
    with (FOLDER / file).open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


@cache
def in_scope() -> dict[str, Row]:
    """The operations that are to be covered, by key."""
    others = {(row["verb"], row["path"]) for row in _rows("client-surface-out-of-scope.csv")}
    rows = [
        Row(row["tag"], row["verb"], row["path"], row["oss"] == "yes", row["orkes"] == "yes")
        for row in _rows("operations.csv")
        if (row["verb"], row["path"]) not in others
    ]
    return {row.key: row for row in rows}


@frozen(eq=False)
class Document:
    """One OpenAPI document."""

    name: str
    raw: dict[str, Any] = field(repr=False)

    @cached_property
    def schemas(self) -> dict[str, Any]:
        return self.raw["components"]["schemas"]

    def operation(self, key: str) -> dict[str, Any] | None:
        """Return what the document says about an operation; None for an unknown one."""
        verb, path = key.split(" ")
        return self.raw["paths"].get(path, {}).get(verb.lower())

    def route(self, verb: str, path: str) -> str | None:
        """The key of the operation that a server would take a request for: words win over parameters."""
        segments = path.split("/")
        fitting = [
            template
            for template, stated in self.raw["paths"].items()
            if verb.lower() in stated and _fits(template.split("/"), segments)
        ]
        found = min(fitting, key=lambda one: [part.startswith("{") for part in one.split("/")], default=None)
        return found and f"{verb} {found}"

    def parameters(self, key: str, place: str) -> dict[str, dict[str, Any]]:
        """An operation's parameters in ``query``, ``header`` or ``path``, by name."""
        stated = (self.operation(key) or {}).get("parameters", [])
        return {one["name"]: one for one in stated if one["in"] == place and one["name"] not in MAPS}

    def answer(self, key: str) -> tuple[str, dict[str, Any]] | None:
        """The media type and the schema of a good answer; None for one without a body."""
        for status, stated in (self.operation(key) or {}).get("responses", {}).items():
            for kind, content in (stated.get("content") or {}).items():
                if status.startswith("2"):
                    return kind, ANSWERS.get(key) or content.get("schema", {})
        return None

    def body(self, key: str) -> dict[str, Any] | None:
        """Return the schema of an operation's body; None for an operation without a body."""
        if key in BODIES:
            return BODIES[key][1]
        content = (self.operation(key) or {}).get("requestBody", {}).get("content", {})
        return next((stated.get("schema", {}) for stated in content.values()), None)

    def follow(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The schema that a reference means."""
        while "$ref" in schema:
            schema = self.schemas[named(schema)]
        return schema


def _fits(template: list[str], segments: list[str]) -> bool:
    return len(template) == len(segments) and all(
        part == given or (part.startswith("{") and given) for part, given in zip(template, segments, strict=True)
    )


def named(schema: dict[str, Any]) -> str:
    """The name in a reference."""
    return schema["$ref"].rpartition("/")[2]


def references(schema: Any) -> Iterator[str]:
    """The names of all schemas that ``schema`` refers to itself."""
    if isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield named(schema)
        for value in schema.values():
            yield from references(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from references(value)


@cache
def documents() -> dict[str, Document]:
    """Both documents, by edition."""
    files = {"OSS": "conductor-oss-3.32.3-openapi.json", "ORKES": "orkes-openapi.json"}
    return {
        name: Document(name, json.loads((FOLDER / file).read_text(encoding="utf-8"), object_hook=_corrected))
        for name, file in files.items()
    }


def _corrected(stated: dict[str, Any]) -> dict[str, Any]:
    """A part of a document without the mistakes that its generator makes."""
    for place in ("additionalProperties", "items"):
        if stated.get(place) == {"type": "object"}:  # Java's Object, which is any JSON value
            stated[place] = {}
    allowed = stated.get("enum")
    if isinstance(allowed, list) and (stated.get("type") == "array" or any(" " in str(one) for one in allowed)):
        del stated["enum"]  # that of the items, or a description
    if isinstance(stated.get("application/octet-stream"), dict):
        stated["application/octet-stream"] = {"schema": {}}  # bytes, and no text
    return stated


def stating(key: str) -> list[Document]:
    """The documents that state an operation, the open-source server's first."""
    return [document for document in documents().values() if document.operation(key)]
