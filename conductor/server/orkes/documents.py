"""Documents of one kind: in memory, and in the database, so that they survive a restart."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from conductor.server.runtime.kernel import Kernel

Json = dict[str, Any]


class Documents:
    """The stored documents of one kind. What ``put`` stores must not be modified afterwards: ``put`` a new document.

    Args:
        kernel: The server's state.
        kind: The kind, such as ``orkes_user``; unique in the database.
    """

    def __init__(self, kernel: Kernel, kind: str) -> None:
        self._kernel, self._kind = kernel, kind
        self._bodies: dict[tuple[str, int], Json] = {
            (name, version): body for name, version, body in kernel.store.documents(kind)
        }

    def get(self, name: str, version: int = 0) -> Json | None:
        """Return a document; None if it does not exist."""
        return self._bodies.get((name, version))

    def all(self) -> list[Json]:
        """Return all documents, sorted by name and version."""
        with self._kernel.lock:
            return [body for _, body in sorted(self._bodies.items())]

    def versions(self, name: str) -> list[int]:
        """Return the versions of a document, the lowest first; empty if it does not exist."""
        with self._kernel.lock:
            return sorted(version for known, version in self._bodies if known == name)

    def where(self, matches: Callable[[Json], bool]) -> list[Json]:
        """Return the documents for which ``matches`` returns True."""
        return [body for body in self.all() if matches(body)]

    def put(self, name: str, body: Json, version: int = 0) -> Json:
        """Store a document, in the current change or in a new one; returns it."""
        with self._kernel.change():
            self._restore_after_failure(name, version)
            self._bodies[name, version] = body
            self._kernel.store.put(self._kind, name, body, version)
        return body

    def drop(self, name: str, version: int = 0) -> bool:
        """Delete a document, in the current change or in a new one; returns False if it does not exist."""
        with self._kernel.change():
            self._restore_after_failure(name, version)
            if self._bodies.pop((name, version), None) is None:
                return False
            self._kernel.store.drop(self._kind, name, version)
        return True

    def _restore_after_failure(self, name: str, version: int) -> None:
        known = self._bodies.get((name, version))
        self._kernel.after_failure.insert(0, partial(self._restore, name, version, known))

    def _restore(self, name: str, version: int, body: Json | None) -> None:
        if body is None:
            self._bodies.pop((name, version), None)
        else:
            self._bodies[name, version] = body
