"""Measure the structure of the package: size, coupling, files crossed per operation, and exceptions to the rules.

``make structure`` prints the table; docs/design/structure.md keeps it from before and after the restructuring.
Another checkout is measured with ``python tools/structure.py --root PATH``.
"""

from __future__ import annotations

import argparse
import ast
import io
import re
import subprocess
import sys
import threading
import time
import tokenize
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

#: Repetitions of each trip; the smallest counts, because timers and the garbage collector only ever add calls.
REPETITIONS = 5
#: Seconds that a trip may take before the measurement is given up.
DEADLINE_S = 30.0
BROAD = {"Exception", "BaseException"}

Row = tuple[str, str, str]


def main() -> None:
    """Print the table of one checkout."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, default=Path(__file__).parents[1], help="the checkout to measure")
    parser.add_argument("--no-tests", action="store_true", help="do not collect the tests, which takes 20 seconds")
    arguments = parser.parse_args()
    root: Path = arguments.root.resolve()
    sys.path.insert(0, str(root))
    rows = [*source_rows(root / "conductor"), *trip_rows(root)]
    if not arguments.no_tests:
        rows.append(test_row(root))
    print("| | measured | target |\n|---|---|---|")
    for what, measured, target in rows:
        print(f"| {what} | {measured} | {target} |")


def source_rows(package: Path) -> list[Row]:
    """Return what can be read from the source without running it."""
    texts = {path: path.read_text(encoding="utf-8") for path in sorted(package.rglob("*.py"))}
    lines = {path: text.count("\n") for path, text in texts.items()}
    total = sum(lines.values())
    median = sorted(lines.values())[len(lines) // 2]
    single, modules = single_importers(package, texts)
    comments = sum(comment_lines(text) for text in texts.values())
    noqa = sum(text.count("# noqa") for text in texts.values())
    broad = [place for path, text in texts.items() for place in broad_excepts(path, text)]
    return [
        ("files in `conductor/`", str(len(texts)), "about 250"),
        ("lines in `conductor/`", f"{total:,}", "45,000 or fewer, same features"),
        ("median lines of a file", str(median), ""),
        ("modules with exactly one importer", f"{single} of {modules}", "under 40"),
        ("`# noqa`", str(noqa), "under 40"),
        ("broad `except` without a comment", str(len(broad)), "0"),
        ("comment lines", f"{100 * comments / total:.1f}%", "2-4%"),
    ]


def single_importers(package: Path, texts: dict[Path, str]) -> tuple[int, int]:
    """Return how many modules have exactly one importer, and how many modules there are (without packages)."""
    names = {module_name(package, path): path for path in texts}
    importers: dict[str, set[str]] = defaultdict(set)
    for name, path in names.items():
        for target in imported(ast.parse(texts[path]), name, path.name == "__init__.py"):
            while target and target not in names:
                target = target.rpartition(".")[0]  # noqa: PLW2901  the name in a module, then the module
            if target and target != name:
                importers[target].add(name)
    modules = [name for name, path in names.items() if path.name not in {"__init__.py", "__main__.py"}]
    return sum(len(importers[name]) == 1 for name in modules), len(modules)


def module_name(package: Path, path: Path) -> str:
    """Return the dotted name of a file of the package."""
    parts = path.relative_to(package.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(tree: ast.Module, module: str, is_package: bool) -> Iterator[str]:
    """Yield the absolute names that a module imports, at any depth."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = module.split(".")
            base = parts[: len(parts) - node.level + is_package] if node.level else []
            prefix = ".".join([*base, *([node.module] if node.module else [])])
            yield from (f"{prefix}.{alias.name}" for alias in node.names)


def comment_lines(text: str) -> int:
    """Return the number of lines that hold nothing but a comment."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return sum(token.type == tokenize.COMMENT and token.line.lstrip().startswith("#") for token in tokens)


def broad_excepts(path: Path, text: str) -> Iterator[str]:
    """Yield the places of broad handlers without a comment on, before or just below their line."""
    lines = text.splitlines()
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.ExceptHandler):
            continue
        kinds = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
        if any(kind is None or (isinstance(kind, ast.Name) and kind.id in BROAD) for kind in kinds):
            near = lines[node.lineno - 2 : node.body[0].lineno]
            if not any(re.search(r"#\s*(?!noqa: [A-Z0-9, ]+$)\S", line) for line in near):
                yield f"{path}:{node.lineno}"


def undocumented_numbers(path: Path, text: str) -> Iterator[str]:
    """Yield the places of numeric constants, of modules and classes, without a ``#:`` comment directly above."""
    lines, tree = text.splitlines(), ast.parse(text)
    bodies = [tree.body, *(node.body for node in ast.walk(tree) if isinstance(node, ast.ClassDef))]
    for node in (node for body in bodies for node in body if isinstance(node, ast.Assign | ast.AnnAssign)):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        names = [name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)]
        if node.value is None or not is_number(node.value) or not any(name.strip("_").isupper() for name in names):
            continue
        if not lines[node.lineno - 2].strip().startswith("#: "):
            yield f"{path}:{node.lineno}: {', '.join(names)}"


def is_number(value: ast.expr) -> bool:
    """Return whether an expression is a number, a duration, or consists of them."""
    if isinstance(value, ast.Constant):
        return isinstance(value.value, int | float) and not isinstance(value.value, bool)
    if isinstance(value, ast.UnaryOp):
        return is_number(value.operand)
    if isinstance(value, ast.BinOp):
        return is_number(value.left) or is_number(value.right)
    if isinstance(value, ast.Call):
        return ast.unparse(value.func).rpartition(".")[2] in {"timedelta", "float", "int"}
    return isinstance(value, ast.Tuple | ast.List) and bool(value.elts) and all(map(is_number, value.elts))


