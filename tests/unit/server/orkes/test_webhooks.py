"""Webhooks: configurations, deliveries, waiting tasks, workflows to start, and the history."""

import json
import logging

import pytest

from conductor.server.engine.context import RefusedError
from conductor.server.orkes.principals import ADMINISTRATOR
from conductor.server.orkes.tags import WEBHOOK
from conductor.server.orkes.webhook_verifiers import Delivery, UnverifiedError
from conductor.server.orkes.webhooks import UnreadableBodyError, matches
from conductor.webhook import sign_webhook

SECRET = "shared with the sender"
KEY = "the key of the shop"
HEADERS = {"x-key": KEY, "x-trace": "t-1"}
SHOP = {"name": "shop", "verifier": "HEADER_BASED", "headers": {"X-Key": KEY}}


class Shop:
    """A webhook, whose deliveries have its header."""

    def __init__(self, bench, **config):
        self.bench, self.webhooks = bench, bench.orkes.webhooks
        self.made = self.webhooks.create({**SHOP, **config}, ADMINISTRATOR)
        self.id = self.made["id"]

    def send(self, event, headers=HEADERS, method="POST", **query):
        body = event if isinstance(event, bytes) else json.dumps(event).encode()
        now = self.bench.clock.now_ms()
        return self.webhooks.receive(self.id, Delivery(method, headers, query, body, now))

    @property
    def history(self):
        return self.webhooks.get(self.id)["webhookExecutionHistory"]


def wait_for(bench, name="waiting", matching=None, **fields):
    given = {} if matching is None else {"matches": matching}
    bench.register(name, ("WAIT_FOR_WEBHOOK", "wait", given, {}), **fields)


def refused(status, call, *args):
    with pytest.raises(RefusedError) as caught:
        call(*args)
    assert caught.value.status == status
    return caught.value


def test_a_webhook_is_stored_and_its_secrets_are_hidden(bench):
    given = {"name": "hub", "verifier": "SIGNATURE_BASED", "secretValue": SECRET, "workflowsToStart": {"a": 1}}
    webhooks = bench.orkes.webhooks
    made = webhooks.create(given, ADMINISTRATOR)
    assert made == {**given, "id": made["id"], "urlVerified": False, "createdBy": ADMINISTRATOR.id}
    hidden = {**made, "secretValue": "***"}
    assert webhooks.all() == [hidden]
    assert webhooks.get(made["id"]) == {**hidden, "webhookExecutionHistory": []}
    shop = Shop(bench, workflowsToStart={"a": 1})
    assert shop.made["headers"] == {"X-Key": KEY}
    assert webhooks.get(shop.id)["headers"] == {"X-Key": "***"}
    stored = json.dumps([*bench.kernel.store.documents("orkes_webhook")])
    assert SECRET not in stored
    assert KEY not in stored


def test_an_own_id_is_kept_and_cannot_be_used_twice(bench):
    shop = Shop(bench, id="own", workflowsToStart={"a": 1})
    assert shop.id == "own"
    refused(409, bench.orkes.webhooks.create, {**SHOP, "id": "own", "workflowsToStart": {"a": 1}}, ADMINISTRATOR)


def test_an_update_keeps_hidden_secrets(bench):
    bench.register("told", ("NOOP", "n", {}, {}))
    shop = Shop(bench, workflowsToStart={"told": 1}, createdBy="forged", urlVerified=True)
    shop.send({"n": 1})
    shown = shop.webhooks.get(shop.id)
    changed = shop.webhooks.update(
        shop.id, {**shown, "name": "new", "id": "other", "createdBy": "x", "urlVerified": False}
    )
    assert (changed["name"], changed["id"], changed["createdBy"]) == ("new", shop.id, ADMINISTRATOR.id)
    assert changed["urlVerified"] is True
    shop.send({"n": 2})
    shop.webhooks.update(shop.id, {**shown, "headers": {"X-Key": "another"}})
    with pytest.raises(UnverifiedError):
        shop.send({"n": 3})
    assert [one["n"] for one in bench.runs_of("told")] in ([1, 2], [2, 1])


