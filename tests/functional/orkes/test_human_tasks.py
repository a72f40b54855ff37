"""Human tasks and their forms on the Orkes edition, through the clients."""

import json
from datetime import timedelta
from threading import Thread

import pytest
import requests

from conductor import Workflow
from conductor.errors import BadRequestError, NotFoundError, PermissionDeniedError
from conductor.models import HumanTaskState
from conductor.workflow import assignment, human, noop, trigger

FORM = {
    "name": "loan_form",
    "version": 1,
    "jsonSchema": {
        "properties": {"approved": {"type": "boolean"}, "amount": {"type": "number"}},
        "required": ["approved"],
    },
    "templateUI": {"type": "VerticalLayout", "elements": [{"type": "Control", "scope": "#/properties/approved"}]},
}
MANAGERS = assignment("managers", "EXTERNAL_GROUP", sla_minutes=60)


def start(client, *assignments, name="loan", **options):
    """Register a workflow with one human task, and start it; returns the execution's id."""
    flow = Workflow(name, input_parameters=["amount"])
    ask = flow.add(
        human({"amount": flow.input.amount}, ref="ask", display_name="Approve", assignments=assignments, **options)
    )
    flow.returns(approved=ask.output.approved)
    flow.register(client, overwrite=True)
    return flow.start(client, {"amount": 7})


def test_a_loan_is_approved_with_a_form(orkes):
    tasks, templates = orkes.human_tasks, orkes.human_templates
    templates.save(FORM)
    workflow_id = start(orkes, MANAGERS, form=("loan_form", 1))

    (found,) = tasks.poll_search(states=["ASSIGNED"], assignees=[{"user": "managers", "userType": "EXTERNAL_GROUP"}])
    assert (found.display_name, found.workflow_id, found.input["amount"]) == ("Approve", workflow_id, 7)
    assert tasks.list_display_names() == ["Approve"]
    assert templates.get_for_task(found.task_id).template_ui == FORM["templateUI"]
    claimed = tasks.claim_for_external_user(found.task_id, "zoe", with_template=True)
    assert (claimed.state, claimed.claimant.user) == (HumanTaskState.IN_PROGRESS, "zoe")
    assert claimed.human_task_def.full_template.name == "loan_form"

    with pytest.raises(BadRequestError, match="does not match the form loan_form"):
        tasks.complete(found.task_id, {"approved": "certainly"})
    tasks.update(found.task_id, {"amount": 6.5})
    assert tasks.get(found.task_id).output == {"amount": 6.5}
    tasks.complete(found.task_id, {"approved": True})

    run = orkes.workflows.get(workflow_id)
    assert (run.status, run.output) == ("COMPLETED", {"approved": True})
    assert run.tasks[0].input_data["__humanTaskProcessContext"]["state"] == "COMPLETED"
    assert [entry.state for entry in tasks.iterate_search(states=["COMPLETED"])] == ["COMPLETED"]


def test_a_task_goes_from_hand_to_hand(orkes):
    tasks = orkes.human_tasks
    start(orkes, assignment("ann", "CONDUCTOR_USER"), MANAGERS)
    task_id = tasks.search().results[0].task_id

    with pytest.raises(PermissionDeniedError, match="CONDUCTOR_USER ann"):
        tasks.claim(task_id)
    assert tasks.claim(task_id, override_assignment=True).claimant.user == "admin@localhost"
    assert [entry.task_id for entry in tasks.search(search_type="INBOX").results] == [task_id]
    with pytest.raises(BadRequestError, match="already claimed"):
        tasks.claim(task_id)
    tasks.release(task_id)
    with pytest.raises(BadRequestError, match="not claimed"):
        tasks.release(task_id)
    tasks.skip(task_id, "away")
    assert tasks.get(task_id).assignee.user == "managers"
    tasks.reassign(task_id, [assignment("zoe")])
    with pytest.raises(BadRequestError, match="EXTERNAL_USER zoe"):
        tasks.claim_for_external_user(task_id, "yan")
    assert tasks.claim_for_external_user(task_id, "yan", override_assignment=True).claimant.user == "yan"
    assert tasks.get_conductor_task(task_id).status == "IN_PROGRESS"
    assert tasks.back_populate_index() == {}


