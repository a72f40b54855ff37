"""Workers against a server on a real socket: polling, delivery, faults, shutdown."""

import threading
import time

import pytest

from conductor import (
    ConductorClient,
    ConfigurationError,
    NonRetryableError,
    Settings,
    TaskHandler,
    TaskInProgress,
    Worker,
    get_task_context,
)
from conductor.errors import WorkerRegistrationError
from conductor.worker.events import DeliveryDelayed, LeaseExtended, PollFailure, TaskUpdateFailure, WorkerStateChanged
from conductor.worker.worker import WorkerRegistry


@pytest.fixture
def start(stub):
    handlers = []

    def begin(*workers, **options):
        handler = TaskHandler(Settings(server_url=stub.url, connect_timeout_ms=1000), workers=workers, **options)
        handlers.append(handler)
        return handler.start()

    yield begin
    stub.end_polls()
    for handler in handlers:
        handler.stop(grace_seconds=5)


def test_tasks_are_polled_run_and_delivered(stub, start, wait_until):
    stub.add("work", *(f"work-{i}" for i in range(50)), inputData={"n": "3"})
    start(Worker(lambda n: {"double": n * 2}, "work", thread_count=5))
    wait_until(lambda: len(stub.done()) == 50)
    assert {u[0]["outputData"]["double"] for u in stub.results.values()} == {"33"}
    assert all(len(updates) == 1 for updates in stub.results.values())


def test_a_busy_worker_needs_one_request_a_task(stub, start, wait_until):
    stub.add("work", *(f"work-{i}" for i in range(200)))
    start(Worker(lambda: None, "work", thread_count=4))
    wait_until(lambda: len(stub.done()) == 200)
    assert stub.requests["update-v2"] == 200
    assert stub.requests["poll"] < 20


def test_polls_ask_for_the_free_slots_and_only_a_poll_for_one_waits(stub, start, wait_until):
    release = threading.Event()
    start(Worker(lambda: release.wait(10), "work", thread_count=4))
    stub.add("work", "work-1", "work-2")
    wait_until(lambda: ("work", 3, 0, None) in stub.polls)
    release.set()
    wait_until(lambda: len(stub.done()) == 2)
    assert all(count == 1 for _, count, timeout, _ in stub.polls if timeout > 0)
    assert max(count for _, count, _, _ in stub.polls) == 3


def test_a_server_without_update_v2_is_found_out_once(stub, start, wait_until):
    stub.has_v2 = False
    stub.add("work", *(f"work-{i}" for i in range(20)))
    start(Worker(lambda: None, "work", thread_count=2))
    wait_until(lambda: len(stub.done()) == 20)
    assert stub.requests["update"] == 20
    assert stub.requests["update-v2"] <= 2


def test_a_domain_is_polled_and_an_empty_one_is_never_sent(stub, start, wait_until, monkeypatch):
    monkeypatch.setenv("CONDUCTOR_WORKER_OTHER_DOMAIN", "")
    start(Worker(lambda: None, "work", domain="eu"), Worker(lambda: None, "other", domain="us"))
    wait_until(lambda: {p[0] for p in stub.polls} == {"work", "other"})
    assert {(p[0], p[3]) for p in stub.polls} == {("work", "eu"), ("other", None)}


def test_an_idle_worker_polls_less_often_but_starts_tasks_immediately(stub, start, wait_until):
    start(Worker(lambda: None, "work"))
    wait_until(lambda: any(timeout >= 1600 for _, _, timeout, _ in stub.polls), timeout=10)
    assert stub.requests["poll"] < 10
    began = time.monotonic()
    stub.add("work", "work-1")
    wait_until(lambda: stub.done() == {"work-1"})
    assert time.monotonic() - began < 0.5


def test_a_long_poll_interval_is_honoured(stub, start, wait_until):
    handler = start(Worker(lambda: None, "work", poll_interval_ms=60_000))
    wait_until(lambda: handler.health().workers[0].last_poll_age is not None)
    assert not threading.Event().wait(0.5)
    assert stub.requests["poll"] == 1


# -- results and failures


