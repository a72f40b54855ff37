"""A customer of the Orkes edition that has conductor-python; prints each story that held.

It runs in a separate environment, where ``conductor`` is that package. CONDUCTOR_SERVER_URL names the server,
CONDUCTOR_AUTH_KEY and CONDUCTOR_AUTH_SECRET the key of its administrator.
"""

import hashlib
import hmac
import json
import os
import sys
import urllib.error
import urllib.request

from conductor.client.configuration.configuration import Configuration
from conductor.client.configuration.settings.authentication_settings import AuthenticationSettings
from conductor.client.http.models import StartWorkflowRequest
from conductor.client.http.models.create_or_update_application_request import CreateOrUpdateApplicationRequest
from conductor.client.http.models.schema_def import SchemaDef, SchemaType
from conductor.client.http.models.service_method import ServiceMethod
from conductor.client.http.models.service_registry import ServiceRegistry
from conductor.client.http.models.subject_ref import SubjectRef
from conductor.client.http.models.target_ref import TargetRef
from conductor.client.http.rest import ApiException
from conductor.client.orkes.models.access_type import AccessType
from conductor.client.orkes.orkes_service_registry_client import OrkesServiceRegistryClient
from conductor.client.orkes_clients import OrkesClients
from conductor.client.workflow.conductor_workflow import ConductorWorkflow
from conductor.client.workflow.task.human_task import HumanTask
from conductor.client.workflow.task.simple_task import SimpleTask
from conductor.client.workflow.task.wait_for_webhook_task import wait_for_webhook
from conductor.client.workflow.task.wait_task import WaitTask

URL = os.environ["CONDUCTOR_SERVER_URL"]
KEY, SECRET = os.environ["CONDUCTOR_AUTH_KEY"], os.environ["CONDUCTOR_AUTH_SECRET"]


def configuration(key, secret):
    return Configuration(server_api_url=URL, authentication_settings=AuthenticationSettings(key, secret))


def post(path, body, **headers):
    """The SDK has no client for human tasks and webhooks."""
    sent = {"Content-Type": "application/json", **headers}
    request = urllib.request.Request(path, json.dumps(body).encode(), sent)
    with urllib.request.urlopen(request, timeout=30) as response:
        content = response.read()
    return json.loads(content) if content else None


def error_of(kind, call, *args, **named):
    try:
        call(*args, **named)
    except kind as error:
        return error
    raise AssertionError(f"{call} was not refused")


