"""``conductor worker check``: whether the workers of some modules fit definitions, and who polls for the rest."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from pathlib import Path

import click

from conductor.cli.checking import Finding, check_workers, nearest, worker_steps
from conductor.cli.diagnosis import recently_polled
from conductor.cli.exits import DONE, FAILED, Misused
from conductor.cli.folder import read_all
from conductor.cli.grouping import Command
from conductor.cli.modules import find_named, import_all
from conductor.cli.names import complete_workflow
from conductor.cli.output import say, show_rows
from conductor.cli.session import Session
from conductor.models import TaskDef, WorkflowDef
from conductor.worker.worker import Worker

__all__ = ["check"]


@click.command("check", cls=Command)
@click.argument("modules", nargs=-1, required=True, metavar="MODULE...")
@click.option(
    "--defs",
    "paths",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Definitions in files, in place of the server's; repeatable.",
)
@click.option(
    "--workflow",
    "only",
    multiple=True,
    metavar="NAME",
    shell_complete=complete_workflow,
    help="Only with this workflow; repeatable.",
)
@click.pass_obj
def check(session: Session, modules: tuple[str, ...], paths: tuple[Path, ...], only: tuple[str, ...]) -> int:
    """Compare the functions' parameters with what the workflows and task definitions give them.

    Missing inputs and values that do not fit are errors, with exit status 1. Inputs that no function takes, misspelt
    task types, those without a definition, and those for which nobody polls are warnings.
    """
    import_all(modules)
    workers = find_named(())
    if paths:
        read = read_all(paths)
        workflows, tasks = [one.workflow.to_def() for one in read.workflows], read.tasks
        found = [*check_workers(workers, _chosen(workflows, only), tasks)]
    else:
        with session.client() as client:
            workflows, tasks = client.metadata.list_workflows(), client.metadata.list_tasks()
            chosen = _chosen(workflows, only)
            polled = {name for name, _ in recently_polled(client.tasks.list_all_poll_data())}
            found = [*check_workers(workers, chosen, tasks, polled), *_on_server(workers, chosen, tasks, polled)]
    show_rows(session, [one.as_row() for one in found], ("severity", "about", "message", "advice"))
    say(f"{len(workers)} workers, {len(found)} findings")
    return FAILED if any(one.is_error for one in found) else DONE


def _chosen(workflows: Sequence[WorkflowDef], only: Sequence[str]) -> list[WorkflowDef]:
    there = {one.name for one in workflows}
    for name in only:
        if name not in there:
            raise Misused(f"There is no workflow {name!r}{nearest(name, there) or '.'}")
    return [one for one in workflows if not only or one.name in only]


def _on_server(
    workers: Sequence[Worker], workflows: Iterable[WorkflowDef], tasks: Iterable[TaskDef], polled: Container[str]
) -> Iterator[Finding]:
    here, defined = {worker.name for worker in workers}, {task.name for task in tasks}
    for name in sorted(here - defined):
        advice = "Register it: conductor def push, or @worker_task(..., register_task_def=True)."
        yield Finding("warning", name, "the server has no definition of this task type", advice)
    ours = [one for one in workflows if here & {step.name for step in worker_steps(one)}]
    others = {step.name or "" for one in ours for step in worker_steps(one)} - here
    for name in sorted(others):
        if name not in polled:
            message = "a workflow of these workers has this task, which is not declared here, and nobody polls for it"
            yield Finding("warning", name, message, f"conductor doctor {name}")
