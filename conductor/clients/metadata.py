"""Definitions of tasks and workflows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from conductor.clients._base import Resource
from conductor.clients.bodies import Definition, all_tasks, as_definition, as_model, require_name
from conductor.clients.ensure import Ensured, compare
from conductor.errors import ConfigurationError, NotFoundError
from conductor.models import (
    BulkResponse,
    IncomingBpmnFile,
    RateLimitConfig,
    TaskDef,
    WorkflowDef,
    WorkflowDefSummary,
)
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

_SCHEMA_VERSION = 2
_DROPPED = {  # of task definitions, as guides show them
    "maxConcurrentExecutions": "concurrentExecLimit",
    "outputTemplate": "outputKeys, or output_parameters of the workflow",
    "pollIntervalSeconds": "poll_interval_ms of the worker",
}


class MetadataClient(Resource):
    """Definitions (``client.metadata``), given as models, as code, or in their wire form, as read from files."""

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
            overwrite: Replace this version if it is there.
            new_version: Make it a new version (Orkes).

        Raises:
            ConflictError: This version is there, and ``overwrite`` is false.
            BadRequestError: The server finds it invalid; see ``validation_errors``.
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
        """Create or replace definitions (``PUT /metadata/workflow``); one that is invalid stops all."""
        query = {"overwrite": overwrite, "newVersion": new_version}
        return self._call(UPDATE_WORKFLOWS, query=query, body=[_workflow(one).to_dict() for one in definitions])

    def validate_workflow(self, definition: Definition) -> None:
        """Have the server check a definition without storing it (``POST /metadata/workflow/validate``, open source).

        Raises:
            BadRequestError: It is invalid; see ``validation_errors``.
        """
        self._call(VALIDATE, body=_workflow(definition))

    def ensure_workflow(self, definition: Definition, *, dry_run: bool = False) -> Ensured:
        """Write a workflow definition if the server's differs, and say what changed.

        ``GET /metadata/workflow/{name}``, and ``PUT /metadata/workflow`` where there is a difference. Without a version
        it is version 1. What the server adds of its own, defaults and times, is no difference; with
        ``dry_run`` nothing is written.
        """
        wanted = _workflow(definition)
        version = wanted.version or 1
        try:
            found: WorkflowDef | None = self.get_workflow(wanted.name, version, metadata=bool(wanted.tags) or None)
        except NotFoundError:
            found = None
        result = compare(wanted.name, wanted, found)
        if result and not dry_run:
            response = self.update_workflows([wanted])
            if not response.ok:
                reasons = "; ".join(response.bulk_error_results.values())
                raise ConfigurationError(f"The server does not take {wanted.name!r}: {reasons}", variable=wanted.name)
        return result

    def ensure_task(self, definition: TaskDef | Mapping[str, Any], *, dry_run: bool = False) -> Ensured:
        """Write a task definition if the server's differs, and say what changed.

        ``GET /metadata/taskdefs/{tasktype}``, and ``POST /metadata/taskdefs`` where there is a difference; with
        ``dry_run`` nothing is written.
        """
        wanted = _task(definition)
        try:
            found: TaskDef | None = self.get_task(wanted.name, metadata=bool(wanted.tags) or None)
        except NotFoundError:
            found = None
        result = compare(wanted.name, wanted, found)
        if result and not dry_run:
            self.register_tasks([wanted])
        return result

    def get_workflow(self, name: str, version: int | None = None, *, metadata: bool | None = None) -> WorkflowDef:
        """A workflow definition (``GET /metadata/workflow/{name}``).

        Args:
            name: Its name.
            version: Its version; None for the latest.
            metadata: With its tags (Orkes).

        Raises:
            NotFoundError: There is no such definition.
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
        """All workflow definitions (``GET /metadata/workflow``).

        ``classifier`` is the open-source server's filter; the others are Orkes'. Of these the open-source server
        ignores ``access``, ``metadata`` and ``short``; its answer is searched for ``name`` here.

        Raises:
            UnsupportedByServerError: The server in use has no tags, or no classifiers, to select by.
        """
        here = name is not None and self._transport.server_info().edition is Edition.OSS
        query = {
            "classifier": classifier,
            "access": access,
            "metadata": metadata,
            "tagKey": tag_key,
            "tagValue": tag_value,
            "name": None if here else name,
            "short": short,
        }
        found = self._call(LIST_WORKFLOWS, query=query)
        return [one for one in found if one.name == name] if here else found

    def list_latest_workflows(self) -> list[WorkflowDef]:
        """The latest version of each definition (``GET /metadata/workflow/latest-versions``, open source)."""
        return self._call(LIST_LATEST)

    def list_workflow_names(self) -> list[str]:
        """The names of all definitions (``GET /metadata/workflow/names``, open source)."""
        return self._call(LIST_NAMES)

    def list_workflow_names_and_versions(self) -> dict[str, list[WorkflowDefSummary]]:
        """The versions of all definitions (``GET /metadata/workflow/names-and-versions``, open source)."""
        return self._call(LIST_NAMES_AND_VERSIONS)

    def list_workflow_versions(self, name: str) -> list[WorkflowDefSummary]:
        """A definition's versions; none for a name that is not there.

        ``GET /metadata/workflow/{name}/versions``, open source.
        """
        return self._call(LIST_VERSIONS, {"name": name})

    def unregister_workflow(self, name: str, version: int) -> None:
        """Delete one version of a definition (``DELETE /metadata/workflow/{name}/{version}``); executions go on.

        Raises:
            NotFoundError: There is no such definition.
        """
        if isinstance(version, bool) or not isinstance(version, int):
            raise ConfigurationError(
                f"version is {version!r}; it must be a whole number.", variable="version", value=version, allowed="int"
            )
        self._call(UNREGISTER_WORKFLOW, {"name": name, "version": version})

    def import_bpmn(self, file: IncomingBpmnFile | Mapping[str, Any], *, overwrite: bool = True) -> list[WorkflowDef]:
        """Make definitions of a BPMN file (``POST /metadata/workflow-importer/import-bpm``, Orkes)."""
        return self._call(IMPORT_BPMN, query={"overwrite": overwrite}, body=as_model(file, IncomingBpmnFile))

    def upload_definitions(self) -> None:
        """Have the server copy all definitions to its storage (``POST /metadata/workflow-task-defs/upload``, Orkes)."""
        self._call(UPLOAD)

    def set_workflow_rate_limit(self, name: str, limit: RateLimitConfig | Mapping[str, Any]) -> None:
        """Limit how many executions run (``PUT /metadata/workflow/{name}/rate-limit``, Orkes).

        On the open-source server set ``rate_limit_config`` in the definition.
        """
        self._call(SET_RATE_LIMIT, {"name": name}, body=as_model(limit, RateLimitConfig))

    def get_workflow_rate_limit(self, name: str) -> RateLimitConfig | None:
        """The limit, or None (``GET /metadata/workflow/{name}/rate-limit``, Orkes)."""
        try:
            return self._call(GET_RATE_LIMIT, {"name": name})
        except NotFoundError:
            return None

    def delete_workflow_rate_limit(self, name: str) -> None:
        """Lift the limit (``DELETE /metadata/workflow/{name}/rate-limit``, Orkes).

        The open-source server would take the request for the deletion of a version: it is never sent there.

        Raises:
            UnsupportedByServerError: The server has no such operation.
        """
        self._call(DELETE_RATE_LIMIT, {"name": name})

    # -- tasks

    def register_task(self, definition: TaskDef | Mapping[str, Any]) -> None:
        """Register a task definition; one that is there is overwritten (``POST /metadata/taskdefs``)."""
        self.register_tasks([definition])

    def register_tasks(self, definitions: Iterable[TaskDef | Mapping[str, Any]]) -> None:
        """Register task definitions; those that are there are overwritten (``POST /metadata/taskdefs``).

        Raises:
            BadRequestError: The server finds one invalid; see ``validation_errors``.
        """
        self._call(REGISTER_TASKS, body=[_task(one).to_dict() for one in definitions])

    def update_task(self, definition: TaskDef | Mapping[str, Any]) -> None:
        """Replace a task definition (``PUT /metadata/taskdefs``).

        Raises:
            NotFoundError: There is none of this name.
        """
        self._call(UPDATE_TASK, body=_task(definition))

    def get_task(self, name: str, *, metadata: bool | None = None) -> TaskDef:
        """A task definition (``GET /metadata/taskdefs/{tasktype}``); ``metadata``: with its tags (Orkes).

        Raises:
            NotFoundError: There is no such definition.
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
        """All task definitions (``GET /metadata/taskdefs``); the filters are Orkes'.

        Raises:
            UnsupportedByServerError: The server in use has no tags to select by.
        """
        query = {"access": access, "metadata": metadata, "tagKey": tag_key, "tagValue": tag_value}
        return self._call(LIST_TASKS, query=query)

    def unregister_task(self, name: str) -> None:
        """Delete a task definition (``DELETE /metadata/taskdefs/{tasktype}``).

        Raises:
            NotFoundError: There is no such definition.
        """
        self._call(UNREGISTER_TASK, {"tasktype": name})


def _workflow(given: Definition) -> WorkflowDef:
    definition = as_definition(given)
    require_name(definition.name, "workflow definition")
    if not definition.tasks:
        raise _refused(f"Workflow {definition.name!r} has no tasks.", "tasks", "at least one task")
    if definition.schema_version not in {None, _SCHEMA_VERSION}:
        raise _refused(
            f"Workflow {definition.name!r} has schemaVersion {definition.schema_version}; the server takes only 2.",
            "schema_version",
            "2",
        )
    for task in all_tasks(definition.tasks):
        if task.workflow_task_type is not None and task.workflow_task_type != (task.type or "SIMPLE"):
            raise _refused(
                f"Workflow {definition.name!r}: the task {task.task_reference_name!r} has workflowTaskType "
                f"{task.workflow_task_type}, which the server would take in place of its type {task.type}.",
                "workflow_task_type",
                "type alone",
            )
    return definition


def _task(given: TaskDef | Mapping[str, Any]) -> TaskDef:
    written: Mapping[str, Any] = given if isinstance(given, Mapping) else given.unknown_fields
    for name, instead in _DROPPED.items():
        if name in written:
            raise _refused(f"Task definition: the server drops {name}: use {instead}.", name, instead)
    definition = as_model(given, TaskDef)
    require_name(definition.name, "task definition")
    timeout, response = definition.timeout_seconds or 0, definition.response_timeout_seconds
    if response is not None and (response < 1 or 0 < timeout <= response):
        raise _refused(
            f"Task {definition.name!r}: responseTimeoutSeconds is {response}; it must be at least 1 and less than "
            f"timeoutSeconds ({timeout}).",
            "response_timeout_seconds",
            "from 1, and less than timeout_seconds where that is set",
        )
    return definition


def _refused(message: str, name: str, allowed: str) -> ConfigurationError:
    return ConfigurationError(message, variable=name, allowed=allowed)
