"""A small Conductor server on a real socket, for the task operations, with faults on request."""

import json
import socket
import struct
import threading
import time
from collections import Counter, defaultdict, deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

STATUSES = {"COMPLETED", "FAILED", "FAILED_WITH_TERMINAL_ERROR", "IN_PROGRESS"}


class Stub:
    """Dispatches the tasks that were added, and accepts their results.

    Attributes:
        tasks_taken: Number of dispatched tasks.
        results: Accepted updates by task id, in order.
        requests: Number of requests by kind.
        fault: Called with the kind of each request (poll, update, update-v2, token); what it returns happens: a status,
            ``"cut"`` (the connection ends before the request is taken), ``"cut-after"`` (after it), ``"html"``,
            ``"hang"`` (no answer for a while), or None.
        update_answer: Makes the text that an update is answered with.
    """

    def __init__(self):
        self.lock = threading.Condition()
        self.queues = defaultdict(deque)
        self.results = defaultdict(list)
        self.tasks_taken = 0
        self.requests = Counter()
        self.polls = []
        self.fault = lambda kind: None
        self.poll_delay = 0.0  # seconds from taking tasks to the response that carries them
        self.update_fault = lambda update: None  # what one update meets
        self.has_v2 = True
        self.is_ascii = True  # without it, lone surrogates of tasks become bytes that are not UTF-8
        self.update_answer = lambda task_id: task_id
        self.token = None
        self.server = None
        self.port = 0
        self.closing = threading.Event()
        self.is_ending = False
        self.storage = None  # a dict: the path of each payload kept outside, and its bytes
        self.storage_tokens = []

    def start(self, port=0):
        stub = self

        class Handler(_Handler):
            owner = stub

        self.server = _Server(("127.0.0.1", port), Handler)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def stop(self):
        self.closing.set()
        if self.server is not None:
            self.server.shutdown()
            self.server.drop_connections()
            self.server.server_close()
            self.server = None

    def restart(self):
        self.start(self.port)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/api"

    def add(self, task_type, *task_ids, **fields):
        with self.lock:
            for task_id in task_ids:
                self.queues[task_type].append(
                    {
                        "taskId": task_id,
                        "workflowInstanceId": f"wf-{task_id}",
                        "taskDefName": task_type,
                        "taskType": task_type,
                        "status": "IN_PROGRESS",
                        "inputData": {},
                        "responseTimeoutSeconds": 600,
                        **fields,
                    }
                )
            self.lock.notify_all()

    def add_raw(self, task_type, raw):
        with self.lock:
            self.queues[task_type].append(raw)
            self.lock.notify_all()

    def take(self, task_type, count, wait):
        deadline = time.monotonic() + wait
        with self.lock:
            queue = self.queues[task_type]
            while not queue and not self.is_ending and (left := deadline - time.monotonic()) > 0:
                self.lock.wait(left)
            taken = [queue.popleft() for _ in range(min(count, len(queue)))]
            self.tasks_taken += len(taken)
            return taken

    def end_polls(self):
        """Let polls wait no more, so that a handler stops at once."""
        with self.lock:
            self.is_ending = True
            self.lock.notify_all()

    def update(self, body):
        with self.lock:
            self.results[body["taskId"]].append(body)
            if body.get("status") == "IN_PROGRESS" and not body.get("extendLease"):
                self.requests["handed back"] += 1

    def statuses(self):
        with self.lock:
            return {k: [u["status"] for u in v] for k, v in self.results.items()}

    def done(self):
        with self.lock:
            return {k for k, v in self.results.items() if any(u["status"] != "IN_PROGRESS" for u in v)}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256
    allow_reuse_address = True

    def __init__(self, *args):
        self.connections = set()
        super().__init__(*args)

    def process_request(self, request, address):
        self.connections.add(request)
        super().process_request(request, address)

    def shutdown_request(self, request):
        self.connections.discard(request)
        super().shutdown_request(request)

    def drop_connections(self):
        for connection in list(self.connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def handle_error(self, request, address):
        pass  # clients of these tests cut connections on purpose


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    owner = None

    def log_message(self, *args):
        pass

    def do_GET(self):
        url = urlsplit(self.path)
        query = {k: v[0] for k, v in parse_qs(url.query).items()}
        if url.path.startswith("/api/tasks/poll/batch/"):
            if self.misbehaves("poll"):
                return
            kind = url.path.rpartition("/")[2]
            self.owner.polls.append((kind, int(query["count"]), int(query["timeout"]), query.get("domain")))
            tasks = self.owner.take(kind, int(query["count"]), int(query["timeout"]) / 1000)
            self.owner.closing.wait(self.owner.poll_delay if tasks else 0)
            self.answer(tasks)
        elif url.path == "/api/tasks/external-storage-location":
            path = query.get("path") or f"stored-{len(self.owner.storage or ())}"
            place = f"http://127.0.0.1:{self.owner.port}/storage/{path}?signature=1"
            self.answer({"uri": place, "path": path} if self.owner.storage is not None else {"path": path})
        elif url.path.startswith("/storage/"):
            self.owner.storage_tokens.append(self.headers.get("X-Authorization"))
            self.answer(json.loads(self.owner.storage[url.path.rpartition("/")[2]]))
        else:
            self.answer({"path": self.path, "pid": query.get("pid")})

    def do_PUT(self):
        url = urlsplit(self.path)
        self.owner.storage_tokens.append(self.headers.get("X-Authorization"))
        self.owner.storage[url.path.rpartition("/")[2]] = self.rfile.read(int(self.headers["Content-Length"]))
        self.answer({})

    def do_POST(self):
        length = int(self.headers.get("Content-Length", 0))
        data = self.rfile.read(length)
        kind = {"/api/tasks": "update", "/api/tasks/update-v2": "update-v2", "/api/token": "token"}.get(self.path)
        if self.misbehaves(kind, data):
            return
        if kind == "token":
            self.answer({"token": f"t{self.owner.requests['token']}"})
        elif kind == "update-v2" and not self.owner.has_v2:
            self.answer({"status": 404, "message": "No static resource api/tasks/update-v2."}, 404)
        else:
            body = json.loads(data)
            if body["status"] not in STATUSES:
                self.answer({"status": 500, "message": f"JSON parse error: {body['status']}", "retryable": False}, 500)
                return
            self.owner.update(body)
            if kind == "update":
                self.answer(self.owner.update_answer(body["taskId"]), kind="text/plain")
                return
            following = self.owner.take(self.owner_type(body), 1, 0)
            self.answer(following[0] if following else None)

    def owner_type(self, body):
        return body["taskId"].partition("-")[0]

    def misbehaves(self, kind, data=None):
        self.owner.requests[kind] += 1
        if (
            self.owner.token is not None
            and kind != "token"
            and self.headers.get("X-Authorization") != self.owner.token()
        ):
            self.answer({"error": "EXPIRED_TOKEN"}, 401)
            return True
        fault = self.owner.fault(kind)
        if fault is None and kind in {"update", "update-v2"}:
            fault = self.owner.update_fault(json.loads(data))
        if fault is None:
            return False
        if fault == "cut-after" and data is not None:
            self.owner.update(json.loads(data))
        if fault == "hang":
            self.owner.closing.wait(20)
        if fault in {"cut", "cut-after", "hang"}:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            self.connection.close()
        elif fault == "empty":
            self.answer("", kind="text/plain")
        elif callable(fault):
            fault(self)
        elif fault == "malformed":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n[]")
            self.close_connection = True
        elif fault == "redirect":
            self.send_response(302)
            self.send_header("Location", "/login")
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif fault == "html":
            self.answer("<html><title>Log in</title></html>", kind="text/html")
        else:
            self.answer({"status": fault, "message": "injected"}, fault)
        return True

    def answer(self, value, status=200, kind="application/json"):
        if value is None:
            self.send_response(204)
            self.end_headers()
            return
        data = value.encode() if kind != "application/json" else json.dumps(value, ensure_ascii=self.owner.is_ascii)
        data = data if isinstance(data, bytes) else data.encode("utf-8", "surrogateescape")
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
