"""Applications, users, groups, roles and grants of the Orkes edition, through the clients."""

import pytest
import requests

from conductor.errors import APIStatusError, BadRequestError, NotFoundError
from conductor.models import SubjectRef, TargetRef


def status_of(function, *arguments, **options):
    try:
        function(*arguments, **options)
    except APIStatusError as error:
        return error.status
    return 200


def test_life_of_an_application(orkes):
    made = orkes.applications.create("billing")
    assert (made.name, made.created_by) == ("billing", "admin@localhost")
    assert [one.id for one in orkes.applications.list()] == [made.id]
    assert orkes.applications.update(made.id, "invoices").name == "invoices"
    assert orkes.applications.get(made.id).name == "invoices"
    assert orkes.applications.list_access_keys(made.id) == []
    key = orkes.applications.create_access_key(made.id)
    assert key.secret
    assert orkes.applications.get_by_access_key(key.id).id == made.id
    (listed,) = orkes.applications.list_access_keys(made.id)
    assert (listed.id, listed.status) == (key.id, "ACTIVE")
    orkes.applications.add_role(made.id, "WORKER")
    user = orkes.users.get(f"app:{made.id}")
    assert ([role.name for role in user.roles], user.application_user) == (["WORKER"], True)
    orkes.applications.remove_role(made.id, "WORKER")
    orkes.applications.remove_role(made.id, "ADMIN")  # not held
    assert orkes.users.get(f"app:{made.id}").roles == []
    assert orkes.users.list() == []
    assert [one.id for one in orkes.users.list(apps=True)] == [f"app:{made.id}"]
    orkes.applications.delete_access_key(made.id, key.id)
    orkes.applications.delete(made.id)
    assert orkes.applications.list() == []


def test_unknown_applications_and_keys_are_not_found(orkes):
    made = orkes.applications.create("billing")
    applications = orkes.applications
    for function, arguments in (
        (applications.get, ["x"]), (applications.update, ["x", "n"]), (applications.delete, ["x"]),
        (applications.get_by_access_key, ["x"]), (applications.list_access_keys, ["x"]),
        (applications.create_access_key, ["x"]), (applications.toggle_access_key, [made.id, "x"]),
        (applications.delete_access_key, [made.id, "x"]), (applications.add_role, ["x", "WORKER"]),
        (applications.remove_role, ["x", "WORKER"]),
    ):  # fmt: skip
        with pytest.raises(NotFoundError, match="x"):
            function(*arguments)
    assert status_of(applications.add_role, made.id, "JUGGLER") == 400
    assert status_of(applications.create, "  ") == 400
    assert len(applications.list()) == 1


def test_life_of_users_and_groups(orkes):
    orkes.groups.save("Finance", "The finance team", roles=["USER"])
    user = orkes.users.save("Ann@Example.com", "Ann", roles=["USER", "WORKFLOW_MANAGER"], groups=["Finance"])
    assert user.id == "ann@example.com"
    assert [role.name for role in user.roles] == ["USER", "WORKFLOW_MANAGER"]
    assert [group.id for group in user.groups] == ["Finance"]
    assert orkes.users.get("ANN@example.com") == user
    assert [one.id for one in orkes.users.list()] == ["ann@example.com"]
    orkes.users.save("bob@example.com", "Bob", roles=[])
    orkes.groups.add_user("Finance", "bob@example.com")
    orkes.groups.add_user("Finance", "bob@example.com")
    assert [one.id for one in orkes.groups.list_users("Finance")] == ["ann@example.com", "bob@example.com"]
    orkes.groups.remove_users("Finance", ["bob@example.com", "ann@example.com"])
    orkes.groups.add_users("Finance", ["bob@example.com"])
    orkes.groups.remove_user("Finance", "bob@example.com")
    assert orkes.groups.list_users("Finance") == []
    orkes.groups.save("Finance", "Finance", default_access={"WORKFLOW_DEF": ["READ"]})
    group = orkes.groups.get("Finance")
    assert (group.description, [role.name for role in group.roles]) == ("Finance", ["USER"])
    assert group.default_access == {"WORKFLOW_DEF": ["READ"]}
    orkes.users.delete("ann@example.com")
    orkes.groups.delete("Finance")
    assert (orkes.groups.list(), len(orkes.users.list())) == ([], 1)


def test_bad_users_and_groups_are_refused_and_not_stored(orkes, open_server):
    users, groups = orkes.users, orkes.groups
    for function, arguments in (
        (users.get, ["x"]), (users.delete, ["x"]), (users.list_permissions, ["x"]), (groups.get, ["x"]),
        (groups.delete, ["x"]), (groups.list_users, ["x"]), (groups.list_permissions, ["x"]),
        (groups.add_user, ["x", "y"]), (groups.remove_user, ["x", "y"]), (groups.add_users, ["x", ["y"]]),
    ):  # fmt: skip
        assert status_of(function, *arguments) == 404, (function, arguments)
    assert status_of(users.save, "x@y", "X", groups=["missing"]) == 404
    assert status_of(users.save, "x@y", "X", roles=["JUGGLER"]) == 400
    assert status_of(groups.save, "g", "G", roles=["JUGGLER"]) == 400
    for path, body, status in (
        ("/users/x@y", b"{", 500), ("/users/x@y", b"[]", 500), ("/users/x@y", b"{}", 400),
        ("/users/x@y", b'{"name": "X", "groups": 5}', 400), ("/groups/g", b'{"description": 5}', 400),
        ("/groups/g", b'{"description": "G", "defaultAccess": {"CAR": ["READ"]}}', 400),
        ("/groups/g", b'{"description": "G", "defaultAccess": {"TASK_DEF": ["FLY"]}}', 400),
        ("/applications/x", b"{", 500),
    ):  # fmt: skip
        sent = {"Content-Type": "application/json"}
        answer = requests.put(f"{open_server.url}{path}", data=body, headers=sent, timeout=30)
        assert answer.status_code == status, (path, body)
        assert set(answer.json()) >= {"status", "message", "retryable"}
    assert (users.list(), groups.list()) == ([], [])
    bare = requests.put(f"{open_server.url}/users/x@y", json={"name": "X", "roles": "USER"}, timeout=30)
    assert bare.json()["roles"][0]["name"] == "USER"


