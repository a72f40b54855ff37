"""Recovery of tasks whose dispatch was lost: the server sent them in a response that never arrived.

Such a task is IN_PROGRESS on the server, but no worker runs it, so it waits for its response timeout. After a lost
response the server's IN_PROGRESS tasks of the type are searched, and those that the server believes to be here are
handed back, so that they are dispatched again at once.

A task is handed back only if all of this holds, because a task that runs here, or whose result is on its way, must
never be touched:

- Its worker id is that of this handler, which no other handler has.
- Its last dispatch did not arrive here: the poll count tells one dispatch of a task from the next.
- Every request that was open when the task was found has ended, so none of them can still bring it.
- The task itself, read once more, is still IN_PROGRESS with the same dispatch: the search index may lag.
"""

from __future__ import annotations

import random
import re
import threading
import time
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from attrs import define, frozen

from conductor._internal.logs import isolated_logger
from conductor.errors import APIError, APIStatusError, NotFoundError, ServerError, UnsupportedByServerError
from conductor.models import Task, TaskResult, TaskResultStatus, TaskStatus
from conductor.transport.client import Transport
from conductor.transport.task_channel import TaskChannel
from conductor.worker.dispatches import DispatchRecord, may_be_lost
from conductor.worker.threads import HandlerThread

if TYPE_CHECKING:
    from conductor.models import SearchResult, TaskSummary

__all__ = ["LostTasks", "RecordingChannel"]

logger = isolated_logger(__name__)

#: Seconds from a lost response to the first search: the server may still be handling the request. The spread keeps the
#: processes of a fleet apart.
_FIRST_SEARCH_S = (0.5, 1.5)
#: Seconds from one search to the next, at first and at most.
_FIRST_INTERVAL_S, _LONGEST_INTERVAL_S = 1.0, 4.0
#: Seconds after a lost response for which searches are repeated: a poll may wait on the server for 5 s, and dispatch a
#: task to a connection that is gone; the index may lag.
_WATCH_S = 10.0
#: Seconds between two searches of a handler at least: one of 1,000 task types asks little after an outage.
_SEARCH_SPACING_S = 0.5
#: Seconds until a failed search is repeated, at most.
_LONGEST_BACKOFF_S = 30.0
#: Searches that the server may fail to answer in a row until recovery ends for the lost responses so far.
_FAILED_SEARCHES = 5
#: Task types in one search; the query is part of the URL.
_TYPES_PER_SEARCH = 20
#: Tasks on a page of a search, and pages at most. A lost task is among those that were updated last.
_PAGE_SIZE, _PAGES = 100, 5
_NEWEST_FIRST = "updateTime:DESC"
#: Seconds to wait for requests that may still bring a task; a late poll is read for 65 s.
_OPEN_REQUESTS_S = 75.0
#: Seconds between two looks at open requests.
_LOOK_INTERVAL_S = 0.02
#: Names of task types that the server's query language can express.
_SEARCHABLE = re.compile(r"(?!.* (AND|OR|NOT) )[^\"'(),*]+", re.IGNORECASE)


class RecordingChannel(TaskChannel):
    """A task channel that records the dispatches that arrive, and reports lost responses.

    Args:
        transport: As for ``TaskChannel``.
        record: Takes what arrives and what is lost.
    """

    def __init__(self, transport: Transport, record: DispatchRecord) -> None:
        super().__init__(transport)
        self._record = record

    def poll(
        self,
        task_type: str,
        *,
        count: int,
        timeout_ms: int,
        worker_id: str,
        domain: str | None = None,
        limit: float | None = None,
    ) -> list[Any]:
        """Call ``TaskChannel`` and record what the response brings."""
        number, tasks = self._record.open(task_type), []
        try:
            tasks = super().poll(
                task_type, count=count, timeout_ms=timeout_ms, worker_id=worker_id, domain=domain, limit=limit
            )
        except BaseException as error:  # noted and raised again
            if may_be_lost(error):
                self._record.lose(task_type)
            raise
        finally:
            self._record.close(number, tasks)
        return tasks

    def update_v2(self, task_id: str, body: bytes, limit: float | None = None) -> Any:
        """Call ``TaskChannel`` and record what the response brings."""
        task_type = self._record.type_of(task_id)
        number, following = self._record.open(task_type), None
        try:
            following = super().update_v2(task_id, body, limit)
        except BaseException as error:  # noted and raised again
            if may_be_lost(error) and task_type:
                self._record.lose(task_type)
            raise
        finally:
            self._record.close(number, (following,))
        return following


