"""Prompts and integrations on the Orkes edition, through our own client."""

import pytest
import requests
from refusals import refused

from conductor.errors import NotFoundError


def post(server, path, body):
    return requests.post(f"{server.url}{path}", json=body, timeout=30).status_code


def test_prompts_have_versions_variables_models_and_tags(client):
    prompts = client.prompts
    prompts.save("greet", 'Hello "${name}",\n${ mood } day, {{weather}}', description="greets", models=["ai:small"])
    first = prompts.get("greet")
    assert (first.version, first.variables, first.integrations) == (1, ["name", "mood"], ["ai:small"])
    assert first.template == 'Hello "${name}",\n${ mood } day, {{weather}}'
    prompts.save("greet", "Hi", description="short", auto_increment=True)
    prompts.update("greet", "Hi ${name}", description="short")
    assert [(one.version, one.template) for one in prompts.list_versions("greet")] == [
        (1, first.template),
        (2, "Hi ${name}"),
    ]
    prompts.save("greet", "first again", description="overwrites version 1")
    assert prompts.get("greet", 1).template == "first again"
    assert prompts.get("greet").version == 2
    assert [one.version for one in prompts.list() if one.name == "greet"] == [2]
    prompts.set_tags("greet", {"team": "docs"})
    prompts.set_tags("greet", {"team": "sales"})
    assert [(tag.key, tag.value) for tag in prompts.list_tags("greet")] == [("team", "docs"), ("team", "sales")]
    prompts.delete_tags("greet", {"team": "docs"})
    assert [tag.value for tag in prompts.get("greet").tags] == ["sales"]
    prompts.delete_version("greet", 2)
    assert prompts.get("greet").version == 1
    prompts.delete("greet")
    prompts.delete("greet")
    assert "greet" in refused(404, prompts.get, "greet")
    prompts.save("greet", "again", description="new")
    assert prompts.get("greet").tags is None
    prompts.delete("greet")


def test_bad_prompts_are_refused_and_nothing_is_stored(client):
    prompts = client.prompts
    refused(400, prompts.save, "bad", "text", description="")
    refused(400, prompts.save, "bad", " ", description="d")
    refused(400, prompts.save, "bad", "text", description="d", version=-1)
    good, bad = {"name": "bad", "template": "t", "description": "d"}, {"name": "worse", "template": "t"}
    refused(400, prompts.save_all, [good, bad])
    refused(404, prompts.get, "bad")
    for call in (prompts.list_versions, prompts.list_tags):
        refused(404, call, "bad")
    refused(404, prompts.set_tags, "bad", {"a": "b"})
    prompts.save_all([good])
    assert prompts.get("bad").version == 1
    prompts.delete("bad")


def test_integrations_keep_their_secrets(client):
    integrations = client.integrations
    details = {
        "type": "openai",
        "category": "AI_MODEL",
        "description": "models",
        "enabled": True,
        "configuration": {"api_key": "sk-1", "endpoint": "http://me:pw@host/v1", "headers": {"Authorization": "x"}},
    }
    integrations.save_provider("ai", details)
    shown = integrations.get_provider("ai")
    assert shown.configuration == {
        "api_key": "***",
        "endpoint": "http://***@host/v1",
        "headers": {"Authorization": "***"},
    }
    assert (shown.category, shown.models_count) == ("AI_MODEL", 0)
    integrations.save_api("ai", "small", {"description": "cheap", "configuration": {"token": "t"}})
    integrations.save_api("ai", "old", {"enabled": False})
    assert integrations.get_api("ai", "small").configuration == {"token": "***"}
    assert [one.api for one in integrations.list_apis("ai")] == ["small"]
    assert [one.api for one in integrations.list_apis("ai", active_only=False)] == ["old", "small"]
    assert integrations.list_available_apis("ai") == ["old", "small"]
    assert integrations.list_all_names() == ["ai", "ai:small"]
    assert integrations.list_all_names("VECTOR_DB") == []
    (listed,) = integrations.list("AI_MODEL")
    assert ([one.api for one in listed.apis], listed.models_count) == (["small"], 2)
    assert [one.name for one in integrations.list_providers()] == ["ai"]
    client.prompts.save("ask", "${q}", description="asks")
    integrations.associate_prompt("ai", "small", "ask")
    assert [one.name for one in integrations.list_prompts("ai", "small")] == ["ask"]
    assert client.prompts.get("ask").integrations == ["ai:small"]
    integrations.set_provider_tags("ai", {"team": "a"})
    integrations.set_provider_tags("ai", {"team": "b"})
    integrations.set_api_tags("ai", "small", {"tier": "1"})
    assert [tag.value for tag in integrations.list_provider_tags("ai")] == ["b"]
    assert [tag.value for tag in integrations.list_api_tags("ai", "small")] == ["1"]
    integrations.delete_provider_tags("ai", {"team": "b"})
    integrations.delete_api_tags("ai", "small", {"tier": "1"})
    assert integrations.list_provider_tags("ai") == integrations.list_api_tags("ai", "small") == []
    integrations.save_token_limit("ai", {"maxTokens": 10, "tokenLimitPeriod": "DAY"})
    assert integrations.get_token_limit("ai").max_tokens == 10
    assert integrations.list_token_usage("ai") == []
    assert integrations.get_token_usage("ai", "small") == 0
    integrations.record_event_stats("SEND", [{"id": "1", "event": "e"}])
    integrations.delete_api("ai", "small")
    refused(404, integrations.get_api, "ai", "small")
    integrations.delete_provider("ai")
    refused(404, integrations.get_provider, "ai")
    refused(404, integrations.list_apis, "ai")


def test_kinds_of_integrations_are_listed_and_registered(client):
    integrations = client.integrations
    openai = integrations.get_definition("openai")
    assert {one.field_name: one.field_type for one in openai.configuration}["api_key"] == "PASSWORD"
    refused(404, integrations.get_definition, "mine")
    refused(400, integrations.register_definitions, [{"name": "mine"}, {"category": "API"}])
    refused(404, integrations.get_definition, "mine")
    integrations.register_definitions([{"name": "mine", "category": "GIT"}])
    assert integrations.get_definition("mine").category == "GIT"
    assert "mine" in [one.name for one in integrations.list_definitions()]


def test_bad_integrations_are_refused_and_nothing_is_stored(client, server):
    integrations = client.integrations
    for unknown in (integrations.get_provider, integrations.delete_provider, integrations.list_provider_tags):
        assert "nobody" in refused(404, unknown, "nobody")
    refused(404, integrations.save_api, "nobody", "m", {})
    integrations.save_all([{"name": "broker", "type": "kafka", "apis": [{"api": "topic"}]}])
    assert integrations.get_provider("broker").category == "MESSAGE_BROKER"
    refused(400, integrations.save_provider, "broker", {"type": "sqs"})
    assert post(server, "/integrations/provider/broker", {"type": "kafka", "configuration": "text"}) == 500
    assert (
        post(
            server,
            "/integrations/",
            [{"name": "other", "type": "kafka"}, {"name": "bad", "type": "kafka", "category": "SPACESHIP"}],
        )
        == 500
    )
    assert post(server, "/integrations/", {"name": "other"}) == 500
    assert post(server, "/integrations/provider/other", [1]) == 500
    assert integrations.get_provider("broker").type == "kafka"
    with pytest.raises(NotFoundError):
        integrations.get_provider("other")
    refused(404, integrations.associate_prompt, "broker", "topic", "unknown")
    refused(404, integrations.list_prompts, "broker", "unknown")
    refused(400, integrations.save_token_limit, "broker", {"maxTokens": -1})
    integrations.delete_provider("broker")
