"""`conductor worker check`: functions against the workflows that use them."""

import json

import pytest

from conductor.workflow import Workflow, simple

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


def test_missing_and_misspelt_inputs_are_found_in_files(cli, module, tmp_path):
    definition = workflow("check_files", beans=1, waterr=2).to_dict()
    (tmp_path / "flow.json").write_text(json.dumps(definition))

    done = cli("worker", "check", module, "--defs", "flow.json", "-o", "json", CONDUCTOR_SERVER_URL="http://x:9")
    assert done.status == 1
    missing, unknown, unused = done.json
    assert missing["severity"] == "error"
    assert missing["about"] == "check_files.brew"
    assert missing["message"] == "the function needs 'water', which the step does not give; the step gives 'waterr'"
    assert unknown["message"].endswith("the function does not take; did you mean 'water'?")
    assert unused["about"] == "check_unused"


def test_what_fits_is_status_0(cli, module, tmp_path):
    (tmp_path / "flow.json").write_text(json.dumps(workflow("check_fits", beans=1, water=2).to_dict()))

    assert cli("worker", "check", module, "--defs", "flow.json").status == 0


def test_definitions_and_pollers_of_the_server_are_looked_at(cli, client, module):
    made = workflow("check_server", beans=1)
    made.add(simple("check_elsewhere", ref="other"))
    made.register(client)
    client.metadata.register_task({"name": "check_brew", "inputTemplate": {"water": 1.5}})

    done = cli("worker", "check", module, "--workflow", "check_server", "-o", "json")
    assert done.status == 0, done
    said = {row["about"]: row["message"] for row in done.json}
    assert "nobody polls" in said["check_elsewhere"]
    assert "no workflow has a task of this type" in said["check_unused"] or "no definition" in said["check_unused"]


def test_a_workflow_that_is_not_there_is_refused_with_the_nearest_name(cli, client, module):
    workflow("check_known", beans=1, water=2).register(client)

    done = cli("worker", "check", module, "--workflow", "check_knwon")
    assert (done.status, done.err) == (2, "Error: There is no workflow 'check_knwon'; did you mean 'check_known'?\n")
