"""Do the embedded server and the open-source server run the workflow definitions of other projects alike?

    python bench/corpus_runs.py CHECKOUT...                     starts both servers
    python bench/corpus_runs.py CHECKOUT... --server URL        compares the embedded server with a running server

A checkout is a folder with a copy of a public repository. Each definition in it (bench/corpus.py finds them) is
registered on both servers and started with an input in which each name that it refers to has a value. A worker
completes its tasks at once, HTTP tasks call a server of this program, and WAIT and HUMAN tasks are completed by an
update. Compared are whether it is accepted, and then its status, its output, and its tasks with their order, status
and retries.
Prints a table in Markdown and then the definitions that differ.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import requests
from attrs import field, frozen
from corpus import corpus

import conductor.server

Json = dict[str, Any]

#: Task types that need services which neither server has here, or that only one of the servers runs.
NEEDS_MORE = re.compile(
    r"LLM|MCP|AGENT|GENERATE_|KAFKA|EVENT|BUSINESS_RULE|SENDGRID|WEBHOOK|QUERY_PROCESSOR|JDBC|OPS_GENIE"
)
INPUT_NAME = re.compile(r"\$\{workflow\.input\.([A-Za-z_]\w*)")
ENGINE = {
    "DECISION", "SWITCH", "FORK", "FORK_JOIN", "FORK_JOIN_DYNAMIC", "JOIN", "EXCLUSIVE_JOIN", "DO_WHILE",
    "SUB_WORKFLOW", "START_WORKFLOW", "INLINE", "LAMBDA", "JSON_JQ_TRANSFORM", "WAIT", "HUMAN", "NOOP", "TERMINATE",
    "SET_VARIABLE", "HTTP",
}  # fmt: skip
OPEN = {"SCHEDULED", "IN_PROGRESS"}
OUTPUT = {"result": "ok", "value": 1, "items": [1, 2]}
PATIENCE_S, STEADY_S, MOST_TASKS = 20.0, 2.5, 300


class Answer(BaseHTTPRequestHandler):
    """What HTTP tasks call."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer any request alike."""
        self.rfile.read(int(self.headers.get("content-length") or 0))
        body = json.dumps(OUTPUT).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = do_OPTIONS = do_GET  # noqa: N815  # names of the base class

    def log_message(self, *_: Any) -> None:
        """Write no log."""


def tasks_in(value: Any) -> Iterator[Json]:
    """The tasks of a definition, also those inside others."""
    if isinstance(value, dict):
        if "taskReferenceName" in value:
            yield value
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from tasks_in(one)


def localized(value: Any, address: str) -> Any:
    """A definition whose HTTP tasks call this program."""
    if isinstance(value, dict):
        return {
            key: address if key == "uri" and isinstance(one, str) else localized(one, address)
            for key, one in value.items()
        }
    return [localized(one, address) for one in value] if isinstance(value, list) else value


