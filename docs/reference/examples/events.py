"""Register an event handler that starts a workflow for each event of a queue."""

from conductor import ConductorClient

with ConductorClient() as client:
    client.events.create_handler(
        {
            "name": "example_on_order",
            "event": "conductor:example_orders:placed",
            "actions": [
                {
                    "action": "start_workflow",
                    "start_workflow": {"name": "example_payment", "version": 1},
                }
            ],
            "active": True,
        }
    )
    found = client.events.list_handlers_for_event("conductor:example_orders:placed")
    print([handler.name for handler in found])
    client.events.delete_handler("example_on_order")
