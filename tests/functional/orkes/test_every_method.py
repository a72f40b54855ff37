"""Every operation of our clients succeeds on the edition that has it."""

import importlib
import pkgutil
from contextlib import contextmanager

import pytest
from fake_services import KEY, FakeServices

import conductor.clients
from conductor import ConductorClient
from conductor.clients.admin import CHECK_API
from conductor.clients.schedules import PAUSE_ORKES, RESUME_ORKES
from conductor.errors import APIStatusError, NotFoundError
from conductor.models import SubjectRef, Tag, TargetRef
from conductor.server import start
from conductor.transport.operation import Edition, Operation

TAGS = {"team": "payments"}
#: Refused with 501 on every development server: they need a converter, or the storage of a cluster.
REFUSED = {"POST /metadata/workflow-importer/import-bpm", "POST /metadata/workflow-task-defs/upload"}
#: Off by default on the open-source server; tests/e2e/test_full_server.py and others run them on one that has them.
NOT_EMBEDDED = (" /files", " /queue/update/", "/verifyAndRepair/")


def operations(*editions):
    """Return the operations of these editions, as ``GET /path``."""
    found = set()
    for module in pkgutil.iter_modules(conductor.clients.__path__, "conductor.clients."):
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, Operation) and value.edition in editions:
                found.add(name_of(value))
    return {name for name in found if not any(part in name for part in NOT_EMBEDDED)}


def name_of(operation):
    return f"{operation.method} {operation.path}"


class Recorder:
    """Remembers which operations a client has carried out."""

    def __init__(self, client, fake, monkeypatch):
        self.fake = fake  # a server with a model, and with an API to discover
        self.done, self.refused = set(), {}
        original = client.transport.request

        def request(operation, *arguments, **options):
            try:
                answer = original(operation, *arguments, **options)
            except APIStatusError as error:
                self.refused[name_of(operation)] = error.status
                raise
            self.done.add(name_of(operation))
            return answer

        monkeypatch.setattr(client.transport, "request", request)

    @contextmanager
    def refusing(self, status):
        with pytest.raises(APIStatusError) as caught:
            yield
        assert caught.value.status == status


def access(c, _):
    app = c.applications.create("app").id
    key = c.applications.create_access_key(app)
    c.applications.list()
    c.applications.get(app)
    c.applications.update(app, "renamed")
    c.applications.get_by_access_key(key.id)
    c.applications.list_access_keys(app)
    c.applications.toggle_access_key(app, key.id)
    c.applications.toggle_access_key(app, key.id)
    c.tokens.create(key.id, key.secret, expiration=60)
    c.tokens.get_user_info(claims=True)
    c.applications.add_role(app, "WORKER")
    c.applications.remove_role(app, "WORKER")
    c.applications.set_tags(app, TAGS)
    c.applications.list_tags(app)
    c.applications.delete_tags(app, TAGS)
    c.groups.save("g", "G", roles=["USER"], default_access={"WORKFLOW_DEF": ["READ"]})
    c.groups.list()
    c.groups.get("g")
    c.users.save("u@x", "U", roles=["USER"], groups=["g"])
    c.users.list(apps=True)
    c.users.get("u@x")
    c.groups.remove_user("g", "u@x")
    c.groups.add_user("g", "u@x")
    c.groups.remove_users("g", ["u@x"])
    c.groups.add_users("g", ["u@x"])
    c.groups.list_users("g")
    subject, target = SubjectRef("g", "GROUP"), TargetRef("order", "WORKFLOW_DEF")
    c.permissions.grant(subject, target, ["READ"])
    c.permissions.list("WORKFLOW_DEF", "order")
    c.groups.list_permissions("g")
    c.users.list_permissions("u@x")
    c.users.check_permissions("u@x", "WORKFLOW_DEF", "order")
    c.permissions.remove(subject, target, ["READ"])
    c.roles.create("AUDITOR", ["READ_TASK_DEF"])
    c.roles.update("AUDITOR", ["READ_WORKFLOW_DEF"])
    c.roles.get("AUDITOR")
    for read in (c.roles.list, c.roles.list_custom, c.roles.list_system, c.roles.list_permissions):
        read()
    c.roles.delete("AUDITOR")
    c.users.delete("u@x")
    c.groups.delete("g")
    config = {"id": "auth", "applicationId": app, "authenticationType": "API_KEY", "apiKeys": ["k"]}
    c.gateway.create_auth_config(config)
    c.gateway.list_auth_configs()
    c.gateway.get_auth_config("auth")
    c.gateway.update_auth_config("auth", {**config, "apiKeys": ["l"]})
    c.gateway.delete_auth_config("auth")
    c.applications.delete_access_key(app, key.id)
    c.applications.delete(app)


