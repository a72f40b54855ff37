"""Each integration without the package that it is for."""

import json
import subprocess
import sys

import django

from conductor._internal.installation import install_command

PACKAGES = {
    "opentelemetry": "opentelemetry",
    "prometheus": "prometheus_client",
    "sentry": "sentry_sdk",
    "flask": "flask",
    "django": "django",
    "django.tasks": "django_tasks",
}

PROGRAM = """
import importlib, json, sys

class Without:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in missing:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Without())
for module, package in json.loads(sys.argv[1]).items():
    missing = {package}
    try:
        importlib.import_module(f"conductor.contrib.{module}")
    except ModuleNotFoundError as error:
        print(json.dumps([str(error), error.name]))
    else:
        print(json.dumps(["no error", None]))
"""


def test_an_integration_names_what_to_install():
    command = [sys.executable, "-c", PROGRAM, json.dumps(PACKAGES)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr

    found = dict(zip(PACKAGES, map(json.loads, done.stdout.splitlines()), strict=True))
    for module, package in PACKAGES.items():
        message, name = found[module]
        if module == "django.tasks" and name is None:
            assert django.VERSION >= (6,)  # which has the framework itself
            continue
        assert name.partition(".")[0] == package, found
        if module == "django.tasks":  # no extra has the package
            assert "needs Django 6.0 or later, or the package django-tasks" in message
        else:
            assert message.startswith(f"conductor.contrib.{module} needs the package {name}. "), message
            assert message.endswith(f"Install the extra {module}: {install_command(module)}"), message


WITHOUT_EXTRAS = """
import sys

class Without:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"orjson", "jq", "quickjs", "_quickjs", "hypothesis", "click", "yaml"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Without())
from conductor.testing import MockWorker, assert_workflow, execute_workflow
from conductor.testing.generators import example_workflow, example_workflow_run, inline_task, simple_task

assert example_workflow_run(example_workflow(simple_task("a"), inline_task("b"))).is_successful
run = execute_workflow(example_workflow(simple_task("a")), workers=[MockWorker("a", returns={"n": 1})])
assert_workflow(run).completed().has_output(n=1)
"""


def test_workflows_run_in_a_test_without_any_extra():
    command = [sys.executable, "-c", WITHOUT_EXTRAS]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
