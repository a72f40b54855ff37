import copy
import json
import pickle
import threading
from datetime import datetime, timezone

import attrs
import pytest

from conductor import models
from conductor.errors import UnexpectedResponseError
from conductor.models import (
    ConnectivityTestInput,
    CreatedAccessKey,
    SearchResult,
    Task,
    TaskDef,
    TaskStatus,
    WebhookConfig,
    Workflow,
    WorkflowDef,
    WorkflowExecution,
    WorkflowSummary,
    WorkflowTask,
    _base,
)
from conductor.models._base import Model, structure
from conductor.models.task import read_polled_task

MODELS = [
    c for n in models.__all__ if isinstance(c := getattr(models, n), type) and issubclass(c, Model) and c is not Model
]


@pytest.mark.parametrize("cls", MODELS, ids=lambda c: c.__name__)
def test_every_model_keeps_unknown_fields(cls):
    required = {"name": "n", "tasks": [], "taskReferenceName": "r", "type": "JSON", "id": "i"}
    import attrs

    from conductor.models._base import wire_name

    data = {"brandNew": {"a": [1, None]}}
    for attribute in attrs.fields(cls):
        if attribute.default is attrs.NOTHING:
            name = wire_name(attribute)
            kind = str(attribute.type)
            value = [] if kind.startswith("list") else {} if kind.startswith("dict") else required.get(name, "1")
            data[name] = {"id": "x", "type": "USER"} if name in {"subject", "target"} else value
            if name == "startWorkflowRequest":
                data[name] = {"name": "wf"}
            if name == "version":
                data[name] = 1
    read = cls.from_dict(data)
    assert read.unknown_fields == {"brandNew": {"a": [1, None]}}
    written = read.to_dict()
    assert written["brandNew"] == {"a": [1, None]}
    assert cls.from_dict(written) == read


def test_a_definition_survives_a_round_trip():
    definition = {
        "name": "order",
        "version": 2,
        "retryNothing": True,
        "timeoutSeconds": 0,
        "restartable": False,
        "inputParameters": [],
        "tasks": [
            {
                "name": "s",
                "taskReferenceName": "s_ref",
                "type": "SWITCH",
                "decisionCases": {
                    "a": [{"name": "t", "taskReferenceName": "t_ref", "type": "SIMPLE", "retryCount": 0}]
                },
                "defaultCase": [],
                "inputParameters": {"x": None, "y": [1, {"z": "${workflow.input.q}"}]},
                "cacheConfig": {"key": "k", "ttlInSecond": 5},
            }
        ],
    }
    assert WorkflowDef.from_dict(definition).to_dict() == definition
    assert json.loads(WorkflowDef.from_json(json.dumps(definition)).to_json()) == definition


def test_zero_and_false_are_written_and_none_is_omitted():
    assert TaskDef("t", retry_count=0, enforce_schema=False).to_dict() == {
        "name": "t",
        "retryCount": 0,
        "enforceSchema": False,
    }


@pytest.mark.parametrize(
    ("attribute", "wire"),
    [("sub_workflow_changed", "subworkflowChanged"), ("execution_namespace", "executionNameSpace")],
)
def test_irregular_wire_names_are_declared_on_the_field(attribute, wire):
    task = Task(**{attribute: True if "changed" in attribute else "x"})
    assert wire in task.to_dict()


def test_workflow_task_type_is_never_sent():
    task = WorkflowTask("a", "b", workflow_task_type="SIMPLE")
    assert "workflowTaskType" not in task.to_dict()


def test_an_unknown_status_is_kept_unchanged():
    task = Task.from_dict({"status": "SLEEPING"})
    assert task.status == "SLEEPING"
    assert not task.status.is_known
    assert task.to_dict()["status"] == "SLEEPING"
    assert pickle.loads(pickle.dumps(task)) == task


def test_a_known_status_is_an_enum_member():
    assert Task.from_dict({"status": "COMPLETED"}).status is TaskStatus.COMPLETED
    assert f"{TaskStatus.COMPLETED}" == "COMPLETED"


@pytest.mark.parametrize(
    ("status", "terminal", "successful"),
    [
        ("SCHEDULED", False, False),
        ("IN_PROGRESS", False, False),
        ("COMPLETED", True, True),
        ("COMPLETED_WITH_ERRORS", True, True),
        ("SKIPPED", True, True),
        ("FAILED", True, False),
        ("TIMED_OUT", True, False),
    ],
)
def test_terminal_and_successful_states(status, terminal, successful):
    assert (TaskStatus(status).is_terminal, TaskStatus(status).is_successful) == (terminal, successful)


def test_null_is_omitted_except_in_user_data():
    task = Task.from_dict({"domain": None, "retryCount": None, "outputData": {"o": None}})
    assert task.domain is None
    assert task.retry_count == 0
    assert task.output_data == {"o": None}


def test_times_are_aware_datetimes_and_none_for_zero():
    task = Task(start_time=1_700_000_000_000, end_time=0)
    assert task.started_at == datetime(2023, 11, 14, 22, 13, 20, tzinfo=timezone.utc)
    assert task.ended_at is None


def test_a_value_of_the_wrong_type_is_named_by_its_path():
    with pytest.raises(UnexpectedResponseError) as caught:
        Workflow.from_dict({"workflowId": "w", "tasks": [{"taskId": "1"}, {"retryCount": "many"}]})
    assert caught.value.path_in_body == "$.tasks[1].retry_count"


