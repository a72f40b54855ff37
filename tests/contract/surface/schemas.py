"""The model of each schema, and what in the documents does not belong to the API."""

import typing
from collections.abc import Iterator
from functools import cache
from typing import Any

import attrs

from conductor import models
from conductor.models import BulkResponse, SearchResult
from conductor.models._base import Model, wire_name
from surface.documents import Document, documents, in_scope, references

# Schemas whose model has another name: the documents name Java classes.
RENAMED: dict[str, Any] = {
    "Action": models.EventAction,
    "BulkResponseString": BulkResponse,
    "BulkResponseWorkflowModel": BulkResponse,
    "CircuitBreakerTransitionResponse": models.CircuitBreakerTransition,
    "ConductorUser": models.User,
    "Config": models.ServiceConfig,
    "CredentialMeta": models.SecretMetadata,
    "ExtendedConductorApplication": models.Application,
    "ExtendedEventExecution": models.EventExecution,
    "ExtendedSecret": models.SecretWithTags,
    "ExtendedTaskDef": models.TaskDef,
    "ExtendedWorkflowDef": models.WorkflowDef,
    "HandledEventResponse": models.HandledEvent,
    "HealthCheckStatus": models.HealthStatus,
    "MessageTemplate": models.PromptTemplate,
    "Option": models.FormOption,
    "OrkesCircuitBreakerConfig": models.CircuitBreakerConfig,
    "Permission": models.RolePermission,
    "Schema": models.RequestParamSchema,
    "ScrollableSearchResultWorkflowSummary": SearchResult[models.WorkflowSummary],
    "SearchResultHandledEventResponse": SearchResult[models.HandledEvent],
    "SearchResultTask": SearchResult[models.Task],
    "SearchResultTaskSummary": SearchResult[models.TaskSummary],
    "SearchResultWorkflow": SearchResult[models.Workflow],
    "SearchResultWorkflowSchedule": SearchResult[models.WorkflowSchedule],
    "SearchResultWorkflowScheduleExecutionModel": SearchResult[models.WorkflowScheduleExecution],
    "SearchResultWorkflowSummary": SearchResult[models.WorkflowSummary],
    "SignalResponse": models.WorkflowRun,
    "StartAgent": models.StartAgentAction,
    "StartWorkflow": models.StartWorkflowAction,
    "TaskDetails": models.TaskAction,
    "TaskListSearchResultSummary": SearchResult[models.Task],
    "TerminateWorkflow": models.TerminateWorkflowAction,
    "UpdateWorkflowVariables": models.UpdateVariablesAction,
    "WorkflowModel": models.WorkflowRecord,
    "TaskModel": models.TaskRecord,
    "WorkflowScheduleExecutionModel": models.WorkflowScheduleExecution,
    "WorkflowScheduleModel": models.WorkflowSchedule,
}

# Schemas that stand for any object.
FREE = {"Response"}

# Properties of the documents that carry no data: a getter of the Java class, and the fields of its protobuf
# form, whose schemas describe Java's protobuf library.
NO_DATA = {"orCreateExecutionMetadata", "inputMessage", "outputMessage"}


def is_java(schema: dict[str, Any]) -> bool:
    """Whether a schema describes a class of Java's protobuf library, which no answer holds."""
    return "descriptorForType" in schema.get("properties", {})


def properties(schema: dict[str, Any]) -> dict[str, Any]:
    """The properties of an object that carry data."""
    return {name: stated for name, stated in schema.get("properties", {}).items() if name not in NO_DATA}


def model_of(name: str) -> Any:
    """Return the model of a schema; None for a schema without one."""
    found = RENAMED.get(name) or getattr(models, name, None)
    return found if found in RENAMED.values() or (isinstance(found, type) and issubclass(found, Model)) else None


@cache
def required(name: str) -> frozenset[str]:
    """The properties without which a model cannot be; the server validates them, though not all schemas say so."""
    model = model_of(name)
    kind = typing.get_origin(model) or model
    fields = attrs.fields(kind) if kind else ()
    return frozenset(
        wire_name(one) for one in fields if one.default is attrs.NOTHING and one.metadata.get("absent") is None
    )


@cache
def used(document_name: str) -> dict[str, frozenset[str]]:
    """The schemas that operations in scope use, directly or not, each with the tags of those operations."""
    document = documents()[document_name]
    found: dict[str, set[str]] = {}
    for key, row in in_scope().items():
        stated = document.operation(key) or {}
        roots = [stated.get("requestBody"), stated.get("responses"), stated.get("parameters")]
        for name in _reachable(document, references(roots)):
            found.setdefault(name, set()).add(row.tag)
    return {name: frozenset(tags) for name, tags in found.items()}


def _reachable(document: Document, names: Iterator[str]) -> set[str]:
    seen: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        schema = document.schemas[name]
        if name in seen or name in FREE or is_java(schema):
            continue
        seen.add(name)
        waiting += references(properties(schema))
        waiting += references(schema.get("additionalProperties"))
    return seen
