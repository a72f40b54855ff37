"""Importing the package costs little, does nothing, and gives exactly the names that it promises."""

import json
import subprocess
import sys

import conductor


def run(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    return json.loads(done.stdout)


def test_declaring_workers_does_not_import_an_http_library():
    code = """
import json, sys
import conductor
from conductor import TaskDef, TaskInProgress, TaskResult, Worker, get_task_context, worker_task
print(json.dumps(sorted({"requests", "urllib3"} & sys.modules.keys())))
"""
    assert run(code) == []


def test_naming_every_public_name_does_not_import_an_http_library():
    code = """
import json, sys
import conductor
for name in conductor.__all__:
    getattr(conductor, name)
print(json.dumps(sorted({"requests", "urllib3"} & sys.modules.keys())))
"""
    assert run(code) == []


#: What neither an import nor a first poll of workers with plain annotations needs, each 1 to 20 ms.
NOT_AT_START = (
    *("asyncio", "cattrs", "ctypes", "decimal", "difflib", "fractions", "http.server", "multiprocessing", "sqlite3"),
    *("subprocess", "unittest", "conductor.cli", "conductor.clients.tasks", "conductor.clients.workflows"),
    *("conductor.contrib", "conductor.diagram", "conductor.models.access"),
    *("conductor.models.execution", "conductor.models.files", "conductor.server", "conductor.testing"),
    *("conductor.validation", "conductor.worker.child", "conductor.worker.coroutines", "conductor.worker.outbox"),
    *("conductor.worker.probes", "conductor.worker.processes", "conductor.workflow"),
)
WORKER = """
import json, sys, threading
sys.modules["orjson"] = None  # it imports more of the standard library
from conductor import ConductorClient, TaskHandler, worker_task

@worker_task("startup", poll_interval_ms=10)
def startup(order: dict[str, object], *, count: int = 0, note: str | None = None) -> dict[str, object]:
    return {}
"""


def test_a_worker_program_imports_only_what_it_needs_to_start():
    code = f"{WORKER}print(json.dumps([sorted(set({NOT_AT_START}) & sys.modules.keys()), sorted(sys.modules)]))"
    unneeded, loaded = run(code)

    assert unneeded == []
    roots = {name.partition(".")[0] for name in loaded} - set(sys.stdlib_module_names)
    ours = {name for name in roots if name.startswith(("_", "conductor"))}
    assert roots - ours - {"sitecustomize", "distutils-precedence", "coverage"} <= {
        "attr",
        "attrs",
        "typing_extensions",
        "orjson",
    }


def test_a_first_poll_imports_only_what_it_needs():
    code = f"""{WORKER}
polled = threading.Event()
client = ConductorClient(server_url="http://127.0.0.1:9/api", connect_timeout_ms=200)
client.transport.observers = (lambda *_: polled.set(),)
with TaskHandler(client):
    assert polled.wait(30)
    print(json.dumps(sorted(set({NOT_AT_START}) & sys.modules.keys())))
"""
    assert run(code) == []


def test_models_load_what_draws_them_when_they_are_drawn():
    code = """
import json, sys
from conductor.models import WorkflowDef
definition = WorkflowDef("w")
before = "conductor.diagram" in sys.modules
print(json.dumps([before, "<svg" in definition._repr_html_()]))
"""
    assert run(code) == [False, True]


def test_importing_starts_no_thread_and_configures_no_logging():
    code = """
import json, logging, threading
before = logging.root.level, list(logging.root.handlers)
import conductor
for name in conductor.__all__:
    getattr(conductor, name)
after = logging.root.level, list(logging.root.handlers)
ours = logging.getLogger("conductor")
print(json.dumps([threading.active_count(), before == after, ours.level, len(ours.handlers)]))
"""
    threads, untouched, level, handlers = run(code)

    assert threads == 1
    assert untouched
    assert level == 0
    assert handlers <= 1  # a NullHandler at most


def test_every_public_name_exists():
    assert {name: getattr(conductor, name, None) is not None for name in conductor.__all__} == dict.fromkeys(
        conductor.__all__, True
    )


def test_the_public_names_are_sorted_and_listed_once():
    assert list(conductor.__all__) == sorted(set(conductor.__all__))


def test_the_public_names_are_what_dir_shows():
    assert set(conductor.__all__) <= set(dir(conductor))


def test_an_unknown_name_is_an_attribute_error():
    assert not hasattr(conductor, "NoSuchName")


def test_every_error_is_public():
    from conductor import errors

    assert set(errors.__all__) <= set(conductor.__all__)
