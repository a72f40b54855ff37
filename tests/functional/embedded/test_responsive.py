"""Whatever one execution or request does, others are answered, and the server stops when it is told to."""

import contextlib
import gzip
import json
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time

import pytest
import requests

import conductor.server
from conductor.server.services import http_calls

#: Seconds in which others are answered; the issue's 100 ms, and some more for a busy machine that runs the tests.
IN_TIME = 0.3


def inline(script, name="i"):
    given = {"evaluatorType": "javascript", "expression": script}
    return {"name": name, "taskReferenceName": name, "type": "INLINE", "inputParameters": given}


def jq(query):
    return {
        "name": "j",
        "taskReferenceName": "j",
        "type": "JSON_JQ_TRANSFORM",
        "inputParameters": {"queryExpression": query},
    }


def simple(name):
    return {"name": name, "taskReferenceName": name, "type": "SIMPLE"}


def switch(script):
    return {
        "name": "s", "taskReferenceName": "s", "type": "SWITCH", "evaluatorType": "javascript", "expression": script,
        "inputParameters": {"a": 1}, "decisionCases": {"x": []}, "defaultCase": [],
    }  # fmt: skip


def loop(condition, *body):
    return {
        "name": "l",
        "taskReferenceName": "l",
        "type": "DO_WHILE",
        "loopCondition": condition,
        "loopOver": list(body),
    }


SLOW = "for (const t = Date.now(); Date.now() - t < 1500;); 7"
NOOP = {"name": "n", "taskReferenceName": "n", "type": "NOOP"}


