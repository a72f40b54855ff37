"""Example tasks of language models, vector indexes, MCP tools and agents."""

from __future__ import annotations

from typing import Any

from conductor.models import TaskType, WorkflowTask
from conductor.testing.tasks.making import made

__all__ = [
    "agent_task",
    "call_mcp_tool_task",
    "cancel_agent_task",
    "generate_audio_task",
    "generate_image_task",
    "generate_pdf_task",
    "generate_video_task",
    "get_agent_card_task",
    "get_document_task",
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
    "plan_and_compile_task",
    "planner_context_fetch_task",
]

_MODEL = {"llmProvider": "provider", "model": "model"}
_INDEX = {"vectorDB": "database", "index": "index", "namespace": "examples"}
_EMBEDDING = {"embeddingModelProvider": "provider", "embeddingModel": "model"}
_MCP_SERVER = "http://localhost:8080/mcp"
_AGENT = {"agentType": "a2a", "agentUrl": "http://localhost:8080/agent"}
_SPECIFICATION = "http://localhost:8080/api-docs"
_VALUE = "${workflow.input.value}"


def llm_text_complete_task(
    reference_name: str = "llm_text_complete", prompt_name: str = "prompt", **fields: Any
) -> WorkflowTask:
    """Return an LLM_TEXT_COMPLETE of a stored prompt."""
    inputs = {**_MODEL, "promptName": prompt_name, "promptVariables": {"value": _VALUE}}
    return made(TaskType.LLM_TEXT_COMPLETE, reference_name, inputs, fields)


def llm_chat_complete_task(
    reference_name: str = "llm_chat_complete", message: str = _VALUE, **fields: Any
) -> WorkflowTask:
    """Return an LLM_CHAT_COMPLETE of one message."""
    inputs = {**_MODEL, "instructions": "Answer briefly.", "messages": [{"role": "user", "message": message}]}
    return made(TaskType.LLM_CHAT_COMPLETE, reference_name, inputs, fields)


def llm_generate_embeddings_task(
    reference_name: str = "llm_generate_embeddings", text: str = _VALUE, **fields: Any
) -> WorkflowTask:
    """Return an LLM_GENERATE_EMBEDDINGS of a string."""
    return made(TaskType.LLM_GENERATE_EMBEDDINGS, reference_name, {**_MODEL, "text": text}, fields)


def llm_index_text_task(reference_name: str = "llm_index_text", text: str = _VALUE, **fields: Any) -> WorkflowTask:
    """Return an LLM_INDEX_TEXT of a string."""
    return made(TaskType.LLM_INDEX_TEXT, reference_name, {**_INDEX, **_EMBEDDING, "text": text, "docId": "1"}, fields)


def llm_search_index_task(reference_name: str = "llm_search_index", query: str = _VALUE, **fields: Any) -> WorkflowTask:
    """Return an LLM_SEARCH_INDEX for a string."""
    return made(TaskType.LLM_SEARCH_INDEX, reference_name, {**_INDEX, **_EMBEDDING, "query": query}, fields)


def llm_store_embeddings_task(
    reference_name: str = "llm_store_embeddings", embeddings: Any = _VALUE, **fields: Any
) -> WorkflowTask:
    """Return an LLM_STORE_EMBEDDINGS of embeddings of an earlier task."""
    inputs = {**_INDEX, **_EMBEDDING, "embeddings": embeddings, "id": "1"}
    return made(TaskType.LLM_STORE_EMBEDDINGS, reference_name, inputs, fields)


def llm_get_embeddings_task(
    reference_name: str = "llm_get_embeddings", embeddings: Any = _VALUE, **fields: Any
) -> WorkflowTask:
    """Return an LLM_GET_EMBEDDINGS near the given ones."""
    return made(TaskType.LLM_GET_EMBEDDINGS, reference_name, {**_INDEX, "embeddings": embeddings}, fields)


def llm_search_embeddings_task(
    reference_name: str = "llm_search_embeddings", embeddings: Any = _VALUE, **fields: Any
) -> WorkflowTask:
    """Return an LLM_SEARCH_EMBEDDINGS near the given ones."""
    return made(TaskType.LLM_SEARCH_EMBEDDINGS, reference_name, {**_INDEX, "embeddings": embeddings}, fields)


