"""The stored results of tasks with ``cacheConfig``."""

from __future__ import annotations

from typing import Any

from conductor.server.http.messages import Request, Response, empty_answer
from conductor.server.http.routing import Route
from conductor.server.orkes.documents import Documents
from conductor.server.runtime.kernel import Kernel

Json = dict[str, Any]


class TaskCache:
    """Stores results by task definition and key, until their time is over on the server's clock."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._documents = Documents(kernel, "orkes_task_result")

    def get(self, task: str, key: str) -> Json | None:
        """Return the result of a task; None if there is none, or if it is too old."""
        found = self._documents.get(_name(task, key))
        is_valid = found is not None and found["until"] > self._kernel.context.now
        return found["output"] if found is not None and is_valid else None

    def put(self, task: str, key: str, output: Json, until: int) -> None:
        """Store a result until a time, epoch ms; results that are too old are deleted."""
        now = self._kernel.context.now
        for old in self._documents.where(lambda one: one["task"] == task and one["until"] <= now):
            self._documents.drop(_name(task, old["key"]))
        if until > now:
            self._documents.put(_name(task, key), {"task": task, "key": key, "output": output, "until": until})

    def clear(self, task: str) -> None:
        """Delete all results of a task."""
        with self._kernel.change():
            for one in self._documents.where(lambda found: found["task"] == task):
                self._documents.drop(_name(task, one["key"]))


def _name(task: str, key: str) -> str:
    return f"{task}/{key}"


class TaskCacheResource:
    """Handler of the cache."""

    def __init__(self, cache: TaskCache) -> None:
        self._cache = cache

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [Route("/admin/cache/clear/{name}", self.clear, ["POST"])]

    def clear(self, request: Request) -> Response:
        """``POST /admin/cache/clear/{taskDefName}``."""
        self._cache.clear(request.path_params["name"])
        return empty_answer()
