"""The cache of task results: a task with ``cacheConfig`` and a known key completes without a worker."""

from __future__ import annotations

from typing import Any

from conductor.server.engine.context import EngineContext
from conductor.server.engine.expressions.java_text import java_text
from conductor.server.engine.expressions.references import substitute
from conductor.server.engine.state import BUILT_IN, COMPLETED, Doc, is_done

Json = dict[str, Any]

#: Mark of an output that comes from the cache.
_CACHED = "_cachedResponse"
#: Key of a task that was completed from the cache when it was scheduled.
_AT_ONCE = "_isFromCache"


def use_result(task: Doc, context: EngineContext) -> None:
    """Complete a new task with an earlier result of the same key, if there is one."""
    config = _config(task)
    if config is None or is_done(task):
        return
    found = context.extensions.cached(task["taskDefName"], _key(task, config))
    if found is not None:
        output = {**found, _CACHED: True}
        task.update({"status": COMPLETED, "outputData": output, "endTime": context.now, _AT_ONCE: True})


def is_from_cache(task: Doc) -> bool:
    """Return whether a task was completed from the cache, so that there is more to decide."""
    return _AT_ONCE in task


def keep_result(task: Doc, context: EngineContext) -> None:
    """Store the result of a completed task until it expires."""
    config = _config(task)
    if config is not None and task["status"] == COMPLETED and _AT_ONCE not in task:
        until = context.now + int(config.get("ttlInSecond") or 0) * 1000
        context.extensions.cache(task["taskDefName"], _key(task, config), task["outputData"], until)


def _config(task: Doc) -> Json | None:
    config = (task.get("workflowTask") or {}).get("cacheConfig")
    return config if isinstance(config, dict) and config.get("key") and task["taskType"] not in BUILT_IN else None


def _key(task: Doc, config: Json) -> str:
    return java_text(substitute(str(config["key"]), task["inputData"]))
