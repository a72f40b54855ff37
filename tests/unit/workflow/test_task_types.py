"""Each builder's task, as written by hand. Blocks have separate tests."""

from datetime import timedelta

import pytest

from conductor import Workflow
from conductor.models import TaskType
from conductor.workflow import (
    agent,
    assignment,
    business_rule,
    call_mcp_tool,
    cancel_agent,
    chunk_text,
    conductor_agent,
    event,
    generate_audio,
    generate_image,
    generate_pdf,
    generate_video,
    get_agent_card,
    get_document,
    get_signed_jwt,
    get_workflow,
    grpc,
    http_poll,
    human,
    integration,
    jdbc,
    kafka_publish,
    lambda_,
    list_api_tools,
    list_files,
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
    mcp_remote,
    noop,
    opsgenie,
    parse_document,
    plan_and_compile,
    planner_context_fetch,
    pull_workflow_messages,
    query_processor,
    sendgrid,
    trigger,
    update_secret,
    update_task,
    wait_for_webhook,
    yield_,
)

EMBEDDING = {"embedding_provider": "openai", "embedding_model": "ada"}
EMBEDDED = {"embeddingModelProvider": "openai", "embeddingModel": "ada"}
STORE = {"vectorDB": "pine", "index": "docs"}
MODEL = {"llmProvider": "openai", "model": "gpt"}

