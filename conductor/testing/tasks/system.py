"""Example tasks that the server executes: requests, messages, scripts, data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conductor.models import TaskType, WorkflowTask
from conductor.testing.tasks.making import made

__all__ = [
    "business_rule_task",
    "event_task",
    "http_poll_task",
    "http_task",
    "inline_task",
    "jdbc_task",
    "json_jq_transform_task",
    "kafka_publish_task",
    "lambda_task",
    "set_variable_task",
]

_URI = "http://localhost:8080/value"


def http_task(
    reference_name: str = "http", uri: str = _URI, method: str = "GET", *, body: Any = None, **fields: Any
) -> WorkflowTask:
    """Return an HTTP request."""
    request = {"uri": uri, "method": method, **({} if body is None else {"body": body})}
    return made(TaskType.HTTP, reference_name, {"http_request": request}, fields)


def http_poll_task(reference_name: str = "http_poll", uri: str = _URI, **fields: Any) -> WorkflowTask:
    """Return an HTTP_POLL, which polls every minute until the response is 200 (Orkes)."""
    request = {
        "uri": uri,
        "method": "GET",
        "terminationCondition": "$.output.response.statusCode == 200",
        "pollingInterval": 60,
        "pollingStrategy": "FIXED",
    }
    return made(TaskType.HTTP_POLL, reference_name, {"http_request": request}, fields)


def event_task(reference_name: str = "event", sink: str = "conductor:example", **fields: Any) -> WorkflowTask:
    """Return an EVENT to a sink."""
    return made(TaskType.EVENT, reference_name, {"value": "${workflow.input.value}"}, fields, sink=sink)


def kafka_publish_task(reference_name: str = "kafka_publish", topic: str = "example", **fields: Any) -> WorkflowTask:
    """Return a KAFKA_PUBLISH of the execution's value."""
    request = {"topic": topic, "value": "${workflow.input.value}", "bootStrapServers": "localhost:9092"}
    return made(TaskType.KAFKA_PUBLISH, reference_name, {"kafka_request": request}, fields)


def inline_task(
    reference_name: str = "inline", expression: str = "$.value", *, evaluator: str = "javascript", **fields: Any
) -> WorkflowTask:
    """Return an INLINE script over ``$``, the task's input."""
    inputs = {"evaluatorType": evaluator, "expression": expression, "value": "${workflow.input.value}"}
    return made(TaskType.INLINE, reference_name, inputs, fields)


def lambda_task(reference_name: str = "lambda", script: str = "return $.value;", **fields: Any) -> WorkflowTask:
    """Return a LAMBDA task, the predecessor of INLINE in older definitions."""
    inputs = {"scriptExpression": script, "value": "${workflow.input.value}"}
    return made(TaskType.LAMBDA, reference_name, inputs, fields)


def json_jq_transform_task(reference_name: str = "jq", query: str = ".value", **fields: Any) -> WorkflowTask:
    """Return a JSON_JQ_TRANSFORM of the task's input."""
    inputs = {"queryExpression": query, "value": "${workflow.input.value}"}
    return made(TaskType.JSON_JQ_TRANSFORM, reference_name, inputs, fields)


def set_variable_task(
    reference_name: str = "set_variable", variables: Mapping[str, Any] | None = None, **fields: Any
) -> WorkflowTask:
    """Return a SET_VARIABLE task, which sets ``value`` by default."""
    given = variables if variables is not None else {"value": "${workflow.input.value}"}
    return made(TaskType.SET_VARIABLE, reference_name, given, fields)


def jdbc_task(
    reference_name: str = "jdbc", statement: str = "SELECT name FROM person WHERE id = ?", **fields: Any
) -> WorkflowTask:
    """Return a JDBC query."""
    inputs = {
        "integrationName": "database",
        "type": "SELECT",
        "statement": statement,
        "parameters": ["${workflow.input.value}"],
    }
    return made(TaskType.JDBC, reference_name, inputs, fields)


def business_rule_task(reference_name: str = "business_rule", **fields: Any) -> WorkflowTask:
    """Return a BUSINESS_RULE task with a rule file (Orkes)."""
    inputs = {
        "ruleFileLocation": "http://localhost:8080/rules.xlsx",
        "executionStrategy": "FIRE_FIRST",
        "inputColumns": {"value": "${workflow.input.value}"},
        "outputColumns": ["result"],
    }
    return made(TaskType.BUSINESS_RULE, reference_name, inputs, fields)
