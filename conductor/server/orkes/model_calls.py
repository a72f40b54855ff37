"""What the tasks that use models, MCP servers and embeddings do: from the task's input to its output."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cached_property
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

from conductor.server.engine.context import RefusedError
from conductor.server.engine.expressions.java_text import java_text
from conductor.server.orkes.integrations import Integrations
from conductor.server.orkes.mcp import McpClient
from conductor.server.orkes.model_api import (
    Endpoint,
    ModelError,
    chat_messages,
    chat_output,
    chat_request,
    embedding_of,
    embedding_request,
    usage_of,
)
from conductor.server.orkes.prompts import Prompts, rendered
from conductor.server.orkes.vector_index import VectorIndex, chunks
from conductor.server.runtime.kernel import Kernel
from conductor.server.services.http_exchange import Outcome, exchange, new_pool

if TYPE_CHECKING:
    import urllib3

Json = dict[str, Any]

#: Connections to keep open for each model or MCP server.
_CONNECTIONS = 20
#: Milliseconds to connect to the server of a document, and to wait for it.
_DOCUMENT_MS = 30_000
#: The message to the model if a text completion has only instructions, as on the OSS server.
_FOLLOW_INSTRUCTIONS = "Use the instructions given to generate the response."
#: The input of a CALL_MCP_TOOL task that is not an argument of the tool.
_NO_ARGUMENTS = frozenset({"mcpServer", "method", "headers", "arguments", "integrationName", "integrationNames"})


class ModelCalls:
    """Calls models and MCP servers through integrations. The calls block, so they must not run under the lock.

    Args:
        kernel: The server's state.
        integrations: The integrations.
        prompts: The prompts.

    Attributes:
        runners: The functions that return a task's output for its input, by task type.
    """

    def __init__(self, kernel: Kernel, integrations: Integrations, prompts: Prompts) -> None:
        self._kernel, self._integrations, self._prompts = kernel, integrations, prompts
        self._index = VectorIndex(kernel)
        self.runners: Mapping[str, Callable[[Json], Json]] = {
            "LLM_TEXT_COMPLETE": self._complete_text,
            "LLM_CHAT_COMPLETE": self._complete_chat,
            "LLM_GENERATE_EMBEDDINGS": self._generate_embeddings,
            "LLM_STORE_EMBEDDINGS": self._store_embeddings,
            "LLM_GET_EMBEDDINGS": self._get_embeddings,
            "LLM_SEARCH_EMBEDDINGS": self._get_embeddings,
            "LLM_INDEX_TEXT": self._index_text,
            "LLM_INDEX_DOCUMENT": self._index_text,
            "LLM_SEARCH_INDEX": self._search_index,
            "GET_DOCUMENT": self._get_document,
            "CHUNK_TEXT": self._chunk_text,
            "LIST_MCP_TOOLS": self._list_mcp_tools,
            "CALL_MCP_TOOL": self._call_mcp_tool,
        }

    @cached_property
    def _pool(self) -> urllib3.PoolManager:
        return new_pool(_CONNECTIONS)

    def exchange(self, request: Json) -> Outcome:
        """Make an HTTP exchange, as an HTTP task does."""
        return exchange(self._pool, request)

    # -- completions

    def test_prompt(self, given: Json) -> str:
        """Send a prompt to a model, for ``POST /prompts/test``; returns the model's response.

        Raises:
            RefusedError: The model does not exist (404), or the call failed (400, 500).
        """
        try:
            text = rendered(_text(given, "prompt"), _mapping(given, "promptVariables"))
            output = self._chat(given, chat_messages(None, None, text))
        except ModelError as error:
            raise RefusedError(400 if error.is_final else 500, str(error)) from None
        return java_text(output["result"])

    def _complete_text(self, given: Json) -> Json:
        name = given.get("promptName")
        text = (
            self._prompt(given, name) if name else rendered(_text(given, "prompt"), _mapping(given, "promptVariables"))
        )
        return self._chat(given, chat_messages(text, None, _FOLLOW_INSTRUCTIONS))

    def _complete_chat(self, given: Json) -> Json:
        instructions = given.get("instructions") or given.get("promptName")
        text = None
        if instructions:
            is_prompt = isinstance(instructions, str) and self._prompts.find(instructions) is not None
            variables = _mapping(given, "promptVariables")
            text = self._prompt(given, instructions) if is_prompt else rendered(java_text(instructions), variables)
        return self._chat(given, chat_messages(text, given.get("messages"), given.get("userInput")))

    def _prompt(self, given: Json, name: Any) -> str:
        """Return the text of a prompt template with its variables."""
        version = given.get("promptVersion")
        prompt = self._prompts.get(java_text(name), version if type(version) is int and version > 0 else None)
        model = f"{given.get('llmProvider')}:{given.get('model')}"
        if prompt["integrations"] and model not in prompt["integrations"]:
            raise ModelError(f"The prompt {name} cannot be used with the model {model}; associate them", is_final=True)
        return rendered(prompt["template"], _mapping(given, "promptVariables"))

    def _chat(self, given: Json, messages: list[Json]) -> Json:
        provider, model = _text(given, "llmProvider"), _text(given, "model")
        endpoint = self._endpoint(provider, model)
        path = endpoint.paths.get("chat") or "chat/completions"
        body = endpoint.post(self.exchange, path, chat_request(model, messages, given))["body"]
        try:
            output = chat_output(body, given)
        finally:
            self._count(provider, model, body)
        return output

    def _count(self, provider: str, model: str, body: Any) -> None:
        used = usage_of(body)
        if used["tokenUsed"]:
            self._integrations.count_tokens(provider, model, used["promptTokens"], used["completionTokens"])

    def _endpoint(self, provider: str, model: str | None) -> Endpoint:
        return Endpoint.of(provider, self._integrations.open(provider, model))

    # -- embeddings

    def _generate_embeddings(self, given: Json) -> Json:
        vector = self._embedding(_text(given, "llmProvider"), _text(given, "model"), _text(given, "text"), given)
        return {"result": vector}

    def _embedding(self, provider: str, model: str, text: str, given: Json) -> list[float]:
        endpoint = self._endpoint(provider, model)
        request = embedding_request(model, text, given.get("dimensions"))
        body = endpoint.post(self.exchange, "embeddings", request)["body"]
        self._count(provider, model, body)
        return embedding_of(body)

    def _model_embedding(self, text: str, given: Json) -> list[float]:
        return self._embedding(_text(given, "embeddingModelProvider"), _text(given, "embeddingModel"), text, given)

    def _check_database(self, given: Json) -> None:
        _text(given, "index")
        self._integrations.open(_text(given, "vectorDB"))

    def _store_embeddings(self, given: Json) -> Json:
        self._check_database(given)
        doc_id = given.get("id") or given.get("docId")
        if not doc_id:
            raise ModelError("The task has no id", is_final=True)
        self._index.store(given, java_text(doc_id), given.get("embeddings"), None)
        return {}

    def _get_embeddings(self, given: Json) -> Json:
        self._check_database(given)
        return {"result": self._index.search(given, given.get("embeddings"))}

    def _index_text(self, given: Json) -> Json:
        self._check_database(given)
        text = (
            _text(given, "text") if given.get("text") else self._document(_text(given, "url"), given.get("mediaType"))
        )
        doc_id = java_text(given.get("docId") or given.get("url") or "")
        if not doc_id:
            raise ModelError("The task has no docId", is_final=True)
        parts = [text]
        if given.get("chunkSize") or given.get("url"):
            parts = chunks(text, given.get("chunkSize"), given.get("chunkOverlap"))
        vectors = [self._model_embedding(one, given) for one in parts]  # all of them before the first is stored
        with self._kernel.change():
            for number, (part, vector) in enumerate(zip(parts, vectors, strict=True)):
                part_id = doc_id if len(parts) == 1 else f"{doc_id}#{number + 1}"
                self._index.store(given, part_id, vector, part, doc_id)
        return {}

    def _search_index(self, given: Json) -> Json:
        self._check_database(given)
        return {"result": self._index.search(given, self._model_embedding(_text(given, "query"), given))}

    # -- documents

    def _get_document(self, given: Json) -> Json:
        return {"result": self._document(_text(given, "url"), given.get("mediaType"))}

    def _document(self, url: str, media_type: Any) -> str:
        request = {"method": "GET", "uri": url, "accept": "*/*", "contentType": "application/json"}
        timeouts = {"connectionTimeOut": _DOCUMENT_MS, "readTimeOut": _DOCUMENT_MS}
        found, fault = self.exchange({**request, **timeouts})
        if found is None:
            raise ModelError(f"The document cannot be read: {fault.removeprefix('java.lang.Exception: ')}")
        sent = next((values[-1] for name, values in found["headers"].items() if name.lower() == "content-type"), "")
        kind = java_text(media_type or sent).partition(";")[0].strip().lower()
        if kind and not re.search(r"text|json|xml|html|yaml|javascript|^auto$", kind):
            raise ModelError(f"The embedded server cannot read documents of the type {kind}", is_final=True)
        text = found["body"] if isinstance(found["body"], str) else java_text(found["body"])
        return _plain_text(text) if "html" in kind else text

    def _chunk_text(self, given: Json) -> Json:
        return {"text": chunks(_text(given, "text"), given.get("chunkSize"), given.get("chunkOverlap"))}

    # -- MCP

    def _list_mcp_tools(self, given: Json) -> Json:
        return {"tools": self.mcp_client(given).list_tools()}

    def _call_mcp_tool(self, given: Json) -> Json:
        arguments = given.get("arguments")
        if not isinstance(arguments, dict):  # the OSS server also takes them from the top level
            arguments = {key: value for key, value in given.items() if key not in _NO_ARGUMENTS}
        return self.mcp_client(given).call_tool(_text(given, "method"), arguments)

    def mcp_client(self, given: Json) -> McpClient:
        """Return a client of the MCP server that ``mcpServer`` names: an address, or an integration.

        Raises:
            ModelError: The input does not name a server.
            RefusedError: The integration does not exist or is disabled.
        """
        server = given.get("mcpServer") or given.get("integrationName")
        if not isinstance(server, str) or not server.strip():
            raise ModelError("The task has no mcpServer", is_final=True)
        settings: Json = {"endpoint": server} if "://" in server else self._integrations.open(server)
        headers = {**(settings.get("headers") or {}), **_mapping(given, "headers")}
        return McpClient(Endpoint.of(server, {**settings, "headers": headers}), self.exchange)


def _text(given: Json, name: str) -> str:
    """Return a required text of a task's input."""
    value = given.get(name)
    if value is None or isinstance(value, dict | list) or not java_text(value).strip():
        raise ModelError(f"The task has no {name}", is_final=True)
    return java_text(value)


def _mapping(given: Json, name: str) -> Json:
    value = given.get(name) or {}
    if not isinstance(value, dict):
        raise ModelError(f"{name} must be an object", is_final=True)
    return value


class _TextOfHtml(HTMLParser):
    """Collects the text of a page without its scripts and styles."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        self._hidden += tag in {"script", "style"}

    def handle_endtag(self, tag: str) -> None:
        if tag in {"script", "style"} and self._hidden:
            self._hidden -= 1

    def handle_data(self, data: str) -> None:
        if not self._hidden and data.strip():
            self.parts.append(data.strip())


def _plain_text(page: str) -> str:
    parser = _TextOfHtml()
    parser.feed(page)
    parser.close()
    return "\n".join(parser.parts)
