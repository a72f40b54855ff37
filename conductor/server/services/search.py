"""Search for executions and tasks. The database is the index, so results are always up to date."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any

from conductor._internal.epoch import from_epoch_ms
from conductor.models.codec import dumps
from conductor.server.engine.context import RefusedError
from conductor.server.engine.definitions import render, render_task
from conductor.server.engine.expressions.java_text import java_text
from conductor.server.engine.masking import MASKS, hide
from conductor.server.engine.query import (
    Query,
    QueryError,
    QueryNumberError,
    SortKey,
    parse_query,
    parse_sort,
    sort_rows,
)
from conductor.server.engine.state import TERMINAL_WORKFLOW, Doc
from conductor.server.runtime.kernel import Kernel
from conductor.server.store.search_index import EXECUTIONS, KINDS, TASKS, Kind, Page

Json = dict[str, Any]

#: Number of executions or tasks to index at a time: writing their entries takes about 20 ms, and other requests run in
#: between.
_INDEXED_AT_ONCE = 300
#: Number of outdated entries up to which an idle server does not index: a search does this quickly.
_FEW_OUTDATED = 200


def _iso(moment: int) -> str:
    when = from_epoch_ms(moment)
    return f"{when:%Y-%m-%dT%H:%M:%S}.{moment % 1000:03d}Z"


def summary(workflow: Doc | Json, definition: Json) -> Json:
    """Return the summary of an execution that a search returns."""
    masks = workflow.get(MASKS, ())
    given, output = java_text(hide(workflow["input"], masks)), java_text(hide(workflow["output"], masks))
    made = {
        "workflowType": workflow["workflowName"],
        "version": workflow["workflowVersion"],
        "workflowId": workflow["workflowId"],
        "correlationId": workflow.get("correlationId"),
        "startTime": _iso(workflow["createTime"]),
        "updateTime": _iso(workflow["updateTime"]),
        "endTime": _iso(workflow["endTime"]) if workflow["endTime"] else None,
        "status": workflow["status"],
        "input": given,
        "output": output,
        "reasonForIncompletion": workflow.get("reasonForIncompletion"),
        "executionTime": workflow["endTime"] - workflow["createTime"] if workflow["status"] in TERMINAL_WORKFLOW else 0,
        "event": workflow.get("event"),
        "failedReferenceTaskNames": ",".join(workflow["failedReferenceTaskNames"]),
        "priority": workflow["priority"],
        "failedTaskNames": workflow["failedTaskNames"],
        "taskToDomain": workflow["taskToDomain"],
        "parentWorkflowId": workflow.get("parentWorkflowId") or "",
        "classifier": (definition.get("metadata") or {}).get("classifier") or "workflow",
        "inputSize": len(given),
        "outputSize": len(output),
    }
    return {key: value for key, value in made.items() if value is not None}


def task_summary(task: Doc | Json) -> Json:
    """Return the summary of a task that a search returns."""
    waited = task["startTime"] - task["scheduledTime"] if task["startTime"] and task["scheduledTime"] else 0
    masks = task.get(MASKS, ())
    made = {
        "workflowId": task["workflowInstanceId"],
        "workflowType": task.get("workflowType"),
        "correlationId": task.get("correlationId"),
        "scheduledTime": _iso(task["scheduledTime"]),
        "startTime": _iso(task["startTime"]),
        "updateTime": _iso(task["updateTime"]),
        "endTime": _iso(task["endTime"]),
        "status": task["status"],
        "reasonForIncompletion": task.get("reasonForIncompletion"),
        "executionTime": task["endTime"] - task["startTime"] if task["endTime"] and task["startTime"] else 0,
        "queueWaitTime": max(0, waited - task["callbackAfterSeconds"] * 1000),
        "taskDefName": task.get("taskDefName"),
        "taskType": task["taskType"],
        "input": java_text(hide(task["inputData"], masks)),
        "output": java_text(hide(task["outputData"], masks)),
        "taskId": task["taskId"],
        "workflowPriority": task["workflowPriority"],
        "domain": task.get("domain"),
    }
    return {key: value for key, value in made.items() if value is not None}


def _search_text(kind: Kind, document: Json) -> str:
    """Return the text of an execution or a task that a free-text search reads, in lower case."""
    made = summary(document, {}) if kind is EXECUTIONS else task_summary(document)
    return dumps(made).decode().lower()


class Search:
    """Searches for executions and tasks.

    Every method takes a query (see ``engine.query``), free text (``*`` for any), sort keys (``startTime:DESC``), and
    the page: the index of its first result and its size. It returns the total number of hits and the page.
    """

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._index = kernel.store.search
        self._indexing = threading.RLock()  # acquired before the kernel's lock
        kernel.timed_work.idle_work = self.index_some

    @contextmanager
    def _searching(self, kind: Kind, free_text: str) -> Iterator[None]:
        """Hold the lock for the block; the entries are up to date if the search needs them."""
        is_needed = free_text not in {"", "*"} and self._index.is_available
        with self._indexing if is_needed else nullcontext():
            while is_needed and self._index_some(kind):
                pass
            with self._kernel.lock:
                while is_needed and self._index_some(kind):  # what has changed in the meantime
                    pass
                yield

    def index_some(self) -> bool:
        """Index some of the executions and tasks that have changed; returns whether there is more to do."""
        with self._kernel.lock:
            if self._kernel.is_closed or not self._index.is_available or self._index.backlog() < _FEW_OUTDATED:
                return False
        return any(self._index_some(kind) for kind in KINDS)

    def _index_some(self, kind: Kind) -> bool:
        with self._indexing:
            with self._kernel.lock:
                outdated = self._index.outdated(kind, _INDEXED_AT_ONCE)
            entries = [(one, _search_text(kind, document)) for one, document in outdated]
            with self._kernel.lock, self._kernel.store.transaction():
                self._index.save_all(kind, entries)
        return bool(outdated)

    def workflows(self, query: str, free_text: str, sort: str, start: int, size: int) -> Json:
        """Search for executions; returns summaries."""
        with self._searching(EXECUTIONS, free_text):
            total, ids = self._find(EXECUTIONS, query, free_text, sort, start, size)
            found = [self._kernel.get(one) for one in ids]
            return {"totalHits": total, "results": [summary(one.workflow, one.definition) for one in found]}

    def workflow_documents(self, query: str, free_text: str, sort: str, start: int, size: int) -> Json:
        """Search for executions; returns whole executions."""
        with self._searching(EXECUTIONS, free_text):
            total, ids = self._find(EXECUTIONS, query, free_text, sort, start, size)
            return {"totalHits": total, "results": [render(self._kernel.get(one)) for one in ids]}

    def workflows_by_tasks(self, query: str, free_text: str, sort: str, start: int, size: int) -> Json:
        """Search for tasks; returns summaries of their executions."""
        with self._searching(TASKS, free_text):
            total, ids = self._find_executions_of_tasks(query, free_text, sort, start, size)
            found = [self._kernel.get(one) for one in ids]
            return {"totalHits": total, "results": [summary(one.workflow, one.definition) for one in found]}

    def documents_by_tasks(self, query: str, free_text: str, sort: str, start: int, size: int) -> Json:
        """Search for tasks; returns their executions."""
        with self._searching(TASKS, free_text):
            total, ids = self._find_executions_of_tasks(query, free_text, sort, start, size)
            return {"totalHits": total, "results": [render(self._kernel.get(one)) for one in ids]}

    def tasks(self, query: str, free_text: str, sort: str, start: int, size: int) -> Json:
        """Search for tasks; returns summaries."""
        with self._searching(TASKS, free_text):
            total, ids = self._find(TASKS, query, free_text, sort, start, size)
            return {"totalHits": total, "results": [task_summary(task) for task in self._tasks(ids)]}

    def task_documents(self, query: str, free_text: str, sort: str, start: int, size: int) -> Json:
        """Search for tasks; returns whole tasks."""
        with self._searching(TASKS, free_text):
            total, ids = self._find(TASKS, query, free_text, sort, start, size)
            return {"totalHits": total, "results": [render_task(task) for task in self._tasks(ids)]}

    def _tasks(self, ids: list[str]) -> list[Doc]:
        found = []
        for one in ids:
            workflow_id = self._kernel.store.execution_of(one)
            execution = self._kernel.find(workflow_id) if workflow_id is not None else None
            task = execution.task(one) if execution is not None else None
            found += [task] if task is not None else []
        return found

    def _find(self, kind: Kind, query: str, free_text: str, sort: str, start: int, size: int) -> Page:
        """Return the number of executions or tasks found, and the ids of a page of them."""
        parsed, keys = self._parse(query, free_text), parse_sort(sort)
        page = self._index.page(kind, parsed, keys, start, size)
        if page is not None:
            return page
        ids = [str(row["workflowId" if kind is EXECUTIONS else "taskId"]) for row in self._rows(kind, parsed, keys)]
        return len(ids), ids[start : start + size]

    def _find_executions_of_tasks(self, query: str, free_text: str, sort: str, start: int, size: int) -> Page:
        parsed, keys = self._parse(query, free_text), parse_sort(sort)
        page = self._index.executions_of_tasks(parsed, keys, start, size)
        if page is not None:
            return page
        ids = list(dict.fromkeys(str(row["workflowId"]) for row in self._rows(TASKS, parsed, keys)))
        return len(ids), ids[start : start + size]

    def _rows(self, kind: Kind, query: Query, keys: tuple[SortKey, ...]) -> list[Mapping[str, Any]]:
        """Return the rows of a query that SQL cannot express."""
        rows = []
        for row, found in self._index.rows(kind, query):
            if query.matches(row, found if isinstance(found, str) else _search_text(kind, found)):
                rows.append(row)
        return sort_rows(rows, keys)

    def _parse(self, query: str, free_text: str) -> Query:
        try:
            return parse_query(query, free_text, strict=not self._kernel.divergences.trim_lists)
        except QueryNumberError as error:
            raise RefusedError(500, str(error)) from None
        except QueryError as error:
            raise RefusedError(400, str(error)) from None
