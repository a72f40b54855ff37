"""The life of human tasks on a frozen clock."""

from datetime import timedelta

import pytest

from conductor.server.engine.context import STRICT, RefusedError
from conductor.server.http.principal import Principal
from conductor.server.orkes.principals import ADMINISTRATOR

ANN = Principal("ann@x.example", "Ann", groups=frozenset({"finance"}))
BOB = Principal("bob@x.example", "Bob")
ADMIN = ADMINISTRATOR
FORM = {
    "name": "approval",
    "jsonSchema": {"properties": {"approved": {"type": "boolean"}}, "required": ["approved"]},
    "templateUI": {"type": "VerticalLayout", "elements": []},
}


def assigned(user, kind="CONDUCTOR_USER", minutes=0):
    return {"assignee": {"user": user, "userType": kind}, "slaMinutes": minutes}


def trigger(on, workflow="told"):
    return {"triggerType": on, "startWorkflowRequest": {"name": workflow, "version": "", "input": {"on": on}}}


class Desk:
    """One execution with a human task."""

    def __init__(self, bench, *assignments, task_defs=(), fields=None, **definition):
        self.bench, self.tasks = bench, bench.orkes.human_tasks
        given = {"amount": 7, **(fields or {})}
        if assignments or definition:
            given["__humanTaskDefinition"] = {"assignments": list(assignments), **definition}
        bench.register("told", ("NOOP", "n", {}, {}))
        bench.register("asked", ("HUMAN", "ask", given, {}), task_defs=task_defs)
        self.workflow_id = bench.start("asked", input={"who": "ann@x.example"})

    @property
    def run(self):
        return self.bench.run(self.workflow_id)

    @property
    def id(self):
        return self.run["tasks"][-1]["taskId"]

    @property
    def entry(self):
        return self.tasks.get(self.id, ADMIN, with_template=False)

    @property
    def context(self):
        return self.entry["input"]["__humanTaskProcessContext"]

    @property
    def actions(self):
        return [(one["action"], one["state"], one["actedBy"]) for one in self.context["humanTaskActionLogs"]]

    def after(self, minutes):
        self.bench.clock.advance(timedelta(minutes=minutes))

    def claim(self, who=ANN, *, override=False):
        return self.tasks.claim(self.id, who, override=override, with_template=False)

    def refused(self, status, function, *args, **named):
        before = self.entry
        with pytest.raises(RefusedError) as caught:
            function(*args, **named)
        assert caught.value.status == status
        assert self.entry == before
        return caught.value.message


def test_a_task_is_assigned_claimed_and_completed(bench):
    desk = Desk(
        bench, assigned("${workflow.input.who}"), displayName="Approve", assignmentCompletionStrategy="TERMINATE"
    )
    entry = desk.entry
    ann = {"user": ANN.id, "userType": "CONDUCTOR_USER"}
    assert (entry["state"], entry["assignee"], entry["displayName"]) == ("ASSIGNED", ann, "Approve")
    assert (entry["definitionName"], entry["taskRefName"], entry["workflowName"]) == ("ask", "ask", "asked")
    assert entry["humanTaskDef"]["assignments"] == [assigned(ANN.id)]
    assert entry["input"]["amount"] == 7
    assert "claimant" not in entry

    assert desk.claim()["claimant"] == ann
    assert desk.run["tasks"][0]["status"] == "IN_PROGRESS"
    assert desk.run["tasks"][0]["inputData"]["__humanTaskProcessContext"]["state"] == "IN_PROGRESS"
    desk.tasks.update([desk.id], {"note": "fine"}, ANN, complete=False)
    assert (desk.entry["state"], desk.entry["output"]) == ("IN_PROGRESS", {"note": "fine"})
    desk.tasks.update([desk.id], {"approved": True}, ANN, complete=True)

    assert (desk.run["status"], desk.run["output"]) == ("COMPLETED", {"note": "fine", "approved": True})
    assert desk.entry["state"] == desk.context["state"] == "COMPLETED"
    assert desk.actions == [
        ("ASSIGNMENT", "ASSIGNED", "system"),
        ("CLAIM", "IN_PROGRESS", "CONDUCTOR_USER:ann@x.example"),
    ]


