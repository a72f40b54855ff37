"""`conductor worker check`: functions against the workflows that use them."""

import json

import pytest

from conductor.workflow import Workflow, dynamic, dynamic_fork, simple, sub_workflow

WORKERS = """
from conductor import worker_task

@worker_task("check_brew")
def brew(beans: int, water: float, sugar: int = 0) -> str:
    return "coffee"

@worker_task("check_unused")
def unused() -> None: ...
"""


@pytest.fixture
def module(tmp_path):
    (tmp_path / "workers.py").write_text(WORKERS)
    return "workers"


def workflow(name, **inputs):
    made = Workflow(name)
    made.add(simple("check_brew", inputs, ref="brew"))
    return made


def test_missing_and_misspelled_inputs_are_found_in_files(cli, module, tmp_path):
    definition = workflow("check_files", beans=1, waterr=2).to_dict()
    (tmp_path / "flow.json").write_text(json.dumps(definition))

    done = cli("worker", "check", module, "--defs", "flow.json", "-o", "json", CONDUCTOR_SERVER_URL="http://x:9")
    assert done.status == 1
    missing, unknown, unused = done.json
    assert missing["severity"] == "error"
    assert missing["about"] == "check_files.brew"
    assert missing["message"] == "the function needs 'water', which the step does not pass; the step passes 'waterr'"
    assert unknown["message"].endswith("is not a parameter of the function; did you mean 'water'?")
    assert unused["about"] == "check_unused"


def test_workers_of_dynamic_steps_and_inline_sub_workflows_are_used(cli, module, tmp_path):
    inner = Workflow("check_inner", version=1)
    inner.add(dynamic("check_brew"))
    outer = Workflow("check_outer")
    outer.add(dynamic_fork(each=[{"n": 1}], task="check_unused"))
    outer.add(sub_workflow(inner))
    (tmp_path / "flow.json").write_text(json.dumps(outer.to_dict()))

    done = cli("worker", "check", module, "--defs", "flow.json", "-o", "json")
    assert (done.status, done.json) == (0, [])

    listed = Workflow("check_listed")
    tasks = [{"name": name, "taskReferenceName": name, "type": "SIMPLE"} for name in ("check_brew", "check_unused")]
    listed.add(dynamic_fork(tasks, {}))
    (tmp_path / "flow.json").write_text(json.dumps(listed.to_dict()))
    assert cli("worker", "check", module, "--defs", "flow.json", "-o", "json").json == []

    named = Workflow("check_named")
    named.add(dynamic_fork(each=named.input.list, task="${workflow.input.type}"))
    (tmp_path / "flow.json").write_text(json.dumps(named.to_dict()))
    assert len(cli("worker", "check", module, "--defs", "flow.json", "-o", "json").json) == 2


def test_values_of_a_wrong_type_are_found(cli, module, tmp_path):
    definition = workflow("check_values", beans="many", water="${workflow.input.water}", sugar=[]).to_dict()
    task = {"name": "check_brew", "inputTemplate": {"sugar": "two"}}
    (tmp_path / "flow.json").write_text(json.dumps([definition, task]))

    done = cli("worker", "check", module, "--defs", "flow.json", "-o", "json")
    assert done.status == 1
    assert [(row["about"], row["message"]) for row in done.json if row["severity"] == "error"] == [
        ("check_values.brew", "input 'beans' must be int, got str 'many'"),
        ("check_values.brew", "input 'sugar' must be int, got list []"),
        ("check_brew", "inputTemplate: input 'sugar' must be int, got str 'two'"),
    ]


def test_inputs_of_a_task_definition_are_compared(cli, module, tmp_path):
    schema = {"name": "s", "type": "JSON", "data": {"properties": {"beans": {}, "water": {}, "milk": {}}}}
    task = {"name": "check_brew", "inputKeys": ["beans", "watr"], "inputSchema": schema}
    (tmp_path / "flow.json").write_text(json.dumps([workflow("check_keys", beans=1, water=2).to_dict(), task]))

    done = cli("worker", "check", module, "--defs", "flow.json", "-o", "json")
    assert done.status == 0
    assert [row["message"] for row in done.json if row["about"] == "check_brew"] == [
        "its definition's inputKeys has 'watr', which the function does not take; did you mean 'water'?",
        "the function needs 'water', which its definition's inputKeys does not have; did you mean 'watr'?",
        "its definition's inputSchema has 'milk', which the function does not take",
    ]


def test_a_misspelled_task_type_is_found(cli, client, module):
    for name, task in (("check_good", "check_brew"), ("check_typo", "check_brwe"), ("check_polled", "check_breww")):
        made = Workflow(name)
        made.add(simple(task, {"beans": 1, "water": 2}, ref="brew"))
        made.register(client)
    client.tasks.poll("check_breww")
    chosen = [word for name in ("check_good", "check_typo", "check_polled") for word in ("--workflow", name)]

    done = cli("worker", "check", module, *chosen, "-o", "json")
    said = {row["about"]: row["message"] for row in done.json}
    assert (
        said["check_typo.brew"]
        == "no worker of these modules executes tasks of type 'check_brwe'; did you mean 'check_brew'?"
    )
    assert "check_polled.brew" not in said


def test_fitting_workers_are_status_0(cli, module, tmp_path):
    (tmp_path / "flow.json").write_text(json.dumps(workflow("check_fits", beans=1, water=2).to_dict()))

    assert cli("worker", "check", module, "--defs", "flow.json").status == 0


def test_definitions_and_pollers_of_the_server_are_checked(cli, client, module):
    made = workflow("check_server", beans=1)
    made.add(simple("check_elsewhere", ref="other"))
    made.register(client)
    client.metadata.register_task({"name": "check_brew", "inputTemplate": {"water": 1.5}})

    done = cli("worker", "check", module, "--workflow", "check_server", "-o", "json")
    assert done.status == 0, done
    said = {row["about"]: row["message"] for row in done.json}
    assert "no worker polls it" in said["check_elsewhere"]
    assert "no workflow has a task of this type" in said["check_unused"] or "no definition" in said["check_unused"]


def test_an_unknown_workflow_is_refused_with_the_nearest_name(cli, client, module):
    workflow("check_known", beans=1, water=2).register(client)

    done = cli("worker", "check", module, "--workflow", "check_knwon")
    assert (done.status, done.err) == (2, "Error: Workflow 'check_knwon' not found; did you mean 'check_known'?\n")
