"""Start, read, pause, terminate and remove executions."""

from __future__ import annotations

import threading
from contextlib import nullcontext
from typing import Any

from conductor.server.engine import control
from conductor.server.engine.context import RefusedError
from conductor.server.engine.definitions import populate, render, render_task
from conductor.server.engine.json_schema import fault_of
from conductor.server.engine.masking import MASKS, hide
from conductor.server.engine.results import new_execution
from conductor.server.engine.state import Execution
from conductor.server.engine.tree import DefinitionTree
from conductor.server.runtime.kernel import Kernel

Json = dict[str, Any]

#: Number of tasks from which an execution is large: only one large execution is rendered at a time.
_MANY_TASKS = 500


class Starter:
    """Creates executions of definitions. Populated definitions are cached until any definition changes."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._trees: dict[tuple[str, int], DefinitionTree] = {}

    def forget_definitions(self) -> None:
        """Clear the cache, after a definition has changed."""
        self._trees.clear()

    def create(self, request: Json, workflow_id: str | None = None) -> Execution:
        """Create an execution; the caller has to advance it.

        Args:
            request: A StartWorkflowRequest.
            workflow_id: The execution's id; a new one by default.

        Raises:
            RefusedError: The definition does not exist (404), or the input is null or violates its schema (400).
        """
        tree = self.tree_of(request)
        if request.get("input", {}) is None:
            raise RefusedError(400, "NULL input passed when starting workflow")
        context = self._kernel.context
        fault = fault_of(tree.definition, "inputSchema", request.get("input", {}), context)
        if fault is not None:
            raise RefusedError(400, f"Invalid input of workflow {tree.definition['name']}: {fault}")
        return self._kernel.touch(new_execution(request, tree, workflow_id or context.new_id(), context))

    def tree_of(self, request: Json) -> DefinitionTree:
        """Return the populated definition that a StartWorkflowRequest names or contains."""
        given = request.get("workflowDef")
        if given is not None:
            return DefinitionTree(populate(given, self._kernel.context))
        name, version = request.get("name") or "", request.get("version")
        return self.registered_tree(name, version)

    def registered_tree(self, name: str, version: int | None) -> DefinitionTree:
        """Return a registered definition, populated; by default its latest version."""
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


#: What to do when an idempotency key has been used before.
STRATEGIES = frozenset({"FAIL", "RETURN_EXISTING", "FAIL_ON_RUNNING"})


class IdempotencyKeys:
    """Finds the executions that were started with an idempotency key."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    def existing(self, request: Json) -> str | None:
        """Return the id of the execution that an earlier request with the same key started; None if there is none.

        Raises:
            RefusedError: The key was used, and the request's strategy is to fail (409).
        """
        key, name = self._key(request), (request.get("workflowDef") or request).get("name")
        if key is None:
            return None
        workflow_id = self._kernel.store.started_with_key(name, key)
        known = self._kernel.find(workflow_id) if workflow_id is not None else None
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

    def record(self, request: Json, started: Execution) -> None:
        """Record that the request has started this execution."""
        key = self._key(request)
        if key is not None:
            started.workflow["idempotencyKey"] = key
            self._kernel.store.save_idempotency_key(started.workflow["workflowName"], key, started.id)

    def _key(self, request: Json) -> str | None:
        if not self._kernel.divergences.honor_idempotency_keys:
            return None
        key = request.get("idempotencyKey")
        return str(key) if key else None


