"""A customer that has conductor-python: registers, runs workers and workflows, and prints each story that held.

It runs in a separate environment, where ``conductor`` is that package. CONDUCTOR_SERVER_URL names the server.
"""

import os
import sys
import time

from conductor.client.automator.task_handler import TaskHandler
from conductor.client.configuration.configuration import Configuration
from conductor.client.http.models import StartWorkflowRequest, TaskDef
from conductor.client.orkes_clients import OrkesClients
from conductor.client.worker.worker_task import worker_task
from conductor.client.workflow.conductor_workflow import ConductorWorkflow
from conductor.client.workflow.task.do_while_task import LoopTask
from conductor.client.workflow.task.fork_task import ForkTask
from conductor.client.workflow.task.inline import InlineTask
from conductor.client.workflow.task.json_jq_task import JsonJQTask
from conductor.client.workflow.task.set_variable_task import SetVariableTask
from conductor.client.workflow.task.simple_task import SimpleTask
from conductor.client.workflow.task.sub_workflow_task import SubWorkflowTask
from conductor.client.workflow.task.switch_task import SwitchTask
from conductor.client.workflow.task.wait_task import WaitTask

TASKS = ["peer_double", "peer_flaky", "peer_broken"]


@worker_task(task_definition_name="peer_double", poll_interval_millis=20, register_task_def=False)
def double(number: int) -> dict:
    return {"doubled": 2 * number}


@worker_task(task_definition_name="peer_flaky", poll_interval_millis=20, register_task_def=False)
def flaky(marker: str) -> dict:
    if not os.path.exists(marker):
        open(marker, "w").close()
        raise RuntimeError("the first attempt fails")
    return {"at last": True}


@worker_task(task_definition_name="peer_broken", poll_interval_millis=20, register_task_def=False)
def broken() -> dict:
    raise RuntimeError("always")


