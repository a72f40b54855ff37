"""A real Django project, migrated once into a SQLite file; workers run in separate processes."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import conductor.server
from conductor import ConductorClient

PROJECT = Path(__file__).parent / "project"


def sqlite(path):
    return {"ENGINE": "django.db.backends.sqlite3", "NAME": str(path), "OPTIONS": {"timeout": 20}}


@pytest.fixture(scope="session")
def django_project(tmp_path_factory):
    """The project, set up in this process; what its modules declare is taken out of the default registry again."""
    from conductor.worker.worker import default_registry

    database = sqlite(tmp_path_factory.mktemp("django") / "shop.db")
    before = dict(default_registry._workers)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHOP_DATABASE", json.dumps(database))
        patch.setenv("DJANGO_SETTINGS_MODULE", "shopsite.settings")
        patch.syspath_prepend(str(PROJECT))
        import django
        from django.core.management import call_command

        django.setup()
        declared = default_registry.list()
        default_registry._workers.clear()
        default_registry._workers.update(before)
        call_command("migrate", verbosity=0)
        yield {"database": database, "declared": [worker.name for worker in declared]}
        from django.db import connections

        connections.close_all()


@pytest.fixture
def server():
    with conductor.server.start() as one:
        yield one


@pytest.fixture
def client(server):
    with ConductorClient(server_url=server.url) as one:
        yield one


@pytest.fixture
def shop(django_project, server, monkeypatch):
    """The project in this process, with an empty database and a server of the test's own."""
    from django.db import connection
    from shop.models import Order

    from conductor.contrib.django.configuration import forget_client
    from conductor.contrib.django.models import WorkflowStart

    monkeypatch.setenv("CONDUCTOR_SERVER_URL", server.url)
    forget_client()
    WorkflowStart.objects.all().delete()
    Order.objects.all().delete()
    yield django_project
    forget_client()
    connection.close()


@pytest.fixture
def manage(django_project, server):
    """Start ``manage.py`` as a process: ``manage("conductor_worker", NAME=value)``."""
    processes = []

    def start(*words, project=PROJECT, database=None, **environ):
        env = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "shopsite.settings",
            "SHOP_DATABASE": json.dumps(database or django_project["database"]),
            "CONDUCTOR_SERVER_URL": server.url,
            **environ,
        }
        process = subprocess.Popen(
            [sys.executable, "manage.py", *words],
            cwd=project,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        with contextlib.suppress(ProcessLookupError):  # its children too: the reloader has one
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.fixture
def finish():
    """Wait for a process to end: its exit status, and all that it said."""

    def wait(process, timeout=30):
        said, _ = process.communicate(timeout=timeout)
        return process.returncode, said

    return wait


@pytest.fixture
def said():
    """Read a process's lines until one has ``text``."""

    def read(process, text, timeout=20):
        # With the children, which hold the pipe open: a failure must not hang.
        deadline, seen = threading.Timer(timeout, lambda: os.killpg(process.pid, signal.SIGKILL)), []
        deadline.start()
        try:
            for line in process.stdout:
                seen.append(line)
                if text in line:
                    return line
        finally:
            deadline.cancel()
        raise AssertionError(f"the process ended before it said {text!r}:\n{''.join(seen)}")

    return read


@pytest.fixture
def define(client):
    """Register a workflow of SIMPLE tasks, each with its definition; every input goes to every task."""

    def register(name, *types, inputs=("number",)):
        client.metadata.register_tasks([{"name": each, "retryCount": 3, "retryDelaySeconds": 0} for each in types])
        tasks = [
            {
                "name": each,
                "taskReferenceName": f"{each}_{n}",
                "type": "SIMPLE",
                "inputParameters": {key: f"${{workflow.input.{key}}}" for key in inputs},
            }
            for n, each in enumerate(types)
        ]
        client.metadata.update_workflows([{"name": name, "version": 1, "ownerEmail": "a@b.c", "tasks": tasks}])
        return name

    return register
