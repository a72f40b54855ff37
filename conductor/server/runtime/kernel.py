"""The server's state: executions, queues and timers, protected by one lock and stored in one database.

A change acquires the lock, lets the engine work on executions in memory, carries out the engine's commands, and commits
before it returns. Therefore everything in a response is also in the database.
"""

from __future__ import annotations

import contextlib
import logging
import random
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from attrs import define, field

from conductor.server.engine.commands import (
    Admit,
    Ended,
    Publish,
    RunTask,
    StartChild,
    StartFailureWorkflow,
    StartTriggered,
)
from conductor.server.engine.context import (
    DOCUMENTED,
    Divergences,
    EngineContext,
    RefusedError,
)
from conductor.server.engine.decide import advance, queue_name
from conductor.server.engine.expressions.jsonpath import PAUSE
from conductor.server.engine.expressions.jsonpath_filters import MATCHER
from conductor.server.engine.extensions import Extensions
from conductor.server.engine.state import IN_PROGRESS, SCHEDULED, Doc, Execution, is_done, is_system
from conductor.server.runtime.clock import Clock
from conductor.server.runtime.queues import TaskQueues, WorkerActivity
from conductor.server.runtime.scripts import Scripts
from conductor.server.runtime.timers import TimedWork
from conductor.server.runtime.transactions import Change, ServerStoppingError, StateLock
from conductor.server.store.sqlite import Store

Json = dict[str, Any]
Handler = Callable[[Execution, Any], None]
logger = logging.getLogger(__name__)

#: Maximum number of executions in memory.
_CACHED_EXECUTIONS = 2000
#: Maximum number of executions whose oldest ancestor is kept in memory.
_CACHED_ROOTS = 10_000
#: Milliseconds between attempts of a task whose total time is limited, about as on the OSS server. Otherwise, 100
#: attempts would end within a second, before the limit.
_RETRY_SPACING_MS = 50
#: Seconds that the engine works in one change; later changes do the rest.
_CHANGE_SECONDS = 0.5
#: Seconds for which a change holds the lock before it lets other threads acquire it.
_HOLD_SECONDS = 0.01
#: Maximum number of executions in one change; later changes do further starts.
_MAX_TOUCHED = 50
#: Commands that can lead to an endless number of the same commands.
_UNBOUNDED = (StartChild, StartFailureWorkflow, StartTriggered, Publish, Admit)


@define
class Catalog:
    """The registered definitions, in memory.

    Attributes:
        task_defs: Task definitions by name.
        workflow_defs: Workflow definitions by name and version.
    """

    task_defs: dict[str, Json] = field(factory=dict)
    workflow_defs: dict[str, dict[int, Json]] = field(factory=dict)

    def latest_version(self, name: str) -> int | None:
        """Return the highest version of a workflow definition; None if it does not exist."""
        return max(self.workflow_defs.get(name, ()), default=None)


