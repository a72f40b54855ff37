"""Runs the scripts of executions without the kernel's lock."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

from conductor.server.engine.context import ScriptFailedError, TerminateWorkflowError
from conductor.server.runtime.transactions import ServerStoppingError
from conductor.server.scripting.javascript import run_javascript
from conductor.server.scripting.jq import run_jq
from conductor.server.scripting.pool import POOL, ScriptError
from conductor.server.scripting.regex import run_regex

#: Seconds that a script may take, as on the OSS server.
_SCRIPT_SECONDS = 4.0


class Scripts:
    """The scripts of one server. They raise ScriptFailedError, and ServerStoppingError once they are stopped.

    Args:
        unlocked: Returns a block during which the kernel's lock is free.
        plain_objects: Whether maps are plain objects in JavaScript.
    """

    def __init__(self, unlocked: Callable[[], AbstractContextManager[None]], *, plain_objects: bool) -> None:
        self._unlocked, self._plain_objects = unlocked, plain_objects
        self._threads: set[int] = set()  # those that run a script
        self._is_stopping = False

    def javascript(self, script: str, bindings: Mapping[str, Any]) -> Any:
        """Run a script with bindings."""
        plain = self._plain_objects
        return self._run(lambda: run_javascript(script, {"$": bindings}, timeout=_SCRIPT_SECONDS, plain_objects=plain))

    def jq(self, query: str, value: Any) -> list[Any]:
        """Run a jq query on a value."""
        found: list[Any] = self._run(lambda: run_jq(query, value))
        return found

    def matches(self, source: str, flags: int, text: str) -> bool:
        """Return whether a regular expression matches anywhere in a string."""
        try:
            return bool(self._run(lambda: run_regex(source, flags, text)))
        except ScriptFailedError as error:
            raise TerminateWorkflowError(str(error)) from None

    def _run(self, run: Callable[[], Any]) -> Any:
        """Run a script without holding the lock."""
        with self._unlocked():
            me = threading.get_ident()
            self._threads.add(me)
            try:
                if self._is_stopping:
                    raise ServerStoppingError
                return run()
            except ScriptError as error:
                if self._is_stopping:
                    raise ServerStoppingError from None
                raise ScriptFailedError(str(error)) from None
            finally:
                self._threads.discard(me)

    def stop(self) -> None:
        """Kill the scripts that are running, and start no others; their changes are rolled back."""
        self._is_stopping = True
        POOL.kill_of(self._threads)
