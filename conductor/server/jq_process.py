"""Queries that may never end, in a process of their own that can be stopped.

The jq library cannot be interrupted, and while it works no other Python code of its process does.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import Any

# What can go on for ever, or for very long. Without it a query's work is bounded by the size of its input.
_ENDLESS = re.compile(r"\b(?:def|until|while|repeat|recurse|combinations)\b|\brange\s*\((?!\s*\d{1,5}\s*\))")

_PROGRAM = """
import json, sys, jq
try:
    import resource
    resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
except (ImportError, ValueError, OSError):
    pass  # a system without such limits
query, value = json.load(sys.stdin)
try:
    answer = {"values": jq.compile(query).input_value(value).all()}
except ValueError as error:
    answer = {"error": str(error)}
json.dump(answer, sys.stdout)
"""


def may_not_end(query: str) -> bool:
    """Say whether the query had better be run in a process of its own."""
    return _ENDLESS.search(query) is not None


def run_apart(query: str, value: Any, timeout: float) -> list[Any]:
    """Return all values of the query.

    Raises:
        ValueError: The query is wrong, or failed.
        TimeoutError: It took longer than so many seconds, and was stopped.
    """
    try:
        done = subprocess.run(  # noqa: S603  the program is above, the query is data to it
            [sys.executable, "-I", "-c", _PROGRAM],
            input=json.dumps([query, value]),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise TimeoutError(f"not evaluated within {timeout:g} s") from None
    if done.returncode != 0:
        raise ValueError(f"jq ended with status {done.returncode}: {done.stderr.strip()[-200:]}")
    answer = json.loads(done.stdout)
    if "error" in answer:
        raise ValueError(answer["error"])
    values: list[Any] = answer["values"]
    return values
