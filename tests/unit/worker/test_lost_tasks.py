"""LostTasks with a fake server and a fake clock; the tasks of other workers and those in hand are never touched."""

import time

import pytest

from conductor.errors import (
    APIConnectionError,
    APITimeoutError,
    BadRequestError,
    NotFoundError,
    ServerError,
    UnexpectedResponseError,
    UnsupportedByServerError,
)
from conductor.models import SearchResult, Task, TaskSummary
from conductor.worker.dispatches import DispatchRecord, may_be_lost
from conductor.worker.lost_tasks import LostTasks

MINE = "host-1-abcd"


def raw(task_id, poll_count=1, task_type="work"):
    return {"taskId": task_id, "taskDefName": task_type, "pollCount": poll_count}


def server_task(task_id, poll_count=1, **changes):
    fields = {"status": "IN_PROGRESS", "worker_id": MINE, "task_def_name": "work", "workflow_instance_id": "w"}
    return Task(task_id=task_id, poll_count=poll_count, **{**fields, **changes})


class World:
    """The server, its index, the clock and the release of tasks."""

    def __init__(self, task_types=("work",)):
        self.now = 1000.0
        self.indexed = []
        self.tasks = {}
        self.queries = []
        self.released = []
        self.error = self.summary_error = None
        self.summary_queries, self.reads = [], []
        self.on_search = self.on_wait = lambda: None
        self.release_works = True
        self.record = DispatchRecord()
        self.lost_tasks = LostTasks(
            self.record, MINE, lambda: self, task_types, self.release, clock=lambda: self.now, wait=self.wait
        )
        self.record.report_lost_to(self.lost_tasks.lost)

    def add(self, *tasks):
        self.indexed += tasks
        self.tasks.update({task.task_id: task for task in tasks})

    def search_full(self, *, query, sort, start, size):
        assert sort == "updateTime:DESC"
        self.queries.append(query)
        if self.error is not None:
            raise self.error
        self.on_search()
        return SearchResult(len(self.indexed), self.indexed[start : start + size])

    def search(self, *, query, sort, start, size):
        assert (sort, start) == ("updateTime:DESC", 0)
        self.summary_queries.append(query)
        if self.summary_error is not None:
            raise self.summary_error
        found = [
            TaskSummary(task_id=task.task_id, task_def_name="work", update_time="2026-11-29T07:00:00.000Z")
            for task in self.indexed[:size]
        ]
        return SearchResult(len(self.indexed), found)

    def get(self, task_id):
        self.reads.append(task_id)
        if task_id not in self.tasks:
            raise NotFoundError("no such task", status=404)
        return self.tasks[task_id]

    def release(self, task_type, result):
        self.released.append((task_type, result))
        self.record.end(result.task_id)
        return self.release_works

    def wait(self, seconds):
        self.now += seconds
        self.on_wait()

    def pass_time(self, seconds):
        end = self.now + seconds
        while self.now < end:
            self.now += 0.25
            self.lost_tasks.search_due()


@pytest.fixture
def world():
    return World()


def released(world):
    return [result.task_id for _, result in world.released]


def test_a_task_in_a_lost_response_is_handed_back_with_its_output(world):
    world.add(server_task("t1", output_data={"step": 2}))
    world.record.lose("work")
    assert world.queries == []  # the server may still be handling the request
    world.pass_time(2)
    (task_type, result), *_ = world.released
    assert (task_type, result.task_id, result.workflow_instance_id) == ("work", "t1", "w")
    assert (result.status, result.output_data, result.worker_id) == ("IN_PROGRESS", {"step": 2}, MINE)
    assert world.queries[0] == "status = IN_PROGRESS AND taskDefName IN (work)"
    assert world.lost_tasks.recovered == len(world.released)


