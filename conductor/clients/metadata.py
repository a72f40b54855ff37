"""Workflow and task definitions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from conductor.clients._base import Definition, Resource, as_definition, as_model, require_name
from conductor.errors import ConfigurationError, NotFoundError
from conductor.migration import field_successor
from conductor.models import (
    BulkResponse,
    IncomingBpmnFile,
    RateLimitConfig,
    TaskDef,
    WorkflowDef,
    WorkflowDefSummary,
)
from conductor.models.definition_diff import Ensured, compare
from conductor.transport.operation import Edition, Operation, Repeat, nothing

__all__ = ["MetadataClient"]

REGISTER_WORKFLOW: Operation[None] = Operation("POST", "/metadata/workflow", orkes_query=("newVersion",))
UPDATE_WORKFLOWS: Operation[BulkResponse] = Operation(
    "PUT", "/metadata/workflow", BulkResponse, on_empty=BulkResponse, orkes_query=("newVersion", "overwrite")
)
VALIDATE: Operation[None] = Operation("POST", "/metadata/workflow/validate", edition=Edition.OSS)
GET_WORKFLOW: Operation[WorkflowDef] = Operation(
    "GET", "/metadata/workflow/{name}", WorkflowDef, orkes_query=("metadata",)
)
LIST_WORKFLOWS: Operation[list[WorkflowDef]] = Operation(
    "GET",
    "/metadata/workflow",
    list[WorkflowDef],
    on_empty=list,
    orkes_query=("access", "metadata", "name", "short", "tagKey", "tagValue"),
    oss_query=("classifier",),
    selects=("classifier", "tagKey", "tagValue"),
)
LIST_LATEST: Operation[list[WorkflowDef]] = Operation(
    "GET",
    "/metadata/workflow/latest-versions",
    list[WorkflowDef],
    edition=Edition.OSS,
    on_empty=list,
)
LIST_NAMES: Operation[list[str]] = Operation(
    "GET", "/metadata/workflow/names", list[str], edition=Edition.OSS, on_empty=list
)
LIST_NAMES_AND_VERSIONS: Operation[dict[str, list[WorkflowDefSummary]]] = Operation(
    "GET",
    "/metadata/workflow/names-and-versions",
    dict[str, list[WorkflowDefSummary]],
    edition=Edition.OSS,
    on_empty=dict,
)
LIST_VERSIONS: Operation[list[WorkflowDefSummary]] = Operation(
    "GET", "/metadata/workflow/{name}/versions", list[WorkflowDefSummary], edition=Edition.OSS, on_empty=list
)
UNREGISTER_WORKFLOW: Operation[None] = Operation("DELETE", "/metadata/workflow/{name}/{version}", repeat=Repeat.NEVER)
REGISTER_TASKS: Operation[None] = Operation("POST", "/metadata/taskdefs")
UPDATE_TASK: Operation[None] = Operation("PUT", "/metadata/taskdefs")
GET_TASK: Operation[TaskDef] = Operation("GET", "/metadata/taskdefs/{tasktype}", TaskDef, orkes_query=("metadata",))
LIST_TASKS: Operation[list[TaskDef]] = Operation(
    "GET",
    "/metadata/taskdefs",
    list[TaskDef],
    on_empty=list,
    orkes_query=("access", "metadata", "tagKey", "tagValue"),
    selects=("tagKey", "tagValue"),
)
UNREGISTER_TASK: Operation[None] = Operation("DELETE", "/metadata/taskdefs/{tasktype}", repeat=Repeat.NEVER)
IMPORT_BPMN: Operation[list[WorkflowDef]] = Operation(
    "POST", "/metadata/workflow-importer/import-bpm", list[WorkflowDef], edition=Edition.ORKES, on_empty=list
)
UPLOAD: Operation[None] = Operation(
    "POST", "/metadata/workflow-task-defs/upload", repeat=Repeat.NEVER, edition=Edition.ORKES
)
SET_RATE_LIMIT: Operation[None] = Operation("PUT", "/metadata/workflow/{name}/rate-limit", edition=Edition.ORKES)
GET_RATE_LIMIT: Operation[RateLimitConfig | None] = Operation(
    "GET", "/metadata/workflow/{name}/rate-limit", RateLimitConfig, edition=Edition.ORKES, on_empty=nothing
)
DELETE_RATE_LIMIT: Operation[None] = Operation(
    "DELETE", "/metadata/workflow/{name}/rate-limit", edition=Edition.ORKES, shadowed=True
)

#: Version of the definition format; the server accepts no other.
_SCHEMA_VERSION = 2
#: Fields of task definitions that other documentation shows and the server ignores, even in documents that it returned.
_IGNORED_FIELDS = ("maxConcurrentExecutions", "outputTemplate", "pollIntervalSeconds")


class MetadataClient(Resource):
    """Workflow and task definitions (``client.metadata``).

    Definitions are given as models, as workflows as code, or as dicts with JSON names.
    """

    # -- workflows

    def register_workflow(
        self,
        definition: Definition,
        *,
        overwrite: bool = False,
        new_version: bool | None = None,
    ) -> None:
        """Register a workflow definition (``POST /metadata/workflow``).

        Args:
            definition: The definition.
            overwrite: Whether to replace this version if it exists.
            new_version: Whether to register it as a new version (Orkes).

        Raises:
            ConflictError: This version exists, and ``overwrite`` is false.
            BadRequestError: The server finds the definition invalid; see ``validation_errors``.
            ConfigurationError: The definition is invalid; nothing was sent.
        """
        query = {"overwrite": overwrite, "newVersion": new_version}
        self._call(REGISTER_WORKFLOW, query=query, body=_workflow(definition))

    def update_workflows(
        self,
        definitions: Iterable[Definition],
        *,
        overwrite: bool | None = None,
        new_version: bool | None = None,
    ) -> BulkResponse:
        """Create or replace workflow definitions (``PUT /metadata/workflow``).

        Args:
            definitions: The definitions.
            overwrite: Whether to replace existing versions (Orkes).
            new_version: Whether to register them as new versions (Orkes).

        Returns:
            The names that were saved, and the server's error for each of the others.

        Raises:
            BadRequestError: A definition is invalid, so that none was saved; see ``validation_errors``.
            ConfigurationError: A definition is invalid; nothing was sent.
        """
        query = {"overwrite": overwrite, "newVersion": new_version}
        return self._call(
            UPDATE_WORKFLOWS, query=query, body=[_workflow(definition).to_dict() for definition in definitions]
        )

    def validate_workflow(self, definition: Definition) -> None:
        """Validate a workflow definition on the server without saving it.

        ``POST /metadata/workflow/validate``, open-source server.

        Args:
            definition: The definition.

        Raises:
            BadRequestError: The server finds the definition invalid; see ``validation_errors``.
            ConfigurationError: The definition is invalid; nothing was sent.
        """
        self._call(VALIDATE, body=_workflow(definition))

    def ensure_workflow(self, definition: Definition, *, dry_run: bool = False) -> Ensured:
        """Save a workflow definition if it differs from the server's.

        ``GET /metadata/workflow/{name}``, and ``PUT /metadata/workflow`` if there is a difference. The server's
        defaults, times and authors are not differences.

        Args:
            definition: The definition; version 1 if it has no version.
            dry_run: Whether to compare only, without saving.

        Returns:
            The changes, or with ``dry_run`` the changes that would be made; false if nothing differs.

        Raises:
            ConfigurationError: The definition is invalid, or the server rejected it.
        """
        wanted = _workflow(definition)
        version = wanted.version or 1
        try:
            found: WorkflowDef | None = self.get_workflow(wanted.name, version, metadata=bool(wanted.tags) or None)
        except NotFoundError:
            found = None
        result = Ensured.of(wanted.name, compare(wanted, found))
        if result and not dry_run:
            response = self.update_workflows([wanted])
            if not response.ok:
                reasons = "; ".join(response.bulk_error_results.values())
                raise ConfigurationError(f"The server rejected {wanted.name!r}: {reasons}", variable=wanted.name)
        return result

    def ensure_task(self, definition: TaskDef | Mapping[str, Any], *, dry_run: bool = False) -> Ensured:
        """Save a task definition if it differs from the server's.

        ``GET /metadata/taskdefs/{tasktype}``, and ``POST /metadata/taskdefs`` if there is a difference. The server's
        defaults, times and authors are not differences.

        Args:
            definition: The definition.
            dry_run: Whether to compare only, without saving.

        Returns:
            The changes, or with ``dry_run`` the changes that would be made; false if nothing differs.

        Raises:
            ConfigurationError: The definition is invalid; nothing was sent.
        """
        wanted = _task(definition)
        try:
            found: TaskDef | None = self.get_task(wanted.name, metadata=bool(wanted.tags) or None)
        except NotFoundError:
            found = None
        result = Ensured.of(wanted.name, compare(wanted, found))
        if result and not dry_run:
            self.register_tasks([wanted])
        return result

    def get_workflow(self, name: str, version: int | None = None, *, metadata: bool | None = None) -> WorkflowDef:
        """Return a workflow definition (``GET /metadata/workflow/{name}``).

        Args:
            name: The name of the workflow.
            version: The version; None for the latest.
            metadata: Whether to include its tags (Orkes).

        Returns:
            The definition.

        Raises:
            NotFoundError: The definition does not exist.
        """
        return self._call(GET_WORKFLOW, {"name": name}, query={"version": version, "metadata": metadata})

    def list_workflows(
        self,
        *,
        classifier: str | None = None,
        access: str | None = None,
        metadata: bool | None = None,
        tag_key: str | None = None,
        tag_value: str | None = None,
        name: str | None = None,
        short: bool | None = None,
    ) -> list[WorkflowDef]:
        """Return all workflow definitions (``GET /metadata/workflow``).

        The open-source server ignores ``access``, ``metadata`` and ``short``; its response is filtered by ``name``
        here.

        Args:
            classifier: Only definitions with this classifier (open-source server).
            access: Only definitions on which the caller has this permission (Orkes).
            metadata: Whether to include tags (Orkes).
            tag_key: Only definitions with a tag of this key (Orkes).
            tag_value: Only definitions with a tag of this value (Orkes).
            name: Only definitions with this name.
            short: Whether to return name, version and description only (Orkes).

        Returns:
            The definitions, one for each version, or an empty list.

        Raises:
            UnsupportedByServerError: The server cannot filter by tags, or by classifier; nothing was sent.
        """
        filters_here = name is not None and self._transport.server_info().edition is Edition.OSS
        query = {
            "classifier": classifier,
            "access": access,
            "metadata": metadata,
            "tagKey": tag_key,
            "tagValue": tag_value,
            "name": None if filters_here else name,
            "short": short,
        }
        found = self._call(LIST_WORKFLOWS, query=query)
        return [definition for definition in found if definition.name == name] if filters_here else found

    def list_latest_workflows(self) -> list[WorkflowDef]:
        """Return the latest version of each workflow definition.

        ``GET /metadata/workflow/latest-versions``, open-source server.

        Returns:
            The definitions, or an empty list.
        """
        return self._call(LIST_LATEST)

    def list_workflow_names(self) -> list[str]:
        """Return the names of all workflow definitions (``GET /metadata/workflow/names``, open-source server).

        Returns:
            The names, or an empty list.
        """
        return self._call(LIST_NAMES)

    def list_workflow_names_and_versions(self) -> dict[str, list[WorkflowDefSummary]]:
        """Return the versions of all workflow definitions.

        ``GET /metadata/workflow/names-and-versions``, open-source server.

        Returns:
            A dict of versions by workflow name; it may be empty.
        """
        return self._call(LIST_NAMES_AND_VERSIONS)

    def list_workflow_versions(self, name: str) -> list[WorkflowDefSummary]:
        """Return the versions of a workflow definition.

        ``GET /metadata/workflow/{name}/versions``, open-source server.

        Args:
            name: The name of the workflow.

        Returns:
            The versions, or an empty list.
        """
        return self._call(LIST_VERSIONS, {"name": name})

    def unregister_workflow(self, name: str, version: int) -> None:
        """Delete one version of a workflow definition (``DELETE /metadata/workflow/{name}/{version}``).

        Running executions continue.

        Args:
            name: The name of the workflow.
            version: The version.

        Raises:
            NotFoundError: The definition does not exist.
            ConfigurationError: The version is not an integer; nothing was sent.
        """
        if isinstance(version, bool) or not isinstance(version, int):
            raise ConfigurationError(
                f"version is {version!r}; it must be an integer.", variable="version", value=version, allowed="int"
            )
        self._call(UNREGISTER_WORKFLOW, {"name": name, "version": version})

    def import_bpmn(self, file: IncomingBpmnFile | Mapping[str, Any], *, overwrite: bool = True) -> list[WorkflowDef]:
        """Create workflow definitions from a BPMN file (``POST /metadata/workflow-importer/import-bpm``, Orkes).

        Args:
            file: The name and content of the file.
            overwrite: Whether to replace existing definitions.

        Returns:
            The created definitions.
        """
        return self._call(IMPORT_BPMN, query={"overwrite": overwrite}, body=as_model(file, IncomingBpmnFile))

    def upload_definitions(self) -> None:
        """Make the server copy all definitions to its storage (``POST /metadata/workflow-task-defs/upload``, Orkes)."""
        self._call(UPLOAD)

    def set_workflow_rate_limit(self, name: str, limit: RateLimitConfig | Mapping[str, Any]) -> None:
        """Limit the running executions of a workflow (``PUT /metadata/workflow/{name}/rate-limit``, Orkes).

        On the open-source server, set ``rate_limit_config`` in the definition.

        Args:
            name: The name of the workflow.
            limit: The limit.
        """
        self._call(SET_RATE_LIMIT, {"name": name}, body=as_model(limit, RateLimitConfig))

    def get_workflow_rate_limit(self, name: str) -> RateLimitConfig | None:
        """Return the limit on running executions of a workflow (``GET /metadata/workflow/{name}/rate-limit``, Orkes).

        Args:
            name: The name of the workflow.

        Returns:
            The limit; None if no limit is set.

        Raises:
            UnsupportedByServerError: The server does not have the operation.
        """
        try:
            return self._call(GET_RATE_LIMIT, {"name": name})
        except NotFoundError:
            return None

    def delete_workflow_rate_limit(self, name: str) -> None:
        """Remove the limit on running executions of a workflow.

        ``DELETE /metadata/workflow/{name}/rate-limit``, Orkes.

        The client does not send this request to the open-source server, which would try to delete a version of the
        definition.

        Args:
            name: The name of the workflow.

        Raises:
            UnsupportedByServerError: The server does not have the operation; nothing was sent.
        """
        self._call(DELETE_RATE_LIMIT, {"name": name})

    # -- tasks

    def register_task(self, definition: TaskDef | Mapping[str, Any]) -> None:
        """Create or replace a task definition (``POST /metadata/taskdefs``).

        Args:
            definition: The definition.

        Raises:
            BadRequestError: The server finds the definition invalid; see ``validation_errors``.
            ConfigurationError: The definition is invalid; nothing was sent.
        """
        self.register_tasks([definition])

    def register_tasks(self, definitions: Iterable[TaskDef | Mapping[str, Any]]) -> None:
        """Create or replace task definitions (``POST /metadata/taskdefs``).

        Args:
            definitions: The definitions.

        Raises:
            BadRequestError: The server finds a definition invalid; see ``validation_errors``.
            ConfigurationError: A definition is invalid; nothing was sent.
        """
        self._call(REGISTER_TASKS, body=[_task(definition).to_dict() for definition in definitions])

    def update_task(self, definition: TaskDef | Mapping[str, Any]) -> None:
        """Replace a task definition (``PUT /metadata/taskdefs``).

        Args:
            definition: The definition.

        Raises:
            NotFoundError: No definition has this name.
            ConfigurationError: The definition is invalid; nothing was sent.
        """
        self._call(UPDATE_TASK, body=_task(definition))

    def get_task(self, name: str, *, metadata: bool | None = None) -> TaskDef:
        """Return a task definition (``GET /metadata/taskdefs/{tasktype}``).

        Args:
            name: The name of the task.
            metadata: Whether to include its tags (Orkes).

        Returns:
            The definition.

        Raises:
            NotFoundError: The definition does not exist.
        """
        return self._call(GET_TASK, {"tasktype": name}, query={"metadata": metadata})

    def list_tasks(
        self,
        *,
        access: str | None = None,
        metadata: bool | None = None,
        tag_key: str | None = None,
        tag_value: str | None = None,
    ) -> list[TaskDef]:
        """Return all task definitions (``GET /metadata/taskdefs``).

        Args:
            access: Only definitions on which the caller has this permission (Orkes).
            metadata: Whether to include tags (Orkes).
            tag_key: Only definitions with a tag of this key (Orkes).
            tag_value: Only definitions with a tag of this value (Orkes).

        Returns:
            The definitions, or an empty list.

        Raises:
            UnsupportedByServerError: The server cannot filter by tags; nothing was sent.
        """
        query = {"access": access, "metadata": metadata, "tagKey": tag_key, "tagValue": tag_value}
        return self._call(LIST_TASKS, query=query)

    def unregister_task(self, name: str) -> None:
        """Delete a task definition (``DELETE /metadata/taskdefs/{tasktype}``).

        Args:
            name: The name of the task.

        Raises:
            NotFoundError: The definition does not exist.
        """
        self._call(UNREGISTER_TASK, {"tasktype": name})


def _workflow(given: Definition) -> WorkflowDef:
    definition = as_definition(given)
    require_name(definition.name, "workflow definition")
    if not definition.tasks:
        raise _invalid(f"Workflow {definition.name!r} has no tasks.", "tasks", "at least one task")
    if definition.schema_version not in {None, _SCHEMA_VERSION}:
        raise _invalid(
            f"Workflow {definition.name!r} has schemaVersion {definition.schema_version}; the server accepts only 2.",
            "schema_version",
            "2",
        )
    for task in definition.all_tasks():
        if task.workflow_task_type is not None and task.workflow_task_type != (task.type or "SIMPLE"):
            raise _invalid(
                f"Workflow {definition.name!r}: the task {task.task_reference_name!r} has workflowTaskType "
                f"{task.workflow_task_type}, which the server would use instead of its type {task.type}.",
                "workflow_task_type",
                "type alone",
            )
    return definition


def _task(given: TaskDef | Mapping[str, Any]) -> TaskDef:
    written = given.unknown_fields if isinstance(given, TaskDef) else given
    for name in _IGNORED_FIELDS if isinstance(written, Mapping) else ():
        if name in written:
            instead = field_successor(name) or ""
            raise _invalid(f"The server ignores {name} in task definitions; use {instead}.", name, instead)
    definition = as_model(given, TaskDef)
    require_name(definition.name, "task definition")
    timeout, response = definition.timeout_seconds or 0, definition.response_timeout_seconds
    if response is not None and (response < 1 or 0 < timeout <= response):
        raise _invalid(
            f"Task {definition.name!r}: responseTimeoutSeconds is {response}; it must be at least 1 and less than "
            f"timeoutSeconds ({timeout}).",
            "response_timeout_seconds",
            "1 or more, and less than timeout_seconds if that is set",
        )
    return definition


def _invalid(message: str, name: str, allowed: str) -> ConfigurationError:
    return ConfigurationError(message, variable=name, allowed=allowed)
