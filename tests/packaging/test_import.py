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


def test_every_public_name_is_there():
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
