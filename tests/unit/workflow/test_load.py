"""Definitions from the server, from text and from files."""

import json

import pytest
import yaml

from conductor import ConfigurationError, Workflow, WorkflowDef
from conductor.workflow import simple
from conductor.workflow.load import read_file
from conductor.workflow.step import ForkStep, LoopStep, SwitchStep
from conductor.workflow.yaml_text import read_yaml

A = {"name": "a", "taskReferenceName": "a", "type": "SIMPLE", "newer": {"x": [1, None]}}
B = {"name": "b", "taskReferenceName": "b", "type": "SIMPLE"}
C = {"name": "c", "taskReferenceName": "c", "type": "SIMPLE"}
D = {"name": "d", "taskReferenceName": "d", "type": "SIMPLE"}
DEFINITION = {
    "name": "order",
    "createTime": 5,
    "tasks": [
        {"name": "s", "taskReferenceName": "s", "type": "SWITCH", "decisionCases": {"1": [A]}, "defaultCase": []},
        {"name": "f", "taskReferenceName": "f", "type": "FORK_JOIN", "forkTasks": [[B], [C]]},
        {"name": "l", "taskReferenceName": "l", "type": "DO_WHILE", "loopOver": [D], "loopCondition": "${x.y}"},
    ],
    "newer": True,
    "version": 3,
}


def test_nothing_is_lost_and_the_order_is_kept():
    workflow = Workflow.from_def(DEFINITION)
    assert json.dumps(workflow.to_dict()) == json.dumps(DEFINITION)
    assert [type(step) for step in workflow.steps] == [SwitchStep, ForkStep, LoopStep]
    assert [step.ref for step in workflow.walk()] == ["s", "a", "f", "b", "c", "l", "d"]
    assert (workflow.name, workflow.version) == ("order", 3)


@pytest.mark.parametrize("given", [json.dumps(DEFINITION), json.dumps(DEFINITION).encode(), DEFINITION])
def test_a_definition_is_read_in_any_form(given):
    assert Workflow.from_def(given).to_dict() == DEFINITION


def test_what_is_missing_stays_missing_in_a_model():
    fragment = {"tasks": [{"type": "NOOP"}, {"name": "a", "type": "SIMPLE"}, {"name": "", "taskReferenceName": "b"}]}
    assert Workflow.from_def(fragment).to_def().to_dict() == fragment


def test_a_model_is_read():
    definition = WorkflowDef.from_dict(DEFINITION)
    assert Workflow.from_def(definition).to_def() == definition


def test_a_loaded_workflow_can_be_extended():
    workflow = Workflow.from_def({"name": "w", "tasks": [A]})
    workflow >> simple("a", x=workflow.step("a").output.x)
    assert workflow.to_dict()["tasks"] == [
        A,
        {"name": "a", "taskReferenceName": "a_2", "type": "SIMPLE", "inputParameters": {"x": "${a.output.x}"}},
    ]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("{", "Invalid JSON"),
        ("[]", "must be an object, not a list"),
        ({"name": "w", "tasks": "x"}, "a list of objects"),
        ({"name": "w", "tasks": ["x"]}, "a list of objects"),
    ],
)
def test_an_invalid_definition_file_is_explained(given, message):
    with pytest.raises(ConfigurationError, match=message):
        Workflow.from_def(given)


def test_a_json_file_is_read(tmp_path):
    path = tmp_path / "order.json"
    path.write_text(json.dumps(DEFINITION), encoding="utf-8")
    assert Workflow.from_file(path).to_dict() == DEFINITION
    path.write_text(json.dumps([DEFINITION]), encoding="utf-8")
    assert Workflow.from_file(str(path)).to_dict() == DEFINITION


