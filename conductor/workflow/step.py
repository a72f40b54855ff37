"""A step: one task of a workflow, in its wire form, with references inside until it is rendered."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from enum import Enum
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeAlias

from attrs import define, field
from typing_extensions import Self, TypedDict

from conductor._internal.durations import timedelta_to_seconds
from conductor.models import CacheConfig, TaskDef
from conductor.workflow.refs import Ref
from conductor.workflow.source_tracking import WrittenReference, caller_line, collect_references

if TYPE_CHECKING:
    from conductor.workflow.builder import Workflow
    from conductor.workflow.signature import Signature

__all__ = [
    "OPTIONS",
    "OPTION_FIELDS",
    "Block",
    "Chain",
    "Closed",
    "Content",
    "ForkStep",
    "LoopStep",
    "Names",
    "Options",
    "Step",
    "StepNames",
    "SwitchStep",
    "as_inputs",
    "case_key",
    "make",
]


Content: TypeAlias = "Step | Chain | Sequence[Any] | Callable[..., Any] | None"
_tokens = itertools.count(1)


class Options(TypedDict, total=False):
    """What every kind of step takes.

    Attributes:
        ref: The reference name, unique in the workflow; made from the task's name when left out.
        name: The task's name, by which the server finds a task definition (retries, timeouts); the reference name when
            left out.
        description: Free text.
        optional: A failure does not fail the workflow.
        permissive: A failure does not stop the sibling branches.
        async_complete: The task stays IN_PROGRESS after its work until somebody completes it.
        start_delay: Seconds, or a ``timedelta``, before it can run.
        retry_count: In place of the task definition's.
        cache: ``(key, seconds)``: the output is kept under the key, which may hold references (Orkes).
        rate_limited: Whether rate limits hold.
        task_definition: In place of the registered definition.
        on_state_change: Event name to the actions that it starts (Orkes).
        metadata: Free map that the server keeps.
        inputs: More input parameters.
        fields: Wire fields that this SDK has no name for.
    """

    ref: str
    name: str
    description: str
    optional: bool
    permissive: bool
    async_complete: bool
    start_delay: int | timedelta
    retry_count: int
    cache: tuple[str, int] | CacheConfig | Mapping[str, Any]
    rate_limited: bool
    task_definition: TaskDef | Mapping[str, Any]
    on_state_change: Mapping[str, Sequence[Any]]
    metadata: Mapping[str, Any]
    inputs: Mapping[str, Any]
    fields: Mapping[str, Any]


OPTION_WIRE = {
    "description": "description",
    "optional": "optional",
    "permissive": "permissive",
    "async_complete": "asyncComplete",
    "start_delay": "startDelay",
    "retry_count": "retryCount",
    "cache": "cacheConfig",
    "rate_limited": "rateLimited",
    "task_definition": "taskDefinition",
    "on_state_change": "onStateChange",
    "metadata": "metadata",
}
OPTIONS = frozenset(Options.__annotations__)
OPTION_FIELDS = {wire: option for option, wire in OPTION_WIRE.items()}


class Block:
    """The steps of a branch, a case or a loop's body, and what is still to be made into steps."""

    def __init__(self, content: Content = None) -> None:
        self.steps: list[Step] = []
        self.content = content

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    def __len__(self) -> int:
        return len(self.steps)


class Closed(Block):
    """Between the branches of a step: nothing can be added there."""

    def __init__(self, step: Step) -> None:
        super().__init__()
        self.step = step


@define
class StepNames:
    """Steps that stand for their reference names (``joinOn``), known when the workflow is rendered."""

    steps: Sequence[Step | str] | Callable[[], Sequence[Step | str]]

    def __iter__(self) -> Iterator[str]:
        for step in self.steps() if callable(self.steps) else self.steps:
            yield step.root if isinstance(step, Step) else step


