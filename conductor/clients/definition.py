"""A workflow definition in each form that people have it in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, TypeAlias, runtime_checkable

from conductor.clients.checks import as_model
from conductor.models import WorkflowDef

__all__ = ["Definable", "Definition", "as_definition"]


@runtime_checkable
class Definable(Protocol):
    """What gives a definition: a workflow as code (``conductor.Workflow``)."""

    def to_def(self) -> WorkflowDef:
        """The definition."""


Definition: TypeAlias = "WorkflowDef | Definable | Mapping[str, Any]"


def as_definition(given: Definition) -> WorkflowDef:
    """The definition that is meant by a model, its wire form, or a workflow as code.

    Raises:
        ConfigurationError: It is no definition; the error says where.
    """
    return as_model(given.to_def() if isinstance(given, Definable) else given, WorkflowDef)
