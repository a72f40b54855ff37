"""Tasks that call models, MCP servers and embeddings through integrations; the services are fakes on this machine."""

import pytest
from fake_services import KEY, FakeServices

import conductor.server
from conductor import ConductorClient, Workflow
from conductor.errors import APIError
from conductor.workflow import (
    call_mcp_tool,
    list_mcp_tools,
    llm_chat_complete,
    llm_generate_embeddings,
    llm_get_embeddings,
    llm_index_document,
    llm_index_text,
    llm_search_embeddings,
    llm_search_index,
    llm_store_embeddings,
    llm_text_complete,
)


@pytest.fixture(scope="module")
def fake():
    one = FakeServices()
    yield one
    one.stop()


@pytest.fixture(autouse=True)
def healthy(fake):
    fake.status, fake.reply = 200, lambda text: f"echo: {text}"


@pytest.fixture(scope="module")
def client(fake):
    with (
        conductor.server.start(edition="orkes", secrets={"MODEL_KEY": KEY}) as server,
        ConductorClient(server.url) as one,
    ):
        settings = {"endpoint": f"{fake.url}/v1", "api_key": "${workflow.secrets.MODEL_KEY}"}
        one.integrations.save_provider("ai", {"type": "openai", "configuration": settings})
        for model in ("small", "embedder"):
            one.integrations.save_api("ai", model, {})
        one.integrations.save_provider("vectors", {"type": "pineconedb", "configuration": {"api_key": "p"}})
        one.integrations.save_provider(
            "tools", {"type": "mcp", "configuration": {"endpoint": f"{fake.url}/mcp", "api_key": KEY}}
        )
        one.prompts.save("translate", "Translate ${text} to ${language}", description="d", models=["ai:small"])
        yield one


@pytest.fixture
def run(client):
    def run_steps(*steps):
        workflow = Workflow("model_calls")
        for step in steps:
            workflow >> step
        return client.workflows.wait(workflow.start(client, check=False), timeout=30)

    return run_steps


def task_of(execution):
    return execution.tasks[-1]


def test_text_completion_renders_the_prompt(run, fake, client):
    before = client.integrations.get_token_usage("ai", "small")
    done = run(
        llm_text_complete(
            "ai",
            "small",
            prompt_name="translate",
            prompt_variables={"text": "hei", "language": "German"},
            temperature=0.5,
            max_tokens=20,
            stop_words=["END"],
        )
    )
    assert done.status == "COMPLETED", done.reason_for_incompletion
    sent = fake.chats[-1]
    assert sent["messages"][0] == {"role": "system", "content": "Translate hei to German"}
    assert (sent["model"], sent["temperature"], sent["max_tokens"], sent["stop"]) == ("small", 0.5, 20, ["END"])
    assert task_of(done).output_data == {
        "result": f"echo: {sent['messages'][-1]['content']}",
        "finishReason": "STOP",
        "tokenUsed": 12,
        "promptTokens": 7,
        "completionTokens": 5,
    }
    assert client.integrations.get_token_usage("ai", "small") == before + 12
    (day,) = [one for one in client.integrations.list_token_usage("ai") if one.api == "small"]
    assert day.total_tokens == before + 12


def test_chat_keeps_roles_and_parses_json(run, fake):
    fake.reply = lambda _: '```json\n{"total": 3}\n```'
    messages = [{"role": "human", "message": "add"}, {"role": "assistant", "message": "1+2?"}]
    done = run(
        llm_chat_complete("ai", "small", messages, instructions="You add numbers", user_input="yes", json_output=True)
    )
    assert task_of(done).output_data["result"] == {"total": 3}
    assert [one["role"] for one in fake.chats[-1]["messages"]] == ["system", "user", "assistant", "user"]
    assert fake.chats[-1]["response_format"] == {"type": "json_object"}


def test_tool_calls_of_a_model_become_output(run):
    tools = [{"name": "weather", "type": "CALL_MCP_TOOL", "inputSchema": {"type": "object"}}]
    done = run(llm_chat_complete("ai", "small", [{"role": "user", "message": "Oslo?"}], tools=tools))
    assert task_of(done).output_data["toolCalls"] == [
        {"taskReferenceName": "c1", "name": "weather", "type": "CALL_MCP_TOOL", "inputParameters": {"city": "Oslo"}}
    ]
    assert task_of(done).output_data["finishReason"] == "TOOL_CALLS"