class Customer:
    def __init__(self):
        self.configuration = Configuration(server_api_url=os.environ["CONDUCTOR_SERVER_URL"])
        clients = OrkesClients(self.configuration)
        self.metadata = clients.get_metadata_client()
        self.workflows = clients.get_workflow_client()
        self.tasks = clients.get_task_client()
        self.executor = clients.get_workflow_executor()

    def flow(self, name, *tasks, **outputs):
        flow = ConductorWorkflow(self.executor, name, version=1).owner_email("peer@example.com")
        for task in tasks:
            flow >> task
        if outputs:
            flow.output_parameters(outputs)
        flow.register(overwrite=True)
        return flow

    def start(self, name, **given):
        return self.workflows.start_workflow(StartWorkflowRequest(name=name, version=1, input=given))

    def ended(self, workflow_id):
        return self.until(lambda: (run := self.workflows.get_workflow(workflow_id)).status != "RUNNING" and run)

    @staticmethod
    def until(condition, timeout=15.0):
        deadline = time.monotonic() + timeout
        while not (value := condition()):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        return value

    def definitions(self):
        for name in TASKS:
            retries = 1 if name == "peer_flaky" else 0
            self.metadata.register_task_def(
                TaskDef(name=name, retry_count=retries, retry_delay_seconds=0, owner_email="peer@example.com")
            )
        assert self.metadata.get_task_def("peer_flaky").retry_count == 1
        assert set(TASKS) <= {one.name for one in self.metadata.get_all_task_defs()}
        self.flow("peer_simple", twice("double", "${workflow.input.number}"), answer="${double.output.doubled}")
        assert self.metadata.get_workflow_def("peer_simple", 1).tasks[0].name == "peer_double"

    def simple(self):
        run = self.ended(self.start("peer_simple", number=21))
        assert (run.status, run.output) == ("COMPLETED", {"answer": 42})
        assert [task.status for task in run.tasks] == ["COMPLETED"]

    def branches(self):
        choice = SwitchTask("choice", "${workflow.input.way}")
        choice.switch_case("many", LoopTask("loop", 3, [twice("turn", "${loop.output.iteration}")]))
        choice.default_case([SetVariableTask("set").input_parameter("way", "none")])
        fork = ForkTask("both", [[twice("left", 1)], [twice("right", 2)]], join_on=["left", "right"])
        self.flow("peer_branches", fork, choice, left="${left.output.doubled}", right="${right.output.doubled}")
        run = self.ended(self.start("peer_branches", way="many"))
        assert (run.status, run.output) == ("COMPLETED", {"left": 2, "right": 4}), run
        turns = [task.output_data["doubled"] for task in run.tasks if task.reference_task_name.startswith("turn__")]
        assert turns == [2, 4, 6]
        other = self.ended(self.start("peer_branches", way="another"))
        assert other.variables == {"way": "none"}

    def computed(self):
        script = InlineTask(
            "script", "(function () { return $.number + 1; })()", {"number": "${workflow.input.number}"}
        )
        jq = JsonJQTask("jq", ".numbers | add").input_parameter("numbers", [1, "${script.output.result}"])
        child = SubWorkflowTask("child", "peer_simple", 1).input_parameter("number", "${jq.output.result}")
        self.flow("peer_computed", script, jq, child, answer="${child.output.answer}")
        run = self.ended(self.start("peer_computed", number=3))
        assert (run.status, run.output) == ("COMPLETED", {"answer": 10})

    def retried(self):
        task = SimpleTask("peer_flaky", "flaky").input_parameter("marker", "${workflow.input.marker}")
        self.flow("peer_retried", task)
        run = self.ended(self.start("peer_retried", marker=os.path.join(os.getcwd(), "marker")))
        assert run.status == "COMPLETED"
        assert [task.status for task in run.tasks] == ["FAILED", "COMPLETED"]
        assert "the first attempt fails" in run.tasks[0].reason_for_incompletion

    def executed(self):
        run = self.executor.execute("peer_simple", version=1, workflow_input={"number": 4}, wait_for_seconds=10)
        assert (run.status, run.output) == ("COMPLETED", {"answer": 8})

    def failed(self):
        self.flow("peer_failed", SimpleTask("peer_broken", "broken"))
        workflow_id = self.start("peer_failed")
        assert self.ended(workflow_id).status == "FAILED"
        self.workflows.retry_workflow(workflow_id)
        run = self.ended(workflow_id)
        assert (run.status, len(run.tasks)) == ("FAILED", 2)

    def steered(self):
        self.flow("peer_steered", WaitTask("wait"), twice("after", 5))
        workflow_id = self.start("peer_steered")
        self.workflows.pause_workflow(workflow_id)
        assert self.workflows.get_workflow_status(workflow_id).status == "PAUSED"
        self.workflows.resume_workflow(workflow_id)
        self.tasks.update_task_by_ref_name(workflow_id, "wait", "COMPLETED", {"by": "hand"})
        assert self.ended(workflow_id).status == "COMPLETED"
        stopped = self.start("peer_steered")
        self.workflows.terminate_workflow(stopped, reason="enough")
        run = self.ended(stopped)
        assert (run.status, run.reason_for_incompletion) == ("TERMINATED", "enough")

    def found(self):
        def hits():
            return self.workflows.search(query="workflowType = peer_steered AND status = TERMINATED").results

        assert [one.status for one in self.until(hits)] == ["TERMINATED"]


def twice(reference, number):
    return SimpleTask("peer_double", reference).input_parameter("number", number)


def main():
    customer = Customer()
    customer.definitions()
    print("definitions")
    with TaskHandler(workers=[], configuration=customer.configuration, scan_for_annotated_workers=True) as handler:
        handler.start_processes()
        for story in ("simple", "branches", "computed", "retried", "executed", "failed", "steered", "found"):
            getattr(customer, story)()
            print(story, flush=True)


if __name__ == "__main__":
    sys.exit(main())
