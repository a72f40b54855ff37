"""Event handlers, their queues, and incoming webhooks."""

from surface.calls import Call, Send, call

HANDLER = {
    "name": "on_order",
    "event": "conductor:orders",
    "active": True,
    "condition": "true",
    "actions": [{"action": "start_workflow", "start_workflow": {"name": "order", "input": {"a": 1}}}],
}
WEBHOOK = {
    "name": "hook",
    "verifier": "HEADER_BASED",
    "sourcePlatform": "custom",
    "headers": {"x": "y"},
    "receiverWorkflowNamesToVersions": {"order": 1},
}
TAGS = {"team": "payments"}

CALLS: dict[str, Send | Call] = {
    "POST /api/event": lambda c: c.events.create_handler(HANDLER),
    "PUT /api/event": lambda c: c.events.update_handler(HANDLER),
    "GET /api/event": lambda c: c.events.list_handlers(),
    "GET /api/event/{event}": lambda c: c.events.list_handlers_for_event("conductor:orders", active_only=False),
    "GET /api/event/handler/{name}": lambda c: c.events.get_handler("on_order"),
    "GET /api/event/handler/": lambda c: c.events.probe(),
    "DELETE /api/event/{name}": lambda c: c.events.delete_handler("on_order"),
    "POST /api/event/handleIncomingEvent": lambda c: c.events.publish({"event": "conductor:orders", "id": "1"}),
    "GET /api/event/execution": lambda c: c.events.list_active_handlers(),
    "GET /api/event/execution/{eventHandlerName}": lambda c: c.events.list_executions("on_order", since=5),
    "GET /api/event/message": lambda c: c.events.list_handlers_with_stats(since=5),
    "GET /api/event/message/{event}": lambda c: c.events.list_messages("conductor:orders", since=5),
    "GET /api/event/{name}/tags": lambda c: c.events.list_tags("on_order"),
    "PUT /api/event/{name}/tags": lambda c: c.events.set_tags("on_order", TAGS),
    "DELETE /api/event/{name}/tags": lambda c: c.events.delete_tags("on_order", TAGS),
    # queues
    "GET /api/event/queue/config": lambda c: c.events.list_queue_configs(),
    "GET /api/event/queue/config/{queueType}/{queueName}": lambda c: c.events.get_queue_config("kafka", "orders"),
    "PUT /api/event/queue/config/{queueType}/{queueName}": lambda c: c.events.save_queue_config(
        "kafka", "orders", {"bootstrap": "x"}
    ),
    "DELETE /api/event/queue/config/{queueType}/{queueName}": lambda c: c.events.delete_queue_config("kafka", "orders"),
    "POST /api/event/queue/connectivity": lambda c: c.events.test_connectivity(
        {"sink": "kafka:orders", "input": {"a": 1}}
    ),
    # incoming webhooks
    "GET /api/metadata/webhook": lambda c: c.webhooks.list(),
    "POST /api/metadata/webhook": lambda c: c.webhooks.create(WEBHOOK),
    "GET /api/metadata/webhook/{id}": lambda c: c.webhooks.get("h"),
    "PUT /api/metadata/webhook/{id}": lambda c: c.webhooks.update("h", WEBHOOK),
    "DELETE /api/metadata/webhook/{id}": lambda c: c.webhooks.delete("h"),
    "GET /api/metadata/webhook/{id}/tags": lambda c: c.webhooks.list_tags("h"),
    "PUT /api/metadata/webhook/{id}/tags": lambda c: c.webhooks.set_tags("h", TAGS),
    "DELETE /api/metadata/webhook/{id}/tags": lambda c: c.webhooks.delete_tags("h", TAGS),
    "POST /webhook/{id}": call(
        lambda c: c.webhooks.send("h", {"order": 1}, headers={"x": "y"}, query={"a": "b"}),
        undocumented=["a"],  # whatever the other system sends
    ),
    "GET /webhook/{id}": call(lambda c: c.webhooks.verify("h", query={"a": "b"}), undocumented=["a"]),
}
