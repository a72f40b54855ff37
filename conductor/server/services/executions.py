"""Executions: start, look at, control."""

from __future__ import annotations

from typing import Any

from conductor.server.engine import control
from conductor.server.engine.context import RefusedError
from conductor.server.engine.definitions import populate, render, render_task
from conductor.server.engine.results import new_execution
from conductor.server.engine.state import Execution
from conductor.server.engine.tree import DefinitionTree
from conductor.server.runtime.kernel import Kernel

Json = dict[str, Any]


class Starts:
    """Makes executions of definitions; populated definitions are kept until any definition changes."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._trees: dict[tuple[str, int], DefinitionTree] = {}

    def forget_definitions(self) -> None:
        """A definition has changed."""
        self._trees.clear()

    def create(self, request: Json, workflow_id: str | None = None) -> Execution:
        """Return a new execution, not yet decided.

        Args:
            request: A StartWorkflowRequest.
            workflow_id: Its id; a new one by default.

        Raises:
            RefusedError: There is no such definition, or the input is null.
        """
        tree = self.tree_of(request)
        if request.get("input", {}) is None:
            raise RefusedError(400, "NULL input passed when starting workflow")
        context = self._kernel.context
        return self._kernel.touch(new_execution(request, tree, workflow_id or context.new_id(), context))

    def tree_of(self, request: Json) -> DefinitionTree:
        """The definition that a request names or brings."""
        given = request.get("workflowDef")
        if given is not None:
            return DefinitionTree(populate(given, self._kernel.context))
        name, version = request.get("name") or "", request.get("version")
        return self.registered_tree(name, version)

    def registered_tree(self, name: str, version: int | None) -> DefinitionTree:
        """A registered definition, populated; without a version the highest."""
        catalog = self._kernel.catalog
        chosen = version if version is not None else catalog.latest_version(name)
        definition = catalog.workflow_defs.get(name, {}).get(chosen) if chosen is not None else None
        if definition is None or chosen is None:
            shown = "null" if version is None else version
            raise RefusedError(404, f"No such workflow defined. name={name}, version={shown}")
        key = (name, chosen)
        if key not in self._trees:
            self._trees[key] = DefinitionTree(populate(definition, self._kernel.context))
        return self._trees[key]


STRATEGIES = frozenset({"FAIL", "RETURN_EXISTING", "FAIL_ON_RUNNING"})


class IdempotencyKeys:
    """What was started with which key, stored."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    def earlier(self, request: Json) -> str | None:
        """The id of the execution that answers the request; None when it is to start one.

        Raises:
            RefusedError: 409, the key was used, and the request's strategy is to fail then.
        """
        key, name = self._key(request), (request.get("workflowDef") or request).get("name")
        if key is None:
            return None
        query = "SELECT execution_id FROM idempotency_key WHERE name = ? AND key = ?"
        rows = self._kernel.store.rows(query, (name, key))
        known = self._kernel.find(str(rows[0][0])) if rows else None
        if known is None:
            return None
        strategy = request.get("idempotencyStrategy") or "FAIL"
        if strategy == "RETURN_EXISTING":
            return known.id
        if strategy == "FAIL_ON_RUNNING" and known.is_terminal:
            return None
        raise RefusedError(
            409, f"The idempotency key {key} was used for {known.label}, which is {known.workflow['status']}"
        )

    def note(self, request: Json, started: Execution) -> None:
        """The request has started this execution."""
        key = self._key(request)
        if key is not None:
            started.workflow["idempotencyKey"] = key
            row = (started.workflow["workflowName"], key, started.id)
            self._kernel.store.run("REPLACE INTO idempotency_key VALUES (?, ?, ?)", row)

    def _key(self, request: Json) -> str | None:
        if not self._kernel.divergences.honour_idempotency_keys:
            return None
        key = request.get("idempotencyKey")
        return str(key) if key else None


