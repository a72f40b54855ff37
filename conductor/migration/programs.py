"""Migrate programs: read them, rewrite them, and write them back."""

from __future__ import annotations

import ast
import contextlib
import difflib
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import libcst as cst
from attrs import Factory, define, frozen
from libcst.metadata import MetadataWrapper, PositionProvider

from conductor.migration.context import Context, Finding, PublicNames
from conductor.migration.folding import Folder
from conductor.migration.kinds import Kinds
from conductor.migration.rewriting import Rewriter

__all__ = ["Migration", "Project", "find_programs", "write_atomically"]

#: Exceptions of parsing a file that is not Python, or whose encoding is unknown or wrong.
_UNREADABLE = (cst.ParserSyntaxError, SyntaxError, UnicodeDecodeError, LookupError)
#: Folders without programs of the user.
_SKIPPED = frozenset(
    {"__pycache__", "node_modules", "site-packages", "venv", "env", "virtualenv", "build", "dist", "__pypackages__"}
)


@frozen
class Migration:
    """The result for one program.

    Attributes:
        path: The file.
        old: Its bytes.
        new: The bytes of the migrated program; the same if nothing changes.
        findings: Places that a person has to check, in the order of the lines.
        encoding: The program's encoding.
    """

    path: Path
    old: bytes
    new: bytes
    findings: tuple[Finding, ...] = ()
    encoding: str = "utf-8"

    @property
    def is_changed(self) -> bool:
        """Whether the program changes."""
        return self.old != self.new

    @property
    def is_open(self) -> bool:
        """Whether a person has to change the program before it runs."""
        return any(finding.is_open for finding in self.findings)

    def diff(self) -> str:
        """Return a unified diff; empty if nothing changes."""
        before, after = (text.decode(self.encoding).splitlines(keepends=True) for text in (self.old, self.new))
        name = self.path.as_posix().lstrip("/")
        lines = difflib.unified_diff(before, after, f"a/{name}", f"b/{name}")
        return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


@define
class Project:
    """Programs that are migrated together, so that the kinds of return values are known across files.

    Attributes:
        names: Public names of this SDK.
    """

    names: PublicNames
    _returns: dict[str, set[str]] = Factory(dict)

    def migrate(self, paths: Iterable[Path]) -> Iterator[Migration]:
        """Yield the migration of each file, in order; nothing is written.

        Raises:
            OSError: A file cannot be read.
        """
        files = [(path, path.read_bytes()) for path in paths]
        for _, source in files:
            with contextlib.suppress(*_UNREADABLE):  # reported below
                self._learn(source)
        for path, source in files:
            yield self._migrate(path, source)

    def _learn(self, source: bytes) -> None:
        if b"conductor" in source:
            Kinds(returns=self._returns).read(cst.parse_module(source), {})

    def _migrate(self, path: Path, source: bytes) -> Migration:
        if b"conductor" not in source:
            return Migration(path, source, source)
        try:
            module = cst.parse_module(source)
        except cst.ParserSyntaxError as error:
            reason = f"syntax error: {error.message.splitlines()[0]}; the file is left as it is"
            return Migration(path, source, source, (Finding(error.raw_line, reason),))
        except (UnicodeDecodeError, LookupError, SyntaxError) as error:
            reason = f"cannot be decoded ({error}); the file is left as it is"
            return Migration(path, source, source, (Finding(1, reason),))
        changed, findings = self._rewrite(module)
        try:
            ast.parse(changed.bytes)
        except SyntaxError as error:  # leave the program unchanged if the result does not compile
            reason = f"the file is left as it is: its migration would not compile ({error.msg})"
            return Migration(path, source, source, (Finding(1, reason),))
        return Migration(path, source, changed.bytes, findings, module.encoding)

    def _rewrite(self, parsed: cst.Module) -> tuple[cst.Module, tuple[Finding, ...]]:
        wrapper = MetadataWrapper(parsed)
        module = wrapper.module
        lines = {node: found.start.line for node, found in wrapper.resolve(PositionProvider).items()}
        kinds = Kinds(returns=self._returns)
        kinds.read(module, lines)
        findings = list(_whole_modules(module, lines))
        if not kinds.imported and not self._uses_steps(module):
            return parsed, tuple(findings)
        folded = module.visit(Folder(kinds, lines))
        context = Context(kinds, self.names, _Lines(lines), "JoinTask" in kinds.imported.values())
        changed = folded.visit(Rewriter(context))
        found = {(one.line, one.reason): one for one in (*findings, *context.findings)}
        return changed, tuple(sorted(found.values(), key=lambda one: one.line))

    def _uses_steps(self, module: cst.Module) -> bool:
        return "task_ref_name=" in module.code


@frozen
class _Lines:
    """The line of a node in the old program: of the node itself, or of the first part of it that is unchanged."""

    lines: dict[cst.CSTNode, int]

    def __call__(self, node: cst.CSTNode) -> int:
        if node in self.lines:
            return self.lines[node]
        return next((found for child in node.children if (found := self(child))), 0)


def _whole_modules(module: cst.Module, lines: dict[cst.CSTNode, int]) -> Iterator[Finding]:
    finder = _WholeModules()
    module.visit(finder)
    for node in finder.found:
        yield Finding(lines.get(node, 1), "import conductor.client...: import the names that the program uses instead")


class _WholeModules(cst.CSTVisitor):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[cst.Import] = []

    def visit_Import(self, node: cst.Import) -> None:
        if any(cst.Module([]).code_for_node(alias.name).startswith("conductor.client") for alias in node.names):
            self.found.append(node)


def find_programs(path: Path) -> list[Path]:
    """Return a Python file, or those of a folder without virtual environments, hidden folders and build results.

    Raises:
        FileNotFoundError: The path does not exist.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise FileNotFoundError(f"{path} does not exist")
    found = []
    for folder, inner, names in os.walk(path):
        inner[:] = sorted(name for name in inner if _is_own(Path(folder, name)))
        found += [Path(folder, name) for name in sorted(names) if name.endswith(".py")]
    return found


def _is_own(folder: Path) -> bool:
    name = folder.name
    return not (
        name in _SKIPPED or name.startswith(".") or name.endswith(".egg-info") or (folder / "pyvenv.cfg").exists()
    )


def write_atomically(path: Path, content: bytes) -> None:
    """Replace a file at once, with the same permissions: readers see the old or the new content, never a part.

    Raises:
        OSError: The file cannot be written; it is unchanged.
    """
    target = path.resolve()
    mode = target.stat().st_mode
    handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(mode)
        Path(temporary).replace(target)
    except BaseException:  # also Ctrl-C: no temporary file stays
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise
