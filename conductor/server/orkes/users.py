"""Users, groups and their members, with the routes of ``/users`` and ``/groups``."""

from __future__ import annotations

import uuid
from functools import partial
from typing import Any

from conductor.server.engine.context import RefusedError
from conductor.server.http.messages import (
    Request,
    Response,
    empty_answer,
    flag,
    json_answer,
    read_names,
    read_object,
)
from conductor.server.http.principal import Principal
from conductor.server.http.routing import Route
from conductor.server.orkes.access import ACCESS, TARGETS, read_access, read_kind
from conductor.server.orkes.applications import Applications
from conductor.server.orkes.documents import Documents
from conductor.server.orkes.permissions import Grants, Permissions
from conductor.server.orkes.principals import ADMINISTRATOR, ADMINISTRATOR_ID
from conductor.server.orkes.roles import Roles
from conductor.server.runtime.kernel import Kernel

Json = dict[str, Any]


class Users:
    """Stores users and groups. Ids of users are in lower case. Applications can also be members of a group."""

    def __init__(self, kernel: Kernel, roles: Roles, applications: Applications, grants: Grants) -> None:
        self._kernel, self._roles, self._applications, self._grants = kernel, roles, applications, grants
        self._users = Documents(kernel, "orkes_user")
        self._groups = Documents(kernel, "orkes_group")

    # -- users

    def principal(self, principal_id: str) -> Principal | None:
        """Return a user or an application with the roles of its groups; None if it does not exist."""
        application = self._applications.principal(principal_id)
        known = self._users.get(principal_id)
        if application is None and known is None:
            return None
        name = application.name if application else str((known or {}).get("name", ""))
        groups = self._groups.where(lambda group: principal_id in group["users"])
        roles = {*(application.roles if application else (known or {})["roles"])}
        roles.update(role for group in groups for role in group["roles"])
        ids = frozenset(group["id"] for group in groups)
        return Principal(principal_id, name, frozenset(roles), ids, is_admin="ADMIN" in roles)

    def _find(self, user_id: str) -> Json:
        """Return a stored user, or the user of an application."""
        user_id = user_id.lower()
        known = self._users.get(user_id)
        if known is not None:
            return known
        if user_id == ADMINISTRATOR_ID:
            return {"id": ADMINISTRATOR_ID, "name": ADMINISTRATOR.name, "roles": ["ADMIN"], "uuid": ADMINISTRATOR_ID}
        application = self._applications.principal(user_id)
        if application is None:
            raise RefusedError(404, f"User not found: {user_id}")
        roles = sorted(application.roles)
        return {"id": user_id, "name": application.name, "roles": roles, "uuid": user_id.removeprefix("app:")}

    def get(self, user_id: str) -> Json:
        """Return a user.

        Raises:
            RefusedError: It does not exist (404).
        """
        return self._shown(self._find(user_id))

    def _shown(self, user: Json) -> Json:
        groups = self._groups.where(lambda group: user["id"] in group["users"])
        return {
            "id": user["id"],
            "name": user["name"],
            "roles": self._roles.shown(user["roles"]),
            "groups": [self._shown_group(group) for group in groups],
            "uuid": user["uuid"],
            "contactInformation": {},
            "namespace": "0000",
            "applicationUser": user["id"].startswith("app:"),
            "orkesWorkersApp": False,
            "orkesApiGateway": False,
            "orkesApp": False,
        }

    def all(self, *, with_applications: bool) -> list[Json]:
        """Return all users, optionally with those of applications."""
        ids = [user["id"] for user in self._users.all()]
        if with_applications:
            ids += [principal.id for principal in self._applications.users()]
        return [self.get(user_id) for user_id in ids]

    def save(self, user_id: str, given: Json) -> Json:
        """Create or replace a user. Without ``roles`` or ``groups``, an existing user keeps them.

        Raises:
            RefusedError: The name is missing, a role does not exist (400), or a group does not exist (404).
        """
        with self._kernel.change():
            user_id = user_id.lower()
            known = self._users.get(user_id) or {"roles": [], "uuid": str(uuid.uuid4())}
            name = given.get("name", known.get("name"))
            if not isinstance(name, str) or not name.strip():
                raise RefusedError(400, "A user must have a name")
            roles = known["roles"] if given.get("roles") is None else self._roles.read_names(given["roles"])
            self._users.put(user_id, {"id": user_id, "name": name, "roles": roles, "uuid": known["uuid"]})
            if given.get("groups") is not None:
                self._set_groups(user_id, given["groups"])
        return self.get(user_id)

    def _set_groups(self, user_id: str, groups: Any) -> None:
        names = [groups] if isinstance(groups, str) else groups
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise RefusedError(400, "groups must be a list of ids")
        for name in names:
            self._find_group(name)
        for group in self._groups.all():
            self._set_member(group["id"], user_id, is_member=group["id"] in names)

    def remove(self, user_id: str) -> None:
        """Delete a user with its memberships and permissions.

        Raises:
            RefusedError: It does not exist (404).
        """
        with self._kernel.change():
            user_id = user_id.lower()
            if not self._users.drop(user_id):
                raise RefusedError(404, f"User not found: {user_id}")
            for group in self._groups.all():
                self._set_member(group["id"], user_id, is_member=False)
            self._grants.forget_subject("USER", user_id)

    # -- groups

    def _find_group(self, group_id: str) -> Json:
        found = self._groups.get(group_id)
        if found is None:
            raise RefusedError(404, f"Group not found: {group_id}")
        return found

    def group(self, group_id: str) -> Json:
        """Return a group.

        Raises:
            RefusedError: It does not exist (404).
        """
        return self._shown_group(self._find_group(group_id))

    def _shown_group(self, group: Json) -> Json:
        shown = {key: value for key, value in group.items() if key != "users"}
        return {**shown, "roles": self._roles.shown(group["roles"]), "contactInformation": {}}

    def groups(self) -> list[Json]:
        """Return all groups."""
        return [self._shown_group(group) for group in self._groups.all()]

    def save_group(self, group_id: str, given: Json) -> Json:
        """Create or replace a group. An existing group keeps its members.

        Raises:
            RefusedError: The description is missing, a role, a kind of object or an access does not exist (400).
        """
        with self._kernel.change():
            known = self._groups.get(group_id) or {"roles": [], "defaultAccess": {}, "users": []}
            description = given.get("description", known.get("description"))
            if not isinstance(description, str):
                raise RefusedError(400, "A group must have a description")
            roles = known["roles"] if given.get("roles") is None else self._roles.read_names(given["roles"])
            access = given.get("defaultAccess")
            default = known["defaultAccess"] if access is None else _read_default_access(access)
            made = {"id": group_id, "description": description, "roles": roles, "defaultAccess": default}
            self._groups.put(group_id, {**made, "users": known["users"]})
        return self.group(group_id)

    def remove_group(self, group_id: str) -> None:
        """Delete a group with its permissions.

        Raises:
            RefusedError: It does not exist (404).
        """
        with self._kernel.change():
            self._find_group(group_id)
            self._groups.drop(group_id)
            self._grants.forget_subject("GROUP", group_id)

    def members(self, group_id: str) -> list[Json]:
        """Return the users of a group.

        Raises:
            RefusedError: The group does not exist (404).
        """
        return [self.get(user_id) for user_id in self._find_group(group_id)["users"]]

    def set_members(self, group_id: str, user_ids: list[str], *, are_members: bool) -> None:
        """Add users to a group, or remove them.

        Raises:
            RefusedError: The group or a user does not exist (404), or a user may only read (400).
        """
        with self._kernel.change():
            self._find_group(group_id)
            for user_id in user_ids:
                user = self._find(user_id)
                if are_members and "USER_READ_ONLY" in user["roles"]:
                    raise RefusedError(400, f"The user {user['id']} is read-only and cannot be in a group")
                self._set_member(group_id, user["id"], is_member=are_members)

    def _set_member(self, group_id: str, user_id: str, *, is_member: bool) -> None:
        group = self._find_group(group_id)
        if (user_id in group["users"]) != is_member:
            others = [one for one in group["users"] if one != user_id]
            self._groups.put(group_id, {**group, "users": [*others, user_id] if is_member else others})

    def default_access(self, principal: Principal, kind: str) -> list[tuple[str, list[str]]]:
        """Return the groups that get access to what a principal creates, with their accesses."""
        groups = (self._find_group(group_id) for group_id in sorted(principal.groups))
        return [(group["id"], access) for group in groups if (access := group["defaultAccess"].get(kind))]


