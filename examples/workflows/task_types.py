"""Define a step of each task type, validated here and by the server: python -m examples.workflows.task_types"""

import json

from conductor import ConductorClient, Workflow
from conductor.workflow import (
    assignment,
    do_while,
    dynamic_fork,
    event,
    fork,
    http,
    human,
    inline,
    jq,
    kafka_publish,
    noop,
    set_variable,
    simple,
    sub_workflow,
    switch,
    terminate,
    wait,
)


def task_types() -> list[Workflow]:
    workflows = []

    def new() -> Workflow:
        workflows.append(Workflow(f"task_type_{len(workflows) + 1}"))
        return workflows[-1]

    workflow = new()
    workflow >> simple("task_name", inputParam="value", ref="task_ref", optional=False)

    workflow = new()
    headers = {"Authorization": f"Bearer {workflow.secrets.token}"}
    workflow >> http("http://api/data", headers=headers, connection_timeout_ms=5000, read_timeout_ms=10000)

    workflow = new()
    ways = {"active": simple("process_active"), "inactive": simple("process_inactive")}
    workflow >> switch(workflow.input.status, ways, default=simple("process_default"))

    workflow = new()
    workflow >> fork(simple("process_1"), simple("process_2"), simple("process_3"))

    workflow = new()
    workflow >> set_variable(counter=0)
    with workflow.do_while(condition=f"{workflow.variables.counter} < 10"):
        item = workflow.add(simple("process_item", index=workflow.variables.counter))
        workflow >> set_variable(counter=item.output.next)

    workflow = new()
    workflow >> sub_workflow("child_workflow", {"inputParam": "value"}, version=1)

    workflow = new()
    workflow >> event("conductor:event_name", {"order": workflow.input.order}, async_complete=True)

    workflow = new()
    workflow >> wait(30)

    workflow = new()
    workflow >> terminate("FAILED", "Error message")

    workflow = new()
    workflow >> set_variable(result="computed_value")

    workflow = new()
    workflow >> jq(".data.items[] | {id: .id, name: .name}", {"data": workflow.input.data})

    workflow = new()
    workflow >> kafka_publish("topic_name", {"message": "Hello Kafka!"}, servers="kafka:9092", key="message_key")

    workflow = new()
    workflow >> inline(f"({{result: {workflow.input.value} * 2}})")

    workflow = new()
    workflow >> dynamic_fork(each=workflow.input.tasks, task="task_name")

    workflow = new()
    left, right = noop(ref="left"), noop(ref="right")
    workflow >> fork(left, right, join_on=[left, right])

    workflow = new()
    workflow >> human(display_name="Approve", form=("approval_form", 1), assignments=[assignment("user@example.com")])

    workflow = new()
    workflow >> do_while([simple("process_line")], items=workflow.input.lines)

    return workflows


def main(client: ConductorClient) -> int:
    for workflow in task_types():
        client.metadata.validate_workflow(workflow.check().to_def())
    return len(task_types())


if __name__ == "__main__":
    for each in task_types():
        print(json.dumps(each.to_dict()["tasks"], indent=2))
    with ConductorClient() as client:
        print(main(client), "accepted")
