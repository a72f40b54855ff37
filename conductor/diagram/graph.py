"""A workflow as a tree of steps, from which all diagrams are drawn."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

from attrs import frozen

from conductor.diagram.runs import Run

__all__ = ["KINDS", "Graph", "Kind", "Lane", "Step", "kind_of"]


class Kind(Enum):
    """The kinds of steps; each has its own shape, from flow charts where those have one."""

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
#: The kind of each built-in task type.
KINDS = {name: kind for kind, names in _TYPES.items() for name in names.split()}


def kind_of(task_type: str) -> Kind:
    """Return the kind of a task type; like the server, it treats unknown types as tasks of workers."""
    return KINDS.get(task_type, Kind.WORKER)


@frozen
class Lane:
    """A sequence of steps: a case, a branch, the body of a loop, or the steps of a sub-workflow.

    Attributes:
        label: The case's value; "" for other lanes.
        steps: The steps, in order.
        joined: Whether the JOIN waits for the branch.
        taken: Whether the execution has taken this path; None for a definition.
    """

    label: str
    steps: tuple[Step, ...]
    joined: bool = True
    taken: bool | None = None


@frozen
class Step:
    """One task, with its lanes.

    Attributes:
        kind: Its kind.
        type: Its task type.
        name: The name of its task definition.
        ref: Its reference name.
        detail: A short description, such as a URL or a condition; not shortened.
        optional: Whether the workflow continues if the task fails.
        lanes: The cases, the branches, or the body.
        run: Its state in the execution; None if the execution has not reached it, and in a definition.
        executed: Whether the diagram shows an execution of this step's workflow.
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
        """Whether its only lane is drawn inside a frame: the body of a loop, the steps of a sub-workflow."""
        return self.kind in {Kind.LOOP, Kind.WORKFLOW} and bool(self.lanes)


@frozen
class Graph:
    """All steps of a workflow.

    Attributes:
        name: The workflow's name.
        version: Its version; None if the server will choose it.
        steps: The steps, in order.
        executed: Whether the graph shows an execution.
        run: The state of the execution; None for a definition.
    """

    name: str
    version: int | None
    steps: tuple[Step, ...]
    executed: bool = False
    run: Run | None = None

    def walk(self) -> Iterator[Step]:
        """Yield all steps, each before the steps of its lanes."""
        stack = list(reversed(self.steps))
        while stack:
            step = stack.pop()
            yield step
            stack.extend(inner for lane in reversed(step.lanes) for inner in reversed(lane.steps))
