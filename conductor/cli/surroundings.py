"""Whether there is anything to ask: what is installed here, and what the server answers."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from conductor.cli.checking import Finding
from conductor.clients.client import ConductorClient
from conductor.errors import APIConnectionError, AuthenticationError, ConductorError, PermissionDeniedError

__all__ = ["check_environment", "check_server", "no_answer"]


def check_environment() -> Iterator[Finding]:
    """Another package that is imported by our name."""
    with contextlib.suppress(PackageNotFoundError):
        said = f"conductor-python {version('conductor-python')} is installed beside conductor-sdk"
        advice = (
            "Each imports as conductor and overwrites files of the other: give each an environment of its own, or "
            "pip uninstall conductor-python and pip install --force-reinstall conductor-sdk."
        )
        yield Finding("error", "environment", said, advice)


def check_server(client: ConductorClient) -> Iterator[Finding]:
    """Whether the server answers, and knows this caller."""
    settings = client.settings
    keys = "with an access key" if settings.auth_key else "without an access key"
    try:
        client.metadata.list_tasks()
        info = client.server_info()
    except AuthenticationError as error:
        advice = "Set CONDUCTOR_AUTH_KEY and CONDUCTOR_AUTH_SECRET to a key of this server."
        yield Finding("error", "credentials", f"{settings.server_url} refuses them ({keys}): {error}", advice)
    except PermissionDeniedError as error:
        advice = "Give the key's application the permission, or use another key."
        yield Finding("error", "credentials", f"the key may not do this: {error}", advice)
    else:
        yield Finding("ok", "server", f"{settings.server_url} answers, {keys}: {info}")


def no_answer(client: ConductorClient, error: ConductorError) -> Finding:
    """What to do about a server that cannot be reached, or fails."""
    if isinstance(error, APIConnectionError):
        advice = "Start a server (conductor server start), or name another: --server URL, or CONDUCTOR_SERVER_URL."
    else:
        advice = "Look at the server's log; the same command with --debug shows where it happened here."
    return Finding("error", "server", f"{client.settings.server_url} gives no answer that can be used: {error}", advice)
