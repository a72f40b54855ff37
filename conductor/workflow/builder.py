"""``Workflow``: a workflow definition, written in Python."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, overload

from typing_extensions import Self

from conductor._renamed import explains, missing_attribute
from conductor.errors import ConfigurationError, UnexpectedResponseError, WorkflowDefinitionError
from conductor.models import RateLimitConfig, SchemaDef, Tag, WorkflowDef, WorkflowTimeoutPolicy
from conductor.models.defaults import without_defaults
from conductor.workflow.checking import Checking
from conductor.workflow.draw import Picture, draw
from conductor.workflow.load import block_from, definition_from, read_file
from conductor.workflow.naming import Names
from conductor.workflow.opening import Opening
from conductor.workflow.place import here
from conductor.workflow.problem import Problem
from conductor.workflow.python import to_python
from conductor.workflow.refs import Ref
from conductor.workflow.render import Renderer
from conductor.workflow.roots import Roots
from conductor.workflow.running import Running
from conductor.workflow.step import Block, Chain, Closed, Content, Step
from conductor.workflow.tasks.branch import fork
from conductor.workflow.written import Written, claim

__all__ = ["Workflow"]

S = TypeVar("S", bound=Step)


class Workflow(Roots, Opening, Checking, Running):
    """A workflow definition as code.

    Steps are added with ``workflow >> step``, ``workflow.add(step)``, and inside the blocks of ``with`` statements; a
    list is branches that run beside each other. ``to_def()`` gives the definition.

    Args:
        name: Its name on the server.
        version: Its version.
        description: Free text.
        input_parameters: The names of its inputs, or name to default: then the defaults are its ``inputTemplate``.
        output_parameters: Name to value, mostly references; see ``returns``.
        timeout: Seconds, or a ``timedelta``, after which ``timeout_policy`` holds.
        timeout_policy: ``TIME_OUT_WF`` ends it, ``ALERT_ONLY`` does not; the first when a timeout is given alone.
        failure_workflow: Name of the workflow, or the ``Workflow``, that starts when this one fails.
        failure_workflow_version: Its version (open-source server).
        restartable: Whether it can be restarted once it is completed.
        status_listener: Whether the server tells its listener of status changes.
        status_listener_sink: Where it tells (Orkes).
        variables: Their values at the start.
        input_template: Defaults of the input.
        rate_limit: ``(key, concurrent executions)``, or the whole ``RateLimitConfig``.
        masked_fields: Names of fields that the server hides.
        input_schema: What the input is checked against (Orkes).
        output_schema: What the output is checked against (Orkes).
        enforce_schema: Whether they are enforced.
        cache: ``(key, seconds)``: executions are not repeated while the output is kept (Orkes).
        owner_email: Whom to ask.
        owner_app: Which application it belongs to.
        metadata: Free map that the server keeps.
        tags: Its tags: key to value, or ``Tag`` models or their wire forms (Orkes).
        overwrite_tags: Whether they replace the tags that it has there (Orkes).
        schema_version: The version of the form of definitions; servers take 2 only, which is their default.
        fields: Wire fields that this SDK has no name for.
    """

    if not TYPE_CHECKING:
        __getattr__ = missing_attribute

    @explains
    def __init__(
        self,
        name: str,
        version: int | None = 1,
        *,
        description: str | None = None,
        input_parameters: Sequence[str] | Mapping[str, Any] | None = None,
        output_parameters: Mapping[str, Any] | None = None,
        timeout: int | timedelta | None = None,
        timeout_policy: WorkflowTimeoutPolicy | str | None = None,
        failure_workflow: str | Workflow | Ref | None = None,
        failure_workflow_version: int | None = None,
        restartable: bool | None = None,
        status_listener: bool | None = None,
        status_listener_sink: str | None = None,
        variables: Mapping[str, Any] | None = None,
        input_template: Mapping[str, Any] | None = None,
        rate_limit: tuple[str, int] | RateLimitConfig | Mapping[str, Any] | None = None,
        masked_fields: Sequence[str] | None = None,
        input_schema: SchemaDef | Mapping[str, Any] | None = None,
        output_schema: SchemaDef | Mapping[str, Any] | None = None,
        enforce_schema: bool | None = None,
        cache: tuple[str, int] | Mapping[str, Any] | None = None,
        owner_email: str | None = None,
        owner_app: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        tags: Mapping[str, str] | Sequence[Tag | Mapping[str, Any]] | None = None,
        overwrite_tags: bool | None = None,
        schema_version: int | None = None,
        fields: Mapping[str, Any] | None = None,
    ) -> None:
        if isinstance(timeout, timedelta):
            timeout = round(timeout.total_seconds())
        if isinstance(input_parameters, Mapping):
            input_template = {**input_parameters, **(input_template or {})}
        given = {
            "name": name,
            "version": version,
            "description": description,
            "tasks": Block(),
            "inputParameters": None if input_parameters is None else list(input_parameters),
            "inputTemplate": input_template,
            "outputParameters": output_parameters,
            "timeoutSeconds": timeout,
            "timeoutPolicy": timeout_policy or (None if timeout is None else WorkflowTimeoutPolicy.TIME_OUT_WF),
            "failureWorkflow": failure_workflow.name if isinstance(failure_workflow, Workflow) else failure_workflow,
            "failureWorkflowVersion": failure_workflow_version,
            "restartable": restartable,
            "workflowStatusListenerEnabled": status_listener,
            "workflowStatusListenerSink": status_listener_sink,
            "variables": variables,
            "rateLimitConfig": _pair(rate_limit, "rateLimitKey", "concurrentExecLimit"),
            "maskedFields": masked_fields,
            "inputSchema": input_schema,
            "outputSchema": output_schema,
            "enforceSchema": enforce_schema,
            "cacheConfig": _pair(cache, "key", "ttlInSecond"),
            "ownerEmail": owner_email,
            "ownerApp": owner_app,
            "metadata": metadata,
            "tags": [{"key": k, "value": v} for k, v in tags.items()] if isinstance(tags, Mapping) else tags,
            "overwriteTags": overwrite_tags,
            "schemaVersion": schema_version,
        }
        self._set_up({**{key: value for key, value in given.items() if value is not None}, **(fields or {})})
        self._written = claim({"outputParameters": output_parameters})

    def _set_up(self, fields: dict[str, Any]) -> None:
        self.place: str = here()
        self._fields = fields
        self._names = Names()
        self._open: list[Block] = [fields["tasks"]]
        self._mistakes: list[Problem] = []
        self._lines: dict[str, str] = {}
        self._written: dict[str, list[Written]] = {}

    def __repr__(self) -> str:
        return f"Workflow({self.name!r}, version={self.version!r}, steps={sum(1 for _ in self.walk())})"

    # -- what it is

    @property
    def name(self) -> str:
        """Its name."""
        return str(self._fields.get("name") or "")

    @property
    def version(self) -> int | None:
        """Its version."""
        return self._fields.get("version")

    @property
    def steps(self) -> list[Step]:
        """The steps of the first level; each has its own in ``blocks()``."""
        tasks: Block = self._fields["tasks"]
        return list(tasks.steps)

    def walk(self) -> Iterator[Step]:
        """All steps, those of blocks after the step that holds them."""
        for step in self.steps:
            yield from step.walk()

    def step(self, ref: str) -> Step:
        """The step with a reference name.

        Raises:
            KeyError: There is none.
        """
        for step in self.walk():
            if step.ref == ref:
                return step
        raise KeyError(f"workflow {self.name!r} has no step {ref!r}; it has: {', '.join(s.root for s in self.walk())}")

    # -- adding

    def __rshift__(self, item: Content) -> Self:
        self.add(item)
        return self

    @overload
    def add(self, item: S, /) -> S: ...

    @overload
    def add(self, item: Content, /, *more: Content) -> Any: ...

    def add(self, item: Any, /, *more: Any) -> Any:
        """Add steps to the block that is open: the workflow itself, or that of the innermost ``with``.

        Args:
            item: A step; a list of branches that run beside each other; or a function that adds or returns steps.
            more: What follows it.

        Returns:
            The step, when one was given (for a list, the fork).
        """
        added = self._add(item)
        for other in more:
            self._add(other)
        return None if more else added

    def fill(self, block: Block, content: Content) -> None:
        """Add steps to a block; a list is a sequence here."""
        with self.inside(block):
            for item in _sequence(content):
                self._add(item)

    @contextmanager
    def inside(self, block: Block) -> Iterator[Block]:
        """Have what is added go into a block."""
        self._open.append(block)
        try:
            yield block
        finally:
            self._open.pop()

    def _add(self, item: Any) -> Any:
        if item is None or item is self:
            return None
        if isinstance(item, Step):
            return self._settle(item)
        if isinstance(item, Chain):
            for part in item:
                self._add(part)
            return None
        if isinstance(item, Sequence) and not isinstance(item, str):
            return self._settle(fork(*item)) if item else None
        if callable(item) and not isinstance(item, Ref):
            takes_workflow = any(p.default is p.empty for p in inspect.signature(item).parameters.values())
            made = item(self) if takes_workflow else item()
            for part in _sequence(made):
                self._add(part)
            return None
        raise TypeError(f"A step, a list of branches or a function that makes steps can be added, and not {item!r}.")

    def _settle(self, step: S) -> S:
        if isinstance(between := self._open[-1], Closed):
            call = "branch()" if between.step.type == "FORK_JOIN" else 'case("...")'
            raise TypeError(
                f"{step!r} would stand between the branches of {between.step!r}; write: with step.{call}: ..."
            )
        if step.workflow is not None:
            self._mistakes.append(_added_twice(step, self))
            return step
        if step.fields.get("taskReferenceName") is None and not step.is_loaded:
            step.fields["taskReferenceName"] = self._names.make(step.base)
        if step.fields.get("name") is None and not step.is_loaded:
            step.fields["name"] = step.ref
        self._open[-1].steps.append(step)
        for inner in step.walk():
            self._adopt(inner)
        for _, block in list(step.blocks()):
            content, block.content = block.content, None
            self.fill(block, content)
        for companion in step.companions:
            if companion.workflow is None:
                companion.base = f"{step.ref}_join"
                self._settle(companion)
        return step

    def returns(self, values: Mapping[str, Any] | None = None, /, **more: Any) -> Self:
        """Say what the workflow answers (``outputParameters``); without it that is the last task's output."""
        given = {**(values or {}), **more}
        self._fields["outputParameters"] = {**(self._fields.get("outputParameters") or {}), **given}
        self._lines |= dict.fromkeys((f"outputParameters.{name}" for name in given), here())
        self._written |= claim({"outputParameters": given})
        return self

    # -- the definition

    def to_dict(self) -> dict[str, Any]:
        """The definition in its wire form."""
        renderer = Renderer(self.walk())
        return {
            key: [renderer.step(step) for step in value] if isinstance(value, Block) else renderer.value(value)
            for key, value in self._fields.items()
        }

    def to_def(self) -> WorkflowDef:
        """The definition.

        Raises:
            WorkflowDefinitionError: Values in it are of another type than a definition has.
        """
        try:
            return WorkflowDef.from_dict(self.to_dict())
        except UnexpectedResponseError as error:
            problem = Problem("WRONG_TYPE", error.message, error.path_in_body)
            raise WorkflowDefinitionError(
                f"Workflow {self.name!r} cannot be read as a definition. {error.message}", problems=[problem]
            ) from None

    def to_python(self, variable: str = "workflow", *, tidy: bool = False) -> str:
        """The source of a module that makes this workflow with builders.

        A task that no builder makes exactly so is written with ``raw``; nothing is lost.

        Args:
            variable: What the workflow is called in it.
            tidy: Leave out what the server fills in by itself, as it did in a definition that came from there.
        """
        wire = self.to_dict()
        return to_python(without_defaults(wire) if tidy else wire, Workflow, variable)

    def draw(self, inside: Iterable[object] = ()) -> Picture:
        """Its picture: ``.svg()``, ``.mermaid()``, ``.text()``, ``.save(path)``; see ``conductor.workflow.draw``.

        Args:
            inside: Definitions of sub-workflows, or builders of them, to be drawn inside the steps that run them.
        """
        return draw(self, inside)

    def _repr_html_(self) -> str:
        return self.draw()._repr_html_()

    @classmethod
    def from_def(cls, definition: WorkflowDef | Mapping[str, Any] | str | bytes) -> Self:
        """A workflow of a definition: a model, its wire form, or its JSON; ``to_dict`` gives back what was given.

        Steps can be added to it, and it is checked as one that was written in Python.

        Raises:
            ConfigurationError: It is no definition.
        """
        fields = definition_from(definition)
        tasks = [] if fields.get("tasks") is None else fields["tasks"]
        if not isinstance(tasks, list) or not all(isinstance(task, Mapping) for task in tasks):
            raise ConfigurationError("The tasks of a workflow definition are a list of objects.", variable="tasks")
        fields["tasks"] = block_from(tasks)
        workflow = cls.__new__(cls)
        workflow._set_up(fields)  # noqa: SLF001  its own
        for step in workflow.walk():
            workflow._adopt(step)  # noqa: SLF001
        return workflow

    @classmethod
    def from_file(cls, path: str | Path) -> Self:
        """A workflow of a JSON or YAML file (``.yaml`` and ``.yml`` need the extra ``yaml``).

        Raises:
            ConfigurationError: There is no definition in it.
        """
        found = read_file(path)
        if isinstance(found, list) and len(found) == 1:
            found = found[0]
        if not isinstance(found, Mapping):
            raise ConfigurationError(f"{path} holds no workflow definition, which is one object.", variable=str(path))
        return cls.from_def(found)

    def _adopt(self, step: Step) -> None:
        step.workflow = self
        if step.ref is not None:
            self._names.use(step.ref)


def _sequence(content: Any) -> list[Any]:
    if isinstance(content, Sequence) and not isinstance(content, str):
        return list(content)
    return [content]


def _pair(value: Any, first: str, second: str) -> Any:
    return {first: value[0], second: value[1]} if isinstance(value, tuple) else value


def _added_twice(step: Step, workflow: Workflow) -> Problem:
    where = "this workflow" if step.workflow is workflow else f"workflow {getattr(step.workflow, 'name', '?')!r}"
    return Problem(
        "ADDED_TWICE",
        f"Step {step.root!r} was added to {where} before; a step stands in one place. Make another with the builder.",
        here(),
    )
