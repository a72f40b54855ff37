"""Webhooks on the Orkes edition: configured with the client, delivered as senders do."""

import json
import logging
from contextlib import ExitStack

import pytest
import requests

from conductor import ConductorClient, Workflow
from conductor.errors import AuthenticationError, BadRequestError, NotFoundError
from conductor.server import start
from conductor.webhook import sign_webhook
from conductor.workflow import noop, set_variable, wait_for_webhook

SECRET = "shared with the sender"
HUB = {"name": "hub", "verifier": "SIGNATURE_BASED", "headerKey": "X-Hub-Signature-256", "secretValue": SECRET}
SHOP = {"name": "shop", "verifier": "HEADER_BASED", "headers": {"X-Key": SECRET}}


def sale(client):
    """Register a workflow that waits for the payment of its order."""
    flow = Workflow("sale", input_parameters=["order"])
    paid = flow.add(wait_for_webhook({"$['type']": "paid", "$['order']": flow.input.order}, ref="payment"))
    flow >> set_variable(amount=paid.output.amount)
    flow.returns(amount=paid.output.amount)
    flow.register(client, overwrite=True)
    return flow


def deliver(server, webhook_id, event, *, path="/webhook/", secret=SECRET, scheme="github"):
    body = json.dumps(event).encode()
    headers = {"Content-Type": "application/json", **sign_webhook(body, secret, scheme=scheme)}
    return requests.post(f"{server.address}{path}{webhook_id}", data=body, headers=headers, timeout=30)


def test_a_signed_delivery_continues_the_workflow_that_waits_for_it(open_server, orkes):
    flow = sale(orkes)
    webhook = orkes.webhooks.create({**HUB, "receiverWorkflowNamesToVersions": {"sale": 1}})
    first, second = (flow.start(orkes, {"order": order}) for order in ("A-1", "A-2"))

    response = deliver(open_server, webhook.id, {"type": "paid", "order": "A-1", "amount": 9.5})
    assert (response.status_code, response.content) == (200, b"")
    assert orkes.workflows.get(first).output == {"amount": 9.5}
    assert orkes.workflows.get(second).status == "RUNNING"
    refused = deliver(open_server, webhook.id, {"type": "paid", "order": "A-2"}, secret="the secret of another")
    assert (refused.status_code, refused.text) == (401, "The webhook could not be verified")
    assert orkes.workflows.get(second).status == "RUNNING"
    deliver(open_server, webhook.id, {"type": "paid", "order": "A-2", "amount": 2}, path="/api/webhook/")
    assert orkes.workflows.get(second).output == {"amount": 2}

    known = orkes.webhooks.get(webhook.id)
    assert known.url_verified is True
    newest, middle, oldest = known.webhook_execution_history
    assert (oldest.matched, oldest.workflow_ids, middle.matched) == (True, [first], False)
    assert newest.workflow_ids == [second]


def test_slack_and_stripe_sign_the_time(open_server, orkes):
    (Workflow("told") >> noop()).register(orkes, overwrite=True)
    for scheme, verifier in (("slack", "SLACK_BASED"), ("stripe", "STRIPE")):
        config = {"name": scheme, "verifier": verifier, "secretValue": SECRET, "workflowsToStart": {"told": 1}}
        webhook = orkes.webhooks.create(config)
        event = {"from": scheme, "api_version": "2026-01-01"}
        assert deliver(open_server, webhook.id, event, scheme=scheme).status_code == 200
        assert deliver(open_server, webhook.id, event, scheme="github").status_code == 401
    found = orkes.workflows.search(workflow_type="told")
    assert found.total_hits == 2


def test_webhooks_are_managed_with_the_client(orkes):
    (Workflow("told") >> noop()).register(orkes, overwrite=True)
    webhooks = orkes.webhooks
    made = webhooks.create({**SHOP, "workflowsToStart": {"told": 1}})
    assert made.headers == {"X-Key": SECRET}
    assert webhooks.send(made.id, {"n": 1}, headers={"X-Key": SECRET}, query={"from": "test"}) == ""
    with pytest.raises(AuthenticationError):
        webhooks.verify(made.id, query={"n": "2"})
    with pytest.raises(AuthenticationError):
        webhooks.send(made.id, {"n": 3})
    hidden = {**SHOP, "headers": {"X-Key": "***"}, "workflowsToStart": {"told": 1}}
    changed = webhooks.update(made.id, {**hidden, "name": "new"})
    assert changed.name == "new"
    webhooks.send(made.id, {"n": 4}, headers={"X-Key": SECRET})
    webhooks.set_tags(made.id, {"team": "sales"})
    assert [tag.value for tag in webhooks.list_tags(made.id)] == ["sales"]
    (listed,) = webhooks.list()
    assert (listed.id, listed.headers, listed.webhook_execution_history) == (made.id, {"X-Key": "***"}, None)
    inputs = [run.input for run in orkes.workflows.iterate_search(workflow_type="told")]
    assert len(inputs) == 2
    webhooks.delete(made.id)
    with pytest.raises(NotFoundError):
        webhooks.get(made.id)
    assert webhooks.send(made.id, {"n": 5}) == ""  # as on Orkes: nobody learns which webhooks exist


