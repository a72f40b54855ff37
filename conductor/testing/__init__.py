"""Tests of workflows: a pytest plugin with a server per test, and checks of executions that say what went wrong.

The plugin is there once the package is installed and does nothing until one of its fixtures is asked for:
`conductor_server`, `conductor_client`, `conductor_workers` and `run_workflow`. They need the extra `server`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from conductor.testing.assertions import TaskAssertion, WorkflowAssertion, assert_workflow

__all__ = ["TaskAssertion", "WorkflowAssertion", "assert_workflow"]

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name not in __all__:
            raise AttributeError(f"module 'conductor.testing' has no attribute {name!r}")
        from conductor.testing import assertions  # noqa: PLC0415  pytest imports this package with its plugin

        return getattr(assertions, name)
