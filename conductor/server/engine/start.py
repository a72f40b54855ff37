"""A new execution."""

from __future__ import annotations

from typing import Any

from conductor.server.engine.inputs import workflow_input
from conductor.server.engine.state import Doc, Execution
from conductor.server.engine.tree import DefinitionTree
from conductor.server.engine.words import RUNNING
from conductor.server.engine.world import World

Json = dict[str, Any]


def new_execution(request: Json, tree: DefinitionTree, workflow_id: str, world: World) -> Execution:
    """The execution that a request starts; it has no tasks before it is decided.

    Args:
        request: A StartWorkflowRequest, with ``parentWorkflowId`` and ``parentWorkflowTaskId`` for a child, and
            ``event`` for one that an event handler starts.
        tree: The populated definition.
        workflow_id: Its id.
        world: The world.
    """
    definition = tree.definition
    document: Json = {
        "ownerApp": "",
        "createTime": world.now,
        "updateTime": world.now,
        "status": RUNNING,
        "endTime": 0,
        "workflowId": workflow_id,
        "input": workflow_input(definition, request.get("input") or {}),
        "output": {},
        "taskToDomain": request.get("taskToDomain") or {},
        "failedReferenceTaskNames": [],
        "priority": request.get("priority") or 0,
        "variables": dict(definition.get("variables") or {}),
        "lastRetriedTime": 0,
        "failedTaskNames": [],
        "workflowName": definition["name"],
        "workflowVersion": definition["version"],
    }
    for key in ("correlationId", "parentWorkflowId", "parentWorkflowTaskId", "event"):
        if request.get(key) is not None:
            document[key] = request[key]
    return Execution(Doc(document), tree)
