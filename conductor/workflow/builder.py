"""``Workflow``: a workflow definition, written in Python."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, overload

from typing_extensions import ParamSpec, Self, TypedDict, Unpack

from conductor._internal.durations import timedelta_to_seconds
from conductor.diagram import Diagram, draw
from conductor.errors import (
    ConfigurationError,
    ConflictError,
    NotFoundError,
    UnexpectedResponseError,
    WorkflowDefinitionError,
)
from conductor.models import (
    IdempotencyStrategy,
    RateLimitConfig,
    SchemaDef,
    Tag,
    TaskDef,
    TaskRun,
    WorkflowDef,
    WorkflowRun,
    WorkflowTimeoutPolicy,
)
from conductor.models.defaults import without_defaults
from conductor.models.definition_diff import Diff, compare
from conductor.models.enums import Consistency, ReturnStrategy
from conductor.validation import Definition, Problem, check
from conductor.workflow.checks import SourceReader, find_cycle
from conductor.workflow.codegen import to_python
from conductor.workflow.load import block_from, definition_from, read_file
from conductor.workflow.refs import Ref
from conductor.workflow.render import Renderer
from conductor.workflow.signature import Declared, declared
from conductor.workflow.source_tracking import WrittenReference, caller_line, collect_references
from conductor.workflow.step import Block, Chain, Closed, Content, ForkStep, LoopStep, Names, Options, Step, SwitchStep
from conductor.workflow.tasks import branch

if TYPE_CHECKING:
    from conductor.clients.client import ConductorClient
    from conductor.models import Workflow as Execution

__all__ = ["ExecuteOptions", "RunOptions", "StartOptions", "Workflow"]

P = ParamSpec("P")
T = TypeVar("T")
S = TypeVar("S", bound=Step)


class RunOptions(TypedDict, total=False):
    """Options of ``Workflow.run``; ``client.workflows.start`` describes them."""

    correlation_id: str | None
    priority: int | None
    task_to_domain: Mapping[str, str] | None
    idempotency_key: str | None
    idempotency_strategy: IdempotencyStrategy | str | None
    created_by: str | None
    external_input_payload_storage_path: str | None


class StartOptions(RunOptions, total=False):
    """Options of ``Workflow.start``; ``client.workflows.start`` describes them."""

    timeout: float | timedelta | None


class ExecuteOptions(TypedDict, total=False):
    """Options of ``Workflow.execute``; ``client.workflows.execute`` describes them."""

    wait_for: float | timedelta
    wait_until: str | Sequence[str] | None
    return_strategy: ReturnStrategy | str
    consistency: Consistency | str | None
    request_id: str | None
    correlation_id: str | None
    priority: int | None
    task_to_domain: Mapping[str, str] | None
    idempotency_key: str | None
    idempotency_strategy: IdempotencyStrategy | str | None


def _with_client(call: Callable[P, T]) -> Callable[P, T]:
    """Have a method say what it misses when it is called as if the workflow held a client."""

    @functools.wraps(call)
    def checked(*given: P.args, **named: P.kwargs) -> T:
        client = given[1] if len(given) > 1 else named.get("client")
        if not hasattr(client, "workflows"):
            name = call.__name__
            raise TypeError(
                f"Workflow.{name}() takes a ConductorClient first, and got {client!r}: a workflow holds no client. "
                f"Write workflow.{name}(client, ...)."
            )
        return call(*given, **named)

    return checked


class Workflow:
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
        timeout = timedelta_to_seconds(timeout, "timeout")
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
        self._written |= collect_references({"outputParameters": output_parameters})

    def _set_up(self, fields: dict[str, Any]) -> None:
        self.place: str = caller_line()
        self._fields = fields
        self._names = Names()
        self._open: list[Block] = [fields["tasks"]]
        self._problems: list[Problem] = []
        self._lines: dict[str, str] = {}
        self._written: dict[str, list[WrittenReference]] = {}

    def __repr__(self) -> str:
        return f"Workflow({self.name!r}, version={self.version!r}, steps={sum(1 for _ in self.walk())})"

    # -- parts

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

    # -- references

    @property
    def root(self) -> str:
        """What references to the workflow begin with."""
        return "workflow"

    @property
    def input(self) -> Ref:
        """Its input: ``workflow.input.customer``, ``workflow.input["order id"]``."""
        return Ref(self, ".input")

    @property
    def variables(self) -> Ref:
        """Its variables, which ``set_variable`` sets."""
        return Ref(self, ".variables")

    @property
    def secrets(self) -> Ref:
        """The server's secrets; they are put in when the task is handed out, and never stored."""
        return Ref(self, ".secrets")

    @property
    def env(self) -> Ref:
        """The server's environment variables."""
        return Ref(self, ".env")

    @property
    def execution(self) -> Ref:
        """The execution: ``.workflowId``, ``.correlationId``, ``.workflowType``, ``.version``, ``.status``."""
        return Ref(self, "")

    # -- steps

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
            return self._settle(branch.fork(*item)) if item else None
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
            self._problems.append(_added_twice(step, self))
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
        self._lines |= dict.fromkeys((f"outputParameters.{name}" for name in given), caller_line())
        self._written |= collect_references({"outputParameters": given})
        return self

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
        step = branch.switch(value, cases, default, script=script, evaluator=evaluator, param=param, **options)
        return self.add(step)

    def fork(
        self,
        *branches: Content,
        join_on: Sequence[Step | str] | None = None,
        join: bool | Step = True,
        **options: Unpack[Options],
    ) -> ForkStep:
        """Add a FORK_JOIN and its JOIN, see ``conductor.workflow.fork``: ``with f.branch(): ...``."""
        return self.add(branch.fork(*branches, join_on=join_on, join=join, **options))

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
        return self.add(
            branch.do_while(
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
        return self.add(branch.for_each(items, body, **options))

    # -- checks

    def validate(self, *, workers: Iterable[Callable[..., Any] | Declared] | None = None) -> list[Problem]:
        """Return all problems of the workflow, warnings included (``is_error`` is false).

        Args:
            workers: The available workers: functions, ``Worker`` objects, or a ``WorkerRegistry``. With them, tasks
                that only have a name, such as those of a JSON file, are checked against the functions too, and a task
                without a worker is a warning.
        """
        signatures = None if workers is None else {one.name: one for one in map(declared, workers)}
        return list(check(self.as_definition(), signatures=signatures))

    def check(self, *, workers: Iterable[Callable[..., Any] | Declared] | None = None) -> Self:
        """Raise the errors that ``validate`` finds; warnings are ignored.

        Args:
            workers: See ``validate``.

        Raises:
            WorkflowDefinitionError: The workflow has errors; the attribute ``problems`` holds all of them.
        """
        errors = [problem for problem in self.validate(workers=workers) if problem.is_error]
        if errors:
            listing = "".join(f"\n  {problem}" for problem in errors)
            count = f"{len(errors)} problems" if len(errors) > 1 else "a problem"
            raise WorkflowDefinitionError(f"Workflow {self.name!r} has {count}:{listing}", problems=errors)
        return self

    def as_definition(self, inside: tuple[Any, ...] = ()) -> Definition:
        """Return the definition with its source lines, for ``conductor.validation.check``.

        Args:
            inside: The workflows that contain this one as a sub-workflow, outermost first.
        """
        if self in inside:
            return Definition(self.without_tasks(), is_cycle=True)
        fields = {key: value for key, value in self._fields.items() if not isinstance(value, Block)}
        reader = SourceReader(self, (*inside, self))
        tasks: Block = self._fields["tasks"]
        cycle = None if inside else find_cycle(self)
        is_built = not all(step.is_loaded for step in self.walk())
        return Definition(
            self._rendered(is_lenient=True),
            place=self.place if is_built else "",
            lines=self._lines,
            references=reader.references({"outputParameters": fields.get("outputParameters")}, self._written),
            unserializable=reader.unserializable(fields),
            tasks=dict(reader.tasks(tasks)),
            problems=[*self._problems, *([cycle] if cycle else [])],
        )

    def without_tasks(self) -> dict[str, Any]:
        """Return the definition in its wire form without its tasks; values without a JSON form become text."""
        renderer = Renderer((), is_lenient=True)
        return {key: renderer.value(value) for key, value in self._fields.items() if not isinstance(value, Block)}

    # -- the definition

    def to_dict(self) -> dict[str, Any]:
        """Return the definition in its wire form.

        Raises:
            SerializationError: A value has no JSON form.
        """
        return self._rendered(is_lenient=False)

    def _rendered(self, *, is_lenient: bool) -> dict[str, Any]:
        renderer = Renderer(self.walk(), is_lenient=is_lenient)
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

    def draw(self, inside: Iterable[object] = ()) -> Diagram:
        """Return its diagram: ``.svg()``, ``.mermaid()``, ``.text()``, ``.save(path)``; see ``conductor.diagram``.

        Args:
            inside: Definitions of sub-workflows, or builders of them, to draw inside the steps that run them.
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
        workflow._set_up(fields)  # its own
        for step in workflow.walk():
            workflow._adopt(step)
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

    # -- calls

    @_with_client
    def register(
        self, client: ConductorClient, *, overwrite: bool = False, task_defs: bool = False, check: bool = True
    ) -> None:
        """Register the definition (``POST /metadata/workflow``).

        Args:
            client: The client.
            overwrite: Replace what the server has in this version. Without it, a registered definition that is the
                same is left alone, and one that differs is an error.
            task_defs: Register the task definitions of the decorated functions among its steps as well
                (``POST /metadata/taskdefs``).
            check: Whether to check it first.

        Raises:
            ConflictError: This version is there, differs, and ``overwrite`` is false.
        """
        definition = (self.check() if check else self).to_def()
        if task_defs and (found := self.task_defs()):
            client.metadata.register_tasks(found)
        try:
            client.metadata.register_workflow(definition, overwrite=overwrite)
        except ConflictError:
            if self.diff(client):
                raise

    def task_defs(self) -> list[TaskDef]:
        """The task definitions of the decorated functions among its steps."""
        found: dict[str, TaskDef] = {}
        for step in self.walk():
            make = getattr(step.signature and step.signature.worker, "task_def", None)
            if step.signature is not None and callable(make):
                found.setdefault(step.signature.name, make())
        return list(found.values())

    @_with_client
    def start(
        self,
        client: ConductorClient,
        input: Mapping[str, Any] | None = None,
        *,
        registered: bool = False,
        check: bool = True,
        **options: Any,
    ) -> str:
        """Start it and return the execution's id (``POST /workflow``).

        Args:
            client: The client.
            input: The workflow's input.
            registered: Start the registered definition of this name and version; without it this very definition is
                sent along, and need not be registered.
            check: Whether to check it first.
            options: What else ``client.workflows.start`` takes.
        """
        target, more = self._target(registered, check)
        return client.workflows.start(target, input, **more, **options)

    @_with_client
    def execute(
        self,
        client: ConductorClient,
        input: Mapping[str, Any] | None = None,
        *,
        registered: bool = False,
        check: bool = True,
        **options: Any,
    ) -> WorkflowRun | TaskRun:
        """Start it and wait on the server for it (``POST /workflow/execute/{name}/{version}``).

        Args:
            client: The client.
            input: The workflow's input.
            registered: See ``start``.
            check: Whether to check it first.
            options: What else ``client.workflows.execute`` takes.
        """
        target, more = self._target(registered, check)
        return client.workflows.execute(target, input, **more, **options)

    @_with_client
    def run(
        self,
        client: ConductorClient,
        input: Mapping[str, Any] | None = None,
        *,
        registered: bool = False,
        check: bool = True,
        timeout: float | timedelta | None = None,
        **options: Any,
    ) -> Execution:
        """Start it, wait for its end, and return the execution.

        Args:
            client: The client.
            input: The workflow's input.
            registered: See ``start``.
            check: Whether to check it first.
            timeout: The longest wait, in seconds; None for no limit.
            options: What else ``client.workflows.start`` takes.

        Raises:
            WorkflowFailedError: It ended, but not as COMPLETED.
            WorkflowTimeoutError: It has not ended in time; it goes on.
        """
        target, more = self._target(registered, check)
        return client.workflows.run(target, input, timeout=timeout, **more, **options)

    def _target(self, registered: bool, check: bool) -> tuple[Any, dict[str, Any]]:
        workflow = self.check() if check else self
        if registered:
            return workflow.name, {"version": workflow.version}
        return workflow.to_def(), {}

    @_with_client
    def diff(self, client: ConductorClient) -> Diff:
        """What differs from the registered definition of this name and version; false for nothing.

        ``GET /metadata/workflow/{name}``.
        """
        here = self.to_def()
        try:
            there = client.metadata.get_workflow(self.name, self.version, metadata=bool(here.tags) or None)
        except NotFoundError:
            return Diff((), is_registered=False)
        return compare(here, there, filled_in={"ownerEmail"})  # Orkes fills in who registered it


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
        caller_line(),
    )
