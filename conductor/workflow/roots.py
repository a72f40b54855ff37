"""What references to a workflow begin with."""

from __future__ import annotations

from conductor.workflow.refs import Ref

__all__ = ["Roots"]


class Roots:
    """The references that a workflow itself has."""

    @property
    def root(self) -> str:
        """What references to the workflow begin with."""
        return "workflow"

    @property
    def input(self) -> Ref:
        """Its input: ``workflow.input.customer``, ``workflow.input["order id"]``."""
        return Ref(self, ".input")

    @property
    def variables(self) -> Ref:
        """Its variables, which ``set_variable`` sets."""
        return Ref(self, ".variables")

    @property
    def secrets(self) -> Ref:
        """The server's secrets; they are put in when the task is handed out, and never stored."""
        return Ref(self, ".secrets")

    @property
    def env(self) -> Ref:
        """The server's environment variables."""
        return Ref(self, ".env")

    @property
    def execution(self) -> Ref:
        """The execution: ``.workflowId``, ``.correlationId``, ``.workflowType``, ``.version``, ``.status``."""
        return Ref(self, "")
