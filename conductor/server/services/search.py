"""Search for executions and tasks. The database is the index, so results are always up to date."""

from __future__ import annotations

from typing import Any

from conductor._internal.epoch import from_epoch_ms
from conductor.models.codec import dumps
from conductor.server.engine.context import RefusedError
from conductor.server.engine.definitions import render, render_task
from conductor.server.engine.expressions.java_text import java_text
from conductor.server.engine.masking import MASKS, hide
from conductor.server.engine.query import Query, QueryError, QueryNumberError, parse_query, parse_sort, sort_rows
from conductor.server.engine.state import TERMINAL_WORKFLOW, Doc
from conductor.server.runtime.kernel import Kernel

Json = dict[str, Any]

#: Executions to index in one change; other requests run between two changes.
_INDEXED_PER_CHANGE = 1000


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


def _search_text(workflow: Json) -> str:
    """Return the text in which a free-text search looks for an execution, in lower case."""
    return dumps(summary(workflow, {})).decode().lower()


class Search:
    """Searches for executions and tasks.

    Every method takes a query (see ``engine.query``), free text (``*`` for any), sort keys (``startTime:DESC``), and
    the page: the index of its first result and its size. It returns the total number of hits and the page.
    """

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    def _update_index(self, free_text: str) -> None:
        """Index the executions that have changed, if the search needs the index."""
        is_complete = free_text in {"", "*"}
        while not is_complete:
            with self._kernel.change() as context:
                outdated = self._kernel.store.outdated_index_entries(context.now, _INDEXED_PER_CHANGE)
                for workflow_id, updated, workflow in outdated:
                    self._kernel.store.save_search_text(workflow_id, updated, _search_text(workflow))
            is_complete = len(outdated) < _INDEXED_PER_CHANGE

    def workflows(self, query: str, free_text: str, sort: str, start: int, size: int) -> Json:
        """Search for executions; returns summaries."""
        self._update_index(free_text)
        with self._kernel.lock:
            total, ids = self._find_workflows(query, free_text, sort, start, size)
            found = [self._kernel.get(one) for one in ids]
            return {"totalHits": total, "results": [summary(one.workflow, one.definition) for one in found]}

    def workflow_documents(self, query: str, free_text: str, sort: str, start: int, size: int) -> Json:
        """Search for executions; returns whole executions."""
        self._update_index(free_text)
        with self._kernel.lock:
            total, ids = self._find_workflows(query, free_text, sort, start, size)
            return {"totalHits": total, "results": [render(self._kernel.get(one)) for one in ids]}

    def workflows_by_tasks(self, query: str, free_text: str, sort: str, start: int, size: int) -> Json:
        """Search for tasks; returns summaries of their executions."""
        with self._kernel.lock:
            rows = self._find_tasks(query, free_text, sort)
            ids = list(dict.fromkeys(str(row["workflowId"]) for row in rows))
            found = [self._kernel.get(one) for one in ids[start : start + size]]
            return {"totalHits": len(ids), "results": [summary(one.workflow, one.definition) for one in found]}

    def documents_by_tasks(self, query: str, free_text: str, sort: str, start: int, size: int) -> Json:
        """Search for tasks; returns their executions."""
        with self._kernel.lock:
            ids = list(dict.fromkeys(str(row["workflowId"]) for row in self._find_tasks(query, free_text, sort)))
            page = [render(self._kernel.get(one)) for one in ids[start : start + size]]
            return {"totalHits": len(ids), "results": page}

    def tasks(self, query: str, free_text: str, sort: str, start: int, size: int) -> Json:
        """Search for tasks; returns summaries."""
        with self._kernel.lock:
            rows = self._find_tasks(query, free_text, sort)
            page = [task_summary(row["_task"]) for row in rows[start : start + size]]
            return {"totalHits": len(rows), "results": page}

    def task_documents(self, query: str, free_text: str, sort: str, start: int, size: int) -> Json:
        """Search for tasks; returns whole tasks."""
        with self._kernel.lock:
            rows = self._find_tasks(query, free_text, sort)
            page = []
            for row in rows[start : start + size]:
                task = self._kernel.get(str(row["workflowId"])).task(row["taskId"])
                page += [render_task(task)] if task is not None else []
            return {"totalHits": len(rows), "results": page}

    def _find_workflows(self, query: str, free_text: str, sort: str, start: int, size: int) -> tuple[int, list[str]]:
        parsed, keys = self._parse(query, free_text), parse_sort(sort)
        page = self._kernel.store.search_page(parsed, keys, start, size)
        if page is not None:
            return page
        rows = []
        for row, found in self._kernel.store.search_rows(parsed):
            if parsed.matches(row, found if isinstance(found, str) else _search_text(found)):
                rows.append(row)
        ids = [str(row["workflowId"]) for row in sort_rows(rows, keys)]
        return len(ids), ids[start : start + size]

    def _find_tasks(self, query: str, free_text: str, sort: str) -> list[Json]:
        parsed = self._parse(query, free_text)
        rows = []
        for task in self._kernel.store.search_tasks(parsed):
            if not task["updateTime"]:
                continue  # the OSS server indexes a task at its first update
            row = {
                "taskId": task["taskId"],
                "taskType": task["taskType"],
                "taskDefName": task.get("taskDefName") or "",
                "workflowId": task["workflowInstanceId"],
                "workflowType": task.get("workflowType") or "",
                "correlationId": task.get("correlationId") or "",
                "status": task["status"],
                "startTime": task["startTime"],
                "endTime": task["endTime"],
                "updateTime": task["updateTime"],
                "_task": task,
            }
            text = dumps(task_summary(task)).decode() if parsed.free_text else ""
            if parsed.matches(row, text):
                rows.append(row)
        return [dict(row) for row in sort_rows(rows, parse_sort(sort))]

    def _parse(self, query: str, free_text: str) -> Query:
        try:
            return parse_query(query, free_text, strict=not self._kernel.divergences.trim_lists)
        except QueryNumberError as error:
            raise RefusedError(500, str(error)) from None
        except QueryError as error:
            raise RefusedError(400, str(error)) from None
