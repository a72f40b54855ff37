"""Requests to OpenAI-compatible APIs of models, and the interpretation of their responses."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen

from conductor.server.engine.expressions.java_text import java_text
from conductor.server.orkes.integration_kinds import MODEL_ENDPOINTS, secrets_in
from conductor.server.services.http_calls import Outcome

Json = dict[str, Any]
#: Makes an HTTP exchange: the request as in an HTTP task; the response, or None and the reason.
Exchange = Callable[[Json], Outcome]

#: Milliseconds to connect to a model, and to wait for its response: a local model may compute for minutes.
_CONNECT_MS, _READ_MS = 10_000, 600_000
#: Names of a task's parameters, and of the same parameters in a request.
_SAMPLING = {
    "temperature": "temperature",
    "topP": "top_p",
    "maxTokens": "max_tokens",
    "stopWords": "stop",
    "frequencyPenalty": "frequency_penalty",
    "presencePenalty": "presence_penalty",
    "reasoningEffort": "reasoning_effort",
}
#: Roles of a task's messages, and of the same messages in a request.
_ROLES = {"system": "system", "user": "user", "human": "user", "assistant": "assistant", "tool_call": "assistant"}
_FENCE = "```"


class ModelError(Exception):
    """A model cannot be called, or its response cannot be used; the message contains no secrets.

    Attributes:
        is_final: Whether a retry cannot help.
    """

    def __init__(self, message: str, *, is_final: bool = False) -> None:
        super().__init__(message)
        self.is_final = is_final


@frozen
class Endpoint:
    """An HTTP API with a key.

    Attributes:
        name: The integration, for messages.
        url: The address, without a slash at the end.
        headers: The headers of each request.
        paths: Paths that differ from the usual ones, such as that of chat completions.
        secrets: Values that must not appear in messages.
    """

    name: str
    url: str
    headers: Mapping[str, str]
    paths: Mapping[str, str]
    secrets: tuple[str, ...]

    @classmethod
    def of(cls, name: str, settings: Mapping[str, Any]) -> Endpoint:
        """Return the endpoint of an integration.

        Args:
            name: The integration.
            settings: Its configuration with ``type``, as ``Integrations.open`` returns it.

        Raises:
            ModelError: It has no address.
        """
        kind = str(settings.get("type") or "").lower()
        url = settings.get("endpoint") or settings.get("url") or MODEL_ENDPOINTS.get(kind)
        if not isinstance(url, str) or not url.strip():
            raise ModelError(
                f"The integration {name} has no endpoint. Set configuration.endpoint to the address of the API, such "
                "as http://localhost:11434/v1.",
                is_final=True,
            )
        given = settings.get("headers")
        headers = {str(key): java_text(value) for key, value in (given if isinstance(given, dict) else {}).items()}
        key = settings.get("api_key")
        if key:
            bearer = {"api-key": str(key)} if kind == "azure_openai" else {"Authorization": f"Bearer {key}"}
            headers = {**bearer, **headers}
        hidden = sorted({*secrets_in(dict(settings)), *headers.values()}, key=len, reverse=True)
        paths = {"chat": settings["completionsPath"]} if settings.get("completionsPath") else {}
        return cls(name, url.strip().rstrip("/"), headers, paths, tuple(one for one in hidden if one))

    def post(self, exchange: Exchange, path: str, body: Json) -> Json:
        """Post a body, and return the response as in an HTTP task's output.

        Raises:
            ModelError: The call failed, or was not answered.
        """
        found, fault = exchange({
            "method": "POST",
            "uri": f"{self.url}/{path.lstrip('/')}" if path else self.url,
            "headers": dict(self.headers),
            "accept": ["application/json", "text/event-stream"],
            "contentType": "application/json",
            "body": body,
            "connectionTimeOut": _CONNECT_MS,
            "readTimeOut": _READ_MS,
        })  # fmt: skip
        if found is None:
            raise ModelError(self.hide(f"The call of the integration {self.name} failed: {_plain(fault)}"))
        return found

    def hide(self, text: str) -> str:
        """Return a string without the secrets."""
        for one in self.secrets:
            text = text.replace(one, "***")
        return text


def _plain(fault: str) -> str:
    return fault.removeprefix("java.lang.Exception: ")


# -- chat


def chat_request(model: str, messages: list[Json], options: Mapping[str, Any]) -> Json:
    """Return the body of a chat completion.

    Args:
        model: The model.
        messages: The messages, as ``chat_messages`` returns them.
        options: The task's input.

    Raises:
        ModelError: ``tools`` is not a list of objects with names.
    """
    made: Json = {"model": model, "messages": messages}
    made |= {wire: options[name] for name, wire in _SAMPLING.items() if options.get(name) not in (None, [], "")}
    if options.get("jsonOutput"):
        made["response_format"] = {"type": "json_object"}
    if options.get("tools"):
        made["tools"] = _tools(options["tools"])
    return made


def _tools(given: Any) -> list[Json]:
    if not isinstance(given, list) or not all(isinstance(one, dict) and one.get("name") for one in given):
        raise ModelError("tools must be a list of objects with a name", is_final=True)
    empty = {"type": "object", "properties": {}}
    functions = (
        {
            "name": one["name"],
            "description": one.get("description") or "",
            "parameters": one.get("inputSchema") or empty,
        }
        for one in given
    )
    return [{"type": "function", "function": one} for one in functions]


def chat_messages(instructions: str | None, given: Any, user_input: Any = None) -> list[Json]:
    """Return the messages of a chat request.

    Args:
        instructions: The text of the system message, if any.
        given: The task's messages: objects with ``role`` and ``message``.
        user_input: The last message of the user, if any.

    Raises:
        ModelError: A message has another form, or the list is empty.
    """
    made: list[Json] = [{"role": "system", "content": instructions}] if instructions else []
    if not isinstance(given or [], list):
        raise ModelError("messages must be a list", is_final=True)
    for one in given or []:
        made += _message(one)
    if user_input:
        made.append({"role": "user", "content": java_text(user_input)})
    if not made:
        raise ModelError("The task has neither instructions nor messages", is_final=True)
    return made


def _message(given: Any) -> list[Json]:
    if not isinstance(given, dict):
        raise ModelError("A message must be an object with role and message", is_final=True)
    role, text = given.get("role"), given.get("message")
    content = text if isinstance(text, str) else ("" if text is None else json.dumps(text))
    calls = [one for one in given.get("toolCalls") or [] if isinstance(one, dict)]
    if role == "tool":
        results = [
            {"role": "tool", "tool_call_id": one.get("taskReferenceName"), "content": json.dumps(one.get("output"))}
            for one in calls
        ]
        return results or [{"role": "tool", "content": content}]
    if role not in _ROLES:
        allowed = ", ".join(sorted([*_ROLES, "tool"]))
        raise ModelError(f"The role of a message must be one of {allowed}, not {role!r}", is_final=True)
    made: Json = {"role": _ROLES[role], "content": content}
    if calls and made["role"] == "assistant":
        made["tool_calls"] = [_tool_call(one) for one in calls]
    return [made]


def _tool_call(given: Json) -> Json:
    arguments = json.dumps(given.get("inputParameters") or {})
    return {
        "id": given.get("taskReferenceName"),
        "type": "function",
        "function": {"name": given.get("name"), "arguments": arguments},
    }


def chat_output(body: Any, options: Mapping[str, Any]) -> Json:
    """Return a task's output for the response to a chat request.

    Args:
        body: The response.
        options: The task's input.

    Raises:
        ModelError: The response has another form, or is not JSON with ``jsonOutput``.
    """
    choices = body.get("choices") if isinstance(body, dict) else None
    first = choices[0] if isinstance(choices, list) and choices else None
    message = first.get("message") if isinstance(first, dict) else None
    if not isinstance(first, dict) or not isinstance(message, dict):
        raise ModelError("The response of the model has no choices; the endpoint must be OpenAI-compatible")
    calls = [one for one in message.get("tool_calls") or [] if isinstance(one, dict)]
    made: Json = {
        "result": _result(message.get("content"), wants_json=bool(options.get("jsonOutput")) and not calls),
        "finishReason": str(first.get("finish_reason") or "stop").upper(),
        **usage_of(body),
    }
    if calls:
        kinds = {one["name"]: one.get("type") or "SIMPLE" for one in _named(options.get("tools"))}
        made["toolCalls"] = [_called_tool(one, kinds) for one in calls]
    return made


def _named(tools: Any) -> list[Json]:
    return [one for one in tools if isinstance(one, dict) and one.get("name")] if isinstance(tools, list) else []


def _called_tool(call: Json, kinds: Mapping[str, str]) -> Json:
    function = call.get("function")
    function = function if isinstance(function, dict) else {}
    name = str(function.get("name"))
    try:
        arguments = json.loads(function.get("arguments") or "{}")
    except (TypeError, ValueError):
        arguments = {"arguments": function.get("arguments")}
    return {
        "taskReferenceName": call.get("id"),
        "name": name,
        "type": kinds.get(name, "SIMPLE"),
        "inputParameters": arguments,
    }


def _result(content: Any, *, wants_json: bool) -> Any:
    """Return the text of a response, or its value if it is a JSON object, as the OSS server does."""
    if not isinstance(content, str):
        return content
    text = content.strip()
    if text.startswith(_FENCE) and text.endswith(_FENCE):
        text = text.removeprefix(_FENCE).removeprefix("json").removesuffix(_FENCE).strip()
    try:
        value = json.loads(text)
    except ValueError:
        if wants_json:
            raise ModelError("The response of the model is not JSON, although jsonOutput is true") from None
        return content
    return value if wants_json or isinstance(value, dict) else content


def usage_of(body: Any) -> Json:
    """Return the numbers of tokens in a response; 0 if it has no usage."""
    usage = body.get("usage") if isinstance(body, dict) else None
    usage = usage if isinstance(usage, dict) else {}
    prompt, completion = (_count(usage.get(name)) for name in ("prompt_tokens", "completion_tokens"))
    total = _count(usage.get("total_tokens")) or prompt + completion
    return {"tokenUsed": total, "promptTokens": prompt, "completionTokens": completion}


def _count(value: Any) -> int:
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0


# -- embeddings


def embedding_request(model: str, text: str, dimensions: Any) -> Json:
    """Return the body of a request for an embedding; ``dimensions`` None or 0 is the model's own number."""
    return {"model": model, "input": text, **({"dimensions": dimensions} if dimensions else {})}


def embedding_of(body: Any) -> list[float]:
    """Return the embedding in a response.

    Raises:
        ModelError: The response has another form.
    """
    data = body.get("data") if isinstance(body, dict) else None
    first = data[0] if isinstance(data, list) and data else None
    found = first.get("embedding") if isinstance(first, dict) else None
    if not isinstance(found, list) or not is_vector(found):
        raise ModelError("The response of the model has no embedding; the endpoint must be OpenAI-compatible")
    return [float(one) for one in found]


def is_vector(value: Any) -> bool:
    """Return whether a value is a list of numbers that is not empty."""
    return isinstance(value, list) and bool(value) and all(type(one) in (int, float) for one in value)
