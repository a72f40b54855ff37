"""``Workflow``: a workflow definition as Python code."""

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
from conductor._internal.introspection import refuse_unknown_keywords
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
from conductor.workflow.codegen import to_python
from conductor.workflow.load import block_from, definition_from, read_file
from conductor.workflow.refs import Ref
from conductor.workflow.render import Renderer, SourceReader, find_cycle
from conductor.workflow.signature import Declared, Signature, declared, is_declared
from conductor.workflow.source_tracking import WrittenReference, caller_line, collect_references
from conductor.workflow.step import Block, Chain, Closed, Content, ForkStep, LoopStep, Names, Options, Step, SwitchStep
from conductor.workflow.tasks import branch
from conductor.workflow.tasks.simple import simple

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
    """Make a method raise a helpful TypeError if its first argument is not a client."""

    @functools.wraps(call)
    def checked(*given: P.args, **named: P.kwargs) -> T:
        client = given[1] if len(given) > 1 else named.get("client")
        if not hasattr(client, "workflows"):
            name = call.__name__
            raise TypeError(
                f"Workflow.{name}() takes a ConductorClient as its first argument, not {client!r}: a workflow has no "
                f"client. Write workflow.{name}(client, ...)."
            )
        return call(*given, **named)

    return checked


class Workflow:
    """A workflow definition as code.

    Add steps with ``workflow >> step``, with ``workflow.add(step)``, or inside ``with`` blocks. The steps of a list run
    in parallel. ``to_def()`` returns the definition.

    Args:
        name: The name of the workflow.
        version: The version.
        description: A description.
        input_parameters: The names of the inputs; or a mapping of names to default values, which are added to
            ``input_template``.
        output_parameters: The workflow's output: names and values, usually references; see ``returns``.
        timeout: Seconds, or a ``timedelta``, after which ``timeout_policy`` applies.
        timeout_policy: ``TIME_OUT_WF`` ends the execution, ``ALERT_ONLY`` does not. If ``timeout`` is set, the default
            is ``TIME_OUT_WF``.
        failure_workflow: The workflow to start if this one fails: its name, or a ``Workflow``.
        failure_workflow_version: The version of the failure workflow (open-source server).
        restartable: Whether a completed execution can be restarted.
        status_listener: Whether the server notifies its listener of status changes.
        status_listener_sink: The destination of these notifications (Orkes).
        variables: The initial values of the variables.
        input_template: Default values of the input.
        rate_limit: ``(key, concurrent executions)``, or a ``RateLimitConfig``.
        masked_fields: Names of fields whose values the server hides.
        input_schema: The schema of the input (Orkes).
        output_schema: The schema of the output (Orkes).
        enforce_schema: Whether the server enforces the schemas.
        cache: ``(key, seconds)``: the output of an execution is reused for this time (Orkes).
        owner_email: The email address of the owner.
        owner_app: The application that owns the workflow.
        metadata: Your own data about the workflow; the server stores it.
        tags: Tags: a mapping of keys to values, or a list of ``Tag`` models or their wire forms (Orkes).
        overwrite_tags: Whether the tags replace those on the server (Orkes).
        schema_version: The version of the definition format; servers support only 2, their default.
        fields: Further fields of the definition, by their names in JSON.

    Attributes:
        place: The line that created the workflow, as ``file:line``.
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
        """The name of the workflow."""
        return str(self._fields.get("name") or "")

    @property
    def version(self) -> int | None:
        """The version; None if the server will choose it."""
        return self._fields.get("version")

    @property
    def steps(self) -> list[Step]:
        """The steps of the top level; ``step.blocks()`` returns those of a fork, a switch or a loop."""
        tasks: Block = self._fields["tasks"]
        return list(tasks.steps)

    def walk(self) -> Iterator[Step]:
        """Yield all steps, each before the steps inside it."""
        for step in self.steps:
            yield from step.walk()

    def step(self, ref: str) -> Step:
        """Return the step with a reference name.

        Args:
            ref: The reference name.

        Raises:
            KeyError: The workflow has no such step.
        """
        for step in self.walk():
            if step.ref == ref:
                return step
        raise KeyError(f"workflow {self.name!r} has no step {ref!r}; it has: {', '.join(s.root for s in self.walk())}")

    # -- references

    @property
    def root(self) -> str:
        """The start of references to the workflow."""
        return "workflow"

    @property
    def input(self) -> Ref:
        """A reference to the input: ``workflow.input.customer``, ``workflow.input["order id"]``."""
        return Ref(self, ".input")

    @property
    def variables(self) -> Ref:
        """A reference to the variables, which ``set_variable`` sets."""
        return Ref(self, ".variables")

    @property
    def secrets(self) -> Ref:
        """A reference to the server's secrets. The server inserts them when it dispatches a task, and stores none."""
        return Ref(self, ".secrets")

    @property
    def env(self) -> Ref:
        """A reference to the server's environment variables."""
        return Ref(self, ".env")

    @property
    def execution(self) -> Ref:
        """A reference to the execution: ``execution.workflowId``, ``execution.status``, ``execution.correlationId``."""
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
        """Add steps to the workflow, or to the block of the innermost ``with``.

        Args:
            item: A step; a list of branches that run in parallel; a worker's function or `Worker`; or a
                function that adds or returns steps.
            more: Steps that follow it.

        Returns:
            The step, or the fork for a list; None with ``more``.

        Raises:
            TypeError: ``item`` is of another type, or steps cannot be added here.
        """
        added = self._add(item)
        for other in more:
            self._add(other)
        return None if more else added

    def fill(self, block: Block, content: Content) -> None:
        """Add steps to a block. The steps of a list are added one after another."""
        with self.inside(block):
            for item in _sequence(content):
                self._add(item)

    @contextmanager
    def inside(self, block: Block) -> Iterator[Block]:
        """Add the steps of a ``with`` block to this block."""
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
        if is_declared(item):
            return self._settle(simple(item))
        if callable(item) and not isinstance(item, Ref):
            takes_workflow = any(p.default is p.empty for p in inspect.signature(item).parameters.values())
            made = item(self) if takes_workflow else item()
            if made is not None and not isinstance(made, Step | Chain | Sequence | Workflow) and not callable(made):
                name = getattr(item, "__name__", repr(item))
                raise TypeError(
                    f"Cannot add {name}: it was called, and returned {made!r} instead of steps. To run it as a task, "
                    f"decorate it with @worker_task, and add simple({name})."
                )
            for part in _sequence(made):
                self._add(part)
            return None
        hint = " To run a worker's function as a task, do not call it: simple(function, x=...)."
        raise TypeError(
            f"Cannot add {item!r}; pass a step, a list of branches or a function that returns steps."
            f"{'' if isinstance(item, str | Ref) else hint}"
        )

    def _settle(self, step: S) -> S:
        if isinstance(between := self._open[-1], Closed):
            call = "branch()" if between.step.type == "FORK_JOIN" else 'case("...")'
            raise TypeError(
                f"Cannot add {step!r} outside of the branches of {between.step!r}; write: with step.{call}: ..."
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
        """Set the workflow's output (``outputParameters``); by default it is the last task's output.

        Args:
            values: Names and values, usually references.
            more: Further names and values.

        Returns:
            The workflow.
        """
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
        """Add a SWITCH: ``with s.case("A"): ...``, ``with s.default(): ...``; see ``conductor.workflow.switch``."""
        step = branch.switch(value, cases, default, script=script, evaluator=evaluator, param=param, **options)
        return self.add(step)

    def fork(
        self,
        *branches: Content,
        join_on: Sequence[Step | str] | None = None,
        join: bool | Step = True,
        **options: Unpack[Options],
    ) -> ForkStep:
        """Add a FORK_JOIN and its JOIN: ``with f.branch(): ...``; see ``conductor.workflow.fork``."""
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
        """Add a DO_WHILE, whose body is the ``with`` block; see ``conductor.workflow.do_while``."""
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
        """Add a DO_WHILE over items, whose body is the ``with`` block; see ``conductor.workflow.for_each``."""
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
        """Return the definition.

        Raises:
            WorkflowDefinitionError: A value has the wrong type.
            SerializationError: A value has no JSON form.
        """
        try:
            return WorkflowDef.from_dict(self.to_dict())
        except UnexpectedResponseError as error:
            problem = Problem("WRONG_TYPE", error.message, error.path_in_body)
            raise WorkflowDefinitionError(
                f"Workflow {self.name!r} is not a valid definition. {error.message}", problems=[problem]
            ) from None

    def to_python(self, variable: str = "workflow", *, tidy: bool = False) -> str:
        """Return the source of a Python module that builds this workflow.

        A task that no builder reproduces exactly is written with ``raw``, so that the definition stays the same.

        Args:
            variable: The name of the workflow's variable in the module.
            tidy: Whether to omit the default values that the server adds to a registered definition.
        """
        wire = self.to_dict()
        return to_python(without_defaults(wire) if tidy else wire, Workflow, variable)

    def draw(self, inside: Iterable[object] = ()) -> Diagram:
        """Return the diagram: ``.svg()``, ``.mermaid()``, ``.text()``, ``.save(path)``; see ``conductor.diagram``.

        Args:
            inside: Definitions of sub-workflows, or builders of them, to draw inside the steps that run them.
        """
        return draw(self, inside)

    def _repr_html_(self) -> str:
        return self.draw()._repr_html_()

    @classmethod
    def from_def(cls, definition: WorkflowDef | Mapping[str, Any] | str | bytes) -> Self:
        """Create a workflow from a definition. ``to_dict`` returns the same definition.

        You can add steps to the workflow and validate it, like a workflow that was written in Python.

        Args:
            definition: A ``WorkflowDef``, its wire form as a mapping, or its JSON.

        Raises:
            ConfigurationError: The definition is not JSON, not an object, or its tasks are not a list of objects.
        """
        fields = definition_from(definition)
        tasks = [] if fields.get("tasks") is None else fields["tasks"]
        if not isinstance(tasks, list) or not all(isinstance(task, Mapping) for task in tasks):
            raise ConfigurationError("The tasks of a workflow definition must be a list of objects.", variable="tasks")
        fields["tasks"] = block_from(tasks)
        workflow = cls.__new__(cls)
        workflow._set_up(fields)  # its own
        for step in workflow.walk():
            workflow._adopt(step)
        return workflow

    @classmethod
    def from_file(cls, path: str | Path) -> Self:
        """Create a workflow from a JSON or YAML file (``.yaml`` and ``.yml`` need the extra ``yaml``).

        Args:
            path: The file.

        Raises:
            ConfigurationError: The file is invalid, or does not contain a workflow definition.
            OSError: The file cannot be read.
        """
        found = read_file(path)
        if isinstance(found, list) and len(found) == 1:
            found = found[0]
        if not isinstance(found, Mapping):
            raise ConfigurationError(f"{path} must contain a workflow definition (one object).", variable=str(path))
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
            overwrite: Whether to replace this version if it is registered. If it is false, the call does nothing if the
                registered definition is the same, and raises if it differs.
            task_defs: Whether to also register the task definitions of decorated functions (``POST
                /metadata/taskdefs``).
            check: Whether to validate the workflow first.

        Raises:
            WorkflowDefinitionError: The workflow has errors.
            ConflictError: This version is registered and differs, and ``overwrite`` is false.
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
        """Return the task definitions of the decorated functions among the steps.

        The functions of dynamic forks and of sub-workflows with an inline definition are included.
        """
        found: dict[str, TaskDef] = {}
        for signature in self._signatures():
            make = getattr(signature.worker, "task_def", None)
            if callable(make):
                found.setdefault(signature.name, make())
        return list(found.values())

    def _signatures(self) -> Iterator[Signature]:
        """Yield the signatures of the functions that the steps run."""
        for step in self.walk():
            yield from (one for one in (step.signature, step.branch_signature) if one is not None)
            inline = (step.fields.get("subWorkflowParam") or {}).get("workflowDefinition")
            if isinstance(inline, Workflow):
                yield from inline._signatures()

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
        """Start the workflow and return the execution's id (``POST /workflow``).

        Args:
            client: The client.
            input: The workflow's input.
            registered: Whether to start the registered definition with this name and version. By default, the request
                contains this definition, which need not be registered.
            check: Whether to validate the workflow first.
            options: Further arguments of ``client.workflows.start``.

        Raises:
            WorkflowDefinitionError: The workflow has errors.
        """
        refuse_unknown_keywords("Workflow.start", client.workflows.start, options, ("registered", "check"))
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
        """Start the workflow and let the server wait for it (``POST /workflow/execute/{name}/{version}``).

        Args:
            client: The client.
            input: The workflow's input.
            registered: See ``start``.
            check: Whether to validate the workflow first.
            options: Further arguments of ``client.workflows.execute``.

        Returns:
            The execution, or the task that blocks it, depending on ``return_strategy``.

        Raises:
            WorkflowDefinitionError: The workflow has errors.
        """
        refuse_unknown_keywords("Workflow.execute", client.workflows.execute, options, ("registered", "check"))
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
        """Start the workflow, wait until it ends, and return the execution.

        Args:
            client: The client.
            input: The workflow's input.
            registered: See ``start``.
            check: Whether to validate the workflow first.
            timeout: Seconds, or a ``timedelta``, to wait; None for no limit.
            options: Further arguments of ``client.workflows.start``.

        Raises:
            WorkflowDefinitionError: The workflow has errors.
            WorkflowFailedError: The execution has ended with a status other than COMPLETED.
            WorkflowTimeoutError: The execution did not end in time; it continues on the server.
        """
        refuse_unknown_keywords("Workflow.run", client.workflows.start, options, ("registered", "check", "timeout"))
        target, more = self._target(registered, check)
        return client.workflows.run(target, input, timeout=timeout, **more, **options)

    def _target(self, registered: bool, check: bool) -> tuple[Any, dict[str, Any]]:
        workflow = self.check() if check else self
        if registered:
            return workflow.name, {"version": workflow.version}
        return workflow.to_def(), {}

    @_with_client
    def diff(self, client: ConductorClient) -> Diff:
        """Compare the workflow with the registered definition (``GET /metadata/workflow/{name}``).

        Args:
            client: The client.

        Returns:
            The differences; false if there are none.
        """
        here = self.to_def()
        try:
            there = client.metadata.get_workflow(self.name, self.version, metadata=bool(here.tags) or None)
        except NotFoundError:
            return Diff((), is_registered=False)
        return compare(here, there, filled_in={"ownerEmail"})  # Orkes sets it to the user who registered it


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
        f"Step {step.root!r} has already been added to {where}; create another step for each position.",
        caller_line(),
    )
