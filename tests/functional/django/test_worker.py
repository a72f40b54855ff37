"""``manage.py conductor_worker`` as a process."""

import contextlib
import os
import shutil
import signal
import threading
from pathlib import Path

PROJECT = Path(__file__).parent / "project"


def order(number):
    from shop.models import Order

    return Order.objects.create(number=number)


def test_tasks_use_the_database_and_a_signal_ends_the_process_in_order(shop, client, define, manage, said, finish):
    order("o-1")
    worker = manage("conductor_worker")
    said(worker, "Running workers for")

    run = client.workflows.run(define("pay_and_ship", "shop_pay", "shop_ship"), {"number": "o-1"}, timeout=20)
    worker.send_signal(signal.SIGTERM)
    status, text = finish(worker)

    from shop.models import Order

    assert run.status == "COMPLETED"
    assert Order.objects.get(number="o-1").paid_by == worker.pid
    assert status == 0, text
    assert "Traceback" not in text


def test_the_connection_of_a_tasks_thread_ends_with_the_task(shop, client, define, manage, said):
    said(manage("conductor_worker", "--threads", "1"), "Running workers for")
    define("counted", "shop_count_connections")

    runs = [client.workflows.run("counted", {}, timeout=20) for _ in range(2)]

    first, second = (run.tasks[0].output_data for run in runs)
    assert first["thread"] == second["thread"]
    assert (first["was_open"], second["was_open"]) == (False, False)


def test_a_connection_broken_in_a_task_does_not_affect_the_next_task(shop, client, define, manage, said):
    said(manage("conductor_worker", "--threads", "1"), "Running workers for")
    define("broken", "shop_break_connection")

    runs = [client.workflows.run("broken", {}, timeout=20) for _ in range(2)]

    for run in runs:  # the second one's first query works
        assert run.tasks[0].output_data["then"] != "it worked"


def test_with_several_processes_each_has_django_set_up(shop, client, define, manage, said, finish, wait_until):
    from shop.models import Order

    for n in range(12):
        order(f"p-{n}")
    worker = manage("conductor_worker", "--processes", "2", "--threads", "1")
    said(worker, "Running workers for")
    define("pay", "shop_pay")

    ids = [client.workflows.start("pay", {"number": f"p-{n}"}) for n in range(12)]
    wait_until(lambda: all(client.workflows.get(one).status == "COMPLETED" for one in ids), 30)
    worker.send_signal(signal.SIGTERM)
    status, text = finish(worker)

    payers = {paid.paid_by for paid in Order.objects.all()}
    assert worker.pid not in payers
    assert None not in payers
    assert status == 0, text


@contextlib.contextmanager
def touching(path):
    """Change a file's time again and again: the reloader sees no change from before its first look."""
    done = threading.Event()

    def touch():
        while not done.wait(2):
            os.utime(path)

    thread = threading.Thread(target=touch)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def test_in_development_changed_code_is_loaded_and_what_runs_is_finished(
    shop, client, define, manage, said, tmp_path, wait_until
):
    project = tmp_path / "project"
    shutil.copytree(PROJECT, project, ignore=shutil.ignore_patterns("__pycache__"))
    workers = project / "shop" / "workers.py"
    task = 'from conductor import worker_task\nimport time\n\n@worker_task("shop_version")\ndef version():\n'
    workers.write_text(f"{task}    time.sleep(2)\n    return {{'version': 1}}\n")
    worker = manage("conductor_worker", project=project, SHOP_DEBUG="1", PYTHONDONTWRITEBYTECODE="1")
    said(worker, "Running workers for")
    define("version", "shop_version")

    running = client.workflows.start("version", {})
    wait_until(lambda: client.workflows.get(running, include_tasks=True).tasks[0].status == "IN_PROGRESS", 20)
    workers.write_text(f"{task}    return {{'version': 2}}\n")
    with touching(workers):
        said(worker, "Running workers for")
    second = client.workflows.run("version", {}, timeout=20)

    first = client.workflows.get(running, include_tasks=True)
    assert first.tasks[0].output_data == {"version": 1}
    assert second.tasks[0].output_data == {"version": 2}