def secrets(c, _):
    c.secrets.save("KEY", "value")
    c.secrets.get("KEY")
    c.secrets.exists("KEY")
    c.secrets.set_tags("KEY", TAGS)
    c.secrets.list_tags("KEY")
    c.secrets.delete_tags("KEY", TAGS)
    for read in (
        c.secrets.list_names, c.secrets.list_grantable, c.secrets.list_with_tags, c.secrets.clear_local_cache,
        c.secrets.clear_redis_cache, c.environment.list,
    ):  # fmt: skip
        read()
    c.secrets.delete("KEY")
    c.environment.save("REGION", "eu")
    c.environment.get("REGION")
    c.environment.set_tags("REGION", TAGS)
    c.environment.list_tags("REGION")
    c.environment.delete_tags("REGION", TAGS)
    c.environment.delete("REGION")


SIMPLE = {"name": "charge", "taskReferenceName": "charge", "type": "SIMPLE"}
WAIT = {"name": "wait", "taskReferenceName": "wait", "type": "WAIT"}
LAST = {"name": "last", "taskReferenceName": "last", "type": "WAIT"}
ORDER = {"name": "order", "version": 1, "tasks": [WAIT, SIMPLE, LAST]}


def metadata(c, record):
    c.metadata.register_tasks([{"name": "charge"}, {"name": "gone"}])
    c.metadata.update_task({"name": "charge", "retryCount": 0})
    c.metadata.get_task("charge")
    c.metadata.list_tasks()
    c.metadata.unregister_task("gone")
    c.metadata.register_workflow(ORDER)
    c.metadata.update_workflows([ORDER, {**ORDER, "version": 2}, {**ORDER, "name": "gone"}])
    c.metadata.get_workflow("order")
    c.metadata.list_workflows()
    c.metadata.unregister_workflow("gone", 1)
    for add, put, read, delete, name in (
        (
            c.tags.add_workflow_tag,
            c.tags.set_workflow_tags,
            c.tags.list_workflow_tags,
            c.tags.delete_workflow_tag,
            "order",
        ),
        (c.tags.add_task_tag, c.tags.set_task_tags, c.tags.list_task_tags, c.tags.delete_task_tag, "charge"),
    ):
        put(name, TAGS)
        add(name, Tag(key="env", value="test"))
        read(name)
        delete(name, Tag(key="env", value="test"))
    c.tags.list()
    c.metadata.set_workflow_rate_limit("order", {"rateLimitKey": "key", "concurrentExecLimit": 20})
    c.metadata.get_workflow_rate_limit("order")
    c.metadata.delete_workflow_rate_limit("order")
    with record.refusing(501):
        c.metadata.import_bpmn({"fileContent": "x", "fileName": "y"})
    with record.refusing(501):
        c.metadata.upload_definitions()
    schema = {"name": "amount", "version": 1, "type": "JSON", "data": {"type": "object"}}
    c.schemas.save(schema)
    c.schemas.save({**schema, "version": 2})
    c.schemas.list()
    c.schemas.get("amount")
    c.schemas.get("amount", 1)
    c.schemas.delete("amount", 1)
    c.schemas.delete_all_versions("amount")
    c.schemas.save_global([schema])
    c.schemas.get_global("amount")


def executions(c, _):
    w = c.workflows
    first = w.start("order", {"a": 1}, correlation_id="o")
    w.start_by_name("order", {"a": 1})
    w.start_by_name("order", {"a": 1}, version=1, idempotency_key="k")
    w.execute("order", {"a": 1}, wait_for=1)
    w.execute_as_api("order", {"a": 1}, wait_for=1)
    w.execute_as_api("order", {"a": 1}, wait_for=1, as_get=True)
    w.test({"name": "order", "workflowDef": ORDER, "taskRefToMockOutput": {}})
    w.get(first)
    w.get_status(first)
    w.list_tasks(first)
    w.list_running_ids("order")
    w.list_by_correlation_id("order", "o")
    w.list_by_correlation_ids("order", ["o"])
    w.list_by_correlation_ids(["order"], ["o"])
    w.search()
    w.pause(first)
    w.resume(first)
    w.decide(first)
    w.update_variables(first, {"a": 1})
    w.update_state(first, {"variables": {"b": 2}}, wait_for=1)
    w.skip_task(first, "charge")
    w.reset_callbacks(first)
    c.tasks.signal_async(first)
    w.terminate(first, "done")
    w.restart(first)
    w.terminate(first, "again")
    w.retry(first)
    w.terminate(first, "once more")
    w.rerun(first)
    w.jump_to_task(first, "last")
    w.upgrade(first, {"name": "order", "version": 2, "taskOutput": {}, "workflowInput": {}})
    other = w.start("order")
    ids = [first, other]
    c.bulk.pause(ids)
    c.bulk.resume(ids)
    c.bulk.terminate(ids, "done")
    c.bulk.restart(ids)
    c.bulk.terminate(ids, "again")
    c.bulk.retry(ids)
    c.bulk.terminate(ids, "and again")
    w.delete(other)
    open_one = w.start("order")
    w.delete(open_one)
    with pytest.raises(NotFoundError):
        w.get(open_one)
    c.bulk.delete([first])


