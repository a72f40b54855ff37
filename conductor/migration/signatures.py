"""Rewrite a call by a pair of signatures of ``calls``."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

import libcst as cst
from attrs import frozen

from conductor.migration.kinds import parse_signature

__all__ = ["Mismatch", "Pair", "bind", "keyword", "laid_out", "string"]

_NONE = cst.SimpleWhitespace("")


class Mismatch(Exception):  # noqa: N818 - not an error: the call is left to a human
    """A call does not match the old signature; the message explains why."""


def keyword(name: str, value: cst.BaseExpression) -> cst.Arg:
    """Return the argument ``name=value``."""
    return cst.Arg(value, cst.Name(name), cst.AssignEqual(_NONE, _NONE))


def string(text: str) -> cst.SimpleString:
    """Return a string literal."""
    return cst.SimpleString('"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"')


def bind(args: Sequence[cst.Arg], params: Sequence[str]) -> dict[str, cst.Arg]:
    """Return the arguments by the parameters' names.

    Raises:
        Mismatch: There are too many arguments, an unknown keyword, or a star.
    """
    found: dict[str, cst.Arg] = {}
    for position, arg in enumerate(args):
        if arg.star:
            raise Mismatch("its arguments are passed with a star")
        if arg.keyword is None and position >= len(params):
            raise Mismatch("it has more arguments than the method takes")
        name = arg.keyword.value if arg.keyword is not None else params[position]
        if name not in params and not name.startswith("_"):
            raise Mismatch(f"it takes no {name!r}")
        found[name] = arg
    return found


@frozen
class Pair:
    """An old signature and the new call.

    Attributes:
        params: The old parameters.
        new: The new call or attribute.
    """

    params: tuple[str, ...]
    new: cst.BaseExpression | None

    @property
    def text(self) -> str:
        """The new call as source."""
        return cst.Module([]).code_for_node(self.new) if self.new is not None else "the client itself"

    @property
    def name(self) -> str:
        """The name of the new method or attribute; an empty string for the client itself."""
        return self.text.partition("(")[0].rpartition(".")[2] if self.new is not None else ""

    @classmethod
    def parse(cls, old: str, new: str) -> Pair:
        """Return the pair of two signatures of ``calls``."""
        return cls(tuple(parse_signature(old)[1]), cst.parse_expression(new) if new else None)

    def apply(self, call: cst.Call, receiver: cst.BaseExpression | None, function: str | None) -> cst.BaseExpression:
        """Return the replacement of the call.

        Args:
            call: The old call.
            receiver: The object before the dot.
            function: The local name of a new function, instead of the one in the new signature.

        Raises:
            Mismatch: The call does not match the old signature.
        """
        given = bind(call.args, self.params)
        if self.new is None:
            assert receiver is not None
            return receiver
        if not isinstance(self.new, cst.Call):
            return self.new if receiver is None else _attach(self.new, receiver)
        target: cst.BaseExpression = self.new.func if function is None else cst.Name(function)
        args = [made for arg in self.new.args for made in _argument(arg, given)]
        return call.with_changes(
            func=target if receiver is None else _attach(target, receiver), args=laid_out(args, call.args)
        )


def _attach(node: cst.BaseExpression, receiver: cst.BaseExpression) -> cst.BaseExpression:
    """Put the receiver before the leftmost name."""
    if isinstance(node, cst.Name):
        return cst.Attribute(receiver, node)
    if isinstance(node, cst.Attribute):
        return node.with_changes(value=_attach(node.value, receiver))
    if isinstance(node, cst.Call):
        return node.with_changes(func=_attach(node.func, receiver))
    assert isinstance(node, cst.Comparison)
    return node.with_changes(left=_attach(node.left, receiver), lpar=[cst.LeftParen()], rpar=[cst.RightParen()])


def _argument(arg: cst.Arg, given: Mapping[str, cst.Arg]) -> list[cst.Arg]:
    if isinstance(arg.value, cst.Name) and arg.value.value in given:
        old = given[arg.value.value]
        if arg.star and isinstance(old.value, cst.List | cst.Tuple):
            return [cst.Arg(one.value) for one in old.value.elements]
        equal = cst.AssignEqual(_NONE, _NONE) if arg.keyword else cst.MaybeSentinel.DEFAULT
        return [
            old.with_changes(
                keyword=arg.keyword, equal=old.equal if old.keyword and arg.keyword else equal, star=arg.star
            )
        ]
    if isinstance(arg.value, cst.Name):
        return [] if arg.value.value not in {"True", "False"} else [arg]
    if isinstance(arg.value, cst.Tuple) and isinstance(arg.value.elements[0].value, cst.Name):
        names = [one.value.value for one in arg.value.elements if isinstance(one.value, cst.Name)]
        there = [given[name].value for name in names if name in given]
        if names[0] not in given:
            return []
        value = there[0] if len(there) == 1 else cst.Tuple([cst.Element(one) for one in there])
        return [arg.with_changes(value=value)]
    filler = _Filler(given)
    filled = arg.value.visit(filler)
    if filler.misses:
        return []
    assert isinstance(filled, cst.BaseExpression)
    return [arg.with_changes(value=_joined(filled))]


class _Filler(cst.CSTTransformer):
    def __init__(self, given: Mapping[str, cst.Arg]) -> None:
        super().__init__()
        self._given = given
        self.misses = False

    def visit_Attribute_attr(self, node: cst.Attribute) -> None:
        self._attribute = node.attr

    def leave_Attribute(self, original_node: cst.Attribute, updated_node: cst.Attribute) -> cst.BaseExpression:
        value = updated_node.value
        if isinstance(value, cst.Call):  # an object made in the call itself
            found = next((a for a in value.args if a.keyword and a.keyword.value == original_node.attr.value), None)
            self.misses = self.misses or found is None
            return found.value if found is not None else updated_node
        return updated_node.with_changes(attr=original_node.attr)

    def leave_Name(self, original_node: cst.Name, updated_node: cst.Name) -> cst.BaseExpression:
        if original_node is getattr(self, "_attribute", None):
            return updated_node
        found = self._given.get(original_node.value)
        self.misses = self.misses or found is None
        return found.value if found is not None else updated_node


def _joined(value: cst.BaseExpression) -> cst.BaseExpression:
    """Turn an f-string of literals into a plain string."""
    if not isinstance(value, cst.FormattedString):
        return value
    text = ""
    for part in value.parts:
        if isinstance(part, cst.FormattedStringText):
            text += part.value
        elif isinstance(part, cst.FormattedStringExpression) and isinstance(part.expression, cst.SimpleString):
            text += str(ast.literal_eval(part.expression.value))
        else:
            return value
    return string(text)


def laid_out(args: Sequence[cst.Arg], old: Sequence[cst.Arg]) -> list[cst.Arg]:
    """Return the arguments with the line breaks of the old ones where their number or order has changed."""
    if not args or not old:
        return [arg.with_changes(comma=cst.MaybeSentinel.DEFAULT) for arg in args]
    between = [arg.comma for arg in old[:-1] if isinstance(arg.comma, cst.Comma)]
    comma: cst.Comma | cst.MaybeSentinel = between[0] if between else cst.MaybeSentinel.DEFAULT
    result = []
    for arg in args[:-1]:
        is_kept = isinstance(arg.comma, cst.Comma) and not any(arg.comma is one.comma for one in old[-1:])
        result.append(arg if is_kept else arg.with_changes(comma=comma, whitespace_after_arg=_NONE))
    last = args[-1].with_changes(comma=old[-1].comma, whitespace_after_arg=old[-1].whitespace_after_arg)
    if last.star == "*" or isinstance(last.comma, cst.MaybeSentinel):
        return [*result, last]
    return [*result, last]
