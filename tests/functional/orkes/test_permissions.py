"""Which operations are refused without the permission, and what gives it."""

import pytest
import requests

from conductor import ConductorClient
from conductor.errors import APIStatusError, PermissionDeniedError
from conductor.models import SubjectRef, Tag, TargetRef, TaskDef
from conductor.server import start
from conductor.server.orkes.guard import Guard

FLOW = {
    "name": "pay",
    "version": 1,
    "tasks": [{"name": "charge", "taskReferenceName": "charge", "type": "SIMPLE"}],
}


def status_of(function, *arguments, **options):
    try:
        function(*arguments, **options)
    except APIStatusError as error:
        return error.status
    return 200


def grant(access, application_id, kind, name, *words):
    access.admin.permissions.grant(SubjectRef(f"app:{application_id}", "USER"), TargetRef(name, kind), list(words))


@pytest.fixture
def flow(access):
    access.admin.metadata.register_workflow(FLOW)
    access.admin.metadata.register_task(TaskDef("charge"))
    return access


def test_operations_without_permission_have_orkes_error(flow):
    _, client = flow.application("stranger")
    running = flow.admin.workflows.start("pay")
    (task,) = flow.admin.workflows.get(running).tasks
    flow.admin.secrets.save("KEY", "s3cret")
    token = requests.post(f"{flow.server.url}/token", json=_key(client), timeout=30).json()["token"]
    result = {"workflowInstanceId": running, "taskId": task.task_id, "status": "COMPLETED"}
    user = {"name": "X", "roles": []}
    rows = [
        ("GET", "/tasks/poll/charge", None, "execute task: charge"),
        ("GET", "/tasks/poll/batch/charge?count=1&timeout=0", None, "execute task: charge"),
        ("POST", "/tasks", result, "execute task: charge"),
        ("POST", "/tasks/update-v2", result, "execute task: charge"),
        ("POST", f"/tasks/{running}/charge/COMPLETED", {}, "execute task: charge"),
        ("POST", f"/tasks/{running}/charge/COMPLETED/sync", {}, "execute task: charge"),
        ("POST", f"/tasks/{running}/COMPLETED/signal", {}, "execute workflow: pay"),
        ("POST", f"/tasks/{running}/COMPLETED/signal/sync", {}, "execute workflow: pay"),
        ("GET", f"/tasks/{task.task_id}", None, "execute task: charge"),
        ("POST", f"/tasks/{task.task_id}/log", "line", "execute task: charge"),
        ("POST", "/workflow", {"name": "pay"}, "execute workflow: pay"),
        ("POST", "/workflow/pay", {}, "execute workflow: pay"),
        ("POST", "/workflow/execute/pay/1", {}, "execute workflow: pay"),
        ("GET", f"/workflow/{running}", None, "read workflow: pay"),
        ("GET", f"/workflow/{running}/status", None, "read workflow: pay"),
        ("GET", f"/workflow/{running}/tasks", None, "read workflow: pay"),
        ("GET", "/workflow/running/pay", None, "read workflow: pay"),
        ("DELETE", f"/workflow/{running}", None, "execute workflow: pay"),
        ("PUT", f"/workflow/{running}/pause", None, "execute workflow: pay"),
        ("PUT", f"/workflow/{running}/resume", None, "execute workflow: pay"),
        ("POST", f"/workflow/{running}/retry", None, "execute workflow: pay"),
        ("POST", f"/workflow/{running}/restart", None, "execute workflow: pay"),
        ("POST", f"/workflow/{running}/rerun", {}, "execute workflow: pay"),
        ("PUT", f"/workflow/{running}/skiptask/charge", {}, "execute workflow: pay"),
        ("DELETE", f"/workflow/{running}/remove", None, "execute workflow: pay"),
        ("POST", "/workflow/bulk/terminate", [running], "execute workflow: pay"),
        ("PUT", "/workflow/bulk/pause", [running], "execute workflow: pay"),
        ("GET", "/metadata/workflow/pay", None, "read workflow: pay"),
        ("POST", "/metadata/workflow", FLOW, "update workflow: pay"),
        ("PUT", "/metadata/workflow", [{**FLOW, "name": "new"}], "create workflow: new"),
        ("DELETE", "/metadata/workflow/pay/1", None, "delete workflow: pay"),
        ("GET", "/metadata/taskdefs/charge", None, "read task: charge"),
        ("POST", "/metadata/taskdefs", [{"name": "new"}], "create task: new"),
        ("PUT", "/metadata/taskdefs", {"name": "charge"}, "update task: charge"),
        ("DELETE", "/metadata/taskdefs/charge", None, "delete task: charge"),
        ("PUT", "/metadata/workflow/pay/tags", [], "update workflow: pay"),
        ("GET", "/metadata/workflow/pay/tags", None, "read workflow: pay"),
        ("GET", "/secrets/KEY", None, "read secret: KEY"),
        ("PUT", "/secrets/KEY", "x", "update secret: KEY"),
        ("PUT", "/secrets/OTHER", "x", "create secret: OTHER"),
        ("DELETE", "/secrets/KEY", None, "delete secret: KEY"),
        ("PUT", "/environment/REGION", "x", "create environment variable: REGION"),
        ("POST", "/applications", {"name": "x"}, "create application: "),
        ("GET", "/users", None, "administer users, groups and roles"),
        ("PUT", "/users/x@y", user, "administer users, groups and roles"),
        ("GET", "/groups", None, "administer users, groups and roles"),
        ("POST", "/roles", {"name": "X", "permissions": ["READ_TASK_DEF"]}, "administer users, groups and roles"),
        (
            "POST",
            "/auth/authorization",
            {
                "subject": {"type": "USER", "id": "a"},
                "target": {"type": "WORKFLOW_DEF", "id": "pay"},
                "access": ["READ"],
            },
            "create workflow: pay",
        ),
    ]
    for method, path, body, words in rows:
        sent = {"data": body} if isinstance(body, str) else {"json": body}
        answer = requests.request(
            method, f"{flow.server.url}{path}", headers={"X-Authorization": token}, timeout=30, **sent
        )
        assert answer.status_code == 403, (method, path, answer.text)
        got = answer.json()
        assert got["message"] == f"You don't have permissions to {words}", (method, path)
        assert (got["status"], got["retryable"], "error" in got) == (403, False, False)
        assert got["instance"]
    assert flow.admin.workflows.get(running).status == "RUNNING"
    assert flow.admin.secrets.get("KEY") == "s3cret"
    assert not flow.admin.secrets.exists("OTHER")


