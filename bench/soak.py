"""Check that the memory of a worker process stays flat, and that no result is lost, over many tasks.

    python bench/soak.py                                         50,000 tasks, as fast as possible
    python bench/soak.py --tasks 200000 --failures 0.1
    python bench/soak.py --rate 500 --minutes 30 --restart       900,000 tasks, and a restart of everything half way

The server is a stub in this process. It dispatches a task with the response to each update, and again if no result
arrives within the response timeout. With ``--restart`` it drops all connections half way and refuses new ones for
five seconds, while the worker is stopped with SIGTERM and started again. The queue survives, as it does in the database
of a server. The worker keeps undelivered results in its outbox.

The status is 1 if the memory of a worker process grew by more than the limit, or if a task has no result. Memory is
compared after the first tenth of a process's tasks (10,000 at most) and after its last.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import contextlib
import json
import os
import signal
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

TASK = {
    "taskType": "soak",
    "taskDefName": "soak",
    "status": "IN_PROGRESS",
    "responseTimeoutSeconds": 600,
    "inputData": {"order": {"id": 17, "lines": [{"sku": f"s-{n}", "count": n, "text": "x" * 60} for n in range(20)]}},
    "workflowTask": {"name": "soak", "taskReferenceName": "soak_ref", "type": "SIMPLE", "inputParameters": {}},
}
#: Seconds between two additions to the queue, where tasks are added at a rate.
ADD_INTERVAL_S = 0.02
#: Seconds that may pass without a result before the run is given up.
STALLED_S = 150.0


class Stub:
    """Speaks the task API over HTTP/1.1, for one task type.

    Args:
        tasks: The number of tasks.
        failures: The share of tasks that fail.
        rate: Tasks per second that are added to the queue; 0 adds all at the start.
        timeout: Seconds without a result after which a task is dispatched again.

    Attributes:
        done: Number of tasks with a result.
        repeated: Number of results beyond the first of a task.
    """

    def __init__(self, tasks: int, failures: float, rate: float, timeout: float) -> None:
        self.tasks = tasks
        self.failures = failures
        self.rate = rate
        self.timeout = timeout
        self.added = 0 if rate else tasks
        self.done = 0
        self.repeated = 0
        self._queue = collections.deque(range(self.added))
        self._has_result = bytearray(tasks)
        self._dispatched: dict[int, float] = {}
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self._arrived = asyncio.Condition()

    async def start(self, port: int = 0) -> int:
        """Listen; return the port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        return int(self._server.sockets[0].getsockname()[1])

    def stop(self) -> None:
        """Refuse connections, and cut those that are open."""
        if self._server is not None:
            self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()

    async def add(self) -> None:
        """Add tasks to the queue at the rate, and those again whose result is overdue."""
        started = time.monotonic()
        while self.done < self.tasks:
            due = min(self.tasks, int((time.monotonic() - started) * self.rate)) if self.rate else self.tasks
            self._queue.extend(range(self.added, due))
            self.added = max(due, self.added)
            overdue = time.monotonic() - self.timeout
            while self._dispatched and (oldest := next(iter(self._dispatched))) is not None:
                if self._dispatched[oldest] > overdue:
                    break
                del self._dispatched[oldest]
                self._queue.append(oldest)
            async with self._arrived:
                self._arrived.notify_all()
            await asyncio.sleep(ADD_INTERVAL_S)

    def _take(self, count: int) -> list[dict[str, object]]:
        taken = []
        while self._queue and len(taken) < count:
            number = self._queue.popleft()
            if self._has_result[number]:
                continue
            self._dispatched.pop(number, None)
            self._dispatched[number] = time.monotonic()
            fails = int((number + 1) * self.failures) != int(number * self.failures)
            task_input = {**TASK["inputData"], "fail": fails}  # type: ignore[dict-item]
            taken.append(
                {**TASK, "taskId": f"t-{number}", "workflowInstanceId": f"w-{number}", "inputData": task_input}
            )
        return taken

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                length = next((int(h[15:]) for h in head.split("\r\n") if h.lower().startswith("content-length:")), 0)
                body = await reader.readexactly(length) if length else b""
                writer.write(await self._answer(head.split()[1], body))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()
        finally:
            self._writers.discard(writer)

    async def _answer(self, target: str, body: bytes) -> bytes:
        path = urlsplit(target).path
        if "/poll/batch/" in path:
            query = parse_qs(urlsplit(target).query)
            return _json(await self._poll(int(query["count"][0]), int(query["timeout"][0]) / 1000))
        if path not in {"/api/tasks", "/api/tasks/update-v2"}:
            return b"HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
        update = json.loads(body)
        self._update(int(update["taskId"][2:]), update["status"])
        if path.endswith("/update-v2"):
            following = self._take(1)
            return _json(following[0]) if following else b"HTTP/1.1 204 No Content\r\n\r\n"
        task_id = update["taskId"].encode()
        return b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s" % (len(task_id), task_id)

    async def _poll(self, count: int, wait: float) -> list[dict[str, object]]:
        until = time.monotonic() + wait
        while not (taken := self._take(count)) and (left := until - time.monotonic()) > 0:
            async with self._arrived:
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(self._arrived.wait(), left)
        return taken

    def _update(self, number: int, status: str) -> None:
        self._dispatched.pop(number, None)
        if status == "IN_PROGRESS":  # it was given back
            self._queue.append(number)
        elif self._has_result[number]:
            self.repeated += 1
        else:
            self._has_result[number] = 1
            self.done += 1


