"""What a fleet of worker processes asks of a server: requests per second, by the polling rule, in simulated time.

    python bench/fleet.py                       tables for 10 to 10,000 processes, idle, busy and after an outage
    python bench/fleet.py --types 20            task types per process (10 by default)
    python bench/fleet.py --check               also run real handlers, and compare what a server counts
    python bench/fleet.py --server http://localhost:8080/api --pid 4711
                                                also poll that server by each rule, and read the CPU time of its process

The simulation moves through time from event to event and uses the class that decides in a real poller, so it needs
neither sockets nor minutes. `--check` starts real processes against a server that counts requests. `--server` polls by
the same class and reads how much CPU time the server's process needs for each poller; use a server without tasks.
"""

from __future__ import annotations

import argparse
import heapq
import json
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
from attrs import define, frozen

from conductor.errors import APIConnectionError
from conductor.worker.poll_backoff import PollBackoff
from conductor.worker.polling import LONG_POLLS

#: Seconds that a simulated fleet runs before requests are counted, and for which they are.
_SETTLE_S, _COUNTED_S = 30.0, 30.0
#: Seconds of an outage, and after its end for which requests are counted.
_OUTAGE_S, _RETURN_S = 60.0, 2.0
#: Pollers that are simulated; larger fleets are scaled up from this many, because pollers do not affect each other.
_SAMPLE = 5_000
#: Seconds between an answer of the server and the next request of the same thread.
_TURN_S = 0.001
_REFUSED = APIConnectionError("connection refused", never_sent=True)


class FixedRule:
    """A poll that waits 100 ms on the server, every 200 ms at most, whatever the answer: the rule of a simple loop."""

    wait_ms = 100

    def after_empty(self, _asked_ms: int, took: float) -> float:
        """Return the seconds until the next poll."""
        return max(0.0, 0.2 - took)

    def after_failure(self, _error: BaseException) -> float:
        """Return the seconds until the next poll."""
        return 0.2


@define
class _Poller:
    rule: Any
    is_long: bool


@frozen
class Fleet:
    """Processes with the same task types.

    Attributes:
        processes: How many processes.
        types: Task types of each.
        rule: Makes the polling rule of one poller.
    """

    processes: int
    types: int
    rule: Callable[[], Any]

    def _pollers(self) -> tuple[list[_Poller], float]:
        """Return a sample of the pollers, and how many of the fleet each stands for."""
        whole = self.processes * self.types
        per_process = [number < LONG_POLLS for number in range(self.types)]
        sample = min(whole, max(_SAMPLE // self.types, 1) * self.types)
        pollers = [_Poller(self.rule(), per_process[number % self.types]) for number in range(sample)]
        return pollers, whole / sample

    def idle_rate(self) -> float:
        """Return the requests per second of a fleet that has nothing to do."""
        begin, end = _SETTLE_S, _SETTLE_S + _COUNTED_S
        pollers, scale = self._pollers()
        starts = self._starts(pollers, lambda _: False, end)
        return scale * sum(begin <= at < end for at, _ in starts) / _COUNTED_S

    def return_burst(self) -> tuple[float, int]:
        """Return the requests per second in the first 2 s after an outage, and the most of any poller in these."""
        pollers, scale = self._pollers()
        begin, end = _OUTAGE_S, _OUTAGE_S + _RETURN_S
        starts = self._starts(pollers, lambda at: at < _OUTAGE_S, end)
        counts: dict[int, int] = {}
        for at, poller in starts:
            if begin <= at < end:
                counts[poller] = counts.get(poller, 0) + 1
        return scale * sum(counts.values()) / _RETURN_S, max(counts.values(), default=0)

    @staticmethod
    def _starts(pollers: list[_Poller], is_down: Callable[[float], bool], end: float) -> list[tuple[float, int]]:
        """Return when each poller sent a request."""
        starts = []
        due = [(random.uniform(0.0, 1.0), number) for number in range(len(pollers))]
        heapq.heapify(due)
        while due and due[0][0] < end:
            at, number = heapq.heappop(due)
            starts.append((at, number))
            poller = pollers[number]
            if is_down(at):
                following = at + poller.rule.after_failure(_REFUSED)
            else:
                asked = poller.rule.wait_ms if poller.is_long else 0
                took = asked / 1000 + _TURN_S
                following = at + took + poller.rule.after_empty(asked, took)
            heapq.heappush(due, (following + _TURN_S, number))
        return starts


def ours(types: int, interval: float = 0.1) -> Callable[[], PollBackoff]:
    """Return what makes the rule of this SDK's pollers in a process of so many types."""
    return lambda: PollBackoff(interval=interval, first_wait_ms=100, workers=types)


# -- real processes

_PROGRAM = """
import sys
from conductor import Settings, TaskHandler, Worker
workers = [Worker(lambda: None, f"type{number}") for number in range(int(sys.argv[2]))]
TaskHandler(Settings(server_url=sys.argv[1]), workers=workers).run()
"""


class CountingServer:
    """Answers every poll with no task, after the time that the poll asks to wait, and counts polls."""

    def __init__(self) -> None:
        self.count = 0
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                server.count += 1
                wait = parse_qs(urlsplit(self.path).query).get("timeout", ["0"])[0]
                time.sleep(int(wait) / 1000)
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"[]")

            def log_message(self, *_: Any) -> None:
                """Log nothing."""

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_port}/api"
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """Stop it."""
        self._http.shutdown()
        self._http.server_close()