def test_a_task_without_assignments_is_open_to_everyone(bench):
    for definition in ({}, {"displayName": "Any"}):
        desk = Desk(bench, **definition)
        assert (desk.entry["state"], desk.entry.get("assignee")) == ("ASSIGNED", None)
        assert desk.context["assignmentsCompleted"]
        assert "assigneeIndex" not in desk.context
        assert desk.actions == [("ASSIGNMENTS_COMPLETED", "ASSIGNED", "system")]
        assert desk.entry["displayName"] == definition.get("displayName", "ask")
        assert desk.claim(BOB)["claimant"]["user"] == BOB.id


def test_assignments_expire_one_after_another(bench):
    desk = Desk(bench, assigned(ANN.id, minutes=10), assigned("finance", "CONDUCTOR_GROUP", minutes=5))
    desk.after(9)
    desk.claim()
    desk.after(1)
    assert (desk.entry["state"], desk.entry["assignee"]["user"]) == ("ASSIGNED", "finance")
    assert "claimant" not in desk.entry
    assert desk.context["assigneeIndex"] == 1
    desk.after(4)
    assert desk.entry["assignee"]["user"] == "finance"
    desk.after(1)
    assert (desk.entry["state"], desk.entry.get("assignee")) == ("ASSIGNED", None)
    assert desk.context["assignmentsCompleted"]
    assert desk.run["status"] == "RUNNING"


def test_one_move_of_the_clock_passes_every_expiry(bench):
    desk = Desk(bench, assigned("a", minutes=10), assigned("b", minutes=10), assigned("c"))
    desk.after(60 * 24)
    assert desk.entry["assignee"]["user"] == "c"  # 0 minutes: it never expires
    begin = desk.entry["createdOn"]
    starts = [one["stateStart"] - begin for one in desk.context["humanTaskActionLogs"]]
    assert starts == [0, 600_000, 1_200_000]


def test_an_unclaimed_human_task_can_fail_its_workflow(bench):
    desk = Desk(bench, assigned(ANN.id, minutes=1), assignmentCompletionStrategy="TERMINATE")
    desk.after(1)
    assert desk.entry["state"] == "DELETED"
    assert desk.run["status"] == "FAILED"
    assert desk.run["tasks"][0]["status"] == "FAILED_WITH_TERMINAL_ERROR"
    reason = "Task terminated as no more assignments pending and completion strategy is TERMINATE"
    assert desk.run["tasks"][0]["reasonForIncompletion"] == reason


def test_a_claimed_task_is_released_for_others(bench):
    desk = Desk(bench, assigned("finance", "CONDUCTOR_GROUP"))
    desk.refused(400, desk.tasks.release, desk.id, ADMIN)
    desk.claim()
    desk.tasks.release(desk.id, ANN)
    assert (desk.entry["state"], desk.entry["assignee"]["user"]) == ("ASSIGNED", "finance")
    assert "claimant" not in desk.entry
    assert desk.actions[2:] == [("RELEASE", "PENDING", ANN.id), ("ASSIGNMENT", "ASSIGNED", "system")]
    desk.claim()


def test_a_skipped_assignment_makes_room_for_the_next(bench):
    desk = Desk(bench, assigned("a"), assigned("b"))
    desk.tasks.skip(desk.id, "on holiday", ADMIN)
    assert desk.entry["assignee"]["user"] == "b"
    assert desk.context["skippedAssigneeIndexes"] == [0]
    assert desk.context["humanTaskActionLogs"][1]["reason"] == "on holiday"
    desk.tasks.skip(desk.id, None, ADMIN)
    assert desk.entry.get("assignee") is None
    desk.refused(400, desk.tasks.skip, desk.id, None, ADMIN)


def test_reassigning_replaces_the_assignments(bench):
    desk = Desk(bench, assigned("a", minutes=1), assignmentCompletionStrategy="TERMINATE")
    desk.tasks.reassign(desk.id, [assigned("b", minutes=2), assigned("c")], ADMIN)
    desk.after(1)
    assert desk.entry["assignee"]["user"] == "b"
    assert [one["assignee"]["user"] for one in desk.entry["humanTaskDef"]["assignments"]] == ["b", "c"]
    desk.after(1)
    assert desk.entry["assignee"]["user"] == "c"
    for wrong in ([{}], [{"assignee": {"user": "d"}}], [{**assigned("d"), "slaMinutes": -1}]):
        desk.refused(400, desk.tasks.reassign, desk.id, wrong, ADMIN)
    for wrong in ("d", [1], [assigned("d", "NOBODY")], [{**assigned("d"), "slaMinutes": "soon"}]):
        desk.refused(500, desk.tasks.reassign, desk.id, wrong, ADMIN)


