"""Checked by mypy, never run: what drawing and the examples for tests look like to a type checker."""

from hypothesis.strategies import SearchStrategy
from typing_extensions import assert_type

from conductor.diagram import Diagram, draw
from conductor.models import Task, TaskResult, Workflow, WorkflowDef, WorkflowTask
from conductor.testing import run_task
from conductor.testing.generators import example_task, example_workflow, example_workflow_run, http_task
from conductor.testing.strategies import workflow_definitions


def double(number: int) -> int:
    return 2 * number


step = assert_type(http_task("fetch", method="POST", optional=True), WorkflowTask)
definition = assert_type(example_workflow(step, name="mine"), WorkflowDef)
run = assert_type(example_workflow_run(definition, {"a": 1}, status="FAILED", retries={"fetch": 2}), Workflow)
task = assert_type(example_task("double", {"number": 2}, retry_count=1), Task)
result = assert_type(run_task(double, task=task), TaskResult)
diagram = assert_type(draw(run, [definition]), Diagram)
assert_type(definition.draw(), Diagram)
assert_type(run.draw([definition]), Diagram)
assert_type(diagram.svg(), str)
assert_type(diagram.mermaid(), str)
assert_type(diagram.text(color=True), str)
assert_type(workflow_definitions(max_depth=2), SearchStrategy[WorkflowDef])
draw(definition.to_dict())
diagram.save("diagram.svg")
diagram.text(True)  # type: ignore[call-arg]
http_task("fetch", 3)  # type: ignore[arg-type]
