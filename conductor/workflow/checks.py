"""Collect information about a workflow's source for ``conductor.validation``, in addition to its wire form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol, runtime_checkable

from attrs import define

from conductor.errors import SerializationError
from conductor.models.codec import MAX_DEPTH, to_jsonable
from conductor.validation import Definition, Problem, Reference, TaskSource
from conductor.workflow.refs import Ref, place_of, root_of, text_of
from conductor.workflow.source_tracking import WrittenReference
from conductor.workflow.step import OPTIONS, Block, Step, StepNames

__all__ = ["EmbeddedWorkflow", "SourceReader", "find_cycle"]


@runtime_checkable
class EmbeddedWorkflow(Protocol):
    """A ``Workflow`` that is a sub-workflow of another."""

    def as_definition(self, inside: tuple[Any, ...] = ()) -> Definition:
        """Return the definition with its source lines; ``inside`` are the workflows that contain it."""


@define
class SourceReader:
    """Collects the source lines and references of a workflow's steps and fields.

    Attributes:
        workflow: The workflow.
        inside: The workflows that embed it, outermost first, and the workflow itself.
    """

    workflow: Any
    inside: tuple[Any, ...]

    def tasks(self, block: Block, path: str = "tasks") -> Iterator[tuple[str, TaskSource]]:
        """Yield the source of each step of a block and of the blocks inside, by path."""
        for index, step in enumerate(block):
            at = f"{path}[{index}]"
            yield at, self._task(step)
            for key, inner in step.blocks():
                yield from self.tasks(inner, f"{at}.{key}")

    def _task(self, step: Step) -> TaskSource:
        return TaskSource(
            place="" if step.is_loaded else step.place,
            signature=step.signature,
            references=self.references(step.fields, step.written),
            unserializable=list(_unserializable(step.fields, "")),
            lifts_script=step.lifts is not None,
            option_names=OPTIONS,
            callee=self._callee(step.target),
        )

    def _callee(self, target: Any) -> Definition | None:
        if isinstance(target, EmbeddedWorkflow):
            return target.as_definition(self.inside)
        return None if target is None else Definition(target.to_dict())

    def references(self, value: Any, written: Mapping[str, list[WrittenReference]]) -> list[Reference]:
        """Return the references in a value, and those that were converted to strings, with their lines."""
        found = [(path, ref, place_of(ref)) for path, ref in _refs_in(value)]
        found += [(path, one.ref, one.place) for path, references in written.items() for one in references]
        return [Reference(path, text_of(ref), place, self._foreign(ref)) for path, ref, place in found]

    def _foreign(self, ref: Ref) -> str | None:
        """Return the name of the workflow that a reference belongs to if it is another one."""
        root = root_of(ref)
        owner = root.workflow if isinstance(root, Step) else root
        return None if owner is None or owner is self.workflow else str(getattr(owner, "name", "?"))

    @staticmethod
    def unserializable(fields: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Return path and reason of each value that has no JSON form."""
        return list(_unserializable(fields, ""))


def _refs_in(value: Any, path: str = "", depth: int = 0) -> Iterator[tuple[str, Ref]]:
    if isinstance(value, Ref):
        yield path, value
    elif isinstance(value, Step):
        yield path, value.output
    elif depth > MAX_DEPTH:
        return  # the value may contain itself
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _refs_in(item, f"{path}.{key}" if path else str(key), depth + 1)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _refs_in(item, f"{path}[{index}]", depth + 1)


def _unserializable(value: Any, path: str, depth: int = 0) -> Iterator[tuple[str, str]]:
    if isinstance(value, Ref | Step | Block | StepNames):
        return
    if not isinstance(value, str | int | float | Mapping | list) and isinstance(value, EmbeddedWorkflow):
        return
    if isinstance(value, Mapping | list | tuple) and depth <= MAX_DEPTH:
        items = value.items() if isinstance(value, Mapping) else enumerate(value)
        for key, item in items:
            at = f"{path}.{key}" if path else str(key)
            yield from _unserializable(item, at if isinstance(value, Mapping) else f"{path}[{key}]", depth + 1)
        return
    try:
        to_jsonable(value, path)
    except SerializationError as error:
        yield error.path_in_value, str(error).removeprefix(f"{error.path_in_value}: ")


def find_cycle(workflow: Any, parents: tuple[Any, ...] = ()) -> Problem | None:
    """Return the problem of a workflow that contains itself: it has no wire form, or never ends.

    Args:
        workflow: The workflow.
        parents: The workflows that contain it, outermost first.
    """
    if workflow in parents:
        names = " -> ".join(one.name for one in (*parents[parents.index(workflow) :], workflow))
        return Problem(
            "CIRCLE",
            f"The sub-workflows contain each other: {names}. Refer to one of them by its name, in a case of a switch.",
            workflow.place,
        )
    always = set(_outside_switches(workflow.steps))
    for step in workflow.walk():
        param = step.fields.get("subWorkflowParam")
        is_inline = isinstance(param, dict) and isinstance(param.get("workflowDefinition"), EmbeddedWorkflow)
        if (
            isinstance(step.target, EmbeddedWorkflow)
            and (is_inline or step in always)
            and (cycle := find_cycle(step.target, (*parents, workflow)))
        ):
            return cycle
    return None


def _outside_switches(steps: Any) -> Iterator[Step]:
    for step in steps:
        yield step
        if step.type not in {"SWITCH", "DECISION"}:
            for _, inner in step.blocks():
                yield from _outside_switches(inner)