def _read_default_access(given: Any) -> Json:
    if not isinstance(given, dict):
        raise RefusedError(400, "defaultAccess must be an object of kinds and accesses")
    return {read_kind(kind, "defaultAccess", TARGETS): read_access(access) for kind, access in given.items() if access}


class UserResource:
    """Handlers of ``/users`` and ``/groups``."""

    def __init__(self, users: Users, grants: Grants, permissions: Permissions) -> None:
        self._users, self._grants, self._permissions = users, grants, permissions

    def routes(self) -> list[Route]:
        get, post, put, delete = (partial(Route, methods=[method]) for method in ("GET", "POST", "PUT", "DELETE"))
        return [
            get("/users", self.all),
            get("/users/{id}", self.get),
            put("/users/{id}", self.save),
            delete("/users/{id}", self.remove),
            get("/users/{id}/permissions", self.permissions),
            get("/users/{id}/checkPermissions", self.check_permissions),
            post("/users/{id}/sendInviteEmail", self.invite),
            get("/groups", self.groups),
            get("/groups/{id}", self.group),
            put("/groups/{id}", self.save_group),
            delete("/groups/{id}", self.remove_group),
            get("/groups/{id}/users", self.members),
            post("/groups/{id}/users", self.add_members),
            delete("/groups/{id}/users", self.remove_members),
            post("/groups/{id}/users/{user_id}", self.add_member),
            delete("/groups/{id}/users/{user_id}", self.remove_member),
            get("/groups/{id}/permissions", self.group_permissions),
        ]

    def all(self, request: Request) -> Response:
        """``GET /users``."""
        return json_answer(self._users.all(with_applications=flag(request, "apps", default=False)))

    def get(self, request: Request) -> Response:
        """``GET /users/{id}``."""
        return json_answer(self._users.get(request.path_params["id"]))

    def save(self, request: Request) -> Response:
        """``PUT /users/{id}``."""
        return json_answer(self._users.save(request.path_params["id"], read_object(request)))

    def remove(self, request: Request) -> Response:
        """``DELETE /users/{id}``."""
        user_id = request.path_params["id"]
        self._users.remove(user_id)
        return json_answer({"message": f"Deleted user '{user_id}'"})

    def permissions(self, request: Request) -> Response:
        """``GET /users/{id}/permissions``."""
        user = self._users.get(request.path_params["id"])
        return json_answer({"grantedAccess": self._grants.shown("USER", user["id"])})

    def check_permissions(self, request: Request) -> Response:
        """``GET /users/{id}/checkPermissions``."""
        user = self._users.get(request.path_params["id"])
        kind = read_kind(request.query_params.get("type"), "target", TARGETS)
        name = request.query_params.get("id")
        if not name:
            raise RefusedError(400, "The parameter id is missing")
        allowed = self._permissions.allowed_by_id(user["id"], (kind, name))
        return json_answer({access: access in allowed for access in ACCESS})

    def invite(self, request: Request) -> Response:
        """``POST /users/{email}/sendInviteEmail``: this server sends no mail."""
        self._users.get(request.path_params["id"])
        return empty_answer()

    def groups(self, _: Request) -> Response:
        """``GET /groups``."""
        return json_answer(self._users.groups())

    def group(self, request: Request) -> Response:
        """``GET /groups/{id}``."""
        return json_answer(self._users.group(request.path_params["id"]))

    def save_group(self, request: Request) -> Response:
        """``PUT /groups/{id}``."""
        return json_answer(self._users.save_group(request.path_params["id"], read_object(request)))

    def remove_group(self, request: Request) -> Response:
        """``DELETE /groups/{id}``."""
        group_id = request.path_params["id"]
        self._users.remove_group(group_id)
        return json_answer({"message": f"Deleted group '{group_id}'"})

    def members(self, request: Request) -> Response:
        """``GET /groups/{id}/users``."""
        return json_answer(self._users.members(request.path_params["id"]))

    def add_members(self, request: Request) -> Response:
        """``POST /groups/{id}/users``."""
        return self._set_members(request, read_names(request), are_members=True)

    def remove_members(self, request: Request) -> Response:
        """``DELETE /groups/{id}/users``."""
        return self._set_members(request, read_names(request), are_members=False)

    def add_member(self, request: Request) -> Response:
        """``POST /groups/{id}/users/{userId}``."""
        return self._set_members(request, [request.path_params["user_id"]], are_members=True)

    def remove_member(self, request: Request) -> Response:
        """``DELETE /groups/{id}/users/{userId}``."""
        return self._set_members(request, [request.path_params["user_id"]], are_members=False)

    def _set_members(self, request: Request, user_ids: list[str], *, are_members: bool) -> Response:
        self._users.set_members(request.path_params["id"], user_ids, are_members=are_members)
        return empty_answer()

    def group_permissions(self, request: Request) -> Response:
        """``GET /groups/{id}/permissions``."""
        group = self._users.group(request.path_params["id"])
        return json_answer({"grantedAccess": self._grants.shown("GROUP", group["id"])})
