"""Typical mistakes, and the message that each gets: after reading it, a user knows what to do without searching.

Each row has what was done and the parts of the message that say what is wrong and what to do about it.
"""

import json
import logging
import os
import subprocess
import sys
import textwrap
import time
from datetime import timedelta

import pytest
from attrs import frozen

import conductor.server
from conductor import (
    ConductorClient,
    NonRetryableError,
    RetryPolicy,
    Settings,
    TaskHandler,
    TaskInProgress,
    Worker,
    Workflow,
    get_task_context,
    task_definition,
    worker_task,
)
from conductor.cli.main import main
from conductor.testing import assert_workflow, run_task
from conductor.testing.generators import example_workflow, example_workflow_run, simple_task
from conductor.worker.worker import WorkerRegistry
from conductor.workflow import (
    dynamic_fork,
    fork,
    http,
    human,
    inline,
    set_variable,
    simple,
    sub_workflow,
    switch,
    terminate,
    wait,
)

ORDER = {
    "name": "order",
    "version": 1,
    "ownerEmail": "a@example.com",
    "tasks": [{"name": "charge", "taskReferenceName": "charge", "type": "SIMPLE"}],
}
NIGHTLY = {"name": "nightly", "startWorkflowRequest": {"name": "order"}}
UNKNOWN_ID = "6f1c0a52-0000-4000-8000-000000000001"


@frozen
class Here:
    """What a mistake is made with."""

    server: conductor.server.EmbeddedServer
    client: ConductorClient
    ended: str  # the id of an execution that has ended


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    with conductor.server.start() as server, ConductorClient(server_url=server.url) as client:
        monkeypatch.setenv("CONDUCTOR_SERVER_URL", server.url)
        client.metadata.register_workflow(ORDER)
        ended = client.workflows.start("order")
        client.workflows.terminate(ended)
        yield Here(server, client, ended)


def declare(function, name="a", **options):
    return worker_task(name, registry=WorkerRegistry(), **options)(function)


def charge(amount: int) -> dict:
    if amount < 0:
        raise NonRetryableError(f"cannot charge {amount}")
    return {"id": f"ch_{amount}"}


def with_rest(*amounts): ...


def with_unknown_name(amount: "Mony"): ...  # noqa: F821  the mistake


class Shop:
    def charge(self): ...


def twice():
    registry = WorkerRegistry()
    worker_task("charge", registry=registry)(lambda: 1)
    worker_task("charge", registry=registry)(charge)


def started_handler(here, then):
    with TaskHandler(here.client, workers=[Worker(charge)]) as handler:
        then(handler)


def with_variable(name, value, call):
    os.environ[name] = value
    try:
        call()
    finally:
        del os.environ[name]


def contains_itself():
    found = {}
    found["again"] = found
    return found


def reason(function, given=None):
    """The reason with which a task fails, as the error."""
    raise RuntimeError(run_task(function, given).reason_for_incompletion)


def build(*steps, **options):
    workflow = Workflow("order", **options)
    for step in steps:
        workflow >> step
    return workflow


def warn(*steps):
    """The warnings about a workflow, as the error."""
    raise RuntimeError(" ".join(problem.message for problem in build(*steps).validate()))


def failing_run(here):
    registry = WorkerRegistry()
    boom = worker_task("boom", registry=registry, retry_count=0)(lambda: {}["id"])
    here.client.metadata.register_task({"name": "boom", "retryCount": 0, "ownerEmail": "a@example.com"})
    with TaskHandler(here.client, registry=registry, poll_interval_ms=10):
        build(simple(boom)).run(here.client, timeout=20)


def retried_run(here):
    registry = WorkerRegistry()
    boom = worker_task("busy", registry=registry)(lambda: {}["id"])
    with TaskHandler(here.client, registry=registry, poll_interval_ms=10):
        build(simple(boom)).run(here.client, timeout=3)


def in_sub_workflow(here):
    workflow_id = build(sub_workflow(Workflow("child") >> human(ref="approve"), ref="ask")).start(here.client)
    deadline = time.monotonic() + 30
    while not here.client.workflows.get(workflow_id).task("ask").sub_workflow_id and time.monotonic() < deadline:
        time.sleep(0.02)
    here.client.tasks.update_by_reference_name(workflow_id, "approve", "COMPLETED")


