"""A workflow's own checks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from typing_extensions import Self

from conductor.errors import WorkflowDefinitionError
from conductor.workflow.problem import Problem
from conductor.workflow.render import Renderer
from conductor.workflow.signature import Declared, Signature, declared
from conductor.workflow.step import Block, Step
from conductor.workflow.validate import check
from conductor.workflow.written import Origin, Written

__all__ = ["Checking"]


class Checking:
    """What says what is wrong with a workflow."""

    name: Any
    place: str
    walk: Any
    _fields: dict[str, Any]
    _mistakes: list[Problem]
    _lines: dict[str, str]
    _written: dict[str, list[Written]]

    def validate(self, *, workers: Iterable[Callable[..., Any] | Declared] | None = None) -> list[Problem]:
        """Everything that is wrong with it, each with its place; warnings as well (``is_error`` is false).

        Args:
            workers: The workers that there are: functions, ``Worker`` objects, a ``WorkerRegistry``. Tasks that are
                given by name, as those of a JSON file, are checked against the functions as well; and one that no
                worker is for is a warning.
        """
        return self.problems_with(None if workers is None else {one.name: one for one in map(declared, workers)})

    def problems_with(
        self, signatures: Mapping[str, Signature] | None, inside: tuple[Checking, ...] = ()
    ) -> list[Problem]:
        """What ``validate`` finds, with the workers as they were read.

        Args:
            signatures: The workers by task name, or None.
            inside: The workflows that this one is checked as a part of, outermost first.
        """
        if self in inside:
            return []  # the outermost one tells of the circle
        circle = None if inside else self._circle(())
        is_built = not all(step.is_loaded for step in self.walk())
        origin = Origin(self.place if is_built else "", self._lines, self._written)
        block = self._fields["tasks"]
        found = check(self._fields, block, origin, signatures=signatures, inside=(*inside, self))
        return [*self._mistakes, *([circle] if circle else []), *found]

    def without_steps(self) -> dict[str, Any]:
        """The definition's own fields in their wire form, with text for what has no JSON form."""
        renderer = Renderer((), is_lenient=True)
        return {key: renderer.value(value) for key, value in self._fields.items() if not isinstance(value, Block)}

    def check(self, *, workers: Iterable[Callable[..., Any] | Declared] | None = None) -> Self:
        """Raise what ``validate`` finds, warnings apart.

        Args:
            workers: See ``validate``.

        Raises:
            WorkflowDefinitionError: There are errors; ``problems`` has all of them.
        """
        errors = [problem for problem in self.validate(workers=workers) if problem.is_error]
        if errors:
            listing = "".join(f"\n  {problem}" for problem in errors)
            count = f"{len(errors)} problems" if len(errors) > 1 else "a problem"
            raise WorkflowDefinitionError(f"Workflow {self.name!r} has {count}:{listing}", problems=errors)
        return self

    def _circle(self, line: tuple[Checking, ...]) -> Problem | None:
        """The circle of sub-workflows that this one is in: it cannot be written down, or never ends."""
        if self in line:
            names = " -> ".join(workflow.name for workflow in (*line[line.index(self) :], self))
            return Problem(
                "CIRCLE",
                f"Sub-workflows that contain themselves: {names}. Refer to one by its name, in a case of a switch.",
                self.place,
            )
        always = set(_always(self._fields["tasks"]))
        for step in self.walk():
            param = step.fields.get("subWorkflowParam")
            is_inline = isinstance(param, dict) and isinstance(param.get("workflowDefinition"), Checking)
            if (
                isinstance(step.target, Checking)
                and (is_inline or step in always)
                and (circle := step.target._circle((*line, self)))  # noqa: SLF001  its own kind
            ):
                return circle
        return None


def _always(block: Block) -> Iterator[Step]:
    """The steps of a block that no switch stands around."""
    for step in block:
        yield step
        if step.type not in {"SWITCH", "DECISION"}:
            for _, inner in step.blocks():
                yield from _always(inner)
