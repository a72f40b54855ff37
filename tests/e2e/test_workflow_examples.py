"""The examples of workflows as code run as their files say."""

import importlib
import re
from pathlib import Path

import pytest

from conductor import Workflow

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted(path.stem for path in (ROOT / "examples" / "workflows").glob("[a-z]*.py"))


@pytest.fixture(autouse=True)
def _importable(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))


def example(name):
    return importlib.import_module(f"examples.workflows.{name}")


ENDS = {
    "dynamic_workflow": 21,
    "event_driven": "main",  # takes up to a minute, in which the server looks for new handlers
    "fire_and_forget": "done: cat.png (small)",
    "human_in_the_loop": ["1.4 is live, said ann", "refused by bob"],
    "order": {"confirmation": "ann: T-2", "payment": "card"},
    "request_response": 16,
    "task_types": 17,
    "controlled": [
        "PAUSED: paid COMPLETED",
        "RUNNING: paid COMPLETED, book COMPLETED, boarded IN_PROGRESS",
        "found by its correlation id: True",
        "TERMINATED: paid COMPLETED, book COMPLETED, boarded CANCELED",
    ],
    "definitions": [
        "the same again: False",
        "another differs: True",
        "latest: 2 with 2 tasks",
        "from the server: ups",
    ],
    "retried": [
        ("start: FAILED None", ["price", "pack"]),
        ("retry: COMPLETED tea packed", ["pack"]),
        ("rerun: COMPLETED tea packed", ["price", "pack"]),
        ("restart: COMPLETED tea packed", ["price", "pack"]),
    ],
    "signalled": (
        ["started: RUNNING", "address: RUNNING, basket addressed", "payment: COMPLETED"],
        {"city": "Rome", "card": "visa"},
    ),
    "saga": (
        "FAILED",
        ["deploy firmware broken", "deploy webapp broken", "roll back webapp to 1.0", "roll back firmware to 1.0"],
    ),
}


def run(client, name):
    return example(name).main(client)


@pytest.mark.parametrize("name", ENDS)
def test_an_example_ends_as_its_file_says(client, name):
    assert run(client, name) == ENDS[name]


def test_the_kitchen_sink_has_everything(client):
    said = run(client, "kitchen_sink")
    assert said.pop("version")
    assert said == {
        "shaped": {"sum": 41, "tags": ["X"]},
        "path": "fast",
        "branches": [2, 4],
        "rounds": 3,
        "greeting": "Hello kitchen",
    }


def test_a_schedule_starts_its_workflow(client):
    period = run(client, "scheduled")
    assert period["to"] - period["from"] == 86_400_000


def test_a_service_is_polled_until_it_is_well(client):
    assert run(client, "polled")[0] == {"status": 200, "healthy": True}


def test_what_needs_keys_is_drawn():
    diagrams = run(None, "ai")
    assert {name: diagram.splitlines()[0] for name, diagram in diagrams.items()} == {
        name: f"{name} v1" for name in ("ai_retrieval", "ai_tools", "ai_chat", "ai_agent")
    }


def test_every_example_is_run():
    assert {*ENDS, "ai", "kitchen_sink", "polled", "scheduled"} == set(EXAMPLES)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_has_no_problems(name):
    found = [value for value in vars(example(name)).values() if isinstance(value, Workflow)]
    assert [workflow.validate() for workflow in found] == [[] for _ in found]


def test_the_documentation_runs(server_url, monkeypatch, capsys):
    monkeypatch.setenv("CONDUCTOR_SERVER_URL", server_url)
    text = (ROOT / "docs" / "howto" / "workflows.md").read_text(encoding="utf-8")
    names = {"__name__": "documentation"}
    for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(compile(block, "shop.py", "exec"), names)
    assert "{'text': 'ann pays 20.0'}" in capsys.readouterr().out
    assert isinstance(names["order"], Workflow)
