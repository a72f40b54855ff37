"""Which task is meant: by its id, or by its execution and its reference name."""

from __future__ import annotations

import click

from conductor.cli.exits import Misused
from conductor.clients.client import ConductorClient
from conductor.models import Task

__all__ = ["REFERENCE", "find_task"]

REFERENCE = click.option("--ref", metavar="NAME", help="ID is an execution's: its task of this reference name.")


def find_task(client: ConductorClient, one: str, reference: str | None) -> Task:
    """A task by its own id, or by its execution's id and its reference name.

    Raises:
        Misused: The execution has no such task.
        NotFoundError: The server knows no such id.
    """
    if reference is None:
        return client.tasks.get(one)
    execution = client.workflows.get(one)
    found = execution.task(reference)
    if found is None:
        there = ", ".join(dict.fromkeys(task.reference_task_name or "" for task in execution.tasks)) or "none"
        raise Misused(f"Workflow {one} has no task {reference!r} so far; it has: {there}.")
    return found
