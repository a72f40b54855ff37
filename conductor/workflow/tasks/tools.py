"""Tools and agents: MCP servers, integrations, agents that speak A2A."""

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
        spec_url: Where its OpenAPI 3, Swagger 2 or Postman document is; for another page, the usual places of that host
            are tried.
        headers: HTTP headers for it.
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
    """Read a document that the server then keeps for a while (``PLANNER_CONTEXT_FETCH``, open-source server).

    The output has ``response`` with ``body`` and ``statusCode``, and ``cache_hit``.

    Args:
        url: Its address.
        headers: HTTP headers for it.
        ttl_seconds: How long it is kept, in seconds; the server's default is 60.
        required: Whether the task fails when it cannot be had, which is the server's default; else its body is empty.
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
    """Make a workflow of a plan that a model wrote (``PLAN_AND_COMPILE``, open-source server).

    The task completes also when the plan is wrong; its output has ``workflowDef``, for a sub-workflow, or else
    ``error``, and ``workflowName``, ``warnings`` and ``stats``.

    Args:
        plan: The plan, as an object or as its JSON.
        parent_name: What the workflow's name is made of.
        model: ``provider/model`` of its steps that ask a model.
        timeout_seconds: Seconds that the workflow may take; the server's default is 600.
        known_tools: Names of the tasks that a plan may use; any when left out.
        parent_tools: The tools, with their guardrails.
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
        server: Its address, or the integration's name.
        headers: HTTP headers for it.
        options: See ``Options``.
    """
    step: Step = make("LIST_MCP_TOOLS", given(mcp_server=server, headers=headers), options)
    return step


def call_mcp_tool(
    server: Any, tool: Any, arguments: Any = None, *, headers: Any = None, **options: Unpack[Options]
) -> Step:
    """Call a tool of an MCP server (``CALL_MCP_TOOL``).

    Args:
        server: Its address, or the integration's name.
        tool: The tool's name.
        arguments: Its arguments.
        headers: HTTP headers for it.
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
        service: The integration's name.
        method: The method.
        request: Its arguments.
        kind: The integration's type, such as ``MCP``.
        headers: Headers of the call.
        use_ssl: Whether to use TLS.
        trust_cert: Whether to trust any certificate.
        input_type: The request's type.
        output_type: The answer's type.
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
        url: Its address.
        method: The method.
        request: Its arguments.
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
    """Have an agent that speaks A2A do something, and wait for it (``AGENT``).

    Args:
        url: The agent's address.
        text: What it is to do.
        kind: ``a2a``, which is the server's default too.
        message: In place of ``text``: the whole message,
        parts: or its parts.
        context_id: The conversation that it goes on with.
        task_id: The agent's task that it goes on with.
        headers: HTTP headers for it.
        history_length: How many messages it tells.
        poll_interval_seconds: Seconds between two looks.
        max_duration_seconds: Seconds until it is given up.
        max_poll_failures: How many looks may fail.
        streaming: Whether to read its answer as it comes.
        push_notification: Whether it is to call back.
        push_backstop_poll_seconds: Seconds between two looks when it is to call back.
        message_metadata: Free map.
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
    """Have an agent of the same server do something, and wait for it (``AGENT``).

    Args:
        agent_name: The agent's name.
        prompt: What it is to do.
        version: Its version.
        model: The model that it uses.
        context: Free map for it.
        execution_id: The agent's execution that goes on.
        poll_interval_seconds: Seconds between two looks.
        max_duration_seconds: Seconds until it is given up.
        max_poll_failures: How many looks may fail.
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
    """Ask an agent what it can do (``GET_AGENT_CARD``).

    Args:
        url: The agent's address.
        kind: ``a2a``, or ``conductor`` for an agent of the same server.
        headers: HTTP headers for it.
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
    """Have an agent stop (``CANCEL_AGENT``).

    Args:
        url: The agent's address (``a2a``).
        task_id: The agent's task.
        kind: ``a2a``, or ``conductor`` for an agent of the same server.
        execution_id: The agent's execution (``conductor``).
        reason: Free text.
        headers: HTTP headers for it.
        options: See ``Options``.
    """
    inputs = given(
        agent_type=kind, agent_url=url, task_id=task_id, execution_id=execution_id, reason=reason, headers=headers
    )
    step: Step = make("CANCEL_AGENT", inputs, options)
    return step
