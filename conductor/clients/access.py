"""Applications, users, groups, roles, permissions and tokens (Orkes)."""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence
from typing import Any

from conductor.clients._base import Resource, require_str_list
from conductor.clients.tags import Tagged, tag_operations
from conductor.models import (
    AccessKey,
    AccessType,
    Application,
    ApplicationRole,
    AuthorizationRequest,
    CreatedAccessKey,
    CreateOrUpdateApplicationRequest,
    GenerateTokenRequest,
    GrantedAccess,
    GrantedAccessResponse,
    Group,
    Role,
    RoleRequest,
    SubjectRef,
    TargetRef,
    TargetType,
    Token,
    UpsertGroupRequest,
    UpsertUserRequest,
    User,
    UserRole,
)
from conductor.transport.operation import Edition, Hidden, Operation, Repeat

__all__ = ["ApplicationClient", "GroupClient", "PermissionClient", "RoleClient", "TokenClient", "UserClient"]


LIST_APPLICATIONS: Operation[list[Application]] = Operation(
    "GET", "/applications", list[Application], edition=Edition.ORKES, on_empty=list
)
CREATE_APPLICATION: Operation[Application] = Operation(
    "POST", "/applications", Application, Repeat.NEVER, Edition.ORKES
)
GET_APPLICATION: Operation[Application] = Operation("GET", "/applications/{id}", Application, edition=Edition.ORKES)
UPDATE_APPLICATION: Operation[Application] = Operation("PUT", "/applications/{id}", Application, edition=Edition.ORKES)
DELETE_APPLICATION: Operation[None] = Operation("DELETE", "/applications/{id}", edition=Edition.ORKES)
GET_APPLICATION_BY_KEY: Operation[Application] = Operation(
    "GET", "/applications/key/{accessKeyId}", Application, edition=Edition.ORKES
)
CREATE_APPLICATION_KEY: Operation[CreatedAccessKey] = Operation(
    "POST", "/applications/{id}/accessKeys", CreatedAccessKey, Repeat.NEVER, Edition.ORKES
)
LIST_APPLICATION_KEYS: Operation[list[AccessKey]] = Operation(
    "GET", "/applications/{id}/accessKeys", list[AccessKey], edition=Edition.ORKES, on_empty=list
)
TOGGLE_APPLICATION_KEY: Operation[AccessKey] = Operation(
    "POST", "/applications/{applicationId}/accessKeys/{keyId}/status", AccessKey, Repeat.NEVER, Edition.ORKES
)
DELETE_APPLICATION_KEY: Operation[None] = Operation(
    "DELETE", "/applications/{applicationId}/accessKeys/{keyId}", edition=Edition.ORKES
)
ADD_APPLICATION_ROLE: Operation[None] = Operation(
    "POST", "/applications/{applicationId}/roles/{role}", edition=Edition.ORKES
)
REMOVE_APPLICATION_ROLE: Operation[None] = Operation(
    "DELETE", "/applications/{applicationId}/roles/{role}", edition=Edition.ORKES
)
LIST_APPLICATION_TAGS, SET_APPLICATION_TAGS, DELETE_APPLICATION_TAGS = tag_operations("/applications/{id}/tags")


class ApplicationClient(Tagged):
    """Applications: the identities of workers and programs that use access keys (``client.applications``, Orkes)."""

    _LIST_TAGS, _SET_TAGS, _DELETE_TAGS = LIST_APPLICATION_TAGS, SET_APPLICATION_TAGS, DELETE_APPLICATION_TAGS

    def list(self) -> builtins.list[Application]:
        """Return all applications (``GET /applications``).

        Returns:
            The applications, or an empty list.
        """
        return self._call(LIST_APPLICATIONS)

    def create(self, name: str) -> Application:
        """Create an application (``POST /applications``).

        Args:
            name: The name of the application.

        Returns:
            The application with its id.
        """
        return self._call(CREATE_APPLICATION, body=CreateOrUpdateApplicationRequest(name))

    def get(self, application_id: str) -> Application:
        """Return an application (``GET /applications/{id}``).

        Args:
            application_id: The id of the application.

        Returns:
            The application.
        """
        return self._call(GET_APPLICATION, {"id": application_id})

    def update(self, application_id: str, name: str) -> Application:
        """Rename an application (``PUT /applications/{id}``).

        Args:
            application_id: The id of the application.
            name: The new name.

        Returns:
            The renamed application.
        """
        return self._call(UPDATE_APPLICATION, {"id": application_id}, body=CreateOrUpdateApplicationRequest(name))

    def delete(self, application_id: str) -> None:
        """Delete an application (``DELETE /applications/{id}``).

        Args:
            application_id: The id of the application.
        """
        self._call(DELETE_APPLICATION, {"id": application_id})

    def get_by_access_key(self, access_key_id: str) -> Application:
        """Return the application of an access key (``GET /applications/key/{accessKeyId}``).

        Args:
            access_key_id: The id of the access key.

        Returns:
            The application.
        """
        return self._call(GET_APPLICATION_BY_KEY, {"accessKeyId": access_key_id})

    def create_access_key(self, application_id: str) -> CreatedAccessKey:
        """Create an access key (``POST /applications/{id}/accessKeys``).

        Args:
            application_id: The id of the application.

        Returns:
            The id of the key and its ``secret``. The server returns the secret only once, so store it now. The repr
            hides it.
        """
        return self._call(CREATE_APPLICATION_KEY, {"id": application_id})

    def list_access_keys(self, application_id: str) -> builtins.list[AccessKey]:
        """Return the access keys of an application, without their secrets (``GET /applications/{id}/accessKeys``).

        Args:
            application_id: The id of the application.

        Returns:
            The access keys, or an empty list.
        """
        return self._call(LIST_APPLICATION_KEYS, {"id": application_id})

    def toggle_access_key(self, application_id: str, key_id: str) -> AccessKey:
        """Enable or disable an access key (``POST /applications/{applicationId}/accessKeys/{keyId}/status``).

        Args:
            application_id: The id of the application.
            key_id: The id of the access key.

        Returns:
            The access key with its new status.
        """
        return self._call(TOGGLE_APPLICATION_KEY, {"applicationId": application_id, "keyId": key_id})

    def delete_access_key(self, application_id: str, key_id: str) -> None:
        """Delete an access key (``DELETE /applications/{applicationId}/accessKeys/{keyId}``).

        Args:
            application_id: The id of the application.
            key_id: The id of the access key.
        """
        self._call(DELETE_APPLICATION_KEY, {"applicationId": application_id, "keyId": key_id})

    def add_role(self, application_id: str, role: ApplicationRole | str) -> None:
        """Add a role to an application (``POST /applications/{applicationId}/roles/{role}``).

        Args:
            application_id: The id of the application.
            role: The name of the role.
        """
        self._call(ADD_APPLICATION_ROLE, {"applicationId": application_id, "role": ApplicationRole(role)})

    def remove_role(self, application_id: str, role: ApplicationRole | str) -> None:
        """Remove a role from an application (``DELETE /applications/{applicationId}/roles/{role}``).

        Args:
            application_id: The id of the application.
            role: The name of the role.
        """
        self._call(REMOVE_APPLICATION_ROLE, {"applicationId": application_id, "role": ApplicationRole(role)})


LIST_USERS: Operation[list[User]] = Operation("GET", "/users", list[User], edition=Edition.ORKES, on_empty=list)
GET_USER: Operation[User] = Operation("GET", "/users/{id}", User, edition=Edition.ORKES)
SAVE_USER: Operation[User] = Operation("PUT", "/users/{id}", User, edition=Edition.ORKES)
DELETE_USER: Operation[None] = Operation("DELETE", "/users/{id}", edition=Edition.ORKES)
USER_PERMISSIONS: Operation[GrantedAccessResponse] = Operation(
    "GET", "/users/{userId}/permissions", GrantedAccessResponse, edition=Edition.ORKES
)
CHECK_USER: Operation[dict[str, bool]] = Operation(
    "GET", "/users/{userId}/checkPermissions", dict[str, bool], edition=Edition.ORKES, on_empty=dict
)


