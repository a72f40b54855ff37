"""Operations of Orkes; the program is imported, and its calls are checked, but not run."""
from conductor.client.configuration.configuration import Configuration
from conductor.client.http.models.prompt_template import PromptTemplate
from conductor.client.http.models.save_schedule_request import SaveScheduleRequest
from conductor.client.http.models.start_workflow_request import StartWorkflowRequest
from conductor.client.http.models.subject_ref import SubjectRef, SubjectType
from conductor.client.http.models.target_ref import TargetRef, TargetType
from conductor.client.http.models.upsert_user_request import UpsertUserRequest
from conductor.client.http.rest import AuthorizationException
from conductor.client.orkes.models.access_type import AccessType
from conductor.client.orkes.models.metadata_tag import MetadataTag
from conductor.client.orkes_clients import OrkesClients


def main():
    clients = OrkesClients(configuration=Configuration())
    scheduler = clients.get_scheduler_client()
    request = SaveScheduleRequest(name='nightly', start_workflow_request=StartWorkflowRequest(name='report'),
                                  cron_expression='0 0 4 * * *')
    scheduler.save_schedule(request)
    scheduler.pause_schedule('nightly')
    print(scheduler.get_next_few_schedule_execution_times('0 0 4 * * *', limit=3))
    scheduler.set_scheduler_tags([MetadataTag('team', 'a')], 'nightly')
    secrets = clients.get_secret_client()
    secrets.put_secret('key', 'value')
    if secrets.secret_exists('key'):
        secrets.delete_secret(key='key')
    prompts = clients.get_prompt_client()
    prompts.save_prompt(prompt_name='p', description='d', prompt_template='t')
    print(prompts.get_prompt('p'), PromptTemplate)
    access = clients.get_authorization_client()
    access.upsert_user(UpsertUserRequest(name='Ada', roles=['USER']), 'ada')
    access.grant_permissions(SubjectRef(SubjectType.USER, 'ada'), TargetRef(TargetType.WORKFLOW_DEF, 'w'),
                             [AccessType.READ])
    try:
        access.list_users()
    except AuthorizationException:
        print('not allowed')


if __name__ == '__main__':
    print(main)
