"""Requests to models and MCP servers, and what their responses mean."""

import json

import pytest

from conductor.server.orkes.integration_kinds import masked, secrets_in, unmasked
from conductor.server.orkes.mcp import McpClient
from conductor.server.orkes.model_api import (
    Endpoint,
    ModelError,
    chat_messages,
    chat_output,
    chat_request,
    embedding_of,
    usage_of,
)
from conductor.server.orkes.model_tasks import chunks
from conductor.server.orkes.prompts import rendered


def reply(content, **more):
    return {"choices": [{"message": {"content": content, **more}, "finish_reason": "length"}]}


def test_templates_are_rendered_and_unknown_variables_stay():
    assert rendered("${a} {{ b }} ${ c } ${d}", {"a": 1.5, "b": {"x": [1]}, "c": "$${a}"}) == "1.5 {x=[1]} $${a} ${d}"


def test_options_of_a_task_become_options_of_the_request():
    options = {"temperature": 0, "topP": 0.5, "stopWords": [], "maxTokens": None, "reasoningEffort": "low"}
    request = chat_request("m", [], {**options, "tools": [{"name": "t"}]})
    assert {name: request[name] for name in ("temperature", "top_p", "reasoning_effort")} == {
        "temperature": 0,
        "top_p": 0.5,
        "reasoning_effort": "low",
    }
    assert not {"stop", "max_tokens", "response_format"} & request.keys()
    assert request["tools"][0]["function"]["parameters"] == {"type": "object", "properties": {}}
    for tools in ("t", [1], [{}]):
        with pytest.raises(ModelError, match="tools"):
            chat_request("m", [], {"tools": tools})


def test_messages_keep_roles_and_tool_calls():
    call = {"taskReferenceName": "c", "name": "t", "inputParameters": {"a": 1}, "output": {"b": 2}}
    made = chat_messages(
        "system", [{"role": "tool_call", "toolCalls": [call]}, {"role": "tool", "toolCalls": [call]}], "u"
    )
    assert [one["role"] for one in made] == ["system", "assistant", "tool", "user"]
    assert made[1]["tool_calls"] == [
        {"id": "c", "type": "function", "function": {"name": "t", "arguments": '{"a": 1}'}}
    ]
    assert made[2] == {"role": "tool", "tool_call_id": "c", "content": '{"b": 2}'}
    for messages in ("text", [1], [{"message": "no role"}], [{"role": "user"}, {"role": 5}]):
        with pytest.raises(ModelError) as error:
            chat_messages(None, messages)
        assert error.value.is_final


def test_results_are_parsed_if_they_are_objects_or_wanted_as_json():
    for content, wants_json, result in [
        ("plain", False, "plain"),
        ('{"a": 1}', False, {"a": 1}),
        ("[1, 2]", False, "[1, 2]"),
        ("[1, 2]", True, [1, 2]),
        ("```json\n{}\n```", True, {}),
        (None, False, None),
    ]:
        assert chat_output(reply(content), {"jsonOutput": wants_json})["result"] == result, content
    assert chat_output(reply("x"), {})["finishReason"] == "LENGTH"
    with pytest.raises(ModelError, match="not JSON"):
        chat_output(reply("plain"), {"jsonOutput": True})
    tools = reply(None, tool_calls=[{"id": "1", "function": {"name": "t", "arguments": "{broken"}}])
    assert chat_output(tools, {"jsonOutput": True})["toolCalls"][0]["inputParameters"] == {"arguments": "{broken"}


def test_responses_of_another_shape_are_failures():
    for body in (None, "text", [], {}, {"choices": []}, {"choices": [1]}, {"choices": [{}]}, {"choices": "text"}):
        with pytest.raises(ModelError, match="OpenAI-compatible"):
            chat_output(body, {})
        with pytest.raises(ModelError, match="OpenAI-compatible"):
            embedding_of(body)
    with pytest.raises(ModelError):
        embedding_of({"data": [{"embedding": [1, "2"]}]})
    for usage in (None, "text", {"prompt_tokens": "many"}, {"prompt_tokens": True}):
        assert usage_of({"usage": usage}) == {"tokenUsed": 0, "promptTokens": 0, "completionTokens": 0}


