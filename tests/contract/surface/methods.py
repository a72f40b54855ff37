"""The public methods that calls are made of."""

import inspect
from typing import Any

from attrs import define, field, frozen

from surface.calls import Call


@frozen
class Called:
    """A method of a client, as ``workflows.start``, and its arguments."""

    resource: str
    method: str
    arguments: tuple[Any, ...]
    named: dict[str, Any]

    def of(self, client: Any) -> Any:
        """The method itself."""
        return getattr(getattr(client, self.resource), self.method)

    def bound(self, client: Any) -> dict[str, Any]:
        """The arguments by the names that they have in the method."""
        return dict(inspect.signature(self.of(client)).bind(*self.arguments, **self.named).arguments)


@define
class Spy:
    """Stands for a client, and remembers which of its methods were called."""

    name: tuple[str, ...] = ()
    called: list[Called] = field(factory=list)

    def __getattr__(self, name: str) -> "Spy":
        return Spy((*self.name, name), self.called)

    def __call__(self, *arguments: Any, **named: Any) -> None:
        resource, method = self.name
        self.called.append(Called(resource, method, arguments, named))


def method_of(call: Call) -> Called:
    """The one method that a call of the table calls."""
    spy = Spy()
    call.send(spy)  # type: ignore[arg-type]  # it is called as a client is
    (called,) = spy.called
    return called
