"""What ``conductor migrate`` makes of single lines, what it reports, and how it treats files."""

import inspect
import json
import os
import re
import stat
import textwrap
from pathlib import Path

import pytest
from cases import each

import conductor.models
from conductor import ConductorClient
from conductor.cli.main import main
from conductor.migration import calls
from conductor.migration.context import PublicNames
from conductor.migration.kinds import parse_signature
from conductor.migration.programs import Project, find_programs, write_atomically
from conductor.migration.table import ATTRIBUTES, NAMES
from conductor.workflow.step import OPTIONS

PUBLIC = PublicNames(frozenset(conductor.__all__), frozenset(conductor.models.__all__), OPTIONS)
CLIENT = ConductorClient(server_url="http://localhost:1")
#: The imports that the lines below use.
IMPORTS = """\
from conductor.client.ai.orchestrator import AIOrchestrator
from conductor.client.automator.task_handler import TaskHandler
from conductor.client.configuration.configuration import Configuration
from conductor.client.configuration.settings.authentication_settings import AuthenticationSettings
from conductor.client.configuration.settings.metrics_settings import MetricsSettings
from conductor.client.context.task_context import get_task_context
from conductor.client.http.models import SaveScheduleRequest, StartWorkflowRequest, TargetRef, Task
from conductor.client.http.models import TaskDef, WorkflowTask
from conductor.client.http.rest import ApiException
from conductor.client.orkes_clients import OrkesClients
from conductor.client.orkes.orkes_task_client import OrkesTaskClient
from conductor.client.worker.worker import Worker
from conductor.client.worker.worker_interface import WorkerInterface
from conductor.client.worker.worker_task import WorkerTask, worker_task
from conductor.client.workflow.conductor_workflow import ConductorWorkflow
from conductor.client.workflow.task.http_task import HttpTask
from conductor.client.workflow.task.javascript_task import JavascriptTask
from conductor.client.workflow.task.simple_task import SimpleTask
from conductor.client.workflow.task.switch_task import SwitchTask
from conductor.client.workflow.task.wait_task import WaitTask
"""


def migrate(code, tmp_path, name="program.py", imports=IMPORTS):
    path = tmp_path / name
    path.write_text(imports + textwrap.dedent(code), encoding="utf-8")
    [done] = Project(PUBLIC).migrate([path])
    return done


def rewritten(code, tmp_path):
    """The migrated lines without their imports."""
    done = migrate(code, tmp_path)
    lines = done.new.decode().splitlines()
    ends = [
        index for index, line in enumerate(lines) if line.startswith(("from conductor", ")", "    ")) and index < 40
    ]
    start = 0
    while start < len(lines) and (lines[start].startswith(("from ", ")")) or (start in ends and start)):
        start += 1
    return "\n".join(lines[start:]).strip()


BASE_INIT = """class W{}:
    def __init__(self, name, size):
        {}
        self.size = size
    def execute(self, task):
        return {}"""