def test_platforms_verify_the_address(open_server, orkes):
    slack = orkes.webhooks.create({"name": "s", "verifier": "SLACK_BASED", "workflowsToStart": {"told": 1}})
    greeting = {"type": "url_verification", "challenge": "c-1"}
    response = requests.post(f"{open_server.address}/webhook/{slack.id}", json=greeting, timeout=30)
    assert response.json() == {"challenge": "c-1"}
    config = {"name": "t", "verifier": "TWITTER", "secretValue": SECRET, "workflowsToStart": {"told": 1}}
    twitter = orkes.webhooks.create(config)
    answer = json.loads(orkes.webhooks.verify(twitter.id, query={"crc_token": "t-1"}))
    assert answer["response_token"].startswith("sha256=")
    assert all(webhook.url_verified for webhook in orkes.webhooks.list())


def test_senders_need_no_token_and_others_do(access):
    webhook = access.admin.webhooks.create({**HUB, "workflowsToStart": {"told": 1}})
    for path in ("/webhook/", "/api/webhook/"):
        assert deliver(access.server, webhook.id, {"n": 1}, path=path).status_code == 200
    configurations = f"{access.server.url}/metadata/webhook"
    assert requests.get(configurations, timeout=30).status_code == 401
    _, client = access.application("shop")
    assert client.webhooks.list() == []


def test_secrets_are_in_no_answer_no_log_and_no_file(tmp_path, caplog):
    database = tmp_path / "conductor.db"
    with ExitStack() as stack, caplog.at_level(logging.DEBUG):
        server = stack.enter_context(start(database=database, edition="orkes"))
        client = stack.enter_context(ConductorClient(server_url=server.url))
        made = [client.webhooks.create({**config, "workflowsToStart": {"missing": 1}}).id for config in (HUB, SHOP)]
        client.webhooks.send(made[1], {"n": 1}, headers={"X-Key": SECRET})
        shown = []
        for webhook_id in made:
            deliver(server, webhook_id, {"n": 2})
            deliver(server, webhook_id, {"n": 3}, secret="the secret of another")
            shown.append(requests.get(f"{server.url}/metadata/webhook/{webhook_id}", timeout=30).text)
            shown.append(requests.put(f"{server.url}/metadata/webhook/{webhook_id}", json={}, timeout=30).text)
        shown.append(requests.get(f"{server.url}/metadata/webhook", timeout=30).text)
    assert not [text for text in [*shown, caplog.text] if SECRET in text]
    for file in tmp_path.iterdir():
        assert SECRET.encode() not in file.read_bytes(), file.name


def test_bad_requests_store_nothing(open_server, orkes):
    valid = {"name": "w", "verifier": "HEADER_BASED", "headers": {"a": "b"}, "workflowsToStart": {"told": 1}}
    base = f"{open_server.url}/metadata/webhook"
    for method, path, body, status in (
        ("POST", "", "{", 500),
        ("POST", "", "[]", 500),
        ("POST", "", "{}", 400),
        ("POST", "", json.dumps({**valid, "verifier": "TRUST"}), 500),
        ("POST", "", json.dumps({**valid, "headers": {}}), 400),
        ("PUT", "/missing", json.dumps(valid), 404),
        ("GET", "/missing", None, 404),
        ("DELETE", "/missing", None, 404),
        ("PUT", "/missing/tags", "[]", 404),
    ):
        headers = {"Content-Type": "application/json"} if body is not None else {}
        response = requests.request(method, base + path, data=body, headers=headers, timeout=30)
        assert response.status_code == status, (method, path, response.text)
    assert orkes.webhooks.list() == []
    with pytest.raises(BadRequestError, match="receiverWorkflowNamesToVersions"):
        orkes.webhooks.create(SHOP)
    webhook = orkes.webhooks.create({**SHOP, "workflowsToStart": {"told": 1}})
    address = f"{open_server.address}/webhook/{webhook.id}"
    response = requests.post(address, data="a=1", headers={"X-Key": SECRET}, timeout=30)
    assert (response.status_code, response.text) == (400, "The body of the webhook is not JSON")
