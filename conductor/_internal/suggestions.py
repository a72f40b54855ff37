"""Did you mean ...? The known names that are most similar to an unknown one."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["did_you_mean", "suggest", "suggest_all"]

#: Similarity (0 to 1) from which a name is suggested. Lower values would suggest unrelated names with the same prefix.
_THRESHOLD = 0.75
#: Similarity of names with the same letters in another order; ``pya`` and ``pay`` share too few in a row to be similar.
_SWAPPED_LETTERS = 0.9


def suggest(name: str, known: Iterable[str], *, threshold: float = _THRESHOLD) -> str | None:
    """Return the known name that is most similar to ``name``, or None if none is similar."""
    return next(iter(suggest_all(name, known, count=1, threshold=threshold)), None)


def suggest_all(name: str, known: Iterable[str], *, count: int, threshold: float = _THRESHOLD) -> list[str]:
    """Return up to ``count`` known names that are similar to ``name``, the most similar first.

    Names are compared without regard to case, underscores and hyphens, so that ``retry_count`` finds ``retryCount``.
    ``name`` itself is not suggested.
    """
    import difflib  # only for an error

    plain = _plain(name)
    letters = sorted(plain)
    matcher: difflib.SequenceMatcher[str] = difflib.SequenceMatcher()
    matcher.set_seq2(plain)  # SequenceMatcher caches what it computes for the second sequence
    scored = []
    for candidate in known:
        if candidate == name:
            continue
        other = _plain(candidate)
        matcher.set_seq1(other)
        if matcher.real_quick_ratio() >= threshold:
            score = max(matcher.ratio(), _SWAPPED_LETTERS if sorted(other) == letters else 0.0)
            if score >= threshold:
                scored.append((score, candidate))
    scored.sort(key=lambda pair: -pair[0])  # stable: of equally similar names, the first known one comes first
    return [candidate for _, candidate in scored[:count]]


def did_you_mean(name: str, known: Iterable[str], *, threshold: float = _THRESHOLD) -> str:
    """Return the end of a sentence, ``; did you mean 'x'?``, or an empty string if no known name is similar."""
    near = suggest(name, known, threshold=threshold)
    return f"; did you mean {near!r}?" if near else ""


def _plain(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()
