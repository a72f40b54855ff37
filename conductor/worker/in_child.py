"""Whether this process is a child of ``TaskHandler(processes=...)``, and is importing its workers just now."""

from __future__ import annotations

__all__ = ["importing", "is_child", "number"]

is_child = False
importing = False  # a handler started meanwhile would start child processes too
#: Which child this is, from 1; 0 in a process that is none.
number = 0