class Recorder:
    """Count the calls into the package, by thread, while it is on."""

    def __init__(self, package: Path) -> None:
        self._prefix = f"{package}/"
        self._calls: dict[int, list[str]] = defaultdict(list)
        self.on = False

    def __call__(self, frame: FrameType, event: str, _: Any) -> None:
        """Receive an event of the interpreter (``sys.setprofile``)."""
        if self.on and event == "call" and frame.f_code.co_filename.startswith(self._prefix):
            self._calls[threading.get_ident()].append(frame.f_code.co_filename)

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Record what all threads with the profile function call inside the block."""
        self._calls.clear()
        self.on = True
        try:
            yield
        finally:
            self.on = False

    def trip(self, thread: int | None = None, without: int | None = None) -> tuple[int, int]:
        """Return the files crossed and the calls made, by one thread or by all but one."""
        chosen = [
            call
            for ident, calls in list(self._calls.items())
            if (thread is None or ident == thread) and ident != without
            for call in calls
        ]
        return len(set(chosen)), len(chosen)


def trip_rows(root: Path) -> list[Row]:
    """Return the files and calls of the four operations that the layout document follows."""
    recorder = Recorder(root / "conductor")
    threading.setprofile(recorder)
    trips = measure_trips(recorder)
    threading.setprofile(None)
    targets = {
        "one task (convert, run, deliver) on its thread": "14 files or fewer",
        "`TaskHandler()` and `start()`": "12 files or fewer",
        "`Workflow.register()`": "15 files or fewer",
        "`POST /workflow` in the embedded server": "15 files or fewer",
    }
    return [(what, f"{trips[what][0]} files, {trips[what][1]} calls", target) for what, target in targets.items()]


def measure_trips(recorder: Recorder) -> dict[str, tuple[int, int]]:
    """Measure each operation after a warm-up, so that no import counts."""
    import conductor.server  # from the checkout that --root names
    from conductor import ConductorClient

    found: dict[str, list[tuple[int, int]]] = defaultdict(list)
    with conductor.server.start() as server, ConductorClient(server_url=server.url) as client:
        for turn in range(REPETITIONS + 1):
            trips = {
                "`Workflow.register()`": register_trip(recorder, client, turn),
                "`POST /workflow` in the embedded server": post_trip(recorder, client),
                **worker_trips(recorder, client),
            }
            if turn:
                for what, trip in trips.items():
                    found[what].append(trip)
    return {what: min(trips) for what, trips in found.items()}


@contextmanager
def profiled(recorder: Recorder) -> Iterator[None]:
    """Record this thread too."""
    sys.setprofile(recorder)
    try:
        with recorder.recording():
            yield
    finally:
        sys.setprofile(None)


def register_trip(recorder: Recorder, client: Any, turn: int) -> tuple[int, int]:
    """Register a new workflow of one task."""
    from conductor import Workflow
    from conductor.workflow import simple

    workflow = Workflow(f"structure_{turn}")
    workflow >> simple("structure_task", number=workflow.input.number)
    with profiled(recorder):
        workflow.register(client)
    return recorder.trip(thread=threading.get_ident())


def post_trip(recorder: Recorder, client: Any) -> tuple[int, int]:
    """Start a workflow, and count what the threads of the server call until the response."""
    client.workflows.start("structure_0", {"number": 1})
    with recorder.recording():
        client.workflows.start("structure_0", {"number": 1})
    return recorder.trip(without=threading.get_ident())


def worker_trips(recorder: Recorder, client: Any) -> dict[str, tuple[int, int]]:
    """Start a handler with one worker, let it run a task to warm up, then one that counts."""
    from conductor import TaskHandler, WorkerRegistry, worker_task

    registry, threads = WorkerRegistry(), []

    @worker_task("structure_task", registry=registry, poll_timeout_ms=100)
    def task(number: int) -> dict[str, int]:
        threads.append(threading.get_ident())
        return {"number": number}

    with profiled(recorder):
        handler = TaskHandler(client, registry=registry)
        handler.start()
    start = recorder.trip(thread=threading.get_ident())
    try:
        wait_for(lambda: queue_is_empty(client))
        done = len(threads)
        run = client.workflows.start("structure_0", {"number": 2})
        wait_for(lambda: client.workflows.get(run).status == "COMPLETED")
        time.sleep(0.2)  # the worker's thread has to be idle again; nothing shows that from outside
        with recorder.recording():
            run = client.workflows.start("structure_0", {"number": 3})
            wait_for(lambda: client.workflows.get(run).status == "COMPLETED")
            time.sleep(0.2)
        wait_for(lambda: len(threads) == done + 2)
    finally:
        handler.stop()
    return {
        "`TaskHandler()` and `start()`": start,
        "one task (convert, run, deliver) on its thread": recorder.trip(thread=threads[-1]),
    }


def queue_is_empty(client: Any) -> bool:
    """Return whether no task of earlier trips waits."""
    return not client.workflows.search(workflow_type="structure_0", status=["RUNNING"], size=1).total_hits


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {DEADLINE_S} s")
        time.sleep(0.01)


def test_row(root: Path) -> Row:
    """Collect the tests, and return how many items and functions there are."""
    command = [sys.executable, "-m", "pytest", "--co", "-q", "-p", "no:cacheprovider", "-m", "", "tests"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    items = re.findall(r"^(tests/\S+?::[^\[\n]+)", done.stdout, re.MULTILINE)
    return "test items (functions)", f"{len(items):,} ({len(set(items)):,})", "about 6,000 items, nothing lost"


if __name__ == "__main__":
    main()
