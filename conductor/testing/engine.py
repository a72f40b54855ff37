"""The engine of the embedded server without the server: in memory, with a frozen clock, in the caller's thread."""

from __future__ import annotations

import atexit
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from typing import Any

from conductor.server.engine.extensions import Extensions
from conductor.server.runtime.clock import Clock
from conductor.server.runtime.kernel import Kernel
from conductor.server.services.all import Services
from conductor.server.store.sqlite import Store
from conductor.testing.executions import example_id

__all__ = ["CONTAINERS", "Engine", "defined_name", "reused_engine"]

#: Types of tasks that end when other tasks end.
CONTAINERS = frozenset({"JOIN", "EXCLUSIVE_JOIN", "DO_WHILE", "SUB_WORKFLOW"})
#: Number of executions after which an engine is replaced, because its database keeps their definitions.
_MAX_USES = 200
#: Engines that can be reused: as many as were in use at the same time.
_idle: list[Engine] = []


class Engine:
    """An engine with its own database in memory, and its own clock, which only the caller moves.

    The engine uses no thread, socket or process, except a process that runs scripts.

    Args:
        secrets: Values of ``${workflow.secrets.NAME}``.
        environment: Values of ``${workflow.env.NAME}``.

    Attributes:
        clock: The clock.
        kernel: The state of the server.
        services: The operations of the server.
        uses: Number of times that the engine has been used.
    """

    def __init__(self, secrets: Mapping[str, str] | None = None, environment: Mapping[str, str] | None = None) -> None:
        self.clock: Clock = Clock()
        self.clock.freeze()
        self._store = Store()
        self.kernel: Kernel = Kernel(self.clock, self._store, secrets=secrets or {}, environment=environment or {})
        self.services: Services = Services(self.kernel)
        self.uses: int = 0

    def begin(self, workflow_id: str, began: int, extensions: Extensions) -> None:
        """Prepare the engine for an execution whose ids and times are the same in every run.

        Args:
            workflow_id: The execution, which determines the ids of its tasks.
            began: The time to set the clock to, epoch ms.
            extensions: The changes of the engine's behavior.
        """
        numbers = count(1)
        self.clock.start_at(began)
        self.kernel.new_id = lambda: example_id(workflow_id, next(numbers))
        self.kernel.random_ms = _no_jitter
        self.kernel.extensions = extensions
        self.uses += 1

    def settle(self) -> None:
        """Do the work that the engine has left to a later change."""
        while self.kernel.timed_work.has_unfinished:
            self.kernel.timed_work.continue_unfinished()

    def close(self) -> None:
        """Close the database."""
        self._store.close()


@contextmanager
def reused_engine() -> Iterator[Engine]:
    """Yield a reused engine for one execution, which the caller removes; creating an engine is slow."""
    engine = _idle.pop() if _idle else Engine()
    try:
        yield engine
    except BaseException:  # it may hold an incomplete execution
        engine.close()
        raise
    if engine.uses < _MAX_USES:
        _idle.append(engine)
    else:
        engine.close()


def defined_name(task: Mapping[str, Any]) -> str:
    """Return the reference name that a task document has in the definition, without the iteration."""
    return str((task.get("workflowTask") or {}).get("taskReferenceName"))


def _no_jitter(_: Any) -> int:
    return 0


@atexit.register
def _close_idle() -> None:
    while _idle:
        _idle.pop().close()
