"""Steps: the tasks of a workflow, in their wire form, with references as objects until they are rendered."""

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
from conductor._internal.suggestions import did_you_mean
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
    """The options of every step.

    Attributes:
        ref: The reference name, unique in the workflow; by default made from the task's name.
        name: The name of the task definition (retries, timeouts); by default the reference name.
        description: A description.
        optional: Whether the workflow continues if the task fails.
        permissive: Whether the other branches continue if the task fails.
        async_complete: Whether the task stays IN_PROGRESS until an update completes it.
        start_delay: Seconds, or a ``timedelta``, before the task can run.
        retry_count: Number of retries, instead of the one in the task definition.
        cache: ``(key, seconds)``: the output is reused for this time under the key, which may contain references
            (Orkes).
        rate_limited: Whether rate limits apply.
        task_definition: The task definition, instead of the registered one.
        on_state_change: The actions that events start, by event name (Orkes).
        metadata: Your own data about the task; the server stores it.
        inputs: Further input parameters.
        fields: Further fields of the task, by their names in JSON.
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


#: Wire names of the options that are fields of a task.
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
#: The names of all options.
OPTIONS = frozenset(Options.__annotations__)
#: Options by their wire names.
OPTION_FIELDS = {wire: option for option, wire in OPTION_WIRE.items()}


class Block:
    """The steps of a branch, a case or a loop's body.

    Attributes:
        steps: The steps.
        content: Steps to add when the block becomes a part of a workflow.
    """

    def __init__(self, content: Content = None) -> None:
        self.steps: list[Step] = []
        self.content = content

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    def __len__(self) -> int:
        return len(self.steps)


class Closed(Block):
    """The ``with`` block of a switch or fork itself, outside of its branches, in which no steps can be added."""

    def __init__(self, step: Step) -> None:
        super().__init__()
        self.step = step


@define
class StepNames:
    """The reference names of steps (``joinOn``), which are determined when the workflow is rendered."""

    steps: Sequence[Step | str] | Callable[[], Sequence[Step | str]]

    def __iter__(self) -> Iterator[str]:
        for step in self.steps() if callable(self.steps) else self.steps:
            yield step.root if isinstance(step, Step) else step


@define(eq=False, repr=False)
class Step:
    """One step of a workflow. The functions of ``conductor.workflow`` create steps.

    Attributes:
        fields: The wire form of the task, with references and blocks of steps as objects.
        base: The name from which a reference name is made, if none is given.
        place: The line that created the step, as ``file:line``.
        signature: The signature of the worker's function, or None.
        branch_signature: For a dynamic fork, the signature of the function of each branch, or None.
        lifts: The field or input parameter with a script, whose ``${...}`` become input parameters.
        target: The ``Workflow`` of a SUB_WORKFLOW, or None.
        written: References that were converted to strings, by the path of the field.
        companions: Steps that are added right after this step, such as the JOIN of a fork.
        workflow: The workflow to which the step was added, or None.
        is_loaded: Whether the step was loaded from a definition, not created by a builder.
        token: A number that identifies the step until it has a reference name.
    """

    fields: dict[str, Any]
    base: str
    place: str = field(factory=caller_line)
    signature: Signature | None = None
    branch_signature: Signature | None = None
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
        """The reference name; None until the step is added to a workflow, unless it was given."""
        ref = self.fields.get("taskReferenceName")
        return ref if isinstance(ref, str) else None

    @property
    def root(self) -> str:
        """The start of references to this step: the reference name, or a placeholder for it."""
        return self.ref or f"{self.base}@{self.token}"

    @property
    def output(self) -> Ref:
        """A reference to the task's output: ``step.output.total``, ``step.output["total"]``."""
        return Ref(self, ".output")

    @property
    def input(self) -> Ref:
        """A reference to the task's input."""
        return Ref(self, ".input")

    @property
    def execution(self) -> Ref:
        """A reference to the task: ``step.execution.status``, ``taskId``, ``retryCount``, ``reasonForIncompletion``."""
        return Ref(self, "")

    def __rshift__(self, other: Content) -> Chain:
        return Chain([self]) >> other

    def blocks(self) -> Iterator[tuple[str, Block]]:
        """Yield the blocks of steps inside this step, each with its path in the wire form."""
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
        """Yield this step and all steps inside it."""
        yield self
        for _, block in self.blocks():
            for step in block:
                yield from step.walk()


class Chain:
    """A sequence of steps, created with ``>>``, for a block or a branch of a fork."""

    def __init__(self, items: Sequence[Any]) -> None:
        self.items: list[Any] = list(items)

    def __rshift__(self, other: Content) -> Self:
        return type(self)([*self.items, *(other.items if isinstance(other, Chain) else [other])])

    def __iter__(self) -> Iterator[Any]:
        return iter(self.items)


