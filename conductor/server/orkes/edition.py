"""Orkes' edition of the API: its services, its routes, and who may call them.

The engine is the same. A module of this package adds a concept: add its service to ``OrkesServices``, and its resource
to ``orkes_routes``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from attrs import define, field

from conductor.server.http.app import VERSION
from conductor.server.http.edition import Edition
from conductor.server.http.routing import Route
from conductor.server.orkes.human_task_resource import HumanTaskResource
from conductor.server.orkes.human_tasks import HumanTasks
from conductor.server.orkes.human_templates import HumanTemplateResource, HumanTemplates
from conductor.server.orkes.principals import Principals
from conductor.server.orkes.tags import Tags
from conductor.server.orkes.tokens import TokenResource, Tokens
from conductor.server.orkes.vault import Vault
from conductor.server.runtime.kernel import Kernel
from conductor.server.services.all import Services

#: The text of ``GET /version``: this is not Orkes' product.
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
    """

    kernel: Kernel
    services: Services
    keys: Mapping[str, str]
    key_file: Path | None = None
    enforce_permissions: bool = True
    vault: Vault = field(init=False)
    tags: Tags = field(init=False)
    principals: Principals = field(init=False)
    tokens: Tokens = field(init=False)
    human_templates: HumanTemplates = field(init=False)
    human_tasks: HumanTasks = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.vault = Vault(self.key_file)
        self.tags = Tags(self.kernel)
        self.principals = Principals()
        self.tokens = Tokens(self.kernel, self.vault, self.keys, self.principals)
        self.human_templates = HumanTemplates(self.kernel, self.tags)
        self.human_tasks = HumanTasks(
            self.kernel,
            self.services.starter,
            self.human_templates,
            self.principals,
            lambda _, __, ___: not self.enforce_permissions,
        )


def orkes_routes(orkes: OrkesServices) -> list[Route]:
    """Return the routes under ``/api``. They win over those of the default edition."""
    return [
        *TokenResource(orkes.tokens).routes(),
        *HumanTaskResource(orkes.human_tasks).routes(),
        *HumanTemplateResource(orkes.human_templates, orkes.tags, orkes.human_tasks.template).routes(),
    ]


def orkes_root_routes(_: OrkesServices) -> list[Route]:
    """Return the routes next to ``/api``, with full paths: they need no token."""
    return []


def orkes_edition(orkes: OrkesServices) -> Edition:
    """Return the edition for the application."""
    return Edition(_VERSION, orkes.tokens.check, orkes_routes(orkes), orkes_root_routes(orkes))
