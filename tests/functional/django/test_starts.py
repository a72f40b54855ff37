"""``start_on_commit``, with and without the outbox; commits, crashes and servers that are away."""

import threading
from datetime import timedelta

import pytest

from conductor.errors import NotFoundError, SerializationError
from conductor.server.http.middleware import Fault


@pytest.fixture
def entries(shop):
    from conductor.contrib.django.models import WorkflowStart

    return WorkflowStart.objects


@pytest.fixture
def pay(define):
    return define("pay", "shop_pay")


@pytest.fixture
def executions(client):
    """What the server has, by correlation id."""

    def find(name="pay"):
        return sorted(
            (client.workflows.get(one).correlation_id, one) for one in client.workflows.list_running_ids(name)
        )

    return find


def atomic():
    from django.db import transaction

    return transaction.atomic()


def start(*args, **more):
    from conductor.contrib.django import start_on_commit

    return start_on_commit(*args, **more)


def make_due(entries):
    from django.utils import timezone

    entries.update(due_at=timezone.now() - timedelta(seconds=1))


@pytest.mark.parametrize("outbox", [False, True])
def test_nothing_is_started_before_the_commit(shop, pay, executions, outbox):
    with atomic():
        correlation_id = start("pay", {"number": "o-1"}, outbox=outbox)
        assert executions() == []
    ((found, _),) = executions()
    assert found == correlation_id


@pytest.mark.parametrize("outbox", [False, True])
def test_a_rollback_starts_nothing(shop, pay, entries, executions, outbox):
    def change_your_mind():
        with atomic():
            start("pay", {"number": "o-1"}, outbox=outbox)
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        change_your_mind()

    assert executions() == []
    assert entries.count() == 0


def test_outside_a_transaction_it_is_started_at_once(shop, pay, executions):
    assert start("pay", {"number": "o-1"}, correlation_id="mine", outbox=False) == "mine"

    assert [found for found, _ in executions()] == ["mine"]


def test_without_the_outbox_a_start_that_fails_raises_after_the_commit(shop, server):
    from shop.models import Order

    transaction = atomic()
    transaction.__enter__()
    Order.objects.create(number="o-1")
    start("no_such_workflow", outbox=False)
    with pytest.raises(NotFoundError):
        transaction.__exit__(None, None, None)

    assert Order.objects.count() == 1


def test_the_input_is_captured_at_the_call_and_not_at_the_commit(shop, pay, client, executions):
    given = {"number": "o-1"}
    with atomic():
        start("pay", given, outbox=False)
        given["number"] = "o-2"

    ((_, workflow_id),) = executions()
    assert client.workflows.get(workflow_id).input == {"number": "o-1"}


def test_an_input_without_a_json_form_is_refused_in_the_transaction(shop, entries):
    with pytest.raises(SerializationError), atomic():
        start("pay", {"number": object()})

    assert entries.count() == 0


def test_an_entry_of_the_outbox_says_what_was_started(shop, pay, entries, executions):
    start("pay", {"number": "o-1"}, priority=7)

    entry = entries.get()
    assert [(entry.correlation_id, entry.workflow_id)] == executions()
    assert (entry.status, entry.attempts, entry.last_error) == ("STARTED", 1, "")
    assert entry.request["idempotencyKey"] == entry.key
    assert entry.request["priority"] == 7


def test_a_key_that_is_in_the_outbox_starts_nothing_again(shop, pay, entries, executions):
    for _ in range(2):
        start("pay", {"number": "o-1"}, idempotency_key="webhook-17")

    assert entries.count() == 1
    assert len(executions()) == 1


def test_while_the_server_is_away_starts_wait_and_are_put_off(shop, pay, server, entries, executions, monkeypatch):
    from conductor.contrib.django import get_client
    from conductor.contrib.django.configuration import forget_client
    from conductor.contrib.django.outbox import deliver_due

    monkeypatch.setenv("CONDUCTOR_SERVER_URL", "http://127.0.0.1:9/api")
    forget_client()
    with atomic():
        start("pay", {"number": "o-1"})
    waiting = entries.get()
    assert waiting.status == "PENDING"
    assert waiting.last_error.startswith("APIConnectionError")
    assert get_client().settings.server_url != server.url

    monkeypatch.setenv("CONDUCTOR_SERVER_URL", server.url)
    forget_client()
    make_due(entries)

    assert deliver_due() == 1
    assert [found for found, _ in executions()] == [waiting.correlation_id]


