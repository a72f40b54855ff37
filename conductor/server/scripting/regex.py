"""Regular expressions of users, matched in a process that can be killed: see `worker.py`."""

from __future__ import annotations

from conductor.models.codec import dumps
from conductor.server.scripting.pool import POOL, ScriptError, ScriptTimeoutError, WorkerDiedError

#: Seconds that one match may take.
DEFAULT_TIMEOUT = 1.0


def run_regex(source: str, flags: int, text: str, *, timeout: float = DEFAULT_TIMEOUT) -> bool:
    """Return whether the whole text matches.

    Raises:
        ScriptError: The expression is invalid, or needs too much memory.
        ScriptTimeoutError: It took too long.
    """
    try:
        about, found = POOL.run("regex", source, dumps(text), timeout, flags=flags)
    except TimeoutError:
        raise ScriptTimeoutError(f"Regular expression not evaluated within {timeout:g} seconds, interrupted.") from None
    except WorkerDiedError:
        raise ScriptError("The regular expression needs too much memory") from None
    if "error" in about:
        raise ScriptError(f"Invalid regular expression: {about['error']}")
    return found == b"true"
