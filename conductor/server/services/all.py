"""All services of one server."""

from __future__ import annotations

from attrs import define, field

from conductor.server.kernel import Kernel
from conductor.server.services.executions import Executions
from conductor.server.services.follow_up import FollowUp
from conductor.server.services.http_calls import HttpCalls
from conductor.server.services.metadata import Metadata
from conductor.server.services.starts import Starts
from conductor.server.services.tasks import Tasks


@define
class Services:
    """The services over one kernel."""

    kernel: Kernel
    starts: Starts = field(init=False)
    metadata: Metadata = field(init=False)
    executions: Executions = field(init=False)
    tasks: Tasks = field(init=False)
    http_calls: HttpCalls = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.starts = Starts(self.kernel)
        self.metadata = Metadata(self.kernel, self.starts)
        self.executions = Executions(self.kernel, self.starts)
        self.tasks = Tasks(self.kernel)
        self.http_calls = HttpCalls(self.kernel)
        FollowUp(self.kernel, self.starts)
