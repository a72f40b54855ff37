"""The spellings of other SDKs end in an error that names the successor, and that is there."""

import builtins
import importlib
import inspect
import pickle
import re
import subprocess
import sys
import traceback
from itertools import product
from pathlib import Path

import attrs
import pytest
from cases import each

import conductor
import conductor.models
import conductor.workflow
from conductor import ConductorClient, Settings, Task, TaskHandler, Worker, WorkerRegistry, Workflow, worker_task
from conductor.migration.table import ATTRIBUTES, KEYWORDS, NAMES
from conductor.models import Workflow as Execution
from conductor.worker.options import WorkerOptions
from conductor.workflow import Options, Step, simple

CLIENT = ConductorClient(server_url="http://localhost:1")
FACADES = ("conductor", "conductor.workflow")
MODULES = ("conductor", "conductor.workflow", "conductor.models")
OPTIONS = {
    *(field.name for kind in (WorkerOptions, Settings) for field in attrs.fields(kind)),
    *Options.__annotations__,
}


def class_of(path):
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)


def registry_worker(**options):
    return worker_task("x", registry=WorkerRegistry(), **options)(lambda: None)


CALLS = {
    "worker_task": registry_worker,
    "Worker": lambda **options: Worker(lambda: None, "x", **options),
    "TaskHandler": TaskHandler,
    "Settings": Settings,
    "Workflow": lambda **options: Workflow("w", **options),
    "step": lambda **options: simple("x", **options),
}


@each(("module", "name"), product(FACADES, [*NAMES, "simpleTask", "httpTask", "taskManager"]))
def test_importing_a_name_of_another_sdk_names_its_successor(module, name):
    there = importlib.import_module(module)
    assert not hasattr(there, name)
    with pytest.raises(AttributeError, match=": use ") as by_attribute:
        getattr(there, name)
    with pytest.raises(ImportError, match=": use ") as by_import:
        exec(f"from {module} import {name}")
    assert str(by_attribute.value) == str(by_import.value)


@each("module", FACADES)
def test_an_unknown_name_raises_the_usual_error(module):
    with pytest.raises(AttributeError, match=f"module '{module}' has no attribute 'nothing'"):
        _ = importlib.import_module(module).nothing
    with pytest.raises(ImportError, match="cannot import name 'nothing'"):
        exec(f"from {module} import nothing")


@each(
    "statement",
    [
        "import conductor.client",
        "from conductor.client.configuration.configuration import Configuration",
        "from conductor.client.http.models import Task, TaskResult",
    ],
)
def test_the_modules_of_conductor_python_name_the_guide(statement):
    with pytest.raises(ModuleNotFoundError, match=r"docs/howto/migration-python\.md") as said:
        exec(statement)
    assert said.value.name == "conductor.client"


@each(("path", "old"), [(path, old) for path, rows in ATTRIBUTES.items() for old in rows])
def test_an_attribute_of_another_sdk_names_its_successor(path, old):
    kind = class_of(path)
    blank = object.__new__(kind)
    assert not hasattr(kind, old)
    assert not hasattr(blank, old)
    with pytest.raises(
        AttributeError, match=re.escape(f"{kind.__name__} has no {old!r}, which is another SDK's: use ")
    ):
        getattr(blank, old)


@each(("callee", "old"), [(callee, old) for callee, rows in KEYWORDS.items() for old in rows])
def test_a_keyword_of_another_sdk_names_its_successor(callee, old):
    call = CALLS.get(callee) or getattr(conductor.workflow, callee)
    with pytest.raises(TypeError, match=re.escape(f"takes no {old!r}, which is another SDK's: use ")):
        call(**{old: "x"})


@each(
    ("call", "old"),
    [
        (ConductorClient, "serverUrl"),
        (ConductorClient, "keyId"),
        (ConductorClient, "server_api_url"),
        (Settings("http://localhost:1").evolve, "base_url"),
        (Settings.from_env, "authentication_settings"),
        (registry_worker, "pollInterval"),
        (CALLS["Worker"], "taskDefName"),
        (CALLS["step"], "taskReferenceName"),
        (conductor.workflow.noop, "task_ref_name"),
        (conductor.workflow.grpc, "task_ref_name"),
        (conductor.workflow.set_variable, "task_ref_name"),
    ],
)
def test_so_does_one_wherever_it_is_given_and_in_the_case_of_javascript(call, old):
    with pytest.raises(TypeError, match=f"takes no '{old}'.*: use "):
        call(**{old: "x"})


def test_an_input_in_a_dict_may_have_an_old_name():
    step = simple("x", {"task_ref_name": "data"}, ref="r")
    assert step.fields["inputParameters"] == {"task_ref_name": "data"}


@each(
    ("given", "method"),
    product([{"overwrite": True}, {"workflow_input": {}}], ["register", "start", "execute", "run", "diff"]),
)
def test_a_workflow_method_without_a_client_explains_the_call(method, given):
    with pytest.raises(TypeError, match=r"as its first argument, not True|takes no 'workflow_input'"):
        getattr(Workflow("w"), method)(True)
    with pytest.raises(TypeError, match=r"as its first argument, not None|takes no 'workflow_input'"):
        getattr(Workflow("w"), method)(**given)