def test_every_kind_of_outcome_reaches_the_server(stub, start, wait_until):
    def work(kind: str):
        match kind:
            case "fail":
                raise ValueError("no")
            case "terminal":
                raise NonRetryableError("never")
            case "later":
                return TaskInProgress(30, {"step": 1})
            case "exit":
                raise SystemExit
        return {"lock": threading.Lock()}

    for kind in ("fail", "terminal", "later", "exit", "unserialisable"):
        stub.add("work", f"work-{kind}", inputData={"kind": kind})
    stub.add("work", "work-missing")
    start(Worker(work, "work", thread_count=3))
    wait_until(lambda: len(stub.results) == 6)
    assert {k.partition("-")[2]: v[0]["status"] for k, v in stub.results.items()} == {
        "fail": "FAILED",
        "terminal": "FAILED_WITH_TERMINAL_ERROR",
        "later": "IN_PROGRESS",
        "exit": "FAILED",
        "unserialisable": "FAILED_WITH_TERMINAL_ERROR",
        "missing": "FAILED_WITH_TERMINAL_ERROR",
    }
    assert stub.results["work-later"][0]["callbackAfterSeconds"] == 30
    assert "ValueError: no" in stub.results["work-fail"][0]["logs"][0]["log"]


POISON = [
    {"taskId": "work-a", "workflowInstanceId": "w", "inputData": [1]},
    {"taskId": "work-b", "workflowInstanceId": "w", "retryCount": "many"},
    {"taskId": "work-c", "workflowInstanceId": "w", "inputData": "text"},
    {"taskId": "work-d", "workflowInstanceId": "w", "workflowTask": 7},
    {"taskId": 5, "workflowInstanceId": "w"},
    {"workflowInstanceId": "w"},
    {"taskId": "work-e"},
    "no task at all",
    None,
]


@pytest.mark.parametrize("has_v2", [True, False])
def test_malformed_tasks_fail_or_are_counted_and_the_worker_continues(stub, start, wait_until, has_v2):
    stub.has_v2 = has_v2
    for raw in POISON:
        stub.add_raw("work", raw)
    stub.add("work", "work-good")
    handler = start(Worker(lambda: None, "work", thread_count=2))
    wait_until(lambda: "work-good" in stub.done())
    # A response to an update that is not a task does not count: the update was not accepted.
    wait_until(lambda: handler.health().workers[0].unreadable >= len(POISON) - (3 if has_v2 else 1))
    wait_until(lambda: handler.health().workers[0].busy == 0, what="every thread being free again")
    answered = {k for k, v in stub.results.items() if v[0]["status"] == "FAILED_WITH_TERMINAL_ERROR"}
    assert answered == {"work-a", "work-b", "work-c", "work-d"}
    assert "5" in stub.done()  # a number is text enough for an id
    assert "cannot read" in stub.results["work-a"][0]["reasonForIncompletion"]


@pytest.mark.parametrize("thread_count", [1, 4])
def test_a_task_with_invalid_utf_8_is_failed_without_the_others(stub, start, wait_until, thread_count):
    stub.is_ascii = False
    stub.add("work", "work-1", inputData={"name": "Zoë"})
    stub.add("work", "work-bad", inputData={"name": "Zo\udceb"})
    stub.add("work", "work-\udceb")
    stub.add("work", "work-2", inputData={"name": "Zoë"})
    handler = start(Worker(lambda name: name, "work", thread_count=thread_count))
    wait_until(lambda: {"work-1", "work-bad", "work-2"} <= stub.done())
    wait_until(lambda: handler.health().workers[0].unreadable == 2)
    assert [stub.results[f"work-{n}"][0]["outputData"] for n in (1, 2)] == [{"result": "Zoë"}] * 2
    assert stub.statuses()["work-bad"] == ["FAILED_WITH_TERMINAL_ERROR"]
    assert "not UTF-8" in stub.results["work-bad"][0]["reasonForIncompletion"]
    assert handler.health().workers[0].failed_polls == 0


@pytest.mark.parametrize("fault", [500, 503, 429, "cut", "cut-after", "html"])
def test_no_result_is_lost_when_every_third_update_fails(stub, start, wait_until, fault):
    count = [0]

    def every_third(kind):
        if kind not in {"update", "update-v2"}:
            return None
        count[0] += 1
        return fault if count[0] % 3 == 0 else None

    stub.fault = every_third
    stub.add("work", *(f"work-{i}" for i in range(12)))
    start(Worker(lambda: None, "work", thread_count=4))
    wait_until(lambda: len(stub.done()) == 12, timeout=40)


