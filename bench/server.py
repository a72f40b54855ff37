"""How fast is the embedded server, beside the real one with SQLite, by the same client and workers in one run?

    python bench/server.py                      starts both, one after the other, and prints a table
    python bench/server.py --only embedded      without the real one
    python bench/server.py --finished 100000    how many finished workflows the full database holds

A workflow has three worker tasks that return at once. "executions/s" is how many of those that were started in one go
end in a second; "execute" is the time of one call that starts a workflow and waits for its end.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import conductor.server
from conductor import ConductorClient, TaskHandler, worker_task
from conductor.server.embedded import EmbeddedServer
from conductor.server.engine.definitions import complete_workflow_def, populate
from conductor.server.engine.results import new_execution
from conductor.server.engine.tree import DefinitionTree
from conductor.settings import Settings
from conductor.worker.worker import WorkerRegistry

NAMES = ("bench_one", "bench_two", "bench_three")
FLOW = {
    "name": "bench",
    "version": 1,
    "ownerEmail": "bench@example.com",
    "tasks": [{"name": name, "taskReferenceName": name, "type": "SIMPLE"} for name in NAMES],
}
_AT_ONCE = 2000


def worker(name: str) -> Callable[[], dict[str, Any]]:
    """A worker that does nothing."""

    @worker_task(name, thread_count=4, poll_interval_ms=1, registry=REGISTRY)
    def done() -> dict[str, Any]:
        return {}

    return done


REGISTRY = WorkerRegistry()
WORKERS = [worker(name) for name in NAMES]


def measure(url: str, count: int, calls: int) -> dict[str, float]:
    """Executions a second, and the time of a call that waits for one, in ms."""
    with ConductorClient(server_url=url) as client:
        client.metadata.register_tasks([{"name": name, "ownerEmail": "bench@example.com"} for name in NAMES])
        client.metadata.update_workflows([FLOW])
        with TaskHandler(Settings(server_url=url), workers=WORKERS):
            client.workflows.execute("bench", version=1)
            times = [timed(lambda: client.workflows.execute("bench", version=1)) for _ in range(calls)]
            begin = time.perf_counter()
            for _ in range(count):
                client.workflows.start("bench")
            while client.workflows.search(query="workflowType=bench AND status=RUNNING", size=1).total_hits:
                time.sleep(0.05)
            rate = count / (time.perf_counter() - begin)
    return {"executions/s": rate, "execute p50, ms": statistics.median(times) * 1000}


def timed(call: Callable[[], Any]) -> float:
    """Seconds."""
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def fill(server: EmbeddedServer, count: int) -> None:
    """Write finished executions, each with its three tasks, the way that the server itself stores them."""
    kernel, store = server.services.kernel, server.services.kernel.store
    tree = DefinitionTree(populate(complete_workflow_def(FLOW), kernel.context))
    for first in range(0, count, _AT_ONCE):
        with kernel.lock, store.transaction():
            for number in range(first, min(first + _AT_ONCE, count)):
                store.save(finished(tree, number, kernel.context))


def finished(tree: DefinitionTree, number: int, context: Any) -> Any:
    """An execution that ended well."""
    request = {"name": "bench", "input": {"order": number, "note": "a customer's order"}}
    execution = new_execution(request, tree, context.new_id(), context)
    moment = context.now - 3_600_000 + number
    execution.workflow.update(status="COMPLETED", createTime=moment, updateTime=moment + 9, endTime=moment + 9)
    for seq, task in enumerate(tree.definition["tasks"], 1):
        document = task_document(execution, task, context)
        document.update(status="COMPLETED", seq=seq, executed=True, startTime=moment, endTime=moment + 3 * seq)
        document.update(updateTime=moment + 3 * seq, outputData={"n": seq})
        execution.add([document])
    return execution


def task_document(execution: Any, task: Any, context: Any) -> Any:
    """A task of an execution."""
    from conductor.server.engine.tasks.planning import new_document  # next to its only use

    made = new_document(execution, task, context.new_id(), context.now)
    made["taskType"] = task["name"]
    return made


def in_a_full_database(count: int, executions: int, calls: int) -> dict[str, float]:
    """The same with many finished executions, and how long it takes to find some of them."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "conductor.db"
        with conductor.server.start(database=path) as server:
            fill(server, count)
        begin = time.perf_counter()
        with conductor.server.start(database=path) as server, ConductorClient(server_url=server.url) as client:
            seen = {"start, s": time.perf_counter() - begin}
            seen["list 100, s"] = timed(lambda: client.workflows.search(size=100))
            by_time = f"startTime>0 AND status=COMPLETED AND endTime>{server.clock.now_ms() - 3_500_000}"
            seen["search by times, s"] = timed(lambda: client.workflows.search(query=by_time, size=100))
            seen["first free text, s"] = timed(lambda: client.workflows.search(free_text=f"order={count // 2}"))
            seen["next free text, s"] = timed(lambda: client.workflows.search(free_text=f"order={count // 3}"))
            seen |= measure(server.url, executions, calls)
            seen["database, MB"] = path.stat().st_size / 1e6
        return seen


@contextmanager
def real_server() -> Iterator[str]:
    """The real server with SQLite."""
    with conductor.server.start_oss_server(ready_timeout=400) as server:
        yield server.url


def memory_mb() -> float:
    """What this process, server and client, holds in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def show(title: str, seen: dict[str, float]) -> None:
    """Print a block of the table."""
    sys.stdout.write(f"\n{title}\n")
    for name, value in seen.items():
        sys.stdout.write(f"  {name:<24}{value:>10.3f}\n" if value < 1 else f"  {name:<24}{value:>10.1f}\n")
    sys.stdout.flush()


def main() -> int:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=["embedded", "real"])
    parser.add_argument("--finished", type=int, default=100_000)
    parser.add_argument("--executions", type=int, default=300)
    parser.add_argument("--calls", type=int, default=50)
    parser.add_argument("--real-url", help="a real server that runs already")
    given = parser.parse_args()
    if given.only != "real":
        with conductor.server.start() as server:
            show("embedded, in memory", measure(server.url, given.executions, given.calls))
        with tempfile.TemporaryDirectory() as folder, conductor.server.start(database=Path(folder) / "db") as server:
            show("embedded, a file", measure(server.url, given.executions, given.calls))
        seen = in_a_full_database(given.finished, given.executions, given.calls)
        show(f"embedded, {given.finished:,} finished executions", {**seen, "memory with client, MB": memory_mb()})
    if given.only != "embedded":
        few = max(1, given.executions // 5), max(1, given.calls // 5)
        if given.real_url:
            show("real, SQLite", measure(given.real_url, *few))
        else:
            with real_server() as url:
                show("real, SQLite", measure(url, *few))
    return 0


if __name__ == "__main__":
    sys.exit(main())
