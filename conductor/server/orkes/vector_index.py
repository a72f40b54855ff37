"""A vector database in the server's own database: it replaces those that integrations name."""

from __future__ import annotations

import math
from typing import Any

from conductor.server.orkes.documents import Documents
from conductor.server.orkes.model_api import ModelError, is_vector
from conductor.server.runtime.kernel import Kernel

Json = dict[str, Any]

#: Characters of a chunk by default, and the limits.
_CHUNK, _MIN_CHUNK, _MAX_CHUNK = 1024, 100, 10_000


class VectorIndex:
    """Stores strings with their embeddings, and finds the most similar ones by comparing all of an index."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._documents = Documents(kernel, "orkes_vector")

    def store(self, given: Json, doc_id: str, vector: Any, text: str | None, parent_id: str | None = None) -> None:
        """Store an embedding; one of the same id in the same index is replaced.

        Args:
            given: The task's input: ``vectorDB``, ``namespace``, ``index``, ``metadata``.
            doc_id: The document's id.
            vector: The embedding.
            text: The text.
            parent_id: The id of the document that the text is a part of.

        Raises:
            ModelError: ``vector`` is not a list of numbers, or differs in length from the others of the index.
        """
        if not is_vector(vector):
            raise ModelError("embeddings must be a list of numbers", is_final=True)
        with self._kernel.change():
            place = _place(given)
            for other in self._of(place):
                if len(other["vector"]) != len(vector):
                    raise ModelError(
                        f"The embedding has {len(vector)} dimensions, and those of the index {given.get('index')} have "
                        f"{len(other['vector'])}",
                        is_final=True,
                    )
                break
            made = {"vector": vector, "text": text, "docId": doc_id, "parentDocId": parent_id or doc_id}
            self._documents.put(
                "\n".join([*place, doc_id]), {**made, "place": place, "metadata": given.get("metadata") or {}}
            )

    def _of(self, place: list[str]) -> list[Json]:
        return self._documents.where(lambda one: one["place"] == place)

    def search(self, given: Json, vector: Any) -> list[Json]:
        """Return the documents most similar to an embedding, at most ``maxResults`` (1 by default), the best first.

        Args:
            given: The task's input: ``vectorDB``, ``namespace``, ``index``, ``maxResults``, and ``metadata``, whose
                values must match.
            vector: The embedding.

        Raises:
            ModelError: ``vector`` is not a list of numbers.
        """
        if not is_vector(vector):
            raise ModelError("embeddings must be a list of numbers", is_final=True)
        wanted = given.get("metadata") or {}
        limit = given.get("maxResults")
        with self._kernel.lock:
            found = [
                {"score": _similarity(one["vector"], vector), **_shown(one)}
                for one in self._of(_place(given))
                if all(one["metadata"].get(key) == value for key, value in wanted.items())
            ]
        found.sort(key=lambda one: one["score"], reverse=True)
        return found[: limit if isinstance(limit, int) and limit > 0 else 1]


def _place(given: Json) -> list[str]:
    return [str(given.get(name) or "") for name in ("vectorDB", "namespace", "index")]


def _shown(document: Json) -> Json:
    return {key: document[key] for key in ("metadata", "docId", "parentDocId", "text")}


def _similarity(one: list[float], other: list[float]) -> float:
    """Return the cosine of the angle between two vectors; 0 if they cannot be compared."""
    if len(one) != len(other):
        return 0.0
    length = math.hypot(*one) * math.hypot(*other)
    return math.fsum(a * b for a, b in zip(one, other, strict=True)) / length if length else 0.0


def chunks(text: str, size: Any = None, overlap: Any = None) -> list[str]:
    """Return the parts of a string, cut between words where possible.

    Args:
        text: The text.
        size: Characters of a part at most, from 100 to 10,000; None for 1,024.
        overlap: Characters that two parts share; None for none.

    Raises:
        ModelError: ``size`` or ``overlap`` is out of range.
    """
    size = _CHUNK if size in (None, 0) else size
    if type(size) is not int or not _MIN_CHUNK <= size <= _MAX_CHUNK:
        raise ModelError(f"chunkSize must be from {_MIN_CHUNK} to {_MAX_CHUNK}, and not {size}", is_final=True)
    overlap = overlap or 0
    if type(overlap) is not int or not 0 <= overlap < size // 2:
        raise ModelError(
            f"chunkOverlap must be from 0 to less than half of chunkSize, and not {overlap}", is_final=True
        )
    found, start = [], 0
    while start < len(text):
        end = min(start + size, len(text))
        if end < len(text):
            space = max(text.rfind(mark, start + size // 2, end) for mark in (" ", "\n"))
            end = space + 1 if space > start else end
        found.append(text[start:end].strip())
        start = end if end == len(text) else end - overlap
    return [one for one in found if one]
