"""Idempotency keys: a start with a key that was used makes no second execution.

A key belongs to the name of a workflow, and lives as long as the execution that it started.
"""

from __future__ import annotations

from typing import Any

from conductor.server.engine.state import Execution
from conductor.server.engine.world import RefusedError
from conductor.server.kernel import Kernel

Json = dict[str, Any]

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
