"""Faults on real sockets, and what they may cost: no result, and two seconds after their end.

The last ones take a minute and run when asked for: pytest -m slow tests/functional
"""

import threading
import time
from collections import Counter

import pytest

from conductor import ConductorClient, Settings, TaskHandler, TaskResult, Worker, get_task_context

RECOVERY = 2.0
SLACK = 1.0  # for a machine that has other things to do


class Fault:
    """What a stub does while it is on, to every nth request of some kinds."""

    def __init__(self, what, every=1, kinds=("update", "update-v2")):
        self.what = what
        self.every = every
        self.kinds = kinds
        self.count = 0
        self.on = True
        self.lock = threading.Lock()

    def __call__(self, kind):
        if not self.on or kind not in self.kinds:
            return None
        with self.lock:
            self.count += 1
            return self.what if self.count % self.every == 0 else None


@pytest.fixture
def start(stub):
    handlers = []

    def begin(*workers, shared_polling=False, **settings):
        options = {"connect_timeout_ms": 1000, **settings}
        handler = TaskHandler(Settings(server_url=stub.url, **options), workers=workers, shared_polling=shared_polling)
        handlers.append(handler)
        return handler.start()

    yield begin
    stub.end_polls()
    for handler in handlers:
        handler.stop(grace_seconds=5)


def one_way(updates):
    """Whether all updates of a task say the same."""
    return len({update["status"] for update in updates}) == 1


