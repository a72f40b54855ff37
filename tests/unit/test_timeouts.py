"""``timeout`` means the same in every public method: seconds, and None for no limit."""

import importlib
import inspect
import re
from datetime import timedelta

import pytest

from conductor import ConductorClient, ConfigurationError
from conductor.clients import workflow_wait
from conductor.transport.operation import NotGiven

MODULES = ("conductor", "conductor.server", "conductor.testing", "conductor.webhook")
#: A definition's timeout is a property of the workflow and not a wait: None leaves it out of the definition.
NOT_A_WAIT = {"Workflow"}


def public_callables():
    """Yield the public functions, classes and methods with their names."""
    owners = [getattr(module, name) for module in map(importlib.import_module, MODULES) for name in module.__all__]
    client = ConductorClient(server_url="http://localhost:1")
    properties = [name for name, value in vars(ConductorClient).items() if hasattr(value, "attrname")]
    owners += [type(getattr(client, name)) for name in properties] + [type(client.transport)]
    for owner in owners:
        if callable(owner):
            yield owner.__name__, owner
        if inspect.isclass(owner):
            for name, method in inspect.getmembers(owner, inspect.isfunction):
                if not name.startswith("_") or name == "__call__":
                    yield f"{owner.__name__}.{name}", method


def parameters(call, name):
    try:
        found = inspect.signature(call).parameters.get(name)
    except (TypeError, ValueError):  # no signature, as of an Enum
        return None
    return found


def test_every_timeout_accepts_none_and_documents_it():
    found = []
    for name, call in public_callables():
        parameter = parameters(call, "timeout")
        if parameter is None or name in NOT_A_WAIT:
            continue
        found.append(name)
        assert re.search(r"\bNone\b", str(parameter.annotation)), f"{name} takes no timeout=None"
        assert "None for no limit" in inspect.getdoc(call).replace("\n    ", ""), f"{name}: what does None mean?"
    assert {
        "WorkflowClient.run",
        "WorkflowClient.wait",
        "WorkflowClient.start",
        "HumanTaskClient.poll_search",
        "TaskHandler.join",
        "Transport.request",
        "Workflow.run",
        "RunWorkflow.__call__",
        "OssServer.wait",
    } <= set(found)


def test_only_a_default_of_the_settings_is_something_else_than_none():
    for name, call in public_callables():
        parameter = parameters(call, "timeout")
        if parameter is not None and isinstance(parameter.default, NotGiven):
            assert "NotGiven" in str(parameter.annotation), name


def test_a_timeout_is_seconds_or_a_timedelta_and_never_negative():
    client = ConductorClient(server_url="http://localhost:1")
    calls = [
        lambda timeout: client.workflows.wait("id", timeout=timeout),
        lambda timeout: client.workflows.run("name", timeout=timeout),
        lambda timeout: client.workflows.start("name", timeout=timeout),
        lambda timeout: client.human_tasks.poll_search(timeout=timeout),
        lambda timeout: client.transport.request(workflow_wait.STATUS, {"workflowId": "id"}, timeout=timeout),
    ]
    for call in calls:
        for wrong in (-1, timedelta(seconds=-1), "5", True, float("nan")):
            with pytest.raises(ConfigurationError, match="^timeout is .*; it must be a number of seconds"):
                call(wrong)