WORKERS = {
    "no worker is declared": (
        lambda here: TaskHandler(here.client, registry=WorkerRegistry()).start(),
        "No workers were found. Decorate a function with @worker_task",
    ),
    "two functions for one task type": (lambda _: twice(), "'charge'", "test_messages.py:", "Rename or remove one"),
    "*args": (lambda _: declare(with_rest), "takes *args", "Name the parameters, or take **kwargs"),
    "a method without its object": (lambda _: declare(Shop.charge), "method without an object", "Worker(object.method"),
    "a lambda without a name": (lambda _: Worker(lambda: 1), "has no name", "Worker(..., 'name')"),
    "a domain that is a number": (lambda _: declare(charge, domain=5), "domain is 5", "must be a string"),
    "a retry logic misspelled": (
        lambda _: declare(charge, retry_logic="EXPONENTAL_BACKOFF"),
        "retry_logic is 'EXPONENTAL_BACKOFF'",
        "did you mean 'EXPONENTIAL_BACKOFF'?",
    ),
    "a timeout with a unit": (
        lambda _: declare(charge, timeout_seconds="5s"),
        "timeout_seconds is '5s'",
        "number of seconds",
    ),
    "a worker instead of a list": (
        lambda here: TaskHandler(here.client, workers=Worker(charge)),
        "must be a list of workers: workers=[...]",
    ),
    "a name instead of a list of workers": (
        lambda here: TaskHandler(here.client, workers="charge"),
        "workers is 'charge'",
        "must be a list of workers: workers=[...]",
    ),
    "a port of the probes that does not exist": (
        lambda here: TaskHandler(here.client, workers=[Worker(charge)], health_port=99999).start(),
        "health_port is 99999",
        "from 0 to 65535",
    ),
    "an outbox in no folder": (
        lambda here: TaskHandler(here.client, workers=[Worker(charge)], outbox="no/such/outbox").start(),
        "Cannot use the outbox",
        "no/such/outbox",
        "No such file or directory",
    ),
    "something that is not a function": (lambda _: Worker(5, "x"), "5 is not callable", "pass a function"),
    "an annotation that does not exist": (
        lambda _: declare(with_unknown_name),
        "'amount'",
        "'Mony' cannot be resolved",
    ),
    "an option misspelled": (
        lambda _: declare(charge, thread_cuont=2),
        "'thread_cuont'",
        "did you mean 'thread_count'?",
    ),
    "an option of conductor-python": (lambda _: worker_task(task_definition_name="a"), "use the first argument"),
    "an interval in the old unit": (lambda _: worker_task("a", poll_interval=1), "use poll_interval_ms"),
    "no thread at all": (lambda _: declare(charge, thread_count=0), "thread_count is 0", "must be", "from 1 to 10000"),
    "a number as text": (lambda _: declare(charge, thread_count="5"), "thread_count is '5'", "must be"),
    "a task type with a slash": (lambda _: declare(charge, "a/b"), "'a/b'", "without '/'"),
    "a number as task type": (lambda _: worker_task(5), "task type as its first argument", "'charge'", "not 5"),
    "a field of the definition misspelled": (
        lambda _: declare(charge, task_def={"retryCuont": 2}),
        "no field 'retryCuont'",
        "Did you mean 'retryCount'?",
    ),
    "timeouts that contradict each other": (
        lambda _: declare(charge, timeout_seconds=5, response_timeout_seconds=10),
        "response_timeout_seconds is 10, more than timeout_seconds (5)",
    ),
    "should_poll is a value": (lambda _: declare(charge, should_poll=True), "should_poll is True", "a function"),
    "a URL instead of a client": (lambda here: TaskHandler(here.server.url), "Settings(server_url=...)"),
    "an unknown option of the handler": (lambda here: TaskHandler(here.client, treads=3), "treads", "thread_count"),
    "a module that does not exist": (
        lambda here: TaskHandler(here.client, import_modules=["shop.taks"]).start(),
        "'shop.taks'",
        "no such module",
    ),
    "a function without the decorator": (lambda here: TaskHandler(here.client, workers=[charge]), "@worker_task"),
    "a handler started twice": (lambda here: started_handler(here, lambda one: one.start()), "stop it before"),
    "middleware after the start": (lambda here: started_handler(here, lambda one: one.use(print)), "before start()"),
    "a variable with a word for a number": (
        lambda here: with_variable(
            "CONDUCTOR_WORKER_ALL_THREAD_COUNT",
            "many",
            lambda: TaskHandler(here.client, workers=[Worker(charge)]).start(),
        ),
        "CONDUCTOR_WORKER_ALL_THREAD_COUNT is 'many'",
        "must be",
    ),
    "the context outside of a worker": (lambda _: get_task_context(), "no task context", "conductor.testing.run_task"),
    "an input that is missing": (lambda _: reason(charge, {"amuont": 1}), "'amount' (int) is missing", "has: amuont"),
    "an input of another type": (lambda _: reason(charge, {"amount": "x"}), "'amount' must be int, got str 'x'"),
    "an output without a JSON form": (
        lambda _: reason(lambda: {"a": object()}),
        "output $.a",
        "object",
        "convert it first",
    ),
    "a generator as output": (
        lambda _: reason(lambda: (n for n in range(3))),
        "generator has no JSON form",
        "convert it first",
    ),
    "an output that contains itself": (lambda _: reason(contains_itself), "it contains itself"),
    "a key that is not a string": (lambda _: reason(lambda: {(1, 2): 3}), "a key of type tuple", "use a string"),
    "an output that is not a number": (lambda _: reason(lambda: float("nan")), "nan is not", "use None or a string"),
    "an output that is too large": (
        lambda _: reason(lambda: "x" * 4_000_000),
        "4,000,",
        "elsewhere and pass a reference",
    ),
    "a pause in words": (lambda _: TaskInProgress("soon"), "callback_after_seconds is 'soon'", "number of seconds"),
    "a function as listener": (
        lambda here: TaskHandler(here.client, listeners=[print]),
        "WorkerListener",
        "handler.on(",
    ),
    "a default of the definition misspelled": (
        lambda _: task_definition("x", retry_cuont=1),
        "Did you mean 'retry_count'?",
    ),
    "an input that is a list": (lambda _: run_task(charge, [1]), "input must be a dict, not list"),
    "processes for a worker that cannot be imported": (
        lambda here: TaskHandler(Settings(server_url=here.server.url), workers=[Worker(charge)], processes=2).start(),
        "cannot run in another process",
        "Declare it with @worker_task",
    ),
}

