"""Tags of definitions, secrets, schedules and everything else that can have them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conductor.server.engine.context import RefusedError
from conductor.server.orkes.documents import Documents
from conductor.server.runtime.kernel import Kernel

Json = dict[str, Any]

#: Kinds of objects with tags, as in grants and in ``GET /metadata/tags/grouped``.
WORKFLOW, TASK, APPLICATION, SECRET = "WORKFLOW_DEF", "TASK_DEF", "APPLICATION", "SECRET_NAME"
ENVIRONMENT, SCHEDULE, EVENT_HANDLER, PROMPT = "ENV_VARIABLE", "WORKFLOW_SCHEDULE", "EVENT_HANDLER", "PROMPT"
PROVIDER, INTEGRATION, WEBHOOK, FORM = "INTEGRATION_PROVIDER", "INTEGRATION", "WEBHOOK", "USER_FORM_TEMPLATE"
#: Kinds whose objects can have several tags of one key. For the others, a tag replaces the one of the same key.
_SEVERAL_PER_KEY = frozenset({WORKFLOW, TASK, PROMPT})


class Tags:
    """Stores the tags of objects by kind and name. Whether an object exists is for its own service to check."""

    def __init__(self, kernel: Kernel) -> None:
        self._documents = Documents(kernel, "orkes_tags")
        self._kernel = kernel

    def of(self, kind: str, name: str) -> list[Json]:
        """Return the tags of an object, in the order in which they were added."""
        found = self._documents.get(f"{kind}/{name}")
        return list(found["tags"]) if found else []

    def replace(self, kind: str, name: str, tags: Any) -> None:
        """Replace the tags of an object.

        Raises:
            RefusedError: A tag has no key or no value (400).
        """
        self._put(kind, name, _merged(kind, [], read_tags(tags)))

    def add(self, kind: str, name: str, tags: Any) -> None:
        """Add tags, a list or one, to an object.

        Raises:
            RefusedError: A tag has no key or no value (400).
        """
        with self._kernel.change():
            self._put(kind, name, _merged(kind, self.of(kind, name), read_tags(tags)))

    def remove(self, kind: str, name: str, tags: Any) -> bool:
        """Remove one or several tags from an object; returns False if the object has no such tag.

        Raises:
            RefusedError: A tag has no key (400).
        """
        with self._kernel.change():
            known, gone = self.of(kind, name), [identity(tag) for tag in read_tags(tags)]
            kept = [tag for tag in known if identity(tag) not in gone]
            self._put(kind, name, kept)
            return len(kept) < len(known)

    def forget(self, kind: str, name: str) -> None:
        """Remove all tags of an object that is deleted."""
        self._documents.drop(f"{kind}/{name}")

    def _put(self, kind: str, name: str, tags: list[Json]) -> None:
        if tags:
            self._documents.put(f"{kind}/{name}", {"kind": kind, "name": name, "tags": tags})
        else:
            self.forget(kind, name)

    def all(self) -> list[tuple[str, str, Json]]:
        """Return all tags: kind and name of the object, and the tag."""
        return [(one["kind"], one["name"], tag) for one in self._documents.all() for tag in one["tags"]]

    def shown(self, kind: str, name: str, body: Json) -> Json:
        """Return the document of an object with its ``tags``; without the field if there are no tags."""
        tags, plain = self.of(kind, name), {key: value for key, value in body.items() if key != "tags"}
        return {**plain, "tags": tags} if tags else plain


def identity(tag: Json) -> str:
    """Return key and value of a tag as ``key:value``, the form in which grants name it."""
    return f"{tag['key']}:{tag['value']}"


def read_tags(given: Any) -> list[Json]:
    """Return the tags of a body: a list of objects, or one.

    Raises:
        RefusedError: A tag has no key or no value (400).
    """
    return [_read_tag(one) for one in (given if isinstance(given, list) else [given])]


def _read_tag(given: Any) -> Json:
    if not isinstance(given, dict):
        raise RefusedError(400, "A tag must be an object with key and value")
    key, value, kind = given.get("key"), given.get("value"), given.get("type")
    if not isinstance(key, str) or not key.strip():
        raise RefusedError(400, "A tag must have a key")
    if value is None or isinstance(value, dict | list):
        raise RefusedError(400, f"The tag {key} must have a value")
    made = {"key": key, "value": value}
    return made if kind in {None, "METADATA"} else {**made, "type": kind}


def _merged(kind: str, known: list[Json], given: list[Json]) -> list[Json]:
    name: Callable[[Json], str] = identity if kind in _SEVERAL_PER_KEY else lambda tag: str(tag["key"])
    return list({name(tag): tag for tag in [*known, *given]}.values())
