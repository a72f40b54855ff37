"""The entry point of the command line."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from conductor._internal.installation import install_command

__all__ = ["main"]

#: ``exits.MISUSED``; that module imports click, which may be missing here.
_MISUSED = 2
_EXTRA = frozenset({"click", "rich"})


def main(words: Sequence[str] | None = None) -> int:
    """Run a command line, by default that of this process, and return its exit status."""
    try:
        from conductor.cli.command import run  # needs the extra
    except ModuleNotFoundError as error:
        if error.name not in _EXTRA:
            raise
        sys.stderr.write(f"The command line needs {error.name}. Install the extra cli: {install_command('cli')}\n")
        return _MISUSED
    return run(words)
