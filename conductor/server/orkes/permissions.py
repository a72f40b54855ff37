"""Decides about permissions: by role, by grants on an object or its tags, and by its creator."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from conductor.server.engine.context import RefusedError
from conductor.server.http.messages import Request, Response, json_answer, read_object
from conductor.server.http.principal import Principal
from conductor.server.http.routing import Route
from conductor.server.orkes.access import (
    ACCESS,
    CREATE,
    DELETE,
    EXECUTE,
    READ,
    SUBJECTS,
    TARGETS,
    UPDATE,
    read_access,
    read_kind,
    read_reference,
)
from conductor.server.orkes.documents import Documents
from conductor.server.orkes.principals import ADMINISTRATOR_ID, Principals
from conductor.server.orkes.tags import Tags, identity
from conductor.server.runtime.kernel import Kernel

Json = dict[str, Any]
#: Type and id of a subject or a target.
Reference = tuple[str, str]


class Grants:
    """Stores permissions by target. A permission on a TAG ``key:value`` holds for every object with the tag."""

    def __init__(self, kernel: Kernel, tags: Tags) -> None:
        self._kernel, self._tags = kernel, tags
        self._documents = Documents(kernel, "orkes_grant")

    def grant(self, subject: Reference, target: Reference, access: list[str]) -> None:
        """Add permissions."""
        self._change(subject, target, lambda known: [one for one in ACCESS if one in {*known, *access}])

    def remove(self, subject: Reference, target: Reference, access: list[str]) -> None:
        """Remove permissions, if they exist."""
        self._change(subject, target, lambda known: [one for one in known if one not in access])

    def _change(self, subject: Reference, target: Reference, function: Callable[[list[str]], list[str]]) -> None:
        with self._kernel.change():
            name, holder = _key(target), _key(_normal(subject))
            held = dict(self._of(name))
            left = function(held.get(holder, []))
            if left:
                held[holder] = left
            else:
                held.pop(holder, None)
            self._put(name, held)

    def _put(self, name: str, held: Json) -> None:
        if held:
            self._documents.put(name, {"target": name, "held": held})
        else:
            self._documents.drop(name)

    def _of(self, name: str) -> Json:
        found = self._documents.get(name)
        held: Json = found["held"] if found else {}
        return held

    def forget_target(self, kind: str, name: str) -> None:
        """Remove all permissions on an object that is deleted."""
        self._documents.drop(_key((kind, name)))

    def forget_subject(self, kind: str, subject_id: str) -> None:
        """Remove all permissions of a subject that is deleted."""
        with self._kernel.change():
            for target, _ in self.of_subject(kind, subject_id):
                self.remove((kind, subject_id), target, list(ACCESS))

    def on(self, target: Reference) -> Iterator[tuple[Reference, list[str]]]:
        """Return the subjects with permissions on a target."""
        return ((_reference(holder), access) for holder, access in self._of(_key(target)).items())

    def of_subject(self, kind: str, subject_id: str) -> list[tuple[Reference, list[str]]]:
        """Return the targets on which a subject has permissions, with the accesses."""
        holder = _key(_normal((kind, subject_id)))
        return [
            (_reference(one["target"]), one["held"][holder]) for one in self._documents.all() if holder in one["held"]
        ]

    def shown(self, kind: str, subject_id: str) -> list[Json]:
        """Return the permissions of a user or a group as ``GET /users/{id}/permissions`` shows them."""
        return [
            {"target": {"type": target[0], "id": target[1]}, "access": access}
            | ({"tag": target[1]} if target[0] == "TAG" else {})
            for target, access in self.of_subject(kind, subject_id)
        ]

    def allowed(self, principal: Principal, target: Reference) -> set[str]:
        """Return the accesses of a principal to a target: its own, those of its groups and roles, and those by tags."""
        kind, name = target
        subjects = [
            _key(("USER", principal.id)),
            *(_key(("GROUP", group)) for group in principal.groups),
            *(_key(("ROLE", role)) for role in principal.roles),
        ]
        if principal.is_application:
            tags = self._tags.of("APPLICATION", principal.id.removeprefix("app:"))
            subjects += [_key(("TAG", identity(tag))) for tag in tags]
        targets = [target, *(("TAG", identity(tag)) for tag in self._tags.of(kind, name))]
        found: set[str] = set()
        for one in targets:
            held = self._of(_key(one))
            for subject in subjects:
                found.update(held.get(subject, ()))
        return found


def _normal(subject: Reference) -> Reference:
    """Return the subject with the id of a user in lower case."""
    return (subject[0], subject[1].lower()) if subject[0] == "USER" else subject


def _key(reference: Reference) -> str:
    return f"{reference[0]}/{reference[1]}"


def _reference(key: str) -> Reference:
    kind, _, name = key.partition("/")
    return kind, name


class GrantResource:
    """Handlers of ``/auth``."""

    def __init__(self, grants: Grants, is_application: Callable[[str], bool]) -> None:
        self._grants, self._is_application = grants, is_application

    def routes(self) -> list[Route]:
        get, delete = (partial(Route, methods=[method]) for method in ("GET", "DELETE"))
        return [
            Route("/auth/authorization", self.grant, methods=["POST"]),
            delete("/auth/authorization", self.remove),
            get("/auth/authorization/{type}/{id}", self.of_target),
            get("/auth/subjects/{type}/{id}/grants", self.of_subject),
            delete("/auth/subjects/{type}/{id}/grants", self.forget_subject),
        ]

    def _read(self, request: Request) -> tuple[Reference, Reference, list[str]]:
        given = read_object(request)
        subject = self._subject(*read_reference(given.get("subject"), "subject", SUBJECTS))
        return subject, read_reference(given.get("target"), "target", TARGETS), read_access(given.get("access"))

    def _subject(self, kind: str, subject_id: str) -> Reference:
        """Return the subject; older clients name an application by its id alone."""
        if kind == "USER" and self._is_application(subject_id):
            return kind, f"app:{subject_id}"
        return kind, subject_id

    def grant(self, request: Request) -> Response:
        """``POST /auth/authorization``."""
        self._grants.grant(*self._read(request))
        return json_answer({"message": "Granted permission"})

    def remove(self, request: Request) -> Response:
        """``DELETE /auth/authorization``."""
        self._grants.remove(*self._read(request))
        return json_answer({"message": "Removed permission"})

    def of_target(self, request: Request) -> Response:
        """``GET /auth/authorization/{type}/{id}``."""
        kind = read_kind(request.path_params["type"], "target", TARGETS)
        found = list(self._grants.on((kind, request.path_params["id"])))
        group_by = request.query_params.get("groupBy", "access")
        if group_by == "subject":
            return json_answer([{"subject": _shown(subject), "access": access} for subject, access in found])
        if group_by != "access":
            raise RefusedError(400, f"groupBy is {group_by!r}; it must be access or subject")
        return json_answer({word: [_shown(one) for one, access in found if word in access] for word in ACCESS})

    def of_subject(self, request: Request) -> Response:
        """``GET /auth/subjects/{type}/{id}/grants``."""
        return json_answer(self._shown_of_subject(request))

    def _shown_of_subject(self, request: Request) -> list[Json]:
        kind, subject_id = self._path_subject(request)
        resource = request.query_params.get("resourceType")
        found = self._grants.shown(kind, subject_id)
        return [one for one in found if not resource or one["target"]["type"] == resource.upper()]

    def _path_subject(self, request: Request) -> Reference:
        return self._subject(read_kind(request.path_params["type"], "subject", SUBJECTS), request.path_params["id"])

    def forget_subject(self, request: Request) -> Response:
        """``DELETE /auth/subjects/{type}/{id}/grants``."""
        subject = self._path_subject(request)
        for one in self._shown_of_subject(request):
            self._grants.remove(subject, (one["target"]["type"], one["target"]["id"]), list(ACCESS))
        return json_answer({"message": "Revoked grants"})


def _shown(reference: Reference) -> Json:
    return {"type": reference[0], "id": reference[1]}


#: Accesses of each role without a grant, by kind of object.
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
#: Names of kinds of objects in errors.
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
    """Decides about the permissions of principals, if the server enforces permissions.

    Args:
        grants: The permissions that have been granted.
        principals: Finds users and applications.
        default_access: Returns the groups with access to what a principal creates, for a kind of object.
        is_enforced: Whether permissions are enforced.
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
        """Return the accesses of a principal to an object."""
        if principal.is_admin:
            return set(ACCESS)
        kind = target[0]
        granted = self._grants.allowed(principal, target)
        if kind in _DEFINITIONS and principal.roles.isdisjoint(_CHANGES_DEFINITIONS):
            granted -= {CREATE, UPDATE, DELETE}
        return granted.union(*(_BY_ROLE.get(role, {}).get(kind, ()) for role in principal.roles))

    def allowed_by_id(self, principal_id: str, target: Reference) -> set[str]:
        """Return the accesses of the user with this id to an object."""
        found = self._principals.find(principal_id)
        return set() if found is None else self.allowed(found, target)

    def may(self, principal: Principal, access: str, kind: str, name: str) -> bool:
        """Return whether a principal has an access; always true if permissions are not enforced."""
        return not self.is_enforced or principal.is_admin or access in self.allowed(principal, (kind, name))

    def require(self, principal: Principal, access: str, kind: str, name: str) -> None:
        """Check that a principal has an access.

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
