"""What the embedded server costs, and what the open-source server costs with the same client on the same machine.

    python bench/server.py                      the embedded server
    python bench/server.py --oss                also the open-source server, with SQLite; some minutes more
    python bench/server.py --finished 1000      how many finished executions the full database holds
    python bench/server.py --small              few tasks and executions, to try the program

It prints Markdown tables. CPU is the processor time of the server's process and its children, read from /proc, so it
runs on Linux. A worker task is polled, in batches of ten, and completed at once, over plain HTTP.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from attrs import field, frozen

import conductor.server
from conductor.server.embedded import EmbeddedServer
from conductor.server.engine.definitions import complete_workflow_def, populate
from conductor.server.engine.results import new_execution
from conductor.server.engine.tasks.planning import new_document
from conductor.server.engine.tree import DefinitionTree

Json = dict[str, Any]

TASK = "bench_task"
_AT_ONCE = 2000
_TICK_MS = 1000 / os.sysconf("SC_CLK_TCK")
_PATIENCE_S = 600


class Client:
    """One connection to a server."""

    def __init__(self, url: str) -> None:
        address = urlsplit(url)
        self._connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=_PATIENCE_S)

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        """Call an operation; returns its JSON, or its text."""
        sent = None if body is None else json.dumps(body)
        self._connection.request(method, path, sent, {"content-type": "application/json"})
        response = self._connection.getresponse()
        text = response.read().decode()
        if response.status >= http.client.BAD_REQUEST:
            raise RuntimeError(f"{method} {path}: {response.status} {text[:300]}")
        return json.loads(text) if text[:1] in {"{", "["} else text

    def run(self, name: str, given: Json, tasks: int, output: Json) -> None:
        """Start a workflow, complete its tasks, and wait for its end."""
        workflow_id = self("POST", f"/api/workflow/{name}", given)
        while tasks:
            polled = self("GET", f"/api/tasks/poll/batch/{TASK}?count=10&timeout=100") or []
            for task in polled:
                ids = {"workflowInstanceId": task["workflowInstanceId"], "taskId": task["taskId"]}
                self("POST", "/api/tasks", {**ids, "status": "COMPLETED", "outputData": output})
            tasks -= len(polled)
        while self("GET", f"/api/workflow/{workflow_id}?includeTasks=false")["status"] != "COMPLETED":
            time.sleep(0.01)


@frozen
class Shape:
    """A workflow of worker tasks."""

    label: str
    tasks: list[Json]
    count: int
    times: int
    given: Json = field(factory=dict)
    output: Json = field(factory=lambda: {"n": 1})


def simple(reference: str, value: Any = "${workflow.input.n}") -> Json:
    """A worker task."""
    return {"name": TASK, "taskReferenceName": reference, "type": "SIMPLE", "inputParameters": {"value": value}}


def chain(size: int) -> Shape:
    """Tasks one after the other."""
    return Shape(f"chain of {size:,}", [simple(f"t{n}") for n in range(size)], size, max(1, 300 // size))


def fork(size: int) -> Shape:
    """Branches of one task each."""
    names = [f"t{n}" for n in range(size)]
    made = {"name": "f", "taskReferenceName": "f", "type": "FORK_JOIN", "forkTasks": [[simple(one)] for one in names]}
    join = {"name": "j", "taskReferenceName": "j", "type": "JOIN", "joinOn": names}
    return Shape(f"fork of {size:,}", [made, join], size, max(1, 300 // size))


def loop(size: int) -> Shape:
    """Iterations of one task."""
    made = {"name": "l", "taskReferenceName": "l", "type": "DO_WHILE", "loopOver": [simple("t")]}
    made["loopCondition"] = f"$.l['iteration'] < {size}"
    return Shape(f"loop of {size:,}", [made], size, max(1, 300 // size))


def large() -> Shape:
    """Tasks that pass on half a megabyte."""
    text = "x" * 500_000
    tasks = [simple("t0"), simple("t1", "${t0.output.text}"), simple("t2", "${t1.output.text}")]
    return Shape("3 tasks with 500 KB each", tasks, 3, 5, {"n": text}, {"text": text})


@frozen
class Running:
    """A server in a process of its own."""

    url: str
    pid: int

    def cpu_ms(self) -> float:
        """Processor time of the process and its children, in ms."""
        return sum(_TICK_MS * (user + system) for user, system in map(_times, [self.pid, *_children(self.pid)]))


def _times(pid: int) -> tuple[int, int]:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]), int(fields[12])


def _children(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(one) for one in found.read_text().split()] if found.exists() else []


@contextmanager
def embedded(*arguments: str) -> Iterator[Running]:
    """Start the embedded server."""
    command = [sys.executable, "-m", "conductor.server", "--port", "0", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            url = next(word for word in line.split() if word.startswith("http"))
            yield Running(url, process.pid)
        finally:
            process.terminate()


@contextmanager
def oss() -> Iterator[Running]:
    """Start the open-source server, with SQLite."""
    with conductor.server.start_oss_server(ready_timeout=_PATIENCE_S) as server:
        yield Running(server.url, server.pid)


def prepare(client: Client) -> None:
    """Register the task."""
    limits = {"retryCount": 0, "timeoutSeconds": 0, "responseTimeoutSeconds": 3600}
    client("POST", "/api/metadata/taskdefs", [{"name": TASK, "ownerEmail": "bench@example.com", **limits}])


def register(client: Client, name: str, tasks: list[Json]) -> None:
    """Register a workflow."""
    definition = {"name": name, "version": 1, "ownerEmail": "bench@example.com", "schemaVersion": 2, "tasks": tasks}
    client("PUT", "/api/metadata/workflow", [{**definition, "timeoutSeconds": 0}])


def cost(server: Running, shape: Shape) -> float:
    """CPU of the server per task, in ms."""
    client, name = Client(server.url), "bench_" + "".join(one for one in shape.label if one.isalnum())
    register(client, name, shape.tasks)
    client.run(name, shape.given, shape.count, shape.output)
    before = server.cpu_ms()
    for _ in range(shape.times):
        client.run(name, shape.given, shape.count, shape.output)
    return (server.cpu_ms() - before) / shape.times / shape.count


def timed(call: Callable[[], Any]) -> float:
    """Milliseconds."""
    begin = time.perf_counter()
    call()
    return (time.perf_counter() - begin) * 1000


def p99(values: list[float]) -> float:
    """The 99th percentile."""
    return statistics.quantiles(values, n=100)[98]


@contextmanager
def waiting_polls(server: Running, count: int) -> Iterator[None]:
    """Long polls for other task types, as long as the block runs."""
    is_over = threading.Event()

    def poll(number: int) -> None:
        client = Client(server.url)
        while not is_over.is_set():
            client("GET", f"/api/tasks/poll/batch/other_{number % 20}?count=1&timeout=5000")

    threads = [threading.Thread(target=poll, args=(number,), daemon=True) for number in range(count)]
    for thread in threads:
        thread.start()
    time.sleep(1)
    try:
        yield
    finally:
        is_over.set()
        for thread in threads:
            thread.join(30)


def inline(script: str) -> Json:
    """A task with a script."""
    given = {"evaluatorType": "javascript", "expression": script}
    return {"name": "i", "taskReferenceName": "i", "type": "INLINE", "inputParameters": given}


def script_cost(server: Running) -> float:
    """Milliseconds that a warm script adds to an execution."""
    client, medians = Client(server.url), []
    for name, task in (("none", {"name": "n", "taskReferenceName": "n", "type": "NOOP"}), ("script", inline("1 + 1"))):
        register(client, f"bench_{name}", [task])
        for _ in range(10):
            client("POST", f"/api/workflow/bench_{name}", {})
        medians.append(
            statistics.median(timed(lambda n=name: client("POST", f"/api/workflow/bench_{n}", {})) for _ in range(100))
        )
    return medians[1] - medians[0]


def health_meanwhile(server: Running, seconds: float = 8.0) -> float:
    """The 99th percentile of GET /health while endless scripts and a fork of 1,000 run, in ms."""
    client = Client(server.url)
    register(client, "bench_endless", [inline("while (true) {}")])
    shape = fork(1000)
    register(client, "bench_wide", shape.tasks)

    def endless() -> None:
        Client(server.url)("POST", "/api/workflow/bench_endless", {})

    def wide() -> None:
        Client(server.url).run("bench_wide", {}, shape.count, shape.output)

    threads = [threading.Thread(target=one, daemon=True) for one in (endless, endless, endless, wide)]
    for thread in threads:
        thread.start()
    seen, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        seen.append(timed(lambda: client("GET", "/health")))
        time.sleep(0.005)
    for thread in threads:
        thread.join(60)
    return p99(seen)


def rows_of(server: Running, shapes: list[Shape], *, is_embedded: bool) -> dict[str, float]:
    """The rows of the first table."""
    prepare(Client(server.url))
    cost(server, chain(10))  # warms the server up
    seen = {f"{shape.label}, CPU ms per task": cost(server, shape) for shape in shapes}
    with waiting_polls(server, 200):
        begin, before = time.monotonic(), server.cpu_ms()
        time.sleep(5)
        seen["200 waiting polls of 5 s, CPU %"] = (server.cpu_ms() - before) / (time.monotonic() - begin) / 10
        if is_embedded:
            seen["chain of 10 during 200 waiting polls, CPU ms per task"] = cost(server, chain(10))
    client = Client(server.url)  # the open-source server has closed idle connections
    register(client, "bench_three", [simple("a"), simple("b"), simple("c")])
    seen["start to end of three tasks, p50 ms"] = statistics.median(
        timed(lambda: client.run("bench_three", {}, 3, {})) for _ in range(20)
    )
    if is_embedded:
        seen["additional time of a warm script, ms"] = script_cost(server)
        seen["GET /health during endless scripts and a fork of 1,000, p99 ms"] = health_meanwhile(server)
    return seen


def fresh_start() -> dict[str, float]:
    """Seconds until a server is ready in a fresh process, and how long SIGTERM takes during an endless script."""
    code = "import conductor.server as s; server = s.start(); print(server.url, flush=True); server.stop()"
    command = [sys.executable, "-c", code]
    walls: list[float] = []
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    for _ in range(5):
        begin = time.perf_counter()
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            if process.stdout is not None:
                process.stdout.readline()
            walls.append(time.perf_counter() - begin)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / 5
    with embedded() as server:
        client = Client(server.url)
        register(client, "bench_endless", [inline("while (true) {}")])
        threading.Thread(target=_ignoring_errors, args=(server.url,), daemon=True).start()
        time.sleep(0.5)
        os.kill(server.pid, signal.SIGTERM)
        stop = timed(lambda: os.waitid(os.P_PID, server.pid, os.WEXITED | os.WNOWAIT))
    return {
        "fresh process: import and start, p50 s": statistics.median(walls),
        "the same with its stop, CPU s": cpu,
        "SIGTERM during an endless script, s": stop / 1000,
    }


def _ignoring_errors(url: str) -> None:
    try:
        Client(url)("POST", "/api/workflow/bench_endless", {})
    except (OSError, http.client.HTTPException, RuntimeError):
        return  # the server stops meanwhile


def fill(server: EmbeddedServer, count: int) -> None:
    """Write finished executions, each with its three tasks, the way that the server itself stores them."""
    kernel, store = server.services.kernel, server.services.kernel.store
    definition = {"name": "bench", "version": 1, "tasks": [simple("a"), simple("b"), simple("c")]}
    tree = DefinitionTree(populate(complete_workflow_def(definition), kernel.context))
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
        document = new_document(execution, task, context.new_id(), context.now)
        document.update(taskType=TASK, status="COMPLETED", seq=seq, executed=True, startTime=moment)
        document.update(endTime=moment + 3 * seq, updateTime=moment + 3 * seq, outputData={"n": number + seq})
        execution.add([document])
    return execution


def in_a_full_database(count: int) -> dict[str, float]:
    """How long it takes to find some of many finished executions, and to index them."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "conductor.db"
        with conductor.server.start(database=path) as server:
            fill(server, count)
        begin = time.perf_counter()
        with conductor.server.start(database=path) as server:
            seen = {"start, ms": (time.perf_counter() - begin) * 1000}
            index = server.services.kernel.store.search
            while index.backlog() > 200:
                time.sleep(0.5)
            seen["all entries indexed by the idle server, s"] = time.perf_counter() - begin
            for label, path_and_query in _searches(count, server.clock.now_ms()).items():
                client = Client(server.url)
                client("GET", path_and_query)
                seen[f"{label}, ms"] = min(timed(lambda c=client, q=path_and_query: c("GET", q)) for _ in range(3))
        seen["database, MB"] = path.stat().st_size / 1e6
        return seen


