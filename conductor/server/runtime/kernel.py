"""The engine's surroundings: one lock, one store, the queues and the timers.

A change takes the lock, lets the engine work on executions in memory, carries out its commands, and commits before it
returns: what a client was told is in the database.
"""

from __future__ import annotations

import contextlib
import functools
import heapq
import logging
import math
import random
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from attrs import define, field

from conductor.server.engine.commands import Command, Publish, StartChild, StartFailureWorkflow
from conductor.server.engine.decide import advance, queue_name
from conductor.server.engine.state import IN_PROGRESS, SCHEDULED, SYSTEM, Doc, Execution
from conductor.server.engine.tasks.outside import begin_again
from conductor.server.engine.timeouts import next_deadline, next_wait, waits_for_somebody
from conductor.server.engine.world import DOCUMENTED, Divergences, RefusedError, ScriptFailedError, World
from conductor.server.runtime.clock import Clock
from conductor.server.runtime.queues import TaskQueues
from conductor.server.scripting.javascript import run_javascript
from conductor.server.scripting.jq import run_jq
from conductor.server.scripting.pool import ScriptError
from conductor.server.store.sqlite import Store

Json = dict[str, Any]
Handler = Callable[[Execution, Any], None]
logger = logging.getLogger(__name__)
_KEPT_IN_MEMORY = 2000
_SCRIPT_SECONDS = 4.0
_AGAIN_MS = 100
_AFTER_FAILURE_MS = 10_000
_CHANGE_SECONDS, _GO_ON_SECONDS = 0.5, 0.1
_BEGINNINGS = (StartChild, StartFailureWorkflow, Publish)  # what may have no end: each may lead to another
_FEW_TIMERS = 1000


@define
class Catalog:
    """Definitions in memory, for the engine's questions."""

    task_defs: dict[str, Json] = field(factory=dict)
    workflow_defs: dict[str, dict[int, Json]] = field(factory=dict)

    def latest_version(self, name: str) -> int | None:
        """The highest version of a workflow definition."""
        return max(self.workflow_defs.get(name, ()), default=None)