@pytest.mark.parametrize(
    ("what", "every", "tasks"),
    [
        ("cut-after", 50, 400),
        ("cut-after", 5, 100),
        ("cut", 50, 400),
        ("cut", 5, 100),
        (500, 5, 100),
        (429, 5, 100),
        (401, 5, 100),
        ("html", 5, 100),
    ],
)
def test_failing_updates_lose_no_result_and_repeat_only_received_ones(stub, start, wait_until, what, every, tasks):
    fault = stub.fault = Fault(what, every)
    ids = [f"work-{i}" for i in range(tasks)]
    stub.add("work", *ids)
    handler = start(Worker(lambda: None, "work", thread_count=10))
    wait_until(lambda: stub.tasks_taken == tasks, timeout=30, what="every task being taken")
    fault.on = False
    ended = time.monotonic()
    wait_until(lambda: len(stub.done()) == tasks, what="every result")
    assert time.monotonic() - ended < RECOVERY + SLACK
    wait_until(lambda: handler.health().waiting_results == 0)
    assert all(one_way(updates) for updates in stub.results.values())
    twice = sum(len(updates) - 1 for updates in stub.results.values())
    assert twice <= (fault.count // every if what == "cut-after" else 0)


@pytest.mark.parametrize("what", [429, 401, 500, 503, "cut"])
def test_work_resumes_soon_after_every_request_failed(stub, start, wait_until, what):
    fault = stub.fault = Fault(what, kinds=("poll", "update", "update-v2"))
    fault.on = False
    running, release = threading.Barrier(6), threading.Event()

    def work():
        running.wait(10)
        release.wait(10)

    stub.add("work", *(f"work-{i}" for i in range(5)))
    start(Worker(work, "work", thread_count=5))
    running.wait(10)
    fault.on = True
    release.set()
    wait_until(lambda: fault.count > 8, what="the storm being felt")
    fault.on = False
    ended = time.monotonic()
    wait_until(lambda: len(stub.done()) == 5)
    assert time.monotonic() - ended < RECOVERY + SLACK
    running.reset()
    stub.add("work", *(f"work-later-{i}" for i in range(5)))
    running.wait(10)
    wait_until(lambda: len(stub.done()) == 10)
    assert time.monotonic() - ended < 2 * RECOVERY + SLACK


def test_missing_responses_end_at_their_timeout_and_lose_no_result(stub, start, wait_until):
    fault = stub.fault = Fault("hang", every=3)
    stub.add("work", *(f"work-{i}" for i in range(6)))
    began = time.monotonic()
    start(Worker(lambda: None, "work", thread_count=3), request_timeout_ms=500)
    wait_until(lambda: len(stub.done()) == 6)
    assert fault.count > 6
    assert time.monotonic() - began < 5


def outage(stub, start, wait_until, seconds, allowed):
    gone, release = threading.Barrier(11), threading.Event()

    def work():
        gone.wait(30)
        release.wait(30)

    stub.add("work", *(f"work-{i}" for i in range(10)))
    handler = start(Worker(work, "work", thread_count=10), Worker(lambda: None, "idle"))
    gone.wait(10)
    stub.stop()
    release.set()
    wait_until(lambda: handler.health().waiting_results == 10)
    time.sleep(seconds)  # the length of the outage is what is tested
    assert handler.health().is_live
    stub.restart()
    ended = time.monotonic()
    wait_until(lambda: len(stub.done()) == 10)
    assert time.monotonic() - ended < allowed
    stub.add("idle", "idle-1")
    wait_until(lambda: "idle-1" in stub.done())
    assert time.monotonic() - ended < allowed
    assert all(len(updates) == 1 for updates in stub.results.values())


def test_recovery_from_an_outage_takes_two_seconds_at_most(stub, start, wait_until, caplog):
    caplog.set_level("INFO", logger="conductor.worker")
    outage(stub, start, wait_until, seconds=5, allowed=RECOVERY + SLACK)
    wait_until(lambda: caplog.text.count("polling works again after") == 2)
    assert caplog.text.count("polling failed") == 2
    assert caplog.text.count("cannot be delivered") == 1
    assert "failed polls" in caplog.text
    assert "failed attempts" in caplog.text


@pytest.mark.slow
def test_recovery_from_a_minute_of_outage_takes_five_seconds_at_most(stub, start, wait_until):
    outage(stub, start, wait_until, seconds=60, allowed=5 + SLACK)


def test_work_resumes_two_seconds_after_the_token_endpoint(stub, start, wait_until):
    fault = stub.fault = Fault(503, kinds=("token",))
    stub.token = lambda: f"t{stub.requests['token']}"
    stub.add("work", "work-1")
    start(Worker(lambda: None, "work"), auth_key="key", auth_secret="secret")
    wait_until(lambda: fault.count)
    time.sleep(6)  # how long it is away is what is tested
    fault.on = False
    ended = time.monotonic()
    wait_until(lambda: stub.done() == {"work-1"})
    assert time.monotonic() - ended < RECOVERY + SLACK
    assert stub.requests["token"] <= 5


def test_a_jump_of_the_wall_clock_has_no_effect(stub, start, wait_until, monkeypatch):
    stub.token = lambda: "t1"
    handler = start(Worker(lambda: None, "work"), auth_key="key", auth_secret="secret")
    wait_until(lambda: handler.health().is_ready)
    real = time.time
    for jump in (86_400 * 400, -86_400 * 400):
        monkeypatch.setattr(time, "time", lambda jump=jump: real() + jump)
        began = time.monotonic()
        stub.add("work", f"work-{jump}")
        wait_until(lambda jump=jump: f"work-{jump}" in stub.done())
        assert time.monotonic() - began < 1.0
        assert handler.health().is_ready
    assert stub.requests["token"] == 1


def circular():
    value = []
    value.append(value)
    return value


def interrupt():
    raise KeyboardInterrupt


def leave():
    raise SystemExit(3)


class Odd(BaseException):
    def __str__(self):
        raise KeyboardInterrupt("not even a string")


def odd():
    raise Odd


def recurse():
    return recurse()


BAD = {
    "circular": circular,
    "nan": lambda: float("nan"),
    "lock": threading.Lock,
    "keys": lambda: {1: "a", "1": "b"},
    "object": object,
    "generator": lambda: (n for n in range(3)),
    "exit": leave,
    "interrupt": interrupt,
    "odd": odd,
    "recursion": recurse,
    "large": lambda: "x" * (4 * 1024 * 1024),
    "unreadable reason": lambda: TaskResult("", "", status="COMPLETED", reason_for_incompletion=object()),
    "refused": lambda: TaskResult("", "", status="NO_SUCH_STATUS"),
}


def test_whatever_a_function_does_its_task_ends_within_a_second(stub, start, wait_until):
    begun, answered = {}, {}

    def work(kind: str):
        begun[kind] = time.monotonic()
        return BAD[kind]()

    for kind in BAD:
        stub.add("work", f"work-{kind}", inputData={"kind": kind})
    start(Worker(work, "work", thread_count=2), Worker(lambda: get_task_context().task_id, "fine"))
    while len(answered) < len(BAD):
        wait_until(lambda: len(stub.done()) > len(answered))
        for task_id in stub.done():
            answered.setdefault(task_id.partition("-")[2], time.monotonic())
    assert {kind: answered[kind] - begun[kind] for kind in BAD if answered[kind] - begun[kind] > 1.0} == {}
    statuses = {task_id.partition("-")[2]: updates[0]["status"] for task_id, updates in stub.results.items()}
    assert {kind: status for kind, status in statuses.items() if not status.startswith("FAILED")} == {}
    assert all(updates[0]["reasonForIncompletion"] for updates in stub.results.values())
    stub.add("fine", "fine-1")
    stub.add("work", "work-again", inputData={"kind": "nan"})
    wait_until(lambda: {"fine-1", "work-again"} <= stub.done())


def test_a_result_that_waits_for_the_server_holds_no_slot(stub, start, wait_until):
    fault = stub.fault = Fault(503)
    ran = []
    stub.add("work", *(f"work-{i}" for i in range(5)))
    handler = start(Worker(lambda: ran.append(1), "work"))
    wait_until(lambda: len(ran) == 5, timeout=3, what="one thread running five tasks while no result is taken")
    wait_until(lambda: handler.health().waiting_results == 5)
    assert stub.done() == set()
    fault.on = False


@pytest.mark.parametrize("shared_polling", [False, True])
def test_another_poll_replaces_one_without_a_response(stub, start, wait_until, monkeypatch, shared_polling):
    monkeypatch.setattr("conductor.worker.poller.TAKE_OVER_AFTER_S", 0.5)
    fault = stub.fault = Fault("hang", kinds=("poll",))
    start(Worker(lambda: None, "work"), shared_polling=shared_polling)
    wait_until(lambda: fault.count)
    began = time.monotonic()
    fault.on = False
    stub.add("work", "work-1")
    wait_until(lambda: stub.done() == {"work-1"})
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("delay", "after", "tasks", "shared_polling"),
    [
        (2.0, 0.5, 20, False),
        (2.0, 0.5, 20, True),
        pytest.param(7.0, None, 50, False, marks=pytest.mark.slow),
        pytest.param(30.0, None, 20, False, marks=pytest.mark.slow),
        pytest.param(30.0, None, 20, True, marks=pytest.mark.slow),
    ],
)
def test_tasks_of_polls_that_are_answered_late_are_run(
    stub, start, wait_until, monkeypatch, delay, after, tasks, shared_polling
):
    if after is not None:
        monkeypatch.setattr("conductor.worker.poller.TAKE_OVER_AFTER_S", after)
    stub.poll_delay = delay
    stub.add("work", *(f"work-{number}" for number in range(tasks)))
    start(Worker(lambda: None, "work", thread_count=5), shared_polling=shared_polling)
    wait_until(lambda: len(stub.done()) == tasks, timeout=10 * delay + 60)
    assert {len(updates) for updates in stub.results.values()} == {1}


