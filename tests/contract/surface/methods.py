"""The public methods that calls are made of."""

from typing import Any

from attrs import define, field

from surface.calls import Call


@define
class Spy:
    """Stands for a client, and remembers which of its methods were called."""

    name: tuple[str, ...] = ()
    called: list[tuple[str, ...]] = field(factory=list)

    def __getattr__(self, name: str) -> "Spy":
        return Spy((*self.name, name), self.called)

    def __call__(self, *_: Any, **__: Any) -> None:
        self.called.append(self.name)


def methods_of(call: Call) -> list[tuple[str, ...]]:
    """The methods that a call of the table calls, as ``("workflows", "start")``."""
    spy = Spy()
    call.send(spy)  # type: ignore[arg-type]  # it is called as a client is
    return spy.called