def _searches(count: int, now: int) -> dict[str, str]:
    workflows, tasks = "/api/workflow/search?size=100", "/api/tasks/search?size=100"
    times = f"query=startTime>{now - 3_500_000}%20AND%20status=COMPLETED"
    return {
        "100 executions, newest first": f"{workflows}&sort=startTime:DESC",
        "executions by time and status": f"{workflows}&{times}",
        "executions by free text, one found": f"{workflows}&freeText=order={count // 2}%2C",
        "executions by free text, all found": f"{workflows}&freeText=customer",
        "100 tasks, newest first": f"{tasks}&sort=startTime:DESC",
        "tasks by type, time and status": f"{tasks}&{times}%20AND%20taskType={TASK}",
        "tasks by free text, few found": f"{tasks}&freeText=n={count // 2}%7D",
        "executions by their tasks": f"/api/workflow/search-by-tasks?size=100&query=taskType={TASK}",
    }


def show(title: str, columns: list[dict[str, float]], names: list[str]) -> None:
    """Print a table."""
    lines = [f"\n| {title} | {' | '.join(names)} |", f"|---|{'---|' * len(names)}"]
    cells = {label: " | ".join(_figure(column.get(label)) for column in columns) for label in columns[0]}
    lines += [f"| {label} | {figures} |" for label, figures in cells.items()]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}" if value >= 100 else f"{value:.2g}"


def main() -> int:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--oss", action="store_true", help="also measure the open-source server")
    parser.add_argument("--finished", type=int, default=100_000)
    parser.add_argument("--small", action="store_true")
    given = parser.parse_args()
    shapes = [
        chain(10),
        chain(100),
        chain(1000),
        fork(10),
        fork(200),
        fork(1000),
        loop(10),
        loop(200),
        loop(1000),
        large(),
    ]
    if given.small:
        shapes = [chain(10), fork(10), loop(10), large()]
    with ExitStack() as stack:
        columns = [rows_of(stack.enter_context(embedded()), shapes, is_embedded=True)]
    if given.oss:
        with oss() as server:  # a loop of 1,000 takes the open-source server ten minutes
            few = [shape for shape in shapes if shape.count <= 100]
            columns.append(rows_of(server, few, is_embedded=False))
    show("one server", columns, ["embedded", "open source, SQLite"][: len(columns)])
    show("a process", [fresh_start()], ["embedded"])
    finished_count = min(given.finished, 500) if given.small else given.finished
    show(f"{finished_count:,} finished executions", [in_a_full_database(finished_count)], ["embedded"])
    return 0


if __name__ == "__main__":
    sys.exit(main())
