"""Names on the server: shell completion, and suggestions for unknown names."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator

import click
from click.shell_completion import CompletionItem

from conductor._internal.suggestions import suggest_all
from conductor.cli.exits import Misused
from conductor.cli.session import ProfileStore, Session
from conductor.clients.client import ConductorClient
from conductor.errors import ConductorError, NotFoundError, UnsupportedByServerError
from conductor.transport.operation import RetryPolicy

__all__ = [
    "complete_profile",
    "complete_schedule",
    "complete_secret",
    "complete_task_type",
    "complete_workflow",
    "complete_workflow_or_file",
    "similar_names",
]

#: Milliseconds that a completion waits for the server, so that the shell does not seem to hang.
_TIMEOUT_MS = 1000

Completion = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


#: Similarity (0 to 1) of suggested names. It is lower than for options, because users choose these names.
_NEAR = 0.6
#: Maximum number of suggested names.
_MAX_SUGGESTIONS = 3


@contextlib.contextmanager
def similar_names(name: str, known: Callable[[], Iterable[str]]) -> Iterator[None]:
    """Add the most similar names to the error if the server does not know a name.

    Args:
        name: The name that the user gave.
        known: Reads the existing names.

    Raises:
        Misused: The name is unknown, and similar names exist.
        NotFoundError: The name is unknown, and no similar name exists.
    """
    try:
        yield
    except NotFoundError as error:
        names = sorted(set(known()) - {name})
        near = suggest_all(name, names, count=_MAX_SUGGESTIONS, threshold=_NEAR)
        near = near or [one for one in names if name.lower() in one.lower()][:_MAX_SUGGESTIONS]
        if not near:
            raise
        raise Misused(f"{str(error).rstrip('.')}; did you mean {' or '.join(map(repr, near))}?") from None


def _completion(read: Callable[[ConductorClient], Iterable[str]], *, or_file: bool = False) -> Completion:
    def complete(context: click.Context, _: click.Parameter, begun: str) -> list[CompletionItem]:
        session = context.find_object(Session) or Session()
        try:
            settings = session.settings().evolve(connect_timeout_ms=_TIMEOUT_MS, request_timeout_ms=_TIMEOUT_MS)
            with ConductorClient(settings, retry=RetryPolicy.none()) as client:
                found = sorted({name for name in read(client) if name.startswith(begun)})
        except (ConductorError, click.ClickException):
            found = []
        items = [CompletionItem(name) for name in found]
        return items or ([CompletionItem(begun, type="file")] if or_file else [])

    return complete


def _workflows(client: ConductorClient) -> Iterable[str]:
    try:
        return client.metadata.list_workflow_names()
    except UnsupportedByServerError:  # Orkes returns whole definitions only
        return (one.name for one in client.metadata.list_workflows())


def complete_profile(_: click.Context, __: click.Parameter, begun: str) -> list[CompletionItem]:
    """Complete the name of a profile."""
    try:
        return [CompletionItem(name) for name in sorted(ProfileStore.load().profiles) if name.startswith(begun)]
    except click.ClickException:
        return []


complete_workflow = _completion(_workflows)
complete_workflow_or_file = _completion(_workflows, or_file=True)
complete_schedule = _completion(lambda client: (one.name for one in client.schedules.list()))
complete_task_type = _completion(lambda client: (one.name for one in client.metadata.list_tasks()))
complete_secret = _completion(lambda client: client.secrets.list_names())
