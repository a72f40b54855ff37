"""The sender of a request."""

from __future__ import annotations

from attrs import frozen


@frozen
class Principal:
    """The user or the application that sends a request.

    Attributes:
        id: The id of a user, ``app:<application id>`` for an application; empty in the default edition.
        name: The name to display.
        roles: The names of its roles, with those of its groups.
        groups: The ids of its groups.
        is_admin: Whether all operations are allowed.
    """

    id: str = ""
    name: str = ""
    roles: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    is_admin: bool = False

    @property
    def is_application(self) -> bool:
        """Whether the sender is an application instead of a person."""
        return self.id.startswith("app:")


#: The sender of every request in the default edition, which has no users.
ANYONE = Principal(is_admin=True)
