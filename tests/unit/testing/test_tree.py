from conductor.models import WorkflowExecution
from conductor.testing import execution_tree
from conductor.testing.generators import (
    do_while_task,
    dynamic_fork_task,
    example_workflow,
    example_workflow_run,
    fork_join_task,
    http_task,
    inline_task,
    simple_task,
    switch_task,
)

OTHER_ID = "0d5c41b5-23a5-4b4b-b9ab-1b3e6a1a8f00"


def order(**options):
    definition = example_workflow(
        simple_task("charge", input_parameters={"amount": "${workflow.input.amount}"}),
        switch_task("route", {"air": [simple_task("fly")], "road": [simple_task("drive")]}),
        fork_join_task("both"),
        do_while_task("again", [inline_task("count")]),
        name="order",
    )
    arguments = {
        "outputs": {"charge": {"id": OTHER_ID, "at": "2023-11-14T22:13:21.500Z", "due": "2030-01-01T00:00:00Z"}},
        "retries": {"charge": 1},
        "iterations": {"again": 2},
        **options,
    }
    return example_workflow_run(definition, {"case": "road", "amount": 5}, **arguments)


TREE = """\
order v1 COMPLETED
  input: {"amount": 5, "case": "road"}
  output: {"again": 1}
├─ charge FAILED: an example
│    input: {"amount": 5}
├─ charge COMPLETED attempt 2
│    input: {"amount": 5}
│    output: {"at": "<time>", "due": "2030-01-01T00:00:00Z", "id": "<id>"}
├─ route (SWITCH) COMPLETED: case road
│  └─ drive COMPLETED
├─ both (FORK) COMPLETED
│  ├─ both_left COMPLETED
│  └─ both_right COMPLETED
├─ both_join (JOIN) COMPLETED
└─ again (DO_WHILE) COMPLETED
   ├─ count__1 (INLINE) COMPLETED
   │    output: {"result": null}
   └─ count__2 (INLINE) COMPLETED
        output: {"result": null}
"""


def test_an_execution_is_shown_as_a_tree():
    run = order()
    run.output = {"again": 1}
    for task in run.tasks:
        task.input_data = {"amount": 5} if task.reference_task_name == "charge" else {}
    assert execution_tree(run) == TREE


def test_ids_and_times_of_the_run_do_not_matter():
    later = order(began=1_700_000_500_000, workflow_id="7d96d4d3-e39b-4965-b31c-a1d0f6fc3470", milliseconds=77)
    later.task("charge").output_data["at"] = "2023-11-14T22:21:40+00:00"

    assert execution_tree(later) == execution_tree(order())


def test_epoch_milliseconds_of_the_run_are_masked_and_other_numbers_kept():
    run = order(outputs={"charge": {"at": 1_700_000_000_400, "card": 4_111_111_111_111, "n": 17}})

    assert 'output: {"at": <time>, "card": 4111111111111, "n": 17}' in execution_tree(run)


def test_values_and_fields_can_be_left_out():
    assert "put" not in execution_tree(order(), values=False)
    assert '"due"' not in execution_tree(order(), ignore=["due"])
    assert "Date" not in execution_tree(
        example_workflow_run(
            example_workflow(http_task("get"), output_parameters={"n": 1}),
            outputs={"get": {"response": {"headers": {"Date": "today"}, "body": 1}}},
        )
    )


def test_branches_of_a_dynamic_fork_are_in_it_in_the_order_of_names():
    tasks = [simple_task(f"t{n}").to_dict() for n in (2, 1)]
    run = example_workflow_run(example_workflow(dynamic_fork_task("each")), {"tasks": tasks, "inputs": {}})

    lines = execution_tree(run, values=False).splitlines()

    assert lines[1:] == [
        "├─ each (FORK) COMPLETED",
        "│  ├─ t1 COMPLETED",
        "│  └─ t2 COMPLETED",
        "└─ each_join (JOIN) COMPLETED",
    ]


def test_an_execution_without_its_definition_is_a_flat_tree():
    run = order()
    run.workflow_definition = None

    assert len(execution_tree(run, values=False).splitlines()) == 1 + len(run.tasks)
    assert execution_tree(WorkflowExecution(workflow_name="w", status="FAILED", reason_for_incompletion="why")) == (
        "w FAILED: why\n"
    )


def test_sub_workflows_are_fetched_by_the_client():
    class Client:
        workflows = None

        def get(self, workflow_id):
            assert workflow_id == OTHER_ID
            return example_workflow_run(example_workflow(simple_task("inside"), name="child"))

    client = Client()
    client.workflows = client
    run = example_workflow_run(example_workflow(simple_task("outside"), name="parent"))
    run.tasks[0].sub_workflow_id = OTHER_ID

    assert execution_tree(run, values=False, client=client) == (
        "parent v1 COMPLETED\n└─ outside COMPLETED\n   └─ child v1 COMPLETED\n      └─ inside COMPLETED\n"
    )