@define(eq=False, repr=False)
class Step:
    """One step of a workflow; its builders are the functions of ``conductor.workflow``.

    Attributes:
        fields: The wire form of the task; references, and blocks of steps, stand in it as objects.
        base: What the reference name is made of when none was given.
        place: Where it was written, ``file:line``.
        signature: What is known of a worker's function, or None.
        lifts: The field, or the input parameter, with a script, whose ``${...}`` become input parameters.
        target: The ``Workflow`` that a SUB_WORKFLOW was made of, or None.
        written: What was written into texts of the fields, by their path.
        companions: Steps that are added right after it (the JOIN of a fork).
        workflow: The workflow that it was added to, or None.
        is_loaded: Whether it was made of a wire form, and not by a builder.
    """

    fields: dict[str, Any]
    base: str
    place: str = field(factory=caller_line)
    signature: Signature | None = None
    lifts: str | None = None
    companions: list[Step] = field(factory=list)
    workflow: Workflow | None = None
    is_loaded: bool = False
    target: Any = None
    written: dict[str, list[WrittenReference]] = field(factory=dict)
    token: int = field(factory=lambda: next(_tokens))

    def __repr__(self) -> str:
        return f"<{self.type} {self.root!r}>"

    @property
    def type(self) -> str:
        """The task type, such as ``HTTP``."""
        return str(self.fields.get("type") or "SIMPLE")

    @property
    def ref(self) -> str | None:
        """The reference name; None until the step is added, unless it was given."""
        ref = self.fields.get("taskReferenceName")
        return ref if isinstance(ref, str) else None

    @property
    def root(self) -> str:
        """What references to this step begin with; a stand-in while the name is not settled."""
        return self.ref or f"{self.base}@{self.token}"

    @property
    def output(self) -> Ref:
        """What the task answers: ``step.output.total``, ``step.output["total"]``."""
        return Ref(self, ".output")

    @property
    def input(self) -> Ref:
        """What the task was given, with its references replaced."""
        return Ref(self, ".input")

    @property
    def execution(self) -> Ref:
        """The task itself: ``step.execution.status``, ``.taskId``, ``.retryCount``, ``.reasonForIncompletion``."""
        return Ref(self, "")

    def __rshift__(self, other: Content) -> Chain:
        return Chain([self]) >> other

    def blocks(self) -> Iterator[tuple[str, Block]]:
        """The blocks inside, each with its place in the wire form."""
        for key, value in self.fields.items():
            if isinstance(value, Block):
                yield key, value
            elif isinstance(value, dict):
                for name, item in value.items():
                    if isinstance(item, Block):
                        yield f"{key}.{name}", item
            elif isinstance(value, list):
                for index, item in enumerate(value):
                    if isinstance(item, Block):
                        yield f"{key}[{index}]", item

    def walk(self) -> Iterator[Step]:
        """This step and all steps inside it."""
        yield self
        for _, block in self.blocks():
            for step in block:
                yield from step.walk()


class Chain:
    """Steps one after another, made with ``>>``; a block, or a branch of a fork."""

    def __init__(self, items: Sequence[Any]) -> None:
        self.items: list[Any] = list(items)

    def __rshift__(self, other: Content) -> Self:
        return type(self)([*self.items, *(other.items if isinstance(other, Chain) else [other])])

    def __iter__(self) -> Iterator[Any]:
        return iter(self.items)


def as_inputs(inputs: Any) -> Mapping[str, Any]:
    """Input parameters as they were given.

    Raises:
        TypeError: They are no mapping.
    """
    if inputs is None or isinstance(inputs, Mapping):
        return inputs or {}
    raise TypeError(
        f"Input parameters have names: give them as a dict, or as keywords of builders that take these, not {inputs!r}."
    )


def make(
    type_: str,
    inputs: Mapping[str, Any] | None = None,
    options: Options | None = None,
    *,
    base: str | None = None,
    cls: type[Any] = Step,
    lifts: str | None = None,
    **fields: Any,
) -> Any:
    """A step of a type. None among ``fields`` means left out; ``base`` is what an unnamed step is called."""
    given: dict[str, Any] = dict(options or {})
    more = given.pop("inputs", None) or {}
    wire: dict[str, Any] = {
        "name": given.pop("name", None),
        "taskReferenceName": given.pop("ref", None),
        "type": type_,
    }
    parameters = {**as_inputs(inputs), **as_inputs(more)}
    if parameters:
        wire["inputParameters"] = parameters
    wire.update({key: value for key, value in fields.items() if value is not None})
    extra = given.pop("fields", None) or {}
    wire.update(_options(given))
    wire.update(extra)
    return cls(fields=wire, base=base or type_.lower(), lifts=lifts, written=collect_references(wire))


def _options(given: dict[str, Any]) -> dict[str, Any]:
    if unknown := given.keys() - OPTION_WIRE.keys():
        known = ", ".join(["ref", "name", *OPTION_WIRE, "inputs", "fields"])
        raise TypeError(f"A step has no option {min(unknown)!r}; options are: {known}.")
    wire = {OPTION_WIRE[key]: value for key, value in given.items() if value is not None}
    if "startDelay" in wire:
        wire["startDelay"] = timedelta_to_seconds(wire["startDelay"], "start_delay")
    if isinstance(cache := wire.get("cacheConfig"), tuple):
        wire["cacheConfig"] = {"key": cache[0], "ttlInSecond": cache[1]}
    return wire


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
    def output(self) -> Ref:
        """The output; of a dynamic fork that of its JOIN: the output of each task under its reference name."""
        is_dynamic = self.type == "FORK_JOIN_DYNAMIC" and bool(self.companions)
        return self.companions[0].output if is_dynamic else Ref(self, ".output")

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


_TAKEN = "workflow"  # what references to the workflow itself begin with


class Names:
    """The reference names of one workflow."""

    def __init__(self) -> None:
        self._used = {_TAKEN}

    def use(self, name: str) -> None:
        """Keep a name that was given."""
        self._used.add(name)

    def peek(self, base: str) -> str:
        """The next name: the base itself, then ``base_2``, ``base_3`` and so on."""
        plain = re.sub(r"[\W_]+", "_", base).strip("_") or "task"
        name, number = plain, 2
        while name in self._used:
            name, number = f"{plain}_{number}", number + 1
        return name

    def make(self, base: str) -> str:
        """Take the next name."""
        name = self.peek(base)
        self._used.add(name)
        return name