class Executions:
    """What clients do with executions."""

    def __init__(self, kernel: Kernel, starts: Starts) -> None:
        self._kernel, self._starts = kernel, starts
        self._keys = IdempotencyKeys(kernel)

    def start(self, request: Json) -> str:
        """Start one; returns its id when the engine has done what it can, or that of an earlier one of the same key."""
        with self._kernel.change():
            earlier = self._keys.earlier(request)
            if earlier is not None:
                return earlier
            execution = self._starts.create(request)
            self._keys.note(request, execution)
            execution.is_starting = True
            self._kernel.advance(execution)
            execution.is_starting = False
            return execution.id

    def get(self, workflow_id: str, *, include_tasks: bool = True) -> Json:
        """The workflow document."""
        with self._kernel.lock:
            return render(self._kernel.get(workflow_id), include_tasks=include_tasks)

    def status(self, workflow_id: str, *, include_output: bool, include_variables: bool) -> Json:
        """The short form."""
        with self._kernel.lock:
            workflow = self._kernel.get(workflow_id).workflow
        seen = {key: workflow.get(key) for key in ("workflowId", "correlationId", "status")}
        if include_output:
            seen["output"] = workflow["output"]
        if include_variables:
            seen["variables"] = workflow["variables"]
        return {key: value for key, value in seen.items() if value is not None}

    def tasks(self, workflow_id: str, start: int, count: int, statuses: list[str]) -> Json:
        """A page of its tasks."""
        with self._kernel.lock:
            found = self._kernel.get(workflow_id).tasks
            chosen = [task for task in found if not statuses or task["status"] in statuses]
            return {
                "totalHits": len(chosen),
                "results": [render_task(task) for task in chosen[start : start + count]],
            }

    def running(self, name: str) -> list[str]:
        """Ids of the open executions of a name."""
        query = "SELECT id FROM execution WHERE name = ? AND status IN ('RUNNING', 'PAUSED') ORDER BY created"
        with self._kernel.lock:
            return [str(row[0]) for row in self._kernel.store.rows(query, (name,))]

    def correlated(self, name: str, correlation_id: str, *, include_closed: bool, include_tasks: bool) -> list[Json]:
        """The executions of a name with a correlation id."""
        query = "SELECT id FROM execution WHERE name = ? AND correlation_id = ? ORDER BY created"
        with self._kernel.lock:
            ids = [str(row[0]) for row in self._kernel.store.rows(query, (name, correlation_id))]
            found = [self._kernel.get(workflow_id) for workflow_id in ids]
            return [render(one, include_tasks=include_tasks) for one in found if include_closed or one.is_open]

    # -- control

    def decide(self, workflow_id: str) -> None:
        """Let the engine look at it."""
        with self._kernel.change():
            self._kernel.advance(self._kernel.get(workflow_id))

    def pause(self, workflow_id: str) -> None:
        """Pause it."""
        with self._kernel.change():
            control.pause(self._kernel.touch(self._kernel.get(workflow_id)))

    def resume(self, workflow_id: str) -> None:
        """Resume it."""
        with self._kernel.change() as context:
            execution = self._kernel.touch(self._kernel.get(workflow_id))
            control.resume(execution, context)
            self._kernel.advance(execution)

    def terminate(self, workflow_id: str, reason: str | None) -> None:
        """End it."""
        with self._kernel.change() as context:
            control.terminate_by_request(self._kernel.touch(self._kernel.get(workflow_id)), reason, context)

    def skip(self, workflow_id: str, reference: str, request: Json) -> None:
        """Skip a task that is still to come."""
        with self._kernel.change() as context:
            execution = self._kernel.touch(self._kernel.get(workflow_id))
            control.skip(execution, reference, request, context)
            self._kernel.advance(execution)

    def reset_callbacks(self, workflow_id: str) -> None:
        """Make delayed worker tasks due."""
        with self._kernel.change() as context:
            control.reset_callbacks(self._kernel.touch(self._kernel.get(workflow_id)), context)

    def remove(self, workflow_id: str, *, archive: bool) -> None:
        """Delete it."""
        with self._kernel.change():
            execution = self._kernel.get(workflow_id)
            if archive and execution.is_open:
                status = execution.workflow["status"]
                raise RefusedError(400, f"Cannot archive workflow: {workflow_id} with status: {status}")
            self._kernel.forget(workflow_id)

    def terminate_and_remove(self, workflow_id: str, reason: str | None, *, archive: bool) -> None:
        """End it, when it has not ended, and delete it."""
        with self._kernel.lock:
            if self._kernel.get(workflow_id).is_open:
                self.terminate(workflow_id, reason)
            self.remove(workflow_id, archive=archive)
