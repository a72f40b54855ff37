"""Searches over executions and tasks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

from conductor.models.codec import dumps, loads
from conductor.server.engine.context import RefusedError
from conductor.server.engine.definitions import render, render_task
from conductor.server.engine.expressions.java_text import java_text
from conductor.server.engine.query import Query, QueryError, QueryNumberError, parse_query, parse_sort, sort_rows
from conductor.server.engine.state import TERMINAL_WORKFLOW, Doc
from conductor.server.runtime.kernel import Kernel
from conductor.server.store.queries import EXECUTION_COLUMNS, TASK_COLUMNS, Where, order, where

Json = dict[str, Any]


def _iso(moment: int) -> str:
    when = datetime.fromtimestamp(moment / 1000, tz=timezone.utc)
    return f"{when:%Y-%m-%dT%H:%M:%S}.{moment % 1000:03d}Z"


def summary(workflow: Doc | Json, definition: Json) -> Json:
    """A line of a search for executions."""
    given, output = java_text(workflow["input"]), java_text(workflow["output"])
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
    """A line of a search for tasks."""
    waited = task["startTime"] - task["scheduledTime"] if task["startTime"] and task["scheduledTime"] else 0
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
        "input": java_text(task["inputData"]),
        "output": java_text(task["outputData"]),
        "taskId": task["taskId"],
        "workflowPriority": task["workflowPriority"],
        "domain": task.get("domain"),
    }
    return {key: value for key, value in made.items() if value is not None}


_AT_ONCE = 1000
OUTDATED = "search_text.updated IS NOT execution.updated"
"""Whether an execution has no text of its present state."""
JOINED = "execution LEFT JOIN search_text ON search_text.id = execution.id"
"""Executions with their texts, NULL where there is none yet."""


class SearchTexts:
    """Keeps the texts of executions up to date with them.

    An execution may change again in the millisecond of its last change: its text is made anew each time until then.
    """

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    def complete(self) -> None:
        """Make what is missing, some at a time: the server goes on between."""
        while self._make_some():
            pass

    def _make_some(self) -> bool:
        columns, condition = "execution.id, execution.updated, body", f"{OUTDATED} AND execution.updated < ? LIMIT ?"
        query = f"SELECT {columns} FROM {JOINED} WHERE {condition}"  # noqa: S608  fixed words
        with self._kernel.change() as context:
            rows = self._kernel.store.rows(query, (context.now, _AT_ONCE))
            for workflow_id, updated, body in rows:
                row = (workflow_id, updated, text_of(loads(body)))
                self._kernel.store.run("REPLACE INTO search_text VALUES (?, ?, ?)", row)
        return len(rows) == _AT_ONCE


def text_of(workflow: Json) -> str:
    """The text of an execution, in small letters."""
    return dumps(summary(workflow, {})).decode().lower()


_COLUMNS = "execution.id, name, status, correlation_id, parent_id, created, execution.updated, ended"


class Search:
    """The index is the store itself, so it is always up to date."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel, self._texts = kernel, SearchTexts(kernel)

    def _prepare(self, free_text: str) -> None:
        if free_text not in {"", "*"}:
            self._texts.complete()

    def workflows(self, query: str, free_text: str, sort: str, start: int, size: int) -> Json:
        """Summaries of executions."""
        self._prepare(free_text)
        with self._kernel.lock:
            total, ids = self._find_workflows(query, free_text, sort, start, size)
            found = [self._kernel.get(one) for one in ids]
            return {"totalHits": total, "results": [summary(one.workflow, one.definition) for one in found]}

    def workflow_documents(self, query: str, free_text: str, sort: str, start: int, size: int) -> Json:
        """Executions in full."""
        self._prepare(free_text)
        with self._kernel.lock:
            total, ids = self._find_workflows(query, free_text, sort, start, size)
            return {"totalHits": total, "results": [render(self._kernel.get(one)) for one in ids]}

    def workflows_by_tasks(self, query: str, free_text: str, sort: str, start: int, size: int) -> Json:
        """Summaries of the executions of the tasks that are found."""
        with self._kernel.lock:
            rows = self._find_tasks(query, free_text, sort)
            ids = list(dict.fromkeys(str(row["workflowId"]) for row in rows))
            found = [self._kernel.get(one) for one in ids[start : start + size]]
            return {"totalHits": len(ids), "results": [summary(one.workflow, one.definition) for one in found]}

    def documents_by_tasks(self, query: str, free_text: str, sort: str, start: int, size: int) -> Json:
        """The executions of the tasks that are found, in full."""
        with self._kernel.lock:
            ids = list(dict.fromkeys(str(row["workflowId"]) for row in self._find_tasks(query, free_text, sort)))
            page = [render(self._kernel.get(one)) for one in ids[start : start + size]]
            return {"totalHits": len(ids), "results": page}

    def tasks(self, query: str, free_text: str, sort: str, start: int, size: int) -> Json:
        """Summaries of tasks."""
        with self._kernel.lock:
            rows = self._find_tasks(query, free_text, sort)
            page = [task_summary(row["_task"]) for row in rows[start : start + size]]
            return {"totalHits": len(rows), "results": page}

    def task_documents(self, query: str, free_text: str, sort: str, start: int, size: int) -> Json:
        """Tasks in full."""
        with self._kernel.lock:
            rows = self._find_tasks(query, free_text, sort)
            page = []
            for row in rows[start : start + size]:
                task = self._kernel.get(str(row["workflowId"])).task(row["taskId"])
                page += [render_task(task)] if task is not None else []
            return {"totalHits": len(rows), "results": page}

    def _find_workflows(self, query: str, free_text: str, sort: str, start: int, size: int) -> tuple[int, list[str]]:
        parsed = self._readable(query, free_text)
        keys, chosen = parse_sort(sort), where(parsed, EXECUTION_COLUMNS)
        ordered = order(keys, EXECUTION_COLUMNS)
        if chosen.is_whole and ordered is not None and not parsed.free_text:
            return self._page(chosen, ordered, start, size)
        rows = [row for row in self._workflow_rows(parsed, chosen) if parsed.matches(row, row["_text"])]
        found = sort_rows(rows, keys)
        return len(found), [str(row["workflowId"]) for row in found[start : start + size]]

    def _page(self, chosen: Where, ordered: str, start: int, size: int) -> tuple[int, list[str]]:
        store, condition = self._kernel.store, f"FROM execution WHERE {chosen.sql}"
        ((total,),) = store.rows(f"SELECT COUNT(*) {condition}", chosen.values)
        page = f"SELECT id {condition} ORDER BY {ordered} LIMIT ? OFFSET ?"
        rows = store.rows(page, (*chosen.values, size, start))
        return int(total), [str(row[0]) for row in rows]

    def _workflow_rows(self, wanted: Query, chosen: Where) -> Iterator[Json]:
        """What may be found: most is left to the database, the rest to the query."""
        sql, values = chosen.sql, chosen.values
        if wanted.free_text:
            sql, values = f"{sql} AND ({OUTDATED} OR instr(text, ?))", (*values, wanted.longest_literal)
        text = f"CASE WHEN {OUTDATED} THEN body ELSE text END" if wanted.free_text else "''"
        query = f"SELECT {_COLUMNS}, {text} FROM {JOINED} WHERE {sql} ORDER BY created"  # noqa: S608  fixed words
        for row in self._kernel.store.rows(query, values):
            workflow_id, name, status, correlation, parent, created, updated, ended, found = row
            yield {
                "workflowId": workflow_id,
                "workflowType": name,
                "status": status,
                "correlationId": correlation or "",
                "parentWorkflowId": parent or "",
                "startTime": created,
                "updateTime": updated,
                "endTime": ended,
                "classifier": "workflow",
                "_text": text_of(loads(found)) if isinstance(found, bytes) else found,
            }

    def _find_tasks(self, query: str, free_text: str, sort: str) -> list[Json]:
        parsed = self._readable(query, free_text)
        rows = []
        chosen = where(parsed, TASK_COLUMNS)
        query = f"SELECT body FROM task WHERE {chosen.sql}"  # noqa: S608  fixed words
        for (body,) in self._kernel.store.rows(query, chosen.values):
            task = loads(body)
            if not task["updateTime"]:
                continue  # the real server lists a task when it has been touched
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

    def _readable(self, query: str, free_text: str) -> Query:
        try:
            return parse_query(query, free_text, strict=not self._kernel.divergences.trim_lists)
        except QueryNumberError as error:
            raise RefusedError(500, str(error)) from None
        except QueryError as error:
            raise RefusedError(400, str(error)) from None
