"""The texts that free text is looked for in: made when somebody searches, and kept for the next search."""

from __future__ import annotations

from typing import Any

from conductor.models.codec import dumps, loads
from conductor.server.kernel import Kernel
from conductor.server.services.summaries import summary

Json = dict[str, Any]

_AT_ONCE = 1000
OUTDATED = "search_text.updated IS NOT execution.updated"
"""Whether an execution has no text of its present state."""
JOINED = "execution LEFT JOIN search_text ON search_text.id = execution.id"
"""Executions with their texts, NULL where there is none yet."""


class SearchTexts:
    """Keeps the texts of executions up to date with them.

    An execution may change again in the millisecond of its last change: its text is made anew each time until then.
    """

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    def complete(self) -> None:
        """Make what is missing, some at a time: the server goes on between."""
        while self._make_some():
            pass

    def _make_some(self) -> bool:
        columns, condition = "execution.id, execution.updated, body", f"{OUTDATED} AND execution.updated < ? LIMIT ?"
        query = f"SELECT {columns} FROM {JOINED} WHERE {condition}"  # noqa: S608  fixed words
        with self._kernel.change() as world:
            rows = self._kernel.store.rows(query, (world.now, _AT_ONCE))
            for workflow_id, updated, body in rows:
                row = (workflow_id, updated, text_of(loads(body)))
                self._kernel.store.run("REPLACE INTO search_text VALUES (?, ?, ?)", row)
        return len(rows) == _AT_ONCE


def text_of(workflow: Json) -> str:
    """The text of an execution, in small letters."""
    return dumps(summary(workflow, {})).decode().lower()