class Kernel:
    """State and the ways to change it. All methods may be called from any thread."""

    def __init__(
        self,
        clock: Clock,
        store: Store,
        *,
        secrets: Mapping[str, str],
        environment: Mapping[str, str],
        divergences: Divergences = DOCUMENTED,
    ) -> None:
        self.clock = clock
        self.store = store
        self.divergences = divergences
        self.queues: TaskQueues = TaskQueues()
        self.catalog: Catalog = Catalog()
        self.secrets: dict[str, str] = dict(secrets)
        self.environment: dict[str, str] = dict(environment)
        self.lock: threading.RLock = threading.RLock()
        self.last_polls: dict[tuple[str, str], Json] = {}  # by task type and domain
        self.in_progress: dict[str, set[str]] = {}  # ids of tasks that workers have, by definition
        self.handlers: dict[type, Handler] = {}
        self.timed: list[tuple[Callable[[], int | None], Callable[[int], None]]] = []  # further sources of timers
        self.after_commit: list[Callable[[], None]] = []
        self.after_failure: list[Callable[[], None]] = []
        self.is_closed = False
        self.skips_time = False
        self.wake_timer: Callable[[], None] = lambda: None
        self._cache: dict[str, Execution] = {}
        self._touched: dict[str, Execution] = {}
        self._watchers: dict[str, set[Callable[[], None]]] = {}
        self._timers: list[tuple[int, str]] = []
        self._deadlines: dict[str, int] = {}
        self._put_off: dict[str, list[Command]] = {}  # by the change under way
        self._unfinished: dict[str, list[Command]] = {}  # executions whose work goes on, and what is to be done first
        self._depth = 0
        self._world: World | None = None
        self._stored_offset = clock.offset_ms
        clock.drive(self.move_to, self.next_event)

    # -- changes

    @contextlib.contextmanager
    def change(self, seconds: float = _CHANGE_SECONDS) -> Iterator[World]:
        """Hold the lock, and commit what was changed at the end; nothing is kept after an error.

        Args:
            seconds: How long the engine may work. What has no end by then goes on later, by ``go_on``.
        """
        with self.lock:
            if self._depth:
                yield self.world
                return
            if self._timers and self._timers[0][0] <= self.clock.now_ms():
                self.run_due()
            self._depth = 1
            self._world = self._new_world(time.monotonic() + seconds)
            self._put_off = {}
            try:
                with self.store.transaction():
                    yield self._world
                    self._carry_out()
                    self._save()
            except BaseException:
                for workflow_id in self._touched:
                    self._cache.pop(workflow_id, None)
                self._touched.clear()
                self.after_commit.clear()
                for action in self.after_failure:
                    action()
                raise
            finally:
                self._depth = 0
                self._world = None
                self.after_failure.clear()
            self._committed()
            if self.skips_time:
                self.wake_timer()

    @property
    def world(self) -> World:
        """The world of the change under way."""
        return self._world or self._new_world()

    def _new_world(self, until: float = math.inf) -> World:
        return World(
            now=self.clock.now_ms(),
            new_id=lambda: str(uuid.uuid4()),
            random_ms=lambda most: random.randint(0, most),  # noqa: S311  jitter
            task_def=self.catalog.task_defs.get,
            latest_version=self.catalog.latest_version,
            secrets=self.secrets,
            environment=self.environment,
            javascript=functools.partial(_javascript, plain_objects=self.divergences.plain_objects),
            jq=_jq,
            last_poll=lambda kind, domain: int(self.last_polls.get((kind, domain), {}).get("lastPollTime", 0)),
            is_spent=lambda: time.monotonic() > until,
            warn=_warn,
            divergences=self.divergences,
        )

    def _carry_out(self) -> None:
        """Carry out commands, which may lead to more."""
        while True:
            execution = next((one for one in self._touched.values() if one.commands), None)
            if execution is None:
                return
            command = execution.commands.pop(0)
            if isinstance(command, _BEGINNINGS) and self.world.is_spent():
                self._put_off.setdefault(execution.id, []).append(command)
                continue
            self.handlers[type(command)](execution, command)

    def _save(self) -> None:
        now = self.world.now
        for execution in self._touched.values():
            workflow = execution.workflow
            changed = [task for task in execution.tasks if task.changed]
            if not (workflow.changed or changed or execution.removed):
                continue
            workflow["updateTime"] = now
            if execution.is_terminal and not workflow["endTime"]:
                workflow["endTime"] = now
            for task in changed:
                self._follow_task(task)
            for task_id in execution.removed:
                self.queues.remove(task_id)
            self.store.save(execution)
        self._save_clock()

    def _save_clock(self) -> None:
        """Keep the clock's lead with what happened by it: no later process may be behind that."""
        offset = self.clock.offset_ms
        if offset > self._stored_offset:
            self.store.save_clock_offset(offset)
            self._stored_offset = offset

    def _follow_task(self, task: Doc) -> None:
        """Keep the queues and the numbers of running tasks true."""
        if task["status"] != SCHEDULED and task["taskType"] not in SYSTEM:
            self.queues.remove(task["taskId"])
        running = self.in_progress.setdefault(task.get("taskDefName", ""), set())
        if task["status"] == IN_PROGRESS and task["taskType"] not in SYSTEM:
            running.add(task["taskId"])
        elif task["taskId"] in running:
            running.discard(task["taskId"])
            self.after_commit.append(partial(self.queues.wake, queue_name(task)))

    def _committed(self) -> None:
        for workflow_id, commands in self._put_off.items():
            self._unfinished.setdefault(workflow_id, []).extend(commands)
        for workflow_id, execution in self._touched.items():
            if execution.is_unfinished and execution.is_open:
                self._unfinished.setdefault(workflow_id, [])
            execution.workflow.changed = False
            execution.removed.clear()
            for task in execution.tasks:
                task.changed = False
            self._set_timer(workflow_id, execution)
            for wake in tuple(self._watchers.get(workflow_id, ())):
                wake()
        self._touched.clear()
        if self._unfinished:
            self.wake_timer()
        actions, self.after_commit = self.after_commit, []
        for action in actions:
            action()
        while len(self._cache) > _KEPT_IN_MEMORY:
            self._cache.pop(next(iter(self._cache)))

    # -- executions

    def find(self, workflow_id: str) -> Execution | None:
        """An execution; None when there is none of this id."""
        execution = self._touched.get(workflow_id) or self._cache.get(workflow_id)
        if execution is None:
            execution = self.store.load(workflow_id)
            if execution is not None:
                self._cache[workflow_id] = execution
        return execution

    def get(self, workflow_id: str) -> Execution:
        """An execution.

        Raises:
            RefusedError: There is none of this id.
        """
        execution = self.find(workflow_id)
        if execution is None:
            raise RefusedError(404, f"No such workflow found by id: {workflow_id}")
        return execution

    def touch(self, execution: Execution) -> Execution:
        """Note that the change under way is about this execution."""
        self._touched[execution.id] = execution
        self._cache[execution.id] = execution
        return execution

    def advance(self, execution: Execution) -> None:
        """Let the engine look at an execution."""
        self.touch(execution)
        advance(execution, self.world)

    def forget(self, workflow_id: str) -> None:
        """An execution is removed for good."""
        execution = self.find(workflow_id)
        for task in execution.tasks if execution is not None else ():
            self.queues.remove(task["taskId"])
            self.in_progress.get(task.get("taskDefName", ""), set()).discard(task["taskId"])
        self.store.remove(workflow_id)
        self._cache.pop(workflow_id, None)
        self._touched.pop(workflow_id, None)
        self._deadlines.pop(workflow_id, None)
        self._unfinished.pop(workflow_id, None)

    def watch(self, workflow_id: str, wake: Callable[[], None]) -> Callable[[], None]:
        """Call ``wake`` after each change of an execution; returns what ends that."""
        with self.lock:
            self._watchers.setdefault(workflow_id, set()).add(wake)
        return partial(self._unwatch, workflow_id, wake)

    def _unwatch(self, workflow_id: str, wake: Callable[[], None]) -> None:
        with self.lock:
            watchers = self._watchers.get(workflow_id, set())
            watchers.discard(wake)
            if not watchers:
                self._watchers.pop(workflow_id, None)

    # -- timers

    def _set_timer(self, workflow_id: str, execution: Execution) -> None:
        deadline = next_deadline(execution)
        if deadline is not None and deadline <= self.clock.now_ms():
            deadline = self.clock.now_ms() + _AGAIN_MS  # the engine has looked, and left it
        if deadline == self._deadlines.get(workflow_id):
            return
        if deadline is None:
            self._deadlines.pop(workflow_id, None)
            return
        self._arm(workflow_id, deadline)

    def _arm(self, workflow_id: str, deadline: int) -> None:
        self._deadlines[workflow_id] = deadline
        heapq.heappush(self._timers, (deadline, workflow_id))
        if len(self._timers) > _FEW_TIMERS + 2 * len(self._deadlines):  # most are of the past
            self._timers = [(due, one) for one, due in self._deadlines.items()]
            heapq.heapify(self._timers)
        if self._timers[0][1] == workflow_id:
            self.wake_timer()

    @property
    def has_unfinished(self) -> bool:
        """Whether the work of some execution was broken off."""
        return bool(self._unfinished)

    def go_on(self) -> bool:
        """Take up the work of an execution that was broken off, for a short while; returns whether there was one."""
        with self.lock:
            if not self._unfinished or self.is_closed:
                return False
            workflow_id = next(iter(self._unfinished))
            commands = self._unfinished.pop(workflow_id)
            again = partial(self._arm, workflow_id, self.clock.now_ms() + _AFTER_FAILURE_MS)
            with self._guarded(workflow_id, again), self.change(_GO_ON_SECONDS):
                execution = self.find(workflow_id)
                if execution is not None:
                    self.advance(execution)
                    execution.commands[:0] = commands
            return True

    def next_event(self) -> int | None:
        """When the next timer fires, epoch ms; None when nothing waits for a time."""
        with self.lock:
            found = [self.next_timer(), *(source() for source, _ in self.timed)]
            return min((one for one in found if one is not None), default=None)

    def next_timer(self) -> int | None:
        """When the next timer of an execution or a delayed task fires, epoch ms; schedules do not count."""
        with self.lock:
            while self._timers and self._deadlines.get(self._timers[0][1]) != self._timers[0][0]:
                heapq.heappop(self._timers)
            found = [self.queues.next_due_of_all()]
            if self._timers:
                found.append(self._timers[0][0])
            return min((one for one in found if one is not None), default=None)

    def next_skip(self) -> int | None:
        """Where the clock may move to by itself: the next timer, but no timeout of what waits for somebody."""
        with self.lock:
            moment = self.next_timer()
            if moment is None or not self._timers or self._timers[0][0] != moment:
                return moment
            execution = self.find(self._timers[0][1])
            is_timeout = execution is not None and next_wait(execution) != moment
            return None if execution is not None and is_timeout and self._waits_for_somebody(execution) else moment

    def _waits_for_somebody(self, execution: Execution) -> bool:
        children = (self.find(task["subWorkflowId"]) for task in execution.tasks if task.get("subWorkflowId"))
        return any(waits_for_somebody(task) for task in execution.tasks) or any(
            child.is_open and self._waits_for_somebody(child) for child in children if child is not None
        )

    def run_due(self) -> None:
        """Fire the timers whose time has come."""
        with self.lock:
            now = self.clock.now_ms()
            for workflow_id in self._due_executions(now):
                with self._guarded(workflow_id, partial(self._arm, workflow_id, now + _AFTER_FAILURE_MS)):
                    self._look_at(workflow_id)
            for source, fire in self.timed:
                due = source()
                if due is not None and due <= now:
                    with self._guarded("a schedule"), self.change():
                        fire(now)
            self.queues.wake_due(now)

    def _due_executions(self, now: int) -> list[str]:
        due = []
        while self._timers and self._timers[0][0] <= now:
            deadline, workflow_id = heapq.heappop(self._timers)
            if self._deadlines.get(workflow_id) == deadline:
                del self._deadlines[workflow_id]
                due.append(workflow_id)
        return due

    def _look_at(self, workflow_id: str) -> None:
        with self.change():
            execution = self.find(workflow_id)
            if execution is not None:
                self.advance(execution)

    @contextlib.contextmanager
    def _guarded(self, what: str, after_failure: Callable[[], None] = lambda: None) -> Iterator[None]:
        try:
            yield
        except Exception:
            logger.exception("A timer of %s failed", what)
            after_failure()

    def move_to(self, moment: int) -> None:
        """Move the clock, stopping at each timer on the way."""
        with self.lock:
            while (due := self.next_event()) is not None and due <= moment:
                self.clock.set_ms(due)
                self.run_due()
            self.clock.set_ms(moment)
            self._save_clock()
            self.queues.wake_due(self.clock.now_ms())

    def load_open(self) -> None:
        """Take up what was open when the store was last closed, or its process killed."""
        with self.lock:
            open_ids = self.store.open_ids()
        for workflow_id in open_ids:
            with self.change() as world:
                execution = self.get(workflow_id)
                for task in execution.tasks:
                    if task["taskType"] in SYSTEM:
                        begin_again(task)
                        continue
                    if task["status"] == SCHEDULED:
                        due = task.get("_due", 0)
                        queue, priority = queue_name(task), task["workflowPriority"]
                        self.queues.push(queue, task["taskId"], workflow_id, priority, due, world.now)
                    elif task["status"] == IN_PROGRESS:  # a worker has it
                        self.in_progress.setdefault(task["taskDefName"], set()).add(task["taskId"])
                self.advance(execution)


def _warn(text: str) -> None:
    logger.warning("%s", text, exc_info=sys.exc_info())


def _javascript(script: str, bindings: Mapping[str, Any], *, plain_objects: bool) -> Any:
    try:
        return run_javascript(script, {"$": bindings}, timeout=_SCRIPT_SECONDS, plain_objects=plain_objects)
    except ScriptError as error:
        raise ScriptFailedError(str(error)) from None


def _jq(query: str, value: Any) -> list[Any]:
    try:
        return run_jq(query, value)
    except ScriptError as error:
        raise ScriptFailedError(str(error)) from None
