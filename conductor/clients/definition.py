"""A workflow definition in each form that people have it in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol, TypeAlias, runtime_checkable

import attrs

from conductor.clients.checks import as_model
from conductor.errors import ConfigurationError
from conductor.models import WorkflowDef, WorkflowTask
from conductor.models.wire import Absent, wire_name

__all__ = ["Definable", "Definition", "all_tasks", "as_definition"]


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
    definition = as_model(given.to_def() if isinstance(given, Definable) else given, WorkflowDef)
    for number, task in enumerate(all_tasks(definition.tasks), 1):
        if missing := [wire_name(a) for a in attrs.fields(WorkflowTask) if isinstance(getattr(task, a.name), Absent)]:
            name = task.name or task.task_reference_name
            raise ConfigurationError(
                f"Task {repr(name) if name else number} of workflow {definition.name!r} has no "
                f"{' and no '.join(missing)}. Nothing was sent.",
                variable=missing[0],
                allowed="a text",
            )
    return definition


def all_tasks(tasks: Iterable[WorkflowTask]) -> Iterator[WorkflowTask]:
    """Tasks, and those in their branches, cases and loops."""
    for task in tasks:
        yield task
        for branch in (*(task.decision_cases or {}).values(), *(task.fork_tasks or [])):
            yield from all_tasks(branch)
        yield from all_tasks([*(task.default_case or []), *(task.loop_over or [])])
