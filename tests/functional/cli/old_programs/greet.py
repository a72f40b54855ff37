from conductor.client.automator.task_handler import TaskHandler
from conductor.client.configuration.configuration import Configuration
from conductor.client.worker.worker_task import worker_task
from conductor.client.workflow.conductor_workflow import ConductorWorkflow
from conductor.client.workflow.executor.workflow_executor import WorkflowExecutor
from conductor.client.workflow.task.simple_task import SimpleTask


@worker_task(task_definition_name='greet_simple')
def greet(name: str) -> str:
    return f'Hello {name}'


def main():
    configuration = Configuration()
    executor = WorkflowExecutor(configuration=configuration)
    handler = TaskHandler(configuration=configuration)
    handler.start_processes()

    workflow = ConductorWorkflow(executor=executor, name='greetings_simple', version=1, description='says hello')
    task = SimpleTask(task_def_name='greet_simple', task_reference_name='greet_ref')
    task.input_parameters.update({
        'name': '${workflow.input.name}',
    })
    workflow.add(task)
    workflow.output_parameters({'text': '${greet_ref.output.result}'})
    workflow.register(True)

    run = executor.execute(name='greetings_simple', version=1, workflow_input={'name': 'Ada'})
    print(run.output['text'], run.status, run.is_completed(), run.is_successful(), run.is_running())
    print(f'{configuration.ui_host}/execution/{run.workflow_id}' != '')
    handler.stop_processes()


if __name__ == '__main__':
    main()
