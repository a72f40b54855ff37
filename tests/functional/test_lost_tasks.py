"""Tasks in responses that are lost come back at once on the embedded server, and tasks that run are not touched."""

import threading
from collections import Counter

from lossy_proxy import LossyProxy

from conductor import ConductorClient, Settings, TaskHandler, Worker, get_task_context
from conductor.server import start as start_server


def define(client, name, *task_types):
    client.metadata.register_tasks(
        [{"name": one, "retryCount": 0, "responseTimeoutSeconds": 600, "timeoutSeconds": 0} for one in task_types]
    )
    steps = [{"name": one, "taskReferenceName": f"s{n}", "type": "SIMPLE"} for n, one in enumerate(task_types)]
    client.metadata.register_workflow({"name": name, "version": 1, "tasks": steps})


class Losses:
    """Loses every third response of polls that carry tasks and of updates."""

    def __init__(self):
        self.count = 0
        self.lock = threading.Lock()

    def __call__(self, method, path, body):
        is_poll = "/tasks/poll/" in path and body.startswith(b"[{")
        if not is_poll and not (method == "POST" and path.startswith("/api/tasks")):
            return False
        with self.lock:
            self.count += 1
            return self.count % 3 == 0


def test_lost_polls_and_updates_delay_tasks_by_seconds_only(wait_until):
    runs, long_runs, release = Counter(), Counter(), threading.Event()

    def short():
        runs[get_task_context().task.task_id] += 1

    def long():
        long_runs[get_task_context().task.task_id] += 1
        release.wait(60)

    with start_server() as server, ConductorClient(server_url=server.url) as direct:
        define(direct, "short", "first", "second")
        define(direct, "long", "long")
        with LossyProxy(server.url, Losses()) as proxy:
            workers = [Worker(short, "first", thread_count=3), Worker(short, "second", thread_count=3)]
            workers += [Worker(long, "long", thread_count=4)]
            with TaskHandler(Settings(server_url=proxy.url), workers=workers):
                for _ in range(4):
                    direct.workflows.start("long")
                wait_until(lambda: len(long_runs) == 4, timeout=30, what="every long task")
                ids = [direct.workflows.start("short") for _ in range(5)]
                wait_until(
                    lambda: not direct.workflows.list_running_ids("short", version=1),
                    timeout=60,
                    what="the end of every workflow",
                )
                release.set()
                wait_until(lambda: not direct.workflows.list_running_ids("long", version=1), timeout=60)
            assert any(b"taskId" in content for _, _, content in proxy.lost)
            assert any("/tasks/search-v2" in path for _, path in proxy.requests)
        assert {direct.workflows.get_status(one).status for one in ids} == {"COMPLETED"}
    assert set(runs.values()) == set(long_runs.values()) == {1}


def test_an_id_that_other_handlers_may_have_too_is_not_searched(wait_until):
    with start_server() as server, ConductorClient(server_url=server.url) as direct:
        define(direct, "flow", "work")
        with LossyProxy(server.url, lambda method, path, body: body.startswith(b"[{")) as proxy:
            direct.workflows.start("flow")
            with TaskHandler(Settings(server_url=proxy.url), workers=[Worker(lambda: None, "work", worker_id="me")]):
                wait_until(lambda: proxy.lost, timeout=30, what="the lost task")
            assert not any("/tasks/search" in path for _, path in proxy.requests)


def test_each_handler_has_a_worker_id_of_its_own(wait_until):
    seen = set()

    def work():
        seen.add(get_task_context().task.worker_id)

    with start_server() as server, ConductorClient(server_url=server.url) as client:
        define(client, "flow", "work")
        for count in (1, 2):
            with TaskHandler(client, workers=[Worker(work, "work")]):
                client.workflows.start("flow")
                wait_until(lambda count=count: len(seen) == count, timeout=30)