def _json(value: object) -> bytes:
    body = json.dumps(value).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


def memory(pid: int) -> float:
    """Return the process's resident memory that no file backs, in MB."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("this system does not report the memory of a process")


def work(outbox: str | None) -> None:
    """Run the worker process."""
    from conductor import TaskHandler, Worker, get_task_context  # the process of the stub needs none of it

    def soak(order: dict[str, object], *, fail: bool = False) -> dict[str, object]:
        get_task_context().log("order %s", order["id"])
        if fail:
            raise ValueError("this one fails")
        return {"order": order}

    TaskHandler(workers=[Worker(soak, "soak", thread_count=10)], metrics=True, outbox=outbox).run()


class Run:
    """A run of the stub with one worker process after another.

    Args:
        stub: The stub.
        folder: Where the outbox is.
        has_outbox: Whether the worker has one.
    """

    def __init__(self, stub: Stub, folder: str, *, has_outbox: bool) -> None:
        self.stub = stub
        self.grown: list[float] = []
        self._command = [sys.executable, __file__, "--worker"]
        self._command += [f"{folder}/results.db"] if has_outbox else []
        self._log = Path(folder, "worker.log")
        self._process: asyncio.subprocess.Process | None = None
        self._first = 0.0

    async def start_worker(self, port: int) -> None:
        """Start a worker process."""
        environ = {**os.environ, "CONDUCTOR_SERVER_URL": f"http://127.0.0.1:{port}/api"}
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(*self._command, env=environ, stderr=log)
        self._first = 0.0

    async def stop_worker(self) -> None:
        """Stop the worker process, and note by how much its memory grew."""
        process = self._running()
        last = memory(process.pid)
        self.grown.append(last - (self._first or last))
        process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), 60)
        except asyncio.TimeoutError:
            process.kill()
            raise RuntimeError("the worker did not stop within 60 s") from None

    async def until(self, done: int) -> None:
        """Wait until ``done`` tasks have a result, and print the memory ten times."""
        begun, last, changed = self.stub.done, self.stub.done, time.monotonic()
        step, shown = max(1, (done - begun) // 10), 0
        while self.stub.done < done:
            await asyncio.sleep(0.1)
            if self.stub.done != last:
                last, changed = self.stub.done, time.monotonic()
            elif time.monotonic() - changed > STALLED_S:
                return
            if (self.stub.done - begun) // step > shown:
                shown = (self.stub.done - begun) // step
                self._print()
            if not self._first and self.stub.done - begun >= min(10_000, step):
                self._first = self._memory()

    def _running(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            raise RuntimeError("the worker does not run")
        return self._process

    def _memory(self) -> float:
        return memory(self._running().pid)

    def _print(self) -> None:
        print(f"{self.stub.done:>8,} results of {self.stub.added:,} tasks  {self._memory():6.1f} MB", flush=True)


async def main(stub: Stub, down: float | None) -> list[float]:
    """Run all tasks; return by how many MB the memory of each worker process grew.

    Args:
        stub: The server.
        down: Seconds for which the server is down half way; None for no restart.
    """
    port = await stub.start()
    adding = asyncio.create_task(stub.add())
    with tempfile.TemporaryDirectory() as folder:
        run = Run(stub, folder, has_outbox=down is not None)
        await run.start_worker(port)
        try:
            if down is not None:
                await run.until(stub.tasks // 2)
                stub.stop()
                print("restart of the server and the worker", flush=True)
                await asyncio.gather(run.stop_worker(), asyncio.sleep(down))
                await asyncio.gather(stub.start(port), run.start_worker(port))
            await run.until(stub.tasks)
        finally:
            await run.stop_worker()
            adding.cancel()
            stub.stop()
    return run.grown


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, default=50_000)
    parser.add_argument("--failures", type=float, default=0.01, help="the share of tasks that raise an exception")
    parser.add_argument("--rate", type=float, default=0.0, help="tasks per second; as fast as possible by default")
    parser.add_argument("--minutes", type=float, help="with --rate, instead of --tasks")
    parser.add_argument("--restart", action="store_true", help="restart the server and the worker half way")
    parser.add_argument("--down", type=float, default=5.0, help="with --restart, seconds for which the server is down")
    parser.add_argument("--response-timeout", type=float, default=60.0, help="seconds")
    parser.add_argument("--limit", type=float, default=10.0, help="by how many MB the memory may grow")
    parser.add_argument("--worker", nargs="?", const="", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.worker is not None:
        work(given.worker or None)
    else:
        count = round(given.rate * given.minutes * 60) if given.minutes and given.rate else given.tasks
        server = Stub(count, given.failures, given.rate, given.response_timeout)
        grown = asyncio.run(main(server, given.down if given.restart else None))
        print(f"memory grown by {', '.join(f'{one:.1f} MB' for one in grown)}")
        print(f"{count:,} tasks, {server.done:,} results, {count - server.done:,} lost, {server.repeated:,} repeated")
        sys.exit(server.done < count or max(grown) > given.limit)
