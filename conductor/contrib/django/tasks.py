"""A backend of Django's Tasks framework: ``@task`` functions run as tasks of Conductor.

TASKS = {"default": {"BACKEND": "conductor.contrib.django.tasks.ConductorBackend"}}

``enqueue()`` starts a small workflow: a WAIT until ``run_after``, if there is one, and a task of the type
``django_tasks_<queue>``. ``manage.py conductor_worker`` runs the functions. Works with ``django.tasks`` (Django 6) and
with the package ``django-tasks`` (older versions of Django).
"""

from __future__ import annotations

import functools
import math
import traceback
from collections.abc import Iterator
from datetime import datetime
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from django.conf import settings as django_settings
from django.utils import timezone
from django.utils.module_loading import import_string

from conductor.contrib.django.configuration import get_client
from conductor.errors import NotFoundError
from conductor.models import (
    Task,
    TaskDef,
    TaskResult,
    TaskResultStatus,
    TaskStatus,
    Workflow,
    WorkflowDef,
    WorkflowTask,
    WorkflowTimeoutPolicy,
)
from conductor.worker.worker import Worker

#: Django 6 has the framework; older versions get it from a package.
_FRAMEWORK = "django.tasks" if find_spec("django.tasks") else "django_tasks"
try:
    framework = import_module(_FRAMEWORK)
except ModuleNotFoundError as _error:
    raise ModuleNotFoundError(
        "conductor.contrib.django.tasks needs Django 6.0 or later, or the package django-tasks. Install one of them, "
        "and add django_tasks to INSTALLED_APPS.",
        name=_error.name,
    ) from None
base = import_module(f"{_FRAMEWORK}.base")
exceptions = import_module(f"{_FRAMEWORK}.exceptions")
signals = import_module(f"{_FRAMEWORK}.signals")

if TYPE_CHECKING:
    _Backend = Any
else:
    _Backend = import_module(f"{_FRAMEWORK}.backends.base").BaseTaskBackend

__all__ = ["ConductorBackend", "task_type", "task_workers"]

_WORKFLOW = "django_task"
_RUN, _DELAY = "run", "run_after"
#: Seconds without a sign of life after which the server gives a task to another worker; leases are extended.
_RESPONSE_TIMEOUT_S = 60
#: Conductor's priorities are 0 to 99, those of the framework -100 to 100.
_MAX_PRIORITY = 99


def task_type(queue_name: str) -> str:
    """Return the task type of a queue of the framework."""
    return f"django_tasks_{queue_name}"


class ConductorBackend(_Backend):  # type: ignore[misc]
    """Runs tasks through Conductor; results are kept as executions of the workflow ``django_task``.

    ``OPTIONS``: ``owner_email`` (the owner of the definitions), ``retry_count`` (attempts after the first; 0).
    """

    supports_defer = True
    supports_async_task = True
    supports_get_result = True
    supports_priority = True

    def enqueue(self, task: Any, args: Any, kwargs: Any) -> Any:
        """Start the execution of a task (``POST /workflow``) and return its result, which is READY.

        Raises:
            InvalidTaskError: The backend cannot run the task.
            TypeError: An argument is not JSON.
            APIError: The server did not accept the start.
        """
        self.validate_task(task)
        result = _new_result(task, self.alias, args=list(args), kwargs=dict(kwargs))
        run_after = None if task.run_after is None else _aware(task.run_after)
        given = {
            "task": task.module_path,
            "args": result.args,
            "kwargs": result.kwargs,
            "backend": self.alias,
            "queue_name": task.queue_name,
            "priority": task.priority,
            "run_after": None if run_after is None else run_after.isoformat(),
        }
        _register(task.queue_name, self.options.get("owner_email"), self.options.get("retry_count", 0))
        workflow_id = get_client().workflows.start(
            self._definition(task.queue_name, run_after), given, priority=_priority(task.priority)
        )
        _set(result, id=workflow_id, enqueued_at=_now())
        signals.task_enqueued.send(type(self), task_result=result)
        return result

    def get_result(self, result_id: str) -> Any:
        """Return the result of an execution (``GET /workflow/{workflowId}``).

        Raises:
            TaskResultDoesNotExist: The id does not exist, or belongs to another workflow.
        """
        missing = getattr(exceptions, "TaskResultDoesNotExist", None) or exceptions.ResultDoesNotExist
        try:
            execution = get_client().workflows.get(result_id)
        except NotFoundError:
            raise missing(result_id) from None
        if execution.workflow_name != _WORKFLOW:
            raise missing(result_id)
        return _result_of(execution)

    def _definition(self, queue_name: str, run_after: datetime | None) -> WorkflowDef:
        tasks = []
        delay = 0 if run_after is None else math.ceil((run_after - _now()).total_seconds())
        if delay > 0:
            wait = {"duration": f"{delay} seconds"}
            tasks.append(WorkflowTask(_DELAY, _DELAY, type="WAIT", input_parameters=wait))
        inputs = {name: f"${{workflow.input.{name}}}" for name in ("task", "args", "kwargs", "backend", *_OPTIONS)}
        tasks.append(WorkflowTask(task_type(queue_name), _RUN, type="SIMPLE", input_parameters=inputs))
        return WorkflowDef(
            _WORKFLOW,
            version=1,
            tasks=tasks,
            owner_email=self.options.get("owner_email"),
            output_parameters={"return_value": f"${{{_RUN}.output.return_value}}"},
            timeout_policy=WorkflowTimeoutPolicy.ALERT_ONLY,
            timeout_seconds=0,
        )


_OPTIONS = ("queue_name", "priority", "run_after")


