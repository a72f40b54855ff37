"""Tools and agents: MCP servers, integrations, and agents with the A2A protocol."""

from __future__ import annotations

from typing import Any

from typing_extensions import Unpack

from conductor.workflow.step import Options, Step, make
from conductor.workflow.tasks.wire import given

__all__ = [
    "agent",
    "call_mcp_tool",
    "cancel_agent",
    "conductor_agent",
    "get_agent_card",
    "integration",
    "list_api_tools",
    "list_mcp_tools",
    "mcp_remote",
    "plan_and_compile",
    "planner_context_fetch",
]


def list_api_tools(spec_url: Any, *, headers: Any = None, **options: Unpack[Options]) -> Step:
    """List the operations of an API as tools for a model (``LIST_API_TOOLS``, open-source server).

    The output has ``tools``, ``baseUrl`` and ``format``.

    Args:
        spec_url: The address of an OpenAPI 3, Swagger 2 or Postman document. For any other page, the server tries the
            usual paths of its host.
        headers: HTTP headers of the request.
        options: See ``Options``.
    """
    step: Step = make("LIST_API_TOOLS", given(spec_url=spec_url, headers=headers), options)
    return step


def planner_context_fetch(
    url: Any,
    *,
    headers: Any = None,
    ttl_seconds: Any = None,
    required: Any = None,
    **options: Unpack[Options],
) -> Step:
    """Read a document, which the server caches (``PLANNER_CONTEXT_FETCH``, open-source server).

    The output has ``response`` with ``body`` and ``statusCode``, and ``cache_hit``.

    Args:
        url: The document's address.
        headers: HTTP headers of the request.
        ttl_seconds: Seconds to cache the document; the server's default is 60.
        required: Whether the task fails if the document is not available, which is the server's default; otherwise the
            body is empty.
        options: See ``Options``.
    """
    kept = {} if ttl_seconds is None else {"ttl_seconds": ttl_seconds}
    inputs = {**given(url=url, headers=headers), **kept, **given(required=required)}
    step: Step = make("PLANNER_CONTEXT_FETCH", inputs, options)
    return step


def plan_and_compile(
    plan: Any,
    parent_name: Any = None,
    *,
    model: Any = None,
    timeout_seconds: Any = None,
    known_tools: Any = None,
    parent_tools: Any = None,
    **options: Unpack[Options],
) -> Step:
    """Convert a model's plan to a workflow definition (``PLAN_AND_COMPILE``, open-source server).

    The task completes even if the plan is invalid. Its output has ``workflowDef`` (for a sub-workflow) or ``error``,
    and ``workflowName``, ``warnings`` and ``stats``.

    Args:
        plan: The plan, as an object or as its JSON.
        parent_name: The name from which the workflow's name is made.
        model: The ``provider/model`` of steps that use a model.
        timeout_seconds: The workflow's timeout in seconds; the server's default is 600.
        known_tools: Names of the tasks that a plan can use; by default any.
        parent_tools: The tools with their guardrails.
        options: See ``Options``.
    """
    inputs = given(
        plan_json=plan,
        parent_name=parent_name,
        model=model,
        harness_timeout_seconds=timeout_seconds,
        known_tool_names=known_tools,
        parent_tools=parent_tools,
    )
    step: Step = make("PLAN_AND_COMPILE", inputs, options)
    return step


def list_mcp_tools(server: Any, *, headers: Any = None, **options: Unpack[Options]) -> Step:
    """List the tools of an MCP server (``LIST_MCP_TOOLS``).

    Args:
        server: The address of the MCP server, or the name of an integration.
        headers: HTTP headers of the request.
        options: See ``Options``.
    """
    step: Step = make("LIST_MCP_TOOLS", given(mcp_server=server, headers=headers), options)
    return step


def call_mcp_tool(
    server: Any, tool: Any, arguments: Any = None, *, headers: Any = None, **options: Unpack[Options]
) -> Step:
    """Call a tool of an MCP server (``CALL_MCP_TOOL``).

    Args:
        server: The address of the MCP server, or the name of an integration.
        tool: The name of the tool.
        arguments: The arguments of the tool.
        headers: HTTP headers of the request.
        options: See ``Options``.
    """
    inputs = given(mcp_server=server, method=tool, arguments=arguments, headers=headers)
    step: Step = make("CALL_MCP_TOOL", inputs, options)
    return step


def integration(
    service: Any,
    method: Any,
    request: Any = None,
    *,
    kind: str | None = None,
    headers: Any = None,
    use_ssl: bool | None = None,
    trust_cert: bool | None = None,
    input_type: str | None = None,
    output_type: str | None = None,
    hedging: Any = None,
    **options: Unpack[Options],
) -> Step:
    """Call a method of an integration (``INTEGRATION``, Orkes).

    Args:
        service: The name of the integration.
        method: The method.
        request: The arguments of the method.
        kind: The type of the integration, such as ``MCP``.
        headers: Headers of the call.
        use_ssl: Whether to use TLS.
        trust_cert: Whether to trust any certificate.
        input_type: The type of the request.
        output_type: The type of the response.
        hedging: ``{"maxAttempts": n}``.
        options: See ``Options``.
    """
    inputs = given(
        service=service,
        method=method,
        use_ssl=use_ssl,
        trust_cert=trust_cert,
        request=request,
        headers=headers,
        input_type=input_type,
        output_type=output_type,
        hedging_config=hedging,
        integration_type=kind,
    )
    step: Step = make("INTEGRATION", inputs, options)
    return step


