"""Checked by mypy, never run: what a user's editor will say of workflows as code."""

from typing_extensions import assert_type

from conductor import ConductorClient, Workflow, worker_task
from conductor.models import TaskRun, WorkflowDef, WorkflowRun
from conductor.models import Workflow as Execution
from conductor.models.definition_diff import Diff
from conductor.workflow import Problem, Ref, Step, do_while, fork, http, simple, switch
from conductor.workflow.step import ForkStep, LoopStep, SwitchStep


@worker_task("charge")
def charge(amount: float) -> dict[str, str]:
    return {"receipt": str(amount)}


order = Workflow("order", 1, timeout=60)
step = order.add(simple(charge, amount=order.input.amount))
assert_type(step, Step)
assert_type(order.add(switch(step.output.kind)), SwitchStep)
assert_type(order.add(switch("x", {"A": [simple("a")], 2: simple("b"), True: lambda: simple("c")})), SwitchStep)
assert_type(switch("x", {"A": simple("a") >> simple("b")}, default=[simple("c")]), SwitchStep)
assert_type(order.check(workers=[charge]), Workflow)
assert_type(order.add(fork(simple("a"), [simple("b")])), ForkStep)
assert_type(order.add(do_while(simple("c"), count=3)), LoopStep)
assert_type(order >> simple("d") >> [simple("e"), simple("f")], Workflow)
assert_type(order.input, Ref)
assert_type(step.output.receipt, Ref)
assert_type(step.output["receipt"][0], Ref)
with order.switch(step.output.kind) as chosen, chosen.case("A"):
    order >> http("http://shop", "POST", ref="call", optional=True, retry_count=2)
with order.do_while(count=3) as loop:
    assert_type(loop.iteration, Ref)
assert_type(order.returns(total=step.output.total), Workflow)
assert_type(order.to_def(), WorkflowDef)
assert_type(order.validate(), list[Problem])
assert_type(Workflow.from_def({}), Workflow)

http("http://shop", retries=3)  # type: ignore[call-arg]
http("http://shop", optional="yes")  # type: ignore[arg-type]
http("http://shop", headers={}, ref=1)  # type: ignore[arg-type]
simple(charge, amount=1, retry_count="3")  # type: ignore[arg-type]
Workflow("order", timeout_seconds=3)  # type: ignore[call-arg]
order.ad(step)  # type: ignore[attr-defined]


def running(client: ConductorClient) -> None:
    assert_type(order.start(client, {"amount": 1}), str)
    assert_type(order.run(client), Execution)
    assert_type(order.execute(client), WorkflowRun | TaskRun)
    assert_type(order.diff(client), Diff)
    order.register(client, overwrite=True)
    client.metadata.register_workflow(order)
    client.metadata.ensure_workflow(order)
    client.workflows.start(order, {"amount": 1})
    client.workflows.start(3)  # type: ignore[arg-type]
