"""The additions of Orkes' edition to executions, in the engine (task types, schemas, limits, masks) and in the API."""

from __future__ import annotations

from typing import Any

import attrs

from conductor.server.http.messages import Request, Response, empty_answer
from conductor.server.http.routing import Route
from conductor.server.orkes.documents import Documents
from conductor.server.orkes.executions import ExecutionsResource, MoreExecutions
from conductor.server.orkes.integrations import Integrations
from conductor.server.orkes.rate_limits import RateLimitResource, RateLimits
from conductor.server.orkes.rights import Rights
from conductor.server.orkes.runs import BlockedRuns, RunsResource, Signals
from conductor.server.orkes.schemas import SchemaResource, Schemas
from conductor.server.orkes.secrets import Secrets
from conductor.server.orkes.system_tasks import SystemTasks
from conductor.server.orkes.tags import Tags
from conductor.server.runtime.kernel import Kernel
from conductor.server.services.all import Services

Json = dict[str, Any]


class TaskCache:
    """Stores results by task definition and key, until they expire by the server's clock."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._documents = Documents(kernel, "orkes_task_result")

    def get(self, task: str, key: str) -> Json | None:
        """Return the result of a task; None if there is none, or if it has expired."""
        found = self._documents.get(_name(task, key))
        is_valid = found is not None and found["until"] > self._kernel.context.now
        return found["output"] if found is not None and is_valid else None

    def put(self, task: str, key: str, output: Json, until: int) -> None:
        """Store a result until a time, epoch ms, and delete expired results."""
        now = self._kernel.context.now
        for old in self._documents.where(lambda one: one["task"] == task and one["until"] <= now):
            self._documents.drop(_name(task, old["key"]))
        if until > now:
            self._documents.put(_name(task, key), {"task": task, "key": key, "output": output, "until": until})

    def clear(self, task: str) -> None:
        """Delete all results of a task."""
        with self._kernel.change():
            for one in self._documents.where(lambda found: found["task"] == task):
                self._documents.drop(_name(task, one["key"]))


def _name(task: str, key: str) -> str:
    return f"{task}/{key}"


class TaskCacheResource:
    """Handler of the cache."""

    def __init__(self, cache: TaskCache) -> None:
        self._cache = cache

    def routes(self) -> list[Route]:
        return [Route("/admin/cache/clear/{name}", self.clear, ["POST"])]

    def clear(self, request: Request) -> Response:
        """``POST /admin/cache/clear/{taskDefName}``."""
        self._cache.clear(request.path_params["name"])
        return empty_answer()


#: Names whose values are always hidden.
_MASKED = ("_secrets", "_masked")


class ExecutionFeatures:
    """Extends the engine of a server. It must exist before the server loads the open executions."""

    def __init__(
        self,
        kernel: Kernel,
        services: Services,
        tags: Tags,
        secrets: Secrets,
        integrations: Integrations,
        rights: Rights,
    ) -> None:
        self._kernel, self._services = kernel, services
        self.schemas: Schemas = Schemas(kernel)
        self._cache = TaskCache(kernel)
        self._signals = Signals(kernel, services)
        self._extend_engine(RateLimits(kernel, tags))
        SystemTasks(kernel, services, secrets, integrations, rights)

    def _extend_engine(self, limits: RateLimits) -> None:
        kernel = self._kernel
        kernel.divergences = attrs.evolve(kernel.divergences, honor_idempotency_keys=True)
        extensions = kernel.extensions
        extensions.admits = limits.admits
        extensions.schema_fault = self.schemas.fault
        extensions.cached, extensions.cache = self._cache.get, self._cache.put
        extensions.enforces_schemas = True
        extensions.masks = _masks
        extensions.skips_content = True
        extensions.records_creators = True
        extensions.idempotent_children = True
        extensions.unknown_execution = "no such workflow by Id"

    def routes(self) -> list[Route]:
        services = self._services
        return [
            *RunsResource(services, BlockedRuns(self._kernel), self._signals).routes(),
            *ExecutionsResource(services, MoreExecutions(self._kernel, services, self._signals)).routes(),
            *RateLimitResource(services.metadata).routes(),
            *SchemaResource(self.schemas).routes(),
            *TaskCacheResource(self._cache).routes(),
        ]


def _masks(definition: Json) -> list[str]:
    return [*_MASKED, *(definition.get("maskedFields") or ())]