def test_only_the_assignee_may_claim_unless_an_administrator_overrides(bench):
    desk = Desk(bench, assigned(ANN.id))
    desk.refused(403, desk.claim, BOB)
    desk.refused(403, desk.claim, BOB, override=True)
    desk.refused(403, desk.claim, ADMIN)
    assert desk.claim(ADMIN, override=True)["assignee"]["user"] == ADMIN.id
    assert desk.entry["humanTaskDef"]["assignments"] == [assigned(ANN.id)]
    desk.refused(400, desk.claim, ANN)


def test_an_application_claims_for_its_users(bench):
    app = Principal("app:1", "Shop")
    for assignee, user, status in (
        (assigned("zoe", "EXTERNAL_USER"), "zoe", None),
        (assigned("zoe", "EXTERNAL_USER"), "yan", 400),
        (assigned(ANN.id), ANN.id, None),
        (assigned("managers", "EXTERNAL_GROUP"), "anyone", None),
        (assigned("finance", "CONDUCTOR_GROUP"), "stranger", 400),
    ):
        desk = Desk(bench, assignee)
        claim = [desk.tasks.claim_for, desk.id, user, app]
        if status:
            desk.refused(status, *claim, override=False, with_template=False)
        entry = claim[0](*claim[1:], override=bool(status), with_template=False)
        assert entry["claimant"] == {"user": user, "userType": "EXTERNAL_USER"}
        assert entry["assignee"] == (entry["claimant"] if status else assignee["assignee"])
        desk.refused(400, *claim, override=True, with_template=False)
    desk = Desk(bench)
    desk.refused(403, desk.tasks.claim_for, desk.id, "zoe", BOB, override=False, with_template=False)


def test_auto_claim_gives_the_task_to_its_assignee(bench):
    desk = Desk(bench, assigned("zoe", "EXTERNAL_USER", 1), assigned("managers", "EXTERNAL_GROUP"), autoClaim=True)
    assert (desk.entry["state"], desk.entry["claimant"]["user"]) == ("IN_PROGRESS", "zoe")
    desk.after(1)
    assert (desk.entry["state"], desk.entry.get("claimant")) == ("ASSIGNED", None)


def test_triggers_start_workflows(bench):
    every = ["PENDING", "ASSIGNED", "IN_PROGRESS", "COMPLETED", "ASSIGNEE_CHANGED", "CLAIMANT_CHANGED"]
    desk = Desk(
        bench,
        assigned("a", "EXTERNAL_GROUP"),
        assigned("b", "EXTERNAL_GROUP"),
        taskTriggers=[*map(trigger, every), trigger("", ""), trigger("COMPLETED", "missing")],
    )

    def started():
        """The triggers that have fired since the last call, in their order, with the state that they have seen."""
        log = desk.context["humanTaskTriggerLog"][len(seen) :]
        seen.extend(log)
        inputs = [bench.run(one["workflowId"])["input"] for one in log]
        assert [one["on"] for one in inputs] == [one["type"] for one in log]
        return [(one["on"], one["humanTaskProcessContext"]["state"]) for one in inputs]

    seen = []
    assert started() == [("PENDING", "PENDING"), ("ASSIGNED", "ASSIGNED")]
    desk.tasks.skip(desk.id, None, ADMIN)
    assert started() == [("ASSIGNEE_CHANGED", "ASSIGNED"), ("ASSIGNED", "ASSIGNED")]
    desk.tasks.claim_for(desk.id, "zoe", ADMIN, override=False, with_template=False)
    assert started() == [("CLAIMANT_CHANGED", "ASSIGNED"), ("IN_PROGRESS", "IN_PROGRESS")]
    desk.tasks.update([desk.id], {}, ADMIN, complete=True)
    assert started() == [("COMPLETED", "COMPLETED")]
    assert len(bench.runs_of("told")) == len(seen)
    assert desk.run["status"] == "COMPLETED"