def get_document_task(
    reference_name: str = "get_document", url: str = "http://localhost:8080/document.txt", **fields: Any
) -> WorkflowTask:
    """Return a GET_DOCUMENT from a URL (Orkes)."""
    return made(TaskType.GET_DOCUMENT, reference_name, {"url": url, "mediaType": "text/plain"}, fields)


def generate_image_task(reference_name: str = "generate_image", prompt: str = _VALUE, **fields: Any) -> WorkflowTask:
    """Return a GENERATE_IMAGE of a prompt."""
    inputs = {**_MODEL, "prompt": prompt, "n": 1, "width": 512, "height": 512}
    return made(TaskType.GENERATE_IMAGE, reference_name, inputs, fields)


def generate_audio_task(reference_name: str = "generate_audio", text: str = _VALUE, **fields: Any) -> WorkflowTask:
    """Return a GENERATE_AUDIO of a string."""
    return made(TaskType.GENERATE_AUDIO, reference_name, {**_MODEL, "text": text, "voice": "voice"}, fields)


def generate_video_task(reference_name: str = "generate_video", prompt: str = _VALUE, **fields: Any) -> WorkflowTask:
    """Return a GENERATE_VIDEO of a prompt."""
    return made(TaskType.GENERATE_VIDEO, reference_name, {**_MODEL, "prompt": prompt}, fields)


def generate_pdf_task(reference_name: str = "generate_pdf", markdown: str = "# Title", **fields: Any) -> WorkflowTask:
    """Return a GENERATE_PDF of Markdown."""
    return made(TaskType.GENERATE_PDF, reference_name, {"markdown": markdown}, fields)


def list_mcp_tools_task(
    reference_name: str = "list_mcp_tools", server: str = _MCP_SERVER, **fields: Any
) -> WorkflowTask:
    """Return a LIST_MCP_TOOLS of a server."""
    return made(TaskType.LIST_MCP_TOOLS, reference_name, {"mcpServer": server}, fields)


def call_mcp_tool_task(
    reference_name: str = "call_mcp_tool", method: str = "tool", *, server: str = _MCP_SERVER, **fields: Any
) -> WorkflowTask:
    """Return a CALL_MCP_TOOL of one tool."""
    inputs = {"mcpServer": server, "method": method, "arguments": {"value": _VALUE}}
    return made(TaskType.CALL_MCP_TOOL, reference_name, inputs, fields)


def agent_task(reference_name: str = "agent", message: str = _VALUE, **fields: Any) -> WorkflowTask:
    """Return an AGENT that is sent a message."""
    return made(TaskType.AGENT, reference_name, {**_AGENT, "text": message}, fields)


def get_agent_card_task(reference_name: str = "get_agent_card", **fields: Any) -> WorkflowTask:
    """Return a GET_AGENT_CARD task, which reads an agent's description."""
    return made(TaskType.GET_AGENT_CARD, reference_name, _AGENT, fields)


def cancel_agent_task(reference_name: str = "cancel_agent", task_id: str = _VALUE, **fields: Any) -> WorkflowTask:
    """Return a CANCEL_AGENT task for a request to an agent."""
    return made(TaskType.CANCEL_AGENT, reference_name, {**_AGENT, "taskId": task_id}, fields)


def list_api_tools_task(
    reference_name: str = "list_api_tools", spec_url: str = _SPECIFICATION, **fields: Any
) -> WorkflowTask:
    """Return a LIST_API_TOOLS of an API's document."""
    return made(TaskType.LIST_API_TOOLS, reference_name, {"specUrl": spec_url}, fields)


def planner_context_fetch_task(
    reference_name: str = "planner_context_fetch", url: str = _SPECIFICATION, **fields: Any
) -> WorkflowTask:
    """Return a PLANNER_CONTEXT_FETCH of a document."""
    return made(TaskType.PLANNER_CONTEXT_FETCH, reference_name, {"url": url, "required": False}, fields)


def plan_and_compile_task(reference_name: str = "plan_and_compile", plan: Any = None, **fields: Any) -> WorkflowTask:
    """Return a PLAN_AND_COMPILE of a plan with one step."""
    step = {"id": "one", "operations": [{"tool": "example", "args": {"value": 1}}]}
    inputs = {"planJson": {"steps": [step]} if plan is None else plan, "parentName": "example"}
    return made(TaskType.PLAN_AND_COMPILE, reference_name, inputs, fields)
