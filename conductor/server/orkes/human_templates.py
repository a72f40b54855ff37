"""Form templates of human tasks: the JSON schema of the data and the layout of the form, in versions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from conductor.server.engine.context import RefusedError
from conductor.server.engine.json_fields import Reader, integer, mapping, read, string
from conductor.server.http.messages import (
    Request,
    Response,
    empty_answer,
    flag,
    invalid,
    json_answer,
    optional_number,
    path_number,
    read_list,
    read_object,
)
from conductor.server.http.principal import Principal
from conductor.server.http.routing import Route
from conductor.server.orkes.documents import Documents
from conductor.server.orkes.tags import FORM, Tags
from conductor.server.runtime.kernel import Kernel

Json = dict[str, Any]

_TEMPLATE: Mapping[str, Reader] = {
    "name": string,
    "version": integer,
    "jsonSchema": mapping,
    "templateUI": mapping,
}

#: Returns the template of a human task, by its id, if the principal may read the task.
TemplateOf = Callable[[str, Principal], Json]


class HumanTemplates:
    """Stores form templates by name and version. All versions of a template share their tags."""

    def __init__(self, kernel: Kernel, tags: Tags) -> None:
        self._kernel, self._tags = kernel, tags
        self._documents = Documents(kernel, "orkes_human_template")

    def save_all(self, given: list[Any], principal: Principal, *, new_version: bool) -> list[Json]:
        """Create or replace templates, all or none; returns them.

        Args:
            given: The templates. Without a version, the latest is replaced.
            principal: Who saves them.
            new_version: Whether to add a version to each instead.

        Raises:
            RefusedError: A template is invalid (400).
        """
        with self._kernel.change():
            return [self._save(one, principal, new_version=new_version) for one in given]

    def _save(self, given: Any, principal: Principal, *, new_version: bool) -> Json:
        template = _checked(given)
        name, versions = template["name"], self._documents.versions(template["name"])
        latest = versions[-1] if versions else 0
        version = latest + 1 if new_version else (template.get("version") or latest or 1)
        known = self._documents.get(name, version) or {}
        now, author = self._kernel.context.now, _author(principal)
        made = {
            "createTime": known.get("createTime", now),
            "updateTime": now,
            "createdBy": known.get("createdBy", author),
            "updatedBy": author,
            "name": name,
            "version": version,
            "jsonSchema": template["jsonSchema"],
            "templateUI": template["templateUI"],
        }
        if template.get("tags") is not None:
            self._tags.replace(FORM, name, template["tags"])
        return self._shown(self._documents.put(name, made, version))

    def all(self, name: str | None = None, version: int | None = None) -> list[Json]:
        """Return the templates with this name and version, sorted; all by default."""
        found = self._documents.where(lambda one: name in {None, one["name"]} and version in {None, one["version"]})
        return [self._shown(one) for one in found]

    def find(self, name: str, version: int | None = None) -> Json | None:
        """Return a version of a template, by default the latest; None if it does not exist."""
        versions = self._documents.versions(name)
        chosen = version or (versions[-1] if versions else 0)
        found = self._documents.get(name, chosen)
        return None if found is None else self._shown(found)

    def get(self, name: str, version: int) -> Json:
        """Return a version of a template.

        Raises:
            RefusedError: It does not exist (404).
        """
        found = self._documents.get(name, version)
        if found is None:
            raise RefusedError(404, f"No such human task template found: {name}, version {version}")
        return self._shown(found)

    def remove(self, name: str, version: int | None = None) -> None:
        """Delete a version of a template, or all versions.

        Raises:
            RefusedError: It does not exist (500, as on Orkes).
        """
        with self._kernel.change():
            versions = self._documents.versions(name) if version is None else [version]
            removed = [self._documents.drop(name, one) for one in versions]
            if not any(removed):
                which = name if version is None else f"{name}, version {version}"
                raise RefusedError(500, f"No such human task template found: {which}")
            if not self._documents.versions(name):
                self._tags.forget(FORM, name)

    def has(self, name: str) -> bool:
        """Return whether a version of a template exists."""
        return bool(self._documents.versions(name))

    def _shown(self, template: Json) -> Json:
        return self._tags.shown(FORM, template["name"], template)


def _author(principal: Principal) -> str:
    return principal.id if principal.is_application else f"USER:{principal.id}"


def _checked(given: Any) -> Json:
    if not isinstance(given, dict):
        raise RefusedError(500, "JSON parse error: A template must be an object")
    template = read(given, _TEMPLATE)
    faults = [
        (f"saveTemplate.arg0.{key}", f"{key} cannot be null or empty")
        for key in ("name", "jsonSchema", "templateUI")
        if template.get(key) is None or template[key] == ""
    ]
    if (template.get("version") or 1) < 1:
        faults.append(("saveTemplate.arg0.version", "version must be at least 1"))
    if faults:
        raise invalid(*faults)
    return template


class HumanTemplateResource:
    """Handlers of ``/human/template``.

    Args:
        templates: The templates.
        template_of_task: Returns the template of a human task.
    """

    def __init__(self, templates: HumanTemplates, template_of_task: TemplateOf) -> None:
        self._templates, self._template_of_task = templates, template_of_task

    def routes(self) -> list[Route]:
        get, post, delete = (partial(Route, methods=[method]) for method in ("GET", "POST", "DELETE"))
        return [
            get("/human/template", self.all),
            post("/human/template", self.save),
            post("/human/template/bulk", self.save_all),
            get("/human/template/{name}", self.of_task),
            delete("/human/template/{name}", self.remove),
            get("/human/template/{name}/{version}", self.get),
            delete("/human/template/{name}/{version}", self.remove_version),
        ]

    def all(self, request: Request) -> Response:
        """``GET /human/template``."""
        name, version = request.query_params.get("name"), optional_number(request, "version")
        return json_answer(self._templates.all(name, version))

    def save(self, request: Request) -> Response:
        """``POST /human/template``."""
        new_version = flag(request, "newVersion", default=False)
        (saved,) = self._templates.save_all([read_object(request)], request.principal, new_version=new_version)
        return json_answer(saved)

    def save_all(self, request: Request) -> Response:
        """``POST /human/template/bulk``."""
        new_version = flag(request, "newVersion", default=False)
        return json_answer(self._templates.save_all(read_list(request), request.principal, new_version=new_version))

    def of_task(self, request: Request) -> Response:
        """``GET /human/template/{humanTaskId}``."""
        return json_answer(self._template_of_task(request.path_params["name"], request.principal))

    def get(self, request: Request) -> Response:
        """``GET /human/template/{name}/{version}``."""
        return json_answer(self._templates.get(request.path_params["name"], path_number(request, "version")))

    def remove(self, request: Request) -> Response:
        """``DELETE /human/template/{name}``."""
        self._templates.remove(request.path_params["name"])
        return empty_answer()

    def remove_version(self, request: Request) -> Response:
        """``DELETE /human/template/{name}/{version}``."""
        self._templates.remove(request.path_params["name"], path_number(request, "version"))
        return empty_answer()
