from conductor.client.automator.task_handler import TaskHandler
from conductor.client.configuration.configuration import Configuration
from conductor.client.http.models import Task, TaskResult
from conductor.client.http.models.task_result_status import TaskResultStatus
from conductor.client.orkes_clients import OrkesClients
from conductor.client.worker.worker import Worker
from conductor.client.worker.worker_interface import WorkerInterface
from conductor.client.worker.worker_task import WorkerTask
from conductor.client.workflow.conductor_workflow import ConductorWorkflow
from conductor.client.workflow.task.simple_task import SimpleTask


class Slow(WorkerInterface):
    def execute(self, task: Task) -> TaskResult:
        task_result = self.get_task_result_from_task(task)
        task_result.add_output_data('seen', task.input_data['value'])
        task_result.status = TaskResultStatus.COMPLETED
        return task_result

    def get_polling_interval_in_seconds(self) -> float:
        return 0.05


def plain(task: Task) -> TaskResult:
    result = TaskResult(
        task_id=task.task_id,
        workflow_instance_id=task.workflow_instance_id,
        worker_id='mine',
    )
    result.add_output_data('worker', 'plain')
    result.status = TaskResultStatus.COMPLETED
    result.log('did it')
    return result


@WorkerTask(task_definition_name='class_decorated', poll_interval=50)
def decorated(value: int) -> int:
    return value + 1


config = Configuration()
clients = OrkesClients(configuration=config)
workflow = ConductorWorkflow(name='class_flow', version=1, executor=clients.get_workflow_executor())
tasks = [SimpleTask('class_slow', 'slow'), SimpleTask('class_plain', 'plain')]
first = SimpleTask(task_def_name='class_slow', task_reference_name='slow')
first.input_parameter('value', 7)
second = SimpleTask(task_def_name='class_plain', task_reference_name='plain')
third = decorated(task_ref_name='third', value=first.output('seen'))
workflow.add([first, second])
workflow.add(third)
workflow.register(True)

workers = [
    Slow('class_slow'),
    Worker(task_definition_name='class_plain', execute_function=plain, poll_interval=50),
]
handler = TaskHandler(workers, config)
handler.start_processes()
run = clients.get_workflow_executor().execute('class_flow', 1, {}, wait_for_seconds=20)
for task in run.tasks:
    print(task.reference_task_name, sorted(task.output_data.items()))
print(handler.is_healthy())
handler.stop_processes()
