"""The names in the right columns of the migration guides exist."""

import importlib
import inspect
import re

import attrs
from blocks import DOCS, FENCE

from conductor import ConductorClient, Settings, TaskHandler, Workflow
from conductor.models import Task, TaskResult
from conductor.worker.options import WorkerOptions
from conductor.workflow import Options, Step

MODULES = ("conductor", "conductor.workflow", "conductor.models", "conductor.worker.context", "builtins", "logging")
CLIENT = ConductorClient(server_url="http://localhost:1")
OWNERS = (TaskHandler, Workflow, Step, Task, TaskResult, ConductorClient)
OPTIONS = {
    *(field.name for kind in (WorkerOptions, Settings) for field in attrs.fields(kind)),
    *Options.__annotations__,
}


def successors(page):
    text = FENCE.sub("", (DOCS / "howto" / page).read_text(encoding="utf-8"))
    cells = re.findall(r"^\| .+ \| (.+) \|$", text, re.MULTILINE)
    spans = [span for cell in cells for span in re.findall(r"`([^`]+)`", cell)]
    assert len(spans) > 50
    return spans


def known(name):
    modules = [importlib.import_module(module) for module in MODULES]
    return next((found for place in (*OWNERS, *modules) if (found := getattr(place, name, None)) is not None), None)


SPANS = [(page, span) for page in ("migration-python.md", "migration-javascript.md") for span in successors(page)]


def test_calls_in_the_guides_exist_and_take_their_keywords():
    for _, span in SPANS:
        check_calls(span)


def check_calls(span):
    for client, method in re.findall(r"\bclient\.(\w+)\.(\w+)", span):
        assert hasattr(getattr(CLIENT, client), method), span
    for name, inside in re.findall(r"(?<![.\w])(\w+)\(((?:[^()]|\([^()]*\))*)\)", span):
        call = known(name)
        assert call is not None, f"{name} of {span}"
        named = set(re.findall(r"\b(\w+)=", re.sub(r"\([^()]*\)", "", inside)))
        parameters = inspect.signature(call).parameters if named else {}
        swallows = any(one.startswith("more") for one in parameters)
        assert swallows or named <= OPTIONS | set(parameters), span


def test_names_in_the_guides_are_public_or_options():
    attributes = {"status", "code", "server_message", "total_hits"}
    for page, span in SPANS:
        if re.fullmatch(r"\w+", span):
            is_name = span in OPTIONS | attributes or known(span) is not None or span.startswith("CONDUCTOR_")
            assert is_name, f"{page}: {span}"