def test_a_definition_that_comes_later_is_waited_for(shop, define, entries, executions):
    from conductor.contrib.django.outbox import deliver_due

    start("pay", {"number": "o-1"})
    assert entries.get().status == "PENDING"
    assert "NotFoundError" in entries.get().last_error
    assert deliver_due() == 0  # it is not due

    define("pay", "shop_pay")
    make_due(entries)

    assert deliver_due() == 1
    assert entries.get().attempts == 2


def test_what_the_server_refuses_is_given_up_and_can_be_made_due_again(shop, pay, entries, server):
    from conductor.contrib.django.outbox import deliver_due, retry

    server.faults.add(Fault(status=400, path="/workflow", method="POST"))
    start("pay", {"number": "o-1"})
    assert entries.get().status == "REFUSED"
    make_due(entries)
    assert deliver_due() == 0

    assert retry(entries.all()) == 1
    assert deliver_due() == 1


def test_many_deliverers_start_each_entry_once(shop, pay, entries, executions):
    from django.db import connection
    from django.utils import timezone

    from conductor.contrib.django.models import WorkflowStart
    from conductor.contrib.django.outbox import deliver_due

    for n in range(20):
        request = {"name": "pay", "version": 1, "correlationId": f"c-{n:02}", "input": {"number": f"o-{n}"}}
        WorkflowStart.objects.create(workflow="pay", request=request, due_at=timezone.now())
    counts = []

    def work():
        counts.append(deliver_due())
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert sum(counts) == 20
    assert [found for found, _ in executions()] == [f"c-{n:02}" for n in range(20)]


def test_an_entry_is_started_again_after_its_deliverer_died(shop, pay, entries, executions):
    """The open-source server starts it twice then; one that heeds idempotency keys, as here, answers with the first."""
    from conductor.contrib.django import outbox

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(outbox, "_write", lambda *_, **__: None)  # as when the process is killed just there
        correlation_id = start("pay", {"number": "o-1"})
    assert entries.get().status == "PENDING"
    make_due(entries)

    assert outbox.deliver_due() == 1
    assert [found for found, _ in executions()] == [correlation_id]
    assert entries.get().status == "STARTED"


CRASH = """
import os
from django.db import transaction
from conductor.contrib.django import start_on_commit
from shop.models import Order

with transaction.atomic():
    transaction.on_commit(lambda: os._exit(9))
    Order.objects.create(number="crash")
    start_on_commit("pay", {"number": "crash"}, correlation_id="after-a-crash")
"""


def test_a_start_survives_a_crash_between_the_commit_and_the_start(
    shop, pay, manage, said, finish, wait_until, entries, client
):
    from shop.models import Order

    status, text = finish(manage("shell", "-c", CRASH, SHOP_LEASE="1"))
    assert status == 9, text
    assert entries.get().status == "PENDING"

    said(manage("conductor_worker"), "Running workers for")

    wait_until(lambda: Order.objects.get(number="crash").payments == 1, 30)
    wait_until(lambda: entries.get().status == "STARTED", 30)
    assert client.workflows.get(entries.get().workflow_id).correlation_id == "after-a-crash"


def test_the_outbox_command_delivers_and_its_status_says_what_is_left(shop, pay, manage, finish, entries, executions):
    start("pay", {"number": "o-1"})
    start("not_there", {})

    status, text = finish(manage("conductor_outbox", "--retry", "--prune", "0"))

    assert status == 1
    assert text.endswith("0 started, 1 waiting, 0 refused\n")
    assert [entry.workflow for entry in entries.all()] == ["not_there"]
    entries.all().delete()
    assert finish(manage("conductor_outbox")) == (0, "0 started, 0 waiting, 0 refused\n")