def test_bad_configurations_are_refused_and_nothing_is_stored(bench):
    webhooks = bench.orkes.webhooks
    valid = {**SHOP, "workflowsToStart": {"a": 1}}
    for status, wrong in (
        (400, {}),
        (400, SHOP),
        (400, {**valid, "name": " "}),
        (400, {**valid, "verifier": None}),
        (400, {**valid, "headers": {}}),
        (400, {**valid, "headers": {"X-Key": None}}),
        (400, {**valid, "workflowsToStart": {}}),
        (400, {**valid, "id": "a/b"}),
        (400, {**valid, "tags": [{"value": "1"}]}),
        (500, {**valid, "verifier": "TRUST"}),
        (500, {**valid, "headers": "X-Key"}),
        (500, {**valid, "workflowsToStart": ["a"]}),
        (500, {**valid, "receiverWorkflowNamesToVersions": {"a": {}}}),
    ):
        assert KEY not in refused(status, webhooks.create, wrong, ADMINISTRATOR).message
    assert webhooks.all() == []
    for call in (webhooks.get, webhooks.remove):
        refused(404, call, "missing")
    refused(404, webhooks.update, "missing", valid)


def test_tags_and_history_are_deleted_with_the_webhook(bench):
    shop = Shop(bench, workflowsToStart={"a": 1}, tags=[{"key": "team", "value": "sales"}])
    assert shop.made["tags"] == [{"key": "team", "value": "sales"}]
    shop.send({})
    shop.webhooks.remove(shop.id)
    assert (shop.webhooks.all(), bench.orkes.tags.of(WEBHOOK, shop.id)) == ([], [])
    assert bench.kernel.store.documents("orkes_webhook_delivery") == []


def test_a_delivery_completes_the_task_that_waits_for_it(bench):
    wait_for(bench, matching={"$['event']['type']": "paid", "$['event']['order']": "${workflow.input.order}"})
    shop = Shop(bench, receiverWorkflowNamesToVersions={"waiting": 1})
    first, second = (bench.start("waiting", input={"order": order}) for order in ("A-1", "A-2"))
    assert bench.run(first)["tasks"][0]["status"] == "IN_PROGRESS"

    event = {"event": {"type": " PAID ", "order": "a-1"}, "amount": 9.5}
    assert shop.send(event, page="2") is None

    run = bench.run(first)
    assert (run["status"], run["output"]) == ("COMPLETED", {**event, "page": "2"})
    assert bench.run(second)["status"] == "RUNNING"
    assert [(one["matched"], one["workflowIds"]) for one in shop.history] == [(True, [first])]
    shop.send({"event": {"type": "refunded", "order": "A-2"}})
    assert bench.run(second)["status"] == "RUNNING"
    assert shop.history[0]["matched"] is False


def test_only_the_named_workflows_and_versions_receive(bench):
    wait_for(bench)
    wait_for(bench, version=2)
    wait_for(bench, "other")
    shop = Shop(bench, receiverWorkflowNamesToVersions={"waiting": "2"})
    runs = [bench.start("waiting", version=1), bench.start("waiting", version=2), bench.start("other")]
    paused = bench.start("waiting", version=2)
    bench.services.executions.pause(paused)
    shop.send({"n": 1})
    assert [bench.run(one)["status"] for one in runs] == ["RUNNING", "COMPLETED", "RUNNING"]
    bench.services.executions.resume(paused)
    assert bench.run(paused)["status"] == "COMPLETED"


def test_each_iteration_waits_for_its_own_delivery(bench):
    wait = {"name": "wait", "taskReferenceName": "wait", "type": "WAIT_FOR_WEBHOOK", "inputParameters": {"matches": {}}}
    loop = {"loopCondition": "$.loop['iteration'] < 2", "loopOver": [wait]}
    bench.register("waiting", ("DO_WHILE", "loop", {}, loop))
    shop = Shop(bench, receiverWorkflowNamesToVersions={"waiting": 1})
    workflow_id = bench.start("waiting")
    shop.send({"n": 1})
    assert bench.run(workflow_id)["status"] == "RUNNING"
    shop.send({"n": 2})
    run = bench.run(workflow_id)
    assert run["status"] == "COMPLETED"
    assert [task["outputData"] for task in run["tasks"][1:]] == [{"n": 1}, {"n": 2}]


