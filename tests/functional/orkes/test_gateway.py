"""API gateway routes, which run workflows for callers without a token of the server."""

import json
import time

import pytest
import requests

import conductor.server
from conductor import ConductorClient
from conductor.errors import APIError

SCRIPT = "(function () { return {text: 'hello ' + $.name, id: $.id, more: $.more}; })()"


@pytest.fixture(scope="module")
def server():
    with conductor.server.start(edition="orkes", keys={"k": "s"}) as one:
        yield one


@pytest.fixture(scope="module")
def client(server):
    with ConductorClient(server.url, auth_key="k", auth_secret="s") as one:
        greet = {
            "name": "greet",
            "taskReferenceName": "greet",
            "type": "INLINE",
            "inputParameters": {
                "evaluatorType": "graaljs",
                "expression": SCRIPT,
                "name": "${workflow.input.name}",
                "id": "${workflow.input.id}",
                "more": "${workflow.input.more}",
            },
        }
        wait = {"name": "wait", "taskReferenceName": "later", "type": "WAIT"}
        stop = {
            "name": "stop",
            "taskReferenceName": "stop",
            "type": "TERMINATE",
            "inputParameters": {"terminationStatus": "FAILED", "terminationReason": "out of stock"},
        }
        for name, tasks in (("greet", [greet]), ("greet_later", [greet, wait]), ("fail", [stop])):
            one.metadata.register_workflow(
                {
                    "name": name,
                    "version": 1,
                    "tasks": tasks,
                    "outputParameters": {"text": "${greet.output.result.text}", "id": "${greet.output.result.id}"},
                }
            )
        application = one.applications.create("gateway")
        for name in ("greet", "greet_later", "fail"):
            one.permissions.grant(
                {"type": "USER", "id": f"app:{application.id}"}, {"type": "WORKFLOW_DEF", "id": name}, ["EXECUTE"]
            )
        one.gateway.create_auth_config(
            {
                "id": "keys",
                "authenticationType": "API_KEY",
                "applicationId": application.id,
                "apiKeys": ["key-1", "key-2"],
            }
        )
        yield one


@pytest.fixture(scope="module")
def config(server, client):
    """Call an operation of the gateway's configuration with the administrator's token."""
    root = server.url.removesuffix("/api")
    token = requests.post(f"{root}/api/token", json={"keyId": "k", "keySecret": "s"}, timeout=30).json()["token"]

    def call(method, path, body=None):
        headers = {"X-Authorization": token}
        return requests.request(method, f"{root}/api/gateway/config/{path}", json=body, headers=headers, timeout=30)

    return call


@pytest.fixture(scope="module")
def shop(config):
    service = {"id": "shop", "name": "Shop", "path": "/v1/shop", "authConfigId": "keys"}
    assert config("POST", "services", service).status_code == 200
    for method, path, workflow, more in [
        ("GET", "/greet/{name}", "greet", {}),
        ("GET", "/greet/all", "greet", {"workflowMetadataInOutput": True}),
        ("POST", "/greet", "greet", {}),
        ("POST", "/async", "greet", {"workflowExecutionMode": "ASYNC"}),
        ("POST", "/later", "greet_later", {"waitUntilTasks": "greet"}),
        ("POST", "/never", "greet_later", {"waitForSeconds": 1}),
        ("POST", "/fail", "fail", {}),
        ("POST", "/missing", "no_such_workflow", {}),
    ]:
        route = {"httpMethod": method, "path": path, "mappedWorkflow": {"name": workflow}, **more}
        assert config("POST", "services/shop/routes", route).status_code == 200
    return service


@pytest.fixture
def call(server, shop):
    root = server.url.removesuffix("/api")

    def call_route(method, path, body=None, key="key-1", prefix=""):
        headers = {"X-API-Key": key} if key else {}
        return requests.request(method, f"{root}{prefix}/v1/shop{path}", json=body, headers=headers, timeout=30)

    return call_route


def test_routes_run_workflows_and_return_their_output(call, client):
    assert call("GET", "/greet/Ada?id=7").json() == {"text": "hello Ada", "id": "7"}
    assert call("POST", "/greet", {"name": "Bo", "id": 1}, prefix="/api").json() == {"text": "hello Bo", "id": 1}
    found = call("GET", "/greet/all?name=all").json()
    assert found["text"] == "hello all"
    assert found["workflowMetadata"]["status"] == "COMPLETED"
    started = call("POST", "/async", {"name": "Cy"}).json()["workflowId"]
    assert client.workflows.wait(started, timeout=30).output["text"] == "hello Cy"
    assert call("POST", "/later", {"name": "Di"}).json()["result"]["text"] == "hello Di"
    late = call("POST", "/never", {})
    assert (late.status_code, late.json()["status"]) == (202, "RUNNING")
    failed = call("POST", "/fail", {})
    assert (failed.status_code, "out of stock" in failed.json()["message"]) == (500, True)


