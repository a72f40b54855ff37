"""Replace the imports of a program, and fix the quotes inside f-strings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import libcst as cst
from attrs import define

from conductor.migration.kinds import dotted_name, is_old

__all__ = ["Imports", "Requoter", "UsedNames"]


class UsedNames(cst.CSTVisitor):
    """The names that a program uses, other than in imports."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def visit_ImportFrom(self, node: cst.ImportFrom) -> bool:
        return False

    def visit_Name(self, node: cst.Name) -> None:
        self.found.add(node.value)


class Requoter(cst.CSTTransformer):
    """Change the quotes of strings inside an f-string; before Python 3.12 they must differ from its own."""

    def __init__(self, quote: str) -> None:
        super().__init__()
        self._quote = quote

    def leave_SimpleString(self, original_node: cst.SimpleString, updated_node: cst.SimpleString) -> cst.SimpleString:
        other = "'" if self._quote == '"' else '"'
        text = updated_node.value
        if not text.startswith(self._quote) or other in text or text.startswith(self._quote * 3):
            return updated_node
        return updated_node.with_changes(value=f"{other}{text[1:-1]}{other}")


@define
class Imports:
    """Replaces the imports from conductor-python by those of this SDK.

    Attributes:
        needs: The local name of each name that the program needs, by module and name.
        kept: The local names that stay imported from conductor-python.
    """

    needs: Mapping[tuple[str, str], str]
    kept: set[str]

    def applied(self, module: cst.Module) -> cst.Module:
        """Return the module with its imports."""
        remover = _ImportRemover(self.kept)
        cleaned = module.visit(remover)
        lines = self._lines()
        body = list(cleaned.body)
        if not lines:
            return cleaned.with_changes(body=[one for one in body if one is not remover.marker])
        place = next((index for index, one in enumerate(body) if one is remover.marker), None)
        if place is None:
            place = _after_future(body)
            return cleaned.with_changes(body=[*body[:place], *lines, *body[place:]])
        marked = body[place]
        leading = getattr(marked, "leading_lines", ())
        lines[0] = lines[0].with_changes(leading_lines=leading)
        return cleaned.with_changes(body=[*body[:place], *lines, *body[place + 1 :]])

    def _lines(self) -> list[cst.SimpleStatementLine]:
        by_module: dict[str, list[tuple[str, str]]] = {}
        for (module, name), local in sorted(self.needs.items()):
            by_module.setdefault(module, []).append((name, local))
        return [_import_line(module, names) for module, names in sorted(by_module.items())]


def _import_line(module: str, names: list[tuple[str, str]]) -> cst.SimpleStatementLine:
    written = [name if name == local else f"{name} as {local}" for name, local in sorted(names)]
    text = f"from {module} import {', '.join(written)}"
    if len(text) > _WIDTH:
        text = f"from {module} import (\n" + "".join(f"    {one},\n" for one in written) + ")"
    line = cst.parse_statement(text)
    assert isinstance(line, cst.SimpleStatementLine)
    return line


#: Columns of an import line; longer ones are broken.
_WIDTH = 88


def _after_future(body: Sequence[cst.CSTNode]) -> int:
    place = 0
    for index, one in enumerate(body):
        text = cst.Module([]).code_for_node(one).strip()
        is_text = index == 0 and text[:1] in {'"', "'", "r"}
        if is_text or text.startswith("from __future__"):
            place = index + 1
    return place


class _ImportRemover(cst.CSTTransformer):
    """Remove the old imports, except of names that are kept; ``marker`` is where the first of the module was."""

    def __init__(self, kept: set[str]) -> None:
        super().__init__()
        self._kept = kept
        self._depth = 0
        self.marker: cst.CSTNode | None = None

    def visit_IndentedBlock(self, node: cst.IndentedBlock) -> None:
        self._depth += 1

    def leave_IndentedBlock(self, original_node: cst.IndentedBlock, updated_node: cst.IndentedBlock) -> cst.BaseSuite:
        self._depth -= 1
        return updated_node

    def leave_SimpleStatementLine(
        self, original_node: cst.SimpleStatementLine, updated_node: cst.SimpleStatementLine
    ) -> cst.SimpleStatementLine | cst.RemovalSentinel:
        body = [self._without_old(one) for one in updated_node.body]
        left = [one for one in body if one is not None]
        if len(left) == len(updated_node.body):
            return updated_node.with_changes(body=left) if body != list(updated_node.body) else updated_node
        if left:
            return updated_node.with_changes(body=left)
        if self._depth == 0 and self.marker is None:
            self.marker = marker = updated_node.with_changes(body=[cst.Pass()])
            return marker
        return cst.RemoveFromParent()

    def _without_old(self, node: cst.BaseSmallStatement) -> cst.BaseSmallStatement | None:
        if not isinstance(node, cst.ImportFrom) or node.relative or not is_old(dotted_name(node.module)):
            return node
        if isinstance(node.names, cst.ImportStar):
            return node
        kept = [alias for alias in node.names if _local(alias) in self._kept]
        if not kept:
            return None
        kept[-1] = kept[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
        return node.with_changes(names=kept, lpar=None, rpar=None)


def _local(alias: cst.ImportAlias) -> str:
    name = alias.asname.name if alias.asname else alias.name
    return dotted_name(name) if isinstance(name, cst.Name | cst.Attribute) else ""