def test_values_are_compared_as_text():
    event = {
        "a": {"text": "Yes", "number": 7, "half": 1.5, "true": True, "none": None, "list": ["x", "y"], "o": {"k": 1}}
    }
    for path, expected, found in (
        ("$['a']['text']", "yes", True),
        ("$.a.text", " YES ", True),
        ("$.a.text", "no", False),
        ("$.a.number", "7", True),
        ("$.a.number", 7, True),
        ("$.a.half", 1.5, True),
        ("$.a.true", "true", True),
        ("$.a.true", True, True),
        ("$.a.none", None, True),
        ("$.a.missing", None, True),
        ("$.a.missing", "", False),
        ("$.a.list", "x", True),
        ("$.a.list", "y", False),
        ("$.a.list", ["x", "y"], True),
        ("$.a.list", ["x"], False),
        ("$.a.list[1]", "y", True),
        ("$..text", "yes", True),
        ("$.a.o", {"k": 1}, True),
        ("$.a.o", {"k": 2}, False),
        ("$[", "x", False),
    ):
        assert matches({path: expected}, event) is found, (path, expected)
    assert matches({}, event)
    assert not matches({"$.a.text": "yes", "$.a.number": 8}, event)


def test_conditions_that_are_no_object_fail_the_task(bench):
    wait_for(bench, matching="text")
    run = bench.run(bench.start("waiting"))
    assert (run["status"], run["tasks"][0]["status"]) == ("FAILED", "FAILED_WITH_TERMINAL_ERROR")
    assert "matches must be an object" in run["reasonForIncompletion"]


def test_a_delivery_starts_workflows_with_its_event(bench):
    bench.register("told", ("NOOP", "n", {}, {}))
    bench.register("broken", ("SIMPLE", "${x", {}, {}))
    shop = Shop(bench, workflowsToStart={"missing": 1, "told": 1, "other": "first", "yes": True})
    shop.send({"key": "k", "body": 1}, key="from the query")
    assert bench.runs_of("told") == [{"key": "from the query", "body": 1}]
    (record,) = shop.history
    assert (record["matched"], len(record["workflowIds"])) == (True, 1)
    assert bench.run(record["workflowIds"][0])["workflowName"] == "told"


def test_an_idempotency_key_starts_a_workflow_once(bench):
    bench.register("told", ("NOOP", "n", {}, {}))
    for strategy, repeated in (("RETURN_EXISTING", True), ("FAIL", False)):
        keys = {"idempotencyKey": strategy + "-${workflow.input.order}", "idempotencyStrategy": strategy}
        shop = Shop(bench, workflowsToStart={"told": 1, **keys})
        for order in ("A-1", "A-1", "A-2"):
            shop.send({"order": order, "by": strategy})
        assert sorted(one["order"] for one in bench.runs_of("told") if one["by"] == strategy) == ["A-1", "A-2"]
        last, again, first = (one["workflowIds"] for one in shop.history)
        assert again == (first if repeated else [])
        assert last != first


def test_a_script_chooses_the_workflows_to_start(bench):
    bench.register("told", ("NOOP", "n", {}, {}))
    for script, count in (
        ("$.kind === 'a' ? ['told'] : []", 1),
        ("({told: 1})", 1),
        ("'told'", 1),
        ("$.kind === 'b' ? ['told'] : []", 0),
        ("42", 0),
        ("nothing.here", 0),
    ):
        before = len(bench.runs_of("told"))
        Shop(bench, expression=script, evaluatorType="graaljs").send({"kind": "a"})
        assert len(bench.runs_of("told")) - before == count, script
    Shop(bench, expression="['told']", evaluatorType="python").send({})
    assert len(bench.runs_of("told")) == 3


def test_a_delivery_can_both_resume_and_start(bench):
    wait_for(bench)
    bench.register("told", ("NOOP", "n", {}, {}))
    shop = Shop(bench, receiverWorkflowNamesToVersions={"waiting": 1}, workflowsToStart={"told": 1})
    workflow_id = bench.start("waiting")
    shop.send([1, 2])
    assert bench.run(workflow_id)["output"] == {"body": [1, 2]}
    assert bench.runs_of("told") == [{"body": [1, 2]}]
    assert workflow_id in shop.history[0]["workflowIds"]


def test_a_refused_delivery_does_nothing_and_reveals_nothing(bench, caplog):
    wait_for(bench)
    shop = Shop(bench, receiverWorkflowNamesToVersions={"waiting": 1})
    workflow_id = bench.start("waiting")
    with pytest.raises(UnverifiedError), caplog.at_level(logging.DEBUG):
        shop.send({"n": 1}, {"x-key": "guess", "authorization": "Bearer t"})
    assert bench.run(workflow_id)["status"] == "RUNNING"
    (record,) = shop.history
    assert (record["matched"], record["workflowIds"]) == (False, [])
    payload = json.loads(record["payload"])
    assert payload == {"headers": {"x-key": "***", "authorization": "***"}, "body": '{"n": 1}'}
    assert "the header X-Key is wrong" in caplog.text
    assert KEY not in caplog.text
    assert shop.webhooks.get(shop.id)["urlVerified"] is False


