"""The timers of executions, the thread that fires them, and the postponed work of executions."""

from __future__ import annotations

import contextlib
import heapq
import logging
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from conductor.server.engine.commands import Command
from conductor.server.engine.decide import queue_name
from conductor.server.engine.state import IN_PROGRESS, SCHEDULED, Execution, is_system
from conductor.server.engine.tasks.external import reset_after_restart
from conductor.server.engine.timeouts import next_deadline, next_wait, waits_for_update
from conductor.server.runtime.queues import WorkersFirst
from conductor.server.runtime.transactions import ServerStoppingError

if TYPE_CHECKING:
    from conductor.server.runtime.kernel import Kernel

logger = logging.getLogger(__name__)

#: Number of outdated entries of the heap up to which no cleanup is needed.
_FEW_TIMERS = 1000
#: Maximum number of seconds that the thread sleeps, because the system's clock may change.
_MAX_SLEEP_S = 5.0
#: Seconds without a change after which the server counts as idle.
_IDLE_S = 1.0
#: Seconds between two pieces of work of an idle server, so that new requests are served.
_PAUSE_S = 0.002
#: Seconds to wait for the thread to end.
_STOP_SECONDS = 10.0


class Timers:
    """The times at which executions must be evaluated again. An execution has one deadline, the last one set."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, str]] = []
        self._deadlines: dict[str, int] = {}

    def deadline(self, workflow_id: str) -> int | None:
        """Return the deadline of an execution, epoch ms; None without a deadline."""
        return self._deadlines.get(workflow_id)

    def set(self, workflow_id: str, deadline: int) -> bool:
        """Set the deadline of an execution, epoch ms; returns whether it is the earliest of all."""
        self._deadlines[workflow_id] = deadline
        heapq.heappush(self._heap, (deadline, workflow_id))
        if len(self._heap) > _FEW_TIMERS + 2 * len(self._deadlines):  # most are outdated
            self._heap = [(due, one) for one, due in self._deadlines.items()]
            heapq.heapify(self._heap)
        return self._heap[0][1] == workflow_id

    def remove(self, workflow_id: str) -> None:
        """Remove the deadline of an execution."""
        self._deadlines.pop(workflow_id, None)

    def next(self) -> tuple[int, str] | None:
        """Return the next deadline and the id of its execution; None without a deadline."""
        while self._heap and self._deadlines.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0] if self._heap else None

    def pop_due(self, now: int) -> list[str]:
        """Remove the deadlines that have passed; returns the ids of their executions."""
        due = []
        while (found := self.next()) is not None and found[0] <= now:
            del self._deadlines[found[1]]
            due.append(found[1])
        return due


class TimerThread:
    """Fires the kernel's timers, and moves its clock to the next timer while the server is idle.

    Args:
        kernel: The kernel.
        is_idle: Returns whether the clock may skip to the next timer.
    """

    def __init__(self, kernel: Kernel, is_idle: Callable[[], bool]) -> None:
        self._kernel, self._is_idle = kernel, is_idle
        self._condition = threading.Condition()
        self._is_stopping = False
        self._is_woken = False
        self._thread = threading.Thread(target=self._run, name="conductor-timer", daemon=True)
        kernel.timed_work.wake = self.wake

    def start(self) -> None:
        """Start the thread that fires the timers."""
        self._thread.start()

    def wake(self) -> None:
        """Make the thread check for due timers now."""
        with self._condition:
            self._is_woken = True
            self._condition.notify()

    def stop(self) -> None:
        """Stop the thread; returns when it has ended."""
        with self._condition:
            self._is_stopping = True
            self._condition.notify()
        if self._thread.ident is not None:
            self._thread.join(_STOP_SECONDS)

    def _run(self) -> None:
        while True:
            if self._is_idle() and (skipped := self._kernel.timed_work.next_skip()) is not None:
                self._kernel.timed_work.move_to(max(skipped, self._kernel.clock.now_ms()))
            due = self._kernel.timed_work.next_event()
            delay = _MAX_SLEEP_S if due is None else (due - self._kernel.clock.now_ms()) / 1000
            with self._condition:
                if not self._is_woken and not self._is_stopping and delay > 0:
                    self._condition.wait(min(delay, _MAX_SLEEP_S))
                self._is_woken = False
                if self._is_stopping:
                    return
            try:
                self._kernel.timed_work.run_due()
                self._kernel.timed_work.continue_unfinished()
                self._work_while_idle()
            except Exception:  # later timers must still fire
                logger.exception("event=server.timer_failed")

    def _work_while_idle(self) -> None:
        """Do postponed work while there is nothing else to do."""
        while not self._is_woken and not self._is_stopping and time.monotonic() - self._kernel.last_change > _IDLE_S:
            if not self._kernel.timed_work.idle_work():
                return
            time.sleep(_PAUSE_S)


#: Milliseconds until an execution is evaluated again if its deadline has passed and nothing has changed.
_RECHECK_MS = 100
#: Milliseconds until an execution is evaluated again after an error.
_RETRY_MS = 10_000
#: Seconds that the engine works in a later change; short, because no client waits for it.
_CONTINUE_SECONDS = 0.1
#: Maximum number of executions that are continued at the same time, because the timers of others also need threads.
_CONTINUED_AT_ONCE = 4
#: Types of tasks with scripts, which may take long, so their timers run on other threads.
_SCRIPTED = frozenset({"INLINE", "LAMBDA", "SWITCH", "DECISION", "DO_WHILE", "JSON_JQ_TRANSFORM"})


class TimedWork:
    """Evaluates executions at their deadlines, and continues those whose change was interrupted.

    Args:
        kernel: The kernel.

    Attributes:
        sources: Further timers: a function that returns the next time, and one that fires the timer.
        spawn: Runs a function on another thread; None to run everything on the caller's thread.
        skips_time: Whether the clock skips to the next timer while the server is idle.
        wake: Makes the timer thread check for due timers.
        idle_work: Does a small piece of work that can wait until the server is idle; returns whether there is more.
    """

    def __init__(self, kernel: Kernel) -> None:
        self.sources: list[tuple[Callable[[], int | None], Callable[[int], None]]] = []
        self.spawn: Callable[[Callable[[], None]], None] | None = None
        self.skips_time = False
        self.wake: Callable[[], None] = lambda: None
        self.idle_work: Callable[[], bool] = lambda: False
        self._kernel = kernel
        self._timers = Timers()
        self._unfinished: dict[str, list[Command]] = {}  # executions to continue, with their postponed commands
        self._continued = 0  # executions that are being continued
        self._busy = 0  # timers and unfinished executions that run on other threads
        self._firing: set[Callable[[], int | None]] = set()
        kernel.clock.drive(self.move_to, self.next_event)

    @property
    def is_working(self) -> bool:
        """Whether a timer or an unfinished execution is being processed."""
        return bool(self._unfinished or self._busy)

    @property
    def has_unfinished(self) -> bool:
        """Whether executions must be continued."""
        return bool(self._unfinished)

    def postpone(self, workflow_id: str, commands: list[Command]) -> None:
        """Leave an execution, and commands of the engine, to a later change."""
        self._unfinished.setdefault(workflow_id, []).extend(commands)

    def forget(self, workflow_id: str) -> None:
        """Remove the timer of an execution that is deleted."""
        self._timers.remove(workflow_id)
        self._unfinished.pop(workflow_id, None)

    def set_timer(self, execution: Execution) -> None:
        """Set the timer of an execution to its next deadline."""
        workflow_id = execution.id
        deadline = next_deadline(execution, self._kernel.divergences)
        if deadline is not None and deadline <= self._kernel.clock.now_ms():
            deadline = (
                self._kernel.clock.now_ms() + _RECHECK_MS
            )  # evaluated without a change; do not evaluate it in a loop
        if deadline is None:
            self._timers.remove(workflow_id)
        elif deadline != self._timers.deadline(workflow_id):
            self._arm(workflow_id, deadline)

    def _arm(self, workflow_id: str, deadline: int) -> None:
        if self._timers.set(workflow_id, deadline):
            self.wake()

    def next_is_due(self) -> bool:
        """Return whether the deadline of an execution has passed."""
        found = self._timers.next()
        return found is not None and found[0] <= self._kernel.clock.now_ms()

    def continue_unfinished(self) -> None:
        """Continue executions whose change was interrupted, each for a short time, the longest waiting first."""
        with self._kernel.lock:
            for workflow_id in list(self._unfinished)[: _CONTINUED_AT_ONCE - self._continued]:
                self._continued += 1
                self._run(partial(self._continue, workflow_id, self._unfinished.pop(workflow_id)))

    def _continue(self, workflow_id: str, commands: list[Command]) -> None:
        again = partial(self._arm, workflow_id, self._kernel.clock.now_ms() + _RETRY_MS)
        try:
            with self._log_errors(workflow_id, again), self._kernel.change(_CONTINUE_SECONDS):
                execution = self._kernel.find(workflow_id)
                if execution is not None:
                    self._kernel.advance(execution)
                    execution.commands[:0] = commands
        finally:
            with self._kernel.lock:
                self._continued -= 1
                if self._unfinished:
                    self.wake()

    def _run(self, function: Callable[[], None]) -> None:
        """Run a function on another thread, or on this one if there are no others."""
        if self.spawn is None:
            function()
            return

        def work() -> None:
            try:
                with self._kernel.lock.in_background():
                    function()
            finally:
                with self._kernel.lock:
                    self._busy -= 1
                if self.skips_time:
                    self.wake()

        self._busy += 1
        self.spawn(work)

    def next_event(self) -> int | None:
        """Return the time of the next timer, epoch ms; None without a timer."""
        with self._kernel.lock:
            others = [source() for source, _ in self.sources if source not in self._firing]
            return min((one for one in [self.next_timer(), *others] if one is not None), default=None)

    def next_timer(self) -> int | None:
        """Return the time at which the next execution or delayed task is due, epoch ms, without schedules."""
        with self._kernel.lock:
            found = self._timers.next()
            due = self._kernel.queues.next_due_of_all()
            return min((one for one in (found and found[0], due) if one is not None), default=None)

    def next_skip(self) -> int | None:
        """Return the time to which an idle server's clock may skip, epoch ms.

        This is the time of the next timer; None if it is a timeout of an execution that waits for an update.
        """
        with self._kernel.lock:
            moment, found = self.next_timer(), self._timers.next()
            if moment is None or found is None or found[0] != moment:
                return moment
            execution = self._kernel.find(found[1])
            is_timeout = execution is not None and next_wait(execution) != moment
            return None if execution is not None and is_timeout and self._waits_for_update(execution) else moment

    def _waits_for_update(self, execution: Execution) -> bool:
        children = (self._kernel.find(task["subWorkflowId"]) for task in execution.tasks if task.get("subWorkflowId"))
        return any(waits_for_update(task) for task in execution.tasks) or any(
            child.is_open and self._waits_for_update(child) for child in children if child is not None
        )

    def run_due(self, *, here: bool = False) -> None:
        """Fire the timers that are due.

        Args:
            here: Whether to run all timers on this thread, one after the other. Otherwise, timers that may take long
                run on other threads.
        """
        now = self._kernel.clock.now_ms()
        with self._kernel.lock:
            due_ids = self._timers.pop_due(now)
        for workflow_id in due_ids:  # the lock is free between two of them
            evaluate = partial(self._evaluate, workflow_id, now)
            if here or not self._may_take_long(workflow_id):
                evaluate()
            else:
                self._run(evaluate)
        with self._kernel.lock:
            for source, fire in self.sources:
                due = None if source in self._firing else source()
                if due is not None and due <= now:
                    self._firing.add(source)
                    fire_now = partial(self._fire, source, fire, now)
                    if here:
                        fire_now()
                    else:
                        self._run(fire_now)
            self._kernel.queues.wake_due(now)

    def _may_take_long(self, workflow_id: str) -> bool:
        with self._kernel.lock:
            if self._kernel.is_claimed(workflow_id):
                return True
            execution = self._kernel.find(workflow_id)
        return execution is not None and not _SCRIPTED.isdisjoint(execution.tree.types)

    def _evaluate(self, workflow_id: str, now: int) -> None:
        with self._log_errors(workflow_id, partial(self._arm, workflow_id, now + _RETRY_MS)), self._kernel.change():
            execution = self._kernel.find(workflow_id)
            if execution is not None:
                self._kernel.advance(execution)

    def _fire(self, source: Callable[[], int | None], fire: Callable[[int], None], now: int) -> None:
        try:
            with self._log_errors("schedule"), self._kernel.change():
                fire(now)
        finally:
            with self._kernel.lock:
                self._firing.discard(source)
            self.wake()

    @contextlib.contextmanager
    def _log_errors(self, subject: str, after_failure: Callable[[], None] = lambda: None) -> Iterator[None]:
        try:
            yield
        except ServerStoppingError:
            return
        except Exception:  # other timers must still fire
            logger.exception("event=server.timer_failed subject=%s", subject)
            with self._kernel.lock:
                after_failure()

    def move_to(self, moment: int, worker_timeout: float = 0.0) -> None:
        """Move the clock forward, and fire the timers in between.

        Args:
            moment: The time to move the clock to, epoch ms.
            worker_timeout: Real seconds to wait for workers before it moves, after each timer and at the end.
        """
        if worker_timeout > 0:
            workers_first = WorkersFirst(self._kernel, worker_timeout)
            workers_first()
            while self._move_to_next_event(moment):
                workers_first()
            workers_first()
            return
        with self._kernel.lock:
            while self._move_to_next_event(moment):
                pass

    def _move_to_next_event(self, moment: int) -> bool:
        """Move to the next timer up to ``moment`` and fire it, or to ``moment``; returns whether a timer fired."""
        with self._kernel.lock:
            due = self.next_event()
            is_event = due is not None and due <= moment
            self._kernel.clock.set_ms(due if due is not None and is_event else moment)
            if is_event:
                self.run_due(here=True)
            else:
                self._kernel.save_clock()
            self._kernel.queues.wake_due(self._kernel.clock.now_ms())
            return is_event

    def load_open(self) -> None:
        """Continue the executions that were open when an earlier process closed the database or was killed."""
        with self._kernel.lock:
            open_ids = self._kernel.store.open_ids()
        for workflow_id in open_ids:
            with self._kernel.change() as context:
                execution = self._kernel.get(workflow_id)
                for task in execution.tasks:
                    if is_system(task):
                        reset_after_restart(task)
                        continue
                    if task["status"] == SCHEDULED:
                        due = task.get("_due", 0)
                        queue, priority = queue_name(task), task["workflowPriority"]
                        self._kernel.queues.push(queue, task["taskId"], workflow_id, priority, due, context.now)
                    elif task["status"] == IN_PROGRESS:  # a worker is executing it
                        self._kernel.in_progress.setdefault(task["taskDefName"], set()).add(task["taskId"])
                self._kernel.advance(execution)
