"""A server's API as the web page sees it: fixed documents, and a record of what was asked."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

EVIL = '<img src=x onerror="window.evil=1"><script>window.evil=1</script>&amp;\''


def task(seq, reference, status, **fields):
    return {
        "taskId": f"t-{seq}",
        "seq": seq,
        "referenceTaskName": reference,
        "taskDefName": reference,
        "taskType": "SIMPLE",
        "status": status,
        "scheduledTime": 1000 + seq * 100,
        "startTime": 1050 + seq * 100,
        "endTime": 1090 + seq * 100 if status != "IN_PROGRESS" else 0,
        "retryCount": 0,
        "iteration": 0,
        "inputData": {},
        "outputData": {},
        "workflowInstanceId": "w-1",
        **fields,
    }


def step(reference, **fields):
    return {"name": reference, "taskReferenceName": reference, "type": "SIMPLE", **fields}


DEFINITION = {
    "name": "order",
    "version": 2,
    "description": EVIL,
    "inputParameters": ["amount"],
    "timeoutSeconds": 0,
    "tasks": [
        step("charge"),
        step(
            "choose",
            type="SWITCH",
            decisionCases={"large": [step("approve", type="HUMAN")], "small": []},
            defaultCase=[step("stop", type="TERMINATE")],
        ),
        step("both", type="FORK_JOIN", forkTasks=[[step("pack")], [step("mail")]]),
        step("together", type="JOIN", joinOn=["pack", "mail"]),
        step("rounds", type="DO_WHILE", loopOver=[step("round")]),
    ],
}
RUN = {
    "workflowId": "w-1",
    "workflowName": "order",
    "workflowVersion": 2,
    "status": "RUNNING",
    "createTime": 1000,
    "endTime": 0,
    "correlationId": EVIL,
    "input": {"evil": EVIL},
    "output": {},
    "variables": {},
    "taskToDomain": {},
    "workflowDefinition": DEFINITION,
    "tasks": [
        task(1, "charge", "FAILED", reasonForIncompletion=EVIL, inputData={"amount": 5}),
        task(2, "charge", "COMPLETED", retryCount=1, outputData={"id": EVIL}),
        task(3, "choose", "COMPLETED", taskType="SWITCH"),
        task(4, "approve", "IN_PROGRESS", taskType="HUMAN"),
    ],
}
SUMMARY = {
    "workflowId": "w-1",
    "workflowType": EVIL,
    "version": 2,
    "status": "FAILED",
    "startTime": "2026-01-01T00:00:00Z",
    "executionTime": 1500,
    "reasonForIncompletion": EVIL,
}
DOCUMENTS = {
    "/version": "3.32.3",
    "/workflow/search": {"totalHits": 60, "results": [SUMMARY] * 25},
    "/workflow/w-1": RUN,
    "/tasks/t-2/log": [{"log": EVIL, "createdTime": 1000, "taskId": "t-2"}],
    "/metadata/workflow": [DEFINITION],
    "/metadata/workflow/order": DEFINITION,
    "/metadata/workflow/order/versions": [1, 2],
    "/metadata/workflow/names-and-versions": {"order": [{"name": "order", "version": 2}]},
    "/metadata/taskdefs": [
        {
            "name": EVIL,
            "retryCount": 3,
            "retryLogic": "FIXED",
            "retryDelaySeconds": 1,
            "timeoutSeconds": 0,
            "responseTimeoutSeconds": 10,
        }
    ],
    "/tasks/queue/all": {"charge": 3, "pack": 0, "_deciderQueue": 1},
    "/tasks/queue/polldata/all": [{"queueName": "pack", "workerId": EVIL, "lastPollTime": 1000}],
    "/scheduler/schedules": [
        {
            "name": "nightly",
            "cronExpression": "0 0 3 * * *",
            "zoneId": "UTC",
            "paused": False,
            "startWorkflowRequest": {"name": EVIL},
        }
    ],
    "/scheduler/schedules/nightly": {
        "name": "nightly",
        "cronExpression": "0 0 3 * * *",
        "zoneId": "UTC",
        "paused": False,
        "startWorkflowRequest": {"name": EVIL},
    },
    "/scheduler/nextFewSchedules": [1800000000000],
    "/scheduler/search/executions": {"results": [{"scheduledTime": 1700000000000, "state": "FAILED", "reason": EVIL}]},
}


class Api:
    """Answers with the documents above; `documents` and `answer` can be changed by a test.

    Attributes:
        asked: (method, path, parameters) of each request.
        told: (method, path with query, body) of each request other than GET.
        headers: Those of the last request.
        answer: Called with method and path; what it returns, (status, document), is the answer.
    """

    def __init__(self):
        self.documents = dict(DOCUMENTS)
        self.asked, self.told, self.headers = [], [], {}
        self.answer = lambda method, path: None
        api = self

        class Handler(_Handler):
            owner = api

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/api"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def reply(self, method, target, body):
        parts = urlsplit(target.removeprefix("/api"))
        self.asked.append((method, parts.path, parse_qs(parts.query)))
        if method != "GET":
            self.told.append((method, target.removeprefix("/api"), json.loads(body) if body else None))
        if (answer := self.answer(method, parts.path)) is not None:
            return answer
        if method != "GET":
            return (200, "w-1") if (method, parts.path) == ("POST", "/workflow") else (200, None)
        if parts.path in self.documents:
            return 200, self.documents[parts.path]
        return 404, {"status": 404, "message": f"There is no {parts.path}"}


class _Handler(BaseHTTPRequestHandler):
    def _handle(self):
        self.owner.headers = self.headers
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        status, document = self.owner.reply(self.command, self.path, body)
        plain = isinstance(document, str)
        content = b"" if document is None else document.encode() if plain else json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain" if plain else "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_DELETE = _handle

    def log_message(self, *args):
        pass
