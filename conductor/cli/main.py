"""Where the command line begins."""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["main"]

_MISUSED = 2
_NEEDED = frozenset({"click", "rich"})


def main(words: Sequence[str] | None = None) -> int:
    """Run a command line, that of this process by default; returns the exit status."""
    try:
        from conductor.cli.command import run  # noqa: PLC0415  needs the extra
    except ModuleNotFoundError as error:
        if error.name not in _NEEDED:
            raise
        sys.stderr.write(f"The command line needs {error.name}: pip install 'conductor-sdk[cli]'.\n")
        return _MISUSED
    return run(words)
