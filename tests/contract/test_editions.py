"""A server that lacks an operation: the client says so, and never has it taken for another operation."""

from cases import each
from surface.declared import declared
from surface.documents import documents, in_scope
from surface.table import table
from surface.wire import Wire, said, send

from conductor.errors import APIError, UnsupportedByServerError

# Requests by which the client asks which server it is.
IDENTIFYING = {"GET /api/version", "GET /api/token/userInfo", "GET /api/admin/config"}

# Methods that know another way on the server that lacks the operation.
INSTEAD = {
    "GET /api/event/handler/{name}": "GET /api/event",
    "GET /api/scheduler/schedules/{name}/pause": "PUT /api/scheduler/schedules/{name}/pause",
    "PUT /api/scheduler/schedules/{name}/pause": "GET /api/scheduler/schedules/{name}/pause",
    "GET /api/scheduler/schedules/{name}/resume": "PUT /api/scheduler/schedules/{name}/resume",
    "PUT /api/scheduler/schedules/{name}/resume": "GET /api/scheduler/schedules/{name}/resume",
    "POST /api/workflow/bulk/delete": "DELETE /api/workflow/bulk/remove",
    "DELETE /api/workflow/bulk/remove": "POST /api/workflow/bulk/delete",
    "GET /api/tasks/queue/size": "GET /api/tasks/queue/sizes",
    "GET /api/health": "GET /health",
}

# Only read, and taken by Orkes for the reading of one thing, of which there is none of that name.
TAKEN_FOR = {
    "GET /api/metadata/workflow/latest-versions": "GET /api/metadata/workflow/{name}",
    "GET /api/metadata/workflow/names": "GET /api/metadata/workflow/{name}",
    "GET /api/metadata/workflow/names-and-versions": "GET /api/metadata/workflow/{name}",
    "GET /api/scheduler/schedules/search": "GET /api/scheduler/schedules/{name}",
    "GET /api/secrets/v2": "GET /api/secrets/{key}",
    "GET /api/tasks/search-v2": "GET /api/tasks/{taskId}",
    "GET /api/tasks/external-storage-location": "GET /api/tasks/{taskId}",
    "GET /api/tasks/externalstoragelocation": "GET /api/tasks/{taskId}",
    "GET /api/workflow/external-storage-location": "GET /api/workflow/{workflowId}",
    "GET /api/workflow/externalstoragelocation": "GET /api/workflow/{workflowId}",
    "GET /api/workflow/search-v2": "GET /api/workflow/{workflowId}",
    "GET /api/workflow/search-by-tasks": "GET /api/workflow/{workflowId}",
    "GET /api/workflow/search-by-tasks-v2": "GET /api/workflow/{workflowId}",
}
LACKED = [
    key
    for key, row in in_scope().items()
    if key in table()
    and key in declared()
    and row.editions != "BOTH"
    # the open-source server has it, undocumented
    and key != "GET /api/version"
]


@each("key", LACKED)
def test_an_operation_the_server_lacks_is_unsupported(key):
    (other,) = (document for document in documents().values() if not document.operation(key))
    taken_for = TAKEN_FOR.get(key)
    wire = Wire(other, {taken_for: said(404, {"message": "There is no such thing"})} if taken_for else {})
    error = None
    try:
        send(table()[key], wire)
    except APIError as raised:
        error = raised

    reached = {one.key for one in wire.asked} - {None, taken_for} - IDENTIFYING
    assert reached <= {INSTEAD.get(key)}
    assert isinstance(error, UnsupportedByServerError) or reached
    if isinstance(error, UnsupportedByServerError) and not reached:
        assert {"OSS": "Orkes Conductor", "ORKES": "the open-source server"}[other.name] in str(error)
