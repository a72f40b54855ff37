"""Tasks that the server dispatched in a response that was lost come back at once, not after their response timeout."""

import itertools
import time
from collections import Counter

from lossy_proxy import LossyProxy

from conductor import ConductorClient, Settings, TaskHandler, Worker, get_task_context

WORKFLOWS, STEPS = 20, 3


def test_workflows_end_soon_though_update_responses_are_lost(server_url, client, names, wait_until):
    task_types = [names.task(f"step{number}", responseTimeoutSeconds=600, timeoutSeconds=0) for number in range(STEPS)]
    steps = [{"name": one, "taskReferenceName": f"s{n}", "type": "SIMPLE"} for n, one in enumerate(task_types)]
    workflow = names.workflow(steps)
    updates, runs = itertools.count(1), Counter()

    def is_lost(method, path, body):
        return method == "POST" and path.startswith("/api/tasks") and next(updates) % 3 == 0

    def function():
        runs[get_task_context().task.task_id] += 1

    with LossyProxy(server_url, is_lost) as proxy, ConductorClient(server_url=server_url) as direct:
        workers = [Worker(function, one, thread_count=5) for one in task_types]
        ids = [direct.workflows.start(workflow["name"]) for _ in range(WORKFLOWS)]
        began = time.monotonic()
        with TaskHandler(Settings(server_url=proxy.url), workers=workers):
            wait_until(
                lambda: not direct.workflows.list_running_ids(workflow["name"], version=1),
                timeout=90,
                what="the end of every workflow",
            )
            took = time.monotonic() - began
        assert {direct.workflows.get_status(one).status for one in ids} == {"COMPLETED"}
    lost = sum(path.startswith("/api/tasks/update-v2") and len(content) > 2 for _, path, content in proxy.lost)
    assert lost, "no task was lost, so nothing had to be recovered"
    assert took < 60  # measured: under 20 s
    assert set(runs.values()) == {1}, "a task that was here ran again"
