"""Compare workers with the workflows that use them."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from typing import Any

from attrs import frozen
from typing_extensions import get_type_hints

from conductor._internal.suggestions import did_you_mean
from conductor.errors import TaskInputError, UnexpectedResponseError
from conductor.models import TaskDef, WorkflowDef, WorkflowTask
from conductor.worker.conversion import converter_for
from conductor.worker.worker import Worker
from conductor.workflow.signature import Signature, declared

__all__ = ["Finding", "check_workers", "misfits", "worker_steps"]


#: Types of tasks that name the tasks they run in their inputs.
_DYNAMIC = frozenset({"DYNAMIC", "FORK_JOIN_DYNAMIC"})


def misfits(function: Callable[..., Any], inputs: Mapping[str, Any]) -> Iterator[str]:
    """Yield the worker's error for each value of a wrong type; values with ``${...}`` are known at run time only."""
    kinds = _kinds(function)
    for name, value in inputs.items():
        if name in kinds and "${" not in json.dumps(value, default=str):
            try:
                converter_for(kinds[name])(value, name)
            except TaskInputError as error:
                yield str(error)


def _kinds(function: Any) -> Mapping[str, Any]:
    while hasattr(function, "func"):  # functools.partial
        function = function.func
    try:
        return get_type_hints(function, include_extras=True)
    except (NameError, TypeError):  # unresolvable annotations are not checked
        return {}


#: Similarity (0 to 1) from which a task type counts as a misspelled worker name. It is higher than for other
#: suggestions, because many workflows also use workers of other programs.
_NEAR = 0.85


@frozen
class Finding:
    """A result of a check.

    Attributes:
        severity: ``error``, ``warning`` or ``ok``.
        about: The subject: a step of a workflow, a task type, the server.
        message: What was found.
        advice: What to do about it.
    """

    severity: str
    about: str
    message: str
    advice: str = ""

    @property
    def is_error(self) -> bool:
        """Whether the problem prevents a worker or workflow from working."""
        return self.severity == "error"

    def as_row(self) -> dict[str, str]:
        """Return the finding as a row of a table."""
        return {"severity": self.severity, "about": self.about, "message": self.message, "advice": self.advice}


def worker_steps(definition: WorkflowDef) -> Iterator[WorkflowTask]:
    """Yield the steps that workers execute, also those of inline sub-workflows.

    A dynamic step whose worker task is known before it runs is yielded with the name of that task, without inputs.
    """
    for step in definition.all_tasks():
        if (step.type or "SIMPLE") == "SIMPLE" and step.name:
            yield step
        elif step.type in _DYNAMIC:
            for name in _dynamic_names(step):
                yield WorkflowTask(name=name, task_reference_name=step.task_reference_name, type=step.type)
        elif isinstance(inline := step.sub_workflow_param and step.sub_workflow_param.workflow_definition, Mapping):
            with contextlib.suppress(UnexpectedResponseError):  # the server may keep what is not a definition
                yield from worker_steps(WorkflowDef.from_dict(inline))


def _dynamic_names(step: WorkflowTask) -> Iterator[str]:
    """Yield the worker tasks that a DYNAMIC or FORK_JOIN_DYNAMIC names, if known before it runs."""
    given = step.input_parameters or {}
    names = [given.get(step.dynamic_task_name_param or "")]
    if given.get("forkTaskType", "SIMPLE") == "SIMPLE":
        names.append(given.get("forkTaskName"))
    listed = given.get(step.dynamic_fork_tasks_param or step.dynamic_fork_join_tasks_param or "")
    tasks = [one for one in listed if isinstance(one, Mapping)] if isinstance(listed, list) else []
    names += [one.get("name") or one.get("taskName") for one in tasks if one.get("type", "SIMPLE") == "SIMPLE"]
    yield from (name for name in names if isinstance(name, str) and name and "${" not in name)