def test_grants_of_users_groups_and_tags(orkes, open_server):
    orkes.users.save("ann@example.com", "Ann", roles=[])
    orkes.groups.save("finance", "Finance")
    ann, finance = SubjectRef("Ann@example.com", "USER"), SubjectRef("finance", "GROUP")
    workflow, tag = TargetRef("pay", "WORKFLOW_DEF"), TargetRef("org:accounting", "TAG")
    assert orkes.users.list_permissions("ann@example.com") == []
    orkes.permissions.grant(ann, workflow, ["READ", "EXECUTE"])
    orkes.permissions.grant(finance, workflow, ["READ"])
    orkes.permissions.grant(ann, tag, ["UPDATE"])
    listed = orkes.permissions.list("WORKFLOW_DEF", "pay")
    assert sorted(listed) == ["CREATE", "DELETE", "EXECUTE", "READ", "UPDATE"]
    assert {one.id for one in listed["READ"]} == {"finance", "ann@example.com"}
    assert [one.id for one in listed["EXECUTE"]] == ["ann@example.com"]
    granted = {one.target.id: (one.access, one.tag) for one in orkes.users.list_permissions("ann@example.com")}
    assert granted == {"pay": (["READ", "EXECUTE"], None), "org:accounting": (["UPDATE"], "org:accounting")}
    assert [one.target.id for one in orkes.groups.list_permissions("finance")] == ["pay"]
    checked = orkes.users.check_permissions("ann@example.com", "WORKFLOW_DEF", "pay")
    assert checked == {"READ": True, "CREATE": False, "UPDATE": False, "EXECUTE": True, "DELETE": False}
    orkes.permissions.remove(ann, workflow, ["EXECUTE"])
    orkes.permissions.remove(ann, workflow, ["EXECUTE"])
    assert orkes.permissions.list("WORKFLOW_DEF", "pay")["EXECUTE"] == []
    by_subject = requests.get(f"{open_server.url}/auth/authorization/WORKFLOW_DEF/pay?groupBy=subject", timeout=30)
    assert {one["subject"]["id"]: one["access"] for one in by_subject.json()} == {
        "finance": ["READ"], "ann@example.com": ["READ"],
    }  # fmt: skip
    grants = requests.get(f"{open_server.url}/auth/subjects/user/ann@example.com/grants", timeout=30).json()
    assert {one["target"]["id"] for one in grants} == {"pay", "org:accounting"}
    requests.delete(f"{open_server.url}/auth/subjects/USER/ann@example.com/grants", timeout=30).raise_for_status()
    assert orkes.users.list_permissions("ann@example.com") == []


def test_bad_grants_are_refused_and_not_stored(orkes, open_server):
    good = {
        "subject": {"type": "USER", "id": "a"}, "target": {"type": "WORKFLOW_DEF", "id": "w"}, "access": ["READ"],
    }  # fmt: skip
    for change in (
        {"subject": {"type": "ROBOT", "id": "a"}}, {"subject": {"type": "USER"}}, {"subject": None},
        {"target": {"type": "CAR", "id": "w"}}, {"target": "w"}, {"access": ["FLY"]}, {"access": []},
        {"access": "READ"},
    ):  # fmt: skip
        answer = requests.post(f"{open_server.url}/auth/authorization", json={**good, **change}, timeout=30)
        assert answer.status_code == 400, change
    assert not any(orkes.permissions.list("WORKFLOW_DEF", "w").values())
    assert requests.get(f"{open_server.url}/auth/authorization/CAR/w", timeout=30).status_code == 400


def test_custom_roles(orkes):
    assert {"USER", "ADMIN", "METADATA_MANAGER", "WORKFLOW_MANAGER", "WORKER"} <= set(orkes.roles.list_system())
    assert "READ_WORKFLOW_DEF" in orkes.roles.list_permissions()
    made = orkes.roles.create("AUDITOR", ["READ_WORKFLOW_DEF"])
    assert [one.name for one in made.permissions] == ["READ_WORKFLOW_DEF"]
    orkes.roles.update("AUDITOR", ["READ_WORKFLOW_DEF", "READ_TASK_DEF"])
    assert len(orkes.roles.get("AUDITOR").permissions) == 2
    assert [one.name for one in orkes.roles.list_custom()] == ["AUDITOR"]
    assert "AUDITOR" in [one.name for one in orkes.roles.list()]
    orkes.users.save("ann@example.com", "Ann", roles=["AUDITOR"])
    with pytest.raises(BadRequestError):
        orkes.roles.create("X", ["workflow:read"])
    assert status_of(orkes.roles.create, "AUDITOR", ["READ_TASK_DEF"]) == 409
    assert status_of(orkes.roles.update, "MISSING", ["READ_TASK_DEF"]) == 404
    assert status_of(orkes.roles.delete, "ADMIN") == 400
    orkes.roles.delete("AUDITOR")
    assert status_of(orkes.roles.get, "AUDITOR") == 404
    assert status_of(orkes.roles.delete, "AUDITOR") == 404