class Kernel:
    """The state of a server, and the operations that change it. All methods can be called from any thread.

    Args:
        clock: The server's clock.
        store: The database.
        secrets: Values of ``${workflow.secrets.NAME}``.
        environment: Values of ``${workflow.env.NAME}``.
        divergences: The differences from the OSS server.

    Attributes:
        queues: The queues that workers poll.
        catalog: The registered definitions.
        lock: The lock that protects the state.
        last_polls: The last poll of each task type and domain.
        in_progress: The ids of tasks that workers are executing, by task definition.
        worker_activity: Recent polls and updates of workers.
        extensions: The engine's extensions of the edition.
        handlers: The functions that carry out the engine's commands, by command type.
        task_runners: The functions that run the tasks of ``RunTask`` commands, by task type.
        observers: Functions that are called for each task of a type that a change has modified, by task type. They
            return whether they have changed anything.
        scripts: The scripts of executions.
        timed_work: The timers.
        is_closed: Whether the database is closed.
        last_change: Monotonic time of the last change.
        new_id: Returns the id of a new execution, task or message.
        random_ms: Returns a random number from 0 to its argument, for jitter.
    """

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
        self.extensions: Extensions = Extensions()
        self.queues: TaskQueues = TaskQueues()
        self.catalog: Catalog = Catalog()
        self.secrets: dict[str, str] = dict(secrets)
        self.environment: dict[str, str] = dict(environment)
        self.lock: StateLock = StateLock()
        self.last_polls: dict[tuple[str, str], Json] = {}
        self.in_progress: dict[str, set[str]] = {}
        self.worker_activity: WorkerActivity = WorkerActivity()
        self.handlers: dict[type, Handler] = {RunTask: self._run_task}
        self.task_runners: dict[str, Callable[[Execution, Doc], None]] = {}
        self.observers: dict[str, Callable[[Execution, Doc], bool]] = {}
        self.scripts: Scripts = Scripts(self.unlocked, plain_objects=divergences.plain_objects)
        self.timed_work: TimedWork = TimedWork(self)
        self.is_closed: bool = False
        self.last_change: float = time.monotonic()
        self.new_id: Callable[[], str] = _new_id
        self.random_ms: Callable[[int], int] = _random_ms
        self._cache: dict[str, Execution] = {}
        self._change: Change | None = None  # the change that holds the lock
        self._claims: dict[str, Change] = {}  # changes without the lock, by root of their executions
        self._roots: dict[str, str] = {}  # the oldest ancestor of each execution
        self._watchers: dict[str, set[Callable[[], None]]] = {}
        self._stored_offset = clock.offset_ms

    # -- changes

    @contextlib.contextmanager
    def change(self, seconds: float = _CHANGE_SECONDS) -> Iterator[EngineContext]:
        """Hold the lock for the block, and commit its changes at the end. An exception rolls all of them back.

        A change inside a change is a part of it.

        Args:
            seconds: Maximum time for the engine; later changes do the rest.

        Raises:
            ServerStoppingError: The server is stopping.
        """
        with self.lock:
            if self._change is not None:
                yield self.context
                return
            if self.is_closed:
                raise ServerStoppingError
            # No thread fires timers (in tests with a frozen clock), so each change fires what is due before it.
            if self.timed_work.spawn is None and self.timed_work.next_is_due():
                self.timed_work.run_due()
            now = time.monotonic()
            change = self._change = Change(until=now + seconds, held_since=now)
            change.context = self._new_context(change)
            matcher, pause = MATCHER.set(self.scripts.matches), PAUSE.set(change.context.deadline_passed)
            try:
                self.store.begin()
                yield change.context
                # The commands of the engine change other executions (children, parents), which belong to the same
                # transaction.
                self._carry_out()
                self._save()
                self.store.commit()
            except BaseException:  # a failed change must be rolled back as a whole
                if not self.is_closed:
                    self.store.rollback()
                # The objects in memory are modified in place, so after a rollback they no longer equal the database.
                for workflow_id in change.touched:
                    self._cache.pop(workflow_id, None)
                for action in change.after_failure:
                    action()
                raise
            finally:
                MATCHER.reset(matcher)
                PAUSE.reset(pause)
                self._change = None
                self._claims = {root: owner for root, owner in self._claims.items() if owner is not change}
                # Before the actions after the commit: a change that waits for this one needs only the lock.
                change.finished.set()
            self._committed(change)
            if self.timed_work.skips_time:
                self.timed_work.wake()

    @contextlib.contextmanager
    def unlocked(self) -> Iterator[None]:
        """Release the lock for the block. The change claims its executions, so that no other change uses them."""
        change = self._change
        if change is None:
            yield
            return
        # The root represents the whole family. A child's end changes its parent, so two changes must not change members
        # of one family at the same time.
        for workflow_id in change.seen:
            self._claims.setdefault(self._root_of(workflow_id), change)
        self.store.commit()
        self._change = None
        # The lock is reentrant and may be held several times, when services call each other.
        count, begin = self.lock.release_all(), time.monotonic()
        try:
            yield
        finally:
            self.lock.reacquire(count)
            self._change = change
            if self.is_closed:
                raise ServerStoppingError
            self.store.begin()
            change.held_since = time.monotonic()
            # Time without the lock does not count: a script that takes 4 s must not use up the engine's time.
            change.until += change.held_since - begin

    @property
    def is_working(self) -> bool:
        """Whether a change, a timer or an unfinished execution is being processed."""
        return bool(self._claims) or self.timed_work.is_working

    def _deadline_passed(self, change: Change) -> bool:
        """Return whether the change has worked long enough; releases the lock for other threads from time to time."""
        now = time.monotonic()
        if now - change.held_since > _HOLD_SECONDS and self._change is change:
            with self.unlocked():
                self.lock.let_others_pass()
        return now > change.until

    def _root_of(self, workflow_id: str) -> str:
        """Return the oldest ancestor of an execution."""
        path: dict[str, None] = {}
        while (root := self._roots.get(workflow_id)) is None:
            path[workflow_id] = None
            known = self._cache.get(workflow_id)
            parent = known.workflow.get("parentWorkflowId") if known else self.store.parent_of(workflow_id)
            if not parent or parent in path:
                root = workflow_id
                break
            workflow_id = parent
        while len(self._roots) > _CACHED_ROOTS:
            del self._roots[next(iter(self._roots))]
        self._roots.update(dict.fromkeys(path, root))
        return root

    def _wait_for(self, other: Change) -> None:
        change = self._change
        # Two changes that wait for each other would wait forever. The later one is refused, and its client can retry.
        if change is None or change.is_waited_for_by(other):
            raise RefusedError(409, "The execution is being changed by another request. Try again.")
        change.waits_for = other
        try:
            with self.unlocked():
                other.finished.wait()
        finally:
            change.waits_for = None

    @property
    def after_commit(self) -> list[Callable[[], None]]:
        """Functions to call after the current change is committed."""
        return self._current.after_commit

    @property
    def after_failure(self) -> list[Callable[[], None]]:
        """Functions to call after the current change is rolled back."""
        return self._current.after_failure

    @property
    def _current(self) -> Change:
        if self._change is None:
            raise RuntimeError("Not inside a change")
        return self._change

    @property
    def context(self) -> EngineContext:
        """The context of the current change."""
        change = self._change
        return change.context if change is not None and change.context is not None else self._new_context()

    def _new_context(self, change: Change | None = None) -> EngineContext:
        return EngineContext(
            now=self.clock.now_ms(),
            new_id=self.new_id,
            random_ms=self.random_ms,
            task_def=self.catalog.task_defs.get,
            latest_version=self.catalog.latest_version,
            secrets=self.secrets,
            environment=self.environment,
            javascript=self.scripts.javascript,
            jq=self.scripts.jq,
            last_poll=lambda name, domain: int(self.last_polls.get((name, domain), {}).get("lastPollTime", 0)),
            deadline_passed=(lambda: False) if change is None else partial(self._deadline_passed, change),
            warn=_warn,
            retry_spacing_ms=0 if self.timed_work.skips_time or self.clock.is_frozen else _RETRY_SPACING_MS,
            divergences=self.divergences,
            extensions=self.extensions,
        )

    # -- commits

    def _carry_out(self) -> None:
        """Carry out the engine's commands, including those that they lead to."""
        change = self._current
        while True:
            execution = next((one for one in change.touched.values() if one.commands), None)
            if execution is None:
                if self._notify_observers():
                    continue
                return
            command = execution.commands.pop(0)
            # A workflow that starts itself never ends. Later changes carry out the rest, so that other requests run in
            # between.
            is_full = len(change.touched) > _MAX_TOUCHED
            if isinstance(command, _UNBOUNDED) and (is_full or self.context.deadline_passed()):
                change.postponed.setdefault(execution.id, []).append(command)
                continue
            self.handlers[type(command)](execution, command)

    def _run_task(self, execution: Execution, command: RunTask) -> None:
        task = execution.task(command.task_id)
        if task is not None and not is_done(task):
            self.task_runners[task["taskType"]](execution, task)

    def _notify_observers(self) -> bool:
        """Call the observers of the modified tasks; returns whether one of them has changed anything."""
        if not self.observers:
            return False
        modified = [
            (observe, execution, task)
            for execution in self._current.touched.values()
            for task in execution.live
            if task.changed and (observe := self.observers.get(task["taskType"])) is not None
        ]
        has_changed = False
        for observe, execution, task in modified:
            has_changed |= observe(execution, task)
        return has_changed

    def _save(self) -> None:
        now = self.context.now
        for execution in self._current.touched.values():
            workflow = execution.workflow
            changed = [task for task in execution.live if task.changed]
            if not (workflow.changed or changed or execution.removed):
                continue
            # Clients compare update times to find changes, so the time never decreases, even if the system's clock
            # does.
            workflow["updateTime"] = max(now, workflow["updateTime"])
            if execution.is_terminal and not workflow["endTime"]:
                workflow["endTime"] = now
            for task in changed:
                self._update_queues(task)
            for task_id in execution.removed:
                self.queues.remove(task_id)
            self.store.save(execution)
        self.save_clock()

    def save_clock(self) -> None:
        """Store the offset of the clock, so that a later process does not start at an earlier time."""
        offset = self.clock.offset_ms
        # Written only if the clock was moved, so that most changes need no additional write.
        if offset > self._stored_offset:
            self.store.save_clock_offset(offset)
            self._stored_offset = offset

    def _update_queues(self, task: Doc) -> None:
        """Update the queues and the tasks in progress after a change of a task."""
        if task["status"] != SCHEDULED and not is_system(task):
            self.queues.remove(task["taskId"])
        running = self.in_progress.setdefault(task.get("taskDefName", ""), set())
        if task["status"] == IN_PROGRESS and not is_system(task):
            running.add(task["taskId"])
        elif task["taskId"] in running:
            running.discard(task["taskId"])
            self.worker_activity.record_end()
            # A task in progress has ended, so that another one may be dispatched under a limit of concurrent
            # executions. Waiting polls are woken after the commit, when they can see the change.
            self.after_commit.append(partial(self.queues.wake, queue_name(task)))

    def _committed(self, change: Change) -> None:
        self.last_change = time.monotonic()
        for workflow_id, commands in change.postponed.items():
            self.timed_work.postpone(workflow_id, commands)
        for workflow_id, execution in change.touched.items():
            if execution.is_unfinished and execution.is_open:
                self.timed_work.postpone(workflow_id, [])
            execution.workflow.changed = False
            execution.removed.clear()
            for task in execution.live:
                task.changed = False
            self.timed_work.set_timer(execution)
            for wake in tuple(self._watchers.get(self._root_of(workflow_id), ())) if self._watchers else ():
                wake()
        if self.timed_work.has_unfinished:
            self.timed_work.wake()
        for action in change.after_commit:
            action()
        while len(self._cache) > _CACHED_EXECUTIONS:
            self._cache.pop(next(iter(self._cache)))

    # -- executions

    def find(self, workflow_id: str) -> Execution | None:
        """Return an execution; None if it does not exist.

        Inside a change, this is the change's own copy. Otherwise it is the last committed state, which must not be
        modified.
        """
        if self._claims:
            owner = self._claims.get(self._root_of(workflow_id))
            while owner is not None and owner is not self._change:
                if self._change is None:
                    return self.store.load(workflow_id)
                self._wait_for(owner)
                owner = self._claims.get(self._root_of(workflow_id))
        execution = self._cache.get(workflow_id)
        if execution is None and self._change is not None:
            # The cache is limited and may have dropped the object, but one change must not work with two copies of an
            # execution.
            execution = self._change.seen.get(workflow_id)
        if execution is None:
            execution = self.store.load(workflow_id)
            if execution is not None:
                self._cache[workflow_id] = execution
        if self._change is not None and execution is not None:
            self._change.seen[workflow_id] = execution
        return execution

    def is_claimed(self, workflow_id: str) -> bool:
        """Return whether another change has claimed the execution, so that ``find`` would wait."""
        if not self._claims:
            return False
        owner = self._claims.get(self._root_of(workflow_id))
        return owner is not None and owner is not self._change

    def when_free(self, workflow_id: str, function: Callable[[], None]) -> None:
        """Call a function after the change that has claimed the execution has ended; at once if there is none."""
        owner = self._claims.get(self._root_of(workflow_id))
        if owner is None:
            function()
        else:
            owner.after_commit.append(function)
            owner.after_failure.append(function)

    def get(self, workflow_id: str) -> Execution:
        """Return an execution, as ``find`` does.

        Raises:
            RefusedError: The execution does not exist (404).
        """
        execution = self.find(workflow_id)
        if execution is None:
            raise RefusedError(404, f"{self.extensions.unknown_execution} {workflow_id}")
        return execution

    def touch(self, execution: Execution) -> Execution:
        """Mark an execution as changed by the current change."""
        change = self._current
        change.touched[execution.id] = change.seen[execution.id] = execution
        self._cache[execution.id] = execution
        return execution

    def advance(self, execution: Execution) -> None:
        """Let the engine advance an execution as far as possible."""
        self.touch(execution)
        advance(execution, self.context)

    def forget(self, workflow_id: str) -> None:
        """Remove an execution permanently."""
        execution = self.find(workflow_id)
        for task in execution.tasks if execution is not None else ():
            self.queues.remove(task["taskId"])
            self.in_progress.get(task.get("taskDefName", ""), set()).discard(task["taskId"])
        # Its parent and waiting clients must be notified that it has ended; otherwise they would wait forever.
        if execution is not None and execution.is_open:
            self.handlers[Ended](execution, Ended())
        self.store.remove(workflow_id)
        self._cache.pop(workflow_id, None)
        self._current.touched.pop(workflow_id, None)
        self._current.seen.pop(workflow_id, None)
        self.timed_work.forget(workflow_id)

    def watch(self, workflow_id: str, wake: Callable[[], None]) -> Callable[[], None]:
        """Call ``wake`` after each change of an execution, its ancestors or their children.

        Returns:
            A function that stops the calls.
        """
        with self.lock:
            root = self._root_of(workflow_id)
            self._watchers.setdefault(root, set()).add(wake)
        return partial(self._unwatch, root, wake)

    def _unwatch(self, root: str, wake: Callable[[], None]) -> None:
        with self.lock:
            watchers = self._watchers.get(root, set())
            watchers.discard(wake)
            if not watchers:
                self._watchers.pop(root, None)


def _new_id() -> str:
    return str(uuid.uuid4())


def _random_ms(limit: int) -> int:
    return random.randint(0, limit)  # jitter needs no secure random numbers


def _warn(message: str) -> None:
    logger.warning("%s", message, exc_info=sys.exc_info())
