"""`assert_workflow(run).completed().task("charge").retried(2)`: checks that show the whole execution when they fail."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from attrs import frozen
from typing_extensions import Self

from conductor.models.enums import TaskStatus, WorkflowExecutionStatus
from conductor.models.execution import WorkflowExecution
from conductor.models.task import Task
from conductor.testing.reports import as_execution, as_table, difference, failure_of

__all__ = ["TaskAssertion", "WorkflowAssertion", "assert_workflow"]

__tracebackhide__ = True  # pytest shows the line of the test, not these functions


def assert_workflow(run: WorkflowExecution) -> WorkflowAssertion:
    """Start a chain of checks of an execution that `run_workflow` or `client.workflows.get` returned."""
    return WorkflowAssertion(as_execution(run, "assert_workflow"))


@frozen
class WorkflowAssertion:
    """Checks of an execution. Each check returns the object for the next one.

    Raises:
        AssertionError: A check fails. The message shows all tasks; the exception of the worker, if it ran in this
            process, is the cause.
    """

    run: WorkflowExecution

    def completed(self) -> Self:
        """Check that the status is COMPLETED."""
        return self.has_status("COMPLETED")

    def failed(self, reason: str | None = None) -> Self:
        """Check that the status is FAILED, and that the reason contains `reason`."""
        return self.has_status("FAILED", reason)

    def timed_out(self, reason: str | None = None) -> Self:
        """Check that the status is TIMED_OUT, and that the reason contains `reason`."""
        return self.has_status("TIMED_OUT", reason)

    def terminated(self, reason: str | None = None) -> Self:
        """Check that the status is TERMINATED, and that the reason contains `reason`."""
        return self.has_status("TERMINATED", reason)

    def running(self) -> Self:
        """Check that the status is RUNNING."""
        return self.has_status("RUNNING")

    def has_status(self, status: str, reason: str | None = None) -> Self:
        """Check the status, and that the reason contains `reason`."""
        _check_status(status, WorkflowExecutionStatus)
        if str(self.run.status) != status:
            self._fail(f"is {self.run.status}, not {status}")
        if reason is not None and reason not in (self.run.reason_for_incompletion or ""):
            self._fail(f"has the reason {self.run.reason_for_incompletion!r}, which does not contain {reason!r}")
        return self

    def has_output(self, expected: Mapping[str, Any] | None = None, /, **items: Any) -> Self:
        """Check that the output equals `expected`, or contains the items that are passed by name."""
        return self._compare("output", self.run.output, expected, items)

    def has_variables(self, expected: Mapping[str, Any] | None = None, /, **items: Any) -> Self:
        """Check that the variables equal `expected`, or contain the items that are passed by name."""
        return self._compare("variables", self.run.variables, expected, items)

    def ran(self, *reference_names: str) -> Self:
        """Check that these tasks were scheduled in this order; other tasks may be scheduled between them."""
        order = list(dict.fromkeys(_plain_name(task) for task in self._in_order()))
        if [name for name in order if name in reference_names] != list(reference_names):
            self._fail(f"ran {', '.join(order) or 'nothing'}; expected, in this order: {', '.join(reference_names)}")
        return self

    def did_not_run(self, *reference_names: str) -> Self:
        """Check that none of these tasks was scheduled."""
        found = sorted({_plain_name(task) for task in self.run.tasks} & set(reference_names))
        if found:
            self._fail(f"ran {', '.join(found)}")
        return self

    def task(self, reference_name: str) -> TaskAssertion:
        """Continue with the last attempt of a task.

        In a loop, `name` is the last iteration and `name__2` the second one.
        """
        found = self.run.task(reference_name)
        if found is None:
            names = ", ".join(dict.fromkeys(_plain_name(task) for task in self._in_order())) or "none"
            self._fail(f"has no task {reference_name!r}; its tasks: {names}")
        return TaskAssertion(self, found)

    def _in_order(self) -> list[Task]:
        return sorted(self.run.tasks, key=lambda task: task.seq)

    def _compare(
        self, what: str, actual: Mapping[str, Any], expected: Mapping[str, Any] | None, items: Mapping[str, Any]
    ) -> Self:
        if problem := _mismatch(actual, expected, items):
            self._fail(f"has another {what} (- expected, + actual):\n{problem}")
        return self

    def _fail(self, problem: str) -> NoReturn:
        name = f"Workflow {self.run.workflow_name} {self.run.workflow_id}"
        raise AssertionError(f"{name} {problem}\n\n{as_table(self.run)}") from _cause(self._in_order())


@frozen
class TaskAssertion:
    """Checks of the last attempt of a task; `task(...)` continues with another task, `workflow` with the execution.

    Raises:
        AssertionError: A check fails. The message shows all tasks; the exception of the worker, if it ran in this
            process, is the cause.
    """

    workflow: WorkflowAssertion
    attempt: Task

    def completed(self) -> Self:
        """Check that the status is COMPLETED."""
        return self.has_status("COMPLETED")

    def failed(self, reason: str | None = None) -> Self:
        """Check that the status is FAILED, and that the reason contains `reason`."""
        return self.has_status("FAILED", reason)

    def has_status(self, status: str, reason: str | None = None) -> Self:
        """Check the status, and that the reason contains `reason`."""
        _check_status(status, TaskStatus)
        if str(self.attempt.status) != status:
            self._fail(f"is {self.attempt.status}, not {status}")
        found = self.attempt.reason_for_incompletion
        if reason is not None and reason not in (found or ""):
            self._fail(f"has the reason {found!r}, which does not contain {reason!r}")
        return self

    def retried(self, times: int) -> Self:
        """Check the number of retries: 0 for a task with one attempt."""
        if self.attempt.retry_count != times:
            self._fail(f"was retried {_times(self.attempt.retry_count)}, not {_times(times)}")
        return self

    def has_input(self, expected: Mapping[str, Any] | None = None, /, **items: Any) -> Self:
        """Check that the input equals `expected`, or contains the items that are passed by name."""
        return self._compare("input", self.attempt.input_data, expected, items)

    def has_output(self, expected: Mapping[str, Any] | None = None, /, **items: Any) -> Self:
        """Check that the output equals `expected`, or contains the items that are passed by name."""
        return self._compare("output", self.attempt.output_data, expected, items)

    def task(self, reference_name: str) -> TaskAssertion:
        """Continue with another task."""
        return self.workflow.task(reference_name)

    def _compare(
        self, what: str, actual: Mapping[str, Any], expected: Mapping[str, Any] | None, items: Mapping[str, Any]
    ) -> Self:
        if problem := _mismatch(actual, expected, items):
            self._fail(f"has another {what} (- expected, + actual):\n{problem}")
        return self

    def _fail(self, problem: str) -> NoReturn:
        table = as_table(self.workflow.run)
        name = f"Task {self.attempt.reference_task_name!r} of {self.workflow.run.workflow_name}"
        raise AssertionError(f"{name} {problem}\n\n{table}") from failure_of(self.attempt.task_id)


def _check_status(status: str, kind: type[WorkflowExecutionStatus | TaskStatus]) -> None:
    known = [str(one) for one in kind]
    if status not in known:
        raise ValueError(f"there is no status {status!r}; it must be one of {', '.join(known)}")


def _mismatch(actual: Mapping[str, Any], expected: Mapping[str, Any] | None, items: Mapping[str, Any]) -> str:
    """Return what differs; an empty string if nothing does."""
    if expected is not None and items:
        raise TypeError("give either the whole dict or items by name, not both")
    if expected is not None:
        return difference(dict(expected), dict(actual)) if dict(expected) != dict(actual) else ""
    named = {name: actual[name] for name in items if name in actual}
    if named == dict(items):
        return ""
    keys = "" if named.keys() == items.keys() else f"\nits keys: {', '.join(map(str, actual)) or 'none'}"
    return difference(dict(items), named) + keys


def _cause(tasks: list[Task]) -> BaseException | None:
    """Return the exception of the last task that a worker in this process failed."""
    known = [failure_of(task.task_id) for task in reversed(tasks)]
    return next((error for error in known if error is not None), None)


def _plain_name(task: Task) -> str:
    name = task.reference_task_name or ""
    return name.rpartition("__")[0] if task.iteration else name


def _times(count: int) -> str:
    return {0: "not at all", 1: "once", 2: "twice"}.get(count, f"{count} times")