def test_a_short_outage_loses_no_result_and_is_logged_in_two_lines(stub, start, wait_until, caplog):
    caplog.set_level("INFO", logger="conductor.worker")
    gone, release = threading.Event(), threading.Event()
    heard = []

    def work():
        gone.set()
        release.wait(10)

    handler = TaskHandler(Settings(server_url=stub.url), workers=[Worker(work, "work", thread_count=5)])
    handler.on(DeliveryDelayed, heard.append)
    stub.add("work", *(f"work-{i}" for i in range(5)))
    with handler:
        wait_until(lambda: handler.health().workers[0].busy == 5)
        stub.stop()
        release.set()
        wait_until(lambda: len(heard) == 5)
        assert handler.health().waiting_results == 5
        wait_until(lambda: handler.health().workers[0].state == "failing")
        assert handler.health().is_live
        assert not handler.health().is_ready
        stub.restart()
        began = time.monotonic()
        wait_until(lambda: len(stub.done()) == 5)
        assert time.monotonic() - began < 5
        wait_until(lambda: handler.health().is_ready and handler.health().waiting_results == 0)
    messages = [r.getMessage() for r in caplog.records]
    assert sum("polling failed" in t for t in messages) == 1
    assert sum("polling works again" in t for t in messages) == 1
    assert sum("cannot be delivered" in t for t in messages) == 1
    assert sum("All results are delivered" in t for t in messages) == 1


def test_a_refused_result_is_reported_and_not_sent_again(stub, start, wait_until):
    refused = []
    stub.fault = lambda kind: 404 if kind in {"update", "update-v2"} else None
    handler = TaskHandler(Settings(server_url=stub.url), workers=[Worker(lambda: None, "work")])
    handler.on(TaskUpdateFailure, refused.append)
    stub.add("work", "work-1")
    with handler:
        wait_until(lambda: refused)
        assert (refused[0].task_id, handler.health().refused) == ("work-1", 1)


def test_polling_never_ends_by_an_error(stub, start, wait_until):
    failures = []
    stub.fault = lambda kind: 500 if kind == "poll" else None
    handler = TaskHandler(Settings(server_url=stub.url), workers=[Worker(lambda: None, "work")])
    handler.on(PollFailure, failures.append)
    with handler:
        wait_until(lambda: len(failures) >= 3)
        stub.fault = lambda kind: None
        stub.add("work", "work-1")
        wait_until(lambda: stub.done() == {"work-1"})
        assert handler.health().workers[0].state == "polling"


def test_a_login_page_does_not_count_as_delivery(stub, start, wait_until):
    answers = iter(["html", "html"])
    stub.fault = lambda kind: next(answers, None) if kind in {"update", "update-v2"} else None
    stub.add("work", "work-1")
    start(Worker(lambda: None, "work"))
    wait_until(lambda: stub.done() == {"work-1"})
    assert len(stub.results["work-1"]) == 1


def test_an_expired_token_is_renewed_on_the_hot_path(stub, wait_until):
    current = ["t1"]
    stub.token = lambda: current[0]
    stub.add("work", "work-1")
    settings = Settings(server_url=stub.url, auth_key="k", auth_secret="s")
    with TaskHandler(settings, workers=[Worker(lambda: None, "work")]):
        wait_until(lambda: stub.done() == {"work-1"})
        current[0] = "t2"
        stub.add("work", "work-2")
        wait_until(lambda: "work-2" in stub.done())
    assert stub.requests["token"] == 2


def test_a_wrong_secret_is_one_error_that_names_the_cause(stub, wait_until, caplog):
    stub.token = lambda: "none that was given out"
    stub.fault = lambda kind: 401 if kind == "token" else None
    settings = Settings(server_url=stub.url, auth_key="the-key", auth_secret="the-secret")
    workers = [Worker(lambda: None, kind) for kind in ("work", "other")]
    with TaskHandler(settings, workers=workers) as handler:
        wait_until(lambda: stub.requests["token"] >= 2)
        wait_until(lambda: all(worker.failed_polls >= 2 for worker in handler.health().workers))
        health = handler.health()
    assert health.token == "failing"
    assert all("CONDUCTOR_AUTH_SECRET" in worker.last_error for worker in health.workers)
    (error,) = [r for r in caplog.records if r.levelname == "ERROR"]
    assert "'the-key'" in error.getMessage()
    assert "CONDUCTOR_AUTH_SECRET" in error.getMessage()
    assert sum("polling failed" in r.getMessage() for r in caplog.records) == 2
    assert "the-secret" not in caplog.text