def test_a_late_task_without_a_free_slot_is_returned_to_the_server(stub, start, wait_until, monkeypatch):
    monkeypatch.setattr("conductor.worker.poller.TAKE_OVER_AFTER_S", 0.3)
    release = threading.Event()
    stub.poll_delay = 4.0
    stub.add("work", "work-1")
    handler = start(Worker(lambda: release.wait(20) and None, "work"))
    wait_until(lambda: stub.tasks_taken == 1)
    wait_until(lambda: handler.health().workers[0].last_error)  # another poll has taken over
    stub.poll_delay = 0.0
    stub.add("work", "work-2")  # taken by the poll that took over, and it holds the only slot
    wait_until(lambda: handler.health().workers[0].busy == 1)
    wait_until(lambda: stub.results["work-1"])
    assert stub.results["work-1"][0]["status"] == "IN_PROGRESS"
    release.set()
    wait_until(lambda: "work-2" in stub.done())


@pytest.mark.parametrize("answer", ["another-task", ""])
def test_a_response_without_the_tasks_id_does_not_count_as_delivery(stub, start, wait_until, answer):
    said = [answer, answer]
    stub.has_v2 = False
    stub.update_answer = lambda task_id: said.pop() if said else task_id
    stub.add("work", "work-1")
    handler = start(Worker(lambda: None, "work"))
    wait_until(lambda: handler.health().delivered == 1)
    assert said == []
    assert len(stub.results["work-1"]) == 3


