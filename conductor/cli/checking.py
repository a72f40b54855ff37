"""Whether workers fit the workflows that use them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence

from attrs import frozen

from conductor.models import WorkflowDef, WorkflowTask
from conductor.worker.worker import Worker
from conductor.workflow.signature import declared

__all__ = ["Finding", "check_workers", "nearest", "worker_steps"]


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
    workers: Sequence[Worker], workflows: Iterable[WorkflowDef], templates: Mapping[str, Iterable[str]]
) -> Iterator[Finding]:
    """Each step of the workflows against the signature of the function that will get it.

    Args:
        workers: The workers.
        workflows: The workflows.
        templates: By task type, the inputs that its definition's template gives.
    """
    signatures = {worker.name: declared(worker) for worker in workers}
    used = set()
    for workflow in workflows:
        for step in worker_steps(workflow):
            name = step.name or ""
            used.add(name)
            about = f"{workflow.name}.{step.task_reference_name}"
            signature = signatures.get(name)
            if signature is None:
                continue
            given = {*(step.input_parameters or {}), *templates.get(name, ())}
            yield from _inputs(about, given, signature.required, signature.accepted, signature.place)
    for name in signatures:
        if name not in used:
            hint = nearest(name, used)
            yield Finding("warning", name, f"no workflow has a task of this type{hint}", "Compare the names.")


def _inputs(
    about: str, given: set[str], required: Iterable[str], accepted: Sequence[str] | None, place: str
) -> Iterator[Finding]:
    unknown = sorted(given - set(accepted)) if accepted is not None else []
    for name in required:
        if name not in given:
            hint = nearest(name, unknown).replace("did you mean", "the step gives").rstrip("?")
            advice = f"Add {name!r} to the step's inputParameters, or give the parameter a default at {place}."
            yield Finding("error", about, f"the function needs {name!r}, which the step does not give{hint}", advice)
    for name in unknown:
        hint = nearest(name, accepted or ())
        message = f"the step gives {name!r}, which the function does not take{hint}"
        yield Finding("warning", about, message, f"See {place}.")
