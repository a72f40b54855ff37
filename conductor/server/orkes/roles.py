"""The roles of users and applications."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Json = dict[str, Any]

_EVERYTHING = (
    "METADATA_MANAGEMENT", "METADATA_VIEW", "ADMIN_MANAGEMENT", "PERMISSION_MANAGEMENT", "USER_MANAGEMENT",
    "AUTHORIZATION_MANAGEMENT", "EVENT_HANDLER_MANAGEMENT", "PROMPT_MANAGEMENT", "WORKFLOW_MANAGEMENT",
    "WORKFLOW_SEARCH", "PUBLISHER_MANAGEMENT", "API_GATEWAY_VIEW", "API_GATEWAY_MANAGEMENT", "CREATE_SECRET",
    "CREATE_INTEGRATION", "CREATE_TASK_DEF", "CREATE_WORKFLOW_DEF", "CREATE_APPLICATION", "CREATE_USER_FORM_TEMPLATE",
)  # fmt: skip
_METADATA_MANAGER = (
    "API_GATEWAY_VIEW", "API_GATEWAY_MANAGEMENT", "CREATE_INTEGRATION", "CREATE_SECRET", "METADATA_VIEW",
    "METADATA_MANAGEMENT",
)  # fmt: skip
_USER = (
    "CREATE_WORKFLOW_DEF", "CREATE_TASK_DEF", "CREATE_APPLICATION", "CREATE_INTEGRATION", "CREATE_SECRET",
    "CREATE_USER_FORM_TEMPLATE", "PROMPT_MANAGEMENT", "WORKFLOW_SEARCH", "API_GATEWAY_VIEW",
)  # fmt: skip
#: The built-in roles, and the permissions that they show.
SYSTEM_ROLES: Mapping[str, tuple[str, ...]] = {
    "ADMIN": _EVERYTHING,
    "USER": _USER,
    "METADATA_MANAGER": _METADATA_MANAGER,
    "WORKFLOW_MANAGER": ("WORKFLOW_MANAGEMENT", "WORKFLOW_SEARCH", "METADATA_VIEW"),
    "USER_READ_ONLY": ("METADATA_VIEW", "WORKFLOW_SEARCH", "API_GATEWAY_VIEW"),
    "WORKER": (),
    "UNRESTRICTED_WORKER": (),
    "METADATA_API": ("CREATE_WORKFLOW_DEF", "CREATE_TASK_DEF", "CREATE_USER_FORM_TEMPLATE", "METADATA_VIEW"),
    "APPLICATION_CREATOR": ("CREATE_APPLICATION",),
    "APPLICATION_MANAGER": ("CREATE_APPLICATION",),
}
#: Roles that only an administrator gives to an application.
ADMIN_ONLY = frozenset({"UNRESTRICTED_WORKER", "METADATA_MANAGER", "WORKFLOW_MANAGER", "APPLICATION_MANAGER", "ADMIN"})


def shown_roles(names: Iterable[str], custom: Mapping[str, Iterable[str]] | None = None) -> list[Json]:
    """Return roles as users and groups show them: with their permissions."""
    known = {**SYSTEM_ROLES, **(custom or {})}
    return [
        {"name": name, "permissions": [{"name": permission} for permission in known.get(name, ())]} for name in names
    ]