def page(status, text, kind="text/html"):
    """Answer like a proxy in front of the server."""

    def answer(handler):
        data = text.encode()
        handler.send_response(status)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    return answer


PAGES = [
    page(404, "<html><head><title>404 Not Found</title></head></html>"),
    page(404, "404 page not found", "text/plain"),
    page(404, '{"message": "no Route matched with those values"}', "application/json"),
    page(400, "<html><head><title>400 Bad Request</title></head></html>"),
    page(200, "", "text/plain"),
    page(200, "{}", "application/json"),
]


def test_responses_of_a_proxy_during_a_restart_lose_no_result(stub, start, wait_until):
    answers = {f"work-{number}": answer for number, answer in enumerate(PAGES)}
    sent = Counter()

    def fault(update):
        sent[update["taskId"]] += 1
        return answers.get(update["taskId"])

    stub.update_fault = fault
    stub.add("work", *answers)
    handler = start(Worker(lambda: None, "work", thread_count=len(PAGES)))
    wait_until(lambda: len(sent) == len(PAGES) and min(sent.values()) > 2)
    assert (handler.health().delivered, handler.health().refused) == (0, 0)
    ids = set(answers)
    answers.clear()
    wait_until(lambda: stub.done() == ids)
    assert {updates[0]["status"] for updates in stub.results.values()} == {"COMPLETED"}


def test_without_update_v2_results_are_sent_by_update(stub, start, wait_until):
    unknown = '{"timestamp": 1, "status": 404, "error": "Not Found", "path": "/api/tasks/update-v2"}'
    stub.fault = Fault(page(404, unknown, "application/json"), kinds=("update-v2",))
    stub.add("work", *(f"work-{i}" for i in range(5)))
    handler = start(Worker(lambda: None, "work"))
    wait_until(lambda: len(stub.done()) == 5)
    assert handler.health().refused == 0
    assert stub.requests["update-v2"] == 1


@pytest.mark.slow
def test_updates_without_a_response_are_repeated_after_ten_seconds(stub, start, wait_until):
    fault = stub.fault = Fault("hang", kinds=("update", "update-v2"))
    stub.add("work", *(f"work-{i}" for i in range(4)))
    handler = start(Worker(lambda: None, "work", thread_count=2))
    wait_until(lambda: fault.count == 2)
    began = time.monotonic()
    fault.on = False
    wait_until(lambda: len(stub.done()) == 4, timeout=20)
    assert time.monotonic() - began < 10 + RECOVERY + SLACK
    assert handler.health().refused == 0


