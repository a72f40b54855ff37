"""What Orkes' edition adds to executions: to the engine (task types, schemas, rate limits, masks), and to the API."""

from __future__ import annotations

from typing import Any

import attrs

from conductor.server.http.routing import Route
from conductor.server.orkes.executions import ExecutionsResource, MoreExecutions
from conductor.server.orkes.integrations import Integrations
from conductor.server.orkes.rate_limits import RateLimitResource, RateLimits
from conductor.server.orkes.rights import Rights
from conductor.server.orkes.runs import BlockedRuns, RunsResource, Signals
from conductor.server.orkes.schemas import SchemaResource, Schemas
from conductor.server.orkes.secrets import Secrets
from conductor.server.orkes.system_tasks import SystemTasks
from conductor.server.orkes.tags import Tags
from conductor.server.orkes.task_cache import TaskCache, TaskCacheResource
from conductor.server.runtime.kernel import Kernel
from conductor.server.services.all import Services

Json = dict[str, Any]

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
        """Return the routes."""
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
