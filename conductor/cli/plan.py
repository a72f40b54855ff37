"""What writing definitions would change on the server."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import frozen

from conductor.cli.folder import Definitions
from conductor.clients.client import ConductorClient
from conductor.clients.ensure import compare
from conductor.errors import NotFoundError
from conductor.models import TaskDef
from conductor.workflow.builder import Workflow

__all__ = ["Planned", "plan"]


@frozen
class Planned:
    """One definition against the server's.

    Attributes:
        definition: What is to be written.
        state: ``new``, ``changed`` or ``same``.
        changes: Each difference, as text.
    """

    definition: Workflow | TaskDef
    state: str
    changes: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """``task`` or ``workflow``."""
        return "workflow" if isinstance(self.definition, Workflow) else "task"

    @property
    def version(self) -> int | None:
        """A workflow's version."""
        return self.definition.version if isinstance(self.definition, Workflow) else None

    def write(self, client: ConductorClient) -> None:
        """Write it, unless the server has the same."""
        if self.state == "same":
            return
        if isinstance(self.definition, Workflow):
            client.metadata.register_workflow(self.definition.to_def(), overwrite=True)
        elif self.state == "new":
            client.metadata.register_task(self.definition)
        else:
            client.metadata.update_task(self.definition)

    def as_row(self) -> dict[str, object]:
        """As a row of a table."""
        return {
            "kind": self.kind,
            "name": self.definition.name,
            "version": self.version,
            "state": self.state,
            "changes": list(self.changes),
        }


def plan(client: ConductorClient, wanted: Definitions) -> Iterator[Planned]:
    """Each definition against what the server has; tasks first, because workflows need them."""
    for task in wanted.tasks:
        found = compare(task.name, task, _task(client, task.name))
        state = "new" if found.created else "changed" if found.changes else "same"
        yield Planned(task, state, tuple(str(change) for change in found.changes))
    for one in wanted.workflows:
        diff = one.workflow.diff(client)
        state = "same" if not diff else "changed" if diff.is_registered else "new"
        yield Planned(one.workflow, state, tuple(str(change) for change in diff))


def _task(client: ConductorClient, name: str) -> TaskDef | None:
    try:
        return client.metadata.get_task(name)
    except NotFoundError:
        return None
