"""Orkes' edition of the API: its services, its routes, and its permissions.

The engine is the same. A module of this package adds a concept: add its service to ``OrkesServices``, and its resource
to ``orkes_routes``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from attrs import define, field

from conductor.server.engine.context import RefusedError
from conductor.server.http.app import VERSION
from conductor.server.http.edition import Edition
from conductor.server.http.messages import Request, Response
from conductor.server.http.principal import Principal
from conductor.server.http.routing import Route
from conductor.server.orkes import tags
from conductor.server.orkes.access import EXECUTE
from conductor.server.orkes.applications import ApplicationResource, Applications
from conductor.server.orkes.definitions import StrictUpdateResource, TaggedDefinitionResource
from conductor.server.orkes.event_handlers import EventHandlers
from conductor.server.orkes.event_resource import EventQueueResource, EventQueues, OrkesEventResource
from conductor.server.orkes.execution_features import ExecutionFeatures
from conductor.server.orkes.gateway import Gateway
from conductor.server.orkes.gateway_resource import GatewayResource
from conductor.server.orkes.guard import Guard
from conductor.server.orkes.human_task_resource import HumanTaskResource
from conductor.server.orkes.human_tasks import HumanTasks
from conductor.server.orkes.human_templates import HumanTemplateResource, HumanTemplates
from conductor.server.orkes.integration_resource import IntegrationResource
from conductor.server.orkes.integrations import Integrations
from conductor.server.orkes.model_tasks import ModelCalls, ModelTasks
from conductor.server.orkes.permissions import GrantResource, Grants, Permissions
from conductor.server.orkes.principals import Principals
from conductor.server.orkes.prompts import PromptResource, Prompts
from conductor.server.orkes.rights import Rights
from conductor.server.orkes.roles import RoleResource, Roles
from conductor.server.orkes.schedules import OrkesScheduleResource
from conductor.server.orkes.secrets import Environment, EnvironmentResource, SecretResource, Secrets
from conductor.server.orkes.server_figures import ServerResource
from conductor.server.orkes.service_registry import ServiceRegistry
from conductor.server.orkes.service_resource import ServiceResource
from conductor.server.orkes.tags import TagResource, Tags
from conductor.server.orkes.tokens import TokenResource, Tokens
from conductor.server.orkes.users import UserResource, Users
from conductor.server.orkes.vault import Vault
from conductor.server.orkes.webhooks import WebhookResource, Webhooks
from conductor.server.runtime.kernel import Kernel
from conductor.server.services.all import Services

#: The text of ``GET /version``, which shows that this is not Orkes' product.
_VERSION = f"{VERSION} (embedded, Orkes edition API)"


@define
class OrkesServices:
    """The services of Orkes' edition.

    Attributes:
        kernel: The server's state.
        services: The services of the default edition.
        keys: Keys with all rights: secrets by key id.
        key_file: The file of the key that encrypts secrets; None to keep it in memory.
        enforce_permissions: Whether requests without the permission are refused.
        exists: Functions that return whether an object exists, by kind (see ``tags``). For an object that does not
            exist, tags are refused (404), and saving needs the permission to create it.
        principals: Finds users and applications. ``request.principal`` is one of them.
        permissions: Decides about permissions. The guard checks them before a handler runs; see ``guard``.
    """

    kernel: Kernel
    services: Services
    keys: Mapping[str, str]
    key_file: Path | None = None
    enforce_permissions: bool = True
    exists: dict[str, Callable[[str], bool]] = field(init=False, factory=dict)
    vault: Vault = field(init=False)
    tags: Tags = field(init=False)
    principals: Principals = field(init=False)
    tokens: Tokens = field(init=False)
    roles: Roles = field(init=False)
    grants: Grants = field(init=False)
    applications: Applications = field(init=False)
    users: Users = field(init=False)
    permissions: Permissions = field(init=False)
    rights: Rights = field(init=False)
    secrets: Secrets = field(init=False)
    environment: Environment = field(init=False)
    human_templates: HumanTemplates = field(init=False)
    human_tasks: HumanTasks = field(init=False)
    execution: ExecutionFeatures = field(init=False)
    webhooks: Webhooks = field(init=False)
    prompts: Prompts = field(init=False)
    integrations: Integrations = field(init=False)
    models: ModelCalls = field(init=False)
    registry: ServiceRegistry = field(init=False)
    event_handlers: EventHandlers = field(init=False)
    event_queues: EventQueues = field(init=False)
    gateway: GatewayResource = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.vault = Vault(self.key_file)
        self.tags = Tags(self.kernel)
        self.principals = Principals()
        self.tokens = Tokens(self.kernel, self.vault, self.keys, self.principals)
        self.roles = Roles(self.kernel)
        self.grants = Grants(self.kernel, self.tags)
        self.applications = Applications(self.kernel, self.roles, self.tags, self.grants)
        self.users = Users(self.kernel, self.roles, self.applications, self.grants)
        self.principals.sources.append(self.users.principal)
        self.tokens.accept_keys_of(self.applications)
        self.permissions = Permissions(
            self.grants, self.principals, self.users.default_access, is_enforced=self.enforce_permissions
        )
        self.secrets = Secrets(self.kernel, self.vault, self.tags)
        self.environment = Environment(self.kernel, self.tags)
        self.rights = Rights(self.permissions, self.principals)
        self._add_integrations()
        catalog = self.kernel.catalog
        self.exists |= {
            tags.WORKFLOW: lambda name: name in catalog.workflow_defs,
            tags.TASK: lambda name: name in catalog.task_defs,
            tags.SECRET: self.secrets.has,
            tags.SCHEDULE: self.services.schedules.has,
        }
        self.human_templates = HumanTemplates(self.kernel, self.tags)
        self.human_tasks = HumanTasks(
            self.kernel,
            self.services.starter,
            self.human_templates,
            self.principals,
            self._may_use_human_task,
            is_enforced=self.enforce_permissions,
        )
        self.execution = ExecutionFeatures(
            self.kernel, self.services, self.tags, self.secrets, self.integrations, self.rights
        )
        self.webhooks = Webhooks(self.kernel, self.services.executions, self.tags, self.vault, self.rights.check_start)
        self.tokens.public_prefixes.append("/api/webhook/")  # senders have no token
        self.exists |= {tags.FORM: self.human_templates.has, tags.WEBHOOK: self.webhooks.has}

    def _add_integrations(self) -> None:
        """Create the services that use models and other systems."""
        self.prompts = Prompts(self.kernel, self.tags)
        self.integrations = Integrations(self.kernel, self.tags, self.vault, self.prompts)
        self.models = ModelCalls(self.kernel, self.integrations, self.prompts)
        self.exists |= {
            tags.PROMPT: self.prompts.has,
            tags.PROVIDER: self.integrations.has_provider,
            tags.INTEGRATION: self.integrations.has_api,
        }
        ModelTasks(
            self.kernel,
            self.services.http_calls,
            self.models,
            lambda creator, name: self.rights.may(creator, EXECUTE, tags.PROVIDER, name),
        )
        self.registry = ServiceRegistry(self.kernel, self.vault, self.models.exchange)
        self.registry.save_schemas = lambda found, author: self.execution.schemas.save(found, author, new_version=False)
        self.services.http_calls.intercept = self.registry.call
        self.event_handlers = EventHandlers(self.kernel, self.services, self.tags)
        self.services.events.check = lambda handler, name: self.rights.check_start(handler.get("createdBy"), name)
        self.event_queues = EventQueues(self.kernel, self.vault)
        gateway = Gateway(self.kernel, self.vault)
        self.gateway = GatewayResource(self.kernel, self.services.executions, gateway, self._check_application)
        self.services.schedules.start = self._start_scheduled

    def _check_application(self, application: str, workflow: str) -> None:
        """Check that an application may execute a workflow; without keys, even an unknown application may."""
        principal = self.principals.find(f"app:{application}") if application else None
        if principal is None and self.tokens.is_needed and self.enforce_permissions:
            raise RefusedError(403, "The application of the service's authentication does not exist")
        if principal is not None:
            self.permissions.require(principal, EXECUTE, tags.WORKFLOW, workflow)

    def _start_scheduled(self, request: dict[str, Any]) -> str:
        self.rights.check_start(request.get("createdBy"), str(request.get("name")))
        return self.services.executions.start_in_change(request)

    def _may_use_human_task(self, principal: Principal, access: str, name: str) -> bool:
        """Return whether a principal has an access to human tasks of a definition; a grant needs no additional role."""
        may = self.permissions.may(principal, access, tags.TASK, name)
        return may or access in self.grants.allowed(principal, (tags.TASK, name))


def orkes_routes(orkes: OrkesServices) -> list[Route]:
    """Return the routes under ``/api``. They take precedence over those of the default edition."""
    return [
        *TokenResource(orkes.tokens).routes(),
        *ApplicationResource(orkes.applications).routes(),
        *UserResource(orkes.users, orkes.grants, orkes.permissions).routes(),
        *RoleResource(orkes.roles).routes(),
        *GrantResource(orkes.grants, orkes.applications.has).routes(),
        *SecretResource(orkes.secrets, orkes.tags, orkes.permissions).routes(),
        *EnvironmentResource(orkes.environment).routes(),
        *TaggedDefinitionResource(orkes.services.metadata, orkes.tags).routes(),
        *StrictUpdateResource(orkes.services.tasks, orkes.services.executions).routes(),
        *HumanTaskResource(orkes.human_tasks).routes(),
        *orkes.execution.routes(),
        *HumanTemplateResource(orkes.human_templates, orkes.human_tasks.template).routes(),
        *_webhook_resource(orkes).routes(),
        *TagResource(orkes.tags, orkes.exists).routes(),
        *PromptResource(orkes.prompts, orkes.models.test_prompt).routes(),
        *IntegrationResource(orkes.integrations).routes(),
        *ServiceResource(orkes.registry).routes(),
        *OrkesEventResource(orkes.event_handlers).routes(),
        *EventQueueResource(orkes.event_queues).routes(),
        *OrkesScheduleResource(orkes.services.schedules, orkes.tags).routes(),
        *ServerResource(orkes.services).routes(),
        *orkes.gateway.routes(),
    ]


def orkes_root_routes(orkes: OrkesServices) -> list[Route]:
    """Return the routes outside ``/api``, with full paths. They need no token."""
    return _webhook_resource(orkes).root_routes()


def _webhook_resource(orkes: OrkesServices) -> WebhookResource:
    return WebhookResource(orkes.webhooks, orkes.kernel.clock)


def orkes_edition(orkes: OrkesServices) -> Edition:
    """Return the edition for the application."""
    exists = orkes.exists | {
        tags.ENVIRONMENT: lambda name: orkes.environment.get(name) is not None,
        tags.EVENT_HANDLER: lambda name: orkes.event_handlers.find(name) is not None,
        "REMOTE_SERVICE": lambda name: orkes.registry.get(name) is not None,
    }
    guard = Guard(orkes.kernel, orkes.permissions, orkes.tags, exists)

    def check(request: Request) -> Response | None:
        return None if orkes.gateway.owns(request) else orkes.tokens.check(request)

    return Edition(_VERSION, check, orkes_routes(orkes), orkes_root_routes(orkes), orkes.gateway.serve, guard)
