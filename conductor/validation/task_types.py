"""Tables of the task types: the inputs and fields that they require, and the names in their output."""

from __future__ import annotations

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
]


_MODEL = (("llmProvider", "integrationName", "integrationNames"), ("model",))
_STORE = (("vectorDB",), ("index",))
#: For each type the input parameters that it requires, by path: one of each group.
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
#: For each type the fields of the task itself that it requires: one of each group.
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
#: For each built-in type the names in its output. A type that is missing here can have any output.
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
#: Names in outputs that only Orkes has. Names that begin with _ are Orkes' own for every type.
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