def test_endless_triggers_do_not_stop_the_server(bench):
    definition = {"taskTriggers": [trigger("PENDING", "endless")]}
    bench.register("endless", ("HUMAN", "ask", {"__humanTaskDefinition": definition}, {}))
    bench.start("endless")
    before = len(bench.services.executions.running("endless"))
    assert before < 100
    bench.kernel.timed_work.continue_unfinished()
    assert before < len(bench.services.executions.running("endless")) < before + 100


def test_a_trigger_that_cannot_start_its_workflow_changes_nothing_else(bench, caplog):
    broken = {"triggerType": "PENDING", "startWorkflowRequest": {"name": "told", "priority": "high", "input": "text"}}
    bench.register("refused", ("WAIT", "wait", {"duration": "a while"}, {}))
    triggers = [trigger("PENDING", "missing"), broken, trigger("PENDING", "refused"), None, trigger("PENDING")]
    desk = Desk(bench, taskTriggers=triggers)
    assert [one["type"] for one in desk.context["humanTaskTriggerLog"]] == ["PENDING"]
    assert desk.entry["state"] == "ASSIGNED"
    assert caplog.text.count("human_trigger_failed") == 3
    assert bench.runs_of("refused") == []


def test_assignments_expire_while_paused_and_with_strict(open_bench):
    for bench in (open_bench(), open_bench(divergences=STRICT)):
        desk = Desk(bench, assigned("a", minutes=1), assigned("b"))
        bench.services.executions.pause(desk.workflow_id)
        desk.after(1)
        assert desk.entry["assignee"]["user"] == "b"


def test_an_idle_clock_does_not_skip_to_the_end_of_an_assignment(bench):
    desk = Desk(bench, assigned("a", minutes=1))
    assert bench.kernel.timed_work.next_event() == desk.entry["createdOn"] + 60_000
    assert bench.kernel.timed_work.next_skip() is None


def test_the_assignments_of_a_deleted_execution_are_forgotten(bench):
    desk = Desk(bench, assigned("a", minutes=1))
    bench.services.executions.remove(desk.workflow_id, archive=False)
    assert desk.tasks.search({}, ADMIN)["totalHits"] == 0
    desk.after(2)
    assert bench.kernel.timed_work.next_event() is None


def test_ends_of_the_workflow_task_end_the_human_task(bench):
    desk = Desk(bench, assigned("a", minutes=1))
    bench.services.executions.terminate(desk.workflow_id, "enough")
    assert desk.entry["state"] == "DELETED"
    desk.after(2)
    assert [one["action"] for one in desk.context["humanTaskActionLogs"]] == ["ASSIGNMENT"]

    desk = Desk(bench, assigned("a"))
    result = {
        "taskId": desk.id,
        "workflowInstanceId": desk.workflow_id,
        "status": "COMPLETED",
        "outputData": {"by": "api"},
    }
    bench.services.tasks.update(result)
    assert (desk.entry["state"], desk.entry["output"]) == ("COMPLETED", {"by": "api"})


def test_a_timeout_ends_the_task_and_a_retry_opens_a_new_one(bench):
    limits = {
        "name": "ask",
        "timeoutSeconds": 600,
        "responseTimeoutSeconds": 60,
        "retryCount": 1,
        "timeoutPolicy": "RETRY",
    }
    desk = Desk(bench, assigned("a", minutes=60), task_defs=[limits], taskTriggers=[trigger("TIMED_OUT")])
    first = desk.id
    desk.claim(ADMIN, override=True)
    desk.after(10)
    desk.after(5)
    assert desk.tasks.get(first, ADMIN, with_template=False)["state"] == "TIMED_OUT"
    assert [one["on"] for one in bench.runs_of("told")] == ["TIMED_OUT"]
    assert desk.id != first
    assert (desk.entry["state"], desk.entry["assignee"]["user"]) == ("ASSIGNED", "a")
    assert desk.run["tasks"][-1]["status"] == "IN_PROGRESS"
    assert desk.actions == [("ASSIGNMENT", "ASSIGNED", "system")]
    desk.tasks.update([desk.id], {"ok": 1}, ADMIN, complete=True)
    assert desk.run["output"] == {"ok": 1}


