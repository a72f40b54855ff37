"""The project on PostgreSQL with two worker processes; without PostgreSQL it fails in CI and is skipped elsewhere."""

import json
import os
import signal
import sys
from pathlib import Path

import psycopg
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from postgres import Postgres, find


@pytest.fixture(scope="module")
def postgres():
    programs = find()
    if programs is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("PostgreSQL is not installed")
    one = Postgres(programs)
    yield one
    one.stop()


@pytest.fixture
def shell(manage, finish, postgres):
    """Run code in the project on PostgreSQL; what it prints, read as JSON."""

    def run(code):
        status, text = finish(manage("shell", "--verbosity", "0", "-c", code, database=postgres.database), 60)
        assert status == 0, text
        return json.loads(text.splitlines()[-1]) if text.strip() else None

    return run


@pytest.fixture
def workers(manage, said, finish, postgres, shell):
    """Two worker processes on an empty, migrated database."""
    status, text = finish(manage("migrate", "--verbosity", "0", database=postgres.database), 60)
    assert status == 0, text
    shell("from shop.models import Order; Order.objects.all().delete()")
    both = [manage("conductor_worker", "--threads", "2", database=postgres.database) for _ in range(2)]
    for worker in both:
        said(worker, "Running workers for")
    return both


FILL = """
from django.db import connection, transaction
from django.utils import timezone
from conductor.contrib.django.models import WorkflowStart
from shop.models import Order

with transaction.atomic():  # as a web process leaves them that dies after its commit
    for n in range(60):
        Order.objects.create(number=f"o-{n}")
        request = {"name": "pay", "correlationId": f"c-{n}", "input": {"number": f"o-{n}"}}
        WorkflowStart.objects.create(workflow="pay", request=request, correlation_id=f"c-{n}")
"""
LEFT = """
import json
from django.db.models import Count
from conductor.contrib.django.models import WorkflowStart
from shop.models import Order

print(json.dumps({
    "unpaid": Order.objects.filter(payments=0).count(),
    "twice": Order.objects.filter(payments__gt=1).count(),
    "payers": sorted(set(Order.objects.exclude(paid_by=None).values_list("paid_by", flat=True))),
    "statuses": dict(WorkflowStart.objects.values_list("status").annotate(Count("pk"))),
    "attempts": sorted(set(WorkflowStart.objects.values_list("attempts", flat=True))),
    "executions": WorkflowStart.objects.exclude(workflow_id="").values("workflow_id").distinct().count(),
}))
"""


def test_two_processes_start_each_entry_once_and_share_the_tasks(
    workers, postgres, shell, define, client, finish, wait_until
):
    define("pay", "shop_pay")

    shell(FILL)
    with psycopg.connect(host=str(postgres.folder), user="postgres", autocommit=True) as connection:
        unpaid = "select count(*) from shop_order where payments = 0"
        wait_until(lambda: connection.execute(unpaid).fetchone() == (0,), 60)
    left = shell(LEFT)
    for worker in workers:
        worker.send_signal(signal.SIGTERM)
    ends = [finish(worker) for worker in workers]

    assert left["twice"] == 0
    assert left["payers"] == sorted(worker.pid for worker in workers)
    assert left["statuses"] == {"STARTED": 60}
    assert left["attempts"] == [1]
    assert left["executions"] == 60
    assert client.workflows.search(size=1).total_hits == 60
    assert [status for status, _ in ends] == [0, 0], ends


def test_workers_continue_after_a_restart_of_the_database(workers, postgres, define, client):
    define("counted", "shop_count_connections")

    def count():
        run = client.workflows.run("counted", {}, timeout=30)
        assert run.status == "COMPLETED"
        return run.tasks[0]

    before = [count() for _ in range(12)]
    assert any(task.output_data["was_open"] for task in before)  # CONN_MAX_AGE keeps connections
    postgres.restart()
    after = [count() for _ in range(8)]

    assert {task.retry_count for task in after} == {0}  # CONN_HEALTH_CHECKS finds the broken ones first
