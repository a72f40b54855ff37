"""Which sort of step a task type is; the sort decides its shape."""

from __future__ import annotations

from enum import Enum

__all__ = ["KINDS", "Kind", "kind_of"]


class Kind(Enum):
    """The sorts of steps, after the symbols of flow charts where those have one."""

    WORKER = "worker"
    REQUEST = "request"
    MESSAGE = "message"
    CODE = "code"
    DATA = "data"
    WAIT = "wait"
    HUMAN = "human"
    SWITCH = "switch"
    FORK = "fork"
    JOIN = "join"
    LOOP = "loop"
    WORKFLOW = "workflow"
    END = "end"
    MORE = "more"


_TYPES = {
    Kind.WORKER: "SIMPLE USER_DEFINED DYNAMIC",
    Kind.REQUEST: (
        "HTTP HTTP_POLL GRPC LLM_TEXT_COMPLETE LLM_CHAT_COMPLETE LLM_GENERATE_EMBEDDINGS LIST_MCP_TOOLS CALL_MCP_TOOL"
        " AGENT GET_AGENT_CARD CANCEL_AGENT GET_DOCUMENT GENERATE_IMAGE GENERATE_AUDIO GENERATE_VIDEO GENERATE_PDF"
        " GET_WORKFLOW UPDATE_TASK UPDATE_SECRET GET_SIGNED_JWT LIST_FILES INTEGRATION MCP_REMOTE CONDUCTOR_API"
        " LIST_API_TOOLS PLANNER_CONTEXT_FETCH"
    ),
    Kind.MESSAGE: "EVENT KAFKA_PUBLISH PULL_WORKFLOW_MESSAGES OPS_GENIE SENDGRID",
    Kind.CODE: (
        "INLINE LAMBDA JSON_JQ_TRANSFORM SET_VARIABLE NOOP BUSINESS_RULE CHUNK_TEXT PARSE_DOCUMENT PLAN_AND_COMPILE"
    ),
    Kind.DATA: (
        "JDBC QUERY_PROCESSOR LLM_INDEX_TEXT LLM_INDEX_DOCUMENT LLM_SEARCH_INDEX LLM_STORE_EMBEDDINGS"
        " LLM_GET_EMBEDDINGS LLM_SEARCH_EMBEDDINGS"
    ),
    Kind.WAIT: "WAIT WAIT_FOR_WEBHOOK YIELD",
    Kind.HUMAN: "HUMAN",
    Kind.SWITCH: "SWITCH DECISION",
    Kind.FORK: "FORK_JOIN FORK_JOIN_DYNAMIC FORK",
    Kind.JOIN: "JOIN EXCLUSIVE_JOIN",
    Kind.LOOP: "DO_WHILE",
    Kind.WORKFLOW: "SUB_WORKFLOW START_WORKFLOW TERMINATE_WORKFLOW",
    Kind.END: "TERMINATE",
}

KINDS = {name: kind for kind, names in _TYPES.items() for name in names.split()}
"""The sort of each task type that is known by name."""


def kind_of(task_type: str) -> Kind:
    """The sort of a task type; a type that is not known is a worker's, as for the server."""
    return KINDS.get(task_type, Kind.WORKER)
