"""Find and run the code blocks of a page.

Python blocks of a page share one namespace, in their order. A ``text`` or ``mermaid`` block is the output of the block
before it. ``sh`` blocks run in one folder. Blocks with data are parsed. A block that cannot run has a comment with the
reason above it: ``<!-- not run: needs a cluster -->``. Locations in the reader's files, such as ``shop.py:4``, are not
compared.
"""

import contextlib
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import yaml
from attrs import frozen

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
FENCE = re.compile(
    r"(?:^<!-- not run: (?P<reason>.+?) -->\n+)?^```(?P<kind>\S*)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL
)
PLACE = re.compile(r"[\w./-]+\.(?:py|md)(?::\d+)+")
OUTPUTS = {"text", "mermaid"}
PARSERS = {"json": json.loads, "yaml": lambda text: list(yaml.safe_load_all(text))}


@frozen
class Block:
    """A fenced block: its language, its text, its location, and the reason why it is not run."""

    kind: str
    code: str
    place: str
    reason: str | None


def blocks_of(path):
    text = path.read_text(encoding="utf-8")
    return [
        Block(match["kind"], match["code"], f"{path.name}:{text.count(chr(10), 0, match.start()) + 1}", match["reason"])
        for match in FENCE.finditer(text)
    ]


def run_page(path, folder):
    """Run every block of a page in ``folder``; fail if a block fails, or prints something other than the page shows."""
    namespace, printed = {"__name__": path.stem}, None
    with _inside(folder):
        for block in blocks_of(path):
            if block.reason is not None or block.kind.startswith("{"):
                continue
            if block.kind == "python":
                printed = _run_python(block, namespace)
            elif block.kind in OUTPUTS:
                assert PLACE.sub("FILE", printed) == PLACE.sub("FILE", block.code), f"{block.place}: {printed}"
            elif block.kind == "sh":
                printed = _run_shell(block)
            elif block.kind in PARSERS:
                assert PARSERS[block.kind](block.code), block.place
            else:
                raise AssertionError(f"{block.place}: blocks of {block.kind!r} cannot be run; say why in a comment")


def run_block(block, folder):
    """Run one Python block on its own."""
    with _inside(folder):
        return _run_python(block, {"__name__": "__main__"})


@contextlib.contextmanager
def _inside(folder):
    """Restore the current folder and the environment, which a page can change."""
    before, environment = os.getcwd(), dict(os.environ)
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
        os.environ.clear()
        os.environ.update(environment)


def _run_python(block, namespace):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(block.code, block.place, "exec"), namespace)
    return out.getvalue()


def _run_shell(block):
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block.code], env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, f"{block.place}: {done.stdout}{done.stderr}"
    return done.stdout