def _key(client):
    settings = client.settings
    return {"keyId": settings.auth_key, "keySecret": settings.auth_secret}


def test_every_operation_that_changes_anything_checks_permissions(monkeypatch):
    unchecked = []
    wrap = Guard.__call__

    def spy(guard, route):
        unchecked.extend(
            f"{method} {route.path}"
            for method in route.methods
            if method != "GET" and not guard.covers(method, route.path)
        )
        return wrap(guard, route)

    monkeypatch.setattr(Guard, "__call__", spy)
    with start(edition="orkes"):
        assert unchecked == []


def test_further_operations_are_refused_without_permission(access):
    _, client = access.application("stranger")
    token = requests.post(f"{access.server.url}/token", json=_key(client), timeout=30).json()["token"]
    one = [{"name": "x"}]
    for method, path, body in (
        ("POST", "/integrations/", one), ("POST", "/integrations/provider/x", {}), ("POST", "/prompts/", one),
        ("POST", "/prompts/x?description=d", "text"), ("POST", "/integrations/llm/x/token", {}),
        ("POST", "/prompts/test", {"llmProvider": "x"}), ("POST", "/registry/service", {"name": "x"}),
        ("DELETE", "/registry/service/x", None), ("PUT", "/scheduler/bulk/pause", ["x"]), ("POST", "/event", one),
        ("DELETE", "/event/x", None), ("GET", "/scheduler/admin/pause", None),
        ("POST", "/human/template", {"name": "x"}),
        ("POST", "/metadata/webhook", {"name": "x"}), ("DELETE", "/metadata/webhook/x", None),
        ("POST", "/scheduler/schedules", {"name": "x"}), ("PUT", "/event/queue/config/kafka/x", {}),
        ("GET", "/auth/authorization/WORKFLOW_DEF/x", None), ("DELETE", "/applications/x", None),
    ):  # fmt: skip
        sent = {"data": body} if isinstance(body, str) else {"json": body}
        answer = requests.request(
            method, f"{access.server.url}{path}", headers={"X-Authorization": token}, timeout=30, **sent
        )
        assert answer.status_code == 403, (method, path, answer.text)


