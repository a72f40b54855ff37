"""Steps by calls of decorated functions, and references by calls."""
from conductor.client.automator.task_handler import TaskHandler
from conductor.client.configuration.configuration import Configuration
from conductor.client.orkes_clients import OrkesClients
from conductor.client.worker.worker_task import worker_task as worker
from conductor.client.workflow.conductor_workflow import ConductorWorkflow


@worker(task_definition_name='steps_email', thread_count=2, poll_interval_millis=50, poll_timeout=100)
def email_of(userid: str) -> dict:
    return {'address': f'{userid}@example.com', 'parts': ['a', 'b']}


@worker(task_definition_name='steps_send', lease_extend_enabled=False, register_task_def=False)
async def send(email: str, subject: str, description: str = '') -> str:
    return f'{subject}: {email} ({description})'


def build(executor) -> ConductorWorkflow:
    workflow = ConductorWorkflow(name='steps_flow', executor=executor)
    workflow.version = 2
    address = email_of(task_ref_name='email_ref', userid=workflow.input('userid'))
    sent = send(task_ref_name='send_ref', email=address.output('address'), subject=address.output('parts[1]'),
                description='long')
    workflow >> address >> sent
    workflow.output_parameter('sent', sent.output('result'))
    workflow.output_parameter('user', workflow.input('userid'))
    workflow.timeout_seconds(120).owner_email('me@example.com')
    return workflow


if __name__ == '__main__':
    config = Configuration()
    clients = OrkesClients(configuration=config)
    flow = build(clients.get_workflow_executor())
    flow.register(overwrite=True)
    with TaskHandler(workers=[], configuration=config, scan_for_annotated_workers=True) as handler:
        handler.start_processes()
        run = flow.execute(workflow_input={'userid': 'ada'}, wait_for_seconds=20)
        print(run.output['sent'], run.output['user'], flow.to_workflow_def().timeout_seconds)
        again = flow(userid='bob')
        print(again.output['sent'])
