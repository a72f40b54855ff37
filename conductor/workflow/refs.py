"""References: values that exist only while a workflow runs, written ``${...}`` in its definition."""

from __future__ import annotations

import os
import re
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from attrs import field, frozen
from typing_extensions import Self

from conductor.workflow.expressions import expressions_in

__all__ = [
    "Origin",
    "Ref",
    "Root",
    "Written",
    "claim",
    "here",
    "note",
    "path_text",
    "place_in",
    "place_of",
    "root_of",
    "text_of",
    "user_frame",
]


_PACKAGE = Path(__file__).parents[1]
_OWN = tuple(f"{_PACKAGE / name}{os.sep}" for name in ("workflow", "validation", "migration"))


def here() -> str:
    """The nearest line outside this package on the stack, as ``file:line``."""
    return place_in(user_frame())


def place_in(frame: FrameType) -> str:
    """The line that a frame is at, as ``file:line``."""
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


def user_frame() -> FrameType:
    """The nearest frame outside this package on the stack."""
    frame = sys._getframe(1)  # noqa: SLF001  inspect.stack reads source files: far too slow for each reference
    while frame.f_back is not None and frame.f_code.co_filename.startswith((*_OWN, "<attrs generated")):
        frame = frame.f_back
    return frame


_MOST = 256  # texts that nobody claims, as those that are printed, are forgotten


@frozen(eq=False)
class Written:
    """A reference that was written into a text.

    Attributes:
        ref: The reference.
        text: Its text at that time.
        place: Where that was, ``file:line``.
        code: The function, or module, that did it.
    """

    ref: Ref
    text: str
    place: str
    code: CodeType


@frozen(eq=False)
class Origin:
    """Where a definition comes from.

    Attributes:
        place: Where the workflow was written, or "".
        lines: Where some of its fields were, by their path.
        written: What was written into texts of its fields, by their path.
    """

    place: str = ""
    lines: Mapping[str, str] = field(factory=dict)
    written: Mapping[str, list[Written]] = field(factory=dict)

    def line(self, path: str) -> str:
        """Where the field at a path was written, or "" when that is not known."""
        heads = (line for at, line in self.lines.items() if path == at or path.startswith((f"{at}.", f"{at}[")))
        return next(heads, self.place)


class _Recent(threading.local):
    def __init__(self) -> None:
        self.written: deque[Written] = deque(maxlen=_MOST)


_recent = _Recent()


def note(ref: Ref, text: str) -> None:
    """Remember that a reference became text."""
    frame = user_frame()
    _recent.written.append(Written(ref, text, place_in(frame), frame.f_code))


def claim(value: Any) -> dict[str, list[Written]]:
    """Take what the calling function has written into the texts of a value, by the paths of these texts.

    Where the same text also stands in the function's source as it is, it cannot be told which of them a value has: then
    nothing is said of it.
    """
    if not _recent.written:
        return {}
    code = user_frame().f_code
    paths: dict[str, list[str]] = {}
    for path, found in expressions_in(value):
        paths.setdefault(found.text, []).append(path)
    claimed: dict[str, list[Written]] = {}
    for text, places in paths.items():
        if any(text in literal for literal in _literals(code)):
            continue
        there = [one for one in _recent.written if one.text == text and one.code is code][-len(places) :]
        for path, one in zip(places, there, strict=False):
            claimed.setdefault(path, []).append(one)
            _recent.written.remove(one)
    return claimed


def _literals(code: CodeType) -> Iterator[str]:
    return (constant for constant in code.co_consts if isinstance(constant, str) and "${" in constant)


_PLAIN = re.compile(r"[A-Za-z_]\w*")
_NO_VALUE = (
    "The reference {0} has no value while the workflow is built, so Python cannot {1} it. "
    "Decide on the server: switch(...), do_while(...), inline(...)."
)


class Root(Protocol):
    """What a reference begins with: the workflow, or a step."""

    @property
    def root(self) -> str:
        """The text before the first dot."""


def _refusal(verb: str, hint: str = "") -> Callable[..., NoReturn]:
    """A method for what Python would do to a value that is there."""

    def refuse(ref: Ref, *_: object, **__: object) -> NoReturn:
        raise TypeError(_NO_VALUE.format(text_of(ref), verb) + hint)

    return refuse


class Ref:
    """A reference to a value of a running workflow; ``str`` of it, and an f-string, give its ``${...}`` text.

    Every attribute and every item is a reference again: ``step.output.total``, ``step.output["unit price"]``,
    ``step.output.items[0]``, ``step.output.items["*"]``. It has no other public attributes, so none of the names
    in your data is taken.
    """

    __slots__ = ("_path", "_place", "_root")

    def __init__(self, root: Root, path: str, place: str | None = None) -> None:
        self._root = root
        self._path = path
        self._place = place or here()

    def __getattr__(self, name: str) -> Self:
        if name.startswith("_"):
            raise AttributeError(f"{self!r} has no attribute {name!r}; for a value of that name write [{name!r}]")
        return self[name]

    if not TYPE_CHECKING:

        def __call__(self, *parts: Any, **_: Any) -> NoReturn:
            """Refuse to be called, as references of conductor-python are."""
            called = ", ".join(map(repr, parts))
            better = f"[{called}] in place of ({called})" if parts else "it without the parentheses"
            raise TypeError(f"The reference {self} is no function: write {better}.")

        __bool__ = _refusal("test")
        __iter__ = _refusal("loop over")
        __contains__ = _refusal("search")
        __len__ = _refusal("measure")
        __lt__ = __le__ = __gt__ = __ge__ = _refusal("compare")
        __int__ = __float__ = __complex__ = __index__ = __round__ = __trunc__ = _refusal("convert")
        __add__ = __radd__ = _refusal("add to", ' For text use an f-string: f"{ref} more".')
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
        note(self, text)
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
    """One more part of a path: ``.total``, ``['unit price']``, ``[0]``, ``[1:3]``, ``[*]``."""
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
    """Its text, as the server reads it."""
    return f"${{{ref._root.root}{ref._path}}}"  # noqa: SLF001  no public attribute: they are all names of data


def place_of(ref: Ref) -> str:
    """Where the reference was written, as ``file:line``."""
    return ref._place  # noqa: SLF001


def root_of(ref: Ref) -> Root:
    """What the reference begins with."""
    return ref._root  # noqa: SLF001
