"""Decides who may do what: by role, by grants on an object or its tags, and because one has created it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from conductor.server.engine.context import RefusedError
from conductor.server.http.principal import Principal
from conductor.server.orkes.access import ACCESS, CREATE, DELETE, EXECUTE, READ, UPDATE
from conductor.server.orkes.grants import Grants, Reference
from conductor.server.orkes.principals import ADMINISTRATOR_ID, Principals

#: What a role allows without any grant: accesses by kind of object.
_BY_ROLE: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "METADATA_MANAGER": {
        "WORKFLOW_DEF": (READ, CREATE, UPDATE, DELETE),
        "TASK_DEF": (READ, CREATE, UPDATE, DELETE),
        "ENV_VARIABLE": (READ, CREATE, UPDATE, DELETE),
        "INTEGRATION_PROVIDER": (CREATE,),
        "INTEGRATION": (CREATE,),
        "SECRET_NAME": (CREATE,),
        "REMOTE_SERVICE": (READ, CREATE, UPDATE, DELETE),
        "API_GATEWAY": (READ, CREATE, UPDATE, DELETE),
    },
    "WORKFLOW_MANAGER": {"WORKFLOW_DEF": (READ, EXECUTE), "TASK_DEF": (READ, EXECUTE)},
    "UNRESTRICTED_WORKER": {"TASK_DEF": (EXECUTE,)},
    "METADATA_API": {
        "WORKFLOW_DEF": (READ, CREATE),
        "TASK_DEF": (READ, CREATE),
        "USER_FORM_TEMPLATE": (READ, CREATE),
        "SCHEMA": (READ, CREATE),
        "EVENT_HANDLER": (READ, CREATE),
        "WEBHOOK": (READ, CREATE),
        "WORKFLOW_SCHEDULE": (READ, CREATE),
    },
    "APPLICATION_CREATOR": {"APPLICATION": (READ, CREATE)},
    "APPLICATION_MANAGER": {"APPLICATION": (READ, CREATE, UPDATE, DELETE)},
    "USER": dict.fromkeys(
        (
            "WORKFLOW_DEF", "TASK_DEF", "APPLICATION", "INTEGRATION_PROVIDER", "INTEGRATION", "SECRET_NAME", "PROMPT",
            "USER_FORM_TEMPLATE", "SCHEMA", "EVENT_HANDLER", "WEBHOOK", "WORKFLOW_SCHEDULE",
            "REMOTE_SERVICE",
        ),
        (CREATE,),
    )
    | {"API_GATEWAY": (READ,)},
    "USER_READ_ONLY": dict.fromkeys(("WORKFLOW_DEF", "TASK_DEF", "APPLICATION", "API_GATEWAY"), (READ,)),
}  # fmt: skip
#: Roles that a principal needs in addition to a grant, to change or delete a definition.
_CHANGES_DEFINITIONS = frozenset({"METADATA_API", "METADATA_MANAGER", "USER"})
_DEFINITIONS = frozenset({"WORKFLOW_DEF", "TASK_DEF"})
#: Kinds of objects as errors name them.
_WORDS: Mapping[str, str] = {
    "WORKFLOW_DEF": "workflow",
    "TASK_DEF": "task",
    "WORKFLOW_SCHEDULE": "schedule",
    "SECRET_NAME": "secret",
    "ENV_VARIABLE": "environment variable",
    "USER_FORM_TEMPLATE": "user form",
    "INTEGRATION_PROVIDER": "integration",
    "CLUSTER_CONFIG": "users, groups and roles",
}


class Permissions:
    """Decides what principals may do, if the server enforces permissions.

    Args:
        grants: The permissions that have been granted.
        principals: Finds users and applications.
        default_access: Returns the groups with access to what a principal creates, for a kind of object.
        is_enforced: Whether anything is refused.
    """

    def __init__(
        self,
        grants: Grants,
        principals: Principals,
        default_access: Callable[[Principal, str], list[tuple[str, list[str]]]],
        *,
        is_enforced: bool,
    ) -> None:
        self._grants, self._principals, self._default_access = grants, principals, default_access
        self.is_enforced = is_enforced

    def allowed(self, principal: Principal, target: Reference) -> set[str]:
        """Return what a principal may do with an object."""
        if principal.is_admin:
            return set(ACCESS)
        kind = target[0]
        granted = self._grants.allowed(principal, target)
        if kind in _DEFINITIONS and principal.roles.isdisjoint(_CHANGES_DEFINITIONS):
            granted -= {CREATE, UPDATE, DELETE}
        return granted.union(*(_BY_ROLE.get(role, {}).get(kind, ()) for role in principal.roles))

    def allowed_by_id(self, principal_id: str, target: Reference) -> set[str]:
        """Return what the user with this id may do with an object."""
        found = self._principals.find(principal_id)
        return set() if found is None else self.allowed(found, target)

    def may(self, principal: Principal, access: str, kind: str, name: str) -> bool:
        """Return whether a principal may do something; always true if permissions are not enforced."""
        return not self.is_enforced or principal.is_admin or access in self.allowed(principal, (kind, name))

    def require(self, principal: Principal, access: str, kind: str, name: str) -> None:
        """Check that a principal may do something.

        Raises:
            RefusedError: It has no permission (403).
        """
        if not self.may(principal, access, kind, name):
            raise refused(access, kind, name)

    def readable(self, principal: Principal, kind: str, names: Iterable[str]) -> list[str]:
        """Return the names of the objects that a principal may read."""
        return [name for name in names if self.may(principal, READ, kind, name)]

    def created(self, principal: Principal, kind: str, name: str) -> None:
        """Give the creator of an object, and groups of the creator, access to it."""
        if principal.id in {"", ADMINISTRATOR_ID}:
            return
        self._grants.grant(("USER", principal.id), (kind, name), list(ACCESS))
        for group, access in self._default_access(principal, kind):
            self._grants.grant(("GROUP", group), (kind, name), access)

    def forget(self, kind: str, name: str) -> None:
        """Remove all permissions on an object that is deleted."""
        self._grants.forget_target(kind, name)


def refused(access: str, kind: str, name: str) -> RefusedError:
    """Return the error for a missing permission (403)."""
    word = _WORDS.get(kind, kind.lower().replace("_", " "))
    if kind == "CLUSTER_CONFIG":
        return RefusedError(403, f"You don't have permissions to administer {word}")
    return RefusedError(403, f"You don't have permissions to {access.lower()} {word}: {name}")
