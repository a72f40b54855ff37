"""A client of remote MCP servers: JSON-RPC over HTTP."""

from __future__ import annotations

import json
from typing import Any

from attrs import define, field

from conductor.server.orkes.model_api import Endpoint, Exchange, ModelError

Json = dict[str, Any]

#: The version of the protocol that the client proposes.
_PROTOCOL = "2025-06-18"
#: Maximum number of pages of tools to read, so that a server with an endless list does not block a thread forever.
_MAX_PAGES = 100
_SESSION = "mcp-session-id"


@define
class McpClient:
    """A session with an MCP server.

    Servers without ``initialize`` are used without a session.

    Attributes:
        endpoint: The server.
        exchange: Makes an HTTP exchange.
    """

    endpoint: Endpoint
    exchange: Exchange
    _headers: dict[str, str] = field(factory=dict)
    _next_id: int = 1

    def list_tools(self) -> list[Json]:
        """Return the server's tools: name, description and input schema.

        Raises:
            ModelError: The server cannot be reached, or responds with an error.
        """
        self._initialize()
        found: list[Json] = []
        parameters: Json = {}
        for _ in range(_MAX_PAGES):
            result = self._call("tools/list", parameters)
            tools = result.get("tools")
            if not isinstance(tools, list):
                raise ModelError(f"The MCP server {self.endpoint.name} responded without tools")
            found += [one for one in tools if isinstance(one, dict)]
            if not result.get("nextCursor"):
                break
            parameters = {"cursor": result["nextCursor"]}
        return [{key: one.get(key) for key in ("name", "description", "inputSchema")} for one in found]

    def call_tool(self, name: str, arguments: Json) -> Json:
        """Call a tool; returns ``content`` and ``isError``. Text that is JSON is also returned as ``parsed``.

        Raises:
            ModelError: The server cannot be reached, or responds with an error.
        """
        self._initialize()
        result = self._call("tools/call", {"name": name, "arguments": arguments})
        content = [one for one in result.get("content") or [] if isinstance(one, dict)]
        made: Json = {"content": [_with_value(one) for one in content], "isError": bool(result.get("isError"))}
        if "structuredContent" in result:
            made["structuredContent"] = result["structuredContent"]
        return made

    def _initialize(self) -> None:
        client = {"name": "conductor-embedded-server", "version": "1"}
        request = {"protocolVersion": _PROTOCOL, "capabilities": {}, "clientInfo": client}
        try:
            answer, headers = self._post(
                {"jsonrpc": "2.0", "id": self._id(), "method": "initialize", "params": request}
            )
        except ModelError:
            return  # an older or simpler server: the call itself shows whether it can be reached
        result = answer.get("result")
        if not isinstance(result, dict):
            return
        if headers.get(_SESSION):
            self._headers[_SESSION] = headers[_SESSION]
        self._headers["mcp-protocol-version"] = str(result.get("protocolVersion") or _PROTOCOL)
        self._post({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def _call(self, method: str, parameters: Json) -> Json:
        number = self._id()
        answer, _ = self._post({"jsonrpc": "2.0", "id": number, "method": method, "params": parameters}, number)
        if answer.get("error"):
            error = answer["error"]
            reason = error.get("message") if isinstance(error, dict) else error
            raise ModelError(self.endpoint.hide(f"The MCP server {self.endpoint.name} refused {method}: {reason}"))
        result = answer.get("result")
        if not isinstance(result, dict):
            raise ModelError(f"The MCP server {self.endpoint.name} responded to {method} without a result")
        return result

    def _id(self) -> int:
        self._next_id += 1
        return self._next_id - 1

    def _post(self, body: Json, number: int | None = None) -> tuple[Json, dict[str, str]]:
        endpoint = self.endpoint
        session = Endpoint(
            endpoint.name, endpoint.url, {**endpoint.headers, **self._headers}, endpoint.paths, endpoint.secrets
        )
        found = session.post(self.exchange, "", body)
        headers = {name.lower(): values[-1] for name, values in found["headers"].items()}
        answer = found["body"]
        if isinstance(answer, str):
            answer = _event(_utf8(answer), number)
        return (answer if isinstance(answer, dict) else {}), headers


def _utf8(text: str) -> str:
    """Return the text of an event stream, which is UTF-8 also if the response does not say so."""
    try:
        return text.encode("latin-1").decode()
    except UnicodeError:
        return text


def _event(text: str, number: int | None) -> Any:
    """Return the response in an event stream: the message with the request's id, or else the last one."""
    last = None
    for block in text.replace("\r\n", "\n").split("\n\n"):
        lines = [line[5:].removeprefix(" ") for line in block.split("\n") if line.startswith("data:")]
        try:
            message = json.loads("\n".join(lines)) if lines else None
        except ValueError:
            continue
        if isinstance(message, dict) and ("result" in message or "error" in message):
            last = message
            if number is not None and message.get("id") == number:
                return message
    return last


def _with_value(content: Json) -> Json:
    text = content.get("text")
    if not isinstance(text, str):
        return content
    try:
        value = json.loads(text)
    except ValueError:
        return content
    return {**content, "parsed": value} if isinstance(value, dict | list) else content
