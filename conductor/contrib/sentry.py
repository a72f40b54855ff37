"""Failures of workers in Sentry (extra ``sentry``).

    import sentry_sdk
    from conductor.contrib.sentry import report_workers

    sentry_sdk.init(dsn=...)
    report_workers(handler)

Each task has its own isolation scope with its type, ids and attempt as tags, which are also set on events that the
function reports. Exceptions of the function are captured. An error in Sentry's SDK does not fail the task.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from conductor._internal.installation import missing_package
from conductor.worker.context import TaskContext

try:
    import sentry_sdk
except ModuleNotFoundError as _error:
    raise missing_package(_error, "conductor.contrib.sentry", "sentry") from None

__all__ = ["HasMiddleware", "around_execution", "report_workers"]

logger = logging.getLogger(__name__)


class HasMiddleware(Protocol):
    """The methods of a ``TaskHandler`` that the integration uses."""

    def use(self, middleware: Any) -> Any:
        """Call ``middleware`` around each execution of a task."""


def report_workers(handler: HasMiddleware) -> None:
    """Report failures of a handler's tasks. Call it after ``sentry_sdk.init``, before the handler starts.

    Args:
        handler: A ``TaskHandler``.
    """
    handler.use(around_execution)


def around_execution(context: TaskContext, call: Callable[[], Any]) -> Any:
    """Middleware: run the function in a scope; its exceptions are captured and raised again."""
    with contextlib.ExitStack() as scopes:
        with _harmless():
            _describe(scopes.enter_context(sentry_sdk.isolation_scope()), context)
        try:
            return call()
        except BaseException as error:  # reported and raised again
            with _harmless():
                sentry_sdk.capture_exception(error)
            raise


def _describe(scope: sentry_sdk.Scope, context: TaskContext) -> None:
    scope.set_transaction_name(f"execute {context.task_type}", source="task")
    scope.set_tag("conductor.task.type", context.task_type)
    scope.set_tag("conductor.task.id", context.task_id)
    scope.set_tag("conductor.task.reference_name", context.reference_name)
    scope.set_tag("conductor.task.attempt", context.retry_count + 1)
    scope.set_tag("conductor.workflow.id", context.workflow_id)


@contextlib.contextmanager
def _harmless() -> Iterator[None]:
    try:
        yield
    except Exception:  # reporting must not fail the task
        logger.exception("Sentry could not be notified of a task; the task continues")
