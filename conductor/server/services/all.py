"""The services of one server."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import define, field

from conductor.server.runtime.kernel import Kernel
from conductor.server.services.events import Events, Messages
from conductor.server.services.executions import Executions, Starter
from conductor.server.services.follow_up import FollowUp
from conductor.server.services.http_calls import HttpCalls
from conductor.server.services.metadata import Metadata
from conductor.server.services.recovery import Recovery
from conductor.server.services.runs import Runs, TestRuns
from conductor.server.services.schedules import Schedules
from conductor.server.services.search import Search
from conductor.server.services.tasks import Tasks


@define
class Services:
    """The services of one kernel. HTTP handlers use nothing else.

    Attributes:
        kernel: The server's state.
        starter: Creates executions.
    """

    kernel: Kernel
    starter: Starter = field(init=False)
    metadata: Metadata = field(init=False)
    executions: Executions = field(init=False)
    recovery: Recovery = field(init=False)
    tasks: Tasks = field(init=False)
    runs: Runs = field(init=False)
    test_runs: TestRuns = field(init=False)
    search: Search = field(init=False)
    http_calls: HttpCalls = field(init=False)
    events: Events = field(init=False)
    messages: Messages = field(init=False)
    schedules: Schedules = field(init=False)

    def __attrs_post_init__(self) -> None:
        starter = self.starter = Starter(self.kernel)
        self.metadata = Metadata(self.kernel, starter)
        self.executions = Executions(self.kernel, starter)
        self.recovery = Recovery(self.kernel, starter)
        self.tasks = Tasks(self.kernel)
        self.runs = Runs(self.kernel)
        self.test_runs = TestRuns(self.kernel, starter, self.tasks)
        self.search = Search(self.kernel)
        self.http_calls = HttpCalls(self.kernel)
        self.events = Events(self.kernel, starter)
        self.messages = Messages(self.kernel)
        self.schedules = Schedules(self.kernel, starter)
        FollowUp(self.kernel, starter)

    @property
    def secrets(self) -> Mapping[str, str]:
        """The values of ``${workflow.secrets.NAME}``."""
        return self.kernel.secrets

    @property
    def environment(self) -> Mapping[str, str]:
        """The values of ``${workflow.env.NAME}``."""
        return self.kernel.environment