ROWS = [
    ("c = Configuration(server_api_url='http://a')", "c = Settings.from_env(server_url='http://a')"),
    ("c = Configuration(base_url=host)", "c = Settings.from_env(server_url=host)"),
    (
        "c = Configuration(authentication_settings=AuthenticationSettings(key_id='k', key_secret='s'))",
        "c = Settings.from_env(auth_key='k', auth_secret='s')",
    ),
    ("t = OrkesTaskClient(Configuration())", "t = ConductorClient(Settings.from_env()).tasks"),
    ("h = TaskHandler(workers=[], scan_for_annotated_workers=True)", "h = TaskHandler()"),
    ("h = TaskHandler(workers=[f], scan_for_annotated_workers=False)", "h = TaskHandler(workers=[f])"),
    ("w = Worker('x', f, 500)", "w = Worker(f, 'x', poll_interval_ms=500)"),
    (
        "w = Worker(task_definition_name='x', execute_function=f, domain='d')",
        "w = Worker(f, 'x', domain='d')",
    ),
    (
        "h = TaskHandler(metrics_settings=MetricsSettings(http_port=80))",
        "h = TaskHandler(metrics=True, health_port=80)",
    ),
    ("w = WaitTask('r', wait_for_seconds=5)", "w = wait(5, ref='r')"),
    ("t = TargetRef('TASK_DEF', 'x')", "t = TargetRef(type='TASK_DEF', id='x')"),
    ("s = SimpleTask('x', 'r')\ns.optional = True", "s = simple('x', ref='r', optional=True)"),
    ("ctx = get_task_context()\nctx.add_log('a')", "ctx = get_task_context()\nctx.log('a')"),
    (
        "clients = OrkesClients()\nr = clients.get_workflow_executor().execute('w', 2, {'a': 1}, request_id='q')",
        "clients = ConductorClient()\nr = clients.workflows.execute('w', {'a': 1}, version=2, request_id='q')",
    ),
    (
        "wf = ConductorWorkflow(None, 'w', 3)\nwf.register(True)",
        "wf = Workflow('w', 3)\nwf.register(ConductorClient(), overwrite=True)",
    ),
    (
        "s = HttpTask('r', {'uri': 'u'})\nx = s.body('a[0].b')\ny = s.output('unit-price')",
        "s = http('u', ref='r')\nx = s.output.response.body.a[0].b\ny = s.output[\"unit-price\"]",
    ),
    (
        's = SimpleTask("x", "r")\ny = f"{s.output(\'unit-price\')}"',
        's = simple("x", ref="r")\ny = f"{s.output[\'unit-price\']}"',
    ),
    (
        "s = JavascriptTask('r', '1')\nx = s.output('a..b')",
        "s = inline('1', ref='r')\nx = f\"${{{s.ref}.output.result.a..b}}\"",
    ),
    (
        "def f(simple):\n    return SimpleTask('x', 'r')",
        "def f(simple):\n    return simple_step('x', ref='r')",
    ),
    (
        "wf = ConductorWorkflow(name='w', executor=None)\nwf.add([a, b])",
        "wf = Workflow('w')\nwf.add(a, b)",
    ),
    (
        "try:\n    pass\nexcept ApiException as e:\n    print(e.code, e.body, e.reason)",
        "try:\n    pass\nexcept APIStatusError as e:\n    print(e.status, e.server_message, e.server_message)",
    ),
    (
        "@WorkerTask('x', poll_interval_seconds=2)\ndef f(): ...",
        "@worker_task('x', poll_interval_ms=2000)\ndef f(): ...",
    ),
    (
        "@WorkerTask('x', poll_interval=200.0)\ndef f(): ...",
        "@worker_task('x', poll_interval_ms=200)\ndef f(): ...",
    ),
    (
        "@WorkerTask('x', poll_interval_seconds=s)\ndef f(): ...",
        "@worker_task('x', poll_interval_ms=int(s * 1000))\ndef f(): ...",
    ),
    (  # without a type, the only parameter is the task
        "@worker_task('x')\ndef f(t):\n    return t.input_data",
        "@worker_task('x')\ndef f(t: Task):\n    return t.input_data",
    ),
    (
        "def f(t: object): ...\nw = Worker('x', f)",
        "def f(t: Task): ...\nw = Worker(f, 'x')",
    ),
    (
        "@worker_task('x')\ndef f(name: str, n=1): ...",
        "@worker_task('x')\ndef f(name: str, n=1): ...",
    ),
    (
        "k = 1\nc = Configuration(authentication_settings=AuthenticationSettings('a', 'b') if k else None)",
        "k = 1\nc = Settings.from_env(**({\"auth_key\": 'a', \"auth_secret\": 'b'} if k else None) or {})",
    ),
    (
        "o = OrkesClients()\nw, t = o.get_workflow_client(), o.get_task_client()\nw.pause_workflow('i')",
        "o = ConductorClient()\nw, t = o.workflows, o.tasks\nw.pause('i')",
    ),
    (
        "h: Optional[TaskHandler] = None\ndef f():\n    return h.is_healthy()",
        "h: Optional[TaskHandler] = None\ndef f():\n    return h.health().is_live",
    ),
    (
        "def f(h: TaskHandler | None):\n    h.stop_processes()",
        "def f(h: TaskHandler | None):\n    h.stop()",
    ),
    (
        BASE_INIT.format("(WorkerInterface)", "super().__init__(name)", "self.get_task_definition_name()"),
        BASE_INIT.format("", "self.task_definition_name = name", "self.task_definition_name"),
    ),
    (
        "s = SaveScheduleRequest(name='n', cron_expression='c', start_workflow_request=None)",
        "s = WorkflowSchedule(name='n', cron_expression='c', start_workflow_request=None)",
    ),
    (
        "d = TaskDef()\nprint('between')\nd.name = 'x'\nd.retry_count = 1",
        "d = TaskDef(name='x')\nprint('between')\nd.retry_count = 1",
    ),
]


