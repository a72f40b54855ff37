"""The fixture `run_workflow`: runs a workflow to its end, and skips waits and retry delays."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from attrs import frozen

from conductor._internal.durations import to_seconds
from conductor._internal.introspection import refuse_unknown_keywords
from conductor._internal.suggestions import suggest
from conductor.models.enums import TaskStatus
from conductor.models.execution import WorkflowExecution
from conductor.models.task import PollData, Task
from conductor.server.engine.state import ENDED_BY_UPDATE
from conductor.testing.engine import CONTAINERS
from conductor.testing.reports import as_table

if TYPE_CHECKING:
    from conductor.clients.client import ConductorClient
    from conductor.server.embedded import EmbeddedServer

__all__ = ["RunWorkflow"]

__tracebackhide__ = True

#: First and longest delay in seconds between two reads of the execution.
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.002, 0.05
#: `callbackAfterSeconds` of a WAIT task without a time.
_WITHOUT_TIME = 2**31 - 1


@frozen
class RunWorkflow:
    """The type of the fixture ``run_workflow``."""

    server: EmbeddedServer
    client: ConductorClient

    def __call__(
        self,
        workflow: Any,
        input: Mapping[str, Any] | None = None,
        *,
        timeout: float | timedelta | None = 30.0,
        skip_time: bool = True,
        until_blocked: bool = False,
        **options: Any,
    ) -> WorkflowExecution:
        """Start a workflow, wait until it ends, and return the execution.

        Args:
            workflow: A registered name, a `WorkflowDef`, a definition as a dict, or a builder; as for
                `client.workflows.start`.
            input: Its input.
            timeout: Real seconds (or a ``timedelta``) to wait for the end; None for no limit.
            skip_time: Whether to move the server's clock to the next timer when only waits and retry delays are left.
                The clock does not move to timeouts; a test of a timeout moves the clock itself.
            until_blocked: Whether to also return when the execution waits for an external event: a HUMAN task, a WAIT
                without a time, or a task of a language model, which the test completes. The clock then does not move,
                even if a timer is running.
            options: Further arguments of `client.workflows.start`.

        Raises:
            AssertionError: The execution did not end in time. The message explains what each open task waits for, such
                as a worker that does not exist.
        """
        own = ("timeout", "skip_time", "until_blocked")
        refuse_unknown_keywords("run_workflow", self.client.workflows.start, options, own)
        workflow_id = self.client.workflows.start(workflow, input, **options)
        seconds = math.inf if timeout is None else to_seconds(timeout, "timeout")
        deadline, pause = time.monotonic() + seconds, _FIRST_PAUSE_S
        while True:
            run = self.client.workflows.get(workflow_id)
            if run.is_terminal:
                return run
            waits = self._waits_for(run)
            if until_blocked and "outside" in waits and "work" not in waits:  # a timer may be a person's deadline
                return run
            if skip_time and "timer" in waits and "work" not in waits:
                self.server.clock.skip_to_next_event()
                pause = _FIRST_PAUSE_S
                continue
            if time.monotonic() > deadline:
                reasons = "".join(f"\n- {line}" for line in self._open_tasks(run, skips=skip_time))
                raise AssertionError(
                    f"Workflow {run.workflow_name} {workflow_id} has not ended within {seconds:g} s{reasons}\n\n"
                    f"{as_table(run)}"
                )
            time.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE_S)

    def _waits_for(self, run: WorkflowExecution) -> set[str]:
        """Return what the execution waits for: "work" (of workers or the server), a "timer", or an event "outside"."""
        found: set[str] = set()
        for task in run.tasks:
            if not task.is_terminal:
                found |= self._kind_of_wait(task)
        return found

    def _kind_of_wait(self, task: Task) -> set[str]:
        if task.task_type == "SUB_WORKFLOW" and task.sub_workflow_id:
            return self._waits_for(self.client.workflows.get(task.sub_workflow_id))
        if task.task_type == "WAIT":
            return {"outside" if task.callback_after_seconds in {0, _WITHOUT_TIME} else "timer"}
        if task.task_type in CONTAINERS:
            return set()
        if task.task_type in ENDED_BY_UPDATE:
            return {"outside"}
        is_later = task.status == TaskStatus.SCHEDULED and _due_ms(task) > self.server.clock.now_ms()
        return {"timer" if is_later else "work"}

    def _open_tasks(self, run: WorkflowExecution, *, skips: bool) -> Iterator[str]:
        """Yield, for each open task, what it waits for and what the test can do."""
        polled = self.client.tasks.list_all_poll_data()
        for task in run.tasks:
            if task.is_terminal or task.task_type in CONTAINERS - {"SUB_WORKFLOW"}:
                continue
            if task.task_type == "SUB_WORKFLOW":
                if task.sub_workflow_id:
                    yield from self._open_tasks(self.client.workflows.get(task.sub_workflow_id), skips=skips)
                continue
            yield f"{task.reference_task_name}: {self._reason(task, polled, skips=skips)}"

    def _reason(self, task: Task, polled: list[PollData], *, skips: bool) -> str:
        kind = self._kind_of_wait(task)
        if "outside" in kind:
            return (
                f"{task.task_type} waits for the test: run_workflow(..., until_blocked=True), then "
                "conductor_client.tasks.update_by_reference_name(run.workflow_id, "
                f"{task.reference_task_name!r}, 'COMPLETED')"
            )
        if "timer" in kind:
            how = "another task must be completed first" if skips else "skip_time=True moves the clock there"
            return f"waits until a time: {how}, or move it: conductor_server.clock.advance(...)"
        if task.status != TaskStatus.SCHEDULED:
            return f"worker {task.worker_id or '?'} has the task, and its function has not returned"
        return _missing_worker(task, polled)


def _due_ms(task: Task) -> int:
    return max(task.scheduled_time, task.update_time) + task.callback_after_seconds * 1000


def _missing_worker(task: Task, polled: list[PollData]) -> str:
    name, domain = task.task_def_name or task.task_type or "", task.domain or None
    where = f" in domain {domain!r}" if domain else ""
    of_type = [one for one in polled if one.queue_name == name]
    here = [one for one in of_type if (one.domain or None) == domain]
    if any(one.last_poll_time >= task.scheduled_time for one in here):
        return f"a worker polls {name!r}{where}, but has not taken the task: all of its threads may be busy"
    start = f"start one with conductor_workers(...) or mock_worker({name!r}, returns={{...}})"
    if here:
        return f"no worker polls {name!r}{where} any more; {start}"
    if of_type:
        elsewhere = ", ".join(sorted(repr(one.domain) if one.domain else "no domain" for one in of_type))
        return f"no worker polls {name!r}{where}; workers poll it in {elsewhere}"
    others = sorted({one.queue_name or "" for one in polled})
    if near := suggest(name, others):
        return f"no worker polls {name!r}{where}, but one polls {near!r}: correct the name there or in the workflow"
    hint = f" (workers poll: {', '.join(others)})" if others else ""
    return f"no worker polls {name!r}{where}{hint}; {start}"
