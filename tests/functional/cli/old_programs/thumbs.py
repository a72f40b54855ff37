from conductor.client.automator.task_handler import TaskHandler
from conductor.client.configuration.configuration import Configuration
from conductor.client.configuration.settings.metrics_settings import MetricsSettings
from conductor.client.http.models import Task, TaskResult
from conductor.client.http.models.task_result_status import TaskResultStatus
from conductor.client.worker.worker_interface import WorkerInterface
from conductor.client.worker.worker_task import WorkerTask
from conductor.client.worker.worker import Worker
from conductor.client.worker.exception import NonRetryableException
import os, time


class Thumb(WorkerInterface):
    def __init__(self, name, size=100):
        super().__init__(name)
        self.size = size

    def execute(self, task: Task) -> TaskResult:
        result = self.get_task_result_from_task(task)
        result.add_output_data("worker", bool(self.get_identity()))
        result.add_output_data("size", self.size)
        result.add_output_data("name", task.input_data.get("name", "none"))
        result.status = TaskResultStatus.COMPLETED
        return result

    def get_polling_interval_in_seconds(self) -> float:
        return 0.2


@WorkerTask(task_definition_name="old_simple", poll_interval=200)
def simple(task: Task):
    if task.input_data.get("bad"):
        raise NonRetryableException("bad input")
    r = TaskResult(task_id=task.task_id, workflow_instance_id=task.workflow_instance_id, worker_id="w1")
    r.status = TaskResultStatus.COMPLETED
    r.output_data = {"n": task.input_data["n"] + 1}
    r.log("done")
    return r


def plain(task):
    return {"plain": True}


def main():
    configuration = Configuration(base_url=os.environ["CONDUCTOR_SERVER_URL"].replace("/api", ""), debug=True)
    workers = [Thumb("old_thumb", size=5), Worker(task_definition_name="old_plain", execute_function=plain, poll_interval=200)]
    with TaskHandler(workers, configuration, scan_for_annotated_workers=True) as task_handler:
        task_handler.start_processes()
        from conductor.client.workflow.conductor_workflow import ConductorWorkflow
        from conductor.client.workflow.executor.workflow_executor import WorkflowExecutor
        from conductor.client.workflow.task.simple_task import SimpleTask
        executor = WorkflowExecutor(configuration)
        wf = ConductorWorkflow(name="old_flow", executor=executor, version=1, description="old")
        a = SimpleTask("old_thumb", "thumb")
        a.input_parameter("name", wf.input("name"))
        b = SimpleTask(task_def_name="old_simple", task_reference_name="s")
        b.input_parameters["n"] = a.output("size")
        c = SimpleTask("old_plain", "p")
        wf >> a >> b >> c
        wf.output_parameter("n", b.output("n")).output_parameter("plain", c.output("plain"))
        wf.register(overwrite=True)
        run = executor.execute("old_flow", 1, {"name": "x"}, wait_for_seconds=20)
        print(run.status, run.output)


if __name__ == "__main__":
    main()
