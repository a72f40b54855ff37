"""The server's state: executions, queues and timers, protected by one lock and stored in one database.

A change acquires the lock, lets the engine work on executions in memory, carries out the engine's commands, and commits
before it returns. So everything that a client has been told is in the database.
"""

from __future__ import annotations

import contextlib
import logging
import random
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from attrs import define, field

from conductor.server.engine.commands import Command, Publish, RunTask, StartChild, StartFailureWorkflow, StartTriggered
from conductor.server.engine.context import (
    DOCUMENTED,
    Divergences,
    EngineContext,
    RefusedError,
    ScriptFailedError,
    TerminateWorkflowError,
)
from conductor.server.engine.decide import advance, queue_name
from conductor.server.engine.expressions.jsonpath_filters import MATCHER
from conductor.server.engine.extensions import Extensions
from conductor.server.engine.state import IN_PROGRESS, SCHEDULED, Doc, Execution, is_done, is_system
from conductor.server.engine.tasks.external import reset_after_restart
from conductor.server.engine.timeouts import next_deadline, next_wait, waits_for_update
from conductor.server.runtime.clock import Clock
from conductor.server.runtime.queues import TaskQueues
from conductor.server.runtime.timers import Timers
from conductor.server.runtime.transactions import Change, ServerStoppingError, StateLock
from conductor.server.runtime.worker_activity import WorkerActivity, WorkersFirst
from conductor.server.scripting.javascript import run_javascript
from conductor.server.scripting.jq import run_jq
from conductor.server.scripting.pool import POOL, ScriptError
from conductor.server.scripting.regex import run_regex
from conductor.server.store.sqlite import Store

Json = dict[str, Any]
Handler = Callable[[Execution, Any], None]
logger = logging.getLogger(__name__)