def test_the_output_must_match_the_form(bench):
    bench.orkes.human_templates.save_all([FORM], ADMIN, new_version=False)
    desk = Desk(bench, userFormTemplate={"name": "approval", "version": 1})
    update = desk.tasks.update
    assert "approved" in desk.refused(400, update, [desk.id], {"approved": "yes"}, ADMIN, complete=False)
    desk.refused(400, update, [desk.id], {"note": "later"}, ADMIN, complete=True)
    update([desk.id], {"note": "later"}, ADMIN, complete=False)  # a draft may be incomplete
    update([desk.id], {"approved": False}, ADMIN, complete=True)
    assert desk.run["output"] == {"note": "later", "approved": False}
    desk.refused(400, update, [desk.id], {"approved": True}, ADMIN, complete=True)


def test_tasks_are_updated_by_reference_name_and_iteration(bench):
    human = {"name": "ask", "taskReferenceName": "ask", "type": "HUMAN"}
    loop = {"loopCondition": "$.loop['iteration'] < 2", "loopOver": [human]}
    bench.kernel.timed_work.spawn = None
    bench.register("again", ("DO_WHILE", "loop", {}, loop))
    workflow_id = bench.start("again")
    tasks = bench.orkes.human_tasks
    assert tasks.search({"taskRefNames": ["ask"]}, ADMIN)["results"][0]["taskRefName"] == "ask__1"
    tasks.update(tasks.named(workflow_id, "ask", []), {"n": 1}, ADMIN, complete=True)
    tasks.update(tasks.named(workflow_id, "ask", [2]), {"n": 2}, ADMIN, complete=True)
    assert bench.run(workflow_id)["status"] == "COMPLETED"
    with pytest.raises(RefusedError) as caught:
        tasks.update(tasks.named(workflow_id, "ask", [1]), {"n": 3}, ADMIN, complete=True)
    assert caught.value.status == 400
    for where in ((workflow_id, "other", []), (workflow_id, "ask", [3]), ("missing", "ask", [])):
        with pytest.raises(RefusedError) as caught:
            tasks.named(*where)
        assert caught.value.status == 404


def test_deleted_records_are_gone_while_the_workflow_waits(bench):
    desk = Desk(bench, assigned("a", minutes=1))
    task_id = desk.id
    with pytest.raises(RefusedError, match="missing"):
        desk.tasks.remove([task_id, "missing"], ADMIN, ignore_unknown=False)
    assert desk.entry["state"] == "ASSIGNED"
    desk.tasks.remove([task_id, "missing"], ADMIN, ignore_unknown=True)
    with pytest.raises(RefusedError) as caught:
        desk.tasks.get(task_id, ADMIN, with_template=False)
    assert caught.value.status == 404
    desk.after(2)
    assert desk.run["tasks"][0]["status"] == "IN_PROGRESS"
    assert desk.tasks.search({"searchType": "ADMIN"}, ADMIN)["totalHits"] == 0


def test_unknown_tasks_are_refused(bench):
    tasks = bench.orkes.human_tasks
    options = {"override": False, "with_template": False}
    calls = (
        (404, lambda task_id: tasks.get(task_id, ADMIN, with_template=False)),
        (400, lambda task_id: tasks.conductor_task(task_id, ADMIN)),
        (400, lambda task_id: tasks.template(task_id, ADMIN)),
        (400, lambda task_id: tasks.claim(task_id, ADMIN, **options)),
        (400, lambda task_id: tasks.claim_for(task_id, "zoe", ADMIN, **options)),
        (400, lambda task_id: tasks.release(task_id, ADMIN)),
        (400, lambda task_id: tasks.skip(task_id, None, ADMIN)),
        (400, lambda task_id: tasks.reassign(task_id, [assigned("b")], ADMIN)),
        (400, lambda task_id: tasks.update([task_id], {}, ADMIN, complete=True)),
    )
    bench.register("plain", ("WAIT", "wait", {}, {}))
    other = bench.run(bench.start("plain"))["tasks"][0]["taskId"]
    for task_id in ("missing", other):
        for status, call in calls:
            with pytest.raises(RefusedError) as caught:
                call(task_id)
            assert caught.value.status == status


