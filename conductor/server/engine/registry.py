"""The functions that schedule, run, start and cancel tasks, by task type."""

from __future__ import annotations

from collections.abc import Callable

from conductor.server.engine.context import EngineContext
from conductor.server.engine.state import LLM, Doc
from conductor.server.engine.tasks import (
    branch,
    child,
    external,
    fork,
    loop,
    script,
    state_tasks,
    wait,
)
from conductor.server.engine.tasks import worker as worker_tasks
from conductor.server.engine.tasks.planning import Plan, Run

#: Functions that return new documents of a task; workers run the tasks of all other types.
PLANS: dict[str, Callable[[Plan], list[Doc]]] = {
    "SIMPLE": worker_tasks.plan_simple,
    "DYNAMIC": worker_tasks.plan_dynamic,
    "SWITCH": branch.plan_switch,
    "DECISION": branch.plan_decision,
    "FORK_JOIN": fork.plan_fork,
    "FORK_JOIN_DYNAMIC": fork.plan_dynamic_fork,
    "JOIN": fork.plan_join,
    "EXCLUSIVE_JOIN": fork.plan_exclusive_join,
    "DO_WHILE": loop.plan_loop,
    "SUB_WORKFLOW": child.plan_child,
    "START_WORKFLOW": child.plan_start_workflow,
    "INLINE": script.plan_script,
    "LAMBDA": script.plan_script,
    "JSON_JQ_TRANSFORM": script.plan_jq,
    "WAIT": wait.plan_wait,
    "HUMAN": state_tasks.plan_plain,
    "NOOP": state_tasks.plan_noop,
    "TERMINATE": state_tasks.plan_plain,
    "SET_VARIABLE": state_tasks.plan_plain,
    "HTTP": external.plan_http,
    "EVENT": external.plan_event,
    "KAFKA_PUBLISH": external.plan_asynchronous,
    "PULL_WORKFLOW_MESSAGES": external.plan_asynchronous,
    **dict.fromkeys(LLM, external.plan_asynchronous),
}

#: Functions that run an open task as a part of deciding; they return whether the task changed.
RUNS: dict[str, Callable[[Run], bool]] = {
    "SWITCH": branch.run_branch,
    "DECISION": branch.run_branch,
    "INLINE": script.run_inline,
    "LAMBDA": script.run_lambda,
    "JSON_JQ_TRANSFORM": script.run_jq,
    "NOOP": state_tasks.run_noop,
    "HUMAN": state_tasks.run_human,
    "TERMINATE": state_tasks.run_terminate,
    "SET_VARIABLE": state_tasks.run_set_variable,
    "DO_WHILE": loop.run_loop,
    "EXCLUSIVE_JOIN": fork.run_exclusive_join,
    "JOIN": fork.run_join,
    "WAIT": wait.run_wait,
}

#: Functions that start a scheduled task, whose outcome arrives later.
STARTS: dict[str, Callable[[Run], None]] = {
    "WAIT": wait.start_wait,
    "JOIN": wait.start_wait,
    "SUB_WORKFLOW": child.start_child,
    "START_WORKFLOW": child.start_workflow,
    "HTTP": external.start_http,
    "EVENT": external.start_event,
    "KAFKA_PUBLISH": external.start_kafka,
    "PULL_WORKFLOW_MESSAGES": external.start_pull,
    **dict.fromkeys(LLM, external.start_llm),
}

#: Functions that are called when a task is canceled.
CANCELS: dict[str, Callable[[Run], None]] = {"SUB_WORKFLOW": child.cancel_child, "DO_WHILE": loop.cancel_loop}


def plan_of(task_type: str, context: EngineContext) -> Callable[[Plan], list[Doc]]:
    """Return the function that schedules tasks of a type."""
    kind = context.extensions.kinds.get(task_type)
    return PLANS.get(task_type, worker_tasks.plan_other) if kind is None else kind.plan


def start_of(task_type: str, context: EngineContext) -> Callable[[Run], None]:
    """Return the function that starts tasks of a type."""
    kind = context.extensions.kinds.get(task_type)
    return STARTS.get(task_type, external.leave_open) if kind is None else kind.start


def run_of(task_type: str, context: EngineContext) -> Callable[[Run], bool] | None:
    """Return the function that runs an open task of a type; None if there is nothing to run."""
    kind = context.extensions.kinds.get(task_type)
    return RUNS.get(task_type) if kind is None else kind.run


def cancel_of(task_type: str, context: EngineContext) -> Callable[[Run], None] | None:
    """Return the function that is called when a task of a type is canceled; None if there is none."""
    kind = context.extensions.kinds.get(task_type)
    return CANCELS.get(task_type) if kind is None else kind.cancel
