"""Pictures of definitions and executions, which a layer above draws."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conductor.diagram import Picture

__all__ = ["picture_of"]


def picture_of(subject: object, inside: Iterable[object] = ()) -> Picture:
    """What ``conductor.diagram.draw`` makes of it."""
    # By name and when it is asked for: models know nothing of workflows as code, and whoever draws none loads none.
    picture: Picture = import_module("conductor.diagram").draw(subject, inside)
    return picture
