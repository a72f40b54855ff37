"""Who may do what to which thing (Orkes)."""

from __future__ import annotations

import builtins
from collections.abc import Sequence

from conductor.clients._resource import Resource
from conductor.clients.checks import texts
from conductor.models import AccessType, AuthorizationRequest, SubjectRef, TargetRef, TargetType
from conductor.transport.operation import Edition, Operation

__all__ = ["PermissionClient"]

GRANT: Operation[None] = Operation("POST", "/auth/authorization", edition=Edition.ORKES)
REMOVE: Operation[None] = Operation("DELETE", "/auth/authorization", edition=Edition.ORKES)
LIST: Operation[dict[str, list[SubjectRef]]] = Operation(
    "GET", "/auth/authorization/{type}/{id}", dict[str, list[SubjectRef]], edition=Edition.ORKES, on_empty=dict
)


class PermissionClient(Resource):
    """Permissions (``client.permissions``, Orkes).

    A subject is a user, group, role or tag; a target a workflow definition, a task definition and so on.
    """

    def grant(self, subject: SubjectRef, target: TargetRef, access: Sequence[AccessType | str]) -> None:
        """Allow a subject to do something with a target (``POST /auth/authorization``)."""
        self._call(GRANT, body=_request(subject, target, access))

    def remove(self, subject: SubjectRef, target: TargetRef, access: Sequence[AccessType | str]) -> None:
        """Take that back (``DELETE /auth/authorization``)."""
        self._call(REMOVE, body=_request(subject, target, access))

    def list(self, target_type: TargetType | str, target_id: str) -> dict[str, builtins.list[SubjectRef]]:
        """Who has each access to a target (``GET /auth/authorization/{type}/{id}``)."""
        return self._call(LIST, {"type": TargetType(target_type), "id": target_id})


def _request(subject: SubjectRef, target: TargetRef, access: Sequence[AccessType | str]) -> AuthorizationRequest:
    return AuthorizationRequest([AccessType(each) for each in texts(access, "access")], subject, target)
