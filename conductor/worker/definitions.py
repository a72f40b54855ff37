"""Task definitions that workers declare, compared with the server's and written when a handler starts."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from conductor._internal.logs import isolated_logger
from conductor.errors import (
    APIConnectionError,
    APIError,
    NotFoundError,
    RateLimitError,
    ServerError,
    UnsupportedByServerError,
)
from conductor.worker.options import WorkerOptions
from conductor.worker.worker import Worker

if TYPE_CHECKING:
    from conductor.clients.metadata import MetadataClient
    from conductor.models import TaskDef
    from conductor.models.definition_diff import Change

__all__ = ["DefinitionSync", "differences"]

logger = isolated_logger(__name__)

#: Seconds before the second attempt while the server is away; doubled for each further one.
_FIRST_PAUSE = 1.0
#: Seconds: the longest pause between two attempts.
_MAX_PAUSE = 30.0


def differences(worker: Worker, registered: TaskDef) -> tuple[Change, ...]:
    """Return how a registered task definition differs from what the worker declares.

    Fields that the worker does not declare are not compared.
    """
    from conductor.models import TaskDef  # most handlers compare nothing
    from conductor.models.definition_diff import compare

    declared = worker.declared_fields
    wanted = TaskDef.from_dict({"name": registered.name, **declared})
    changes = compare(wanted, registered)
    return tuple(change for change in changes if change.path.partition(".")[0].partition("[")[0] in declared)


class DefinitionSync:
    """Reports and writes task definitions on its own thread, so that a server that is away delays nothing.

    For a worker with ``register_task_def=True`` the definition is written where the server's differs; for another
    worker that declares fields of its definition, a difference is logged as a warning. Other workers cause no request.

    Args:
        workers: The workers with their resolved options.
        metadata: Returns ``client.metadata``.
        stop: Set when the handler stops.
    """

    def __init__(
        self,
        workers: Iterable[tuple[Worker, WorkerOptions]],
        metadata: Callable[[], MetadataClient],
        stop: threading.Event,
    ) -> None:
        self._pending = [
            (worker, options) for worker, options in workers if options.register_task_def or worker.declared_fields
        ]
        self._metadata = metadata
        self._stop = stop
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread, if there is a definition to compare or to write."""
        if self._pending:
            # a daemon, because a request to a server that does not answer must not keep the process alive
            self._thread = threading.Thread(target=self._run, name="definitions", daemon=True)
            self._thread.start()

    def join(self, timeout: float) -> None:
        """Wait up to ``timeout`` seconds for the thread to end, after ``stop`` was set."""
        if self._thread is not None:
            self._thread.join(max(timeout, 0.0))

    def _run(self) -> None:
        pause = _FIRST_PAUSE
        while self._pending and not self._stop.is_set():
            worker, options = self._pending[0]
            try:
                self._sync(worker, options)
            except APIError as error:
                if self._stop.is_set():
                    return
                if _is_temporary(error):
                    logger.debug("%s: the task definition is not available yet: %s", worker.name, error)
                    self._stop.wait(pause)
                    pause = min(2 * pause, _MAX_PAUSE)
                    continue
                doing = "written" if options.register_task_def else "compared"
                logger.warning("%s: the task definition cannot be %s: %s", worker.name, doing, error)
            except BaseException:  # one definition must not keep others from being written
                logger.exception("%s: the task definition cannot be compared", worker.name)
            pause = _FIRST_PAUSE
            self._pending.pop(0)

    def _sync(self, worker: Worker, options: WorkerOptions) -> None:
        if options.register_task_def and options.overwrite_task_def:
            if written := self._metadata().ensure_task(worker.task_def()):
                logger.info("Task definition written: %s", written)
        elif options.register_task_def and worker.register(self._metadata(), overwrite=False):
            logger.info("Task definition written: %s: created", worker.name)
        elif worker.declared_fields:
            self._report(worker, options)

    def _report(self, worker: Worker, options: WorkerOptions) -> None:
        advice = "overwrite_task_def=True" if options.register_task_def else "register_task_def=True"
        try:
            registered = self._metadata().get_task(worker.name)
        except NotFoundError as error:
            if not error.from_conductor:
                raise
            logger.warning(
                "%s: the task definition that the worker declares is not registered; %s registers it",
                worker.name,
                advice,
                extra={"task_type": worker.name},
            )
            return
        if found := differences(worker, registered):
            shown = "; ".join(
                f"{change.path} is {'not set' if change.before is None else repr(change.before)}, "
                f"the worker declares {change.after!r}"
                for change in found
            )
            logger.warning(
                "%s: the task definition on the server differs: %s; %s writes the worker's",
                worker.name,
                shown,
                advice,
                extra={
                    "task_type": worker.name,
                    "differences": {change.path: (change.before, change.after) for change in found},
                },
            )


def _is_temporary(error: APIError) -> bool:
    if isinstance(error, APIConnectionError):
        return not error.is_permanent
    if isinstance(error, NotFoundError | UnsupportedByServerError):
        return not error.from_conductor  # a proxy's response while the server restarts
    return isinstance(error, ServerError | RateLimitError)