# -- stopping


def test_a_stop_drains_what_runs_and_delivers_it(stub, start, wait_until):
    begun, release = threading.Barrier(5), threading.Event()

    def work():
        begun.wait(10)
        release.wait(10)

    stub.add("work", *(f"work-{i}" for i in range(4)))
    handler = start(Worker(work, "work", thread_count=4))
    begun.wait(10)
    threading.Timer(0.2, release.set).start()
    report = handler.stop(grace_seconds=10)
    assert report.drained
    assert len(stub.done()) == 4
    assert not handler.is_polling
    assert not [t.name for t in threading.enumerate() if t.name.startswith(("poll:", "run:", "outbox", "lease"))]


def test_unfinished_tasks_that_may_run_twice_are_handed_back(stub, start, wait_until):
    begun, release = [], threading.Event()

    def work():
        begun.append(1)
        release.wait(20)

    stub.add("safe", "safe-1", outputData={"step": 1})
    stub.add("unsafe", "unsafe-1")
    handler = start(Worker(work, "safe", hand_back=True), Worker(work, "unsafe"))
    wait_until(lambda: len(begun) == 2)
    report = handler.stop(grace_seconds=0.3)
    release.set()
    assert sorted(report.unfinished) == ["safe-1", "unsafe-1"]
    assert not report.drained
    first = stub.results["safe-1"][0]
    assert (first["status"], first.get("callbackAfterSeconds", 0), first["outputData"]) == (
        "IN_PROGRESS",
        0,
        {"step": 1},
    )
    assert all(u["status"] != "IN_PROGRESS" for u in stub.results["unsafe-1"])


def test_a_function_sees_the_stop(stub, start, wait_until):
    stub.add("work", "work-1")
    handler = start(Worker(lambda: {"stopped": get_task_context().wait_for_stop(10)}, "work"))
    wait_until(lambda: handler.health().workers[0].oldest_running > 0)
    assert handler.stop(grace_seconds=5).drained
    assert stub.results["work-1"][0]["outputData"] == {"stopped": True}


def test_a_handler_can_be_started_again(stub, start, wait_until):
    handler = start(Worker(lambda: None, "work"))
    with pytest.raises(WorkerRegistrationError, match="is running already"):
        handler.start()
    handler.stop()
    stub.add("work", "work-1")
    handler.start()
    wait_until(lambda: stub.done() == {"work-1"})
    assert handler.is_polling


# -- while it runs


def test_pause_resume_and_thread_count_take_effect_while_it_runs(stub, start, wait_until):
    states, running, release = [], [], threading.Event()

    def work():
        running.append(1)
        release.wait(10)

    handler = TaskHandler(Settings(server_url=stub.url), workers=[Worker(work, "work")])
    handler.on(WorkerStateChanged, lambda event: states.append(event.state))
    with handler:
        handler.pause("work")
        wait_until(lambda: handler.health().workers[0].state == "paused")
        stub.add("work", *(f"work-{i}" for i in range(3)))
        assert not threading.Event().wait(0.3)
        assert stub.done() == set()
        handler.update_options("work", thread_count=3)
        handler.resume()
        wait_until(lambda: len(running) == 3)
        release.set()
        wait_until(lambda: len(stub.done()) == 3)
    assert "paused" in states
    assert states[-1] == "stopped"


def test_a_lowered_thread_count_is_kept(stub, start, wait_until):
    most, running, lock = [0], [0], threading.Lock()

    def work():
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        time.sleep(0.005)
        with lock:
            running[0] -= 1

    handler = start(Worker(work, "work", thread_count=4))
    handler.update_options(thread_count=1)
    wait_until(lambda: handler.health().workers[0].thread_count == 1)
    stub.add("work", *(f"work-{i}" for i in range(20)))  # a poll from before the change may take four of them
    wait_until(lambda: len(stub.done()) == 20)
    most[0] = 0
    stub.add("work", *(f"work-{i}" for i in range(20, 40)))
    wait_until(lambda: len(stub.done()) == 40)
    assert most[0] == 1