def tasks(c, _):
    for status in ("COMPLETED", "IN_PROGRESS"):
        running = c.workflows.start("order")
        c.tasks.signal(running, status="COMPLETED")
        (task,) = c.tasks.poll_batch("charge")
        c.tasks.get(task.task_id)
        c.tasks.add_log(task.task_id, "half way")
        c.tasks.list_logs(task.task_id)
        c.tasks.update(workflow_id=running, task_id=task.task_id, status=status)
    c.tasks.update_v2({"workflowInstanceId": running, "taskId": task.task_id, "status": "COMPLETED"})
    c.tasks.update_sync(running, "last", "COMPLETED", {"a": 1})
    again = c.workflows.start("order")
    c.tasks.update_by_reference_name(again, "wait", "COMPLETED", {"a": 1})
    c.tasks.poll("charge")
    c.tasks.get_queue_sizes(["charge"])
    c.tasks.list_queues()
    c.tasks.list_queues_verbose()
    c.tasks.list_poll_data("charge")
    c.tasks.list_all_poll_data()
    c.tasks.requeue_pending("charge")
    c.tasks.search()
    c.admin.list_pending_tasks("charge")
    c.admin.requeue_workflow(again)
    c.admin.clear_task_cache("charge")
    c.admin.get_redis_usage()
    c.admin.get_limits()
    c.health.check()
    c.health.get_version()
    c.queues.list()
    c.queues.get_sizes()


def schedules(c, _):
    one = {"name": "nightly", "cronExpression": "0 0 3 * * *", "startWorkflowRequest": {"name": "order"}}
    c.schedules.save(one)
    c.schedules.get("nightly")
    c.schedules.list("order")
    c.schedules.set_tags("nightly", TAGS)
    c.schedules.list_tags("nightly")
    c.schedules.list_by_tag("team", "payments")
    c.schedules.delete_tags("nightly", TAGS)
    c.schedules.pause("nightly")
    c.schedules.resume("nightly")
    for operation in (PAUSE_ORKES, RESUME_ORKES):  # sent to a server without PUT
        c.transport.request(operation, {"name": "nightly"})
    c.schedules.bulk_pause(["nightly"])
    c.schedules.bulk_resume(["nightly"])
    c.schedules.preview("0 0 3 * * *")
    c.schedules.search_executions()
    c.schedules.pause_all()
    c.schedules.resume_all()
    c.schedules.requeue_all_executions()
    c.schedules.delete("nightly")


def events(c, _):
    handler = {
        "name": "on_order", "event": "conductor:orders", "active": True,
        "actions": [{"action": "start_workflow", "start_workflow": {"name": "order"}}],
    }  # fmt: skip
    c.events.create_handler(handler)
    c.events.update_handler({**handler, "condition": "true"})
    c.events.list_handlers()
    c.events.list_handlers_for_event("conductor:orders")
    c.events.get_handler("on_order")
    c.events.probe()
    c.events.publish({"event": "conductor:orders", "id": "1"})
    c.events.list_active_handlers()
    c.events.list_executions("on_order")
    c.events.list_handlers_with_stats()
    c.events.list_messages("conductor:orders")
    c.events.set_tags("on_order", TAGS)
    c.events.list_tags("on_order")
    c.events.delete_tags("on_order", TAGS)
    c.events.save_queue_config("kafka", "orders", {"bootstrap": "x"})
    c.events.list_queue_configs()
    c.events.get_queue_config("kafka", "orders")
    c.events.delete_queue_config("kafka", "orders")
    c.events.test_connectivity({"sink": "conductor:orders", "input": {"a": 1}})
    c.events.delete_handler("on_order")


