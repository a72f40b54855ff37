"""Who sends a request."""

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
        is_admin: Whether it may do everything.
    """

    id: str = ""
    name: str = ""
    roles: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    is_admin: bool = False

    @property
    def is_application(self) -> bool:
        """Whether it is an application, and not a person."""
        return self.id.startswith("app:")


#: Sends every request in the default edition, which knows no users.
ANYONE = Principal(is_admin=True)