def test_middleware_is_refused_between_start_and_the_next_start(stub, start, wait_until):
    handler = start(Worker(lambda: {"ran": True}, "work"))
    with pytest.raises(ConfigurationError, match=r"use\(\) has no effect.*before start\(\)"):
        handler.use(lambda context, call: call())
    handler.stop()
    handler.use(lambda context, call: {**call(), "through": "middleware"})
    stub.add("work", "work-1")
    handler.start()
    wait_until(lambda: stub.done() == {"work-1"})
    assert stub.results["work-1"][0]["outputData"] == {"ran": True, "through": "middleware"}


@pytest.mark.parametrize("changes", [{"domain": "x"}, {"nonsense": 1}])
def test_what_cannot_change_while_it_runs_is_refused(stub, start, changes):
    handler = start(Worker(lambda: None, "work"))
    with pytest.raises(ConfigurationError):
        handler.update_options(**changes)
    with pytest.raises(WorkerRegistrationError):
        handler.update_options("nobody", paused=True)


def test_one_cap_holds_for_all_workers(stub, start, wait_until):
    most, running, lock = [0], [0], threading.Lock()

    def work():
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        time.sleep(0.01)
        with lock:
            running[0] -= 1

    for kind in ("a", "b", "c"):
        stub.add(kind, *(f"{kind}-{i}" for i in range(10)))
    start(*(Worker(work, kind, thread_count=5) for kind in "abc"), max_concurrency=2)
    wait_until(lambda: len(stub.done()) == 30, timeout=20)
    assert most[0] == 2


def test_should_poll_is_asked(stub, start, wait_until):
    open_now = threading.Event()
    stub.add("work", "work-1")
    handler = start(Worker(lambda: None, "work", should_poll=open_now.is_set))
    wait_until(lambda: handler.health().workers[0].state == "paused")
    assert stub.requests["poll"] == 0
    open_now.set()
    wait_until(lambda: stub.done() == {"work-1"})


def test_leases_of_long_tasks_are_extended_where_asked_for(stub, start, wait_until):
    release, extended = threading.Event(), []
    stub.add("long", "long-1", responseTimeoutSeconds=1)
    stub.add("plain", "plain-1", responseTimeoutSeconds=1)
    handler = TaskHandler(
        Settings(server_url=stub.url),
        workers=[
            Worker(lambda: release.wait(20), "long", lease_extension=True),
            Worker(lambda: release.wait(20), "plain"),
        ],
    )
    handler.on(LeaseExtended, extended.append)
    with handler:
        wait_until(lambda: len(extended) >= 2)
        release.set()
    assert [u.get("extendLease") for u in stub.results["long-1"]][:2] == [True, True]
    assert all(not u.get("extendLease") for u in stub.results["plain-1"])


def test_a_function_sees_its_lease_being_extended_and_can_stop_it(stub, start, wait_until):
    seen, release = [], threading.Event()

    def work():
        context = get_task_context()
        seen.append((context.extends_lease, context.lease_extensions))
        wait_until(lambda: context.lease_extensions == 2)
        seen.append((context.extends_lease, context.time_left() > 0.5))  # 1.6 s after it began, with a timeout of 1
        context.stop_extending_lease()
        seen.append((context.extends_lease, context.lease_extensions))
        wait_until(lambda: context.time_left() < -0.5)
        release.set()

    stub.add("long", "long-1", responseTimeoutSeconds=1)
    start(Worker(work, "long", lease_extension=True))
    wait_until(release.is_set)
    wait_until(lambda: "long-1" in stub.done())
    assert stub.statuses()["long-1"] == ["IN_PROGRESS", "IN_PROGRESS", "COMPLETED"]
    assert seen == [(True, 0), (True, True), (False, 2)]


def test_a_lease_ends_when_the_worker_says_so(stub, start, wait_until, caplog):
    release = threading.Event()

    def work():
        context = get_task_context()
        wait_until(lambda: not context.extends_lease)
        release.wait(10)

    stub.add("long", "long-1", responseTimeoutSeconds=1)
    start(Worker(work, "long", lease_extension=True, max_lease_seconds=1))
    wait_until(lambda: "Task long-1 has run for max_lease_seconds" in caplog.text)
    release.set()
    wait_until(lambda: "long-1" in stub.done())
    assert stub.statuses()["long-1"] == ["IN_PROGRESS", "COMPLETED"]