CLIENTS = {
    "a version as text": (
        lambda here: here.client.workflows.start("order", version="1"),
        "version must be an integer or None, not str",
    ),
    "a priority that does not exist": (
        lambda here: here.client.workflows.start("order", priority=200),
        "priority is 200",
        "from 0 to 99",
    ),
    "a search by a field misspelled": (
        lambda here: here.client.workflows.search(worklow_type="order"),
        "'worklowType'",
        "did you mean 'workflowType'?",
    ),
    "an execution deleted that runs": (
        lambda here: here.client.workflows.delete(here.client.workflows.start("order")),
        "status: RUNNING",
        "terminate it first, or delete it with archive=False",
    ),
    "a definition registered twice": (
        lambda here: here.client.metadata.register_workflow(ORDER),
        "order.1 already exists",
        "register it with overwrite=True, or as another version",
    ),
    "a definition that does not exist": (
        lambda here: here.client.metadata.get_workflow("ordr"),
        "by name: ordr",
        "conductor def list shows what is registered",
    ),
    "a task definition that does not exist": (
        lambda here: here.client.metadata.get_task("chrage"),
        "by name: chrage",
        "conductor def list shows what is registered",
    ),
    "a method that has no similar name": (
        lambda here: here.client.secrets.set("KEY", "x"),
        "no attribute 'set'; it has ",
        ", list",
    ),
    "a time zone misspelled": (
        lambda here: here.client.schedules.save({**NIGHTLY, "cronExpression": "0 0 3 * * *", "zoneId": "Europe/Berln"}),
        "Unknown time zone: 'Europe/Berln'",
        "such as 'Europe/Berlin'",
    ),
    "a cron expression without seconds": (
        lambda here: here.client.schedules.save({**NIGHTLY, "cronExpression": "0 3 * * *"}),
        "5 fields instead of six",
        "Put the seconds first: '0 0 3 * * *'",
    ),
    "a schedule without a workflow": (
        lambda here: here.client.schedules.save({"name": "s", "cronExpression": "0 0 3 * * *"}),
        "no start_workflow_request",
        "the name of a workflow",
    ),
    "certificates that do not exist": (
        lambda _: ConductorClient("https://127.0.0.1:9", ca_bundle="no.pem").workflows.get("x"),
        "ca_bundle: file not found: 'no.pem'",
    ),
    "the page instead of the API": (
        lambda here: ConductorClient(f"{here.server.address}/?", retry=RetryPolicy.none()).workflows.get("x"),
        "an HTML page",
        "Check the server's URL",
    ),
    "a path that is not the API's": (
        lambda here: ConductorClient(f"{here.server.address}/v2", retry=RetryPolicy.none()).workflows.get("x"),
        "the path of CONDUCTOR_SERVER_URL is wrong",
    ),
    "the server is down": (
        lambda _: ConductorClient("http://127.0.0.1:9", retry=RetryPolicy.none()).workflows.start("order"),
        "cannot connect to 127.0.0.1:9",
        "Start a server (conductor server start) or check CONDUCTOR_SERVER_URL",
    ),
    "a URL without http": (lambda _: ConductorClient("localhost:8080"), "'localhost:8080'", "such as http://host:port"),
    "a host that does not exist": (
        lambda _: ConductorClient("http://no-such-host.invalid", retry=RetryPolicy.none()).workflows.start("order"),
        "no-such-host.invalid",
        "resolve",
    ),
    "a key without its secret": (lambda _: ConductorClient(auth_key="k"), "auth_secret is missing", "set both"),
    "a setting misspelled": (
        lambda _: ConductorClient(sever_url="http://x"),
        "'sever_url'",
        "did you mean 'server_url'?",
    ),
    "a setting of conductor-python": (lambda _: ConductorClient(server_api_url="http://x"), "use server_url"),
    "a timeout with a unit": (lambda _: Settings(request_timeout_ms="5s"), "request_timeout_ms is '5s'", "must be"),
    "a variable without http": (
        lambda _: with_variable("CONDUCTOR_SERVER_URL", "localhost", ConductorClient),
        "CONDUCTOR_SERVER_URL is 'localhost'",
    ),
    "a workflow that is not registered": (
        lambda here: here.client.workflows.start("ordr"),
        "name=ordr",
        "Register it first",
        "conductor def list shows what is registered",
    ),
    "a version that is not registered": (
        lambda here: here.client.workflows.start("order", version=7),
        "version=7",
        "Register",
    ),
    "an input that is not JSON": (
        lambda here: here.client.workflows.start("order", {"a": object()}),
        "$.input.a",
        "convert",
    ),
    "an input that is a list": (
        lambda here: here.client.workflows.start("order", [1]),
        "input must be a dict or None, not list",
    ),
    "nothing to start": (
        lambda here: here.client.workflows.start(None),
        "Expected a WorkflowDef, a dict or a workflow as code, not None",
    ),
    "one domain for all tasks": (
        lambda here: here.client.workflows.start("order", task_to_domain="eu"),
        "task_to_domain must be a dict or None, not str",
    ),
    "a timeout in words": (
        lambda here: here.client.workflows.run("order", timeout="x"),
        "timeout is 'x'",
        "number of seconds",
    ),
    "nobody polls": (
        lambda here: here.client.workflows.run("order", timeout=0.3),
        "RUNNING at charge (SCHEDULED)",
        "no worker has polled 'charge': start a worker",
    ),
    "a worker that raises": (failing_run, "at task 'boom' (FAILED)", "KeyError: 'id'", "(test_messages.py:"),
    "a worker that raises, with retries": (
        retried_run,
        "attempt 2 of 4, due at",
        "attempt 1 ended as FAILED: KeyError: 'id' (test_messages.py:",
    ),
    "an id that is unknown": (
        lambda here: here.client.workflows.get(UNKNOWN_ID),
        f"No such workflow found by id: {UNKNOWN_ID}",
    ),
    "an id that is None": (lambda here: here.client.workflows.get(None), "workflow_id must be a string, not None"),
    "a client misspelled": (lambda here: here.client.workflow, "did you mean 'workflows'?"),
    "a method misspelled": (lambda here: here.client.workflows.strat, "did you mean 'start'?"),
    "a method of conductor-python": (lambda here: here.client.get_workflow_client, "use client.workflows"),
    "an execution resumed that runs": (
        lambda here: here.client.workflows.resume(here.client.workflows.start("order")),
        "not PAUSED",
        "RUNNING",
    ),
    "an execution paused that has ended": (lambda here: here.client.workflows.pause(here.ended), "has ended"),
    "a second click on an approval": (
        lambda here: here.client.tasks.update_by_reference_name(here.ended, "charge", "COMPLETED"),
        "no open task 'charge': the task has ended as CANCELED",
        "Nothing was updated",
    ),
    "a task of a sub-workflow": (
        in_sub_workflow,
        "no open task 'approve', but its sub-workflow 'child' has: update the task of the execution",
    ),
    "a task that is not there yet": (
        lambda here: here.client.tasks.update_by_reference_name(here.client.workflows.start("order"), "approve"),
        "no open task 'approve': it is not scheduled yet",
    ),
    "a status that does not exist": (
        lambda here: here.client.tasks.update_by_reference_name(here.ended, "charge", "DONE"),
        "status is 'DONE'",
        "COMPLETED",
    ),
    "a definition with a field misspelled": (
        lambda here: here.client.metadata.register_workflow({"name": "w", "taks": []}),
        "no field 'taks'",
        "Did you mean 'tasks'?",
    ),
    "a definition with one reference name twice": (
        lambda here: here.client.metadata.register_workflow({**ORDER, "tasks": ORDER["tasks"] * 2}),
        "taskReferenceName: charge should be unique",
    ),
    "a cron expression in words": (
        lambda here: here.client.schedules.save(
            {"name": "s", "cronExpression": "every day", "startWorkflowRequest": {"name": "order"}}
        ),
        "'every day'",
        "six (second minute hour",
    ),
    "an operation of Orkes": (lambda here: here.client.webhooks.list(), "does not have this operation", "Orkes"),
    "a search for a status that does not exist": (
        lambda here: here.client.workflows.search(status="DONE"),
        "status is 'DONE'",
        "RUNNING",
    ),
}

