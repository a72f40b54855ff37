"""Task queues: how long they are, and who polls them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from conductor.clients._resource import Resource
from conductor.clients.queue_health import QueueHealth
from conductor.errors import ConfigurationError, NotFoundError
from conductor.models import PollData
from conductor.models.wire import structure
from conductor.transport.operation import Edition, Operation

__all__ = ["TaskQueues"]

SIZE: Operation[int] = Operation("GET", "/tasks/queue/size", int, edition=Edition.OSS)
SIZES: Operation[dict[str, int]] = Operation("GET", "/tasks/queue/sizes", dict[str, int], on_empty=dict)
ALL: Operation[dict[str, int]] = Operation("GET", "/tasks/queue/all", dict[str, int], on_empty=dict)
ALL_VERBOSE: Operation[dict[str, Any]] = Operation("GET", "/tasks/queue/all/verbose", dict, on_empty=dict)
POLL_DATA: Operation[list[PollData]] = Operation("GET", "/tasks/queue/polldata", list[PollData], on_empty=list)
_FILTERS = ("lastPollTimeOpt", "lastPollTimeSize", "queueOpt", "queueSize", "workerOpt", "workerSize")
ALL_POLL_DATA: Operation[Any] = Operation(
    "GET",
    "/tasks/queue/polldata/all",
    Any,
    on_empty=list,
    orkes_query=_FILTERS,
    selects=_FILTERS,
)
REQUEUE: Operation[int] = Operation("POST", "/tasks/queue/requeue/{taskType}", int, on_empty=int)


class TaskQueues(Resource):
    """What asks about queues."""

    def get_queue_size(
        self,
        task_type: str,
        *,
        domain: str | None = None,
        isolation_group_id: str | None = None,
        execution_namespace: str | None = None,
    ) -> int:
        """How many tasks wait in one queue (``GET /tasks/queue/size``, open-source server).

        Where that is missing, ``get_queue_sizes`` is asked.
        """
        query = {
            "taskType": task_type,
            "domain": domain or None,
            "isolationGroupId": isolation_group_id,
            "executionNamespace": execution_namespace,
        }
        try:
            return self._call(SIZE, query=query)
        except NotFoundError:
            if isolation_group_id is not None or execution_namespace is not None:
                raise
        queue = f"{domain}:{task_type}" if domain else task_type
        return self.get_queue_sizes(queue).get(queue, 0)

    def get_queue_sizes(self, task_types: str | Sequence[str]) -> dict[str, int]:
        """How many tasks wait, by task type, in the default domain (``GET /tasks/queue/sizes``)."""
        names = [task_types] if isinstance(task_types, str) else list(task_types)
        if not names:
            raise ConfigurationError(
                "task_types is empty; the server cannot answer that.",
                variable="task_types",
                allowed="a name, or several",
            )
        return self._call(SIZES, query={"taskType": names})

    def list_queues(self) -> dict[str, int]:
        """How many tasks wait in every queue (``GET /tasks/queue/all``).

        Names are ``task`` or ``domain:task``; the server's internal queues are among them.
        """
        return self._call(ALL)

    def list_queues_verbose(self) -> dict[str, dict[str, dict[str, int]]]:
        """Every queue's shards with their ``size`` and ``uacked`` (``GET /tasks/queue/all/verbose``)."""
        return self._call(ALL_VERBOSE)

    def list_poll_data(self, task_type: str) -> list[PollData]:
        """When workers of a task type last polled, by domain (``GET /tasks/queue/polldata``)."""
        return self._call(POLL_DATA, query={"taskType": task_type})

    def list_all_poll_data(
        self,
        *,
        worker_size: int | None = None,
        worker_opt: str | None = None,
        queue_size: int | None = None,
        queue_opt: str | None = None,
        last_poll_time_size: int | None = None,
        last_poll_time_opt: str | None = None,
    ) -> list[PollData]:
        """The same of all task types (``GET /tasks/queue/polldata/all``).

        The filters, each a size with ``GT`` or ``LT``, are Orkes'.

        Raises:
            UnsupportedByServerError: The server in use would ignore a filter.
        """
        said = self._call(
            ALL_POLL_DATA,
            query={
                "workerSize": worker_size,
                "workerOpt": worker_opt,
                "queueSize": queue_size,
                "queueOpt": queue_opt,
                "lastPollTimeSize": last_poll_time_size,
                "lastPollTimeOpt": last_poll_time_opt,
            },
        )
        if isinstance(said, dict):  # Orkes answers an object that holds the list
            said = next((value for value in said.values() if isinstance(value, list)), [])
        return structure(said, list[PollData])

    def queue_health(
        self, task_type: str, *, domain: str | None = None, active_within: float | timedelta = 60.0
    ) -> QueueHealth:
        """Whether tasks of a type wait, and whether anybody works on them.

        ``GET /tasks/queue/sizes`` (``/tasks/queue/size`` for a domain) and ``GET /tasks/queue/polldata``.

        Args:
            task_type: The task's name.
            domain: Only the queue and the workers of this domain.
            active_within: How recent a worker's last poll has to be, in seconds; not shorter than its poll interval.
        """
        size = (
            self.get_queue_size(task_type, domain=domain)
            if domain
            else self.get_queue_sizes(task_type).get(task_type, 0)
        )
        pollers = [one for one in self.list_poll_data(task_type) if (one.domain or None) == (domain or None)]
        within = active_within if isinstance(active_within, timedelta) else timedelta(seconds=active_within)
        return QueueHealth(task_type, size, tuple(pollers), datetime.now(timezone.utc), within)

    def requeue_pending(self, task_type: str) -> int:
        """Queue pending tasks that are in no queue (``POST /tasks/queue/requeue/{taskType}``); how many they were."""
        return self._call(REQUEUE, {"taskType": task_type})