def test_lines_are_rewritten(tmp_path):
    for old, new in ROWS:
        assert rewritten(old, tmp_path).replace("\n\n", "\n") == new, old


OPEN = [
    ("o = AIOrchestrator(api_configuration=Configuration())", "AIOrchestrator has no direct counterpart: use client."),
    (
        "def f(items):\n    s = SwitchTask('r', 'x')\n    for i in items:\n        s.switch_case(i, [])",
        "switch_case(...)",
    ),
    ("h = TaskHandler(**options)", "passed with a star"),
    ("c = Configuration()\nc.http_connection = None", "no attribute 'http_connection'"),
    (
        "def f(client):\n    client.pause_workflow('i')",
        "if this is a method of conductor-python's WorkflowClient, write pause",
    ),
    ("t = WorkflowTask()", "it requires name, task_reference_name"),
    ("wf = ConductorWorkflow(name='w', executor=None)\nwf.to_workflow_task()", "sub_workflow(workflow)"),
    ("ctx = get_task_context()\nctx.set_output({})", "the function's return value"),
    ("class W(WorkerInterface):\n    def execute(self, task): ...\n\nw = W(names())", "write Worker(W().execute"),
]


def test_what_needs_a_person_is_reported_with_its_line(tmp_path):
    for code, reason in OPEN:
        done = migrate(code, tmp_path)
        found = [one for one in done.findings if one.is_open]
        assert [reason in one.reason for one in found] == [True], (code, found)
        line = found[0].line - IMPORTS.count("\n")
        text = code.splitlines()[line - 1]
        assert any(word in text for word in reason.replace("(", " ").replace("'", " ").split()) or line > 0, code


NOTES = [
    ("c = Configuration(debug=True)", "logging is the application's"),
    ("c = Configuration()\nc.apply_logging_config()", "apply_logging_config() is deleted"),
    ("def f(client):\n    return client.get_workflow('i')", "WorkflowClient, write get(workflow_id"),
    ("h = TaskHandler(restart_on_failure=False)", "restart_on_failure is dropped"),
    ("@worker_task('x', strict_schema=True)\ndef f(): ...", "strict_schema is dropped"),
    ("import multiprocessing\nmultiprocessing.set_start_method('fork')", "set_start_method() is deleted"),
]


def test_what_only_behaves_differently_is_a_note(tmp_path):
    for code, reason in NOTES:
        done = migrate(code, tmp_path)
        assert not done.is_open
        assert [reason in one.reason for one in done.findings] == [True], code


def test_programs_that_do_not_use_conductor_python_are_not_changed(tmp_path):
    for code in ("import conductor\n", "x = 'conductor'\n", "from conductor import Workflow\nw = Workflow('w')\n", ""):
        done = migrate(code, tmp_path, imports="")
        assert (done.is_changed, done.findings) == (False, ()), code


def test_what_a_function_returns_is_known_in_the_other_files(tmp_path):
    (tmp_path / "flows.py").write_text(
        "from conductor.client.workflow.conductor_workflow import ConductorWorkflow\n"
        "def flow(executor) -> ConductorWorkflow:\n    return ConductorWorkflow(name='w', executor=executor)\n"
    )
    (tmp_path / "app.py").write_text(
        "from conductor.client.orkes_clients import OrkesClients\nfrom flows import flow\n"
        "clients = OrkesClients()\nflow(clients.get_workflow_executor()).register(True)\n"
    )
    done = {one.path.name: one.new.decode() for one in Project(PUBLIC).migrate(find_programs(tmp_path))}
    assert done["app.py"].endswith("flow(clients).register(clients, overwrite=True)\n")


