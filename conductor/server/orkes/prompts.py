"""Prompt templates with versions, and their test against a model."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from conductor.models.codec import loads
from conductor.server.engine.context import RefusedError
from conductor.server.engine.expressions.java_text import java_text
from conductor.server.engine.json_fields import Reader, integer, list_of, mapping, read, string
from conductor.server.http.messages import (
    Request,
    Response,
    empty_answer,
    flag,
    json_answer,
    optional_number,
    path_number,
    read_list,
    read_object,
    text_answer,
)
from conductor.server.http.routing import Route
from conductor.server.orkes.documents import Documents
from conductor.server.orkes.tags import PROMPT, Tags
from conductor.server.runtime.kernel import Kernel

Json = dict[str, Any]

#: A variable of a template: ``${name}``.
_VARIABLE = re.compile(r"\$\{\s*([^${}\s][^${}]*?)\s*\}")
#: A variable of a template in its other form, ``{{name}}``, which is not listed in ``variables``.
_OTHER_VARIABLE = re.compile(r"\{\{\s*([^{}\s][^{}]*?)\s*\}\}")
#: Characters of a pair of quotes.
_QUOTES = 2
_TEMPLATE: Mapping[str, Reader] = {
    "name": string,
    "template": string,
    "description": string,
    "version": integer,
    "integrations": list_of(string),
}


def rendered(template: str, variables: Mapping[str, Any]) -> str:
    """Return the text of a template with the values of its variables; unknown variables stay as they are."""

    def value(match: re.Match[str]) -> str:
        return java_text(variables[match[1]]) if match[1] in variables else match[0]

    return _OTHER_VARIABLE.sub(value, _VARIABLE.sub(value, template))


class Prompts:
    """Stores prompt templates. Their versions are numbered from 1.

    Args:
        kernel: The server's state.
        tags: The tags.
    """

    def __init__(self, kernel: Kernel, tags: Tags) -> None:
        self._kernel, self._tags = kernel, tags
        self._documents = Documents(kernel, "orkes_prompt")

    def save(
        self,
        name: str,
        template: str,
        description: str | None,
        *,
        author: str,
        models: list[str] | None = None,
        version: int | None = None,
        replaces_latest: bool = False,
        auto_increment: bool = False,
    ) -> None:
        """Create or replace a version.

        Args:
            name: The prompt's name.
            template: The text, with ``${variables}``.
            description: The description, which is required.
            author: The id of the user or application.
            models: The models that may use it, as ``provider:model``; None to keep those of the replaced version.
            version: The version; None for version 1.
            replaces_latest: Whether the version is the latest one instead, if it is not given.
            auto_increment: Whether to create the version after the latest one; ``version`` is ignored.

        Raises:
            RefusedError: The name, the text or the description is empty, or the version is less than 1 (400).
        """
        for what, value in (("name", name), ("template", template), ("description", description)):
            if not value or not value.strip():
                raise RefusedError(400, f"A prompt must have a {what}")
        with self._kernel.change() as context:
            latest = max(self._documents.versions(name), default=0)
            if auto_increment:
                version = latest + 1
            elif version is None:
                version = max(latest, 1) if replaces_latest else 1
            if version < 1:
                raise RefusedError(400, f"The version of a prompt must be 1 or more, not {version}")
            known = self._documents.get(name, version) or {}
            made = {
                "name": name,
                "template": template,
                "description": description,
                "version": version,
                "variables": list(dict.fromkeys(_VARIABLE.findall(template))),
                "integrations": known.get("integrations", []) if models is None else list(dict.fromkeys(models)),
                "createTime": known.get("createTime", context.now),
                "createdBy": known.get("createdBy", author),
                "updateTime": context.now,
                "updatedBy": author,
            }
            self._documents.put(name, made, version)

    def save_all(self, given: list[Any], author: str) -> None:
        """Create or replace several prompts, or none of them if one is invalid.

        Raises:
            RefusedError: One of them is not an object or lacks a field (400, 500).
        """
        with self._kernel.change():
            for one in given:
                found = read({"body": one}, {"body": mapping})["body"] or {}
                made = read(found, _TEMPLATE)
                self.save(
                    made.get("name") or "",
                    made.get("template") or "",
                    made.get("description"),
                    author=author,
                    models=made.get("integrations"),
                    version=made.get("version"),
                )
                if "tags" in found:
                    self._tags.replace(PROMPT, made["name"], found["tags"] or [])

    def all(self) -> list[Json]:
        """Return the latest version of each prompt, sorted by name."""
        newest = {one["name"]: one for one in self._documents.all()}
        return [self._shown(one) for one in newest.values()]

    def find(self, name: str, version: int | None = None) -> Json | None:
        """Return a version of a prompt, by default the latest; None if it does not exist."""
        chosen = version or max(self._documents.versions(name), default=0)
        found = self._documents.get(name, chosen)
        return None if found is None else self._shown(found)

    def has(self, name: str) -> bool:
        """Return whether a prompt exists."""
        return bool(self._documents.versions(name))

    def get(self, name: str, version: int | None = None) -> Json:
        """Return a version of a prompt, by default the latest.

        Raises:
            RefusedError: It does not exist (404).
        """
        found = self.find(name, version)
        if found is None:
            shown = name if version is None else f"{name}, version {version}"
            raise RefusedError(404, f"No such prompt found by name: {shown}")
        return found

    def versions(self, name: str) -> list[Json]:
        """Return all versions of a prompt, the lowest first.

        Raises:
            RefusedError: The prompt does not exist (404).
        """
        self.get(name)
        return [self.get(name, version) for version in self._documents.versions(name)]

    def of_model(self, model: str) -> list[Json]:
        """Return the prompts that a model may use, in their latest versions.

        Args:
            model: ``provider:model``.
        """
        return [one for one in self.all() if model in one["integrations"]]

    def allow(self, name: str, model: str) -> None:
        """Allow a model, ``provider:model``, to use all versions of a prompt.

        Raises:
            RefusedError: The prompt does not exist (404).
        """
        with self._kernel.change():
            self.get(name)
            for version in self._documents.versions(name):
                known = self._documents.get(name, version) or {}
                models = list(dict.fromkeys([*known["integrations"], model]))
                self._documents.put(name, {**known, "integrations": models}, version)

    def remove(self, name: str, version: int | None = None) -> None:
        """Delete a version of a prompt, by default all; the tags are deleted with the last version."""
        with self._kernel.change():
            for one in self._documents.versions(name) if version is None else [version]:
                self._documents.drop(name, one)
            if not self._documents.versions(name):
                self._tags.forget(PROMPT, name)

    def _shown(self, prompt: Json) -> Json:
        return self._tags.shown(PROMPT, prompt["name"], prompt)


class PromptResource:
    """Handlers of ``/prompts``; those of tags are in ``tagging``.

    Args:
        prompts: The prompts.
        test: Sends the body of ``POST /prompts/test`` to a model; returns the model's response.
    """

    def __init__(self, prompts: Prompts, test: Callable[[Json], str]) -> None:
        self._prompts, self._test = prompts, test

    def routes(self) -> list[Route]:
        get, post, put, delete = (partial(Route, methods=[method]) for method in ("GET", "POST", "PUT", "DELETE"))
        return [
            get("/prompts", self.all),
            post("/prompts/", self.save_all),
            post("/prompts", self.save_all),
            post("/prompts/test", self.test),
            get("/prompts/{name}", self.get),
            post("/prompts/{name}", self.save),
            put("/prompts/{name}", self.update),
            delete("/prompts/{name}", self.remove),
            get("/prompts/{name}/versions", self.versions),
            delete("/prompts/{name}/versions/{version}", self.remove_version),
        ]

    def all(self, _: Request) -> Response:
        """``GET /prompts``."""
        return json_answer(self._prompts.all())

    def save_all(self, request: Request) -> Response:
        """``POST /prompts/``."""
        self._prompts.save_all(read_list(request), request.principal.id)
        return empty_answer()

    def test(self, request: Request) -> Response:
        """``POST /prompts/test``."""
        return text_answer(self._test(read_object(request)))

    def get(self, request: Request) -> Response:
        """``GET /prompts/{name}``."""
        return json_answer(self._prompts.get(request.path_params["name"], optional_number(request, "version")))

    def save(self, request: Request) -> Response:
        """``POST /prompts/{name}``."""
        self._save(request, replaces_latest=False, auto_increment=flag(request, "autoIncrement", default=False))
        return empty_answer()

    def update(self, request: Request) -> Response:
        """``PUT /prompts/{name}``."""
        self._save(request, replaces_latest=True, auto_increment=False)
        return empty_answer()

    def _save(self, request: Request, *, replaces_latest: bool, auto_increment: bool) -> None:
        models = [one for given in request.query_params.getlist("models") for one in given.split(",") if one]
        self._prompts.save(
            request.path_params["name"],
            _unquoted(request.body.decode(errors="replace")),
            request.query_params.get("description"),
            author=request.principal.id,
            models=models or None,
            version=optional_number(request, "version"),
            replaces_latest=replaces_latest,
            auto_increment=auto_increment,
        )

    def remove(self, request: Request) -> Response:
        """``DELETE /prompts/{name}``."""
        self._prompts.remove(request.path_params["name"])
        return empty_answer()

    def versions(self, request: Request) -> Response:
        """``GET /prompts/{name}/versions``."""
        return json_answer(self._prompts.versions(request.path_params["name"]))

    def remove_version(self, request: Request) -> Response:
        """``DELETE /prompts/{name}/versions/{version}``."""
        self._prompts.remove(request.path_params["name"], path_number(request, "version"))
        return empty_answer()


def _unquoted(text: str) -> str:
    """Return the text without one pair of enclosing quotes; clients send a JSON string, or the plain text."""
    if len(text) < _QUOTES or not text[0] == text[-1] == '"':
        return text
    try:
        return str(loads(text))
    except ValueError:
        return text[1:-1]
