"""Operations that no document states: of servers with other settings, and of newer or older ones.

They are in ``client-surface`` as other SDKs and the server's source have them; without a document, only what is
sent where, and what failures become, can be looked at.
"""

from typing import Any

from conductor.transport.operation import Edition, Operation
from surface.calls import Call, Send, call
from surface.documents import Document

FILE = "/api/files/{workflowId}/{fileId}"
API = "/api/integrations/provider/{name}/integration/{integration_name}"

SENDS: dict[str, Send | Call] = {
    "PUT /api/metadata/workflow/{name}/rate-limit": lambda c: c.metadata.set_workflow_rate_limit(
        "order", {"rateLimitKey": "k", "concurrentExecLimit": 2}
    ),
    "GET /api/metadata/workflow/{name}/rate-limit": lambda c: c.metadata.get_workflow_rate_limit("order"),
    "DELETE /api/metadata/workflow/{name}/rate-limit": call(
        lambda c: c.metadata.delete_workflow_rate_limit("order"),
        answers={"GET /api/metadata/workflow/{name}/rate-limit": {"rateLimitKey": "k"}},  # it asks first
    ),
    "POST /api/workflow/{workflowId}/messages": lambda c: c.messages.send("w", {"a": 1}),
    "POST /api/files": lambda c: c.files.create({"workflowId": "w", "fileName": "f", "contentType": "text/plain"}),
    f"GET {FILE}": lambda c: c.files.get("w", "f"),
    f"GET {FILE}/upload-url": lambda c: c.files.get_upload_url("w", "f"),
    f"POST {FILE}/upload-complete": lambda c: c.files.confirm_upload("w", "f"),
    f"GET {FILE}/download-url": lambda c: c.files.get_download_url("w", "f"),
    "GET /api/files/content/{workflowId}/{fileId}": lambda c: c.files.download_content("w", "f"),
    "PUT /api/files/content/{workflowId}/{fileId}": lambda c: c.files.upload_content("w", "f", b"bytes"),
    f"POST {FILE}/multipart": lambda c: c.files.start_multipart("w", "f"),
    f"GET {FILE}/multipart/{{uploadId}}/part/{{partNumber}}": lambda c: c.files.get_part_upload_url("w", "f", "u", 1),
    f"POST {FILE}/multipart/{{uploadId}}/complete": lambda c: c.files.complete_multipart("w", "f", "u", ["e"]),
    f"DELETE {FILE}/multipart/{{uploadId}}": lambda c: c.files.abort_multipart("w", "f", "u"),
    "GET /api/roles": lambda c: c.roles.list(),
    "GET /api/roles/system": lambda c: c.roles.list_system(),
    "GET /api/roles/custom": lambda c: c.roles.list_custom(),
    "GET /api/roles/permissions": lambda c: c.roles.list_permissions(),
    "POST /api/roles": lambda c: c.roles.create("r", ["p"]),
    "GET /api/roles/{name}": lambda c: c.roles.get("r"),
    "PUT /api/roles/{name}": lambda c: c.roles.update("r", ["p"]),
    "DELETE /api/roles/{name}": lambda c: c.roles.delete("r"),
    "GET /api/gateway/config/auth": lambda c: c.gateway.list_auth_configs(),
    "POST /api/gateway/config/auth": lambda c: c.gateway.create_auth_config({"id": "a"}),
    "GET /api/gateway/config/auth/{id}": lambda c: c.gateway.get_auth_config("a"),
    "PUT /api/gateway/config/auth/{id}": lambda c: c.gateway.update_auth_config("a", {"id": "a"}),
    "DELETE /api/gateway/config/auth/{id}": lambda c: c.gateway.delete_auth_config("a"),
    "GET /api/integrations/provider/{name}/metrics": lambda c: c.integrations.get_provider_token_usage("ai"),
    f"GET {API}/metrics": lambda c: c.integrations.get_token_usage("ai", "m"),
}
CALLS = {key: one if isinstance(one, Call) else Call(one) for key, one in SENDS.items()}


def _document(*more: str) -> Document:
    paths: dict[str, dict[str, dict[str, object]]] = {}
    for key in (*CALLS, *more):
        verb, path = key.split(" ")
        paths.setdefault(path, {})[verb.lower()] = {"responses": {}}
    return Document("BEYOND", {"paths": paths, "components": {"schemas": {}}})


# Servers that have nothing but these, and answer nothing: one of each edition, told by who asks.
_ORKES, _OSS = _document("GET /api/token/userInfo"), _document()


def server_of(operation: Operation[Any]) -> Document:
    """A server of the edition that has an operation."""
    return _OSS if operation.edition is Edition.OSS else _ORKES