# -- what is started


def test_a_client_with_too_few_connections_is_reported(stub, caplog):
    workers = [Worker(lambda: None, "work", thread_count=5)]
    with ConductorClient(server_url=stub.url, max_connections=3) as client, TaskHandler(client, workers=workers):
        assert "max_connections=66" in caplog.text


def test_no_workers_found_is_an_error_with_the_remedy(stub):
    with pytest.raises(WorkerRegistrationError, match="@worker_task"):
        TaskHandler(Settings(server_url=stub.url), registry=WorkerRegistry()).start()


def test_two_workers_whose_options_make_them_one_are_refused(stub, monkeypatch):
    monkeypatch.setenv("CONDUCTOR_WORKER_ALL_DOMAIN", "eu")
    workers = [Worker(lambda: 1, "work"), Worker(lambda: 2, "work", domain="us")]
    with pytest.raises(
        WorkerRegistrationError, match="eu.*CONDUCTOR_WORKER_ALL_DOMAIN sets one for both. Remove it there"
    ):
        TaskHandler(Settings(server_url=stub.url), workers=workers).start()


def test_workers_of_the_registry_run_next_to_the_given_ones(stub):
    registry = WorkerRegistry()
    registry.add(Worker(lambda: None, "from_registry"))
    handler = TaskHandler(Settings(server_url=stub.url), workers=[Worker(lambda: None, "given")], registry=registry)
    assert [w.name for w in handler.workers] == ["given", "from_registry"]


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("thread_count", 0),
        ("max_concurrency", 0),
        ("max_concurrency", "5"),
        ("max_concurrency", 1.5),
        ("max_concurrency", True),
        ("grace_seconds", "30"),
        ("grace_seconds", -1),
        ("grace_seconds", float("nan")),
    ],
)
def test_impossible_options_are_refused_by_the_constructor(option, value):
    with pytest.raises(ConfigurationError, match=f"{option} is .*it must be ") as caught:
        TaskHandler(workers=[Worker(lambda: None, "x")], **{option: value})
    assert caught.value.variable == option
    assert caught.value.allowed


@pytest.mark.parametrize(("option", "value"), [("processes", 1.7), ("health_port", 8080.7), ("health_port", True)])
def test_numbers_that_are_not_whole_are_refused_at_the_start(stub, option, value):
    handler = TaskHandler(Settings(server_url=stub.url), workers=[Worker(lambda: None, "x")], **{option: value})
    with pytest.raises(ConfigurationError, match=f"{option} is {value}; it must be an integer"):
        handler.start()


def test_a_url_is_not_accepted_as_a_client_and_not_repeated():
    with pytest.raises(ConfigurationError, match=r"type str.*Settings\(server_url=") as caught:
        TaskHandler("http://me:the-password@localhost")
    assert "the-password" not in str(caught.value)


def test_an_unknown_option_of_the_handler_is_a_type_error():
    with pytest.raises(TypeError, match="thread_count"):
        TaskHandler(threads=5)


def test_a_hundred_task_types_work_in_one_process_on_two_threads_each(stub, start, wait_until):
    for number in range(100):
        stub.add(f"kind{number}", f"kind{number}-1", f"kind{number}-2")
    handler = start(*(Worker(lambda: None, f"kind{number}") for number in range(100)))
    wait_until(lambda: len(stub.done()) == 200, timeout=20)
    ours = [
        t.name for t in threading.enumerate() if t.name.startswith(("poll:", "run:", "outbox", "lease", "watchdog"))
    ]
    assert len(ours) == 206
    assert handler.stop(grace_seconds=10).drained