@pytest.mark.parametrize("data", [[], "text", 3])
def test_a_value_that_is_not_an_object_is_refused(data):
    with pytest.raises(UnexpectedResponseError):
        Task.from_dict(data)


def test_invalid_json_is_refused_without_quoting_it():
    with pytest.raises(UnexpectedResponseError):
        Task.from_json("{secret")


def test_results_of_a_search_page_become_models():
    page = structure({"totalHits": 7, "results": [{"workflowId": "a"}]}, SearchResult[WorkflowSummary])
    assert (page.total_hits, [r.workflow_id for r in page], len(page)) == (7, ["a"], 1)


def test_reprs_hide_secrets():
    assert "s3cret" not in repr(CreatedAccessKey(id="k", secret="s3cret"))
    assert "s3cret" not in repr(Task(runtime_metadata={"key": "s3cret"}))
    webhook = WebhookConfig(name="w", headers={"X-Token": "s3cret"}, secret_key="s3cret", secret_value="s3cret")
    assert "s3cret" not in repr(webhook)
    assert "s3cret" not in repr(ConnectivityTestInput(sink="kafka:q", input={"password": "s3cret"}))


def test_an_inline_task_definition_needs_no_name():
    inline = {"name": "charge", "taskReferenceName": "c", "taskDefinition": {"retryCount": 1}}
    task = WorkflowTask.from_dict(inline)
    assert task.task_definition == TaskDef("", retry_count=1)
    assert task.to_dict() == inline


def test_a_missing_required_string_is_omitted_and_an_empty_one_written():
    read = WorkflowTask.from_dict({"taskReferenceName": ""})
    copied = pickle.loads(pickle.dumps(copy.deepcopy(read)))

    assert (read.name, read.task_reference_name) == ("", "")
    assert read.to_dict() == copied.to_dict() == {"taskReferenceName": ""}
    assert WorkflowTask("", "a").to_dict() == {"name": "", "taskReferenceName": "a"}


def test_a_polled_task_reads_its_definitions_when_they_are_used():
    step = {"name": "pack", "taskReferenceName": "p", "retryCount": 2, "new": 1, "taskDefinition": {"name": "pack"}}
    sent = {"taskId": "t", "workflowTask": step, "taskDefinition": {"name": "pack", "retryCount": "1"}, "other": [1]}

    polled, read = read_polled_task(sent), Task.from_dict(sent)

    assert polled.workflow_task == read.workflow_task
    assert polled.workflow_task is polled.workflow_task
    assert polled.max_attempts == 3
    for same in (read_polled_task(sent), copy.copy(read_polled_task(sent)), attrs.evolve(read_polled_task(sent))):
        assert same == read
        assert repr(same) == repr(read)
    assert read_polled_task(sent).to_dict() == read.to_dict()
    assert pickle.loads(pickle.dumps(read_polled_task(sent))) == read
    assert sent["workflowTask"] is step
    polled.workflow_task = None
    assert polled.workflow_task is None
    for nothing in ({}, {"workflowTask": None, "taskDefinition": None}):
        assert read_polled_task(nothing) == Task()


def test_an_invalid_definition_of_a_polled_task_raises_when_it_is_used():
    for invalid in ({"workflowTask": {"retryCount": "many"}}, {"taskDefinition": {"name": ["x"]}}):
        with pytest.raises(UnexpectedResponseError) as expected:
            Task.from_dict(invalid)
        task = read_polled_task({"taskId": "t", **invalid})
        for _ in range(2):
            with pytest.raises(UnexpectedResponseError) as raised:
                task.max_attempts
            assert str(raised.value) == str(expected.value)
    for invalid in ({"workflowTask": "x"}, {"retryCount": "many"}, [], "x", None):
        with pytest.raises(UnexpectedResponseError):
            read_polled_task(invalid)


def test_threads_that_read_their_first_models_make_the_hooks_once(monkeypatch):
    made, begin = [], threading.Barrier(8)

    @attrs.define(repr=False)
    class Inner(Model):
        number: int = 0

    @attrs.define(repr=False)
    class Outer(Model):
        inner: Inner | None = None

    globals().update(Inner=Inner, Outer=Outer)
    make = _base._structure_model
    monkeypatch.setattr(_base, "_structure_model", lambda cls, converter: made.append(cls) or make(cls, converter))
    _base._converter.cache_clear()
    monkeypatch.setattr(_base, "_readers", {})

    def read():
        begin.wait(30)
        assert structure({"inner": {"number": 1}}, Outer).inner.number == 1

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert made == [Outer, Inner]


def test_a_string_or_an_object_is_no_list():
    for kind, document in (
        (TaskDef, {"name": "x", "inputKeys": "orderId"}),  # not seven keys
        (TaskDef, {"name": "x", "outputKeys": {"a": 1}}),
        (WorkflowDef, {"name": "x", "tasks": {}}),
        (WorkflowExecution, {"tasks": "abc"}),
    ):
        with pytest.raises(UnexpectedResponseError, match="expected a list, got (str|dict)"):
            kind.from_dict(document)
    assert TaskDef.from_dict({"name": "x", "inputKeys": None}).input_keys is None


def test_a_fraction_is_no_integer():
    with pytest.raises(UnexpectedResponseError, match="retry_?count"):
        TaskDef.from_dict({"name": "x", "retryCount": 1.5})
    assert TaskDef.from_dict({"name": "x", "retryCount": 2.0}).retry_count == 2
