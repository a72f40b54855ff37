"""Reference names: readable, unique in a workflow, and the same whenever the same code runs."""

from __future__ import annotations

import re

__all__ = ["Names"]

_TAKEN = "workflow"  # what references to the workflow itself begin with


class Names:
    """The reference names of one workflow."""

    def __init__(self) -> None:
        self._used = {_TAKEN}

    def use(self, name: str) -> None:
        """Keep a name that was given."""
        self._used.add(name)

    def peek(self, base: str) -> str:
        """The next name: the base itself, then ``base_2``, ``base_3`` and so on."""
        plain = re.sub(r"[\W_]+", "_", base).strip("_") or "task"
        name, number = plain, 2
        while name in self._used:
            name, number = f"{plain}_{number}", number + 1
        return name

    def make(self, base: str) -> str:
        """Take the next name."""
        name = self.peek(base)
        self._used.add(name)
        return name
