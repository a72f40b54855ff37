"""What the generators make is what the real server accepts."""

import pytest

from conductor.errors import BadRequestError
from conductor.models import TaskType
from conductor.testing.generators import TASK_GENERATORS, example_workflow, simple_task, sub_workflow_task


@pytest.mark.parametrize("task_type", list(TaskType))
def test_the_server_accepts_what_a_generator_makes(client, names, task_type):
    wf = example_workflow(TASK_GENERATORS[task_type](), name=names("generated"))
    if task_type == TaskType.EXCLUSIVE_JOIN:  # joins what stands before it
        wf.tasks.insert(0, TASK_GENERATORS[TaskType.SWITCH]())
    if task_type == TaskType.JOIN:
        wf.tasks.insert(0, TASK_GENERATORS[TaskType.FORK_JOIN]())
    client.metadata.validate_workflow(wf)


def test_the_server_accepts_a_workflow_inside_a_workflow(client, names):
    inner = example_workflow(simple_task("deep"), name=names("inner"))
    client.metadata.validate_workflow(example_workflow(sub_workflow_task("inner", inner), name=names("outer")))


def test_the_server_would_say_so_if_it_did_not(client, names):
    wf = example_workflow(simple_task("twice"), simple_task("twice"), name=names("broken"))
    with pytest.raises(BadRequestError, match="twice"):
        client.metadata.validate_workflow(wf)
