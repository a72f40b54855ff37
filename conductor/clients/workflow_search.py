"""Searches for executions by their fields, by text, and by correlation id."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from typing_extensions import Never

from conductor.clients._base import Resource, check_page, iterate_pages, require_enums
from conductor.clients.search_query import TASK_FIELDS, WORKFLOW_FIELDS, build_query, check_sort, refuse_fields
from conductor.models import SearchResult, WorkflowExecution, WorkflowExecutionStatus, WorkflowSummary
from conductor.transport.operation import Edition, Operation

__all__ = ["WorkflowSearch"]

SEARCH: Operation[SearchResult[WorkflowSummary]] = Operation(
    "GET",
    "/workflow/search",
    SearchResult[WorkflowSummary],
    orkes_query=("skipCache",),
    oss_query=("classifier", "topLevelOnly"),
    selects=("classifier", "topLevelOnly"),
)
SEARCH_FULL: Operation[SearchResult[WorkflowExecution]] = Operation(
    "GET", "/workflow/search-v2", SearchResult[WorkflowExecution], edition=Edition.OSS
)
SEARCH_BY_TASKS: Operation[SearchResult[WorkflowSummary]] = Operation(
    "GET", "/workflow/search-by-tasks", SearchResult[WorkflowSummary], edition=Edition.OSS
)
SEARCH_BY_TASKS_FULL: Operation[SearchResult[WorkflowExecution]] = Operation(
    "GET", "/workflow/search-by-tasks-v2", SearchResult[WorkflowExecution], edition=Edition.OSS
)

#: Maximum number of results that the server returns.
_MAX_PAGE_SIZE = 5000
#: A sort order that new executions do not affect.
_STABLE_ORDER = ("startTime:ASC", "workflowId:ASC")

Moment: TypeAlias = "datetime | int"
Status: TypeAlias = "WorkflowExecutionStatus | str"
_BY_TASK_FIELDS = (*WORKFLOW_FIELDS, "taskId", "taskType", "taskDefName")


class WorkflowSearch(Resource):
    """Searches for executions; part of ``client.workflows``."""

    def search(
        self,
        *,
        workflow_type: str | Sequence[str] | None = None,
        status: Status | Sequence[Status] | None = None,
        workflow_id: str | Sequence[str] | None = None,
        correlation_id: str | Sequence[str] | None = None,
        parent_workflow_id: str | None = None,
        started_after: Moment | None = None,
        started_before: Moment | None = None,
        ended_after: Moment | None = None,
        ended_before: Moment | None = None,
        updated_after: Moment | None = None,
        updated_before: Moment | None = None,
        free_text: str = "*",
        query: str | None = None,
        sort: str | Sequence[str] | None = None,
        start: int = 0,
        size: int = 100,
        classifier: str | None = None,
        top_level_only: bool | None = None,
        skip_cache: bool | None = None,
        **unsupported: Never,
    ) -> SearchResult[WorkflowSummary]:
        """Return one page of the executions that match all conditions (``GET /workflow/search``).

        The server updates the index shortly after the execution.

        Args:
            workflow_type: The name of the definition, or several; ``*`` matches any text.
            status: A status, or several.
            workflow_id: An id, or several.
            correlation_id: A correlation id, or several.
            parent_workflow_id: The id of the execution that started it as a sub-workflow.
            started_after: Started after this time, as a datetime or in epoch milliseconds.
            started_before: Started before this time.
            ended_after: Ended after this time.
            ended_before: Ended before this time.
            updated_after: Changed after this time.
            updated_before: Changed before this time.
            free_text: Text to find in the summary of the execution.
            query: More conditions in the server's query language, ``field = value AND ...``.
            sort: ``field:ASC`` or ``field:DESC``, or several.
            start: Offset of the first result.
            size: Maximum number of results, up to 5,000.
            classifier: ``workflow`` or ``agent`` (open-source server).
            top_level_only: Whether to leave out sub-workflows (open-source server).
            skip_cache: Whether to bypass the server's cache (Orkes).
            **unsupported: Not supported; an error explains why an argument is rejected.

        Returns:
            The page of summaries, with the number of results on all pages.

        Raises:
            ConfigurationError: The server does not index a field, and would ignore the condition; or an argument is
                invalid.
        """
        refuse_fields(unsupported, WORKFLOW_FIELDS)
        fields = {
            "workflowType": workflow_type,
            "status": require_enums(status, WorkflowExecutionStatus, "status"),
            "workflowId": workflow_id,
            "correlationId": correlation_id,
            "parentWorkflowId": parent_workflow_id,
        }
        ranges = {
            "startTime": (started_after, started_before),
            "endTime": (ended_after, ended_before),
            "updateTime": (updated_after, updated_before),
        }
        page = _page(build_query(fields, ranges, query, WORKFLOW_FIELDS), free_text, sort, start, size)
        more = {"classifier": classifier, "topLevelOnly": top_level_only, "skipCache": skip_cache}
        return self._call(SEARCH, query={**page, **more})

    def iterate_search(
        self, *, size: int = 100, sort: str | Sequence[str] = _STABLE_ORDER, **conditions: Any
    ) -> Iterator[WorkflowSummary]:
        """Yield all executions that match all conditions, requesting page by page (``GET /workflow/search``).

        New executions do not change the default order, so that no execution is missed or repeated.

        Args:
            size: Results per request.
            sort: As for ``search``.
            **conditions: The other arguments of ``search``.

        Yields:
            The summaries.
        """
        return iterate_pages(self.search, size=size, sort=sort, **conditions)

    def search_full(
        self,
        *,
        query: str | None = None,
        free_text: str = "*",
        sort: str | Sequence[str] | None = None,
        start: int = 0,
        size: int = 100,
        classifier: str | None = None,
        top_level_only: bool | None = None,
    ) -> SearchResult[WorkflowExecution]:
        """Return one page of executions with their tasks (``GET /workflow/search-v2``, open-source server).

        Args:
            query: Conditions in the server's query language, ``field = value AND ...``.
            free_text: Text to find in the summary of the execution.
            sort: ``field:ASC`` or ``field:DESC``, or several.
            start: Offset of the first result.
            size: Maximum number of results, up to 5,000.
            classifier: ``workflow`` or ``agent``.
            top_level_only: Whether to leave out sub-workflows.

        Returns:
            The page of executions, with the number of results on all pages.

        Raises:
            ConfigurationError: The server does not index a field, and would ignore the condition; or an argument is
                invalid.
        """
        page = _page(build_query({}, {}, query, WORKFLOW_FIELDS), free_text, sort, start, size)
        return self._call(SEARCH_FULL, query={**page, "classifier": classifier, "topLevelOnly": top_level_only})

    def iterate_search_full(
        self, *, size: int = 100, sort: str | Sequence[str] = _STABLE_ORDER, **conditions: Any
    ) -> Iterator[WorkflowExecution]:
        """Yield all executions that match, requesting page by page (``GET /workflow/search-v2``, open-source server).

        Args:
            size: Results per request.
            sort: As for ``search``.
            **conditions: The other arguments of ``search_full``.

        Yields:
            The executions.
        """
        return iterate_pages(self.search_full, size=size, sort=sort, **conditions)

    def search_by_tasks(
        self,
        *,
        query: str | None = None,
        free_text: str = "*",
        sort: str | Sequence[str] | None = None,
        start: int = 0,
        size: int = 100,
    ) -> SearchResult[WorkflowSummary]:
        """Return one page of executions that have matching tasks.

        ``GET /workflow/search-by-tasks``, open-source server.

        Args:
            query: Conditions on tasks: ``taskType``, ``taskDefName``, ``status`` and so on.
            free_text: Text to find in the summary of the task.
            sort: ``field:ASC`` or ``field:DESC``, or several.
            start: Offset of the first result.
            size: Maximum number of results, up to 5,000.

        Returns:
            The page of summaries, with the number of results on all pages.

        Raises:
            ConfigurationError: The server does not index a field, and would ignore the condition; or an argument is
                invalid.
        """
        page = _page(build_query({}, {}, query, TASK_FIELDS), free_text, sort, start, size)
        return self._call(SEARCH_BY_TASKS, query=page)

    def iterate_search_by_tasks(
        self, *, size: int = 100, sort: str | Sequence[str] = _STABLE_ORDER, **conditions: Any
    ) -> Iterator[WorkflowSummary]:
        """Yield all executions that have matching tasks, requesting page by page.

        ``GET /workflow/search-by-tasks``, open-source server.

        Args:
            size: Results per request.
            sort: As for ``search``.
            **conditions: The other arguments of ``search_by_tasks``.

        Yields:
            The summaries.
        """
        return iterate_pages(self.search_by_tasks, size=size, sort=sort, **conditions)

    def search_by_tasks_full(
        self,
        *,
        query: str | None = None,
        free_text: str = "*",
        sort: str | Sequence[str] | None = None,
        start: int = 0,
        size: int = 100,
    ) -> SearchResult[WorkflowExecution]:
        """Return one page of executions that have matching tasks, with all their tasks.

        ``GET /workflow/search-by-tasks-v2``, open-source server.

        Args:
            query: Conditions on tasks: ``taskType``, ``taskDefName``, ``status`` and so on.
            free_text: Text to find in the summary of the task.
            sort: ``field:ASC`` or ``field:DESC``, or several.
            start: Offset of the first result.
            size: Maximum number of results, up to 5,000.

        Returns:
            The page of executions, with the number of results on all pages.

        Raises:
            ConfigurationError: The server does not index a field, and would ignore the condition; or an argument is
                invalid.
        """
        page = _page(build_query({}, {}, query, TASK_FIELDS), free_text, sort, start, size)
        return self._call(SEARCH_BY_TASKS_FULL, query=page)

    def iterate_search_by_tasks_full(
        self, *, size: int = 100, sort: str | Sequence[str] = _STABLE_ORDER, **conditions: Any
    ) -> Iterator[WorkflowExecution]:
        """Yield all executions that have matching tasks, with all their tasks, requesting page by page.

        ``GET /workflow/search-by-tasks-v2``, open-source server.

        Args:
            size: Results per request.
            sort: As for ``search``.
            **conditions: The other arguments of ``search_by_tasks_full``.

        Yields:
            The executions.
        """
        return iterate_pages(self.search_by_tasks_full, size=size, sort=sort, **conditions)


def _page(query: str | None, free_text: str, sort: str | Sequence[str] | None, start: int, size: int) -> dict[str, Any]:
    check_page(start, size, _MAX_PAGE_SIZE)
    joined = check_sort(sort, _BY_TASK_FIELDS)
    return {"start": start, "size": size, "sort": joined, "freeText": free_text, "query": query}