def mcp_remote(url: Any, method: Any, request: Any = None, *, headers: Any = None, **options: Unpack[Options]) -> Step:
    """Call a method of a remote MCP server (``MCP_REMOTE``, Orkes).

    Args:
        url: The address of the MCP server.
        method: The method.
        request: The arguments of the method.
        headers: Headers of the call.
        options: See ``Options``.
    """
    inputs = given(method=method, url=url, request=request, headers=headers)
    step: Step = make("MCP_REMOTE", inputs, options)
    return step


def agent(
    url: Any,
    text: Any = None,
    *,
    kind: str | None = "a2a",
    message: Any = None,
    parts: Any = None,
    context_id: Any = None,
    task_id: Any = None,
    headers: Any = None,
    history_length: Any = None,
    poll_interval_seconds: Any = None,
    max_duration_seconds: Any = None,
    max_poll_failures: Any = None,
    streaming: Any = None,
    push_notification: Any = None,
    push_backstop_poll_seconds: Any = None,
    message_metadata: Any = None,
    **options: Unpack[Options],
) -> Step:
    """Run an agent with the A2A protocol, and wait for its response (``AGENT``).

    Args:
        url: The agent's address.
        text: The request, as text.
        kind: The kind of agent; ``a2a``, which is also the server's default.
        message: The whole message, instead of ``text``.
        parts: The parts of the message, instead of ``text``.
        context_id: The id of a conversation to continue.
        task_id: The id of an agent's task to continue.
        headers: HTTP headers of the request.
        history_length: The number of messages to return.
        poll_interval_seconds: Seconds between two status requests.
        max_duration_seconds: Seconds after which the task fails.
        max_poll_failures: The number of status requests that may fail.
        streaming: Whether to stream the response.
        push_notification: Whether the agent notifies the server of its result.
        push_backstop_poll_seconds: Seconds between two status requests with ``push_notification``.
        message_metadata: Your own data about the message.
        options: See ``Options``.
    """
    inputs = given(
        agent_type=kind,
        agent_url=url,
        text=text,
        message=message,
        parts=parts,
        context_id=context_id,
        task_id=task_id,
        headers=headers,
        history_length=history_length,
        poll_interval_seconds=poll_interval_seconds,
        max_duration_seconds=max_duration_seconds,
        max_poll_failures=max_poll_failures,
        streaming=streaming,
        push_notification=push_notification,
        push_backstop_poll_seconds=push_backstop_poll_seconds,
        metadata=message_metadata,
    )
    step: Step = make("AGENT", inputs, options)
    return step


def conductor_agent(
    agent_name: Any,
    prompt: Any = None,
    *,
    version: Any = None,
    model: Any = None,
    context: Any = None,
    execution_id: Any = None,
    poll_interval_seconds: Any = None,
    max_duration_seconds: Any = None,
    max_poll_failures: Any = None,
    **options: Unpack[Options],
) -> Step:
    """Run an agent of the same Conductor server, and wait for its response (``AGENT``).

    Args:
        agent_name: The agent's name.
        prompt: The request.
        version: The agent's version.
        model: The model that the agent uses.
        context: Your own data for the agent.
        execution_id: The id of an execution of the agent to continue.
        poll_interval_seconds: Seconds between two status requests.
        max_duration_seconds: Seconds after which the task fails.
        max_poll_failures: The number of status requests that may fail.
        options: See ``Options``.
    """
    inputs = given(
        agent_type="conductor",
        name=agent_name,
        version=version,
        prompt=prompt,
        model=model,
        context=context,
        execution_id=execution_id,
        poll_interval_seconds=poll_interval_seconds,
        max_duration_seconds=max_duration_seconds,
        max_poll_failures=max_poll_failures,
    )
    step: Step = make("AGENT", inputs, options)
    return step


def get_agent_card(url: Any, *, kind: str | None = "a2a", headers: Any = None, **options: Unpack[Options]) -> Step:
    """Read the card of an agent, which describes its abilities (``GET_AGENT_CARD``).

    Args:
        url: The agent's address.
        kind: ``a2a``, or ``conductor`` for an agent of the same server.
        headers: HTTP headers of the request.
        options: See ``Options``.
    """
    step: Step = make("GET_AGENT_CARD", given(agent_type=kind, agent_url=url, headers=headers), options)
    return step


def cancel_agent(
    url: Any = None,
    task_id: Any = None,
    *,
    kind: str | None = "a2a",
    execution_id: Any = None,
    reason: Any = None,
    headers: Any = None,
    **options: Unpack[Options],
) -> Step:
    """Cancel the task of an agent (``CANCEL_AGENT``).

    Args:
        url: The agent's address (``a2a``).
        task_id: The agent's task.
        kind: ``a2a``, or ``conductor`` for an agent of the same server.
        execution_id: The agent's execution (``conductor``).
        reason: The reason.
        headers: HTTP headers of the request.
        options: See ``Options``.
    """
    inputs = given(
        agent_type=kind, agent_url=url, task_id=task_id, execution_id=execution_id, reason=reason, headers=headers
    )
    step: Step = make("CANCEL_AGENT", inputs, options)
    return step
