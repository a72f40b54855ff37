"""What scenarios are written with: one server behind a small face, and outcomes in which only behaviour is left."""

import json
import re
import threading
import time
import uuid

import requests

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TIME = re.compile(r"\b1[789]\d{11}\b")
_PORT = re.compile(r"127\.0\.0\.1:\d{4,5}\b")
_PATIENCE = 25.0
_sessions = threading.local()

SCENARIOS, KINDS = {}, {}


def scenario(function=None, *, kind="plain"):
    """Mark a function as a scenario: it gets a Lab, and returns what is compared.

    Its kind is "plain"; "full" for what the real server has as an option; "strict" for the real server's traps, which
    only a strict embedded server copies.
    """
    if function is None:
        return lambda marked: scenario(marked, kind=kind)
    name = function.__name__
    assert name not in SCENARIOS, name
    SCENARIOS[name], KINDS[name] = function, kind
    return function


class Answer:
    """An HTTP answer."""

    def __init__(self, response):
        self.status = response.status_code
        self.kind = response.headers.get("content-type", "").partition(";")[0]
        self.text = response.text

    @property
    def json(self):
        return json.loads(self.text) if self.text else None

    def seen(self):
        """What is compared: status, kind and body; of an error its own fields."""
        body = self.json if self.kind == "application/json" else self.text
        if isinstance(body, dict) and "retryable" in body:
            body = {key: body[key] for key in ("status", "message", "validationErrors") if key in body}
        return {"status": self.status, "kind": self.kind, "body": body}


