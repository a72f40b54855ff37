"""Use every major kind of step in one workflow: python -m examples.workflows.kitchen_sink"""

from conductor import ConductorClient, TaskHandler, Workflow, worker_task
from conductor.workflow import event, http, inline, jq, set_variable, simple, sub_workflow, terminate, wait


@worker_task("kitchen_process")
def process(value: int) -> dict[str, int]:
    return {"value": value, "doubled": value * 2}


@worker_task("kitchen_greet")
def greet(name: str) -> str:
    return f"Hello {name}"


def greeting() -> Workflow:
    workflow = Workflow("kitchen_greeting", input_parameters=["name"])
    hello = workflow.add(simple(greet, name=workflow.input.name))
    return workflow.returns(text=hello.output.result)


def kitchen_sink() -> Workflow:
    workflow = Workflow("kitchen_sink", input_parameters=["value", "route", "server"])
    first = workflow.add(simple(process, value=workflow.input.value))
    version = workflow.add(http(f"{workflow.input.server}/version", accept="text/plain"))
    sum_up = workflow.add(inline("$.a + $.b", {"a": first.output.doubled, "b": 1}))
    shaped = workflow.add(
        jq("{sum: .sum, tags: (.tags | map(ascii_upcase))}", {"sum": sum_up.output.result, "tags": ["x"]})
    )
    workflow >> set_variable(path="none", rounds=0)

    with workflow.switch(workflow.input.route) as route:
        with route.case("fast"):
            workflow >> set_variable(path="fast")
        with route.case("slow"):
            workflow >> wait(1) >> set_variable(path="slow")
        with route.default():
            workflow >> terminate("FAILED", f"no such route: {workflow.input.route}")

    left, right = simple(process, value=1, ref="left"), simple(process, value=2, ref="right")
    workflow >> [left, right]

    with workflow.do_while(count=3) as loop:
        workflow >> set_variable(rounds=loop.iteration)

    hello = workflow.add(sub_workflow(greeting(), {"name": "kitchen"}))
    workflow >> event("conductor:kitchen_done", {"path": workflow.variables.path})
    return workflow.returns(
        version=version.output.response.body,
        shaped=shaped.output.result,
        path=workflow.variables.path,
        branches=[left.output.doubled, right.output.doubled],
        rounds=workflow.variables.rounds,
        greeting=hello.output.text,
    )


def main(client: ConductorClient) -> dict:
    with TaskHandler(client, workers=[process, greet]):
        order = {"value": 20, "route": "fast", "server": client.settings.server_url}
        return kitchen_sink().run(client, order, timeout=60).output


if __name__ == "__main__":
    with ConductorClient() as client:
        print(main(client))
