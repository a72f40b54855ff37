"""What the server has, by name, for a shell that completes; nothing where it does not answer at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import click
from click.shell_completion import CompletionItem

from conductor.cli.session import Session
from conductor.clients.client import ConductorClient
from conductor.errors import ConductorError, NotFoundError
from conductor.transport.retry import RetryPolicy

__all__ = ["complete_schedule", "complete_task_type", "complete_workflow", "complete_workflow_or_file"]

_PATIENCE_MS = 1000

Completion = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def _completion(ask: Callable[[ConductorClient], Iterable[str]], *, or_file: bool = False) -> Completion:
    def complete(context: click.Context, _: click.Parameter, begun: str) -> list[CompletionItem]:
        session = context.find_object(Session) or Session()
        try:
            settings = session.settings().evolve(connect_timeout_ms=_PATIENCE_MS, request_timeout_ms=_PATIENCE_MS)
            with ConductorClient(settings, retry=RetryPolicy.none()) as client:
                found = sorted({name for name in ask(client) if name.startswith(begun)})
        except ConductorError:
            found = []
        items = [CompletionItem(name) for name in found]
        return items or ([CompletionItem(begun, type="file")] if or_file else [])

    return complete


def _workflows(client: ConductorClient) -> Iterable[str]:
    try:
        return client.metadata.list_workflow_names()
    except NotFoundError:  # Orkes has whole definitions alone
        return (one.name for one in client.metadata.list_workflows())


complete_workflow = _completion(_workflows)
complete_workflow_or_file = _completion(_workflows, or_file=True)
complete_schedule = _completion(lambda client: (one.name for one in client.schedules.list()))
complete_task_type = _completion(lambda client: (one.name for one in client.metadata.list_tasks()))
