"""Running a workflow to its end on a server whose clock is the test's: waits that only time would end are skipped."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from attrs import frozen

from conductor._internal.durations import to_seconds
from conductor.models.enums import TaskStatus
from conductor.models.execution import Workflow
from conductor.models.task import Task
from conductor.server.engine.state import ENDED_BY_OTHERS
from conductor.testing.reports import as_table

if TYPE_CHECKING:
    from conductor.clients.client import ConductorClient
    from conductor.server.embedded import EmbeddedServer

_FIRST_PAUSE, _LONGEST_PAUSE = 0.002, 0.05
_WITHOUT_TIME = 2**31 - 1  # what a WAIT without a time shows as its callbackAfterSeconds
_CONTAINERS = frozenset({"JOIN", "EXCLUSIVE_JOIN", "DO_WHILE", "SUB_WORKFLOW"})


@frozen
class WorkflowRunner:
    """The fixture `run_workflow`."""

    server: EmbeddedServer
    client: ConductorClient

    def __call__(
        self,
        workflow: Any,
        input: Mapping[str, Any] | None = None,  # noqa: A002  the server's and everybody's word
        *,
        timeout: float | timedelta | None = 30.0,
        skip_time: bool = True,
        until_blocked: bool = False,
        **options: Any,
    ) -> Workflow:
        """Start a workflow, and return the execution when it has ended, well or badly.

        Args:
            workflow: A registered name, a `WorkflowDef`, or a definition as a map; as for `client.workflows.start`.
            input: Its input.
            timeout: Real seconds (or a ``timedelta``) to wait for the end; None for no limit.
            skip_time: Move the server's clock to the next timer when nothing but waits and delays is left. Timeouts are
                not waited for: that somebody does not come is for the test to say, by moving the clock.
            until_blocked: Return also when it waits for something from outside: a HUMAN task, a WAIT without a time, or
                a task of a model, which the test completes.
            options: What else `client.workflows.start` takes.

        Raises:
            AssertionError: It has not ended in time; the message shows its tasks.
        """
        workflow_id = self.client.workflows.start(workflow, input, **options)
        seconds = math.inf if timeout is None else to_seconds(timeout, "timeout")
        deadline, pause = time.monotonic() + seconds, _FIRST_PAUSE
        while True:
            run = self.client.workflows.get(workflow_id)
            if run.is_terminal:
                return run
            waits = self._waits_for(run)
            if until_blocked and waits == {"outside"}:
                return run
            if skip_time and "timer" in waits and "work" not in waits:
                self.server.clock.skip_to_next_event()
                pause = _FIRST_PAUSE
                continue
            if time.monotonic() > deadline:
                raise AssertionError(
                    f"Workflow {run.workflow_name} {workflow_id} has not ended within {seconds:g} s\n\n{as_table(run)}"
                )
            time.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE)

    def _waits_for(self, run: Workflow) -> set[str]:
        """Return what could move the execution on: "work" (a worker, the server), a "timer", or something "outside"."""
        now = self.server.clock.now_ms()
        found: set[str] = set()
        for task in run.tasks:
            if task.status is not None and not task.status.is_terminal:
                found |= self._kind_of_wait(task, now)
        return found

    def _kind_of_wait(self, task: Task, now: int) -> set[str]:
        if task.task_type == "SUB_WORKFLOW" and task.sub_workflow_id:
            return self._waits_for(self.client.workflows.get(task.sub_workflow_id))
        if task.task_type == "WAIT":
            return {"outside" if task.callback_after_seconds in {0, _WITHOUT_TIME} else "timer"}
        if task.task_type in _CONTAINERS:
            return set()
        if task.task_type in ENDED_BY_OTHERS:
            return {"outside"}
        due = max(task.scheduled_time, task.update_time) + task.callback_after_seconds * 1000
        return {"timer" if task.status == TaskStatus.SCHEDULED and due > now else "work"}
