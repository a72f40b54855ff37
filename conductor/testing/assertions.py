"""`assert_workflow(run).completed().task("charge").retried(2)`: checks that show the whole execution when they fail."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from attrs import frozen
from typing_extensions import Self

from conductor.models.execution import Workflow
from conductor.models.task import Task
from conductor.testing.reports import as_table, difference, failure_of

__all__ = ["TaskAssertion", "WorkflowAssertion", "assert_workflow"]


def assert_workflow(run: Workflow) -> WorkflowAssertion:
    """Begin checks of an execution, as `run_workflow` or `client.workflows.get` returned it."""
    return WorkflowAssertion(run)


@frozen
class WorkflowAssertion:
    """Checks of an execution; each returns what the next can follow, or raises AssertionError."""

    run: Workflow

    def completed(self) -> Self:
        """It ended as COMPLETED."""
        return self.has_status("COMPLETED")

    def failed(self, reason: str | None = None) -> Self:
        """It ended as FAILED, and its reason contains the text."""
        return self.has_status("FAILED", reason)

    def timed_out(self, reason: str | None = None) -> Self:
        """It ended as TIMED_OUT, and its reason contains the text."""
        return self.has_status("TIMED_OUT", reason)

    def terminated(self, reason: str | None = None) -> Self:
        """It ended as TERMINATED, and its reason contains the text."""
        return self.has_status("TERMINATED", reason)

    def running(self) -> Self:
        """It is RUNNING."""
        return self.has_status("RUNNING")

    def has_status(self, status: str, reason: str | None = None) -> Self:
        """It has this status, and its reason contains the text."""
        if str(self.run.status) != status:
            self._fail(f"is {self.run.status}, not {status}")
        if reason is not None and reason not in (self.run.reason_for_incompletion or ""):
            self._fail(f"has the reason {self.run.reason_for_incompletion!r}, which does not contain {reason!r}")
        return self

    def has_output(self, expected: Mapping[str, Any] | None = None, /, **items: Any) -> Self:
        """Its output is exactly the map; or holds at least the items, where they are given by name."""
        return self._compare("output", self.run.output, expected, items)

    def has_variables(self, expected: Mapping[str, Any] | None = None, /, **items: Any) -> Self:
        """Its variables are exactly the map; or hold at least the items, where they are given by name."""
        return self._compare("variables", self.run.variables, expected, items)

    def ran(self, *reference_names: str) -> Self:
        """These tasks were scheduled, for the first time in this order; others may lie between."""
        order = list(dict.fromkeys(_plain_name(task) for task in self._in_order()))
        if [name for name in order if name in reference_names] != list(reference_names):
            self._fail(f"ran {', '.join(order) or 'nothing'}; expected, in this order: {', '.join(reference_names)}")
        return self

    def did_not_run(self, *reference_names: str) -> Self:
        """None of these tasks was ever scheduled."""
        found = sorted({_plain_name(task) for task in self.run.tasks} & set(reference_names))
        if found:
            self._fail(f"ran {', '.join(found)}")
        return self

    def task(self, reference_name: str) -> TaskAssertion:
        """Go on with a task, by its newest attempt; with one in a loop by `name` (the last round) or `name__2`."""
        found = self.run.task(reference_name)
        if found is None:
            self._fail(f"has no task {reference_name!r}")
        return TaskAssertion(self, found)

    def _in_order(self) -> list[Task]:
        return sorted(self.run.tasks, key=lambda task: task.seq)

    def _compare(
        self, what: str, actual: Mapping[str, Any], expected: Mapping[str, Any] | None, items: Mapping[str, Any]
    ) -> Self:
        if problem := _mismatch(actual, expected, items):
            self._fail(f"has another {what}:\n{problem}")
        return self

    def _fail(self, problem: str) -> NoReturn:
        name = f"Workflow {self.run.workflow_name} {self.run.workflow_id}"
        raise AssertionError(f"{name} {problem}\n\n{as_table(self.run)}") from _cause(self._in_order())


@frozen
class TaskAssertion:
    """Checks of a task; `task` goes on with another one, `workflow` with the execution."""

    workflow: WorkflowAssertion
    attempt: Task

    def completed(self) -> Self:
        """It ended as COMPLETED."""
        return self.has_status("COMPLETED")

    def failed(self, reason: str | None = None) -> Self:
        """It ended as FAILED, and its reason contains the text."""
        return self.has_status("FAILED", reason)

    def has_status(self, status: str, reason: str | None = None) -> Self:
        """Its newest attempt has this status, and its reason contains the text."""
        if str(self.attempt.status) != status:
            self._fail(f"is {self.attempt.status}, not {status}")
        found = self.attempt.reason_for_incompletion
        if reason is not None and reason not in (found or ""):
            self._fail(f"has the reason {found!r}, which does not contain {reason!r}")
        return self

    def retried(self, times: int) -> Self:
        """It was tried again so many times: 0 for a task that was tried once."""
        if self.attempt.retry_count != times:
            self._fail(f"was retried {_times(self.attempt.retry_count)}, not {_times(times)}")
        return self

    def has_input(self, expected: Mapping[str, Any] | None = None, /, **items: Any) -> Self:
        """Its input is exactly the map; or holds at least the items, where they are given by name."""
        return self._compare("input", self.attempt.input_data, expected, items)

    def has_output(self, expected: Mapping[str, Any] | None = None, /, **items: Any) -> Self:
        """Its output is exactly the map; or holds at least the items, where they are given by name."""
        return self._compare("output", self.attempt.output_data, expected, items)

    def task(self, reference_name: str) -> TaskAssertion:
        """Go on with another task."""
        return self.workflow.task(reference_name)

    def _compare(
        self, what: str, actual: Mapping[str, Any], expected: Mapping[str, Any] | None, items: Mapping[str, Any]
    ) -> Self:
        if problem := _mismatch(actual, expected, items):
            self._fail(f"has another {what}:\n{problem}")
        return self

    def _fail(self, problem: str) -> NoReturn:
        table = as_table(self.workflow.run)
        name = f"Task {self.attempt.reference_task_name!r} of {self.workflow.run.workflow_name}"
        raise AssertionError(f"{name} {problem}\n\n{table}") from failure_of(self.attempt.task_id)


def _mismatch(actual: Mapping[str, Any], expected: Mapping[str, Any] | None, items: Mapping[str, Any]) -> str:
    """Return what differs; empty when nothing does."""
    if expected is not None and items:
        raise TypeError("give the whole map, or items by name, not both")
    if expected is not None:
        return difference(dict(expected), dict(actual)) if dict(expected) != dict(actual) else ""
    named = {name: actual[name] for name in items if name in actual}
    return difference(dict(items), named) if named != dict(items) else ""


def _cause(tasks: list[Task]) -> BaseException | None:
    """Return the newest exception of a worker in this process that ended one of the tasks."""
    known = [failure_of(task.task_id) for task in reversed(tasks)]
    return next((error for error in known if error is not None), None)


def _plain_name(task: Task) -> str:
    name = task.reference_task_name or ""
    return name.rpartition("__")[0] if task.iteration else name


def _times(count: int) -> str:
    return {0: "not at all", 1: "once", 2: "twice"}.get(count, f"{count} times")