@pytest.mark.parametrize(
    "task",
    [
        server_task("t1", worker_id="host-1-other"),
        server_task("t1", worker_id=None),
        server_task("t1", status="SCHEDULED"),
        server_task("t1", status="COMPLETED"),
    ],
)
def test_tasks_that_are_not_in_progress_here_are_not_released(world, task):
    world.add(task)
    world.record.lose("work")
    world.pass_time(30)
    assert world.queries
    assert world.released == []


def test_a_task_that_this_handler_holds_is_never_released(world):
    world.record.close(world.record.open("work"), [raw("t1")])
    world.add(server_task("t1"))
    world.record.lose("work")
    world.pass_time(30)
    assert world.released == []


def test_a_lost_second_dispatch_is_distinguished_from_the_first(world):
    world.record.receive(raw("t1", poll_count=1))
    world.add(server_task("t1", poll_count=2))
    world.record.lose("work")
    world.pass_time(2)
    assert set(released(world)) == {"t1"}


def test_a_lagging_index_is_checked_against_the_task_itself(world):
    world.indexed = [server_task("gone"), server_task("done"), server_task("again"), server_task("moved")]
    world.tasks = {
        "done": server_task("done", status="COMPLETED"),
        "again": server_task("again", poll_count=2),
        "moved": server_task("moved", worker_id="another"),
    }
    world.record.lose("work")
    world.pass_time(30)
    assert world.released == []


def test_a_task_that_ends_during_the_search_is_not_touched(world):
    world.record.receive(raw("t1"))
    world.add(server_task("t1"))  # as the server knew it when it read the task
    world.on_search = lambda: world.record.end("t1")
    world.record.lose("work")
    while not world.queries:
        world.pass_time(0.25)
    assert world.released == []
    assert not world.record.has(server_task("t1"))


def test_a_task_that_is_still_on_its_way_is_waited_for(world):
    number = world.record.open("work")
    world.add(server_task("t1"))
    looks = []

    def arrive():
        looks.append(1)
        if len(looks) == 3:
            world.record.close(number, [raw("t1")])

    world.on_wait = arrive
    world.record.lose("work")
    world.pass_time(2)
    assert len(looks) == 3
    assert world.released == []


def test_requests_of_other_types_are_not_waited_for(world):
    world.record.open("other")
    world.add(server_task("t1"))
    world.record.lose("work")
    world.pass_time(2)
    assert released(world)


def test_a_request_that_never_ends_keeps_the_task_from_being_handed_back(world):
    world.record.open("work")
    world.add(server_task("t1"))
    world.record.lose("work")
    world.pass_time(100)
    assert world.released == []


def test_the_index_is_searched_again_until_it_has_caught_up(world):
    world.record.lose("work")
    world.pass_time(3)
    world.add(server_task("t1"))
    world.pass_time(8)
    assert released(world)[0] == "t1"


def test_searches_end_soon_after_the_last_loss_and_are_bounded(world):
    world.record.lose("work")
    world.pass_time(60)
    assert 3 <= len(world.queries) <= 7
    before = len(world.queries)
    for _ in range(240):  # a minute of losses
        world.record.lose("work")
        world.pass_time(0.25)
    assert len(world.queries) - before <= 45


def test_a_thousand_types_are_searched_a_few_at_a_time():
    world = World([f"type{number}" for number in range(1000)])
    for number in range(1000):
        world.record.lose(f"type{number}")
    world.pass_time(1.5)
    assert len(world.queries) <= 3
    assert all(query.count(",") <= 19 for query in world.queries)
    world.pass_time(30)
    asked = {name for query in world.queries for name in query.partition("(")[2].rstrip(")").split(",")}
    assert len(asked) == 1000


def test_a_release_that_fails_is_tried_with_the_next_search(world):
    world.add(server_task("t1"))
    world.release_works = False
    world.record.lose("work")
    world.pass_time(8)
    assert len(world.released) > 1
    assert world.lost_tasks.recovered == 0


