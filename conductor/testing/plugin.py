"""The pytest plugin: fixtures, and nothing that happens before one of them is asked for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conductor.clients.client import ConductorClient
    from conductor.models.task import Task
    from conductor.server.embedded import EmbeddedServer
    from conductor.testing.reports import WorkerFailures
    from conductor.testing.runs import WorkflowRunner
    from conductor.worker.handler import TaskHandler
    from conductor.worker.worker import Worker

_POLL_INTERVAL_MS = 10
_GRACE_SECONDS = 5.0


@pytest.fixture
def conductor_server() -> Iterator[EmbeddedServer]:
    """A Conductor server of the test's own, in memory, with a clock of its own (`conductor_server.clock`)."""
    from conductor import server  # noqa: PLC0415  only when it is asked for

    started = server.start()
    yield started
    # It ends beside the next test: closing connections in order takes it 0.2 s, and nothing waits for that.
    threading.Thread(target=started.stop, name="stop:server").start()


@pytest.fixture
def conductor_client(conductor_server: EmbeddedServer) -> Iterator[ConductorClient]:
    """A client of the test's server."""
    from conductor.clients.client import ConductorClient  # noqa: PLC0415  only when it is asked for

    with ConductorClient(server_url=conductor_server.url) as client:
        yield client


@pytest.fixture
def conductor_workers(
    conductor_server: EmbeddedServer, _conductor_failures: WorkerFailures
) -> Iterator[Callable[..., TaskHandler]]:
    """A function that starts workers against the test's server, and returns their `TaskHandler`.

    It takes workers (decorated functions) and options of `TaskHandler`; they stop when the test ends. What a worker
    raises is shown with its traceback when the test fails.
    """
    from conductor.settings import Settings  # noqa: PLC0415  only when it is asked for
    from conductor.worker.handler import TaskHandler  # noqa: PLC0415

    handlers: list[TaskHandler] = []

    def start(*workers: Any, **options: Any) -> TaskHandler:
        options.setdefault("on_error", _reporter(_conductor_failures))
        options.setdefault("poll_interval_ms", _POLL_INTERVAL_MS)
        settings = Settings(server_url=conductor_server.url)
        handlers.append(TaskHandler(settings, workers=workers or None, **options).start())
        return handlers[-1]

    yield start
    for handler in handlers:
        handler.stop(_GRACE_SECONDS)


@pytest.fixture
def run_workflow(conductor_server: EmbeddedServer, conductor_client: ConductorClient) -> WorkflowRunner:
    """A function that runs a workflow to its end, whatever the end is, and returns the execution.

    Waits that only time would end cost none: the server's clock is moved to the next timer.
    """
    from conductor.testing.runs import WorkflowRunner  # noqa: PLC0415  only when it is asked for

    return WorkflowRunner(conductor_server, conductor_client)


@pytest.fixture
def _conductor_failures(request: pytest.FixtureRequest) -> Iterator[WorkerFailures]:
    from conductor.testing.reports import WorkerFailures  # noqa: PLC0415  only when it is asked for

    def report(title: str, text: str) -> None:
        request.node.add_report_section("call", f"worker {title}", text)

    failures = WorkerFailures(report)
    yield failures
    failures.forget()


def _reporter(failures: WorkerFailures) -> Callable[[Worker, Task, BaseException], None]:
    def on_error(worker: Worker, task: Task, error: BaseException) -> None:
        title = f"{worker.name}, attempt {task.retry_count + 1} of {task.reference_task_name}"
        failures.take(str(task.task_id), title, error)

    return on_error
