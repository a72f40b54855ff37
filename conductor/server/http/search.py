"""Routes of searches for executions and tasks."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from conductor.server.engine.context import RefusedError
from conductor.server.http.messages import Request, Response, json_answer, number
from conductor.server.http.routing import Route
from conductor.server.services.search import Search

Json = dict[str, Any]

#: Maximum number of executions in one response, as on the OSS server.
_MAX_RESULTS = 5000


class SearchResource:
    """Handlers of searches."""

    def __init__(self, search: Search) -> None:
        self._search = search

    def routes(self) -> list[Route]:
        get, search = partial(Route, methods=["GET"]), self._search
        found = {
            "/workflow/search": search.workflows,
            "/workflow/search-v2": search.workflow_documents,
            "/workflow/search-by-tasks": search.workflows_by_tasks,
            "/workflow/search-by-tasks-v2": search.documents_by_tasks,
            "/tasks/search": search.tasks,
            "/tasks/search-v2": search.task_documents,
        }
        return [
            get(path, _handler(function, is_of_workflows=path.startswith("/workflow")))
            for path, function in found.items()
        ]


def _handler(function: Callable[[str, str, str, int, int], Json], *, is_of_workflows: bool) -> Callable[[Request], Any]:
    def handle(request: Request) -> Response:
        query = request.query_params
        terms = query.get("query", ""), query.get("freeText", "*"), query.get("sort", "")
        start, size = max(number(request, "start", 0), 0), number(request, "size", 100)
        if size > _MAX_RESULTS and is_of_workflows:
            raise RefusedError(400, f"Cannot return more than {_MAX_RESULTS} workflows. Please use multiple requests.")
        page = start, sys.maxsize - start if size < 0 else size
        return json_answer(function(*terms, *page))

    return handle
