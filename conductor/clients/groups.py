"""Groups of users (Orkes)."""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence

from conductor.clients._resource import Resource
from conductor.clients.checks import texts
from conductor.models import AccessType, GrantedAccess, GrantedAccessResponse, Group, UpsertGroupRequest, User
from conductor.transport.operation import Edition, Operation

__all__ = ["GroupClient"]

LIST: Operation[list[Group]] = Operation("GET", "/groups", list[Group], edition=Edition.ORKES, on_empty=list)
GET: Operation[Group] = Operation("GET", "/groups/{id}", Group, edition=Edition.ORKES)
SAVE: Operation[Group] = Operation("PUT", "/groups/{id}", Group, edition=Edition.ORKES)
DELETE: Operation[None] = Operation("DELETE", "/groups/{id}", edition=Edition.ORKES)
LIST_USERS: Operation[list[User]] = Operation(
    "GET", "/groups/{id}/users", list[User], edition=Edition.ORKES, on_empty=list
)
ADD_USER: Operation[None] = Operation("POST", "/groups/{groupId}/users/{userId}", edition=Edition.ORKES)
ADD_USERS: Operation[None] = Operation("POST", "/groups/{groupId}/users", edition=Edition.ORKES)
REMOVE_USER: Operation[None] = Operation("DELETE", "/groups/{groupId}/users/{userId}", edition=Edition.ORKES)
REMOVE_USERS: Operation[None] = Operation("DELETE", "/groups/{groupId}/users", edition=Edition.ORKES)
PERMISSIONS: Operation[GrantedAccessResponse] = Operation(
    "GET", "/groups/{groupId}/permissions", GrantedAccessResponse, edition=Edition.ORKES
)


class GroupClient(Resource):
    """Groups of users (``client.groups``, Orkes)."""

    def list(self) -> builtins.list[Group]:
        """All groups (``GET /groups``)."""
        return self._call(LIST)

    def get(self, group_id: str) -> Group:
        """A group (``GET /groups/{id}``)."""
        return self._call(GET, {"id": group_id})

    def save(
        self,
        group_id: str,
        description: str,
        *,
        roles: Sequence[str] | None = None,
        default_access: Mapping[str, Sequence[AccessType | str]] | None = None,
    ) -> Group:
        """Create or change a group (``PUT /groups/{id}``).

        Args:
            group_id: Its id, which is its name.
            description: What it is.
            roles: Of its members; None leaves them.
            default_access: What members may do with what a member makes: target type to accesses.
        """
        access = {
            k: [AccessType(each) for each in texts(v, "default_access")] for k, v in (default_access or {}).items()
        }
        body = UpsertGroupRequest(description, access or None, None if roles is None else texts(roles, "roles"))
        return self._call(SAVE, {"id": group_id}, body=body)

    def delete(self, group_id: str) -> None:
        """Delete a group (``DELETE /groups/{id}``)."""
        self._call(DELETE, {"id": group_id})

    def list_users(self, group_id: str) -> builtins.list[User]:
        """A group's users (``GET /groups/{id}/users``)."""
        return self._call(LIST_USERS, {"id": group_id})

    def add_user(self, group_id: str, user_id: str) -> None:
        """Add a user (``POST /groups/{groupId}/users/{userId}``)."""
        self._call(ADD_USER, {"groupId": group_id, "userId": user_id})

    def add_users(self, group_id: str, user_ids: Sequence[str]) -> None:
        """Add several users (``POST /groups/{groupId}/users``)."""
        self._call(ADD_USERS, {"groupId": group_id}, body=texts(user_ids, "user_ids"))

    def remove_user(self, group_id: str, user_id: str) -> None:
        """Remove a user (``DELETE /groups/{groupId}/users/{userId}``)."""
        self._call(REMOVE_USER, {"groupId": group_id, "userId": user_id})

    def remove_users(self, group_id: str, user_ids: Sequence[str]) -> None:
        """Remove several users (``DELETE /groups/{groupId}/users``)."""
        self._call(REMOVE_USERS, {"groupId": group_id}, body=texts(user_ids, "user_ids"))

    def list_permissions(self, group_id: str) -> builtins.list[GrantedAccess]:
        """What a group may do (``GET /groups/{groupId}/permissions``)."""
        return self._call(PERMISSIONS, {"groupId": group_id}).granted_access
