"""The roles of users and applications."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from conductor.server.engine.context import RefusedError
from conductor.server.http.messages import Request, Response, empty_answer, json_answer, read_object
from conductor.server.http.routing import Route
from conductor.server.orkes.access import ACCESS, TARGETS
from conductor.server.orkes.documents import Documents
from conductor.server.runtime.kernel import Kernel

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
#: The permissions of custom roles: those of the built-in roles, and an access to a kind of object.
PERMISSIONS = frozenset({*_EVERYTHING, *(f"{access}_{target}" for access in ACCESS for target in TARGETS)})
_ROLE_NAME = re.compile(r"[\w-]+")
#: Roles that only an administrator can give to an application.
ADMIN_ONLY = frozenset({"UNRESTRICTED_WORKER", "METADATA_MANAGER", "WORKFLOW_MANAGER", "APPLICATION_MANAGER", "ADMIN"})


def shown_roles(names: Iterable[str], custom: Mapping[str, Iterable[str]] | None = None) -> list[Json]:
    """Return roles as users and groups show them: with their permissions."""
    known = {**SYSTEM_ROLES, **(custom or {})}
    return [
        {"name": name, "permissions": [{"name": permission} for permission in known.get(name, ())]} for name in names
    ]


class Roles:
    """The built-in roles, and custom ones. Users can have custom roles, which do not affect permissions."""

    def __init__(self, kernel: Kernel) -> None:
        self._custom = Documents(kernel, "orkes_role")

    def known(self) -> Json:
        """Return the permissions of all roles by name."""
        return {**SYSTEM_ROLES, **{one["name"]: tuple(one["permissions"]) for one in self._custom.all()}}

    def shown(self, names: Iterable[str]) -> list[Json]:
        """Return roles as users and groups show them: with their permissions."""
        return shown_roles(names, self.known())

    def read_names(self, given: Any) -> list[str]:
        """Return the names of roles of a body: a list, or one name.

        Raises:
            RefusedError: A role does not exist, or it is not a name (400).
        """
        names = [given] if isinstance(given, str) else (given or [])
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise RefusedError(400, "roles must be a list of names")
        for name in names:
            self.require(name)
        return list(dict.fromkeys(names))

    def require(self, name: str) -> None:
        """Check that a role exists.

        Raises:
            RefusedError: It does not exist (400).
        """
        if name not in self.known():
            raise RefusedError(400, f"The role {name} does not exist")

    def custom(self) -> list[Json]:
        """Return the custom roles."""
        return self.shown([one["name"] for one in self._custom.all()])

    def get(self, name: str) -> Json:
        """Return a role.

        Raises:
            RefusedError: It does not exist (404).
        """
        if name not in self.known():
            raise RefusedError(404, f"Role not found: {name}")
        return self.shown([name])[0]

    def save(self, given: Json, *, name: str | None = None) -> Json:
        """Create a custom role, or replace the one of this name.

        Raises:
            RefusedError: A permission does not exist (400), the role exists already (409), is missing (404), or is
                built in (400).
        """
        chosen, permissions = name or given.get("name"), given.get("permissions")
        if not isinstance(chosen, str) or not _ROLE_NAME.fullmatch(chosen):
            raise RefusedError(400, "A role must have a name of letters, digits, _ and -")
        if not isinstance(permissions, list) or not permissions:
            raise RefusedError(400, "A role must have permissions")
        for permission in permissions:
            if permission not in PERMISSIONS:
                raise RefusedError(400, f"The permission {permission!r} does not exist")
        if chosen in SYSTEM_ROLES:
            raise RefusedError(400, f"The role {chosen} is built in")
        exists = self._custom.get(chosen) is not None
        if name is None and exists:
            raise RefusedError(409, f"Role with name {chosen} already exists")
        if name is not None and not exists:
            raise RefusedError(404, f"Role not found: {name}")
        self._custom.put(chosen, {"name": chosen, "permissions": permissions})
        return self.get(chosen)

    def remove(self, name: str) -> None:
        """Delete a custom role.

        Raises:
            RefusedError: It does not exist (404), or is built in (400).
        """
        if name in SYSTEM_ROLES:
            raise RefusedError(400, f"The role {name} is built in")
        if not self._custom.drop(name):
            raise RefusedError(404, f"Role not found: {name}")


class RoleResource:
    """Handlers of ``/roles``."""

    def __init__(self, roles: Roles) -> None:
        self._roles = roles

    def routes(self) -> list[Route]:
        return [
            Route("/roles", self.all),
            Route("/roles", self.create, methods=["POST"]),
            Route("/roles/system", self.system),
            Route("/roles/custom", self.custom),
            Route("/roles/permissions", self.permissions),
            Route("/roles/{name}", self.get),
            Route("/roles/{name}", self.update, methods=["PUT"]),
            Route("/roles/{name}", self.remove, methods=["DELETE"]),
        ]

    def all(self, _: Request) -> Response:
        """``GET /roles``."""
        return json_answer(self._roles.shown(self._roles.known()))

    def create(self, request: Request) -> Response:
        """``POST /roles``."""
        return json_answer(self._roles.save(read_object(request)))

    def system(self, _: Request) -> Response:
        """``GET /roles/system``."""
        return json_answer({role["name"]: role for role in self._roles.shown(SYSTEM_ROLES)})

    def custom(self, _: Request) -> Response:
        """``GET /roles/custom``."""
        return json_answer(self._roles.custom())

    def permissions(self, _: Request) -> Response:
        """``GET /roles/permissions``."""
        return json_answer({name: {"name": name} for name in sorted(PERMISSIONS)})

    def get(self, request: Request) -> Response:
        """``GET /roles/{name}``."""
        return json_answer(self._roles.get(request.path_params["name"]))

    def update(self, request: Request) -> Response:
        """``PUT /roles/{name}``."""
        return json_answer(self._roles.save(read_object(request), name=request.path_params["name"]))

    def remove(self, request: Request) -> Response:
        """``DELETE /roles/{name}``."""
        self._roles.remove(request.path_params["name"])
        return empty_answer()
