"""Limits on concurrent executions of a workflow. Executions over the limit wait for a slot, in order."""

from __future__ import annotations

from typing import Any

from attrs import define, field

from conductor.server.engine.commands import Admit, Ended
from conductor.server.engine.context import RefusedError
from conductor.server.engine.expressions.inputs import resolve
from conductor.server.engine.expressions.java_text import java_text
from conductor.server.engine.json_fields import integer, read, string
from conductor.server.engine.state import Execution
from conductor.server.http.messages import Request, Response, empty_answer, json_answer, read_object
from conductor.server.http.routing import Route
from conductor.server.orkes.tags import WORKFLOW, Tags
from conductor.server.runtime.kernel import Kernel
from conductor.server.services.metadata import Metadata

Json = dict[str, Any]

#: Type of the tags that set a limit: the key is the key of the limit, the value the number of executions.
_TAG = "RATE_LIMIT"
#: Keys of an execution: its limit's key, its limit, and its number in the line while it waits for a slot.
_KEY, _LIMIT, _NUMBER = "rateLimitKey", "_rateLimit", "_isHeld"


@define
class _Pool:
    """The executions with one key.

    Attributes:
        running: The ids of executions that have a slot.
        waiting: The ids of executions that wait for a slot, the oldest first, with their positions in the queue.
    """

    running: dict[str, None] = field(factory=dict)
    waiting: dict[str, int] = field(factory=dict)


class RateLimits:
    """Decides which executions may schedule tasks. The pools are in memory, and are read from the database at first."""

    def __init__(self, kernel: Kernel, tags: Tags) -> None:
        self._kernel, self._tags = kernel, tags
        self._pools: dict[str, _Pool] | None = None
        self._ended = kernel.handlers[Ended]
        kernel.handlers[Ended] = self._release
        kernel.handlers[Admit] = self._admit

    def admits(self, execution: Execution) -> bool:
        """Return whether an execution has a slot; otherwise it gets one after others have ended."""
        if _LIMIT not in execution.workflow and not self._apply_limit(execution):
            return True
        if not execution.workflow[_LIMIT] or _KEY not in execution.workflow:
            return True
        pool = self._pool_of(execution)
        if execution.id in pool.running:
            return True
        is_next = not pool.waiting or next(iter(pool.waiting)) == execution.id
        if execution.tasks or (is_next and len(pool.running) < execution.workflow[_LIMIT]):
            pool.waiting.pop(execution.id, None)
            pool.running[execution.id] = None
            if _NUMBER in execution.workflow:
                execution.workflow.drop(_NUMBER)
            return True
        if execution.id not in pool.waiting:
            execution.workflow[_NUMBER] = pool.waiting[execution.id] = max(pool.waiting.values(), default=0) + 1
        return False

    def _apply_limit(self, execution: Execution) -> bool:
        """Set key and limit of a new execution; returns whether it has a limit."""
        if execution.tasks:
            return False
        template, limit = self._limit_of(execution)
        if not template or not limit:
            return False
        key = java_text(resolve(execution, template, self._kernel.context))
        is_limited = bool(key.strip()) and key != "null"
        execution.workflow[_LIMIT] = limit if is_limited else 0
        if is_limited:
            execution.workflow[_KEY] = key
        return is_limited

    def _limit_of(self, execution: Execution) -> tuple[str | None, int]:
        config = execution.definition.get("rateLimitConfig") or {}
        if config.get("rateLimitKey"):
            return str(config["rateLimitKey"]), int(config.get("concurrentExecLimit") or 0)
        for tag in self._tags.of(WORKFLOW, execution.workflow["workflowName"]):
            value = str(tag["value"])
            if tag.get("type") == _TAG and value.isdigit():
                return str(tag["key"]), int(value)
        return None, 0

    def _pool_of(self, execution: Execution) -> _Pool:
        self._kernel.after_failure.append(self._forget)
        if self._pools is None:
            self._pools = {}
            found = [self._kernel.find(workflow_id) for workflow_id in self._kernel.store.open_ids()]
            limited = [one for one in found if one is not None and one.workflow.get(_LIMIT)]
            for one in sorted(limited, key=lambda other: int(other.workflow.get(_NUMBER, 0))):
                pool = self._pools.setdefault(one.workflow[_KEY], _Pool())
                if _NUMBER in one.workflow:
                    pool.waiting[one.id] = one.workflow[_NUMBER]
                else:
                    pool.running[one.id] = None
            self._pools.get(execution.workflow[_KEY], _Pool()).running.pop(execution.id, None)
        return self._pools.setdefault(execution.workflow[_KEY], _Pool())

    def _forget(self) -> None:
        """Read the pools again, because a change was rolled back."""
        self._pools = None

    def _release(self, execution: Execution, command: Ended) -> None:
        """Give the slot of an execution that has ended to the one that has waited longest."""
        self._ended(execution, command)
        if not execution.workflow.get(_LIMIT):
            return
        pool = self._pool_of(execution)
        pool.running.pop(execution.id, None)
        if pool.waiting.pop(execution.id, None) is not None:
            execution.workflow.drop(_NUMBER)
        for workflow_id in list(pool.waiting):
            following = self._kernel.find(workflow_id)
            if following is not None and following.is_open:
                self._kernel.touch(following).commands.append(Admit())
                return
            del pool.waiting[workflow_id]

    def _admit(self, execution: Execution, _: Admit) -> None:
        self._kernel.advance(execution)


class RateLimitResource:
    """Handlers of the limit in a workflow definition, which is that of its latest version."""

    def __init__(self, metadata: Metadata) -> None:
        self._metadata = metadata

    def routes(self) -> list[Route]:
        path = "/metadata/workflow/{name}/rate-limit"
        return [Route(path, self.get), Route(path, self.set, ["PUT"]), Route(path, self.remove, ["DELETE"])]

    def get(self, request: Request) -> Response:
        """``GET /metadata/workflow/{name}/rate-limit``."""
        name = request.path_params["name"]
        found = self._metadata.workflow(name, None).get("rateLimitConfig")
        if found is None:
            raise RefusedError(404, f"The workflow {name} has no rate limit")
        return json_answer(found)

    def set(self, request: Request) -> Response:
        """``PUT /metadata/workflow/{name}/rate-limit``."""
        given = read(read_object(request), {"rateLimitKey": string, "concurrentExecLimit": integer})
        if not given.get("rateLimitKey") or (given.get("concurrentExecLimit") or 0) < 0:
            raise RefusedError(400, "A rate limit needs a rateLimitKey and a concurrentExecLimit of 0 or more")
        self._save(request, given)
        return empty_answer()

    def remove(self, request: Request) -> Response:
        """``DELETE /metadata/workflow/{name}/rate-limit``."""
        self._save(request, None)
        return empty_answer()

    def _save(self, request: Request, config: Json | None) -> None:
        known = self._metadata.workflow(request.path_params["name"], None)
        self._metadata.create_workflow({**known, "rateLimitConfig": config}, overwrite=True)
