"""Did you mean ...? The nearest known name to one that is unknown."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["did_you_mean", "suggest"]

#: Similarity (0 to 1) from which a name is worth proposing. Lower values propose unrelated names that share a prefix.
_THRESHOLD = 0.75


def suggest(name: str, known: Iterable[str], *, threshold: float = _THRESHOLD) -> str | None:
    """Return the known name nearest to ``name``, or None if none is near.

    Names are compared without regard to case, underscores and hyphens, so that ``retry_count`` finds ``retryCount``.
    """
    plain = _plain(name)
    best, best_score = None, 0.0
    for candidate in known:
        if candidate == name:
            continue
        other = _plain(candidate)
        score = difflib.SequenceMatcher(None, plain, other).ratio()
        if score > best_score:
            best, best_score = candidate, score
    return best if best_score >= threshold else None


def did_you_mean(name: str, known: Iterable[str], *, threshold: float = _THRESHOLD) -> str:
    """Return `` Did you mean 'x'?`` with its leading space, or an empty string."""
    near = suggest(name, known, threshold=threshold)
    return f" Did you mean {near!r}?" if near else ""


def _plain(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()
