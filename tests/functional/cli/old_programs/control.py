from conductor.client.configuration.configuration import Configuration
from conductor.client.orkes_clients import OrkesClients
from conductor.client.workflow.conductor_workflow import ConductorWorkflow
from conductor.client.workflow.task.do_while_task import LoopTask
from conductor.client.workflow.task.fork_task import ForkTask
from conductor.client.workflow.task.inline import InlineTask
from conductor.client.workflow.task.javascript_task import JavascriptTask
from conductor.client.workflow.task.join_task import JoinTask
from conductor.client.workflow.task.json_jq_task import JsonJQTask
from conductor.client.workflow.task.set_variable_task import SetVariableTask
from conductor.client.workflow.task.switch_task import SwitchTask
from conductor.client.workflow.task.terminate_task import TerminateTask, WorkflowStatus
from conductor.client.workflow.task.timeout_policy import TimeoutPolicy
from conductor.client.workflow.task.wait_task import WaitTask

clients = OrkesClients(Configuration())
executor = clients.get_workflow_executor()
wf = ConductorWorkflow(name='control_flow', version=1, executor=executor)

js = JavascriptTask(task_ref_name='double', script='({ value: $.n * 2 })', bindings={'n': '${workflow.input.n}'})
js.input_parameter('evaluatorType', 'javascript')
jq = JsonJQTask(task_ref_name='sum', script='.a + .b')
jq.input_parameters['a'] = js.output('value')
jq.input_parameters['b'] = 1

left = SetVariableTask(task_ref_name='left')
left.input_parameters.update({'side': 'left'})
wait = WaitTask(task_ref_name='short', wait_for_seconds=1)
fork = ForkTask(task_ref_name='fork', forked_tasks=[[left], [wait]])
join = JoinTask(task_ref_name='join', join_on=['left', 'short'])

body = InlineTask(task_ref_name='body', script='1', bindings={})
loop = LoopTask(task_ref_name='loop', iterations=2, tasks=[body])

switch = SwitchTask(task_ref_name='decide', case_expression=wf.input('country'))
ok = SetVariableTask(task_ref_name='ok')
ok.input_parameters = {'country': '${workflow.input.country}'}
switch.switch_case('US', [ok])
switch.default_case(TerminateTask(task_ref_name='bad', status=WorkflowStatus.TERMINATED,
                                  termination_reason='unsupported country'))

wf >> js >> jq >> fork >> join >> loop >> switch
wf.timeout_policy(TimeoutPolicy.TIME_OUT_WORKFLOW).timeout_seconds(60)
wf.output_parameters({
    'sum': jq.output('result'),
    'side': '${workflow.variables.side}',
    'country': '${workflow.variables.country}',
})
result = wf.execute(workflow_input={'n': 4, 'country': 'US'}, wait_for_seconds=20)
print(result.output['sum'], result.output['side'], result.output['country'], result.status)
result = wf.execute(workflow_input={'n': 4, 'country': 'XX'}, wait_for_seconds=20)
print(result.status, result.is_successful())
task = result.get_task(task_reference_name='double')
print(task.output_data['result']['value'])
