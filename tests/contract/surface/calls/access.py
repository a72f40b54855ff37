"""Who may do what: applications, users, groups, roles, permissions, tokens."""

from conductor.models import SubjectRef, TargetRef
from surface.calls import Call, Send

TAGS = {"team": "payments"}
SUBJECT = SubjectRef(type="GROUP", id="g")
TARGET = TargetRef(type="WORKFLOW_DEF", id="order")

CALLS: dict[str, Send | Call] = {
    "GET /api/applications": lambda c: c.applications.list(),
    "POST /api/applications": lambda c: c.applications.create("app"),
    "GET /api/applications/{id}": lambda c: c.applications.get("a"),
    "PUT /api/applications/{id}": lambda c: c.applications.update("a", "app"),
    "DELETE /api/applications/{id}": lambda c: c.applications.delete("a"),
    "GET /api/applications/key/{accessKeyId}": lambda c: c.applications.get_by_access_key("k"),
    "POST /api/applications/{id}/accessKeys": lambda c: c.applications.create_access_key("a"),
    "GET /api/applications/{id}/accessKeys": lambda c: c.applications.list_access_keys("a"),
    "POST /api/applications/{applicationId}/accessKeys/{keyId}/status": lambda c: c.applications.toggle_access_key(
        "a", "k"
    ),
    "DELETE /api/applications/{applicationId}/accessKeys/{keyId}": lambda c: c.applications.delete_access_key("a", "k"),
    "POST /api/applications/{applicationId}/roles/{role}": lambda c: c.applications.add_role("a", "WORKER"),
    "DELETE /api/applications/{applicationId}/roles/{role}": lambda c: c.applications.remove_role("a", "WORKER"),
    "GET /api/applications/{id}/tags": lambda c: c.applications.list_tags("a"),
    "PUT /api/applications/{id}/tags": lambda c: c.applications.set_tags("a", TAGS),
    "DELETE /api/applications/{id}/tags": lambda c: c.applications.delete_tags("a", TAGS),
    # users
    "GET /api/users": lambda c: c.users.list(apps=True),
    "GET /api/users/{id}": lambda c: c.users.get("u@x"),
    "PUT /api/users/{id}": lambda c: c.users.save("u@x", "U", roles=["ADMIN"], groups=["g"]),
    "DELETE /api/users/{id}": lambda c: c.users.delete("u@x"),
    "GET /api/users/{userId}/permissions": lambda c: c.users.list_permissions("u@x"),
    "GET /api/users/{userId}/checkPermissions": lambda c: c.users.check_permissions("u@x", "WORKFLOW_DEF", "order"),
    # groups
    "GET /api/groups": lambda c: c.groups.list(),
    "GET /api/groups/{id}": lambda c: c.groups.get("g"),
    "PUT /api/groups/{id}": lambda c: c.groups.save(
        "g", "G", roles=["USER"], default_access={"WORKFLOW_DEF": ["READ"]}
    ),
    "DELETE /api/groups/{id}": lambda c: c.groups.delete("g"),
    "GET /api/groups/{id}/users": lambda c: c.groups.list_users("g"),
    "POST /api/groups/{groupId}/users/{userId}": lambda c: c.groups.add_user("g", "u@x"),
    "POST /api/groups/{groupId}/users": lambda c: c.groups.add_users("g", ["u@x"]),
    "DELETE /api/groups/{groupId}/users/{userId}": lambda c: c.groups.remove_user("g", "u@x"),
    "DELETE /api/groups/{groupId}/users": lambda c: c.groups.remove_users("g", ["u@x"]),
    "GET /api/groups/{groupId}/permissions": lambda c: c.groups.list_permissions("g"),
    # permissions
    "POST /api/auth/authorization": lambda c: c.permissions.grant(SUBJECT, TARGET, ["READ", "EXECUTE"]),
    "DELETE /api/auth/authorization": lambda c: c.permissions.remove(SUBJECT, TARGET, ["READ"]),
    "GET /api/auth/authorization/{type}/{id}": lambda c: c.permissions.list("WORKFLOW_DEF", "order"),
    # tokens
    "POST /api/token": lambda c: c.tokens.create("key", "secret", expiration=60),
    "GET /api/token/userInfo": lambda c: c.tokens.get_user_info(claims=True),
}
