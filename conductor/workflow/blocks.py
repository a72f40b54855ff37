"""Steps with blocks of steps inside: as arguments, or as ``with`` blocks, so that indentation shows the structure."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from enum import Enum
from types import TracebackType
from typing import Any

from attrs import define, field
from typing_extensions import Self

from conductor.workflow.refs import Ref
from conductor.workflow.step import Block, Closed, Content, Step

__all__ = ["ForkStep", "LoopStep", "SwitchStep", "case_key"]


@define(eq=False, repr=False)
class _Branching(Step):
    _stack: list[Any] = field(factory=list, init=False)

    def __enter__(self) -> Self:
        opened = self._opened(self._own_block())
        opened.__enter__()
        self._stack.append(opened)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self._stack.pop().__exit__(kind, error, trace)

    def _own_block(self) -> Block:
        """Where steps go that are added directly in the ``with`` block."""
        return Closed(self)

    def _owner(self) -> Any:
        if self.workflow is None:
            raise TypeError(f"{self!r} is not in a workflow yet; write: with workflow.add({self.base}(...)) as step:")
        return self.workflow

    @contextmanager
    def _opened(self, block: Block) -> Iterator[Block]:
        with self._owner().inside(block):
            yield block

    def _fill(self, block: Block, content: Content) -> AbstractContextManager[Block]:
        if content is not None:
            if self.workflow is None:
                block.content = content
            else:
                self.workflow.fill(block, content)
        return self._opened(block)


@define(eq=False, repr=False)
class SwitchStep(_Branching):
    """A SWITCH: ``with s.case("A"): ...``, ``with s.default(): ...``."""

    def case(self, value: Any, content: Content = None) -> AbstractContextManager[Block]:
        """The steps for one value: those given, and those of a ``with`` block."""
        cases = self.fields["decisionCases"]
        return self._fill(cases.setdefault(case_key(value), Block()), content)

    def default(self, content: Content = None) -> AbstractContextManager[Block]:
        """The steps for every other value."""
        return self._fill(self.fields.setdefault("defaultCase", Block()), content)


@define(eq=False, repr=False)
class ForkStep(_Branching):
    """A FORK_JOIN: ``with f.branch(): ...`` for each branch; its JOIN comes after it."""

    def branch(self, content: Content = None) -> AbstractContextManager[Block]:
        """One more branch, that runs beside the others."""
        if "forkTasks" not in self.fields:
            raise TypeError(f"The branches of {self!r} are known when it is reached: it takes none here.")
        block = Block()
        self.fields["forkTasks"].append(block)
        return self._fill(block, content)

    @property
    def join(self) -> Step:
        """The JOIN that follows; its output has the output of each joined step under its reference name."""
        if not self.companions:
            raise TypeError(f"{self!r} was made with join=False: it has no JOIN of its own.")
        return self.companions[0]

    def last_steps(self) -> list[Step | str]:
        """The last step of each branch: what a JOIN waits for."""
        return [block.steps[-1] for block in self.fields["forkTasks"] if len(block)]


@define(eq=False, repr=False)
class LoopStep(_Branching):
    """A DO_WHILE; its body is the ``with`` block."""

    def _own_block(self) -> Block:
        body: Block = self.fields["loopOver"]
        return body

    @property
    def iteration(self) -> Ref:
        """The number of the round, from 1."""
        return self.output.iteration

    @property
    def item(self) -> Ref:
        """In a loop over items: the one of this round."""
        return self.output.loopItem

    @property
    def index(self) -> Ref:
        """In a loop over items: the place of this round's item, from 0."""
        return self.output.loopIndex


def case_key(value: Any) -> str:
    """A value as the server compares it: as text."""
    if isinstance(value, Enum):
        value = value.value
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value)