def as_inputs(inputs: Any) -> Mapping[str, Any]:
    """Return input parameters as a mapping.

    Raises:
        TypeError: ``inputs`` is not a mapping.
    """
    if inputs is None or isinstance(inputs, Mapping):
        return inputs or {}
    raise TypeError(f"Input parameters must be a dict of names and values (or keyword arguments), not {inputs!r}.")


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
    """Create a step.

    Args:
        type_: The task type.
        inputs: The input parameters.
        options: The options of every step.
        base: The name from which a reference name is made; by default the type.
        cls: The class of the step.
        lifts: The field or input parameter with a script, whose ``${...}`` become input parameters.
        fields: Fields of the task; None omits a field.

    Raises:
        TypeError: An option does not exist.
    """
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
        name = min(unknown)
        near = did_you_mean(name, OPTION_WIRE)
        raise TypeError(
            f"A step has no option {name!r}{near or f'; to pass it as an input, write inputs={{{name!r}: ...}}'}. "
            f"Options are: {known}."
        )
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
        """Return the block for steps that are added directly in the ``with`` block."""
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
        """Add a case.

        Args:
            value: The value; the server compares it as a string.
            content: Steps of the case.

        Returns:
            A context manager; steps of its ``with`` block are added to the case.
        """
        cases = self.fields["decisionCases"]
        return self._fill(cases.setdefault(case_key(value), Block()), content)

    def default(self, content: Content = None) -> AbstractContextManager[Block]:
        """Add the default case, for all other values.

        Args:
            content: Steps of the case.

        Returns:
            A context manager; steps of its ``with`` block are added to the case.
        """
        return self._fill(self.fields.setdefault("defaultCase", Block()), content)


@define(eq=False, repr=False)
class ForkStep(_Branching):
    """A FORK_JOIN: ``with f.branch(): ...`` for each branch; its JOIN comes after it."""

    def branch(self, content: Content = None) -> AbstractContextManager[Block]:
        """Add a branch, which runs in parallel to the others.

        Args:
            content: Steps of the branch.

        Returns:
            A context manager; steps of its ``with`` block are added to the branch.
        """
        if "forkTasks" not in self.fields:
            raise TypeError(f"Cannot add a branch to {self!r}: a dynamic fork gets its branches from its input.")
        block = Block()
        self.fields["forkTasks"].append(block)
        return self._fill(block, content)

    @property
    def output(self) -> Ref:
        """A reference to the output. For a dynamic fork, this is the JOIN's output, by reference names of the tasks."""
        is_dynamic = self.type == "FORK_JOIN_DYNAMIC" and bool(self.companions)
        return self.companions[0].output if is_dynamic else Ref(self, ".output")

    @property
    def join(self) -> Step:
        """The JOIN that follows; its output has the outputs of the joined steps by their reference names."""
        if not self.companions:
            raise TypeError(f"{self!r} was created with join=False, so it has no JOIN.")
        return self.companions[0]

    def last_steps(self) -> list[Step | str]:
        """Return the last step of each branch, for which a JOIN waits."""
        return [block.steps[-1] for block in self.fields["forkTasks"] if len(block)]


@define(eq=False, repr=False)
class LoopStep(_Branching):
    """A DO_WHILE; its body is the ``with`` block."""

    def _own_block(self) -> Block:
        body: Block = self.fields["loopOver"]
        return body

    @property
    def iteration(self) -> Ref:
        """A reference to the number of the iteration, from 1."""
        return self.output.iteration

    @property
    def item(self) -> Ref:
        """A reference to the item of this iteration, in a loop over items."""
        return self.output.loopItem

    @property
    def index(self) -> Ref:
        """A reference to the index of this iteration's item, from 0, in a loop over items."""
        return self.output.loopIndex


def case_key(value: Any) -> str:
    """Return a value of a case as a string, as the server compares it."""
    if isinstance(value, Enum):
        value = value.value
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value)


#: The start of references to the workflow itself, so it cannot be a reference name.
_RESERVED = "workflow"


class Names:
    """The reference names of one workflow."""

    def __init__(self) -> None:
        self._used = {_RESERVED}

    def use(self, name: str) -> None:
        """Reserve a name that is in use already."""
        self._used.add(name)

    def peek(self, base: str) -> str:
        """Return the next free name: the base itself, then ``base_2``, ``base_3`` and so on."""
        plain = re.sub(r"[\W_]+", "_", base).strip("_") or "task"
        name, number = plain, 2
        while name in self._used:
            name, number = f"{plain}_{number}", number + 1
        return name

    def make(self, base: str) -> str:
        """Return and reserve the next free name."""
        name = self.peek(base)
        self._used.add(name)
        return name