def check_workers(
    workers: Sequence[Worker],
    workflows: Iterable[WorkflowDef],
    tasks: Iterable[TaskDef],
    elsewhere: Container[str] = (),
) -> Iterator[Finding]:
    """Compare each step of the workflows with the signature of the worker that executes it.

    Args:
        workers: The workers.
        workflows: The workflows.
        tasks: The task definitions.
        elsewhere: Task types that other workers execute.
    """
    signatures = {worker.name: declared(worker) for worker in workers}
    functions = {worker.name: worker.function for worker in workers}
    definitions = {task.name: task for task in tasks}
    used = set()
    for workflow in workflows:
        for step in worker_steps(workflow):
            name = step.name or ""
            used.add(name)
            about = f"{workflow.name}.{step.task_reference_name}"
            if (signature := signatures.get(name)) is not None and step.type in _DYNAMIC:
                continue  # its inputs are known at run time only
            if signature is not None:
                template = definitions[name].input_template if name in definitions else None
                yield from _inputs(about, {**(template or {}), **(step.input_parameters or {})}, signature)
                yield from _literals(about, functions[name], step, signature)
            elif name not in definitions and name not in elsewhere:
                yield from _misspelled(about, name, signatures)
    for name, signature in signatures.items():
        if name not in used:
            hint = did_you_mean(name, used)
            yield Finding("warning", name, f"no workflow has a task of this type{hint}", "Compare the names.")
        if name in definitions:
            yield from _declared_inputs(definitions[name], functions[name], signature)


def _misspelled(about: str, name: str, workers: Iterable[str]) -> Iterator[Finding]:
    """Report a task without definition and worker whose name is similar to that of a worker."""
    if hint := did_you_mean(name, workers, threshold=_NEAR):
        message = f"no worker of these modules executes tasks of type {name!r}{hint}"
        yield Finding("warning", about, message, "Compare the names.")


def _literals(about: str, function: Callable[..., Any], step: WorkflowTask, signature: Signature) -> Iterator[Finding]:
    for message in misfits(function, step.input_parameters or {}):
        yield Finding("error", about, message, f"Fix the inputParameters, or the annotation at {signature.place}.")


def _declared_inputs(definition: TaskDef, function: Callable[..., Any], signature: Signature) -> Iterator[Finding]:
    """Check ``inputTemplate``, ``inputKeys`` and ``inputSchema`` of a task definition."""
    name, template = definition.name, definition.input_template or {}
    for message in misfits(function, template):
        yield Finding("error", name, f"inputTemplate: {message}", f"Fix it, or the annotation at {signature.place}.")
    schema = (definition.input_schema.data or {}) if definition.input_schema is not None else {}
    for where, keys in (("inputKeys", definition.input_keys or []), ("inputSchema", schema.get("properties") or {})):
        if not keys:
            continue
        for key in sorted(set(keys) - set(keys if signature.accepted is None else signature.accepted)):
            message = f"its definition's {where} has {key!r}, which the function does not take"
            yield Finding(
                "warning", name, message + did_you_mean(key, signature.accepted or ()), f"See {signature.place}."
            )
        for key in sorted(set(signature.required) - {*keys, *template}):
            message = f"the function needs {key!r}, which its definition's {where} does not have"
            yield Finding("warning", name, message + did_you_mean(key, keys), f"See {signature.place}.")


def _inputs(about: str, given: Mapping[str, Any], signature: Signature) -> Iterator[Finding]:
    place, accepted = signature.place, signature.accepted
    unknown = sorted(set(given) - set(accepted)) if accepted is not None else []
    for name in signature.required:
        if name not in given:
            hint = did_you_mean(name, unknown).replace("did you mean", "the step passes").rstrip("?")
            advice = f"Add {name!r} to the step's inputParameters, or give the parameter a default at {place}."
            yield Finding("error", about, f"the function needs {name!r}, which the step does not pass{hint}", advice)
    for name in unknown:
        hint = did_you_mean(name, accepted or ())
        message = f"the step passes {name!r}, which is not a parameter of the function{hint}"
        yield Finding("warning", about, message, f"See {place}.")