@frozen
class Run:
    """A definition on one server."""

    url: str
    definition: Json
    session: requests.Session = field(factory=requests.Session)

    def outcome(self) -> Json:
        """What is compared."""
        names = {
            str(task.get("name")) for task in tasks_in(self.definition) if task.get("type", "SIMPLE") not in ENGINE
        }
        limits = {"retryCount": 0, "timeoutSeconds": 0, "responseTimeoutSeconds": 600, "ownerEmail": "a@example.com"}
        for name in sorted(names - {"None", ""}):
            self.session.post(f"{self.url}/metadata/taskdefs", json=[{"name": name, **limits}], timeout=60)
        registered = self.session.put(f"{self.url}/metadata/workflow", json=[self.definition], timeout=60)
        if registered.status_code >= 300:
            return {"registration": registered.status_code}
        given = dict.fromkeys(INPUT_NAME.findall(json.dumps(self.definition)), "value")
        request = {"name": self.definition["name"], "version": self.definition["version"], "input": given}
        started = self.session.post(f"{self.url}/workflow", json=request, timeout=60)
        if started.status_code >= 300:
            return {"start": started.status_code}
        return self.shape(self.worked(started.text))

    def worked(self, workflow_id: str) -> Json:
        """The execution, when the worker has done all that it can."""
        begin = changed = time.monotonic()
        pause, before = 0.02, ""
        while True:
            document = self.document(workflow_id)
            is_over = document["status"] != "RUNNING" or len(document["tasks"]) > MOST_TASKS
            now, state = time.monotonic(), json.dumps([(task["taskId"], task["status"]) for task in document["tasks"]])
            if state != before:
                before, changed = state, now
            if is_over or now > begin + PATIENCE_S or now > changed + STEADY_S:
                self.session.delete(f"{self.url}/workflow/{workflow_id}", timeout=60)
                return document
            if self.complete_tasks(document):
                pause = 0.02
            else:
                time.sleep(pause)
                pause = min(pause * 1.5, 0.5)

    def document(self, workflow_id: str) -> Json:
        """The execution."""
        found: Json = self.session.get(f"{self.url}/workflow/{workflow_id}", timeout=60).json()
        return found

    def complete_tasks(self, document: Json) -> bool:
        """Complete the open tasks of an execution and its children; returns whether there were any."""
        seen = False
        for task in document["tasks"]:
            if task["status"] not in OPEN:
                continue
            if task.get("subWorkflowId"):
                seen |= self.complete_tasks(self.document(task["subWorkflowId"]))
            elif task["taskType"] not in ENGINE or (
                task["taskType"] in {"WAIT", "HUMAN"} and task["status"] != "SCHEDULED"
            ):
                ids = {"workflowInstanceId": document["workflowId"], "taskId": task["taskId"]}
                body = {**ids, "status": "COMPLETED", "outputData": OUTPUT}
                seen |= self.session.post(f"{self.url}/tasks", json=body, timeout=60).status_code == 200
        return seen

    def shape(self, document: Json) -> Json:
        """An execution without what differs from run to run."""
        kept = ("taskType", "referenceTaskName", "status", "retryCount", "iteration")
        tasks = [{key: task.get(key) for key in kept} for task in document["tasks"]]
        seen = {"status": document["status"], "output": document.get("output"), "tasks": tasks}
        text = json.dumps(seen, sort_keys=True)
        text = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "<id>", text)
        text = re.sub(r"\b1[789]\d{11}\b", "0", text)
        shaped: Json = json.loads(re.sub(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} [\d:]+ GMT", "<date>", text))
        return shaped


def outcome(url: str, definition: Json) -> Json:
    """What a server makes of a definition."""
    try:
        return Run(url, definition).outcome()
    except requests.RequestException as error:
        return {"start": type(error).__name__}


def prepared(text: str, number: int, address: str) -> Json | None:
    """A definition as it is registered; None if it needs services that are not here."""
    definition: Json = localized(json.loads(text), address)
    if NEEDS_MORE.search(" ".join(str(task.get("type", "")) for task in tasks_in(definition))):
        return None
    definition["name"] = f"corpus_{number}"
    definition["version"] = 1
    definition["ownerEmail"] = "a@example.com"
    definition.pop("failureWorkflow", None)
    return definition


def difference(ours: Json, theirs: Json) -> str:
    """In which respect two outcomes differ; an empty text for none."""
    if ours == theirs:
        return ""
    for key in ("registration", "start", "status", "tasks"):
        if ours.get(key) != theirs.get(key):
            return key
    return "output"


def main() -> int:
    """Run all, and print what differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkouts", nargs="+", type=Path)
    parser.add_argument("--server", help="URL of a running server to compare with")
    parser.add_argument("--jobs", type=int, default=6)
    given = parser.parse_args()
    service = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=service.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{service.server_address[1]}/api"
    found: dict[str, Path] = {}
    for checkout in given.checkouts:
        for text, path in corpus(checkout).items():
            found.setdefault(text, path)
    all_prepared = {text: prepared(text, number, address) for number, text in enumerate(found)}
    definitions = {text: one for text, one in all_prepared.items() if one is not None}
    with ExitStack() as stack:
        ours = stack.enter_context(conductor.server.start()).url
        theirs = given.server or stack.enter_context(conductor.server.start_oss_server(ready_timeout=400)).url

        def compare(definition: Json) -> tuple[Json, Json, str]:
            mine, other = outcome(ours, definition), outcome(theirs, definition)
            return mine, other, difference(mine, other)

        with ThreadPoolExecutor(given.jobs) as pool:
            results = dict(zip(definitions, pool.map(compare, definitions.values()), strict=True))
    show(found, results)
    return 0


def show(found: dict[str, Path], results: dict[str, tuple[Json, Json, str]]) -> None:
    """Print the table and what differs."""
    kinds = Counter(kind for _, _, kind in results.values())
    ends = Counter(theirs.get("status", "refused") for _, theirs, _ in results.values())
    lines = ["| | number |", "|---|---|", f"| definitions, all different | {len(found)} |"]
    lines.append(f"| of these, run (the others call models, brokers or services of Orkes) | {len(results)} |")
    lines += [f"| {status} on the open-source server | {count} |" for status, count in ends.most_common()]
    lines.append(f"| same acceptance, status, tasks and output | {kinds['']} |")
    lines += [f"| different {kind} | {count} |" for kind, count in kinds.most_common() if kind]
    sys.stdout.write("\n".join(lines) + "\n")
    for text, (ours, theirs, kind) in results.items():
        if kind:
            shown = [json.dumps(one.get(kind))[:600] for one in (ours, theirs)]
            name = json.loads(text)["name"]
            sys.stdout.write(f"\n{found[text]}: {name}: {kind}\n  embedded:    {shown[0]}\n  open source: {shown[1]}\n")


if __name__ == "__main__":
    sys.exit(main())