# -- files

GREET = """\
from conductor.client.worker.worker_task import worker_task

@worker_task(task_definition_name='g')
def g(): ...
"""


def run(capsys, *words):
    capsys.readouterr()
    status = main(["migrate", *map(str, words)])
    return status, *capsys.readouterr()


def test_without_write_a_diff_is_shown_and_nothing_is_written(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("greet.py").write_text(GREET)
    status, out, err = run(capsys, "greet.py")
    assert status == 0
    assert out.startswith("--- a/greet.py\n+++ b/greet.py\n")
    assert "-@worker_task(task_definition_name='g')\n+@worker_task('g')\n" in out
    assert "1 files: 1 would change, 0 need manual changes.\nNothing was written; add --write" in err
    assert Path("greet.py").read_text() == GREET


def test_newlines_encoding_mark_comments_and_mode_are_kept(tmp_path, capsys):
    latin = ("# -*- coding: latin-1 -*-\n# caf\xe9\n" + GREET).encode("latin-1")
    crlf = GREET.replace("\n", "\r\n").encode()
    marked = b"\xef\xbb\xbf" + GREET.encode()
    for name, content in {"latin.py": latin, "crlf.py": crlf, "marked.py": marked}.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "crlf.py").chmod(0o754)
    assert run(capsys, "--write", "--no-diff", tmp_path)[0] == 0
    assert b"# caf\xe9\nfrom conductor import worker_task\n" in (tmp_path / "latin.py").read_bytes()
    assert (
        (tmp_path / "crlf.py")
        .read_bytes()
        .startswith(b"from conductor import worker_task\r\n\r\n@worker_task('g')\r\n")
    )
    assert (tmp_path / "marked.py").read_bytes().startswith(b"\xef\xbb\xbffrom conductor import")
    if os.name == "posix":
        assert stat.S_IMODE((tmp_path / "crlf.py").stat().st_mode) == 0o754


def test_files_that_cannot_be_read_as_python_are_reported_and_left(tmp_path, capsys):
    broken = b"from conductor.client import (\n"
    undecodable = b"# conductor\nx = '\xff'\n"
    (tmp_path / "broken.py").write_bytes(broken)
    (tmp_path / "bytes.py").write_bytes(undecodable)
    (tmp_path / "greet.py").write_text(GREET)
    status, _, err = run(capsys, "--write", tmp_path)
    assert status == 1
    assert "broken.py:2: syntax error" in err.replace("broken.py:1:", "broken.py:2:")
    assert "bytes.py:1: cannot be decoded" in err
    assert (tmp_path / "broken.py").read_bytes() == broken
    assert (tmp_path / "bytes.py").read_bytes() == undecodable
    assert "conductor.client" not in (tmp_path / "greet.py").read_text()


def test_virtual_environments_and_build_results_are_skipped(tmp_path):
    for folder in (".venv", "mine", "build", "__pycache__", "node_modules", ".git", "a/site-packages", "x.egg-info"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "one.py").write_text(GREET)
    (tmp_path / "mine" / "pyvenv.cfg").touch()
    (tmp_path / "a" / "two.py").write_text(GREET)
    assert find_programs(tmp_path) == [tmp_path / "a" / "two.py"]


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    path = tmp_path / "greet.py"
    path.write_text(GREET)

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr("conductor.migration.programs.Path.replace", fail)
    with pytest.raises(OSError, match="disk full"):
        write_atomically(path, b"new")
    assert [one.name for one in tmp_path.iterdir()] == ["greet.py"]
    assert path.read_text() == GREET


def test_a_symbolic_link_stays_one(tmp_path):
    target = tmp_path / "target.py"
    target.write_text("old")
    link = tmp_path / "link.py"
    link.symlink_to(target)
    write_atomically(link, b"new")
    assert link.is_symlink()
    assert target.read_text() == "new"


