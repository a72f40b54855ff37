"""Exit statuses, so that cron jobs and CI can rely on them."""

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

DONE = 0
FAILED = 1  # a workflow or a task failed, or what was compared differs
MISUSED = 2  # a wrong usage or setting, or the server refuses what was asked
UNREACHABLE = 3  # no answer of the server, or none that can be used
TIMED_OUT = 4  # the time that the caller gave is over; what runs on the server goes on
INTERRUPTED = 130  # Ctrl-C, as shells count it


class Misused(click.ClickException):
    """Something that the user can mend: a wrong word, a file, a module."""

    exit_code = MISUSED


_UNREACHABLE = (APIConnectionError, ServerError, UnexpectedResponseError, RateLimitError, ServerStartError)


def status_of(error: Exception) -> int:
    """The exit status for an error."""
    if isinstance(error, WorkflowFailedError):
        return FAILED
    if isinstance(error, WorkflowTimeoutError):
        return TIMED_OUT
    return UNREACHABLE if isinstance(error, _UNREACHABLE) else MISUSED
