"""Retry, restart and rerun executions, together with the children that failed and the parents that wait for them."""

from __future__ import annotations

from typing import Any

from conductor.server.engine import recovery
from conductor.server.engine.context import RefusedError
from conductor.server.engine.state import Doc, Execution
from conductor.server.engine.tasks.child import follow
from conductor.server.runtime.kernel import Kernel
from conductor.server.services.executions import Starter

Json = dict[str, Any]


class Recovery:
    """Runs executions again after they have ended."""

    def __init__(self, kernel: Kernel, starter: Starter) -> None:
        self._kernel, self._starter = kernel, starter

    def retry(self, workflow_id: str, *, resume_children: bool) -> None:
        """Retry the failed tasks of an execution.

        Args:
            workflow_id: An execution that has ended.
            resume_children: Retry inside the child execution that failed first, instead of starting a new child.

        Raises:
            RefusedError: The execution cannot be retried (409), or does not exist (404).
        """
        with self._kernel.change() as context:
            execution = self._kernel.get(workflow_id)
            recovery.check_retry(execution)
            if resume_children:
                failed = recovery.failed_task(execution)
                if failed is None:
                    return
                execution = self._innermost(failed, execution)
            self._kernel.touch(execution)
            recovery.retry(execution, context)
            self._run_parents(execution, "retried")
            self._kernel.advance(execution)

    def _innermost(self, failed: Doc, execution: Execution) -> Execution:
        """Return the execution that failed first: this one, or a child at any depth."""
        child_id = recovery.child_id_of(failed)
        if child_id is not None:
            child = self._kernel.find(child_id)
            inner = recovery.failed_task(child) if child is not None else None
            if child is not None and inner is not None:
                return self._innermost(inner, child)
        if failed["taskType"] == "DO_WHILE":
            for task in execution.tasks:
                if task["taskType"] == "SUB_WORKFLOW" and recovery.is_unsuccessful(task):
                    return self._innermost(task, execution)
        return execution

    def restart(self, workflow_id: str, *, use_latest: bool) -> None:
        """Restart an execution from its first task, with the same id.

        Args:
            workflow_id: An execution that has ended.
            use_latest: Use the latest version of the definition, instead of the one that it was started with.

        Raises:
            RefusedError: The execution cannot be restarted (409), or does not exist (404).
        """
        with self._kernel.change() as context:
            execution = self._kernel.get(workflow_id)
            tree = execution.tree
            if use_latest and not execution.is_open:
                tree = self._starter.registered_tree(execution.workflow["workflowName"], None)
            self._kernel.touch(execution)
            recovery.restart(execution, tree, context)
            self._run_parents(execution, "restarted")
            self._kernel.advance(execution)

    def rerun(self, workflow_id: str, request: Json) -> str:
        """Rerun an execution from a task, which may be in a child execution, or from the start with another input.

        Args:
            workflow_id: An execution that has ended.
            request: A RerunWorkflowRequest.

        Returns:
            The execution's id.

        Raises:
            RefusedError: The execution has not ended (409), or the task does not exist (400).
        """
        with self._kernel.change():
            execution = self._kernel.get(workflow_id)
            recovery.check_rerun(execution)
            task_id = request.get("reRunFromTaskId")
            if not self._rerun(execution, task_id, request):
                raise RefusedError(400, f"Task {task_id} not found")
            return execution.id

    def _rerun(self, execution: Execution, task_id: str | None, request: Json) -> bool:
        context = self._kernel.context
        task = execution.task(task_id) if task_id is not None else None
        if task_id is not None and task is None:
            return self._rerun_in_child(execution, task_id, request)
        self._kernel.touch(execution)
        if task is None:
            recovery.rerun_all(execution, request, context)
        else:
            recovery.rerun_from(execution, task, request, context)
        self._run_parents(execution, "reran")
        self._kernel.advance(execution)
        return True

    def _rerun_in_child(self, execution: Execution, task_id: str, request: Json) -> bool:
        own = {**request, "workflowInput": None, "correlationId": None}
        for task in execution.tasks:
            child_id = recovery.child_id_of(task)
            child = self._kernel.find(child_id) if child_id is not None else None
            if child is None or child.is_open or not self._rerun(child, task_id, own):
                continue
            self._kernel.touch(execution)
            recovery.rerun_in_child(execution, task, request, self._kernel.context)
            self._kernel.advance(execution)
            return True
        return False

    def _run_parents(self, execution: Execution, operation: str) -> None:
        """Also run the parents of an execution again, with the tasks that were canceled with it."""
        label, child = "", execution
        while (link := self._parent_of(child)) is not None:
            parent, task = link
            definition = task.get("workflowTask")
            if definition is None or definition.get("optional") or task["retried"]:
                return
            context = self._kernel.context
            self._kernel.touch(parent)
            label = f"{child.label} -> {label}" if label else child.label
            parent.add_log(task, f"Sub workflow {label} {operation}.", context.now)
            recovery.run_with_child(parent, task, context)
            resumed = [other for one in parent.tasks if one is not task and (other := self._resumed_child(one))]
            self._kernel.advance(parent)
            for other in resumed:
                self._kernel.advance(other)
            child = parent

    def _parent_of(self, child: Execution) -> tuple[Execution, Doc] | None:
        parent_id, task_id = child.workflow.get("parentWorkflowId"), child.workflow.get("parentWorkflowTaskId")
        parent = self._kernel.find(parent_id) if parent_id else None
        task = parent.task(task_id) if parent is not None and task_id else None
        return None if parent is None or task is None else (parent, task)

    def _resumed_child(self, task: Doc) -> Execution | None:
        """Retry the child of a task that was canceled with its siblings; returns the child if it runs again."""
        child_id = recovery.child_id_of(task)
        if child_id is None or not recovery.is_unsuccessful(task) or task["retried"]:
            return None
        child = self._kernel.find(child_id)
        if child is None:
            return None
        if child.is_open:
            recovery.follow_open_child(task)
            return None
        if recovery.failed_task(child) is None:
            follow(task, child)
            return None
        self._kernel.touch(child)
        recovery.retry(child, self._kernel.context, require_tasks=False)
        recovery.follow_open_child(task)
        return child
