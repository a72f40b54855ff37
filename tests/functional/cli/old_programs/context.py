import logging
import os

from conductor.client.automator.task_handler import TaskHandler
from conductor.client.configuration.configuration import Configuration
from conductor.client.configuration.settings.authentication_settings import AuthenticationSettings
from conductor.client.context.task_context import get_task_context, TaskInProgress
from conductor.client.http.models import Task, TaskDef
from conductor.client.http.models.task_result_status import TaskResultStatus
from conductor.client.orkes_clients import OrkesClients
from conductor.client.worker.exception import NonRetryableException
from conductor.client.worker.worker_task import worker_task
from conductor.client.workflow.conductor_workflow import ConductorWorkflow
from typing import Union
from multiprocessing import set_start_method


@worker_task(task_definition_name='context_poll', register_task_def=True, task_def=TaskDef(name='context_poll', retry_count=1))
def poll(x: int) -> Union[dict, TaskInProgress]:
    ctx = get_task_context()
    ctx.add_log(f'poll {ctx.get_poll_count()} of {ctx.get_task_id()}')
    if ctx.get_poll_count() < 2:
        return TaskInProgress(callback_after_seconds=1, output={'state': 'waiting'})
    return {'workflow': ctx.get_workflow_instance_id() != '', 'retries': ctx.get_retry_count(), 'input': ctx.get_input()}


@worker_task(task_definition_name='context_result')
def by_result(task: Task):
    result = task.to_task_result(TaskResultStatus.COMPLETED)
    result.add_output_data('n', 1)
    return result


@worker_task(task_definition_name='context_fail')
def fail() -> None:
    raise NonRetryableException('never again')


if __name__ == '__main__':
    set_start_method('fork')
    config = Configuration(debug=True)
    config.apply_logging_config()
    config.debug = False
    clients = OrkesClients(configuration=config)
    workflow = ConductorWorkflow(name='context_flow', version=1, executor=clients.get_workflow_executor())
    workflow >> poll(task_ref_name='poll', x=5) >> by_result(task_ref_name='result') >> fail(task_ref_name='fail')
    handler = TaskHandler(configuration=config, monitor_processes=True, restart_on_failure=True)
    handler.start_processes()
    run = workflow.execute(workflow_input={}, wait_for_seconds=30)
    for task in run.tasks:
        print(task.reference_task_name, task.status, task.output_data.get('retries'), task.output_data.get('n'))
    handler.stop_processes()


def secured(url):
    settings = AuthenticationSettings(key_id=os.environ['KEY'], key_secret=os.environ['SECRET'])
    return Configuration(server_api_url=url, authentication_settings=settings, auth_token_ttl_min=30)


def older(host):
    return Configuration(base_url=host, authentication_settings=AuthenticationSettings(key_id='a', key_secret='b'))
