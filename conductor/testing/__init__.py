"""Testing workflows and workers: a pytest plugin, and functions that need no server.

The installed package is a pytest plugin with the fixtures `conductor_server`, `conductor_client`, `conductor_workers`,
`mock_worker` and `run_workflow`, which need the extra `server`; their types are exported for annotations:
`StartWorkers`, `MockWorkers`, `RunWorkflow`. `assert_workflow` and `execution_tree` check executions. Without a server,
`run_task` calls the function of a worker, `execute_workflow` runs a workflow with its workers, and `replay_execution`
calls the functions of a recorded execution.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from conductor.testing.assertions import TaskAssertion, WorkflowAssertion, assert_workflow
    from conductor.testing.in_process import execute_workflow
    from conductor.testing.replay import ReplayedTask, replay_execution
    from conductor.testing.runs import RunWorkflow
    from conductor.testing.single_task import run_task
    from conductor.testing.tree import execution_tree
    from conductor.testing.workers import MockCall, MockWorker, MockWorkers, StartWorkers

__all__ = [
    "MockCall",
    "MockWorker",
    "MockWorkers",
    "ReplayedTask",
    "RunWorkflow",
    "StartWorkers",
    "TaskAssertion",
    "WorkflowAssertion",
    "assert_workflow",
    "execute_workflow",
    "execution_tree",
    "replay_execution",
    "run_task",
]

if not TYPE_CHECKING:
    #: The modules, which are imported on first use, because pytest imports this package with its plugin.
    _MODULES = {
        "assertions": {"TaskAssertion", "WorkflowAssertion", "assert_workflow"},
        "in_process": {"execute_workflow"},
        "replay": {"ReplayedTask", "replay_execution"},
        "runs": {"RunWorkflow"},
        "single_task": {"run_task"},
        "tree": {"execution_tree"},
        "workers": {"MockCall", "MockWorker", "MockWorkers", "StartWorkers"},
    }

    def __getattr__(name: str) -> Any:
        module = next((module for module, names in _MODULES.items() if name in names), None)
        if module is None:
            raise AttributeError(f"module 'conductor.testing' has no attribute {name!r}")
        value = globals()[name] = getattr(importlib.import_module(f"conductor.testing.{module}"), name)
        return value
