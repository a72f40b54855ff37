"""Applications, the identities of workers and programs, with their access keys and roles."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from functools import partial
from typing import Any

from conductor.server.engine.context import RefusedError
from conductor.server.http.messages import Request, Response, empty_answer, json_answer, read_object
from conductor.server.http.principal import Principal
from conductor.server.http.routing import Route
from conductor.server.orkes.documents import Documents
from conductor.server.orkes.permissions import Grants
from conductor.server.orkes.roles import ADMIN_ONLY, Roles
from conductor.server.orkes.tags import APPLICATION, Tags
from conductor.server.runtime.kernel import Kernel

Json = dict[str, Any]

_ACTIVE, _INACTIVE = "ACTIVE", "INACTIVE"


class Applications:
    """Stores applications and their access keys. Of the secret of a key it stores a salted hash only."""

    def __init__(self, kernel: Kernel, roles: Roles, tags: Tags, grants: Grants) -> None:
        self._kernel, self._roles, self._tags, self._grants = kernel, roles, tags, grants
        self._applications = Documents(kernel, "orkes_application")
        self._keys = Documents(kernel, "orkes_access_key")

    # -- applications

    def all(self) -> list[Json]:
        """Return all applications with their tags."""
        return [{**_shown(one), "tags": self._tags.of(APPLICATION, one["id"])} for one in self._applications.all()]

    def get(self, application_id: str) -> Json:
        """Return an application.

        Raises:
            RefusedError: It does not exist (404).
        """
        return _shown(self._find(application_id))

    def _find(self, application_id: str) -> Json:
        found = self._applications.get(application_id)
        if found is None:
            raise RefusedError(404, f"Application not found: {application_id}")
        return found

    def _managed(self, application_id: str, by: Principal) -> Json:
        """Return an application that a principal is about to change; its keys have all of its roles."""
        found = self._find(application_id)
        if not by.is_admin and not ADMIN_ONLY.isdisjoint(found["roles"]):
            raise RefusedError(403, f"You don't have permissions to update application: {application_id}")
        return found

    def has(self, application_id: str) -> bool:
        """Return whether an application exists."""
        return self._applications.get(application_id) is not None

    def create(self, name: Any, by: Principal) -> Json:
        """Create an application.

        Raises:
            RefusedError: The name is missing (400).
        """
        with self._kernel.change() as context:
            made: Json = {
                "id": context.new_id(),
                "name": _read_name(name),
                "createdBy": by.id,
                "updatedBy": by.id,
                "createTime": context.now,
                "updateTime": context.now,
                "roles": [],
            }
            self._applications.put(made["id"], made)
        return _shown(made)

    def rename(self, application_id: str, name: Any, by: Principal) -> Json:
        """Change the name of an application.

        Raises:
            RefusedError: It does not exist (404), or the name is missing (400).
        """
        with self._kernel.change() as context:
            known = self._managed(application_id, by)
            made = {**known, "name": _read_name(name), "updatedBy": by.id, "updateTime": context.now}
            return _shown(self._applications.put(application_id, made))

    def remove(self, application_id: str, by: Principal) -> None:
        """Delete an application with its keys, tags and permissions.

        Raises:
            RefusedError: It does not exist (404), or only an administrator may manage it (403).
        """
        with self._kernel.change():
            self._managed(application_id, by)
            for key in self._keys_of(application_id):
                self._keys.drop(key["id"])
            self._applications.drop(application_id)
            self._tags.forget(APPLICATION, application_id)
            self._grants.forget_subject("USER", f"app:{application_id}")
            self._grants.forget_target(APPLICATION, application_id)

    # -- roles

    def set_role(self, application_id: str, role: str, by: Principal, *, is_held: bool) -> None:
        """Add a role to an application, or remove it.

        Raises:
            RefusedError: The application does not exist (404), the role does not exist (400), or only an administrator
                can add it (403).
        """
        with self._kernel.change():
            known = self._find(application_id)
            self._roles.require(role)
            if is_held and role in ADMIN_ONLY and not by.is_admin:
                raise RefusedError(403, f"You don't have permissions to grant role: {role}")
            roles = [one for one in known["roles"] if one != role] + ([role] if is_held else [])
            self._applications.put(application_id, {**known, "roles": roles})

    def principal(self, principal_id: str) -> Principal | None:
        """Return the principal of an application, by ``app:<application id>``; None if it does not exist."""
        known = self._applications.get(principal_id.removeprefix("app:"))
        if known is None or not principal_id.startswith("app:"):
            return None
        roles = frozenset(known["roles"])
        return Principal(principal_id, known["name"], roles, is_admin="ADMIN" in roles)

    def users(self) -> list[Principal]:
        """Return the principals of all applications."""
        found = (self.principal(f"app:{one['id']}") for one in self._applications.all())
        return [one for one in found if one is not None]

    # -- keys

    def _keys_of(self, application_id: str) -> list[Json]:
        return self._keys.where(lambda key: key["applicationId"] == application_id)

    def keys(self, application_id: str) -> list[Json]:
        """Return the access keys of an application, without their secrets.

        Raises:
            RefusedError: The application does not exist (404).
        """
        self._find(application_id)
        return [_shown_key(key) for key in sorted(self._keys_of(application_id), key=lambda key: int(key["createdAt"]))]

    def create_key(self, application_id: str, by: Principal) -> Json:
        """Create an access key; returns its id and its secret, which is not shown again.

        Raises:
            RefusedError: The application does not exist (404), or only an administrator may manage it (403).
        """
        with self._kernel.change() as context:
            self._managed(application_id, by)
            key_id, secret, salt = str(uuid.uuid4()), secrets.token_urlsafe(36), secrets.token_hex(16)
            stored = {
                "id": key_id,
                "applicationId": application_id,
                "createdAt": context.now,
                "status": _ACTIVE,
                "salt": salt,
                "hash": _hash(salt, secret),
            }
            self._keys.put(key_id, stored)
        return {"id": key_id, "secret": secret}

    def toggle_key(self, application_id: str, key_id: str, by: Principal) -> Json:
        """Activate an access key, or deactivate an active one; returns the key.

        Raises:
            RefusedError: The application or the key does not exist (404).
        """
        with self._kernel.change():
            self._managed(application_id, by)
            key = self._find_key(application_id, key_id)
            status = _INACTIVE if key["status"] == _ACTIVE else _ACTIVE
            return _shown_key(self._keys.put(key_id, {**key, "status": status}))

    def remove_key(self, application_id: str, key_id: str, by: Principal) -> None:
        """Delete an access key. Its tokens are then refused.

        Raises:
            RefusedError: The application or the key does not exist (404).
        """
        with self._kernel.change():
            self._managed(application_id, by)
            self._find_key(application_id, key_id)
            self._keys.drop(key_id)

    def _find_key(self, application_id: str, key_id: str) -> Json:
        self._find(application_id)
        found = self._keys.get(key_id)
        if found is None or found["applicationId"] != application_id:
            raise RefusedError(404, f"Access key not found: {key_id}")
        return found

    def of_key(self, key_id: str) -> Json:
        """Return the application that an access key belongs to.

        Raises:
            RefusedError: The key does not exist (404).
        """
        found = self._keys.get(key_id)
        if found is None:
            raise RefusedError(404, f"Application not found for access key: {key_id}")
        return self.get(found["applicationId"])

    def has_key(self, key_id: str) -> bool:
        """Return whether an access key exists."""
        return self._keys.get(key_id) is not None

    def owner_of_key(self, key_id: str, secret: str) -> str | None:
        """Return the id of the principal of an active key; None if the secret is wrong or the key is not active."""
        found = self._keys.get(key_id)
        if found is None or found["status"] != _ACTIVE:
            return None
        is_right = secrets.compare_digest(found["hash"], _hash(found["salt"], secret))
        return f"app:{found['applicationId']}" if is_right else None


def _hash(salt: str, secret: str) -> str:
    return hashlib.sha256(f"{salt}:{secret}".encode()).hexdigest()  # the secret is random, so a fast hash is enough


def _read_name(name: Any) -> str:
    if not isinstance(name, str) or not name.strip():
        raise RefusedError(400, "An application must have a name")
    return name


def _shown(application: Json) -> Json:
    return {key: value for key, value in application.items() if key != "roles"}


def _shown_key(key: Json) -> Json:
    return {name: key[name] for name in ("id", "createdAt", "status")}


class ApplicationResource:
    """Handlers of ``/applications``."""

    def __init__(self, applications: Applications) -> None:
        self._applications = applications

    def routes(self) -> list[Route]:
        get, post, put, delete = (partial(Route, methods=[method]) for method in ("GET", "POST", "PUT", "DELETE"))
        return [
            get("/applications", self.all),
            post("/applications", self.create),
            get("/applications/key/{key_id}", self.of_key),
            get("/applications/{id}", self.get),
            put("/applications/{id}", self.update),
            delete("/applications/{id}", self.remove),
            get("/applications/{id}/accessKeys", self.keys),
            post("/applications/{id}/accessKeys", self.create_key),
            post("/applications/{id}/accessKeys/{key_id}/status", self.toggle_key),
            delete("/applications/{id}/accessKeys/{key_id}", self.remove_key),
            post("/applications/{id}/roles/{role}", self.add_role),
            delete("/applications/{id}/roles/{role}", self.remove_role),
        ]

    def all(self, _: Request) -> Response:
        """``GET /applications``."""
        return json_answer(self._applications.all())

    def create(self, request: Request) -> Response:
        """``POST /applications``."""
        return json_answer(self._applications.create(read_object(request).get("name"), request.principal))

    def of_key(self, request: Request) -> Response:
        """``GET /applications/key/{accessKeyId}``."""
        return json_answer(self._applications.of_key(request.path_params["key_id"]))

    def get(self, request: Request) -> Response:
        """``GET /applications/{id}``."""
        return json_answer(self._applications.get(request.path_params["id"]))

    def update(self, request: Request) -> Response:
        """``PUT /applications/{id}``."""
        name = read_object(request).get("name")
        return json_answer(self._applications.rename(request.path_params["id"], name, request.principal))

    def remove(self, request: Request) -> Response:
        """``DELETE /applications/{id}``."""
        application_id = request.path_params["id"]
        self._applications.remove(application_id, request.principal)
        return json_answer({"message": f"Deleted Application '{application_id}'"})

    def keys(self, request: Request) -> Response:
        """``GET /applications/{id}/accessKeys``."""
        return json_answer(self._applications.keys(request.path_params["id"]))

    def create_key(self, request: Request) -> Response:
        """``POST /applications/{id}/accessKeys``."""
        return json_answer(self._applications.create_key(request.path_params["id"], request.principal))

    def toggle_key(self, request: Request) -> Response:
        """``POST /applications/{id}/accessKeys/{keyId}/status``."""
        key_id = request.path_params["key_id"]
        return json_answer(self._applications.toggle_key(request.path_params["id"], key_id, request.principal))

    def remove_key(self, request: Request) -> Response:
        """``DELETE /applications/{id}/accessKeys/{keyId}``."""
        key_id = request.path_params["key_id"]
        self._applications.remove_key(request.path_params["id"], key_id, request.principal)
        return json_answer({"message": f"Deleted Access key '{key_id}'"})

    def add_role(self, request: Request) -> Response:
        """``POST /applications/{id}/roles/{role}``."""
        return self._set_role(request, is_held=True)

    def remove_role(self, request: Request) -> Response:
        """``DELETE /applications/{id}/roles/{role}``."""
        return self._set_role(request, is_held=False)

    def _set_role(self, request: Request, *, is_held: bool) -> Response:
        application_id, role = request.path_params["id"], request.path_params["role"]
        self._applications.set_role(application_id, role, request.principal, is_held=is_held)
        return empty_answer()
