"""Tags of definitions, secrets, schedules and everything else that can have them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from attrs import define

from conductor.server.engine.context import RefusedError
from conductor.server.http.messages import Request, Response, empty_answer, json_answer, read_json
from conductor.server.http.routing import Route
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
    """Stores the tags of objects by kind and name. The service of an object checks whether it exists."""

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


#: The path of an object of each kind.
_PATHS: Mapping[str, str] = {
    WORKFLOW: "/metadata/workflow/{name}",
    TASK: "/metadata/task/{name}",
    APPLICATION: "/applications/{id}",
    SECRET: "/secrets/{key}",
    ENVIRONMENT: "/environment/{key}",
    SCHEDULE: "/scheduler/schedules/{name}",
    EVENT_HANDLER: "/event/{name}",
    PROMPT: "/prompts/{name}",
    PROVIDER: "/integrations/provider/{name}",
    INTEGRATION: "/integrations/provider/{name}/integration/{integration_name}",
    WEBHOOK: "/metadata/webhook/{id}",
    FORM: "/human/template/{name}",
}
#: Kinds whose PUT replaces all tags, and that have a POST to add one. PUT adds to those of the others.
_REPLACED = frozenset({WORKFLOW, TASK})
#: Names of kinds in errors.
_WORDS: Mapping[str, str] = {WORKFLOW: "workflow", TASK: "task", FORM: "user form", SECRET: "secret"}


@define
class TagResource:
    """Handlers of tags.

    Attributes:
        tags: The tags.
        exists: Functions that return whether an object of a kind exists. Kinds without one accept any name, as Orkes
            does for applications, environment variables and event handlers.
    """

    tags: Tags
    exists: Mapping[str, Callable[[str], bool]]

    def routes(self) -> list[Route]:
        found = [
            Route("/metadata/tags", self.all),
            Route("/metadata/tags/grouped", self.grouped),
            Route("/metadata/tags/resources", self.resources),
        ]
        for kind, path in _PATHS.items():
            handlers = {"GET": self._get, "PUT": self._put, "DELETE": self._delete}
            if kind in _REPLACED:
                handlers["POST"] = self._post
            for method, handler in handlers.items():
                found.append(Route(f"{path}/tags", _bound(handler, kind), methods=[method]))
        return found

    def _has(self, kind: str, name: str) -> bool:
        known = self.exists.get(kind)
        return known is None or known(name)

    def _require(self, kind: str, name: str) -> None:
        if not self._has(kind, name):
            word = _WORDS.get(kind, kind.lower().replace("_", " "))
            raise RefusedError(404, f"No such {word} found by name: {name}")

    def _get(self, kind: str, name: str, _: Request) -> Response:
        if kind not in _REPLACED:
            self._require(kind, name)
        return json_answer(self.tags.of(kind, name))

    def _post(self, kind: str, name: str, request: Request) -> Response:
        self._require(kind, name)
        self.tags.add(kind, name, read_json(request))
        return empty_answer()

    def _put(self, kind: str, name: str, request: Request) -> Response:
        self._require(kind, name)
        change = self.tags.replace if kind in _REPLACED else self.tags.add
        change(kind, name, read_json(request))
        return empty_answer()

    def _delete(self, kind: str, name: str, request: Request) -> Response:
        self._require(kind, name)
        if not self.tags.remove(kind, name, read_json(request)) and kind in _REPLACED:
            raise RefusedError(404, f"The tag does not exist on {name}")
        return empty_answer()

    def all(self, _: Request) -> Response:
        """``GET /metadata/tags``: the distinct tags of all objects."""
        distinct = {(tag["key"], str(tag["value"])): tag for _, _, tag in self.tags.all()}
        return json_answer([tag for _, tag in sorted(distinct.items(), key=lambda pair: pair[0])])

    def grouped(self, _: Request) -> Response:
        """``GET /metadata/tags/grouped``: how many objects of each kind have each tag."""
        counts = Counter((tag["key"], str(tag["value"]), kind) for kind, _, tag in self.tags.all())
        names = ("tagKey", "tagValue", "resourceType", "countPerResourceType")
        return json_answer([dict(zip(names, (*key, count), strict=True)) for key, count in sorted(counts.items())])

    def resources(self, request: Request) -> Response:
        """``GET /metadata/tags/resources``: the objects of a kind with a tag."""
        query = request.query_params
        kind, key, value = (query.get(name) for name in ("resourceType", "tagKey", "tagValue"))
        if kind not in _PATHS:
            raise RefusedError(400, f"resourceType is {kind!r}; it must be one of {', '.join(_PATHS)}")
        names = [
            name
            for found, name, tag in self.tags.all()
            if found == kind and key in {None, tag["key"]} and value in {None, str(tag["value"])}
        ]
        return json_answer([{"id": name, "displayName": name} for name in dict.fromkeys(names)])


def _bound(handler: Callable[[str, str, Request], Response], kind: str) -> Callable[[Request], Response]:
    """Return the handler of one kind. The name of an object is its path parameters, joined by colons."""
    return lambda request: handler(kind, ":".join(request.path_params.values()), request)