def test_an_invalid_definition_fails_the_task(bench):
    for definition, reason in (
        ("text", "__humanTaskDefinition must be an object"),
        ({"assignments": "ann"}, "__humanTaskDefinition is invalid: assignments must be a list, not 'ann'"),
        (
            {"assignments": [assigned("${workflow.input.missing}")]},
            "assignments[0].assignee must have user and userType",
        ),
        ({"assignments": [assigned("a", "MARTIAN")]}, "must be one of"),
        ({"assignmentCompletionStrategy": "MAYBE"}, "must be one of LEAVE_OPEN, TERMINATE"),
    ):
        bench.register("asked", ("HUMAN", "ask", {"__humanTaskDefinition": definition}, {}))
        run = bench.run(bench.start("asked"))
        assert run["status"] == "FAILED", definition
        assert reason in run["tasks"][0]["reasonForIncompletion"]


def test_people_without_permission_are_refused(open_bench):
    desk = Desk(open_bench(), assigned(ANN.id), displayName="Approve")
    tasks, task_id = desk.tasks, desk.id
    for call in (
        lambda: tasks.get(task_id, BOB, with_template=False),
        lambda: tasks.conductor_task(task_id, BOB),
        lambda: tasks.update([task_id], {"x": 1}, BOB, complete=True),
        lambda: tasks.release(task_id, BOB),
        lambda: tasks.skip(task_id, None, BOB),
        lambda: tasks.reassign(task_id, [assigned(BOB.id)], BOB),
        lambda: tasks.remove([task_id], BOB, ignore_unknown=False),
        lambda: tasks.search({"searchType": "ADMIN"}, BOB),
        lambda: tasks.display_names("ADMIN", BOB),
    ):
        desk.refused(403, call)
    assert tasks.get(task_id, ANN, with_template=False)["taskId"] == task_id
    everyone = Desk(open_bench(enforce_permissions=False), assigned(ANN.id))
    assert everyone.tasks.search({"searchType": "ADMIN"}, BOB)["totalHits"] == 1
    everyone.tasks.update([everyone.id], {}, BOB, complete=True)
    assert everyone.entry["state"] == "COMPLETED"


def test_everything_survives_a_restart(open_bench, tmp_path):
    path = tmp_path / "conductor.db"
    first = open_bench(path)
    first.orkes.human_templates.save_all([FORM], ADMIN, new_version=False)
    desk = Desk(first, assigned(ANN.id, minutes=10), assigned("b"), userFormTemplate={"name": "approval"})
    desk.after(4)
    desk.claim()
    before = desk.tasks.get(desk.id, ADMIN, with_template=True)
    first.close()

    second = open_bench(path)
    desk.bench, desk.tasks = second, second.orkes.human_tasks
    assert desk.tasks.get(desk.id, ADMIN, with_template=True) == before
    desk.after(6)
    assert desk.entry["assignee"]["user"] == "b"
    first.close = lambda: None


def test_a_human_task_of_the_default_edition_gets_a_record(open_bench, tmp_path):
    path = tmp_path / "conductor.db"
    first = open_bench(path)
    first.kernel.observers.clear()  # as in the default edition
    first.register("asked", ("HUMAN", "ask", {"amount": 7}, {}))
    workflow_id = first.start("asked")
    first.close()
    first.close = lambda: None

    second = open_bench(path)
    (found,) = second.orkes.human_tasks.search({"searchType": "ADMIN"}, ADMIN)["results"]
    assert (found["workflowId"], found["state"], found["input"]["amount"]) == (workflow_id, "ASSIGNED", 7)


