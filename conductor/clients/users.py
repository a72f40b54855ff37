"""Users (Orkes)."""

from __future__ import annotations

import builtins
from collections.abc import Sequence

from conductor.clients._resource import Resource
from conductor.clients.checks import texts
from conductor.models import GrantedAccess, GrantedAccessResponse, TargetType, UpsertUserRequest, User, UserRole
from conductor.transport.operation import Edition, Operation

__all__ = ["UserClient"]

LIST: Operation[list[User]] = Operation("GET", "/users", list[User], edition=Edition.ORKES, on_empty=list)
GET: Operation[User] = Operation("GET", "/users/{id}", User, edition=Edition.ORKES)
SAVE: Operation[User] = Operation("PUT", "/users/{id}", User, edition=Edition.ORKES)
DELETE: Operation[None] = Operation("DELETE", "/users/{id}", edition=Edition.ORKES)
PERMISSIONS: Operation[GrantedAccessResponse] = Operation(
    "GET", "/users/{userId}/permissions", GrantedAccessResponse, edition=Edition.ORKES
)
CHECK: Operation[dict[str, bool]] = Operation(
    "GET", "/users/{userId}/checkPermissions", dict[str, bool], edition=Edition.ORKES, on_empty=dict
)


class UserClient(Resource):
    """Users (``client.users``, Orkes). The server keeps ids in lower case."""

    def list(self, *, apps: bool = False) -> builtins.list[User]:
        """All users; ``apps`` adds those that applications act as (``GET /users``)."""
        return self._call(LIST, query={"apps": apps})

    def get(self, user_id: str) -> User:
        """A user (``GET /users/{id}``)."""
        return self._call(GET, {"id": user_id})

    def save(
        self,
        user_id: str,
        name: str,
        *,
        roles: Sequence[UserRole | str] | None = None,
        groups: Sequence[str] | None = None,
    ) -> User:
        """Create or change a user (``PUT /users/{id}``).

        Args:
            user_id: Usually an e-mail address.
            name: As shown.
            roles: ``ADMIN``, ``USER`` and so on; None leaves them.
            groups: Ids of groups; None leaves them.
        """
        body = UpsertUserRequest(
            name,
            groups=None if groups is None else texts(groups, "groups"),
            roles=None if roles is None else texts(roles, "roles"),
        )
        return self._call(SAVE, {"id": user_id}, body=body)

    def delete(self, user_id: str) -> None:
        """Delete a user (``DELETE /users/{id}``)."""
        self._call(DELETE, {"id": user_id})

    def list_permissions(self, user_id: str) -> builtins.list[GrantedAccess]:
        """What a user may do (``GET /users/{userId}/permissions``)."""
        return self._call(PERMISSIONS, {"userId": user_id}).granted_access

    def check_permissions(self, user_id: str, target_type: TargetType | str, target_id: str) -> dict[str, bool]:
        """Access by access, whether a user has it to a thing (``GET /users/{userId}/checkPermissions``)."""
        query = {"type": TargetType(target_type), "id": target_id}
        return self._call(CHECK, {"userId": user_id}, query=query)