def test_failures_of_a_model_explain_themselves_without_the_key(run, fake, client):
    fake.status = 503
    failed = run(llm_chat_complete("ai", "small", [{"role": "user", "message": "hi"}]))
    reason = task_of(failed).reason_for_incompletion
    assert (failed.status, task_of(failed).status) == ("FAILED", "FAILED")
    assert "503" in reason
    assert "ai" in reason
    assert "***" in reason
    assert KEY not in reason
    fake.status = 200
    client.integrations.save_provider(
        "wrong", {"type": "openai", "configuration": {"endpoint": f"{fake.url}/v1", "api_key": "sk-wrong"}}
    )
    client.integrations.save_api("wrong", "m", {})
    reason = task_of(run(llm_chat_complete("wrong", "m", [{"role": "user", "message": "hi"}]))).reason_for_incompletion
    assert "401" in reason
    assert "sk-wrong" not in reason
    client.integrations.save_provider("silent", {"type": "azure_openai"})
    client.integrations.save_api("silent", "m", {})
    client.integrations.save_provider("off", {"type": "openai", "enabled": False})
    client.integrations.save_api("off", "m", {})
    user = [{"role": "user", "message": "hi"}]
    for step, words in [
        (llm_chat_complete("nobody", "small", user), "nobody"),
        (llm_chat_complete("ai", "unknown", user), "unknown"),
        (llm_chat_complete("ai", "small", [{"role": "boss", "message": "hi"}]), "boss"),
        (llm_chat_complete("ai", "small", []), "neither instructions nor messages"),
        (llm_chat_complete("silent", "m", user), "endpoint"),
        (llm_chat_complete("off", "m", user), "disabled"),
        (llm_text_complete("ai", "small", prompt_name="missing"), "missing"),
        (llm_text_complete("ai", "embedder", prompt_name="translate"), "associate"),
        (llm_text_complete("ai", "small"), "prompt"),
        (
            llm_index_text("nowhere", "i", "text", embedding_provider="ai", embedding_model="embedder", doc_id="1"),
            "nowhere",
        ),
        (llm_store_embeddings("vectors", "i", "no numbers", id="1"), "list of numbers"),
    ]:
        task = task_of(run(step))
        assert task.status == "FAILED_WITH_TERMINAL_ERROR", words
        assert words in task.reason_for_incompletion


def test_a_prompt_is_tested_against_a_model(client):
    request = {"llmProvider": "ai", "model": "small", "prompt": "Say ${word}", "promptVariables": {"word": "yes"}}
    assert client.prompts.test(request) == "echo: Say yes"
    with pytest.raises(APIError) as error:
        client.prompts.test({**request, "model": "unknown"})
    assert error.value.status == 404
    for wrong in ({"prompt": None}, {"prompt": " "}):
        with pytest.raises(APIError) as error:
            client.prompts.test({**request, **wrong})
        assert error.value.status == 400, wrong


def test_texts_are_indexed_and_found_by_their_embeddings(run, fake):
    model = {"embedding_provider": "ai", "embedding_model": "embedder"}
    done = run(
        llm_index_text("vectors", "terms", "apples and avocados", doc_id="a", document_metadata={"l": "en"}, **model),
        llm_index_text("vectors", "terms", "bananas by boat", doc_id="b", **model),
        llm_search_index("vectors", "terms", query="big blue bananas", max_results=2, **model),
    )
    found = task_of(done).output_data["result"]
    assert [one["docId"] for one in found] == ["b", "a"]
    assert found[0]["text"] == "bananas by boat"
    assert found[0]["score"] > found[1]["score"]
    assert found[1]["metadata"] == {"l": "en"}
    vector = task_of(run(llm_generate_embeddings("ai", "embedder", "cherries"))).output_data["result"]
    assert len(vector) == 26
    assert vector[2] == 1
    done = run(
        llm_store_embeddings("vectors", "raw", vector, id="c"),
        llm_get_embeddings("vectors", "raw", vector),
        llm_search_embeddings("vectors", "raw", vector),
    )
    for task in done.tasks[1:]:
        assert [(one["docId"], round(one["score"], 6)) for one in task.output_data["result"]] == [("c", 1.0)]
    failed = task_of(run(llm_store_embeddings("vectors", "raw", [1.0, 2.0], id="d")))
    assert "dimensions" in failed.reason_for_incompletion


def test_documents_are_read_chunked_and_indexed(run, fake):
    done = run(
        llm_index_document(
            "vectors", "docs", f"{fake.url}/page.html", embedding_provider="ai", embedding_model="embedder"
        ),
        llm_search_index("vectors", "docs", query="refunds", embedding_provider="ai", embedding_model="embedder"),
    )
    (found,) = task_of(done).output_data["result"]
    assert found["text"] == "Terms\nRefunds take five days."


def test_mcp_tools_are_listed_and_called(run, fake):
    for server in ("tools", f"{fake.url}/mcp"):
        listed = task_of(run(list_mcp_tools(server))).output_data
        assert listed == {
            "tools": [{"name": "weather", "description": "The weather", "inputSchema": {"type": "object"}}]
        }
    called = task_of(run(call_mcp_tool("tools", "weather", {"city": "Oslo"}))).output_data
    assert called["isError"] is False
    assert called["content"][0]["parsed"] == {"city": "Oslo", "sky": "günstig"}
    failed = task_of(run(call_mcp_tool("tools", "nothing", {})))
    assert failed.status == "FAILED"
    assert "unknown tool" in failed.reason_for_incompletion
    assert KEY not in failed.reason_for_incompletion
