"""Many executions at once: 1 to 1,000 ids a call; what fails for one id does not stop the others."""

from __future__ import annotations

from collections.abc import Sequence

from conductor.clients._base import Resource
from conductor.clients.bodies import require_ids
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
    """Many executions at once (``client.bulk``); each answer says what became of each id."""

    def pause(self, workflow_ids: Sequence[str]) -> BulkResponse:
        """Pause (``PUT /workflow/bulk/pause``)."""
        return self._call(PAUSE, body=require_ids(workflow_ids))

    def resume(self, workflow_ids: Sequence[str]) -> BulkResponse:
        """Resume (``PUT /workflow/bulk/resume``)."""
        return self._call(RESUME, body=require_ids(workflow_ids))

    def restart(self, workflow_ids: Sequence[str], *, use_latest_definitions: bool = False) -> BulkResponse:
        """Restart (``POST /workflow/bulk/restart``)."""
        query = {"useLatestDefinitions": use_latest_definitions}
        return self._call(RESTART, query=query, body=require_ids(workflow_ids))

    def retry(self, workflow_ids: Sequence[str]) -> BulkResponse:
        """Retry (``POST /workflow/bulk/retry``)."""
        return self._call(RETRY, body=require_ids(workflow_ids))

    def terminate(
        self,
        workflow_ids: Sequence[str],
        reason: str | None = None,
        *,
        trigger_failure_workflow: bool | None = None,
    ) -> BulkResponse:
        """Terminate (``POST /workflow/bulk/terminate``); ``trigger_failure_workflow`` is Orkes only."""
        query = {"reason": reason, "triggerFailureWorkflow": trigger_failure_workflow}
        return self._call(TERMINATE, query=query, body=require_ids(workflow_ids))

    def delete(self, workflow_ids: Sequence[str], *, archive: bool = True) -> BulkResponse:
        """Delete (Orkes: ``POST /workflow/bulk/delete``; open-source server: ``DELETE /workflow/bulk/remove``).

        Orkes' operation is tried first: it is unknown to the open-source server, whereas Orkes would take the other one
        for the removal of a workflow with the id "bulk".

        Args:
            workflow_ids: The executions' ids.
            archive: Open-source server: keep their entries in the search index, possible for those that have ended.
        """
        ids = require_ids(workflow_ids)
        try:
            return self._call(DELETE, body=ids)
        except UnsupportedByServerError:
            return self._call(REMOVE, query={"archiveWorkflow": archive}, body=ids)

    def terminate_and_delete(
        self, workflow_ids: Sequence[str], reason: str | None = None, *, archive: bool = True
    ) -> BulkResponse:
        """Terminate and delete (``DELETE /workflow/bulk/terminate-remove``, open-source server)."""
        query = {"archiveWorkflow": archive, "reason": reason}
        response = self._call(TERMINATE_AND_DELETE, query=query, body=require_ids(workflow_ids))
        response.bulk_successful_results = list(dict.fromkeys(response.bulk_successful_results))  # each comes twice
        return response

    def get(self, workflow_ids: Sequence[str], *, include_tasks: bool = True) -> BulkResponse:
        """Several executions (``POST /workflow/bulk/search``, open-source server).

        ``bulk_successful_results`` holds ``WorkflowRecord`` models, which are ``Workflow`` models in the server's form.
        """
        query = {"includeTasks": include_tasks}
        response = self._call(GET, query=query, body=require_ids(workflow_ids))
        response.bulk_successful_results = [structure(one, WorkflowRecord) for one in response.bulk_successful_results]
        return response