def test_the_history_hides_what_proves_the_sender(bench):
    shop = Shop(bench, receiverWorkflowNamesToVersions={"waiting": 1})
    shop.send({"n": 1})
    assert json.loads(shop.history[0]["payload"]) == {"headers": {"x-key": "***", "x-trace": "t-1"}, "body": {"n": 1}}
    shop.send({"n": "x" * 200_000})
    assert json.loads(shop.history[0]["payload"])["body"] == "200009 bytes, not kept"
    for number in range(102):
        shop.send({"number": number})
    numbers = [json.loads(one["payload"])["body"]["number"] for one in shop.history]
    assert numbers == list(reversed(range(2, 102)))
    assert shop.webhooks.get(shop.id)["urlVerified"] is True


def test_an_unknown_webhook_and_a_body_that_is_not_json_change_nothing(bench, caplog):
    shop = Shop(bench, workflowsToStart={"told": 1})
    assert shop.webhooks.receive("missing", Delivery("POST", HEADERS, {}, b"{}")) is None
    assert "webhook_unknown" in caplog.text
    for body in (b"{", b"a=1&b=2", b"\xff"):
        with pytest.raises(UnreadableBodyError):
            shop.send(body)
    assert shop.history == []
    shop.send(b"")
    assert len(shop.history) == 1


def test_a_get_request_is_an_event_of_its_query(bench):
    bench.register("told", ("NOOP", "n", {}, {}))
    shop = Shop(bench, workflowsToStart={"told": 1})
    shop.send(b"ignored", method="GET", order="A-1")
    assert bench.runs_of("told") == [{"order": "A-1"}]
    with pytest.raises(UnverifiedError):
        shop.send(b"", {}, method="GET", order="A-2")


def test_a_challenge_verifies_the_address_and_dispatches_nothing(bench):
    bench.register("told", ("NOOP", "n", {}, {}))
    slack = Shop(bench, verifier="SLACK_BASED", secretValue=SECRET, workflowsToStart={"told": 1})
    challenge = {"type": "url_verification", "challenge": "c-1"}
    assert slack.send(challenge, {}) == {"challenge": "c-1"}
    assert (bench.runs_of("told"), slack.history) == ([], [])
    assert slack.webhooks.get(slack.id)["urlVerified"] is True
    with pytest.raises(UnverifiedError):  # a verified address is no proof of the sender
        slack.send({"n": 1}, {})
    body = json.dumps({"n": 2}).encode()
    headers = sign_webhook(body, SECRET, scheme="slack", clock=lambda: bench.clock.now_ms() / 1000)
    slack.send(body, {name.lower(): value for name, value in headers.items()})
    assert bench.runs_of("told") == [{"n": 2}]


def test_webhooks_and_waiting_tasks_survive_a_restart(open_bench, tmp_path):
    path = tmp_path / "conductor.db"
    key_file = tmp_path / "conductor.db.key"
    first = open_bench(path, key_file=key_file)
    wait_for(first, matching={"$.n": 1})
    shop = Shop(first, receiverWorkflowNamesToVersions={"waiting": 1})
    shop.send({"n": 0})
    workflow_id, history = first.start("waiting"), shop.history
    first.close()
    first.close = lambda: None
    assert KEY.encode() not in path.read_bytes()

    second = open_bench(path, key_file=key_file)
    shop.bench, shop.webhooks = second, second.orkes.webhooks
    assert shop.history == history
    shop.send({"n": 1})
    assert second.run(workflow_id)["status"] == "COMPLETED"


def test_a_waiting_task_ends_by_an_update_and_with_its_workflow(bench):
    wait_for(bench)
    shop = Shop(bench, receiverWorkflowNamesToVersions={"waiting": 1})
    updated, terminated = bench.start("waiting"), bench.start("waiting")
    task_id = bench.run(updated)["tasks"][0]["taskId"]
    bench.services.tasks.update({"taskId": task_id, "workflowInstanceId": updated, "status": "COMPLETED"})
    bench.services.executions.terminate(terminated, None)
    shop.send({"n": 1})
    assert shop.history[0]["workflowIds"] == []
    assert bench.run(updated)["output"] == {}
    bench.services.recovery.retry(terminated, resume_children=False)
    shop.send({"n": 2})
    assert bench.run(terminated)["output"] == {"n": 2}
