"""The permissions of executions, schedules, handlers and webhooks: those of the principal that created them."""

from __future__ import annotations

from attrs import frozen

from conductor.server.engine.state import Execution
from conductor.server.orkes.access import EXECUTE
from conductor.server.orkes.permissions import Permissions, refused
from conductor.server.orkes.principals import Principals
from conductor.server.orkes.tags import WORKFLOW


@frozen
class Rights:
    """Checks the permissions of an object's creator when the object acts for the creator."""

    permissions: Permissions
    principals: Principals

    def may(self, creator: str | None, access: str, kind: str, name: str) -> bool:
        """Return whether a creator has an access to an object; False for an unknown or deleted creator."""
        if not self.permissions.is_enforced:
            return True
        principal = self.principals.find(creator) if creator else None
        return principal is not None and self.permissions.may(principal, access, kind, name)

    def is_trusted(self, creator: str | None) -> bool:
        """Return whether a creator may use the server's files: administrators, or anyone without permissions."""
        if not self.permissions.is_enforced:
            return True
        principal = self.principals.find(creator) if creator else None
        return principal is not None and principal.is_admin

    def check_start(self, creator: str | None, workflow: str) -> None:
        """Check that a creator may start a workflow, or change its executions.

        Raises:
            RefusedError: It has no permission (403).
        """
        if not self.may(creator, EXECUTE, WORKFLOW, workflow):
            raise refused(EXECUTE, WORKFLOW, workflow)

    def check_execution(self, actor: Execution, access: str, workflow: str) -> None:
        """Check that the creator of an execution has an access to executions of a workflow.

        Raises:
            RefusedError: It has no permission (403).
        """
        if not self.may(actor.workflow.get("createdBy"), access, WORKFLOW, workflow):
            raise refused(access, WORKFLOW, workflow)
