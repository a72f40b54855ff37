"""Test data: tasks of each type, workflows, tasks as workers receive them, and executions.

The functions return small, valid objects, and accept any field of the model::

    wf = example_workflow(http_task("fetch"), simple_task("charge", optional=True))
    run = example_workflow_run(wf, outputs={"charge": {"receipt": "r-1"}})
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conductor.models import TaskType, WorkflowDef, WorkflowTask
from conductor.testing.example_run import example_workflow_run
from conductor.testing.executions import example_task
from conductor.testing.tasks.ai import (
    agent_task,
    call_mcp_tool_task,
    cancel_agent_task,
    generate_audio_task,
    generate_image_task,
    generate_pdf_task,
    generate_video_task,
    get_agent_card_task,
    get_document_task,
    list_api_tools_task,
    list_mcp_tools_task,
    llm_chat_complete_task,
    llm_generate_embeddings_task,
    llm_get_embeddings_task,
    llm_index_text_task,
    llm_search_embeddings_task,
    llm_search_index_task,
    llm_store_embeddings_task,
    llm_text_complete_task,
    plan_and_compile_task,
    planner_context_fetch_task,
)
from conductor.testing.tasks.operators import (
    decision_task,
    do_while_task,
    dynamic_fork_task,
    exclusive_join_task,
    fork_join_task,
    join_task,
    start_workflow_task,
    sub_workflow_task,
    switch_task,
    terminate_task,
)
from conductor.testing.tasks.system import (
    business_rule_task,
    event_task,
    http_poll_task,
    http_task,
    inline_task,
    jdbc_task,
    json_jq_transform_task,
    kafka_publish_task,
    lambda_task,
    set_variable_task,
)
from conductor.testing.tasks.workers import (
    dynamic_task,
    human_task,
    noop_task,
    other_task,
    pull_workflow_messages_task,
    simple_task,
    user_defined_task,
    wait_for_webhook_task,
    wait_task,
)

__all__ = [
    "TASK_GENERATORS",
    "agent_task",
    "business_rule_task",
    "call_mcp_tool_task",
    "cancel_agent_task",
    "decision_task",
    "do_while_task",
    "dynamic_fork_task",
    "dynamic_task",
    "event_task",
    "example_task",
    "example_workflow",
    "example_workflow_run",
    "exclusive_join_task",
    "fork_join_task",
    "generate_audio_task",
    "generate_image_task",
    "generate_pdf_task",
    "generate_video_task",
    "get_agent_card_task",
    "get_document_task",
    "http_poll_task",
    "http_task",
    "human_task",
    "inline_task",
    "jdbc_task",
    "join_task",
    "json_jq_transform_task",
    "kafka_publish_task",
    "lambda_task",
    "list_api_tools_task",
    "list_mcp_tools_task",
    "llm_chat_complete_task",
    "llm_generate_embeddings_task",
    "llm_get_embeddings_task",
    "llm_index_text_task",
    "llm_search_embeddings_task",
    "llm_search_index_task",
    "llm_store_embeddings_task",
    "llm_text_complete_task",
    "noop_task",
    "other_task",
    "plan_and_compile_task",
    "planner_context_fetch_task",
    "pull_workflow_messages_task",
    "set_variable_task",
    "simple_task",
    "start_workflow_task",
    "sub_workflow_task",
    "switch_task",
    "terminate_task",
    "user_defined_task",
    "wait_for_webhook_task",
    "wait_task",
]

TASK_GENERATORS: dict[TaskType, Callable[..., WorkflowTask]] = {
    TaskType.SIMPLE: simple_task,
    TaskType.DYNAMIC: dynamic_task,
    TaskType.FORK_JOIN: fork_join_task,
    TaskType.FORK_JOIN_DYNAMIC: dynamic_fork_task,
    TaskType.DECISION: decision_task,
    TaskType.SWITCH: switch_task,
    TaskType.JOIN: join_task,
    TaskType.DO_WHILE: do_while_task,
    TaskType.SUB_WORKFLOW: sub_workflow_task,
    TaskType.START_WORKFLOW: start_workflow_task,
    TaskType.EVENT: event_task,
    TaskType.WAIT: wait_task,
    TaskType.HUMAN: human_task,
    TaskType.USER_DEFINED: user_defined_task,
    TaskType.HTTP: http_task,
    TaskType.LAMBDA: lambda_task,
    TaskType.INLINE: inline_task,
    TaskType.EXCLUSIVE_JOIN: exclusive_join_task,
    TaskType.TERMINATE: terminate_task,
    TaskType.KAFKA_PUBLISH: kafka_publish_task,
    TaskType.JSON_JQ_TRANSFORM: json_jq_transform_task,
    TaskType.SET_VARIABLE: set_variable_task,
    TaskType.NOOP: noop_task,
    TaskType.LLM_TEXT_COMPLETE: llm_text_complete_task,
    TaskType.LLM_CHAT_COMPLETE: llm_chat_complete_task,
    TaskType.LLM_INDEX_TEXT: llm_index_text_task,
    TaskType.LLM_SEARCH_INDEX: llm_search_index_task,
    TaskType.LLM_GENERATE_EMBEDDINGS: llm_generate_embeddings_task,
    TaskType.LLM_STORE_EMBEDDINGS: llm_store_embeddings_task,
    TaskType.LLM_GET_EMBEDDINGS: llm_get_embeddings_task,
    TaskType.LIST_MCP_TOOLS: list_mcp_tools_task,
    TaskType.CALL_MCP_TOOL: call_mcp_tool_task,
    TaskType.PULL_WORKFLOW_MESSAGES: pull_workflow_messages_task,
    TaskType.AGENT: agent_task,
    TaskType.GET_AGENT_CARD: get_agent_card_task,
    TaskType.CANCEL_AGENT: cancel_agent_task,
    TaskType.LIST_API_TOOLS: list_api_tools_task,
    TaskType.PLANNER_CONTEXT_FETCH: planner_context_fetch_task,
    TaskType.PLAN_AND_COMPILE: plan_and_compile_task,
    TaskType.HTTP_POLL: http_poll_task,
    TaskType.WAIT_FOR_WEBHOOK: wait_for_webhook_task,
    TaskType.GET_DOCUMENT: get_document_task,
    TaskType.LLM_SEARCH_EMBEDDINGS: llm_search_embeddings_task,
    TaskType.GENERATE_IMAGE: generate_image_task,
    TaskType.GENERATE_AUDIO: generate_audio_task,
    TaskType.GENERATE_VIDEO: generate_video_task,
    TaskType.GENERATE_PDF: generate_pdf_task,
    TaskType.JDBC: jdbc_task,
    TaskType.BUSINESS_RULE: business_rule_task,
}
"""The generator of each task type. Called without arguments, it returns a valid task."""

_FORKS = {TaskType.FORK_JOIN, TaskType.FORK_JOIN_DYNAMIC}


def example_workflow(*tasks: WorkflowTask, name: str = "example", version: int = 1, **fields: Any) -> WorkflowDef:
    """Return a workflow of tasks. A JOIN is added after a fork without one.

    Args:
        tasks: Its tasks, in order, with different reference names; by default one SIMPLE task.
        name: Its name.
        version: Its version.
        fields: Any other field of ``WorkflowDef``.
    """
    listed: list[WorkflowTask] = []
    for task, after in zip(tasks, [*tasks[1:], None], strict=False):
        listed.append(task)
        if task.type in _FORKS and (after is None or after.type != TaskType.JOIN):
            listed.append(join_task(f"{task.task_reference_name}_join", task))
    made = {"owner_email": "test@example.com", "schema_version": 2, "timeout_seconds": 0, **fields}
    return WorkflowDef(name, listed or [simple_task()], version=version, **made)
