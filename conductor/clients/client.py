"""``ConductorClient``: all clients on one transport, each imported when it is first used."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

from typing_extensions import Never, Self, Unpack

from conductor.errors import ConfigurationError
from conductor.migration import missing_attribute
from conductor.settings import Settings, SettingsOptions

if TYPE_CHECKING:
    import requests
    from requests.adapters import HTTPAdapter
    from requests.auth import AuthBase

    from conductor.clients.access import (
        ApplicationClient,
        GroupClient,
        PermissionClient,
        RoleClient,
        TokenClient,
        UserClient,
    )
    from conductor.clients.admin import AdminClient, HealthClient
    from conductor.clients.bulk import WorkflowBulkClient
    from conductor.clients.events import EventClient, MessageClient, QueueClient
    from conductor.clients.files import FileClient
    from conductor.clients.human_tasks import HumanTaskClient, TemplateClient
    from conductor.clients.integrations import IntegrationClient, PromptClient
    from conductor.clients.metadata import MetadataClient
    from conductor.clients.schedules import ScheduleClient
    from conductor.clients.secrets import EnvironmentClient, SecretClient
    from conductor.clients.services import GatewayClient, SchemaClient, ServiceRegistryClient
    from conductor.clients.tags import TagClient
    from conductor.clients.tasks import TaskClient
    from conductor.clients.webhooks import WebhookClient
    from conductor.clients.workflows import WorkflowClient
    from conductor.transport.client import Transport
    from conductor.transport.editions import ServerInfo
    from conductor.transport.operation import RetryPolicy

__all__ = ["ConductorClient"]


class Metrics(Protocol):
    """A collector of metrics, such as ``conductor.worker.metrics.MetricsCollector``."""

    def watch(self, transport: Transport) -> None:
        """Collect the events of a transport."""


class ConductorClient:
    """A blocking client of a Conductor server, safe to use from many threads and after a fork; it starts no threads.

    Args:
        settings: Settings, or the URL of the server; ``Settings.from_env(**overrides)`` by default.
        auth: Replaces the access key of the settings: a token, a function that returns a token, or a requests
            ``AuthBase``.
        session: A ``requests.Session`` to use; ``close`` does not close it.
        adapter: An ``HTTPAdapter`` for the client's own session.
        retry: Which failed requests to repeat, how often, and after which delay.
        metrics: A collector, such as ``conductor.worker.metrics.MetricsCollector``, for the numbers and durations of
            requests, workflow starts, and payloads in external storage.
        **overrides: Attributes of ``Settings``, which override the environment and ``settings``.

    Raises:
        ConfigurationError: A setting is invalid.
    """

    def __init__(
        self,
        settings: Settings | str | None = None,
        *,
        auth: AuthBase | str | Callable[[], str] | None = None,
        session: requests.Session | None = None,
        adapter: HTTPAdapter | None = None,
        retry: RetryPolicy | None = None,
        metrics: Metrics | None = None,
        **overrides: Unpack[SettingsOptions],
    ) -> None:
        from conductor.transport.client import Transport

        if isinstance(settings, str):
            if "server_url" in overrides:
                raise ConfigurationError(
                    "server_url is given twice: as the first argument and as a keyword argument.",
                    variable="server_url",
                    allowed="one of them",
                )
            overrides["server_url"] = settings
            settings = None
        if settings is None:
            settings = Settings.from_env(**overrides)
        elif not isinstance(settings, Settings):
            raise ConfigurationError(
                f"The first argument must be Settings or the URL of the server, not {type(settings).__name__}.",
                variable="settings",
                allowed="Settings(...), or a URL such as http://localhost:8080",
            )
        elif overrides:
            settings = settings.evolve(**overrides)
        self.settings = settings
        self.transport: Transport = Transport(settings, auth=auth, session=session, adapter=adapter, retry=retry)
        if metrics is not None:
            if not callable(getattr(metrics, "watch", None)):
                raise ConfigurationError(
                    f"metrics must be a collector such as MetricsCollector(), not {type(metrics).__name__}.",
                    variable="metrics",
                    allowed="a conductor.worker.metrics.MetricsCollector, or an object with its watch method",
                )
            metrics.watch(self.transport)

    if not TYPE_CHECKING:
        __getattr__ = missing_attribute

    @cached_property
    def workflows(self) -> WorkflowClient:
        """Start, execute, wait for, control and search workflow executions."""
        from conductor.clients.workflows import WorkflowClient

        return WorkflowClient(self.transport)

    @cached_property
    def bulk(self) -> WorkflowBulkClient:
        """Control up to 1,000 executions with one request."""
        from conductor.clients.bulk import WorkflowBulkClient

        return WorkflowBulkClient(self.transport)

    @cached_property
    def tasks(self) -> TaskClient:
        """Poll, update and search tasks; send signals; read task logs and queue sizes."""
        from conductor.clients.tasks import TaskClient

        return TaskClient(self.transport)

    @cached_property
    def metadata(self) -> MetadataClient:
        """Register, read and delete workflow and task definitions."""
        from conductor.clients.metadata import MetadataClient

        return MetadataClient(self.transport)

    @cached_property
    def schedules(self) -> ScheduleClient:
        """Schedule workflows with cron expressions."""
        from conductor.clients.schedules import ScheduleClient

        return ScheduleClient(self.transport)

    @cached_property
    def events(self) -> EventClient:
        """Manage event handlers, and the queues they receive events from."""
        from conductor.clients.events import EventClient

        return EventClient(self.transport)

    @cached_property
    def messages(self) -> MessageClient:
        """Send messages to running workflows (open-source server)."""
        from conductor.clients.events import MessageClient

        return MessageClient(self.transport)

    @cached_property
    def files(self) -> FileClient:
        """Upload and download files of executions (open-source server)."""
        from conductor.clients.files import FileClient

        return FileClient(self.transport)

    @cached_property
    def queues(self) -> QueueClient:
        """Complete WAIT tasks through the server's event queues."""
        from conductor.clients.events import QueueClient

        return QueueClient(self.transport)

    @cached_property
    def admin(self) -> AdminClient:
        """Inspect and repair the server."""
        from conductor.clients.admin import AdminClient

        return AdminClient(self.transport)

    @cached_property
    def health(self) -> HealthClient:
        """Read the server's health and version."""
        from conductor.clients.admin import HealthClient

        return HealthClient(self.transport)

    @cached_property
    def secrets(self) -> SecretClient:
        """Manage secrets, which workflows read as ``${workflow.secrets.NAME}``."""
        from conductor.clients.secrets import SecretClient

        return SecretClient(self.transport)

    @cached_property
    def environment(self) -> EnvironmentClient:
        """Manage environment variables, which workflows read as ``${workflow.env.NAME}``."""
        from conductor.clients.secrets import EnvironmentClient

        return EnvironmentClient(self.transport)

    @cached_property
    def tags(self) -> TagClient:
        """Tag workflow and task definitions (Orkes)."""
        from conductor.clients.tags import TagClient

        return TagClient(self.transport)

    @cached_property
    def schemas(self) -> SchemaClient:
        """Manage schemas of inputs and outputs (Orkes)."""
        from conductor.clients.services import SchemaClient

        return SchemaClient(self.transport)

    @cached_property
    def human_tasks(self) -> HumanTaskClient:
        """Search, claim and complete human tasks (Orkes)."""
        from conductor.clients.human_tasks import HumanTaskClient

        return HumanTaskClient(self.transport)

    @cached_property
    def human_templates(self) -> TemplateClient:
        """Manage form templates of human tasks (Orkes)."""
        from conductor.clients.human_tasks import TemplateClient

        return TemplateClient(self.transport)

    @cached_property
    def services(self) -> ServiceRegistryClient:
        """Manage the service registry (Orkes)."""
        from conductor.clients.services import ServiceRegistryClient

        return ServiceRegistryClient(self.transport)

    @cached_property
    def integrations(self) -> IntegrationClient:
        """Manage integrations with language models, databases and message brokers (Orkes)."""
        from conductor.clients.integrations import IntegrationClient

        return IntegrationClient(self.transport)

    @cached_property
    def prompts(self) -> PromptClient:
        """Manage prompt templates (Orkes)."""
        from conductor.clients.integrations import PromptClient

        return PromptClient(self.transport)

    @cached_property
    def webhooks(self) -> WebhookClient:
        """Manage incoming webhooks (Orkes)."""
        from conductor.clients.webhooks import WebhookClient

        return WebhookClient(self.transport)

    @cached_property
    def applications(self) -> ApplicationClient:
        """Manage applications and their access keys (Orkes)."""
        from conductor.clients.access import ApplicationClient

        return ApplicationClient(self.transport)

    @cached_property
    def users(self) -> UserClient:
        """Manage users (Orkes)."""
        from conductor.clients.access import UserClient

        return UserClient(self.transport)

    @cached_property
    def groups(self) -> GroupClient:
        """Manage groups of users (Orkes)."""
        from conductor.clients.access import GroupClient

        return GroupClient(self.transport)

    @cached_property
    def roles(self) -> RoleClient:
        """Manage roles (Orkes)."""
        from conductor.clients.access import RoleClient

        return RoleClient(self.transport)

    @cached_property
    def permissions(self) -> PermissionClient:
        """Grant and remove permissions (Orkes)."""
        from conductor.clients.access import PermissionClient

        return PermissionClient(self.transport)

    @cached_property
    def gateway(self) -> GatewayClient:
        """Configure the authentication of the API gateway (Orkes)."""
        from conductor.clients.services import GatewayClient

        return GatewayClient(self.transport)

    @cached_property
    def tokens(self) -> TokenClient:
        """Create tokens, and read who the client's token belongs to (Orkes)."""
        from conductor.clients.access import TokenClient

        return TokenClient(self.transport)

    def server_info(self) -> ServerInfo:
        """Return the server's edition and version (``GET /version``, ``GET /token/userInfo``), requested once.

        Raises:
            APIConnectionError: The server does not respond.
        """
        return self.transport.server_info()

    def close(self) -> None:
        """Close the connections, except those of a ``session`` that you passed."""
        self.transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __getstate__(self) -> Never:
        raise TypeError(
            "A ConductorClient cannot be copied or pickled: it has connections and locks. Threads can share it, also "
            "after a fork; in another process, make one from the same Settings."
        )

    def __repr__(self) -> str:
        return f"ConductorClient({self.settings.server_url!r})"
