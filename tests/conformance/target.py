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
    "/true": ("application/json", b"true"),
    "/null": ("application/json", b"null"),
    "/nan": ("application/json", b'{"a": NaN}'),
    "/string": ("application/json", b'"a"'),
    "/fraction": ("application/json", b"[1.0, 1e3, 12345678901234567890]"),
    "/latin": ("text/plain", "caf\u00e9".encode("latin-1")),
    "/latin-named": ("text/plain; charset=iso-8859-1", "caf\u00e9".encode("latin-1")),
    "/utf": ("text/plain; charset=utf-8", "caf\u00e9".encode()),
    "/utf-json": ("application/json", '{"a": "caf\u00e9"}'.encode()),
    "/html": ("text/html", b"<p>1</p>"),
    "/no-type": ("", b'{"a": 1}'),
    "/bytes": ("application/octet-stream", b'{"a": 1}'),
    "/broken": ("application/json", b'{"a": '),
    "/json-as-text": ("text/plain", b'{"a": 1}'),
}


class Target(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path.startswith("/status/"):
            status = int(self.path.partition("?")[0].rpartition("/")[2])
            self.answer(status, "application/json", b'{"why": "asked"}' if status < 500 else b"")
        elif self.path.startswith("/redirect/") and not self.path.endswith("/landed"):
            self.redirect()
        elif self.path in _BODIES:
            self.answer(200, *_BODIES[self.path])
        else:
            self.do_POST()

    def redirect(self):
        self.body()
        _, _, status, where = self.path.split("/", 3)
        location = {"absolute": f"{address()}/landed", "relative": "/landed", "sibling": "landed", "none": None}[where]
        self.send_response(int(status))
        if location is not None:
            self.send_header("location", location)
        self.send_header("content-length", "0")
        self.end_headers()

    def do_POST(self):
        if self.path.startswith("/redirect/") and not self.path.endswith("/landed"):
            self.redirect()
            return
        body = self.body().decode()
        seen = {name: self.headers.get(name) for name in ("content-type", "accept", "x-mine")}
        sent = json.dumps({"method": self.command, "path": self.path, "body": body, "headers": seen}).encode()
        self.answer(200, "application/json", sent)

    do_PUT = do_DELETE = do_PATCH = do_OPTIONS = do_POST

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
        if kind:
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