@functools.cache
def _register(queue_name: str, owner_email: str | None, retry_count: int) -> None:
    """Register the task definition of a queue, once per process."""
    get_client().metadata.ensure_task(
        TaskDef(
            task_type(queue_name),
            description="Tasks of Django's Tasks framework",
            owner_email=owner_email,
            retry_count=retry_count,
            timeout_seconds=0,
            response_timeout_seconds=_RESPONSE_TIMEOUT_S,
        )
    )


def _aware(moment: datetime) -> datetime:
    """The moment with its zone; a naive one is in the current zone of Django (``USE_TZ = False``)."""
    return moment if timezone.is_aware(moment) else timezone.make_aware(moment)


def _priority(priority: int) -> int:
    lowest, highest = int(base.TASK_MIN_PRIORITY), int(base.TASK_MAX_PRIORITY)
    return round((priority - lowest) * _MAX_PRIORITY / (highest - lowest))


def task_workers() -> list[Worker]:
    """Return a worker for each queue of the configured ``ConductorBackend`` backends."""
    queues = {queue for backend in _backends() for queue in backend.queues or {framework.DEFAULT_TASK_QUEUE_NAME}}
    return [Worker(_run, task_type(queue), lease_extension=True) for queue in sorted(queues)]


def _backends() -> Iterator[ConductorBackend]:
    for alias in getattr(django_settings, "TASKS", None) or {}:
        backend = framework.task_backends[alias]
        if isinstance(backend, ConductorBackend):
            yield backend


def _run(task: Task) -> TaskResult:
    """Run the function of a task of the framework; the worker of all queues."""
    given = task.input_data
    outcome = TaskResult(task.workflow_instance_id or "", task.task_id or "", TaskResultStatus.COMPLETED)
    result: Any = None
    sender = ConductorBackend
    try:
        result = _new_result(_task_of(given), given["backend"], args=given["args"], kwargs=given["kwargs"])
        _set(
            result,
            id=task.workflow_instance_id,
            status=base.TaskResultStatus.RUNNING,
            enqueued_at=task.scheduled_at,
            started_at=_now(),
            last_attempted_at=_now(),
        )
        result.worker_ids.extend([task.worker_id or ""] * (task.retry_count + 1))
        signals.task_started.send(sender=sender, task_result=result)
        first = (base.TaskContext(task_result=result),) if result.task.takes_context else ()
        returned = base.normalize_json(result.task.call(*first, *result.args, **result.kwargs))
    except Exception as error:  # whatever a task raises is its result
        path = f"{type(error).__module__}.{type(error).__qualname__}"
        outcome.status = TaskResultStatus.FAILED
        outcome.reason_for_incompletion = f"{type(error).__name__}: {error}"
        outcome.output_data = {
            "exception_class_path": path,
            "traceback": "".join(traceback.format_exception(error)),
        }
        if result is not None:
            result.errors.append(base.TaskError(exception_class_path=path, traceback=outcome.output_data["traceback"]))
            _set(result, status=base.TaskResultStatus.FAILED, finished_at=_now())
            signals.task_finished.send(sender=sender, task_result=result)
    else:
        outcome.output_data = {"return_value": returned}
        _set(result, status=base.TaskResultStatus.SUCCESSFUL, finished_at=_now(), _return_value=returned)
        signals.task_finished.send(sender=sender, task_result=result)
    return outcome


def _task_of(given: dict[str, Any]) -> Any:
    """The task that an execution's input names, with the options it was enqueued with."""
    task = import_string(given["task"])
    run_after = given.get("run_after")
    return task.using(
        priority=given.get("priority"),
        queue_name=given.get("queue_name"),
        backend=given["backend"],
        run_after=None if run_after is None else datetime.fromisoformat(run_after),
    )


def _new_result(task: Any, alias: str, *, args: list[Any], kwargs: dict[str, Any]) -> Any:
    return base.TaskResult(
        task=task,
        id="",
        status=base.TaskResultStatus.READY,
        enqueued_at=None,
        started_at=None,
        last_attempted_at=None,
        finished_at=None,
        args=args,
        kwargs=kwargs,
        backend=alias,
        errors=[],
        worker_ids=[],
    )


def _set(result: Any, **values: Any) -> None:
    """Set fields of a result, which the framework declares as frozen and updates in the same way."""
    for name, value in values.items():
        object.__setattr__(result, name, value)


def _result_of(execution: Workflow) -> Any:
    given = execution.input
    result = _new_result(_task_of(given), given["backend"], args=given["args"], kwargs=given["kwargs"])
    attempts = [task for task in execution.tasks if task.reference_task_name == _RUN]
    begun = [task for task in attempts if task.started_at is not None]
    _set(
        result,
        id=execution.workflow_id,
        enqueued_at=execution.created_at or execution.started_at,
        status=_status(execution, attempts),
    )
    if begun:
        _set(result, started_at=begun[0].started_at, last_attempted_at=begun[-1].started_at)
        result.worker_ids.extend(task.worker_id or "" for task in begun)
    for task in attempts:
        if path := task.output_data.get("exception_class_path"):
            result.errors.append(
                base.TaskError(exception_class_path=path, traceback=task.output_data.get("traceback", ""))
            )
    if execution.is_terminal:
        _set(result, finished_at=execution.ended_at)
    if execution.is_successful:
        _set(result, _return_value=execution.output.get("return_value"))
    return result


def _status(execution: Workflow, attempts: list[Task]) -> Any:
    if execution.is_successful:
        return base.TaskResultStatus.SUCCESSFUL
    if execution.is_terminal:
        return base.TaskResultStatus.FAILED
    is_running = bool(attempts) and attempts[-1].status == TaskStatus.IN_PROGRESS
    return base.TaskResultStatus.RUNNING if is_running else base.TaskResultStatus.READY


def _now() -> datetime:
    return timezone.now() if django_settings.USE_TZ else timezone.make_aware(timezone.now())
