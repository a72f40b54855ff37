"""References to values that exist only while a workflow is running: ``${...}`` in its definition."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from typing_extensions import Self

from conductor.workflow.source_tracking import caller_line, record_reference

__all__ = ["Ref", "Root", "path_text", "place_of", "root_of", "text_of"]


_PLAIN = re.compile(r"[A-Za-z_]\w*")
_NO_VALUE = (
    "The reference {0} has no value while the workflow is built, so Python cannot {1} it. "
    "Decide on the server: switch(...), do_while(...), inline(...)."
)


class Root(Protocol):
    """The start of a reference: the workflow or a step."""

    @property
    def root(self) -> str:
        """The reference up to the first dot."""


def _refusal(verb: str, hint: str = "") -> Callable[..., NoReturn]:
    def refuse(ref: Ref, *_: object, **__: object) -> NoReturn:
        raise TypeError(_NO_VALUE.format(text_of(ref), verb) + hint)

    return refuse


class Ref:
    """A reference to a value of a running workflow; ``str()`` and f-strings return it as ``${...}``.

    Attributes and items are references too: ``step.output.total``, ``step.output["unit price"]``,
    ``step.output.items[0]``, ``step.output.items["*"]``. A reference has no other public attributes, so every name in
    your data can be used.
    """

    __slots__ = ("_path", "_place", "_root")

    def __init__(self, root: Root, path: str, place: str | None = None) -> None:
        self._root = root
        self._path = path
        self._place = place or caller_line()

    def __getattr__(self, name: str) -> Self:
        if name.startswith("_"):
            raise AttributeError(f"{self!r} has no attribute {name!r}; for a value of that name use [{name!r}]")
        return self[name]

    if not TYPE_CHECKING:

        def __call__(self, *parts: Any, **_: Any) -> NoReturn:
            """Refuse calls: references of conductor-python are called."""
            called = ", ".join(map(repr, parts))
            better = f"[{called}] instead of ({called})" if parts else "it without the parentheses"
            raise TypeError(f"The reference {self} is not a function: use {better}.")

        __bool__ = _refusal("test")
        __iter__ = _refusal("loop over")
        __contains__ = _refusal("search")
        __len__ = _refusal("measure")
        __lt__ = __le__ = __gt__ = __ge__ = _refusal("compare")
        __int__ = __float__ = __complex__ = __index__ = __round__ = __trunc__ = _refusal("convert")
        __add__ = __radd__ = _refusal("add to", ' To build a string, use an f-string: f"{ref} more".')
        __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _refusal("calculate with")
        __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = __pow__ = __rpow__ = _refusal("calculate with")
        __divmod__ = __rdivmod__ = __matmul__ = __rmatmul__ = _refusal("calculate with")
        __neg__ = __pos__ = __abs__ = __invert__ = _refusal("calculate with")
        __and__ = __rand__ = __or__ = __ror__ = __xor__ = __rxor__ = _refusal("calculate with")
        __lshift__ = __rlshift__ = __rshift__ = __rrshift__ = _refusal("calculate with")

    def __getitem__(self, key: str | int | slice) -> Self:
        return type(self)(self._root, self._path + path_text(key))

    def __str__(self) -> str:
        text = text_of(self)
        record_reference(self, text)
        return text

    def __format__(self, spec: str) -> str:
        if spec:
            raise TypeError(_NO_VALUE.format(text_of(self), "format"))
        return str(self)

    def __repr__(self) -> str:
        return f"Ref({text_of(self)!r})"

    def __hash__(self) -> int:
        return hash((id(self._root), self._path))

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Ref):
            return text_of(self) == text_of(other)
        if isinstance(other, str) and other.startswith("${"):
            return text_of(self) == other
        if isinstance(other, str | int | float):
            raise TypeError(_NO_VALUE.format(text_of(self), "compare"))
        return NotImplemented

    def __reduce__(self) -> NoReturn:
        raise TypeError(_NO_VALUE.format(text_of(self), "copy"))

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __copy__(self) -> Self:
        return self


def path_text(key: str | int | slice) -> str:
    """Return a key as part of a path: ``.total``, ``['unit price']``, ``[0]``, ``[1:3]`` or ``[*]``."""
    if isinstance(key, slice):
        start, stop = ("" if part is None else part for part in (key.start, key.stop))
        return f"[{start}:{stop}]"
    if isinstance(key, int):
        return f"[{key}]"
    if key == "*" or key.startswith("?("):
        return f"[{key}]"
    if _PLAIN.fullmatch(key):
        return f".{key}"
    quoted = key.replace("\\", "\\\\").replace("'", "\\'")
    return f"['{quoted}']"


def text_of(ref: Ref) -> str:
    """Return the reference as the server reads it: ``${...}``."""
    return f"${{{ref._root.root}{ref._path}}}"  # a public attribute would hide a name of the data


def place_of(ref: Ref) -> str:
    """Return the line that made the reference, as ``file:line``."""
    return ref._place


def root_of(ref: Ref) -> Root:
    """Return the workflow or the step that the reference belongs to."""
    return ref._root
