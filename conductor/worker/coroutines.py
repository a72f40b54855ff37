"""Workers that are ``async def`` functions: a handler has one event loop, and a waiting coroutine holds no thread.

Only the coroutines run on the loop. What blocks (structuring a task, payloads outside the database, delivering a
result) runs on a few carrier threads per worker, on the synchronous transport.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import inspect
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any

from attrs import define

from conductor._internal.logs import isolated_logger
from conductor.models import TaskResult
from conductor.worker.lifecycle import StopDeadline
from conductor.worker.pool import CARRIERS
from conductor.worker.threads import IDLE_S, NOTHING, ElasticThreads, HandlerThread
from conductor.worker.time_limit import exceeded

if TYPE_CHECKING:
    from conductor.worker.execution import RunningCoroutine, TaskExecution

__all__ = ["CoroutinePool", "EventLoop"]

logger = isolated_logger(__name__)

#: Seconds without a turn of the event loop after which the function that blocks it is reported.
_BLOCKED_AFTER_S = 5.0
#: Seconds without a turn after which the handler is not live: a restart is the remedy for a deadlock.
_STUCK_AFTER_S = 60.0
#: Lines of the stack that the report shows, the innermost ones.
_SHOWN_FRAMES = 3
#: Seconds between two looks whether a stop was requested while the start hook runs.
_LOOK_INTERVAL_S = 0.1
#: Seconds that cancelled coroutines, and the stop hook, have to clean up after the deadline of a stop.
_CLEANUP_S = 1.0

#: Called with no arguments on the event loop; may return an awaitable.
LoopHook = Callable[[], Any]
#: Called on the event loop with the value or the exception of a coroutine.
Done = Callable[[Any, "BaseException | None"], None]
#: What a coroutine returned, and what it raised.
_Outcome = tuple[Any, "BaseException | None"]


class EventLoop:
    """An event loop on a separate thread.

    Args:
        on_start: Called on the loop before the first task, to make what coroutines share, such as an HTTP session.
        on_stop: Called on the loop after the last task.
        is_stop_requested: Returns whether ``on_start`` is not waited for any longer.
    """

    def __init__(
        self,
        on_start: LoopHook | None = None,
        on_stop: LoopHook | None = None,
        is_stop_requested: Callable[[], bool] = lambda: False,
    ) -> None:
        self._on_start = on_start
        self._on_stop = on_stop
        self._is_stop_requested = is_stop_requested
        self._loop = asyncio.new_event_loop()
        self._thread = HandlerThread(self._main, "event-loop")
        self._turned_at = time.monotonic()
        self._is_reported = False
        self._is_closing = False

    def start(self) -> bool:
        """Start the thread and run the start hook, whose exceptions are raised here.

        Returns:
            False if the handler is stopped meanwhile; then the hook is cancelled.
        """
        self._thread.start()
        if self._on_start is not None:
            hook = self._submit(_run_hook(self._on_start))
            # In slices, because a hook that never returns must not keep Ctrl-C from stopping the program.
            while not concurrent.futures.wait([hook], _LOOK_INTERVAL_S).done:
                if self._is_stop_requested():
                    hook.cancel()
                    logger.warning("The handler is stopped before on_loop_start has returned; the hook is cancelled")
                    return False
            _outcome(hook)
        self._turn()
        return True

    @property
    def is_alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    @property
    def is_stuck(self) -> bool:
        """Whether a coroutine has blocked the loop for a minute."""
        return time.monotonic() - self._turned_at > _STUCK_AFTER_S

    def look_after(self) -> None:
        """Report, once, that a coroutine blocks the loop; called every second."""
        if not self.is_alive:
            return
        age = time.monotonic() - self._turned_at
        if age < _BLOCKED_AFTER_S:
            self._is_reported = False
        elif not self._is_reported:
            self._is_reported = True
            logger.error(
                "The event loop of async workers has been blocked for %.0f s by a function that is not awaited. Use an "
                "awaitable instead, or asyncio.to_thread. It is at:\n%s",
                age,
                self._where(),
            )
        # A blocked loop does not run this callback, which is how the blockage is seen.
        self._loop.call_soon_threadsafe(self._turn)

    def _turn(self) -> None:
        self._turned_at = time.monotonic()

    def _where(self) -> str:
        """Return the innermost lines that the loop's thread executes."""
        frame = sys._current_frames().get(self._thread.ident or 0)
        return "".join(traceback.format_stack(frame)[-_SHOWN_FRAMES:]).rstrip()

    def wait_for(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine on the loop, and block this thread until it ends; return its value or raise its exception."""
        return _outcome(self._submit(coroutine))

    def _submit(self, coroutine: Coroutine[Any, Any, Any]) -> concurrent.futures.Future[_Outcome]:
        return asyncio.run_coroutine_threadsafe(_guarded(coroutine), self._loop)

    def spawn(
        self,
        make: Callable[[], Coroutine[Any, Any, Any]],
        context: contextvars.Context,
        limit: float | None,
        done: Done,
    ) -> None:
        """Run a coroutine in ``context``, for ``limit`` seconds at most."""
        self._loop.call_soon_threadsafe(self._create, make, limit, done, context=context)

    def _create(self, make: Callable[[], Coroutine[Any, Any, Any]], limit: float | None, done: Done) -> None:
        coroutine = _guarded(make())
        try:
            task: asyncio.Task[_Outcome] = self._loop.create_task(coroutine)
        except BaseException as error:  # a task factory of the program may raise anything
            # Otherwise Python warns of a coroutine that was never awaited.
            coroutine.close()
            done(None, error)
            return
        timer = None if limit is None else self._loop.call_later(limit, task.cancel)

        def ended(task: asyncio.Task[_Outcome]) -> None:
            # A coroutine can be cancelled by its limit, by a stop and by itself; only the clock tells which it was.
            is_over_limit = timer is not None and self._loop.time() >= timer.when()
            if timer is not None:
                timer.cancel()
            value: Any = None
            error: BaseException | None
            if not task.cancelled():
                value, error = task.result()
            elif limit is not None and is_over_limit:
                error = exceeded(limit)
            else:
                error = asyncio.CancelledError()
            done(value, error)

        task.add_done_callback(ended)

    def cancel_all(self) -> None:
        """Cancel all coroutines; each receives ``CancelledError`` at its next ``await``."""
        self._loop.call_soon_threadsafe(lambda: [task.cancel() for task in asyncio.all_tasks(self._loop)])

    def close(self, deadline: float) -> None:
        """Cancel what still runs, run the stop hook, and end the thread.

        Args:
            deadline: Until when the hook may run, in monotonic seconds; it has a second in any case.
        """
        self._is_closing = True
        if not self._thread.is_alive():
            self._loop.close()
            return
        ending = self._submit(self._shut_down())
        if not concurrent.futures.wait([ending], max(deadline - time.monotonic(), _CLEANUP_S)).done:
            logger.error("Coroutines or on_loop_stop did not end in time")
        else:
            try:
                _outcome(ending)
            except BaseException:  # a hook of the program may raise anything, also SystemExit
                logger.exception("on_loop_stop failed")
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_CLEANUP_S)

    async def _shut_down(self) -> None:
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        if others:
            await asyncio.wait(others, timeout=_CLEANUP_S / 2)
        if self._on_stop is not None:
            await _run_hook(self._on_stop)
        await self._loop.shutdown_asyncgens()

    def _main(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            while not self._is_closing:
                self._run_forever()
        finally:
            asyncio.set_event_loop(None)
            self._loop.close()

    def _run_forever(self) -> None:
        """Run the loop until it is closed; whatever else ends it, the other coroutines need it."""
        try:
            self._loop.run_forever()
        except BaseException:  # a callback or background task of the program has raised SystemExit, for example
            logger.exception("A callback or background task interrupted the event loop of async workers; it continues")
        else:
            if not self._is_closing:
                logger.error("A coroutine stopped the event loop of async workers; it continues")


def _outcome(future: concurrent.futures.Future[_Outcome]) -> Any:
    value, error = future.result()
    try:
        if error is not None:
            raise error
        return value
    finally:
        del future, error  # the traceback refers to this frame: together they would outlive the task


async def _run_hook(hook: LoopHook) -> None:
    value = hook()
    if inspect.isawaitable(value):
        await value


async def _guarded(coroutine: Awaitable[Any]) -> _Outcome:
    """Return what a coroutine raises: SystemExit and KeyboardInterrupt would end the loop."""
    try:
        return await coroutine, None
    except asyncio.CancelledError:
        raise
    except BaseException as error:  # the task fails with it
        return None, error


@define(eq=False)
class _Ended:
    """A coroutine that has ended, for a carrier to conclude."""

    running: RunningCoroutine
    value: Any
    error: BaseException | None


class CoroutinePool:
    """Runs the tasks of one async worker; a ``WorkerPool`` whose slots are coroutines.

    Args:
        name: The task type, for the threads' names.
        size: How many tasks may run at the same time.
        execution: What happens before and after each coroutine.
        loop: Where coroutines run.
        on_free: Called with the number of slots each time some become free.
        idle_seconds: Seconds without work after which a carrier ends.
    """

    def __init__(
        self,
        name: str,
        size: int,
        execution: TaskExecution,
        loop: EventLoop,
        on_free: Callable[[int], None] = lambda _: None,
        *,
        idle_seconds: float = IDLE_S,
    ) -> None:
        self.name = name
        self._size = size
        self._execution = execution
        self._loop = loop
        self._on_free = on_free
        self._lock = threading.Lock()
        self._free = threading.Condition(self._lock)
        self._submitted: deque[Any] = deque()
        self._ended: deque[_Ended] = deque()
        self._active = 0
        self._closed = False
        self._carriers = ElasticThreads(
            name,
            self._lock,
            self._free,
            take=self._take,
            handle=self._carry,
            most=lambda: min(self._size, CARRIERS),
            is_needed=lambda: self._active > 0,
            idle_seconds=idle_seconds,
        )

    @property
    def size(self) -> int:
        """How many tasks may run at the same time."""
        return self._size

    @property
    def busy(self) -> int:
        """How many tasks run, wait for a carrier or are being delivered."""
        return self._active

    @property
    def is_over_size(self) -> bool:
        """Whether more tasks run than may, because the size was lowered."""
        return self._active > self._size

    def start(self) -> None:
        """Start the carriers, if Python might refuse to start them later."""
        with self._lock:
            self._carriers.start()

    def revive(self) -> None:
        """Report carriers that died, and replace those that work waits for."""
        with self._lock:
            self._carriers.adjust(len(self._ended) + len(self._submitted))

    def resize(self, size: int) -> None:
        """Change how many tasks may run at the same time; running ones are left alone."""
        with self._lock:
            self._size = size
            self._carriers.adjust(len(self._ended) + len(self._submitted))
            self._free.notify_all()

    def submit(self, task: Any) -> bool:
        """Accept a task; the caller has made sure of a free slot.

        Returns:
            False if the task is refused, because the pool is closed or has no carrier and cannot start one.
        """
        with self._lock:
            if self._closed:
                return False
            self._active += 1
            self._submitted.append(task)
            if self._carriers.call() or self._carriers.count:
                return True
            self._submitted.pop()
            self._active -= 1
            return False

    def run_here(self, task: Any) -> None:
        """Run a refused task on the calling thread, which is the only carrier until the task has ended."""
        with self._lock:
            self._active += 1
            self._submitted.append(task)
            self._carriers.lend()

    def free_slots(self) -> int:
        """Return how many tasks can be submitted now."""
        with self._lock:
            return max(0, self._size - self._active)

    def unstarted(self) -> list[Any]:
        """Return the tasks that no carrier has begun; takes no lock, so it is safe in a signal handler."""
        return list(self._submitted.copy())

    def take_unstarted(self) -> list[Any]:
        """Take back the tasks that no carrier has begun."""
        with self._lock:
            taken = list(self._submitted)
            self._submitted.clear()
        self._release(len(taken))
        return taken

    def drain(self, deadline: StopDeadline) -> bool:
        """Wait until no task runs, up to the deadline; return whether that is so."""
        with self._lock:
            while self._active:
                if not (seconds := deadline.slice()):
                    return False
                self._free.wait(seconds)
            return True

    def close(self) -> None:
        """Refuse further tasks, and let every carrier end once it has nothing to do."""
        with self._lock:
            self._closed = True
            self._carriers.close()

    def join(self, deadline: float) -> bool:
        """Wait until every carrier has ended, up to ``deadline`` (monotonic); return whether that is so."""
        with self._lock:
            return self._carriers.join(deadline)

    def _release(self, count: int) -> None:
        if count:
            with self._lock:
                self._active -= count
                self._free.notify_all()
            self._on_free(count)

    def _take(self) -> Any:
        if self._ended:  # first: it frees a slot
            return self._ended.popleft()
        return self._submitted.popleft() if self._submitted else NOTHING

    def _carry(self, item: Any) -> None:
        is_running, following = False, None
        try:
            following = self._conclude(item) if isinstance(item, _Ended) else item
            del item  # what it holds of a task must not outlive the task
            while following is not None and not is_running:
                following, is_running = self._begin(following)
        except BaseException:  # a lost thread would be a lost slot
            logger.exception("%s: a carrier thread failed outside of any task; it continues", self.name)
        finally:
            if not is_running:
                self._release(1)

    def _begin(self, raw: Any) -> tuple[Any, bool]:
        """Begin a task; return the next one if it could not run, and whether its coroutine runs now."""
        parsed = self._execution.parse(raw)
        if not isinstance(parsed, TaskResult | None):
            running = self._execution.begin(parsed)
            if running.error is None:
                self._loop.spawn(
                    lambda: self._execution.call_async(running),
                    running.context_vars,
                    self._execution.time_limit,
                    lambda value, error: self._put(_Ended(running, value, error)),
                )
                return None, True
            parsed = self._execution.conclude(running, None, running.error)
        return None if parsed is None else self._execution.deliver(parsed), False

    def _put(self, ended: _Ended) -> None:
        with self._lock:
            self._ended.append(ended)
            self._carriers.call()  # if it fails, a carrier that exists concludes it, or the watchdog starts one

    def _conclude(self, ended: _Ended) -> Any:
        result = self._execution.conclude(ended.running, ended.value, ended.error)
        return None if ended.running.is_void(result) else self._execution.deliver(result)
