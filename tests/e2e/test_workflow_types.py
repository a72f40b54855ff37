"""Workflows written in Python run on the real server to their expected end; and it accepts what they say."""

import json
import threading
import uuid
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from conductor import BadRequestError, ConductorClient, TaskHandler, WorkerRegistry, Workflow, worker_task
from conductor.clients.metadata import VALIDATE
from conductor.errors import ServerError, WorkflowFailedError
from conductor.workflow import (
    agent,
    business_rule,
    call_mcp_tool,
    cancel_agent,
    chunk_text,
    conductor_agent,
    decision,
    do_while,
    dynamic,
    dynamic_fork,
    event,
    exclusive_join,
    for_each,
    fork,
    generate_audio,
    generate_image,
    generate_pdf,
    generate_video,
    get_agent_card,
    get_document,
    get_signed_jwt,
    get_workflow,
    grpc,
    http,
    http_poll,
    human,
    inline,
    integration,
    jdbc,
    join,
    jq,
    kafka_publish,
    lambda_,
    list_api_tools,
    list_files,
    list_mcp_tools,
    llm_chat_complete,
    llm_generate_embeddings,
    llm_get_embeddings,
    llm_index_document,
    llm_index_text,
    llm_search_embeddings,
    llm_search_index,
    llm_store_embeddings,
    llm_text_complete,
    mcp_remote,
    noop,
    opsgenie,
    parse_document,
    plan_and_compile,
    planner_context_fetch,
    pull_workflow_messages,
    query_processor,
    raw,
    sendgrid,
    set_variable,
    simple,
    start_workflow,
    sub_workflow,
    switch,
    terminate,
    terminate_workflow,
    update_secret,
    update_task,
    wait,
    wait_for_webhook,
    yield_,
)

SUFFIX = uuid.uuid4().hex[:8]
TIMEOUT = 30
REGISTRY = WorkerRegistry()


@worker_task(f"test_double_{SUFFIX}", registry=REGISTRY, poll_interval_ms=50, thread_count=4)
def double(number: int) -> dict[str, int]:
    return {"number": number * 2}


@pytest.fixture(scope="module")
def client(server_url):
    with ConductorClient(server_url=server_url) as client:
        yield client


@pytest.fixture(scope="module")
def workers(server_url):
    with ConductorClient(server_url=server_url) as client:
        with TaskHandler(client, registry=REGISTRY):
            yield
        client.metadata.unregister_task(f"test_double_{SUFFIX}")


