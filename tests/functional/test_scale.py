"""A thousand task types in one process, measured from outside: threads, memory, and how soon tasks are picked up."""

import asyncio
import json
import random
import subprocess
import sys
import threading
import time
from collections import defaultdict, deque
from urllib.parse import parse_qs, urlsplit

import pytest

from conductor import Settings, TaskHandler, Worker

TYPES = 1000

PROGRAM = """
import json, os, sys, threading
from conductor import Settings, TaskHandler, Worker

workers = [Worker(lambda: None, f"type{number}") for number in range(int(sys.argv[2]))]
handler = TaskHandler(Settings(server_url=sys.argv[1]), workers=workers, **json.loads(sys.argv[3])).start()
print("started", flush=True)
for line in sys.stdin:
    with open("/proc/self/smaps_rollup") as file:
        pss = sum(int(row.split()[1]) for row in file if row.startswith("Pss:")) // 1024
    health = handler.health()
    print(json.dumps({
        "threads": len(os.listdir("/proc/self/task")),
        "pss_mb": pss,
        "is_ready": health.is_ready,
        "polled": sum(worker.last_poll_age is not None for worker in health.workers),
        "names": sorted({thread.name.partition(":")[0] for thread in threading.enumerate()}),
    }), flush=True)
print(json.dumps({"drained": handler.stop(20).drained}), flush=True)
"""


class Fleet:
    """A server for the task operations that carries thousands of pollers: one event loop, no threads."""

    def __init__(self):
        self.queues = defaultdict(deque)
        self.dispatched, self.done, self.released = [], [], []
        self._arrivals = defaultdict(asyncio.Event)
        self._loop = asyncio.new_event_loop()
        self._connections = set()
        self._server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=2000))
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/api"
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def stop(self):
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        for writer in self._connections:
            writer.transport.abort()
        self._server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0.01))
        self._loop.close()

    def add(self, task_type, task_id):
        self._loop.call_soon_threadsafe(self._add, task_type, task_id)

    def _add(self, task_type, task_id):
        task = {"taskId": task_id, "workflowInstanceId": "wf", "taskDefName": task_type, "taskType": task_type}
        self.queues[task_type].append({**task, "status": "IN_PROGRESS", "inputData": {}, "responseTimeoutSeconds": 600})
        self._arrivals[task_type].set()

    async def _serve(self, reader, writer):
        self._connections.add(writer)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                length = next((int(line[15:]) for line in head if line.lower().startswith("content-length:")), 0)
                body = await reader.readexactly(length)
                text = await self._answer(head[0].split()[1], body)
                status = "200 OK" if text else "204 No Content"
                kind = "application/json" if text.startswith(("[", "{")) else "text/plain"
                writer.write(
                    f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(text)}\r\n\r\n{text}".encode()
                )
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the connection, or the server, has ended
        finally:
            self._connections.discard(writer)
            writer.close()

    async def _answer(self, target, body):
        url = urlsplit(target)
        if not url.path.startswith("/api/tasks/poll/batch/"):
            update = json.loads(body)
            is_release = update["status"] == "IN_PROGRESS"
            (self.released if is_release else self.done).append(update["taskId"])
            return "" if url.path.endswith("v2") else update["taskId"]
        task_type, query = url.path.rpartition("/")[2], parse_qs(url.query)
        queue, arrival = self.queues[task_type], self._arrivals[task_type]
        wait = int(query["timeout"][0]) / 1000
        if not queue and wait:
            arrival.clear()
            try:
                await asyncio.wait_for(arrival.wait(), wait)
            except asyncio.TimeoutError:
                pass
        taken = [queue.popleft() for _ in range(min(len(queue), int(query["count"][0])))]
        self.dispatched += [task["taskId"] for task in taken]
        return json.dumps(taken)


@pytest.fixture
def fleet():
    one = Fleet()
    yield one
    one.stop()


@pytest.fixture
def run(fleet):
    """Start a process with a handler; return a function that asks it how it is."""
    processes = []

    def run(types, **options):
        command = [sys.executable, "-c", PROGRAM, fleet.url, str(types), json.dumps(options)]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        processes.append(process)
        assert process.stdout.readline() == "started\n"

        def ask():
            process.stdin.write("\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())

        return ask

    yield run
    for process in processes:
        out, _ = process.communicate(timeout=60)
        assert json.loads(out) == {"drained": True}


def test_shared_polling_serves_a_thousand_types_with_a_few_dozen_threads(fleet, run, wait_until):
    ask = run(TYPES, shared_polling=True)
    wait_until(lambda: ask()["polled"] == TYPES, timeout=60)
    usage = ask()
    assert usage["is_ready"]
    assert usage["threads"] < 40
    assert usage["pss_mb"] < 50  # 32 with Python 3.11; other versions and platforms differ

    began = time.monotonic()
    for number in range(0, TYPES, 100):
        fleet.add(f"type{number}", f"task{number}")
    wait_until(lambda: len(fleet.done) == TYPES // 100, timeout=60)
    assert time.monotonic() - began < 30  # 5 s on a machine that is not busy

    for number in range(TYPES):  # a burst of all types
        fleet.add(f"type{number}", f"burst{number}")
    wait_until(lambda: len(fleet.done) == TYPES + TYPES // 100, timeout=60)
    assert len(set(fleet.done)) == len(fleet.done)
    assert fleet.released == []


def test_a_thousand_idle_types_need_a_thread_each_and_60_mb(fleet, run, wait_until):
    ask = run(TYPES, thread_count=5)
    wait_until(lambda: ask()["polled"] == TYPES, timeout=60)
    usage = ask()
    assert usage["is_ready"]
    assert usage["threads"] <= TYPES + 10
    assert "run" not in usage["names"]
    assert usage["pss_mb"] < 75  # 57 with Python 3.11; other versions and platforms differ

    for number in range(0, TYPES, 10):
        fleet.add(f"type{number}", f"task{number}")
    wait_until(lambda: len(fleet.done) == TYPES // 10, timeout=60)
    assert ask()["threads"] <= TYPES + 10 + TYPES // 10


@pytest.mark.parametrize("shared_polling", [False, True])
def test_stops_at_any_time_complete_or_return_each_task_once(fleet, monkeypatch, shared_polling):
    """Also while the handler starts, and while every second thread for a task cannot be started."""
    chance, real = random.Random(7), threading.Thread.start

    def start(thread):
        if thread.name.startswith("run:") and chance.random() < 0.5:
            raise RuntimeError("can't start new thread")
        real(thread)

    async def nap():
        await asyncio.sleep(0.01)

    monkeypatch.setattr(threading.Thread, "start", start)
    for turn in range(8):
        types = chance.choice([1, 3, 30])
        workers = [
            Worker(nap if number % 3 == 2 else lambda: time.sleep(0.01), f"type{number}", thread_count=4)
            for number in range(types)
        ]
        for number in range(types):
            for task in range(10):
                fleet.add(f"type{number}", f"{turn}-{number}-{task}")
        handler = TaskHandler(Settings(server_url=fleet.url), workers=workers, shared_polling=shared_polling)
        stopper = threading.Timer(chance.uniform(0, 0.2), handler.stop)
        stopper.start()
        handler.start()
        stopper.join()
        assert handler.stop(30).drained
    assert len(fleet.done) == len(set(fleet.done))
    assert set(fleet.dispatched) == set(fleet.done) | set(fleet.released)
    assert fleet.done