def test_the_clock_of_a_test_moves_through_the_assignments(open_server, orkes):
    (Workflow("reminder") >> noop()).register(orkes, overwrite=True)
    open_server.clock.freeze()
    start(orkes, MANAGERS, assignment("director", sla_minutes=30), triggers=[trigger("ASSIGNEE_CHANGED", "reminder")])
    (entry,) = orkes.human_tasks.search().results
    open_server.clock.advance(timedelta(minutes=60))
    assert orkes.human_tasks.get(entry.task_id).assignee.user == "director"
    open_server.clock.advance(timedelta(minutes=30))
    assert orkes.human_tasks.get(entry.task_id).assignee is None
    assert orkes.workflows.search(workflow_type="reminder").total_hits == 2


def test_a_task_is_completed_by_its_reference_name(orkes):
    workflow_id = start(orkes)
    orkes.human_tasks.update_by_reference_name(workflow_id, "ask", {"note": 1})
    orkes.human_tasks.update_by_reference_name(workflow_id, "ask", {"approved": False}, complete=True)
    assert orkes.workflows.get(workflow_id).output == {"approved": False}
    with pytest.raises(BadRequestError, match="has ended: COMPLETED"):
        orkes.human_tasks.update_by_reference_name(workflow_id, "ask", {}, complete=True)
    for where in ((workflow_id, "other"), ("missing", "ask")):
        with pytest.raises(NotFoundError):
            orkes.human_tasks.update_by_reference_name(*where, {})


def test_administrators_delete_records(orkes):
    for _ in range(3):
        start(orkes)
    first, *others = [entry.task_id for entry in orkes.human_tasks.search().results]
    orkes.human_tasks.delete(first)
    with pytest.raises(NotFoundError):
        orkes.human_tasks.get(first)
    with pytest.raises(BadRequestError):
        orkes.human_tasks.delete(first)
    orkes.human_tasks.delete_many([*others, "missing"])
    assert orkes.human_tasks.search().total_hits == 0


def test_forms_have_versions_and_tags(orkes):
    templates = orkes.human_templates
    assert templates.list("loan_form") == []
    templates.save_all([FORM, {**FORM, "name": "other"}])
    assert templates.save(FORM, new_version=True).version == 2
    assert sorted((one.name, one.version) for one in templates.list()) == [
        ("loan_form", 1), ("loan_form", 2), ("other", 1),
    ]  # fmt: skip
    templates.set_tags("loan_form", {"team": "loans"})
    assert {tag.key: tag.value for tag in templates.list_tags("loan_form")} == {"team": "loans"}
    assert templates.get("loan_form", 2).tags[0].key == "team"
    templates.delete("loan_form", 2)
    templates.delete_all_versions("loan_form")
    with pytest.raises(NotFoundError):
        templates.get("loan_form", 1)


def test_an_application_needs_permissions(access):
    workflow_id = start(access.admin, assignment("app-user", "EXTERNAL_USER"))
    (entry,) = access.admin.human_tasks.search().results
    application_id, client = access.application("shop")
    calls = (
        lambda: client.human_tasks.get(entry.task_id),
        lambda: client.human_tasks.search(),
        lambda: client.human_tasks.complete(entry.task_id),
        lambda: client.human_tasks.reassign(entry.task_id, [MANAGERS]),
        lambda: client.human_tasks.delete(entry.task_id),
        lambda: client.human_templates.save(FORM),
    )
    for call in calls:
        with pytest.raises(PermissionDeniedError):
            call()
    assert client.human_tasks.search(search_type="INBOX").results == []
    target = {"type": "TASK_DEF", "id": entry.definition_name}
    subject = {"type": "USER", "id": f"app:{application_id}"}
    access.admin.permissions.grant(subject, target, ["READ", "UPDATE"])
    assert client.human_tasks.get(entry.task_id).state == "ASSIGNED"
    client.human_tasks.claim_for_external_user(entry.task_id, "app-user")
    client.human_tasks.complete(entry.task_id, {"approved": True})
    assert access.admin.workflows.get(workflow_id).output == {"approved": True}


def test_the_application_that_started_the_workflow_may_use_its_tasks(access):
    start(access.admin, MANAGERS)
    application_id, client = access.application("shop")
    subject, target = {"type": "USER", "id": f"app:{application_id}"}, {"type": "WORKFLOW_DEF", "id": "loan"}
    access.admin.permissions.grant(subject, target, ["EXECUTE"])
    workflow_id = client.workflows.start("loan", {"amount": 1})
    (entry,) = access.admin.human_tasks.search(workflow_ids=[workflow_id]).results
    assert entry.created_by == f"app:{application_id}"
    client.human_tasks.claim_for_external_user(entry.task_id, "zoe")
    client.human_tasks.complete(entry.task_id, {"approved": True})
    assert access.admin.workflows.get(workflow_id).output == {"approved": True}