@pytest.fixture(scope="module")
def echo():
    """A server that answers with what it was sent; its address."""

    class Echo(BaseHTTPRequestHandler):
        def answer(self):
            body = b"".join(self.chunks())
            status = 404 if self.path == "/missing" else 200
            said = {"method": self.command, "path": self.path, "body": json.loads(body or "null")}
            if self.path == "/openapi.json":
                said = {"openapi": "3.0.0", "paths": {"/orders": {"get": {"operationId": "orders"}}}}
            data = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = answer

        def chunks(self):
            if self.headers.get("Transfer-Encoding") != "chunked":
                yield self.rfile.read(int(self.headers.get("Content-Length") or 0))
                return
            while size := int(self.rfile.readline(), 16):
                yield self.rfile.read(size)
                self.rfile.readline()

        def log_message(self, *args): ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    thread = threading.Thread(target=server.serve_forever, name="echo", daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def new(**fields):
    return Workflow(f"test_types_{SUFFIX}", **fields)


def child():
    workflow = Workflow(f"test_child_{SUFFIX}", input_parameters=["number"])
    doubled = workflow.add(inline("$.number * 2", {"number": workflow.input.number}))
    return workflow.returns(number=doubled.output.result)


# Each takes a workflow, and gives what the workflow is to answer.


def a_worker(workflow):
    first = workflow.add(simple(double, number=workflow.input.number))
    second = workflow.add(simple(double, number=first.output.number))
    workflow.returns(number=second.output.number)
    return {"number": 12}


def scripts(workflow):
    one = workflow.add(inline("$.n + 1", {"n": workflow.input.number}))
    two = workflow.add(inline("(() => ({n: $.n * 2}))()", {"n": one.output.result}, evaluator="graaljs"))
    three = workflow.add(lambda_("return $.n + 1", {"n": two.output.result.n}))
    four = workflow.add(jq("{all: [.n, .m]}", {"n": two.output.result.n, "m": three.output.result}))
    workflow.returns(jq=four.output.result.all, text=f"<{one.output.result}>")
    return {"jq": [8, 9], "text": "<4>"}


def scripts_in_python(workflow):
    one = workflow.add(inline("return n + 1", {"n": 1}, evaluator="python"))
    two = workflow.add(inline(f"return {one.output.result} + 1", evaluator="python"))
    with workflow.switch(script=f"return 'big' if {two.output.result} > 2 else 'small'", evaluator="python") as s:
        s.case("small", terminate("FAILED"))
        s.case("big", noop())
    workflow.returns(one=one.output.result, two=two.output.result)
    return {"one": 2, "two": 3}


def variables(workflow):
    workflow >> set_variable({"total": workflow.input.number, "name": "x"})
    workflow.returns(total=workflow.variables.total, name=workflow.variables.name, sku=workflow.execution.workflowType)
    return {"total": 3, "name": "x", "sku": f"test_types_{SUFFIX}"}


def a_switch_on_a_value(workflow):
    with workflow.switch(workflow.input.number) as s:
        with s.case(3):
            workflow >> set_variable(way="three")
        with s.default():
            workflow >> set_variable(way="other")
    workflow.returns(way=workflow.variables.way)
    return {"way": "three"}


def a_switch_by_script(workflow):
    first = workflow.add(inline("({n: 7})"))
    with workflow.switch(script=f"{first.output.result.n} > {workflow.input.number} ? 'big' : 'small'") as s:
        s.case("small", terminate("FAILED"))
        with s.case("big"):
            workflow >> set_variable(way="big")
    workflow.returns(way=workflow.variables.way, chosen=s.output.selectedCase)
    return {"way": "big", "chosen": "big"}


def references_in_scripts(workflow):
    text = workflow.add(inline("'it is'"))
    one = workflow.add(inline(f"{text.output.result}.length + {workflow.input.number}"))
    two = workflow.add(inline(f"'{text.output.result} ' + `2, {text.output.result}` + ' {one.output.result}!'"))
    workflow.returns(one=one.output.result, two=two.output.result)
    return {"one": 8, "two": "it is 2, it is 8!"}


def an_old_decision(workflow):
    workflow >> decision(workflow.input.number, {"3": set_variable(way="three")}, set_variable(way="other"))
    workflow.returns(way=workflow.variables.way)
    return {"way": "three"}


def a_fork(workflow):
    with workflow.fork() as f:
        with f.branch():
            left = workflow.add(simple(double, number=1))
        with f.branch():
            workflow >> noop()
            right = workflow.add(simple(double, number=2, ref="right"))
    workflow.returns(left=left.output.number, right=f.join.output.right.number, again=right.output.number)
    return {"left": 2, "right": 4, "again": 4}


def a_list(workflow):
    one, two = inline("1"), inline("2")
    workflow >> [one, [noop(), two]]
    workflow.returns(sum=f"{one.output.result}{two.output.result}")
    return {"sum": "12"}


def an_exclusive_join(workflow):
    one, two = inline("1", ref="one"), inline("2", ref="two")
    workflow >> switch(workflow.input.number, {"3": one}, two)
    joined = workflow.add(exclusive_join([one, two]))
    workflow.returns(n=joined.output.result)
    return {"n": 1}


def a_dynamic_fork(workflow):
    tasks = [{"name": double.__conductor_worker__.name, "taskReferenceName": f"d{n}", "type": "SIMPLE"} for n in (1, 2)]
    plan = workflow.add(inline("({tasks: $.tasks, inputs: {d1: {number: 1}, d2: {number: 2}}})", {"tasks": tasks}))
    forked = workflow.add(dynamic_fork(plan.output.result.tasks, plan.output.result.inputs))
    workflow.returns(one=forked.join.output.d1.number, two=forked.join.output.d2.number)
    return {"one": 2, "two": 4}


def a_dynamic_fork_of_one_worker(workflow):
    forked = workflow.add(dynamic_fork(each=[{"number": 1}, {"number": 2}], task=double))
    names = [f"_{double.__conductor_worker__.name}_{n}" for n in (0, 1)]
    workflow.returns(one=forked.join.output[names[0]].number, two=forked.join.output[names[1]].number)
    return {"one": 2, "two": 4}


def a_dynamic_fork_of_a_system_task(workflow):
    items = [{"evaluatorType": "javascript", "expression": f"{n}"} for n in (1, 2)]
    forked = workflow.add(dynamic_fork(each=items, task_type="INLINE"))
    workflow.returns(all=forked.join.output)
    return {"all": {"_INLINE_0": {"result": 1}, "_INLINE_1": {"result": 2}}}


def an_old_dynamic_fork(workflow):
    plan = {"dynamicTasks": [{"taskName": "n", "referenceName": "r", "type": "INLINE", "input": {"expression": "5"}}]}
    forked = workflow.add(dynamic_fork(plan, old_style=True))
    workflow.returns(n=forked.join.output.r.result)
    return {"n": 5}


def a_loop_by_count(workflow):
    with workflow.do_while(count=workflow.input.number, keep_last=2) as loop:
        step = workflow.add(inline("$.round * 10", {"round": loop.iteration}))
    workflow.returns(rounds=loop.iteration, last=step.output.result)
    return {"rounds": 3, "last": 30}


def a_loop_by_condition(workflow):
    step = inline("$.n + 1", {"n": workflow.variables.n}, ref="next-one")
    body = [step, set_variable(n=step.output.result)]
    workflow >> set_variable(n=0) >> do_while(body, condition=f"{step.output.result} < {workflow.input.number}")
    workflow.returns(n=workflow.variables.n)
    return {"n": 3}


def a_loop_over_items(workflow):
    workflow >> set_variable(text="")
    with workflow.for_each(["a", "b"]) as loop:
        workflow >> set_variable(text=f"{workflow.variables.text}{loop.index}{loop.item}")
    workflow.returns(text=workflow.variables.text)
    return {"text": "0a1b"}


def a_loop_over_nothing(workflow):
    workflow >> for_each([], terminate("FAILED"))
    workflow.returns(ok=True)
    return {"ok": True}


def a_fork_in_a_loop(workflow):
    with workflow.do_while(count=2):
        one, two = inline("1"), inline("2")
        workflow >> [one, two]
    workflow.returns(one=one.output.result, two=two.output.result)
    return {"one": 1, "two": 2}


def an_inline_sub_workflow(workflow):
    step = workflow.add(sub_workflow(child(), {"number": workflow.input.number}))
    workflow.returns(number=step.output.number)
    return {"number": 6}


def a_dynamic_task(workflow):
    step = workflow.add(dynamic(double.__conductor_worker__.name, {"number": 5}))
    workflow.returns(number=step.output.number)
    return {"number": 10}


def an_end(workflow):
    workflow >> switch(workflow.input.number, {"3": terminate("COMPLETED", "enough", {"n": 1})})
    workflow >> terminate("FAILED")
    return {"n": 1}


def an_event(workflow):
    step = workflow.add(event("conductor:test_done", {"n": workflow.input.number}))
    workflow.returns(n=step.output.n, sent=step.output.event_produced)
    return {"n": 3, "sent": f"conductor:test_types_{SUFFIX}:test_done"}


def a_short_wait(workflow):
    past = datetime.now(timezone(timedelta(hours=5))) - timedelta(minutes=10)
    workflow >> wait(0.5) >> wait(until="2020-01-01 10:00") >> wait(until=past)
    workflow.returns(ok=True)
    return {"ok": True}


def a_step_before_it_is_added(workflow):
    first = inline("$.n", {"n": workflow.input.number})
    second = inline("$.text", {"text": f"<{first.output.result}>"})
    workflow >> first >> second
    workflow.returns(text=second.output.result)
    return {"text": "<3>"}


def no_optional_failure(workflow):
    workflow >> inline("nope.x", optional=True)
    workflow.returns(ok=True)
    return {"ok": True}


FLOWS = [
    a_worker,
    scripts,
    scripts_in_python,
    variables,
    a_switch_on_a_value,
    a_switch_by_script,
    references_in_scripts,
    an_old_decision,
    a_fork,
    a_list,
    an_exclusive_join,
    a_dynamic_fork,
    a_dynamic_fork_of_one_worker,
    a_dynamic_fork_of_a_system_task,
    an_old_dynamic_fork,
    a_loop_by_count,
    a_loop_by_condition,
    a_loop_over_items,
    a_loop_over_nothing,
    a_fork_in_a_loop,
    an_inline_sub_workflow,
    a_dynamic_task,
    an_end,
    an_event,
    a_short_wait,
    a_step_before_it_is_added,
    no_optional_failure,
]


@pytest.mark.parametrize("flow", FLOWS, ids=[flow.__name__ for flow in FLOWS])
def test_a_workflow_runs_to_its_end(client, workers, flow):
    workflow = new()
    expected = flow(workflow)
    client.metadata.validate_workflow(workflow.to_def())
    assert workflow.run(client, {"number": 3}, timeout=TIMEOUT).output == expected


def test_the_source_of_a_workflow_runs_as_well(client, workers):
    workflow = new()
    expected = a_fork(workflow)
    names = {}
    exec(compile(workflow.to_python(), "<written>", "exec"), names)
    assert names["workflow"].run(client, {"number": 3}, timeout=TIMEOUT).output == expected


def test_http(client, echo):
    workflow = new()
    posted = workflow.add(http(f"{echo}/x", "POST", body={"n": workflow.input.number}))
    got = workflow.add(http(f"{echo}/y?n={posted.output.response.body.body.n}", flat=True))
    workflow.returns(got=got.output.response.body.path, status=posted.output.response.statusCode)
    assert workflow.run(client, {"number": 3}, timeout=TIMEOUT).output == {"got": "/y?n=3", "status": 200}


def test_http_that_fails(client, echo):
    workflow = new()
    workflow >> http(f"{echo}/missing")
    with pytest.raises(WorkflowFailedError, match="404"):
        workflow.run(client, timeout=TIMEOUT)


@pytest.mark.parametrize("make", [wait, human, yield_], ids=["wait", "human", "yield"])
def test_a_task_that_somebody_completes(client, make):
    workflow = new()
    step = workflow.add(make(ref="decide"))
    workflow.returns(approved=step.output.approved)
    workflow_id = workflow.start(client)
    client.tasks.update_by_reference_name(workflow_id, "decide", "COMPLETED", {"approved": True})
    assert client.workflows.wait(workflow_id, timeout=TIMEOUT).output == {"approved": True}


def test_an_http_task_that_somebody_completes(client, echo):
    workflow = new()
    step = workflow.add(http(echo, ref="ask", async_complete=True))
    workflow.returns(answer=step.output.answer, status=step.output.response.statusCode)
    workflow_id = workflow.start(client)

    def is_waiting():
        return any(
            t.reference_task_name == "ask" and t.status == "IN_PROGRESS"
            for t in client.workflows.get(workflow_id).tasks
        )

    deadline = threading.Event()
    for _ in range(100):
        if is_waiting():
            break
        deadline.wait(0.1)
    client.tasks.update_by_reference_name(workflow_id, "ask", "COMPLETED", {"answer": 42})
    assert client.workflows.wait(workflow_id, timeout=TIMEOUT).output == {"answer": 42, "status": 200}


def test_registered_workflows_run_each_other(client, names):
    inner = child()
    inner.register(client)
    names.workflows.append((inner.name, 1))
    outer = Workflow(names("outer"))
    step = outer.add(sub_workflow(inner, {"number": outer.input.number}, inline=False))
    started = outer.add(start_workflow(inner, {"number": 1}))
    forked = outer.add(dynamic_fork(each=[{"number": 5}], workflow=inner))
    outer.returns(
        number=step.output.number, id=started.output.workflowId, forked=forked.join.output["_dynamic_fork_0"].number
    )
    assert not inner.diff(client)
    assert not outer.diff(client).is_registered
    outer.register(client)
    names.workflows.append((outer.name, 1))
    assert not outer.diff(client)
    outer.register(client)
    outer.returns(more=1)
    assert str(outer.diff(client)) == "+ outputParameters.more: 1"
    outer.register(client, overwrite=True)
    run = outer.run(client, {"number": 4}, registered=True, timeout=TIMEOUT)
    assert run.output["number"] == 8
    assert run.output["forked"] == 10
    assert client.workflows.wait(run.output["id"], timeout=TIMEOUT).output == {"number": 2}


def test_it_executes_on_the_server_without_being_registered(client):
    workflow = new()
    expected = scripts(workflow)
    run = workflow.execute(client, {"number": 3}, wait_for=10)
    assert run.output == expected


def test_task_definitions_are_registered_with_it(client, names):
    workflow = Workflow(names("with_tasks"))
    workflow >> simple(double, number=1)
    workflow.register(client, task_defs=True)
    names.workflows.append((workflow.name, 1))
    assert client.metadata.get_task(double.__conductor_worker__.name).name == double.__conductor_worker__.name


def test_what_a_failed_workflow_starts(client, names):
    undo = Workflow(names("undo"))
    undo >> set_variable(reason=undo.input.reason)
    undo.register(client)
    names.workflows.append((undo.name, 1))
    workflow = Workflow(names("fails"), failure_workflow=undo)
    workflow >> terminate("FAILED", "on purpose")
    with pytest.raises(WorkflowFailedError) as raised:
        workflow.run(client, timeout=TIMEOUT)
    undone = client.workflows.wait(raised.value.workflow.output["conductor.failure_workflow"], timeout=TIMEOUT)
    assert undone.variables == {"reason": "on purpose"}


def test_the_tools_of_an_api_and_a_plan_that_uses_them(client, echo):
    place = f"{echo}/openapi.json"
    steps = [{"id": "one", "operations": [{"tool": "charge", "args": {"amount": 3}}]}]
    workflow = new()
    tools = workflow.add(list_api_tools(place))
    documents = [
        workflow.add(planner_context_fetch(place, ttl_seconds=60)),
        workflow.add(planner_context_fetch(place)),
    ]
    missing = workflow.add(planner_context_fetch(f"{echo}/missing", required=False))
    plan = workflow.add(plan_and_compile({"steps": steps}, "agent", timeout_seconds=30, known_tools=["charge"]))
    refused = workflow.add(plan_and_compile({"steps": steps}, known_tools=["refund"]))
    workflow.returns(
        format=tools.output.format,
        tools=tools.output.tools["*"].path,
        hits=[one.output.cache_hit for one in documents],
        missing=missing.output.response.body,
        name=plan.output.workflowDef.name,
        timeout=plan.output.workflowDef.timeoutSeconds,
        refused=refused.output.error,
    )

    assert workflow.validate() == []
    output = workflow.run(client, timeout=TIMEOUT).output

    assert "charge" in output.pop("refused")
    assert output == {
        "format": "openapi3",
        "tools": ["/orders"],
        "hits": [False, True],
        "missing": "",
        "name": "pe_agent_plan",
        "timeout": 30,
    }


OPTIONS = {"embedding_provider": "openai", "embedding_model": "ada"}
ACCEPTED = [
    agent("http://a", "x"),
    business_rule("x", {}, []),
    call_mcp_tool("http://m", "t", {}),
    cancel_agent("http://a", "t"),
    chunk_text("x"),
    conductor_agent("a", "x"),
    generate_audio("openai", "m", "x"),
    generate_image("openai", "m", "x"),
    generate_pdf("# x"),
    generate_video("openai", "m", "x"),
    get_agent_card("http://a"),
    get_document("http://d"),
    get_signed_jwt(subject="s", issuer="i", audience="a", private_key="k"),
    get_workflow("x"),
    grpc("s", "m"),
    http_poll("http://x", "true", interval=5),
    human(display_name="x", form="f"),
    integration("s", "m"),
    jdbc("pg", "SELECT 1"),
    kafka_publish("t", "v", servers="h:1"),
    list_files("s3://x"),
    list_api_tools("http://a"),
    list_mcp_tools("http://m"),
    llm_chat_complete("openai", "m", [{"role": "user", "message": "x"}]),
    llm_generate_embeddings("openai", "m", "x"),
    llm_get_embeddings("pine", "i", [1]),
    llm_index_document("pine", "i", "http://d", **OPTIONS),
    llm_index_text("pine", "i", "x", **OPTIONS),
    llm_search_embeddings("pine", "i", [1]),
    llm_search_index("pine", "i", "x", **OPTIONS),
    llm_store_embeddings("pine", "i", [1]),
    llm_text_complete("openai", "m", "x"),
    mcp_remote("http://m", "t"),
    opsgenie("x"),
    parse_document("http://d"),
    plan_and_compile({}),
    planner_context_fetch("http://d"),
    pull_workflow_messages(),
    query_processor(),
    sendgrid(sender="a", to="b", subject="c", content="d"),
    terminate_workflow("x"),
    update_secret("k", "v"),
    update_task(task_id="x"),
    wait_for_webhook({"$['a']": 1}),
    yield_(),
    raw("NEWER", {"a": 1}),
]


def test_the_server_accepts_every_type(client):
    for step in ACCEPTED:
        workflow = new()
        workflow >> step
        assert workflow.validate() == []
        client.metadata.validate_workflow(workflow.to_def())


def task(**fields):
    return {"name": "a", "taskReferenceName": "a", "type": "SIMPLE", **fields}


def later():
    a = simple("a")
    return [simple("b", x="${ghost.output.x}"), a]


def unreadable(path, value):
    """A task with a value that the server cannot read."""
    types = {"subWorkflowParam": "SUB_WORKFLOW", "decisionCases": "SWITCH"}
    wire = task(type=types.get(path.partition(".")[0], "SIMPLE"), subWorkflowParam={"name": "x"})
    wire |= {"evaluatorType": "value-param", "expression": "x", "inputParameters": {"x": 1}}
    *above, last = path.split(".")
    holder = wire
    for name in above:
        holder = holder.setdefault(name, {})
    holder[last] = value
    return raw(wire)


REFUSED = {
    "an unknown reference": later,
    "a reference name twice": lambda: [simple("a", ref="x"), simple("b", ref="x")],
    "no tasks": list,
    "a negative delay": lambda: [simple("a", start_delay=-1)],
    "an empty expression": lambda: [simple("a", x="${ }")],
    "a switch without cases": lambda: [switch("x")],
    "a fork without branches": lambda: [fork()],
    "a dynamic fork of nothing": lambda: [raw("FORK_JOIN_DYNAMIC"), join()],
    "a loop without a condition": lambda: [do_while(simple("a"))],
    "a loop without a body": lambda: [do_while(count=1)],
    "no sink": lambda: [raw("EVENT")],
    "no dynamic task": lambda: [raw("DYNAMIC")],
    "no sub-workflow": lambda: [raw("SUB_WORKFLOW")],
    "no request": lambda: [raw("HTTP")],
    "no query": lambda: [raw("JSON_JQ_TRANSFORM")],
    "no Kafka": lambda: [raw("KAFKA_PUBLISH")],
    "an unknown end": lambda: [terminate("DONE")],
    "an optional end": lambda: [terminate(optional=True)],
    "two times": lambda: [wait(1, until="2027-01-01 10:00")],
    "a bad duration": lambda: [wait("soon")],
    "a bad date": lambda: [wait(until="soon")],
    "an old schema": lambda: [noop()],
    "a switch that is not JavaScript": lambda: [switch(script="function(", cases={"1": noop()})],
    "a return in a switch": lambda: [switch(script="return 1", cases={"1": noop()})],
    "a decision that is not JavaScript": lambda: [decision(script="function(", cases={"1": noop()})],
    "a duration that is a number": lambda: [raw("WAIT", {"duration": 5})],
    "a duration that is a list": lambda: [wait([5])],
    "a negative duration": lambda: [wait("-1 seconds")],
    "a duration that is too long": lambda: [wait("99999999999s")],
    "a duration with a reference at its end": lambda: [wait("5 ${workflow.input.unit}")],
    "a date that is a number": lambda: [wait(until=5)],
    "an unknown zone": lambda: [wait(until="2030-01-01 10:00 Foo/Bar")],
    "a zone that Java has": lambda: [wait(until="2030-01-01 10:00 Europe/Berlin")],
    "a quote that is not closed": lambda: [simple("a"), simple("b", x="${a.output['x]}")],
    "a bracket that is not closed": lambda: [simple("a"), simple("b", x="${a.output[0}")],
    **{
        f"{path} = {value!r}": lambda path=path, value=value: [unreadable(path, value)]
        for path, value in (
            ("joinMode", "FOO"),
            ("subWorkflowParam.idempotencyStrategy", "FOO"),
            ("subWorkflowParam.version", "latest"),
            ("subWorkflowParam.workflowDefinition", "plain"),
            ("subWorkflowParam.workflowDefinition", 5),
            ("items", [1]),
            ("cacheConfig.ttlInSecond", "z"),
            ("taskDefinition.retryLogic", "FOO"),
            ("taskDefinition.timeoutPolicy", "FOO"),
            ("taskDefinition.timeoutSeconds", "x"),
            ("taskDefinition.retryCount", 3_000_000_000),
            ("taskDefinition.inputKeys", "x"),
            ("taskDefinition.inputSchema.type", "FOO"),
            ("onStateChange.onStart", {"type": "x"}),
            ("onStateChange.onStart", ["x"]),
            ("decisionCases.a", None),
            ("type", None),
        )
    },
}
UNREADABLE = {
    "version": 99999999999,
    "cacheConfig": {"key": "k", "ttlInSecond": "z"},
    "inputSchema": {"name": "s", "type": "FOO"},
    "rateLimitConfig": {"rateLimitKey": "k", "policy": "FOO"},
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_server_refuses_is_found_before(client, name):
    workflow = new(fields={"schemaVersion": 1} if name == "an old schema" else {})
    for step in REFUSED[name]():
        workflow >> step
    assert [problem for problem in workflow.validate() if problem.is_error]
    assert refuses(client, workflow.to_dict())


@pytest.mark.parametrize("name", UNREADABLE)
def test_unreadable_workflow_fields_are_found_before_registration(client, name):
    workflow = Workflow.from_def({**(new() >> noop()).to_dict(), name: UNREADABLE[name]})
    assert [problem for problem in workflow.validate() if problem.is_error]
    assert refuses(client, workflow.to_dict())


@pytest.mark.parametrize(
    "step",
    [
        wait("${workflow.input.n} seconds"),
        wait(until="2030-1-1"),
        wait(until="2030-01-01 9:00 CET"),
        wait(until="2030-01-01 10:00 GMT+02:00"),
        wait(until="2030-01-01 10:00 +0200"),
        wait(until="${workflow.input.day} 10:00"),
        simple("a", task_definition={"name": "a", "timeoutSeconds": 5_000_000_000, "retryDelaySeconds": "5"}),
        simple("a", on_state_change={"onStart": [{"type": "x", "payload": {}}], "onFailed": None}),
        raw(task(type="SUB_WORKFLOW", subWorkflowParam={"name": "x", "version": "1"})),
        switch(script="const f = (a) => a?.b ?? 3; f($)", cases={"1": noop()}),
    ],
    ids=str,
)
def test_what_the_server_takes_is_let_through(client, step):
    workflow = new()
    workflow >> step
    assert not workflow.validate()
    assert not refuses(client, workflow.to_dict())


def refuses(client, definition):
    """Whether the server refuses a definition as it is; the client would not send all of them."""
    try:
        client.transport.request(VALIDATE, body=definition)
    except BadRequestError:
        return True
    except ServerError as error:
        return "JSON parse error" in str(error) or "isValid" in str(error)
    return False