def human_tasks(c, _):
    form = {
        "name": "form", "version": 1, "jsonSchema": {"type": "object", "properties": {"a": {"type": "number"}}},
        "templateUI": {"type": "Group", "elements": []},
    }  # fmt: skip
    c.human_templates.save(form)
    c.human_templates.save_all([{**form, "version": 2}])
    c.human_templates.list("form")
    c.human_templates.get("form", 2)
    c.human_templates.set_tags("form", TAGS)
    c.human_templates.list_tags("form")
    c.human_templates.delete_tags("form", TAGS)
    definition = {
        "assignmentCompletionStrategy": "LEAVE_OPEN", "displayName": "Approve",
        "userFormTemplate": {"name": "form", "version": 1},
        "assignments": [{"assignee": {"user": name, "userType": "EXTERNAL_USER"}, "slaMinutes": 60} for name in "ab"],
    }  # fmt: skip
    human = {
        "name": "approve", "taskReferenceName": "approve", "type": "HUMAN",
        "inputParameters": {"__humanTaskDefinition": definition},
    }  # fmt: skip
    c.metadata.register_workflow({"name": "approval", "version": 1, "tasks": [human]})
    running = [c.workflows.start("approval") for _ in range(4)]
    one, two, three, four = (c.workflows.get(workflow_id).tasks[0].task_id for workflow_id in running)
    assert c.human_tasks.search().total_hits == 4
    c.human_tasks.get(one)
    c.human_tasks.get_conductor_task(one)
    c.human_templates.get_for_task(one)
    c.human_tasks.list_display_names("ADMIN")
    c.human_tasks.claim(one, override_assignment=True)
    c.human_tasks.release(one)
    c.human_tasks.claim_for_external_user(one, "admin@localhost")
    c.human_tasks.skip(two, "why")
    c.human_tasks.reassign(two, [{"assignee": {"user": "u@x", "userType": "EXTERNAL_USER"}, "slaMinutes": 5}])
    c.human_tasks.update(two, {"a": 1})
    c.human_tasks.complete(two, {"a": 2})
    c.human_tasks.update_by_reference_name(running[0], "approve", {"a": 1}, complete=True)
    c.human_tasks.delete(three)
    c.human_tasks.delete_many([four])
    c.human_tasks.back_populate_index(50)
    c.human_templates.delete("form", 2)
    c.human_templates.delete_all_versions("form")


def webhooks(c, _):
    hook = {
        "name": "hook", "verifier": "HEADER_BASED", "sourcePlatform": "Custom", "headers": {"x-key": "y"},
        "workflowsToStart": {"order": 1},
    }  # fmt: skip
    made = c.webhooks.create(hook).id
    c.webhooks.list()
    c.webhooks.get(made)
    c.webhooks.update(made, hook)
    c.webhooks.set_tags(made, TAGS)
    c.webhooks.list_tags(made)
    c.webhooks.delete_tags(made, TAGS)
    c.webhooks.send(made, {"order": 1}, headers={"x-key": "y"})
    twitter = {**hook, "verifier": "TWITTER", "headerKey": "x-sign", "secretValue": "s"}
    c.webhooks.verify(c.webhooks.create(twitter).id, query={"crc_token": "t"})
    c.webhooks.delete(made)


def models(c, record):
    c.prompts.save("say", "Say ${x}", description="d")
    c.prompts.save_all([{"name": "say2", "template": "Say ${x}", "description": "d"}])
    c.prompts.update("say", "Say it: ${x}", description="d")
    c.prompts.list()
    c.prompts.get("say")
    c.prompts.list_versions("say")
    c.prompts.set_tags("say", TAGS)
    c.prompts.list_tags("say")
    c.prompts.delete_tags("say", TAGS)
    provider = {"category": "AI_MODEL", "type": "openai", "enabled": True, "description": "d"}
    c.integrations.save_provider("ai", {**provider, "configuration": {"api_key": "k"}})
    c.integrations.save_all([{"name": "ai2", **provider, "configuration": {"api_key": "k"}}])
    c.integrations.list_providers("AI_MODEL")
    c.integrations.get_provider("ai")
    c.integrations.list("AI_MODEL")
    c.integrations.list_all_names()
    c.integrations.register_definitions([{"name": "mine", **provider}])
    c.integrations.list_definitions()
    c.integrations.get_definition("mine")
    c.integrations.save_api("ai", "m", {"description": "d", "enabled": True})
    c.integrations.list_apis("ai")
    c.integrations.list_available_apis("ai")
    c.integrations.get_api("ai", "m")
    c.integrations.set_api_tags("ai", "m", TAGS)
    c.integrations.list_api_tags("ai", "m")
    c.integrations.delete_api_tags("ai", "m", TAGS)
    c.integrations.set_provider_tags("ai", TAGS)
    c.integrations.list_provider_tags("ai")
    c.integrations.delete_provider_tags("ai", TAGS)
    c.integrations.associate_prompt("ai", "m", "say")
    c.integrations.list_prompts("ai", "m")
    c.integrations.save_token_limit("ai", {"limitPeriod": "DAY"})
    c.integrations.get_token_limit("ai")
    c.integrations.list_token_usage("ai")
    c.integrations.record_event_stats("SEND", [{"event": "x", "createdAt": 5}])
    c.integrations.get_token_usage("ai", "m")
    c.integrations.get_provider_token_usage("ai")
    local = {"api_key": KEY, "endpoint": f"{record.fake.url}/v1"}
    c.integrations.save_provider("local", {**provider, "configuration": local})
    c.integrations.save_api("local", "small", {"description": "d", "enabled": True})
    c.prompts.test({"llmProvider": "local", "model": "small", "prompt": "Say ${x}", "promptVariables": {"x": "yes"}})
    c.integrations.delete_api("ai", "m")
    c.integrations.delete_provider("ai")
    c.prompts.delete_version("say", 1)
    c.prompts.delete("say2")