TYPES = [
    (noop(), "NOOP", None, {}),
    (yield_({"a": 1}), "YIELD", {"a": 1}, {}),
    (event("conductor:done", {"a": 1}), "EVENT", {"a": 1}, {"sink": "conductor:done"}),
    (lambda_("return $.a", {"a": 1}), "LAMBDA", {"a": 1, "scriptExpression": "return $.a"}, {}),
    (
        http_poll(
            "http://x",
            "$.output.response.statusCode == 200",
            interval=timedelta(minutes=1),
            strategy="FIXED",
            max_polls=9,
        ),
        "HTTP_POLL",
        {
            "http_request": {
                "uri": "http://x",
                "method": "GET",
                "terminationCondition": "$.output.response.statusCode == 200",
                "pollingInterval": 60,
                "pollingStrategy": "FIXED",
                "maxPollCount": 9,
            }
        },
        {},
    ),
    (
        grpc(
            "svc",
            "p.S/M",
            {"a": 1},
            host="h",
            port=1,
            use_ssl=True,
            trust_cert=False,
            headers={"h": "1"},
            method_type="UNARY",
            input_type="I",
            output_type="O",
            hedging={"maxAttempts": 2},
        ),
        "GRPC",
        {
            "service": "svc",
            "method": "p.S/M",
            "host": "h",
            "port": 1,
            "useSSL": True,
            "trustCert": False,
            "headers": {"h": "1"},
            "request": {"a": 1},
            "methodType": "UNARY",
            "inputType": "I",
            "outputType": "O",
            "hedgingConfig": {"maxAttempts": 2},
        },
        {},
    ),
    (
        kafka_publish(
            "t",
            {"v": 1},
            servers="h:1",
            key="k",
            key_serializer="S",
            headers={"h": 1},
            request_timeout_ms=5,
            max_block_ms=6,
        ),
        "KAFKA_PUBLISH",
        {
            "kafka_request": {
                "bootStrapServers": "h:1",
                "topic": "t",
                "value": {"v": 1},
                "key": "k",
                "keySerializer": "S",
                "headers": {"h": 1},
                "requestTimeoutMs": 5,
                "maxBlockMs": 6,
            }
        },
        {},
    ),
    (pull_workflow_messages(5, blocking=False), "PULL_WORKFLOW_MESSAGES", {"batchSize": 5, "blocking": False}, {}),
    (wait_for_webhook({"$['type']": "paid"}), "WAIT_FOR_WEBHOOK", {"matches": {"$['type']": "paid"}}, {}),
    (human({"a": 1}), "HUMAN", {"a": 1}, {}),
    (
        human(
            display_name="Approve",
            form=("approval", 2),
            assignments=[assignment("ann", sla_minutes=30), assignment("staff", "EXTERNAL_GROUP")],
            completion_strategy="TERMINATE",
            triggers=[trigger("COMPLETED", "tell", {"a": 1}, version=1)],
            auto_claim=True,
        ),
        "HUMAN",
        {
            "__humanTaskDefinition": {
                "displayName": "Approve",
                "userFormTemplate": {"name": "approval", "version": 2},
                "assignments": [
                    {"assignee": {"userType": "EXTERNAL_USER", "user": "ann"}, "slaMinutes": 30},
                    {"assignee": {"userType": "EXTERNAL_GROUP", "user": "staff"}},
                ],
                "assignmentCompletionStrategy": "TERMINATE",
                "taskTriggers": [
                    {
                        "triggerType": "COMPLETED",
                        "startWorkflowRequest": {"name": "tell", "version": 1, "input": {"a": 1}},
                    }
                ],
                "autoClaim": True,
            }
        },
        {},
    ),
    (
        jdbc("pg", "SELECT * FROM t WHERE id=?", [1]),
        "JDBC",
        {"integrationName": "pg", "statement": "SELECT * FROM t WHERE id=?", "parameters": [1], "type": "SELECT"},
        {},
    ),
    (
        jdbc(None, "DELETE FROM t", kind="UPDATE", expected_update_count=1, connection="c"),
        "JDBC",
        {
            "connectionId": "c",
            "statement": "DELETE FROM t",
            "parameters": [],
            "type": "UPDATE",
            "expectedUpdateCount": 1,
        },
        {},
    ),
    (
        business_rule("rules.xlsx", {"age": 1}, ["price"], cache_minutes=60),
        "BUSINESS_RULE",
        {
            "ruleFileLocation": "rules.xlsx",
            "executionStrategy": "FIRE_FIRST",
            "inputColumns": {"age": 1},
            "outputColumns": ["price"],
            "cacheTimeoutMinutes": 60,
        },
        {},
    ),
    (
        query_processor(workflow_names=["w"], statuses=["FAILED"], correlation_ids=[], start_time_from=60),
        "QUERY_PROCESSOR",
        {
            "workflowNames": ["w"],
            "statuses": ["FAILED"],
            "correlationIds": [],
            "queryType": "CONDUCTOR_API",
            "startTimeFrom": 60,
        },
        {},
    ),
    (update_secret("k", "v"), "UPDATE_SECRET", {"_secrets": {"secretKey": "k", "secretValue": "v"}}, {}),
    (
        get_signed_jwt(
            subject="s",
            issuer="i",
            audience="a",
            private_key="${workflow.secrets.key}",
            private_key_id="id",
            ttl=timedelta(hours=1),
            scopes=["r"],
        ),
        "GET_SIGNED_JWT",
        {
            "subject": "s",
            "issuer": "i",
            "privateKey": "${workflow.secrets.key}",
            "privateKeyId": "id",
            "audience": "a",
            "ttlInSecond": 3600,
            "scopes": ["r"],
            "algorithm": "RS256",
        },
        {},
    ),
    (
        update_task(workflow_id="w", task_ref="t", output={"a": 1}),
        "UPDATE_TASK",
        {
            "taskStatus": "COMPLETED",
            "workflowId": "w",
            "taskRefName": "t",
            "mergeOutput": False,
            "taskOutput": {"a": 1},
        },
        {},
    ),
    (get_workflow("w", include_tasks=True), "GET_WORKFLOW", {"id": "w", "includeTasks": True}, {}),
    (
        sendgrid(sender="a@x", to="b@x", subject="s", content="c", configuration="mail"),
        "SENDGRID",
        {
            "from": "a@x",
            "to": "b@x",
            "subject": "s",
            "contentType": "text/plain",
            "content": "c",
            "sendgridConfiguration": "mail",
        },
        {},
    ),
    (
        opsgenie("down", alias="a", alert_description="d", responders=[], visible_to=[], details={}, priority="P1"),
        "OPS_GENIE",
        {
            "alias": "a",
            "description": "d",
            "visibleTo": [],
            "message": "down",
            "responders": [],
            "details": {},
            "priority": "P1",
        },
        {},
    ),
    (
        get_document("http://d", media_type="text/html"),
        "GET_DOCUMENT",
        {"url": "http://d", "mediaType": "text/html"},
        {},
    ),
    (
        list_files("s3://b", file_types=["pdf"], integration="s3", output_location="o"),
        "LIST_FILES",
        {"inputLocation": "s3://b", "fileTypes": ["pdf"], "integrationName": "s3", "outputLocation": "o"},
        {},
    ),
    (
        parse_document("http://d", integration="s3", media_type="auto", chunk_size=0),
        "PARSE_DOCUMENT",
        {"integrationName": "s3", "url": "http://d", "mediaType": "auto", "chunkSize": 0},
        {},
    ),
    (chunk_text("t", chunk_size=10), "CHUNK_TEXT", {"text": "t", "chunkSize": 10}, {}),
    (
        generate_pdf("# T", page_size="A5", margin_top=10, base_font_size=9),
        "GENERATE_PDF",
        {"markdown": "# T", "pageSize": "A5", "marginTop": 10, "baseFontSize": 9},
        {},
    ),
    (
        list_mcp_tools("http://m", headers={"a": "b"}),
        "LIST_MCP_TOOLS",
        {"mcpServer": "http://m", "headers": {"a": "b"}},
        {},
    ),
    (
        list_api_tools("http://a/openapi.json", headers={"a": "b"}),
        "LIST_API_TOOLS",
        {"specUrl": "http://a/openapi.json", "headers": {"a": "b"}},
        {},
    ),
    (
        planner_context_fetch("http://d", headers={"a": "b"}, ttl_seconds=5, required=False),
        "PLANNER_CONTEXT_FETCH",
        {"url": "http://d", "headers": {"a": "b"}, "ttl_seconds": 5, "required": False},
        {},
    ),
    (
        plan_and_compile({"steps": []}, "agent", model="p/m", timeout_seconds=9, known_tools=["t"], parent_tools=[]),
        "PLAN_AND_COMPILE",
        {
            "planJson": {"steps": []},
            "parentName": "agent",
            "model": "p/m",
            "harnessTimeoutSeconds": 9,
            "knownToolNames": ["t"],
            "parentTools": [],
        },
        {},
    ),
    (
        call_mcp_tool("http://m", "add", {"a": 1}),
        "CALL_MCP_TOOL",
        {"mcpServer": "http://m", "method": "add", "arguments": {"a": 1}},
        {},
    ),
    (
        integration("svc", "m", {"a": 1}, kind="MCP", use_ssl=True),
        "INTEGRATION",
        {"service": "svc", "method": "m", "useSSL": True, "request": {"a": 1}, "integrationType": "MCP"},
        {},
    ),
    (mcp_remote("http://m", "m", {"a": 1}), "MCP_REMOTE", {"method": "m", "url": "http://m", "request": {"a": 1}}, {}),
    (
        agent("http://a", "do it", poll_interval_seconds=5, message_metadata={"m": 1}),
        "AGENT",
        {"agentType": "a2a", "agentUrl": "http://a", "text": "do it", "pollIntervalSeconds": 5, "metadata": {"m": 1}},
        {},
    ),
    (
        conductor_agent("planner", "do it", version=2, context={"a": 1}),
        "AGENT",
        {"agentType": "conductor", "name": "planner", "version": 2, "prompt": "do it", "context": {"a": 1}},
        {},
    ),
    (get_agent_card("http://a"), "GET_AGENT_CARD", {"agentType": "a2a", "agentUrl": "http://a"}, {}),
    (
        cancel_agent("http://a", "t", reason="r"),
        "CANCEL_AGENT",
        {"agentType": "a2a", "agentUrl": "http://a", "taskId": "t", "reason": "r"},
        {},
    ),
    (
        llm_text_complete(
            "openai", "gpt", prompt_name="p", prompt_variables={"a": 1}, temperature=0.1, stop_words=["x"]
        ),
        "LLM_TEXT_COMPLETE",
        {**MODEL, "promptName": "p", "promptVariables": {"a": 1}, "temperature": 0.1, "stopWords": ["x"]},
        {},
    ),
    (
        llm_chat_complete(
            "openai",
            "gpt",
            [{"role": "user", "message": "hi"}],
            instructions="be nice",
            max_tokens=9,
            top_p=1,
            tools=[],
        ),
        "LLM_CHAT_COMPLETE",
        {
            **MODEL,
            "instructions": "be nice",
            "messages": [{"role": "user", "message": "hi"}],
            "tools": [],
            "maxTokens": 9,
            "topP": 1,
        },
        {},
    ),
    (
        llm_generate_embeddings("openai", "gpt", "t", dimensions=3),
        "LLM_GENERATE_EMBEDDINGS",
        {**MODEL, "text": "t", "dimensions": 3},
        {},
    ),
    (
        llm_store_embeddings("pine", "docs", [1.0], namespace="n", id="i", document_metadata={"a": 1}),
        "LLM_STORE_EMBEDDINGS",
        {**STORE, "embeddings": [1.0], "namespace": "n", "id": "i", "metadata": {"a": 1}},
        {},
    ),
    (llm_get_embeddings("pine", "docs", [1.0]), "LLM_GET_EMBEDDINGS", {**STORE, "embeddings": [1.0]}, {}),
    (
        llm_search_embeddings("pine", "docs", "${a.output.result}", max_results=3),
        "LLM_SEARCH_EMBEDDINGS",
        {**STORE, "embeddings": "${a.output.result}", "maxResults": 3},
        {},
    ),
    (
        llm_search_index("pine", "docs", "q", **EMBEDDING, namespace="n"),
        "LLM_SEARCH_INDEX",
        {**STORE, **EMBEDDED, "query": "q", "namespace": "n"},
        {},
    ),
    (
        llm_index_text("pine", "docs", "t", **EMBEDDING, doc_id="d", chunk_size=1, chunk_overlap=0),
        "LLM_INDEX_TEXT",
        {**STORE, **EMBEDDED, "text": "t", "docId": "d", "chunkSize": 1, "chunkOverlap": 0},
        {},
    ),
    (
        llm_index_document("pine", "docs", "http://d", **EMBEDDING, media_type="text/html"),
        "LLM_INDEX_DOCUMENT",
        {**STORE, **EMBEDDED, "url": "http://d", "mediaType": "text/html"},
        {},
    ),
    (
        generate_image("openai", "gpt", "a cat", count=2, size="1x1", output_format="png"),
        "GENERATE_IMAGE",
        {**MODEL, "prompt": "a cat", "n": 2, "size": "1x1", "outputFormat": "png"},
        {},
    ),
    (
        generate_audio("openai", "gpt", "hello", voice="alloy", speed=1.5),
        "GENERATE_AUDIO",
        {**MODEL, "text": "hello", "voice": "alloy", "speed": 1.5},
        {},
    ),
    (
        generate_video("openai", "gpt", "a cat", duration=5, aspect_ratio="16:9"),
        "GENERATE_VIDEO",
        {**MODEL, "prompt": "a cat", "duration": 5, "aspectRatio": "16:9"},
        {},
    ),
]
ELSEWHERE = {
    "SIMPLE", "DYNAMIC", "FORK_JOIN", "FORK_JOIN_DYNAMIC", "DECISION", "SWITCH", "JOIN", "DO_WHILE", "SUB_WORKFLOW",
    "START_WORKFLOW", "WAIT", "HTTP", "INLINE", "EXCLUSIVE_JOIN", "TERMINATE", "JSON_JQ_TRANSFORM", "SET_VARIABLE",
    "TERMINATE_WORKFLOW",
}  # fmt: skip
RAW_ONLY = {"USER_DEFINED"}  # the server's word for every type that it does not know


