"""A workflow as a small tree of steps: what every picture is drawn from."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

from attrs import frozen

from conductor.diagram.runs import Run

__all__ = ["KINDS", "Graph", "Kind", "Lane", "Step", "kind_of"]


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


@frozen
class Lane:
    """Steps that follow one another: a case, a branch, the body of a loop, a workflow inside another.

    Attributes:
        label: The case's value; empty where there is none.
        steps: The steps, in order.
        joined: False for a branch that the JOIN does not wait for.
        taken: Whether an execution came this way; None where nothing has been executed.
    """

    label: str
    steps: tuple[Step, ...]
    joined: bool = True
    taken: bool | None = None


@frozen
class Step:
    """One task, with the lanes that it holds.

    Attributes:
        kind: Its sort.
        type: Its task type.
        name: The task definition's name.
        ref: Its reference name.
        detail: What it does, in a few words; may be long.
        optional: Whether the workflow goes on when it fails.
        lanes: Cases, branches, or the one body.
        run: What became of it; None when it was not reached, or nothing was executed.
        executed: Whether an execution would say so if it had been reached.
    """

    kind: Kind
    type: str
    name: str
    ref: str
    detail: str = ""
    optional: bool = False
    lanes: tuple[Lane, ...] = ()
    run: Run | None = None
    executed: bool = False

    @property
    def is_framed(self) -> bool:
        """Whether its one lane is drawn inside a frame: a loop's body, a workflow's steps."""
        return self.kind in {Kind.LOOP, Kind.WORKFLOW} and bool(self.lanes)


@frozen
class Graph:
    """A whole picture.

    Attributes:
        name: The workflow's name.
        version: Its version; None when it is the server's to say.
        steps: The steps, in order.
        executed: Whether it shows an execution.
        run: What became of the execution.
    """

    name: str
    version: int | None
    steps: tuple[Step, ...]
    executed: bool = False
    run: Run | None = None

    def walk(self) -> Iterator[Step]:
        """Every step, each before those in its lanes."""
        stack = list(reversed(self.steps))
        while stack:
            step = stack.pop()
            yield step
            stack.extend(inner for lane in reversed(step.lanes) for inner in reversed(lane.steps))
