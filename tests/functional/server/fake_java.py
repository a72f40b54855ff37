"""Stands in for java and the server: python fake_java.py [java options] --name=value ..."""

import http.server
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

if "-version" in sys.argv:
    print('openjdk version "21.0.1" 2023-10-17', file=sys.stderr)
    sys.exit(0)

options = dict(word[2:].split("=", 1) for word in sys.argv if word.startswith("--"))
mode = options.get("fake.mode", "good")
port = int(options["server.port"])
started = time.monotonic()
print("fake server starts", sys.argv[1:], flush=True)

if mode == "exits":
    print("it went wrong: the reason", flush=True)
    sys.exit(7)
if mode == "port-taken" or (mode == "port-taken-once" and not Path(options["fake.seen"]).exists()):
    if mode == "port-taken-once":
        Path(options["fake.seen"]).touch()
    print(f"APPLICATION FAILED TO START\nWeb server failed to start. Port {port} was already in use.", flush=True)
    time.sleep(60)  # like the real one, which lives on
if mode == "gives-up":
    print("APPLICATION FAILED TO START\nno such database", flush=True)
    time.sleep(60)
if mode == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def end_when_asked():
    while not Path(options["fake.end"]).exists():
        time.sleep(0.02)
    os._exit(9)


if mode == "ends":
    threading.Thread(target=end_when_asked, daemon=True).start()


class Handler(http.server.BaseHTTPRequestHandler):
    def version_string(self):
        return options["server.server-header"] if mode != "stranger" else "somebody else"

    def do_GET(self):
        healthy = mode != "never" and time.monotonic() - started > (0.5 if mode == "slow" else 0)
        body = json.dumps({"healthy": healthy}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


Path("c123.db").write_text("data")
http.server.ThreadingHTTPServer((options["server.address"], port), Handler).serve_forever()
