"""Templates of the forms that people fill in (Orkes)."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Mapping
from typing import Any

from conductor.clients._tagged import Tagged, tag_operations
from conductor.clients.checks import addressable, as_model
from conductor.models import HumanTaskTemplate
from conductor.transport.operation import Edition, Operation

__all__ = ["TemplateClient"]

_ORKES = Edition.ORKES

LIST: Operation[list[HumanTaskTemplate]] = Operation(
    "GET", "/human/template", list[HumanTaskTemplate], edition=_ORKES, on_empty=list
)
SAVE: Operation[HumanTaskTemplate] = Operation("POST", "/human/template", HumanTaskTemplate, edition=_ORKES)
SAVE_ALL: Operation[list[HumanTaskTemplate]] = Operation(
    "POST", "/human/template/bulk", list[HumanTaskTemplate], edition=_ORKES, on_empty=list
)
GET: Operation[HumanTaskTemplate] = Operation(
    "GET", "/human/template/{name}/{version}", HumanTaskTemplate, edition=_ORKES
)
GET_FOR_TASK: Operation[HumanTaskTemplate] = Operation(
    "GET", "/human/template/{humanTaskId}", HumanTaskTemplate, edition=_ORKES
)
DELETE_ALL: Operation[None] = Operation("DELETE", "/human/template/{name}", edition=_ORKES)
DELETE: Operation[None] = Operation("DELETE", "/human/template/{name}/{version}", edition=_ORKES)
LIST_TAGS, SET_TAGS, DELETE_TAGS = tag_operations("/human/template/{name}/tags")


class TemplateClient(Tagged):
    """Form templates (``client.human_templates``, Orkes): a JSON schema of the data, and how the form looks."""

    _LIST_TAGS, _SET_TAGS, _DELETE_TAGS = LIST_TAGS, SET_TAGS, DELETE_TAGS

    def list(self, name: str | None = None, version: int | None = None) -> builtins.list[HumanTaskTemplate]:
        """All templates, or those of a name (``GET /human/template``)."""
        return self._call(LIST, query={"name": name, "version": version})

    def save(self, template: HumanTaskTemplate | Mapping[str, Any], *, new_version: bool = False) -> HumanTaskTemplate:
        """Create or replace a template (``POST /human/template``).

        Args:
            template: ``name``, ``version``, ``json_schema`` (the data) and ``template_ui`` (how it looks).
            new_version: Make it a new version.
        """
        return self._call(SAVE, query={"newVersion": new_version}, body=_checked(template))

    def save_all(
        self, templates: Iterable[HumanTaskTemplate | Mapping[str, Any]], *, new_version: bool = False
    ) -> builtins.list[HumanTaskTemplate]:
        """Create or replace several (``POST /human/template/bulk``)."""
        body = [_checked(one) for one in templates]
        return self._call(SAVE_ALL, query={"newVersion": new_version}, body=body)

    def get(self, name: str, version: int = 1) -> HumanTaskTemplate:
        """One version of a template (``GET /human/template/{name}/{version}``)."""
        return self._call(GET, {"name": name, "version": version})

    def get_for_task(self, task_id: str) -> HumanTaskTemplate:
        """The template of a human task (``GET /human/template/{humanTaskId}``)."""
        return self._call(GET_FOR_TASK, {"humanTaskId": task_id})

    def delete(self, name: str, version: int) -> None:
        """Delete one version (``DELETE /human/template/{name}/{version}``)."""
        self._call(DELETE, {"name": name, "version": version})

    def delete_all_versions(self, name: str) -> None:
        """Delete a template with all its versions (``DELETE /human/template/{name}``)."""
        self._call(DELETE_ALL, {"name": name})


def _checked(template: HumanTaskTemplate | Mapping[str, Any]) -> HumanTaskTemplate:
    checked = as_model(template, HumanTaskTemplate)
    addressable(checked.name, "template")
    return checked
