"""What the server's own agents are made of: tools of an API, documents for a planner, plans as workflows."""

from __future__ import annotations

from typing import Any

from typing_extensions import Unpack

from conductor.workflow.step import Options, Step, make
from conductor.workflow.tasks.wire import given

__all__ = ["list_api_tools", "plan_and_compile", "planner_context_fetch"]


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