WORKFLOWS = {
    "a plain function as step": (
        lambda _: build(charge_order),
        "Cannot add charge_order",
        "decorate it with @worker_task, and add simple(charge_order)",
    ),
    "a result of a worker's function as step": (
        lambda _: build({"id": 1}),
        "Cannot add {'id': 1}",
        "To run a worker's function as a task, do not call it: simple(function, x=...)",
    ),
    "an input as keyword of Workflow.start": (
        lambda here: build(simple("a")).start(here.client, amount=1),
        "Workflow.start() has no argument 'amount'. The workflow's input is a dict: input={'amount': ...}",
    ),
    "an input as keyword of Workflow.run": (
        lambda here: build(simple("a")).run(here.client, amount=1),
        "Workflow.run() has no argument 'amount'",
    ),
    "an input as keyword of Workflow.execute": (
        lambda here: build(simple("a")).execute(here.client, amount=1),
        "Workflow.execute() has no argument 'amount'",
    ),
    "an option of Workflow.start misspelled": (
        lambda here: build(simple("a")).start(here.client, corelation_id="a"),
        "Workflow.start() has no argument 'corelation_id'; did you mean 'correlation_id'?",
    ),
    "an input as keyword of workflows.run": (
        lambda here: here.client.workflows.run("order", amount=1),
        "workflows.run() has no argument 'amount'",
    ),
    "a step as the task of a dynamic fork": (
        lambda _: dynamic_fork(each=[1], task=simple("fetch", optional=True)),
        "pass the function itself; options go to dynamic_fork",
    ),
    "a function as the inputs of a dynamic fork": (
        lambda _: dynamic_fork([1], charge_order),
        "dynamic_fork(task_inputs=...) takes a reference or data, not charge_order",
        "write dynamic_fork(each=[...], task=charge_order)",
    ),
    "a function as the tasks of a dynamic fork": (
        lambda _: dynamic_fork(charge_order),
        "dynamic_fork(tasks=...) takes a reference or data",
    ),
    "no client to run with": (
        lambda _: build(simple("a")).run(),
        "ConductorClient as its first argument",
        "run(client",
    ),
    "a URL instead of a client": (lambda _: build(simple("a")).run("http://localhost:8080"), "not 'http://localhost"),
    "a task that is None": (lambda _: simple(None), "a task's name, a function or a worker, not None"),
    "an output added to": (
        lambda _: simple("a").output.x + 1,
        "cannot add to it",
        "To build a string, use an f-string",
    ),
    "the length of an output": (lambda _: len(simple("a").output.x), "cannot measure it", "Decide on the server"),
    "a value instead of variables": (lambda _: set_variable("a"), "dict of names and values", "not 'a'"),
    "a request without an address": (
        lambda _: build(http("")).check(),
        "requires the input parameter http_request.uri",
    ),
    "a private name of an output": (lambda _: simple("a").output._x, "use ['_x']"),
    "one reference name twice": (
        lambda _: build(simple("a", ref="x"), simple("b", ref="x")).check(),
        "'x' must be unique",
        "test_messages.py:",
    ),
    "an output of a later step": (lambda _: later().check(), "refers to 'a', which runs later"),
    "an output of a step that was not added": (
        lambda _: build(simple("b", n=simple("a").output.x)).check(),
        "'a', which was never added",
    ),
    "an output of a step that does not exist": (
        lambda _: build(simple("a")).returns(x="${b.output.x}").check(),
        "no task of this workflow has that name (known: a)",
    ),
    "a field of the workflow misspelled": (
        lambda _: warn(simple("a", x="${workflow.inptu.x}")),
        "no field 'inptu'",
        "did you mean 'input'?",
    ),
    "a brace forgotten": (lambda _: build(simple("a", x="${workflow.input.x")).check(), "no closing brace"),
    "no steps": (lambda _: build().check(), "has no tasks", "Add one: workflow >> step"),
    "no name": (lambda _: (Workflow("") >> simple("a")).check(), "has no name", "Workflow('name')"),
    "a name instead of a step": (lambda _: build("charge"), "Cannot add 'charge'", "pass a step"),
    "if on an output": (lambda _: bool(simple("a").output.x), "Decide on the server: switch("),
    "a loop over an output": (lambda _: list(simple("a").output.x), "Decide on the server", "do_while("),
    "an output compared": (lambda _: simple("a").output.x > 3, "cannot compare it", "switch("),
    "a duration misspelled": (lambda _: build(wait("3 dyas")).check(), "'3 dyas'", "such as '1 days"),
    "a switch without cases": (lambda _: build(switch("x", {})).check(), "has no decisionCases"),
    "a fork without branches": (lambda _: build(fork()).check(), "has no forkTasks"),
    "an input of the worker misspelled": (
        lambda _: build(simple(declare(charge, "charge"), amuont=5)).check(),
        "no parameter 'amuont'",
        "did you mean 'amount'?",
    ),
    "an input of the worker forgotten": (
        lambda _: build(simple(declare(charge, "charge"))).check(),
        "requires 'amount'",
    ),
    "an input of the worker of another type": (
        lambda _: build(simple(declare(charge, "charge"), amount="five")).check(),
        "must be int, got str 'five'",
    ),
    "a workflow that calls itself for ever": (lambda _: build(sub_workflow("order")).check(), "without end", "switch"),
    "a status that does not exist": (lambda _: build(terminate("DONE")).check(), "'DONE'", "must be COMPLETED, FAILED"),
    "a variable forgotten": (lambda _: warn(set_variable()), "sets no variable", "Pass it as an input parameter"),
    "a script that does not parse": (lambda _: warn(inline("return 1")), "not valid JavaScript", "last expression"),
    "an option misspelled": (lambda _: inline("1", retires=3), "no option 'retires'", "retry_count"),
    "an input where options are": (
        lambda _: sub_workflow("invoice", customer="Ada"),
        "no option 'customer'",
        "to pass it as an input, write inputs={'customer': ...}",
    ),
    "a file that does not exist": (lambda _: Workflow.from_file("nope.json"), "No such file", "nope.json"),
}


