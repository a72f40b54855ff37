"""Searches over executions and tasks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from typing import Any

from conductor.models.codec import dumps, loads
from conductor.server.engine.java_text import java_text
from conductor.server.engine.query import Query, QueryError, QueryNumberError, parse_query, parse_sort, sort_rows
from conductor.server.engine.render import render, render_task
from conductor.server.engine.state import Doc
from conductor.server.engine.words import TERMINAL_WORKFLOW
from conductor.server.engine.world import RefusedError
from conductor.server.kernel import Kernel

Json = dict[str, Any]

_COLUMNS = "id, name, status, correlation_id, parent_id, created, updated, ended"
_TASK_COLUMN_OF = {"taskId": "id", "workflowId": "execution_id", "taskType": "type", "status": "status"}
_COLUMN_OF = {"workflowId": "id", "workflowType": "name", "status": "status"}


class Search:
    """The index is the store itself, so it is always up to date."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    def workflows(self, query: str, free_text: str, sort: str, start: int, size: int) -> Json:
        """Summaries of executions."""
        with self._kernel.lock:
            total, ids = self._find_workflows(query, free_text, sort, start, size)
            found = [self._kernel.get(one) for one in ids]
            return {"totalHits": total, "results": [summary(one.workflow, one.definition) for one in found]}

    def workflow_documents(self, query: str, free_text: str, sort: str, start: int, size: int) -> Json:
        """Executions in full."""
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
        keys = parse_sort(sort)
        if not parsed.conditions and not parsed.free_text and not keys:
            ((total,),) = self._kernel.store.rows("SELECT COUNT(*) FROM execution")
            page = "SELECT id FROM execution ORDER BY created LIMIT ? OFFSET ?"
            return int(total), [str(row[0]) for row in self._kernel.store.rows(page, (size, start))]
        rows = [row for row in self._workflow_rows(parsed) if parsed.matches(row, row["_text"])]
        found = sort_rows(rows, keys)
        return len(found), [str(row["workflowId"]) for row in found[start : start + size]]

    def _workflow_rows(self, wanted: Query) -> Iterator[Json]:
        """What may be found: equalities are left to the database, the rest to the query."""
        where, values = _equalities(wanted, _COLUMN_OF)
        body = "body" if wanted.free_text else "NULL"
        query = f"SELECT {_COLUMNS}, {body} FROM execution WHERE {where} ORDER BY created"  # noqa: S608  fixed words
        for row in self._kernel.store.rows(query, values):
            workflow_id, name, status, correlation, parent, created, updated, ended, body = row
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
                "_text": dumps(summary(loads(body), {})).decode() if body is not None else "",
            }

    def _find_tasks(self, query: str, free_text: str, sort: str) -> list[Json]:
        parsed = self._readable(query, free_text)
        rows = []
        where, values = _equalities(parsed, _TASK_COLUMN_OF)
        for (body,) in self._kernel.store.rows(f"SELECT body FROM task WHERE {where}", values):  # noqa: S608  fixed words
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


def _equalities(wanted: Query, column_of: Mapping[str, str]) -> tuple[str, list[Any]]:
    """The part of a query that is plain equality of columns, as SQL."""
    parts, values = ["TRUE"], []
    for condition in wanted.conditions:
        column = column_of.get(condition.field)
        plain = all("*" not in str(value) for value in condition.values)
        if column is not None and condition.operator in {"=", "IN"} and plain:
            parts.append(f"{column} IN ({', '.join('?' * len(condition.values))})")
            values += list(condition.values)
    return " AND ".join(parts), values


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
