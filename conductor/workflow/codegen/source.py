"""Write values as Python source, with references as expressions and long values on several lines."""

from __future__ import annotations

import re
from collections.abc import Mapping
from keyword import iskeyword
from typing import Any

from conductor.validation.tree import Expression, expressions
from conductor.workflow.refs import Ref, text_of

__all__ = ["Plain", "Source"]


#: Characters of a line.
_WIDTH = 112
_PART = re.compile(r"\.([A-Za-z_]\w*)|\['([^'\\]+)'\]|\[(-?\d+)\]")
_WORKFLOW = ("input", "variables", "secrets", "env")


class Plain(str):
    """A string that is never an expression, such as a name."""

    __slots__ = ()


class _Name:
    def __init__(self, root: str) -> None:
        self.root = root


class Source:
    """Writes values as Python source.

    Args:
        workflow: The name of the workflow's variable; None to write references as strings.
    """

    def __init__(self, workflow: str | None = None) -> None:
        self.workflow = workflow
        self.variables: dict[str, str] = {}

    def value(self, value: Any, indent: int | None = 0, used: int = 0) -> str:
        """Return the source of a value.

        Args:
            value: The value.
            indent: Spaces before each line; None to write the value on one line.
            used: Characters before the value on its first line.
        """
        if isinstance(value, str):
            return _quoted(str(value)) if isinstance(value, Plain) else self.text(value)
        if isinstance(value, Mapping):
            return self._items([(f"{self.text(str(k))}: ", v) for k, v in value.items()], "{}", indent, used)
        if isinstance(value, list | tuple):
            braces = "[]" if isinstance(value, list) else "()"
            return self._items([("", item) for item in value], braces, indent, used)
        return repr(value)

    def call(self, name: str, args: list[Any], kwargs: Mapping[str, Any], indent: int, used: int = 0) -> str:
        """Return the source of a call."""
        items = [("", arg) for arg in args] + [(f"{key}=", value) for key, value in kwargs.items()]
        return f"{name}{self._items(items, '()', indent, used + len(name))}"

    def _items(self, items: list[tuple[str, Any]], braces: str, indent: int | None, used: int) -> str:
        flat = braces[0] + ", ".join(f"{head}{self.value(item, None)}" for head, item in items) + braces[1]
        if indent is None or indent + used + len(flat) <= _WIDTH:
            return flat
        inner = " " * (indent + 4)
        lines = [f"{inner}{head}{self.value(item, indent + 4, len(head))},\n" for head, item in items]
        return f"{braces[0]}\n{''.join(lines)}{' ' * indent}{braces[1]}"

    def text(self, text: str) -> str:
        """Return the source of a string: an expression for a reference, an f-string for text with references."""
        found = [one for one in expressions(text) if one.is_closed]
        if len(found) == 1 and found[0].text == text:
            return self._expression(found[0]) or _quoted(text)
        pieces, position, is_format = [], 0, False
        for one in found:
            if one.start < position:
                continue
            expression = self._expression(one)
            if expression is None or '"' in expression or "\\" in expression:
                continue
            pieces.append(_escaped(text[position : one.start]))
            pieces.append(f"{{{expression}}}")
            position, is_format = one.start + len(one.text), True
        if not is_format:
            return _quoted(text)
        return 'f"' + "".join([*pieces, _escaped(text[position:])]) + '"'

    def _expression(self, found: Expression) -> str | None:
        """Return the Python expression that reproduces a reference; None if there is none."""
        if found.root == "workflow" and self.workflow is not None:
            source = self.workflow if found.parts and found.parts[0] in _WORKFLOW else f"{self.workflow}.execution"
        elif found.root in self.variables:
            source = self.variables[found.root]
            if not found.parts or found.parts[0] not in {"output", "input"}:
                source += ".execution"
        else:
            return None
        ref = Ref(_Name(found.root), "", "-")
        position = 0
        while position < len(found.path):
            match = _PART.match(found.path, position)
            if match is None:
                return None
            name = match[1] or match[2]
            is_plain = match[1] and not match[1].startswith("_") and not iskeyword(match[1])
            source += f".{name}" if is_plain else f"[{name!r}]" if name else f"[{match[3]}]"
            ref = ref[name or int(match[3])]
            position = match.end()
        return source if text_of(ref) == found.text else None


def _quoted(text: str) -> str:
    shown = repr(text)
    return f'"{shown[1:-1]}"' if shown[0] == "'" and '"' not in shown else shown


def _escaped(text: str) -> str:
    """Escape a part of an f-string in double quotes."""
    plain = text.replace("\\", "\\\\").replace('"', '\\"').replace("{", "{{").replace("}", "}}")
    return re.sub(r"[\x00-\x1f\x7f]", lambda match: f"\\x{ord(match[0]):02x}", plain.replace("\n", "\\n"))
