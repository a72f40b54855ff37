"""Does a worker's memory stay flat? A worker process runs many tasks; its memory is read from outside as it goes.

    python bench/soak.py                 50,000 tasks; ends with status 1 when memory grew by more than 10 MB
    python bench/soak.py --tasks 200000 --failures 0.1

What is compared is the memory after the first tenth of the tasks (10,000 at most) and after the
last. The server is a stub in this process: it hands out one task with each update's answer.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from pathlib import Path

TASK = {
    "taskType": "soak",
    "taskDefName": "soak",
    "status": "IN_PROGRESS",
    "responseTimeoutSeconds": 600,
    "inputData": {"order": {"id": 17, "lines": [{"sku": f"s-{n}", "count": n, "text": "x" * 60} for n in range(20)]}},
    "workflowTask": {"name": "soak", "taskReferenceName": "soak_ref", "type": "SIMPLE", "inputParameters": {}},
}


class Stub:
    """Speaks the task API over HTTP/1.1, for one task type.

    Args:
        tasks: How many tasks to hand out.
        failures: Which share of them fails.
    """

    def __init__(self, tasks: int, failures: float) -> None:
        self.tasks = tasks
        self.failures = failures
        self.handed_out = 0
        self.done = 0
        self.changed = asyncio.Event()

    def next_task(self) -> dict[str, object] | None:
        """The next task's JSON, or None when all are handed out."""
        if self.handed_out == self.tasks:
            return None
        self.handed_out += 1
        number = self.handed_out
        fails = int(number * self.failures) != int((number - 1) * self.failures)
        task_input = {**TASK["inputData"], "fail": fails}  # type: ignore[dict-item]
        return {**TASK, "taskId": f"t-{number}", "workflowInstanceId": f"w-{number}", "inputData": task_input}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection."""
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                length = next((int(h[15:]) for h in head.split("\r\n") if h.lower().startswith("content-length:")), 0)
                body = await reader.readexactly(length) if length else b""
                writer.write(await self.answer(head.split()[1], body))
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def answer(self, path: str, body: bytes) -> bytes:
        """The answer to one request."""
        if "/poll/batch/" in path:
            task = self.next_task()
            if task is None:
                await asyncio.sleep(0.1)
            return _json([] if task is None else [task])
        self.done += 1
        if self.done % 500 == 0 or self.done == self.tasks:
            self.changed.set()
        if path.endswith("/update-v2"):
            task = self.next_task()
            return b"HTTP/1.1 204 No Content\r\n\r\n" if task is None else _json(task)
        task_id = json.loads(body)["taskId"].encode()
        return b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s" % (len(task_id), task_id)


def _json(value: object) -> bytes:
    body = json.dumps(value).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


def memory(pid: int) -> float:
    """The process's resident memory that no file backs, in MB."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("this system does not say how much memory a process has")


def work() -> None:
    """The worker process."""
    from conductor import TaskHandler, Worker, get_task_context  # the stub's process needs none of it

    def soak(order: dict[str, object], *, fail: bool = False) -> dict[str, object]:
        get_task_context().log("order %s", order["id"])
        if fail:
            raise ValueError("this one fails")
        return {"order": order}

    TaskHandler(workers=[Worker(soak, "soak", thread_count=10)], metrics=True).run()


async def main(tasks: int, failures: float) -> float:
    """Run it; returns by how many MB the memory grew."""
    stub = Stub(tasks, failures)
    server = await asyncio.start_server(stub.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    environ = {**os.environ, "CONDUCTOR_SERVER_URL": f"http://127.0.0.1:{port}/api"}
    worker = await asyncio.create_subprocess_exec(
        sys.executable, __file__, "--worker", env=environ, stderr=asyncio.subprocess.DEVNULL
    )
    first, step, shown = 0.0, tasks // 10, 0
    try:
        while stub.done < tasks:
            await asyncio.wait_for(stub.changed.wait(), 120)
            stub.changed.clear()
            if stub.done // step > shown:
                shown = stub.done // step
                now = memory(worker.pid)
                first = first or (now if stub.done >= min(10_000, step) else 0.0)
                print(f"{stub.done:>8,} tasks  {now:6.1f} MB", flush=True)
        return memory(worker.pid) - first
    finally:
        worker.terminate()
        await asyncio.wait_for(worker.wait(), 30)
        server.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, default=50_000)
    parser.add_argument("--failures", type=float, default=0.01, help="which share of the tasks raises an exception")
    parser.add_argument("--limit", type=float, default=10.0, help="by how many MB memory may grow")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.worker:
        work()
    else:
        grown = asyncio.run(main(given.tasks, given.failures))
        print(f"grown by {grown:.1f} MB")
        sys.exit(grown > given.limit)
