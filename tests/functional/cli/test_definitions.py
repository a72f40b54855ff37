"""`conductor def`: folders of definitions against a server."""

import json
from pathlib import Path

import pytest

from conductor.workflow import Workflow, simple

PYTHON = """
from conductor import worker_task
from conductor.workflow import Workflow, simple

@worker_task("{name}_grind", task_def={{"retryCount": 7}})
def grind(beans: int) -> int:
    return beans

flow = Workflow("{name}_python")
flow.add(simple(grind, beans=flow.input.beans))
"""


def workflow(name, **more):
    task = {"name": f"{name}_task", "taskReferenceName": "one", "type": "SIMPLE", "inputParameters": {}}
    return {"name": name, "version": 1, "tasks": [task], **more}


@pytest.fixture
def name(request):
    return "def_" + request.node.originalname.removeprefix("test_")[:24]


@pytest.fixture
def folder(tmp_path, name):
    made = tmp_path / "defs"
    made.mkdir()
    (made / "flow.json").write_text(json.dumps(workflow(f"{name}_json")))
    lines = f"- name: {name}_yaml\n  tasks:\n  - {{name: a, taskReferenceName: a, type: SIMPLE}}\n"
    (made / "flow.yaml").write_text(lines)
    (made / "flow.py").write_text(PYTHON.format(name=name))
    (made / "tasks.json").write_text(json.dumps([{"name": f"{name}_task", "retryCount": 1}]))
    (made / "unrelated.json").write_text("[1, 2]")
    (made / "unrelated.py").write_text("raise SystemExit('not to be imported')")
    return made


def test_push_writes_once_and_then_finds_no_difference(cli, client, folder, name):
    assert cli("def", "diff", "defs").status == 1
    assert cli("def", "push", "defs", "--dry-run").status == 1
    assert cli("def", "push", "defs").status == 0

    again = cli("def", "push", "defs", "-o", "json")
    assert (again.status, {row["state"] for row in again.json}) == (0, {"same"})
    assert [row["name"] for row in again.json] == [f"{name}_{n}" for n in ("task", "json", "python", "yaml")]
    assert cli("def", "diff", "defs").status == 0
    assert client.metadata.get_task(f"{name}_task").retry_count == 1
    assert client.metadata.get_workflow(f"{name}_python").tasks[0].name == f"{name}_grind"
    assert "0 written, 4 unchanged" in again.err
    assert "unrelated.json: it has no definitions" in again.err


def test_dry_run_writes_nothing(cli, client, folder, name):
    cli("def", "push", "defs", "--dry-run")

    assert f"{name}_json" not in {one.name for one in client.metadata.list_workflows()}


def test_a_difference_is_shown_with_its_place(cli, folder, name):
    cli("def", "push", "defs")
    (folder / "flow.json").write_text(json.dumps(workflow(f"{name}_json", description="better")))
    (folder / "tasks.json").write_text(json.dumps({"name": f"{name}_task", "retryCount": 5}))

    done = cli("def", "diff", "defs")
    assert done.status == 1
    assert "+ description: 'better'" in done.out
    assert "retryCount: 1 -> 5" in done.out
    assert cli("def", "push", "defs").status == 0
    assert cli("def", "diff", "defs").status == 0


def test_task_definitions_of_decorated_functions_are_pushed_on_request(cli, client, folder, name):
    assert cli("def", "push", "defs/flow.py", "--task-defs").status == 0

    assert client.metadata.get_task(f"{name}_grind").retry_count == 7


def test_validate_names_file_workflow_and_place(cli, folder, name):
    wrong = workflow(f"{name}_wrong", outputParameters={"x": "${nothing.output.y}"})
    (folder / "wrong.json").write_text(json.dumps(wrong))

    done = cli("def", "validate", "defs", CONDUCTOR_SERVER_URL="http://127.0.0.1:9")
    assert done.status == 1
    assert f"defs/wrong.json: {name}_wrong: error: " in done.out
    assert "nothing" in done.out
    assert cli("def", "push", "defs").status == 1
    assert cli("def", "validate", "defs/flow.json").status == 0


@pytest.mark.parametrize(
    ("path", "text", "says"),
    [
        ("nope", None, "nope: file not found"),
        ("bad.json", "{", "not valid JSON"),
        ("bad.yaml", "a: [", "not valid YAML"),
        ("bad.py", "Workflow(\n", "SyntaxError"),
        ("binary.json", b"\xff\xfe", "binary.json is not UTF-8"),
        ("binary.yaml", b"\xff\xfe", "binary.yaml is not UTF-8"),
        ("other.json", '{"hello": 1}', "neither a workflow nor a task definition"),
        ("wrong.json", '{"name": "a", "tasks": [{"taskReferenceName": 7, "type": []}]}', ""),
    ],
)
def test_an_unreadable_file_is_a_message(here, tmp_path, path, text, says):
    if text is not None:
        (tmp_path / path).write_bytes(text if isinstance(text, bytes) else text.encode())

    done = here("def", "validate", path)
    assert done.status in {1, 2}
    assert says in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize("verb", ["validate", "diff", "push"])
def test_a_folder_without_definitions_is_status_2(here, tmp_path, verb):
    (tmp_path / "defs").mkdir()

    done = here("def", verb, "defs")
    assert (done.status, done.err) == (2, "Error: No definition found in defs.\n")


def test_two_definitions_of_one_version_are_refused(cli, folder, name):
    (folder / "twin.json").write_text(json.dumps(workflow(f"{name}_json")))

    done = cli("def", "validate", "defs")
    assert (done.status, "is defined in defs/flow.json and in defs/twin.json" in done.err) == (2, True)


@pytest.mark.parametrize("form", ["json", "yaml", "python"])
def test_pulled_files_equal_the_server_and_are_written_once(cli, client, tmp_path, name, form):
    made = Workflow(f"{name}_{form}", description="kept")
    made.add(simple(f"{name}_task", ref="one", n=1))
    made.register(client)
    client.metadata.register_task({"name": f"{name}_task", "retryCount": 2})
    words = ("def", "pull", "defs", "--name", f"{name}_*", "--format", form)

    assert cli(*words, "--dry-run").status == 1
    assert not (tmp_path / "defs").exists()
    assert cli(*words).status == 0
    assert cli(*words, "--dry-run").status == 0
    assert len(list(Path(tmp_path, "defs", "workflows").iterdir())) >= 1
    assert cli("def", "diff", "defs").status == 0
