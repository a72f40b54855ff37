"""The calls of all clients, by operation."""

import importlib
import pkgutil
from collections import Counter
from functools import cache

import surface.calls
from surface.calls import Call


@cache
def table() -> dict[str, Call]:
    """Every call by the operation that it sends."""
    found: dict[str, Call] = {}
    times: Counter[str] = Counter()
    for module in pkgutil.iter_modules(surface.calls.__path__, "surface.calls."):
        calls = importlib.import_module(module.name).CALLS
        times.update(calls.keys())
        found |= {key: one if isinstance(one, Call) else Call(one) for key, one in calls.items()}
    twice = [key for key, count in times.items() if count > 1]
    assert not twice, f"several calls for {twice}"
    return found
