"""Checks of single tasks by their type, with the tables of what each type requires and returns."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from conductor._internal.suggestions import suggest
from conductor.models import TaskDef, WorkflowTask
from conductor.models._base import Model
from conductor.validation.fields import Shape, misfit, unknown_fields
from conductor.validation.tree import Node, Problem, Tree, as_mapping, closest, expressions_in, listed

__all__ = [
    "EVALUATORS",
    "NEEDED_FIELDS",
    "NEEDED_INPUTS",
    "ORKES_OUTPUTS",
    "OUTPUTS",
    "RESPONSE",
    "TASK_FIELDS",
    "TYPES",
    "WORKFLOW_FIELDS",
    "check_tasks",
]

_MODEL = (("llmProvider", "integrationName", "integrationNames"), ("model",))
_STORE = (("vectorDB",), ("index",))
#: The required input parameters of each type, by path; one of each group is required.
NEEDED_INPUTS: dict[str, tuple[tuple[str, ...], ...]] = {
    "AGENT": (("agentUrl", "agentName", "name"),),
    "BUSINESS_RULE": (("ruleFileLocation",), ("executionStrategy",)),
    "CALL_MCP_TOOL": (("mcpServer",), ("method",)),
    "CANCEL_AGENT": (("taskId", "executionId"),),
    "CHUNK_TEXT": (("text",),),
    "GENERATE_AUDIO": (*_MODEL, ("text",)),
    "GENERATE_IMAGE": (*_MODEL, ("prompt",)),
    "GENERATE_PDF": (("markdown",),),
    "GENERATE_VIDEO": (*_MODEL, ("prompt", "inputImage", "jobId")),
    "GET_AGENT_CARD": (("agentUrl",),),
    "GET_DOCUMENT": (("url",),),
    "GET_SIGNED_JWT": (("subject",), ("issuer",), ("audience",), ("privateKey",)),
    "GET_WORKFLOW": (("id",),),
    "GRPC": (("service", "host"), ("method",)),
    "HTTP": (("http_request.uri", "http_request.vipAddress", "uri"),),
    "HTTP_POLL": (("http_request.uri", "uri"), ("http_request.terminationCondition", "terminationCondition")),
    "INLINE": (("expression",),),
    "INTEGRATION": (("service",), ("method",)),
    "JDBC": (("integrationName", "connectionId"), ("statement",)),
    "JSON_JQ_TRANSFORM": (("queryExpression",),),
    "KAFKA_PUBLISH": (("kafka_request.bootStrapServers",), ("kafka_request.topic",), ("kafka_request.value",)),
    "LAMBDA": (("scriptExpression",),),
    "LIST_API_TOOLS": (("specUrl",),),
    "LIST_FILES": (("inputLocation",),),
    "LIST_MCP_TOOLS": (("mcpServer",),),
    "LLM_CHAT_COMPLETE": _MODEL,
    "LLM_GENERATE_EMBEDDINGS": (*_MODEL, ("text",)),
    "LLM_GET_EMBEDDINGS": (*_STORE, ("embeddings", "embedding")),
    "LLM_INDEX_DOCUMENT": (*_STORE, ("url",)),
    "LLM_INDEX_TEXT": (*_STORE, ("text", "url")),
    "LLM_SEARCH_EMBEDDINGS": (*_STORE, ("embeddings",)),
    "LLM_SEARCH_INDEX": (*_STORE, ("query",)),
    "LLM_STORE_EMBEDDINGS": (*_STORE, ("embeddings",)),
    "LLM_TEXT_COMPLETE": (*_MODEL, ("prompt", "promptName")),
    "MCP_REMOTE": (("url",), ("method",)),
    "OPS_GENIE": (("message",),),
    "PARSE_DOCUMENT": (("url",),),
    "PLANNER_CONTEXT_FETCH": (("url",),),
    "PLAN_AND_COMPILE": (("planJson",),),
    "SENDGRID": (("from",), ("to",), ("subject",)),
    "SET_VARIABLE": (),
    "START_WORKFLOW": (("startWorkflow.name", "startWorkflow.workflowDef"),),
    "TERMINATE": (("terminationStatus",),),
    "TERMINATE_WORKFLOW": (("workflowId",),),
    "UPDATE_SECRET": (("_secrets.secretKey",), ("_secrets.secretValue",)),
    "UPDATE_TASK": (("taskStatus",), ("taskId", "taskRefName")),
    "WAIT_FOR_WEBHOOK": (("matches",),),
}
#: The required fields of each type; one of each group is required.
NEEDED_FIELDS: dict[str, tuple[tuple[str, ...], ...]] = {
    "DECISION": (("caseValueParam", "caseExpression"), ("decisionCases",)),
    "DO_WHILE": (("loopCondition",), ("loopOver",)),
    "DYNAMIC": (("dynamicTaskNameParam",),),
    "EVENT": (("sink",),),
    "FORK_JOIN": (("forkTasks",),),
    "SUB_WORKFLOW": (("subWorkflowParam",),),
    "SWITCH": (("evaluatorType",), ("expression",), ("decisionCases",)),
}
#: All built-in types.
TYPES = (
    *NEEDED_INPUTS,
    *NEEDED_FIELDS,
    "EXCLUSIVE_JOIN", "FORK_JOIN_DYNAMIC", "HUMAN", "JOIN", "NOOP", "PULL_WORKFLOW_MESSAGES", "QUERY_PROCESSOR",
    "SIMPLE", "USER_DEFINED", "WAIT", "YIELD",
)  # fmt: skip
#: Evaluators of scripts; messages list the first four.
EVALUATORS = ("value-param", "javascript", "graaljs", "python", "ecmascript", "js")
#: The names in the output of each built-in type. A type that is not listed can have any output.
OUTPUTS: dict[str, tuple[str, ...]] = {
    "DECISION": ("caseOutput",),
    "DO_WHILE": ("iteration", "loopIndex", "loopItem"),
    "FORK_JOIN": (),
    "HTTP": ("response",),
    "INLINE": ("result", "error"),
    "JSON_JQ_TRANSFORM": ("result", "resultList", "error"),
    "LAMBDA": ("result", "error"),
    "LIST_API_TOOLS": ("tools", "baseUrl", "format", "error"),
    "NOOP": (),
    "PLANNER_CONTEXT_FETCH": ("response", "cache_hit", "error"),
    "PLAN_AND_COMPILE": ("workflowDef", "workflowName", "error", "warnings", "stats"),
    "PULL_WORKFLOW_MESSAGES": ("messages", "count"),
    "SET_VARIABLE": (),
    "START_WORKFLOW": ("workflowId",),
    "SWITCH": ("evaluationResult", "selectedCase"),
}
#: Names in outputs that exist only on Orkes. For every type, names that begin with _ belong to Orkes.
ORKES_OUTPUTS: dict[str, tuple[str, ...]] = {
    "DO_WHILE": ("item", "items", "index"),
    "HTTP": ("_secrets",),
}
#: Names in the response of an HTTP task.
RESPONSE = ("body", "headers", "statusCode", "reasonPhrase")
#: Names after a task's reference name in ``${...}``.
TASK_FIELDS = (
    "input", "output", "status", "taskType", "referenceTaskName", "retryCount", "correlationId", "pollCount",
    "taskDefName", "scheduledTime", "startTime", "endTime", "workflowInstanceId", "taskId", "reasonForIncompletion",
    "callbackAfterSeconds", "workerId", "iteration", "subWorkflowId",
)  # fmt: skip
#: Names after ``workflow`` in ``${...}``.
WORKFLOW_FIELDS = (
    "input", "output", "status", "workflowId", "parentWorkflowId", "parentWorkflowTaskId", "workflowType", "version",
    "correlationId", "reasonForIncompletion", "schemaVersion", "variables", "env", "secrets",
)  # fmt: skip


_DURATION = re.compile(
    r"\s*(\d+\s*d(ays?)?)?\s*(\d+\s*h((ou)?rs?)?)?\s*(\d+\s*m(in(ute)?s?)?)?\s*(\d+\s*s(ec(ond)?s?)?)?\s*",
    re.IGNORECASE,
)
_UNTIL = re.compile(r"\s*\d{4}-\d{1,2}-\d{1,2}(\s+\d{1,2}:\d{1,2}(\s+(?P<zone>.+?))?)?\s*")
#: Time zones that the server accepts: display names of Java, and offsets, but not names like Europe/Berlin (3.32.3).
_ZONE = re.compile(r"[A-Za-z]{3,}(\s[\w\s.()-]+)?|GMT[+-]\d{1,2}:\d{2}|[+-]\d{4}")
#: The largest number in a duration that the server can read.
_MOST = 2**31 - 1
#: Words in input names that suggest a time.
_TIMES = {"time", "timeout", "delay", "sleep", "seconds", "minutes", "hours", "days", "date", "datetime"}


def _wait(node: Node) -> Iterator[Problem]:
    duration, until = node.inputs.get("duration"), node.inputs.get("until")
    if duration is not None and until is not None:
        yield node.problem("WAIT", "A WAIT takes duration or until, not both.", "inputParameters")
    if wrong := _duration(duration):
        yield node.problem("WAIT", wrong, "inputParameters.duration")
    if wrong := _until(until):
        yield node.problem("WAIT", wrong, "inputParameters.until")
    if duration is None and until is None:
        yield from _meant(node)


def _duration(value: Any) -> str | None:
    form = "use days, hours, minutes and seconds in this order, such as '1 days 2 hours 30 minutes' or '90s'"
    if value is None:
        return None
    if not isinstance(value, str):
        return f"The duration {value!r} is not a string; {form}."
    if "${" in value:
        return None if value.startswith("${") else _reference_first("duration", value)
    if not (value.strip() and _DURATION.fullmatch(value)):
        return f"invalid duration {value!r}: {form}."
    if any(int(number) > _MOST for number in re.findall(r"\d+", value)):
        return f"The duration {value!r} has a number above {_MOST}, which the server cannot read; use a larger unit."
    return None


def _until(value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        return f"The time {value!r} is not a string; use a form such as '2027-01-31 18:30 UTC'."
    if "${" in value:
        return None if value.startswith("${") else _reference_first("time", value)
    match = _UNTIL.fullmatch(value)
    if match is None:
        return f"invalid time {value!r}: use a form such as '2027-01-31 18:30 UTC'."
    if match["zone"] and not _ZONE.fullmatch(match["zone"]):
        return f"The time {value!r} has a time zone that the server cannot read; use UTC, CET, GMT+02:00 or +0200."
    return None


def _reference_first(name: str, value: str) -> str:
    return f"The {name} {value!r} has a reference that is not at its start: the server refuses it. Put it first."


def _meant(node: Node) -> Iterator[Problem]:
    """Warn of inputs that look like a time: a WAIT without a time waits until a request completes it."""
    for name in node.inputs:
        plain = re.split(r"[_\s]|(?=[A-Z])", name)
        if {part.lower() for part in plain} & _TIMES or suggest(name, ("duration", "until")):
            yield node.problem(
                "WAIT",
                f"{node.label} has neither duration nor until, so it waits until a call completes it; the server "
                f"ignores {name!r}. Use duration='60 seconds'.",
                f"inputParameters.{name}",
                is_error=False,
            )


_FIELDS: dict[str, Shape] = {
    "name": Shape.TEXT,
    "taskReferenceName": Shape.TEXT,
    "description": Shape.TEXT,
    "type": Shape.TEXT,
    "inputParameters": Shape.OBJECT,
    "optional": Shape.FLAG,
    "permissive": Shape.FLAG,
    "asyncComplete": Shape.FLAG,
    "rateLimited": Shape.FLAG,
    "startDelay": Shape.COUNT,
    "retryCount": Shape.COUNT,
    "cacheConfig": Shape.OBJECT,
    "taskDefinition": Shape.OBJECT,
    "onStateChange": Shape.OBJECT,
    "metadata": Shape.OBJECT,
    "joinOn": Shape.STRINGS,
    "defaultExclusiveJoinTask": Shape.STRINGS,
    "sink": Shape.TEXT,
    "expression": Shape.TEXT,
    "evaluatorType": Shape.TEXT,
    "loopCondition": Shape.TEXT,
    "decisionCases": Shape.OBJECT,
    "defaultCase": Shape.LIST,
    "forkTasks": Shape.LIST,
    "loopOver": Shape.LIST,
    "subWorkflowParam": Shape.OBJECT,
    "dynamicTaskNameParam": Shape.TEXT,
}
_ELSEWHERE: dict[type[Model], str] = {
    TaskDef: "it belongs to the task definition; register it, or set it in taskDefinition."
}
#: Statuses that a TERMINATE task can end a workflow with.
_STATUSES = ("COMPLETED", "FAILED", "TERMINATED")
#: Methods that an HTTP task can have.
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")


def check_tasks(tree: Tree) -> Iterator[Problem]:
    """Check the fields and inputs of each task."""
    yield from _duplicates(tree)
    yield from _timeouts_with_human(tree)
    used = _used_bodies(tree)
    for node in tree.nodes:
        for name, shape in _FIELDS.items():
            if wrong := misfit(node.wire.get(name), shape):
                yield node.problem("WRONG_TYPE", f"{name} of {node.label} {wrong}.", name)
        yield from unknown_fields(node.wire, WorkflowTask, node.problem, _ELSEWHERE)
        yield from _names(node, used)
        yield from _type(node)
        yield from _needed(node)
        if check := _BY_TYPE.get(node.type):
            yield from check(node)


def _duplicates(tree: Tree) -> Iterator[Problem]:
    for node in tree.nodes:
        first = tree.by_ref[node.ref]
        if node.ref and first is not node:
            where = f"{first.path} ({first.source.place})" if first.source.place else first.path
            yield node.problem(
                "DUPLICATE_REFERENCE",
                f"The reference name {node.ref!r} must be unique in the workflow; it is also the name of {where}.",
                "taskReferenceName",
            )


def _timeouts_with_human(tree: Tree) -> Iterator[Problem]:
    """Warn of timeouts that the open-source server does not check, because a HUMAN task is open."""
    limit, policy = tree.fields.get("timeoutSeconds"), tree.fields.get("timeoutPolicy") or "TIME_OUT_WF"
    has_limit = isinstance(limit, int) and limit > 0 and policy == "TIME_OUT_WF"
    for node in tree.nodes:
        if node.type != "HUMAN":
            continue
        own = as_mapping(node.wire.get("taskDefinition")).get("timeoutSeconds")
        for name, seconds, at in (("the workflow", limit if has_limit else 0, ""), (node.label, own, "taskDefinition")):
            if isinstance(seconds, int) and seconds > 0:
                yield node.problem(
                    "HUMAN_TIMEOUT",
                    f"The open-source server checks no timeouts while {node.label} is open, so the {seconds} s of "
                    f"{name} have no effect there. Put a WAIT and a TERMINATE into a parallel branch: fork(human, "
                    "[wait(...), terminate(...)], join_on=[human]).",
                    at,
                    is_error=False,
                )


def _used_bodies(tree: Tree) -> list[str]:
    """Return the text between the braces of all references of the definition."""
    return [found.body.strip() for _, found in expressions_in(tree.fields)]


def _names(node: Node, used: Collection[str]) -> Iterator[Problem]:
    if not node.wire.get("taskReferenceName"):
        yield node.problem("NO_REFERENCE", f"{node.type} has no taskReferenceName.", "taskReferenceName")
    elif node.ref == "workflow":
        yield node.problem(
            "REFERENCE_NAME",
            "The reference name 'workflow' replaces the workflow itself in ${workflow...}. Use another name.",
            "taskReferenceName",
            is_error=any(re.match(r"workflow\b", body) for body in used),
        )
    elif re.search(r"[.\[\]{}$\s]", node.ref):
        if any(body == node.ref or body.startswith((f"{node.ref}.", f"{node.ref}[")) for body in used):
            yield node.problem(
                "REFERENCE_NAME",
                f"${{{node.ref}...}} cannot be resolved: the reference name {node.ref!r} has a space, dot, bracket or "
                "$. Use letters, digits and _.",
                "taskReferenceName",
            )
    elif "__" in node.ref and any(above.type == "DO_WHILE" for above in node.above()):
        yield node.problem(
            "REFERENCE_NAME",
            f"The reference name {node.ref!r} contains '__', which the server uses to mark iterations of a loop: the "
            "loop would never end. Use one _.",
            "taskReferenceName",
        )
    if not node.wire.get("name"):
        yield node.problem("NO_NAME", f"{node.type} {node.ref!r} has no name.", "name")


def _type(node: Node) -> Iterator[Problem]:
    if node.wire.get("type", "") is None:
        yield node.problem("WRONG_TYPE", f"type of {node.label} is null; omit the field for SIMPLE.", "type")
    if node.type in TYPES:
        return
    if node.type.upper() in TYPES:
        yield node.problem(
            "UNKNOWN_TYPE",
            f"Task types are uppercase: use {node.type.upper()!r}. The server waits for a worker of the type "
            f"{node.type!r}.",
            "type",
        )
    elif meant := suggest(node.type, TYPES):
        yield node.problem(
            "UNKNOWN_TYPE",
            f"Unknown task type {node.type!r}; did you mean {meant!r}? The server waits for a worker of an unknown "
            "type.",
            "type",
            is_error=False,
        )


def _needed(node: Node) -> Iterator[Problem]:
    for group in NEEDED_FIELDS.get(node.type, ()):
        if all(_is_missing(node, name) for name in group):
            yield node.problem(
                "MISSING_FIELD", f"{node.label} has no {' or '.join(group)}, and the server requires it.", group[0]
            )
    for group in NEEDED_INPUTS.get(node.type, ()):
        if all(_at(node.inputs, path) in (None, "") for path in group) and not _is_reference(node, group):
            yield node.problem(
                "MISSING_INPUT", f"{node.label} requires the input parameter {' or '.join(group)}.", "inputParameters"
            )


def _is_missing(node: Node, name: str) -> bool:
    value = node.wire.get(name)
    if name == "loopCondition" and value == "":
        return not ({"_items", "items"} & node.inputs.keys() or node.wire.get("items"))
    return value is None or value in ("", [], {})


def _at(inputs: Any, path: str) -> Any:
    for part in path.split("."):
        if not isinstance(inputs, Mapping):
            return None
        inputs = inputs.get(part)
    return inputs


def _is_reference(node: Node, group: tuple[str, ...]) -> bool:
    """Return whether the containing object is a single reference, or comes from a template."""
    heads = {path.partition(".")[0] for path in group if "." in path}
    template = as_mapping(as_mapping(node.wire.get("taskDefinition")).get("inputTemplate"))
    return any(isinstance(node.inputs.get(head), str) for head in heads) or any(
        path.partition(".")[0] in template for path in group
    )


def _http(node: Node) -> Iterator[Problem]:
    request = node.inputs.get("http_request")
    at = "inputParameters.http_request.method" if isinstance(request, Mapping) else "inputParameters.method"
    method = (request if isinstance(request, Mapping) else node.inputs).get("method")
    if method is None and not isinstance(request, str):
        yield node.problem("HTTP_METHOD", f"{node.label} has no method, so the open-source server fails the task.", at)
    elif isinstance(method, str) and "${" not in method and method not in _METHODS:
        yield node.problem(
            "HTTP_METHOD", f"The method of {node.label} is {method!r}; use one of {listed(_METHODS)}.", at
        )
    for name in ("connectionTimeOut", "readTimeOut"):
        value = (request if isinstance(request, Mapping) else node.inputs).get(name)
        if not isinstance(value, str) and (wrong := misfit(value, Shape.COUNT)):
            yield node.problem("WRONG_TYPE", f"{name} of {node.label} {wrong} (milliseconds).", "inputParameters")


def _terminate(node: Node) -> Iterator[Problem]:
    status = node.inputs.get("terminationStatus")
    if status is not None and status not in _STATUSES:
        yield node.problem(
            "TERMINATION_STATUS",
            f"terminationStatus is {status!r}; it must be {', '.join(_STATUSES)}; a reference is not allowed.",
            "inputParameters.terminationStatus",
        )
    if node.wire.get("optional"):
        yield node.problem("TERMINATE_OPTIONAL", "A TERMINATE cannot be optional.", "optional")


def _evaluator(node: Node, evaluator: Any, at: str) -> Iterator[Problem]:
    if isinstance(evaluator, str) and evaluator and "${" not in evaluator and evaluator not in EVALUATORS:
        yield node.problem(
            "EVALUATOR",
            f"{node.label} has the unknown evaluator {evaluator!r}{closest(evaluator, EVALUATORS[:4])}",
            at,
        )


def _inline(node: Node) -> Iterator[Problem]:
    yield from _evaluator(node, node.inputs.get("evaluatorType"), "inputParameters.evaluatorType")


def _switch(node: Node) -> Iterator[Problem]:
    yield from _evaluator(node, node.wire.get("evaluatorType"), "evaluatorType")
    expression = node.wire.get("expression")
    if node.wire.get("evaluatorType") == "value-param" and isinstance(expression, str) and expression:
        if "${" in expression:
            yield node.problem(
                "SWITCH_EXPRESSION",
                f"The expression of {node.label} is {expression!r}; with value-param it must be the name of an "
                "input parameter that holds the reference.",
                "expression",
            )
        elif expression not in node.inputs:
            yield node.problem(
                "SWITCH_EXPRESSION",
                f"{node.label} always takes its default case: its expression names the input parameter {expression!r}, "
                f"which is missing{closest(expression, node.inputs)}",
                "expression",
                is_error=False,
            )
    for name in node.blocks:
        if "${" in name:
            yield node.problem(
                "CASE",
                f"A case of {node.label} is {name.partition('.')[2]!r}; the server does not replace ${{...}} in cases.",
                name,
            )


def _event(node: Node) -> Iterator[Problem]:
    sink = node.wire.get("sink")
    if isinstance(sink, str) and sink and "${" not in sink and ":" not in sink and sink != "conductor":
        yield node.problem(
            "SINK", f"Invalid sink {sink!r}: use 'conductor', or kind and name, such as 'sqs:orders'.", "sink"
        )


def _dynamic(node: Node) -> Iterator[Problem]:
    param = node.wire.get("dynamicTaskNameParam")
    if isinstance(param, str) and param and param not in node.inputs:
        yield node.problem(
            "DYNAMIC",
            f"dynamicTaskNameParam names the input parameter {param!r}, which is missing{closest(param, node.inputs)}",
            "dynamicTaskNameParam",
        )


def _set_variable(node: Node) -> Iterator[Problem]:
    if not node.inputs:
        message = f"{node.label} sets no variable. Pass it as an input parameter."
        yield node.problem("NO_VARIABLE", message, "inputParameters", is_error=False)
    elif node.inputs.keys() == {"variableName", "value"}:
        meant = node.inputs["variableName"]
        yield node.problem(
            "VARIABLE_NAME",
            f"{node.label} sets the variables 'variableName' and 'value'; to set {meant!r}, use "
            f"set_variable({meant}=...).",
            "inputParameters",
            is_error=False,
        )


_BY_TYPE = {
    "DYNAMIC": _dynamic,
    "EVENT": _event,
    "HTTP": _http,
    "INLINE": _inline,
    "SET_VARIABLE": _set_variable,
    "SWITCH": _switch,
    "TERMINATE": _terminate,
    "WAIT": _wait,
}