def test_the_exit_status_and_json_say_what_is_left(tmp_path, capsys):
    path = tmp_path / "open.py"
    path.write_text("from conductor.client.ai.orchestrator import AIOrchestrator\no = AIOrchestrator()\n")
    status, out, _ = run(capsys, path, "-o", "json")
    [one] = json.loads(out)
    assert status == 1
    assert one["findings"][0]["line"] == 2
    assert one["findings"][0]["open"] is True
    assert run(capsys, tmp_path / "nothing.py")[0] == 2
    assert run(capsys)[0] == 2


def test_without_libcst_the_command_names_the_extra(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    status, _, err = run(capsys, tmp_path)
    assert status == 2
    assert "Install the extra migrate: " in err


def test_the_help_documents_the_exit_status(capsys):
    status, out, _ = run(capsys, "--help")
    assert status == 0
    assert "Exit status: 0 every program is migrated; 1 a person has to change something" in " ".join(out.split())


# -- the tables

OWNERS = {kind: getattr(CLIENT, attribute) for kind, (attribute, _, _) in calls.CLIENTS.items()}
OWNERS |= dict.fromkeys(("WorkflowExecutor", "AuthorizationClient", "OrkesClients"), CLIENT)


@each("kind", list(OWNERS))
def test_methods_of_clients_become_methods_that_take_the_arguments(kind):
    for old, new in calls.METHODS[kind].items():
        path, params = parse_signature(new)
        found = OWNERS[kind]
        for name in path.split(".") if path else ():
            assert hasattr(found, name), f"{old} -> {new}"
            found = getattr(found, name)
        if callable(found) and "(" in new and path:
            known = inspect.signature(found).parameters
            words = [one.partition("=")[0] for one in params if "=" in one]
            assert set(words) <= set(known), f"{old} -> {new}"
            given = {re.split(r"[.\[]", one.rpartition("=")[2].strip("[]"))[0] for one in params}
            assert given <= set(parse_signature(old)[1]), f"{old} -> {new}"


def test_each_old_method_is_rewritten_or_reported():
    homes = {
        "conductor.clients.tasks.TaskClient": "TaskClient",
        "conductor.clients.metadata.MetadataClient": "MetadataClient",
        "conductor.clients.schedules.ScheduleClient": "SchedulerClient",
        "conductor.clients.secrets.SecretClient": "SecretClient",
        "conductor.clients.integrations.PromptClient": "PromptClient",
        "conductor.clients.integrations.IntegrationClient": "IntegrationClient",
        "conductor.clients.services.SchemaClient": "SchemaClient",
        "conductor.worker.handler.TaskHandler": "TaskHandler",
    }
    others = {"test_prompt", "get_next_few_schedules", "set_workflow_tags", "get_workflow_tags", "add_workflow_tag"}
    others |= {"delete_workflow_tag", "start_polling", "isPolling", "stop_polling", "update_polling_options"}
    for path, kind in homes.items():
        there = {parse_signature(old)[0] for old in calls.METHODS[kind]}
        assert set(ATTRIBUTES[path]) - there <= others, kind


def test_each_class_of_a_step_is_also_in_the_table_of_names():
    steps = {parse_signature(old)[0] for old in calls.STEPS}
    assert steps - set(NAMES) <= {"wait_for_webhook", "PullWorkflowMessagesTask", "GetDocument"}
    for old, new in calls.STEPS.items():
        name, _ = parse_signature(new)
        assert hasattr(conductor.workflow, name), old


def test_models_of_another_name_and_required_arguments_exist():
    for new in calls.MODEL_NAMES.values():
        assert new in conductor.models.__all__
    for model, names in calls.REQUIRED.items():
        assert set(names) <= set(inspect.signature(getattr(conductor.models, model)).parameters)
    for model, names in calls.MODEL_FIELDS.items():
        assert set(names.values()) <= set(inspect.signature(getattr(conductor.models, model)).parameters)