def measured_rate(processes: int, types: int, settle: float = 15.0, seconds: float = 15.0) -> float:
    """Return the requests per second of real idle processes."""
    server = CountingServer()
    command = [sys.executable, "-c", _PROGRAM, server.url, str(types)]
    running = [subprocess.Popen(command, stderr=subprocess.DEVNULL) for _ in range(processes)]
    try:
        time.sleep(settle)
        before, began = server.count, time.monotonic()
        time.sleep(seconds)
        return (server.count - before) / (time.monotonic() - began)
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait()
        server.stop()


# -- the CPU time of a server

#: Pollers that poll a real server: enough to stand out from what it does by itself, few enough for its 200 threads.
_REAL_POLLERS = 100
#: Seconds that these poll before CPU time is read, and for which it is.
_SERVER_SETTLE_S, _SERVER_COUNTED_S = 20.0, 30.0


def cpu_seconds(pid: int) -> float:
    """Return the CPU seconds that a process has used (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def server_cost(url: str, pid: int, rule: Callable[[], Any] | None) -> tuple[float, float]:
    """Poll a server by a rule, each poller another task type.

    Args:
        url: The server's API.
        pid: Its process.
        rule: Makes the rule of one poller; None polls nothing.

    Returns:
        The CPU seconds that the server used in a second, and the polls in a second.
    """
    ended, counts = threading.Event(), [0] * _REAL_POLLERS

    def poll(number: int) -> None:
        session, pace = requests.Session(), rule() if rule else None
        ended.wait(random.uniform(0.0, 2.0))
        while pace is not None and not ended.is_set():
            asked, began = pace.wait_ms, time.monotonic()
            answer = session.get(
                f"{url}/tasks/poll/batch/fleet{number}", params={"count": 1, "timeout": asked}, timeout=60
            )
            answer.raise_for_status()
            counts[number] += 1
            ended.wait(pace.after_empty(asked, time.monotonic() - began))

    threads = [threading.Thread(target=poll, args=(number,), daemon=True) for number in range(_REAL_POLLERS)]
    for thread in threads:
        thread.start()
    time.sleep(_SERVER_SETTLE_S)
    polls, cpu, began = sum(counts), cpu_seconds(pid), time.monotonic()
    time.sleep(_SERVER_COUNTED_S)
    took = time.monotonic() - began
    figures = (cpu_seconds(pid) - cpu) / took, (sum(counts) - polls) / took
    ended.set()
    for thread in threads:
        thread.join()
    return figures


def print_server_costs(url: str, pid: int, types: int) -> None:
    """Print what the pollers of each rule cost a server, and what that means for fleets."""
    alone, _ = server_cost(url, pid, None)
    print(f"\nWithout pollers the server uses {alone:.3f} CPU seconds per second.")
    print("| rule | polls/s of 100 pollers | CPU ms per poll | cores for 100 processes | for 1,000 |")
    print("|---|---|---|---|---|")
    rules = (
        ("this SDK", ours(types)),
        ("this SDK, poll_interval_ms=1000", ours(types, 1.0)),
        ("100 ms every 200 ms", FixedRule),
    )
    for name, rule in rules:
        used, polls = server_cost(url, pid, rule)
        of_one = (used - alone) / _REAL_POLLERS
        cores = " | ".join(f"{of_one * types * processes:,.1f}" for processes in (100, 1_000))
        print(f"| {name} | {polls:,.0f} | {1000 * (used - alone) / polls:.2f} | {cores} |")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--types", type=int, default=10, help="task types of each process (default: %(default)s)")
    parser.add_argument("--check", action="store_true", help="compare with real processes")
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 4], help="how many real ones (default: 1 4)")
    parser.add_argument("--server", metavar="URL", help="API of a server whose CPU time is measured")
    parser.add_argument("--pid", type=int, help="the process of that server")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    arguments = parser.parse_args()
    if (arguments.server is None) != (arguments.pid is None):
        parser.error("--server and --pid go together")
    rows = []
    for processes in (10, 100, 1_000, 10_000):
        mine, fixed = (Fleet(processes, arguments.types, rule) for rule in (ours(arguments.types), FixedRule))
        burst, most = mine.return_burst()
        rows.append((processes, mine.idle_rate(), fixed.idle_rate(), burst, most, fixed.return_burst()[0]))
    if arguments.json:
        print(json.dumps(rows))
    else:
        columns = (
            "idle: requests/s",
            "fixed interval",
            "after an outage: requests/s",
            "of one poller",
            "fixed interval",
        )
        print(f"| processes | {' | '.join(columns)} |")
        print("|---|---|---|---|---|---|")
        for processes, *figures in rows:
            print(f"| {processes:,} | " + " | ".join(f"{figure:,.0f}" for figure in figures) + " |")
    if arguments.check:
        for processes in arguments.processes:
            expected = Fleet(processes, arguments.types, ours(arguments.types)).idle_rate()
            measured = measured_rate(processes, arguments.types)
            print(f"{processes} process(es): simulated {expected:.1f}, measured {measured:.1f} requests/s")
    if arguments.server:
        print_server_costs(arguments.server, arguments.pid, arguments.types)


if __name__ == "__main__":
    main()
