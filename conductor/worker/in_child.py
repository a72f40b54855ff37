"""Whether this process is a child that is importing its workers: a handler that starts then would never end."""

from __future__ import annotations

__all__ = ["importing"]

importing = False
