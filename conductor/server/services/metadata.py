"""Task and workflow definitions: register, read and delete them."""

from __future__ import annotations

import re
from typing import Any

from conductor.server.engine.context import RefusedError, ScriptFailedError
from conductor.server.engine.definitions import complete_task_def, complete_workflow_def
from conductor.server.engine.json_schema import with_enforcement
from conductor.server.engine.tree import walk
from conductor.server.engine.validation import Rules, check_workflow_defs
from conductor.server.runtime.kernel import Kernel
from conductor.server.scripting.javascript import check_javascript
from conductor.server.scripting.pool import ScriptError
from conductor.server.services.executions import Starter

Json = dict[str, Any]

_AT_LINE = re.compile(r"`(.*)` at line \d+", re.DOTALL)
_TASK, _WORKFLOW = "task_def", "workflow_def"


class Metadata:
    """Stores definitions, in the database and in the kernel's catalog."""

    def __init__(self, kernel: Kernel, starter: Starter) -> None:
        self._kernel, self._starter = kernel, starter
        catalog = kernel.catalog
        catalog.task_defs.update({name: body for name, _, body in kernel.store.documents(_TASK)})
        for name, version, body in kernel.store.documents(_WORKFLOW):
            catalog.workflow_defs.setdefault(name, {})[version] = body

    # -- tasks

    def save_tasks(self, given: list[Json]) -> None:
        """Register task definitions; existing ones are replaced."""
        with self._kernel.change() as context:
            for one in given:
                self._save_task({**one, "createTime": context.now, "createdBy": ""})
                context.deadline_passed()  # lets other requests have the lock

    def update_task(self, given: Json) -> None:
        """Replace a task definition.

        Raises:
            RefusedError: The definition does not exist (404).
        """
        with self._kernel.change() as context:
            known = self._kernel.catalog.task_defs.get(given["name"])
            if known is None:
                raise RefusedError(404, f"No such task by name {given['name']}")
            self._save_task({**given, "updateTime": context.now, "updatedBy": ""})

    def _save_task(self, given: Json) -> None:
        enforces = self._kernel.extensions.enforces_schemas
        made = complete_task_def(with_enforcement(given) if enforces else given)
        self._kernel.catalog.task_defs[made["name"]] = made
        self._kernel.store.put(_TASK, made["name"], made)
        self._starter.forget_definitions()

    def task(self, name: str) -> Json:
        """Return a task definition.

        Raises:
            RefusedError: The definition does not exist (404).
        """
        found = self._kernel.catalog.task_defs.get(name)
        if found is None:
            raise RefusedError(404, f"No such taskType found by name: {name}")
        return found

    def task_def(self, name: str) -> Json | None:
        """Return a task definition; None if it does not exist."""
        return self._kernel.catalog.task_defs.get(name)

    def all_tasks(self) -> list[Json]:
        """Return all task definitions."""
        with self._kernel.lock:
            return list(self._kernel.catalog.task_defs.values())

    def remove_task(self, name: str) -> None:
        """Delete a task definition.

        Raises:
            RefusedError: The definition does not exist (500, as on the OSS server).
        """
        with self._kernel.change():
            if self._kernel.catalog.task_defs.pop(name, None) is None:
                raise RefusedError(500, "No such task definition")
            self._kernel.store.drop(_TASK, name)
            self._starter.forget_definitions()

    # -- workflows

    def check(self, given: list[Any], path: str, *, is_list: bool = False) -> None:
        """Validate workflow definitions.

        Args:
            given: The definitions.
            path: The path of the definitions in validation errors, such as ``registerWorkflowDef.arg0``.
            is_list: Whether the request's body is a list, so that paths have an index.

        Raises:
            RefusedError: A definition is invalid (400); the error lists every violation.
        """
        rules = Rules(self.task_def, _check_script, self._kernel.divergences)
        check_workflow_defs(given, path, rules, is_list=is_list)

    def complete(self, given: Json) -> Json:
        """Return a valid workflow definition with its defaults."""
        if self._kernel.extensions.enforces_schemas:
            for task in walk(given["tasks"]):
                if task.get("taskDefinition") is not None:
                    task["taskDefinition"] = with_enforcement(task["taskDefinition"])
        return complete_workflow_def(given)

    def create_workflow(self, given: Json, *, overwrite: bool) -> None:
        """Register a workflow definition.

        Raises:
            RefusedError: The version exists, and ``overwrite`` is false (409).
        """
        with self._kernel.change():
            made = self.complete(given)
            exists = made["version"] in self._kernel.catalog.workflow_defs.get(made["name"], {})
            if exists and not overwrite:
                raise RefusedError(409, f"Workflow with {made['name']}.{made['version']} already exists!")
            self._save_workflow(made)

    def update_workflows(self, given: list[Json]) -> Json:
        """Register or replace workflow definitions; returns the bulk response with their names."""
        done: list[str] = []
        with self._kernel.change() as context:
            for one in given:
                made = self.complete(one)
                self._save_workflow(made)
                done.append(made["name"])
                context.deadline_passed()  # lets other requests have the lock
        return {"bulkErrorResults": {}, "bulkSuccessfulResults": done}

    def _save_workflow(self, made: Json) -> None:
        now = self._kernel.context.now
        name, version = made["name"], made["version"]
        known = self._kernel.catalog.workflow_defs.setdefault(name, {})
        if version in known:
            made["createTime"], made["updateTime"] = known[version]["createTime"], now
        else:
            made["createTime"] = now
        known[version] = made
        self._kernel.store.put(_WORKFLOW, name, made, version)
        self._starter.forget_definitions()

    def workflow(self, name: str, version: int | None) -> Json:
        """Return a workflow definition; by default its latest version.

        Raises:
            RefusedError: The definition does not exist (404).
        """
        chosen = version if version is not None else self._kernel.catalog.latest_version(name)
        found = self._kernel.catalog.workflow_defs.get(name, {}).get(chosen) if chosen is not None else None
        if found is None:
            shown = "null" if version is None else version
            raise RefusedError(404, f"No such workflow found by name: {name}, version: {shown}")
        return found

    def versions(self, name: str) -> list[Json]:
        """Return all versions of a workflow definition, the lowest first."""
        with self._kernel.lock:
            return [body for _, body in sorted(self._kernel.catalog.workflow_defs.get(name, {}).items())]

    def all_workflows(self, *, latest_only: bool = False) -> list[Json]:
        """Return all workflow definitions, or the latest version of each name."""
        with self._kernel.lock:
            names = sorted(self._kernel.catalog.workflow_defs)
        found = [self.versions(name) for name in names]
        return [one for versions in found for one in (versions[-1:] if latest_only else versions)]

    def remove_workflow(self, name: str, version: int) -> None:
        """Delete a version of a workflow definition.

        Raises:
            RefusedError: The version does not exist (500, as on the OSS server).
        """
        with self._kernel.change():
            known = self._kernel.catalog.workflow_defs.get(name, {})
            if known.pop(version, None) is None:
                raise RefusedError(500, f"No such workflow definition: {name} version: {version}")
            if not known:
                del self._kernel.catalog.workflow_defs[name]
            self._kernel.store.drop(_WORKFLOW, name, version)
            self._starter.forget_definitions()


def _check_script(script: str) -> None:
    try:
        check_javascript(script)
    except ScriptError as error:
        raise ScriptFailedError(_AT_LINE.sub(r"\1", str(error))) from None