class UserClient(Resource):
    """Users (``client.users``, Orkes). The server stores their ids in lower case."""

    def list(self, *, apps: bool = False) -> builtins.list[User]:
        """Return all users (``GET /users``).

        Args:
            apps: Whether to include the users of applications.

        Returns:
            The users.
        """
        return self._call(LIST_USERS, query={"apps": apps})

    def get(self, user_id: str) -> User:
        """Return a user (``GET /users/{id}``).

        Args:
            user_id: The id of the user, usually an email address.

        Returns:
            The user.
        """
        return self._call(GET_USER, {"id": user_id})

    def save(
        self,
        user_id: str,
        name: str,
        *,
        roles: Sequence[UserRole | str] | None = None,
        groups: Sequence[str] | None = None,
    ) -> User:
        """Create or update a user (``PUT /users/{id}``).

        Args:
            user_id: The id of the user, usually an email address.
            name: The display name.
            roles: Names of roles, such as ``ADMIN`` or ``USER``; None keeps the current ones.
            groups: Ids of groups; None keeps the current ones.

        Returns:
            The user.
        """
        body = UpsertUserRequest(
            name,
            groups=None if groups is None else require_str_list(groups, "groups"),
            roles=None if roles is None else require_str_list(roles, "roles"),
        )
        return self._call(SAVE_USER, {"id": user_id}, body=body)

    def delete(self, user_id: str) -> None:
        """Delete a user (``DELETE /users/{id}``).

        Args:
            user_id: The id of the user.
        """
        self._call(DELETE_USER, {"id": user_id})

    def list_permissions(self, user_id: str) -> builtins.list[GrantedAccess]:
        """Return the permissions of a user (``GET /users/{userId}/permissions``).

        Args:
            user_id: The id of the user.

        Returns:
            The permissions by target, or an empty list.
        """
        return self._call(USER_PERMISSIONS, {"userId": user_id}).granted_access

    def check_permissions(self, user_id: str, target_type: TargetType | str, target_id: str) -> dict[str, bool]:
        """Return which permissions a user has on a resource (``GET /users/{userId}/checkPermissions``).

        Args:
            user_id: The id of the user.
            target_type: The kind of resource.
            target_id: The name or id of the resource.

        Returns:
            A dict that maps each permission to whether the user has it.
        """
        query = {"type": TargetType(target_type), "id": target_id}
        return self._call(CHECK_USER, {"userId": user_id}, query=query)


LIST_GROUPS: Operation[list[Group]] = Operation("GET", "/groups", list[Group], edition=Edition.ORKES, on_empty=list)
GET_GROUP: Operation[Group] = Operation("GET", "/groups/{id}", Group, edition=Edition.ORKES)
SAVE_GROUP: Operation[Group] = Operation("PUT", "/groups/{id}", Group, edition=Edition.ORKES)
DELETE_GROUP: Operation[None] = Operation("DELETE", "/groups/{id}", edition=Edition.ORKES)
LIST_GROUP_USERS: Operation[list[User]] = Operation(
    "GET", "/groups/{id}/users", list[User], edition=Edition.ORKES, on_empty=list
)
ADD_GROUP_USER: Operation[None] = Operation("POST", "/groups/{groupId}/users/{userId}", edition=Edition.ORKES)
ADD_GROUP_USERS: Operation[None] = Operation("POST", "/groups/{groupId}/users", edition=Edition.ORKES)
REMOVE_GROUP_USER: Operation[None] = Operation("DELETE", "/groups/{groupId}/users/{userId}", edition=Edition.ORKES)
REMOVE_GROUP_USERS: Operation[None] = Operation("DELETE", "/groups/{groupId}/users", edition=Edition.ORKES)
GROUP_PERMISSIONS: Operation[GrantedAccessResponse] = Operation(
    "GET", "/groups/{groupId}/permissions", GrantedAccessResponse, edition=Edition.ORKES
)


