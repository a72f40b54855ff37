"""A proxy that forwards requests to a server and cuts some connections instead of passing the response on."""

import http.client
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


class LossyProxy:
    """Forwards to ``url``; ``is_lost(method, path, body)`` says after the fact whether the response is lost."""

    def __init__(self, url, is_lost=lambda method, path, body: False):
        self.upstream = urlsplit(url)
        self.is_lost = is_lost
        self.lost = []
        self.requests = []
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_port}{self.upstream.path}"

    def forward(self, method, path, body, headers):
        connection = http.client.HTTPConnection(self.upstream.hostname, self.upstream.port, timeout=90)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return response.status, response.getheader("Content-Type", ""), response.read()
        finally:
            connection.close()

    def __enter__(self):
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self._http.shutdown()
        self._http.server_close()


def _handler(proxy):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def _any(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {"Content-Type": self.headers.get("Content-Type", "application/json")}
            proxy.requests.append((self.command, self.path))
            with suppress(OSError, http.client.HTTPException):
                status, kind, content = proxy.forward(self.command, self.path, body or None, headers)
                if not proxy.is_lost(self.command, self.path, content):
                    head = f"HTTP/1.1 {status} Status\r\nContent-Type: {kind}\r\nContent-Length: {len(content)}\r\n\r\n"
                    self.wfile.write(head.encode() + content)
                    return
                proxy.lost.append((self.command, self.path, content))
            self.close_connection = True

        do_GET = do_POST = do_PUT = do_DELETE = _any

        def log_message(self, *_):
            pass

    return Handler
