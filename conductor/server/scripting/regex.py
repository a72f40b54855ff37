"""Match users' regular expressions in a separate process with a time limit: see ``worker.py``."""

from __future__ import annotations

from conductor.models.codec import dumps
from conductor.server.scripting.pool import POOL, ScriptError, ScriptTimeoutError, WorkerDiedError

#: Seconds that one match may take.
DEFAULT_TIMEOUT = 1.0


def run_regex(source: str, flags: int, text: str, *, timeout: float = DEFAULT_TIMEOUT) -> bool:
    """Return whether a regular expression matches the whole text.

    Args:
        source: The expression.
        flags: Flags of the module ``re``.
        text: The text.
        timeout: Seconds that the match may take.

    Raises:
        ScriptError: The expression is invalid, or needs too much memory.
        ScriptTimeoutError: The match took too long.
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
