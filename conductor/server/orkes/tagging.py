"""Routes of tags: ``<object>/tags`` of every kind of object, and ``/metadata/tags``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from attrs import define

from conductor.server.engine.context import RefusedError
from conductor.server.http.messages import Request, Response, empty_answer, json_answer, read_json
from conductor.server.http.routing import Route
from conductor.server.orkes.tags import (
    APPLICATION,
    ENVIRONMENT,
    EVENT_HANDLER,
    FORM,
    INTEGRATION,
    PROMPT,
    PROVIDER,
    SCHEDULE,
    SECRET,
    TASK,
    WEBHOOK,
    WORKFLOW,
    Tags,
)

Json = dict[str, Any]

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
#: Kinds as errors name them.
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
