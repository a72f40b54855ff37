"""`execute_workflow`: run a workflow with its workers on the engine of the embedded server, without a server."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from attrs import define, field

from conductor._internal.durations import to_seconds
from conductor._internal.suggestions import did_you_mean, suggest
from conductor.clients._base import Definition, as_definition, as_model, as_object
from conductor.errors import ConfigurationError, WorkflowDefinitionError
from conductor.models import Task, TaskDef, WorkflowDef, WorkflowExecution, WorkflowTask
from conductor.models.codec import dumps, loads, to_jsonable
from conductor.server.engine.commands import CallHttp
from conductor.server.engine.context import RefusedError
from conductor.server.engine.definitions import render
from conductor.server.engine.state import NEVER, SCHEDULED, Doc, Execution, is_done, is_system
from conductor.server.engine.timeouts import next_wait, waits_for_update
from conductor.server.services.tasks import end_task
from conductor.testing.engine import CONTAINERS, Engine, defined_name
from conductor.testing.executions import BEGAN
from conductor.testing.reports import WorkerFailures, as_table
from conductor.testing.workers import MockWorker
from conductor.worker.discovery import as_worker
from conductor.worker.execution import TaskRunner
from conductor.worker.worker import Worker, default_registry

if TYPE_CHECKING:
    from conductor.server.engine.commands import Command

__all__ = ["execute_workflow"]

__tracebackhide__ = True

#: The id of the worker that runs all tasks.
_WORKER_ID = "test"
#: Types of tasks that start tasks which are not in the definition.
_CREATES_TASKS = frozenset({"FORK_JOIN_DYNAMIC", "START_WORKFLOW"})
#: Similarity (0 to 1) from which a reference name is proposed; lower than usual, because reference names are short.
_SIMILAR = 0.6


def execute_workflow(
    workflow: Definition,
    input: Mapping[str, Any] | None = None,
    *,
    workers: Iterable[Worker | MockWorker | Callable[..., Any]] | None = None,
    outputs: Mapping[str, Mapping[str, Any]] | None = None,
    definitions: Iterable[Definition] = (),
    task_definitions: Iterable[TaskDef | Mapping[str, Any]] = (),
    secrets: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
    skip_timeouts: bool = False,
    until_blocked: bool = False,
    timeout: float | timedelta | None = 30.0,
) -> WorkflowExecution:
    """Run a workflow and its workers without a server, and return the ended execution.

    The engine of the embedded server runs it in memory, in the caller's thread. Functions are called as in a worker:
    their input is converted, they have a ``TaskContext``, and an exception fails the attempt. The clock is frozen; it
    moves to the end of the next wait or retry delay when nothing else can happen, so that tests do not wait. Scripts
    need the extra ``server``, and run in a separate process. No request is sent: an HTTP task needs an output.

    Args:
        workflow: The workflow: a ``WorkflowDef``, its dict or a workflow as code.
        input: Its input.
        workers: Decorated functions, `Worker` or `MockWorker` objects; by default all that are registered.
        outputs: Outputs with which tasks complete, by reference name: HTTP and HUMAN tasks, waits, tasks of language
            models, and tasks of workers that are not in ``workers``. In a loop, each iteration has the same output.
        definitions: Further workflows: those that the workflow starts by name, and its failure workflow.
        task_definitions: Definitions of tasks, for retries and timeouts; by default those that the workers declare. A
            task without one is retried 3 times, each time after 60 s.
        secrets: Values of ``${workflow.secrets.NAME}``.
        environment: Values of ``${workflow.env.NAME}``.
        skip_timeouts: Whether to also move the clock to timeouts when nothing else can happen, to test a deadline.
        until_blocked: Whether to return an execution that cannot continue, instead of raising ``AssertionError``. The
            clock then does not move while a task waits for an external event, such as a HUMAN task, because a wait that
            runs beside it may be its deadline.
        timeout: Maximum real time that all functions and scripts may take together, in seconds or as a ``timedelta``;
            None for no limit.

    Returns:
        The execution with its tasks. Its start time is the same in each run.

    Raises:
        AssertionError: The execution does not end. The message names what each open task needs.
        ConfigurationError: An argument is invalid.
        WorkflowDefinitionError: The server would reject a definition.
    """
    for one in (workflow, *definitions):
        _check_is_definition(one)
    seconds = math.inf if timeout is None else to_seconds(timeout, "timeout")
    _failures.forget()
    engine = Engine(secrets, environment)
    try:
        engine.clock.start_at(BEGAN)
        run = _InProcessRun(engine, _by_queue(workers), dict(to_jsonable(dict(outputs or {}))))
        _check_outputs(outputs or {}, [as_definition(one) for one in (workflow, *definitions)])
        chosen = run.register(workflow, definitions, task_definitions)
        return run.execute(chosen, as_object(input or {}, "input"), seconds, skip_timeouts, until_blocked)
    finally:
        engine.close()


def _check_is_definition(given: object) -> None:
    if isinstance(given, str):
        raise ConfigurationError(
            f"execute_workflow runs without a server, which would know the name {given!r}: pass a workflow as code, a "
            "WorkflowDef or a dict. The fixture run_workflow runs a registered name.",
            variable="workflow",
            allowed="a workflow as code, a WorkflowDef or a dict",
        )


def _check_outputs(outputs: Mapping[str, Any], definitions: Iterable[WorkflowDef]) -> None:
    """Refuse outputs of tasks that the definitions do not contain."""
    tasks = [task for definition in definitions for task in _with_sub_workflows(definition)]
    if any(task.type in _CREATES_TASKS or isinstance(_inline_definition(task), str) for task in tasks):
        return  # tasks are known only when they are scheduled
    known = dict.fromkeys(task.task_reference_name for task in tasks)
    for name in outputs:
        if name not in known:
            hint = did_you_mean(name, known, threshold=_SIMILAR) or f"; its tasks: {', '.join(known) or 'none'}"
            raise ConfigurationError(
                f"outputs: the workflow has no task with the reference name {name!r}{hint}",
                variable="outputs",
                allowed="reference names of the workflow",
            )


def _with_sub_workflows(definition: WorkflowDef) -> Iterator[WorkflowTask]:
    for task in definition.all_tasks():
        yield task
        inner = _inline_definition(task)
        if inner is not None and not isinstance(inner, str):
            yield from _with_sub_workflows(as_definition(inner))


def _inline_definition(task: WorkflowTask) -> Any:
    return task.sub_workflow_param.workflow_definition if task.sub_workflow_param is not None else None


def _by_queue(
    workers: Iterable[Worker | MockWorker | Callable[..., Any]] | None,
) -> dict[tuple[str, str | None], Worker]:
    given = list(default_registry) if workers is None else list(workers)
    found = [one.worker if isinstance(one, MockWorker) else as_worker(one) for one in given]
    return {(one.name, one.domain or None): one for one in found}


@define(eq=False)
class _InProcessRun:
    _engine: Engine
    _workers: dict[tuple[str, str | None], Worker]
    _outputs: dict[str, dict[str, Any]]
    _stop: threading.Event = field(factory=threading.Event, init=False)

    def __attrs_post_init__(self) -> None:
        self._engine.kernel.handlers[CallHttp] = _send_nothing

    def register(
        self,
        workflow: Definition,
        definitions: Iterable[Definition],
        task_definitions: Iterable[TaskDef | Mapping[str, Any]],
    ) -> dict[str, Any]:
        """Register the definitions as a server does; returns the one to start."""
        metadata = self._engine.services.metadata
        declared = [{**one.declared_fields, "name": one.name} for one in self._workers.values() if one.declared_fields]
        metadata.save_tasks([*declared, *(as_model(one, TaskDef).to_dict() for one in task_definitions)])
        made = [as_definition(one).to_dict() for one in (workflow, *definitions)]
        for one in made:
            try:
                metadata.check([one], "workflow")
                metadata.create_workflow(one, overwrite=True)
            except RefusedError as error:
                problems = [str(problem.get("message")) for problem in error.errors or []]
                shown = "; ".join(problems) or error.message
                raise WorkflowDefinitionError(
                    f"The server would refuse the workflow {one.get('name')!r}: {shown}", problems=problems
                ) from None
        return made[0]

    def execute(
        self,
        definition: dict[str, Any],
        given: Mapping[str, Any],
        seconds: float,
        skip_timeouts: bool,
        until_blocked: bool,
    ) -> WorkflowExecution:
        kernel, deadline = self._engine.kernel, time.monotonic() + seconds
        request = {"name": definition["name"], "version": definition.get("version"), "input": to_jsonable(dict(given))}
        workflow_id = self._engine.services.executions.start(request)
        while True:
            self._engine.settle()
            execution = kernel.get(workflow_id)
            is_late, is_over = time.monotonic() > deadline, execution.is_terminal
            if is_late and not is_over:
                raise self._failure(execution, f"has not ended within {seconds:g} s")
            # After its end, the failure workflow and the workflows that it has started continue.
            if not is_late:
                if self._end_one():
                    continue
                is_blocked = until_blocked and not is_over and self._waits_for_update(execution)
                if not is_blocked and self._move_clock(skip_timeouts=skip_timeouts and not is_over):
                    continue
            if is_over or until_blocked:
                return self._model(execution)
            raise self._failure(execution, "does not end, because nothing moves it on")

    @staticmethod
    def _model(execution: Execution) -> WorkflowExecution:
        return WorkflowExecution.from_dict(loads(dumps(render(execution))))

    def _open(self) -> Iterator[tuple[Execution, Doc]]:
        """Yield the open tasks of all executions that have not ended."""
        kernel = self._engine.kernel
        for workflow_id in kernel.store.open_ids():
            execution = kernel.get(workflow_id)
            yield from ((execution, task) for task in execution.tasks if not is_done(task))

    def _waits_for_update(self, execution: Execution) -> bool:
        """Return whether a task of the execution, or of a sub-workflow, waits for an external event."""
        for task in execution.tasks:
            child = task.get("subWorkflowId") if task["taskType"] == "SUB_WORKFLOW" and not is_done(task) else None
            if waits_for_update(task) or (child and self._waits_for_update(self._engine.kernel.get(child))):
                return True
        return False

    def _end_one(self) -> bool:
        """End the next task that can end now; returns whether there is one."""
        return any(self._end(execution, task) for execution, task in self._open())

    def _end(self, execution: Execution, task: Doc) -> bool:
        kernel = self._engine.kernel
        if not is_system(task) and (task["status"] != SCHEDULED or task.get("_due", NEVER) > kernel.clock.now_ms()):
            return False
        output = self._outputs.get(defined_name(task))
        if output is not None and task["taskType"] not in CONTAINERS:
            with kernel.change():
                end_task(kernel, execution, task, "COMPLETED", output)
            return True
        worker = None if is_system(task) else self._workers.get((task["taskType"], task.get("domain")))
        return worker is not None and self._work(worker, task)

    def _work(self, worker: Worker, scheduled: Doc) -> bool:
        """Poll a task and run the function; returns whether the limits of the task definition allowed it."""
        tasks = self._engine.services.tasks
        polled = tasks.poll(scheduled["taskType"], _WORKER_ID, scheduled.get("domain"), 1)
        for raw in polled:
            task = Task.from_dict(loads(dumps(raw)))  # a copy, as from the API: a function may modify its input
            result = TaskRunner(worker, _WORKER_ID, on_error=_keep_failure).run(task, self._stop)
            tasks.update(loads(dumps(result.to_dict())))
        return bool(polled)

    def _move_clock(self, *, skip_timeouts: bool) -> bool:
        """Move the clock to the end of the next wait or delay, or to a timeout; returns whether there is one."""
        kernel = self._engine.kernel
        waits = [next_wait(kernel.get(workflow_id)) for workflow_id in kernel.store.open_ids()]
        moment = min((one for one in (*waits, kernel.queues.next_due_of_all()) if one is not None), default=None)
        if moment is None and skip_timeouts:
            moment = kernel.timed_work.next_event()
        if moment is None:
            return False
        kernel.timed_work.move_to(max(moment, kernel.clock.now_ms()))
        return True

    def _failure(self, execution: Execution, problem: str) -> AssertionError:
        run = self._model(execution)
        leaves = (task for _, task in self._open() if task["taskType"] not in CONTAINERS)
        needs = "".join(f"\n- {task['referenceTaskName']}: {self._need(task)}" for task in leaves)
        return AssertionError(f"Workflow {run.workflow_name} {problem}{needs}\n\n{as_table(run)}")

    def _need(self, task: Doc) -> str:
        name, kind = defined_name(task), task["taskType"]
        output = f"outputs={{{name!r}: {{...}}}}"
        if is_system(task):
            return f"{kind} waits for something outside the workflow: give its output, {output}"
        domain = task.get("domain")
        where = f" in domain {domain!r}" if domain else ""
        if (kind, domain) in self._workers:
            return f"the worker for {kind!r}{where} has not ended it"
        near = suggest(kind, [name for name, _ in self._workers])
        hint = f" (there is one for {near!r})" if near else ""
        return f"there is no worker for {kind!r}{where}{hint}: pass one in workers=[...], or its output, {output}"


def _report_nothing(_: str, __: str) -> None:
    return None


#: The exceptions of the workers of the last execution, which `assert_workflow` shows.
_failures = WorkerFailures(_report_nothing)


def _send_nothing(_: Execution, __: Command) -> None:
    return None


def _keep_failure(task: Task, error: BaseException) -> None:
    _failures.take(str(task.task_id), "", error)
