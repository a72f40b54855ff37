"""Searches."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from conductor.server.http.answers import json_answer, number
from conductor.server.services.search import Search

Json = dict[str, Any]


class SearchResource:
    """The handlers."""

    def __init__(self, search: Search) -> None:
        self._search = search

    def routes(self) -> list[Route]:
        """The paths."""
        get, search = partial(Route, methods=["GET"]), self._search
        found = {
            "/workflow/search": search.workflows,
            "/workflow/search-v2": search.workflow_documents,
            "/workflow/search-by-tasks": search.workflows_by_tasks,
            "/workflow/search-by-tasks-v2": search.documents_by_tasks,
            "/tasks/search": search.tasks,
            "/tasks/search-v2": search.task_documents,
        }
        return [get(path, _handler(function)) for path, function in found.items()]


def _handler(function: Callable[[str, str, str, int, int], Json]) -> Callable[[Request], Any]:
    async def handle(request: Request) -> Response:
        query = request.query_params
        words = query.get("query", ""), query.get("freeText", "*"), query.get("sort", "")
        page = number(request, "start", 0), number(request, "size", 100)
        return json_answer(await run_in_threadpool(function, *words, *page))  # it may take a while

    return handle