class Lab:
    """One scenario on one server. Names are made unique, and made plain again in outcomes."""

    def __init__(self, url, name):
        self.url = url.rstrip("/")
        self.prefix = f"cf{uuid.uuid4().hex[:6]}_"
        self.started = []

    @property
    def http(self):
        if not hasattr(_sessions, "one"):
            _sessions.one = requests.Session()
            _sessions.one.trust_env = False
        return _sessions.one

    def __call__(self, name):
        """A name of this scenario."""
        return f"{self.prefix}{name}"

    def call(self, method, path, body=None, *, data=None, headers=None, **query):
        """Any call."""
        query = {key: value for key, value in query.items() if value is not None}
        sent = {"json": body} if body is not None else {"data": data}
        return Answer(self.http.request(method, self.url + path, params=query, headers=headers, timeout=60, **sent))

    def get(self, path, **query):
        return self.call("GET", path, **query)

    def post(self, path, body=None, **query):
        return self.call("POST", path, body, **query)

    def put(self, path, body=None, **query):
        return self.call("PUT", path, body, **query)

    def delete(self, path, body=None, **query):
        return self.call("DELETE", path, body, **query)

    # -- definitions

    def task(self, name="t", **more):
        """Register a task definition without retries; returns its name."""
        definition = {"name": self(name), "retryCount": 0, "ownerEmail": "a@b.c", **more}
        answer = self.post("/metadata/taskdefs", [definition])
        assert answer.status == 200, answer.text
        return self(name)

    def simple(self, name="t", reference=None, **more):
        """A SIMPLE task of a definition."""
        return {"name": self(name), "taskReferenceName": reference or name, "type": "SIMPLE", **more}

    def flow(self, *tasks, name="wf", version=1, **more):
        """Register a workflow; returns its name."""
        answer = self.register(*tasks, name=name, version=version, **more)
        assert answer.status == 200, answer.text
        return self(name)

    def register(self, *tasks, name="wf", version=1, **more):
        """Try to register a workflow."""
        definition = {
            "name": self(name),
            "version": version,
            "tasks": list(tasks),
            "ownerEmail": "a@b.c",
            "timeoutSeconds": 0,
            **more,
        }
        return self.post("/metadata/workflow", definition, overwrite="true")

    # -- executions

    def start(self, name="wf", input=None, **more):
        """Start a workflow; returns its id."""
        answer = self.post("/workflow", {"name": self(name), "input": input or {}, **more})
        assert answer.status == 200, answer.text
        self.started.append(answer.text)
        return answer.text

    def run(self, *tasks, input=None, start=None, **more):
        """Register and start; returns the id."""
        self.flow(*tasks, **more)
        return self.start(input=input, **(start or {}))

    def document(self, workflow_id):
        return self.get(f"/workflow/{workflow_id}").json

    def until(self, workflow_id, condition, what="the condition"):
        """The document, when the condition holds."""
        deadline = time.monotonic() + _PATIENCE
        pause = 0.02
        while True:
            document = self.document(workflow_id)
            if condition(document):
                return document
            assert time.monotonic() < deadline, f"{what}: {json.dumps(self.plain(self.shape(document)))[:3000]}"
            time.sleep(pause)
            pause = min(pause * 1.5, 0.4)

    def until_status(self, workflow_id, status):
        return self.until(workflow_id, lambda document: document["status"] == status, status)

    def until_task(self, workflow_id, reference, *statuses):
        """The newest task of a reference, when it has one of these statuses."""

        def newest(document):
            found = [task for task in document["tasks"] if task["referenceTaskName"] == reference]
            return found[-1] if found and (not statuses or found[-1]["status"] in statuses) else None

        return newest(self.until(workflow_id, newest, f"{reference} {statuses}"))

    def poll(self, name="t", domain=None, worker="w"):
        """A task of this name; waits for it."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            answer = self.get(f"/tasks/poll/{self(name)}", workerid=worker, domain=domain)
            if answer.status == 200:
                return answer.json
            assert answer.status == 204, answer.text
            assert time.monotonic() < deadline, f"no task {name}"

    def poll_once(self, name="t", domain=None):
        """One try."""
        return self.get(f"/tasks/poll/{self(name)}", workerid="w", domain=domain)

    def update(self, task, status="COMPLETED", output=None, reason=None, **more):
        """Report on a polled task."""
        body = {
            "workflowInstanceId": task["workflowInstanceId"],
            "taskId": task["taskId"],
            "status": status,
            "outputData": output or {},
            "workerId": "w",
            **more,
        }
        if reason is not None:
            body["reasonForIncompletion"] = reason
        return self.post("/tasks", body)

    def work(self, name="t", status="COMPLETED", output=None, reason=None, **more):
        """Poll a task and report on it; returns the task."""
        task = self.poll(name)
        answer = self.update(task, status, output, reason, **more)
        assert answer.status == 200, answer.text
        return task

    def end(self, workflow_id):
        """The outcome, when the execution has ended."""
        return self.shape(self.until(workflow_id, lambda d: d["status"] not in {"RUNNING", "PAUSED"}, "an end"))

    def now(self, workflow_id):
        """The outcome as it is."""
        return self.shape(self.document(workflow_id))

    def clean(self):
        for workflow_id in self.started:
            self.delete(f"/workflow/{workflow_id}/terminate-remove", reason="the scenario is over")

    # -- outcomes

    def shape(self, document):
        """A workflow document without what differs from run to run."""
        kept = ("status", "reasonForIncompletion", "output", "variables", "correlationId", "priority", "taskToDomain")
        seen = {key: document[key] for key in kept if key in document}
        for key in ("failedReferenceTaskNames", "failedTaskNames"):
            seen[key] = sorted(document[key])
        seen["tasks"] = [self.task_shape(task) for task in document["tasks"]]
        return seen

    @staticmethod
    def task_shape(task):
        kept = (
            "taskType", "taskDefName", "referenceTaskName", "status", "retryCount", "seq", "iteration", "retried",
            "executed", "inputData", "outputData", "reasonForIncompletion", "domain", "startDelayInSeconds",
            "responseTimeoutSeconds", "workflowPriority",
        )  # fmt: skip
        seen = {key: task[key] for key in kept if key in task}
        if task["taskType"] not in _ENGINE_TYPES:
            for key in ("pollCount", "workerId", "callbackAfterSeconds"):
                if key in task:
                    seen[key] = task[key]
        if "forkedTaskDefs" in seen["inputData"]:
            seen["inputData"] = {key: one for key, one in seen["inputData"].items() if key != "forkedTaskDefs"}
        for key in ("inputData", "outputData"):
            if "failedWorkflow" in seen[key]:
                seen[key] = {**seen[key], "failedWorkflow": sorted(seen[key]["failedWorkflow"])}
        seen["hasRetriedId"] = "retriedTaskId" in task
        return seen

    def plain(self, outcome):
        """The outcome with plain names, numbered ids, and no times."""
        ids = {}

        def numbered(match):
            return ids.setdefault(match.group(), f"<id {len(ids) + 1}>")

        def walk(value):
            if isinstance(value, dict):
                return {walk(key): walk(one) for key, one in sorted(value.items())}
            if isinstance(value, (list, tuple)):
                return [walk(one) for one in value]
            if isinstance(value, bool) or value is None:
                return value
            if isinstance(value, int):
                return "<time>" if _TIME.fullmatch(str(value)) else value
            if isinstance(value, str):
                named = _PORT.sub("<host>", value.replace(self.prefix, ""))
                return _TIME.sub("<time>", _UUID.sub(numbered, named))
            return value

        return walk(outcome)


_ENGINE_TYPES = {
    "SWITCH", "DECISION", "FORK", "JOIN", "EXCLUSIVE_JOIN", "DO_WHILE", "SUB_WORKFLOW", "START_WORKFLOW", "INLINE",
    "LAMBDA", "JSON_JQ_TRANSFORM", "WAIT", "HUMAN", "NOOP", "TERMINATE", "SET_VARIABLE", "HTTP", "EVENT",
    "KAFKA_PUBLISH",
}  # fmt: skip


def outcome_of(url, name):
    """Run a scenario on a server; what is compared."""
    lab = Lab(url, name)
    try:
        return json.loads(json.dumps(lab.plain(SCENARIOS[name](lab)), sort_keys=True))
    finally:
        lab.clean()


def outcome_or_error(url, name):
    """The same; what went wrong instead of an outcome."""
    try:
        return outcome_of(url, name)
    except (AssertionError, LookupError, TypeError, requests.RequestException) as error:
        return f"{type(error).__name__}: {error}"