@pytest.mark.parametrize("shared_polling", [False, True])
def test_tasks_run_although_no_thread_can_be_started_for_them(stub, start, wait_until, monkeypatch, shared_polling):
    real, is_refusing = threading.Thread.start, True

    def refuse(thread):
        if is_refusing and thread.name.startswith("run:"):
            raise RuntimeError("can't start new thread")
        real(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    for kind in "abc":
        stub.add(kind, *(f"{kind}-{number}" for number in range(20)))

    async def nothing():
        pass

    workers = [Worker(nothing if kind == "c" else lambda: None, kind, thread_count=4) for kind in "abc"]
    handler = start(*workers, shared_polling=shared_polling)
    wait_until(lambda: len(stub.done()) + stub.requests["handed back"] >= 60, timeout=30)
    assert len(stub.done()) > 30
    assert all(len(updates) == 1 for updates in stub.results.values())
    assert handler.health().is_live

    is_refusing = False
    stub.add("a", *(f"later-{number}" for number in range(5)))
    wait_until(lambda: {f"later-{number}" for number in range(5)} <= stub.done(), timeout=30)


def test_shared_polling_comes_from_the_environment_and_an_argument_wins(stub, start, monkeypatch):
    def pollers():
        return sorted(thread.name for thread in threading.enumerate() if thread.name.startswith("poll:"))

    monkeypatch.setenv("CONDUCTOR_SHARED_POLLING", "true")
    workers = [Worker(lambda: None, kind) for kind in ("one", "two")]
    handler = start(*workers)
    assert pollers() == ["poll:shared-1", "poll:shared-2"]
    assert handler.stop(5).drained
    assert start(*workers, shared_polling=False).stop(5).drained

    monkeypatch.setenv("CONDUCTOR_SHARED_POLLING", "perhaps")
    with pytest.raises(ConfigurationError, match="CONDUCTOR_SHARED_POLLING is 'perhaps'"):
        start(*workers)
    with pytest.raises(ConfigurationError, match="shared_polling is 'yes'; it must be True or False"):
        start(*workers, shared_polling="yes")


def test_a_handler_that_cannot_start_its_threads_leaves_none_running(stub, monkeypatch):
    started = []
    real = threading.Thread.start

    def start_few(thread):
        if thread.name.startswith(("poll:", "run:", "outbox", "lease")):
            if len(started) == 4:
                raise RuntimeError("can't start new thread")
            started.append(thread)
        real(thread)

    monkeypatch.setattr(threading.Thread, "start", start_few)
    workers = [Worker(lambda: None, kind) for kind in "abc"]
    handler = TaskHandler(Settings(server_url=stub.url), workers=workers)
    with pytest.raises(RuntimeError, match="new thread"):
        handler.start()
    for thread in started:
        thread.join(5)
    assert [thread.name for thread in started if thread.is_alive()] == []
    assert not handler.is_polling


def test_a_stop_keeps_to_its_time_where_the_server_does_not_answer(stub, wait_until):
    release = threading.Event()
    stub.add("work", "work-1", "work-2", "work-3")
    handler = TaskHandler(
        Settings(server_url=stub.url),
        workers=[Worker(lambda: release.wait(30), "work", thread_count=3, hand_back=True)],
    ).start()
    wait_until(lambda: handler.health().workers[0].busy == 3)
    stub.fault = lambda kind: "hang"
    began = time.monotonic()
    report = handler.stop(grace_seconds=1)
    assert time.monotonic() - began < 5
    assert sorted(report.unfinished) == ["work-1", "work-2", "work-3"]
    release.set()


def test_a_stop_gives_the_tasks_of_the_last_poll_back_within_one_bound(stub, start, wait_until):
    stub.poll_delay = 2.0
    stub.add("work", *(f"work-{number}" for number in range(31)))
    handler = start(Worker(lambda: None, "work", thread_count=40))
    wait_until(lambda: stub.tasks_taken == 31, timeout=30)  # one by one poll, and 30 by another
    stub.fault = lambda kind: None if kind == "poll" else "hang"
    began = time.monotonic()
    report = handler.stop(grace_seconds=4)
    assert time.monotonic() - began < 12, "one after the other they take 15 s more"
    assert len(report.undelivered) >= 20


def test_a_worker_that_is_given_more_threads_has_connections_for_them(stub, start, wait_until):
    together = threading.Barrier(30)
    handler = start(Worker(lambda: together.wait(10), "work"), Worker(lambda: None, "other"))
    wait_until(lambda: handler.health().is_ready)
    handler.update_options("work", thread_count=30)
    release = threading.Event()
    stub.fault = lambda kind: (release.wait(10), None)[1] if kind in {"update", "update-v2"} else None
    stub.add("work", *(f"work-{i}" for i in range(30)))
    wait_until(lambda: stub.requests["update"] + stub.requests["update-v2"] == 30)
    polls = len(stub.polls)
    wait_until(lambda: len(stub.polls) > polls, what="polls while thirty updates are on their way")
    release.set()
    wait_until(lambda: len(stub.done()) == 30)
