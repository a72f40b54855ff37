"""Other people's services on a real socket: a model with an OpenAI-compatible API, an MCP server, and an HTTP API."""

import json
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEY = "sk-secret-of-the-model"
OPENAPI = {
    "openapi": "3.0.1",
    "servers": [{"url": "/v1"}],
    "paths": {
        "/orders/{id}": {
            "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}],
            "get": {
                "operationId": "getOrder",
                "parameters": [{"name": "verbose", "in": "query", "schema": {"type": "boolean", "default": False}}],
                "responses": {
                    "200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Order"}}}}
                },
            },
            "delete": {"operationId": "deleteOrder", "responses": {"204": {}}},
        },
        "/orders": {
            "post": {
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Order"}}}},
                "responses": {"201": {}},
            }
        },
    },
    "components": {"schemas": {"Order": {"type": "object", "properties": {"id": {"type": "integer"}}}}},
}


class FakeServices:
    """Serves the three services.

    Attributes:
        chats: The bodies of chat requests.
        requests: Number of requests by path.
        reply: Returns the content of a response for the last message of a chat.
        status: The status of responses under ``/v1``.
    """

    def __init__(self):
        self.chats = []
        self.requests = Counter()
        self.headers = []
        self.reply = lambda text: f"echo: {text}"
        self.status = 200
        fake = self

        class Handler(_Handler):
            services = fake

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def stop(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.services.requests[self.path] += 1
        if self.path == "/openapi.json":
            self._send(OPENAPI)
        elif self.path.startswith("/v1/orders"):
            self._send({"order": self.path.rpartition("/")[2]}, self.services.status)
        elif self.path == "/page.html":
            page = b"<html><style>p {}</style><h1>Terms</h1><p>Refunds take five days.</p></html>"
            self._send_bytes(page, "text/html; charset=utf-8")
        else:
            self._send({"error": "no such path"}, 404)

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
        self.services.requests[self.path] += 1
        self.services.headers.append(dict(self.headers))
        {
            "/v1/chat/completions": self._chat,
            "/v1/embeddings": self._embed,
            "/mcp": self._mcp,
        }.get(self.path, lambda _: self._send({"error": "no such path"}, 404))(body)

    def _chat(self, body):
        if self.headers.get("Authorization") != f"Bearer {KEY}":
            return self._send({"error": {"message": f"wrong key {self.headers.get('Authorization')}"}}, 401)
        self.services.chats.append(body)
        if self.services.status != 200:
            return self._send({"error": f"overloaded, your key is {KEY}"}, self.services.status)
        text = body["messages"][-1]["content"]
        message = {"role": "assistant", "content": self.services.reply(text)}
        reason = "stop"
        if body.get("tools"):
            arguments = json.dumps({"city": "Oslo"})
            call = {"id": "c1", "function": {"name": body["tools"][0]["function"]["name"], "arguments": arguments}}
            message, reason = {"role": "assistant", "content": None, "tool_calls": [call]}, "tool_calls"
        usage = {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}
        return self._send({"choices": [{"message": message, "finish_reason": reason}], "usage": usage})

    def _embed(self, body):
        words = body["input"].lower().split()
        vector = [float(sum(word[0] == letter for word in words)) for letter in "abcdefghijklmnopqrstuvwxyz"]
        self._send(
            {"data": [{"embedding": vector}], "usage": {"prompt_tokens": len(words), "total_tokens": len(words)}}
        )

    def _mcp(self, body):
        method, number = body["method"], body.get("id")
        if method == "initialize":
            result = {"protocolVersion": body["params"]["protocolVersion"], "capabilities": {"tools": {}}}
            return self._send({"jsonrpc": "2.0", "id": number, "result": result}, headers={"Mcp-Session-Id": "s1"})
        if self.headers.get("Mcp-Session-Id") != "s1":
            return self._send({"error": "no session"}, 400)
        if method == "notifications/initialized":
            return self._send_bytes(b"", "application/json", 202)
        if method == "tools/list":
            tool = {"name": "weather", "description": "The weather", "inputSchema": {"type": "object"}, "extra": 1}
            return self._stream({"jsonrpc": "2.0", "id": number, "result": {"tools": [tool]}})
        if body["params"]["name"] != "weather":
            error = {"code": -32602, "message": f"unknown tool, and {self.headers.get('Authorization')} is no help"}
            return self._send({"jsonrpc": "2.0", "id": number, "error": error})
        text = json.dumps({"city": body["params"]["arguments"]["city"], "sky": "günstig"}, ensure_ascii=False)
        result = {"content": [{"type": "text", "text": text}], "isError": False}
        return self._stream({"jsonrpc": "2.0", "id": number, "result": result})

    def _stream(self, message):
        text = f"event: message\ndata: {json.dumps(message, ensure_ascii=False)}\n\n"
        self._send_bytes(text.encode(), "text/event-stream")

    def _send(self, value, status=200, headers=None):
        self._send_bytes(json.dumps(value).encode(), "application/json", status, headers)

    def _send_bytes(self, content, kind, status=200, headers=None):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
