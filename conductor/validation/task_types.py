"""What is known of the task types: what they need, what they answer."""

from __future__ import annotations

__all__ = ["EVALUATORS", "NEEDED_FIELDS", "NEEDED_INPUTS", "OUTPUTS", "TASK_FIELDS", "TYPES", "WORKFLOW_FIELDS"]


_MODEL = (("llmProvider", "integrationName", "integrationNames"), ("model",))
_STORE = (("vectorDB",), ("index",))
# For each type the input parameters that it needs: of each group one, by its path.
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
# Fields of the task itself that a type needs.
NEEDED_FIELDS: dict[str, tuple[tuple[str, ...], ...]] = {
    "DECISION": (("caseValueParam", "caseExpression"), ("decisionCases",)),
    "DO_WHILE": (("loopCondition",), ("loopOver",)),
    "DYNAMIC": (("dynamicTaskNameParam",),),
    "EVENT": (("sink",),),
    "FORK_JOIN": (("forkTasks",),),
    "SUB_WORKFLOW": (("subWorkflowParam",),),
    "SWITCH": (("evaluatorType",), ("expression",), ("decisionCases",)),
}
TYPES = (
    *NEEDED_INPUTS,
    *NEEDED_FIELDS,
    "EXCLUSIVE_JOIN", "FORK_JOIN_DYNAMIC", "HUMAN", "JOIN", "NOOP", "PULL_WORKFLOW_MESSAGES", "QUERY_PROCESSOR",
    "SIMPLE", "USER_DEFINED", "WAIT", "YIELD",
)  # fmt: skip
EVALUATORS = ("value-param", "javascript", "graaljs", "python", "ecmascript", "js")
# What the outputs of the built-in types hold. A type that is not named may answer anything.
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
RESPONSE = ("body", "headers", "statusCode", "reasonPhrase")
TASK_FIELDS = (
    "input", "output", "status", "taskType", "referenceTaskName", "retryCount", "correlationId", "pollCount",
    "taskDefName", "scheduledTime", "startTime", "endTime", "workflowInstanceId", "taskId", "reasonForIncompletion",
    "callbackAfterSeconds", "workerId", "iteration", "subWorkflowId",
)  # fmt: skip
WORKFLOW_FIELDS = (
    "input", "output", "status", "workflowId", "parentWorkflowId", "parentWorkflowTaskId", "workflowType", "version",
    "correlationId", "reasonForIncompletion", "schemaVersion", "variables", "env", "secrets",
)  # fmt: skip