def test_a_lost_lease_extension_does_not_endanger_other_leases(stub, start, wait_until):
    swallowed, release = [], threading.Event()

    def swallow_the_first(kind):
        if kind == "update" and not swallowed:
            swallowed.append(kind)
            return "hang"
        return None

    stub.fault = swallow_the_first
    stub.add("long", "long-1", "long-2", responseTimeoutSeconds=1)
    start(Worker(lambda: release.wait(20), "long", thread_count=2, lease_extension=True))
    began = time.monotonic()
    wait_until(lambda: len(stub.results["long-1"]) and len(stub.results["long-2"]))
    assert time.monotonic() - began < 4
    release.set()


def test_a_failing_auth_callable_loses_no_result(stub, wait_until):
    is_well = threading.Event()
    is_well.set()
    running, release = threading.Event(), threading.Event()

    def token():
        if not is_well.is_set():
            raise RuntimeError("the vault is sealed")
        return "t"

    def work():
        running.set()
        release.wait(10)

    stub.add("work", "work-1")
    with (
        ConductorClient(server_url=stub.url, auth=token) as client,
        TaskHandler(client, workers=[Worker(work, "work")]) as handler,
    ):
        running.wait(10)
        is_well.clear()
        release.set()
        wait_until(lambda: handler.health().waiting_results == 1)
        assert not handler.health().is_ready
        is_well.set()
        wait_until(lambda: stub.done() == {"work-1"})


def test_a_token_endpoint_that_was_missing_at_first_is_found_later(stub, start, wait_until):
    fault = stub.fault = Fault(404, kinds=("token",))
    handler = start(Worker(lambda: None, "work"), auth_key="key", auth_secret="secret")
    wait_until(lambda: handler.health().is_ready)
    assert handler.health().token == "none"
    fault.on = False
    stub.token = lambda: f"t{stub.requests['token']}"
    stub.add("work", "work-1")
    wait_until(lambda: stub.done() == {"work-1"})
    assert handler.health().token == "valid"


def test_one_shared_slot_is_divided_fairly_between_types(stub, start, wait_until):
    order = []
    stub.add("a", *(f"a-{i}" for i in range(200)))
    stub.add("b", *(f"b-{i}" for i in range(5)))
    handler = TaskHandler(
        Settings(server_url=stub.url),
        workers=[Worker(lambda: (order.append("a"), time.sleep(0.01))[0], "a"), Worker(lambda: order.append("b"), "b")],
        max_concurrency=1,
    )
    with handler:
        wait_until(lambda: order.count("b") == 5, timeout=20)
        assert order.count("a") < 200


@pytest.mark.parametrize("answer", [503, 500, "cut"])
def test_undeliverable_results_make_a_handler_unready(stub, start, wait_until, answer):
    fault = stub.fault = Fault(answer)
    stub.add("work", "work-1")
    handler = start(Worker(lambda: None, "work"))
    wait_until(lambda: handler.health().waiting_results == 1)
    health = handler.health()
    assert (health.is_live, health.is_ready, health.workers[0].waiting_results) == (True, False, 1)
    fault.on = False
    wait_until(lambda: handler.health().is_ready)


def test_a_failing_should_poll_is_logged_once_and_is_not_ready(stub, start, wait_until, caplog):
    asked, is_broken = [], threading.Event()
    is_broken.set()

    def should_poll():
        asked.append(1)
        if is_broken.is_set():
            raise RuntimeError("no feature flags")
        return True

    stub.add("work", "work-1")
    handler = start(Worker(lambda: None, "work", should_poll=should_poll))
    wait_until(lambda: len(asked) > 2)
    health = handler.health()
    assert (health.is_ready, health.workers[0].state) == (False, "failing")
    assert "no feature flags" in str(health.workers[0].last_error)
    assert caplog.text.count("should_poll failed") == 1
    is_broken.clear()
    wait_until(lambda: stub.done() == {"work-1"})
