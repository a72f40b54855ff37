"""Responses to the examples of clients that the embedded server does not support: method, path, response.

They have the form of the OpenAPI documents, with which the contract tests compare the models.
"""

ID = "6f1c0a52-0000-4000-8000-000000000001"
FILE = "/files/6f1c0a52-0000-4000-8000-000000000001/f-1"
TEMPLATE = {
    "name": "example_loan_form",
    "version": 1,
    "jsonSchema": {"type": "object", "properties": {"approved": {"type": "boolean"}}},
    "templateUI": {"type": "VerticalLayout", "elements": []},
}
CLAIMED = {"taskId": "t-1", "displayName": "Approve the loan", "state": "IN_PROGRESS"}
MEMBERS = [{"id": "ada@example.com", "name": "Ada"}, {"id": "bob@example.com", "name": "Bob"}]

ANSWERS = {
    "files": [
        ("POST", "/workflow", ID),
        ("POST", "/files", {"fileHandleId": "conductor://file/f-1", "uploadStatus": "UPLOADING"}),
        ("PUT", FILE.replace("/files", "/files/content"), None),
        ("POST", f"{FILE}/upload-complete", {"fileHandleId": "conductor://file/f-1", "uploadStatus": "UPLOADED"}),
        ("GET", FILE.replace("/files", "/files/content"), b"%PDF-1.7 ..."),
    ],
    "admin": [
        ("POST", "/workflow", ID),
        ("GET", "/admin/task/example_nobody_polls", [{"taskId": "t-1", "status": "SCHEDULED"}]),
        ("POST", f"/admin/sweep/requeue/{ID}", f"true.{ID}"),
    ],
    "tags": [
        ("PUT", "/metadata/workflow/example_payment/tags", None),
        (
            "GET",
            "/metadata/workflow/example_payment/tags",
            [{"key": "team", "value": "payments"}, {"key": "tier", "value": "1"}],
        ),
    ],
    "schemas": [
        ("POST", "/schema", None),
        (
            "GET",
            "/schema/example_order",
            {"name": "example_order", "version": 1, "type": "JSON", "data": {"type": "object", "required": ["id"]}},
        ),
    ],
    "human_tasks": [
        (
            "POST",
            "/human/tasks/search",
            {"start": 0, "totalHits": 1, "results": [{"taskId": "t-1", "displayName": "Approve the loan"}]},
        ),
        ("POST", "/human/tasks/t-1/claim", CLAIMED),
        ("POST", "/human/tasks/t-1/update", None),
    ],
    "human_templates": [
        ("POST", "/human/template", TEMPLATE),
        ("GET", "/human/template/example_loan_form/1", TEMPLATE),
    ],
    "services": [
        ("POST", "/registry/service", None),
        (
            "GET",
            "/registry/service/example_stock/discover",
            [{"methodName": "/items/{id}", "methodType": "GET", "operationName": "getItem"}],
        ),
        (
            "GET",
            "/registry/service/example_stock/circuit-breaker/status",
            {"service": "example_stock", "currentState": "CLOSED"},
        ),
    ],
    "integrations": [
        ("POST", "/integrations/provider/example_openai", None),
        ("POST", "/integrations/provider/example_openai/integration/gpt-4o", None),
        (
            "GET",
            "/integrations/provider/example_openai/integration",
            [{"api": "gpt-4o", "integrationName": "example_openai", "enabled": True}],
        ),
    ],
    "prompts": [
        ("POST", "/prompts/example_summary", None),
        (
            "GET",
            "/prompts/example_summary",
            {"name": "example_summary", "template": "Summarise in one sentence: ${text}", "variables": ["text"]},
        ),
    ],
    "webhooks": [("POST", "/metadata/webhook", {"id": "wh-1", "name": "example_github", "verifier": "HMAC_BASED"})],
    "applications": [
        ("POST", "/applications", {"id": "app-1", "name": "example_shop"}),
        ("POST", "/applications/app-1/roles/WORKER", None),
        ("POST", "/applications/app-1/accessKeys", {"id": "key-1", "secret": "shown once"}),
        ("POST", "/applications/app-1/accessKeys/key-1/status", {"id": "key-1", "status": "INACTIVE"}),
    ],
    "users": [
        ("PUT", "/users/ada%40example.com", {"id": "ada@example.com", "name": "Ada"}),
        (
            "GET",
            "/users/ada%40example.com/permissions",
            {"grantedAccess": [{"target": {"type": "WORKFLOW_DEF", "id": "example_refund"}, "access": ["EXECUTE"]}]},
        ),
    ],
    "groups": [
        ("PUT", "/groups/example_support", {"id": "example_support"}),
        ("POST", "/groups/example_support/users", None),
        ("GET", "/groups/example_support/users", MEMBERS),
    ],
    "roles": [
        ("POST", "/roles", {"name": "example_reader", "permissions": [{"name": "METADATA_MANAGEMENT_READ"}]}),
        ("GET", "/roles/custom", [{"name": "example_reader"}]),
    ],
    "permissions": [
        ("POST", "/auth/authorization", None),
        (
            "GET",
            "/auth/authorization/WORKFLOW_DEF/example_refund",
            {
                "READ": [{"type": "GROUP", "id": "example_support"}],
                "EXECUTE": [{"type": "GROUP", "id": "example_support"}],
            },
        ),
    ],
    "gateway": [
        ("POST", "/gateway/config/auth", {"id": "example_keys"}),
        ("GET", "/gateway/config/auth", [{"id": "example_keys", "authenticationType": "API_KEY"}]),
    ],
    "tokens": [
        ("POST", "/token", {"token": "a.b.c"}),
        ("GET", "/token/userInfo", {"id": "ada@example.com", "name": "Ada"}),
    ],
}
