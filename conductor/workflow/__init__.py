"""Workflows as code: the class ``Workflow``, and a function for each task type."""

from typing import TYPE_CHECKING, Any

from conductor.migration import explain_facade, missing_name
from conductor.validation.tree import Problem
from conductor.workflow.builder import Workflow
from conductor.workflow.load import raw
from conductor.workflow.refs import Ref
from conductor.workflow.step import ForkStep, LoopStep, Options, Step, SwitchStep
from conductor.workflow.tasks.branch import (
    decision,
    do_while,
    dynamic_fork,
    exclusive_join,
    for_each,
    fork,
    join,
    switch,
)
from conductor.workflow.tasks.data import (
    business_rule,
    get_signed_jwt,
    jdbc,
    opsgenie,
    query_processor,
    sendgrid,
    update_secret,
    update_task,
)
from conductor.workflow.tasks.http import grpc, http, http_poll
from conductor.workflow.tasks.llm import (
    ModelOptions,
    chunk_text,
    generate_pdf,
    get_document,
    list_files,
    llm_chat_complete,
    llm_text_complete,
    parse_document,
)
from conductor.workflow.tasks.media import generate_audio, generate_image, generate_video
from conductor.workflow.tasks.script import inline, jq, lambda_, set_variable
from conductor.workflow.tasks.simple import dynamic, simple
from conductor.workflow.tasks.subworkflow import get_workflow, start_workflow, sub_workflow, terminate_workflow
from conductor.workflow.tasks.tools import (
    agent,
    call_mcp_tool,
    cancel_agent,
    conductor_agent,
    get_agent_card,
    integration,
    list_api_tools,
    list_mcp_tools,
    mcp_remote,
    plan_and_compile,
    planner_context_fetch,
)
from conductor.workflow.tasks.vectors import (
    llm_generate_embeddings,
    llm_get_embeddings,
    llm_index_document,
    llm_index_text,
    llm_search_embeddings,
    llm_search_index,
    llm_store_embeddings,
)
from conductor.workflow.tasks.wait import (
    assignment,
    event,
    human,
    kafka_publish,
    noop,
    pull_workflow_messages,
    terminate,
    trigger,
    wait,
    wait_for_webhook,
    yield_,
)

__all__ = [
    "ForkStep",
    "LoopStep",
    "ModelOptions",
    "Options",
    "Problem",
    "Ref",
    "Step",
    "SwitchStep",
    "Workflow",
    "agent",
    "assignment",
    "business_rule",
    "call_mcp_tool",
    "cancel_agent",
    "chunk_text",
    "conductor_agent",
    "decision",
    "do_while",
    "dynamic",
    "dynamic_fork",
    "event",
    "exclusive_join",
    "for_each",
    "fork",
    "generate_audio",
    "generate_image",
    "generate_pdf",
    "generate_video",
    "get_agent_card",
    "get_document",
    "get_signed_jwt",
    "get_workflow",
    "grpc",
    "http",
    "http_poll",
    "human",
    "inline",
    "integration",
    "jdbc",
    "join",
    "jq",
    "kafka_publish",
    "lambda_",
    "list_api_tools",
    "list_files",
    "list_mcp_tools",
    "llm_chat_complete",
    "llm_generate_embeddings",
    "llm_get_embeddings",
    "llm_index_document",
    "llm_index_text",
    "llm_search_embeddings",
    "llm_search_index",
    "llm_store_embeddings",
    "llm_text_complete",
    "mcp_remote",
    "noop",
    "opsgenie",
    "parse_document",
    "plan_and_compile",
    "planner_context_fetch",
    "pull_workflow_messages",
    "query_processor",
    "raw",
    "sendgrid",
    "set_variable",
    "simple",
    "start_workflow",
    "sub_workflow",
    "switch",
    "terminate",
    "terminate_workflow",
    "trigger",
    "update_secret",
    "update_task",
    "wait",
    "wait_for_webhook",
    "yield_",
]

if not TYPE_CHECKING:
    explain_facade(globals(), __all__)

    def __getattr__(name: str) -> Any:
        raise missing_name(__name__, name)