class GroupClient(Resource):
    """Groups of users (``client.groups``, Orkes)."""

    def list(self) -> builtins.list[Group]:
        """Return all groups (``GET /groups``).

        Returns:
            The groups, or an empty list.
        """
        return self._call(LIST_GROUPS)

    def get(self, group_id: str) -> Group:
        """Return a group (``GET /groups/{id}``).

        Args:
            group_id: The id of the group.

        Returns:
            The group.
        """
        return self._call(GET_GROUP, {"id": group_id})

    def save(
        self,
        group_id: str,
        description: str,
        *,
        roles: Sequence[str] | None = None,
        default_access: Mapping[str, Sequence[AccessType | str]] | None = None,
    ) -> Group:
        """Create or update a group (``PUT /groups/{id}``).

        Args:
            group_id: The id, which is also the name.
            description: The description.
            roles: Names of the roles of all members; None keeps the current ones.
            default_access: The permissions that all members get on a resource that a member creates, by target type.

        Returns:
            The group.
        """
        access = {
            k: [AccessType(name) for name in require_str_list(v, "default_access")]
            for k, v in (default_access or {}).items()
        }
        body = UpsertGroupRequest(
            description, access or None, None if roles is None else require_str_list(roles, "roles")
        )
        return self._call(SAVE_GROUP, {"id": group_id}, body=body)

    def delete(self, group_id: str) -> None:
        """Delete a group (``DELETE /groups/{id}``).

        Args:
            group_id: The id of the group.
        """
        self._call(DELETE_GROUP, {"id": group_id})

    def list_users(self, group_id: str) -> builtins.list[User]:
        """Return the members of a group (``GET /groups/{id}/users``).

        Args:
            group_id: The id of the group.

        Returns:
            The users, or an empty list.
        """
        return self._call(LIST_GROUP_USERS, {"id": group_id})

    def add_user(self, group_id: str, user_id: str) -> None:
        """Add a user to a group (``POST /groups/{groupId}/users/{userId}``).

        Args:
            group_id: The id of the group.
            user_id: The id of the user.
        """
        self._call(ADD_GROUP_USER, {"groupId": group_id, "userId": user_id})

    def add_users(self, group_id: str, user_ids: Sequence[str]) -> None:
        """Add several users to a group (``POST /groups/{groupId}/users``).

        Args:
            group_id: The id of the group.
            user_ids: The ids of the users.
        """
        self._call(ADD_GROUP_USERS, {"groupId": group_id}, body=require_str_list(user_ids, "user_ids"))

    def remove_user(self, group_id: str, user_id: str) -> None:
        """Remove a user from a group (``DELETE /groups/{groupId}/users/{userId}``).

        Args:
            group_id: The id of the group.
            user_id: The id of the user.
        """
        self._call(REMOVE_GROUP_USER, {"groupId": group_id, "userId": user_id})

    def remove_users(self, group_id: str, user_ids: Sequence[str]) -> None:
        """Remove several users from a group (``DELETE /groups/{groupId}/users``).

        Args:
            group_id: The id of the group.
            user_ids: The ids of the users.
        """
        self._call(REMOVE_GROUP_USERS, {"groupId": group_id}, body=require_str_list(user_ids, "user_ids"))

    def list_permissions(self, group_id: str) -> builtins.list[GrantedAccess]:
        """Return the permissions of a group (``GET /groups/{groupId}/permissions``).

        Args:
            group_id: The id of the group.

        Returns:
            The permissions by target, or an empty list.
        """
        return self._call(GROUP_PERMISSIONS, {"groupId": group_id}).granted_access


LIST_ROLES: Operation[list[Role]] = Operation("GET", "/roles", list[Role], edition=Edition.ORKES, on_empty=list)
LIST_ROLE_SYSTEM: Operation[dict[str, Role]] = Operation(
    "GET", "/roles/system", dict[str, Role], edition=Edition.ORKES, on_empty=dict
)
LIST_ROLE_CUSTOM: Operation[list[Role]] = Operation(
    "GET", "/roles/custom", list[Role], edition=Edition.ORKES, on_empty=list
)
ROLE_PERMISSIONS: Operation[dict[str, Any]] = Operation(
    "GET", "/roles/permissions", dict, edition=Edition.ORKES, on_empty=dict
)
CREATE_ROLE: Operation[Role] = Operation("POST", "/roles", Role, Repeat.NEVER, Edition.ORKES)
GET_ROLE: Operation[Role] = Operation("GET", "/roles/{name}", Role, edition=Edition.ORKES)
UPDATE_ROLE: Operation[Role] = Operation("PUT", "/roles/{name}", Role, edition=Edition.ORKES)
DELETE_ROLE: Operation[None] = Operation("DELETE", "/roles/{name}", edition=Edition.ORKES)


class RoleClient(Resource):
    """Roles: named sets of permissions (``client.roles``, Orkes)."""

    def list(self) -> builtins.list[Role]:
        """Return all roles (``GET /roles``).

        Returns:
            The roles.
        """
        return self._call(LIST_ROLES)

    def list_system(self) -> dict[str, Role]:
        """Return the built-in roles (``GET /roles/system``).

        Returns:
            A dict of roles by name.
        """
        return self._call(LIST_ROLE_SYSTEM)

    def list_custom(self) -> builtins.list[Role]:
        """Return the roles that users created (``GET /roles/custom``).

        Returns:
            The roles, or an empty list.
        """
        return self._call(LIST_ROLE_CUSTOM)

    def list_permissions(self) -> dict[str, Any]:
        """Return the permissions that roles can contain (``GET /roles/permissions``).

        Returns:
            The response as a dict; the API documents no type.
        """
        return self._call(ROLE_PERMISSIONS)

    def create(self, name: str, permissions: Sequence[str]) -> Role:
        """Create a role (``POST /roles``).

        Args:
            name: The name of the role.
            permissions: Names of permissions.

        Returns:
            The role.
        """
        return self._call(CREATE_ROLE, body=RoleRequest(name, require_str_list(permissions, "permissions")))

    def get(self, name: str) -> Role:
        """Return a role (``GET /roles/{name}``).

        Args:
            name: The name of the role.

        Returns:
            The role.
        """
        return self._call(GET_ROLE, {"name": name})

    def update(self, name: str, permissions: Sequence[str]) -> Role:
        """Replace the permissions of a role (``PUT /roles/{name}``).

        Args:
            name: The name of the role.
            permissions: Names of permissions.

        Returns:
            The role.
        """
        return self._call(
            UPDATE_ROLE, {"name": name}, body=RoleRequest(name, require_str_list(permissions, "permissions"))
        )

    def delete(self, name: str) -> None:
        """Delete a role (``DELETE /roles/{name}``).

        Args:
            name: The name of the role.
        """
        self._call(DELETE_ROLE, {"name": name})


