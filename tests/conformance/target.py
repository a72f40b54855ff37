"""What HTTP tasks of the scenarios call."""

import json
import threading
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_BODIES = {
    "/json": ("application/json", b'{"a": [1, {"b": null}]}'),
    "/text": ("text/plain", b"just text"),
    "/number": ("application/json", b"42"),
    "/list": ("application/json", b"[1, 2]"),
    "/empty": ("application/json", b""),
}


class Target(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path.startswith("/status/"):
            status = int(self.path.rpartition("/")[2])
            self.answer(status, "application/json", b'{"why": "asked"}' if status < 500 else b"")
        else:
            self.answer(200, *_BODIES[self.path])

    def do_POST(self):
        body = self.body().decode()
        seen = {name: self.headers.get(name) for name in ("content-type", "accept", "x-mine")}
        sent = json.dumps({"method": self.command, "body": body, "headers": seen}).encode()
        self.answer(200, "application/json", sent)

    do_PUT = do_POST

    def body(self):
        if self.headers.get("transfer-encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("content-length", 0)))
        read = b""
        while size := int(self.rfile.readline(), 16):
            read += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return read

    def answer(self, status, kind, body):
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@cache
def address():
    """The address of a target, which is started when it is asked for."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Target)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_address[1]}"
