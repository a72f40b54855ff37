"""Exit statuses that cron jobs and CI rely on."""

from __future__ import annotations

import click

from conductor.errors import (
    APIConnectionError,
    RateLimitError,
    ServerError,
    ServerStartError,
    UnexpectedResponseError,
    WorkflowFailedError,
    WorkflowTimeoutError,
)

__all__ = ["DONE", "FAILED", "INTERRUPTED", "MISUSED", "TIMED_OUT", "UNREACHABLE", "Misused", "status_of"]

#: The command succeeded.
DONE = 0
#: A workflow or a task failed, or a comparison found a difference.
FAILED = 1
#: Invalid usage or configuration, or the server rejects the request.
MISUSED = 2
#: The server does not respond, or its response is unusable.
UNREACHABLE = 3
#: The timeout given on the command line expired; the execution continues on the server.
TIMED_OUT = 4
#: Ctrl-C, as shells report it: 128 + SIGINT.
INTERRUPTED = 130


class Misused(click.ClickException):
    """A mistake that the user can fix: an invalid argument, a file, a module."""

    exit_code = MISUSED


_UNREACHABLE = (APIConnectionError, ServerError, UnexpectedResponseError, RateLimitError, ServerStartError)


def status_of(error: Exception) -> int:
    """Return the exit status for an error."""
    if isinstance(error, WorkflowFailedError):
        return FAILED
    if isinstance(error, WorkflowTimeoutError):
        return TIMED_OUT
    return UNREACHABLE if isinstance(error, _UNREACHABLE) else MISUSED