@pytest.mark.parametrize(("step", "kind", "inputs", "more"), TYPES, ids=[row[1] for row in TYPES])
def test_a_step_is_the_task_that_one_writes_by_hand(step, kind, inputs, more):
    workflow = Workflow("w")
    ref = step.base
    workflow >> step
    expected = {"name": ref, "taskReferenceName": ref, "type": kind, "inputParameters": inputs, **more}
    assert workflow.to_dict()["tasks"] == [{k: v for k, v in expected.items() if v is not None}]


def test_every_type_that_has_a_name_has_a_builder():
    tested = {kind for _, kind, _, _ in TYPES} | ELSEWHERE | RAW_ONLY
    assert {kind.value for kind in TaskType} <= tested


@pytest.mark.parametrize(("step", "kind", "inputs", "more"), TYPES, ids=[row[1] for row in TYPES])
def test_every_type_is_written_as_python_with_its_builder(step, kind, inputs, more):
    wire = {"name": "a", "taskReferenceName": "a", "type": kind, **more}
    definition = {"name": "w", "version": 1, "tasks": [wire if inputs is None else {**wire, "inputParameters": inputs}]}
    source = Workflow.from_def(definition).to_python()
    assert "raw(" not in source
    names = {}
    exec(compile(source, "<written>", "exec"), names)
    assert names["workflow"].to_dict() == definition
