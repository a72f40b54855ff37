"""A synchronous, threaded SDK for the Conductor workflow engine.

Names are resolved when they are first used, so that declaring workers does not pay for HTTP.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from conductor._version import __version__

if TYPE_CHECKING:
    from conductor.clients.client import ConductorClient
    from conductor.errors import (
        APIConnectionError,
        APIError,
        APIStatusError,
        APITimeoutError,
        AuthenticationError,
        BadRequestError,
        ConductorError,
        ConfigurationError,
        ConflictError,
        NonRetryableError,
        NotFoundError,
        PermissionDeniedError,
        RateLimitError,
        SerializationError,
        ServerError,
        ServerStartError,
        TaskInputError,
        TaskTimeLimitExceeded,
        UnexpectedResponseError,
        UnsupportedByServerError,
        WebhookVerificationError,
        WorkerRegistrationError,
        WorkflowDefinitionError,
        WorkflowFailedError,
        WorkflowRunError,
        WorkflowTimeoutError,
    )
    from conductor.models import (
        StartWorkflowRequest,
        Task,
        TaskDef,
        TaskResult,
        TaskResultStatus,
        TaskStatus,
        WorkflowDef,
        WorkflowExecutionStatus,
        WorkflowTask,
    )
    from conductor.models.defaults import task_definition
    from conductor.settings import Settings
    from conductor.transport.operation import RetryPolicy
    from conductor.webhook import verify_webhook
    from conductor.worker.context import TaskContext, TaskLogFilter, get_task_context
    from conductor.worker.conversion import register_type
    from conductor.worker.events import WorkerListener
    from conductor.worker.handler import TaskHandler
    from conductor.worker.results import TaskInProgress
    from conductor.worker.worker import Worker, WorkerRegistry, worker_task
    from conductor.workflow.builder import Workflow

__all__ = [
    "APIConnectionError",
    "APIError",
    "APIStatusError",
    "APITimeoutError",
    "AuthenticationError",
    "BadRequestError",
    "ConductorClient",
    "ConductorError",
    "ConfigurationError",
    "ConflictError",
    "NonRetryableError",
    "NotFoundError",
    "PermissionDeniedError",
    "RateLimitError",
    "RetryPolicy",
    "SerializationError",
    "ServerError",
    "ServerStartError",
    "Settings",
    "StartWorkflowRequest",
    "Task",
    "TaskContext",
    "TaskDef",
    "TaskHandler",
    "TaskInProgress",
    "TaskInputError",
    "TaskLogFilter",
    "TaskResult",
    "TaskResultStatus",
    "TaskStatus",
    "TaskTimeLimitExceeded",
    "UnexpectedResponseError",
    "UnsupportedByServerError",
    "WebhookVerificationError",
    "Worker",
    "WorkerListener",
    "WorkerRegistrationError",
    "WorkerRegistry",
    "Workflow",
    "WorkflowDef",
    "WorkflowDefinitionError",
    "WorkflowExecutionStatus",
    "WorkflowFailedError",
    "WorkflowRunError",
    "WorkflowTask",
    "WorkflowTimeoutError",
    "__version__",
    "get_task_context",
    "register_type",
    "task_definition",
    "verify_webhook",
    "worker_task",
]

if not TYPE_CHECKING:
    _HOMES = {
        "ConductorClient": "conductor.clients.client",
        "RetryPolicy": "conductor.transport.operation",
        "Settings": "conductor.settings",
        "TaskContext": "conductor.worker.context",
        "TaskHandler": "conductor.worker.handler",
        "TaskInProgress": "conductor.worker.results",
        "TaskLogFilter": "conductor.worker.context",
        "TaskTimeLimitExceeded": "conductor.errors",
        "Worker": "conductor.worker.worker",
        "WorkerListener": "conductor.worker.events",
        "WorkerRegistry": "conductor.worker.worker",
        "Workflow": "conductor.workflow.builder",
        "get_task_context": "conductor.worker.context",
        "register_type": "conductor.worker.conversion",
        "task_definition": "conductor.models.defaults",
        "verify_webhook": "conductor.webhook",
        "worker_task": "conductor.worker.worker",
    }

    def __getattr__(name: str) -> Any:
        if name not in __all__:
            raise importlib.import_module("conductor.migration").missing_name("conductor", name)
        home = _HOMES.get(name) or ("conductor.errors" if name.endswith("Error") else "conductor.models")
        value = getattr(importlib.import_module(home), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted(__all__)
