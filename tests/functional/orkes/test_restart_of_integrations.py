"""What integrations, prompts, services, events and the gateway store survives a restart, and hides secrets."""

import threading

import pytest
import requests
from fake_services import KEY, FakeServices

import conductor.server
from conductor import ConductorClient, Workflow
from conductor.workflow import llm_chat_complete, llm_get_embeddings, llm_store_embeddings


@pytest.fixture
def fake():
    one = FakeServices()
    yield one
    one.stop()


def test_state_survives_a_restart_and_secrets_are_not_in_the_file(fake, tmp_path):
    database = tmp_path / "conductor.db"
    secrets = {KEY, "broker-password", "registry-secret", "gateway-key"}
    with conductor.server.start(edition="orkes", database=database) as server, ConductorClient(server.url) as client:
        client.integrations.save_provider(
            "ai", {"type": "openai", "configuration": {"endpoint": f"{fake.url}/v1", "api_key": KEY}}
        )
        client.integrations.save_api("ai", "small", {})
        client.integrations.save_provider("vectors", {"type": "pineconedb"})
        client.prompts.save("greet", "Hi ${name}", description="d", models=["ai:small"])
        client.prompts.save("greet", "Hello ${name}", description="d", auto_increment=True)
        client.events.save_queue_config("kafka", "q", {"password": "broker-password"})
        client.events.create_handler(
            {
                "name": "h",
                "event": "conductor:e",
                "active": True,
                "actions": [{"action": "start_workflow", "start_workflow": {"name": "missing"}}],
            }
        )
        client.events.publish({"event": "conductor:e", "n": 1})
        client.services.save({"name": "s", "type": "HTTP", "authMetadata": {"key": "X", "value": "registry-secret"}})
        client.gateway.create_auth_config({"id": "a", "authenticationType": "API_KEY", "apiKeys": ["gateway-key"]})
        run(client, llm_store_embeddings("vectors", "i", [1.0, 2.0], id="d"), chat())
    content = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.name.startswith("conductor.db"))
    key_file = (tmp_path / "conductor.db.key").read_bytes()
    for secret in secrets:
        assert secret.encode() not in content, secret
        assert secret.encode() not in key_file, secret
    with conductor.server.start(edition="orkes", database=database) as server, ConductorClient(server.url) as client:
        assert [one.version for one in client.prompts.list_versions("greet")] == [1, 2]
        assert client.integrations.get_token_usage("ai", "small") == 12
        assert client.events.get_queue_config("kafka", "q") == {"password": "***"}
        assert [one.status for one in client.events.list_executions("h")] == ["FAILED"]
        client.events.publish({"event": "conductor:e", "n": 2})
        assert [one.full_payload["n"] for one in client.events.list_messages("conductor:e")] == [2, 1]
        assert client.services.get("s").unknown_fields["authMetadata"]["value"] == "registry-secret"
        assert client.gateway.get_auth_config("a")["apiKeys"] == ["***"]
        found = run(client, llm_get_embeddings("vectors", "i", [1.0, 2.0]), chat())
        assert found.status == "COMPLETED"
        assert found.tasks[0].output_data["result"][0]["docId"] == "d"
        for path in (
            "integrations/",
            "integrations/provider",
            "registry/service",
            "gateway/config/auth",
            "admin/config",
        ):
            answer = requests.get(f"{server.url}/{path}", timeout=30).text
            assert not any(secret in answer for secret in secrets), path


def test_a_call_in_flight_is_made_again_after_a_restart(fake, tmp_path):
    database = tmp_path / "conductor.db"
    reached, released = threading.Event(), threading.Event()

    def answer(_):
        reached.set()
        released.wait(30)
        return "late"

    fake.reply = answer
    with conductor.server.start(edition="orkes", database=database) as server, ConductorClient(server.url) as client:
        client.integrations.save_provider(
            "ai", {"type": "openai", "configuration": {"endpoint": f"{fake.url}/v1", "api_key": KEY}}
        )
        client.integrations.save_api("ai", "small", {})
        workflow = Workflow("restarted")
        workflow >> chat()
        workflow_id = workflow.start(client)
        assert reached.wait(30)
    fake.reply = lambda _: "again"
    with conductor.server.start(edition="orkes", database=database) as server, ConductorClient(server.url) as client:
        ended = client.workflows.wait(workflow_id, timeout=30)
        assert ended.tasks[-1].output_data["result"] == "again"
    released.set()


def chat():
    return llm_chat_complete("ai", "small", [{"role": "user", "message": "hi"}])


def run(client, *steps):
    workflow = Workflow("calls")
    for step in steps:
        workflow >> step
    return client.workflows.wait(workflow.start(client), timeout=30)
