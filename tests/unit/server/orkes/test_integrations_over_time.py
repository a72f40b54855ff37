"""What the services of integrations and events keep, on a frozen clock."""

from datetime import timedelta

import pytest

from conductor.server.engine.context import RefusedError
from conductor.server.orkes.event_handlers import EventLog


def test_tokens_are_counted_by_day_and_looked_up_by_days(bench):
    integrations = bench.orkes.integrations
    integrations.save_provider("ai", {"type": "openai"}, "me")
    integrations.save_api("ai", "small", {}, "me")
    bench.clock.advance(timedelta(days=1) - timedelta(milliseconds=bench.clock.now_ms() % 86_400_000))  # midnight, UTC
    for hours in (1, 1, 24):
        bench.clock.advance(timedelta(hours=hours))
        integrations.count_tokens("ai", "small", 10, 5)
    integrations.count_tokens("ai", "large", 1, 0)
    used = integrations.usage("ai", "small")
    assert [one["totalTokens"] for one in used] == [30, 15]
    assert used[1]["periodStart"] - used[0]["periodStart"] == 86_400_000
    assert integrations.tokens_by_api("ai") == {"small": 45, "large": 1}
    assert [one["totalTokens"] for one in integrations.usage("ai", "*", 1)] == [1, 15]
    bench.clock.advance(timedelta(days=40))
    assert integrations.usage("ai", "*", 31) == []


def test_the_log_of_events_keeps_the_newest_entries(bench):
    log = EventLog(bench.kernel, "log")
    with bench.kernel.change():
        for number in range(1005):
            log.add({"number": number, "_created": number})
    assert [one["number"] for one in log.entries(0)] == list(range(1004, 4, -1))
    assert [one["number"] for one in log.entries(1003)] == [1004, 1003]
    again = EventLog(bench.kernel, "log")
    again.add({"number": "next", "_created": 2000})
    assert again.entries(0)[0] == {"number": "next"}


def test_a_failed_change_of_several_prompts_or_integrations_stores_none(bench):
    orkes = bench.orkes
    with pytest.raises(RefusedError):
        orkes.prompts.save_all([{"name": "a", "template": "t", "description": "d"}, {"name": "b"}], "me")
    with pytest.raises(RefusedError):
        orkes.integrations.save_providers([{"name": "a", "apis": [{"api": "x"}, {"api": ""}]}], "me")
    assert orkes.prompts.all() == orkes.integrations.providers(None, active_only=False) == []


def test_a_circuit_breaker_is_gone_with_its_service(bench):
    registry = bench.orkes.registry
    registry.save({"name": "s", "type": "HTTP", "serviceURI": "http://host/docs/api.json"})
    called = []

    def exchange(request):
        called.append(request)
        return {"statusCode": 200}, ""

    for uri in ("/orders", "https://other/x"):
        registry.call({"uri": uri, "method": "GET", "service": "s", "headers": {"A": "1"}}, exchange)
    registry.call({"uri": "/orders", "method": "GET", "service": "unknown"}, exchange)
    assert [one["uri"] for one in called] == ["http://host/orders", "https://other/x", "/orders"]
    assert registry.breaker_status("s")["currentState"] == "CLOSED"
    registry.move_breaker("s", is_open=True)
    found, fault = registry.call({"uri": "/orders", "method": "GET", "service": "s"}, exchange)
    assert (found, "is OPEN" in fault, len(called)) == (None, True, 3)
    bench.clock.advance(timedelta(seconds=1))
    registry.call({"uri": "/orders", "method": "GET", "service": "s"}, exchange)
    bench.clock.advance(timedelta(seconds=1))
    assert registry.breaker_status("s")["currentState"] == "CLOSED"
    registry.remove("s")
    assert registry.breaker_status("s")["currentState"] == "NOT_FOUND"
    registry.save({"name": "s", "circuitBreakerEnabled": False})
    registry.call({"uri": "/orders", "method": "GET", "service": "s"}, exchange)
    assert registry.breaker_status("s")["currentState"] == "NOT_FOUND"