def test_a_reference_that_is_called_says_how_it_is_written():
    workflow = Workflow("w")
    with pytest.raises(TypeError, match=re.escape("${workflow.input} is not a function: use ['x'] instead of ('x')")):
        workflow.input("x")
    with pytest.raises(TypeError, match=re.escape("${r.output.y} is not a function: use it without the parentheses")):
        simple("x", ref="r").output.y()
    with pytest.raises(TypeError, match="pass a step, a list of branches"):
        workflow.add(workflow.input.x)


def test_a_property_that_fails_with_an_attribute_error_shows_that_one():
    class Broken(TaskHandler):
        @property
        def inner(self):
            return None.missing

    with pytest.raises(AttributeError, match="'NoneType' object has no attribute 'missing'"):
        _ = Broken(registry=WorkerRegistry()).inner


def test_misspelt_attributes_get_the_usual_error():
    with pytest.raises(AttributeError, match="'Task' object has no attribute 'nothing'"):
        _ = Task().nothing
    assert not hasattr(Execution(), "nothing")


def test_the_attribute_id_of_another_name_is_suggested():
    for made, name in ((Execution(), "workflow_id"), (Task(), "task_id")):
        with pytest.raises(AttributeError, match=f"has no attribute 'id'; did you mean '{name}'"):
            _ = made.id


# -- what the messages name is there

ROWS = [
    *(("name", old, said) for old, said in NAMES.items()),
    *((callee, old, said) for callee, rows in KEYWORDS.items() for old, said in rows.items()),
    *((path, old, said) for path, rows in ATTRIBUTES.items() for old, said in rows.items()),
]


def named(word, owner):
    found = [getattr(importlib.import_module(module), word, None) for module in MODULES]
    own = getattr(owner, word, None) if owner else None
    return next((one for one in [own, *found, getattr(builtins, word, None)] if one is not None), None)


@each(("place", "old", "said"), ROWS)
def test_every_name_in_a_message_exists(place, old, said):
    owner = class_of(place) if "." in place else Workflow
    for client, method in re.findall(r"\bclient\.(\w+)(?:\.(\w+))?", said):
        assert hasattr(CLIENT, client), said
        assert not method or hasattr(getattr(CLIENT, client), method), said
    for word, inside in re.findall(r"(?<![.\w])(\w+)\(((?:[^()]|\(\))*)\)", said):
        call = named(word, owner)
        assert call is not None, f"{word} of {said}"
        known = OPTIONS | set(inspect.signature(call).parameters)
        assert set(re.findall(r"\b(\w+)=", inside)) <= known | {"name", "more_values"}, said


@each(("place", "old", "said"), [row for row in ROWS if re.fullmatch(r"\w+", row[2])])
def test_a_single_word_is_an_attribute_or_a_parameter(place, old, said):
    if "." in place:
        kind = class_of(place)
        assert hasattr(kind, said) or said in {field.name for field in attrs.fields(kind)}
    elif place != "name":
        call = getattr(conductor, place, None) or getattr(conductor.workflow, place, None)
        parameters = set(inspect.signature(call).parameters) if call else set()
        assert said in parameters | OPTIONS
    else:
        assert said in conductor.__all__


def test_naming_the_successors_imports_no_http_library():
    code = "import sys, conductor\nhasattr(conductor, 'Configuration')\nprint('requests' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "False\n"


def test_a_step_does_not_have_the_attributes_of_other_sdks():
    assert not hasattr(Step(fields={}, base="x"), "input_parameters")


def test_few_modules_consult_the_table_of_old_names():
    package = Path(conductor.__file__).parent
    text = {path.relative_to(package).as_posix(): path.read_text("utf-8") for path in package.rglob("*.py")}
    users = {path for path, source in text.items() if "conductor.migration" in source and "migration/" not in path}
    facades = {"__init__.py", "workflow/__init__.py", "clients/client.py", "clients/_base.py", "models/_base.py"}
    assert users <= facades | {
        "cli/migrate.py",
        "clients/metadata.py",
        "models/defaults.py",
        "models/_base.py",
        "settings.py",
        "worker/options.py",
        "worker/context.py",
        "worker/handler.py",
    }


def test_builders_keep_their_signature_and_pickle():
    for name in conductor.workflow.__all__:
        builder = getattr(conductor.workflow, name)
        assert pickle.loads(pickle.dumps(builder)) is builder
    assert list(inspect.signature(simple).parameters)[:3] == ["task", "inputs", "ref"]


def test_a_similar_attribute_is_looked_for_only_when_the_message_is_read():
    with pytest.raises(AttributeError) as caught:
        _ = Task().task_idd
    error = caught.value
    assert str(error) == "'Task' object has no attribute 'task_idd'; did you mean 'task_id'?"
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    shown = "".join(traceback.format_exception(error))
    assert shown.lower().count("did you mean") == 1
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("conductor.migration.did_you_mean", None)
        assert not hasattr(Task(), "task_idd")
