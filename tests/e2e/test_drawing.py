"""Executions of the real server, drawn."""

import xml.etree.ElementTree as ET

from conductor.diagram import draw
from conductor.testing.generators import (
    do_while_task,
    dynamic_fork_task,
    example_workflow,
    inline_task,
    join_task,
    sub_workflow_task,
    switch_task,
)


def run(client, names, wait_until, tasks, given):
    definition = names.workflow([task.to_dict() for task in example_workflow(*tasks).tasks])
    workflow_id = client.workflows.start(definition["name"], given)
    return wait_until(lambda: (run := client.workflows.get(workflow_id)).is_terminal and run, timeout=30)


def steps(diagram):
    return {step.ref: step for step in diagram.graph.walk()}


def test_the_rounds_and_the_branches_that_the_server_made_are_drawn(client, names, wait_until):
    each = dynamic_fork_task("each")
    body = [
        inline_task("body"),
        switch_task("route", {"x": [inline_task("chosen")]}, on="x"),
        each,
        join_task("all", ()),
    ]
    given = {"tasks": [inline_task(f"made_{n}").to_dict() for n in range(3)], "inputs": {}}
    diagram = draw(run(client, names, wait_until, [do_while_task("again", body, iterations=2)], given))
    shown = steps(diagram)
    for ref in ("again", "body", "chosen", "each", "made_0", "made_2", "all"):
        assert (shown[ref].run.status, shown[ref].run.iterations) == ("COMPLETED", 2), ref
    assert [lane.taken for lane in shown["route"].lanes] == [True, False]
    assert "made_1" in "".join(ET.fromstring(diagram.svg()).itertext())


def test_what_failed_is_drawn_inside_the_sub_workflow_where_it_did(client, names, wait_until):
    small = example_workflow(inline_task("well"), inline_task("badly", "nothing()"), name=names("small"))
    parent = run(client, names, wait_until, [sub_workflow_task("inner", small)], {})
    diagram = draw(parent, [client.workflows.get(parent.task("inner").sub_workflow_id)])
    shown = steps(diagram)
    assert diagram.graph.run.status == shown["inner"].run.status == "FAILED"
    assert (shown["well"].run.status, shown["badly"].run.status) == ("COMPLETED", "FAILED_WITH_TERMINAL_ERROR")
    assert "nothing is not defined" in shown["badly"].run.reason
