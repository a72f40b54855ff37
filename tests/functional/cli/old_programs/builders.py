"""Every kind of step, without a server."""
import json

from conductor.client.configuration.configuration import Configuration
from conductor.client.http.models import StartWorkflowRequest
from conductor.client.orkes_clients import OrkesClients
from conductor.client.workflow.conductor_workflow import ConductorWorkflow
from conductor.client.workflow.task.do_while_task import DoWhileTask, ForEachTask
from conductor.client.workflow.task.dynamic_fork_task import DynamicForkTask
from conductor.client.workflow.task.dynamic_task import DynamicTask
from conductor.client.workflow.task.event_task import ConductorEventTask, SqsEventTask
from conductor.client.workflow.task.http_poll_task import HttpPollInput, HttpPollTask
from conductor.client.workflow.task.http_task import HttpInput, HttpMethod, HttpTask
from conductor.client.workflow.task.human_task import HumanTask
from conductor.client.workflow.task.kafka_publish import KafkaPublishTask
from conductor.client.workflow.task.kafka_publish_input import KafkaPublishInput
from conductor.client.workflow.task.llm_tasks.llm_chat_complete import ChatMessage, LlmChatComplete
from conductor.client.workflow.task.llm_tasks.llm_index_text import LlmIndexText
from conductor.client.workflow.task.llm_tasks.llm_text_complete import LlmTextComplete
from conductor.client.workflow.task.llm_tasks.utils.embedding_model import EmbeddingModel
from conductor.client.workflow.task.simple_task import SimpleTask
from conductor.client.workflow.task.start_workflow_task import StartWorkflowTask
from conductor.client.workflow.task.sub_workflow_task import InlineSubWorkflowTask, SubWorkflowTask
from conductor.client.workflow.task.switch_task import SwitchTask
from conductor.client.workflow.task.wait_for_webhook_task import wait_for_webhook
from conductor.client.workflow.task.wait_task import WaitForDurationTask, WaitUntilTask

executor = OrkesClients(configuration=Configuration()).get_workflow_executor()
wf = ConductorWorkflow(name='builders', version=1, executor=executor)
wf.input_parameters(['url'])
wf.variables({'n': 0})
wf.failure_workflow('oops')
wf.restartable(False)
wf.enable_status_listener('kafka:topic')

plain = HttpTask(task_ref_name='plain', http_input={'uri': '${workflow.input.url}', 'method': 'POST', 'body': {'a': 1},
                                                    'headers': {'x': ['1']}, 'readTimeOut': 500})
by_object = HttpTask('by_object', HttpInput(uri='http://a', method=HttpMethod.PUT))
http_input = {'uri': 'http://b', 'method': 'GET'}
by_variable = HttpTask(task_ref_name='by_variable', http_input=http_input)
polled = HttpPollTask(task_ref_name='polled', http_input=HttpPollInput(
    uri=plain.body('next'), termination_condition='$.output.body.done', polling_interval=5, max_poll_count=3))
kafka = KafkaPublishTask(task_ref_name='kafka', kafka_publish_input=KafkaPublishInput(
    bootstrap_servers='localhost:9092', topic='t', value='v', key='k'))
wf >> plain >> by_object >> by_variable >> polled >> kafka
wf >> SqsEventTask(task_ref_name='sqs', queue_name='orders') >> ConductorEventTask('event', 'done')
wf >> DynamicTask(dynamic_task='${workflow.input.task}', task_reference_name='dyn')
many = DynamicForkTask(task_ref_name='many')
many.input_parameters['dynamicTasks'] = '${plain.output.tasks}'
many.input_parameters['dynamicTasksInputs'] = '${plain.output.inputs}'
wf >> many
one = SimpleTask(task_def_name='one', task_reference_name='one')
one.optional = True
loop = DoWhileTask(task_ref_name='loop', termination_condition='$.one.value < 3', tasks=[one])
wf.add(loop)
inner = SimpleTask('inner', 'inner_ref')
wf.add(ForEachTask(task_ref_name='each', tasks=[inner], iterate_over=plain.output('items')))
sub = SubWorkflowTask(task_ref_name='sub', workflow_name='other', version=3)
sub.input_parameters.update({'x': plain.status_code()})
child = ConductorWorkflow(name='child', executor=executor)
child.version = 1
child >> SimpleTask('child_task', 'child_ref')
wf >> sub >> InlineSubWorkflowTask(task_ref_name='inline_sub', workflow=child)
wf >> StartWorkflowTask(task_ref_name='starter', workflow_name='later', version=1,
                        start_workflow_request=StartWorkflowRequest(input={'a': 1}, correlation_id='c'))
wf >> HumanTask(task_ref_name='human', display_name='Approve', form_template='form', form_version=2)
wf >> WaitForDurationTask(task_ref_name='pause', duration_time_seconds=5) >> WaitUntilTask('until', '2030-01-01 10:00 UTC')
wf >> wait_for_webhook(task_ref_name='hook', matches={"$['id']": wf.input('id')})
script = SwitchTask(task_ref_name='script', case_expression='$.n > 3 ? "big" : "small"', use_javascript=True)
script.input_parameters['n'] = '${workflow.input.n}'
script.switch_case('big', SimpleTask(task_def_name='big', task_reference_name='big_ref'))
wf >> script
chat = LlmChatComplete(task_ref_name='chat', llm_provider='openai', model='gpt', messages=[
    ChatMessage(role='user', message='hello')], temperature=0.1)
chat.prompt_variable('name', 'Ada')
text = LlmTextComplete('text', 'openai', 'gpt', 'prompt')
index = LlmIndexText(task_ref_name='index', vector_db='pg', index='docs', text='hi', doc_id='1',
                     embedding_model=EmbeddingModel(provider='openai', model='ada'))
wf >> chat >> text >> index
wf >> [[SimpleTask('l', 'left_ref')], [SimpleTask('r', 'right_ref')]]

definition = wf.to_workflow_def()
kinds = [task.type if isinstance(task.type, str) else task.type.value for task in definition.tasks]
print(' '.join(kinds))
print(json.dumps(definition.tasks[0].input_parameters['http_request'], sort_keys=True))
print(definition.failure_workflow, definition.restartable, definition.workflow_status_listener_enabled)