def charge_order(workflow):
    return {"charged": 1}


def later():
    workflow, first = Workflow("order"), simple("a")
    return workflow >> simple("b", n=first.output.x) >> first


SERVERS = {
    "an edition misspelled": (lambda _: conductor.server.start(edition="orks"), "edition is 'orks'", "'oss', 'orkes'"),
    "keys in a list": (lambda _: conductor.server.start(keys=["a"]), "keys is of type list", "must be a dict"),
    "a port that does not exist": (lambda _: conductor.server.start(99999), "port is 99999", "from 0 to 65535"),
    "a port in use": (
        lambda here: conductor.server.start(here.server.port),
        "Address already in use",
        "choose another port",
    ),
    "a port as text": (lambda _: conductor.server.start("8080"), "port is '8080'", "an integer from 0 to 65535"),
    "a host that does not exist": (
        lambda _: conductor.server.start(host="no-such-host.invalid", keys={"id": "secret"}),
        "Cannot listen on 'no-such-host.invalid'",
        "Use an address of this machine",
    ),
    "secrets without names": (
        lambda _: conductor.server.start(secrets=["a"]),
        "secrets is of type list",
        "must be a dict",
    ),
    "open to the network": (
        lambda _: conductor.server.start(host="0.0.0.0"),
        "without authentication",
        "Pass keys",
        "127.0.0.1",
    ),
    "a folder as database": (lambda _: conductor.server.start(database="."), "it is a folder; name a file in it"),
    "a database in no folder": (lambda _: conductor.server.start(database="no/x.db"), "the folder 'no' does not exist"),
    "a database that is none": (lambda _: conductor.server.start(database="text.db"), "not a database", "another file"),
    "the clock back": (lambda here: here.server.clock.advance(timedelta(days=-1)), "Cannot move the clock back"),
    "the clock by a number": (lambda here: here.server.clock.advance(5), "takes a timedelta", "timedelta(hours=1)"),
}

