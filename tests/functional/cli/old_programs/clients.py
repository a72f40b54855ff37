import time

from conductor.client.configuration.configuration import Configuration
from conductor.client.http.models import StartWorkflowRequest, RerunWorkflowRequest, TaskResult
from conductor.client.http.models.task_def import TaskDef
from conductor.client.http.models.workflow_def import WorkflowDef, to_workflow_def
from conductor.client.http.models.workflow_task import WorkflowTask
from conductor.client.http.rest import ApiException
from conductor.client.orkes.orkes_metadata_client import OrkesMetadataClient
from conductor.client.orkes_clients import OrkesClients
from conductor.client.workflow_client import WorkflowClient

configuration = Configuration()
clients = OrkesClients(configuration)
workflow_client = clients.get_workflow_client()
task_client = clients.get_task_client()
metadata = OrkesMetadataClient(configuration)

task_def = TaskDef()
task_def.name = 'clients_task'
task_def.retry_count = 0
metadata.register_task_def(task_def=task_def)
print(metadata.get_task_def('clients_task').retry_count)

definition = WorkflowDef()
definition.name = 'clients_flow'
definition.version = 1
step = WorkflowTask()
step.type = 'SIMPLE'
step.name = 'clients_task'
step.task_reference_name = 'one'
definition.tasks.append(step)
metadata.register_workflow_def(workflow_def=definition, overwrite=True)
metadata.update_workflow_def(to_workflow_def(json_data={'name': 'clients_other', 'version': 1, 'tasks': [
    {'name': 'w', 'taskReferenceName': 'w', 'type': 'WAIT'}]}), True)


def start(client: WorkflowClient, correlation_id: str) -> str:
    request = StartWorkflowRequest()
    request.name = 'clients_flow'
    request.version = 1
    request.input = {'a': 1}
    request.correlation_id = correlation_id
    return client.start_workflow(start_workflow_request=request)


workflow_id = start(workflow_client, 'c1')
polled = task_client.poll_task('clients_task')
task_client.add_task_log(polled.task_id, 'half way')
result = TaskResult(workflow_instance_id=workflow_id, task_id=polled.task_id, status='COMPLETED')
result.output_data = {'x': 1}
task_client.update_task(result)
workflow = workflow_client.get_workflow(workflow_id=workflow_id, include_tasks=True)
while not workflow.is_completed():
    time.sleep(0.1)
    workflow = workflow_client.get_workflow(workflow_id, True)
print(workflow.status, workflow.get_task(task_reference_name='one').output_data, workflow.correlation_id)

rerun = RerunWorkflowRequest()
rerun.re_run_from_task_id = workflow.tasks[0].task_id
workflow_client.rerun_workflow(workflow_id, rerun)
workflow_client.pause_workflow(workflow_id)
workflow_client.resume_workflow(workflow_id=workflow_id)
task_client.update_task_by_ref_name(workflow_id=workflow_id, task_ref_name='one', status='COMPLETED', output={'y': 2})
print(workflow_client.get_workflow_status(workflow_id, include_output=True).status)
workflow_id = start(workflow_client, correlation_id='c2')
workflow_client.terminate_workflow(workflow_id=workflow_id, reason='enough')
print(workflow_client.get_workflow(workflow_id).reason_for_incompletion)
try:
    workflow_client.get_workflow('no-such-id')
except ApiException as e:
    print(e.code, e.status == 404, bool(e.reason))
try:
    metadata.get_workflow_def('no_such_flow')
except ApiException as error:
    print(error.is_not_found())
