"""A project whose tasks run through Conductor; run in an environment with Django's Tasks framework."""

import asyncio
import os
import sys
import types

import django
from django.conf import settings

settings.configure(
    SECRET_KEY="only for tests",
    USE_TZ=True,
    INSTALLED_APPS=["conductor.contrib.django"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    TASKS={
        "default": {
            "BACKEND": "conductor.contrib.django.tasks.ConductorBackend",
            "QUEUES": ["default", "mail"],
            "OPTIONS": {"owner_email": "shop@example.com"},
        }
    },
    CONDUCTOR={"SERVER_URL": os.environ["CONDUCTOR_SERVER_URL"], "WORKER": {"thread_count": 2}},
)
django.setup()

try:
    from django.tasks import task
    from django.tasks.signals import task_enqueued, task_finished, task_started
except ImportError:
    from django_tasks import task
    from django_tasks.signals import task_enqueued, task_finished, task_started

jobs = sys.modules["jobs"] = types.ModuleType("jobs")


def job(**options):
    def add(function):
        function.__module__ = "jobs"
        made = task(**options)(function)
        setattr(jobs, function.__name__, made)
        return made

    return add


@job()
def add(a, b=1):
    return a + b


@job(queue_name="mail", priority=10)
def send(to):
    return {"sent": to}


@job(takes_context=True)
def attempt(context):
    return [context.attempt, context.task_result.id]


@job()
async def slow(n):
    await asyncio.sleep(0.01)
    return n * 2


@job()
def fail():
    raise ValueError("no beans")


@job()
def unserializable():
    return object()


seen = []
for name, one in (("enqueued", task_enqueued), ("started", task_started), ("finished", task_finished)):
    one.connect(lambda sender, task_result, name=name, **_: seen.append(name), weak=False)
