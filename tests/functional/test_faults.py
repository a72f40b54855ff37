"""Faults on real sockets, and what they may cost: no result, and two seconds after their end.

The last ones take a minute and run when asked for: pytest -m slow tests/functional
"""

import threading
import time

import pytest

from conductor import Settings, TaskHandler, TaskResult, Worker, get_task_context

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

    def begin(*workers, **settings):
        options = {"connect_timeout_ms": 1000, **settings}
        handler = TaskHandler(Settings(server_url=stub.url, **options), workers=workers)
        handlers.append(handler)
        return handler.start()

    yield begin
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
def test_no_result_is_lost_when_updates_fail_and_only_those_taken_already_come_twice(
    stub, start, wait_until, what, every, tasks
):
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
def test_a_storm_on_every_request_costs_nothing_and_work_goes_on_soon_after(stub, start, wait_until, what):
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


def test_answers_that_never_come_cost_their_timeout_and_no_result(stub, start, wait_until):
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


def test_a_server_that_is_gone_for_five_seconds_costs_two_more_at_most(stub, start, wait_until, caplog):
    caplog.set_level("INFO", logger="conductor.worker")
    outage(stub, start, wait_until, seconds=5, allowed=RECOVERY + SLACK)
    wait_until(lambda: caplog.text.count("polling works again after") == 2)
    assert caplog.text.count("polling fails") == 2
    assert caplog.text.count("cannot be delivered") == 1
    assert "failed polls" in caplog.text
    assert "failed attempts" in caplog.text


@pytest.mark.slow
def test_a_server_that_is_gone_for_a_minute_costs_five_seconds_more_at_most(stub, start, wait_until):
    outage(stub, start, wait_until, seconds=60, allowed=5 + SLACK)


def test_work_goes_on_within_two_seconds_of_a_token_endpoint_that_was_away_for_six(stub, start, wait_until):
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


def test_a_wall_clock_that_jumps_costs_nothing(stub, start, wait_until, monkeypatch):
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
        raise KeyboardInterrupt("not even a text")


def odd():
    raise Odd


def recurse():
    return recurse()


BAD = {
    "circular": circular,
    "nan": lambda: float("nan"),
    "lock": threading.Lock,
    "set": lambda: {"in": {1, 2}},
    "object": object,
    "generator": lambda: (n for n in range(3)),
    "exit": leave,
    "interrupt": interrupt,
    "odd": odd,
    "recursion": recurse,
    "large": lambda: "x" * (4 * 1024 * 1024),
    "bytes": lambda: {"in": b"\xff"},
    "unreadable reason": lambda: TaskResult("", "", status="COMPLETED", reason_for_incompletion=object()),
    "refused": lambda: TaskResult("", "", status="NO_SUCH_STATUS"),
}


def test_whatever_a_function_does_its_task_is_answered_within_a_second_and_the_others_go_on(stub, start, wait_until):
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


def test_a_swallowed_poll_costs_its_wait_and_five_seconds_at_most(stub, start, wait_until):
    fault = stub.fault = Fault("hang", kinds=("poll",))
    start(Worker(lambda: None, "work"))
    wait_until(lambda: fault.count)
    began = time.monotonic()
    fault.on = False
    stub.add("work", "work-1")
    wait_until(lambda: stub.done() == {"work-1"}, timeout=12)
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("answer", ["another-task", ""])
def test_an_answer_that_is_not_the_tasks_id_is_no_delivery(stub, start, wait_until, answer):
    said = [answer, answer]
    stub.has_v2 = False
    stub.update_answer = lambda task_id: said.pop() if said else task_id
    stub.add("work", "work-1")
    handler = start(Worker(lambda: None, "work"))
    wait_until(lambda: handler.health().delivered == 1)
    assert said == []
    assert len(stub.results["work-1"]) == 3