class Api:
    def __init__(self, server):
        self.server, self.session = server, requests.Session()

    def define(self, name, *tasks, **more):
        flow = {"name": name, "version": 1, "ownerEmail": "a@b.c", "tasks": list(tasks), **more}
        answer = self.session.put(f"{self.server.url}/metadata/workflow", json=[flow], timeout=10)
        assert answer.status_code == 200, answer.text
        return name

    def start(self, name, **given):
        body = {"name": name, "input": given}
        answer = requests.post(f"{self.server.url}/workflow", json=body, timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.text

    def get(self, workflow_id):
        return self.session.get(f"{self.server.url}/workflow/{workflow_id}", timeout=5).json()

    def wait(self, workflow_id, seconds=30):
        deadline = time.monotonic() + seconds
        while (run := self.get(workflow_id))["status"] == "RUNNING":
            assert time.monotonic() < deadline, run
            time.sleep(0.02)
        return run

    def others(self, seconds):
        """Call as other clients do, for so many seconds; returns how long each call took."""
        took, session = [], requests.Session()
        url, until = self.server.url, time.monotonic() + seconds
        while time.monotonic() < until:
            for call in (
                lambda: session.get(f"{self.server.address}/health", timeout=10),
                lambda: session.post(f"{url}/workflow", json={"name": "other"}, timeout=10),
                lambda: session.get(f"{url}/tasks/poll/batch/work?count=1&timeout=0", timeout=10),
                lambda: session.get(f"{url}/workflow/search?query=workflowType%3Dother&size=1", timeout=10),
            ):
                begin = time.perf_counter()
                assert call().status_code == 200
                took.append(time.perf_counter() - begin)
            time.sleep(0.005)
        return took


def assert_in_time(api, seconds, percentile=99):
    """Other clients are answered in time in one of three rounds: a machine that runs other tests may stall in one."""
    rounds = []
    while len(rounds) < 3:
        took = api.others(seconds)
        if statistics.quantiles(took, n=100)[percentile - 1] < IN_TIME:
            return
        rounds.append(sorted(took)[-5:])
    raise AssertionError(rounds)


@pytest.fixture
def api():
    with conductor.server.start() as server:
        made = Api(server)
        made.define("other", NOOP)
        yield made


def in_background(function, *words):
    thread = threading.Thread(target=function, args=words, daemon=True)
    thread.start()
    return thread


SCRIPTS = {
    "an endless loop": inline("while (true) {}"),
    "a join that cannot be interrupted": inline("new Array(4294967295).join('')"),
    "a large regular expression": inline("new RegExp('a|'.repeat(1e6)).test('b')"),
    "an endless query": jq("[range(99999)|range(99999)|range(99999)]|length"),
    "a query that aborts": jq("[] | .[400000000]=1"),
    "an endless case": switch("while (true) {}"),
    "an endless condition": loop("while (true) {}", NOOP),
}


def test_scripts_do_not_block_other_requests(api):
    starts = [in_background(api.start, api.define(f"f{n}", task)) for n, task in enumerate(SCRIPTS.values())]
    starts += [in_background(api.start, "f0") for _ in range(5)]
    assert_in_time(api, 3)
    for thread in starts:
        thread.join(60)
    runs = [
        api.wait(run["workflowId"])
        for run in api.session.get(
            f"{api.server.url}/workflow/search?query=workflowType IN (f0,f1,f2,f3,f4,f5,f6)", timeout=5
        ).json()["results"]
    ]
    assert len(runs) == 12
    assert {run["status"] for run in runs} == {"FAILED"}
    reasons = {run["reasonForIncompletion"] for run in runs if "interrupted" not in run["reasonForIncompletion"]}
    assert len(reasons) == 1, reasons
    assert "512 MB of memory" in reasons.pop()


def test_an_execution_with_a_running_script_can_be_read(api):
    name = api.define("both", simple("first"), inline(SLOW), simple("last"))
    workflow_id = api.start(name)
    url = api.server.url
    (task,) = requests.get(f"{url}/tasks/poll/batch/first?count=1", timeout=5).json()
    result = {"workflowInstanceId": workflow_id, "taskId": task["taskId"], "status": "COMPLETED", "outputData": {}}
    update = in_background(lambda: requests.post(f"{url}/tasks", json=result, timeout=30))
    kernel = api.server._kernel
    deadline = time.monotonic() + 5
    while not kernel.is_claimed(workflow_id):
        assert time.monotonic() < deadline
        time.sleep(0.005)
    begin = time.monotonic()
    assert api.get(workflow_id)["status"] == "RUNNING"
    assert time.monotonic() - begin < 1
    paused = requests.put(f"{url}/workflow/{workflow_id}/pause", timeout=30)  # waits for the script
    assert paused.status_code == 200
    update.join(30)
    run = api.get(workflow_id)
    assert run["status"] == "PAUSED"
    assert [one["status"] for one in run["tasks"]] == ["COMPLETED", "COMPLETED", "SCHEDULED"]


def test_a_poll_skips_an_execution_with_a_running_script(api):
    fork = {
        "name": "f", "taskReferenceName": "f", "type": "FORK_JOIN",
        "forkTasks": [[simple("slow"), inline(SLOW)], [simple("work")]],
    }  # fmt: skip
    join = {"name": "j", "taskReferenceName": "j", "type": "JOIN", "joinOn": ["i", "work"]}
    first, second = api.start(api.define("forked", fork, join)), api.start(api.define("plain", simple("work")))
    url = api.server.url
    (task,) = requests.get(f"{url}/tasks/poll/batch/slow?count=1", timeout=5).json()
    result = {"workflowInstanceId": first, "taskId": task["taskId"], "status": "COMPLETED", "outputData": {}}
    update = in_background(lambda: requests.post(f"{url}/tasks", json=result, timeout=30))
    deadline = time.monotonic() + 5
    while not api.server._kernel.is_claimed(first):
        assert time.monotonic() < deadline
        time.sleep(0.005)
    polled = requests.get(f"{url}/tasks/poll/batch/work?count=1&timeout=1000", timeout=5).json()
    assert [one["workflowInstanceId"] for one in polled] == [second]
    polled = requests.get(f"{url}/tasks/poll/batch/work?count=1&timeout=5000", timeout=10).json()
    assert [one["workflowInstanceId"] for one in polled] == [first]
    update.join(30)


def test_endless_work_does_not_block_other_requests(api):
    def start(name):
        with contextlib.suppress(AssertionError, requests.ConnectionError):  # the server stops before it answers
            api.start(name)

    api.define(
        "self", {"name": "s", "taskReferenceName": "s", "type": "SUB_WORKFLOW", "subWorkflowParam": {"name": "self"}}
    )
    for name in (
        api.define("endless", loop("true", NOOP)),
        api.define("counting", loop("$.l['iteration'] < 1000000", inline("1"))),
        "self",
    ):
        in_background(start, name)
    assert_in_time(api, 3)


def test_large_bodies_do_not_block_other_requests(api):
    api.define("taker", NOOP)
    bodies = [
        b'{"name": "taker", "input": {"l": [' + b"[]," * 3_400_000 + b"[]]}}",
        b'{"name": "taker", "input": {"l": ' + b"[" * 5_000_000 + b"]" * 5_000_000 + b"}}",
        b'{"name": "taker", "input": {"l": ' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"}}",
        json.dumps({"name": "taker", "input": {"l": [["x" * 9] * 9] * 20_000}}).encode(),
    ]
    seen = []

    def post(body):
        headers = {"Content-Type": "application/json"}
        seen.append(requests.post(f"{api.server.url}/workflow", data=body, headers=headers, timeout=60))

    threads = [in_background(post, body) for body in bodies]
    assert_in_time(api, 3, percentile=98)
    for thread in threads:
        thread.join(60)
    assert sorted(one.status_code for one in seen) == [200, 500, 500, 500]
    refusals = {one.json()["message"].partition(" (")[0] for one in seen if one.status_code == 500}
    assert refusals == {"JSON parse error: Token count", "JSON parse error: Document nesting depth"}


def test_two_hundred_long_polls_block_no_threads(api):
    url = api.server.url

    def wait():
        requests.get(f"{url}/tasks/poll/batch/nothing?count=1&timeout=4000", timeout=10)

    threads = [in_background(wait) for _ in range(200)]
    deadline = time.monotonic() + 10
    while len(api.server._kernel.queues._listeners.get("nothing", ())) < 200:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    took = api.others(0.5)
    assert api.server._http.threads.size < 200
    assert statistics.median(took) < 0.05
    for thread in threads:
        thread.join(10)


#: Work of the engine itself that takes minutes: expressions on a large input.
MANY_PATHS = simple("t") | {"inputParameters": {f"x{n}": "${workflow.input..c}" for n in range(300)}}
BUSY = {**SCRIPTS, "many expressions": MANY_PATHS}


@pytest.mark.parametrize(
    "busy", ["an endless loop", "a join that cannot be interrupted", "an endless query", "many expressions"]
)
def test_sigterm_ends_a_busy_server(busy, tmp_path):
    command = [sys.executable, "-m", "conductor.server", "--port", "0", "--db", str(tmp_path / "c.db")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        url = process.stdout.readline().split()[4]
        flow = {"name": "f", "version": 1, "ownerEmail": "a@b.c", "tasks": [BUSY[busy]]}
        requests.put(f"{url}/metadata/workflow", json=[flow], timeout=10)

        given = {"l": [{"a": {"b": [{"c": n}] * 3}} for n in range(3000)]}

        def start():
            with pytest.raises((requests.ConnectionError, AssertionError)):
                assert (
                    requests.post(f"{url}/workflow", json={"name": "f", "input": given}, timeout=30).status_code == 200
                )

        threads = [in_background(start) for _ in range(3)]
        time.sleep(0.5)  # the scripts run; a server that stops before is right, too
        begin = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert time.monotonic() - begin < 4
        for thread in threads:
            thread.join(10)


def test_a_costly_expression_ends_its_execution_alone(api):
    parameters = {"x": "${workflow.input.l[?(@.x =~ /(a+)+b/)]}"}
    costly = {"name": "t", "taskReferenceName": "t", "type": "SIMPLE", "inputParameters": parameters}
    scan = {
        "name": "t",
        "taskReferenceName": "t",
        "type": "SIMPLE",
        "inputParameters": {"x": "${workflow.input..*..*..*}"},
    }
    item: dict = {"x": "a" * 45}
    nested: dict = {"x": 1}
    for _ in range(100):
        nested = {"n": nested, "m": [1, 2, 3]}
    seen = []
    starts = [
        in_background(lambda: seen.append(api.start(api.define("costly", costly), l=[item] * 50))),
        in_background(lambda: seen.append(api.start(api.define("scan", scan), n=nested))),
    ]
    took = api.others(2)
    for thread in starts:
        thread.join(30)
    assert statistics.quantiles(took, n=100)[98] < IN_TIME, sorted(took)[-5:]
    reasons = sorted(api.wait(one)["reasonForIncompletion"] for one in seen)
    assert "Regular expression not evaluated within 1 seconds" in reasons[0]
    assert "JSONPath expression takes more than" in reasons[1]


def peer(answer):
    """A server on another port that gives each connection to the function, on a thread."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve():
        with contextlib.suppress(OSError):  # it is closed
            while True:
                connection, _ = listening.accept()
                in_background(talk, connection)

    def talk(connection):
        with connection, contextlib.suppress(OSError):
            connection.recv(65536)
            answer(connection)

    in_background(serve)
    return listening


def trickle(connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        connection.sendall(b"x")
        time.sleep(0.05)


def trickle_headers(connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\nLong: ")
    while True:
        connection.sendall(b"x")
        time.sleep(0.05)


def endless(connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        connection.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")


def bomb(connection):
    body = gzip.compress(b"x" * 100_000_000)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


def http_executions(api, answers, count=2):
    """Start executions of an HTTP task to a fake server for each answer; returns these servers and the ids."""
    peers = {name: peer(answer) for name, answer in answers.items()}
    for name, listening in peers.items():
        request = {"uri": f"http://127.0.0.1:{listening.getsockname()[1]}/", "method": "GET"}
        task = {"name": "h", "taskReferenceName": "h", "type": "HTTP", "inputParameters": {"http_request": request}}
        api.define(name, task)
    return peers, {name: [api.start(name) for _ in range(count)] for name in peers}


def assert_all_fail(api, ids, reason):
    for name, workflow_ids in ids.items():
        for workflow_id in workflow_ids:
            run = api.wait(workflow_id, 30)
            assert run["status"] == "FAILED", name
            assert reason in run["reasonForIncompletion"], (name, run["reasonForIncompletion"])


def test_http_tasks_have_a_total_deadline(api, monkeypatch):
    monkeypatch.setattr(http_calls, "_MAX_SECONDS", -5.0)  # of the 6 s that the timeouts allow, 1 is left
    peers, ids = http_executions(api, {"t": trickle, "h": trickle_headers}, count=6)
    try:
        assert_all_fail(api, ids, "longer than 1 sec")
    finally:
        for listening in peers.values():
            listening.close()


def test_http_tasks_have_a_maximum_size(api):
    # With the usual deadline: on a slow machine a short one would end the task before its size does.
    peers, ids = http_executions(api, {"e": endless, "b": bomb})
    try:
        assert_all_fail(api, ids, "bytes")
    finally:
        for listening in peers.values():
            listening.close()


def test_slow_http_tasks_do_not_delay_other_http_tasks(api):
    def ok(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    peers, ids = http_executions(api, {"t": trickle, "ok": ok}, count=20)
    try:
        for workflow_id in ids["ok"]:
            assert api.wait(workflow_id, 20)["status"] == "COMPLETED"
    finally:
        for listening in peers.values():
            listening.close()