COMMANDS = {
    ("workfow", "list"): ("No such command 'workfow'", "'workflow'"),
    ("workflow", "lst"): ("No such command 'lst'", "'list'"),
    ("workflow", "search", "--stauts", "FAILED"): ("No such option '--stauts'", "--status"),
    ("workflow", "get"): ("Missing argument 'ID'",),
    ("workflow", "get", UNKNOWN_ID): (f"No such workflow found by id: {UNKNOWN_ID}",),
    ("workflow", "start", "ordr"): ("name=ordr", "Register it first", "conductor def list"),
    ("workflow", "start", "orders"): ("name=orders", "did you mean 'order'?"),
    ("workflow", "start", "nofile.json"): ("nofile.json: file not found",),
    ("workflow", "diagram", "nofile.py"): ("nofile.py: file not found",),
    ("workflow", "start", "order", "day=1"): ("extra argument (day=1)", "Did you mean -i day=1?"),
    ("workflow", "skip", "x", "y", "day=1"): ("Did you mean -d day=1?",),
    ("start", "order"): ("No such command 'start'", "'conductor workflow start'"),
    ("run", "order"): ("'conductor workflow run'", "'conductor worker run'"),
    ("push", "folder"): ("'conductor def push'",),
    ("workflow", "start", "order", "-i", '{"a": 1}'): ("is not NAME=VALUE", "--input"),
    ("workflow", "start", "order", "--input", "@no.json"): ("cannot read 'no.json'", "No such file"),
    ("workflow", "search", "--status", "DONE"): ("status is 'DONE'", "RUNNING"),
    ("def", "push", "no.json"): ("no.json: file not found",),
    ("def", "push", "bad.json"): ("bad.json", "line 1 column 2"),
    ("def", "push", "typo.json"): ("no field 'taks'", "did you mean 'tasks'?"),
    ("def", "get", "order"): ("def get workflow order", "def get task order"),
    ("def", "get", "workflow", "ordr"): ("'ordr'", "'order'"),
    ("worker", "run", "no_such_module"): ("No module named 'no_such_module'", "Python path"),
    ("worker", "run", "no_workers"): ("declare no workers", "@worker_task"),
    ("worker", "run", "broken"): ("Cannot import broken", "broken.py:1"),
    ("worker", "exec", "--type", "x", "--", "no-such-program"): ("'no-such-program' was not found", "PATH"),
    ("task", "get", "no-such-task"): ("Task not found for taskId: no-such-task",),
    ("task", "queue", "chrage"): ("named 'chrage'", "did you mean 'charge'?"),
    ("doctor", "no-such-thing"): ("no execution, workflow, task type or schedule 'no-such-thing'",),
    ("schedule", "run", "nightly"): ("Schedule 'nightly' not found",),
    ("server", "start", "--port", "99999"): ("argument --port", "'99999'", "use 0 to 65535"),
    ("--profile", "staging", "workflow", "list"): ("'staging' does not exist", "conductor profile add staging"),
    ("--server", "localhost:8080", "workflow", "list"): ("'localhost:8080'", "http://host:port"),
    ("--server", "http://127.0.0.1:9", "workflow", "list"): (
        "cannot connect",
        "conductor server start",
        "check --server, which is http://127.0.0.1:9",
    ),
    ("doctor", "--server", "http://127.0.0.1:9"): ("check --server, which is http://127.0.0.1:9",),
    ("secret", "get", "TOKEN"): ("'TOKEN' does not exist", "conductor secret set TOKEN"),
    ("workflow", "run", "order", "--timeout", "soon"): ("invalid duration: 'soon'", "5m, 2h or 1d"),
    ("workflow", "start", "order", "--priority", "200"): ("200 is not in the range 0<=x<=99",),
    ("workflow", "export", "ordr"): ("name: ordr", "conductor def list shows what is registered"),
    ("workflow", "watch", "nope"): ("No such workflow found by id: nope",),
    ("task", "complete", "nope"): ("Task not found for taskId: nope",),
    ("task", "poll", "charge", "--count", "0"): ("0 is not in the range 1<=x<=100",),
    ("worker", "exec", "--", "true"): ("Missing option '--type'",),
    ("worker", "exec", "--type", "x"): ("Missing argument '-- PROGRAM",),
    ("worker", "run"): ("Missing argument 'MODULE...'",),
    ("schedule", "save", "{}"): ("Invalid WorkflowSchedule", "missing", "name"),
    ("schedule", "preview", "every day"): ("'every day'", "six (second minute hour"),
    ("event", "save", '{"name": "x"}'): ("Invalid EventHandler", "missing"),
    ("profile", "use", "x"): ("Profile 'x' does not exist", "conductor profile add x --server URL"),
    ("profile", "add", "x"): ("--server is required", "conductor profile add x --server URL"),
    ("env", "get", "X"): ("environment variable X does not exist",),
    ("webhook", "list"): ("does not have this operation", "Orkes"),
    ("migrate", "nope.py"): ("nope.py does not exist",),
    ("completion", "tcsh"): ("'tcsh' is not one of 'bash', 'zsh', 'fish'",),
    ("server", "strat"): ("No such command 'strat'", "'start'"),
    ("server", "start", "--engine", "x"): ("argument --engine", "'embedded', 'oss'"),
    ("-o", "xml", "workflow", "list"): ("'xml' is not one of 'text', 'json'",),
}