def services(c, record):
    url = record.fake.url
    services = c.services
    services.save({"name": "shop", "type": "HTTP", "serviceURI": f"{url}/openapi.json"})
    services.list()
    services.get("shop")
    services.discover("shop")
    services.save_method("shop", {"operationName": "get", "methodName": "get", "methodType": "GET"})
    services.delete_method("shop", "get", "get", "GET")
    services.get_circuit_breaker("shop")
    call = {
        "name": "call", "taskReferenceName": "call", "type": "HTTP",
        "inputParameters": {"http_request": {"uri": f"{url}/v1/orders/7", "method": "GET", "service": "shop"}},
    }  # fmt: skip
    c.workflows.wait(c.workflows.start({"name": "call", "version": 1, "tasks": [call]}), timeout=30)
    services.open_circuit_breaker("shop")
    services.close_circuit_breaker("shop")
    services.save_proto("shop", "a.bin", b"\x0a\x03\x0a\x01a")  # one file without services
    services.list_protos("shop")
    services.get_proto("shop", "a.bin")
    services.delete_proto("shop", "a.bin")
    services.delete("shop")


def oss_only(c, _):
    c.metadata.register_workflow(ORDER)
    c.metadata.validate_workflow(ORDER)
    c.metadata.list_latest_workflows()
    c.metadata.list_workflow_names()
    c.metadata.list_workflow_names_and_versions()
    c.metadata.list_workflow_versions("order")
    running = c.workflows.start("order")
    for search in (c.workflows.search_full, c.workflows.search_by_tasks, c.workflows.search_by_tasks_full):
        search()
    c.tasks.search_full()
    c.tasks.get_queue_size("charge")
    c.secrets.list_with_metadata()
    c.admin.get_config()
    c.admin.list_event_queues()
    c.messages.send(running, {"a": 1})
    c.bulk.get([running])
    c.schedules.save({"name": "nightly", "cronExpression": "0 0 3 * * *", "startWorkflowRequest": {"name": "order"}})
    c.schedules.search()
    c.schedules.pause("nightly", "why")
    c.schedules.resume("nightly")
    c.workflows.terminate_and_delete(running, "done")
    others = [c.workflows.start("order") for _ in range(2)]
    c.bulk.terminate_and_delete(others[:1], "done")
    c.workflows.terminate(others[1])
    c.bulk.delete(others[1:])
    for client in (c.workflows, c.tasks):
        client.get_external_storage_location("p")
        client.get_external_storage_location("p", old_spelling=True)
    c.health.check()
    c.transport.request(CHECK_API)  # sent to a server whose root has no /health


@pytest.fixture
def fake():
    one = FakeServices()
    yield one
    one.stop()


def test_every_operation_of_orkes_succeeds_on_its_edition(fake, monkeypatch):
    with start(edition="orkes") as server, ConductorClient(server_url=server.url) as client:
        record = Recorder(client, fake, monkeypatch)
        for family in (
            access, secrets, metadata, executions, tasks, schedules, events, human_tasks, webhooks, models, services,
        ):  # fmt: skip
            family(client, record)
        assert sorted(operations(Edition.ORKES, Edition.BOTH) - record.done - REFUSED) == []
        assert {name: record.refused[name] for name in REFUSED} == dict.fromkeys(REFUSED, 501)


def test_operations_of_the_oss_server_succeed_on_the_default_edition(fake, monkeypatch):
    with start() as server, ConductorClient(server_url=server.url) as client:
        record = Recorder(client, fake, monkeypatch)
        oss_only(client, record)
        assert sorted(operations(Edition.OSS) - record.done) == []
