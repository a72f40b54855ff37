"""Executions by what is known of them: typed fields, pages, and an iterator over all pages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from typing_extensions import Never

from conductor.clients._base import Resource, check_page, iterate_pages
from conductor.clients.bodies import require_enums
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

_LARGEST_PAGE = 5000
_STABLE = ("startTime:ASC", "workflowId:ASC")

Moment: TypeAlias = "datetime | int"
Status: TypeAlias = "WorkflowExecutionStatus | str"
_BY_TASK_FIELDS = (*WORKFLOW_FIELDS, "taskId", "taskType", "taskDefName")


class WorkflowSearch(Resource):
    """What finds executions."""

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
        """A page of the executions that match all conditions (``GET /workflow/search``).

        The index is written a moment after the execution; the server answers summaries, whose times are text.

        Args:
            workflow_type: The definition's name, or several; ``*`` stands for any text.
            status: A status, or several.
            workflow_id: An id, or several.
            correlation_id: A correlation id, or several.
            parent_workflow_id: The id of the execution that started it as a sub-workflow.
            started_after: Started after this moment.
            started_before: Started before this moment.
            ended_after: Ended after this moment.
            ended_before: Ended before this moment.
            updated_after: Changed after this moment.
            updated_before: Changed before this moment.
            free_text: Text in the execution's summary.
            query: Further conditions as text, ``field = value AND ...``.
            sort: ``field:ASC`` or ``field:DESC``, or several.
            start: The first result's place.
            size: How many results at most; up to 5,000.
            classifier: ``workflow`` or ``agent`` (open-source server).
            top_level_only: No sub-workflows (open-source server).
            skip_cache: Look at the database and not at a cache (Orkes).
            **unsupported: Nothing: any other name is refused with a reason.

        Raises:
            ConfigurationError: ``query`` names a field that the server does not search by, and would ignore.
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
        sent = _page(build_query(fields, ranges, query, WORKFLOW_FIELDS), free_text, sort, start, size)
        more = {"classifier": classifier, "topLevelOnly": top_level_only, "skipCache": skip_cache}
        return self._call(SEARCH, query={**sent, **more})

    def iterate_search(
        self, *, size: int = 100, sort: str | Sequence[str] = _STABLE, **conditions: Any
    ) -> Iterator[WorkflowSummary]:
        """All executions that match, page by page; takes what ``search`` takes.

        The order is one that new executions do not change, so that none is missed and none comes twice.
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
        """A page of whole executions (``GET /workflow/search-v2``, open-source server)."""
        sent = _page(build_query({}, {}, query, WORKFLOW_FIELDS), free_text, sort, start, size)
        return self._call(SEARCH_FULL, query={**sent, "classifier": classifier, "topLevelOnly": top_level_only})

    def iterate_search_full(
        self, *, size: int = 100, sort: str | Sequence[str] = _STABLE, **conditions: Any
    ) -> Iterator[WorkflowExecution]:
        """All whole executions that match, page by page; takes what ``search_full`` takes."""
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
        """A page of the executions with tasks that match (``GET /workflow/search-by-tasks``, open-source server).

        Its conditions are of tasks, as those of ``client.tasks.search``: ``taskType``, ``taskDefName``, ``status``.
        """
        sent = _page(build_query({}, {}, query, TASK_FIELDS), free_text, sort, start, size)
        return self._call(SEARCH_BY_TASKS, query=sent)

    def iterate_search_by_tasks(
        self, *, size: int = 100, sort: str | Sequence[str] = _STABLE, **conditions: Any
    ) -> Iterator[WorkflowSummary]:
        """All executions with tasks that match, page by page; takes what ``search_by_tasks`` takes."""
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
        """The same with whole executions (``GET /workflow/search-by-tasks-v2``, open-source server)."""
        sent = _page(build_query({}, {}, query, TASK_FIELDS), free_text, sort, start, size)
        return self._call(SEARCH_BY_TASKS_FULL, query=sent)

    def iterate_search_by_tasks_full(
        self, *, size: int = 100, sort: str | Sequence[str] = _STABLE, **conditions: Any
    ) -> Iterator[WorkflowExecution]:
        """The same with whole executions; takes what ``search_by_tasks_full`` takes."""
        return iterate_pages(self.search_by_tasks_full, size=size, sort=sort, **conditions)


def _page(query: str | None, free_text: str, sort: str | Sequence[str] | None, start: int, size: int) -> dict[str, Any]:
    check_page(start, size, _LARGEST_PAGE)
    joined = check_sort(sort, _BY_TASK_FIELDS)
    return {"start": start, "size": size, "sort": joined, "freeText": free_text, "query": query}
