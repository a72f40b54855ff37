"""The public methods that calls are made of."""

from typing import Any

from attrs import define, field, frozen

from surface.calls import Call


@frozen
class Called:
    """A method of a client, as ``workflows.start``, and what stood first among its arguments."""

    resource: str
    method: str
    arguments: tuple[Any, ...]

    def of(self, client: Any) -> Any:
        """The method itself."""
        return getattr(getattr(client, self.resource), self.method)


@define
class Spy:
    """Stands for a client, and remembers which of its methods were called."""

    name: tuple[str, ...] = ()
    called: list[Called] = field(factory=list)

    def __getattr__(self, name: str) -> "Spy":
        return Spy((*self.name, name), self.called)

    def __call__(self, *arguments: Any, **_: Any) -> None:
        resource, method = self.name
        self.called.append(Called(resource, method, arguments))


def method_of(call: Call) -> Called:
    """The one method that a call of the table calls."""
    spy = Spy()
    call.send(spy)  # type: ignore[arg-type]  # it is called as a client is
    (called,) = spy.called
    return called
