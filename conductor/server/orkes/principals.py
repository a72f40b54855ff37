"""The possible senders of requests: the built-in administrator, users and applications."""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field

from conductor.server.http.principal import Principal

#: The id of the built-in administrator: requests without a token act for it if the server has no keys, and so do the
#: keys that the server was started with.
ADMINISTRATOR_ID = "admin@localhost"
ADMINISTRATOR = Principal(ADMINISTRATOR_ID, "Administrator", frozenset({"ADMIN"}), is_admin=True)


@define
class Principals:
    """Finds principals by id.

    Attributes:
        sources: Functions that return a principal; None for an unknown id.
    """

    sources: list[Callable[[str], Principal | None]] = field(factory=list)

    def find(self, principal_id: str) -> Principal | None:
        """Return a principal with its present roles; None if it does not exist."""
        if principal_id.removeprefix("app:") == ADMINISTRATOR_ID:  # event handlers name it like an application
            return ADMINISTRATOR
        return next((found for source in self.sources if (found := source(principal_id)) is not None), None)