def test_lists_and_searches_show_only_what_the_caller_may_read(flow):
    application_id, client = flow.application("reader")
    flow.admin.workflows.start("pay")
    flow.admin.metadata.register_workflow({**FLOW, "name": "other"})
    flow.admin.workflows.start("other")
    flow.admin.secrets.save("KEY", "s3cret")
    assert client.metadata.list_workflows() == []
    assert client.workflows.search().total_hits == 0
    assert client.secrets.list_grantable() == []
    assert client.secrets.list_with_tags() == []
    grant(flow, application_id, "WORKFLOW_DEF", "pay", "READ")
    assert [one.name for one in client.metadata.list_workflows()] == ["pay"]
    assert [one.workflow_type for one in client.workflows.search().results] == ["pay"]
    assert client.secrets.list_names() == flow.admin.secrets.list_grantable() == ["KEY"]


def test_grants_on_objects_groups_and_tags_give_access_at_once(flow):
    application_id, client = flow.application("worker", "WORKER")
    assert status_of(client.tasks.poll, "charge") == 403
    grant(flow, application_id, "TASK_DEF", "charge", "EXECUTE")
    assert client.tasks.poll("charge") is None
    assert status_of(client.tasks.poll, "charge", domain="europe") == 403
    grant(flow, application_id, "DOMAIN", "europe", "EXECUTE")
    assert client.tasks.poll("charge", domain="europe") is None
    assert status_of(client.workflows.start, "pay") == 403
    flow.admin.tags.set_workflow_tags("pay", [{"key": "org", "value": "finance"}])
    grant(flow, application_id, "TAG", "org:finance", "EXECUTE", "READ")
    running = client.workflows.start("pay")
    assert client.workflows.get(running).workflow_name == "pay"
    flow.admin.tags.delete_workflow_tag("pay", Tag(key="org", value="finance"))
    assert status_of(client.workflows.get, running) == 403
    flow.admin.groups.save("finance", "Finance")
    flow.admin.groups.add_user("finance", f"app:{application_id}")
    flow.admin.permissions.grant(SubjectRef("finance", "GROUP"), TargetRef("pay", "WORKFLOW_DEF"), ["READ"])
    assert client.workflows.get(running).status == "RUNNING"
    task = client.tasks.poll("charge")
    client.tasks.update(workflow_id=running, task_id=task.task_id, status="COMPLETED")
    assert flow.admin.workflows.get(running).status == "COMPLETED"


def test_users_change_only_what_they_have_created(access):
    (_, one), (_, other) = (access.application(name, "USER") for name in ("one", "other"))
    for save, remove in (
        (lambda c: c.prompts.save("p", "Say ${x}", description="d"), lambda c: c.prompts.delete("p")),
        (lambda c: c.services.save({"name": "s", "type": "HTTP", "serviceURI": "u"}), lambda c: c.services.delete("s")),
        (lambda c: c.secrets.save("KEY", "x"), lambda c: c.secrets.delete("KEY")),
        (
            lambda c: c.integrations.save_provider(
                "i", {"category": "AI_MODEL", "type": "openai", "configuration": {}}
            ),
            lambda c: c.integrations.delete_provider("i"),
        ),
    ):
        save(one)
        assert (status_of(save, other), status_of(remove, other)) == (403, 403)
        save(one)
        remove(one)
        save(other)
        assert status_of(save, one) == 403


