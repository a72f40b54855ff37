"""What a call is: a verb, a path, the shape of the answer, and whether repeating it is harmless."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, Generic, TypeVar
from urllib.parse import quote

from attrs import field, frozen

from conductor.errors import ConfigurationError

__all__ = ["NOT_GIVEN", "Edition", "NotGiven", "Operation", "Repeat", "nothing"]


class NotGiven(Enum):
    """The type of ``NOT_GIVEN``, by which an argument says that it was left out; None means "no limit"."""

    NOT_GIVEN = "not given"

    def __repr__(self) -> str:
        return "NOT_GIVEN"


NOT_GIVEN = NotGiven.NOT_GIVEN


T = TypeVar("T")
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


class Repeat(Enum):
    """Whether a request may be sent again when its answer was lost."""

    SAFE = "safe"
    NEVER = "never"
    WITH_KEY = "with an idempotency key"


class Edition(Enum):
    """The servers that have an operation."""

    BOTH = "both"
    OSS = "the open-source server"
    ORKES = "Orkes Conductor"


def nothing() -> None:
    """What ``on_empty`` names where an empty answer means None."""


@frozen
class Operation(Generic[T]):
    """One REST operation of the server.

    Attributes:
        method: The verb.
        path: The path's template below ``/api``, as ``/workflow/{workflowId}``.
        returns: What the answer is structured to: None (nothing), ``str``, ``int``, ``bytes``, ``dict``, a model, or a
            list or dict of models.
        repeat: Whether repeating it is harmless.
        edition: The servers that have it.
        on_empty: Makes the value of an empty answer (200 without a body, 204); without it such an answer is an error
            where a value was promised.
        sends: How a body travels: ``json``, ``text`` or ``bytes``.
        root: The path is not below ``/api`` but at the server's root.
        anonymous: Sent without a token.
        shadowed: A server of the other edition takes its path for another operation; so which it is is asked first.
        orkes_query: Query parameters that only Orkes understands; that another server ignores them is logged.
        oss_query: Those that only the open-source server understands.
        selects: Those of both by which the answer is selected; to a server that ignores one nothing is sent, because it
            would answer everything.
        advice: What to do where the server does not have it.
    """

    method: str
    path: str
    returns: Any = None
    repeat: Repeat = Repeat.SAFE
    edition: Edition = Edition.BOTH
    on_empty: Callable[[], T] | None = None
    sends: str = "json"
    root: bool = False
    anonymous: bool = False
    shadowed: bool = False
    orkes_query: tuple[str, ...] = ()
    oss_query: tuple[str, ...] = ()
    selects: tuple[str, ...] = ()
    advice: str = ""
    parameters: tuple[str, ...] = field(init=False)

    @parameters.default
    def _parameters(self) -> tuple[str, ...]:
        return tuple(_PLACEHOLDER.findall(self.path))

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    def fill(self, values: Mapping[str, Any]) -> str:
        """The path with every parameter quoted.

        Raises:
            ConfigurationError: A value is missing or empty, is ``.`` or ``..``, or holds a slash or a backslash, which
                the server's web container refuses even when quoted.
        """
        return _PLACEHOLDER.sub(lambda match: self._segment(match[1], values.get(match[1])), self.path)

    def _segment(self, name: str, value: Any) -> str:
        text = "" if value is None else str(value)
        if text in {"", ".", ".."} or "/" in text or "\\" in text:
            raise ConfigurationError(
                f"{self}: {value if value is None else text!r} cannot be the {name} of a request: the server cannot "
                "address a name that is empty, is '.' or '..', or contains a slash.",
                variable=name,
                value=text,
                allowed="text without slashes",
            )
        return quote(text, safe="")