FLASK = {
    "a URL instead of a dict": ('{"CONDUCTOR": "http://x"}', "is str; it must be a dict"),
    "a key misspelled": ('{"CONDUCTOR": {"SEVER_URL": "http://x"}}', "'SEVER_URL'", "did you mean 'SERVER_URL'?"),
    "a key in small letters": ('{"CONDUCTOR": {"server_url": "http://x"}}', "did you mean 'SERVER_URL'?"),
    "a key without its secret": ('{"CONDUCTOR": {"AUTH_KEY": "k"}}', "auth_secret is missing", "set both"),
    "an option of workers misspelled": ('{"CONDUCTOR": {"WORKER": {"treads": 5}}}', "treads", "thread_count"),
    "a URL without http": ('{"CONDUCTOR": {"SERVER_URL": "localhost"}}', "'localhost'", "such as http://host:port"),
    "a number of workers": ('{"CONDUCTOR": {"WORKER": 5}}', "WORKER is 5", "dict of arguments of TaskHandler"),
    "a module that is not in a list": ('{"CONDUCTOR": {"WORKER_MODULES": "shop"}}', "must be a list: ['shop']"),
    "a module that does not exist": (
        '{"CONDUCTOR": {"WORKER_MODULES": ["no_shop"]}}',
        "module 'no_shop' does not exist",
        "WORKER_MODULES",
    ),
    "a worker that does not exist": ('{"CONDUCTOR": {}, "only": ["chrage"]}', "'chrage'", "declared are"),
    "init_app forgotten": ("{}", "not initialized", "Conductor().init_app(app)"),
    "a scheme of webhooks misspelled": ('{"scheme": "gihub"}', "'gihub'", "use one of github"),
}

FLASK_PROGRAM = """
    import json, sys
    from flask import Flask
    from conductor.contrib.flask import Conductor

    def make(config):
        app = Flask("shop")
        if "scheme" in config:
            Conductor().webhook("secret", scheme=config["scheme"])
        if "CONDUCTOR" not in config:
            with app.app_context():
                return Conductor().client
        app.config["CONDUCTOR"] = config["CONDUCTOR"]
        return Conductor(app).handler(app, only=config.get("only", ()))

    for config in json.loads(sys.argv[1]):
        try:
            make(json.loads(config))
        except Exception as error:
            print(json.dumps(str(error)))
        else:
            print(json.dumps("no error"))
    """

DJANGO = {
    "a URL instead of a dict": ('"http://x"', "settings.CONDUCTOR is str; it must be a dict"),
    "a key misspelled": ('{"SEVER_URL": "http://x"}', "did you mean 'SERVER_URL'?"),
    "a key in small letters": ('{"server_url": "http://x"}', "did you mean 'SERVER_URL'?"),
    "a key without its secret": ('{"AUTH_KEY": "k"}', "auth_secret is missing", "set both"),
    "a module that is not in a list": ('{"WORKER_MODULES": "shop"}', "must be a list: ['shop']"),
    "a switch in words": ('{"OUTBOX": "yes"}', "OUTBOX is 'yes'", "True or False"),
    "no seconds at all": ('{"OUTBOX_LEASE_SECONDS": 0}', "OUTBOX_LEASE_SECONDS is 0", "above 0"),
    "a URL without http": ('{"SERVER_URL": "localhost"}', "'localhost'", "such as http://host:port"),
    "a number of workers": ('{"WORKER": 5}', "WORKER is 5", "dict of arguments of TaskHandler"),
    "an option of workers misspelled": ('{"WORKER": {"treads": 5}}', "CONDUCTOR['WORKER']", "treads", "thread_count"),
    "seconds in words": ('{"OUTBOX_INTERVAL_SECONDS": "x"}', "OUTBOX_INTERVAL_SECONDS is 'x'", "seconds above 0"),
    "a database that does not exist": ('{"OUTBOX_DATABASES": ["orders"]}', "names orders", "Known databases: default"),
}

DJANGO_PROGRAM = """
    import json, sys
    import django
    from django.conf import settings
    settings.configure(
        INSTALLED_APPS=["conductor.contrib.django"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    )
    django.setup()
    from django.core.checks import run_checks
    from django.test.utils import override_settings

    for config in json.loads(sys.argv[1]):
        with override_settings(CONDUCTOR=json.loads(config)):
            print(json.dumps(" ".join(str(problem) for problem in run_checks())))
    """

TESTS = {
    "test_status": ("is FAILED, not COMPLETED", "worker charge, attempt 1", "OSError: busy"),
    "test_task_name": ("has no task 'chrage'; its tasks: charge",),
    "test_no_worker": ("no worker polls 'charge' (workers poll: ship)", "mock_worker('charge', returns={...})"),
    "test_worker_twice": ("mock_worker answers 'charge' in this test", "do not start a worker for the same tasks"),
    "test_mock_of_nothing": ("needs a task type such as 'charge'",),
    "test_status_that_does_not_exist": ("there is no status 'COMPLETE'", "one of RUNNING, COMPLETED"),
    "test_id_instead_of_execution": ("assert_workflow needs an execution", "client.workflows.get(workflow_id)"),
    "test_argument_of_unittest": ("mock_worker has no argument 'return_value'; did you mean 'returns'?",),
    "test_argument_misspelled": ("mock_worker has no argument 'retruns'; did you mean 'returns'?",),
    "test_two_answers": ("takes either side_effect, or returns and raises",),
    "test_output_that_differs": ("has another output (- expected, + actual)", '-   "total": 8', '+   "total": 7'),
    "test_task_that_failed": ("Task 'charge' of order is FAILED, not COMPLETED", "4        OSError: busy"),
    "test_clock_backwards": ("Cannot move the clock back",),
    "test_human": ("HUMAN waits for the test", "until_blocked=True"),
}

