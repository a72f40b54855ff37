"""How each operation is made to be sent: one call of a public method, with every argument that reaches the request."""

from collections.abc import Callable, Iterable
from typing import Any

from attrs import field, frozen

from conductor import ConductorClient

Send = Callable[[ConductorClient], Any]


@frozen
class Call:
    """One call.

    Attributes:
        send: Calls the method.
        answers: What the server answers, by operation, where the document's own sample would not do.
        also: Calls the method with arguments that exclude others.
        instead: Calls the method, by edition, without the arguments that a server of it would ignore and answer
            everything, so that the client refuses them.
        undocumented: Query names that are sent although no document states them.
    """

    send: Send
    answers: dict[str, Any] = field(factory=dict)
    also: Send | None = None
    instead: dict[str, Send] = field(factory=dict)
    undocumented: frozenset[str] = field(default=frozenset(), converter=frozenset)


def call(
    send: Send,
    *,
    answers: dict[str, Any] | None = None,
    also: Send | None = None,
    instead: dict[str, Send] | None = None,
    undocumented: Iterable[str] = (),
) -> Call:
    """A call that is not sent just as the documents say."""
    return Call(send, answers or {}, also, instead or {}, undocumented)
