"""The service registry: methods, discovery, proto files and circuit breakers, through our own client."""

from datetime import timedelta

import pytest
from fake_services import FakeServices
from refusals import refused

BREAKER = {
    "failureRateThreshold": 50,
    "slidingWindowSize": 2,
    "minimumNumberOfCalls": 2,
    "permittedNumberOfCallsInHalfOpenState": 1,
    "slowCallRateThreshold": 0,
}


@pytest.fixture(scope="module")
def fake():
    one = FakeServices()
    yield one
    one.stop()


def test_services_keep_their_methods_and_authorization(client):
    services = client.services
    services.save(
        {"name": "shop", "type": "HTTP", "serviceURI": "http://shop/api", "authMetadata": {"key": "X", "value": "s"}}
    )
    found = services.get("shop")
    assert found.config.circuit_breaker_config.sliding_window_size == 100
    assert found.config.circuit_breaker_config.max_wait_duration_in_half_open_state == 1
    assert found.unknown_fields["authMetadata"] == {"key": "X", "value": "s"}
    (listed,) = [one for one in services.list() if one.name == "shop"]
    assert listed.unknown_fields["authMetadata"] == {"key": "X", "value": "***"}
    method = {"operationName": "op", "methodName": "/a", "methodType": "GET", "exampleInput": {"a": 1}}
    services.save_method("shop", method)
    services.save_method("shop", {**method, "methodType": "POST"})
    services.save_method("shop", {**method, "inputType": "A"})
    assert [(one.id, one.method_type, one.input_type) for one in services.get("shop").methods] == [
        (1, "GET", "A"),
        (2, "POST", None),
    ]
    services.save({"name": "shop", "type": "HTTP", "serviceURI": "http://shop/v2"})
    assert len(services.get("shop").methods) == 2
    services.delete_method("shop", "op", "/a", "GET")
    assert [one.method_type for one in services.get("shop").methods] == ["POST"]
    refused(404, services.delete_method, "shop", "op", "/a", "GET")
    services.delete("shop")
    services.delete("shop")
    refused(404, services.save_method, "shop", method)


def test_bad_services_are_refused_and_nothing_is_stored(client):
    services = client.services
    config = {"circuitBreakerConfig": {"slidingWindowSize": 0}}
    refused(400, services.save, {"name": "bad", "config": config})
    refused(400, services.save, {"name": "bad", "config": {"circuitBreakerConfig": {"failureRateThreshold": 101}}})
    refused(400, services.save, {"name": "bad", "methods": [{"methodType": "GET"}]})
    assert "bad" not in [one.name for one in services.list()]


def test_methods_are_discovered(client, fake):
    services = client.services
    services.save({"name": "orders", "type": "HTTP", "serviceURI": f"{fake.url}/openapi.json"})
    found = services.discover("orders")
    assert {(one.operation_name, one.method_name, one.method_type) for one in found} == {
        ("getOrder", "/orders/{id}", "GET"),
        ("deleteOrder", "/orders/{id}", "DELETE"),
        ("POST /orders", "/orders", "POST"),
    }
    assert services.get("orders").methods == []
    services.discover("orders", create=True)
    services.discover("orders", create=True)
    assert len(services.get("orders").methods) == 3
    assert client.schemas.get("Order").data["properties"] == {"id": {"type": "integer"}}
    services.save({"name": "tools", "type": "MCP_REMOTE", "serviceURI": f"{fake.url}/mcp"})
    assert [one.method_name for one in services.discover("tools")] == ["weather"]
    services.save({"name": "away", "type": "HTTP", "serviceURI": f"{fake.url}/nothing"})
    assert "404" in refused(400, services.discover, "away")
    services.save({"name": "rpc", "type": "gRPC", "serviceURI": "localhost:1"})
    refused(501, services.discover, "rpc")
    refused(404, services.discover, "unknown")


def test_proto_files_add_methods(client):
    services = client.services
    services.save({"name": "grpc", "type": "gRPC", "serviceURI": "localhost:50051"})
    method = b"\x12\x17\x0a\x03Get\x12\x07.shop.A\x1a\x07.shop.B"
    method = method[:1] + bytes([len(method) - 2]) + method[2:]
    service = b"\x0a\x06Orders" + method
    file = b"\x12\x04shop\x32" + bytes([len(service)]) + service
    content = b"\x0a" + bytes([len(file)]) + file
    services.save_proto("grpc", "compiled.bin", content)
    assert services.get_proto("grpc", "compiled.bin") == content
    assert [(one.operation_name, one.method_name, one.method_type) for one in services.get("grpc").methods] == [
        ("shop.Orders", "Get", "UNARY")
    ]
    assert [one.filename for one in services.list_protos("grpc")] == ["compiled.bin"]
    assert [one.method_name for one in services.discover("grpc")] == ["Get"]
    services.delete_proto("grpc", "compiled.bin")
    refused(404, services.get_proto, "grpc", "compiled.bin")
    refused(404, services.save_proto, "unknown", "compiled.bin", content)
    refused(400, services.save_proto, "grpc", "other.bin", b"\x08\x96\x01")
    assert services.list_protos("grpc") == []


def test_a_circuit_breaker_stops_calls_until_the_service_recovers(client, fake, server):
    services = client.services
    uri = f"{fake.url}/openapi.json"
    services.save(
        {
            "name": "fragile",
            "type": "HTTP",
            "serviceURI": uri,
            "servers": [{"url": f"{fake.url}/v1", "type": "USER_DEFINED"}],
            "config": {"circuitBreakerConfig": BREAKER},
        }
    )

    def call():
        request = {"uri": "/orders/7", "method": "GET", "service": "fragile"}
        task = {"name": "order", "taskReferenceName": "order", "type": "HTTP"}
        task["inputParameters"] = {"http_request": request}
        started = client.workflows.start({"name": "through_the_registry", "version": 1, "tasks": [task]})
        return client.workflows.wait(started, timeout=30).tasks[0]

    assert services.get_circuit_breaker("fragile").current_state == "NOT_FOUND"
    assert "No active circuit breaker" in refused(404, services.open_circuit_breaker, "fragile")
    server.clock.freeze()
    try:
        assert call().output_data["response"]["body"] == {"order": "7"}
        assert services.get_circuit_breaker("fragile").current_state == "CLOSED"
        fake.status = 500
        before = fake.requests["/v1/orders/7"]
        assert call().status == "FAILED"
        opened = services.get_circuit_breaker("fragile")
        assert (opened.previous_state, opened.current_state) == ("CLOSED", "OPEN")
        assert opened.transition_timestamp == server.clock.now_ms()
        stopped = call()
        assert stopped.status == "FAILED"
        assert "'fragile' is OPEN" in stopped.reason_for_incompletion
        assert fake.requests["/v1/orders/7"] == before + 1
        fake.status = 200
        server.clock.advance(timedelta(seconds=1))
        assert services.get_circuit_breaker("fragile").current_state == "HALF_OPEN"
        assert call().status == "COMPLETED"
        assert services.get_circuit_breaker("fragile").current_state == "CLOSED"
        assert services.open_circuit_breaker("fragile").current_state == "OPEN"
        assert services.close_circuit_breaker("fragile").previous_state == "OPEN"
    finally:
        server.clock.thaw()
        fake.status = 200
