"""ConductorClient: all clients on one transport."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any

from typing_extensions import Self

from conductor.clients.metadata import MetadataClient
from conductor.clients.tasks import TaskClient
from conductor.clients.workflow_bulk import WorkflowBulkClient
from conductor.clients.workflows import WorkflowClient
from conductor.settings import Settings

if TYPE_CHECKING:
    import requests
    from requests.adapters import HTTPAdapter
    from requests.auth import AuthBase

    from conductor.transport.http import Transport
    from conductor.transport.retry import RetryPolicy

__all__ = ["ConductorClient"]


class ConductorClient:
    """Blocking calls of a Conductor server; safe to use from many threads and after a fork. Starts no threads.

    Args:
        settings: Where the server is; without them, ``Settings.from_env(**overrides)``.
        auth: In place of the settings' key and secret: a token, a callable that returns one, or a requests
            ``AuthBase``.
        session: Your own ``requests.Session``; it is left open by ``close``.
        adapter: Your own ``HTTPAdapter`` for our session.
        retry: When failed requests are sent again.
        overrides: Fields of ``Settings``, which win over the environment and over ``settings``.

    Raises:
        ConfigurationError: A setting cannot be used.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        auth: AuthBase | str | Callable[[], str] | None = None,
        session: requests.Session | None = None,
        adapter: HTTPAdapter | None = None,
        retry: RetryPolicy | None = None,
        **overrides: Any,
    ) -> None:
        from conductor.transport.http import Transport  # noqa: PLC0415  requests only when a client is made

        if settings is None:
            settings = Settings.from_env(**overrides)
        elif overrides:
            settings = settings.evolve(**overrides)
        self.settings = settings
        self.transport: Transport = Transport(settings, auth=auth, session=session, adapter=adapter, retry=retry)

    @cached_property
    def workflows(self) -> WorkflowClient:
        """Executions: start, run, watch, control, search."""
        return WorkflowClient(self.transport)

    @cached_property
    def bulk(self) -> WorkflowBulkClient:
        """The same for many executions at once."""
        return WorkflowBulkClient(self.transport)

    @cached_property
    def tasks(self) -> TaskClient:
        """Tasks: poll, update, signal, logs, queues."""
        return TaskClient(self.transport)

    @cached_property
    def metadata(self) -> MetadataClient:
        """Definitions of tasks and workflows."""
        return MetadataClient(self.transport)

    def close(self) -> None:
        """Close the connections."""
        self.transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"ConductorClient({self.settings.server_url!r})"