def test_endpoints_authenticate_and_hide_what_they_send():
    endpoint = Endpoint.of(
        "ai", {"type": "azure_openai", "endpoint": "http://me:pw@host/", "api_key": "k-1", "headers": {"X": "h-1"}}
    )
    assert (endpoint.url, dict(endpoint.headers)) == ("http://me:pw@host", {"api-key": "k-1", "X": "h-1"})
    assert endpoint.hide("k-1 h-1 me:pw other") == "*** *** *** other"
    assert Endpoint.of("ai", {"type": "OpenAI"}).url == "https://api.openai.com/v1"
    with pytest.raises(ModelError, match="endpoint"):
        Endpoint.of("ai", {"type": "bedrock"})
    with pytest.raises(ModelError) as error:
        endpoint.post(lambda _: (None, "java.lang.Exception: 401 for k-1"), "x", {})
    assert str(error.value) == "The call of the integration ai failed: 401 for ***"


def test_secrets_of_configurations_are_masked_and_kept():
    known = {
        "api_key": "a",
        "awsAccessKey": "b",
        "serviceAccountCredentials": "c",
        "endpoint": "amqp://u:p@host",
        "port": 5672,
        "nested": [{"password": "d", "connectionString": "e"}],
        "tls": True,
        "authorization": None,
    }
    shown = masked(known)
    assert "'a'" not in str(shown)
    assert shown["endpoint"] == "amqp://***@host"
    assert (shown["port"], shown["tls"], shown["authorization"]) == (5672, True, None)
    assert set(secrets_in(known)) == {"a", "b", "c", "u:p", "d", "e"}
    assert unmasked({**shown, "nested": 1}, known) == {**known, "nested": 1}
    assert unmasked({"api_key": "***", "other": "***"}, known) == {"api_key": "a", "other": "***"}
    assert unmasked({"endpoint": "amqp://***@elsewhere"}, known) == {"endpoint": "amqp://***@elsewhere"}


def test_texts_are_cut_between_words():
    text = " ".join(f"word{number}" for number in range(100))
    parts = chunks(text, 100)
    assert " ".join(parts) == text
    assert max(map(len, parts)) <= 100
    overlapping = chunks("x" * 1000, 100, 20)
    assert sum(map(len, overlapping)) > 1000
    assert chunks("short") == ["short"]
    for size, overlap in ((99, 0), (10_001, 0), ("100", 0), (100, 50), (100, -1)):
        with pytest.raises(ModelError):
            chunks(text, size, overlap)


def test_mcp_servers_without_sessions_and_with_pages_are_read():
    sent = []

    def exchange(request):
        sent.append(request)
        body = request["body"]
        if body["method"] == "initialize":
            return None, "java.lang.Exception: 404 Not Found"
        cursor = body["params"].get("cursor")
        result = {"tools": [{"name": cursor or "first"}], **({} if cursor else {"nextCursor": "second"})}
        message = json.dumps({"jsonrpc": "2.0", "id": body["id"], "result": result})
        notice = json.dumps({"jsonrpc": "2.0", "method": "notifications/progress"})
        stream = f"event: message\r\ndata: {notice}\r\n\r\ndata: {message}\r\n\r\n"
        return {"body": stream, "headers": {"Content-Type": ["text/event-stream"]}}, ""

    client = McpClient(Endpoint.of("tools", {"endpoint": "http://host/mcp"}), exchange)
    assert [one["name"] for one in client.list_tools()] == ["first", "second"]
    assert {one["uri"] for one in sent} == {"http://host/mcp"}
    for body in ("data: {broken\n\n", {"jsonrpc": "2.0"}, None):
        broken = McpClient(client.endpoint, lambda _, body=body: ({"body": body, "headers": {}}, ""))
        with pytest.raises(ModelError, match="without a result"):
            broken.call_tool("x", {})