def test_a_server_without_the_search_is_asked_once(world, caplog):
    world.error = world.summary_error = UnsupportedByServerError("no search", status=404)
    caplog.set_level("INFO")
    for _ in range(5):
        world.record.lose("work")
        world.pass_time(20)
    assert (len(world.queries), len(world.summary_queries)) == (1, 1)
    assert caplog.text.count("cannot search its tasks") == 1


def test_a_search_that_the_server_refuses_ends_after_five_attempts(world, caplog):
    world.error = world.summary_error = ServerError("no index", status=500, from_conductor=True)
    world.record.lose("work")
    world.pass_time(300)
    assert (len(world.queries), len(world.summary_queries)) == (1, 5)
    assert "wait for their response timeout (work): " in caplog.text


@pytest.mark.parametrize(
    "error",
    [
        ServerError("result is null", status=500, from_conductor=True),  # with a PostgreSQL index
        UnsupportedByServerError("no search-v2", status=404),
    ],
)
def test_tasks_are_read_one_by_one_if_only_summaries_are_found(world, error):
    world.error = error
    world.record.receive(raw("mine"))
    world.add(server_task("other", worker_id="other"), server_task("mine"), server_task("t1"))
    world.record.lose("work")
    while not world.summary_queries:
        world.pass_time(0.25)
    assert world.reads == ["other", "t1", "t1"]  # the last read checks it before it is handed back
    assert released(world) == ["t1"]
    world.pass_time(10)
    assert world.reads.count("other") == 1
    assert "mine" not in world.reads


def test_an_outage_is_outlasted(world):
    world.error = APIConnectionError("refused", never_sent=True)
    world.add(server_task("t1"))
    world.record.lose("work")
    world.pass_time(300)
    assert world.released == []
    assert len(world.queries) < 25
    world.error = None
    world.pass_time(40)
    assert released(world)[0] == "t1"


def test_types_with_an_id_of_their_own_are_not_searched():
    world = World(task_types=("work", "a,b", "x AND y", "all*"))
    for name in ("another", "a,b", "x AND y", "all*"):
        world.record.lose(name)
    world.pass_time(30)
    assert world.queries == []


def test_more_tasks_than_a_page_are_searched_page_by_page(world):
    world.add(*(server_task(f"other{number}", worker_id="other") for number in range(250)), server_task("t1"))
    world.record.lose("work")
    while not world.released and world.now < 1010:  # the first search comes after a random time
        world.pass_time(0.25)
    assert released(world) == ["t1"]
    assert len(world.queries) == 3


def test_a_stop_searches_a_last_time(world):
    world.add(server_task("t1"))
    world.record.lose("work")
    world.lost_tasks.start()
    world.lost_tasks.close(deadline=time.monotonic() + 30)
    assert released(world) == ["t1"]


def test_what_may_have_been_lost():
    lost = [
        APIConnectionError("reset"),
        APITimeoutError("no response"),
        UnexpectedResponseError("a login page", status=200),
        ServerError("bad gateway", status=502),
        ServerError("failed", status=500, from_conductor=True),
        ValueError("unexpected"),
    ]
    not_lost = [
        APIConnectionError("refused", never_sent=True),
        BadRequestError("invalid", status=400, from_conductor=True),
        UnsupportedByServerError("no such path", status=404),
    ]
    assert [may_be_lost(error) for error in lost] == [True] * len(lost)
    assert [may_be_lost(error) for error in not_lost] == [False] * len(not_lost)


def test_dispatches_are_counted_until_each_has_ended():
    record = DispatchRecord()
    record.receive(raw("t1", poll_count=1))
    record.receive(raw("t1", poll_count=2))  # before the first one's end was known
    record.end("t1")
    assert record.has(server_task("t1", poll_count=2))
    record.end("t1")
    assert not record.has(server_task("t1", poll_count=2))
    record.end("t1")  # such as a result of an earlier process
    record.receive(raw("t1", poll_count=3))
    assert record.has(server_task("t1", poll_count=3))
    for malformed in (None, [], {}, {"taskId": 1}, {"taskId": "t2", "pollCount": "x"}):
        record.receive(malformed)