def test_bad_requests_change_nothing(open_server, orkes):
    start(orkes)
    (entry,) = orkes.human_tasks.search().results
    base = f"{open_server.url}/human"
    for method, path, body, status in (
        ("POST", "/tasks/search", "{", 500),
        ("POST", "/tasks/search", "[]", 500),
        ("POST", "/tasks/search", '{"size": -1}', 400),
        ("GET", "/tasks/getTaskDisplayNames", None, 400),
        ("GET", "/tasks/missing", None, 404),
        ("GET", "/tasks/missing/conductorTask", None, 400),
        ("POST", "/tasks/missing/claim", None, 400),
        ("POST", f"/tasks/{entry.task_id}/claim?overrideAssignment=perhaps", None, 500),
        ("POST", f"/tasks/{entry.task_id}/reassign", "{}", 500),
        ("POST", f"/tasks/{entry.task_id}/reassign", "[{}]", 400),
        ("POST", f"/tasks/{entry.task_id}/update", "[]", 500),
        ("POST", f"/tasks/{entry.task_id}/update?complete=true", "{", 500),
        ("POST", "/tasks/update/taskRef?taskRefName=ask", "{}", 400),
        ("POST", f"/tasks/update/taskRef?workflowId={entry.workflow_id}&taskRefName=ask&iteration=x", "{}", 500),
        ("DELETE", "/tasks/delete", "{}", 500),
        ("POST", "/template", "{}", 400),
        ("POST", "/template", "no json", 500),
        ("POST", "/template/bulk", "{}", 500),
        ("GET", "/template/missing", None, 400),
        ("GET", "/template/missing/1", None, 404),
        ("GET", "/template/missing/first", None, 500),
        ("DELETE", "/template/missing", None, 500),
    ):
        headers = {"Content-Type": "application/json"} if body is not None else {}
        response = requests.request(method, base + path, data=body, headers=headers, timeout=30)
        assert response.status_code == status, (method, path, response.text)
        assert json.loads(response.text)["status"] == status
    assert orkes.human_tasks.get(entry.task_id) == entry
    assert orkes.human_templates.list() == []


def test_only_one_of_many_claims_at_the_same_time_succeeds(orkes):
    start(orkes)
    (entry,) = orkes.human_tasks.search().results
    outcomes = []

    def claim(user):
        try:
            outcomes.append(orkes.human_tasks.claim_for_external_user(entry.task_id, user).claimant.user)
        except BadRequestError:
            outcomes.append(None)

    threads = [Thread(target=claim, args=(f"user-{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(outcomes) == 8
    assert [user for user in outcomes if user] == [orkes.human_tasks.get(entry.task_id).claimant.user]


def test_people_see_the_tasks_of_their_groups(open_server, orkes):
    orkes.groups.save("finance", description="Finance", roles=["USER"])
    for user in ("ann@x.example", "bob@x.example"):
        orkes.users.save(user, name=user, roles=["USER"])
    orkes.groups.add_user("finance", "ann@x.example")
    workflow_id = start(orkes, assignment("finance", "CONDUCTOR_GROUP"))
    (entry,) = orkes.human_tasks.search().results

    def acting(user):
        token = requests.post(f"{open_server.url}/token", json={"email": user, "password": "any"}, timeout=30)
        headers = {"X-Authorization": token.json()["token"], "Content-Type": "application/json"}

        def call(path, body=None):
            address = f"{open_server.url}/human/tasks{path}"
            return requests.post(address, json=body, headers=headers, timeout=30)

        return call

    ann, bob = acting("ann@x.example"), acting("bob@x.example")
    assert bob("/search", {"searchType": "INBOX"}).json()["results"] == []
    assert bob("/search", {"searchType": "ADMIN"}).status_code == 403
    assert bob(f"/{entry.task_id}/claim").status_code == 403
    assert [found["taskId"] for found in ann("/search", {"searchType": "INBOX"}).json()["results"]] == [entry.task_id]
    assert ann(f"/{entry.task_id}/claim").json()["claimant"] == {"user": "ann@x.example", "userType": "CONDUCTOR_USER"}
    assert bob(f"/{entry.task_id}/update?complete=true", {"approved": True}).status_code == 403
    assert ann(f"/{entry.task_id}/update?complete=true", {"approved": True}).status_code == 200
    assert orkes.workflows.get(workflow_id).output == {"approved": True}