#: Executions to keep in memory.
_CACHED_EXECUTIONS = 2000
#: Executions whose oldest ancestor to keep in memory.
_CACHED_ROOTS = 10_000
#: Seconds that a script may take, as on the OSS server.
_SCRIPT_SECONDS = 4.0
#: Milliseconds until an execution is evaluated again if its deadline has passed and nothing has changed.
_RECHECK_MS = 100
#: Milliseconds until an execution is evaluated again after an error.
_RETRY_MS = 10_000
#: Milliseconds between attempts of a task whose total time is limited: about what the OSS server takes. Without it, 100
#: attempts are over in a second, before the limit.
_RETRY_SPACING_MS = 50
#: Seconds that the engine works in one change before it leaves the rest to a later change.
_CHANGE_SECONDS = 0.5
#: Seconds that the engine works in a later change; shorter, because no client waits for it.
_CONTINUE_SECONDS = 0.1
#: Seconds for which a change holds the lock before it lets other threads acquire it.
_HOLD_SECONDS = 0.01
#: Seconds for which a change releases the lock at a time.
_YIELD_SECONDS = 0.0005
#: Seconds after which a change reacquires the lock even if other threads still wait.
_MAX_YIELD_SECONDS = 0.1
#: Executions in one change; further starts are left to a later change.
_MAX_TOUCHED = 50
#: Commands that can lead to more of their kind without end.
_UNBOUNDED = (StartChild, StartFailureWorkflow, StartTriggered, Publish)
#: Types of tasks with scripts, which may take long, so their timers run on other threads.
_SCRIPTED = frozenset({"INLINE", "LAMBDA", "SWITCH", "DECISION", "DO_WHILE", "JSON_JQ_TRANSFORM"})


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
        in_progress: The ids of tasks that workers have, by task definition.
        worker_activity: What workers have polled and updated lately.
        extensions: What the edition adds to the engine.
        handlers: The functions that carry out the engine's commands, by command type.
        task_runners: The functions that run the tasks of ``RunTask`` commands, by task type.
        observers: Functions that are called for each task of a type that a change has modified, by task type. They
            return whether they have changed anything.
        timed: Further timers: a function that returns the next time, and one that fires the timer.
        is_closed: Whether the database is closed.
        is_stopping: Whether scripts must end.
        spawn: Runs a function on another thread; None to run everything on the caller's thread.
        skips_time: Whether the clock skips to the next timer while the server is idle.
        wake_timer: Makes the timer thread check for due timers.
        idle_work: Does a small piece of work that can wait until the server is idle; returns whether there is more.
        last_change: Monotonic time of the last change.
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
        self.timed: list[tuple[Callable[[], int | None], Callable[[int], None]]] = []
        self.is_closed: bool = False
        self.is_stopping: bool = False
        self.spawn: Callable[[Callable[[], None]], None] | None = None
        self.skips_time = False
        self.wake_timer: Callable[[], None] = lambda: None
        self.idle_work: Callable[[], bool] = lambda: False
        self.last_change: float = time.monotonic()
        self._cache: dict[str, Execution] = {}
        self._change: Change | None = None  # the change that holds the lock
        self._claims: dict[str, Change] = {}  # changes without the lock, by root of their executions
        self._roots: dict[str, str] = {}  # the oldest ancestor of each execution
        self._script_threads: set[int] = set()
        self._watchers: dict[str, set[Callable[[], None]]] = {}
        self._timers = Timers()
        self._unfinished: dict[str, list[Command]] = {}  # executions to continue, with their postponed commands
        self._busy = 0  # timers and unfinished executions that run on other threads
        self._firing: set[Callable[[], int | None]] = set()
        self._stored_offset = clock.offset_ms
        clock.drive(self.move_to, self.next_event)

    # -- changes

    @contextlib.contextmanager
    def change(self, seconds: float = _CHANGE_SECONDS) -> Iterator[EngineContext]:
        """Hold the lock for the block, and commit its changes at the end. An exception rolls all of them back.

        A change inside a change is a part of it.

        Args:
            seconds: How long the engine may work; later changes do the rest.

        Raises:
            ServerStoppingError: The server is stopping.
        """
        with self.lock:
            if self._change is not None:
                yield self.context
                return
            if self.is_closed:
                raise ServerStoppingError
            if self.spawn is None and self.next_timer_is_due():
                self.run_due()
            now = time.monotonic()
            change = self._change = Change(until=now + seconds, held_since=now)
            change.context = self._new_context(change)
            matcher = MATCHER.set(self._matches)
            try:
                self.store.begin()
                yield change.context
                self._carry_out()
                self._save()
                self.store.commit()
            except BaseException:  # no failure may leave half a change
                if not self.is_closed:
                    self.store.rollback()
                for workflow_id in change.touched:
                    self._cache.pop(workflow_id, None)
                for action in change.after_failure:
                    action()
                raise
            finally:
                MATCHER.reset(matcher)
                self._change = None
                self._claims = {root: owner for root, owner in self._claims.items() if owner is not change}
                change.finished.set()
            self._committed(change)
            if self.skips_time:
                self.wake_timer()

    @contextlib.contextmanager
    def unlocked(self) -> Iterator[None]:
        """Release the lock for the block. A change claims its executions meanwhile, so no other change can use them."""
        change = self._change
        if change is None:
            yield
            return
        for workflow_id in change.seen:
            self._claims.setdefault(self._root_of(workflow_id), change)
        self.store.commit()
        self._change = None
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
            change.until += change.held_since - begin

    @property
    def is_working(self) -> bool:
        """Whether a change, a timer or an unfinished execution is being processed."""
        return bool(self._unfinished or self._busy or self._claims)

    def _deadline_passed(self, change: Change) -> bool:
        """Return whether the change has worked long enough; releases the lock for other threads from time to time."""
        now = time.monotonic()
        if now - change.held_since > _HOLD_SECONDS and self._change is change:
            with self.unlocked():
                time.sleep(_YIELD_SECONDS)
                while self.lock.is_wanted and time.monotonic() - now < _MAX_YIELD_SECONDS:
                    time.sleep(_YIELD_SECONDS)
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
            new_id=lambda: str(uuid.uuid4()),
            random_ms=lambda limit: random.randint(0, limit),  # jitter needs no secure random numbers
            task_def=self.catalog.task_defs.get,
            latest_version=self.catalog.latest_version,
            secrets=self.secrets,
            environment=self.environment,
            javascript=self._javascript,
            jq=self._jq,
            last_poll=lambda name, domain: int(self.last_polls.get((name, domain), {}).get("lastPollTime", 0)),
            deadline_passed=(lambda: False) if change is None else partial(self._deadline_passed, change),
            warn=_warn,
            retry_spacing_ms=0 if self.skips_time or self.clock.is_frozen else _RETRY_SPACING_MS,
            divergences=self.divergences,
            extensions=self.extensions,
        )

    # -- scripts

    def _javascript(self, script: str, bindings: Mapping[str, Any]) -> Any:
        plain = self.divergences.plain_objects
        return self._run_script(
            lambda: run_javascript(script, {"$": bindings}, timeout=_SCRIPT_SECONDS, plain_objects=plain)
        )

    def _jq(self, query: str, value: Any) -> list[Any]:
        found: list[Any] = self._run_script(lambda: run_jq(query, value))
        return found

    def _matches(self, source: str, flags: int, text: str) -> bool:
        try:
            return bool(self._run_script(lambda: run_regex(source, flags, text)))
        except ScriptFailedError as error:
            raise TerminateWorkflowError(str(error)) from None

    def _run_script(self, run: Callable[[], Any]) -> Any:
        """Run a script without holding the lock."""
        with self.unlocked():
            me = threading.get_ident()
            self._script_threads.add(me)
            try:
                if self.is_stopping:
                    raise ServerStoppingError
                return run()
            except ScriptError as error:
                if self.is_stopping:
                    raise ServerStoppingError from None
                raise ScriptFailedError(str(error)) from None
            finally:
                self._script_threads.discard(me)

    def stop_scripts(self) -> None:
        """Kill the scripts that are running, and start no others; their changes are rolled back."""
        self.is_stopping = True
        POOL.kill_of(self._script_threads)

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
            workflow["updateTime"] = max(now, workflow["updateTime"])
            if execution.is_terminal and not workflow["endTime"]:
                workflow["endTime"] = now
            for task in changed:
                self._update_queues(task)
            for task_id in execution.removed:
                self.queues.remove(task_id)
            self.store.save(execution)
        self._save_clock()

    def _save_clock(self) -> None:
        """Store the offset of the clock, so that a later process does not start at an earlier time."""
        offset = self.clock.offset_ms
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
            self.after_commit.append(partial(self.queues.wake, queue_name(task)))

    def _committed(self, change: Change) -> None:
        self.last_change = time.monotonic()
        for workflow_id, commands in change.postponed.items():
            self._unfinished.setdefault(workflow_id, []).extend(commands)
        for workflow_id, execution in change.touched.items():
            if execution.is_unfinished and execution.is_open:
                self._unfinished.setdefault(workflow_id, [])
            execution.workflow.changed = False
            execution.removed.clear()
            for task in execution.live:
                task.changed = False
            self._set_timer(workflow_id, execution)
            for wake in tuple(self._watchers.get(workflow_id, ())):
                wake()
        if self._unfinished:
            self.wake_timer()
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
            raise RefusedError(404, f"No such workflow found by id: {workflow_id}")
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
        self.store.remove(workflow_id)
        self._cache.pop(workflow_id, None)
        self._current.touched.pop(workflow_id, None)
        self._current.seen.pop(workflow_id, None)
        self._timers.remove(workflow_id)
        self._unfinished.pop(workflow_id, None)

    def watch(self, workflow_id: str, wake: Callable[[], None]) -> Callable[[], None]:
        """Call ``wake`` after each change of an execution; returns the function that ends this."""
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
        deadline = next_deadline(execution, self.divergences)
        if deadline is not None and deadline <= self.clock.now_ms():
            deadline = self.clock.now_ms() + _RECHECK_MS  # evaluated without a change; do not evaluate it in a loop
        if deadline is None:
            self._timers.remove(workflow_id)
        elif deadline != self._timers.deadline(workflow_id):
            self._arm(workflow_id, deadline)

    def _arm(self, workflow_id: str, deadline: int) -> None:
        if self._timers.set(workflow_id, deadline):
            self.wake_timer()

    def next_timer_is_due(self) -> bool:
        """Return whether the deadline of an execution has passed."""
        found = self._timers.next()
        return found is not None and found[0] <= self.clock.now_ms()

    def continue_unfinished(self) -> None:
        """Continue the executions whose change was interrupted, each for a short time."""
        with self.lock:
            unfinished, self._unfinished = self._unfinished, {}
            for workflow_id, commands in unfinished.items():
                self._run(partial(self._continue, workflow_id, commands))

    def _continue(self, workflow_id: str, commands: list[Command]) -> None:
        again = partial(self._arm, workflow_id, self.clock.now_ms() + _RETRY_MS)
        with self._log_errors(workflow_id, again), self.change(_CONTINUE_SECONDS):
            execution = self.find(workflow_id)
            if execution is not None:
                self.advance(execution)
                execution.commands[:0] = commands

    def _run(self, function: Callable[[], None]) -> None:
        """Run a function on another thread, or on this one if there are no others."""
        if self.spawn is None:
            function()
            return

        def work() -> None:
            try:
                function()
            finally:
                with self.lock:
                    self._busy -= 1
                time.sleep(_YIELD_SECONDS)
                if self.skips_time:
                    self.wake_timer()

        self._busy += 1
        self.spawn(work)

    def next_event(self) -> int | None:
        """Return when the next timer fires, epoch ms; None without a timer."""
        with self.lock:
            others = [source() for source, _ in self.timed if source not in self._firing]
            return min((one for one in [self.next_timer(), *others] if one is not None), default=None)

    def next_timer(self) -> int | None:
        """Return when the next execution or delayed task is due, epoch ms; schedules do not count."""
        with self.lock:
            found = self._timers.next()
            due = self.queues.next_due_of_all()
            return min((one for one in (found and found[0], due) if one is not None), default=None)

    def next_skip(self) -> int | None:
        """Return the time to which an idle server's clock may skip, epoch ms.

        This is the next timer. A timeout of an execution that waits for an update is not skipped to: None.
        """
        with self.lock:
            moment, found = self.next_timer(), self._timers.next()
            if moment is None or found is None or found[0] != moment:
                return moment
            execution = self.find(found[1])
            is_timeout = execution is not None and next_wait(execution) != moment
            return None if execution is not None and is_timeout and self._waits_for_update(execution) else moment

    def _waits_for_update(self, execution: Execution) -> bool:
        children = (self.find(task["subWorkflowId"]) for task in execution.tasks if task.get("subWorkflowId"))
        return any(waits_for_update(task) for task in execution.tasks) or any(
            child.is_open and self._waits_for_update(child) for child in children if child is not None
        )

    def run_due(self, *, here: bool = False) -> None:
        """Fire the timers that are due.

        Args:
            here: Whether all run on this thread, one after the other. Otherwise those that may take long run on others.
        """
        now = self.clock.now_ms()
        with self.lock:
            due_ids = self._timers.pop_due(now)
        for workflow_id in due_ids:  # the lock is free between two of them
            evaluate = partial(self._evaluate, workflow_id, now)
            if here or not self._may_take_long(workflow_id):
                evaluate()
            else:
                self._run(evaluate)
        with self.lock:
            for source, fire in self.timed:
                due = None if source in self._firing else source()
                if due is not None and due <= now:
                    self._firing.add(source)
                    fire_now = partial(self._fire, source, fire, now)
                    if here:
                        fire_now()
                    else:
                        self._run(fire_now)
            self.queues.wake_due(now)

    def _may_take_long(self, workflow_id: str) -> bool:
        with self.lock:
            if self.is_claimed(workflow_id):
                return True
            execution = self.find(workflow_id)
        return execution is not None and not _SCRIPTED.isdisjoint(execution.tree.types)

    def _evaluate(self, workflow_id: str, now: int) -> None:
        with self._log_errors(workflow_id, partial(self._arm, workflow_id, now + _RETRY_MS)), self.change():
            execution = self.find(workflow_id)
            if execution is not None:
                self.advance(execution)

    def _fire(self, source: Callable[[], int | None], fire: Callable[[int], None], now: int) -> None:
        try:
            with self._log_errors("schedule"), self.change():
                fire(now)
        finally:
            with self.lock:
                self._firing.discard(source)
            self.wake_timer()

    @contextlib.contextmanager
    def _log_errors(self, subject: str, after_failure: Callable[[], None] = lambda: None) -> Iterator[None]:
        try:
            yield
        except ServerStoppingError:
            return
        except Exception:  # other timers must still fire
            logger.exception("event=server.timer_failed subject=%s", subject)
            with self.lock:
                after_failure()

    def move_to(self, moment: int, worker_timeout: float = 0.0) -> None:
        """Move the clock forward, and fire the timers on the way.

        Args:
            moment: The time to which it moves, epoch ms.
            worker_timeout: Real seconds to wait for workers before it moves, after each timer and at the end.
        """
        if worker_timeout > 0:
            workers_first = WorkersFirst(self, worker_timeout)
            workers_first()
            while self._move_to_next_event(moment):
                workers_first()
            workers_first()
            return
        with self.lock:
            while self._move_to_next_event(moment):
                pass

    def _move_to_next_event(self, moment: int) -> bool:
        """Move to the next timer up to ``moment`` and fire it, or to ``moment``; returns whether a timer fired."""
        with self.lock:
            due = self.next_event()
            is_event = due is not None and due <= moment
            self.clock.set_ms(due if due is not None and is_event else moment)
            if is_event:
                self.run_due(here=True)
            else:
                self._save_clock()
            self.queues.wake_due(self.clock.now_ms())
            return is_event

    def load_open(self) -> None:
        """Continue the executions that were open when an earlier process closed the database or was killed."""
        with self.lock:
            open_ids = self.store.open_ids()
        for workflow_id in open_ids:
            with self.change() as context:
                execution = self.get(workflow_id)
                for task in execution.tasks:
                    if is_system(task):
                        reset_after_restart(task)
                        continue
                    if task["status"] == SCHEDULED:
                        due = task.get("_due", 0)
                        queue, priority = queue_name(task), task["workflowPriority"]
                        self.queues.push(queue, task["taskId"], workflow_id, priority, due, context.now)
                    elif task["status"] == IN_PROGRESS:  # a worker has it
                        self.in_progress.setdefault(task["taskDefName"], set()).add(task["taskId"])
                self.advance(execution)


def _warn(message: str) -> None:
    logger.warning("%s", message, exc_info=sys.exc_info())