GRANT_PERMISSION: Operation[None] = Operation("POST", "/auth/authorization", edition=Edition.ORKES)
REMOVE_PERMISSION: Operation[None] = Operation("DELETE", "/auth/authorization", edition=Edition.ORKES)
LIST_PERMISSIONS: Operation[dict[str, list[SubjectRef]]] = Operation(
    "GET", "/auth/authorization/{type}/{id}", dict[str, list[SubjectRef]], edition=Edition.ORKES, on_empty=dict
)


class PermissionClient(Resource):
    """Permissions of users, groups and roles on resources (``client.permissions``, Orkes)."""

    def grant(self, subject: SubjectRef, target: TargetRef, access: Sequence[AccessType | str]) -> None:
        """Grant permissions on a resource (``POST /auth/authorization``).

        Args:
            subject: The user, group or role.
            target: The resource.
            access: The permissions, such as ``["READ", "EXECUTE"]``.
        """
        self._call(GRANT_PERMISSION, body=_request(subject, target, access))

    def remove(self, subject: SubjectRef, target: TargetRef, access: Sequence[AccessType | str]) -> None:
        """Remove permissions on a resource (``DELETE /auth/authorization``).

        Args:
            subject: The user, group or role.
            target: The resource.
            access: The permissions, such as ``["READ", "EXECUTE"]``.
        """
        self._call(REMOVE_PERMISSION, body=_request(subject, target, access))

    def list(self, target_type: TargetType | str, target_id: str) -> dict[str, builtins.list[SubjectRef]]:
        """Return who has permissions on a resource (``GET /auth/authorization/{type}/{id}``).

        Args:
            target_type: The kind of resource.
            target_id: The name or id of the resource.

        Returns:
            A dict that maps each permission to the subjects that have it.
        """
        return self._call(LIST_PERMISSIONS, {"type": TargetType(target_type), "id": target_id})


def _request(subject: SubjectRef, target: TargetRef, access: Sequence[AccessType | str]) -> AuthorizationRequest:
    return AuthorizationRequest([AccessType(name) for name in require_str_list(access, "access")], subject, target)


CREATE_TOKEN: Operation[Token] = Operation("POST", "/token", Token, Repeat.SAFE, Edition.ORKES, anonymous=True)
TOKEN_USER_INFO: Operation[dict[str, Any]] = Operation("GET", "/token/userInfo", dict, edition=Edition.ORKES)


class TokenClient(Resource):
    """Tokens (``client.tokens``, Orkes). The client requests its own tokens; these methods are for other uses."""

    def create(self, key_id: str, key_secret: str, *, expiration: int | None = None) -> Token:
        """Create a token from an access key (``POST /token``, sent without a token).

        Args:
            key_id: The id of the access key.
            key_secret: The secret of the access key.
            expiration: Requested lifetime. The API documents no unit; None for the server's default.

        Returns:
            The token; hidden in the repr.

        Raises:
            AuthenticationError: The id or the secret is wrong.
        """
        body = Hidden(GenerateTokenRequest(key_id, key_secret, expiration))
        del key_secret
        return self._call(CREATE_TOKEN, body=body)

    def get_user_info(self, *, claims: bool = False) -> dict[str, Any]:
        """Return the user of the client's token (``GET /token/userInfo``).

        Args:
            claims: Whether to include the claims of the token.

        Returns:
            The response as a dict; the API documents no type.
        """
        return self._call(TOKEN_USER_INFO, query={"claims": claims})