class Executions:
    """The operations on executions."""

    def __init__(self, kernel: Kernel, starter: Starter) -> None:
        self._kernel, self._starter = kernel, starter
        self._keys = IdempotencyKeys(kernel)
        self._rendering = threading.Lock()  # one large execution at a time leaves processor time for other requests

    @property
    def honors_idempotency_keys(self) -> bool:
        """Whether a second start with the same idempotency key starts nothing."""
        return self._kernel.divergences.honor_idempotency_keys

    def start(self, request: Json) -> str:
        """Start an execution, and advance it as far as possible.

        Returns:
            The execution's id, or the id of the earlier execution with the same idempotency key.
        """
        with self._kernel.change():
            existing = self._keys.existing(request)
            if existing is not None:
                return existing
            execution = self._starter.create(request)
            self._keys.record(request, execution)
            execution.is_starting = True
            self._kernel.advance(execution)
            execution.is_starting = False
            return execution.id

    def start_in_change(self, request: Json) -> str:
        """Start an execution as a part of a larger change. Invalid data fails the execution, not the change.

        Returns:
            The execution's id, or the id of the earlier execution with the same idempotency key.

        Raises:
            RefusedError: The definition does not exist (404), or the idempotency key was used (409).
        """
        with self._kernel.change():
            existing = self._keys.existing(request)
            if existing is not None:
                return existing
            execution = self._starter.create(request)
            self._keys.record(request, execution)
            self._kernel.advance(execution)
            return execution.id

    def get(self, workflow_id: str, *, include_tasks: bool = True) -> Json:
        """Return an execution."""
        with self._kernel.lock:
            found = self._kernel.get(workflow_id).snapshot(include_tasks=include_tasks)
        with self._rendering if len(found.tasks) > _MANY_TASKS else nullcontext():  # without the kernel's lock
            return render(found, include_tasks=include_tasks)

    def is_open(self, workflow_id: str) -> bool:
        """Return whether an execution exists and has not ended."""
        with self._kernel.lock:
            execution = self._kernel.find(workflow_id)
            return execution is not None and execution.is_open

    def status(self, workflow_id: str, *, include_output: bool, include_variables: bool) -> Json:
        """Return the status of an execution, optionally with its output and variables."""
        with self._kernel.lock:
            workflow = self._kernel.get(workflow_id).workflow
        seen = {key: workflow.get(key) for key in ("workflowId", "correlationId", "status")}
        masks = workflow.get(MASKS, ())
        if include_output:
            seen["output"] = hide(workflow["output"], masks)
        if include_variables:
            seen["variables"] = hide(workflow["variables"], masks)
        return {key: value for key, value in seen.items() if value is not None}

    def tasks(self, workflow_id: str, start: int, count: int, statuses: list[str]) -> Json:
        """Return a page of an execution's tasks; only those with one of ``statuses``, if there are any."""
        with self._kernel.lock:
            found = self._kernel.get(workflow_id).tasks
            chosen = [task for task in found if not statuses or task["status"] in statuses]
            return {
                "totalHits": len(chosen),
                "results": [render_task(task) for task in chosen[start : start + count]],
            }

    def running(self, name: str) -> list[str]:
        """Return the ids of a definition's executions that have not ended, the oldest first."""
        with self._kernel.lock:
            return self._kernel.store.open_ids(name)

    def correlated(self, name: str, correlation_id: str, *, include_closed: bool, include_tasks: bool) -> list[Json]:
        """Return a definition's executions with a correlation id, the oldest first."""
        with self._kernel.lock:
            ids = self._kernel.store.correlated_ids(name, correlation_id)
            found = [self._kernel.get(workflow_id) for workflow_id in ids]
            return [render(one, include_tasks=include_tasks) for one in found if include_closed or one.is_open]

    # -- control

    def decide(self, workflow_id: str) -> None:
        """Advance an execution as far as possible."""
        with self._kernel.change():
            self._kernel.advance(self._kernel.get(workflow_id))

    def pause(self, workflow_id: str) -> None:
        """Pause an execution: its scheduled tasks stay in their queues, and no further tasks are scheduled."""
        with self._kernel.change():
            control.pause(self._kernel.touch(self._kernel.get(workflow_id)))

    def resume(self, workflow_id: str) -> None:
        """Resume a paused execution."""
        with self._kernel.change() as context:
            execution = self._kernel.touch(self._kernel.get(workflow_id))
            control.resume(execution, context)
            self._kernel.advance(execution)

    def terminate(self, workflow_id: str, reason: str | None, *, start_failure_workflow: bool = False) -> None:
        """Terminate an execution, with an optional reason."""
        with self._kernel.change() as context:
            execution = self._kernel.touch(self._kernel.get(workflow_id))
            control.terminate_by_request(execution, reason, context, start_failure_workflow=start_failure_workflow)

    def skip(self, workflow_id: str, reference: str, request: Json) -> None:
        """Skip a task that has not been scheduled yet; ``request`` may hold its input and output."""
        with self._kernel.change() as context:
            execution = self._kernel.touch(self._kernel.get(workflow_id))
            control.skip(execution, reference, request, context)
            self._kernel.advance(execution)

    def reset_callbacks(self, workflow_id: str) -> None:
        """Make the delayed worker tasks of an execution due."""
        with self._kernel.change() as context:
            control.reset_callbacks(self._kernel.touch(self._kernel.get(workflow_id)), context)

    def remove(self, workflow_id: str, *, archive: bool) -> None:
        """Delete an execution.

        Raises:
            RefusedError: ``archive`` is true and the execution has not ended (400).
        """
        with self._kernel.change():
            execution = self._kernel.get(workflow_id)
            if archive and execution.is_open:
                status = execution.workflow["status"]
                raise RefusedError(400, f"Cannot archive workflow: {workflow_id} with status: {status}")
            self._kernel.forget(workflow_id)

    def terminate_and_remove(self, workflow_id: str, reason: str | None, *, archive: bool) -> None:
        """Delete an execution; terminate it first if it has not ended."""
        with self._kernel.lock:
            if self._kernel.get(workflow_id).is_open:
                self.terminate(workflow_id, reason)
            self.remove(workflow_id, archive=archive)
