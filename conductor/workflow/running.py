"""What a workflow does with a server: register itself, run, and look for differences."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from typing_extensions import ParamSpec

from conductor._renamed import explains
from conductor.errors import ConflictError, NotFoundError
from conductor.models import TaskRun, WorkflowRun
from conductor.workflow.diff import Diff, compare

if TYPE_CHECKING:
    from conductor.clients.client import ConductorClient
    from conductor.models import Workflow as Execution

__all__ = ["Running"]

P = ParamSpec("P")
T = TypeVar("T")


def _with_client(call: Callable[P, T]) -> Callable[P, T]:
    """Have a method say what it misses when it is called as if the workflow held a client."""

    @functools.wraps(call)
    def checked(*given: P.args, **named: P.kwargs) -> T:
        client = given[1] if len(given) > 1 else named.get("client")
        if not hasattr(client, "workflows"):
            name = call.__name__
            raise TypeError(
                f"Workflow.{name}() takes a ConductorClient first, and got {client!r}: a workflow holds no client. "
                f"Write workflow.{name}(client, ...)."
            )
        return call(*given, **named)

    return explains(checked)


class Running:
    """The calls of a workflow; all check it before anything is sent.

    Raises:
        WorkflowDefinitionError: There are errors in it; nothing was sent.
    """

    @_with_client
    def register(
        self: Any, client: ConductorClient, *, overwrite: bool = False, task_defs: bool = False, check: bool = True
    ) -> None:
        """Register the definition (``POST /metadata/workflow``).

        Args:
            client: The client.
            overwrite: Replace what the server has in this version. Without it, a registered definition that is the
                same is left alone, and one that differs is an error.
            task_defs: Register the task definitions of the decorated functions among its steps as well
                (``POST /metadata/taskdefs``).
            check: Whether to check it first.

        Raises:
            ConflictError: This version is there, differs, and ``overwrite`` is false.
        """
        definition = (self.check() if check else self).to_def()
        if task_defs and (found := self.task_defs()):
            client.metadata.register_tasks(found)
        try:
            client.metadata.register_workflow(definition, overwrite=overwrite)
        except ConflictError:
            if self.diff(client):
                raise

    def task_defs(self: Any) -> list[Any]:
        """The task definitions of the decorated functions among its steps."""
        found: dict[str, Any] = {}
        for step in self.walk():
            make = getattr(step.signature and step.signature.worker, "task_def", None)
            if callable(make):
                found.setdefault(step.signature.name, make())
        return list(found.values())

    @_with_client
    def start(
        self: Any,
        client: ConductorClient,
        input: Mapping[str, Any] | None = None,  # noqa: A002  the server's and everybody's word
        *,
        registered: bool = False,
        check: bool = True,
        **options: Any,
    ) -> str:
        """Start it and return the execution's id (``POST /workflow``).

        Args:
            client: The client.
            input: The workflow's input.
            registered: Start the registered definition of this name and version; without it this very definition is
                sent along, and need not be registered.
            check: Whether to check it first.
            options: What else ``client.workflows.start`` takes.
        """
        target, more = self._target(registered, check)
        return client.workflows.start(target, input, **more, **options)

    @_with_client
    def execute(
        self: Any,
        client: ConductorClient,
        input: Mapping[str, Any] | None = None,  # noqa: A002
        *,
        registered: bool = False,
        check: bool = True,
        **options: Any,
    ) -> WorkflowRun | TaskRun:
        """Start it and wait on the server for it (``POST /workflow/execute/{name}/{version}``).

        Args:
            client: The client.
            input: The workflow's input.
            registered: See ``start``.
            check: Whether to check it first.
            options: What else ``client.workflows.execute`` takes.
        """
        target, more = self._target(registered, check)
        return client.workflows.execute(target, input, **more, **options)

    @_with_client
    def run(
        self: Any,
        client: ConductorClient,
        input: Mapping[str, Any] | None = None,  # noqa: A002
        *,
        registered: bool = False,
        check: bool = True,
        timeout: float | timedelta | None = None,
        **options: Any,
    ) -> Execution:
        """Start it, wait for its end, and return the execution.

        Args:
            client: The client.
            input: The workflow's input.
            registered: See ``start``.
            check: Whether to check it first.
            timeout: The longest wait, in seconds; None for no limit.
            options: What else ``client.workflows.start`` takes.

        Raises:
            WorkflowFailedError: It ended, but not as COMPLETED.
            WorkflowTimeoutError: It has not ended in time; it goes on.
        """
        target, more = self._target(registered, check)
        return client.workflows.run(target, input, timeout=timeout, **more, **options)

    def _target(self: Any, registered: bool, check: bool) -> tuple[Any, dict[str, Any]]:
        workflow = self.check() if check else self
        if registered:
            return workflow.name, {"version": workflow.version}
        return workflow.to_def(), {}

    @_with_client
    def diff(self: Any, client: ConductorClient) -> Diff:
        """What differs from the registered definition of this name and version; false for nothing.

        ``GET /metadata/workflow/{name}``.
        """
        here = self.to_def()
        try:
            there = client.metadata.get_workflow(self.name, self.version, metadata=bool(here.tags) or None).to_dict()
        except NotFoundError:
            there = None
        return compare(here.to_dict(), there)