class TaskLookup(Protocol):
    """The calls of ``client.tasks`` that recovery needs."""

    def search_full(self, *, query: str, sort: str, start: int, size: int) -> SearchResult[Task]:
        """Return one page of complete tasks (``GET /tasks/search-v2``)."""

    def search(self, *, query: str, sort: str, start: int, size: int) -> SearchResult[TaskSummary]:
        """Return one page of summaries of tasks (``GET /tasks/search``)."""

    def get(self, task_id: str) -> Task:
        """Return a task (``GET /tasks/{taskId}``)."""


@define
class _Watch:
    """A task type of which a response was lost.

    Attributes:
        lost_at: When the last one was lost, on the monotonic clock.
        due: When the next search is due.
        interval: Seconds from that search to the one after it.
        failed: Searches in a row that the server failed to answer.
    """

    lost_at: float
    due: float
    interval: float = _FIRST_INTERVAL_S
    failed: int = 0


@frozen
class _Batch:
    task_types: Sequence[str]
    started: float


class LostTasks:
    """Finds tasks whose dispatch was lost, and hands them back: one thread for all of a handler's workers.

    Args:
        record: The dispatches that have arrived.
        worker_id: The worker id that this handler alone reports to the server.
        lookup: Returns what searches and reads tasks: ``client.tasks``.
        task_types: The types of the workers that report this id.
        release: Sends the update that gives a task back to the server; returns whether the server took it.
        clock: Returns monotonic seconds.
        wait: Waits for a number of seconds.
    """

    def __init__(
        self,
        record: DispatchRecord,
        worker_id: str,
        lookup: Callable[[], TaskLookup],
        task_types: Collection[str],
        release: Callable[[str, TaskResult], bool],
        *,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], object] = time.sleep,
    ) -> None:
        self._record = record
        self._worker_id = worker_id
        self._lookup = lookup
        self._task_types = frozenset(name for name in task_types if _SEARCHABLE.fullmatch(name))
        self._release = release
        self._clock = clock
        self._wait = wait
        self._changed = threading.Condition()
        self._watched: dict[str, _Watch] = {}
        # Whether the server can search tasks at all; False after it has answered 404 once.
        self._is_supported = True
        # Whether it can return complete tasks (`search-v2`); otherwise each summary has to be followed by a read.
        self._finds_tasks = True
        # Tasks of other workers that were read already, with the update time of their summary.
        self._of_others: dict[str, str] = {}
        # Monotonic time before which no search is sent, so that a handler with many task types cannot flood the server.
        self._not_before = 0.0
        self._closed = False
        self._thread: threading.Thread | None = None
        self.recovered: int = 0

    # -- thread

    def start(self) -> None:
        """Start the thread that searches for lost tasks."""
        thread = HandlerThread(self._main, "lost-tasks")
        thread.start()  # if it raises, no thread was started
        self._thread = thread

    def revive(self) -> None:
        """Restart the thread if it died."""
        if self._thread is not None and not self._thread.is_alive() and not self._closed:
            self.start()
            logger.error("The thread that recovers lost tasks had died and was restarted")

    def close(self, deadline: float) -> None:
        """End the thread after a last search for what was lost, up to ``deadline`` (monotonic)."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(max(0.0, deadline - time.monotonic()))

    def lost(self, task_type: str) -> None:
        """Note that a response was lost that may have carried tasks of this type."""
        if not self._is_supported or task_type not in self._task_types:
            return
        now = self._clock()
        with self._changed:
            watch = self._watched.get(task_type)
            if watch is None:
                self._watched[task_type] = _Watch(now, now + random.uniform(*_FIRST_SEARCH_S))  # spreads processes
            else:
                # The interval is kept: with a flapping network each loss would otherwise restart the searches at their
                # fastest.
                watch.lost_at = now
                watch.due = min(watch.due, now + _FIRST_SEARCH_S[1])
            self._changed.notify_all()

    def _main(self) -> None:
        while self._wait_until_due():
            try:
                self.search_due()
            except Exception:  # without its thread, nothing would be recovered any more
                logger.exception("The search for lost tasks failed; the next lost response starts another")
                with self._changed:
                    self._watched.clear()

    def _wait_until_due(self) -> bool:
        """Wait until a search is due; return False when the thread is to end."""
        with self._changed:
            while not self._closed:
                due = min((watch.due for watch in self._watched.values()), default=None)
                now = self._clock()
                if due is not None and max(due, self._not_before) <= now:
                    return True
                self._changed.wait(None if due is None else max(due, self._not_before) - now)
            return bool(self._watched)

    # -- searches

    def search_due(self) -> None:
        """Search once for the types that are due, and hand back what was lost."""
        now = self._clock()
        with self._changed:
            if now < self._not_before and not self._closed:
                return
            watched = sorted(self._watched.items(), key=lambda entry: entry[1].due)
            due = [name for name, watch in watched if self._closed or watch.due <= now]
            if not due:
                return
            batch = _Batch(due[:_TYPES_PER_SEARCH], now)
            self._not_before = now + _SEARCH_SPACING_S
        try:
            is_complete = self._recover(batch.task_types)
        except UnsupportedByServerError:
            logger.info("The server cannot search its tasks; tasks in lost responses wait for their response timeout")
            self._is_supported = False
            is_complete = True
        except APIError as error:
            self._after_failure(batch, error)
            return
        self._after_search(batch, is_complete=is_complete)

    def _recover(self, task_types: Sequence[str]) -> bool:
        """Hand back the tasks of these types that were lost; return whether the server has taken all of them."""
        is_complete = True
        with self._record.keeping_ended():
            # The order matters. The search may show a task whose response is still under way, and a task that ended
            # here after the server made its list. So: list, wait for all requests that were open, compare again, and
            # read each remaining task once more.
            found = [task for task in self._in_progress(task_types) if not self._record.has(task)]
            if found and not self._requests_have_ended(task_types):
                return False
            for task in found:
                if not self._record.has(task) and self._is_still_lost(task):
                    # Releasing a task that is running here would run it twice, which is worse than a late one.
                    is_complete &= self._give_back(task)
        return is_complete

    def _in_progress(self, task_types: Sequence[str]) -> list[Task]:
        """Return the tasks that the server believes to be here."""
        query = f"status = {TaskStatus.IN_PROGRESS.value} AND taskDefName IN ({','.join(task_types)})"
        if self._finds_tasks:
            try:
                return self._find_tasks(query)
            except UnsupportedByServerError:
                self._finds_tasks = False
            except ServerError as error:  # so the open-source server answers with its PostgreSQL index
                if not error.from_conductor:
                    raise
                self._finds_tasks = False
        return self._find_summaries(query)

    def _find_tasks(self, query: str) -> list[Task]:
        found: list[Task] = []
        for page in range(_PAGES):
            start = page * _PAGE_SIZE
            tasks = self._lookup().search_full(query=query, sort=_NEWEST_FIRST, start=start, size=_PAGE_SIZE).results
            found += [task for task in tasks if self._is_here(task)]
            if len(tasks) < _PAGE_SIZE:
                break
        return found

    def _find_summaries(self, query: str) -> list[Task]:
        """Return the tasks by a search whose results do not name the worker, so that each task has to be read."""
        found: list[Task] = []
        for summary in self._lookup().search(query=query, sort=_NEWEST_FIRST, start=0, size=_PAGE_SIZE).results:
            task_id, version = str(summary.task_id), str(summary.update_time)
            # A summary does not say how often its task was dispatched. A task in hand is left alone, and a task that
            # was read before is read again only if it has changed.
            if self._record.has_any(task_id) or self._of_others.get(task_id) == version:
                continue
            task = self._read(task_id)
            if task is not None and self._is_here(task):
                found.append(task)
            else:
                self._of_others[task_id] = version
        return found

    def _read(self, task_id: str) -> Task | None:
        try:
            return self._lookup().get(task_id)
        except NotFoundError:
            return None

    def _is_here(self, task: Task) -> bool:
        return task.worker_id == self._worker_id and task.status == TaskStatus.IN_PROGRESS

    def _requests_have_ended(self, task_types: Sequence[str]) -> bool:
        """Wait until every request that is open now has ended; return False if one takes too long."""
        opened = self._record.open_requests(task_types)
        deadline = self._clock() + _OPEN_REQUESTS_S
        while opened & self._record.open_requests(task_types):
            if self._closed or self._clock() > deadline:
                return False
            self._wait(_LOOK_INTERVAL_S)
        return True

    def _is_still_lost(self, task: Task) -> bool:
        now = self._read(str(task.task_id))
        if now is None:
            return False
        return self._is_here(now) and now.poll_count == task.poll_count and not self._record.has(now)

    def _give_back(self, task: Task) -> bool:
        task_type = str(task.task_def_name)
        # In hand until the server has it, so that no other search touches it.
        self._record.receive({"taskId": task.task_id, "taskDefName": task_type, "pollCount": task.poll_count})
        logger.warning(
            "%s: the response that carried task %s was lost; the task is returned to the server",
            task_type,
            task.task_id,
            extra={"task_id": task.task_id, "task_type": task_type, "workflow_id": task.workflow_instance_id},
        )
        is_taken = self._release(
            task_type,
            TaskResult(
                workflow_instance_id=str(task.workflow_instance_id),
                task_id=str(task.task_id),
                status=TaskResultStatus.IN_PROGRESS,
                output_data=task.output_data,
                external_output_payload_storage_path=task.external_output_payload_storage_path,
                worker_id=self._worker_id,
            ),
        )
        self.recovered += is_taken
        return is_taken

    # -- after a search

    def _after_search(self, batch: _Batch, *, is_complete: bool) -> None:
        now = self._clock()
        with self._changed:
            for task_type in batch.task_types:
                watch = self._watched[task_type]
                # Only a search that began after the watch time counts: an earlier one may have missed a task that the
                # server dispatched to the dead connection later.
                is_over = is_complete and batch.started >= watch.lost_at + _WATCH_S
                if is_over or self._closed or not self._is_supported:
                    del self._watched[task_type]
                else:
                    watch.failed = 0
                    watch.due, watch.interval = now + watch.interval, min(2 * watch.interval, _LONGEST_INTERVAL_S)
            if not self._watched:
                self._of_others.clear()

    def _after_failure(self, batch: _Batch, error: APIError) -> None:
        """Search again later: after a failure of the server a few times, during an outage until it has ended."""
        is_answered = isinstance(error, APIStatusError) and error.from_conductor
        now = self._clock()
        given_up = []
        with self._changed:
            for task_type in batch.task_types:
                watch = self._watched[task_type]
                # An outage of the server does not count as a failed search: after it, the lost tasks are still there.
                watch.failed += is_answered
                watch.interval = min(2 * watch.interval, _LONGEST_BACKOFF_S)
                watch.due = now + watch.interval * random.uniform(0.75, 1.0)  # spreads processes
                if watch.failed >= _FAILED_SEARCHES or self._closed:
                    del self._watched[task_type]
                    given_up.append(task_type)
        if given_up:
            names = ", ".join(given_up)
            logger.warning("Tasks in lost responses wait for their response timeout (%s): %s", names, error)
