"""Whether workers fit the workflows that use them."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from typing import Any

from attrs import frozen
from typing_extensions import get_type_hints

from conductor.errors import TaskInputError
from conductor.models import TaskDef, WorkflowDef, WorkflowTask
from conductor.worker.conversion import converter_for
from conductor.worker.worker import Worker
from conductor.workflow.signature import Signature, declared

__all__ = ["Finding", "check_workers", "misfits", "nearest", "worker_steps"]


def misfits(function: Callable[..., Any], inputs: Mapping[str, Any]) -> Iterator[str]:
    """What the worker would say of each value that does not fit; values with ``${...}`` are known at run time only."""
    kinds = _kinds(function)
    for name, value in inputs.items():
        if name in kinds and "${" not in json.dumps(value, default=str):
            try:
                converter_for(kinds[name])(value, name)
            except TaskInputError as error:
                yield str(error)


def _kinds(function: Any) -> Mapping[str, Any]:
    while hasattr(function, "func"):  # a partial's
        function = function.func
    try:
        return get_type_hints(function, include_extras=True)
    except (NameError, TypeError):  # names that exist only for type checkers; what cannot be read is not judged
        return {}


_NEAR = 0.85  # a_charge and b_charge are two names, charge and chrage are one


@frozen
class Finding:
    """Something that is wrong, or may be.

    Attributes:
        severity: ``error``, ``warning`` or ``ok``.
        about: What it is about: a workflow's step, a task type, the server.
        message: What is wrong.
        advice: What to do.
    """

    severity: str
    about: str
    message: str
    advice: str = ""

    @property
    def is_error(self) -> bool:
        """Whether it keeps something from working."""
        return self.severity == "error"

    def as_row(self) -> dict[str, str]:
        """As a row of a table."""
        return {"severity": self.severity, "about": self.about, "message": self.message, "advice": self.advice}


def nearest(name: str, names: Iterable[str]) -> str:
    """``; did you mean X?`` for the name that looks most like it, or nothing."""
    near = difflib.get_close_matches(name, [other for other in names if other != name], n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _all_steps(tasks: Iterable[WorkflowTask]) -> Iterator[WorkflowTask]:
    """The steps of a definition, those inside others as well."""
    for task in tasks:
        yield task
        for inner in (*(task.decision_cases or {}).values(), *(task.fork_tasks or [])):
            yield from _all_steps(inner)
        yield from _all_steps([*(task.default_case or []), *(task.loop_over or [])])


def worker_steps(definition: WorkflowDef) -> Iterator[WorkflowTask]:
    """The steps that workers work on."""
    yield from (step for step in _all_steps(definition.tasks) if (step.type or "SIMPLE") == "SIMPLE" and step.name)


def check_workers(
    workers: Sequence[Worker],
    workflows: Iterable[WorkflowDef],
    tasks: Iterable[TaskDef],
    elsewhere: Container[str] = (),
) -> Iterator[Finding]:
    """Each step of the workflows against the signature of the function that will get it.

    Args:
        workers: The workers.
        workflows: The workflows.
        tasks: The task definitions.
        elsewhere: Task types that other workers work on.
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
            if (signature := signatures.get(name)) is not None:
                template = definitions[name].input_template if name in definitions else None
                yield from _inputs(about, {**(template or {}), **(step.input_parameters or {})}, signature)
                yield from _literals(about, functions[name], step, signature)
            elif name not in definitions and name not in elsewhere:
                yield from _misspelt(about, name, signatures)
    for name, signature in signatures.items():
        if name not in used:
            hint = nearest(name, used)
            yield Finding("warning", name, f"no workflow has a task of this type{hint}", "Compare the names.")
        if name in definitions:
            yield from _declared_inputs(definitions[name], functions[name], signature)


def _misspelt(about: str, name: str, workers: Iterable[str]) -> Iterator[Finding]:
    """A task without a definition, for which nobody works, and whose name is nearly that of a worker."""
    if near := difflib.get_close_matches(name, workers, n=1, cutoff=_NEAR):
        message = f"no worker here works on tasks of type {name!r}; did you mean {near[0]!r}?"
        yield Finding("warning", about, message, "Compare the names.")


def _literals(about: str, function: Callable[..., Any], step: WorkflowTask, signature: Signature) -> Iterator[Finding]:
    for said in misfits(function, step.input_parameters or {}):
        yield Finding("error", about, said, f"Mend the step's inputParameters, or the annotation at {signature.place}.")


def _declared_inputs(definition: TaskDef, function: Callable[..., Any], signature: Signature) -> Iterator[Finding]:
    """What a task definition says of its inputs: ``inputTemplate``, ``inputKeys``, ``inputSchema``."""
    name, template = definition.name, definition.input_template or {}
    for said in misfits(function, template):
        yield Finding("error", name, f"inputTemplate: {said}", f"Mend it, or the annotation at {signature.place}.")
    schema = (definition.input_schema.data or {}) if definition.input_schema is not None else {}
    for where, keys in (("inputKeys", definition.input_keys or []), ("inputSchema", schema.get("properties") or {})):
        if not keys:
            continue
        for key in sorted(set(keys) - set(keys if signature.accepted is None else signature.accepted)):
            message = f"its definition's {where} has {key!r}, which the function does not take"
            yield Finding("warning", name, message + nearest(key, signature.accepted or ()), f"See {signature.place}.")
        for key in sorted(set(signature.required) - {*keys, *template}):
            message = f"the function needs {key!r}, which its definition's {where} does not have"
            yield Finding("warning", name, message + nearest(key, keys), f"See {signature.place}.")


def _inputs(about: str, given: Mapping[str, Any], signature: Signature) -> Iterator[Finding]:
    place, accepted = signature.place, signature.accepted
    unknown = sorted(set(given) - set(accepted)) if accepted is not None else []
    for name in signature.required:
        if name not in given:
            hint = nearest(name, unknown).replace("did you mean", "the step gives").rstrip("?")
            advice = f"Add {name!r} to the step's inputParameters, or give the parameter a default at {place}."
            yield Finding("error", about, f"the function needs {name!r}, which the step does not give{hint}", advice)
    for name in unknown:
        hint = nearest(name, accepted or ())
        message = f"the step gives {name!r}, which the function does not take{hint}"
        yield Finding("warning", about, message, f"See {place}.")
