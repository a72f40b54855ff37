from conductor.client.automator.task_handler import TaskHandler
from conductor.client.configuration.configuration import Configuration
from conductor.client.event.task_runner_events import TaskExecutionCompleted, TaskExecutionFailure
from conductor.client.workflow.executor.workflow_executor import WorkflowExecutor
from shop_workflow import shop_workflow


class Seen:
    def __init__(self):
        self.types = []

    def on_task_execution_completed(self, event: TaskExecutionCompleted) -> None:
        self.types.append((event.task_type, event.duration_ms >= 0, bool(event.task_id)))

    def on_task_execution_failure(self, event: TaskExecutionFailure) -> None:
        self.types.append(str(event.cause))


class App:
    def __init__(self):
        self.config = Configuration()
        self.executor = WorkflowExecutor(configuration=self.config)

    def run(self):
        workflow = shop_workflow(workflow_executor=self.executor)
        workflow.register(True)
        seen = Seen()
        handler = TaskHandler(configuration=self.config, event_listeners=[seen], import_modules=['shop_workers'])
        handler.start_processes()
        result = self.executor.execute(name=workflow.name, version=workflow.version, workflow_input={'sku': 'abc'},
                                       wait_for_seconds=20)
        print(result.output['result'])
        handler.stop_processes()
        print(seen.types[0])


if __name__ == '__main__':
    App().run()