class Customer:
    def __init__(self):
        self.configuration = configuration(KEY, SECRET)
        self.clients = OrkesClients(self.configuration)
        self.workflows = self.clients.get_workflow_client()
        self.token = post(f"{URL}/token", {"keyId": KEY, "keySecret": SECRET})["token"]

    def flow(self, name, task, **outputs):
        flow = ConductorWorkflow(self.clients.get_workflow_executor(), name, version=1).owner_email("peer@example.com")
        flow >> task
        flow.output_parameters(outputs)
        flow.register(overwrite=True)

    def start(self, name, **given):
        return self.workflows.start_workflow(StartWorkflowRequest(name=name, version=1, input=given))

    def api(self, path, body):
        return post(f"{URL}{path}", body, **{"X-Authorization": self.token})

    def human_task(self):
        self.flow("peer_human", HumanTask("ask", display_name="Approve"), approved="${ask.output.approved}")
        workflow_id = self.start("peer_human")
        found = self.api("/human/tasks/search", {"searchType": "ADMIN", "workflowIds": [workflow_id]})
        (entry,) = found["results"]
        assert (entry["displayName"], entry["state"]) == ("Approve", "ASSIGNED")
        assert self.api(f"/human/tasks/{entry['taskId']}/externalUser/zoe", None)["claimant"]["user"] == "zoe"
        self.api(f"/human/tasks/{entry['taskId']}/update?complete=true", {"approved": True})
        run = self.workflows.get_workflow(workflow_id)
        assert (run.status, run.output) == ("COMPLETED", {"approved": True})

    def webhook(self):
        matches = {"$['type']": "paid", "$['order']": "${workflow.input.order}"}
        self.flow("peer_webhook", wait_for_webhook("paid", matches, "peer_paid"), amount="${paid.output.amount}")
        workflow_id = self.start("peer_webhook", order="A-1")
        config = {
            "name": "peer", "verifier": "SIGNATURE_BASED", "headerKey": "X-Hub-Signature-256", "secretValue": "shared",
            "receiverWorkflowNamesToVersions": {"peer_webhook": 1},
        }  # fmt: skip
        webhook_id = self.api("/metadata/webhook", config)["id"]
        event = {"type": "paid", "order": "A-1", "amount": 9}
        address = f"{URL.removesuffix('/api')}/webhook/{webhook_id}"
        refused = error_of(urllib.error.HTTPError, post, address, event, **{"X-Hub-Signature-256": "sha256=00"})
        assert refused.code == 401
        signature = hmac.new(b"shared", json.dumps(event).encode(), hashlib.sha256).hexdigest()
        post(address, event, **{"X-Hub-Signature-256": f"sha256={signature}"})
        run = self.workflows.get_workflow(workflow_id)
        assert (run.status, run.output) == ("COMPLETED", {"amount": 9})

    def secret(self):
        secrets = self.clients.get_secret_client()
        secrets.put_secret("peer_secret", "a value")
        assert secrets.get_secret("peer_secret") == "a value"
        assert "peer_secret" in secrets.list_all_secret_names()
        secrets.delete_secret("peer_secret")
        assert not secrets.secret_exists("peer_secret")

    def permission(self):
        authorization = self.clients.get_authorization_client()
        application = authorization.create_application(CreateOrUpdateApplicationRequest("peer"))
        key = authorization.create_access_key(application.id)
        self.flow("peer_guarded", SimpleTask("peer_work", "work"))
        other = OrkesClients(configuration(key.id, key.secret)).get_workflow_client()
        request = StartWorkflowRequest(name="peer_guarded", version=1)
        assert error_of(ApiException, other.start_workflow, request).status == 403
        subject = SubjectRef("USER", f"app:{application.id}")
        authorization.grant_permissions(subject, TargetRef("WORKFLOW_DEF", "peer_guarded"), [AccessType.EXECUTE])
        assert other.start_workflow(request)

    def service_registry(self):
        registry = OrkesServiceRegistryClient(self.configuration)
        registry.add_or_update_service(ServiceRegistry("peer_service", "HTTP", "http://localhost:1"))
        method = ServiceMethod(operation_name="list", method_name="/items", method_type="GET")
        registry.add_or_update_method("peer_service", method)
        known = registry.get_service("peer_service")
        assert (known.service_uri, known.methods[0].operation_name) == ("http://localhost:1", "list")
        registry.remove_service("peer_service")
        assert "peer_service" not in [service.name for service in registry.get_registered_services() or []]

    def schema(self):
        schemas = self.clients.get_schema_client()
        data = {"type": "object", "properties": {"amount": {"type": "number"}}, "required": ["amount"]}
        schemas.register_schema(SchemaDef(name="peer_schema", version=1, type=SchemaType.JSON, data=data))
        assert schemas.get_schema("peer_schema", 1).data == data
        flow = ConductorWorkflow(self.clients.get_workflow_executor(), "peer_checked", version=1)
        flow.owner_email("peer@example.com") >> SimpleTask("peer_work", "work")
        definition = flow.to_workflow_def()
        definition.input_schema = SchemaDef(name="peer_schema", version=1, type=SchemaType.JSON)
        definition.enforce_schema = True
        self.clients.get_metadata_client().register_workflow_def(definition, overwrite=True)
        error_of(ApiException, self.start, "peer_checked", amount="much")
        assert self.start("peer_checked", amount=1)
        schemas.delete_schema_by_name("peer_schema")

    def signal(self):
        self.flow("peer_signaled", WaitTask("wait"), step="${wait.output.step}")
        workflow_id = self.start("peer_signaled")
        ended = self.clients.get_task_client().taskResourceApi.signal_workflow_task_sync(
            workflow_id, "COMPLETED", {"step": 1}, return_strategy="TARGET_WORKFLOW"
        )
        assert (ended.target_workflow_status, ended.output) == ("COMPLETED", {"step": 1})


def main():
    customer = Customer()
    for story in ("human_task", "webhook", "secret", "permission", "service_registry", "schema", "signal"):
        getattr(customer, story)()
        print(story, flush=True)


if __name__ == "__main__":
    sys.exit(main())