@pytest.mark.parametrize("suffix", [".yaml", ".YML"])
def test_a_yaml_file_is_read(tmp_path, suffix):
    pytest.importorskip("yaml")
    path = tmp_path / f"order{suffix}"
    path.write_text("name: w\nversion: 1\ntasks:\n- {name: b, taskReferenceName: b, type: SIMPLE}\n", encoding="utf-8")
    assert Workflow.from_file(path).to_dict() == {"name": "w", "version": 1, "tasks": [B]}


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("yes", "yes"),
        ("off", "off"),
        ("010", "010"),
        ("12:30:00", "12:30:00"),
        ("2026-01-31", "2026-01-31"),
        ("1_000", "1_000"),
        ("=", "="),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("-12", -12),
        ("+3", 3),
        ("0x1F", 31),
        ("0o17", 15),
        ("1.50", 1.5),
        ("1e3", 1000.0),
        ("-.5e-1", -0.05),
        ("1.0.0", "1.0.0"),
        ("'1'", "1"),
    ],
)
def test_a_yaml_scalar_is_a_string_unless_yaml_1_2_differs(tmp_path, written, value):
    pytest.importorskip("yaml")
    path = tmp_path / "value.yaml"
    path.write_text(f"name: {written}\n", encoding="utf-8")
    found = read_file(path)["name"]
    assert (found, type(found)) == (value, type(value))


def test_yaml_keys_are_strings_and_blocks_can_be_merged(tmp_path):
    pytest.importorskip("yaml")
    path = tmp_path / "value.yaml"
    text = "base: &base {on: 1, 010: 2}\nmerged: {<<: *base, yes: 3, 1: 4, true: 5, null: 6}\n"
    path.write_text(text, encoding="utf-8")
    assert read_file(path)["merged"] == {"on": 1, "010": 2, "yes": 3, "1": 4, "true": 5, "null": 6}


def test_what_is_written_as_yaml_is_read_back(tmp_path):
    yaml_text = pytest.importorskip("conductor.workflow.yaml_text")
    strings = [
        "yes",
        "010",
        "1e3",
        "0o17",
        "0x1F",
        "12:30",
        "2026-01-31",
        "true",
        "null",
        "",
        "~",
        "=",
        "<<",
        "1",
        ".5",
    ]
    value = {"strings": strings, **dict.fromkeys(strings, 1), "others": [1, -2.5, 1e20, True, None, {}, []]}
    assert yaml_text.read_yaml(yaml_text.dump_yaml(value)) == value


def test_a_file_may_begin_with_a_mark(tmp_path):
    path = tmp_path / "order.json"
    path.write_text(json.dumps(DEFINITION), encoding="utf-8-sig")
    assert Workflow.from_file(path).to_dict() == DEFINITION
    assert Workflow.from_def(path.read_text(encoding="utf-8")).to_dict() == DEFINITION
    assert Workflow.from_def(path.read_bytes()).to_dict() == DEFINITION


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.json", "{", "is not valid JSON"),
        ("a.json", "[]", "must contain a workflow definition"),
        ("a.yaml", "a: [", "is not valid YAML"),
        ("a.yaml", "text", "must contain a workflow definition"),
    ],
)
def test_a_file_without_a_definition_is_an_error(tmp_path, name, text, message):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=message):
        Workflow.from_file(path)


def test_aliases_that_multiply_each_other_are_refused():
    levels = "\n".join(f"a{n}: &a{n} [{', '.join(f'*a{n - 1}' for _ in range(10))}]" for n in range(1, 10))
    bombs = [f"a0: &a0 [x, x]\n{levels}", "a: &a [*a]", "a: &a {b: {c: *a}}"]
    for text in bombs:
        with pytest.raises(yaml.YAMLError, match="alias"):
            read_yaml(text)
    assert read_yaml("a: &a [1, 2]\nb: [*a, *a]\nc: {<<: &d {x: 1}, y: *a}\ne: *d") == {
        "a": [1, 2], "b": [[1, 2], [1, 2]], "c": {"x": 1, "y": [1, 2]}, "e": {"x": 1}
    }  # fmt: skip
    assert read_yaml("") is None
