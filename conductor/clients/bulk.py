"""Operations on many executions at once. A failure for one id does not affect the others."""

from __future__ import annotations

from collections.abc import Sequence

from conductor.clients._base import Resource, require_ids
from conductor.errors import UnsupportedByServerError
from conductor.models import BulkResponse, WorkflowRecord
from conductor.models._base import structure
from conductor.transport.operation import Edition, Operation, Repeat

__all__ = ["WorkflowBulkClient"]


PAUSE: Operation[BulkResponse] = Operation("PUT", "/workflow/bulk/pause", BulkResponse)
RESUME: Operation[BulkResponse] = Operation("PUT", "/workflow/bulk/resume", BulkResponse, Repeat.NEVER)
RESTART: Operation[BulkResponse] = Operation("POST", "/workflow/bulk/restart", BulkResponse, Repeat.NEVER)
RETRY: Operation[BulkResponse] = Operation("POST", "/workflow/bulk/retry", BulkResponse, Repeat.NEVER)
TERMINATE: Operation[BulkResponse] = Operation(
    "POST", "/workflow/bulk/terminate", BulkResponse, orkes_query=("triggerFailureWorkflow",)
)
REMOVE: Operation[BulkResponse] = Operation("DELETE", "/workflow/bulk/remove", BulkResponse, Repeat.NEVER, Edition.OSS)
DELETE: Operation[BulkResponse] = Operation("POST", "/workflow/bulk/delete", BulkResponse, Repeat.NEVER, Edition.ORKES)
TERMINATE_AND_DELETE: Operation[BulkResponse] = Operation(
    "DELETE", "/workflow/bulk/terminate-remove", BulkResponse, Repeat.NEVER, Edition.OSS
)
GET: Operation[BulkResponse] = Operation("POST", "/workflow/bulk/search", BulkResponse, edition=Edition.OSS)


class WorkflowBulkClient(Resource):
    """Operations on 1 to 1,000 executions (``client.bulk``).

    Every method returns a ``BulkResponse`` with the outcome for each id, and raises ``ConfigurationError`` if there are
    no ids, or more than 1,000.
    """

    def pause(self, workflow_ids: Sequence[str]) -> BulkResponse:
        """Pause executions (``PUT /workflow/bulk/pause``).

        Args:
            workflow_ids: The ids of the executions.

        Returns:
            The ids that succeeded, and the errors of the others.
        """
        return self._call(PAUSE, body=require_ids(workflow_ids))

    def resume(self, workflow_ids: Sequence[str]) -> BulkResponse:
        """Resume paused executions (``PUT /workflow/bulk/resume``).

        Args:
            workflow_ids: The ids of the executions.

        Returns:
            The ids that succeeded, and the errors of the others.
        """
        return self._call(RESUME, body=require_ids(workflow_ids))

    def restart(self, workflow_ids: Sequence[str], *, use_latest_definitions: bool = False) -> BulkResponse:
        """Restart ended executions from their first task (``POST /workflow/bulk/restart``).

        Args:
            workflow_ids: The ids of the executions.
            use_latest_definitions: Whether to use the latest version of the definition.

        Returns:
            The ids that succeeded, and the errors of the others.
        """
        query = {"useLatestDefinitions": use_latest_definitions}
        return self._call(RESTART, query=query, body=require_ids(workflow_ids))

    def retry(self, workflow_ids: Sequence[str]) -> BulkResponse:
        """Retry the failed tasks of executions (``POST /workflow/bulk/retry``).

        Args:
            workflow_ids: The ids of the executions.

        Returns:
            The ids that succeeded, and the errors of the others.
        """
        return self._call(RETRY, body=require_ids(workflow_ids))

    def terminate(
        self,
        workflow_ids: Sequence[str],
        reason: str | None = None,
        *,
        trigger_failure_workflow: bool | None = None,
    ) -> BulkResponse:
        """Terminate executions (``POST /workflow/bulk/terminate``).

        Args:
            workflow_ids: The ids of the executions.
            reason: Stored as ``reason_for_incompletion``.
            trigger_failure_workflow: Whether to start the failure workflow (Orkes).

        Returns:
            The ids that succeeded, and the errors of the others.
        """
        query = {"reason": reason, "triggerFailureWorkflow": trigger_failure_workflow}
        return self._call(TERMINATE, query=query, body=require_ids(workflow_ids))

    def delete(self, workflow_ids: Sequence[str], *, archive: bool = True) -> BulkResponse:
        """Delete executions.

        ``POST /workflow/bulk/delete`` on Orkes; ``DELETE /workflow/bulk/remove`` on the open-source server. The
        ``POST`` is tried first, because Orkes would treat the ``DELETE`` as a request to delete the execution with the
        id ``bulk``.

        Args:
            workflow_ids: The ids of the executions.
            archive: Whether to keep the entries of ended executions in the search index (open-source server).

        Returns:
            The ids that succeeded, and the errors of the others.
        """
        ids = require_ids(workflow_ids)
        try:
            return self._call(DELETE, body=ids)
        except UnsupportedByServerError:
            return self._call(REMOVE, query={"archiveWorkflow": archive}, body=ids)

    def terminate_and_delete(
        self, workflow_ids: Sequence[str], reason: str | None = None, *, archive: bool = True
    ) -> BulkResponse:
        """Terminate and delete executions (``DELETE /workflow/bulk/terminate-remove``, open-source server).

        Args:
            workflow_ids: The ids of the executions.
            reason: Why they are terminated.
            archive: Whether to keep the entries in the search index.

        Returns:
            The ids that succeeded, and the errors of the others.
        """
        query = {"archiveWorkflow": archive, "reason": reason}
        response = self._call(TERMINATE_AND_DELETE, query=query, body=require_ids(workflow_ids))
        response.bulk_successful_results = list(
            dict.fromkeys(response.bulk_successful_results)
        )  # the server returns each id twice
        return response

    def get(self, workflow_ids: Sequence[str], *, include_tasks: bool = True) -> BulkResponse:
        """Return several executions (``POST /workflow/bulk/search``, open-source server).

        Args:
            workflow_ids: The ids of the executions.
            include_tasks: Whether to include the tasks.

        Returns:
            ``bulk_successful_results`` holds ``WorkflowRecord`` models.
        """
        query = {"includeTasks": include_tasks}
        response = self._call(GET, query=query, body=require_ids(workflow_ids))
        response.bulk_successful_results = [
            structure(record, WorkflowRecord) for record in response.bulk_successful_results
        ]
        return response
