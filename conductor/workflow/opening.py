"""The blocks of a workflow as its own methods: ``with workflow.switch(...) as s:``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from typing_extensions import Unpack

from conductor.workflow.blocks import ForkStep, LoopStep, SwitchStep
from conductor.workflow.step import Content, Options, Step
from conductor.workflow.tasks import branch, loop

__all__ = ["Opening"]

S = TypeVar("S", bound=Step)


class Opening:
    """What adds a step with blocks and returns it, to be used in a ``with`` statement."""

    def switch(
        self,
        value: Any = None,
        cases: Mapping[Any, Content] | None = None,
        default: Content = None,
        *,
        script: str | None = None,
        evaluator: str | None = None,
        param: str = "switchCaseValue",
        **options: Unpack[Options],
    ) -> SwitchStep:
        """Add a SWITCH, see ``conductor.workflow.switch``: ``with s.case("A"): ...``, ``with s.default(): ...``."""
        made = branch.switch(value, cases, default, script=script, evaluator=evaluator, param=param, **options)
        return self._added(made)

    def fork(
        self,
        *branches: Content,
        join_on: Sequence[Step | str] | None = None,
        join: bool | Step = True,
        **options: Unpack[Options],
    ) -> ForkStep:
        """Add a FORK_JOIN and its JOIN, see ``conductor.workflow.fork``: ``with f.branch(): ...``."""
        return self._added(branch.fork(*branches, join_on=join_on, join=join, **options))

    def do_while(
        self,
        body: Content = None,
        *,
        count: Any = None,
        condition: str | None = None,
        items: Any = None,
        keep_last: int | None = None,
        evaluator: str | None = None,
        **options: Unpack[Options],
    ) -> LoopStep:
        """Add a DO_WHILE, see ``conductor.workflow.do_while``; its body is the ``with`` block."""
        return self._added(
            loop.do_while(
                body,
                count=count,
                condition=condition,
                items=items,
                keep_last=keep_last,
                evaluator=evaluator,
                **options,
            )
        )

    def for_each(self, items: Any, body: Content = None, **options: Unpack[Options]) -> LoopStep:
        """Add a DO_WHILE over items, see ``conductor.workflow.for_each``; its body is the ``with`` block."""
        return self._added(loop.for_each(items, body, **options))

    def _added(self: Any, step: S) -> S:
        added: S = self.add(step)
        return added