def test_roles_give_access_without_grants(flow):
    running = flow.admin.workflows.start("pay")
    new = {**FLOW, "name": "new"}
    rows = {
        "UNRESTRICTED_WORKER": {"poll"},
        "WORKFLOW_MANAGER": {"poll", "start", "read", "pause", "read_definition"},
        "METADATA_MANAGER": {"read", "read_definition", "create", "change", "variable"},
        "METADATA_API": {"read", "read_definition", "create"},
        "USER_READ_ONLY": {"read", "read_definition"},
        "APPLICATION_CREATOR": {"application"},
        "USER": {"create", "application"},
        "WORKER": set(),
        "ADMIN": {
            "poll", "start", "read", "pause", "read_definition", "create", "change", "variable", "application", "users",
        },
    }  # fmt: skip
    for role, expected in rows.items():
        _, client = flow.application(role, role)
        found = {
            "poll": status_of(client.tasks.poll, "charge"),
            "start": status_of(client.workflows.start, "pay"),
            "read": status_of(client.workflows.get, running),
            "pause": status_of(client.workflows.pause, running),
            "read_definition": status_of(client.metadata.get_workflow, "pay"),
            "create": status_of(client.metadata.register_workflow, new),
            "change": status_of(client.metadata.register_task, TaskDef("charge")),
            "variable": status_of(client.environment.save, "REGION", "eu"),
            "application": status_of(client.applications.create, "mine"),
            "users": status_of(client.users.list),
        }
        assert {name for name, status in found.items() if status == 200} == expected, role
        assert set(found.values()) <= {200, 403}, (role, found)
        if "create" in expected:
            flow.admin.metadata.unregister_workflow("new", 1)


def test_creator_and_its_groups_have_access_to_what_it_creates(flow):
    flow.admin.groups.save("team", "Team", default_access={"WORKFLOW_DEF": ["READ", "EXECUTE"]})
    author_id, author = flow.application("author", "METADATA_API")
    _, other = flow.application("other", "METADATA_API")
    member_id, member = flow.application("member")
    flow.admin.groups.add_users("team", [f"app:{author_id}", f"app:{member_id}"])
    author.metadata.register_workflow({**FLOW, "name": "mine"})
    assert author.workflows.start("mine")
    author.metadata.register_workflow({**FLOW, "name": "mine", "description": "changed"}, overwrite=True)
    assert member.workflows.start("mine")
    assert status_of(member.metadata.unregister_workflow, "mine", 1) == 403
    assert status_of(other.workflows.start, "mine") == 403
    assert status_of(other.metadata.register_workflow, {**FLOW, "name": "mine"}) == 403
    author.metadata.unregister_workflow("mine", 1)
    assert flow.admin.users.list_permissions(f"app:{author_id}") == []
    creator_id, creator = flow.application("creator", "APPLICATION_CREATOR")
    made = creator.applications.create("made")
    assert creator.applications.create_access_key(made.id).secret
    assert status_of(creator.applications.add_role, made.id, "ADMIN") == 403
    creator.applications.add_role(made.id, "WORKER")
    creator.applications.delete(made.id)
    assert flow.admin.users.list_permissions(f"app:{creator_id}") == []


def test_permissions_that_are_not_enforced_refuse_nothing():
    keys = {"admin-key": "admin-secret"}
    with (
        start(edition="orkes", keys=keys, enforce_permissions=False) as server,
        ConductorClient(server_url=server.url, auth_key="admin-key", auth_secret="admin-secret") as admin,
    ):
        key = admin.applications.create_access_key(admin.applications.create("any").id)
        with ConductorClient(server_url=server.url, auth_key=key.id, auth_secret=key.secret) as client:
            client.metadata.register_workflow(FLOW)
            assert client.workflows.start("pay")
            assert client.users.list() == []
            assert client.tasks.poll("charge").status == "IN_PROGRESS"


def test_error_of_the_client_names_what_is_missing(flow):
    _, client = flow.application("stranger")
    with pytest.raises(PermissionDeniedError) as caught:
        client.tasks.poll("charge")
    assert "You don't have permissions to execute task: charge" in str(caught.value)
