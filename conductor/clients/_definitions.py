"""Definitions as users hand them over: as models, as plain dicts read from files, or as what can make one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol, TypeVar, runtime_checkable

from conductor.clients._checks import refuse
from conductor.errors import ConfigurationError, UnexpectedResponseError, WorkflowDefinitionError
from conductor.models.task_def import TaskDef
from conductor.models.wire import Model
from conductor.models.workflow_def import WorkflowDef, WorkflowTask

__all__ = ["Definition", "MakesDefinition", "body", "task_definition", "workflow_definition"]

M = TypeVar("M", bound=Model)

_SCHEMA_VERSION = 2


@runtime_checkable
class MakesDefinition(Protocol):
    """A workflow written as code."""

    def to_def(self) -> WorkflowDef:
        """The definition as the server stores it."""


Definition = WorkflowDef | Mapping[str, Any] | MakesDefinition


def workflow_definition(value: Definition) -> WorkflowDef:
    """A workflow definition that the server can store and find again.

    Raises:
        WorkflowDefinitionError: It is none; ``problems`` lists all that is wrong.
    """
    if isinstance(value, MakesDefinition):
        value = value.to_def()
    if not isinstance(value, WorkflowDef):
        value = _read(value)
    problems = list(_problems(value))
    if problems:
        raise _wrong(value.name, problems)
    return value


def _read(value: Mapping[str, Any]) -> WorkflowDef:
    name = str(value.get("name", "?")) if isinstance(value, Mapping) else type(value).__name__
    try:
        return WorkflowDef.from_dict(value)
    except UnexpectedResponseError as error:
        raise _wrong(name, [error.message]) from None


def _wrong(name: str, problems: list[str]) -> WorkflowDefinitionError:
    return WorkflowDefinitionError(
        f"The workflow definition {name!r} was not sent: {'; '.join(problems)}.", problems=problems
    )


def _problems(definition: WorkflowDef) -> Iterator[str]:
    if not definition.name:
        yield "$.name is empty"
    if "/" in definition.name:
        yield "$.name holds a slash, by which the server could not find it again"
    if not definition.tasks:
        yield "$.tasks is empty"
    if definition.schema_version not in {None, _SCHEMA_VERSION}:
        yield f"$.schemaVersion is {definition.schema_version}, and the server takes only {_SCHEMA_VERSION}"
    for path, task in _tasks(definition.tasks, "$.tasks"):
        if task.workflow_task_type is not None and task.workflow_task_type != (task.type or "SIMPLE"):
            yield (
                f"{path}.workflowTaskType is {task.workflow_task_type}, which the server would take in place of its type "
                f"{task.type}; leave it out"
            )


def _tasks(tasks: list[WorkflowTask], path: str) -> Iterator[tuple[str, WorkflowTask]]:
    for index, task in enumerate(tasks):
        here = f"{path}[{index}]"
        yield here, task
        branches = {f"decisionCases.{case}": branch for case, branch in (task.decision_cases or {}).items()}
        branches |= {f"forkTasks[{i}]": branch for i, branch in enumerate(task.fork_tasks or [])}
        branches |= {"defaultCase": task.default_case or [], "loopOver": task.loop_over or []}
        for name, branch in branches.items():
            yield from _tasks(branch, f"{here}.{name}")


def task_definition(value: TaskDef | Mapping[str, Any]) -> TaskDef:
    """A task definition that the server can store and find again.

    Raises:
        ConfigurationError: It is none.
    """
    definition = body(TaskDef, value, "definition")
    if not definition.name or "/" in definition.name:
        raise refuse(f"{definition.name!r} cannot be a task's name", "name", definition.name, "text without slashes")
    return definition


def body(kind: type[M], value: M | Mapping[str, Any], argument: str) -> M:
    """A call's body, given as its model or as a plain dict in wire form.

    Raises:
        ConfigurationError: The dict does not fit the model; the error says where.
    """
    if isinstance(value, kind):
        return value
    try:
        return kind.from_dict(value)  # type: ignore[arg-type]
    except UnexpectedResponseError as error:
        raise ConfigurationError(
            f"{argument}: {error.message}", variable=argument, allowed=f"a {kind.__name__}, or a dict in its wire form"
        ) from None