def test_the_search_filters_by_every_condition(bench):
    bench.register("told", ("NOOP", "n", {}, {}))
    for name, user, kind, amount in (
        ("Loan", ANN.id, "CONDUCTOR_USER", 7),
        ("Trip", "finance", "CONDUCTOR_GROUP", 70),
        ("Desk", "john@out.example", "EXTERNAL_USER", 8),
    ):
        definition = {"displayName": name, "assignments": [assigned(user, kind)]}
        given = {"__humanTaskDefinition": definition, "amount": amount, "item": {"kind": f"big {name}"}}
        bench.register(f"flow_{name}", ("HUMAN", f"ask_{name}", given, {}))
        bench.start(f"flow_{name}")
        bench.clock.advance(timedelta(seconds=1))
    tasks = bench.orkes.human_tasks

    def names(principal=ADMIN, **conditions):
        page = tasks.search({"searchType": "ADMIN" if principal is ADMIN else "INBOX", **conditions}, principal)
        assert page["hits"] == len(page["results"])
        return [entry["displayName"] for entry in page["results"]]

    desk, trip, loan = tasks.search({"searchType": "ADMIN"}, ADMIN)["results"]
    assert (desk["displayName"], trip["displayName"], loan["displayName"]) == ("Desk", "Trip", "Loan")
    tasks.claim(loan["taskId"], ANN, override=False, with_template=False)
    tasks.update([loan["taskId"]], {"answer": "some"}, ANN, complete=False)
    assert names(ANN) == ["Trip", "Loan"]
    assert [tasks.search({}, who)["totalHits"] for who in (ADMIN, ANN, BOB)] == [3, 2, 0]
    assert names(BOB) == []
    for conditions, found in (
        ({"states": ["IN_PROGRESS"]}, ["Loan"]),
        ({"states": []}, ["Desk", "Trip", "Loan"]),
        ({"assignees": [{"user": "john*", "userType": "EXTERNAL_USER"}]}, ["Desk"]),
        ({"assignees": [{"user": "john*", "userType": "CONDUCTOR_USER"}, {"user": "FINANCE"}]}, ["Trip"]),
        ({"assignees": [{"userType": "EXTERNAL_USER"}]}, ["Desk"]),
        ({"claimants": [{"user": "*ann*", "userType": "CONDUCTOR_USER"}]}, ["Loan"]),
        ({"definitionNames": ["ask_Trip", "ask_Desk"]}, ["Desk", "Trip"]),
        ({"displayNames": ["Loan"], "definitionNames": ["ask_Trip"]}, []),
        ({"taskRefNames": ["ask_Loan"]}, ["Loan"]),
        ({"workflowNames": ["flow_Trip"]}, ["Trip"]),
        ({"workflowIds": [desk["workflowId"]]}, ["Desk"]),
        ({"fullTextQuery": "big"}, ["Desk", "Trip", "Loan"]),
        ({"fullTextQuery": "fin*"}, ["Trip"]),
        ({"fullTextQuery": "trip OR john"}, ["Desk", "Trip"]),
        ({"fullTextQuery": "trip AND john"}, []),
        ({"taskInputQuery": "amount = 7"}, ["Loan"]),
        ({"taskInputQuery": "amount = 7*"}, ["Trip", "Loan"]),
        ({"taskInputQuery": "amount IN (8, 70) AND item.kind = big*"}, ["Desk", "Trip"]),
        ({"taskInputQuery": "amount = 9 OR item.kind = 'big Desk'"}, ["Desk"]),
        ({"taskInputQuery": "missing = 7"}, []),
        ({"taskOutputQuery": "answer = s*me"}, ["Loan"]),
        ({"updateStartTime": trip["updatedOn"], "updateEndTime": desk["updatedOn"]}, ["Desk", "Trip"]),
        ({"size": 1, "start": 1}, ["Trip"]),
        ({"size": 0}, []),
    ):
        assert names(**conditions) == found, conditions
    assert tasks.search({"searchType": "ADMIN", "size": 1}, ADMIN)["totalHits"] == 3
    assert tasks.display_names("ADMIN", ADMIN) == ["Desk", "Loan", "Trip"]
    assert tasks.display_names("INBOX", ANN) == ["Loan", "Trip"]


def test_invalid_searches_are_refused(bench):
    for status, given in (
        (500, {"searchType": "OTHERS"}),
        (400, {"searchType": "ADMIN", "start": -1}),
        (400, {"searchType": "ADMIN", "size": -1}),
        (500, {"searchType": "ADMIN", "size": "many"}),
        (500, {"searchType": "ADMIN", "states": ["LOST"]}),
        (500, {"searchType": "ADMIN", "displayNames": "Loan"}),
        (400, {"searchType": "ADMIN", "taskInputQuery": "amount > 7"}),
        (400, {"searchType": "ADMIN", "taskOutputQuery": "a = 1 AND "}),
    ):
        with pytest.raises(RefusedError) as caught:
            bench.orkes.human_tasks.search(given, ADMIN)
        assert caught.value.status == status, given
