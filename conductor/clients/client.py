"""ConductorClient: all clients on one transport.

Each is imported when it is first used, so that a script pays for what it needs.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

from typing_extensions import Self, Unpack

from conductor.errors import ConfigurationError
from conductor.migration import missing_attribute
from conductor.settings import Settings, SettingsOptions

if TYPE_CHECKING:
    import requests
    from requests.adapters import HTTPAdapter
    from requests.auth import AuthBase

    from conductor.clients._base import TagClient
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
    from conductor.clients.tasks import TaskClient
    from conductor.clients.webhooks import WebhookClient
    from conductor.clients.workflows import WorkflowClient
    from conductor.transport.client import Transport
    from conductor.transport.editions import ServerInfo
    from conductor.transport.retry import RetryPolicy

__all__ = ["ConductorClient"]


class Metrics(Protocol):
    """What collects metrics."""

    def watch(self, transport: Transport) -> None:
        """Collect what ``transport`` says."""


class ConductorClient:
    """Blocking calls of a Conductor server; safe to use from many threads and after a fork. Starts no threads.

    Args:
        settings: Settings, or the server's URL; by default ``Settings.from_env(**overrides)``.
        auth: Replaces the settings' key and secret: a token, a callable that returns one, or a requests
            ``AuthBase``.
        session: Your own ``requests.Session``; it is left open by ``close``.
        adapter: Your own ``HTTPAdapter`` for our session.
        retry: When failed requests are sent again.
        metrics: Counts and times requests, starts of workflows and payloads kept outside the server's database: a
            ``conductor.worker.metrics.MetricsCollector``.
        overrides: Fields of ``Settings``, which win over the environment and over ``settings``.

    Raises:
        ConfigurationError: A setting cannot be used.
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
                    "server_url is given twice: as the first argument and as a keyword.",
                    variable="server_url",
                    allowed="one of the two",
                )
            overrides["server_url"] = settings
            settings = None
        if settings is None:
            settings = Settings.from_env(**overrides)
        elif not isinstance(settings, Settings):
            raise ConfigurationError(
                f"The first argument is of type {type(settings).__name__}; it must be Settings or the server's URL.",
                variable="settings",
                allowed="Settings(...), or a URL such as http://localhost:8080",
            )
        elif overrides:
            settings = settings.evolve(**overrides)
        self.settings = settings
        self.transport: Transport = Transport(settings, auth=auth, session=session, adapter=adapter, retry=retry)
        if metrics is not None:
            metrics.watch(self.transport)

    if not TYPE_CHECKING:
        __getattr__ = missing_attribute

    @cached_property
    def workflows(self) -> WorkflowClient:
        """Executions: start, run, watch, control, search."""
        from conductor.clients.workflows import WorkflowClient

        return WorkflowClient(self.transport)

    @cached_property
    def bulk(self) -> WorkflowBulkClient:
        """The same for many executions at once."""
        from conductor.clients.bulk import WorkflowBulkClient

        return WorkflowBulkClient(self.transport)

    @cached_property
    def tasks(self) -> TaskClient:
        """Tasks: poll, update, signal, logs, queues."""
        from conductor.clients.tasks import TaskClient

        return TaskClient(self.transport)

    @cached_property
    def metadata(self) -> MetadataClient:
        """Definitions of tasks and workflows."""
        from conductor.clients.metadata import MetadataClient

        return MetadataClient(self.transport)

    @cached_property
    def schedules(self) -> ScheduleClient:
        """Workflows started by the clock."""
        from conductor.clients.schedules import ScheduleClient

        return ScheduleClient(self.transport)

    @cached_property
    def events(self) -> EventClient:
        """Event handlers and their queues."""
        from conductor.clients.events import EventClient

        return EventClient(self.transport)

    @cached_property
    def messages(self) -> MessageClient:
        """Messages to running workflows."""
        from conductor.clients.events import MessageClient

        return MessageClient(self.transport)

    @cached_property
    def files(self) -> FileClient:
        """Files of executions."""
        from conductor.clients.files import FileClient

        return FileClient(self.transport)

    @cached_property
    def queues(self) -> QueueClient:
        """Event queues of the server."""
        from conductor.clients.events import QueueClient

        return QueueClient(self.transport)

    @cached_property
    def admin(self) -> AdminClient:
        """For operators."""
        from conductor.clients.admin import AdminClient

        return AdminClient(self.transport)

    @cached_property
    def health(self) -> HealthClient:
        """Whether the server is well."""
        from conductor.clients.admin import HealthClient

        return HealthClient(self.transport)

    @cached_property
    def secrets(self) -> SecretClient:
        """Secrets."""
        from conductor.clients.secrets import SecretClient

        return SecretClient(self.transport)

    @cached_property
    def environment(self) -> EnvironmentClient:
        """Environment variables."""
        from conductor.clients.secrets import EnvironmentClient

        return EnvironmentClient(self.transport)

    @cached_property
    def tags(self) -> TagClient:
        """Tags of definitions (Orkes)."""
        from conductor.clients._base import TagClient

        return TagClient(self.transport)

    @cached_property
    def schemas(self) -> SchemaClient:
        """Schemas of inputs and outputs (Orkes)."""
        from conductor.clients.services import SchemaClient

        return SchemaClient(self.transport)

    @cached_property
    def human_tasks(self) -> HumanTaskClient:
        """Human tasks (Orkes)."""
        from conductor.clients.human_tasks import HumanTaskClient

        return HumanTaskClient(self.transport)

    @cached_property
    def human_templates(self) -> TemplateClient:
        """Form templates of human tasks (Orkes)."""
        from conductor.clients.human_tasks import TemplateClient

        return TemplateClient(self.transport)

    @cached_property
    def services(self) -> ServiceRegistryClient:
        """The service registry (Orkes)."""
        from conductor.clients.services import ServiceRegistryClient

        return ServiceRegistryClient(self.transport)

    @cached_property
    def integrations(self) -> IntegrationClient:
        """Integrations (Orkes)."""
        from conductor.clients.integrations import IntegrationClient

        return IntegrationClient(self.transport)

    @cached_property
    def prompts(self) -> PromptClient:
        """Prompt templates (Orkes)."""
        from conductor.clients.integrations import PromptClient

        return PromptClient(self.transport)

    @cached_property
    def webhooks(self) -> WebhookClient:
        """Incoming webhooks (Orkes)."""
        from conductor.clients.webhooks import WebhookClient

        return WebhookClient(self.transport)

    @cached_property
    def applications(self) -> ApplicationClient:
        """Applications and access keys (Orkes)."""
        from conductor.clients.access import ApplicationClient

        return ApplicationClient(self.transport)

    @cached_property
    def users(self) -> UserClient:
        """Users (Orkes)."""
        from conductor.clients.access import UserClient

        return UserClient(self.transport)

    @cached_property
    def groups(self) -> GroupClient:
        """Groups of users (Orkes)."""
        from conductor.clients.access import GroupClient

        return GroupClient(self.transport)

    @cached_property
    def roles(self) -> RoleClient:
        """Roles (Orkes)."""
        from conductor.clients.access import RoleClient

        return RoleClient(self.transport)

    @cached_property
    def permissions(self) -> PermissionClient:
        """Permissions (Orkes)."""
        from conductor.clients.access import PermissionClient

        return PermissionClient(self.transport)

    @cached_property
    def gateway(self) -> GatewayClient:
        """Authentication of the API gateway (Orkes)."""
        from conductor.clients.services import GatewayClient

        return GatewayClient(self.transport)

    @cached_property
    def tokens(self) -> TokenClient:
        """Tokens (Orkes)."""
        from conductor.clients.access import TokenClient

        return TokenClient(self.transport)

    def server_info(self) -> ServerInfo:
        """The server's edition and version, asked once (``GET /version``, ``GET /token/userInfo``).

        Raises:
            APIConnectionError: The server does not answer.
        """
        return self.transport.server_info()

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
