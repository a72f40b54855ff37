"""The fixtures of the pytest plugin. Nothing is imported or started before a test uses one of them."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conductor.clients.client import ConductorClient
    from conductor.models.task import Task
    from conductor.server.embedded import EmbeddedServer
    from conductor.testing.reports import WorkerFailures
    from conductor.testing.runs import RunWorkflow
    from conductor.testing.workers import MockWorkers, StartWorkers
    from conductor.worker.worker import Worker


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option `--conductor-edition`, and the setting `conductor_edition`."""
    text = "the edition whose API the fixture conductor_server has: oss (default) or orkes"
    parser.getgroup("conductor").addoption("--conductor-edition", choices=["oss", "orkes"], help=text)
    parser.addini("conductor_edition", text, default="oss")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """Show the line of the test, not the client's code, if an execution failed or did not end in time."""
    errors = sys.modules.get("conductor.errors")
    if call.excinfo is None or errors is None or not isinstance(call.excinfo.value, errors.WorkflowRunError):
        return
    uses_fixtures = "conductor_server" in getattr(item, "fixturenames", ())
    if uses_fixtures and not item.config.getoption("fulltrace", default=False):
        shown = _without_client_code(call.excinfo.tb)
        call.excinfo = pytest.ExceptionInfo.from_exc_info((call.excinfo.type, call.excinfo.value, shown))


def _without_client_code(trace: TracebackType) -> TracebackType:
    """Return the traceback without the last frames, which are those of the client."""
    name = str(trace.tb_frame.f_globals.get("__name__"))
    if trace.tb_next is None or name.startswith("conductor.clients."):
        return trace
    inner = _without_client_code(trace.tb_next)
    is_client = str(inner.tb_frame.f_globals.get("__name__")).startswith("conductor.clients.")
    return TracebackType(None if is_client else inner, trace.tb_frame, trace.tb_lasti, trace.tb_lineno)


@pytest.fixture
def conductor_server(request: pytest.FixtureRequest) -> Iterator[EmbeddedServer]:
    """Provide a Conductor server for one test, in memory, with its own clock (`conductor_server.clock`).

    The option `--conductor-edition` or the setting `conductor_edition` selects the edition.
    """
    from conductor import server  # only for tests that use it

    edition = request.config.getoption("--conductor-edition") or request.config.getini("conductor_edition")
    started = server.start(edition=edition)
    yield started
    # In the background: closing the connections takes 0.2 s, and the next test does not need to wait for it.
    threading.Thread(target=started.stop, name="stop:server").start()


@pytest.fixture
def conductor_client(conductor_server: EmbeddedServer) -> Iterator[ConductorClient]:
    """Provide a client of the test's server."""
    from conductor.clients.client import ConductorClient  # only for tests that use it

    with ConductorClient(server_url=conductor_server.url) as client:
        yield client


@pytest.fixture
def mock_worker(_conductor_workers: tuple[MockWorkers, StartWorkers]) -> MockWorkers:
    """Provide a function that starts a mock worker, which returns given results; see `MockWorkers`."""
    return _conductor_workers[0]


@pytest.fixture
def conductor_workers(_conductor_workers: tuple[MockWorkers, StartWorkers]) -> StartWorkers:
    """Provide a function that starts workers on the test's server; see `StartWorkers`.

    The workers stop when the test ends. If the test fails, its report contains the tracebacks of exceptions in workers.
    """
    return _conductor_workers[1]


@pytest.fixture
def run_workflow(conductor_server: EmbeddedServer, conductor_client: ConductorClient) -> RunWorkflow:
    """Provide a function that runs a workflow to its end and returns the execution; see `RunWorkflow`.

    Waits and retry delays take no time: the server's clock moves to the next timer.
    """
    from conductor.testing.runs import RunWorkflow  # only for tests that use it

    return RunWorkflow(conductor_server, conductor_client)


@pytest.fixture
def _conductor_workers(
    conductor_server: EmbeddedServer, _conductor_failures: WorkerFailures
) -> Iterator[tuple[MockWorkers, StartWorkers]]:
    from conductor.settings import Settings  # only for tests that use it
    from conductor.testing.workers import MockWorkers, StartWorkers

    def on_error(worker: Worker, task: Task, error: BaseException) -> None:
        title = f"{worker.name}, attempt {task.retry_count + 1} of {task.reference_task_name}"
        _conductor_failures.take(str(task.task_id), title, error)

    settings, real_queues = Settings(server_url=conductor_server.url), set[tuple[str, str | None]]()
    mocks = MockWorkers(settings, on_error, real_queues)
    workers = StartWorkers(settings, on_error, real_queues, mocks)
    yield mocks, workers
    workers.stop()
    mocks.stop()


@pytest.fixture
def _conductor_failures(request: pytest.FixtureRequest) -> Iterator[WorkerFailures]:
    from conductor.testing.reports import WorkerFailures  # only for tests that use it

    def report(title: str, text: str) -> None:
        request.node.add_report_section("call", f"worker {title}", text)

    failures = WorkerFailures(report)
    yield failures
    failures.forget()