TEST_PROGRAM = """
    from conductor import WorkerRegistry, worker_task
    from conductor.testing import assert_workflow

    ORDER = {"name": "order", "version": 1, "tasks": [
        {"name": "charge", "taskReferenceName": "charge", "type": "SIMPLE"}]}

    def test_status(mock_worker, run_workflow):
        mock_worker("charge", raises=[OSError("busy")] * 9)
        assert_workflow(run_workflow(ORDER)).completed()

    def test_task_name(mock_worker, run_workflow):
        mock_worker("charge")
        assert_workflow(run_workflow(ORDER)).task("chrage")

    def test_no_worker(mock_worker, run_workflow):
        mock_worker("ship")
        run_workflow(ORDER, timeout=1)

    def test_worker_twice(mock_worker, conductor_workers):
        mock_worker("charge")
        conductor_workers(worker_task("charge", registry=WorkerRegistry())(lambda: 1))

    def test_mock_of_nothing(mock_worker):
        mock_worker(len)

    def test_status_that_does_not_exist(mock_worker, run_workflow):
        mock_worker("charge")
        assert_workflow(run_workflow(ORDER)).has_status("COMPLETE")

    def test_id_instead_of_execution(conductor_client):
        assert_workflow(conductor_client.workflows.start(ORDER)).completed()

    def test_argument_of_unittest(mock_worker):
        mock_worker("charge", return_value={})

    def test_argument_misspelled(mock_worker):
        mock_worker("charge", retruns={})

    def test_two_answers(mock_worker):
        mock_worker("charge", returns={}, side_effect=len)

    def test_output_that_differs(mock_worker, run_workflow):
        mock_worker("charge", returns={"total": 7})
        assert_workflow(run_workflow(ORDER)).task("charge").has_output({"total": 8})

    def test_task_that_failed(mock_worker, run_workflow):
        mock_worker("charge", raises=[OSError("busy")] * 9)
        assert_workflow(run_workflow(ORDER)).task("charge").completed()

    def test_clock_backwards(conductor_server):
        from datetime import timedelta
        conductor_server.clock.advance(timedelta(days=-1))

    def test_human(run_workflow):
        run_workflow({"name": "h", "version": 1, "tasks": [
            {"name": "h", "taskReferenceName": "approve", "type": "HUMAN"}]}, timeout=0.2)
    """


def message_of(call, here):
    try:
        call(here)
    except BaseException as error:
        return f"{type(error).__name__}: {error}"
    return "no error"


def unclear(messages, expected):
    """The mistakes whose messages lack what they have to say."""
    return {
        mistake: f"{messages[mistake]!r} lacks {part!r}"
        for mistake, parts in expected.items()
        for part in parts
        if part not in messages[mistake]
    }


def test_there_are_more_than_sixty_mistakes():
    assert sum(map(len, (WORKERS, CLIENTS, WORKFLOWS, SERVERS, COMMANDS, FLASK, DJANGO, TESTS))) > 160


@pytest.mark.parametrize("table", [WORKERS, CLIENTS, WORKFLOWS, SERVERS], ids=["workers", "clients", "flows", "server"])
def test_a_mistake_in_python_is_explained(table, here, tmp_path):
    (tmp_path / "text.db").write_text("this is text, and no database at all\n" * 100)

    messages = {mistake: message_of(call, here) for mistake, (call, *_) in table.items()}

    assert unclear(messages, {mistake: parts for mistake, (_, *parts) in table.items()}) == {}


def test_a_mistake_on_the_command_line_is_explained(here, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("conductor.worker.worker.default_registry._workers", {})  # other tests declare workers, too
    (tmp_path / "bad.json").write_text("{bad")
    (tmp_path / "typo.json").write_text('{"name": "w", "taks": []}')
    (tmp_path / "no_workers.py").write_text("x = 1\n")
    (tmp_path / "broken.py").write_text("import there_is_no_such_module\n")
    messages, before = {}, logging.root.level
    for words in COMMANDS:
        capsys.readouterr()
        status = main(list(words))
        out, err = capsys.readouterr()
        messages[words] = out + err
        assert status != 0, words
        assert "Traceback" not in err, words
    logging.root.setLevel(before)

    assert unclear(messages, COMMANDS) == {}


@pytest.mark.parametrize(
    ("table", "program"), [(FLASK, FLASK_PROGRAM), (DJANGO, DJANGO_PROGRAM)], ids=["flask", "django"]
)
def test_a_mistake_with_a_web_framework_is_explained(table, program):
    words = [sys.executable, "-c", textwrap.dedent(program), json.dumps([config for config, *_ in table.values()])]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr

    messages = dict(zip(table, map(json.loads, done.stdout.splitlines()), strict=True))

    assert unclear(messages, {mistake: parts for mistake, (_, *parts) in table.items()}) == {}


def test_a_mistake_in_a_test_is_explained(tmp_path):
    (tmp_path / "test_it.py").write_text(textwrap.dedent(TEST_PROGRAM))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "conductor.testing.plugin"]
    done = subprocess.run(
        [*command, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
    )
    assert done.returncode == 1, done.stdout + done.stderr
    shown = done.stdout.replace("\n", " ")
    parts = {name: shown.partition(f" {name} ___")[2].partition("____ test_")[0] for name in TESTS}

    assert unclear(parts, TESTS) == {}


def test_a_check_that_fails_on_an_example_says_what_is_there():
    run = example_workflow_run(example_workflow(simple_task("charge")))

    with pytest.raises(AssertionError, match="has no task 'chrage'; its tasks: charge"):
        assert_workflow(run).task("chrage")
