"""The colors of statuses, which all diagrams share."""

from __future__ import annotations

from enum import Enum

from attrs import frozen

from conductor.diagram.runs import Run

__all__ = ["PALETTES", "Palette", "Tone", "tone_of"]


class Tone(Enum):
    """The state of a step, which determines its color."""

    PLAIN = "plain"
    GOOD = "good"
    BAD = "bad"
    WARN = "warn"
    ACTIVE = "active"
    OFF = "off"


@frozen
class Palette:
    """The colors of a tone.

    Attributes:
        light: Colors of fill, line and text on light pages, as ``#rrggbb``.
        dark: The same on dark pages.
        terminal: The color's code in ANSI escape sequences; "" for the default color.
    """

    light: tuple[str, str, str]
    dark: tuple[str, str, str]
    terminal: str


PALETTES = {
    Tone.PLAIN: Palette(("#f6f8fa", "#57606a", "#1f2328"), ("#21262d", "#8b949e", "#e6edf3"), ""),
    Tone.GOOD: Palette(("#dafbe1", "#1a7f37", "#0b3d1a"), ("#12361f", "#3fb950", "#d2f7dc"), "32"),
    Tone.BAD: Palette(("#ffebe9", "#cf222e", "#67060c"), ("#4a1519", "#f85149", "#ffdcd7"), "31"),
    Tone.WARN: Palette(("#fff8c5", "#9a6700", "#4d2d00"), ("#3b2a05", "#d29922", "#f8e3a1"), "33"),
    Tone.ACTIVE: Palette(("#ddf4ff", "#0969da", "#033d8b"), ("#0c2d55", "#58a6ff", "#cae8ff"), "36"),
    Tone.OFF: Palette(("#ffffff", "#a5adb6", "#6e7781"), ("#161b22", "#4d555e", "#848d97"), "2"),
}
_TONES = {
    Tone.GOOD: "COMPLETED",
    Tone.BAD: "FAILED FAILED_WITH_TERMINAL_ERROR TIMED_OUT",
    Tone.WARN: "COMPLETED_WITH_ERRORS CANCELED TERMINATED PAUSED",
    Tone.ACTIVE: "IN_PROGRESS SCHEDULED RUNNING",
    Tone.OFF: "SKIPPED",
}
_BY_STATUS = {status: tone for tone, statuses in _TONES.items() for status in statuses.split()}
_WORST_FIRST = (Tone.BAD, Tone.WARN, Tone.ACTIVE, Tone.GOOD)


def tone_of(run: Run | None, *, executed: bool) -> Tone:
    """Return the tone of a step: OFF if the execution has not reached it, and the worst of several statuses."""
    if run is None:
        return Tone.OFF if executed else Tone.PLAIN
    found = {_BY_STATUS.get(part.split()[-1], Tone.PLAIN) for part in run.status.split(", ") if part}
    return next((tone for tone in _WORST_FIRST if tone in found), next(iter(found), Tone.PLAIN))
