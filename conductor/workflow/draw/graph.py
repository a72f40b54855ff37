"""A workflow as a small tree of steps: what every picture is drawn from."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import frozen

from conductor.workflow.draw.kinds import Kind
from conductor.workflow.draw.runs import Run

__all__ = ["Graph", "Lane", "Step"]


@frozen
class Lane:
    """Steps that follow one another: a case, a branch, the body of a loop, a workflow inside another.

    Attributes:
        label: The case's value; empty where there is none.
        steps: The steps, in order.
        joined: False for a branch that the JOIN does not wait for.
        taken: Whether an execution came this way; None where nothing has been executed.
    """

    label: str
    steps: tuple[Step, ...]
    joined: bool = True
    taken: bool | None = None


@frozen
class Step:
    """One task, with the lanes that it holds.

    Attributes:
        kind: Its sort.
        type: Its task type.
        name: The task definition's name.
        ref: Its reference name.
        detail: What it does, in a few words; may be long.
        optional: Whether the workflow goes on when it fails.
        lanes: Cases, branches, or the one body.
        run: What became of it; None when it was not reached, or nothing was executed.
        executed: Whether an execution would say so if it had been reached.
    """

    kind: Kind
    type: str
    name: str
    ref: str
    detail: str = ""
    optional: bool = False
    lanes: tuple[Lane, ...] = ()
    run: Run | None = None
    executed: bool = False

    @property
    def is_framed(self) -> bool:
        """Whether its one lane is drawn inside a frame: a loop's body, a workflow's steps."""
        return self.kind in {Kind.LOOP, Kind.WORKFLOW} and bool(self.lanes)


@frozen
class Graph:
    """A whole picture.

    Attributes:
        name: The workflow's name.
        version: Its version; None when it is the server's to say.
        steps: The steps, in order.
        executed: Whether it shows an execution.
        run: What became of the execution.
    """

    name: str
    version: int | None
    steps: tuple[Step, ...]
    executed: bool = False
    run: Run | None = None

    def walk(self) -> Iterator[Step]:
        """Every step, each before those in its lanes."""
        stack = list(reversed(self.steps))
        while stack:
            step = stack.pop()
            yield step
            stack.extend(inner for lane in reversed(step.lanes) for inner in reversed(lane.steps))
