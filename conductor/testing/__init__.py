"""Tests of workflows: a pytest plugin with a server per test, and checks of executions that say what went wrong.

The plugin is there once the package is installed and does nothing until one of its fixtures is asked for:
`conductor_server`, `conductor_client`, `conductor_workers` and `run_workflow`. They need the extra `server`.
`run_task` calls one worker's function without a server.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from conductor.testing.assertions import TaskAssertion, WorkflowAssertion, assert_workflow
    from conductor.testing.single_task import run_task

__all__ = ["TaskAssertion", "WorkflowAssertion", "assert_workflow", "run_task"]

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name not in __all__:
            raise AttributeError(f"module 'conductor.testing' has no attribute {name!r}")
        home = "single_task" if name == "run_task" else "assertions"  # not before: pytest imports this with its plugin
        value = globals()[name] = getattr(importlib.import_module(f"conductor.testing.{home}"), name)
        return value