def test_callers_need_a_key_and_the_application_a_permission(call, config, server):
    assert call("POST", "/greet", {}, key="").status_code == 401
    assert call("POST", "/greet", {}, key="key-3").status_code == 401
    refusal = call("POST", "/missing", {})
    assert refusal.status_code == 403
    assert call("POST", "/nothing", {}).status_code == 404
    assert call("PUT", "/greet", {}).status_code == 404
    open_service = {"id": "open", "path": "/open"}
    assert config("POST", "services", open_service).status_code == 200
    config("POST", "services/open/routes", {"httpMethod": "GET", "path": "/", "mappedWorkflow": {"name": "greet"}})
    root = server.url.removesuffix("/api")
    assert requests.get(f"{root}/open", timeout=30).status_code == 403  # the server has keys, and the caller none
    assert config("DELETE", "services/open").status_code == 200
    assert requests.get(f"{root}/open", timeout=30).status_code == 404


def test_the_configuration_shows_no_keys_and_counts_requests(config, call, client):
    assert client.gateway.get_auth_config("keys")["apiKeys"] == ["***", "***"]
    assert "key-1" not in json.dumps(client.gateway.list_auth_configs())
    client.gateway.update_auth_config("keys", {**client.gateway.get_auth_config("keys"), "fallbackToDefaultAuth": True})
    assert call("POST", "/greet", {"name": "x"}).status_code == 200
    before = {one["route"]["path"]: one["serviceRouteMetrics"] for one in config("GET", "service/shop/routes").json()}
    call("POST", "/fail", {})
    after = {one["route"]["path"]: one["serviceRouteMetrics"] for one in config("GET", "services/shop/routes").json()}
    assert after["/fail"]["failedRequests"] == before["/fail"]["failedRequests"] + 1
    assert after["/greet"] == before["/greet"]


def test_bad_configurations_are_refused_and_nothing_is_stored(config, client):
    route = {"httpMethod": "GET", "path": "/x", "mappedWorkflow": {"name": "greet"}}
    for method, path, body, status in [
        ("POST", "services", {"path": "/x"}, 400),
        ("POST", "services", {"id": "bad", "path": "x"}, 400),
        ("POST", "services", {"id": "bad", "path": "/"}, 400),
        ("POST", "services", {"id": "bad", "path": "/workflow/x"}, 400),
        ("POST", "services", {"id": "bad", "path": "/api/metadata"}, 400),
        ("POST", "services", {"id": "bad", "path": "/api"}, 400),
        ("POST", "services", {"id": "bad", "path": "/v1/shop"}, 400),
        ("POST", "services", [1], 500),
        ("PUT", "services/bad", {"path": "/x"}, 404),
        ("GET", "services/bad", None, 404),
        ("DELETE", "services/bad", None, 404),
        ("POST", "services/bad/routes", route, 404),
        ("POST", "services/shop/routes", {**route, "httpMethod": "BREW"}, 400),
        ("POST", "services/shop/routes", {**route, "path": "x"}, 400),
        ("POST", "services/shop/routes", {**route, "mappedWorkflow": {}}, 400),
        ("POST", "services/shop/routes", {**route, "workflowExecutionMode": "MAYBE"}, 400),
        ("PUT", "services/shop/routes?path=/x", route, 404),
        ("PUT", "services/shop/routes", route, 400),
        ("DELETE", "services/shop/routes?path=/x&method=GET", None, 404),
        ("GET", "auth/unknown", None, 404),
        ("PUT", "auth/unknown", {"apiKeys": ["a"]}, 404),
    ]:
        assert config(method, path, body).status_code == status, (method, path, body)
    assert [one["id"] for one in config("GET", "services").json()] == ["shop"]
    assert "/x" not in [one["route"]["path"] for one in config("GET", "services/shop/routes").json()]
    client.gateway.create_auth_config({"id": "spare", "authenticationType": "NONE"})
    client.gateway.delete_auth_config("spare")
    with pytest.raises(APIError):
        client.gateway.get_auth_config("spare")


def test_paths_with_several_parameters_are_matched_in_linear_time(config, call):
    path = "/parts/{a}-{b}-{c}.json"
    route = {"httpMethod": "POST", "path": path, "mappedWorkflow": {"name": "greet"}}
    assert config("POST", "services/shop/routes", route).status_code == 200
    refused = config("POST", "services/shop/routes", {**route, "path": "/parts/{a}{b}"})
    assert (refused.status_code, "need text between them" in refused.text) == (400, True)

    assert call("POST", "/parts/1-2-3.json", {"name": "Ed"}).json()["text"] == "hello Ed"
    began = time.monotonic()
    assert call("POST", "/parts/" + "-" * 20_000, {}).status_code == 404
    assert time.monotonic() - began < 5
