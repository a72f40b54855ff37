"""Tasks that use models, MCP servers and embeddings, and the vector database in the server."""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Callable, Mapping
from functools import cached_property, partial
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

from conductor.server.engine.context import RefusedError
from conductor.server.engine.decide import unexpected_error
from conductor.server.engine.expressions.java_text import java_text
from conductor.server.engine.extensions import TaskKind
from conductor.server.engine.state import FAILED, FAILED_WITH_TERMINAL_ERROR, IN_PROGRESS
from conductor.server.engine.tasks.external import leave_open, plan_asynchronous
from conductor.server.engine.tasks.planning import Run
from conductor.server.orkes.documents import Documents
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
    is_vector,
    usage_of,
)
from conductor.server.orkes.prompts import Prompts, rendered
from conductor.server.runtime.kernel import Kernel
from conductor.server.services.http_calls import End, HttpCalls, Outcome, exchange, new_pool

if TYPE_CHECKING:
    import urllib3

Json = dict[str, Any]

#: Characters of a chunk by default, and the limits.
_CHUNK, _MIN_CHUNK, _MAX_CHUNK = 1024, 100, 10_000


class VectorIndex:
    """Stores strings with their embeddings, and finds the most similar ones by comparing all of an index."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._documents = Documents(kernel, "orkes_vector")

    def store(self, given: Json, doc_id: str, vector: Any, text: str | None, parent_id: str | None = None) -> None:
        """Store an embedding; one of the same id in the same index is replaced.

        Args:
            given: The task's input: ``vectorDB``, ``namespace``, ``index``, ``metadata``.
            doc_id: The document's id.
            vector: The embedding.
            text: The text.
            parent_id: The id of the document that the text is a part of.

        Raises:
            ModelError: ``vector`` is not a list of numbers, or differs in length from the others of the index.
        """
        if not is_vector(vector):
            raise ModelError("embeddings must be a list of numbers", is_final=True)
        with self._kernel.change():
            place = _place(given)
            for other in self._of(place):
                if len(other["vector"]) != len(vector):
                    raise ModelError(
                        f"The embedding has {len(vector)} dimensions, and those of the index {given.get('index')} have "
                        f"{len(other['vector'])}",
                        is_final=True,
                    )
                break
            made = {"vector": vector, "text": text, "docId": doc_id, "parentDocId": parent_id or doc_id}
            self._documents.put(
                "\n".join([*place, doc_id]), {**made, "place": place, "metadata": given.get("metadata") or {}}
            )

    def _of(self, place: list[str]) -> list[Json]:
        return self._documents.where(lambda one: one["place"] == place)

    def search(self, given: Json, vector: Any) -> list[Json]:
        """Return the documents most similar to an embedding, at most ``maxResults`` (1 by default), the best first.

        Args:
            given: The task's input: ``vectorDB``, ``namespace``, ``index``, ``maxResults``, and ``metadata``, whose
                values must match.
            vector: The embedding.

        Raises:
            ModelError: ``vector`` is not a list of numbers.
        """
        if not is_vector(vector):
            raise ModelError("embeddings must be a list of numbers", is_final=True)
        wanted = given.get("metadata") or {}
        limit = given.get("maxResults")
        with self._kernel.lock:
            found = [
                {"score": _similarity(one["vector"], vector), **_shown(one)}
                for one in self._of(_place(given))
                if all(one["metadata"].get(key) == value for key, value in wanted.items())
            ]
        found.sort(key=lambda one: one["score"], reverse=True)
        return found[: limit if isinstance(limit, int) and limit > 0 else 1]


def _place(given: Json) -> list[str]:
    return [str(given.get(name) or "") for name in ("vectorDB", "namespace", "index")]


def _shown(document: Json) -> Json:
    return {key: document[key] for key in ("metadata", "docId", "parentDocId", "text")}


def _similarity(one: list[float], other: list[float]) -> float:
    """Return the cosine of the angle between two vectors; 0 if they cannot be compared."""
    if len(one) != len(other):
        return 0.0
    length = math.hypot(*one) * math.hypot(*other)
    return math.fsum(a * b for a, b in zip(one, other, strict=True)) / length if length else 0.0


def chunks(text: str, size: Any = None, overlap: Any = None) -> list[str]:
    """Return the parts of a string, cut between words where possible.

    Args:
        text: The text.
        size: Maximum number of characters of a part, from 100 to 10,000; None for 1,024.
        overlap: Characters that two parts share; None for none.

    Raises:
        ModelError: ``size`` or ``overlap`` is out of range.
    """
    size = _CHUNK if size in (None, 0) else size
    if type(size) is not int or not _MIN_CHUNK <= size <= _MAX_CHUNK:
        raise ModelError(f"chunkSize must be from {_MIN_CHUNK} to {_MAX_CHUNK}, not {size}", is_final=True)
    overlap = overlap or 0
    if type(overlap) is not int or not 0 <= overlap < size // 2:
        raise ModelError(f"chunkOverlap must be from 0 to less than half of chunkSize, not {overlap}", is_final=True)
    found, start = [], 0
    while start < len(text):
        end = min(start + size, len(text))
        if end < len(text):
            space = max(text.rfind(mark, start + size // 2, end) for mark in (" ", "\n"))
            end = space + 1 if space > start else end
        found.append(text[start:end].strip())
        start = end if end == len(text) else end - overlap
    return [one for one in found if one]


#: Connections to keep open for each model or MCP server.
_CONNECTIONS = 20
#: Milliseconds to connect to the server of a document, and to wait for it.
_DOCUMENT_MS = 30_000
#: The message to the model if a completion has only instructions, as on the OSS server.
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


logger = logging.getLogger(__name__)

#: Inputs that name an integration; an MCP server can also be given by its URL.
_INTEGRATIONS = ("llmProvider", "embeddingModelProvider", "vectorDB", "mcpServer")
#: Types that the server cannot run; they stay open until an update completes them.
_BY_HAND = ("LIST_FILES", "PARSE_DOCUMENT")


class ModelTasks:
    """Runs each task that uses a model on a separate thread.

    Args:
        kernel: The server's state.
        http_calls: Runs the calls and ends their tasks.
        models: The calls.
        may_use: Returns whether the principal with an id may use the integration with a name.
    """

    def __init__(
        self,
        kernel: Kernel,
        http_calls: HttpCalls,
        models: ModelCalls,
        may_use: Callable[[str | None, str], bool],
    ) -> None:
        self._http_calls, self._models, self._may_use = http_calls, models, may_use
        kinds = dict.fromkeys(models.runners, TaskKind(plan_asynchronous, self._start))
        by_hand = dict.fromkeys(_BY_HAND, TaskKind(plan_asynchronous, leave_open, is_ended_by_update=True))
        kernel.extensions.kinds.update({**kinds, **by_hand})

    def _start(self, run: Run) -> None:
        run.task["status"] = IN_PROGRESS
        run.task["_isCalling"] = True
        given, creator = run.input_with_secrets, run.execution.workflow.get("createdBy")
        for name in (given.get(key) for key in _INTEGRATIONS):
            if isinstance(name, str) and name and "://" not in name and not self._may_use(creator, name):
                run.fail(f"You don't have permissions to execute integration: {name}", FAILED_WITH_TERMINAL_ERROR)
                return
        work = partial(self._work, run.task["taskType"], given)
        self._http_calls.run_later(run.execution.id, run.task["taskId"], work)

    def _work(self, kind: str, given: Json) -> End:
        """Run a task; returns the function that ends it."""
        try:
            output = self._models.runners[kind](given)
        except ModelError as error:
            return partial(_fail, str(error), FAILED_WITH_TERMINAL_ERROR if error.is_final else FAILED)
        except RefusedError as error:
            return partial(_fail, error.message, FAILED_WITH_TERMINAL_ERROR)
        except Exception as error:  # after any error, the task must get an outcome
            logger.warning("event=server.model_task_failed type=%s", kind, exc_info=True)
            return partial(_fail, unexpected_error(error), FAILED)
        return partial(_complete, output)


def _complete(output: Json, run: Run) -> None:
    run.complete(output)


def _fail(reason: str, status: str, run: Run) -> None:
    run.fail(reason, status)
