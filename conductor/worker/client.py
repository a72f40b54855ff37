"""The client of a handler: the one that it is given, or its own with a connection for each thread."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from attrs import frozen

from conductor._internal.logs import isolated_logger
from conductor.errors import ConfigurationError
from conductor.settings import Settings
from conductor.worker.options import WorkerOptions
from conductor.worker.polling import LATE_POLLS, SHARED_LATE_POLLS, SHARED_THREADS
from conductor.worker.pool import CARRIERS

if TYPE_CHECKING:
    from conductor.clients.client import ConductorClient

__all__ = ["SPARE_CONNECTIONS", "OpenClient", "check_client", "connections_for", "open_client"]

logger = isolated_logger(__name__)

#: Connections beyond those of the threads: for late polls, leases and the calls of functions.
SPARE_CONNECTIONS = LATE_POLLS + 10
#: Connections of a client that was given and names no number.
_DEFAULT_CONNECTIONS = 100


def check_client(client: object) -> None:
    """Check that ``client`` is a client, settings or None.

    Raises:
        ConfigurationError: It is something else, such as a URL.
    """
    if client is None or isinstance(client, Settings):
        return
    from conductor.clients.client import ConductorClient  # requests only where there is a client

    if not isinstance(client, ConductorClient):
        allowed = "a ConductorClient, Settings or None"
        raise ConfigurationError(  # without the value: a URL may hold a password
            f"client is of type {type(client).__name__}; it must be {allowed}; "
            "pass a server's URL as Settings(server_url=...).",
            variable="client",
            allowed=allowed,
        )


@frozen
class OpenClient:
    """A client, whether it is the handler's own to close, and whether the handler chose how many connections it has."""

    client: ConductorClient
    is_own: bool
    has_own_size: bool = False

    def close(self) -> None:
        """Close it, where that is the handler's business."""
        if self.is_own:
            self.client.close()


def connections_for(options: Iterable[tuple[WorkerOptions, bool]], *, shared_polling: bool = False) -> int:
    """Return how many connections workers need: one for each thread that runs tasks or polls.

    Args:
        options: The options of each worker, and whether it is async: its tasks hold no thread then.
        shared_polling: Whether a few threads poll for all of them.
    """
    counts = [min(one.thread_count, CARRIERS) if is_async else one.thread_count for one, is_async in options]
    if shared_polling:
        return sum(counts) + min(len(counts), SHARED_THREADS) + SHARED_LATE_POLLS - LATE_POLLS
    return sum(counts) + len(counts)


def open_client(given: ConductorClient | Settings | None, connections: int) -> OpenClient:
    """The client that was given, or one with a connection for each of the threads that need ``connections``."""
    from conductor.clients.client import ConductorClient  # requests only when it is needed

    if isinstance(given, ConductorClient):
        if connections > (size := given.settings.max_connections or _DEFAULT_CONNECTIONS):
            logger.warning(
                "The client has %d connections and the workers' threads need %d, so some will wait "
                "for others; give it max_connections=%d",
                size,
                connections,
                connections + SPARE_CONNECTIONS,
            )
        return OpenClient(given, is_own=False)
    settings = given or Settings.from_env()
    has_own_size = settings.max_connections is None
    if has_own_size:
        settings = settings.evolve(max_connections=connections + SPARE_CONNECTIONS)
    return OpenClient(ConductorClient(settings), is_own=True, has_own_size=has_own_size)
